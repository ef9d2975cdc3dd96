/** How much an answer moves when each place that it cites is hidden, when as much is hidden elsewhere, and when there is nothing to see at all. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import { controlBoxes, direct, occlude } from '#models/probe.ts';
import type { Ask, Reasoner } from '#models/reasoner.ts';

/** A place that an answer cites, in pixels of the asked picture that it lies on. */
export interface CitedRegion {
  readonly id: string;
  readonly frame: number;
  readonly box: Box;
}

export interface RegionEvidence {
  readonly id: string;
  /** How far the answer moves when the region is hidden, 0 … 1, and when as much is hidden elsewhere. */
  readonly hidden: number;
  readonly control: number;
  readonly controlBox: Box;
}

export interface Evidence {
  readonly regions: readonly RegionEvidence[];
  /** With all cited regions hidden at once; null where none is cited. */
  readonly all: number | null;
  /** With every picture grey, and with its blocks in another order. */
  readonly blank: number;
  readonly shuffled: number;
  /** The most that the answer moved by anything that was done to the pictures, 0 … 1. */
  readonly reliance: number;
  readonly usedImage: boolean;
}

/** Below this an answer counts as not having moved. */
export const leastReliance = 0.05;

/**
 * Scores the given answer on the pictures as they were and as they are changed. It is put directly after the question, without the reasoning that would
 * give it away. A change of 0 leaves every token's probability as it was; 0.5 means that they changed by a factor of 2 on average.
 *
 * @param told  called after each of `of` looks
 * @throws Fault `evidence.nothing` where the answer is empty; the signal's reason where it was stopped
 */
export async function checkEvidence(reasoner: Pick<Reasoner, 'score' | 'tokenizer'>, ask: Ask, given: string, regions: readonly CitedRegion[], { seed = 0, signal, told }: {
  readonly seed?: number; readonly signal?: AbortSignal; readonly told?: (done: number, of: number) => void;
} = {}): Promise<Evidence> {
  if (given.trim() === '') throw new Fault({ code: 'evidence.nothing', what: 'The evidence cannot be checked.', why: 'There is no answer whose movement could be measured.', mend: 'Ask again; a stopped or unparsed answer has nothing to check.' });
  const [opening, closing] = [reasoner.tokenizer.encode('<answer>'), reasoner.tokenizer.encode('</answer>')];
  let done = 0;
  const of = 3 + 2 * regions.length + (regions.length > 1 ? 1 : 0);
  const look = async (frames: readonly Picture[]): Promise<readonly number[]> => {
    signal?.throwIfAborted();
    const { ids, logProbabilities } = await reasoner.score({ ...ask, frames, question: direct(ask.question) }, `<answer>${given}</answer>`);
    told?.(++done, of);
    // The tags say nothing of the picture.
    const from = opening.every((id, i) => id === ids[i]) ? opening.length : 0;
    const to = ids.length - closing.length;
    return logProbabilities.slice(from, to > from && closing.every((id, i) => id === ids[to + i]) ? to : undefined);
  };
  const original = await look(ask.frames);
  const moved = async (frames: readonly Picture[]): Promise<number> => movement(original, await look(frames));
  const hiding = (frame: number, boxes: readonly Box[]): readonly Picture[] => ask.frames.map((picture, i) => (i === frame ? occlude(picture, boxes) : picture));

  const blank = await moved(ask.frames.map(({ width, height }) => createPicture({ width, height }, [128, 128, 128])));
  const shuffled = await moved(ask.frames.map((picture) => shuffle(picture, seed)));
  const looked: RegionEvidence[] = [];
  for (const [at, { id, frame, box }] of regions.entries()) {
    const picture = ask.frames[frame];
    if (!picture) throw new RangeError(`checkEvidence: there is no picture ${frame}`);
    const others = regions.filter((other, i) => i !== at && other.frame === frame).map((other) => other.box);
    const [controlBox = box] = controlBoxes(picture, [box, ...others], seed + at);
    looked.push({ id, hidden: await moved(hiding(frame, [box])), control: await moved(hiding(frame, [controlBox])), controlBox });
  }
  const all = regions.length > 1
    ? await moved(ask.frames.map((picture, i) => occlude(picture, regions.filter(({ frame }) => frame === i).map(({ box }) => box))))
    : looked[0]?.hidden ?? null;
  const reliance = Math.max(blank, shuffled, all ?? 0, ...looked.flatMap(({ hidden, control }) => [hidden, control]));
  return { regions: looked, all, blank, shuffled, reliance, usedImage: reliance > leastReliance };
}

/** 1 − exp(−mean |Δ ln p|) over the answer's tokens, 0 … 1. */
export function movement(before: readonly number[], after: readonly number[]): number {
  if (before.length === 0 || before.length !== after.length) return 0;
  return 1 - Math.exp(-before.reduce((total, p, i) => total + Math.abs(p - (after[i] as number)), 0) / before.length);
}

/** The picture cut into 8 × 8 blocks that stand in an order drawn from the seed: the same brightness, nothing where it was. */
export function shuffle({ width, height, data }: Picture, seed: number): Picture {
  const [columns, rows] = [Math.min(8, width), Math.min(8, height)];
  const [wide, high] = [Math.floor(width / columns), Math.floor(height / rows)];
  const order = Random.named(seed, 'shuffled picture').shuffled(Array.from({ length: columns * rows }, (_, i) => i));
  const shuffled = data.slice();
  for (const [to, from] of order.entries()) {
    const [toX, toY, fromX, fromY] = [(to % columns) * wide, Math.floor(to / columns) * high, (from % columns) * wide, Math.floor(from / columns) * high];
    for (let y = 0; y < high; y++) shuffled.set(data.subarray(((fromY + y) * width + fromX) * 3, ((fromY + y) * width + fromX + wide) * 3), ((toY + y) * width + toX) * 3);
  }
  return { width, height, data: shuffled };
}
