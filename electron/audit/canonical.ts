/** JSON in its one canonical form (RFC 8785), so that equal values have equal hashes, and the hashes themselves. */
import { createHash } from 'node:crypto';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/** Deeper values than this are nobody's record. */
const mostDepth = 64;

/** @throws RangeError for what JSON cannot hold: NaN, infinities, undefined, half a surrogate pair, a value within itself */
export function canonical(value: unknown, depth = 0): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`canonical: ${value} is no JSON number`);
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    if (/\p{Surrogate}/u.test(value)) throw new RangeError('canonical: half a surrogate pair is no text');
    return JSON.stringify(value);
  }
  if (typeof value !== 'object') throw new RangeError(`canonical: ${typeof value} is no JSON value`);
  if (depth >= mostDepth) throw new RangeError(`canonical: nested more than ${mostDepth} deep`);
  if (Array.isArray(value)) return `[${value.map((item: unknown) => canonical(item, depth + 1)).join(',')}]`;
  const object = value as Readonly<Record<string, unknown>>;
  // sort() compares UTF-16 code units, as the standard wants.
  return `{${Object.keys(object).sort().map((name) => `${canonical(name)}:${canonical(object[name], depth + 1)}`).join(',')}}`;
}

/** The value as JSON can hold it: undefined members and holes are gone, what is no number or no text is replaced. */
export function asJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'string') return value.replace(/\p{Surrogate}/gu, '\ufffd');
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(asJson);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>, asJson);
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined).map(([name, item]) => [name, asJson(item)]));
  throw new RangeError(`asJson: ${typeof value} is no JSON value`);
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isHash = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** SHA-256 of a purpose and a value: the same value hashed for another purpose gives another hash. In hexadecimal. */
export const hashFor = (purpose: string, value: unknown): string => sha256(`${purpose}\0`, canonical(value)).toString('hex');
