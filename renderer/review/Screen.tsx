/** The review: a study, a question, and the answer whose every step points at what it is about. */
import type { ReactElement } from 'react';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { AnswerPanel } from './AnswerPanel.tsx';
import './review.css';
import { openReview, review } from './review.ts';
import { draggedSeries, Stage } from './Stage.tsx';
import type { ReviewState } from './state.ts';

export function ReviewScreen(): ReactElement {
  const t = useText();
  const state = useStore(review, (all) => all);
  const { studyId, detail, fault } = state;
  if (studyId === null) return <Empty icon="review" title={t('review.noneTitle')} text={t('review.noneText')}><button className="button" onClick={() => goTo({ screen: 'library' })}>{t('review.toLibrary')}</button></Empty>;
  if (fault) return <FaultView fault={fault}><button className="button" onClick={() => void openReview(studyId)}>{t('app.again')}</button></FaultView>;
  if (!detail) return <Empty icon="review" title={t('review.loading')} />;
  return (
    <div className="review">
      <SeriesStrip state={state} />
      <Stage state={state} />
      <AnswerPanel />
    </div>
  );
}

/** By the pointer, the keys go on to the image. */
function choose(at: number, isByPointer: boolean): void {
  review.dispatch({ type: 'series', at });
  if (isByPointer) requestAnimationFrame(() => document.querySelector<HTMLElement>('.cell[aria-current=true] canvas.image')?.focus({ preventScroll: true }));
}

function SeriesStrip({ state: { detail, seriesAt } }: { readonly state: ReviewState }): ReactElement {
  const t = useText();
  return (
    <nav className="series-strip" aria-label={t('review.series')}>
      {detail?.series.map(({ id, frames, modality, description }, at) => (
        <button key={id} className="series" aria-current={at === seriesAt} onClick={(event) => choose(at, event.detail > 0)} title={description} draggable onDragStart={(event) => event.dataTransfer.setData(draggedSeries, id)}>
          <img src={thumbnailUrl(frames[frames.length >> 1]?.id ?? '', 192)} alt="" draggable={false} />
          <span><b>{modality}</b> <span className="number">{frames.length}</span></span>
          <small>{description}</small>
        </button>
      ))}
    </nav>
  );
}
