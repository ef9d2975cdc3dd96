/** Which series of an earlier study belongs beside the shown one. Pure. */
import type { SeriesSummary } from '#electron/contract/library.ts';

/** A study's series, the one that suits the shown one best first: same modality, then most words of its description, then nearest in number of images. */
export function bestBeside(shown: SeriesSummary, series: readonly SeriesSummary[]): readonly SeriesSummary[] {
  const words = (text: string): readonly string[] => text.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word !== '');
  const wanted = new Set(words(shown.description));
  const score = (one: SeriesSummary): number => (one.modality === shown.modality ? 100 : 0) + 10 * new Set(words(one.description).filter((word) => wanted.has(word))).size
    - Math.abs(Math.log((one.frames.length || 1) / (shown.frames.length || 1)));
  return [...series].sort((a, b) => score(b) - score(a));
}
