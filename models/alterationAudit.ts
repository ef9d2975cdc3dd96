/**
 * Holds what is said about an alteration against its box and against maps that nobody learnt: a sentence must name a place that the box is in, and a cue that stands out inside it.
 * What is not borne out is not hidden; it is marked, so that a reader sees it struck through.
 */
import { cueNames, type CueName } from '#models/clinical/alteration.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { EvidenceMaps } from '#models/imaging/forensics/features.ts';
import type { Plane } from '#models/imaging/forensics/planes.ts';

/** How far a map stands out inside a box: robust deviations, and for copies the part of the box that stands elsewhere too, times 10. */
export interface Cue {
  readonly name: CueName;
  readonly z: number;
}

/** From here on a cue is borne out. */
export const leastCue = 3;

/** The mean of a map's most telling quarter inside a box. */
function insideOf({ width, height, data }: Plane, { x1, y1, x2, y2 }: Box, sign: 1 | -1): number {
  const values: number[] = [];
  for (let y = Math.max(0, Math.floor(y1)); y < Math.min(height, y2); y++) for (let x = Math.max(0, Math.floor(x1)); x < Math.min(width, x2); x++) values.push(sign * data[y * width + x]!);
  values.sort((a, b) => b - a);
  const top = values.slice(0, Math.max(1, values.length >> 2));
  return values.length === 0 ? 0 : top.reduce((sum, value) => sum + value, 0) / top.length;
}

/** Every cue inside a box. */
export function cuesIn(box: Box, { noise, grid, copies }: EvidenceMaps, continuity: Plane | null = null): readonly Cue[] {
  const marked = { ...copies.plane, data: copies.plane.data.map((votes) => Number(votes > 0)) };
  return [
    { name: 'noise', z: insideOf(noise, box, 1) }, { name: 'smoothness', z: insideOf(noise, box, -1) }, { name: 'grid', z: insideOf(grid.plane, box, 1) },
    { name: 'copy', z: meanIn(marked, box) * 10 },
    ...(continuity ? [{ name: 'continuity', z: Math.max(insideOf(continuity, box, 1), insideOf(continuity, box, -1)) } as const] : []),
  ];
}

function meanIn({ width, height, data }: Plane, { x1, y1, x2, y2 }: Box): number {
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, Math.floor(y1)); y < Math.min(height, y2); y++) for (let x = Math.max(0, Math.floor(x1)); x < Math.min(width, x2); x++) [sum, count] = [sum + data[y * width + x]!, count + 1];
  return count === 0 ? 0 : sum / count;
}

/** Words that stand for a cue. */
const cueWords: Readonly<Record<CueName, RegExp>> = {
  noise: /\b(nois(e|y|ier)|grain(y|ier)?|rougher)\b/i,
  smoothness: /\b(smooth(er|ed|ness)?|blurr(ed|y)|less noise|lacks? noise|without noise|fine detail is missing)\b/i,
  grid: /\b(compression|grid|block(s|ing)?)\b/i,
  copy: /\b(cop(y|ied|ies)|duplicat(e|ed)|repeats?|repeated|twice|stands elsewhere)\b/i,
  continuity: /\b(one slice|single slice|neighbouring slices|adjacent slices)\b/i,
};

/** A word that says of a cue that it is absent. */
const denial = /\b(no|not|without|nothing|none)\b/i;

export interface AuditedSentence {
  readonly text: string;
  /** Why it is not borne out; null where it is, or where it claims neither place nor cue. */
  readonly doubt: string | null;
}

/** Horizontal and vertical thirds by name that a sentence speaks of. */
function placesIn(text: string): { readonly across: ReadonlySet<string>; readonly down: ReadonlySet<string> } {
  const across = new Set<string>();
  const down = new Set<string>();
  for (const [word] of text.matchAll(/\b(left|right|upper|top|lower|bottom|cent(?:re|er|ral)|middle)\b/gi)) {
    const low = word.toLowerCase();
    if (low === 'left' || low === 'right') across.add(low);
    else if (low === 'upper' || low === 'top') down.add('upper');
    else if (low === 'lower' || low === 'bottom') down.add('lower');
    else if (low !== 'middle') {
      across.add('centre');
      down.add('centre');
    }
  }
  return { across, down };
}

/** Where the middle of a box lies: on a side from a tenth beyond the middle on, and in the centre within a sixth of it. */
function liesIn(low: number, high: number, size: number, named: ReadonlySet<string>, less: string, more: string): boolean {
  if (named.size === 0) return true;
  const middle = (low + high) / 2 / size;
  return (named.has(less) && middle < 0.6) || (named.has(more) && middle > 0.4) || (named.has('centre') && Math.abs(middle - 0.5) <= 1 / 6);
}

/** Most sentences that are looked at; what stands beyond them is one more. */
const mostSentences = 40;

/**
 * Sentence by sentence.
 *
 * @param box  null where none was claimed: then no place and no cue can be borne out
 */
export function auditExplanation(text: string, box: Box | null, size: { readonly width: number; readonly height: number }, cues: readonly Cue[]): readonly AuditedSentence[] {
  const sentences = text.slice(0, 8000).split(/(?<=[.!?])\s+|\n+/).map((sentence) => sentence.trim()).filter((sentence) => sentence !== '').slice(0, mostSentences);
  return sentences.map((sentence) => ({ text: sentence, doubt: doubtOf(sentence, box, size, cues) }));
}

function doubtOf(sentence: string, box: Box | null, { width, height }: { readonly width: number; readonly height: number }, cues: readonly Cue[]): string | null {
  const claims = cueNames.filter((name) => cueWords[name].test(sentence) && !(name === 'noise' && cueWords.smoothness.test(sentence)));
  const { across, down } = placesIn(sentence);
  const isDenied = denial.test(sentence);
  if (box === null) return claims.length > 0 && !isDenied ? 'It names a cue, but no region is claimed.' : null;
  if (!liesIn(box.x1, box.x2, width, across, 'left', 'right') || !liesIn(box.y1, box.y2, height, down, 'upper', 'lower')) return 'It names another place than the claimed region.';
  if (isDenied) return null;
  const unborne = claims.filter((name) => (cues.find((cue) => cue.name === name)?.z ?? 0) < leastCue);
  return unborne.length > 0 ? `The maps do not bear out: ${unborne.join(', ')}.` : null;
}
