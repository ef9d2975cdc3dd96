/** Which earlier studies belong beside a study: the same on both sides of the window. */
import type { StudySummary } from './library.ts';

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

/** `8 months earlier`. */
export function earlierBy(date: string, before: string): string {
  const days = Math.round((Date.parse(date) - Date.parse(before)) / 86_400_000);
  if (days < 60) return `${days} ${days === 1 ? 'day' : 'days'} earlier`;
  const months = Math.round(days / 30.44);
  return months < 24 ? `${months} months earlier` : `${Math.round(days / 365.25)} years earlier`;
}
