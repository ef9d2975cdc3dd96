/** Which keys do what just now: the rows' own, those of the chosen map before them, and those of the person before all. */
import type { Action } from './action.ts';
import { keysOf } from './action.ts';
import { createStore, useStore } from './store.ts';

/** By the name of an action; what is not named here keeps the keys of its row. */
export type Keys = Readonly<Record<string, readonly string[]>>;

export const keymap = createStore<Keys, Keys>((_, next) => next, {});

export const shortcutsOf = ({ name, shortcuts }: Pick<Action, 'name' | 'shortcuts'>, keys: Keys = keymap.get()): readonly string[] => (Object.hasOwn(keys, name) ? keys[name] as readonly string[] : shortcuts);

/** For a hint beside a button: `Shift+D` as it stands on the keyboard; empty where no key does it. */
export const hintOf = (name: string, usually: string, keys: Keys): string => keysOf(shortcutsOf({ name, shortcuts: usually === '' ? [] : [usually] }, keys)[0] ?? '').join('+');

export function useHint(name: string, usually: string): string {
  return hintOf(name, usually, useStore(keymap, (all) => all));
}
