/** A value of which any part can be withheld: one hash over a tree of salted hashes, and what opens the rest of it. The same here and in the stand-alone verifier. */
import { createHmac } from 'node:crypto';
import { canonical, hashFor, isObject, sha256 } from './canonical.ts';

/**
 * What is told of a value beside it: `o` and a salt of 32 bytes in hexadecimal (all below is open), `c` and a hash (all below is withheld, and what stands there was put in its place),
 * or the same for each of its members.
 */
export type Opening = string | { readonly [name: string]: Opening };

const purpose = Uint8Array.of(2);
/** Who has a part's salt can open that part and all below it, and nothing beside or above it. */
const saltBelow = (salt: Buffer, name: string): Buffer => createHmac('sha256', salt).update(name).digest();

type Members = readonly (readonly [name: string, value: unknown])[];

/** Objects and lists of objects are taken apart; any other value is a leaf. */
function membersOf(value: unknown): Members | null {
  if (Array.isArray(value) ? value.length > 0 && value.every(isObject) : isObject(value) && Object.keys(value).length > 0) return Object.entries(value as object);
  return null;
}

const nodeHash = (value: unknown, members: readonly (readonly [string, string])[]): string =>
  hashFor('LOUPE-TREE-1', Array.isArray(value) ? members.map(([, hash]) => hash) : Object.fromEntries(members));

/** @param salt 32 bytes @throws RangeError for what JSON cannot hold */
export function treeHash(value: unknown, salt: Buffer): string {
  const members = membersOf(value);
  if (members === null) return sha256(purpose, salt, canonical(value)).toString('hex');
  return nodeHash(value, members.map(([name, item]) => [name, treeHash(item, saltBelow(salt, name))]));
}

/** Opens what is the same in both and withholds what is not: what `shown` says there stands in its place. */
export function openingOf(whole: unknown, shown: unknown, salt: Buffer): Opening {
  if (canonical(whole) === canonical(shown)) return `o${salt.toString('hex')}`;
  const [own, other] = [membersOf(whole), membersOf(shown)];
  const isAlike = own !== null && other?.length === own.length && Array.isArray(whole) === Array.isArray(shown) && own.every(([name]) => Object.hasOwn(shown as object, name));
  if (!isAlike) return `c${treeHash(whole, salt)}`;
  return Object.fromEntries(own.map(([name, item]) => [name, openingOf(item, (shown as Readonly<Record<string, unknown>>)[name], saltBelow(salt, name))]));
}

/** The hash of the whole value from what is shown of it; null where the opening is not of this value. */
export function openedHash(shown: unknown, opening: unknown): string | null {
  if (typeof opening === 'string') {
    if (!/^[oc][0-9a-f]{64}$/.test(opening)) return null;
    return opening.startsWith('c') ? opening.slice(1) : treeHash(shown, Buffer.from(opening.slice(1), 'hex'));
  }
  const members = membersOf(shown);
  if (!isObject(opening) || members === null || Object.keys(opening).length !== members.length) return null;
  const hashes: [string, string][] = [];
  for (const [name, item] of members) {
    const hash = Object.hasOwn(opening, name) ? openedHash(item, opening[name]) : null;
    if (hash === null) return null;
    hashes.push([name, hash]);
  }
  return nodeHash(shown, hashes);
}

/** Paths of what is withheld, from the outside in, joined by `/`. */
export function withheldPaths(opening: unknown, path = ''): readonly string[] {
  if (typeof opening === 'string') return opening.startsWith('c') ? [path] : [];
  return isObject(opening) ? Object.entries(opening).flatMap(([name, item]) => withheldPaths(item, path === '' ? name : `${path}/${name}`)) : [];
}
