/** Verdicts on a card: what was said of it, the three keys, the words put otherwise, and whether it is a training case. */
import { useEffect, useRef, type ReactElement } from 'react';
import type { Trace } from '#electron/contract/review.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { edit, judge, judging, makeCase, moveBox, moveTo, reword } from './judge.ts';
import { caseIdOf, judgeableCount, judgedAt } from './judging.ts';
import './judging.css';

/** Below a step's words, or the answer's. */
export function Verdicts({ trace, at }: { readonly trace: Trace; readonly at: number }): ReactElement {
  const t = useText();
  const state = useStore(judging, (all) => all);
  const judged = judgedAt(state.judgements[trace.id], trace, at);
  const made = state.cases[caseIdOf(trace, at)];
  const isEditing = state.editing?.traceId === trace.id && state.editing.at === at;
  const original = at < trace.steps.length ? trace.steps[at]?.text ?? '' : trace.answer ?? '';
  const isHeld = made?.concerns.some(({ isReleased }) => !isReleased) === true;
  if (isEditing) return <Rewording trace={trace} at={at} initial={judged?.text ?? original} />;
  const button = (verdict: 'accepted' | 'rejected', key: string, icon: 'check' | 'close'): ReactElement => (
    <button className="verdict-button" data-verdict={verdict} aria-pressed={judged?.verdict === verdict} aria-label={t(verdict === 'accepted' ? 'judge.accept' : 'judge.reject')} title={`${t(verdict === 'accepted' ? 'judge.accept' : 'judge.reject')} (${key})`} onClick={() => judge(trace, at, verdict)}><Icon name={icon} size={14} /></button>
  );
  return (
    <>
      {judged?.text != null && <p className="reworded">{judged.text}<small>{t('judge.original', { text: original.length > 160 ? `${original.slice(0, 160)}…` : original })}</small></p>}
      <div className="verdicts" data-judged={judged?.verdict}>
        {judged ? <span className="verdict" data-verdict={judged.verdict}>{t(`judge.verdict.${judged.verdict}`)}</span> : null}
        {made && <span className="verdict" data-verdict={isHeld ? 'held' : 'case'} title={made.question}>{t(isHeld ? 'judge.isHeld' : 'judge.isCase')}</span>}
        <span className="grow" />
        {button('accepted', '⏎', 'check')}
        <button className="verdict-button" aria-pressed={judged?.verdict === 'edited'} aria-label={t('judge.edit')} title={`${t('judge.edit')} (E)`} onClick={() => edit(trace, at)}>E</button>
        {button('rejected', 'X', 'close')}
        <button className="verdict-button" data-case={made ? '' : undefined} aria-label={t('judge.makeCase')} title={`${t('judge.makeCase')} (Shift+⏎)`} onClick={() => void makeCase(trace, at)}><Icon name="plus" size={14} /></button>
      </div>
    </>
  );
}

function Rewording({ trace, at, initial }: { readonly trace: Trace; readonly at: number; readonly initial: string }): ReactElement {
  const t = useText();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  return (
    <div className="rewording">
      <textarea
        ref={field} defaultValue={initial} rows={2} aria-label={t('judge.editor')}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === 'Escape') judging.dispatch({ type: 'editDone' });
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          reword(trace, at, event.currentTarget.value);
        }}
      />
      <div className="verdicts">
        <button className="button" onClick={() => judging.dispatch({ type: 'editDone' })}>{t('judge.cancel')}</button>
        <button className="button" data-primary="" onClick={() => reword(trace, at, field.current?.value ?? '')}>{t('judge.save')} <kbd>⏎</kbd></button>
      </div>
    </div>
  );
}

/** The answer's own verdict, as a card after the steps. */
export function AnswerVerdict({ trace, isCurrent }: { readonly trace: Trace; readonly isCurrent: boolean }): ReactElement | null {
  const t = useText();
  const state = useStore(judging, (all) => all);
  const judgement = state.judgements[trace.id];
  const count = judgeableCount(trace);
  if (count === 0) return null;
  const done = Array.from({ length: count }, (_, at) => judgedAt(judgement, trace, at)).filter((one) => one !== null).length;
  const at = trace.steps.length;
  return (
    <div className="judged">
      {trace.answer !== null && (
        <div className="step answer-card" id="judged-answer" data-current={isCurrent || undefined} data-verdict={judgedAt(judgement, trace, at)?.verdict} onPointerDown={() => moveTo(trace, at)}>
          <div className="step-head"><b data-kind="conclusion">{t('judge.answer')}</b></div>
          <Verdicts trace={trace} at={at} />
        </div>
      )}
      <RemovedBoxes trace={trace} />
      {state.isDrawing && <p className="note" role="status">{t('judge.drawing')}</p>}
      <p className="judge-progress number" role="status"><span className="track"><i style={{ width: `${(100 * done) / count}%` }} /></span>{t('judge.progress', { done, count })}</p>
    </div>
  );
}

/** The model's boxes that a person took away, and the way back. */
export function RemovedBoxes({ trace }: { readonly trace: Trace }): ReactElement | null {
  const t = useText();
  const boxes = useStore(judging, ({ judgements }) => judgements[trace.id]?.boxes);
  const gone = Object.entries(boxes ?? {}).filter(([, box]) => box === null);
  if (gone.length === 0) return null;
  return <p className="note">{t('judge.removed', { count: gone.length })} <button className="text-button" onClick={() => gone.forEach(([id]) => restore(trace, id))}>{t('judge.restore')}</button></p>;
}

function restore(trace: Trace, id: string): void {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = (id.split(':').at(-1) ?? '').split(',').map(Number);
  const own = trace.findings.flatMap(({ boxes }) => boxes).find((box) => [box.x1, box.y1, box.x2, box.y2].map(Math.round).join(',') === [x1, y1, x2, y2].join(','));
  moveBox(trace, id, own ?? { x1, y1, x2, y2 });
}
