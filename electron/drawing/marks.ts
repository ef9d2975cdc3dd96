/** Boxes and their names on an image: dark-edged, in one colour for each label, no name over another where there is room. */
import type { SKRSContext2D } from '@napi-rs/canvas';
import type { Box } from '#models/clinical/finding.ts';
import { ellipsis, font, palette, rounded, type Rectangle } from './canvas.ts';

/** One colour for each label, in the order in which labels first appear. */
export function colourOf(things: readonly { readonly label: string }[]): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const { label } of things) if (!map.has(label)) map.set(label, palette[map.size % palette.length] as string);
  return map;
}

export interface Mark {
  readonly label: string;
  readonly tone: string;
  /** In pixels of the image. */
  readonly box: Box;
}

/** Every box, dark-edged so that it shows on white as on black, then the tags, none over another where there is room. @param taken  where tags stand: these are added */
export function drawMarks(g: SKRSContext2D, boxes: readonly Mark[], image: Rectangle & { readonly scale: number }, taken: Rectangle[] = []): void {
  const marks = boxes.map(({ label, tone, box }) => ({ label, tone, place: placed(box, image) }));
  for (const { place } of marks) {
    g.strokeStyle = 'rgba(0, 0, 0, 0.75)';
    g.lineWidth = 4.5;
    rounded(g, place, 3);
    g.stroke();
  }
  for (const { place, tone } of marks) {
    g.strokeStyle = tone;
    g.lineWidth = 2.25;
    rounded(g, place, 3);
    g.stroke();
  }
  const counts = new Map<string, number>();
  for (const { label } of marks) counts.set(label, (counts.get(label) ?? 0) + 1);
  const seen = new Set<string>();
  for (const { label, place, tone } of marks) {
    // Of many alike only one has a tag, with their number: the colour says the rest, and the tags would hide what they name.
    const count = counts.get(label) ?? 1;
    if (count > 4 && seen.has(label)) continue;
    seen.add(label);
    g.font = font(12.5, 'LoupeSansBold');
    const number = count > 4 ? ` × ${count}` : '';
    const text = `${ellipsis(g, label, Math.max(90, Math.min(240, image.width - 16)) - g.measureText(number).width)}${number}`;
    const size = { width: g.measureText(text).width + 14, height: 21 };
    const tag = freePlace(place, size, image, taken);
    taken.push(tag);
    g.fillStyle = 'rgba(0, 0, 0, 0.55)';
    rounded(g, { x: tag.x - 1, y: tag.y - 1, width: tag.width + 2, height: tag.height + 2 }, 5);
    g.fill();
    g.fillStyle = tone;
    rounded(g, tag, 4);
    g.fill();
    g.fillStyle = '#071018';
    g.fillText(text, tag.x + 7, tag.y + 15.2);
  }
}

const placed = ({ x1, y1, x2, y2 }: Box, { x, y, scale }: Rectangle & { readonly scale: number }): Rectangle =>
  ({ x: x + x1 * scale, y: y + y1 * scale, width: (x2 - x1) * scale, height: (y2 - y1) * scale });

/** Where a box's tag stands: above it, below it, inside or beside it; the first place inside the image that no other tag takes. */
export function freePlace(box: Rectangle, size: { readonly width: number; readonly height: number }, image: Rectangle, taken: readonly Rectangle[]): Rectangle {
  const right = box.x + box.width - size.width;
  const [above, below, top, bottom] = [box.y - size.height - 3, box.y + box.height + 3, box.y + 4, box.y + box.height - size.height - 4];
  const candidates = [
    [box.x, above], [right, above], [box.x, below], [right, below], [box.x + 4, top], [right - 4, top], [box.x + 4, bottom], [right - 4, bottom],
    [box.x + box.width + 4, box.y], [box.x - size.width - 4, box.y],
  ].map(([x, y]) => ({
    x: Math.min(Math.max(x as number, image.x + 2), image.x + image.width - size.width - 2),
    y: y as number, ...size,
  })).filter(({ y }) => y >= image.y + 2 && y + size.height <= image.y + image.height - 2);
  const free = candidates.find((candidate) => !taken.some((other) => overlap(candidate, other)));
  return free ?? candidates[0] ?? { x: image.x + 2, y: image.y + 2, ...size };
}

const overlap = (a: Rectangle, b: Rectangle): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
