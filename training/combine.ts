/**
 * Adapters of one base as a single adapter: a weighted sum of the changes that they make.
 *
 *   Σ wᵢ sᵢ Bᵢ Aᵢ = [w₁s₁B₁ … wₖsₖBₖ] · [A₁; …; Aₖ]
 *
 * The sum is exact, its rank the sum of ranks. With a smaller rank the closest change of that rank is taken (Eckart and Young), and what it loses is told.
 * A checkpoint takes part by what it differs from the base.
 */
import { Fault } from '#models/base/fault.ts';
import type { Checkpoint } from '#models/weights/checkpoint.ts';
import { addProduct, type Adapter, type AdapterToWrite } from '#models/weights/peft.ts';
import { readTensor } from '#models/weights/safetensors.ts';

export interface Combined {
  readonly adapter: AdapterToWrite;
  /** The part of the change's squared length that the smaller rank leaves out, over all matrices: 0 is none. */
  readonly lost: number;
}

export interface Part {
  readonly weight: number;
  readonly source: Adapter | Checkpoint;
}

type Change = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/**
 * @param rank  at most so many; absent: as many as an exact sum of adapters needs
 * @throws Fault `combine.rank` for a checkpoint without a rank, `combine.shape` where a checkpoint has other tensors than the base, `combine.replaced`
 *   for adapters that replace whole tensors
 */
export function combine(parts: readonly Part[], base: Checkpoint, rank?: number): Combined {
  const adapters = parts.flatMap(({ weight, source }) => (isAdapter(source) ? [{ weight, adapter: source }] : []));
  for (const { adapter } of adapters) if (adapter.replaced.size > 0) throw new Fault({
    code: 'combine.replaced', what: 'The adapters cannot be added up.', why: 'One of them replaces whole tensors.', mend: 'Merge it into its base and name the checkpoint instead.',
  });
  if (rank === undefined) {
    if (adapters.length < parts.length) throw new Fault({
      code: 'combine.rank', what: 'The parts cannot be added up.', why: 'A checkpoint\'s change has full rank.', mend: 'Say with --rank how much of it is kept.',
    });
    return { adapter: stacked(adapters), lost: 0 };
  }
  const changes = parts.map(({ weight, source }) => ({ weight, change: isAdapter(source) ? null : differenceOf(source, base), adapter: isAdapter(source) ? source : null }));
  const names = new Set(changes.flatMap(({ change, adapter }) => [...(adapter?.pairs ?? change!).keys()]));
  const pairs = new Map<string, { a: Float32Array; b: Float32Array }>();
  const replaced = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  let [whole, left] = [0, 0];
  for (const name of names) {
    const entry = base.tensors.get(name)!;
    const [rows, columns] = entry.shape as [number, number];
    const sum = new Float32Array(entry.shape.reduce((a, b) => a * b, 1));
    for (const { weight, change, adapter } of changes) {
      const pair = adapter?.pairs.get(name);
      if (pair) addProduct(sum, readTensor(pair.b), readTensor(pair.a), { rank: pair.rank, scale: pair.scale * weight });
      change?.get(name)?.data.forEach((value, i) => (sum[i]! += weight * value));
    }
    if (!isLinear(name, entry.shape)) {
      const data = readTensor(entry);
      sum.forEach((value, i) => (data[i]! += value));
      replaced.set(name, { shape: entry.shape, data });
      continue;
    }
    const { a, b, squares } = lowRank(sum, rows, columns, rank);
    pairs.set(name, { a, b });
    whole += squares.reduce((total, square) => total + square, 0);
    left += squares.slice(rank).reduce((total, square) => total + square, 0);
  }
  return { adapter: { rank, alpha: rank, pairs, replaced }, lost: whole === 0 ? 0 : left / whole };
}

const isAdapter = (source: Adapter | Checkpoint): source is Adapter => 'pairs' in source;

/** Only the layers of blocks and of the connector take factors; the table of embeddings is looked up, and tied to the output. */
const isLinear = (name: string, shape: readonly number[]): boolean => shape.length === 2 && !name.includes('embed');

function stacked(parts: readonly { readonly weight: number; readonly adapter: Adapter }[]): AdapterToWrite {
  const names = new Set(parts.flatMap(({ adapter }) => [...adapter.pairs.keys()]));
  const present = (name: string) => parts.flatMap(({ weight, adapter }) => {
    const pair = adapter.pairs.get(name);
    return pair ? [{ weight, ...pair }] : [];
  });
  const rank = Math.max(...[...names].map((name) => present(name).reduce((total, pair) => total + pair.rank, 0)));
  const pairs = new Map([...names].map((name) => {
    const some = present(name);
    const [rows, columns] = [some[0]!.b.shape[0]!, some[0]!.a.shape[1]!];
    const [a, b] = [new Float32Array(rank * columns), new Float32Array(rows * rank)];
    let first = 0;
    for (const { weight, scale, rank: own, ...factors } of some) {
      const [ownA, ownB] = [readTensor(factors.a), readTensor(factors.b)];
      a.set(ownA, first * columns);
      for (let row = 0; row < rows; row++) for (let r = 0; r < own; r++) b[row * rank + first + r] = weight * scale * ownB[row * own + r]!;
      first += own;
    }
    return [name, { a, b }];
  }));
  return { rank, alpha: rank, pairs };
}

/** What a checkpoint differs from the base, tensor by tensor; those that are equal are left out. */
function differenceOf(checkpoint: Checkpoint, base: Checkpoint): Change {
  const odd = [...checkpoint.tensors].find(([name, { shape }]) => base.tensors.get(name)?.shape.join() !== shape.join())?.[0]
    ?? [...base.tensors.keys()].find((name) => !checkpoint.tensors.has(name));
  if (odd !== undefined) throw new Fault({
    code: 'combine.shape', what: 'The checkpoint is no descendant of the base.', why: `${odd} is not the same tensor in both.`, mend: 'Name the base that it was trained from.',
  });
  return new Map([...checkpoint.tensors].flatMap(([name, entry]) => {
    const [data, own] = [readTensor(entry), readTensor(base.tensors.get(name)!)];
    data.forEach((value, i) => (data[i] = value - own[i]!));
    return data.some((value) => value !== 0) ? [[name, { shape: entry.shape, data }] as const] : [];
  }));
}

/**
 * The closest product B·A of a rank to a matrix, by one-sided Jacobi rotations (Hestenes): columns are turned in pairs until all stand at right angles; their
 * lengths are the singular values.
 *
 * @param matrix  [rows, columns]
 * @returns A [rank, columns], B [rows, rank], both with zeros beyond the matrix's own rank, and all squared singular values in falling order
 */
export function lowRank(matrix: Float32Array, rows: number, columns: number, rank: number): { readonly a: Float32Array; readonly b: Float32Array; readonly squares: readonly number[] } {
  const isWide = columns > rows;
  const [length, count] = isWide ? [columns, rows] : [rows, columns];
  // Column j of the tall form, and its row of the rotation that is collected.
  const tall = Array.from({ length: count }, (_, j) => Float64Array.from({ length }, (_unused, i) => matrix[isWide ? j * columns + i : i * columns + j]!));
  const turned = Array.from({ length: count }, (_, j) => Float64Array.from({ length: count }, (_unused, i) => (i === j ? 1 : 0)));
  const dot = (x: Float64Array, y: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
    return sum;
  };
  const rotate = (x: Float64Array, y: Float64Array, c: number, s: number): void => {
    for (let i = 0; i < x.length; i++) {
      const [p, q] = [x[i]!, y[i]!];
      x[i] = c * p - s * q;
      y[i] = s * p + c * q;
    }
  };
  const norms = tall.map((column) => dot(column, column));
  for (let sweep = 0, isDone = false; sweep < mostSweeps && !isDone; sweep++) {
    isDone = true;
    for (let p = 0; p < count; p++) for (let q = p + 1; q < count; q++) {
      const product = dot(tall[p]!, tall[q]!);
      if (Math.abs(product) <= 1e-9 * Math.sqrt(norms[p]! * norms[q]!)) continue;
      isDone = false;
      const half = (norms[q]! - norms[p]!) / (2 * product);
      const tangent = (half < 0 ? -1 : 1) / (Math.abs(half) + Math.hypot(1, half));
      const c = 1 / Math.hypot(1, tangent);
      rotate(tall[p]!, tall[q]!, c, c * tangent);
      rotate(turned[p]!, turned[q]!, c, c * tangent);
      [norms[p], norms[q]] = [dot(tall[p]!, tall[p]!), dot(tall[q]!, tall[q]!)];
    }
  }
  const order = norms.map((square, at) => ({ square, at })).sort((x, y) => y.square - x.square);
  const [a, b] = [new Float32Array(rank * columns), new Float32Array(rows * rank)];
  // matrix = Σ tallⱼ · turnedⱼᵀ; each factor takes the root of the length, as training leaves both alike.
  for (const [r, { square, at }] of order.slice(0, rank).entries()) {
    if (square === 0) break;
    const root = Math.sqrt(Math.sqrt(square));
    const [left, right] = isWide ? [turned[at]!.map((value) => value * root), tall[at]!.map((value) => value / root)] : [tall[at]!.map((value) => value / root), turned[at]!.map((value) => value * root)];
    a.set(right, r * columns);
    left.forEach((value, row) => (b[row * rank + r] = value));
  }
  return { a, b, squares: order.map(({ square }) => square) };
}

/** Ten are ample for the sizes here; the bound keeps damaged numbers from turning for ever. */
const mostSweeps = 40;
