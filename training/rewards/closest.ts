/** The nearest of several names, for faults about a misspelt one. */
import { editDistance } from './similarity.ts';

/** The name with the fewest single-character edits to the given one, letter case aside. */
export function closest(name: string, names: readonly string[]): string {
  const wanted = name.slice(0, 80).toLowerCase();
  return [...names].map((candidate) => ({ candidate, edits: editDistance(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)[0]?.candidate ?? '';
}
