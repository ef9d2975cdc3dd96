/** The graph that learns from advantages, against the supervised one, against finite differences, and against itself in parts. */
import { describe, expect, it } from 'vitest';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import type { Graph } from '#models/graph/graph.ts';
import { parseConfig, type QwenVlConfig } from '#models/networks/config.ts';
import type { LoraSpec } from '#models/networks/lora.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { visionGraph } from '#models/networks/qwenVl.ts';
import type { Grid } from '#models/networks/rope.ts';
import { createSession, float32, floats, type Tensor } from '#models/runtime/session.ts';
import { evaluate } from '#tests/support/interpreter.ts';
import { supervisedGraph, type ParameterSpec } from '#training/graphs.ts';
import { initialWeights } from '#training/initialize.ts';
import { stepWeights, type PolicySequence } from '#training/objectives/policy.ts';
import { switchesOf } from '#training/objectives/presets.ts';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';
import { packExamples } from '#training/pack.ts';
import { layoutOf, policyGraph, policyScoreGraph, type PolicyBucket, type PolicyOptions, type ScoreOptions } from '#training/policyGraph.ts';
import { packObjective, packPrompts, type AskedPrompt } from '#training/policyPack.ts';

const config: QwenVlConfig = parseConfig({
  model_type: 'qwen2_5_vl', hidden_size: 16, intermediate_size: 20, num_hidden_layers: 2, num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 40,
  max_position_embeddings: 512, rms_norm_eps: 1e-6, rope_theta: 10000, rope_scaling: { type: 'mrope', mrope_section: [1, 1, 2] }, tie_word_embeddings: true,
  vision_start_token_id: 30, image_token_id: 31, vision_end_token_id: 32, video_token_id: 33,
  vision_config: { depth: 1, hidden_size: 8, num_heads: 2, intermediate_size: 12, out_hidden_size: 16, patch_size: 14, spatial_merge_size: 2, temporal_patch_size: 2, window_size: 56, fullatt_block_indexes: [0] },
});
const grid: Grid = [1, 4, 4];
const random = new Random(9);
const pixels = (): Float32Array => Float32Array.from({ length: 16 * 588 }, () => random.normal());
const prompts: readonly AskedPrompt[] = [
  { id: 'a', prompt: [1, 30, 31, 31, 31, 31, 32, 5, 6, 7], image: pixels(), completions: [[8, 9, 10, 2], [11, 2], [8, 12, 2]] },
  { id: 'b', prompt: [1, 30, 31, 31, 31, 31, 32, 5, 13], image: pixels(), completions: [[14, 15, 2], [2], [16, 17, 18, 19, 2]] },
];
const advantages = [1.2, -0.7, -0.5, 0.3, 0.9, -1.2];
const bucket: PolicyBucket = { batch: 2, grid, tokens: 24, targets: 20, sequences: 6 };
const only = (which: number): PolicyBucket => ({ ...bucket, batch: 1, targets: prompts[which]!.completions.flat().length, sequences: 3 });

const specs = policyScoreGraph(config, bucket).parameters;
const weights = initialWeights(config, specs, 4);
for (const [name, values] of weights) if (name.endsWith('.bias')) weights.set(name, values.map(() => 0.3 * random.normal()));

const parameterFeeds = (parameters: readonly ParameterSpec[], from: ReadonlyMap<string, Float32Array> = weights): Record<string, Tensor> =>
  Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, from.get(name)!)]));
type Outputs = Readonly<Record<string, Tensor>>;
async function run(graph: Graph, feeds: Readonly<Record<string, unknown>>): Promise<Outputs> {
  const session = await createSession(encodeModel(graph), { threads: 1 });
  try {
    return await session.run(feeds as Record<string, Tensor>);
  } finally {
    await session.release();
  }
}
const score = async (asked: readonly AskedPrompt[], size: PolicyBucket, options: ScoreOptions = {}): Promise<Outputs> => {
  const { graph, parameters } = policyScoreGraph(config, size, options);
  return run(graph, { ...packPrompts(config, size, asked, options.vision), ...parameterFeeds(parameters) });
};

/** Each completion's part of an output over targets. */
function byCompletion(values: ArrayLike<number>, asked: readonly AskedPrompt[] = prompts): number[][] {
  let at = 0;
  return asked.flatMap(({ completions }) => completions.map(({ length }) => Array.from({ length }, () => values[at++]!)));
}
const flat = prompts.flatMap(({ completions }) => completions);
const sequences = (changes: (s: number) => Partial<PolicySequence> = () => ({})): PolicySequence[] =>
  flat.map((tokens, s) => ({ logprobs: tokens.map(() => -1), mask: tokens.map(() => 1), advantage: advantages[s]!, ...changes(s) }));

function feedsOf(asked: readonly AskedPrompt[], size: PolicyBucket, microBatches: readonly (readonly PolicySequence[])[], at: number, options: PolicyOptions): Record<string, unknown> {
  const step = stepWeights(microBatches, options.switches, { maxNewTokens: 8 });
  return { ...packPrompts(config, size, asked, options.vision), ...packObjective(size, microBatches[at]!, step, at, options) };
}
async function learn(asked: readonly AskedPrompt[], size: PolicyBucket, microBatches: readonly (readonly PolicySequence[])[], at: number, options: PolicyOptions): Promise<Outputs> {
  const { graph, parameters } = policyGraph(config, size, options);
  return run(graph, { ...feedsOf(asked, size, microBatches, at, options), ...parameterFeeds(parameters) });
}
const gradientNames = (outputs: Outputs): string[] => Object.keys(outputs).filter((name) => name.startsWith('gradient.'));
/** |a − b| / |b| over all gradients together. */
function distance(a: (name: string) => ArrayLike<number>, b: (name: string) => ArrayLike<number>, names: readonly string[]): number {
  let [difference, size] = [0, 0];
  for (const name of names) {
    const [x, y] = [a(name), b(name)];
    for (let i = 0; i < y.length; i++) {
      difference += (x[i]! - y[i]!) ** 2;
      size += y[i]! ** 2;
    }
  }
  return Math.sqrt(difference / size);
}

describe('a completion behind a shared prompt', () => {
  it('is scored as if it stood alone', async () => {
    const together = byCompletion(floats(await score(prompts, bucket), 'logprobs'));
    let s = 0;
    for (const prompt of prompts) for (const completion of prompt.completions) {
      const alone = { ...prompt, completions: [completion] };
      const size = { batch: 1, grid, tokens: 20, targets: completion.length, sequences: 1 };
      const logprobs = floats(await score([alone], size), 'logprobs');
      together[s++]!.forEach((logprob, t) => expect(logprob).toBeCloseTo(logprobs[t]!, 5));
    }
  });

  it('with ρ = 1 learns the supervised gradient of each completion, weighted by its advantage', async () => {
    const policy = await learn(prompts, bucket, [sequences()], 0, { switches: switchesOf('grpo/trl') });
    const sums = new Map<string, Float64Array>();
    let s = 0;
    for (const { id, prompt, image, completions } of prompts) for (const completion of completions) {
      const size = { batch: 1, grid, tokens: 20, targets: completion.length };
      const { graph, parameters } = supervisedGraph(config, size);
      const example = { id, patches: image, grid, prefix: prompt, branches: [{ ids: completion, firstTarget: 0, firstAnswer: 0 }], cells: [] };
      const outputs = await run(graph, { ...packExamples(config, size, [example], { answerWeight: 1 }).feeds, ...parameterFeeds(parameters) });
      for (const name of gradientNames(outputs)) {
        const sum = sums.get(name) ?? new Float64Array(floats(outputs, name).length);
        floats(outputs, name).forEach((g, i) => (sum[i]! += (advantages[s]! * g) / 6));
        sums.set(name, sum);
      }
      s++;
    }
    expect(gradientNames(policy).sort()).toEqual([...sums.keys()].sort());
    expect(distance((name) => floats(policy, name), (name) => sums.get(name)!, [...sums.keys()])).toBeLessThan(1e-5);
  });
});

const narrow: LoraSpec = { rank: 2, alpha: 4, adapts: (module) => module.startsWith('model.') };

describe('a step in parts', () => {
  it('adds up: the gradients of its micro-batches are that of the whole', async () => {
    const all = sequences();
    for (const preset of ['dapo', 'gspo'] as const) {
      const options = { switches: switchesOf(preset, { beta: 0, old: 'current' }) };
      const whole = await learn(prompts, bucket, [all], 0, options);
      const parts = [all.slice(0, 3), all.slice(3)];
      const [a, b] = [await learn([prompts[0]!], only(0), parts, 0, options), await learn([prompts[1]!], only(1), parts, 1, options)];
      expect(floats(a, 'loss')[0]! + floats(b, 'loss')[0]!).toBeCloseTo(floats(whole, 'loss')[0]!, 5);
      expect(distance((name) => floats(a, name).map((x, i) => x + floats(b, name)[i]!), (name) => floats(whole, name), gradientNames(whole))).toBeLessThan(1e-5);
    }
  });

  it('a bucket with room to spare changes nothing', async () => {
    const options = { switches: switchesOf('grpo', { old: 'rescored', beta: 0.1 }) };
    const given = sequences((s) => ({ old: flat[s]!.map(() => -3), reference: flat[s]!.map(() => -3.2) }));
    const tight = await learn(prompts, bucket, [given], 0, options);
    const roomy = await learn(prompts, { batch: 3, grid, tokens: 40, targets: 31, sequences: 9 }, [given], 0, options);
    expect(floats(roomy, 'loss')[0]).toBeCloseTo(floats(tight, 'loss')[0]!, 5);
    expect(distance((name) => floats(roomy, name), (name) => floats(tight, name), gradientNames(tight))).toBeLessThan(1e-5);
  });

  it('rows of a frozen tower, computed once, serve as well as its patches', async () => {
    const isTrained = (name: string): boolean => name.startsWith('model.');
    const switches = switchesOf('dapo', { old: 'current' });
    const patched = await learn(prompts, bucket, [sequences()], 0, { switches, isTrained });
    const known: ParameterSpec[] = [];
    const graph = visionGraph(config, (g) => denseParameters((name, shape) => {
      known.push({ name, shape });
      return g.input(`parameter.${name}`, shape);
    }), [grid]);
    const seen = await Promise.all(prompts.map(async ({ image }) => {
      // The tower over two equal frames: channels of each patch twice.
      const twice = new Float32Array(16 * 1176);
      for (let p = 0; p < 16; p++) for (let c = 0; c < 3; c++) for (let f = 0; f < 2; f++) twice.set(image.subarray(p * 588 + c * 196, p * 588 + (c + 1) * 196), p * 1176 + (c * 2 + f) * 196);
      return floats(await run(graph, { patches: float32([16, 1176], twice), ...parameterFeeds(known) }), 'vision');
    }));
    const rows = await learn(prompts.map((prompt, i) => ({ ...prompt, image: seen[i]! })), bucket, [sequences()], 0, { switches, isTrained, vision: 'rows' });
    expect(gradientNames(rows)).toEqual(gradientNames(patched));
    expect(distance((name) => floats(rows, name), (name) => floats(patched, name), gradientNames(patched))).toBeLessThan(1e-4);
  });
});

describe('completions at places of their own', () => {
  const apart: PolicyBucket = { ...bucket, tokens: 12 + 3 * 6, branches: { prefix: 12, count: 3, length: 6 } };
  const options = { switches: switchesOf('grpo', { old: 'rescored', beta: 0.1 }) };
  const given = sequences((s) => ({ old: flat[s]!.map(() => -3), reference: flat[s]!.map(() => -3.2) }));

  it.each([['fused', true], ['portable', false]] as const)('learn what masked ones learn, by %s operators', async (_, fused) => {
    const [masked, own] = [await learn(prompts, bucket, [given], 0, { ...options, fused }), await learn(prompts, apart, [given], 0, { ...options, fused })];
    const [expected, found] = [floats(masked, 'logprobs'), floats(own, 'logprobs')];
    // Beyond the targets is padding.
    for (let t = 0; t < flat.flat().length; t++) expect(found[t]).toBeCloseTo(expected[t]!, 5);
    expect(floats(own, 'loss')[0]).toBeCloseTo(floats(masked, 'loss')[0]!, 5);
    expect(gradientNames(own)).toEqual(gradientNames(masked));
    expect(distance((name) => floats(own, name), (name) => floats(masked, name), gradientNames(masked))).toBeLessThan(1e-5);
  });

  it.each([[2, 2], [4, 2], [4, 1]])('with %i heads over %i of keys and values', async (heads, kvHeads) => {
    const wider: QwenVlConfig = { ...config, heads, kvHeads };
    const outputs: Outputs[] = [];
    for (const size of [bucket, apart]) {
      const { graph, parameters } = policyGraph(wider, size, options);
      const step = stepWeights([given], options.switches, { maxNewTokens: 8 });
      const own = initialWeights(wider, parameters, 6);
      outputs.push(await run(graph, { ...packPrompts(wider, size, prompts), ...packObjective(size, given, step, 0, options), ...parameterFeeds(parameters, own) }));
    }
    const [masked, own] = outputs as [Outputs, Outputs];
    expect(distance((name) => floats(own, name), (name) => floats(masked, name), gradientNames(masked))).toBeLessThan(1e-5);
  });

  it('are chosen where they cost less: long ones of about one length, not one among short ones', () => {
    const asked = (lengths: readonly number[]) => [{ prompt: new Array<number>(100).fill(1), completions: lengths.map((length) => new Array<number>(length).fill(1)) }];
    expect(layoutOf(config, asked(new Array<number>(8).fill(81)))).toEqual({ tokens: 112 + 8 * 80, branches: { prefix: 112, count: 8, length: 80 } });
    expect(layoutOf(config, asked([400, 5, 5, 5, 5, 5, 5, 5]))).toEqual({ tokens: 640 });
    expect(layoutOf(config, asked([9]))).toHaveProperty('tokens');
  });

  it('are refused where they are too many or too long for the bucket', () => {
    for (const branches of [{ prefix: 9, count: 3, length: 6 }, { prefix: 12, count: 2, length: 6 }, { prefix: 12, count: 3, length: 3 }]) {
      expect(() => packPrompts(config, { ...apart, branches }, prompts)).toThrow('branches of up to');
    }
  });
});

describe('layers that are computed again', () => {
  it.each([['fused', true], ['portable', false]] as const)('have the same loss and gradients, of %s operators', async (_, fused) => {
    const options = { switches: switchesOf('dapo', { old: 'current' }), fused };
    const [kept, again] = [await learn(prompts, bucket, [sequences()], 0, options), await learn(prompts, bucket, [sequences()], 0, { ...options, recomputes: true })];
    expect(floats(again, 'loss')).toEqual(floats(kept, 'loss'));
    expect(gradientNames(again)).toEqual(gradientNames(kept));
    expect(distance((name) => floats(again, name), (name) => floats(kept, name), gradientNames(kept))).toBeLessThan(1e-6);
  });
});

describe('what is trained', () => {
  const trained = (options: Omit<PolicyOptions, 'switches'>): string[] => policyGraph(config, bucket, { ...options, switches: switchesOf('grpo') }).trained.map(({ name }) => name);

  it('is all, the connector alone, all but the tower, or an adapter', () => {
    expect(trained({}).sort()).toEqual(specs.map(({ name }) => name).sort());
    const connector = trained({ isTrained: (name) => name.startsWith('visual.merger.') });
    expect(connector.length).toBeGreaterThan(0);
    expect(connector.every((name) => name.startsWith('visual.merger.'))).toBe(true);
    expect(trained({ isTrained: (name) => !name.startsWith('visual.') }).some((name) => name.startsWith('visual.'))).toBe(false);
    const adapter = trained({ lora: narrow, isTrained: (name) => name.includes('.lora_') });
    expect(adapter.length).toBe(config.layers * 7 * 2);
  });

  it('an adapter that has not learnt yet scores as its base: the reference is the graph without it', async () => {
    const { graph, parameters } = policyScoreGraph(config, bucket, { lora: narrow });
    const begun = new Map([...initialWeights(config, parameters, 4), ...weights]);
    const adapted = await run(graph, { ...packPrompts(config, bucket, prompts), ...parameterFeeds(parameters, begun) });
    const base = await score(prompts, bucket);
    floats(base, 'logprobs').forEach((x, i) => expect(floats(adapted, 'logprobs')[i]).toBeCloseTo(x, 6));
  });

  it('scores before and during the update are the same numbers, so that the first ratio is one', async () => {
    const before = await score(prompts, bucket, { temperature: 0.7 });
    const during = await learn(prompts, bucket, [sequences()], 0, { switches: switchesOf('grpo', { old: 'current', beta: 0 }), temperature: 0.7 });
    expect(Math.max(...floats(before, 'logprobs').map((x, i) => Math.abs(x - floats(during, 'logprobs')[i]!)))).toBeLessThan(1e-5);
    expect(Math.max(...floats(before, 'entropy').map((x, i) => Math.abs(x - floats(during, 'entropy')[i]!)))).toBeLessThan(1e-5);
  });
});

describe('the gradient in float64', () => {
  const everything: Partial<ObjectiveSwitches> = { old: 'rescored', beta: 0.2, entropyBonus: 0.05 };
  it.each<readonly [string, ObjectiveSwitches, number]>([
    ['GRPO with KL and entropy bonus', switchesOf('grpo', everything), 0.7],
    ['GSPO with KL', switchesOf('gspo', { ...everything, clipLow: 0.5, clipHigh: 0.5 }), 1.3],
  ])('of %s is the slope along random directions through all weights', (_, switches, temperature) => {
    const size = only(0);
    const asked = [prompts[0]!];
    const options: PolicyOptions = { switches, temperature, isTrained: (name) => name !== 'visual.patch_embed.proj.weight' };
    const { graph, parameters, trained } = policyGraph(config, size, options);
    const scoring = policyScoreGraph(config, size, { temperature });
    const inputs = Object.fromEntries(Object.entries(packPrompts(config, size, asked)).map(([name, { data }]) => [name, data]));
    const exact = (from: ReadonlyMap<string, ArrayLike<number>>, specsOf: readonly ParameterSpec[]): Record<string, ArrayLike<number>> =>
      Object.fromEntries(specsOf.map(({ name }) => [`parameter.${name}`, from.get(name)!]));
    const now = byCompletion(evaluate(scoring.graph, { ...inputs, ...exact(weights, scoring.parameters) })['logprobs']!.data, asked);
    const local = new Random(3);
    const given = now.map((logprobs, s) => ({
      logprobs, old: logprobs.map((x) => x - 0.1 * local.normal()), reference: logprobs.map((x) => x - 0.3 * local.normal()), mask: logprobs.map(() => 1), advantage: advantages[s]!,
    }));
    const feeds = Object.fromEntries(Object.entries(feedsOf(asked, size, [given], 0, options) as Record<string, Tensor>).map(([name, { data }]) => [name, data as Float32Array]));
    const analytic = evaluate(graph, { ...feeds, ...exact(weights, parameters) });
    const h = 1e-5;
    for (const direction of [1, 2]) {
      const along = new Map(trained.map(({ name, shape }) => {
        const from = Random.named(direction, name);
        return [name, Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => from.normal())] as const;
      }));
      const moved = (by: number): number => {
        const there = new Map<string, ArrayLike<number>>([...weights].map(([name, values]) => [name, along.has(name) ? Float64Array.from(values, (x, i) => x + by * along.get(name)![i]!) : values]));
        return evaluate(graph, { ...feeds, ...exact(there, parameters) })['loss']!.data[0]!;
      };
      const slope = (moved(h) - moved(-h)) / (2 * h);
      const product = trained.reduce((sum, { name }) => sum + analytic[`gradient.${name}`]!.data.reduce((total, g, i) => total + g * along.get(name)![i]!, 0), 0);
      expect(Math.abs(product - slope) / Math.abs(slope)).toBeLessThan(1e-5);
    }
  });
});

describe('packing', () => {
  it('refuses what does not fit, and an image that is not the bucket\'s', () => {
    expect(() => packPrompts(config, { ...bucket, tokens: 14 }, prompts)).toThrow('takes 16 tokens of 14');
    expect(() => packPrompts(config, { ...bucket, targets: 5 }, prompts)).toThrow('18 targets');
    expect(() => packPrompts(config, { ...bucket, sequences: 5 }, prompts)).toThrow('6 completions');
    expect(() => packPrompts(config, bucket, [{ ...prompts[0]!, prompt: [1, 30, 31, 32] }])).toThrow('1 image tokens');
    expect(() => packPrompts(config, bucket, [prompts[0]!, { ...prompts[1]!, image: new Float32Array(5) }])).toThrow('has 5 numbers');
  });

  it('says which log-probabilities an objective lacks', () => {
    const options = { switches: switchesOf('grpo') };
    expect(() => packObjective(bucket, sequences(), stepWeights([sequences()], options.switches, { maxNewTokens: 8 }), 0, options)).toThrow('of the reference');
  });
});
