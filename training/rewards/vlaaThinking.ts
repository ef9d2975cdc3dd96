/**
 * VLAA-Thinking's mixed reward (arXiv 2504.11468). No code was released: published mode is the paper's table and figure, with the choices that it
 * leaves open named here. β of the open-ended branch is not in the paper; it is 1 unless the row says otherwise.
 */
import { optionLetter } from './answers.ts';
import { agreement, targetReads } from './agreement.ts';
import { cornersOf, isCorners, plainIou, type Corners } from './geometry.ts';
import { isGold, type Gold } from './gold.ts';
import { judgePreference } from './judge.ts';
import { numberField } from './lengths.ts';
import { isSameMath } from './math/equal.ts';
import { strip } from './python.ts';
import { pay, rowFault, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { firstBlock, strictThinkAnswer } from './tags.ts';
import { fileSize, textTarget } from './targets.ts';

/** The kinds of answer of the reward's table. */
export const answerTypes = ['digit', 'choice', 'expression', 'box', 'open'] as const;
export type AnswerType = (typeof answerTypes)[number];

const typeOfGold: { readonly [K in Gold['kind']]: AnswerType } = {
  choice: 'choice', choices: 'open', yesNo: 'open', word: 'open', number: 'digit', ordinal: 'open', boxes: 'box', points: 'open', alteration: 'open', directive: 'open', text: 'open',
};

/** `answerType`, or what the gold's kind stands for; never guessed from a text. */
function answerType(row: RewardRow): AnswerType {
  const named = answerTypes.find((type) => type === row.answerType);
  if (named !== undefined) return named;
  if (row.answerType === undefined && isGold(row.target)) return typeOfGold[row.target.kind];
  throw rowFault('It does not say of what type its answer is.', `Give "answerType": one of ${answerTypes.join(', ')}; or a gold as target.`);
}

/** R = 1 − exp(−β·(S(ŷ) − S(y))) where the answer is preferred to the reference, else 0; null where no reward model was at hand. */
export function openEnded(row: RewardRow): number | null {
  const preference = judgePreference(row);
  if (preference === null) return null;
  const margin = preference.answer - preference.reference;
  return margin > 0 ? 1 - Math.exp(-numberField(row, 'beta', 1) * margin) : 0;
}

/** Four numbers in one pair of square brackets and nothing else. */
function cornersIn(answer: string): Corners | null {
  const match = /^\[([^[\]]{1,200})\]$/.exec(strip(answer));
  const numbers = match?.[1]?.split(',').map((part) => (/^\s*-?\d{1,9}(?:\.\d{1,9})?\s*$/.test(part) ? Number(part) : NaN));
  return numbers && isCorners(numbers) ? numbers : null;
}

/** The right box in shares of width and height: as it stands, or a gold's box divided by the image's size. */
function shareOf(row: RewardRow): Corners {
  const { target } = row;
  if (isGold(target) && target.kind === 'boxes' && target.boxes.length === 1 && target.boxes[0]) {
    const { width, height } = fileSize(row);
    const [x1, y1, x2, y2] = cornersOf(target.boxes[0].box);
    return [x1 / width, y1 / height, x2 / width, y2 / height];
  }
  const corners = typeof target === 'string' ? cornersIn(target) : isCorners(target) ? target : null;
  if (corners !== null) return corners;
  throw rowFault('Its target is not one box.', 'Give "target": [x1, y1, x2, y2] in shares of width and height, or a gold with one box and "size".');
}

/** The letter after cleaning `A`, `A)`, `(a)`, `A.`; null where the answer is none. */
const cleanedLetter = (answer: string): string | null => /^\(?([A-Za-z])[).:]?$/.exec(strip(answer))?.[1]?.toUpperCase() ?? null;

function publishedMixed(row: RewardRow): RewardResult {
  const type = answerType(row);
  const block = firstBlock(row.completion);
  if (block === null) return pay(0);
  const answer = strip(block);
  switch (type) {
    case 'digit': {
      const said = /[+-]?\d{1,15}/.exec(answer)?.[0];
      return pay(said !== undefined && Number(said) === Number(strip(textTarget(row))));
    }
    case 'choice': return pay(cleanedLetter(answer) !== null && cleanedLetter(answer) === cleanedLetter(textTarget(row)));
    case 'expression': return pay(isSameMath(answer, textTarget(row), { decimals: 6 }));
    case 'box': {
      const said = cornersIn(answer);
      return pay(said === null ? 0 : plainIou(said, shareOf(row)));
    }
    case 'open': return { reward: answer === '' ? 0 : openEnded(row) };
  }
}

/** The gold's kind decides. Boxes are in the gold's pixels; free text is for the reward model, and unscored without one. */
function strictMixed(row: RewardRow): RewardResult {
  const blocks = strictThinkAnswer(row.completion);
  const isOpen = isGold(row.target) ? row.target.kind === 'text' : answerType(row) === 'open';
  if (blocks === null || blocks.answer === '') return pay(0);
  if (isOpen) return { reward: openEnded(row) };
  if (isGold(row.target)) return pay(agreement(blocks.answer, row));
  switch (answerType(row)) {
    case 'choice': return pay(optionLetter(blocks.answer, 26) === cleanedLetter(textTarget(row)));
    case 'box': {
      const said = cornersIn(blocks.answer);
      return pay(said === null ? 0 : plainIou(said, shareOf(row)));
    }
    default: return pay(agreement(blocks.answer, row));
  }
}

export const vlaaRewards = [
  {
    name: 'vlaaMixed', source: 'VLAA-Thinking, section on the mixed reward (no code was released)',
    reads: [
      'answerType: digit, choice, expression, box or open; where absent the kind of the gold', targetReads,
      'size: with a gold box', 'judge: {answer, reference}, scores of a reward model, or a verdict from 0 to 1, for open answers',
      'beta: 1 where absent',
    ],
    summary:
      'By type: equal integer, letter or expression, IoU of the box, 1 - exp(-beta * margin) over the reference; 0 without an answer block.',
    holes: [
      'An open answer as good as the reference earns 0.', 'The thinking is never looked at, and need not be there.',
      'The first of several answer blocks counts.',
      'The first integer in the answer counts, whatever else is said.',
    ],
    modes: { published: publishedMixed, strict: strictMixed },
  },
] as const satisfies readonly NamedReward[];
