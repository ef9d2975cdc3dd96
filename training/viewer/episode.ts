/** One task from its first view to its end: what was seen, what was done, what it came to. Whoever decides hands in the text of each step. */
import { Fault } from '#models/base/fault.ts';
import type { Random } from '#models/base/random.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import { readAction, type ViewerAction } from '#models/viewer/actions.ts';
import { perform, placed, type Viewer } from '#models/viewer/state.ts';
import { callIn, readStep } from '#models/viewer/step.ts';
import { demonstration, promptOf, shortOf, type Grammar } from '#models/viewer/words.ts';
import type { TaskOutcome } from '#training/rewards/mobileR1.ts';
import { strictThinkAnswer } from '#training/rewards/tags.ts';
import { meets, type ViewerTarget } from '#training/rewards/viewer.ts';
import { lesionAt, observe, type Observation } from './cases.ts';
import { demonstrated, requiredViews, rightActions, type ViewerTask } from './tasks.ts';

/** A task ends after so many steps. */
export const mostSteps = 12;

/** A moment at which a step is to be decided. */
export interface Moment {
  readonly task: ViewerTask;
  readonly viewer: Viewer;
  readonly observation: Observation;
  readonly question: string;
  /** Right now; the first is the demonstration's. */
  readonly right: readonly ViewerTarget[];
}

export interface EpisodeStep {
  readonly moment: Moment;
  readonly text: string;
  readonly hasForm: boolean;
  /** A call of the table with arguments that can be read, and that the viewer could do. */
  readonly isDone: boolean;
  readonly isRight: boolean;
  readonly action: ViewerAction | null;
}

export interface Episode {
  readonly task: ViewerTask;
  readonly steps: readonly EpisodeStep[];
  /** The next moment; null at the end. */
  readonly moment: Moment | null;
  readonly seen: readonly boolean[];
  readonly isLocated: boolean;
  readonly done: readonly string[];
}

const momentOf = (task: ViewerTask, viewer: Viewer, done: readonly string[], isLocated: boolean, size: Size): Moment => {
  const observation = observe(task.case, viewer.now, size);
  return { task, viewer, observation, question: promptOf(task.instruction, task.case.study, viewer.now, done), right: rightActions(task, viewer, observation.view, { isLocated }) };
};

export function begun(task: ViewerTask, size: Size): Episode {
  const viewer: Viewer = { now: task.start, past: [] };
  return { task, steps: [], moment: momentOf(task, viewer, [], false, size), seen: requiredViews(task, task.start), isLocated: false, done: [] };
}

/** The action that a text asks for; null where it cannot be read. */
export function actionOf(text: string, grammar: Grammar, size: Size): ViewerAction | null {
  try {
    if (grammar === 'mobileR1') {
      const call = callIn(text);
      return call === undefined ? null : readAction(call, size);
    }
    const list = JSON.parse(strictThinkAnswer(text)?.answer ?? 'null') as unknown;
    return Array.isArray(list) && list.length === 1 ? readAction(list[0], size) : null;
  } catch (thrown) {
    if (thrown instanceof Fault || thrown instanceof SyntaxError) return null;
    throw thrown;
  }
}

export const hasForm = (text: string, grammar: Grammar): boolean => (grammar === 'mobileR1' ? readStep(text) !== null : strictThinkAnswer(text) !== null);

/** After a step was written. What cannot be read or done changes nothing, and counts as a step. */
export function stepped(episode: Episode, text: string, grammar: Grammar): Episode {
  const { task, moment, steps, seen, isLocated, done } = episode;
  if (!moment) throw new RangeError('stepped: the episode has ended');
  const { view } = moment.observation;
  const action = actionOf(text, grammar, view.resized);
  const isRight = action !== null && moment.right.some((target) => meets(action, target, view.resized));
  let viewer = moment.viewer;
  let isDone = false;
  try {
    if (action) {
      viewer = perform(task.case.study, viewer, placed(action, view));
      isDone = true;
    }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
  }
  const shown = requiredViews(task, viewer.now);
  const isFound = isLocated || (isDone && isRight && action?.name === 'measure');
  const told = [...done, isDone && action ? shortOf(action) : 'nothing'];
  const all = [...steps, { moment, text, hasForm: hasForm(text, grammar), isDone, isRight: isRight && isDone, action }];
  const isOver = viewer.now.isDone || all.length >= mostSteps;
  return {
    task, steps: all, seen: seen.map((one, i) => one || shown[i] === true), isLocated: isFound, done: told,
    moment: isOver ? null : momentOf(task, viewer, told, isFound, view.resized),
  };
}

/** What the verifier counts. A task without an answer is answered by `finish`, which is right when everything that was asked for was done. */
export function outcomeOf({ task, steps, seen, isLocated }: Episode): TaskOutcome {
  const last = steps.at(-1);
  const isEnded = last?.isDone === true && (last.action?.name === 'finish' || last.action?.name === 'answer');
  const { answer } = task.goals;
  const isFound = isLocated || !task.goals.isMeasured;
  const isAnswered = isEnded && (answer === null ? last.action?.name === 'finish' && isFound && seen.every(Boolean) : last.action?.name === 'answer' && last.action.text === answer);
  return { formats: steps.map((step) => step.hasForm), seen: seen.filter(Boolean).length, required: seen.length, isLocated: isFound, isAnswered };
}

export const isSuccess = ({ seen, required, isLocated, isAnswered }: TaskOutcome): boolean => isAnswered && isLocated && seen === required;

/** All steps of the last third were right. */
export function hasGoodTail({ steps }: Episode): boolean {
  const count = Math.max(1, Math.ceil(steps.length / 3));
  return steps.slice(-count).every(({ isRight }) => isRight);
}

/** A demonstration with wrong steps in between, each with a chance of `slips`: only its right steps are to be learnt. */
export function demonstrationOf(task: ViewerTask, size: Size, grammar: Grammar, slips: number, random: Random): readonly { readonly moment: Moment; readonly text: string; readonly isSlip: boolean }[] {
  const shown: { moment: Moment; text: string; isSlip: boolean }[] = [];
  let episode = begun(task, size);
  while (episode.moment) {
    const { moment } = episode;
    const isSlip = random.chance(slips) && shown.length < mostSteps - 4;
    const action = isSlip ? slip(moment, random) : demonstrated(task, moment.viewer, moment.right[0]!);
    const text = demonstration(action, grammar);
    shown.push({ moment, text, isSlip });
    episode = stepped(episode, text, grammar);
  }
  return shown;
}

/** A step that somebody who is not sure might take. */
function slip({ task, viewer, observation: { view: { resized } } }: Moment, random: Random): ViewerAction {
  const { slice, zoom } = viewer.now;
  const place = { x: Math.round(random.between(0.1, 0.9) * resized.width), y: Math.round(random.between(0.1, 0.9) * resized.height) };
  const kind = random.below(lesionAt(task.case, viewer.now) ? 3 : 1);
  if (kind === 1 && zoom === 1) return { name: 'zoom', focus: place, factor: 3 };
  if (kind === 2) return { name: 'measure', from: place, to: { x: Math.min(resized.width, place.x + 20), y: place.y } };
  const by = random.pick([-2, -1, 1, 2, 3]);
  return { name: 'scroll_slice', by: slice + by < 1 || slice + by > task.case.slices.length ? -by : by };
}
