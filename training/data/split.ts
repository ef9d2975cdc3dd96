/** Splits by group (patient, lesion, block), never by image; and what to find out where that was not kept. */
import { Random } from '#models/base/random.ts';
import { splits, type CaseRecord, type Split } from '#training/records/caseRecord.ts';
import { lookAlikes, sameWithin, type PictureHash } from './lookAlikes.ts';

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
 * Pairs across splits that share a group or their bytes, or that look alike: `hashes` are `pictureHashes` by record id,
 * alike within `maxDistance` bits. For each group and each file one pair is named.
 */
export function leaks(records: readonly Leakable[], hashes: ReadonlyMap<string, readonly PictureHash[]> = new Map(), maxDistance = sameWithin): Leak[] {
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
  const byId = new Map(records.map((record) => [record.id, record]));
  const looked = records.flatMap(({ id }) => (hashes.has(id) ? [{ id, hashes: hashes.get(id)! }] : []));
  const isAcross = (first: string, second: string): boolean => byId.get(first)!.split !== byId.get(second)!.split;
  for (const { first, second, distance } of lookAlikes(looked, { maxDistance, isPair: isAcross })) {
    found.push({ kind: 'look-alike', first, second, splits: [byId.get(first)!.split, byId.get(second)!.split], distance });
  }
  return found;
}
