/**
 * VL-Rethinker's reward (arXiv 2504.08837; openrlhf/trainer/ppo_utils/experience_maker.py): right or wrong, shaped by validity and by how often the
 * reasoning turns. Math-Verify's part is done by our own reader.
 */
import { isRight, lastBoxed, statedAnswer, targetReads } from './agreement.ts';
import { isSameParsed } from './math/equal.ts';
import { parseMath } from './math/parse.ts';
import { releaseThrows, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { textTarget } from './targets.ts';

const endTokens = ['<|im_end|>', '<|endoftext|>'];

const countOf = (text: string, part: string): number => text.split(part).length - 1;

/** Ended by itself: `finished`, or an end token in the text where the row does not say. */
const hasEnded = ({ completion, finished }: RewardRow): boolean => finished ?? endTokens.some((token) => completion.includes(token));

/** How often the reasoning turns: "wait,", "wait a" and "alternatively", letter case aside. */
const turns = (text: string): number => ['wait,', 'wait a', 'alternatively'].reduce((total, word) => total + countOf(text.toLowerCase(), word), 0);

const simplified = (text: string): string => {
  let plain = text.replaceAll('dfrac', 'frac').replaceAll('\\text', '').replaceAll('\\varnothing', '\\emptyset');
  for (const unit of ['minutes', 'cm']) plain = plain.replaceAll(unit, '');
  return plain;
};

/** 1 right, 0 wrong, −1 where the solution or the answer cannot be read. */
function publishedCorrectness(row: RewardRow): number {
  const at = row.completion.lastIndexOf('boxed');
  const truth = simplified(textTarget(row));
  const wanted = lastBoxed(truth) ?? truth;
  if (wanted.trim() === '') return -1;
  if (at < 0) throw releaseThrows('VL-Rethinker', 'ValueError: substring not found. The completion has no "boxed".');
  const said = simplified(`\\${row.completion.slice(at)}`);
  // The release skips seven characters, whatever they are, and looks how the rest begins.
  if ('ABCDEFGHIJK'.includes(wanted)) return Number(said.slice('\\boxed{'.length).startsWith(wanted));
  const boxed = lastBoxed(said);
  if (boxed === null) return -1;
  const [left, right] = [parseMath(wanted), parseMath(boxed)];
  return left && right ? Number(isSameParsed(left, right, { decimals: 6 })) : Number(wanted.trim() === boxed);
}

/** The shaping of both modes. `native`: the rethinking was the model's own, not forced on it. */
function shaped(isValid: boolean, isCorrect: boolean, row: RewardRow): number {
  const base = isValid ? Number(isCorrect) : -0.1;
  const isNative = row.rethought !== true;
  if (!isCorrect || !isNative) return base;
  const count = turns(row.completion);
  return count > 0 && count < 3 ? 1.1 : Math.max(base - 0.2 * count, -0.1);
}

const mostWaits = 5;

function published(row: RewardRow): RewardResult {
  const { completion } = row;
  const correctness = publishedCorrectness(row);
  const isValid = hasEnded(row) && completion.includes('boxed') && countOf(completion.toLowerCase(), 'wait') <= mostWaits;
  return { reward: shaped(isValid, correctness > 0.5, row), parts: { correctness, valid: Number(isValid) } };
}

/** An answer that cannot be read is invalid, and what is invalid earns −0.1 whatever else it has. */
function strict(row: RewardRow): RewardResult {
  const answer = statedAnswer(row.completion);
  const isStated = answer !== null && answer !== '';
  const isValid = isStated && row.finished !== false && countOf(row.completion.toLowerCase(), 'wait') <= mostWaits;
  const isCorrect = isStated && isRight(answer, row);
  return { reward: isValid ? shaped(true, isCorrect, row) : -0.1, parts: { correctness: Number(isCorrect), valid: Number(isValid) } };
}

export const vlRethinkerRewards = [
  {
    name: 'vlRethinker', source: 'VL-Rethinker, openrlhf/trainer/ppo_utils/experience_maker.py',
    reads: [targetReads, 'finished: else looked for as <|im_end|> in the text', 'rethought: true where the second look was forced'],
    summary: 'Right 1, wrong 0, invalid -0.1; right with one or two turns of its own 1.1, with more 0.2 less for each turn.',
    holes: [
      'A right answer without end token but with one or two turns earns 1.1 in place of -0.1.',
      'Benign passes for B, AB for A, an unclosed \\boxed{B and the words boxed B for B.',
      'A completion without the word boxed throws.', 'An answer that cannot be read counts -1 in the mean that labels difficulty.',
    ],
    modes: { published, strict },
  },
] as const satisfies readonly NamedReward[];
