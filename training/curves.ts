/** A run's measures as curves to be drawn: which metrics share a picture, smoothed where they jump, with the borders of stages. */
import { metricNames, type MetricsLine } from './health.ts';

/** Points in rising order of x. */
export interface CurveSeries {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
  /** Running mean of the points, drawn over them; absent where the points are few or smooth. */
  readonly smooth?: readonly (readonly [number, number])[];
  /** x, lower, upper. */
  readonly band?: readonly (readonly [number, number, number])[];
  /** Single measures far apart, drawn as dots on a line. */
  readonly isSparse: boolean;
}

export interface CurvePanel {
  readonly title: string;
  /** Behind the values: `nats`, `tokens`, `%`. */
  readonly unit: string;
  readonly series: readonly CurveSeries[];
}

export interface Curves {
  readonly panels: readonly CurvePanel[];
  /** Updates at which a stage begins, but for the first. */
  readonly stages: readonly number[];
  readonly steps: number;
}

interface PanelPlan {
  readonly title: string;
  readonly unit: string;
  /** Metric and the name that it is shown by; `*` in a metric stands for one name of any length. */
  readonly metrics: readonly { readonly metric: string; readonly name: string; readonly low?: string; readonly high?: string; readonly spread?: string }[];
  readonly scale?: number;
  /** Set by a schedule, so that there is nothing to smooth. */
  readonly isExact?: boolean;
}

const plans: readonly PanelPlan[] = [
  { title: 'Reward', unit: '', metrics: [{ metric: metricNames.reward, name: 'all rewards', spread: 'reward_std' }, { metric: 'rewards/*/mean', name: '*' }] },
  {
    title: 'Validation', unit: '%', scale: 100,
    metrics: [
      { metric: 'eval_macro_accuracy', name: 'macro accuracy' }, { metric: 'eval_accuracy', name: 'accuracy' }, { metric: 'eval_box_iou', name: 'box overlap' },
      { metric: metricNames.reliance, name: 'image reliance' }, { metric: 'eval_reward', name: 'reward' },
    ],
  },
  { title: 'Distance to the reference (KL)', unit: 'nats a token', metrics: [{ metric: metricNames.kl, name: 'KL' }] },
  { title: 'Entropy', unit: 'nats a token', metrics: [{ metric: metricNames.entropy, name: 'entropy' }] },
  {
    title: 'Length of completions', unit: 'tokens',
    metrics: [{ metric: metricNames.length, name: 'mean', low: 'completions/min_length', high: 'completions/max_length' }, { metric: 'completions/mean_terminated_length', name: 'of the finished' }],
  },
  {
    title: 'Shares', unit: '%', scale: 100,
    metrics: [
      { metric: metricNames.equalGroups, name: 'groups all equal' }, { metric: metricNames.clipped, name: 'cut at the limit' }, { metric: metricNames.unparsed, name: 'no answer found' },
      { metric: 'clip_ratio/region_mean', name: 'ratio clipped' },
    ],
  },
  { title: 'Loss', unit: '', metrics: [{ metric: metricNames.loss, name: 'loss' }] },
  { title: 'Gradient norm before clipping', unit: '', metrics: [{ metric: metricNames.gradient, name: 'norm' }] },
  { title: 'Learning rate', unit: '', isExact: true, metrics: [{ metric: 'learning_rate', name: 'rate' }] },
];

/** Most points of a curve; longer runs are drawn by the means of neighbours. */
const mostPoints = 1200;

/** Curves of all metrics that the lines hold. Values that are no numbers leave a gap. */
export function curvesOf(lines: readonly MetricsLine[]): Curves {
  const rising = lines.filter(({ step }) => typeof step === 'number' && Number.isFinite(step)).sort((a, b) => (a.step as number) - (b.step as number));
  const names = [...new Set(rising.flatMap((line) => Object.keys(line)))];
  const stages = rising.flatMap(({ step, stage }, at) => (at > 0 && stage !== rising[at - 1]!.stage ? [step as number] : []));
  const panels = plans.flatMap(({ title, unit, metrics, scale = 1, isExact = false }) => {
    const series = metrics.flatMap((plan) => matching(plan.metric, names).flatMap(({ metric, star }) =>
      seriesOf(rising, metric, { ...plan, name: plan.name.replace('*', star), scale, stages: isExact ? null : stages })));
    return series.length > 0 ? [{ title, unit, series }] : [];
  });
  return { panels, stages, steps: (rising.at(-1)?.step as number | undefined) ?? 0 };
}

function matching(pattern: string, names: readonly string[]): readonly { readonly metric: string; readonly star: string }[] {
  const [head, tail] = pattern.split('*');
  if (tail === undefined) return names.includes(pattern) ? [{ metric: pattern, star: '' }] : [];
  return names.filter((name) => name.startsWith(head!) && name.endsWith(tail) && name.length > head!.length + tail.length)
    .map((name) => ({ metric: name, star: name.slice(head!.length, name.length - tail.length) }));
}

type SeriesPlan = Omit<PanelPlan['metrics'][number], 'metric'> & {
  readonly scale: number;
  /** Where stages begin: no mean runs across. Null: the curve is not smoothed. */
  readonly stages: readonly number[] | null;
};

function seriesOf(lines: readonly MetricsLine[], metric: string, { name, scale, stages, low, high, spread }: SeriesPlan): readonly CurveSeries[] {
  const number = (line: MetricsLine, key: string | undefined): number | null => {
    const value = key === undefined || !Object.hasOwn(line, key) ? null : line[key];
    return typeof value === 'number' && Number.isFinite(value) ? value * scale : null;
  };
  const measured = lines.flatMap((line) => {
    const value = number(line, metric);
    if (value === null) return [];
    const [least, most, deviation] = [number(line, low), number(line, high), number(line, spread)];
    const edges = least !== null && most !== null ? [least, most] as const : deviation !== null ? [value - deviation, value + deviation] as const : null;
    return [{ x: line.step as number, value, edges }];
  });
  if (measured.length === 0) return [];
  const merged = merge(measured);
  const points = merged.map(({ x, value }) => [x, value] as const);
  const isSparse = measured.length * 4 < lines.length || measured.length < 8;
  const window = Math.floor(points.length / 40);
  const band = merged.flatMap(({ x, edges }) => (edges ? [[x, ...edges] as const] : []));
  return [{
    name, points, isSparse, ...(stages && !isSparse && window >= 2 ? { smooth: runningMean(points, window, stages) } : {}), ...(band.length === points.length && !isSparse ? { band } : {}),
  }];
}

interface Measured {
  readonly x: number;
  readonly value: number;
  readonly edges: readonly [number, number] | null;
}

/** At most `mostPoints`: neighbours become their mean, their edges the outermost. */
function merge(measured: readonly Measured[]): readonly Measured[] {
  if (measured.length <= mostPoints) return measured;
  return Array.from({ length: mostPoints }, (_, i) => {
    const part = measured.slice(Math.floor((i * measured.length) / mostPoints), Math.floor(((i + 1) * measured.length) / mostPoints));
    const mean = (of: (one: Measured) => number): number => part.reduce((total, one) => total + of(one), 0) / part.length;
    const isBanded = part.every(({ edges }) => edges);
    return { x: mean(({ x }) => x), value: mean(({ value }) => value), edges: isBanded ? [Math.min(...part.map(({ edges }) => edges![0])), Math.max(...part.map(({ edges }) => edges![1]))] as const : null };
  });
}

/** The mean of each point and up to `window` neighbours on either side, within its stage. */
function runningMean(points: CurveSeries['points'], window: number, stages: readonly number[]): CurveSeries['points'] {
  const sums = [0];
  for (const [, y] of points) sums.push(sums.at(-1)! + y);
  const borders = [0, ...stages.map((step) => points.findIndex(([x]) => x >= step)).filter((at) => at > 0), points.length];
  let part = 0;
  return points.map(([x], i) => {
    while (borders[part + 1]! <= i) part++;
    const [from, to] = [Math.max(borders[part]!, i - window), Math.min(borders[part + 1]!, i + window + 1)];
    return [x, (sums[to]! - sums[from]!) / (to - from)] as const;
  });
}
