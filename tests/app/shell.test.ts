/** The desktop window proves itself wherever an Electron can run: page, bridge and pixels work, and there is no way out. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { thisMachine } from '#electron/surface.ts';

const { electron, hasDisplay, isSuperuser } = thisMachine(resolve('.'));
const isPossible = electron !== null && hasDisplay && !isSuperuser;

describe.skipIf(!isPossible)('the desktop window (skipped without Electron, a display, or an ordinary user)', () => {
  test('shows the library, reaches its pixels, answers, and reaches nothing else', async () => {
    const { program, page } = await import(resolve('electron/bundle.mjs')) as { program(): Promise<string>; page(): Promise<string> };
    const data = mkdtempSync(join(tmpdir(), 'loupe-shell-'));
    try {
      const said = execFileSync(electron as string, [join(await program(), 'main.mjs'), '--self-test', `--data=${data}`], {
        env: { ...process.env, LOUPE_PAGE: await page() }, encoding: 'utf8', timeout: 240_000, stdio: ['ignore', 'pipe', 'ignore'],
      });
      const line = said.split('\n').find((one) => one.startsWith('{'));
      expect(JSON.parse(line ?? 'null')).toEqual({
        listsStudies: true, hasNoNode: true, isIsolated: true, hasPixels: true, answers: true, refusesNonsense: true, reachesNoNetwork: true, opensNoWindow: true,
      });
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  }, 300_000);
});
