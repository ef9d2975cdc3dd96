/** Fine-tuning: the runs of this workstation, each with its curves, what was tried, how it was judged; and which model answers. */
import { useMemo, type ReactElement } from 'react';
import type { Run } from '#electron/contract/finetune.ts';
import { Chart } from '#renderer/design/Chart.tsx';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatDate, formatNumber, useText } from '#renderer/workstation/text.ts';
import { Evaluation, ModelInUse } from './Evaluation.tsx';
import './finetune.css';
import { changeRun, finetune, lookAt, openWizard, reloadRuns, selectRun } from './finetune.ts';
import { ProgressLine } from './ProgressLine.tsx';
import { Rollouts } from './Rollouts.tsx';
import { canPause, canResume, isActive, panelsOf, tabs, type Tab } from './state.ts';
import { useDuration } from './useDuration.ts';
import { Wizard } from './Wizard.tsx';

export function FinetuneScreen(): ReactElement {
  const t = useText();
  const { isLoaded, fault, runs, selectedId, tab } = useStore(finetune, (state) => state);
  if (fault) return <FaultView fault={fault}><button className="button" onClick={() => void reloadRuns()}>{t('finetune.again')}</button></FaultView>;
  if (!isLoaded) return <Empty icon="reset" title={t('finetune.loading')} />;
  const run = runs.find(({ id }) => id === selectedId);
  return (
    <div className="finetune">
      <aside className="runs" aria-label={t('finetune.runs')}>
        <div className="runs-head"><h2>{t('finetune.runs')}</h2><button className="button" data-primary="" onClick={() => openWizard()}><Icon name="plus" />{t('finetune.new')}</button></div>
        <ul>{runs.map((one) => <RunRow key={one.id} run={one} isSelected={one.id === selectedId} />)}</ul>
      </aside>
      {run ? <RunView run={run} tab={tab} /> : <Empty icon="reset" title={t('finetune.emptyTitle')} text={t('finetune.emptyText')}><button className="button" onClick={() => openWizard()}>{t('finetune.new')}</button></Empty>}
      <Wizard />
    </div>
  );
}

const share = ({ step, steps }: Run): number => (steps > 0 ? Math.min(1, step / steps) : 0);

function RunRow({ run, isSelected }: { readonly run: Run; readonly isSelected: boolean }): ReactElement {
  const t = useText();
  return (
    <li>
      <button className="run" data-run={run.id} data-state={run.state} aria-current={isSelected ? 'true' : undefined} onClick={() => selectRun(run.id)}>
        <span className="run-name">{run.plan.name}</span>
        <span className="run-state">{t(`finetune.states.${run.state}`)}</span>
        <span className="number muted">{t('finetune.steps', { step: formatNumber(run.step), steps: formatNumber(run.steps) })} · {formatDate(run.startedAt)}</span>
        {run.verdict && <span className="run-verdict" data-decision={run.verdict}>{t(run.verdict === 'promoted' ? 'finetune.passed' : 'finetune.refused')}</span>}
        <span className="track"><span style={{ width: `${100 * share(run)}%` }} /></span>
      </button>
    </li>
  );
}

function RunView({ run, tab }: { readonly run: Run; readonly tab: Tab }): ReactElement {
  const t = useText();
  const duration = useDuration();
  const { plan, state, step, steps, seconds, secondsLeft, bytes, why } = run;
  const show = (name: Tab) => (): void => (name === 'rollouts' ? lookAt(finetune.get().step ?? Number.MAX_SAFE_INTEGER) : finetune.dispatch({ type: 'tab', tab: name }));
  return (
    <section className="run-view" aria-label={plan.name}>
      <header>
        <div><h2>{plan.name}</h2>
          <p className="number"><span className="run-state" data-state={state}>{t(`finetune.states.${state}`)}</span> {t('finetune.steps', { step: formatNumber(step), steps: formatNumber(steps) })} · {duration(seconds)}{secondsLeft !== null && ` · ${t('finetune.left', { time: duration(Math.max(0, secondsLeft)) })}`}{bytes > 0 && ` · ${formatBytes(bytes)}`} · {plan.recipe}</p>
        </div>
        <span className="grow" />
        {canPause(run) && <button className="button" onClick={() => changeRun('pause', run.id)}>{t('finetune.pause')} <KeyHint of="finetune.pause" usually="P" /></button>}
        {canResume(run) && <button className="button" data-primary="" onClick={() => changeRun('resume', run.id)}><Icon name="play" />{t('finetune.resume')} <KeyHint of="finetune.resume" usually="P" /></button>}
        {(isActive(run) || canResume(run)) && <button className="button" disabled={state === 'stopping'} onClick={() => changeRun('stop', run.id)}><Icon name="stop" />{t('finetune.stop')}</button>}
        <button className="button" onClick={() => openWizard({ ...plan, name: '' })}>{t('finetune.likeThis')}</button>
        {!isActive(run) && <button className="icon-button" aria-label={t('finetune.remove')} title={t('finetune.remove')} onClick={() => changeRun('remove', run.id)}><Icon name="trash" /></button>}
      </header>
      {why && <p role="alert" className="trouble"><strong>{why.what}</strong> {why.why} {why.mend}</p>}
      {state === 'preparing' && <ProgressLine runId={run.id} />}
      <nav className="sub-tabs" aria-label={plan.name}>{tabs.map((name) => <button key={name} className="tab" aria-current={name === tab ? 'page' : undefined} onClick={show(name)}>{t(`finetune.tabs.${name}`)}</button>)}</nav>
      <div className="run-body" tabIndex={0} role="region" aria-label={t(`finetune.tabs.${tab}`)}>{tab === 'curves' ? <Curves /> : tab === 'rollouts' ? <Rollouts runId={run.id} /> : tab === 'evaluation' ? <Evaluation run={run} /> : <ModelInUse />}</div>
    </section>
  );
}

function Curves(): ReactElement {
  const t = useText();
  const lines = useStore(finetune, (state) => state.lines);
  const alarms = useStore(finetune, (state) => state.alarms);
  const hasRollouts = useStore(finetune, (state) => state.rolloutSteps.length > 0);
  const panels = useMemo(() => panelsOf(lines), [lines]);
  if (lines.length === 0) return <Empty icon="reset" title={t('finetune.noMetricsTitle')} text={t('finetune.noMetricsText')} />;
  return (
    <div className="curves">
      <section className="alarm-box" aria-label={t('finetune.alarms')}>
        {alarms.length === 0 ? <p className="good">{t('finetune.noAlarms')}</p> : (
          <ul className="alarms">{[...alarms].reverse().map(({ code, severity, step, seen, remedy }) => <li key={`${code}/${step}`} data-severity={severity} data-alarm={code}><strong>{seen}</strong><span>{remedy}</span><small className="number">{t('finetune.atStep', { step })}</small></li>)}</ul>
        )}
        {hasRollouts && <p className="note">{t('finetune.chartHint')}</p>}
      </section>
      <div className="charts">{panels.map(({ name, x, series }) => <Chart key={name} title={t(`finetune.panels.${name}`)} x={x} series={series} {...(hasRollouts ? { onPick: lookAt } : {})} />)}</div>
    </div>
  );
}
