/**
 * Mobile-R1 (arXiv 2506.20332): a step's reward, and that of a whole interaction. No training code was released: the step follows the paper, in the actions of
 * the viewer, and the judge of the whole is replaced by a verifier that counts.
 */
import { Fault } from '#models/base/fault.ts';
import { readAction, type ViewerAction } from '#models/viewer/actions.ts';
import { callIn, readStep } from '#models/viewer/step.ts';
import { rowFault, payParts, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { fileSize } from './targets.ts';
import { meets, viewerTarget, type ViewerTarget } from './viewer.ts';

/** The action that the text calls, whatever stands around the call; null where there is none that the viewer would do. */
export function actionIn(completion: string, size: { readonly width: number; readonly height: number }): ViewerAction | null {
  const call = callIn(completion);
  if (call === undefined) return null;
  try {
    return readAction(call, size);
  } catch (fault) {
    if (fault instanceof Fault && fault.code.startsWith('act.')) return null;
    throw fault;
  }
}

/** Texts are compared letter for letter in this family. */
function isExact(action: ViewerAction, target: ViewerTarget): boolean {
  if (action.name === 'set_window' && target.action === 'set_window' && 'preset' in action) return action.preset === target.preset;
  if (action.name === 'answer' && target.action === 'answer') return action.text === (target.letter ?? target.text);
  return true;
}

function stepReward(row: RewardRow): RewardResult {
  const target = viewerTarget(row.target);
  const size = fileSize(row);
  const action = actionIn(row.completion, size);
  const isRight = action !== null && meets(action, target, size) && isExact(action, target);
  return payParts({ action: Number(isRight), format: Number(readStep(row.completion) !== null) });
}

/** What is known of a whole interaction when it has ended. */
export interface TaskOutcome {
  /** Of each step, whether it had the form. */
  readonly formats: readonly boolean[];
  /** How many of the required views were on the screen at some step, of how many. */
  readonly seen: number;
  readonly required: number;
  /** Something that had to be pointed at, boxed or measured was; true where nothing had to be. */
  readonly isLocated: boolean;
  /** The answer is right, and was given within the steps that there are. */
  readonly isAnswered: boolean;
}

/**
 * F = mean of the formats, V = seen / required, S = 0.5 Q + 0.3 V + 0.2 Lc, reward = 0.2 F + 0.8 S. A wrong step that was mended costs nothing.
 */
export function taskReward({ formats, seen, required, isLocated, isAnswered }: TaskOutcome): { readonly reward: number; readonly parts: Readonly<Record<string, number>> } {
  const format = formats.length === 0 ? 0 : formats.filter(Boolean).length / formats.length;
  const views = required === 0 ? 1 : seen / required;
  const success = 0.5 * Number(isAnswered) + 0.3 * views + 0.2 * Number(isLocated);
  return { reward: 0.2 * format + 0.8 * success, parts: { format, views, located: Number(isLocated), answer: Number(isAnswered), success } };
}

function wholeReward({ outcome }: RewardRow): RewardResult {
  const { formats, seen, required, isLocated, isAnswered } = Object(outcome) as Partial<Record<keyof TaskOutcome, unknown>>;
  const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
  if (!Array.isArray(formats) || !formats.every((one) => typeof one === 'boolean') || !isCount(seen) || !isCount(required) || seen > required || typeof isLocated !== 'boolean' || typeof isAnswered !== 'boolean') {
    throw rowFault('Its outcome is not that of an interaction.', 'Give "outcome": {"formats": [BOOLEAN], "seen": COUNT, "required": COUNT, "isLocated": BOOLEAN, "isAnswered": BOOLEAN}.');
  }
  return taskReward({ formats, seen, required, isLocated, isAnswered });
}

export const mobileR1Rewards = [
  {
    name: 'mobileR1Step', source: 'Mobile-R1, section 3 of the paper; no code released',
    reads: ['target: {action, …} of the viewer, places in pixels of size', 'size: of the picture that was looked at'],
    summary: '1 for the right action, texts letter for letter, and 1 for the form: a think, an action and a tool_call block.',
    modes: { strict: stepReward },
  },
  {
    name: 'mobileR1Task', source: 'Mobile-R1, section 3 of the paper; the judge is replaced by a verifier',
    reads: ['outcome: {formats, seen, required, isLocated, isAnswered} of the interaction'],
    summary: '0.2 for the form of its steps, and 0.8 of: half for the answer, 0.3 for the required views, 0.2 for what had to be pointed at.',
    modes: { strict: wholeReward },
  },
] as const satisfies readonly NamedReward[];
