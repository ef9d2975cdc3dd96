import { describe, expect, test } from 'vitest';
import { keymapNames } from '#electron/contract/settings.ts';
import { conflictsOf, contextsOf, keymaps } from '#renderer/keymaps.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { shortcutOf } from '#renderer/workstation/action.ts';
import { shortcutsOf } from '#renderer/workstation/keymap.ts';
import { rowsOfActions } from '#tests/renderer/tables.ts';

const row = (name: string, shortcuts: readonly string[], screen?: Action['screen']): Action => ({ name, shortcuts, run: () => undefined, ...(screen ? { screen } : {}) });
const actions = await rowsOfActions();

describe('the keys of the workstation', () => {
  test.each(keymapNames)('claim nothing twice in one place, as in %s', (name) => expect(conflictsOf(actions, keymaps[name])).toEqual([]));
  test.each(keymapNames)('of the map %s belong to actions that there are', (name) => {
    const known = new Set(actions.map((action) => action.name));
    expect(Object.keys(keymaps[name]).filter((action) => !known.has(action))).toEqual([]);
  });
  test('draw a closed region by P as in QuPath, and turn the image by R as in OHIF', () => {
    const keysOf = (name: string, map: 'qupath' | 'ohif'): readonly string[] => shortcutsOf(actions.find((action) => action.name === name) as Action, keymaps[map]);
    expect(keysOf('stage.freehand', 'qupath')).toContain('P');
    expect(keysOf('review.rotateRight', 'ohif')).toEqual(['R']);
    expect(keysOf('review.rotateRight', 'qupath')).toEqual(['Alt+R']);
  });
});

describe('a key that two actions claim', () => {
  const one = row('stage.length', ['L'], 'review');
  test('is told with where and which', () => expect(conflictsOf([one, row('review.rotateLeft', ['l'], 'review')], {})).toMatchObject([{ key: 'L', context: 'frames', names: ['stage.length', 'review.rotateLeft'] }, { context: 'planes' }]));
  test('is none on two screens', () => expect(conflictsOf([one, row('audit.list', ['L'], 'audit')], {})).toEqual([]));
  test('is told where one of them is for everywhere', () => expect(conflictsOf([one, row('app.list', ['L'])], {}).map(({ context }) => context)).toEqual(['frames', 'planes', 'slide']));
  test('is found in any spelling', () => expect(conflictsOf([row('a.a', ['Mod+Shift+Z']), row('a.b', ['Shift+Mod+z'])], {})).not.toEqual([]));
  test('is none where a slide has its own use of it', () => {
    expect(contextsOf({ name: 'stage.objective1', screen: 'review' })).toEqual(['slide']);
    expect(conflictsOf([row('stage.objective1', ['1'], 'review'), row('review.window1', ['1'], 'review')], {})).toEqual([]);
  });
  test('goes away with a key of the person', () => expect(conflictsOf([one, row('review.rotateLeft', ['L'], 'review')], { 'stage.length': ['Mod+L'] })).toEqual([]));
});

describe('a pressed key', () => {
  const key = (name: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });
  test.each([
    [key('a'), 'A'], [key('A', { shiftKey: true }), 'Shift+A'], [key('?', { shiftKey: true }), '?'], [key(' '), 'Space'], [key('k', { ctrlKey: true }), 'Mod+K'], [key('ArrowDown', { shiftKey: true, altKey: true }), 'Alt+Shift+ArrowDown'], [key('Shift', { shiftKey: true }), undefined],
  ])('%j is %s', (pressed, shortcut) => expect(shortcutOf(pressed)).toBe(shortcut));
});
