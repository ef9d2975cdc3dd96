/** Loss and gradients of whole models against PyTorch (tests/fixtures/gradients/make.py). */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '#models/graph/encode.ts';
import { causalMask } from '#models/networks/attention.ts';
import { parseConfig } from '#models/networks/config.ts';
import { rowSources } from '#models/networks/qwenVl.ts';
import { decoderRotary, mropePositions, type Grid } from '#models/networks/rope.ts';
import { createSession, float32, floats, int64, type Tensor } from '#models/runtime/session.ts';
import { deterministicTensor, uniforms } from '#tests/support/deterministic.ts';
import { supervisedGraph } from '#training/graphs.ts';

interface Gradient {
  readonly norm: number;
  readonly products: readonly number[];
  readonly elements: readonly number[];
}
interface Fixture {
  readonly ids: readonly number[][];
  readonly grid: Grid;
  readonly targets: readonly (readonly [row: number, token: number, weight: number])[];
  readonly families: Readonly<Record<Family, { readonly loss: number; readonly gradients: Readonly<Record<string, Gradient>> }>>;
}
type Family = 'qwen2_vl' | 'qwen2_5_vl';

const fixture = JSON.parse(readFileSync(new URL('../fixtures/gradients/gradients.json', import.meta.url), 'utf8')) as Fixture;

const decoder = {
  hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 200,
  tie_word_embeddings: true, rope_theta: 1e6, rms_norm_eps: 1e-6, rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] },
  vision_start_token_id: 190, image_token_id: 191, video_token_id: 192, vision_end_token_id: 193, max_position_embeddings: 4096,
};
const tower = { depth: 4, num_heads: 2, patch_size: 14, spatial_merge_size: 2, temporal_patch_size: 2, in_channels: 3 };
const configs: Readonly<Record<Family, unknown>> = {
  qwen2_vl: { model_type: 'qwen2_vl', ...decoder, vision_config: { ...tower, embed_dim: 32, hidden_size: 64, mlp_ratio: 2, hidden_act: 'quick_gelu' } },
  qwen2_5_vl: {
    model_type: 'qwen2_5_vl', ...decoder,
    vision_config: { ...tower, hidden_size: 32, out_hidden_size: 64, intermediate_size: 48, window_size: 56, fullatt_block_indexes: [1, 3], hidden_act: 'silu', tokens_per_second: 2 },
  },
};

/** One step's outputs for a tiny model on the fixture's batch. */
async function step(family: Family, fused: boolean): Promise<Readonly<Record<string, Tensor>>> {
  const config = parseConfig(configs[family]);
  const { ids, grid, targets } = fixture;
  const [batch, tokens] = [ids.length, ids[0]!.length];
  const { graph, parameters } = supervisedGraph(config, { batch, grid, tokens, targets: targets.length }, { fused });
  const rotary = ids.map((sequence) => decoderRotary(mropePositions(sequence, [grid], config), config));
  const table = (part: 'cos' | 'sin'): Tensor => float32([batch * tokens, 1, config.headWidth], Float32Array.from(rotary.flatMap((one) => [...one[part]])));
  const mask = causalMask(tokens);
  const patches = batch * grid[1] * grid[2];
  const feeds: Record<string, Tensor> = {
    patches: float32([patches, 588], Float32Array.from(uniforms('pixel_values', patches * 588), (u) => (u - 0.5) * 4)),
    ids: int64([batch * tokens], ids.flat()),
    source: { type: 'int64', dims: [batch * tokens], data: rowSources(ids.flat(), config) },
    cos: table('cos'), sin: table('sin'),
    mask: float32([batch, 1, 1, tokens, tokens], Float32Array.from(ids.flatMap(() => [...mask]))),
    rows: int64([targets.length], targets.map(([row]) => row)),
    targets: int64([targets.length], targets.map(([, token]) => token)),
    weights: float32([targets.length], Float32Array.from(targets, ([, , weight]) => weight)),
  };
  for (const { name, shape } of parameters) feeds[`parameter.${name}`] = float32(shape, deterministicTensor(name, shape));
  const session = await createSession(encodeModel(graph), { threads: 1 });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** An estimate of |actual − wanted| / |wanted|: a direction of uniform numbers sees a twelfth of the squared difference. */
function relativeError(name: string, actual: Float32Array, { norm, products, elements }: Gradient): number {
  const squared = products.map((wanted, i) => {
    const direction = uniforms(`${name}#${i}`, actual.length);
    return (actual.reduce((sum, x, j) => sum + x * (direction[j]! - 0.5), 0) - wanted) ** 2;
  });
  const spread = Math.sqrt((12 * squared.reduce((a, b) => a + b, 0)) / squared.length);
  const largest = Math.max(...elements.map((wanted, k) => Math.abs(actual[Math.round((k * (actual.length - 1)) / 3)]! - wanted)));
  return Math.max(spread, largest) / norm;
}

describe.each(['qwen2_vl', 'qwen2_5_vl'] as const)('the training graph of a tiny %s', (family) => {
  it.each([['fused', true], ['portable', false]] as const)('of %s operators has the loss and the gradients that PyTorch computes', async (_, fused) => {
    const outputs = await step(family, fused);
    const wanted = fixture.families[family];
    expect(Math.abs(floats(outputs, 'loss')[0]! - wanted.loss) / wanted.loss).toBeLessThan(1e-5);
    expect(Object.keys(outputs).filter((name) => name.startsWith('gradient.')).sort()).toEqual(Object.keys(wanted.gradients).map((name) => `gradient.${name}`).sort());
    const errors = Object.entries(wanted.gradients).map(([name, gradient]) => [name, relativeError(name, floats(outputs, `gradient.${name}`), gradient)] as const);
    expect(errors.filter(([, error]) => !(error < 1e-4))).toEqual([]);
  });
});

describe('training graphs', () => {
  const bucket = { batch: 1, grid: fixture.grid, tokens: 8, targets: 2 };
  const nodes = (isTrained: (name: string) => boolean): number => supervisedGraph(parseConfig(configs.qwen2_5_vl), bucket, { isTrained }).graph.nodes.length;

  it('spend nothing on the backward pass of what is frozen', () => {
    const [all, connector, decoderOnly] = [nodes(() => true), nodes((name) => name.startsWith('visual.merger')), nodes((name) => name.startsWith('model.'))];
    expect(decoderOnly).toBeLessThan(all);
    expect(connector).toBeLessThan(all);
  });

  it('have a gradient for each trained weight and for no other', () => {
    const { graph, trained, parameters } = supervisedGraph(parseConfig(configs.qwen2_5_vl), bucket, { isTrained: (name) => name.startsWith('visual.merger') });
    const names = graph.outputs.map(({ name }) => name).filter((name) => name.startsWith('gradient.'));
    expect(names).toEqual(trained.map(({ name }) => `gradient.${name}`));
    expect(trained.map(({ name }) => name).sort()).toEqual(parameters.map(({ name }) => name).filter((name) => name.startsWith('visual.merger')).sort());
  });
});
