/** Which earlier study belongs beside this one. Pure. */
import type { SeriesSummary, StudySummary } from '#electron/contract/library.ts';

/** Earlier studies of the same person and modality, the latest first. Without an ID or a date nobody can know, so nothing is offered. */
export function priorsOf(study: StudySummary, all: readonly StudySummary[]): readonly StudySummary[] {
  const { patientId, date, birthDate } = study;
  if (patientId.trim() === '' || date === null) return [];
  return all.filter((other) => other.id !== study.id && other.patientId === patientId && other.date !== null && other.date < date
    // One ID and two birthdays are two persons, or a mistake that a person must look at.
    && (birthDate === null || other.birthDate === null || birthDate === other.birthDate)
    && other.modalities.some((modality) => study.modalities.includes(modality)))
    .sort((a, b) => ((a.date as string) < (b.date as string) ? 1 : -1));
}

/** A study's series, the one that suits the shown one best first: same modality, then most words of its description, then nearest in number of images. */
export function bestBeside(shown: SeriesSummary, series: readonly SeriesSummary[]): readonly SeriesSummary[] {
  const words = (text: string): readonly string[] => text.toLowerCase().split(/[^a-z0-9]+/).filter((word) => word !== '');
  const wanted = new Set(words(shown.description));
  const score = (one: SeriesSummary): number => (one.modality === shown.modality ? 100 : 0) + 10 * new Set(words(one.description).filter((word) => wanted.has(word))).size
    - Math.abs(Math.log((one.frames.length || 1) / (shown.frames.length || 1)));
  return [...series].sort((a, b) => score(b) - score(a));
}

/** `8 months earlier`. */
export function earlierBy(date: string, before: string): string {
  const days = Math.round((Date.parse(date) - Date.parse(before)) / 86_400_000);
  if (days < 60) return `${days} ${days === 1 ? 'day' : 'days'} earlier`;
  const months = Math.round(days / 30.44);
  return months < 24 ? `${months} months earlier` : `${Math.round(days / 365.25)} years earlier`;
}
