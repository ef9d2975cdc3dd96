/** What completions earn: every reward of the plan on every completion, and what the model says when it is asked again for those that need it. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { OverlongShaping } from '#training/objectives/switches.ts';
import type { Completion, Prompt, Rollout } from '#training/records/policy.ts';
import type { StagePlace, StepPlan } from '#training/records/curriculum.ts';
import type { RewardUse } from '#training/records/recipe.ts';
import { answerOf, boxesIn } from '#training/rewards/extract.ts';
import type { NamedReward, RewardRow } from '#training/rewards/reward.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';
import { verify } from '#training/rewards/verify.ts';
import type { PolicySampler } from './policy.ts';

/** The fields of a row that only a model can fill. */
const modelFields = ['hidden', 'control', 'judge'] as const;
type ModelField = (typeof modelFields)[number];
type Said = Partial<Record<ModelField, string>>;

export interface Scorer {
  /** Judges completions of prompts under the plan's rewards, in order; advantages are 0. */
  judge(groups: readonly { readonly prompt: Prompt; readonly completions: readonly Completion[]; readonly fields?: Readonly<Record<string, unknown>> }[], plan: StepPlan, place: StagePlace): Promise<readonly (readonly Rollout[])[]>;
}

export interface ScorerOptions {
  readonly policy: PolicySampler;
  /** Answers as a judge: the model as it was before it learnt by reward. */
  readonly reference?: PolicySampler;
  readonly seed: number;
}

interface Used {
  readonly use: RewardUse;
  readonly reward: NamedReward;
}

/** @throws Fault `reward.name`, `reward.mode` before anything is sampled */
export function checkedRewards(uses: readonly RewardUse[]): readonly Used[] {
  return uses.map((use) => {
    const reward = findReward(use.name);
    if (reward.modes[use.mode]) return { use, reward };
    throw new Fault({
      code: 'reward.mode', what: `The reward ${use.name} has no ${use.mode} mode.`, why: 'The recipe asks for a mode that it does not have.',
      mend: `Set its mode to ${Object.keys(reward.modes).join(' or ')} in the recipe.`,
    });
  });
}

/** Which of the model's fields the rewards read: the first word of what they say they read. */
const fieldsOf = (used: readonly Used[]): ReadonlySet<ModelField> =>
  new Set(modelFields.filter((field) => used.some(({ reward }) => reward.reads.some((read) => read.split(/[^a-zA-Z]/, 1)[0] === field))));

export function createScorer({ policy, reference, seed }: ScorerOptions): Scorer {
  /** Answers of many prompts, greedy, written side by side. */
  const ask = async (by: PolicySampler, prompts: readonly Prompt[], maxNewTokens: number): Promise<string[]> => {
    const said: string[] = [];
    for (let from = 0; from < prompts.length; from += 32) {
      const some = prompts.slice(from, from + 32);
      const written = await by.sampleAll(some.map((prompt) => ({ prompt, count: 1, seed: 0 })), { temperature: 0, topP: 1, maxNewTokens });
      said.push(...written.map(([completion]) => completion!.text));
    }
    return said;
  };

  const fill = async (all: readonly { prompt: Prompt; completion: Completion }[], fields: ReadonlySet<ModelField>, plan: StepPlan, place: StagePlace): Promise<readonly Said[]> => {
    const said: Said[] = all.map(() => ({}));
    const put = (field: ModelField, asked: readonly { at: number; prompt: Prompt }[], answers: readonly string[]): void => asked.forEach(({ at }, i) => (said[at]![field] = answers[i]!));
    if (fields.has('hidden') || fields.has('control')) {
      const cited = all.flatMap(({ prompt, completion }, at) => {
        const boxes = visible(boxesIn(completion.text).map(({ box }) => box), prompt.size);
        return boxes.length === 0 ? [] : [{ at, prompt, boxes }];
      });
      const random = Random.named(seed, `control:${place.step}`);
      for (const field of ['hidden', 'control'] as const) {
        const asked = cited.map(({ at, prompt, boxes }) => ({ at, prompt: { ...prompt, hidden: field === 'hidden' ? boxes : elsewhere(boxes, prompt.size, random) } }));
        put(field, asked, await ask(policy, asked.map(({ prompt }) => prompt), plan.maxNewTokens));
      }
    }
    if (fields.has('judge')) {
      const asked = all.map(({ prompt, completion }, at) => ({ at, prompt: judged(prompt, completion) }));
      put('judge', asked, (await ask(reference ?? policy, asked.map(({ prompt }) => prompt), 16)).map((answer) => (verify(answer, { kind: 'yesNo', value: true }).isCorrect ? '1.0' : '0.0')));
    }
    return said;
  };

  return {
    async judge(groups, plan, place) {
      const used = checkedRewards(plan.rewards);
      const fields = fieldsOf(used);
      const all = groups.flatMap(({ prompt, completions, fields: further }) => completions.map((completion) => ({ prompt, completion, further })));
      const said = fields.size > 0 ? await fill(all, fields, plan, place) : [];
      const rollouts = all.map(({ prompt, completion, further }, at) => rolloutOf(prompt, completion, used, { ...rowOf(prompt, completion, plan, place), ...said[at], ...further }));
      let next = 0;
      return groups.map(({ completions }) => completions.map(() => rollouts[next++]!));
    },
  };
}

/** The row that rewards read. Boxes are in the pixels that the model saw, and so is the gold. */
function rowOf({ id, record, turn, size }: Prompt, completion: Completion, { maxNewTokens }: StepPlan, { step, steps }: StagePlace): RewardRow {
  return {
    id, case: record.id, modality: record.modality, task: record.task, question_type: turn.questionType,
    completion: completion.text, target: turn.gold, question: turn.question, size, input: size,
    tokens: completion.tokens.length, tokenIds: completion.tokens, maxTokens: maxNewTokens, finished: completion.finished, step, steps,
  };
}

function rolloutOf(prompt: Prompt, completion: Completion, used: readonly Used[], row: RewardRow): Rollout {
  const rewards: Record<string, number | null> = {};
  const parts: Record<string, number> = {};
  let total: number | null = null;
  for (const { use, reward } of used) {
    const result = safely(reward, use, row, prompt);
    rewards[use.name] = result.reward;
    for (const [part, value] of Object.entries(result.parts ?? {})) parts[`${use.name}.${part}`] = value;
    if (result.reward !== null) total = (total ?? 0) + use.weight * result.reward;
  }
  return { completion, rewards, parts, reward: total, isCorrect: verify(completion.text, prompt.turn.gold).isCorrect, advantage: 0 };
}

/** A reward that throws ends the run with its name and the question, not with a stack. */
function safely(reward: NamedReward, use: RewardUse, row: RewardRow, prompt: Prompt): { readonly reward: number | null; readonly parts?: Readonly<Record<string, number>> } {
  let result;
  try {
    result = scoreRow(reward, use.mode, { ...row, ...use.options });
  } catch (cause) {
    const why = cause instanceof Fault ? `${cause.what} ${cause.why}` : cause instanceof Error ? cause.message : String(cause);
    throw new Fault({
      code: 'train.reward', what: `The reward ${reward.name} failed on a completion of ${prompt.id.slice(0, 200)}.`, why,
      mend: cause instanceof Fault && cause.code === 'reward.throws' ? 'Use its strict mode in the recipe, then continue with --resume.' : 'Correct the reward or leave it out of the recipe; the run can be continued with --resume from its last checkpoint.',
    }, { cause });
  }
  if (result.reward === null || Number.isFinite(result.reward)) return result;
  throw new Fault({ code: 'train.reward', what: `The reward ${reward.name} gave no number for a completion of ${prompt.id.slice(0, 200)}.`, why: `It gave ${result.reward}.`, mend: 'Leave it out of the recipe, or correct its options.' });
}

/** Whether an answer could be found at all. */
export const isParsed = ({ text }: Completion): boolean => answerOf(text) !== '';

/** The parts of boxes that lie in the picture, without those that cover nothing. */
function visible(boxes: readonly Box[], { width, height }: Prompt['size']): Box[] {
  return boxes.map(({ x1, y1, x2, y2 }) => ({ x1: Math.max(0, x1), y1: Math.max(0, y1), x2: Math.min(width, x2), y2: Math.min(height, y2) })).filter(({ x1, y1, x2, y2 }) => x2 - x1 >= 1 && y2 - y1 >= 1);
}

/** Boxes of the same sizes at other places, of twenty tries each that which overlaps the cited ones the least. */
export function elsewhere(boxes: readonly Box[], { width, height }: Prompt['size'], random: Random): Box[] {
  const shared = (a: Box, b: Box): number => Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1)) * Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
  return boxes.map(({ x1, y1, x2, y2 }) => {
    const [w, h] = [x2 - x1, y2 - y1];
    let best: Box | undefined;
    let least = Infinity;
    for (let attempt = 0; attempt < 20 && least > 0; attempt++) {
      const [x, y] = [random.uniform() * (width - w), random.uniform() * (height - h)];
      const candidate = { x1: x, y1: y, x2: x + w, y2: y + h };
      const overlap = boxes.reduce((total, box) => total + shared(candidate, box), 0);
      if (overlap < least) [best, least] = [candidate, overlap];
    }
    return best!;
  });
}

/** The question whether an answer is right, for a judge who is told the right one. */
function judged(prompt: Prompt, { text }: Completion): Prompt {
  const question = `Question: ${prompt.turn.question}\nReference answer: ${prompt.turn.answer}\nAnswer: ${answerOf(text)}\nDoes the answer agree with the reference answer? Answer yes or no. Answer directly.`;
  return { ...prompt, turn: { ...prompt.turn, question } };
}

/** The softened length limit as a further reward: 0 up to the buffer, falling to −factor at the limit, and with `floored` no further (TRL, EasyR1). */
export function overlongPenalty(tokens: number, maxNewTokens: number, { buffer, factor, floored }: OverlongShaping): number {
  const free = Math.max(0, maxNewTokens - buffer);
  const fall = Math.min(0, ((free - tokens) / buffer) * factor);
  return floored ? Math.max(-factor, fall) : fall;
}
