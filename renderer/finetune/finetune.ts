/** The store of the fine-tuning screen, what fills it, and what a person can do there. */
import type { FaultFields } from '#models/base/fault.ts';
import { Fault } from '#models/base/fault.ts';
import type { Plan, Run } from '#electron/contract/finetune.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { canPause, canResume, firstPlan, initialFinetune, isActive, reduceFinetune } from './state.ts';

export const finetune = createStore(reduceFinetune, initialFinetune);

/** Once, when the page starts. */
export function startFinetune(): void {
  subscribe('finetune.run', ({ runId, run }) => {
    const before = finetune.get().runs.find(({ id }) => id === runId);
    finetune.dispatch({ type: 'run', runId, run });
    if (!run || !before || before.state === run.state) return;
    if (run.state === 'crashed' || run.state === 'failed') tell({ tone: 'bad', text: run.why?.what ?? text('finetune.states.crashed'), ...(run.why ? { fault: run.why } : {}) });
    if (run.state === 'done') tell({ tone: 'good', text: text('finetune.doneNotice', { name: run.plan.name }) });
  });
  subscribe('finetune.step', ({ runId, line, alarms, hasRollouts }) => {
    finetune.dispatch({ type: 'step', runId, line, alarms, hasRollouts });
    for (const { severity, seen, remedy } of alarms) tell({ tone: severity === 'stop' ? 'bad' : 'warning', text: seen, detail: remedy });
  });
  subscribe('finetune.progress', ({ runId, ...progress }) => finetune.dispatch({ type: 'progress', runId, progress }));
  subscribe('finetune.inUse', ({ history }) => finetune.dispatch({ type: 'inUse', history }));
  void reloadRuns();
}

const faultOf = (thrown: unknown): FaultFields => (thrown instanceof Fault ? thrown.toJSON() : { code: 'internal', what: text('finetune.broken'), why: String(thrown), mend: '' });

export async function reloadRuns(): Promise<void> {
  try {
    finetune.dispatch({ type: 'loaded', ...await call('finetune.runs', null) });
    await loadRun();
  } catch (thrown) {
    finetune.dispatch({ type: 'failed', fault: faultOf(thrown) });
  }
}

export function selectRun(runId: string): void {
  finetune.dispatch({ type: 'select', runId });
  void loadRun().catch(tellFault);
}

/** What is known of the selected run. */
async function loadRun(): Promise<void> {
  const runId = finetune.get().selectedId;
  if (runId === null) return;
  const [metrics, evaluation] = await Promise.all([call('finetune.metrics', { runId }), call('finetune.evaluation', { runId })]);
  finetune.dispatch({ type: 'metrics', runId, ...metrics });
  finetune.dispatch({ type: 'evaluation', runId, evaluation });
}

/** Shows what was tried at an update, or at the nearest one that was kept. */
export function lookAt(wanted: number): void {
  finetune.dispatch({ type: 'look', step: wanted });
  const { selectedId: runId, step } = finetune.get();
  if (runId === null || step === null) return;
  call('finetune.rollouts', { runId, step }).then((groups) => finetune.dispatch({ type: 'groups', runId, step, groups }), tellFault);
}

export function openWizard(plan: Plan = firstPlan): void {
  goTo({ screen: 'finetune' });
  finetune.dispatch({ type: 'order', plan });
  void loadChoices();
}

const loadChoices = (): Promise<void> => call('finetune.choices', null).then((choices) => finetune.dispatch({ type: 'choices', choices }), tellFault);

export function closeWizard(): void {
  if (finetune.get().order?.isEstimating === true) void call('finetune.cancelEstimate', null).catch(tellFault);
  finetune.dispatch({ type: 'order', plan: null });
}

export async function addData(): Promise<void> {
  try {
    const added = await call('finetune.addData', null);
    if (!added) return;
    await loadChoices();
    finetune.dispatch({ type: 'plan', change: { data: added.id } });
  } catch (thrown) {
    tellFault(thrown);
  }
}

export async function estimatePlan(): Promise<void> {
  const plan = finetune.get().order?.plan;
  if (!plan) return;
  finetune.dispatch({ type: 'estimating' });
  try {
    const estimate = await call('finetune.estimate', plan);
    if (finetune.get().order?.plan === plan || sameWork(finetune.get().order?.plan, plan)) finetune.dispatch({ type: 'estimated', estimate, fault: null });
    else finetune.dispatch({ type: 'estimated', estimate: null, fault: null });
  } catch (thrown) {
    finetune.dispatch({ type: 'estimated', estimate: null, fault: faultOf(thrown) });
  }
}

const sameWork = (a: Plan | undefined, b: Plan): boolean => a !== undefined && JSON.stringify({ ...a, name: '' }) === JSON.stringify({ ...b, name: '' });

export async function startRun(): Promise<void> {
  const plan = finetune.get().order?.plan;
  if (!plan) return;
  try {
    const run = await call('finetune.start', plan);
    finetune.dispatch({ type: 'order', plan: null });
    finetune.dispatch({ type: 'run', runId: run.id, run: finetune.get().runs.find(({ id }) => id === run.id) ?? run });
    selectRun(run.id);
    finetune.dispatch({ type: 'tab', tab: 'curves' });
  } catch (thrown) {
    finetune.dispatch({ type: 'estimated', estimate: null, fault: faultOf(thrown) });
  }
}

export const changeRun = (what: 'pause' | 'resume' | 'stop' | 'remove', runId: string): void => void call(`finetune.${what}`, { runId }).then(() => (what === 'resume' ? loadRun() : undefined)).catch(tellFault);

/** Cases that a person waits for; all of `val` where there are fewer. */
export const judgedCases = 40;

export async function judgeRun(runId: string): Promise<void> {
  try {
    const evaluation = await call('finetune.evaluate', { runId, most: judgedCases });
    finetune.dispatch({ type: 'evaluation', runId, evaluation });
  } catch (thrown) {
    if (!(thrown instanceof Fault && thrown.code === 'finetune.cancelled')) tellFault(thrown);
  }
}

export async function promoteRun(runId: string): Promise<void> {
  try {
    const [now] = await call('finetune.promote', { runId });
    tell({ tone: 'good', text: text('finetune.promoted', { name: now?.name ?? '' }), undo: () => void rollBack() });
  } catch (thrown) {
    tellFault(thrown);
  }
}

export async function rollBack(): Promise<void> {
  try {
    const [now] = await call('finetune.rollback', null);
    tell({ tone: 'good', text: text('finetune.rolledBack', { name: now?.name ?? '' }) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

const isHere = (): boolean => navigation.get().screen === 'finetune';
const selected = (): Run | undefined => finetune.get().runs.find(({ id }) => id === finetune.get().selectedId);
const when = (test: (run: Run) => boolean) => (): boolean => isHere() && selected() !== undefined && test(selected() as Run);
const onSelected = (act: (runId: string) => void) => (): void => act((selected() as Run).id);
const move = (by: number) => (): void => {
  const { runs, selectedId } = finetune.get();
  const next = runs[Math.max(0, Math.min(runs.length - 1, runs.findIndex(({ id }) => id === selectedId) + by))];
  if (next) selectRun(next.id);
};

export const finetuneActions: readonly Action[] = [
  { name: 'finetune.new', shortcuts: ['N'], screen: 'finetune', run: () => openWizard() },
  { name: 'finetune.next', shortcuts: ['ArrowDown', 'J'], screen: 'finetune', isKeyOnly: true, run: move(1) },
  { name: 'finetune.previous', shortcuts: ['ArrowUp', 'K'], screen: 'finetune', isKeyOnly: true, run: move(-1) },
  { name: 'finetune.pause', shortcuts: ['P'], screen: 'finetune', when: when(canPause), run: onSelected((id) => changeRun('pause', id)) },
  { name: 'finetune.resume', shortcuts: ['P'], screen: 'finetune', when: when(canResume), run: onSelected((id) => changeRun('resume', id)) },
  { name: 'finetune.stop', shortcuts: ['Shift+S'], screen: 'finetune', when: when((run) => isActive(run) || canResume(run)), run: onSelected((id) => changeRun('stop', id)) },
  { name: 'finetune.curves', shortcuts: ['1'], screen: 'finetune', run: () => finetune.dispatch({ type: 'tab', tab: 'curves' }) },
  { name: 'finetune.rollouts', shortcuts: ['2'], screen: 'finetune', run: () => lookAt(finetune.get().step ?? Number.MAX_SAFE_INTEGER) },
  { name: 'finetune.evaluation', shortcuts: ['3'], screen: 'finetune', run: () => finetune.dispatch({ type: 'tab', tab: 'evaluation' }) },
  { name: 'finetune.model', shortcuts: ['4'], screen: 'finetune', run: () => finetune.dispatch({ type: 'tab', tab: 'model' }) },
  { name: 'finetune.rollback', shortcuts: [], when: () => (finetune.get().history[0]?.id ?? 'built-in') !== 'built-in', run: () => void rollBack() },
];

export const finetuneActionStrings = {
  'finetune.new': 'New run', 'finetune.next': 'Next run', 'finetune.previous': 'Previous run', 'finetune.pause': 'Pause the run', 'finetune.resume': 'Resume the run', 'finetune.stop': 'Stop the run for good',
  'finetune.curves': 'Curves', 'finetune.rollouts': 'Rollouts', 'finetune.evaluation': 'Evaluation', 'finetune.model': 'Model in use', 'finetune.rollback': 'Roll back to the model before',
} as const;
