/** Frames of one series as a block of voxels, and pictures cut out of it along any plane. */
import type { FrameGeometry } from '#models/clinical/study.ts';
import { patientPlane, type PatientPlane, type PatientPoint, type Point, type Size } from './coordinates.ts';

/** Where voxels lie in the patient. Continuous voxel coordinates: voxel i covers [i, i + 1), its centre is i + 0.5. */
export interface VolumeGrid {
  /** Columns, rows, slices. */
  readonly size: readonly [number, number, number];
  /** The outer corner of the first voxel. */
  readonly origin: PatientPoint;
  /** Millimetres for one voxel along columns, rows and slices. They need not stand at right angles: a tilted gantry shears the block. */
  readonly axes: readonly [PatientPoint, PatientPoint, PatientPoint];
}

export interface Volume {
  readonly grid: VolumeGrid;
  /** [slices, rows, columns] */
  readonly values: ArrayLike<number>;
  /** What stands where the block is left. */
  readonly outside: number;
}

export interface PlacedFrame {
  readonly rows: number;
  readonly columns: number;
  readonly geometry: FrameGeometry;
}

const add = (a: PatientPoint, b: PatientPoint, by = 1): PatientPoint => [a[0] + b[0] * by, a[1] + b[1] * by, a[2] + b[2] * by];
const dot = (a: PatientPoint, b: PatientPoint): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: PatientPoint, b: PatientPoint): PatientPoint => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const times = (a: PatientPoint, by: number): PatientPoint => [a[0] * by, a[1] * by, a[2] * by];
const lengthOf = (a: PatientPoint): number => Math.hypot(a[0], a[1], a[2]);

/** The grid of a sorted stack, or why it makes no block: a sentence for a person. */
export function gridOf(frames: readonly PlacedFrame[]): VolumeGrid | { readonly why: string } {
  const [first] = frames;
  const last = frames.at(-1);
  if (!first || !last || frames.length < 3) return { why: 'Fewer than three slices make no volume.' };
  const plane = patientPlane(first.geometry);
  const start = first.geometry.positionMm;
  const end = last.geometry.positionMm;
  if (!plane || !start || !end) return { why: 'The files do not say where the slices lie in the patient.' };
  const step = times(add(end, start, -1), 1 / (frames.length - 1));
  const normal = cross(plane.right, plane.down);
  const unit = times(normal, 1 / lengthOf(normal));
  if (!(Math.abs(dot(step, unit)) > 1e-3)) return { why: 'The slices lie in one plane.' };
  for (const [i, { rows, columns, geometry }] of frames.entries()) {
    if (rows !== first.rows || columns !== first.columns) return { why: 'The slices differ in size.' };
    const { positionMm, orientation, spacingMm } = geometry;
    if (!positionMm || !orientation?.every((part, at) => Math.abs(part - (first.geometry.orientation?.[at] ?? NaN)) < 1e-3)) return { why: 'The slices are turned against each other.' };
    if (!spacingMm || Math.abs(spacingMm[0] - (first.geometry.spacingMm?.[0] ?? NaN)) > 1e-4 || Math.abs(spacingMm[1] - (first.geometry.spacingMm?.[1] ?? NaN)) > 1e-4) return { why: 'The slices differ in pixel spacing.' };
    // A tenth of the distance between slices is what rounding in the files may do; more is a gap.
    if (lengthOf(add(positionMm, add(start, step, i), -1)) > 0.1 * lengthOf(step)) return { why: 'The slices do not follow each other at one distance: some are missing.' };
  }
  return { size: [first.columns, first.rows, frames.length], origin: add(plane.origin, step, -0.5), axes: [plane.right, plane.down, step] };
}

/** The way from the patient to voxels: three rows that a place's offset from the origin is multiplied with. */
export function toVoxels({ axes: [a, b, c] }: VolumeGrid): readonly [PatientPoint, PatientPoint, PatientPoint] {
  const determinant = dot(a, cross(b, c));
  return [times(cross(b, c), 1 / determinant), times(cross(c, a), 1 / determinant), times(cross(a, b), 1 / determinant)];
}

/** Continuous voxel coordinates of a place in the patient. */
export function voxelOf(grid: VolumeGrid, place: PatientPoint): PatientPoint {
  const offset = add(place, grid.origin, -1);
  const [x, y, z] = toVoxels(grid);
  return [dot(x, offset), dot(y, offset), dot(z, offset)];
}

export const patientOf = ({ origin, axes: [a, b, c] }: VolumeGrid, [x, y, z]: PatientPoint): PatientPoint => add(add(add(origin, a, x), b, y), c, z);

/** The place itself, or the nearest one whose voxel is in the block. */
export function insideOf(grid: VolumeGrid, place: PatientPoint): PatientPoint {
  const [x, y, z] = voxelOf(grid, place).map((part, axis) => Math.min((grid.size[axis] as number) - 0.5, Math.max(0.5, part))) as [number, number, number];
  return patientOf(grid, [x, y, z]);
}

/** The middle of the block. */
export const middleOf = (grid: VolumeGrid): PatientPoint => patientOf(grid, [grid.size[0] / 2, grid.size[1] / 2, grid.size[2] / 2]);

export type PlaneName = 'axial' | 'coronal' | 'sagittal';

/** Directions of the picture's right and down as radiologists hang it: from the feet, from the front, from the left. */
const directions: Readonly<Record<PlaneName, readonly [PatientPoint, PatientPoint]>> = {
  axial: [[1, 0, 0], [0, 1, 0]],
  coronal: [[1, 0, 0], [0, 0, -1]],
  sagittal: [[0, 1, 0], [0, 0, -1]],
};

/** A picture to be cut: its plane, and how many pixels of which size it has. */
export interface Cut {
  readonly plane: PatientPlane;
  readonly size: Size;
}

const mostPixels = 1024;

/** The picture of a plane of the patient through a place, as large as the block, with square pixels as fine as its finest spacing. */
export function cutThrough(grid: VolumeGrid, name: PlaneName, place: PatientPoint): Cut {
  const [right, down] = directions[name];
  const normal = cross(right, down);
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => patientOf(grid, [(i & 1) * grid.size[0], ((i >> 1) & 1) * grid.size[1], (i >> 2) * grid.size[2]]));
  const range = (along: PatientPoint): readonly [number, number] => {
    const places = corners.map((corner) => dot(corner, along));
    return [Math.min(...places), Math.max(...places)];
  };
  const [[left, end], [top, bottom]] = [range(right), range(down)];
  const finest = Math.min(...grid.axes.map(lengthOf));
  const spacing = Math.max(finest, (end - left) / mostPixels, (bottom - top) / mostPixels);
  const origin = add(add(times(right, left), down, top), normal, dot(place, normal));
  return {
    plane: { origin, right: times(right, spacing), down: times(down, spacing) },
    size: { width: Math.max(1, Math.round((end - left) / spacing)), height: Math.max(1, Math.round((bottom - top) / spacing)) },
  };
}

/** How a scroll by one step moves a plane: its normal, as long as the block's extent of one voxel along it. */
export function stepAcross(grid: VolumeGrid, name: PlaneName): PatientPoint {
  const [right, down] = directions[name];
  const normal = cross(right, down);
  const nearest = [...grid.axes].sort((a, b) => Math.abs(dot(b, normal)) / lengthOf(b) - Math.abs(dot(a, normal)) / lengthOf(a))[0] as PatientPoint;
  return times(normal, Math.abs(dot(nearest, normal)));
}

/** The plane as a frame would state it. */
export function geometryOf({ plane: { origin, right, down } }: Cut): FrameGeometry {
  const [x, y] = [lengthOf(right), lengthOf(down)];
  const position = add(add(origin, right, 0.5), down, 0.5);
  return { spacingMm: [y, x], spacingSource: 'PixelSpacing', positionMm: [...position], orientation: [right[0] / x, right[1] / x, right[2] / x, down[0] / y, down[1] / y, down[2] / y] };
}

/** Several planes made one: the greatest, least or mean of samples that many millimetres apart, half of them on each side. */
export interface Slab {
  readonly mode: 'greatest' | 'least' | 'mean';
  readonly count: number;
  readonly stepMm: number;
}

/**
 * Cuts a picture out of a block, interpolating between the eight voxels around each place. Places up to half a voxel beyond the outermost centres
 * still belong to their voxel; what lies farther out is `outside`.
 *
 * @param out  [height, width], filled here; values are rounded where it holds whole numbers
 */
export function reslice<Out extends { [at: number]: number; readonly length: number }>({ grid, values, outside }: Volume, { plane, size: { width, height } }: Cut, out: Out, slab: Slab | null = null): Out {
  if (out.length < width * height) throw new RangeError('reslice: the picture has no room for its pixels');
  const rows = toVoxels(grid);
  const into = (direction: PatientPoint): PatientPoint => [dot(rows[0], direction), dot(rows[1], direction), dot(rows[2], direction)];
  const [start, right, down] = [voxelOf(grid, plane.origin), into(plane.right), into(plane.down)];
  const [nx, ny, nz] = grid.size;
  const dx = nx > 1 ? 1 : 0;
  const dy = ny > 1 ? nx : 0;
  const dz = nz > 1 ? nx * ny : 0;
  const isWhole = !(out instanceof Float32Array || out instanceof Float64Array || Array.isArray(out));
  const sample = (x: number, y: number, z: number): number => {
    // A hair of tolerance keeps the outermost row in, whatever rounding did to the corner.
    if (x < -1e-6 || y < -1e-6 || z < -1e-6 || x > nx + 1e-6 || y > ny + 1e-6 || z > nz + 1e-6) return outside;
    // Plain numbers, not tuples: this runs for every pixel of every plane that is leafed through.
    const u = Math.min(nx - 1, Math.max(0, x - 0.5));
    const v = Math.min(ny - 1, Math.max(0, y - 0.5));
    const w = Math.min(nz - 1, Math.max(0, z - 0.5));
    const i = Math.max(0, Math.min(nx - 2, Math.floor(u)));
    const j = Math.max(0, Math.min(ny - 2, Math.floor(v)));
    const k = Math.max(0, Math.min(nz - 2, Math.floor(w)));
    const fx = u - i;
    const fy = v - j;
    const fz = w - k;
    const at = (k * ny + j) * nx + i;
    const value = (offset: number): number => values[at + offset] as number;
    const near = (value(0) * (1 - fx) + value(dx) * fx) * (1 - fy) + (value(dy) * (1 - fx) + value(dy + dx) * fx) * fy;
    if (fz === 0) return near;
    const far = (value(dz) * (1 - fx) + value(dz + dx) * fx) * (1 - fy) + (value(dz + dy) * (1 - fx) + value(dz + dy + dx) * fx) * fy;
    return near * (1 - fz) + far * fz;
  };
  const normal = cross(plane.right, plane.down);
  const across = slab ? into(times(normal, slab.stepMm / lengthOf(normal))) : null;
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const a = column + 0.5;
      const b = row + 0.5;
      const x = start[0] + right[0] * a + down[0] * b;
      const y = start[1] + right[1] * a + down[1] * b;
      const z = start[2] + right[2] * a + down[2] * b;
      const value = slab && across ? ofSlab(slab, (step) => sample(x + across[0] * step, y + across[1] * step, z + across[2] * step)) : sample(x, y, z);
      out[at] = isWhole ? Math.round(value) : value;
    }
  }
  return out;
}

function ofSlab({ mode, count }: Slab, sampleAt: (step: number) => number): number {
  let result = mode === 'greatest' ? -Infinity : mode === 'least' ? Infinity : 0;
  for (let i = 0; i < count; i++) {
    const value = sampleAt(i - (count - 1) / 2);
    result = mode === 'greatest' ? Math.max(result, value) : mode === 'least' ? Math.min(result, value) : result + value / count;
  }
  return result;
}

/** The place in the patient that a point of a cut shows. */
export const placeOn = ({ plane: { origin, right, down } }: Cut, { x, y }: Point): PatientPoint => add(add(origin, right, x), down, y);
