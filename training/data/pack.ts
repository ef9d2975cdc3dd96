/** A ZIP archive of stored members, as an index's archives are: the same members give the same bytes. */
import { zipSync } from 'fflate';

export function packArchive(members: ReadonlyMap<string, Uint8Array>): Uint8Array {
  // The earliest time that a ZIP can state, in any time zone.
  const mtime = new Date(1980, 0, 1);
  return zipSync(Object.fromEntries([...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, bytes]) => [name, [bytes, { level: 0, mtime }]])));
}
