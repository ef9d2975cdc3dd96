/** Points in a text, and how they meet the true ones. */
import type { LabelledPoint } from './gold.ts';

/** Points as Qwen2.5-VL writes them: `[{"point_2d":[110,52],"label":"nodule"}]`, `[]` for none. */
export const pointList = (points: readonly LabelledPoint[]): string => JSON.stringify(points.map(({ label, x, y }) => ({ point_2d: [x, y], label })));

/** Every pair of numbers in one pair of square brackets is a point, its label the next "label" string before the next point; at most 64. One pass. */
export function pointsIn(text: string): LabelledPoint[] {
  const found: { readonly x: number; readonly y: number; readonly from: number; readonly to: number }[] = [];
  for (let at = text.indexOf('['); at >= 0 && found.length < 64; at = text.indexOf('[', at + 1)) {
    const close = text.indexOf(']', at);
    if (close < 0) break;
    if (close - at > 60) continue;
    const parts = text.slice(at + 1, close).split(',');
    const [x = NaN, y = NaN] = parts.map((part) => (/^\s*-?\d{1,6}(?:\.\d{1,6})?\s*$/.test(part) ? Number(part) : NaN));
    if (parts.length === 2 && Number.isFinite(x) && Number.isFinite(y)) found.push({ x, y, from: at, to: close });
  }
  return found.map(({ x, y, to }, index) => ({ x, y, label: labelIn(text.slice(to, found[index + 1]?.from ?? to + 400)) }));
}

/** How many true points have a claimed point of their own within the tolerance, the nearest pairs first. */
export function matchPoints(claimed: readonly LabelledPoint[], points: readonly LabelledPoint[], tolerance: number): number {
  const pairs = points.flatMap((point, at) => claimed.map((claim, by) => ({ at, by, distance: Math.hypot(claim.x - point.x, claim.y - point.y) })))
    .filter(({ distance }) => distance <= tolerance + 1e-9).sort((a, b) => a.distance - b.distance || a.at - b.at || a.by - b.by);
  const [used, met] = [new Set<number>(), new Set<number>()];
  for (const { at, by } of pairs) {
    if (met.has(at) || used.has(by)) continue;
    met.add(at);
    used.add(by);
  }
  return met.size;
}

function labelIn(text: string): string {
  return /"label"\s{0,4}:\s{0,4}"([^"]{0,100})"/.exec(text.slice(0, 400))?.[1] ?? '';
}
