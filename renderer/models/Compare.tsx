/** Two models on one picture: the same numbers, the same question, the answers side by side and what parts them. */
import { useEffect, type ReactElement } from 'react';
import type { Comparison, Side } from '#electron/contract/models.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, formatNumber, useText } from '#renderer/workstation/text.ts';
import { pictureUrl, thumbnailUrl } from '#renderer/workstation/urls.ts';
import { chooseStudy, compareNow, models, openCompare, openImport, stopComparing } from './models.ts';
import { spokenAnswer, viewOf, type Comparing } from './state.ts';

export function Compare(): ReactElement {
  const t = useText();
  const comparing = useStore(models, (state) => state.comparing);
  const able = useStore(models, (state) => state.data?.models ?? none).filter(({ problem }) => problem === null);
  useEffect(() => void openCompare(), []);
  if (able.length < 2) return <Empty icon="models" title={t('models.onlyOne')} text={t('models.onlyOneText')}><button className="button" onClick={openImport}>{t('models.bringIn')}</button></Empty>;
  const set = (change: Partial<Comparing>): void => models.dispatch({ type: 'compare', change: { result: null, fault: null, ...change } });
  const { first, second, studies, studyId, series, seriesAt, frameAt, question, given, running, result, fault } = comparing;
  const shown = series[seriesAt];
  const count = shown?.slide ? 1 : shown?.frames.length ?? 0;
  const pick = (label: string, value: string | null, key: 'first' | 'second'): ReactElement => (
    <label>{label}<select value={value ?? ''} disabled={running !== null} onChange={(event) => set({ [key]: event.target.value })}>{able.map(({ id, name, isInUse }) => <option key={id} value={id}>{isInUse ? `${name} (${t('models.inUseShort')})` : name}</option>)}</select></label>
  );
  return (
    <div className="compare">
      <form className="compare-form" onSubmit={(event) => {
        event.preventDefault();
        void compareNow();
      }}>
        {pick(t('models.first'), first, 'first')}
        {pick(t('models.second'), second, 'second')}
        <label>{t('models.study')}<select value={studyId ?? ''} disabled={running !== null || studies.length === 0} onChange={(event) => void chooseStudy(event.target.value)}>{studies.map(({ id, patient, description, date }) => <option key={id} value={id}>{[patient, description, formatDate(date)].filter((part) => part !== '').join(' · ')}</option>)}</select></label>
        {series.length > 1 && <label>{t('models.series')}<select value={seriesAt} disabled={running !== null} onChange={(event) => set({ seriesAt: Number(event.target.value), frameAt: 0 })}>{series.map(({ id, description, modality }, at) => <option key={id} value={at}>{description || modality}</option>)}</select></label>}
        {count > 1 && <label>{t('models.image')} <span className="number">{frameAt + 1} / {count}</span><input type="range" min={1} max={count} value={frameAt + 1} disabled={running !== null} onChange={(event) => set({ frameAt: Number(event.target.value) - 1 })} /></label>}
        <label className="compare-question">{t('models.question')}<input value={question} maxLength={4000} disabled={running !== null} onChange={(event) => set({ question: event.target.value })} /></label>
        {running ? <button type="button" className="button" onClick={stopComparing}><Icon name="stop" />{t('models.stop')}</button> : <button className="button" data-primary="" disabled={studyId === null || question.trim() === '' || first === second}>{t('models.ask')}</button>}
      </form>
      {given && result === null && <p className="model-note" data-given=""><Icon name="review" /> {givenText(t, comparing)} <button type="button" className="text-button" disabled={running !== null} onClick={() => set({ given: null })}>{t('models.asFile')}</button></p>}
      {fault && <p role="alert" className="model-trouble"><strong>{fault.what}</strong> {fault.why} {fault.mend}</p>}
      {result && <Difference result={result} />}
      <div className="compare-body">
        {studyId === null ? <Empty icon="library" title={t('models.noPicture')} text={t('models.noPictureText')} /> : <Picture comparing={comparing} />}
        {([0, 1] as const).map((at) => <Answer key={at} at={at} comparing={comparing} name={able.find(({ id }) => id === (at === 0 ? first : second))?.name ?? ''} />)}
      </div>
      {!result && !running && !fault && <p className="model-note">{t('models.compareText')}</p>}
    </div>
  );
}

const none: readonly never[] = [];

/** The picture as it is asked about, with the boxes of both: the first's in full lines, the second's in broken ones. */
function Picture({ comparing }: { readonly comparing: Comparing }): ReactElement | null {
  const t = useText();
  const { series, seriesAt, frameAt, result } = comparing;
  const region = viewOf(comparing)?.region ?? null;
  const shown = series[seriesAt];
  const frame = shown?.frames[frameAt];
  const size = shown?.slide ? { width: shown.slide.width, height: shown.slide.height } : frame ? { width: frame.columns, height: frame.rows } : null;
  if (!shown || !size) return null;
  const address = shown.slide ? thumbnailUrl(`${shown.slide.id}-0`, 384) : frame ? pictureUrl(frame.id) : '';
  return (
    <figure className="compare-picture">
      <svg viewBox={`0 0 ${size.width} ${size.height}`} role="img" aria-label={t('models.pictureAlt')}>
        <image href={address} width={size.width} height={size.height} preserveAspectRatio="none" />
        {region && <rect data-region="" x={region.x} y={region.y} width={region.width} height={region.height} />}
        {result?.sides.flatMap(({ findings }, at) => findings.flatMap(({ label, boxes }) => boxes.map((box, i) => <rect key={`${at}/${label}/${i}`} data-side={at} x={box.x1} y={box.y1} width={box.x2 - box.x1} height={box.y2 - box.y1}><title>{label}</title></rect>)))}
      </svg>
      <figcaption>{result?.sides.map(({ name, modelId }, at) => <span key={modelId}><i data-side={at} />{name}</span>)}{result && <span>{result.window ?? t('models.shownDefault')}</span>}</figcaption>
      {result?.concerns.map(({ code, detail }) => <p key={code} className="model-warning"><Icon name="warning" />{detail}</p>)}
    </figure>
  );
}

/** What of the review page both are given: its window, its region. */
function givenText(t: ReturnType<typeof useText>, comparing: Comparing): string {
  const view = viewOf(comparing);
  const window = view?.kind === 'frame' && view.window ? t('models.givenWindow', { center: formatNumber(view.window.center, 0), width: formatNumber(view.window.width, 0) }) : null;
  const region = view?.region ? t('models.givenRegion', { width: Math.round(view.region.width), height: Math.round(view.region.height), x: Math.round(view.region.x), y: Math.round(view.region.y) }) : null;
  return [t('models.given'), ...[window, region].filter((part) => part !== null)].join(' ');
}

function Difference({ result: { difference, isSameTensor, sides } }: { readonly result: Comparison }): ReactElement {
  const t = useText();
  const points = difference.confidence === null ? null : Math.round(100 * difference.confidence);
  return (
    <ul className="difference" role="status" data-comparison="">
      <li data-tone={difference.sameAnswer ? 'good' : 'warning'}><Icon name={difference.sameAnswer ? 'check' : 'warning'} />{t(difference.sameAnswer ? 'models.sameAnswer' : 'models.otherAnswer')}</li>
      {points !== null && <li>{points === 0 ? t('models.confidenceSame') : t('models.confidenceBy', { change: `${points > 0 ? '+' : '−'}${Math.abs(points)}` })}</li>}
      {difference.boxes.map(({ label, iou }) => <li key={label}>{iou === null ? t('models.boxesOne', { label }) : t('models.boxesBy', { label, percent: Math.round(100 * iou) })}</li>)}
      <li data-tone={isSameTensor ? undefined : 'warning'} title={sides[0].tensorSha256}>{isSameTensor ? t('models.sameTensor', { hash: sides[0].tensorSha256.slice(0, 12) }) : t('models.otherTensor')}</li>
    </ul>
  );
}

function Answer({ at, name, comparing: { running, result } }: { readonly at: 0 | 1; readonly name: string; readonly comparing: Comparing }): ReactElement {
  const t = useText();
  const side = result?.sides[at];
  return (
    <section className="compare-side" data-side={at} aria-label={name}>
      <h3><i data-side={at} />{name}</h3>
      {side ? <Given side={side} /> : running ? (
        running.texts[at] === '' ? <p className="model-note">{t(running.at === at ? 'models.opening' : running.at > at ? 'models.writing' : 'models.waiting')}</p> : <pre className="writing" tabIndex={0}>{running.texts[at]}</pre>
      ) : <p className="model-note">{t('models.askFirst')}</p>}
    </section>
  );
}

function Given({ side }: { readonly side: Side }): ReactElement {
  const t = useText();
  const spoken = spokenAnswer(side);
  return (
    <>
      <p className="compare-answer" data-missing={side.answer === null ? '' : undefined}>{spoken === null ? t('models.noAnswer') : spoken === '' ? t('review.noneFound') : spoken}</p>
      {side.confidence && <p className="model-note" title={side.confidence.method}>{t('models.confidence', { percent: formatNumber(100 * side.confidence.value, 0) })}</p>}
      {side.parsed ? <ol className="compare-steps" aria-label={t('models.steps')}>{side.steps.map(({ kind, text }, i) => <li key={i}><b data-kind={kind}>{t(`review.kind.${kind}`)}</b> {text}</li>)}</ol> : <><p className="model-note">{t('models.raw')}</p><pre className="writing" tabIndex={0}>{side.raw}</pre></>}
      <p className="model-note number">{t('models.sideFoot', { tokens: side.tokens, rate: formatNumber(side.tokensPerSecond, 1), device: side.device })}</p>
    </>
  );
}
