import { describe, expect, test } from 'vitest';
import { isPressed, keysOf } from '#renderer/workstation/action.ts';

const key = (name: string, held: Partial<{ ctrlKey: boolean; metaKey: boolean; altKey: boolean; shiftKey: boolean }> = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held });

describe('a shortcut', () => {
  test.each([
    ['A', key('a'), true], ['A', key('A', { shiftKey: true }), false], ['Shift+A', key('A', { shiftKey: true }), true], ['A', key('a', { ctrlKey: true }), false],
    ['Mod+K', key('k', { ctrlKey: true }), true], ['Mod+K', key('k', { metaKey: true }), true], ['Mod+K', key('k'), false],
    ['?', key('?', { shiftKey: true }), true], ['+', key('+', { shiftKey: true }), true], ['+', key('+'), true], ['=', key('='), true],
    ['Shift+ArrowDown', key('ArrowDown', { shiftKey: true }), true], ['ArrowDown', key('ArrowDown', { shiftKey: true }), false], ['Space', key(' '), true], ['9', key('9'), true],
  ] as const)('%s by %j: %s', (shortcut, pressed, expected) => expect(isPressed(shortcut, pressed)).toBe(expected));

  test('is shown as it stands on the keyboard', () => expect([keysOf('Mod+Shift+O'), keysOf('+')]).toEqual([['Ctrl', 'Shift', 'O'], ['+']]));
});
