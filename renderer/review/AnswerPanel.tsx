/** The question, and the answer while it grows and when it stands: a card for each step, tied to its boxes both ways. */
import { useMemo, type ReactElement } from 'react';
import { isLocatable } from '#electron/contract/locate.ts';
import type { SeenView, Trace } from '#electron/contract/review.ts';
import type { StepKind } from '#models/clinical/trace.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatNumber, useText } from '#renderer/workstation/text.ts';
import { ActPanel, ShowMe } from './ActPanel.tsx';
import { AskBox } from './AskBox.tsx';
import { EngineLine } from './EngineLine.tsx';
import { Evidence } from './Evidence.tsx';
import { judging } from './judge.ts';
import { judgedAt, judgedMarks } from './judging.ts';
import { currentOf, locatedMarks, ownTraces, secondsOf } from './located.ts';
import { isGrave, Notes, useFlagText } from './Notes.tsx';
import { locate, review, stopAsking } from './review.ts';
import { currentTrace, placeOf, type TraceMark } from './state.ts';
import { Support } from './Support.tsx';
import { AnswerVerdict, RemovedBoxes, Verdicts } from './Verdicts.tsx';

export function AnswerPanel(): ReactElement {
  const t = useText();
  const state = useStore(review, (all) => all);
  const { asking, traces, traceAt } = state;
  const trace = asking ? undefined : currentTrace(state);
  const own = ownTraces(traces);
  return (
    <aside className="answer-panel" aria-label={t('review.answer')}>
      <AskBox />
      <div className="answer-scroll" aria-live="polite" aria-busy={asking !== null}>
        <ActPanel />
        {asking ? <Growing /> : trace ? <AnswerView trace={trace} /> : <p className="hint">{t('review.firstAsk')}</p>}
        {own.length > 1 && !asking && (
          <details className="history">
            <summary>{t('review.history')} <span className="number">({own.length})</span></summary>
            {own.map(({ trace: { id, question, answer }, at }) => (
              <button key={id} aria-current={at === traceAt} onClick={() => review.dispatch({ type: 'trace', at })}><b>{question}</b><small>{answer === null ? t('review.noAnswer') : shortAnswer(answer) ?? t('review.noneFound')}</small></button>
            )).reverse()}
          </details>
        )}
      </div>
      <EngineLine />
    </aside>
  );
}

function Growing(): ReactElement {
  const t = useText();
  const asking = useStore(review, (state) => state.asking);
  const part = asking?.part;
  const phase = part?.phase ?? 'loading';
  return (
    <section className="answer">
      <p className="asked">{asking?.question}</p>
      <p className="phase"><span className="pulse" aria-hidden="true" />{t(`review.phase.${phase}`)}{part?.tokensPerSecond ? <span className="number"> · {formatNumber(part.tokensPerSecond, part.tokensPerSecond < 10 ? 1 : 0)}/s</span> : null}</p>
      <Notes flags={part?.notes ?? []} />
      <ol className="steps">{part?.steps.map(({ kind, text }, at) => <li key={at} className="step"><StepHead kind={kind} number={at + 1} /><p>{text}</p></li>)}</ol>
      {part && part.text !== '' && <pre className="raw">{part.text.slice(-600)}</pre>}
    </section>
  );
}

const StepHead = ({ kind, number, colours = [] }: { readonly kind: StepKind; readonly number: number; readonly colours?: readonly string[] }): ReactElement => {
  const t = useText();
  return <div className="step-head"><span className="ring number">{number}</span><b data-kind={kind}>{t(`review.kind.${kind}`)}</b>{colours.map((colour) => <i key={colour} style={{ background: colour }} />)}</div>;
};

function AnswerView({ trace }: { readonly trace: Trace }): ReactElement {
  const t = useText();
  const lit = useStore(review, (state) => state.lit);
  const judgements = useStore(judging, (state) => state);
  const judgement = judgements.judgements[trace.id];
  const traces = useStore(review, (state) => state.traces);
  const judged = useMemo(() => judgedMarks(trace, judgement), [trace, judgement]);
  const all = judgements.judgements;
  const marks = useMemo(() => [...judged, ...locatedMarks(traces, trace.id, all)], [judged, traces, trace.id, all]);
  const current = currentOf(judgements, traces, trace);
  const isCurrent = (at: number): boolean => current.trace === trace && current.at === at;
  const { question, answer, parsed, steps, raw, confidence, end, flags, views, model, tokens, timing, prompt, memoryBytes, drawn } = trace;
  const litMark = lit?.kind === 'mark' ? marks.find(({ id }) => id === lit.id) : undefined;
  const short = answer === null ? null : shortAnswer(answer);
  const grave = flags.filter(isGrave);
  const textOf = useFlagText();
  const odd = flags.filter((flag) => !isGrave(flag));
  return (
    <section className="answer" data-trace={trace.id}>
      <p className="asked">{question}</p>
      <h2 data-missing={answer === null || undefined}>{answer === null ? t(end === 'stopped' ? 'review.stoppedAnswer' : 'review.noAnswer') : short ?? t('review.noneFound')}</h2>
      {end !== 'stop' && <p className="note" data-tone="warning">{t(end === 'stopped' ? 'review.stopped' : 'review.cutOff')}</p>}
      {confidence && (
        <div className="confidence" title={t('review.confidenceTitle', { method: confidence.method })}>
          <span>{t('review.confidence')}</span><span className="number">{Math.round(confidence.value * 100)} %</span>
          <div className="track"><div style={{ width: `${confidence.value * 100}%` }} /></div>
        </div>
      )}
      <Notes flags={grave.filter(({ step }) => step === undefined)} />
      <LooseMarks marks={marks.filter((mark) => mark.steps.length === 0)} litId={litMark?.id ?? null} />
      {steps.length > 0 && (
        <ol className="steps" aria-label={t('review.steps')}>
          {steps.map(({ kind, text }, at) => {
            const own = marks.filter((mark) => mark.steps.includes(at));
            const isLit = (lit?.kind === 'step' && lit.step === at) || litMark?.steps.includes(at) === true;
            return (
              <li
                key={at} id={`step-${at}`} className="step" data-lit={isLit || undefined} data-tied={own.length > 0 || undefined} tabIndex={0}
                data-current={isCurrent(at) || undefined} data-verdict={judgedAt(judgement, trace, at)?.verdict} onPointerDown={() => judging.dispatch({ type: 'current', traceId: trace.id, at })}
                onPointerEnter={() => review.dispatch({ type: 'lit', lit: { kind: 'step', step: at } })} onPointerLeave={() => review.dispatch({ type: 'lit', lit: null })}
                onFocus={() => review.dispatch({ type: 'lit', lit: { kind: 'step', step: at } })} onBlur={() => review.dispatch({ type: 'lit', lit: null })}
              >
                <StepHead kind={kind} number={at + 1} colours={[...new Set(own.map(({ colour }) => colour))]} />
                <p>{text}</p>
                <Support trace={trace} at={at} />
                <Notes flags={grave.filter((flag) => flag.step === at)} />
                <Locating trace={trace} at={at} isShown={own.every((mark) => 'origin' in mark)} currentId={current.trace.id} />
                <Verdicts trace={trace} at={at} />
              </li>
            );
          })}
        </ol>
      )}
      {steps.length === 0 && <Locating trace={trace} at={0} isShown currentId={current.trace.id} />}
      <AnswerVerdict trace={trace} isCurrent={isCurrent(steps.length)} />
      <Evidence trace={trace} marks={judged} />
      <ShowMe trace={trace} />
      {!parsed && <><p className="note">{t(end === 'stopped' ? 'review.stoppedRaw' : 'review.rawTitle')}</p><pre className="raw">{raw}</pre></>}
      {odd.length > 0 && parsed && <details className="flags"><summary>{t('review.flags')} <span className="number">({odd.length})</span></summary><ul>{odd.map((flag, at) => <li key={at} title={flag.code}>{textOf(flag)}</li>)}</ul></details>}
      {prompt !== undefined && <details className="flags"><summary>{t('review.prompt')}</summary><pre className="raw">{prompt}</pre></details>}
      <footer className="provenance number">
        <Seen views={views} />
        <div>{model.name} · {t('review.asked', { time: `${formatNumber(timing.totalMs / 1000, 1)} s`, tokens: formatNumber(tokens), rate: formatNumber(timing.tokensPerSecond, 0), device: model.device })}{memoryBytes == null ? '' : ` · ${formatBytes(memoryBytes)}`}{drawn && ` · ${t('review.drawnBy', { seed: drawn.seed, temperature: drawn.temperature })}`}</div>
        {model.weightsSha256[0] !== undefined && <div>{t('review.weights', { hash: model.weightsSha256[0].slice(0, 12) })}</div>}
      </footer>
    </section>
  );
}

/** Which pictures were sent, each by its number; a click brings it up. */
function Seen({ views }: { readonly views: readonly SeenView[] }): ReactElement {
  const t = useText();
  const detail = useStore(review, (state) => state.detail);
  return (
    <ul className="seen" aria-label={t('review.seen')}>
      {views.map(({ view, name, slot, window, resized }, at) => {
        const place = detail && placeOf(detail, view.kind === 'frame' ? view.frameId : `${view.slideId}-0`);
        const text = `${views.length > 1 ? `${at + 1} · ` : ''}${slot === undefined ? '' : `${t(`review.slot.${slot}`)}, `}${name}`;
        return (
          <li key={at}>
            {place ? <button className="text-button" onClick={() => {
              review.dispatch({ type: 'series', at: place.seriesAt });
              review.dispatch({ type: 'frame', at: place.frameAt });
            }}>{text}</button> : <span>{text}</span>} · {t('review.shownAs', { window: window ?? t('review.colour'), width: resized.width, height: resized.height })}
          </li>
        );
      })}
    </ul>
  );
}

/** The gesture that asks for the place of a sentence, and what came of it. */
function Locating({ trace, at, isShown, currentId }: { readonly trace: Trace; readonly at: number; readonly isShown: boolean; readonly currentId: string }): ReactElement | null {
  const t = useText();
  const locating = useStore(review, (state) => state.locating);
  const traces = useStore(review, (state) => state.traces);
  const judgements = useStore(judging, (state) => state.judgements);
  const seconds = secondsOf(traces, trace.id).filter(({ origin }) => origin?.step === at);
  const isRunning = locating?.traceId === trace.id && locating.step === at;
  if (!isRunning && seconds.length === 0 && (!isShown || !isLocatable(trace, at))) return null;
  const boxes = seconds.reduce((count, { findings }) => count + findings.reduce((sum, one) => sum + one.boxes.length, 0), 0);
  return (
    <div className="locate" data-second={seconds.length > 0 || undefined}>
      {isRunning
        ? <><span className="pulse" aria-hidden="true" /><span role="status">{t('review.locating')}</span><button className="text-button" onClick={stopAsking}>{t('review.stop')}</button></>
        : seconds.length > 0
          ? <span className="second" title={seconds.map(({ question }) => question).join(' · ')}><i />{t(boxes > 0 ? 'review.secondFound' : seconds.some(({ parsed }) => !parsed) ? 'review.secondUnread' : 'review.secondNothing', { count: boxes })}</span>
          : <button className="text-button" title={t('review.locateHint')} disabled={locating !== null} onClick={() => void locate(trace, at)}>{t('review.locate')}</button>}
      {seconds.filter(({ answer }) => answer !== null).map((second) => (
        <div key={second.id} id={`second-${second.id}`} className="second-verdict" data-current={currentId === second.id || undefined} data-verdict={judgedAt(judgements[second.id], second, second.steps.length)?.verdict}>
          {seconds.length > 1 && <small>{second.views[0]?.name}</small>}
          <Verdicts trace={second} at={second.steps.length} />
          <RemovedBoxes trace={second} />
        </div>
      ))}
    </div>
  );
}

/** Boxes that no step names: they are the answer itself. */
function LooseMarks({ marks, litId }: { readonly marks: readonly TraceMark[]; readonly litId: string | null }): ReactElement | null {
  if (marks.length === 0) return null;
  return (
    <div className="loose">
      {marks.slice(0, 40).map(({ id, label, colour }) => (
        <button key={id} className="chip" aria-pressed={litId === id} style={{ borderColor: colour }} onPointerEnter={() => review.dispatch({ type: 'lit', lit: { kind: 'mark', id } })} onPointerLeave={() => review.dispatch({ type: 'lit', lit: null })} onFocus={() => review.dispatch({ type: 'lit', lit: { kind: 'mark', id } })} onBlur={() => review.dispatch({ type: 'lit', lit: null })}>
          <i style={{ background: colour }} />{label}
        </button>
      ))}
    </div>
  );
}

/** A list of boxes is for the image; in words it is only counted. Null where it is empty; other answers stand as they are. */
export function shortAnswer(answer: string): string | null {
  if (!/^\s*\[/.test(answer)) return answer;
  const labels = [...answer.matchAll(/"label"\s*:\s*"((?:[^"\\]|\\.)*)"/g)].map(([, label]) => label as string);
  if (labels.length === 0) return answer.trim() === '[]' ? null : answer;
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => (count > 1 ? `${count} × ${label}` : label)).join(', ');
}
