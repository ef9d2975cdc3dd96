/** TRL's generic rewards (trl/rewards): format, accuracy, lengths, repetition; and verl's variant of the soft overlong punishment. */
import { agreement, isRight, lastBoxed, statedAnswer, targetReads } from './agreement.ts';
import { bufferReads, lengthReads, limitOf, numberField, softOverlong, softOverlongUnbounded, tokensOf } from './lengths.ts';
import { isSameParsed } from './math/equal.ts';
import { parseMath, type Parsed } from './math/parse.ts';
import { pay, rowFault, type NamedReward, type RewardRow } from './reward.ts';
import { split } from './python.ts';
import { textTarget } from './targets.ts';
import { thinkThenText } from './thinking.ts';

/**
 * `^<think>(?!.*<think>)(.*?)</think>.*$`, DOTALL and MULTILINE, matched at the start: an opening tag there and nowhere else, and a closing one
 * after it.
 */
const hasThinkFormat = (text: string): boolean => text.startsWith('<think>') && !text.includes('<think>', 7) && text.includes('</think>', 7);

/** The longest text in which a formula is looked for. */
const longest = 8000;

/** The formulas of a text: what stands between $…$, \(…\) and \[…\]. */
function* formulasIn(text: string): Generator<{ readonly formula: string; readonly from: number }> {
  for (const match of text.slice(-longest).matchAll(/\$\$?([^$]{1,600})\$\$?|\\\(([^$]{1,600}?)\\\)|\\\[([^$]{1,600}?)\\\]/g)) {
    yield { formula: match[1] ?? match[2] ?? match[3] ?? '', from: Math.max(0, text.length - longest) + match.index };
  }
}

/**
 * The gold as Math-Verify reads it: the last box or formula, a bare LaTeX expression, or a plain expression with a number in it.
 * null for anything else, an option letter and plain words among it.
 */
function parsedGold(text: string): Parsed | null {
  const formula = lastBoxed(text) ?? [...formulasIn(text)].at(-1)?.formula;
  if (formula !== undefined) return parseMath(formula);
  if (!/[\d\\]/.test(text)) return null;
  const whole = parseMath(text);
  if (whole !== null) return whole;
  const number = [...text.slice(-longest).matchAll(/-?\d+(?:\.\d+)?(?:\/\d+)?/g)].at(-1);
  return number ? parseMath(number[0]) : null;
}

/** The answer as Math-Verify reads it in TRL's configuration: the last box that is an expression, else the formula after "answer is" or "answer:". */
function parsedAnswer(text: string): Parsed | null {
  for (let rest = text, tries = 0; tries < 16; tries++) {
    const boxed = lastBoxed(rest);
    if (boxed === null) break;
    const parsed = parseMath(boxed);
    if (parsed !== null) return parsed;
    rest = rest.slice(0, rest.lastIndexOf('\\boxed{'));
  }
  const anchored = [...formulasIn(text)].filter(({ from }) => /answer(?: is)?\s{0,3}:?\s{0,3}$/i.test(text.slice(Math.max(0, from - 24), from)));
  return parseMath(anchored.at(-1)?.formula ?? '');
}

/** null: the gold is no mathematics, and TRL leaves the row out. Values that a decimal point may have rounded agree to six places. */
function publishedAccuracy(completion: string, row: RewardRow): number | null {
  const gold = parsedGold(textTarget(row));
  if (gold === null) return null;
  const answer = parsedAnswer(completion);
  return Number(answer !== null && isSameParsed(gold, answer, { decimals: 6 }));
}

/** What follows the reasoning; null where it never ends. */
const afterThinking = (completion: string): string | null => (
  completion.includes('</think>') ? completion.slice(completion.lastIndexOf('</think>') + 8) : null
);

function strictAccuracy(row: RewardRow): number {
  const answer = statedAnswer(row.completion);
  return answer === null ? 0 : agreement(answer, row);
}

function strictRight(row: RewardRow): boolean {
  const answer = statedAnswer(row.completion);
  return answer !== null && isRight(answer, row);
}

/** From 1 at no token to 0.5 at the limit where right, from −1 to −0.5 where wrong, along a cosine; level beyond the limit. */
function cosineOf(row: RewardRow, isCorrect: boolean): number {
  const cosine = Math.cos(Math.min(tokensOf(row) / limitOf(row), 1) * Math.PI);
  const [atLimit, atStart] = isCorrect ? [0.5, 1] : [-0.5, -1];
  return atLimit + 0.5 * (atStart - atLimit) * (1 + cosine);
}

function publishedCosine(row: RewardRow): number | null {
  const correct = publishedAccuracy(row.completion, row);
  return correct === null ? null : cosineOf(row, correct > 0);
}

/** −(1 − different/all) of the n-grams; 0 where there are fewer than n items. */
export function repetition(items: readonly (number | string)[], size: number): number {
  const total = items.length - size + 1;
  if (total < 1) return 0;
  const ids = new Map<number | string, number>();
  const numbered = items.map((item) => {
    const id = ids.get(item) ?? ids.size;
    ids.set(item, id);
    return id;
  });
  const grams = new Set(Array.from({ length: total }, (_, at) => numbered.slice(at, at + size).join(' ')));
  return grams.size === total ? 0 : -(1 - grams.size / total);
}

function tokenIdsOf({ tokenIds }: RewardRow): readonly number[] | null {
  return Array.isArray(tokenIds) && tokenIds.length <= 65_536 && tokenIds.every((id) => typeof id === 'number') ? tokenIds : null;
}

function gramSize(row: RewardRow): number {
  const size = numberField(row, 'ngram', 3);
  if (Number.isInteger(size) && size >= 1 && size <= 64) return size;
  throw rowFault('Its ngram is not a small whole number.', 'Give "ngram": 1 to 64, or leave it out for 3.');
}

function publishedRepetition(row: RewardRow): number {
  const ids = tokenIdsOf(row);
  if (ids === null) throw rowFault('It has no token ids.', 'Give "tokenIds": the ids of the completion; strict mode can do with its words.');
  return repetition(ids, gramSize(row));
}

const gramReads = ['tokenIds: the ids of the completion', 'ngram: 3 where absent'] as const;

export const trlRewards = [
  {
    name: 'trlThinkFormat', source: 'TRL, rewards/format_rewards.py: think_format_reward', reads: [],
    summary:
      '1 where the completion begins with the only <think> and closes it, else 0; strict: and both the reasoning and what follows say something.',
    holes: ['<think></think> alone earns 1.', 'A blank before the tag earns 0.'],
    modes: { published: ({ completion }) => pay(hasThinkFormat(completion)), strict: ({ completion }) => pay(thinkThenText(completion) !== null) },
  },
  {
    name: 'trlAccuracy', source: 'TRL, rewards/accuracy_rewards.py: accuracy_reward; Math-Verify\'s extraction and comparison are our own reader\'s',
    reads: [targetReads],
    summary: '1 where the boxed answer is mathematically the gold, else 0; nothing where the gold is no mathematics.',
    holes: [
      'A gold that is no mathematics, as an option letter, takes no part: a run on such rows learns nothing and says nothing.',
      'An answer without a box or "answer is" earns 0.',
    ],
    modes: { published: (row) => ({ reward: publishedAccuracy(row.completion, row) }), strict: (row) => pay(strictAccuracy(row)) },
  },
  {
    name: 'trlReasoningAccuracy', source: 'TRL, rewards/accuracy_rewards.py: reasoning_accuracy_reward; Math-Verify\'s part is our own reader\'s',
    reads: [targetReads],
    summary: 'As trlAccuracy, looking only at what follows the last </think>; 0 without one.',
    holes: ['A gold that is no mathematics takes no part.', 'Reasoning that was never opened counts as closed.'],
    modes: {
      published(row) {
        const rest = afterThinking(row.completion);
        return { reward: rest === null ? 0 : publishedAccuracy(rest, row) };
      },
      strict: (row) => pay(row.completion.includes('</think>') ? strictAccuracy(row) : 0),
    },
  },
  {
    name: 'trlCosine', source: 'TRL, rewards/accuracy_rewards.py: get_cosine_scaled_reward', reads: [targetReads, ...lengthReads],
    summary: 'Right: 1 at no token down to 0.5 at the limit. Wrong: -1 up to -0.5. Along a cosine, level beyond the limit.',
    holes: ['A gold that is no mathematics takes no part.', 'A wrong answer earns by being long.'],
    modes: {
      published: (row) => ({ reward: publishedCosine(row) }),
      strict: (row) => pay(row.finished === false ? -1 : cosineOf(row, strictRight(row))),
    },
  },
  {
    name: 'trlRepetition', source: 'TRL, rewards/other_rewards.py: get_repetition_penalty_reward', reads: gramReads,
    summary: 'Minus the share of repeated n-grams of tokens; strict: of words where there are no token ids.',
    holes: ['A completion shorter than n tokens, and an empty one, cost nothing.'],
    modes: {
      published: (row) => pay(publishedRepetition(row)),
      strict: (row) => pay(repetition(tokenIdsOf(row) ?? split(row.completion.toLowerCase()), gramSize(row))),
    },
  },
  {
    name: 'trlSoftOverlong', source: 'TRL, rewards/other_rewards.py: get_soft_overlong_punishment; EasyR1, dapo.py has the same', reads: bufferReads,
    summary: '0 up to the buffer before the limit, evenly down to -1 at the limit, -1 beyond.',
    holes: [],
    modes: { published: (row) => pay(softOverlong(row)), strict: (row) => pay(row.finished === false ? -1 : softOverlong(row)) },
  },
  {
    name: 'verlSoftOverlong', source: 'verl, workers/reward_manager/dapo.py', reads: bufferReads,
    summary: '0 up to the buffer before the limit, then evenly down without end: -1 at the limit; strict: not below -1.',
    holes: ['No floor: far beyond the limit it outweighs every other term.'],
    modes: { published: (row) => pay(softOverlongUnbounded(row)), strict: (row) => pay(row.finished === false ? -1 : softOverlong(row)) },
  },
] as const satisfies readonly NamedReward[];
