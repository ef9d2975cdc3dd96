/**
 * The questions that a job takes along: drawn by weight from what can be asked of each case, and checked to be answerable by the recipe's rewards.
 */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Turn } from '#training/records/turn.ts';
import { askedForms, weighted } from '#training/synthesis/asking.ts';
import { synthesize, type CaseView } from '#training/synthesis/questions.ts';
import { scoredRow, type Use } from './scoring.ts';

export interface DrawnPrompt {
  readonly record: CaseRecord;
  readonly turn: Turn;
  readonly picture: CaseView['picture'];
}

export interface DrawOptions {
  readonly count: number;
  readonly seed: number;
  /** All where absent. */
  readonly questionTypes?: readonly string[] | undefined;
  /** Part of the questions that are put in the short form. */
  readonly direct: number;
  /** How often a kind of question is put, relative to its usual weight of 1. */
  readonly questionWeights?: Readonly<Record<string, number>> | undefined;
  /** How often a set is visited, relative to 1. */
  readonly setWeights: Readonly<Record<string, number>>;
}

/** Visits to all cases without a new question after which there are no more. */
const idleRounds = 3;

/**
 * Up to `count` different questions, in an order that the seed decides: each round visits every case once (oftener or less often by its set's weight)
 * and
 * puts one question to it. The pictures are shown as they are, so that boxes lie where the engine's model sees them.
 *
 * @param pictureOf  the case's picture in the size that the model sees
 */
export async function drawPrompts(
  records: readonly CaseRecord[], options: DrawOptions, pictureOf: (record: CaseRecord) => Promise<CaseView['picture']>,
): Promise<DrawnPrompt[]> {
  const drawn: DrawnPrompt[] = [];
  const seen = new Set<string>();
  for (let round = 0, idle = 0; drawn.length < options.count && idle < idleRounds; round++) {
    const before = drawn.length;
    for (const record of visits(records, options, round)) {
      if (drawn.length === options.count) break;
      const picture = await pictureOf(record);
      const random = Random.named(options.seed, `export/${record.id}/${round}`);
      const view = { record, picture, boxes: boxesOn(picture, record), flippedX: false, flippedY: false, quarterTurns: 0 };
      const possible = synthesize(view, random).filter(({ questionType }) => options.questionTypes?.includes(questionType) ?? true);
      const turn = drawOne(askedForms(possible, options.direct, random), options, random);
      if (!turn) continue;
      const key = `${record.id}\0${turn.question}`;
      if (seen.has(key)) continue;
      seen.add(key);
      drawn.push({ record, turn, picture });
    }
    idle = drawn.length === before ? idle + 1 : 0;
  }
  return drawn;
}

function visits(records: readonly CaseRecord[], { seed, setWeights }: DrawOptions, round: number): CaseRecord[] {
  const random = Random.named(seed, `export/round ${round}`);
  const all = records.flatMap((record) => {
    const weight = setWeights[record.set] ?? 1;
    const times = Math.floor(weight) + (random.chance(weight - Math.floor(weight)) ? 1 : 0);
    return Array.from({ length: times }, () => record);
  });
  for (let at = all.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [all[at], all[other]] = [all[other]!, all[at]!];
  }
  return all;
}

function drawOne(turns: readonly Turn[], { questionWeights }: DrawOptions, random: Random): Turn | undefined {
  const weights = turns.map(({ weight, questionType }) => weight * (questionWeights?.[questionType] ?? 1));
  return weights.some((weight) => weight > 0) ? turns[weighted(weights, random)] : undefined;
}

/** The record's boxes in pixels of a picture of another size. */
function boxesOn({ width, height }: CaseView['picture'], record: CaseRecord): CaseView['boxes'] {
  const [sx, sy] = [width / record.width, height / record.height];
  const scaled = ({ x1, y1, x2, y2 }: NonNullable<CaseRecord['boxes']>[number]['box']) => ({ x1: x1 * sx, y1: y1 * sy, x2: x2 * sx, y2: y2 * sy });
  return record.boxes?.map(({ class: name, box }) => ({ class: name, box: scaled(box) })) ?? null;
}

/**
 * Those prompts whose own right answer the rewards can score; what none of them applies to teaches nothing and is left out.
 *
 * @throws Fault `cluster.reward` where a reward cannot read its row: it asks for what only Loupe's own loop knows, or for a target of another form
 */
export function scorable(prompts: readonly DrawnPrompt[], uses: readonly Use[], maxTokens: number): DrawnPrompt[] {
  return prompts.filter(({ turn, picture: { width, height } }) => {
    const { reward, faults } = scoredRow(uses, {
      completion: turn.completion, target: turn.gold, question: turn.question, size: { width, height }, tokens: Math.ceil(turn.completion.length / 3),
      maxTokens, finished: true, step: 0, steps: 1,
    });
    const [fault] = faults ?? [];
    if (fault) throw new Fault({
      code: 'cluster.reward', what: `The reward ${fault.reward} cannot be computed outside of Loupe's own loop.`,
      why: `For a right answer to a question of kind ${turn.questionType}: ${fault.what} ${fault.why}`,
      mend: 'Leave this reward out of the recipe, or keep to question types that it can score.',
    });
    return reward !== null;
  });
}
