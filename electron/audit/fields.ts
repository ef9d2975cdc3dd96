/** A record as salted field hashes: each field can be withheld, and the rest still proves to be the whole record. */
import { createHmac } from 'node:crypto';
import { canonical, hashFor, isHash, isObject, sha256, type Json } from './canonical.ts';
import { leafHash, merkleRoot } from './merkle.ts';

/** One field: opened with value and salt, or only bound by its commitment. */
export interface Field {
  /** Names and numbers from the outside in, joined by `/`: `model/files/0/sha256`. */
  readonly path: string;
  /** SHA-256 of 2, salt and canonical value, in hexadecimal. Without the salt it tells nothing of a value, however few there could be. */
  readonly commit: string;
  /** 16 bytes, hexadecimal. */
  readonly salt?: string;
  readonly value?: Json;
}

/** What stands in the journal for a record. */
export interface FieldRoots {
  readonly root: string;
  readonly fields: number;
  /** The root of each group: the fields whose path begins with its name. */
  readonly groups: Readonly<Record<string, string>>;
}

const purpose = Uint8Array.of(2);

export const commitmentOf = (salt: string, content: Uint8Array | string): string => sha256(purpose, Buffer.from(salt, 'hex'), content).toString('hex');

/** The salt of one path: whoever has the secret can open every field, whoever has one salt can open one. */
export const saltOf = (secret: Uint8Array, path: string): string => createHmac('sha256', secret).update(path).digest('hex').slice(0, 32);

/** Objects and lists of objects are taken apart; any other value is one field. In order of paths. */
export function fieldsOf(record: Json, secret: Uint8Array): readonly Field[] {
  const found: (readonly [string, Json])[] = [];
  const walk = (value: Json, path: string): void => {
    const isNested = Array.isArray(value) ? value.length > 0 && value.every(isObject) : isObject(value) && Object.keys(value).length > 0;
    if (!isNested) found.push([path, value]);
    else for (const [name, item] of Object.entries(value as Readonly<Record<string, Json>>)) walk(item, path === '' ? escaped(name) : `${path}/${escaped(name)}`);
  };
  walk(record, '');
  return found.map(([path, value]) => {
    const salt = saltOf(secret, path);
    return { path, salt, value, commit: commitmentOf(salt, canonical(value)) };
  }).sort((a, b) => (a.path < b.path ? -1 : 1));
}

const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
const unescaped = (name: string): string => name.replaceAll('~1', '/').replaceAll('~0', '~');

export function rootsOf(fields: readonly Field[]): FieldRoots {
  const leaf = ({ path, commit }: Field): Buffer => leafHash(Buffer.from(hashFor('LOUPE-FIELD-1', { commit, path }), 'hex'));
  const byGroup = new Map<string, Field[]>();
  for (const field of fields) {
    const name = field.path.split('/')[0] ?? '';
    byGroup.set(name, [...byGroup.get(name) ?? [], field]);
  }
  return {
    root: merkleRoot(fields.map(leaf)).toString('hex'), fields: fields.length,
    groups: Object.fromEntries([...byGroup].map(([name, group]) => [name, merkleRoot(group.map(leaf)).toString('hex')])),
  };
}

/** Without the value and the salt of those that are not for everyone. */
export const withhold = (fields: readonly Field[], isWithheld: (path: string) => boolean): readonly Field[] => fields.map((field) => (isWithheld(field.path) ? { path: field.path, commit: field.commit } : field));

/** Paths of opened fields that are not what was bound. */
export const falseFields = (fields: readonly Field[]): readonly string[] =>
  fields.filter(({ salt, value, commit }) => salt !== undefined && value !== undefined && commitmentOf(salt, canonical(value)) !== commit).map(({ path }) => path);

/** Groups whose fields are not those of the roots. */
export function falseGroups(fields: readonly Field[], expected: FieldRoots): readonly string[] {
  const { groups, root } = rootsOf(fields);
  const names = [...new Set([...Object.keys(groups), ...Object.keys(expected.groups)])].filter((name) => groups[name] !== expected.groups[name]);
  return names.length === 0 && root !== expected.root ? [''] : names;
}

/** The opened part of a record, put together again; what is withheld is absent. */
export function openedRecord(fields: readonly Field[]): Json {
  const tree: Record<string, unknown> = {};
  for (const { path, value } of fields) {
    if (value === undefined) continue;
    const names = path.split('/').map(unescaped);
    let at: Record<string, unknown> = tree;
    for (const name of names.slice(0, -1)) at = (Object.hasOwn(at, name) ? at[name] : define(at, name, {})) as Record<string, unknown>;
    define(at, names.at(-1) ?? '', value);
  }
  return lists(tree) as Json;
}

/** Also `__proto__` becomes a plain member. */
function define(object: Record<string, unknown>, name: string, value: unknown): unknown {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  return value;
}

/** Objects whose names are 0, 1, 2 … were lists. */
function lists(value: unknown): unknown {
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  const items = entries.map(([, item]) => lists(item));
  return entries.length > 0 && entries.every(([name], i) => name === String(i)) ? items : Object.fromEntries(entries.map(([name], i) => [name, items[i]]));
}

export function parseFields(value: unknown): readonly Field[] | null {
  if (!Array.isArray(value) || value.length > 100_000) return null;
  const isField = (field: unknown): field is Field => isObject(field) && typeof field.path === 'string' && field.path.length < 2000 && isHash(field.commit)
    && (field.salt === undefined ? field.value === undefined : typeof field.salt === 'string' && /^[0-9a-f]{32}$/.test(field.salt) && field.value !== undefined)
    && Object.keys(field).every((name) => ['path', 'commit', 'salt', 'value'].includes(name));
  if (!value.every(isField)) return null;
  return value.every((field, i) => i === 0 || (value[i - 1] as Field).path < field.path) ? value : null;
}

export function parseRoots(value: unknown): FieldRoots | null {
  if (!isObject(value) || !isHash(value.root) || !Number.isSafeInteger(value.fields) || !isObject(value.groups) || !Object.values(value.groups).every(isHash)) return null;
  return value as unknown as FieldRoots;
}
