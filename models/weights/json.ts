/** JSON files of a model folder, bounded in size and depth before they are parsed. */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { reason } from './safetensors.ts';

const deepest = 64;

/**
 * The value in a JSON file.
 *
 * @param most  bytes that the file may have
 * @throws Fault `checkpoint.missing` where it cannot be read, `checkpoint.json` where it is too large, nested too deeply or no JSON
 */
export function readJson(path: string, most: number): unknown {
  const name = basename(path);
  let bytes: Uint8Array;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new Error('It is no plain file');
    if (stat.size > most) throw jsonFault(name, `It has ${stat.size} bytes; no such file needs more than ${most}.`);
    bytes = readFileSync(path);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault({ code: 'checkpoint.missing', what: `${name} cannot be read.`, why: reason(cause), mend: 'Put the complete checkpoint into the folder.' }, { cause });
  }
  if (depthOf(bytes) > deepest) throw jsonFault(name, `It is nested more than ${deepest} levels deep.`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw jsonFault(name, `It is not valid JSON (${cause instanceof Error ? cause.message : 'unreadable'}).`);
  }
}

/** The deepest nesting of brackets outside of texts. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let most = 0;
  let isText = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (isText) {
      if (byte === 92) i++;
      else if (byte === 34) isText = false;
    } else if (byte === 34) isText = true;
    else if (byte === 91 || byte === 123) most = Math.max(most, ++depth);
    else if (byte === 93 || byte === 125) depth--;
  }
  return most;
}

const jsonFault = (name: string, why: string): Fault =>
  new Fault({ code: 'checkpoint.json', what: `${name} cannot be used.`, why, mend: 'The file is damaged: fetch or save the checkpoint again.' });

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
