/** Studies whose files bear one study number (StudyInstanceUID) and name different patients: each is kept by itself, and the reader is told. */
import type { StudySummary } from './library.ts';

type Person = Pick<StudySummary, 'patient' | 'patientId' | 'birthDate'>;

const plain = (text: string): string => text.normalize('NFKC').toUpperCase().replace(/[\s,.^]+/g, ' ').trim();
const areStatedAndDiffer = (a: string, b: string): boolean => a !== '' && b !== '' && a !== b;

/** Whether two files cannot be of one patient: their numbers differ, or where those say nothing, name or day of birth; an equal number is not believed where both of these differ. */
export function areOthers(a: Person, b: Person): boolean {
  const name = areStatedAndDiffer(plain(a.patient), plain(b.patient));
  const birth = areStatedAndDiffer(a.birthDate ?? '', b.birthDate ?? '');
  const [one, other] = [plain(a.patientId), plain(b.patientId)];
  if (areStatedAndDiffer(one, other)) return true;
  return one !== '' && one === other ? name && birth : name || birth;
}

/** What tells a patient from the others with the same study number. */
export const personKey = ({ patient, patientId, birthDate }: Person): string => (plain(patientId) === '' ? `name:${plain(patient)}:${birthDate ?? ''}` : `id:${plain(patientId)}`);

const numberOf = ({ id, sameNumberAs }: StudySummary): string => sameNumberAs ?? id;

/** The other studies with this one's number. */
export const namesakesOf = (study: StudySummary, all: readonly StudySummary[]): readonly StudySummary[] => all.filter((other) => other.id !== study.id && numberOf(other) === numberOf(study));

/** The ids of all studies that share their number with another one that is here. */
export function withNamesakes(all: Iterable<StudySummary>): ReadonlySet<string> {
  const byNumber = new Map<string, string[]>();
  for (const study of all) {
    const ids = byNumber.get(numberOf(study));
    if (ids) ids.push(study.id);
    else byNumber.set(numberOf(study), [study.id]);
  }
  return new Set([...byNumber.values()].filter((ids) => ids.length > 1).flat());
}
