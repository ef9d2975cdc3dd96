/** The review: a study, a question, and the answer whose every step points at what it is about. */
import { lazy, Suspense, useEffect, useMemo, useState, type ReactElement } from 'react';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { Overlay, type Mark } from '#renderer/viewports/Overlay.tsx';
import { StackView } from '#renderer/viewports/StackView.tsx';
import type { Viewport } from '#renderer/viewports/viewport.ts';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { AnswerPanel } from './AnswerPanel.tsx';
import './review.css';
import { openReview, review, stage } from './review.ts';
import { currentSeries, currentTrace, litMarks, marksOf, placeOf, type ReviewState, type TraceMark } from './state.ts';

const SlideView = lazy(async () => ({ default: (await import('#renderer/viewports/SlideView.tsx')).SlideView }));

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

function SeriesStrip({ state: { detail, seriesAt } }: { readonly state: ReviewState }): ReactElement {
  const t = useText();
  return (
    <nav className="series-strip" aria-label={t('review.series')}>
      {detail?.series.map(({ id, frames, modality, description }, at) => (
        <button key={id} className="series" aria-current={at === seriesAt} onClick={() => review.dispatch({ type: 'series', at })} title={description}>
          <img src={thumbnailUrl(frames[frames.length >> 1]?.id ?? '', 192)} alt="" draggable={false} />
          <span><b>{modality}</b> <span className="number">{frames.length}</span></span>
          <small>{description}</small>
        </button>
      ))}
    </nav>
  );
}

const noMarks: readonly TraceMark[] = [];

function Stage({ state }: { readonly state: ReviewState }): ReactElement {
  const { detail, frameAt, looks, areMarksShown, lit } = state;
  const series = currentSeries(state);
  const trace = currentTrace(state);
  const [viewport, setViewport] = useState<Viewport | null>(null);
  const all = useMemo(() => (trace ? marksOf(trace) : noMarks), [trace]);
  const frameId = series?.frames[frameAt]?.id;
  const litIds = litMarks(all, lit);

  // A step that points at another image brings that image up.
  useEffect(() => {
    const target = lit?.kind === 'step' ? all.find(({ id }) => litIds.has(id)) : undefined;
    if (!target || !detail || target.frameId === frameId) return;
    const place = placeOf(detail, target.frameId);
    if (!place) return;
    review.dispatch({ type: 'series', at: place.seriesAt });
    review.dispatch({ type: 'frame', at: place.frameAt });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only a new choice turns the page, not the turning itself
  }, [lit]);

  if (!series || !detail) return <div className="stage" />;
  const { study } = detail;
  const marks: readonly Mark[] = all.filter((mark) => mark.frameId === frameId).map(({ id, box, label, colour, steps }) => ({ id, box, label, colour, number: steps[0] === undefined ? null : steps[0] + 1 }));
  const [firstLit = null] = litIds;
  const overlay = viewport && areMarksShown && (
    <Overlay
      viewport={viewport} marks={marks} litId={firstLit}
      onHover={(id) => review.dispatch({ type: 'lit', lit: id === null ? null : { kind: 'mark', id } })}
      onChoose={(id) => {
        const [step] = all.find((mark) => mark.id === id)?.steps ?? [];
        if (step !== undefined) document.getElementById(`step-${step}`)?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
        review.dispatch({ type: 'lit', lit: { kind: 'mark', id } });
      }}
    />
  );
  const corner = {
    topLeft: [study.patient || study.description, [study.patientId, study.sex ?? ''].filter((part) => part !== '').join(' · ')].filter((line) => line !== ''),
    topRight: [series.description, formatDate(study.date), study.isSample ? 'Synthetic sample' : ''].filter((line) => line !== ''),
  };
  return (
    <div className="stage">
      {series.slide ? (
        <Suspense fallback={null}>
          <SlideView key={series.id} slide={series.slide} corner={corner} onViewport={(made) => {
            stage.slide = made;
            stage.header = null;
            setViewport(made);
          }}>{overlay}</SlideView>
        </Suspense>
      ) : (
        <StackView
          key={series.id} series={series} index={frameAt} look={looks[series.id] ?? null} corner={corner}
          onIndex={(at) => review.dispatch({ type: 'frame', at })} onLook={(look) => review.dispatch({ type: 'look', look })}
          onHeader={(header) => {
            stage.header = header;
          }}
          onViewport={(made) => {
            stage.canvas = made;
            setViewport(made);
          }}
        >{overlay}</StackView>
      )}
      <StageTools areMarksShown={areMarksShown} hasMarks={marks.length > 0} />
    </div>
  );
}

function StageTools({ areMarksShown, hasMarks }: { readonly areMarksShown: boolean; readonly hasMarks: boolean }): ReactElement {
  const t = useText();
  const zoom = (factor: number) => (): void => (stage.canvas ?? stage.slide)?.zoomBy(factor);
  return (
    <div className="stage-tools" role="toolbar" aria-label={t('review.title')}>
      <button className="icon-button" aria-label={t('review.marks')} title={`${t('review.marks')} (G)`} aria-pressed={areMarksShown} disabled={!hasMarks && areMarksShown} onClick={() => review.dispatch({ type: 'marks', areShown: !areMarksShown })}><Icon name="eye" /></button>
      <button className="icon-button" aria-label={t('review.zoomIn')} title={`${t('review.zoomIn')} (+)`} onClick={zoom(1.25)}><Icon name="plus" /></button>
      <button className="icon-button" aria-label={t('review.zoomOut')} title={`${t('review.zoomOut')} (-)`} onClick={zoom(0.8)}><Icon name="minus" /></button>
      <button className="icon-button" aria-label={t('review.fit')} title={`${t('review.fit')} (=)`} onClick={() => (stage.canvas ?? stage.slide)?.fit()}><Icon name="fit" /></button>
    </div>
  );
}
