/** What a reader should know about an answer's boxes and about the pictures that it was given, whatever the model said of them. */
import { area, type Finding } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';

export interface Concern {
  readonly code: string;
  readonly detail: string;
}

/** A box that covers more of its picture than this points at nothing. */
const largestShare = 0.6;
/** Levels of 255 between the hundredth and the ninety-ninth percentile: below it there is nothing to see. */
const leastRange = 4;

/**
 * `box.large`: it covers more than 60 % of its picture. `image.blank`: it has next to no contrast. `image.saturated`: nine tenths of it are black or white.
 *
 * @param findings  boxes in pixels of the pictures
 */
export function concernsOf(findings: readonly Finding[], pictures: readonly Picture[]): readonly Concern[] {
  const large = findings.flatMap(({ label, frame, boxes }) => {
    const picture = pictures[frame] ?? pictures[0];
    if (!picture) return [];
    return boxes.flatMap((box): Concern[] => {
      const share = area(box) / (picture.width * picture.height);
      return share > largestShare ? [{ code: 'box.large', detail: `${label}: the box covers ${Math.round(share * 100)} % of the image.` }] : [];
    });
  });
  const seen = new Set<string>();
  const distinct = large.filter(({ detail }) => !seen.has(detail) && Boolean(seen.add(detail)));
  return [...distinct, ...pictures.flatMap((picture, i) => looks(picture).map(({ code, detail }) => ({ code, detail: pictures.length > 1 ? `Image ${i + 1}: ${detail}` : detail })))];
}

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
