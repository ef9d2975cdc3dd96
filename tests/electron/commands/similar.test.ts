/** `loupe similar` in the terminal: cases like a picture or a sentence among others, and a clear word where that cannot be. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UsageError, type CommandValues } from '#electron/commands/command.ts';
import { command } from '#electron/commands/similar.ts';
import { createPicture } from '#models/imaging/image.ts';
import { encodePng } from '#models/imaging/png.ts';
import { writeTinyIndex } from '#tests/support/tinyTraining.ts';

interface Found {
  readonly direction: string;
  readonly among: number;
  readonly left: readonly { readonly name: string; readonly why: string }[];
  readonly found: readonly { readonly name: string; readonly likeness: number }[];
}

const folder = mkdtempSync(join(tmpdir(), 'loupe-similar-command-'));
const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const even = file('even.png', encodePng(createPicture({ width: 64, height: 64 }, [90, 90, 90])));
const halved = (top: number): Uint8Array => encodePng({ width: 64, height: 64, data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i < 64 * 32 * 3 ? top : 250 - top) + (i % 7)) });

async function similar(path: string | null, values: CommandValues): Promise<Found> {
  let record: unknown;
  await command.run({ positionals: path === null ? [] : [path], values, json: false, signal: new AbortController().signal, progress() {}, print: (value) => void (record = value) });
  return record as Found;
}

describe.skipIf(!existsSync('models/weights/loupe-similar/model.safetensors'))('loupe similar', () => {
  test('finds what is most like a picture, in order, and names what could not be compared', async () => {
    const { direction, among, left, found } = await similar(file('one.png', halved(30)), { among: [file('alike.png', halved(34)), file('other.png', halved(200)), even] });
    expect([direction, among, left.map(({ why }) => /one colour/.test(why))]).toEqual(['image to images', 2, [true]]);
    expect(found[0]!.name).toContain('alike');
    expect(found[0]!.likeness).toBeGreaterThan(found[1]!.likeness);
  });

  test('takes a sentence in place of a picture, and no more than are there', async () => {
    const { direction, among, found } = await similar(null, { say: 'a malignant lesion of the breast', among: [writeTinyIndex(4)], most: '9' });
    expect([direction, among, found.length]).toEqual(['sentence to images', 4, 4]);
  });

  test('refuses a picture of one colour, a sentence without a word, and what is no encoder', async () => {
    const among = [writeTinyIndex(2)];
    await expect(similar(even, { among })).rejects.toMatchObject({ code: 'similar.blank' });
    await expect(similar(null, { say: '   ', among })).rejects.toMatchObject({ code: 'similar.sentence' });
    await expect(similar(null, { say: 'a lesion', among, encoder: ['models/weights/loupe-base'] })).rejects.toMatchObject({ code: 'similar.kind' });
  });

  test('asks for what is missing', async () => {
    for (const values of [{ among: ['x'] }, { say: 'a lesion' }, { say: 'a lesion', among: ['x'], encoder: ['a', 'b'] }]) await expect(similar(null, values)).rejects.toThrow(UsageError);
  });
});
