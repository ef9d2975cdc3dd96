/** The question, what it is about, and exactly which pictures will be sent. */
import { useEffect, useState, type ReactElement } from 'react';
import { Icon, type IconName } from '#renderer/design/Icon.tsx';
import { drawings } from '#renderer/viewports/drawings.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, useText } from '#renderer/workstation/text.ts';
import { hungCount, scopes, sliceText, spread, type NamedView, type Plan, type Scope } from './asked.ts';
import './asking.css';
import { engine } from './engine.ts';
import { measuringOn } from './facts.ts';
import { ask, askAllTheSame, chooseScope, plan, questionFieldId, review, stopAsking, toggleDrawn } from './review.ts';
import { currentSeries, type ReviewState } from './state.ts';

const icons: Readonly<Record<Scope, IconName>> = { view: 'one', region: 'rectangle', slices: 'slice', cells: 'two' };
const keys: Readonly<Record<Scope, string>> = { view: 'A', region: 'Shift+A', slices: 'Shift+I', cells: 'Shift+T' };

export function AskBox(): ReactElement {
  const t = useText();
  const state = useStore(review, (all) => all);
  const { question, asking, asked } = state;
  const planned = plan();
  useVisiblePart(currentSeries(state)?.slide != null);
  const refusal = useStore(engine, (all) => all?.refusal ?? null);
  const measured = useStore(drawings, ({ all }) => all);
  const count = planned ? measuringOn(measured, planned.views).length : 0;
  if (state.blocked !== null) return <Blocked blocked={state.blocked} question={question} />;
  return (
    <form className="ask" onSubmit={(event) => {
      event.preventDefault();
      void ask();
    }}>
      <textarea
        id={questionFieldId} rows={2} value={question} placeholder={t('review.askPlaceholder')} aria-label={t('review.askPlaceholder')} disabled={asking !== null}
        onChange={(event) => review.dispatch({ type: 'question', question: event.target.value })}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === 'Escape') event.currentTarget.blur();
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          void ask();
        }}
      />
      <div className="ask-scope">
        <Scopes state={state} />
        {asked.scope === 'slices' && <SliceField state={state} />}
        {state.override !== null && <button type="button" className="fact-chip" aria-pressed title={t('review.overrideTitle', { reason: state.override })} onClick={() => review.dispatch({ type: 'override', reason: null })}><Icon name="warning" size={13} />{t('review.overridden')}</button>}
        <button type="button" className="fact-chip" aria-pressed={asked.seed !== null} disabled={asking !== null} title={t('review.drawnTitle')} onClick={toggleDrawn}>{asked.seed === null ? t('review.exact') : t('review.drawn', { seed: asked.seed })}</button>
        {count > 0 && <button type="button" className="fact-chip" aria-pressed={asked.areFactsSent} title={t('review.factsTitle')} onClick={() => review.dispatch({ type: 'about', change: { areFactsSent: !asked.areFactsSent } })}><Icon name="length" size={13} />{t('review.facts', { count })}</button>}
      </div>
      <div className="ask-foot">
        {refusal
          ? <span className="scope" data-tone="warning" role="alert" title={`${refusal.why} ${refusal.mend}`}><Icon name="warning" size={13} />{refusal.what} {refusal.why}</span>
          : <span className="scope" title={t('review.scopeTitle')} data-scope={planned?.selection.rule}><Icon name={icons[asked.scope]} size={13} /><ScopeText state={state} planned={planned} /></span>}
        {asking
          ? <button type="button" className="button" onClick={stopAsking}><Icon name="stop" size={14} />{t('review.stop')}</button>
          : <button type="submit" className="button" data-primary="" disabled={question.trim() === '' || planned === null || refusal !== null} title={t('review.askHint')}>{t('review.ask')} <kbd>⏎</kbd></button>}
      </div>
    </form>
  );
}

/** What a picture without a header may be. */
const kinds = ['xray', 'ct', 'mri', 'ultrasound', 'dermoscopy', 'fundus', 'oct', 'microscopy'] as const;

/** The model was not trained on this: nothing was asked, and who asks all the same says why. */
function Blocked({ blocked: { why, isUnstated }, question }: { readonly blocked: NonNullable<ReviewState['blocked']>; readonly question: string }): ReactElement {
  const t = useText();
  const [reason, setReason] = useState('');
  const leave = (): void => review.dispatch({ type: 'blocked', blocked: null });
  return (
    <form className="ask blocked" role="alertdialog" aria-label={t('review.blocked')} onKeyDown={(event) => {
      event.stopPropagation();
      if (event.key === 'Escape') leave();
    }} onSubmit={(event) => {
      event.preventDefault();
      askAllTheSame(reason);
    }}>
      <p className="blocked-why"><Icon name="warning" size={15} /><span><b>{t('review.blocked')}</b> {why}</span></p>
      <p className="asked">{question}</p>
      {isUnstated && (
        <div className="chips" role="group" aria-label={t('review.itIs')}>
          <small>{t('review.itIs')}</small>
          {kinds.map((kind) => <button key={kind} type="button" className="chip" onClick={() => askAllTheSame(t('review.itIsKind', { kind: t(`review.imageKind.${kind}`) }))}>{t(`review.imageKind.${kind}`)}</button>)}
        </div>
      )}
      <input autoFocus maxLength={500} value={reason} placeholder={t('review.overrideReason')} aria-label={t('review.overrideReason')} onChange={(event) => setReason(event.target.value)} />
      <div className="ask-foot">
        <button type="button" className="button" onClick={leave}>{t('review.overrideLeave')}</button>
        <button type="submit" className="button" disabled={reason.trim().length < 3}>{t('review.askAllTheSame')} <kbd>⏎</kbd></button>
      </div>
      <small>{t('review.overrideNote')}</small>
    </form>
  );
}

/** A slide moves without anybody being told: its part on the screen is looked up a few times a second. */
function useVisiblePart(isSlide: boolean): void {
  const [, setPart] = useState('');
  useEffect(() => {
    if (!isSlide) return undefined;
    const timer = setInterval(() => setPart(JSON.stringify(plan()?.views)), 250);
    return () => clearInterval(timer);
  }, [isSlide]);
}

function Scopes({ state }: { readonly state: ReviewState }): ReactElement {
  const t = useText();
  const { asked, asking, priors } = state;
  const series = currentSeries(state);
  const hasPrior = state.hanging.cells.some((cell) => cell !== null && cell.seriesId in priors);
  const isPossible: Readonly<Record<Scope, boolean>> = { view: true, region: true, slices: (series?.frames.length ?? 0) > 1, cells: hungCount(state) > 1 };
  return (
    <div className="scopes" role="group" aria-label={t('review.scopes')}>
      {scopes.map((scope) => (
        <button
          key={scope} type="button" aria-pressed={asked.scope === scope} disabled={asking !== null || !isPossible[scope]} title={`${t(`review.scopeHint.${scope}`)} (${keys[scope]})`}
          onClick={() => (scope === 'region' && asked.scope === 'region' ? review.dispatch({ type: 'about', change: { isMarking: true } }) : chooseScope(scope))}
        >{t(scope === 'cells' && hasPrior ? 'review.scope.studies' : `review.scope.${scope}`)}</button>
      ))}
    </div>
  );
}

function SliceField({ state }: { readonly state: ReviewState }): ReactElement {
  const t = useText();
  const { asked } = state;
  const count = currentSeries(state)?.frames.length ?? 0;
  return (
    <input
      className="slice-field number" value={asked.slices ?? ''} placeholder={sliceText(spread(count)).replaceAll('–', '-')} aria-label={t('review.sliceField', { count })} title={t('review.sliceField', { count })} aria-invalid={plan() === null}
      onChange={(event) => review.dispatch({ type: 'about', change: { slices: event.target.value === '' ? null : event.target.value } })} onKeyDown={(event) => event.stopPropagation()}
    />
  );
}

/** The pictures by their numbers: nothing is sent that is not named here. */
function ScopeText({ state, planned }: { readonly state: ReviewState; readonly planned: Plan | null }): ReactElement {
  const t = useText();
  if (state.asked.isMarking) return <>{t('review.marking')}</>;
  if (!planned) return <>{t(state.asked.scope === 'slices' ? 'review.whichSlices' : 'review.nothingChosen')}</>;
  const { views, selection } = planned;
  const nameOf = ({ view, number, of, seriesAt }: NamedView): string => {
    const series = state.detail?.series[seriesAt];
    const slide = view.kind === 'slide' && view.channels ? t('review.withChannels', { channels: view.channels.map(({ at }) => series?.slide?.channels?.[at]?.name ?? '').join(', ') || '–', name: t('review.wholeSlide') }) : t('review.wholeSlide');
    const whole = view.kind === 'slide' ? slide : of > 1 ? t('review.sliceOf', { number, of }) : series?.description || t('review.wholeImage');
    const named = view.region ? t('review.scopeRegion', { width: Math.round(view.region.width), height: Math.round(view.region.height), name: whole }) : whole;
    const prior = state.priors[series?.id ?? ''];
    return prior ? t('review.ofPrior', { name: named, when: formatDate(prior.date) }) : named;
  };
  if (selection.rule === 'slices' || selection.rule === 'spread') return <span className="number">{t(selection.rule === 'spread' ? 'review.slicesSpread' : 'review.slicesOf', { numbers: sliceText(views.map(({ number }) => number)), of: selection.of })}</span>;
  return <>{views.map(nameOf).join(' · ')}</>;
}
