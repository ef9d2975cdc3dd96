/** What a reader should know about an answer's boxes and about the pictures that it was given, whatever the model said of them. */
import { area, iou, type Box, type Finding } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';

export interface Concern {
  readonly code: string;
  readonly detail: string;
}

/** A box that covers more of its picture than this points at nothing, and one that covers less is next to nothing. */
const largestShare = 0.6;
const leastShare = 0.0002;
/** Two boxes that overlap by more than this are one box. */
const sameFrom = 0.95;
/** Levels of 255 between the hundredth and the ninety-ninth percentile: below it there is nothing to see. */
const leastRange = 4;

/**
 * `box.large`: it covers more than 60 % of its picture. `box.tiny`: less than 0.02 %. `box.duplicate`: two things that are said to be different share one box, or one thing has
 * it twice. `image.blank`: it has next to no contrast. `image.saturated`: nine tenths of it are black or white. What is no box at all the parser has flagged.
 *
 * @param findings  boxes in pixels of the pictures
 */
export function concernsOf(findings: readonly Finding[], pictures: readonly Picture[]): readonly Concern[] {
  const boxed = findings.flatMap(({ label, frame, boxes }) => boxes.map((box) => ({ label, frame, box })));
  const sized = boxed.flatMap(({ label, frame, box }): Concern[] => {
    const picture = pictures[frame] ?? pictures[0];
    if (!picture) return [];
    const share = area(box) / (picture.width * picture.height);
    if (share > largestShare) return [{ code: 'box.large', detail: `${label}: the box covers ${Math.round(share * 100)} % of the image.` }];
    return share < leastShare ? [{ code: 'box.tiny', detail: `${label}: the box is smaller than anything that could be seen in it.` }] : [];
  });
  const doubled = boxed.slice(0, mostCompared).flatMap(({ label, frame, box }, i) => boxed.slice(0, i).flatMap((other): Concern[] => {
    if (other.frame !== frame || iou(other.box, box) <= sameFrom || (other.label === label && isEqual(other.box, box))) return [];
    return [{ code: 'box.duplicate', detail: other.label === label ? `${label} has the same box twice.` : `${other.label} and ${label} have the same box.` }];
  }));
  const seen = new Set<string>();
  const distinct = [...sized, ...doubled].filter(({ detail }) => !seen.has(detail) && Boolean(seen.add(detail)));
  return [...distinct, ...pictures.flatMap((picture, i) => looks(picture).map(({ code, detail }) => ({ code, detail: pictures.length > 1 ? `Image ${i + 1}: ${detail}` : detail })))];
}

/** Every box is compared with every other, so there is a limit to them. */
const mostCompared = 200;

const isEqual = (a: Box, b: Box): boolean => a.x1 === b.x1 && a.y1 === b.y1 && a.x2 === b.x2 && a.y2 === b.y2;

function looks({ data }: Picture): readonly Concern[] {
  const counts = new Uint32Array(256);
  for (const value of data) counts[value] = (counts[value] as number) + 1;
  const at = (share: number): number => {
    let below = 0;
    return counts.findIndex((count) => (below += count) > share * (data.length - 1));
  };
  if (at(0.99) - at(0.01) < leastRange) return [{ code: 'image.blank', detail: 'the image shows next to nothing with this window.' }];
  const clipped = ((counts[0] as number) + (counts[255] as number)) / data.length;
  return clipped > 0.9 ? [{ code: 'image.saturated', detail: `${Math.round(clipped * 100)} % of the image are black or white with this window.` }] : [];
}
