import { expect, test } from 'vitest';
import { applyTable, applyVoi, applyWindow, isUsable, windowPresets } from '#models/imaging/dicom/voi.ts';

test('a linear window follows the formula of the standard', () => {
  const window = { center: 2048, width: 4096, shape: 'LINEAR' } as const;
  // PS3.3, C.11.2.1.2.1: c 2048, w 4096 maps 0 to the least and 4095 to the greatest.
  expect(applyWindow(window, 0)).toBe(0);
  expect(applyWindow(window, 4095)).toBe(1);
  expect(applyWindow(window, 2047.5)).toBeCloseTo(0.5, 12);
  expect(applyWindow(window, -5)).toBe(0);
  expect(applyWindow(window, 5000)).toBe(1);
});

test('a linear window of width 1 is a step', () => {
  const window = { center: 10, width: 1, shape: 'LINEAR' } as const;
  expect(isUsable(window)).toBe(true);
  expect(applyWindow(window, 9.5)).toBe(0);
  expect(applyWindow(window, 9.6)).toBe(1);
});

test('an exact window is centred on its centre', () => {
  const window = { center: 100, width: 50, shape: 'LINEAR_EXACT' } as const;
  expect(applyWindow(window, 75)).toBe(0);
  expect(applyWindow(window, 100)).toBe(0.5);
  expect(applyWindow(window, 125)).toBe(1);
  expect(applyWindow(window, 112.5)).toBe(0.75);
});

test('a sigmoid window is half bright at its centre and never quite ends', () => {
  const window = { center: 100, width: 50, shape: 'SIGMOID' } as const;
  expect(applyWindow(window, 100)).toBe(0.5);
  expect(applyWindow(window, 150)).toBeCloseTo(1 / (1 + Math.exp(-4)), 12);
  expect(applyWindow(window, 50)).toBeGreaterThan(0);
});

test('a width is usable from 1 for linear windows and above 0 for the others', () => {
  expect(isUsable({ center: 0, width: 0.5, shape: 'LINEAR' })).toBe(false);
  expect(isUsable({ center: 0, width: 0.5, shape: 'LINEAR_EXACT' })).toBe(true);
  expect(isUsable({ center: 0, width: 0, shape: 'SIGMOID' })).toBe(false);
  expect(isUsable({ center: NaN, width: 10, shape: 'LINEAR' })).toBe(false);
});

test('a table repeats its ends', () => {
  const table = { first: -2, bits: 8, values: Uint16Array.of(10, 20, 30), explanation: '' };
  expect([-9, -2, -1, 0, 9].map((x) => applyTable(table, x))).toEqual([10, 10, 20, 30, 30]);
  expect(applyVoi({ kind: 'table', name: '', table }, 0)).toBeCloseTo(30 / 255, 12);
});

test('a range of one value is a step', () => {
  const voi = { kind: 'range', name: '', low: 5, high: 5 } as const;
  expect([4, 5, 6].map((x) => applyVoi(voi, x))).toEqual([0, 0, 1]);
});

test('every preset is a usable window', () => {
  for (const preset of Object.values(windowPresets).flat()) expect(isUsable({ ...preset, shape: 'LINEAR' })).toBe(true);
});
