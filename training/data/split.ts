/** Splits by group (patient, lesion, block), never by image; and what to find out where that was not kept. */
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { splits, type CaseRecord, type Split } from '#training/records/caseRecord.ts';

export type SplitShares = Readonly<Record<Split, number>>;

type Splittable = Pick<CaseRecord, 'id' | 'group' | 'label' | 'task' | 'sha256'>;

/**
 * A split for every record: whole groups, drawn by seed, so that each task and label comes as near to its shares as its groups allow.
 * Records that share a group or their bytes stay together, whatever their task. The order of the records does not matter.
 */
export function splitByGroup(records: readonly Splittable[], shares: SplitShares, seed: number): Map<string, Split> {
  const total = splits.reduce((sum, split) => sum + shares[split], 0);
  if (!(total > 0) || splits.some((split) => !(shares[split] >= 0))) throw new RangeError('splitByGroup: no share may be negative, nor all zero');
  const open = splits.filter((split) => shares[split] > 0);
  const clusters = clustersOf(records).map((members) => ({ members, key: Random.named(seed, members.map(({ id }) => id).sort()[0] ?? '').uint32() }));
  // Large clusters first, while there is room everywhere; equal ones in seeded order.
  clusters.sort((a, b) => b.members.length - a.members.length || a.key - b.key);
  const kindOf = ({ task, label }: Splittable): string => `${task}\n${label}`;
  const wanted = new Map<string, number>();
  for (const record of records) wanted.set(kindOf(record), (wanted.get(kindOf(record)) ?? 0) + 1);
  const placed = new Map<string, number>();
  const result = new Map<string, Split>();
  for (const { members } of clusters) {
    const kinds = new Map<string, number>();
    for (const record of members) kinds.set(kindOf(record), (kinds.get(kindOf(record)) ?? 0) + 1);
    // How much further from its shares each split would be: the growth of Σ (placed − wanted)² / wanted.
    const harm = (split: Split): number => [...kinds].reduce((sum, [kind, count]) => {
      const want = ((wanted.get(kind) ?? 0) * shares[split]) / total;
      const gap = (placed.get(`${split}\n${kind}`) ?? 0) - want;
      return sum + ((gap + count) ** 2 - gap ** 2) / want;
    }, 0);
    const best = open.reduce((chosen, split) => (harm(split) < harm(chosen) ? split : chosen));
    for (const record of members) {
      placed.set(`${best}\n${kindOf(record)}`, (placed.get(`${best}\n${kindOf(record)}`) ?? 0) + 1);
      result.set(record.id, best);
    }
  }
  return result;
}

/** Records joined by a common group or common bytes. */
function clustersOf(records: readonly Splittable[]): Splittable[][] {
  const parents = records.map((_, at) => at);
  const rootOf = (at: number): number => {
    let root = at;
    while (parents[root]! !== root) root = parents[root]!;
    for (let step = at; step !== root;) [parents[step], step] = [root, parents[step]!];
    return root;
  };
  const first = new Map<string, number>();
  for (const [at, { group, sha256 }] of records.entries()) {
    for (const key of [`group ${group}`, `bytes ${sha256}`]) {
      const earlier = first.get(key);
      if (earlier === undefined) first.set(key, at);
      else parents[rootOf(at)] = rootOf(earlier);
    }
  }
  const clusters = new Map<number, Splittable[]>();
  for (const [at, record] of records.entries()) {
    const root = rootOf(at);
    const members = clusters.get(root);
    if (members) members.push(record);
    else clusters.set(root, [record]);
  }
  return [...clusters.values()];
}

export interface Leak {
  readonly kind: 'group' | 'bytes' | 'look-alike';
  readonly first: string;
  readonly second: string;
  readonly splits: readonly [Split, Split];
  /** Bits that differ between the two picture hashes; only of look-alikes. */
  readonly distance?: number;
}

type Leakable = Pick<CaseRecord, 'id' | 'group' | 'split' | 'sha256'>;

/**
 * Pairs across splits that share a group or their bytes, or that look alike: `hashes` are picture hashes by record id,
 * alike within `maxDistance` bits. For each group and each file one pair is named.
 */
export function leaks(records: readonly Leakable[], hashes: ReadonlyMap<string, PictureHash> = new Map(), maxDistance = 10): Leak[] {
  const found: Leak[] = [];
  const seen = new Set<string>();
  for (const [kind, keyOf] of [['group', ({ group }: Leakable) => group], ['bytes', ({ sha256 }: Leakable) => sha256]] as const) {
    const first = new Map<string, Leakable>();
    for (const record of records) {
      const earlier = first.get(keyOf(record));
      if (!earlier) first.set(keyOf(record), record);
      else if (earlier.split !== record.split && !seen.has(`${kind} ${keyOf(record)}`)) {
        seen.add(`${kind} ${keyOf(record)}`);
        found.push({ kind, first: earlier.id, second: record.id, splits: [earlier.split, record.split] });
      }
    }
  }
  const hashed = records.filter(({ id }) => hashes.has(id));
  for (const [at, one] of hashed.entries()) {
    for (let other = at + 1; other < hashed.length; other++) {
      const two = hashed[other]!;
      if (one.split === two.split) continue;
      const distance = distanceOf(hashes.get(one.id)!, hashes.get(two.id)!);
      if (distance <= maxDistance) found.push({ kind: 'look-alike', first: one.id, second: two.id, splits: [one.split, two.split], distance });
    }
  }
  return found;
}

/** 256 bits, as eight 32-bit words: which of two neighbouring cells of a 17 x 16 brightness grid is brighter. */
export type PictureHash = Uint32Array;

export function pictureHash({ width, height, data }: Picture): PictureHash {
  const [columns, rows] = [17, 16];
  const sums = new Float64Array(columns * rows);
  const counts = new Float64Array(columns * rows);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height) * columns;
    for (let x = 0, at = y * width * 3; x < width; x++, at += 3) {
      const cell = row + Math.floor((x * columns) / width);
      sums[cell]! += data[at]! + 2 * data[at + 1]! + data[at + 2]!;
      counts[cell]!++;
    }
  }
  const hash = new Uint32Array(8);
  for (let bit = 0; bit < 256; bit++) {
    const at = Math.floor(bit / 16) * columns + (bit % 16);
    // A margin of one grey level keeps flat background from flipping bits by noise.
    const isDarker = sums[at]! / Math.max(1, counts[at]!) + 4 < sums[at + 1]! / Math.max(1, counts[at + 1]!);
    if (isDarker) hash[bit >> 5]! |= 1 << (bit & 31);
  }
  return hash;
}

/** How many of the 256 bits differ. */
export function distanceOf(a: PictureHash, b: PictureHash): number {
  let bits = 0;
  for (let word = 0; word < 8; word++) {
    let v = a[word]! ^ b[word]!;
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    bits += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return bits;
}
