/** How cells that show stacks follow each other: through the patient where the files allow it, otherwise only as a person told them to. */
import type { SeriesSummary } from '#electron/contract/library.ts';
import { patientPlane } from '#models/imaging/coordinates.ts';
import { areParallel, middleOfFrame, nearestFrame } from '#models/imaging/relations.ts';

/** Places along stacks that a person declared to be one place: millimetres (or images, without geometry) by series. */
export type HandLink = Readonly<Record<string, number>>;

/**
 * `space`: same frame of reference, scrolled to the same place. `lines`: same frame of reference but planes that cross, so they show each other's place.
 * `hand`: a person said which places belong together. `none`: nothing says how they relate.
 */
export type LinkKind = 'space' | 'lines' | 'hand' | 'none';

export function linkOf(a: SeriesSummary, b: SeriesSummary, hand: HandLink): LinkKind {
  const [one, other] = [a.frames[0], b.frames[0]].map((frame) => frame && patientPlane(frame.geometry));
  if (a.frameOfReference !== null && a.frameOfReference === b.frameOfReference && one && other) return areParallel(one, other) ? 'space' : 'lines';
  return a.id in hand && b.id in hand ? 'hand' : 'none';
}

/** How far along its stack a frame lies: millimetres, or its number where the files do not say. */
export const alongOf = ({ frames }: SeriesSummary, at: number): number => frames[at]?.alongMm ?? at;

/** The frame of `to` that belongs to a frame of `from`; null where it stays as it is. */
export function followed(from: SeriesSummary, frameAt: number, to: SeriesSummary, hand: HandLink): number | null {
  const frame = from.frames[frameAt];
  if (!frame) return null;
  if (from.id === to.id) return frameAt;
  const link = linkOf(from, to, hand);
  if (link === 'space') {
    const place = middleOfFrame(frame);
    return place && (nearestFrame(to.frames, place)?.at ?? null);
  }
  if (link !== 'hand') return null;
  const wanted = alongOf(from, frameAt) - (hand[from.id] as number) + (hand[to.id] as number);
  let [best, distance] = [0, Infinity];
  for (let at = 0; at < to.frames.length; at++) {
    const away = Math.abs(alongOf(to, at) - wanted);
    if (away < distance) [best, distance] = [at, away];
  }
  return best;
}
