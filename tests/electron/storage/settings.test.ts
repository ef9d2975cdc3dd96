import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Settings } from '#electron/contract/settings.ts';
import { openSettings } from '#electron/storage/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-settings-'));
afterAll(() => rmSync(folder, { recursive: true }));
const open = () => openSettings(folder, (value) => Settings.parse(value));

describe('what a person set', () => {
  test('is what is usual at first', () => expect(open().get()).toEqual({ keymap: 'loupe', keys: {} }));
  test('is there again at the next start', async () => {
    await open().set({ keymap: 'qupath', keys: { 'stage.ellipse': ['Shift+F7'] } });
    expect(open().get()).toEqual({ keymap: 'qupath', keys: { 'stage.ellipse': ['Shift+F7'] } });
  });
  test('is what is usual where the file is damaged or asks for what there is not', () => {
    for (const text of ['{"keymap"', '{"keymap":"vim"}', '[]']) {
      writeFileSync(join(folder, 'settings.json'), text);
      expect(open().get()).toEqual({ keymap: 'loupe', keys: {} });
    }
  });
});
