import { describe, expect, test } from 'vitest';
import { createPeeking, isPressed, keysOf, type Action } from '#renderer/workstation/action.ts';

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

describe('a key that shows something for as long as it is held', () => {
  interface Counter { count: number; readonly action: Action }
  const counted = (): Counter => {
    const counter: Counter = { count: 0, action: { name: 'x', shortcuts: ['G'], isPeek: true, run: () => void counter.count++ } };
    return counter;
  };

  test('turns once, whatever the system repeats, and back when it is let go', () => {
    const counter = counted();
    const peeking = createPeeking();
    expect([0, 400, 430].map((time) => peeking.press(counter.action, 'g', time))).toEqual([true, false, false]);
    peeking.release('G', 900);
    expect(counter.count).toBe(1);
  });

  test('that was only pressed leaves things turned', () => {
    const counter = counted();
    const peeking = createPeeking();
    peeking.press(counter.action, 'g', 0);
    peeking.release('g', 120);
    expect(counter.count).toBe(0);
    peeking.press(counter.action, 'g', 200);
    peeking.release('x', 900);
    expect(counter.count).toBe(0);
    peeking.release(null, 950);
    expect(counter.count).toBe(1);
  });
});
