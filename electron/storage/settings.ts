/** One small file of settings: read once, written whole. What cannot be read is as if it were not there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from './atomic.ts';

export interface KeptSettings<Settings> {
  get(): Settings;
  /** On the disk when it settles. @throws Fault `storage.write` */
  set(settings: Settings): Promise<Settings>;
}

/**
 * @param parse  throws on what does not fit; gives the defaults for an empty object
 * @param file   where they lie within the folder
 */
export function openSettings<Settings>(folder: string, parse: (value: unknown) => Settings, file = 'settings.json'): KeptSettings<Settings> {
  const path = join(folder, file);
  let settings: Settings;
  try {
    settings = parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    settings = parse({});
  }
  return {
    get: () => settings,
    async set(next) {
      await writeWhole(path, `${JSON.stringify(next, null, 1)}\n`);
      return (settings = next);
    },
  };
}
