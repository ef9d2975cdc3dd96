/** How well somebody drives the viewer: whole tasks, played to their end, counted in the words of the published report, with intervals. */
import { wilson } from '#models/base/math.ts';
import type { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import type { Grammar } from '#models/viewer/words.ts';
import { taskReward } from '#training/rewards/mobileR1.ts';
import { begun, hasGoodTail, isSuccess, outcomeOf, stepped, type Episode } from './episode.ts';
import type { ViewerTask } from './tasks.ts';

/** Writes the next step for many views at once. */
export type StepWriter = (asks: readonly { readonly picture: Picture; readonly question: string }[]) => Promise<readonly string[]>;

/** A share with Wilson's interval at 95 %. */
export interface Share {
  readonly hits: number;
  readonly of: number;
  readonly share: number;
  readonly interval: readonly [number, number];
}

export interface ViewerReport {
  readonly tasks: number;
  readonly steps: number;
  /** Steps that were right at their moment. */
  readonly stepAccuracy: Share;
  /** Everything that was asked for was done, within the steps that there are. */
  readonly taskSuccess: Share;
  /** All steps of the last third were right. */
  readonly tailSuccess: Share;
  /** Of the tasks with a wrong step, those that succeeded all the same. */
  readonly recovery: Share;
  /** Steps without the form; steps with a call that could not be read or done. */
  readonly formatErrors: number;
  readonly argumentErrors: number;
  readonly meanReward: number;
  readonly families: Readonly<Record<string, { readonly taskSuccess: Share; readonly stepAccuracy: Share }>>;
}

const shareOf = (all: readonly boolean[]): Share => {
  const hits = all.filter(Boolean).length;
  return { hits, of: all.length, share: all.length === 0 ? 0 : hits / all.length, interval: wilson(hits, all.length) };
};

/** Plays tasks side by side. */
export async function play(tasks: readonly ViewerTask[], write: StepWriter, { size, grammar, onTurn }: { readonly size: Size; readonly grammar: Grammar; readonly onTurn?: (turn: number, live: number) => void }): Promise<readonly Episode[]> {
  const episodes = tasks.map((task) => begun(task, size));
  for (let turn = 1; ; turn++) {
    const live = episodes.flatMap((episode, at) => (episode.moment ? [at] : []));
    if (live.length === 0) return episodes;
    onTurn?.(turn, live.length);
    const texts = await write(live.map((at) => ({ picture: episodes[at]!.moment!.observation.picture, question: episodes[at]!.moment!.question })));
    live.forEach((at, i) => (episodes[at] = stepped(episodes[at]!, texts[i]!, grammar)));
  }
}

export function reportOf(episodes: readonly Episode[]): ViewerReport {
  const outcomes = episodes.map(outcomeOf);
  const steps = episodes.flatMap((episode) => episode.steps);
  const succeeded = outcomes.map(isSuccess);
  const names = [...new Set(episodes.map(({ task }) => task.family))];
  return {
    tasks: episodes.length, steps: steps.length, stepAccuracy: shareOf(steps.map(({ isRight }) => isRight)), taskSuccess: shareOf(succeeded), tailSuccess: shareOf(episodes.map(hasGoodTail)),
    recovery: shareOf(succeeded.filter((_, at) => episodes[at]!.steps.some(({ isRight }) => !isRight))),
    formatErrors: steps.filter((step) => !step.hasForm).length, argumentErrors: steps.filter((step) => step.hasForm && !step.isDone).length,
    meanReward: outcomes.reduce((sum, outcome) => sum + taskReward(outcome).reward, 0) / Math.max(1, outcomes.length),
    families: Object.fromEntries(names.map((name) => {
      const own = episodes.flatMap(({ task }, at) => (task.family === name ? [at] : []));
      return [name, { taskSuccess: shareOf(own.map((at) => succeeded[at]!)), stepAccuracy: shareOf(own.flatMap((at) => episodes[at]!.steps.map(({ isRight }) => isRight))) }];
    })),
  };
}

const percent = ({ share, interval: [low, high], hits, of }: Share): string => `${(100 * share).toFixed(1)} % (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}; ${hits} of ${of})`;

export function reportText({ tasks, steps, stepAccuracy, taskSuccess, tailSuccess, recovery, formatErrors, argumentErrors, meanReward, families }: ViewerReport): string {
  return [
    `${tasks} tasks, ${steps} steps`, `step accuracy   ${percent(stepAccuracy)}`, `task success    ${percent(taskSuccess)}`, `tail success    ${percent(tailSuccess)}`,
    `recovery rate   ${percent(recovery)}`, `format errors   ${formatErrors}`, `argument errors ${argumentErrors}`, `mean reward     ${meanReward.toFixed(3)}`,
    ...Object.entries(families).map(([name, own]) => `${name.padEnd(15)} tasks ${percent(own.taskSuccess)}, steps ${percent(own.stepAccuracy)}`),
  ].join('\n');
}

/** A driver that knows nothing, as a baseline: any action of the table with arguments that can be read. */
export function chanceStep(random: Random, { width, height }: Size): string {
  const place = (): string => `${random.below(width)},${random.below(height)}`;
  const [x, y] = place().split(',').map(Number) as [number, number];
  const none = [-100, -100];
  const call = random.pick([
    { action: 'scroll_slice', point: none, input_text: random.pick(['+1', '+2', '-1', '-2']) }, { action: 'set_window', point: none, input_text: random.pick(['Soft tissue', 'Lung', 'Bone', 'Liver']) },
    { action: 'zoom', point: [x, y], input_text: '3.0' }, { action: 'measure', point: [x, y], input_text: place() }, { action: 'finish', point: none, input_text: 'no input text' },
    { action: 'answer', point: none, input_text: random.pick(['A', 'B']) },
  ]);
  return `<think>By chance.</think><action>Anything.</action><tool_call>${JSON.stringify(call)}</tool_call>`;
}
