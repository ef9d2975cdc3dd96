/** Rewards that belong to no single system: one verifier for each kind of gold, and the forms of a completion. */
import { strictBoxes } from './answers.ts';
import { answerOf, boxAnswerOf, boxesIn, normalise } from './extract.ts';
import { cornersOf, plainIou } from './geometry.ts';
import { goldKinds, goldOf, type Gold } from './gold.ts';
import { strip } from './python.ts';
import { pay, rowFault, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { indelRatio } from './similarity.ts';
import { isThinkAnswer, strictBlocks, strictThinkAnswer } from './tags.ts';
import { textTarget } from './targets.ts';
import { verify } from './verify.ts';

const source = 'Loupe: the verifiers that evaluation uses';

const reads = (kind: Gold['kind']): readonly string[] => [`target: ${goldKinds[kind].form}`];

function verified(row: RewardRow, kind?: Gold['kind']): RewardResult {
  const { score, isCorrect } = verify(row.completion, kind === undefined ? goldOf(row.target) : goldOf(row.target, kind));
  return { reward: score, parts: { correct: Number(isCorrect) } };
}

/** The plain IoU of the first claimed box with the one right box. */
function firstIou(row: RewardRow): number {
  const [wanted, ...others] = goldOf(row.target, 'boxes').boxes;
  if (!wanted || others.length > 0) throw rowFault('Its gold does not hold one box.', 'Give a gold with one box, or use the reward boxes.');
  const [claim, ...more] = boxesIn(boxAnswerOf(row.completion));
  return claim && more.length === 0 ? plainIou(cornersOf(claim.box), cornersOf(wanted.box)) : 0;
}

/** The last `\boxed{…}` with its braces balanced; null where there is none. */
function boxedIn(text: string): string | null {
  const open = text.lastIndexOf('\\boxed{');
  if (open < 0) return null;
  let depth = 0;
  for (let at = open + '\\boxed'.length; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return text.slice(open + '\\boxed{'.length, at);
  }
  return null;
}

export const genericRewards = [
  {
    name: 'accuracy', source, reads: ['target: a Gold of any kind, with its "kind"'],
    summary: 'How well the answer agrees with the gold, by the verifier of its kind, 0 to 1.',
    modes: { strict: (row) => verified(row) },
  },
  {
    name: 'correct', source, reads: ['target: a Gold of any kind, with its "kind"'],
    summary: '1 where evaluation would count the answer as correct: score 1, or 0.5 for boxes and text.',
    modes: { strict: (row) => pay(verify(row.completion, goldOf(row.target)).isCorrect) },
  },
  { name: 'choice', source, reads: reads('choice'), summary: '1 for the letter of options[right], or its words.',
    modes: { strict: (row) => verified(row, 'choice') } },
  { name: 'yesNo', source, reads: reads('yesNo'), summary: '1 for the right one of yes and no, by the first word that says either; a yes names what it has to, and nothing else of that kind.',
    modes: { strict: (row) => verified(row, 'yesNo') } },
  { name: 'word', source, reads: reads('word'), summary: '1 where one of accept is named and none of reject.',
    modes: { strict: (row) => verified(row, 'word') } },
  { name: 'number', source, reads: reads('number'), summary: '1 where the first number lies within the tolerance.',
    modes: { strict: (row) => verified(row, 'number') } },
  { name: 'ordinal', source, reads: reads('ordinal'), summary: 'The word of an ordered scale; neighbours earn part.',
    modes: { strict: (row) => verified(row, 'ordinal') } },
  {
    name: 'boxes', source, reads: reads('boxes'),
    summary: 'The mean IoU of matched boxes over the larger count, so that idle and missing boxes cost alike.',
    modes: { strict: (row) => verified(row, 'boxes') },
  },
  { name: 'text', source, reads: reads('text'), summary: 'F1 of the words.', modes: { strict: (row) => verified(row, 'text') } },
  {
    name: 'iou', source: 'Loupe', reads: ['target: a Gold with one box'],
    summary: 'The plain IoU of the only claimed box with the right one; 0 for none or several.',
    modes: { strict: (row) => pay(firstIou(row)) },
  },
  {
    name: 'editSimilarity', source: 'Loupe; the likeness is that of Python’s Levenshtein.ratio', reads: ['target: a text, or a Gold'],
    summary: '1 − edits / both lengths, a substitution being two edits. It pays for near misses: not for grades, stages or negations.',
    modes: { strict: (row) => pay(indelRatio(normalise(answerOf(row.completion)), normalise(textTarget(row)))) },
  },
  {
    name: 'thinkAnswerFormat', source: 'R1-V and its descendants', reads: [],
    summary: '1 where the whole completion is a think block and an answer block; '
      + 'strict: exactly one of each, the thought not empty, outer blanks forgiven.',
    holes: [
      'Blocks within the blocks are swallowed: several answers pass.',
      'Empty blocks pass.',
      'A blank before or a line break after costs everything.',
    ],
    modes: { published: ({ completion }) => pay(isThinkAnswer(completion)), strict: ({ completion }) => pay(strictThinkAnswer(completion) !== null) },
  },
  {
    name: 'answerFormat', source: 'Loupe', reads: [],
    summary: '1 where the completion is exactly one answer block that says something and no think block, outer blanks forgiven.',
    modes: { strict: ({ completion }) => {
      const blocks = strictBlocks(completion);
      return pay(blocks !== null && blocks.think === null && blocks.answer !== '');
    } },
  },
  {
    name: 'boxedFormat', source: 'Loupe', reads: [],
    summary: '1 where the completion holds exactly one \\boxed{…}, its braces balanced and not empty, and ends with it, a full stop or a dollar '
      + 'aside.',
    modes: { strict: ({ completion }) => {
      const boxed = boxedIn(completion);
      const isLast = boxed !== null && strip(completion).replace(/[.$\s]{0,8}$/, '').endsWith(`\\boxed{${boxed}}`);
      return pay(boxed !== null && strip(boxed) !== '' && isLast && completion.split('\\boxed{').length === 2);
    } },
  },
  {
    name: 'fencedJsonFormat', source: 'Loupe', reads: [],
    summary: '1 where the answer is a list of whole boxes in JSON, bare or as one fence, or None.',
    modes: { strict: ({ completion }) => {
      const answer = completion.includes('<answer>') ? strictBlocks(completion)?.answer : strip(completion);
      return pay(answer !== undefined && strictBoxes(answer) !== null);
    } },
  },
] as const satisfies readonly NamedReward[];
