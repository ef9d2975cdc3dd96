/** A command as data: the button, the menu, the palette, the cheat sheet and the key listener read the same row. */

export const screenNames = ['library', 'review', 'curate', 'finetune', 'report', 'audit', 'models', 'similar'] as const;
export type ScreenName = (typeof screenNames)[number];

export interface Action {
  /** `library.open`; also the key of its label among the strings, below `actions`. */
  readonly name: string;
  /** Keys as in `Mod+K`, `Shift+A`, `ArrowDown`, `?`; several where several do it. `Mod` is Ctrl, or Command on a Mac. */
  readonly shortcuts: readonly string[];
  /** The screen on which its keys work; absent: everywhere. */
  readonly screen?: ScreenName;
  /** Its keys work while the person types. */
  readonly isForTyping?: boolean;
  /** It can be done now; absent: always. */
  readonly when?: () => boolean;
  readonly run: () => void;
  /** What `run` turned is turned back when a key that was held is let go: to have a look. A short press leaves it turned. */
  readonly isPeek?: boolean;
  /** Left out of palette and menu: it needs a pointer or makes sense as a key alone. */
  readonly isKeyOnly?: boolean;
}

/** From here on a key counts as held, milliseconds. */
const heldFrom = 350;

/** Presses of keys that are held to have a look; the clock is in milliseconds. */
export interface Peeking {
  /** The key went down, or the system repeats it: true where its action runs. */
  press(action: Action, key: string, time: number): boolean;
  /** The key went up, or all keys are out of sight: what was held is turned back. */
  release(key: string | null, time: number): void;
}

export function createPeeking(): Peeking {
  let held: { readonly action: Action; readonly key: string; readonly since: number } | null = null;
  return {
    press(action, key, time) {
      if (held?.key === key && held.action === action) return false;
      held = { action, key, since: time };
      return true;
    },
    release(key, time) {
      if (!held || (key !== null && key.toLowerCase() !== held.key.toLowerCase())) return;
      const { action, since } = held;
      held = null;
      if (time - since >= heldFrom) action.run();
    },
  };
}

interface Key {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

/** Whether a pressed key is what a shortcut says. Signs such as `?` are given as typed, whatever Shift it took. */
export function isPressed(shortcut: string, pressed: Key): boolean {
  const words = shortcut.split('+');
  const key = shortcut.endsWith('++') || shortcut === '+' ? '+' : words.at(-1) as string;
  const has = (word: string): boolean => words.length > 1 && words.includes(word);
  const isMod = pressed.ctrlKey || pressed.metaKey;
  if (isMod !== has('Mod') || pressed.altKey !== has('Alt')) return false;
  const isLetterOrNamed = /^[a-z]$/i.test(key) || key.length > 1;
  if (isLetterOrNamed && pressed.shiftKey !== has('Shift')) return false;
  if (!isLetterOrNamed && has('Shift') && !pressed.shiftKey) return false;
  return pressed.key.toLowerCase() === (key === 'Space' ? ' ' : key.toLowerCase());
}

/** A pressed key as a shortcut says it; undefined for a key that only changes others. */
export function shortcutOf({ key, ctrlKey, metaKey, altKey, shiftKey }: Key): string | undefined {
  if (['Control', 'Shift', 'Alt', 'Meta', 'AltGraph', 'CapsLock', 'Dead', 'Process', 'Unidentified', 'Tab'].includes(key)) return undefined;
  const name = key === ' ' ? 'Space' : key.length === 1 ? key.toUpperCase() : key;
  // A sign such as `?` already says which Shift it took.
  const hasShift = shiftKey && (/^[A-Z]$/.test(name) || name.length > 1);
  return [...(ctrlKey || metaKey ? ['Mod'] : []), ...(altKey ? ['Alt'] : []), ...(hasShift ? ['Shift'] : []), name].join('+');
}

const names: Readonly<Record<string, string>> = { Mod: 'Ctrl', ArrowDown: '↓', ArrowUp: '↑', ArrowLeft: '←', ArrowRight: '→', Enter: '⏎', Escape: 'Esc', Space: 'Space', Delete: 'Del', PageDown: 'PgDn', PageUp: 'PgUp' };

/** `Mod+K` as `['Ctrl', 'K']`. */
export const keysOf = (shortcut: string): readonly string[] => (shortcut === '+' ? ['+'] : shortcut.split('+').map((word) => names[word] ?? word));
