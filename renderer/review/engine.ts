/** The model that answers, as it was heard of last. */
import type { Engine } from '#electron/contract/review.ts';
import { call } from '#renderer/workstation/call.ts';
import { createStore } from '#renderer/workstation/store.ts';

export const engine = createStore<Engine | null, Engine>((_, next) => next, null);

/** Often enough to be live, seldom enough to cost nothing. */
const everyMs = 2000;

/** Listens while somebody looks; the result ends it. */
export function watchEngine(): () => void {
  let isAsked = false;
  const look = (): void => {
    if (isAsked || document.hidden) return;
    isAsked = true;
    // A process that is being started again answers later; until then the last word stands.
    void call('review.engine', null).then((next) => engine.dispatch(next), () => undefined).finally(() => (isAsked = false));
  };
  look();
  const timer = setInterval(look, everyMs);
  return () => clearInterval(timer);
}
