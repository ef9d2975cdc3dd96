/** What was done and can be undone, whatever it was: one line of deeds for the whole window. */
import { createStore } from './store.ts';

/** A deed, already done. Both ways must lead exactly back and forth. */
export interface Deed {
  readonly undo: () => void;
  readonly redo: () => void;
}

interface History {
  readonly past: readonly Deed[];
  readonly future: readonly Deed[];
}

type Change = { readonly type: 'did'; readonly deed: Deed } | { readonly type: 'undone' } | { readonly type: 'redone' } | { readonly type: 'forget' };

const mostDeeds = 500;

export const history = createStore<History, Change>(({ past, future }, change) => {
  switch (change.type) {
    case 'did': return { past: [...past.slice(1 - mostDeeds), change.deed], future: [] };
    case 'undone': return { past: past.slice(0, -1), future: [...future, past.at(-1) as Deed] };
    case 'redone': return { past: [...past, future.at(-1) as Deed], future: future.slice(0, -1) };
    case 'forget': return { past: [], future: [] };
  }
}, { past: [], future: [] });

/** Takes note of a deed; what was undone before it cannot be redone any more. */
export const did = (deed: Deed): void => history.dispatch({ type: 'did', deed });

export function undo(): void {
  const deed = history.get().past.at(-1);
  if (!deed) return;
  history.dispatch({ type: 'undone' });
  deed.undo();
}

export function redo(): void {
  const deed = history.get().future.at(-1);
  if (!deed) return;
  history.dispatch({ type: 'redone' });
  deed.redo();
}
