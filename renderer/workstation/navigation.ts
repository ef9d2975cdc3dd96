/** Which screen is shown, and the study that it is about. A workstation needs a state, not addresses. */
import type { ScreenName } from './action.ts';
import { createStore } from './store.ts';

export interface Place {
  readonly screen: ScreenName;
  readonly studyId: string | null;
  /** A sentence of an answer to turn to, by its number (after the last step: the answer). Whoever turns there sets it back to null. */
  readonly sentence: { readonly traceId: string; readonly at: number } | null;
  /** A report to open, likewise. */
  readonly reportId: string | null;
}

export const navigation = createStore<Place, Partial<Place>>((place, change) => ({ ...place, ...change }), { screen: 'library', studyId: null, sentence: null, reportId: null });

export const goTo = (place: Partial<Place>): void => navigation.dispatch(place);
