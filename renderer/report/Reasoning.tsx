/** What the model wrote, sentence by sentence, and what was decided of each: accepted, put otherwise, or rejected, with a reason. */
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { Report, ReportQuestion } from '#models/clinical/report.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { useText } from '#renderer/workstation/text.ts';
import { change, decide, showInReview } from './report.ts';
import type { Decision, Sentence } from './state.ts';

export function Reasoning({ report }: { readonly report: Report }): ReactElement {
  return <>{report.questions.map((question) => <Question key={question.id} question={question} studyId={report.study.id} isOnly={report.questions.length === 1} />)}</>;
}

function Question({ question, studyId, isOnly }: { readonly question: ReportQuestion; readonly studyId: string; readonly isOnly: boolean }): ReactElement {
  const t = useText();
  const { id, text, scope, steps, answer, provenance } = question;
  const written = steps.filter(({ original }) => original !== null);
  return (
    <div className="report-question">
      <header>
        <p>{text}<small>{[...scope.map(({ name, window }) => (window === null ? name : `${name}, ${window}`)), provenance.model.name].join(' · ')}</small></p>
        {!isOnly && <button className="icon-button" aria-label={t('report.removeQuestion')} title={t('report.removeQuestion')} onClick={() => void change({ kind: 'removeQuestion', questionId: id })}><Icon name="trash" size={14} /></button>}
      </header>
      <ol className="decide-list">
        {steps.map((step) => {
          const at = written.indexOf(step);
          return (
            <Decide
              key={step.id} name={`step-${step.id}`} title={t(`report.stepKind.${step.kind}`)} kind={step.kind} decided={step} target={{ stepId: step.id }}
              onShow={at < 0 ? null : () => showInReview(studyId, { traceId: id, at })} onRemove={step.original === null ? () => void change({ kind: 'removeStep', stepId: step.id }) : null}
            />
          );
        })}
        <Decide name={`answer-${id}`} title={t('report.answer')} kind="conclusion" decided={answer} target={{ questionId: id }} onShow={() => showInReview(studyId, { traceId: id, at: written.length })} onRemove={null} />
      </ol>
      <AddStep questionId={id} />
    </div>
  );
}

interface DecideProps {
  readonly name: string;
  readonly title: string;
  readonly kind: string;
  readonly decided: Decision;
  readonly target: Sentence;
  readonly onShow: (() => void) | null;
  readonly onRemove: (() => void) | null;
}

/** One sentence. With the focus on it: Enter accepts, X rejects, E puts it otherwise, O shows it beside its image, J and K go on and back. */
function Decide({ name, title, kind, decided: { text, original, verdict, reason }, target, onShow, onRemove }: DecideProps): ReactElement {
  const t = useText();
  const [isEditing, setEditing] = useState(false);
  const row = useRef<HTMLLIElement>(null);
  const judge = (next: 'accepted' | 'rejected'): void => void decide(target, { verdict: next === verdict ? 'undecided' : next });
  const keys: Readonly<Record<string, (() => void) | null>> = { Enter: () => goOn(row.current, () => judge('accepted')), x: () => goOn(row.current, () => judge('rejected')), e: () => setEditing(true), o: onShow, j: () => step(row.current, 1), k: () => step(row.current, -1) };
  const button = (next: 'accepted' | 'rejected', icon: 'check' | 'close', key: string): ReactElement => {
    const label = t(next === 'accepted' ? 'report.accept' : 'report.reject');
    return <button className="verdict-button" data-verdict={next} aria-pressed={verdict === next} aria-label={label} title={`${label} (${key})`} onClick={() => judge(next)}><Icon name={icon} size={14} /></button>;
  };
  return (
    <li
      ref={row} className="decide" data-decide={name} data-verdict={verdict} tabIndex={0} aria-label={`${title}: ${t(`report.verdict.${verdict}`)}`}
      onKeyDown={(event) => {
        const deed = event.target === event.currentTarget && !event.ctrlKey && !event.metaKey && !event.altKey ? keys[event.key.length === 1 ? event.key.toLowerCase() : event.key] : null;
        if (!deed) return;
        event.preventDefault();
        event.stopPropagation();
        deed();
      }}
    >
      <div className="decide-head">
        <b data-kind={kind}>{title}</b><span className="decided-as" data-verdict={verdict}>{t(`report.verdict.${verdict}`)}</span><span className="grow" />
        {button('accepted', 'check', '⏎')}
        <button className="verdict-button" aria-pressed={verdict === 'edited'} aria-label={t('report.edit')} title={`${t('report.edit')} (E)`} onClick={() => setEditing(!isEditing)}>E</button>
        {button('rejected', 'close', 'X')}
        {onShow && <button className="verdict-button" aria-label={t('report.show')} title={`${t('report.show')} (O)`} onClick={onShow}><Icon name="eye" size={14} /></button>}
        {onRemove && <button className="verdict-button" aria-label={t('report.removeStep')} title={t('report.removeStep')} onClick={onRemove}><Icon name="trash" size={14} /></button>}
      </div>
      {isEditing
        ? <Otherwise initial={text} initialReason={reason} original={original} onEnd={() => {
          setEditing(false);
          row.current?.focus();
        }} onKeep={(said, why) => void decide(target, said === original ? { verdict: 'accepted', reason: why } : { verdict: 'edited', text: said, reason: why })} />
        : <p className="decide-text">{text}</p>}
      {!isEditing && verdict === 'edited' && original !== null && original !== text && <small className="decide-original">{t('report.modelWrote', { text: original })}</small>}
      {!isEditing && (verdict === 'rejected' || reason !== '') && <Reason reason={reason} onReason={(why) => void decide(target, { reason: why })} />}
    </li>
  );
}

/** After a verdict by key the next sentence that waits for one has the focus. */
function goOn(row: HTMLElement | null, deed: () => void): void {
  deed();
  const all = [...document.querySelectorAll<HTMLElement>('[data-decide]')];
  const after = all.slice(row ? all.indexOf(row) + 1 : 0).find((one) => one.dataset.verdict === 'undecided');
  after?.focus();
}

function step(row: HTMLElement | null, by: number): void {
  const all = [...document.querySelectorAll<HTMLElement>('[data-decide]')];
  if (row) all[all.indexOf(row) + by]?.focus();
}

function Otherwise({ initial, initialReason, original, onKeep, onEnd }: { readonly initial: string; readonly initialReason: string; readonly original: string | null; readonly onKeep: (said: string, reason: string) => void; readonly onEnd: () => void }): ReactElement {
  const t = useText();
  const [said, setSaid] = useState(initial);
  const [reason, setReason] = useState(initialReason);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.select(), []);
  const keep = (): void => {
    if (said.trim() === '') return;
    if (said.trim() !== initial || reason !== initialReason) onKeep(said.trim(), reason.trim());
    onEnd();
  };
  const keys = (event: React.KeyboardEvent): void => {
    if (event.key !== 'Escape' && (event.key !== 'Enter' || event.shiftKey || event.ctrlKey || event.nativeEvent.isComposing)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === 'Enter') keep();
    else onEnd();
  };
  return (
    <div className="otherwise">
      <textarea ref={field} className="words" rows={2} value={said} maxLength={20_000} aria-label={t('report.yourWords')} onChange={(event) => setSaid(event.currentTarget.value)} onKeyDown={keys} />
      <input type="text" className="words" value={reason} maxLength={2000} placeholder={t('report.why')} aria-label={t('report.why')} onChange={(event) => setReason(event.currentTarget.value)} onKeyDown={keys} />
      {original !== null && said !== original && <small className="decide-original">{t('report.modelWrote', { text: original })}</small>}
      <div className="otherwise-foot"><button className="button" onClick={onEnd}>{t('report.cancel')}</button><button className="button" data-primary="" disabled={said.trim() === ''} onClick={keep}>{t('report.keep')} <kbd>⏎</kbd></button></div>
    </div>
  );
}

function Reason({ reason, onReason }: { readonly reason: string; readonly onReason: (why: string) => void }): ReactElement {
  const t = useText();
  const [said, setSaid] = useState(reason);
  useEffect(() => setSaid(reason), [reason]);
  const keep = (): void => {
    if (said.trim() !== reason) onReason(said.trim());
  };
  return (
    <input
      type="text" className="words" value={said} maxLength={2000} placeholder={t('report.why')} aria-label={t('report.why')} onChange={(event) => setSaid(event.currentTarget.value)} onBlur={keep}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== 'Escape') return;
        event.stopPropagation();
        event.currentTarget.closest<HTMLElement>('[data-decide]')?.focus();
      }}
    />
  );
}

function AddStep({ questionId }: { readonly questionId: string }): ReactElement {
  const t = useText();
  const [said, setSaid] = useState('');
  return (
    <form className="add-line" onSubmit={(event) => {
      event.preventDefault();
      if (said.trim() !== '') void change({ kind: 'addStep', questionId, stepKind: 'observation', text: said.trim(), boxes: [] }).then((isDone) => (isDone ? setSaid('') : undefined));
    }}>
      <input type="text" className="words" value={said} maxLength={4000} placeholder={t('report.addStep')} aria-label={t('report.addStep')} onChange={(event) => setSaid(event.currentTarget.value)} />
      <button className="icon-button" aria-label={t('report.add')} disabled={said.trim() === ''}><Icon name="plus" size={15} /></button>
    </form>
  );
}
