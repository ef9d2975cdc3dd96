import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { FrameGeometry } from '#models/clinical/study.ts';
import type { PatientPoint } from '#models/imaging/coordinates.ts';
import { cutThrough, geometryOf, gridOf, middleOf, patientOf, placeOn, reslice, stepAcross, voxelOf, type Cut, type PlacedFrame, type Volume, type VolumeGrid } from '#models/imaging/volume.ts';

const geometry = (positionMm: PatientPoint, orientation: FrameGeometry['orientation'] = [1, 0, 0, 0, 1, 0], spacing: [number, number] = [1, 1]): FrameGeometry =>
  ({ spacingMm: spacing, spacingSource: 'PixelSpacing', positionMm: [...positionMm], orientation });
const stack = (count: number, step: PatientPoint, change: (i: number) => Partial<PlacedFrame> = () => ({})): PlacedFrame[] =>
  Array.from({ length: count }, (_, i) => ({ rows: 20, columns: 30, geometry: geometry([step[0] * i, step[1] * i, step[2] * i], undefined, [0.5, 0.5]), ...change(i) }));
const grid = (frames: PlacedFrame[]): VolumeGrid => {
  const made = gridOf(frames);
  if ('why' in made) throw new Error(made.why);
  return made;
};

describe('a grid', () => {
  test('begins at the outer corner of the first voxel', () => {
    const made = grid(stack(10, [0, 0, 2]));
    expect(made.size).toEqual([30, 20, 10]);
    expect(made.origin).toEqual([-0.25, -0.25, -1]);
    expect(voxelOf(made, [0, 0, 0])).toEqual([0.5, 0.5, 0.5]);
    expect(patientOf(made, [0.5, 0.5, 9.5])).toEqual([0, 0, 18]);
  });
  test('of a tilted gantry is sheared, not bent', () => {
    const made = grid(stack(10, [0, 0.6, 2]));
    const [x, y, z] = voxelOf(made, [0, 0.6 * 4, 2 * 4]);
    expect([x, y, z].map((part) => Math.round(part * 1e9) / 1e9)).toEqual([0.5, 0.5, 4.5]);
  });
  test.each([
    ['two slices', stack(2, [0, 0, 2]), /three slices/],
    ['a gap', stack(6, [0, 0, 2], (i) => ({ geometry: geometry([0, 0, i < 3 ? 2 * i : 2 * i + 2], undefined, [0.5, 0.5]) })), /missing/],
    ['sizes that differ', stack(4, [0, 0, 2], (i) => ({ rows: i === 2 ? 21 : 20 })), /size/],
    ['no geometry', stack(4, [0, 0, 2], () => ({ geometry: { spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null } })), /where the slices lie/],
    ['slices in one plane', stack(4, [1, 0, 0]), /one plane/],
  ])('is refused for %s, with the reason', (_, frames, why) => expect((gridOf(frames) as { why: string }).why).toMatch(why));
});

/** A smooth field over the patient: what a cut shows is known for any plane. */
const field = ([x, y, z]: PatientPoint): number => 300 * Math.sin(x / 23) * Math.cos(y / 19) + 200 * Math.sin((z + x) / 27) + 1000;

function volumeOf(made: VolumeGrid, value: (place: PatientPoint) => number): Volume {
  const [nx, ny, nz] = made.size;
  const values = new Float32Array(nx * ny * nz);
  for (let k = 0, at = 0; k < nz; k++) for (let j = 0; j < ny; j++) for (let i = 0; i < nx; i++, at++) values[at] = value(patientOf(made, [i + 0.5, j + 0.5, k + 0.5]));
  return { grid: made, values, outside: -2000 };
}

/** Peak signal to noise in dB over pixels inside the block; the peak is the field's range. */
function quality(volume: Volume, cut: Cut): number {
  const { width, height } = cut.size;
  const out = reslice(volume, cut, new Float32Array(width * height));
  let [squares, count] = [0, 0];
  for (let row = 0, at = 0; row < height; row++) for (let column = 0; column < width; column++, at++) {
    const place = placeOn(cut, { x: column + 0.5, y: row + 0.5 });
    const voxel = voxelOf(volume.grid, place);
    if (voxel.some((part, axis) => part < 0.5 || part > volume.grid.size[axis]! - 0.5)) continue;
    squares += (out[at]! - field(place)) ** 2;
    count++;
  }
  expect(count).toBeGreaterThan(200);
  return 10 * Math.log10(1000 ** 2 / (squares / count));
}

/** All ways in which a block can lie along the patient's axes, and two that are turned out of them. */
const orientations: FrameGeometry['orientation'][] = [];
for (const [a, b] of [[0, 1], [1, 0], [0, 2], [2, 0], [1, 2], [2, 1]] as const) for (const s of [1, -1]) for (const u of [1, -1]) {
  const made: [number, number, number, number, number, number] = [0, 0, 0, 0, 0, 0];
  made[a] = s;
  made[3 + b] = u;
  orientations.push(made);
}
const [c, s] = [Math.cos(0.5), Math.sin(0.5)];
orientations.push([c, s, 0, -s, c, 0], [c, 0, s, 0, 1, 0]);

describe('a cut', () => {
  test.each(orientations.map((orientation) => [orientation!.map((part) => part.toFixed(1)).join(' '), orientation] as const))('shows the patient as he lies, for frames along %s', (_, orientation) => {
    const [a, b, d, e, f, g] = orientation!;
    const normal: PatientPoint = [b * g - d * f, d * e - a * g, a * f - b * e];
    const made = grid(Array.from({ length: 16 }, (__, i) => ({ rows: 24, columns: 28, geometry: geometry([5 + 2 * i * normal[0], -7 + 2 * i * normal[1], 3 + 2 * i * normal[2]], orientation, [1.2, 1]) })));
    const volume = volumeOf(made, field);
    for (const name of ['axial', 'coronal', 'sagittal'] as const) expect(quality(volume, cutThrough(made, name, middleOf(made)))).toBeGreaterThan(40);
  });
  test('along no axis at all still equals the field', () => {
    const made = grid(stack(24, [0, 0, 0.5]));
    const volume = volumeOf(made, field);
    const turned: Cut = { plane: { origin: [2, 1, 2], right: [0.3, 0.2, 0.25], down: [-0.2, 0.3, 0.05] }, size: { width: 30, height: 24 } };
    expect(quality(volume, turned)).toBeGreaterThan(40);
  });
  test('through the slices themselves gives back the stored values', () => {
    const made = grid(stack(5, [0, 0, 0.5]));
    const generator = new Random(3);
    const draw = (): number => generator.uniform();
    const values = Int16Array.from({ length: 30 * 20 * 5 }, () => Math.floor(draw() * 3000) - 1000);
    const cut = cutThrough(made, 'axial', patientOf(made, [3, 3, 2.5]));
    expect(cut.size).toEqual({ width: 30, height: 20 });
    expect([...reslice({ grid: made, values, outside: 0 }, cut, new Int16Array(600))]).toEqual([...values.slice(1200, 1800)]);
  });
  test('states its own geometry, so that letters and lengths follow from it', () => {
    const made = grid(stack(10, [0, 0, 2]));
    const stated = geometryOf(cutThrough(made, 'coronal', middleOf(made)));
    expect(stated.orientation).toEqual([1, 0, 0, 0, 0, -1]);
    expect(stated.spacingMm).toEqual([0.5, 0.5]);
    expect(stated.positionMm!.map((part) => part.toFixed(2))).toEqual(['0.00', '4.75', '18.75']);
  });
  test('beyond the block is what stands outside', () => {
    const made = grid(stack(5, [0, 0, 1]));
    const far: Cut = { plane: { origin: [100, 0, 0], right: [1, 0, 0], down: [0, 1, 0] }, size: { width: 3, height: 3 } };
    expect([...reslice(volumeOf(made, field), far, new Float32Array(9))]).toEqual(Array(9).fill(-2000));
  });
});

describe('a step', () => {
  test('across axial planes is the distance of axial slices', () => expect(stepAcross(grid(stack(10, [0, 0, 2])), 'axial')).toEqual([0, 0, 2]));
  test('across coronal planes is a row', () => expect(Math.abs(stepAcross(grid(stack(10, [0, 0, 2])), 'coronal')[1])).toBeCloseTo(0.5, 9));
});

describe('a slab', () => {
  test.each(['greatest', 'least', 'mean'] as const)('of the %s equals the same by brute force', (mode) => {
    const frames = Array.from({ length: 32 }, (_, i) => ({ rows: 32, columns: 32, geometry: geometry([0, 0, i]) }));
    const made = grid(frames);
    const generator = new Random(9);
    const draw = (): number => generator.uniform();
    const values = Float32Array.from({ length: 32 ** 3 }, () => draw() * 1000);
    const count = 7;
    const cut = cutThrough(made, 'axial', patientOf(made, [16, 16, 12.5]));
    const out = reslice({ grid: made, values, outside: -1 }, cut, new Float32Array(1024), { mode, count, stepMm: 1 });
    for (let at = 0; at < 1024; at++) {
      const column = Array.from({ length: count }, (_, i) => values[(9 + i) * 1024 + at]!);
      const expected = mode === 'greatest' ? Math.max(...column) : mode === 'least' ? Math.min(...column) : column.reduce((sum, value) => sum + value, 0) / count;
      expect(Math.abs(out[at]! - expected)).toBeLessThan(1e-3);
    }
  });
});
