/** What the search for more like this knows of the images that hang here. */
import { here, moveTo, type Here } from '#renderer/locate/locate.ts';
import { review, stage } from './review.ts';
import { currentSeries, placeOf } from './state.ts';

function placeNow(): Here | null {
  const state = review.get();
  const series = currentSeries(state);
  const { detail, frameAt, looks, hanging, priors } = state;
  // Planes are cut out of a series, and an earlier study is another one.
  if (!detail || !series || series.id in priors || hanging.cells[hanging.activeAt]?.kind === 'plane') return null;
  return {
    studyId: detail.study.id, seriesId: series.id, frameIds: series.frames.map(({ id }) => id), at: frameAt, isSlide: series.slide !== null, region: series.slide ? stage.slide?.visibleRegion() ?? null : null,
    window: looks[series.id] ?? null,
  };
}

/** Once, when the page starts. */
export function startSearching(): void {
  here.get = placeNow;
  here.show = (frameId, { x1, y1, x2, y2 }) => {
    const { detail } = review.get();
    const place = detail && placeOf(detail, frameId);
    if (!place) return;
    review.dispatch({ type: 'series', at: place.seriesAt });
    review.dispatch({ type: 'frame', at: place.frameAt });
    requestAnimationFrame(() => requestAnimationFrame(() => (stage.canvas ?? stage.slide)?.centre({ x: (x1 + x2) / 2, y: (y1 + y2) / 2 })));
  };
  let [known, at] = [review.get().detail, -1];
  let seriesAt = -1;
  review.subscribe(() => {
    const { detail, frameAt, seriesAt: series } = review.get();
    if (detail === known && frameAt === at && series === seriesAt) return;
    [known, at, seriesAt] = [detail, frameAt, series];
    moveTo(placeNow());
  });
}
