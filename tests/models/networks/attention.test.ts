import { describe, expect, it } from 'vitest';
import { Random } from '#models/base/random.ts';
import { Graph } from '#models/graph/graph.ts';
import { batchAttention, causalMask, slotAttention } from '#models/networks/attention.ts';
import { parseConfig, type QwenVlConfig } from '#models/networks/config.ts';
import { decoderRotary } from '#models/networks/rope.ts';
import { evaluate } from '#tests/support/interpreter.ts';

const configOf = (heads: number, kvHeads: number): QwenVlConfig => parseConfig({
  model_type: 'qwen2_5_vl', hidden_size: 4 * heads, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: heads, num_key_value_heads: kvHeads, vocab_size: 50,
  rope_theta: 100, rope_scaling: { type: 'mrope', mrope_section: [1, 1, 0] },
  vision_config: { depth: 1, hidden_size: 8, num_heads: 1, intermediate_size: 8, out_hidden_size: 4 * heads, fullatt_block_indexes: [0], window_size: 56 },
});
const width = 4;
const [batch, tokens] = [2, 5];

function draw(config: QwenVlConfig) {
  const random = new Random(4);
  const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());
  const positions = Int32Array.from({ length: batch * tokens }, (_, i) => i % tokens);
  const { cos, sin } = decoderRotary({ time: positions, row: positions, column: positions }, config);
  const rows = batch * tokens;
  return { q: numbers(rows * config.heads * width), k: numbers(rows * config.kvHeads * width), v: numbers(rows * config.kvHeads * width), cos, sin, mask: causalMask(tokens) };
}
type Drawn = ReturnType<typeof draw>;

function attend(config: QwenVlConfig, feeds: Drawn, fused: boolean): { readonly graph: Graph; readonly mixed: Float64Array; readonly keys: Float64Array; readonly values: Float64Array } {
  const graph = new Graph('g', { fused });
  const rows = batch * tokens;
  const input = (name: string, heads: number) => graph.input(name, [rows, heads * width]);
  const [q, k, v] = [input('q', config.heads), input('k', config.kvHeads), input('v', config.kvHeads)];
  const [cos, sin] = [graph.input('cos', [rows, 1, width]), graph.input('sin', [rows, 1, width])];
  const attention = batchAttention(config, {
    batch, tokens, cos, sin, mask: graph.input('mask', [tokens, tokens]),
    keep: (key, value) => {
      graph.output('key', key);
      graph.output('value', value);
    },
  });
  graph.output('mixed', attention(q, k, v, 0));
  const outputs = evaluate(graph, feeds);
  return { graph, mixed: outputs['mixed']!.data, keys: outputs['key']!.data, values: outputs['value']!.data };
}

/** Attention as its formula says, head by head and token by token. */
function plain({ heads, kvHeads }: QwenVlConfig, { q, k, v, cos, sin }: Drawn): Float64Array {
  const turned = (x: Float64Array, count: number, row: number, head: number): number[] => Array.from({ length: width }, (_, i) => {
    const at = (row * count + head) * width;
    const other = i < width / 2 ? -x[at + i + width / 2]! : x[at + i - width / 2]!;
    return x[at + i]! * cos[row * width + i]! + other * sin[row * width + i]!;
  });
  const mixed = new Float64Array(q.length);
  for (let b = 0; b < batch; b++) for (let t = 0; t < tokens; t++) for (let h = 0; h < heads; h++) {
    const kv = Math.floor(h / (heads / kvHeads));
    const query = turned(q, heads, b * tokens + t, h);
    const powers = Array.from({ length: t + 1 }, (_, s) => Math.exp(turned(k, kvHeads, b * tokens + s, kv).reduce((sum, x, i) => sum + x * query[i]!, 0) / Math.sqrt(width)));
    const total = powers.reduce((x, y) => x + y, 0);
    for (let i = 0; i < width; i++) {
      mixed[((b * tokens + t) * heads + h) * width + i] = powers.reduce((sum, power, s) => sum + (power / total) * v[((b * tokens + s) * kvHeads + kv) * width + i]!, 0);
    }
  }
  return mixed;
}

const close = (actual: ArrayLike<number>, wanted: ArrayLike<number>): void => {
  expect(actual.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) expect(Math.abs(actual[i]! - wanted[i]!)).toBeLessThan(1e-9);
};

describe.each([[3, 1], [4, 2], [2, 2]])('attention of %i heads over %i key-value heads', (heads, kvHeads) => {
  const config = configOf(heads, kvHeads);

  it.each([['fused', true], ['portable', false]] as const)('computes its formula with %s operators', (_, fused) => {
    const feeds = draw(config);
    close(attend(config, feeds, fused).mixed, plain(config, feeds));
  });

  it('sees nothing of what comes later', () => {
    const feeds = draw(config);
    const before = attend(config, feeds, true).mixed;
    const later = { ...feeds, k: feeds.k.map((x, i) => (Math.floor(i / (kvHeads * width)) % tokens === tokens - 1 ? x + 3 : x)) };
    const after = attend(config, later, true).mixed;
    const rowWidth = heads * width;
    for (let i = 0; i < before.length; i++) if (Math.floor(i / rowWidth) % tokens < tokens - 1) expect(after[i]).toBe(before[i]);
  });

  it.each([['a prefix of its own', false], ['one prefix for all', true]] as const)('of one new token against a cache is the last row of the whole, with %s', (_, shared) => {
    const drawn = draw(config);
    // A shared prefix is the same for both sequences.
    const alike = (x: Float64Array, perRow: number): Float64Array => x.map((_, i) => (Math.floor(i / perRow) % tokens < 3 ? x[i % (tokens * perRow)]! : x[i]!));
    const feeds = shared ? { ...drawn, k: alike(drawn.k, kvHeads * width), v: alike(drawn.v, kvHeads * width) } : drawn;
    const { mixed, keys, values } = attend(config, feeds, false);
    const last = (x: ArrayLike<number>, perRow: number): number[] => Array.from({ length: batch * perRow }, (_, i) => x[(Math.floor(i / perRow) * tokens + tokens - 1) * perRow + (i % perRow)]!);
    // Three tokens lie in the prefix, one in the first of two slots; the second slot is closed.
    const part = (x: Float64Array, from: number, to: number, count: number, owners: number): number[] => Array.from({ length: owners * kvHeads * count * width }, (_, i) => {
      const [w, t, h] = [i % width, Math.floor(i / width) % count, Math.floor(i / width / count)];
      return from + t < to ? x[(h * tokens + from + t) * width + w]! : 7;
    });
    const graph = new Graph('g');
    const input = (name: string, ...shape: number[]) => graph.input(name, shape);
    const owners = shared ? 1 : batch;
    const attention = slotAttention(config, {
      rows: batch, cos: input('cos', batch, 1, width), sin: input('sin', batch, 1, width), prefixMask: input('prefixMask', owners, 1, 1, 3), slotMask: input('slotMask', 1, 1, 1, 2),
      cache: () => ({
        prefixKeys: input('prefixKeys', owners, kvHeads, 3, width), prefixValues: input('prefixValues', owners, kvHeads, 3, width),
        slotKeys: input('slotKeys', batch, kvHeads, 2, width), slotValues: input('slotValues', batch, kvHeads, 2, width),
      }),
      keep: (key, value) => {
        graph.output('key', key);
        graph.output('value', value);
      },
    });
    graph.output('mixed', attention(input('q', batch, heads * width), input('k', batch, kvHeads * width), input('v', batch, kvHeads * width), 0));
    const outputs = evaluate(graph, {
      q: last(feeds.q, heads * width), k: last(feeds.k, kvHeads * width), v: last(feeds.v, kvHeads * width), cos: last(feeds.cos, width), sin: last(feeds.sin, width),
      prefixMask: new Array<number>(owners * 3).fill(0), slotMask: [0, -1e9],
      prefixKeys: part(keys, 0, 3, 3, owners), prefixValues: part(values, 0, 3, 3, owners), slotKeys: part(keys, 3, 4, 2, batch), slotValues: part(values, 3, 4, 2, batch),
    });
    close(outputs['mixed']!.data, last(mixed, heads * width));
    close(outputs['key']!.data, part(keys, 4, 5, 1, batch));
  });
});

it('one key-value head needs no transposition', () => {
  const config = configOf(3, 1);
  const { graph } = attend(config, draw(config), true);
  expect(graph.nodes.filter(({ op }) => op === 'Transpose')).toEqual([]);
});
