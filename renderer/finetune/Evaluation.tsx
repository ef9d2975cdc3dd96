/** How a run's model fares against the one in use: the table by modality and question, the gate, and the step into use. */
import type { ReactElement } from 'react';
import type { EvaluationRow, GateRow, Run, RunEvaluation } from '#electron/contract/finetune.ts';
import { call } from '#renderer/workstation/call.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { tellFault } from '#renderer/workstation/notices.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, formatNumber, useText } from '#renderer/workstation/text.ts';
import { finetune, judgedCases, judgeRun, promoteRun, rollBack } from './finetune.ts';
import { ProgressLine } from './ProgressLine.tsx';
import { canJudge } from './state.ts';

export function Evaluation({ run }: { readonly run: Run }): ReactElement {
  const t = useText();
  const evaluation = useStore(finetune, (state) => state.evaluation);
  const judge = <button className="button" data-primary={evaluation ? undefined : ''} disabled={!canJudge(run)} onClick={() => void judgeRun(run.id)}>{t('finetune.judge')}</button>;
  if (run.busy === 'evaluating') {
    return <div className="evaluation"><ProgressLine runId={run.id} /><div><button className="button" onClick={() => void call('finetune.cancelEvaluate', { runId: run.id }).catch(tellFault)}>{t('finetune.cancel')}</button></div></div>;
  }
  if (!evaluation) return <Empty icon="shield" title={t('finetune.unjudgedTitle')} text={t('finetune.unjudgedText', { count: judgedCases })}>{canJudge(run) ? judge : <p>{t('finetune.notYet')}</p>}</Empty>;
  const { gate, cases, baselineName } = evaluation;
  return (
    <div className="evaluation">
      <div className="gate-verdict" data-decision={gate.decision}>
        <Icon name={gate.decision === 'promoted' ? 'check' : 'close'} size={20} />
        <div><strong>{t(gate.decision === 'promoted' ? 'finetune.passed' : 'finetune.refused')}</strong> <span>{t('finetune.judged', { cases, name: baselineName })} · {t('finetune.gained', { gained: gate.gained, lost: gate.lost, p: gate.p.toPrecision(2) })}</span>
          {gate.reasons.length > 0 && <ul>{gate.reasons.map((reason) => <li key={reason}>{reason}</li>)}</ul>}
        </div>
        <span className="grow" />
        {judge}
        <button className="button" data-primary="" disabled={gate.decision !== 'promoted' || run.busy !== null} onClick={() => void promoteRun(run.id)}>{run.busy === 'promoting' ? t('finetune.promoting') : t('finetune.promote')}</button>
      </div>
      <Answers rows={evaluation.rows} />
      <h3>{t('finetune.gate')}</h3>
      <Gate rows={[...gate.comparisons, ...gate.subgroups]} />
    </div>
  );
}

const percent = (share: number): string => `${formatNumber(100 * share, 1)} %`;

function Answers({ rows }: { readonly rows: RunEvaluation['rows'] }): ReactElement {
  const t = useText();
  const kinds = ['real', 'blank', 'swapped'] as const;
  const cell = ({ right, n }: EvaluationRow['candidate']['real']): string => (n === 0 ? '–' : percent(right / n));
  return (
    <table className="figures-table" data-table="answers">
      <thead>
        <tr><th rowSpan={2}>{t('finetune.modality')}</th><th rowSpan={2}>{t('finetune.question')}</th><th rowSpan={2}>{t('finetune.count')}</th>{kinds.map((kind) => <th key={kind} colSpan={2}>{t(kind === 'real' ? 'finetune.seen' : `finetune.${kind}`)}</th>)}</tr>
        <tr>{kinds.flatMap((kind) => [<th key={`${kind}-in-use`}>{t('finetune.inUse')}</th>, <th key={`${kind}-run`}>{t('finetune.run')}</th>])}</tr>
      </thead>
      <tbody>{rows.map((row) => (
        <tr key={`${row.modality}/${row.questionType}`}>
          <th scope="row">{row.modality}</th><td>{row.questionType.replaceAll('_', ' ')}</td><td className="number">{row.candidate.real.n}</td>
          {kinds.flatMap((kind) => [<td key={`${kind}-in-use`} className="number">{cell(row.baseline[kind])}</td>, <td key={`${kind}-run`} className="number" data-sign={Math.sign(row.candidate[kind].right - row.baseline[kind].right) * (kind === 'real' ? 1 : 0)}>{cell(row.candidate[kind])}</td>])}
        </tr>
      ))}</tbody>
    </table>
  );
}

function Gate({ rows }: { readonly rows: readonly GateRow[] }): ReactElement {
  const t = useText();
  const points = (share: number): string => `${share > 0 ? '+' : ''}${formatNumber(100 * share, 1)}`;
  return (
    <table className="figures-table" data-table="gate">
      <thead><tr><th /><th>{t('finetune.measure')}</th><th>{t('finetune.count')}</th><th>{t('finetune.inUse')}</th><th>{t('finetune.run')}</th><th>{t('finetune.change')}</th><th>{t('finetune.interval')}</th><th>{t('finetune.rule')}</th></tr></thead>
      <tbody>{rows.map(({ name, n, baseline, candidate, difference, ci, gained, lost, passed, rule }) => (
        <tr key={name} data-passed={passed}>
          <td>{passed ? '✓' : '✗'}</td><th scope="row">{name}</th><td className="number">{n}</td><td className="number">{percent(baseline)}</td><td className="number">{percent(candidate)}</td>
          <td className="number" data-sign={Math.sign(difference)}>{points(difference)}</td><td className="number">{ci ? `${points(ci[0])} … ${points(ci[1])}` : `+${gained ?? 0} −${lost ?? 0}`}</td><td className="muted">{rule}</td>
        </tr>
      ))}</tbody>
    </table>
  );
}

/** Which model answers, what did before, and the way back. */
export function ModelInUse(): ReactElement {
  const t = useText();
  const history = useStore(finetune, (state) => state.history);
  const [now] = history;
  return (
    <div className="evaluation">
      <div className="gate-verdict" data-decision="promoted">
        <Icon name="check" size={20} /><div><strong>{now?.name}</strong> <span>{now?.lineage?.slice(0, 12)}</span><p>{history.length < 2 ? t('finetune.nothingBefore') : t('finetune.keeps')}</p></div>
        <span className="grow" />
        <button className="button" disabled={now === undefined || now.id === 'built-in'} onClick={() => void rollBack()}><Icon name="undo" />{t('finetune.rollback')}</button>
      </div>
      <h3>{t('finetune.history')}</h3>
      <table className="figures-table" data-table="history"><tbody>{history.map(({ id, name, since, by, how, lineage }, at) => (
        <tr key={`${at}/${id}`}><td className="number">{formatDate(since)}</td><td className="muted">{t(`finetune.how.${how}`)}</td><th scope="row">{name}</th><td className="muted">{by === '' ? '' : t('finetune.byWhom', { by })}</td><td className="number muted">{lineage?.slice(0, 12)}</td></tr>
      ))}</tbody></table>
    </div>
  );
}
