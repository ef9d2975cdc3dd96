import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import { matMulNBits } from '#models/graph/ops.ts';
import { dequantizeMatrix, parityReport, quantizeMatrix, type QuantizationOptions } from '#models/runtime/quantize.ts';
import { createSession, float32, floats } from '#models/runtime/session.ts';

const normals = (seed: number, count: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.normal());
};

const kinds: readonly QuantizationOptions[] = ([4, 8] as const).flatMap((bits) => [true, false].map((isSymmetric) => ({ bits, blockSize: 32, isSymmetric })));

for (const options of kinds) {
  describe(`${options.bits} bits, ${options.isSymmetric ? 'symmetric' : 'with zero points'}`, () => {
    const [rows, columns] = [24, 72];
    const weights = normals(options.bits, rows * columns);
    const matrix = quantizeMatrix(weights, rows, columns, options);

    test('no weight moves further than half a step of its block, or one where the range is cut', () => {
      const back = dequantizeMatrix(matrix, rows, columns, options);
      const blocks = Math.ceil(columns / 32);
      back.forEach((value, at) => {
        const scale = Math.abs(matrix.scales[Math.floor(at / columns) * blocks + Math.floor((at % columns) / 32)] as number);
        expect(Math.abs(value - (weights[at] as number))).toBeLessThanOrEqual(scale * 1.001);
      });
      const squared = back.reduce((sum, value, at) => sum + (value - (weights[at] as number)) ** 2, 0) / weights.reduce((sum, w) => sum + w * w, 0);
      expect(Math.sqrt(squared)).toBeLessThan(options.bits === 4 ? 0.1 : 0.007);
    });

    test('the runtime reads the codes as we wrote them, also in a last block that is not full', async () => {
      const graph = new Graph('quantized');
      const x = graph.input('x', [3, columns]);
      const packed = graph.constant(matrix.packed, [rows, 3, (32 * options.bits) / 8]);
      const scales = graph.constant(matrix.scales, [rows * 3]);
      const zeros = matrix.zeroPoints && graph.constant(matrix.zeroPoints, [rows, Math.ceil((3 * options.bits) / 8)]);
      graph.output('y', matMulNBits(x, packed, scales, zeros, { k: columns, n: rows, bits: options.bits, blockSize: 32 }));
      const session = await createSession(encodeModel(graph), { threads: 1 });
      const input = normals(9, 3 * columns);
      const y = floats(await session.run({ x: float32([3, columns], input) }), 'y');
      await session.release();
      const dense = dequantizeMatrix(matrix, rows, columns, options);
      for (let i = 0; i < 3; i++) for (let n = 0; n < rows; n++) {
        let sum = 0;
        for (let k = 0; k < columns; k++) sum += (input[i * columns + k] as number) * (dense[n * columns + k] as number);
        expect(y[i * rows + n]).toBeCloseTo(sum, 3);
      }
    });
  });
}

test('a block of zeros stays zero', () => {
  for (const options of kinds) expect([...dequantizeMatrix(quantizeMatrix(new Float32Array(64), 2, 32, options), 2, 32, options)].every((x) => x === 0)).toBe(true);
});

test('what the codes can say exactly comes back exactly', () => {
  const weights = Float32Array.from({ length: 32 }, (_, i) => (i % 16) - 8);
  for (const options of kinds.filter(({ isSymmetric }) => isSymmetric)) {
    const back = dequantizeMatrix(quantizeMatrix(weights, 1, 32, { ...options, bits: 4 }), 1, 32, { ...options, bits: 4 });
    expect([...back]).toEqual([...weights]);
  }
});

describe('the parity report', () => {
  const [a, b] = [Float32Array.of(1, 2, 3), Float32Array.of(1, 2.5, 2)];
  test('finds nothing between equal scores', () =>
    expect(parityReport([[a, a]])).toEqual({ prompts: 1, maxDifference: 0, meanDifference: 0, topAgreement: 1, meanDivergence: 0, maxDivergence: 0 }));
  test('counts differences, changed choices and divergence', () => {
    const report = parityReport([[a, a], [a, b]]);
    expect(report.maxDifference).toBe(1);
    expect(report.meanDifference).toBeCloseTo(1.5 / 6, 6);
    expect(report.topAgreement).toBe(0.5);
    const softmax = (x: Float32Array): number[] => [...x].map((y) => Math.exp(y) / [...x].reduce((s, z) => s + Math.exp(z), 0));
    const [p, q] = [softmax(a), softmax(b)];
    expect(report.maxDivergence).toBeCloseTo(p.reduce((sum, x, i) => sum + x * Math.log(x / (q[i] as number)), 0), 6);
  });
});
