import { describe, expect, test } from 'vitest';
import { chooseSurface, type Machine } from '#electron/surface.ts';

const machine: Machine = { electron: '/x/electron', hasDisplay: true, opener: 'xdg-open', isSuperuser: false };
const check = (change: Partial<Machine>, wish: 'electron' | 'browser' | 'address' | null, surface: string, words: RegExp): void => {
  const choice = chooseSurface({ ...machine, ...change }, wish);
  expect(choice.surface).toBe(surface);
  expect(choice.sentence).toMatch(words);
};

describe('npm start', () => {
  test('opens its own window where Electron and a display are there', () => check({}, null, 'electron', /own window/));
  test('opens the browser where no Electron is installed, and says so', () => check({ electron: null }, null, 'browser', /no Electron is installed/));
  test('opens the browser for the superuser, whom Electron refuses', () => check({ isSuperuser: true }, null, 'browser', /superuser/));
  test('prints the address where there is no display', () => check({ hasDisplay: false, opener: null }, null, 'address', /no display.*address|address below.*no display/));
  test('prints the address where nothing opens a browser', () => check({ electron: null, opener: null }, null, 'address', /no browser was found/));
  test('keeps to what the person asked for', () => {
    check({}, 'browser', 'browser', /your browser/);
    check({}, 'address', 'address', /address below/);
  });
});
