/** The question, and the answer while it grows and when it stands: a card for each step, tied to its boxes both ways. */
import { useMemo, type ReactElement } from 'react';
import type { StepKind } from '#models/clinical/trace.ts';
import type { Trace } from '#electron/contract/review.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, useText } from '#renderer/workstation/text.ts';
import { Evidence } from './Evidence.tsx';
import { judging } from './judge.ts';
import { currentAt, judgedAt, judgedMarks } from './judging.ts';
import { ask, questionFieldId, review, scope, stopAsking } from './review.ts';
import { currentSeries, currentTrace, type TraceMark } from './state.ts';
import { AnswerVerdict, Verdicts } from './Verdicts.tsx';

export function AnswerPanel(): ReactElement {
  const t = useText();
  const state = useStore(review, (all) => all);
  const { asking, traces, traceAt } = state;
  const trace = asking ? undefined : currentTrace(state);
  return (
    <aside className="answer-panel" aria-label={t('review.answer')}>
      <AskBox />
      <div className="answer-scroll" aria-live="polite" aria-busy={asking !== null}>
        {asking ? <Growing /> : trace ? <AnswerView trace={trace} /> : <p className="hint">{t('review.firstAsk')}</p>}
        {traces.length > 1 && !asking && (
          <details className="history">
            <summary>{t('review.history')} <span className="number">({traces.length})</span></summary>
            {traces.map(({ id, question, answer }, at) => (
              <button key={id} aria-current={at === traceAt} onClick={() => review.dispatch({ type: 'trace', at })}><b>{question}</b><small>{answer === null ? t('review.noAnswer') : shortAnswer(answer) ?? t('review.noneFound')}</small></button>
            )).reverse()}
          </details>
        )}
      </div>
    </aside>
  );
}

function AskBox(): ReactElement {
  const t = useText();
  const question = useStore(review, (state) => state.question);
  const asking = useStore(review, (state) => state.asking);
  const series = useStore(review, currentSeries);
  const frameAt = useStore(review, (state) => state.frameAt);
  const view = scope();
  const scopeText = view?.kind === 'slide' && view.region ? t('review.scopeRegion', { width: Math.round(view.region.width), height: Math.round(view.region.height) })
    : t('review.scopeFrame', { name: series && series.frames.length > 1 ? `${frameAt + 1} / ${series.frames.length}` : series?.description ?? '' });
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
      <div className="ask-foot">
        <span className="scope" title={t('review.scopeTitle')}><Icon name="slice" size={13} />{scopeText}</span>
        {asking
          ? <button type="button" className="button" onClick={stopAsking}><Icon name="stop" size={14} />{t('review.stop')}</button>
          : <button type="submit" className="button" data-primary="" disabled={question.trim() === '' || view === null} title={t('review.askHint')}>{t('review.ask')} <kbd>⏎</kbd></button>}
      </div>
    </form>
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
  const marks = useMemo(() => judgedMarks(trace, judgement), [trace, judgement]);
  const current = currentAt(judgements, trace);
  const { question, answer, parsed, steps, raw, confidence, end, flags, views, model, tokens, timing } = trace;
  const litMark = lit?.kind === 'mark' ? marks.find(({ id }) => id === lit.id) : undefined;
  const short = answer === null ? null : shortAnswer(answer);
  const [view] = views;
  return (
    <section className="answer" data-trace={trace.id}>
      <p className="asked">{question}</p>
      <h2 data-missing={answer === null || undefined}>{answer === null ? t('review.noAnswer') : short ?? t('review.noneFound')}</h2>
      {end !== 'stop' && <p className="note" data-tone="warning">{t(end === 'stopped' ? 'review.stopped' : 'review.cutOff')}</p>}
      {confidence && (
        <div className="confidence" title={t('review.confidenceTitle', { method: confidence.method })}>
          <span>{t('review.confidence')}</span><span className="number">{Math.round(confidence.value * 100)} %</span>
          <div className="track"><div style={{ width: `${confidence.value * 100}%` }} /></div>
        </div>
      )}
      <LooseMarks marks={marks.filter((mark) => mark.steps.length === 0)} litId={litMark?.id ?? null} />
      {steps.length > 0 && (
        <ol className="steps" aria-label={t('review.steps')}>
          {steps.map(({ kind, text }, at) => {
            const own = marks.filter((mark) => mark.steps.includes(at));
            const isLit = (lit?.kind === 'step' && lit.step === at) || litMark?.steps.includes(at) === true;
            return (
              <li
                key={at} id={`step-${at}`} className="step" data-lit={isLit || undefined} data-tied={own.length > 0 || undefined} tabIndex={0}
                data-current={current === at || undefined} data-verdict={judgedAt(judgement, trace, at)?.verdict} onPointerDown={() => judging.dispatch({ type: 'current', traceId: trace.id, at })}
                onPointerEnter={() => review.dispatch({ type: 'lit', lit: { kind: 'step', step: at } })} onPointerLeave={() => review.dispatch({ type: 'lit', lit: null })}
                onFocus={() => review.dispatch({ type: 'lit', lit: { kind: 'step', step: at } })} onBlur={() => review.dispatch({ type: 'lit', lit: null })}
              >
                <StepHead kind={kind} number={at + 1} colours={[...new Set(own.map(({ colour }) => colour))]} />
                <p>{text}</p>
                <Verdicts trace={trace} at={at} />
              </li>
            );
          })}
        </ol>
      )}
      <AnswerVerdict trace={trace} />
      <Evidence trace={trace} marks={marks} />
      {!parsed && <><p className="note">{t('review.rawTitle')}</p><pre className="raw">{raw}</pre></>}
      {flags.length > 0 && parsed && <details className="flags"><summary>{t('review.flags')} <span className="number">({flags.length})</span></summary><ul>{flags.map(({ code, detail }, at) => <li key={at}><code>{code}</code> {detail}</li>)}</ul></details>}
      <footer className="provenance number">
        {view && <div>{t('review.shownAs', { window: view.window ?? t('review.colour'), width: view.resized.width, height: view.resized.height })}</div>}
        <div>{model.name} · {t('review.asked', { time: `${formatNumber(timing.totalMs / 1000, 1)} s`, tokens: formatNumber(tokens), rate: formatNumber(timing.tokensPerSecond, 0), device: model.device })}</div>
        {model.weightsSha256[0] !== undefined && <div>{t('review.weights', { hash: model.weightsSha256[0].slice(0, 12) })}</div>}
      </footer>
    </section>
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
