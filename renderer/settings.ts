/** What this person set for themselves, kept by the workstation: which map of keys, and keys of their own. */
import { Settings } from '#electron/contract/settings.ts';
import { keymaps } from './keymaps.ts';
import { call } from './workstation/call.ts';
import { keymap } from './workstation/keymap.ts';
import { tellFault } from './workstation/notices.ts';
import { createStore } from './workstation/store.ts';

export const settings = createStore<Settings, Settings>((_, next) => next, Settings.parse({}));

/** The keys of a map with those of the person before them. */
export const resolvedKeys = ({ keymap: name, keys }: Settings): Readonly<Record<string, readonly string[]>> => ({ ...keymaps[name], ...keys });

settings.subscribe(() => keymap.dispatch(resolvedKeys(settings.get())));

/** Before anything is drawn; a page without its program begins with what is usual. */
export async function startSettings(): Promise<void> {
  await call('app.settings', null).then(settings.dispatch, () => undefined);
}

/** At once here, then on the disk; what could not be kept is taken back. */
export function changeSettings(change: Partial<Settings>): void {
  const before = settings.get();
  const next = { ...before, ...change };
  settings.dispatch(next);
  call('app.changeSettings', next).catch((thrown: unknown) => {
    settings.dispatch(before);
    tellFault(thrown);
  });
}
