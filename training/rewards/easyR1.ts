/** EasyR1's example rewards (hiyouga/EasyR1, examples/reward_function): r1v, math and dapo. */
import { agreement, isRight, lastBoxed, statedAnswer, targetReads } from './agreement.ts';
import { answerOf } from './extract.ts';
import { bufferReads, numberField, softOverlong } from './lengths.ts';
import { boxedContent, gradeAnswer } from './math/ruler.ts';
import { lstrip, pattern, rstrip, strip } from './python.ts';
import type { NamedReward, RewardResult, RewardRow } from './reward.ts';
import { firstBlock, isThinkAnswer, strictThinkAnswer } from './tags.ts';
import { textTarget } from './targets.ts';
import { thinkThenText } from './thinking.ts';

/** The weighted sum that EasyR1 calls `overall`, with its terms. */
const overall = (accuracy: number, format: number, formatWeight: number): RewardResult => (
  { reward: (1 - formatWeight) * accuracy + formatWeight * format, parts: { accuracy, format } }
);

/** The answer that r1v grades: the first answer block of one line, else the whole completion. */
export const r1vAnswer = (completion: string): string => strip(firstBlock(completion, { acrossLines: false }) ?? completion);

function publishedR1v(row: RewardRow): RewardResult {
  return overall(Number(gradeAnswer(r1vAnswer(row.completion), strip(textTarget(row)))), Number(isThinkAnswer(row.completion)), 0.5);
}

function strictR1v(row: RewardRow): RewardResult {
  const blocks = strictThinkAnswer(row.completion);
  return overall(blocks ? agreement(blocks.answer, row) : 0, Number(blocks !== null), 0.5);
}

/** `<think>.*</think>.*\\boxed\{.*\}.*`, DOTALL, as a full match. */
function hasBoxedFormat(text: string): boolean {
  if (!text.startsWith('<think>')) return false;
  const close = text.indexOf('</think>', 7);
  const box = close < 0 ? -1 : text.indexOf('\\boxed{', close + 8);
  return box >= 0 && text.includes('}', box + 7);
}

/** Blanks around <, > and / dropped, as replacing `\s*(<|>|/)\s*` by its group does, but in one pass. */
function withoutBlanksAroundTags(text: string): string {
  const pieces = text.split(/([<>/])/);
  return pieces.map((piece, at) => {
    if (at % 2 === 1) return piece;
    const rest = at > 0 ? lstrip(piece) : piece;
    return at < pieces.length - 1 ? rstrip(rest) : rest;
  }).join('');
}

/** The blanks are dropped in the answer too. */
function publishedMath(row: RewardRow): RewardResult {
  const text = withoutBlanksAroundTags(row.completion);
  return overall(Number(gradeAnswer(boxedContent(text), textTarget(row))), Number(hasBoxedFormat(text)), 0.1);
}

function strictMath(row: RewardRow): RewardResult {
  const boxed = lastBoxed(thinkThenText(row.completion)?.rest ?? '');
  return overall(boxed === null ? 0 : agreement(boxed, row), Number(boxed !== null), 0.1);
}

const substitutions: readonly (readonly [string, string])[] = [
  ['an ', ''], ['a ', ''], ['.$', '$'], ['\\$', ''], ['\\ ', ''], [' ', ''], ['mbox', 'text'], [',\\text{and}', ','], ['\\text{and}', ','],
  ['\\text{m}', '\\text{}'],
];
const removals = [
  'square', 'ways', 'integers', 'dollars', 'mph', 'inches', 'hours', 'km', 'units', '\\ldots', 'sue', 'points', 'feet', 'minutes', 'digits',
  'cents', 'degrees', 'cm', 'gm', 'pounds',
  'meters', 'meals', 'edges', 'students', 'childrentickets', 'multiples', '\\text{s}', '\\text{.}', '\\text{\ns}', '\\text{}^2', '\\text{}^3',
  '\\text{\n}', '\\text{}', '\\mathrm{th}',
  '^\\circ', '^{\\circ}', '\\;', ',\\!', '{,}', '"', '\\dots',
];

/** The MATH-style normalisation of the last side of an equation: articles, blanks, units and LaTeX wrappers dropped. */
export function normaliseDapo(answer: string): string {
  let text = answer.split('=').at(-1) ?? '';
  for (const [before, after] of substitutions) text = text.replaceAll(before, after);
  for (const removal of removals) text = text.replaceAll(removal, '');
  text = betweenDollars(text);
  for (const command of ['text', 'textbf', 'overline']) text = text.replace(new RegExp(`\\\\${command}\\{([^\\n]*?)\\}`, 'g'), '$1');
  text = text.replace(/\\boxed\{([^\n]*)\}/g, '$1');
  text = text.replace(/(frac)([^{])([^\n])/g, 'frac{$2}{$3}').replace(/(sqrt)([^{])/g, 'sqrt{$2}').replaceAll('$', '');
  const digits = text.replaceAll(',', '');
  return strip(/^\p{Nd}+$/u.test(digits) ? digits : text);
}

/** `(.*?)(\$)(.*?)(\$)(.*)` to `$…$`, line by line: only what stands between a line's first two dollars is kept. */
const betweenDollars = (text: string): string => text.split('\n').map((line) => {
  const open = line.indexOf('$');
  const close = open < 0 ? -1 : line.indexOf('$', open + 1);
  return close < 0 ? line : line.slice(open, close + 1);
}).join('\n');

/** The release looks at no more, in code points. */
const lastCharacters = 300;
/** The longest solution that is normalised; a longer one is compared with as it stands. */
const longestTruth = 2000;

/** ±1: the last "Answer: …" of the last 300 characters. */
function dapoAccuracy(row: RewardRow): number {
  const tail = [...row.completion.slice(-2 * lastCharacters)].slice(-lastCharacters).join('');
  const said = [...tail.matchAll(pattern('Answer\\s*:\\s*([^\\n]+)', 'gi'))].at(-1)?.[1] ?? '[INVALID]';
  const truth = textTarget(row);
  return normaliseDapo(said) === (truth.length > longestTruth ? truth : normaliseDapo(truth)) ? 1 : -1;
}

const overlongTerm = (row: RewardRow): number => softOverlong(row) * numberField(row, 'overlongFactor', 1);

function dapo(accuracy: number, overlong: number): RewardResult {
  return { reward: accuracy + overlong, parts: { accuracy, overlong } };
}

/** The answer of the block or box, or of the one line "Answer: …" at the end of a completion that has neither. */
function lineAnswer(completion: string): string | null {
  const stated = statedAnswer(completion);
  if (stated !== null || /<\/?answer>/.test(completion)) return stated;
  const last = completion.trimEnd().split('\n').at(-1) ?? '';
  return /^\s*answer\s*:/i.test(last.slice(0, 40)) ? answerOf(last.replace(/^\s*answer\s*:\s*/i, 'Answer: ')) : null;
}

function strictDapo(row: RewardRow): RewardResult {
  const answer = lineAnswer(row.completion);
  const accuracy = answer !== null && isRight(answer, row) ? 1 : -1;
  return dapo(accuracy, row.finished === false ? -numberField(row, 'overlongFactor', 1) : overlongTerm(row));
}

export const easyR1Rewards = [
  {
    name: 'easyR1R1v', source: 'EasyR1, examples/reward_function/r1v.py', reads: [targetReads],
    summary: 'Half for the right answer, half for think and answer blocks and nothing else; strict: no answer without the blocks.',
    holes: [
      'A completion without blocks that is the answer itself earns the accuracy half.', 'A line break within the answer block makes it wrong.',
      'The first of several answer blocks counts; further ones may follow.', 'MathRuler\'s holes: see mathExpression.',
      'Blocks without a right answer earn 0.5.',
    ],
    modes: { published: publishedR1v, strict: strictR1v },
  },
  {
    name: 'easyR1Math', source: 'EasyR1, examples/reward_function/math.py', reads: [targetReads],
    summary: '0.9 for the right boxed answer, 0.1 for reasoning closed before a box.',
    holes: [
      'A box within the reasoning counts as the answer where no later one stands.', 'Any number of boxes: the last counts.',
      'MathRuler\'s holes: see mathExpression.',
    ],
    modes: { published: publishedMath, strict: strictMath },
  },
  {
    name: 'easyR1Dapo', source: 'EasyR1, examples/reward_function/dapo.py', reads: [targetReads, ...bufferReads, 'overlongFactor: 1 where absent'],
    summary: '1 for the right "Answer: …" near the end, else -1, plus the soft overlong punishment.',
    holes: [
      'Only the last 300 characters are looked at, and letter for letter after dropping articles and units: "sue" and "ways" vanish from any word.',
      'A solution whose normal form is [INVALID] would be met by silence.', 'Whatever precedes the last equals sign is ignored.',
    ],
    modes: { published: (row) => dapo(dapoAccuracy(row), overlongTerm(row)), strict: strictDapo },
  },
] as const satisfies readonly NamedReward[];
