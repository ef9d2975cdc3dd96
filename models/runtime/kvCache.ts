/** What the decoder remembers of its tokens: arrays that the session reads in place and this code fills, one slot for each new token. */

import type { Tensor } from './session.ts';
import { float32 } from './session.ts';

export interface CacheShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headWidth: number;
}

/** A prompt as the network has read it. */
export interface Prefilled {
  /** Scores over the vocabulary after the last token, [V]. */
  readonly logits: Float32Array;
  /** For each layer the rotated keys and the values, [kvHeads, stride, headWidth]; only the first `tokens` places mean anything. */
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
  readonly stride: number;
  readonly tokens: number;
  /** The rotary position of the token that follows, on every axis. */
  readonly nextPosition: number;
}

const closed = -1e9;

/** The size of a static graph that holds `count`: few sizes, so that sessions are used again, and not much empty room. */
export function bucket(count: number, step = 64): number {
  if (count <= 4 * step) return Math.max(1, Math.ceil(count / step)) * step;
  // Above that a size has three binary digits: at most a fifth is empty.
  const unit = 2 ** (Math.ceil(Math.log2(count)) - 3);
  return Math.ceil(count / unit) * unit;
}

export interface KvCacheSize {
  readonly rows: number;
  /** Tokens that the prefix can hold, and slots for written tokens. */
  readonly prefix: number;
  readonly slots: number;
  /** One prefix for all rows, or one for each. */
  readonly sharedPrefix: boolean;
  /** Prefixes that the rows share evenly, those of the first owner first; absent: as `sharedPrefix` says. */
  readonly owners?: number;
}

/** How many prefixes there are. */
export const ownersOf = ({ rows, sharedPrefix, owners }: KvCacheSize): number => owners ?? (sharedPrefix ? 1 : rows);

/**
 * The cache of G rows. Rows share one prefix or have their own; each row fills its own slots.
 * `feeds` are the inputs of the decode graph: the arrays are read in place at every run, so that nothing is copied but the newest token.
 */
export class KvCache {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly size: KvCacheSize;
  private readonly shape: CacheShape;
  private readonly prefixMask: Float32Array;
  private readonly slotMask: Float32Array;
  private readonly prefixes: readonly Float32Array[];
  private readonly slots: readonly Float32Array[];
  private readonly used: Int32Array;

  constructor(shape: CacheShape, size: KvCacheSize) {
    this.shape = shape;
    this.size = size;
    const { layers, kvHeads, headWidth } = shape;
    const { rows, prefix, slots } = size;
    const owners = ownersOf(size);
    this.prefixMask = new Float32Array(owners * prefix).fill(closed);
    this.slotMask = new Float32Array(rows * slots).fill(closed);
    this.used = new Int32Array(rows);
    const feeds: Record<string, Tensor> = {
      prefixMask: float32([owners, 1, 1, prefix], this.prefixMask),
      slotMask: float32([rows, 1, 1, slots], this.slotMask),
    };
    const prefixes: Float32Array[] = [];
    const slotted: Float32Array[] = [];
    for (let layer = 0; layer < layers; layer++) {
      for (const which of ['key', 'value'] as const) {
        const ahead = new Float32Array(owners * kvHeads * prefix * headWidth);
        const behind = new Float32Array(rows * kvHeads * slots * headWidth);
        prefixes.push(ahead);
        slotted.push(behind);
        feeds[`prefix.${which}.${layer}`] = float32([owners, kvHeads, prefix, headWidth], ahead);
        feeds[`slot.${which}.${layer}`] = float32([rows, kvHeads, slots, headWidth], behind);
      }
    }
    this.prefixes = prefixes;
    this.slots = slotted;
    this.feeds = feeds;
  }

  /** How many tokens the row has written. */
  written(row: number): number {
    return this.used[row] as number;
  }

  /** Whether every row has a slot left. */
  get hasRoom(): boolean {
    return this.used.every((count) => count < this.size.slots);
  }

  /** Puts a prompt before the rows of an owner, and empties their slots. */
  setPrefix(owner: number, prompt: Prefilled): void {
    const { kvHeads, headWidth } = this.shape;
    const { prefix, rows } = this.size;
    const each = rows / ownersOf(this.size);
    if (prompt.tokens > prefix) throw new RangeError(`setPrefix: ${prompt.tokens} tokens do not fit ${prefix}`);
    prompt.keys.forEach((keys, layer) => [keys, prompt.values[layer] as Float32Array].forEach((source, which) => {
      const target = this.prefixes[2 * layer + which] as Float32Array;
      for (let head = 0; head < kvHeads; head++) {
        const from = head * prompt.stride * headWidth;
        target.set(source.subarray(from, from + prompt.tokens * headWidth), (owner * kvHeads + head) * prefix * headWidth);
      }
    }));
    this.prefixMask.fill(0, owner * prefix, owner * prefix + prompt.tokens).fill(closed, owner * prefix + prompt.tokens, (owner + 1) * prefix);
    for (let row = owner * each; row < (owner + 1) * each; row++) this.clear(row);
  }

  /** Empties the slots of a row. */
  clear(row: number): void {
    this.used[row] = 0;
    this.slotMask.fill(closed, row * this.size.slots, (row + 1) * this.size.slots);
  }

  /** Keeps the newest token of the given rows from the decode graph's outputs `key.i` and `value.i`, [G, kvHeads, 1, headWidth]. */
  append(rows: readonly number[], outputs: Readonly<Record<string, Tensor>>): void {
    const { layers, kvHeads, headWidth } = this.shape;
    const { slots } = this.size;
    for (let layer = 0; layer < layers; layer++) {
      for (let which = 0; which < 2; which++) {
        const source = outputs[`${which === 0 ? 'key' : 'value'}.${layer}`]?.data as Float32Array;
        const target = this.slots[2 * layer + which] as Float32Array;
        for (const row of rows) {
          const place = this.used[row] as number;
          for (let head = 0; head < kvHeads; head++) {
            const from = (row * kvHeads + head) * headWidth;
            const to = ((row * kvHeads + head) * slots + place) * headWidth;
            for (let i = 0; i < headWidth; i++) target[to + i] = source[from + i] as number;
          }
        }
      }
    }
    for (const row of rows) {
      this.slotMask[row * slots + (this.used[row] as number)] = 0;
      (this.used[row] as number)++;
    }
  }

  /**
   * The same contents with more slots, or fewer rows: `rows[i]` of this cache becomes row i of the new one, and null leaves it empty.
   * `owners[i]` becomes owner i; absent: the owners follow their rows.
   */
  moved(rows: readonly (number | null)[], slots: number, rowCount = rows.length, owners?: readonly number[]): KvCache {
    const { kvHeads, headWidth } = this.shape;
    const { prefix, sharedPrefix } = this.size;
    const kept = owners ?? (ownersOf(this.size) === this.size.rows && !sharedPrefix ? rows.map((row) => row ?? 0) : Array.from({ length: ownersOf(this.size) }, (_, owner) => owner));
    const cache = new KvCache(this.shape, { ...this.size, rows: rowCount, slots, ...(this.size.owners === undefined ? {} : { owners: kept.length }) });
    const block = kvHeads * prefix * headWidth;
    this.prefixes.forEach((source, i) => kept.forEach((owner, to) => (cache.prefixes[i] as Float32Array).set(source.subarray(owner * block, (owner + 1) * block), to * block)));
    kept.forEach((owner, to) => cache.prefixMask.set(this.prefixMask.subarray(owner * prefix, (owner + 1) * prefix), to * prefix));
    rows.forEach((row, to) => {
      if (row === null) return;
      const count = this.used[row] as number;
      cache.used[to] = count;
      cache.slotMask.fill(0, to * slots, to * slots + count);
      this.slots.forEach((source, i) => {
        for (let head = 0; head < kvHeads; head++) {
          const from = (row * kvHeads + head) * this.size.slots * headWidth;
          (cache.slots[i] as Float32Array).set(source.subarray(from, from + count * headWidth), (to * kvHeads + head) * slots * headWidth);
        }
      });
    });
    return cache;
  }
}
