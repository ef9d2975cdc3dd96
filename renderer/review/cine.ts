/** Film: the active stack runs by itself at the speed that the file gives, again and again. */
import { isFetched } from '#renderer/viewports/frames.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { review, stage } from './review.ts';
import { currentSeries } from './state.ts';

/** Frames a second where the file gives no speed. */
const usualRate = 10;

export const cine = createStore<{ readonly isRunning: boolean; readonly frameTimeMs: number }, { readonly isRunning: boolean; readonly frameTimeMs: number }>((_, next) => next, { isRunning: false, frameTimeMs: 1000 / usualRate });

export function toggleCine(): void {
  if (cine.get().isRunning) return stopCine();
  const series = currentSeries(review.get());
  if (!series || series.frames.length < 2) return;
  const frameTimeMs = stage.header?.frameTimeMs ?? 1000 / usualRate;
  cine.dispatch({ isRunning: true, frameTimeMs });
  let from = review.get().frameAt;
  let start = performance.now();
  let shown = from;
  const step = (now: number): void => {
    const state = review.get();
    // Whoever leafs by hand, or turns to something else, has the film stop there.
    if (!cine.get().isRunning || currentSeries(state) !== series || state.frameAt !== shown) return stopCine();
    const at = (from + Math.max(0, Math.floor((now - start) / frameTimeMs))) % series.frames.length;
    if (at !== shown && isFetched(series.frames[at]?.id ?? '')) {
      shown = at;
      review.dispatch({ type: 'frame', at });
    } else if (at !== shown && isFetched(series.frames[shown]?.id ?? '')) {
      // The next one is not there yet: the film waits for it rather than leaving it out.
      shown = (shown + 1) % series.frames.length;
      [from, start] = [shown, now];
      review.dispatch({ type: 'frame', at: shown });
    }
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

export function stopCine(): void {
  if (cine.get().isRunning) cine.dispatch({ ...cine.get(), isRunning: false });
}
