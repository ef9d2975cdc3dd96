/** What a screen knows, outside of React: a value, a pure reducer, and who wants to hear of changes. */
import { useSyncExternalStore } from 'react';

export interface Store<State, Action> {
  get(): State;
  dispatch(action: Action): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<State, Action>(reduce: (state: State, action: Action) => State, initial: State): Store<State, Action> {
  let state = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      state = next;
      listeners.forEach((listener) => listener());
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** A part of a store's state; the component is drawn anew when that part changes. `select` must give the same object for the same state. */
export function useStore<State, Action, Part>(store: Store<State, Action>, select: (state: State) => Part): Part {
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}
