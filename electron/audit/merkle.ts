/** The Merkle tree of RFC 6962: one root stands for all leaves, and a few hashes prove that a leaf, or an earlier tree, is within. */
import { sha256 } from './canonical.ts';

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);

export const leafHash = (data: Uint8Array): Buffer => sha256(leafPrefix, data);
const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer => sha256(nodePrefix, left, right);

/** The largest power of two below n, for n ≥ 2. */
const splitOf = (n: number): number => 2 ** (31 - Math.clz32(n - 1));

/** @param leaves  leaf hashes; the tree of none is the hash of nothing */
export function merkleRoot(leaves: readonly Uint8Array[], from = 0, to = leaves.length): Buffer {
  const frontier = createFrontier();
  for (let i = from; i < to; i++) frontier.add(leaves[i] as Uint8Array);
  return frontier.root();
}

/** A tree that only grows: log n hashes are kept. */
export interface Frontier {
  readonly size: number;
  add(leaf: Uint8Array): void;
  root(): Buffer;
  copy(): Frontier;
}

/** @param full  roots of full subtrees, the largest first; their sizes are the powers of two that make up `size` */
export function createFrontier(full: Uint8Array[] = [], size = 0): Frontier {
  return {
    copy: () => createFrontier([...full], size),
    get size() {
      return size;
    },
    add(leaf) {
      let hash = leaf;
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) hash = nodeHash(full.pop() as Uint8Array, hash);
      full.push(hash);
      size++;
    },
    root: () => (full.length === 0 ? sha256('') : Buffer.from(full.reduceRight((right, left) => nodeHash(left, right)))),
  };
}

/** The hashes that lead from leaf `index` to the root of the first `size` leaves. */
export function inclusionProof(leaves: readonly Uint8Array[], index: number, size = leaves.length): readonly Buffer[] {
  if (!(index >= 0 && index < size && size <= leaves.length)) throw new RangeError(`inclusionProof: there is no leaf ${index} of ${size}`);
  const path = (from: number, to: number): Buffer[] => {
    if (to - from === 1) return [];
    const middle = from + splitOf(to - from);
    return index < middle ? [...path(from, middle), merkleRoot(leaves, middle, to)] : [...path(middle, to), merkleRoot(leaves, from, middle)];
  };
  return path(0, size);
}

/** Whether the proof leads from the leaf to the root (RFC 9162, section 2.1.3.2). */
export function isIncluded({ leaf, index, size, proof, root }: {
  readonly leaf: Uint8Array; readonly index: number; readonly size: number; readonly proof: readonly Uint8Array[]; readonly root: Uint8Array;
}): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  let at = index;
  let last = size - 1;
  let hash: Uint8Array = leaf;
  for (const step of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = nodeHash(step, hash);
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, step);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equal(hash, root);
}

/** The hashes that show the tree of the first `from` leaves to be the beginning of that of the first `to`. */
export function consistencyProof(leaves: readonly Uint8Array[], from: number, to = leaves.length): readonly Buffer[] {
  if (!(from >= 1 && from <= to && to <= leaves.length)) throw new RangeError(`consistencyProof: no tree of ${from} within ${to}`);
  const path = (size: number, start: number, end: number, isWhole: boolean): Buffer[] => {
    if (size === end - start) return isWhole ? [] : [merkleRoot(leaves, start, end)];
    const split = splitOf(end - start);
    const middle = start + split;
    return size <= split
      ? [...path(size, start, middle, isWhole), merkleRoot(leaves, middle, end)]
      : [...path(size - split, middle, end, false), merkleRoot(leaves, start, middle)];
  };
  return path(from, 0, to, true);
}

/** Whether the proof shows the older tree to be the beginning of the newer (RFC 9162, section 2.1.4.2). */
export function isConsistent({ from, to, proof, oldRoot, newRoot }: {
  readonly from: number; readonly to: number; readonly proof: readonly Uint8Array[]; readonly oldRoot: Uint8Array; readonly newRoot: Uint8Array;
}): boolean {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || from > to) return false;
  if (from === to) return proof.length === 0 && equal(oldRoot, newRoot);
  const isPower = Number.isInteger(Math.log2(from));
  const steps = isPower ? [oldRoot, ...proof] : [...proof];
  let at = from - 1;
  let last = to - 1;
  while (at % 2 === 1) {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  const [first, ...rest] = steps;
  if (!first) return false;
  let older: Uint8Array = first;
  let newer: Uint8Array = first;
  for (const step of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      older = nodeHash(step, older);
      newer = nodeHash(step, newer);
      while (at % 2 === 0 && at !== 0) {
        at = Math.floor(at / 2);
        last = Math.floor(last / 2);
      }
    } else {
      newer = nodeHash(newer, step);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equal(older, oldRoot) && equal(newer, newRoot);
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
