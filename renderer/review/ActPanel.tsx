/** The steps that are being taken, one below the other: who takes them, what each does, and the way back. */
import { useEffect, useRef, type ReactElement } from 'react';
import type { Trace } from '#electron/contract/review.ts';
import type { ActStep } from '#models/viewer/log.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import './act.css';
import { acting, chooseSteps, letModelDrive, saveSteps, showBoxes, shownBoxes, standAt, stopActing } from './act.ts';
import { review } from './review.ts';

export function ActPanel(): ReactElement | null {
  const t = useText();
  const state = useStore(acting, (all) => all);
  const list = useRef<HTMLOListElement>(null);
  const count = state?.log.steps.length ?? 0;
  useEffect(() => {
    list.current?.lastElementChild?.scrollIntoView({ block: 'nearest' });
  }, [count]);
  if (!state || state.isHidden) return null;
  const { log, standing, isRunning, isThinking, note, differences } = state;
  return (
    <section className="act" aria-label={t('act.title')} data-end={isRunning ? undefined : log.end} data-running={isRunning || undefined}>
      <header>
        <div className="act-by" data-kind={log.driver.kind}><Icon name={log.driver.kind === 'model' ? 'models' : log.driver.kind === 'directive' ? 'list' : 'file'} size={14} /><b>{t(`act.by.${log.driver.kind}`)}</b></div>
        {isRunning ? <button className="button" onClick={stopActing}><Icon name="stop" size={14} />{t('act.stop')} <KeyHint of="act.stop" usually="Esc" /></button>
          : <button className="icon-button" aria-label={t('act.close')} title={t('act.close')} onClick={() => acting.dispatch({ type: 'put away' })}><Icon name="close" size={14} /></button>}
      </header>
      <p className="act-task">{log.instruction}</p>
      <ol ref={list}>
        {log.steps.map((step, at) => (
          <li key={at} data-step={at + 1} data-action={step.call?.action ?? 'none'} data-back={at >= standing || undefined} data-refused={step.fault ? step.fault.code : undefined} title={step.written ?? step.sentence}>
            <span className="ring number">{at + 1}</span>
            <span className="act-what"><b>{t(`act.action.${step.call?.action ?? 'none'}`)}</b> <span className="number">{argumentOf(step)}</span>{step.fault && <em>{t('act.refused')}: {step.fault.why}</em>}
              {differences.filter((one) => one.step === at + 1).map(({ why }) => <em key={why}>{why}</em>)}</span>
            {!step.fault && <button className="icon-button" aria-label={t(at < standing ? 'act.takeBack' : 'act.putBack')} title={t(at < standing ? 'act.takeBack' : 'act.putBack')} onClick={() => void standAt(log.id, at < standing ? at : at + 1)}><Icon name={at < standing ? 'undo' : 'redo'} size={13} /></button>}
          </li>
        ))}
        {isThinking && <li className="act-thinking"><span className="pulse" aria-hidden="true" />{t('act.thinking')}</li>}
      </ol>
      {!isRunning && (
        <footer>
          <span role="status">{note ? <><b>{note.what}</b> {note.why}</> : t(`act.end.${log.end}`)}</span>
          <span className="grow" />
          {count > 0 && <button className="button" disabled={standing === 0} onClick={() => void standAt(log.id, 0)}><Icon name="undo" size={13} />{t('act.takeBackAll')}</button>}
          <button className="button" onClick={saveSteps}><Icon name="export" size={13} />{t('act.save')}</button>
        </footer>
      )}
    </section>
  );
}

/** What the action was given, as a person would say it. */
function argumentOf({ call, after }: ActStep): string {
  if (!call) return '';
  if (call.action === 'zoom') return after ? `${after.zoom.toFixed(1)}×` : `${call.input_text}×`;
  if (call.action === 'scroll_slice') return after ? String(after.slice) : call.input_text;
  return ['set_window', 'set_level', 'select_series', 'answer'].includes(call.action) ? call.input_text : '';
}

/** Below an answer: the ways to be shown. */
export function ShowMe({ trace }: { readonly trace: Trace }): ReactElement {
  const t = useText();
  const isRunning = useStore(acting, (state) => state?.isRunning === true);
  const hasQuestion = useStore(review, ({ question }) => question.trim() !== '');
  // Boxes come with judging and with second questions too: the count is read anew with each drawing of the answer.
  const places = shownBoxes().length;
  return (
    <section className="show-me" aria-label={t('act.title')} data-of={trace.id}>
      <button className="button" disabled={isRunning || places === 0} title={t('act.showHint')} onClick={() => void showBoxes()}><Icon name="play" size={14} />{t('act.show')} <KeyHint of="act.show" usually="Alt+W" /></button>
      <button className="button" disabled={isRunning || !hasQuestion} title={t('act.driveHint')} onClick={() => void letModelDrive()}><Icon name="models" size={14} />{t('act.drive')} <KeyHint of="act.model" usually="Alt+Q" /></button>
      <button className="button" disabled={isRunning} onClick={chooseSteps}><Icon name="file" size={14} />{t('act.replay')}</button>
    </section>
  );
}
