/** Which screen is shown, and the study that it is about. A workstation needs a state, not addresses. */
import type { ScreenName } from './action.ts';
import { createStore } from './store.ts';

export interface Place {
  readonly screen: ScreenName;
  readonly studyId: string | null;
}

export const navigation = createStore<Place, Partial<Place>>((place, change) => ({ ...place, ...change }), { screen: 'library', studyId: null });

export const goTo = (place: Partial<Place>): void => navigation.dispatch(place);
