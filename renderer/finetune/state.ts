/** What the fine-tuning screen knows, and how it changes: pure, so that it is tested without a window. */
import type { Alarm, Choices, Estimate, InUse, MetricsRow, Plan, Run, RunEvaluation, ShownGroup } from '#electron/contract/finetune.ts';
import type { FaultFields } from '#models/base/fault.ts';

export const tabs = ['curves', 'rollouts', 'evaluation', 'model'] as const;
export type Tab = (typeof tabs)[number];

export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export interface FinetuneState {
  readonly isLoaded: boolean;
  readonly fault: FaultFields | null;
  /** The newest first. */
  readonly runs: readonly Run[];
  readonly history: readonly InUse[];
  readonly selectedId: string | null;
  readonly tab: Tab;
  /** Of the selected run. */
  readonly lines: readonly MetricsRow[];
  readonly alarms: readonly Alarm[];
  readonly rolloutSteps: readonly number[];
  /** The update that is looked at, its groups (null: not there yet) and the one that is shown. */
  readonly step: number | null;
  readonly groups: readonly ShownGroup[] | null;
  readonly groupAt: number;
  readonly evaluation: RunEvaluation | null;
  /** By run; the estimate's stands at ''. */
  readonly progress: ReadonlyMap<string, Progress>;
  readonly order: Order | null;
}

/** The wizard while it is open. */
export interface Order {
  readonly choices: Choices | null;
  readonly plan: Plan;
  readonly estimate: Estimate | null;
  readonly isEstimating: boolean;
  readonly fault: FaultFields | null;
}

export const initialFinetune: FinetuneState = {
  isLoaded: false, fault: null, runs: [], history: [], selectedId: null, tab: 'curves', lines: [], alarms: [], rolloutSteps: [], step: null, groups: null, groupAt: 0, evaluation: null,
  progress: new Map(), order: null,
};

export const firstPlan: Plan = { name: '', recipe: 'grpoLora', data: 'drawn', model: 'built-in', steps: 40, minutes: null, seed: 1 };

export type FinetuneAction =
  | { readonly type: 'loaded'; readonly runs: readonly Run[]; readonly history: readonly InUse[] }
  | { readonly type: 'failed'; readonly fault: FaultFields }
  | { readonly type: 'run'; readonly runId: string; readonly run: Run | null }
  | { readonly type: 'select'; readonly runId: string | null }
  | { readonly type: 'metrics'; readonly runId: string; readonly lines: readonly MetricsRow[]; readonly alarms: readonly Alarm[]; readonly rolloutSteps: readonly number[] }
  | { readonly type: 'step'; readonly runId: string; readonly line: MetricsRow; readonly alarms: readonly Alarm[]; readonly hasRollouts: boolean }
  | { readonly type: 'tab'; readonly tab: Tab }
  | { readonly type: 'look'; readonly step: number }
  | { readonly type: 'groups'; readonly runId: string; readonly step: number; readonly groups: readonly ShownGroup[] }
  | { readonly type: 'group'; readonly at: number }
  | { readonly type: 'evaluation'; readonly runId: string; readonly evaluation: RunEvaluation | null }
  | { readonly type: 'progress'; readonly runId: string | null; readonly progress: Progress }
  | { readonly type: 'inUse'; readonly history: readonly InUse[] }
  | { readonly type: 'order'; readonly plan: Plan | null }
  | { readonly type: 'choices'; readonly choices: Choices }
  | { readonly type: 'plan'; readonly change: Partial<Plan> }
  | { readonly type: 'estimating' }
  | { readonly type: 'estimated'; readonly estimate: Estimate | null; readonly fault: FaultFields | null };

const ofNoRun = { lines: [], alarms: [], rolloutSteps: [], step: null, groups: null, groupAt: 0, evaluation: null } as const;

export function reduceFinetune(state: FinetuneState, action: FinetuneAction): FinetuneState {
  switch (action.type) {
    case 'loaded': return { ...state, isLoaded: true, fault: null, runs: action.runs, history: action.history, selectedId: action.runs.some(({ id }) => id === state.selectedId) ? state.selectedId : action.runs[0]?.id ?? null };
    case 'failed': return { ...state, isLoaded: true, fault: action.fault };
    case 'run': return changedRun(state, action.runId, action.run);
    case 'select': return action.runId === state.selectedId ? state : { ...state, ...ofNoRun, selectedId: action.runId };
    case 'metrics': return action.runId === state.selectedId ? { ...state, lines: action.lines, alarms: action.alarms, rolloutSteps: action.rolloutSteps } : state;
    case 'step': return action.runId === state.selectedId ? stepped(state, action) : state;
    case 'tab': return { ...state, tab: action.tab };
    case 'look': return { ...state, tab: 'rollouts', step: nearest(state.rolloutSteps, action.step), groups: null, groupAt: 0 };
    case 'groups': return action.runId === state.selectedId && action.step === state.step ? { ...state, groups: action.groups } : state;
    case 'group': return { ...state, groupAt: Math.max(0, Math.min(action.at, (state.groups?.length ?? 1) - 1)) };
    case 'evaluation': return action.runId === state.selectedId ? { ...state, evaluation: action.evaluation } : state;
    case 'progress': return { ...state, progress: new Map(state.progress).set(action.runId ?? '', action.progress) };
    case 'inUse': return { ...state, history: action.history };
    case 'order': return { ...state, order: action.plan === null ? null : { choices: null, plan: action.plan, estimate: null, isEstimating: false, fault: null } };
    case 'choices': return state.order === null ? state : { ...state, order: { ...state.order, choices: action.choices, plan: possible(state.order.plan, action.choices) } };
    // An estimate holds for the plan that it was made of.
    case 'plan': return state.order === null ? state : { ...state, order: { ...state.order, plan: { ...state.order.plan, ...action.change }, estimate: 'name' in action.change ? state.order.estimate : null, fault: null } };
    case 'estimating': return state.order === null ? state : { ...state, order: { ...state.order, isEstimating: true, estimate: null, fault: null } };
    case 'estimated': return state.order === null ? state : { ...state, order: { ...state.order, isEstimating: false, estimate: action.estimate, fault: action.fault } };
  }
}

function changedRun(state: FinetuneState, runId: string, run: Run | null): FinetuneState {
  const progress = new Map(state.progress);
  if (run === null || run.busy === null && run.state !== 'preparing') progress.delete(runId);
  const rest = state.runs.filter(({ id }) => id !== runId);
  if (run === null) return { ...state, progress, runs: rest, ...(state.selectedId === runId ? { ...ofNoRun, selectedId: rest[0]?.id ?? null } : {}) };
  const isKnown = rest.length < state.runs.length;
  return { ...state, progress, runs: isKnown ? state.runs.map((one) => (one.id === runId ? run : one)) : [run, ...rest] };
}

/** A resumed run writes again what a crash had cost: later lines give way. */
function stepped(state: FinetuneState, { line, alarms, hasRollouts }: FinetuneAction & { readonly type: 'step' }): FinetuneState {
  const step = line['step'] ?? 0;
  const before = (one: number | null | undefined): boolean => (one ?? 0) < step;
  return {
    ...state, lines: [...state.lines.filter((one) => before(one['step'])), line], alarms: [...state.alarms.filter((alarm) => before(alarm.step)), ...alarms],
    rolloutSteps: [...state.rolloutSteps.filter(before), ...(hasRollouts ? [step] : [])],
  };
}

/** The kept step that lies nearest; null where none was kept. */
export function nearest(steps: readonly number[], wanted: number): number | null {
  return steps.reduce<number | null>((best, step) => (best === null || Math.abs(step - wanted) < Math.abs(best - wanted) ? step : best), null);
}

/** A plan of what is there: what is not gives way to the first that is. */
export function possible(plan: Plan, { recipes, data, models }: Choices): Plan {
  const recipe = recipes.find(({ name }) => name === plan.recipe) ?? recipes[0];
  const usable = data.filter(({ problem }) => problem === null);
  const model = models.find(({ id }) => id === plan.model) ?? models.find(({ isInUse }) => isInUse) ?? models[0];
  return { ...plan, recipe: recipe?.name ?? plan.recipe, data: (usable.find(({ id }) => id === plan.data) ?? usable[0])?.id ?? plan.data, model: model?.id ?? null };
}

export interface PanelSeries {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface Panel {
  readonly name: string;
  readonly x: readonly number[];
  readonly series: readonly PanelSeries[];
}

/** Metrics that share a picture, by the names under which they are written; `*` stands for one name of any length. */
const plans: readonly { readonly name: string; readonly metrics: readonly string[] }[] = [
  { name: 'loss', metrics: ['loss', 'cells_loss', 'labels_loss'] },
  { name: 'reward', metrics: ['reward', 'reward_std'] },
  { name: 'rewards', metrics: ['rewards/*/mean'] },
  { name: 'accuracy', metrics: ['accuracy', 'eval_macro_accuracy', 'eval_accuracy', 'eval_image_reliance'] },
  { name: 'kl', metrics: ['kl'] },
  { name: 'entropy', metrics: ['entropy'] },
  { name: 'length', metrics: ['completions/mean_length', 'completions/min_length', 'completions/max_length'] },
  { name: 'shares', metrics: ['frac_reward_zero_std', 'completions/clipped_ratio', 'completions/parse_failures', 'clip_ratio/region_mean'] },
  { name: 'gradient', metrics: ['grad_norm'] },
  { name: 'rate', metrics: ['learning_rate'] },
  { name: 'time', metrics: ['step_s', 'draw_s', 'timing/rollout_s', 'timing/update_s'] },
];

/** The curves that the lines hold; of long runs every so many lines are drawn. */
export function panelsOf(lines: readonly MetricsRow[], most = 2000): readonly Panel[] {
  const every = Math.max(1, Math.ceil(lines.length / most));
  const drawn = lines.filter((_, at) => at % every === 0 || at === lines.length - 1);
  const names = [...new Set(drawn.flatMap((line) => Object.keys(line)))];
  const x = drawn.map((line) => line['step'] ?? 0);
  return plans.flatMap(({ name, metrics }) => {
    const series = metrics.flatMap((metric) => matching(metric, names)).map((metric): PanelSeries => ({ name: metric, values: drawn.map((line) => line[metric] ?? null) }));
    return series.some(({ values }) => values.some((value) => value !== null)) ? [{ name, x, series }] : [];
  });
}

function matching(metric: string, names: readonly string[]): readonly string[] {
  const [start = '', end] = metric.split('*');
  if (end === undefined) return names.includes(metric) ? [metric] : [];
  return names.filter((name) => name.length > start.length + end.length && name.startsWith(start) && name.endsWith(end)).sort();
}

const levels = [0.9, 0.5, 0.1, 0.01].map(Math.log);
/** From 0 (p over 0.9) to 4 (p below 0.01), of ln p. */
export const tokenLevel = (logprob: number): number => levels.filter((bound) => logprob < bound).length;

export const isActive = ({ state }: Run): boolean => state === 'preparing' || state === 'running' || state === 'pausing' || state === 'stopping';
export const canPause = ({ state }: Run): boolean => state === 'preparing' || state === 'running';
export const canResume = ({ state }: Run): boolean => state === 'paused' || state === 'crashed' || state === 'failed';
export const canJudge = (run: Run): boolean => !isActive(run) && run.step > 0 && run.busy === null;

/** `1 h 5 min`, as the parts that a sentence is made of. */
export function durationOf(seconds: number): { readonly hours: number; readonly minutes: number; readonly seconds: number } {
  const whole = Math.round(seconds);
  return { hours: Math.floor(whole / 3600), minutes: Math.floor((whole % 3600) / 60), seconds: whole % 60 };
}
