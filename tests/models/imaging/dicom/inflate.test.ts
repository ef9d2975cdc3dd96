import { deflateSync } from 'fflate';
import { expect, test } from 'vitest';
import { inflate } from '#models/imaging/dicom/inflate.ts';

const data = Uint8Array.from({ length: 40_000 }, (_, i) => (i * i) >> 7);
const sameBeginning = (bytes: Uint8Array): boolean => bytes.every((byte, i) => byte === data[i]);

test('what was deflated comes back, padding behind the end or not', () => {
  for (const padding of [[], [0]]) {
    const { bytes, damaged } = inflate(Uint8Array.from([...deflateSync(data), ...padding]));
    expect([bytes.length, sameBeginning(bytes), damaged]).toEqual([data.length, true, false]);
  }
});

test('a stream that breaks off gives what came before, and says so', () => {
  const deflated = deflateSync(data, { level: 0 });
  const { bytes, damaged } = inflate(deflated.subarray(0, deflated.length / 2));
  expect(damaged).toBe(true);
  expect(bytes.length).toBeLessThan(data.length);
  expect(sameBeginning(bytes)).toBe(true);
});

test('damage is told', () => {
  const deflated = deflateSync(data, { level: 0 });
  deflated[2] = deflated[2]! ^ 0x55;
  expect(inflate(deflated).damaged).toBe(true);
});

test('what inflates beyond the bound is refused', () => {
  const zeros = deflateSync(new Uint8Array(1_000_000), { level: 9 });
  expect(zeros.length).toBeLessThan(2000);
  expect(inflate(zeros, 1_000_000).bytes).toHaveLength(1_000_000);
  expect(() => inflate(zeros, 999_999)).toThrow(expect.objectContaining({ code: 'dicom.limits' }));
});
