import { describe, expect, it } from 'vitest';
import { Graph } from '#models/graph/graph.ts';
import { parseConfig, type VisionConfig } from '#models/networks/config.ts';
import { decoderRotary, mropePositions, rotation, visionRotary } from '#models/networks/rope.ts';
import { evaluate } from '#tests/support/interpreter.ts';

const config = parseConfig({
  model_type: 'qwen2_5_vl', hidden_size: 16, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 60,
  rope_theta: 100, rope_scaling: { type: 'mrope', mrope_section: [2, 1, 1] }, vision_start_token_id: 50, image_token_id: 51, video_token_id: 52, vision_end_token_id: 53,
  vision_config: { depth: 1, hidden_size: 8, num_heads: 1, intermediate_size: 8, out_hidden_size: 16, fullatt_block_indexes: [0], window_size: 56, tokens_per_second: 2 },
});

describe('positions', () => {
  it('of text count alike on all axes', () => {
    const { time, row, column, next } = mropePositions([1, 2, 3], [], config);
    expect([[...time], [...row], [...column], next]).toEqual([[0, 1, 2], [0, 1, 2], [0, 1, 2], 3]);
  });

  it('of an image are its rows and columns; text goes on behind the largest', () => {
    const { time, row, column, next } = mropePositions([1, 50, 51, 51, 51, 51, 51, 51, 53, 9], [[1, 4, 6]], config);
    expect([...time]).toEqual([0, 1, 2, 2, 2, 2, 2, 2, 5, 6]);
    expect([...row]).toEqual([0, 1, 2, 2, 2, 3, 3, 3, 5, 6]);
    expect([...column]).toEqual([0, 1, 2, 3, 4, 2, 3, 4, 5, 6]);
    expect(next).toBe(7);
  });

  it('of a clip advance with its seconds', () => {
    const { time } = mropePositions([52, 52, 52, 7], [[3, 2, 2]], config, [1.5]);
    expect([...time]).toEqual([0, 3, 6, 7]);
  });

  it('refuse more placeholders than images', () => {
    expect(() => mropePositions([51], [], config)).toThrow('more image placeholders than images');
  });
});

describe('angles', () => {
  it('of the decoder take each frequency from the axis of its section', () => {
    const { cos, sin } = decoderRotary({ time: Int32Array.of(2), row: Int32Array.of(3), column: Int32Array.of(5) }, config);
    [2, 2, 3, 5].forEach((position, j) => {
      const angle = position * 100 ** (-j / 4);
      for (const at of [j, j + 4]) expect([cos[at], sin[at]].map((x) => Number(x!.toFixed(5)))).toEqual([Math.cos(angle), Math.sin(angle)].map((x) => Number(x.toFixed(5))));
    });
  });

  it('of patches follow blocks of merged cells, and restart in every frame', () => {
    const { cos } = visionRotary([[2, 4, 4]], { width: 8, heads: 1, mergeSize: 2 } as VisionConfig);
    // Rows of the first channel's angle: the patch's row.
    const rows = Array.from({ length: 16 }, (_, i) => Math.round(Math.acos(cos[i * 8]!)));
    expect(rows).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3]);
    expect(cos.slice(0, 128)).toEqual(cos.slice(128));
  });
});

it('a rotation keeps lengths, scales by its factor, and is the same in fused and portable graphs', () => {
  const results = [true, false].map((fused) => {
    const graph = new Graph('g', { fused });
    const turn = rotation(graph.input('cos', [3, 1, 8]), graph.input('sin', [3, 1, 8]), 0.5);
    graph.output('y', turn(graph.input('x', [3, 2, 8])));
    const positions = Int32Array.of(0, 4, 9);
    const { cos, sin } = decoderRotary({ time: positions, row: positions, column: positions }, config);
    return evaluate(graph, { cos, sin, x: Array.from({ length: 48 }, (_, i) => Math.cos(i * i)) })['y']!.data;
  });
  const [fused, portable] = results as [Float64Array, Float64Array];
  fused.forEach((x, i) => expect(x).toBeCloseTo(portable[i]!, 12));
  const length = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum, y) => sum + y * y, 0));
  expect(length(fused)).toBeCloseTo(0.5 * length(Array.from({ length: 48 }, (_, i) => Math.cos(i * i))), 5);
});
