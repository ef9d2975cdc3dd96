/** Writing completions token by token: several samples of one prompt, or many prompts side by side. */

import { Random } from '#models/base/random.ts';
import type { CacheShape, KvCacheSize, Prefilled } from './kvCache.ts';
import { bucket, KvCache } from './kvCache.ts';
import type { BanMask, Choice, Sampling } from './sampler.ts';
import { chooseToken, logProbability } from './sampler.ts';
import type { Session } from './session.ts';
import { float32, floats, int64 } from './session.ts';

/** A network as generation needs it. */
export interface Network {
  readonly cache: CacheShape;
  readonly vocabulary: number;
  /** The longest sequence that it was made for. */
  readonly maxPositions: number;
  /** A decode session of this size; sessions stay open for the next caller. */
  decodeSession(size: KvCacheSize): Promise<Session>;
  /** Cosines and sines of text positions, [N, 1, headWidth] each. */
  rotary(positions: ArrayLike<number>): { readonly cos: Float32Array; readonly sin: Float32Array };
}

export interface GenerateOptions {
  readonly sampling: Sampling;
  readonly maxNewTokens: number;
  /** Tokens that end a completion. The last one is kept in `tokens`. */
  readonly stops: ReadonlySet<number>;
  readonly banned?: BanMask;
  /** Reports ln p at the sampling's own temperature instead of at 1. */
  readonly temperedLogProbabilities?: boolean;
  /** Says of each token how unsure the model was before it. */
  readonly entropies?: boolean;
  /** Stops within one token; what was written until then is returned. */
  readonly signal?: AbortSignal;
}

export interface Completion {
  readonly tokens: readonly number[];
  /** ln p of each token under the whole softmax, at temperature 1 unless the options say otherwise. */
  readonly logProbabilities: readonly number[];
  /** Entropy at temperature 1 of the distribution that each token was drawn from, in nats; where it was asked for. */
  readonly entropies?: readonly number[];
  /** Why it ended: a stop token, the limit, or the signal. */
  readonly end: 'stop' | 'length' | 'aborted';
}

/** A token as it is written: `row` counts samples or prompts. */
export type TokenListener = (token: Choice, row: number) => void;

/** One completion while it grows. */
class Lane {
  readonly tokens: number[] = [];
  readonly logProbabilities: number[] = [];
  readonly entropies: number[] = [];
  end: Completion['end'] | null = null;

  constructor(
    /** The caller's number for it. */
    readonly index: number,
    readonly firstPosition: number,
    private readonly random: Random,
    private readonly options: GenerateOptions,
    private readonly listener: TokenListener | undefined,
  ) {}

  /** Takes the next token from these logits. */
  advance(logits: Float32Array): void {
    const { sampling, banned, stops, maxNewTokens } = this.options;
    const choice = chooseToken(logits, sampling, this.random, banned, this.options.entropies);
    this.tokens.push(choice.token);
    if (choice.entropy !== undefined) this.entropies.push(choice.entropy);
    const { temperature } = sampling;
    this.logProbabilities.push(this.options.temperedLogProbabilities && temperature !== 0 && temperature !== 1 ? logProbability(logits, choice.token, temperature) : choice.logProbability);
    if (stops.has(choice.token)) this.end = 'stop';
    else if (this.tokens.length >= maxNewTokens) this.end = 'length';
    this.listener?.(choice, this.index);
  }

  get completion(): Completion {
    return { tokens: this.tokens, logProbabilities: this.logProbabilities, ...(this.options.entropies ? { entropies: this.entropies } : {}), end: this.end ?? 'aborted' };
  }
}

/** Each row draws from a stream of its own: the first of eight samples is what one sample alone would have been. */
const streamOf = (seed: number, row: number): Random => Random.named(seed, `row ${row}`);

const limited = (network: Network, prompt: Prefilled, options: GenerateOptions): GenerateOptions =>
  ({ ...options, maxNewTokens: Math.max(1, Math.min(options.maxNewTokens, network.maxPositions - prompt.tokens)) });

/**
 * G completions of one prompt, which the rows share.
 *
 * @returns one completion for each sample, in order
 */
export async function generate(network: Network, prompt: Prefilled, samples: number, options: GenerateOptions, onToken?: TokenListener): Promise<readonly Completion[]> {
  const within = limited(network, prompt, options);
  const lanes = Array.from({ length: samples }, (_, row) => new Lane(row, prompt.nextPosition, streamOf(options.sampling.seed, row), within, onToken));
  const isStopped = (): boolean => options.signal?.aborted === true;
  if (isStopped() || options.maxNewTokens < 1) return lanes.map(({ completion }) => completion);
  for (const lane of lanes) lane.advance(prompt.logits);
  let active = lanes.filter(({ end }) => end === null);
  if (active.length === 0) return lanes.map(({ completion }) => completion);
  let cache = new KvCache(network.cache, {
    rows: rowBucket(active.length), prefix: bucket(prompt.tokens), slots: firstSlots(within.maxNewTokens), sharedPrefix: active.length > 1,
  });
  for (let owner = 0; owner < (cache.size.sharedPrefix ? 1 : cache.size.rows); owner++) cache.setPrefix(owner, prompt);
  let places: (Lane | null)[] = Array.from({ length: cache.size.rows }, (_, row) => active[row] ?? null);
  while (active.length > 0 && !isStopped()) {
    if (!cache.hasRoom || (cache.size.sharedPrefix && rowBucket(active.length) <= cache.size.rows / 2)) {
      const rows = places.flatMap((lane, row) => (lane?.end === null ? [row] : []));
      const slots = cache.hasRoom ? cache.size.slots : Math.min(bucket(2 * cache.size.slots), Math.max(bucket(within.maxNewTokens), cache.size.slots + 64));
      cache = cache.moved(rows, slots, cache.size.sharedPrefix ? rowBucket(rows.length) : rows.length);
      places = Array.from({ length: cache.size.rows }, (_, to) => (to < rows.length ? places[rows[to] as number] as Lane : null));
    }
    await step(network, cache, places);
    active = active.filter(({ end }) => end === null);
  }
  return lanes.map(({ completion }) => completion);
}

/** A prompt with the seed of its samples, which need not be that of the sampling. */
export interface GroupPrompt {
  readonly prompt: Prefilled;
  readonly samples: number;
  readonly seed: number;
}

/**
 * Several completions of each of several prompts, all written side by side: the rows of a prompt share it.
 * A row's tokens do not depend on what is written beside it.
 *
 * @returns the completions by prompt, in order
 */
export async function generateGroups(network: Network, groups: readonly GroupPrompt[], options: GenerateOptions): Promise<readonly (readonly Completion[])[]> {
  const lanes = groups.map(({ prompt, samples, seed }, index) => {
    const within = limited(network, prompt, options);
    return Array.from({ length: samples }, (_, row) => new Lane(index, prompt.nextPosition, streamOf(seed, row), within, undefined));
  });
  const completions = (): (readonly Completion[])[] => lanes.map((group) => group.map(({ completion }) => completion));
  const isStopped = (): boolean => options.signal?.aborted === true;
  if (isStopped() || options.maxNewTokens < 1) return completions();
  lanes.forEach((group, index) => group.forEach((lane) => lane.advance((groups[index] as GroupPrompt).prompt.logits)));
  const activeOf = (group: readonly Lane[]): readonly Lane[] => group.filter(({ end }) => end === null);
  /** The groups that are still written, and how many rows each of them has. */
  let owners = lanes.flatMap((group, index) => (activeOf(group).length > 0 ? [index] : []));
  if (owners.length === 0) return completions();
  let each = Math.max(...owners.map((index) => activeOf(lanes[index] as Lane[]).length));
  const placesOf = (): (Lane | null)[] => owners.flatMap((index) => {
    const active = activeOf(lanes[index] as Lane[]);
    return Array.from({ length: each }, (_, i) => active[i] ?? null);
  });
  let cache = new KvCache(network.cache, {
    rows: owners.length * each, prefix: bucket(Math.max(...groups.map(({ prompt }) => prompt.tokens))), slots: firstSlots(options.maxNewTokens), sharedPrefix: false, owners: owners.length,
  });
  owners.forEach((index, owner) => cache.setPrefix(owner, (groups[index] as GroupPrompt).prompt));
  let places = placesOf();
  while (!isStopped()) {
    const active = places.reduce((count, lane) => count + (lane?.end === null ? 1 : 0), 0);
    if (active === 0) break;
    // A smaller graph has to be opened first, which pays only when much less is left to write.
    const left = owners.filter((index) => activeOf(lanes[index] as Lane[]).length > 0);
    const most = rowBucket(Math.max(...left.map((index) => activeOf(lanes[index] as Lane[]).length)));
    const isSmaller = 4 * left.length * most <= cache.size.rows;
    if (!cache.hasRoom || isSmaller) {
      const before = places;
      const keptOwners = isSmaller ? left.map((index) => owners.indexOf(index)) : owners.map((_, owner) => owner);
      if (isSmaller) [owners, each] = [left, most];
      places = isSmaller ? placesOf() : before;
      const slots = cache.hasRoom ? cache.size.slots : Math.min(bucket(2 * cache.size.slots), Math.max(bucket(options.maxNewTokens), cache.size.slots + 64));
      cache = cache.moved(places.map((lane) => (lane ? before.indexOf(lane) : null)), slots, places.length, keptOwners);
    }
    await step(network, cache, places);
  }
  return completions();
}

/** A prompt that waits for its turn: `read` runs its prefill when a row is free. */
export interface WaitingPrompt {
  /** How many tokens it has; prompts of similar length share a graph. */
  readonly tokens: number;
  read(): Promise<Prefilled>;
}

/**
 * One completion for each of many prompts. A row that ends takes the next prompt, so that the rows stay busy.
 *
 * @param rows  how many are written side by side
 */
export async function generateMany(network: Network, prompts: readonly WaitingPrompt[], rows: number, options: GenerateOptions, onDone?: (index: number, completion: Completion) => void): Promise<readonly Completion[]> {
  const results: Completion[] = prompts.map(() => ({ tokens: [], logProbabilities: [], end: 'aborted' }));
  for (const group of byPrefix(prompts)) {
    let waiting = group.indices;
    const count = rowBucket(Math.min(rows, waiting.length));
    let cache = new KvCache(network.cache, { rows: count, prefix: group.prefix, slots: firstSlots(options.maxNewTokens), sharedPrefix: false });
    const places: (Lane | null)[] = new Array<Lane | null>(count).fill(null);
    const finish = (lane: Lane): void => {
      results[lane.index] = lane.completion;
      onDone?.(lane.index, lane.completion);
    };
    for (;;) {
      if (options.signal?.aborted === true) break;
      for (let row = 0; row < count; row++) {
        while ((places[row] === null || places[row]?.end !== null) && waiting.length > 0) {
          const [index, ...rest] = waiting as [number, ...number[]];
          waiting = rest;
          const prompt = await (prompts[index] as WaitingPrompt).read();
          cache.setPrefix(row, prompt);
          const lane = new Lane(index, prompt.nextPosition, streamOf(options.sampling.seed, index), limited(network, prompt, options), undefined);
          lane.advance(prompt.logits);
          places[row] = lane;
          if (lane.end !== null) finish(lane);
        }
      }
      const active = places.filter((lane) => lane?.end === null);
      if (active.length === 0) break;
      if (!cache.hasRoom) cache = cache.moved(Array.from({ length: count }, (_, row) => row), bucket(cache.size.slots + 1));
      await step(network, cache, places);
      for (const lane of active) if (lane !== null && lane.end !== null) finish(lane);
    }
    for (const lane of places) if (lane?.end === null) results[lane.index] = lane.completion;
  }
  return results;
}

/** One token in each row that is still written. */
async function step(network: Network, cache: KvCache, places: readonly (Lane | null)[]): Promise<void> {
  const { rows } = cache.size;
  const session = await network.decodeSession(cache.size);
  const ids = new Int32Array(rows);
  const positions = new Int32Array(rows);
  const active: number[] = [];
  for (let row = 0; row < rows; row++) {
    const lane = places[row];
    if (!lane || lane.end !== null) continue;
    active.push(row);
    ids[row] = lane.tokens.at(-1) as number;
    positions[row] = lane.firstPosition + lane.tokens.length - 1;
  }
  const { cos, sin } = network.rotary(positions);
  const dims = [rows, 1, network.cache.headWidth];
  const outputs = await session.run({ ...cache.feeds, ids: int64([rows], ids), cos: float32(dims, cos), sin: float32(dims, sin) });
  cache.append(active, outputs);
  const logits = floats(outputs, 'logits');
  for (const row of active) (places[row] as Lane).advance(logits.subarray(row * network.vocabulary, (row + 1) * network.vocabulary));
}

/** Few sizes: 1, 2, 4, 8, 16 … rows. */
const rowBucket = (count: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, count)));

/** Room for a usual answer; a longer one moves to a larger cache on its way. */
const firstSlots = (maxNewTokens: number): number => Math.min(bucket(maxNewTokens), 128);

/** Prompts grouped by the bucket of their length, so that a long one does not make the short ones slow. */
function byPrefix(prompts: readonly WaitingPrompt[]): readonly { readonly prefix: number; readonly indices: readonly number[] }[] {
  const groups = new Map<number, number[]>();
  prompts.forEach(({ tokens }, index) => {
    const prefix = bucket(tokens);
    const group = groups.get(prefix);
    if (group) group.push(index);
    else groups.set(prefix, [index]);
  });
  return [...groups].map(([prefix, indices]) => ({ prefix, indices }));
}
