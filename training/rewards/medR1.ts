/**
 * The rewards of Med-R1 (arXiv 2503.13939): accuracy of the letter plus one of two formats, and the multi-label variant for chest films.
 * Published: the released functions without the symbolic comparison (Math-Verify) that they try first; it matters for numeric solutions only.
 */
import { scoreAnswer } from './answers.ts';
import { normalise } from './extract.ts';
import { goldOf } from './gold.ts';
import { pattern, lstrip, strip } from './python.ts';
import { pay, payParts, type NamedReward, type RewardRow } from './reward.ts';
import { firstBlock, isThinkAnswer, strictBlocks, strictThinkAnswer } from './tags.ts';
import { textTarget } from './targets.ts';

const source = 'Med-R1, grpo_vqa.py and grpo_vqa_nothink.py';
const reads = ['target: the solution as text, with or without answer tags, or a Gold'];

/** The first answer within one line, else the whole text. */
const answerIn = (text: string): string => strip(firstBlock(text, { acrossLines: false }) ?? text);

const publishedAccuracy = (row: RewardRow): number => Number(answerIn(row.completion) === answerIn(textTarget(row)));

/** `re.fullmatch` of `\s*<answer>.*?</answer>` with DOTALL. */
function isAnswerOnly(completion: string): boolean {
  const text = lstrip(completion);
  return text.startsWith('<answer>') && text.endsWith('</answer>') && text.length >= '<answer></answer>'.length;
}

function strictAccuracy(row: RewardRow): number {
  const gold = goldOf(row.target);
  const blocks = strictBlocks(row.completion);
  return blocks === null ? 0 : scoreAnswer(blocks.answer, gold);
}

const strictThink = ({ completion }: RewardRow): number => Number(strictThinkAnswer(completion) !== null);
const strictNoThink = ({ completion }: RewardRow): number => Number(strictBlocks(completion)?.think === null);

const evaluated = pattern('<answer>\\s*(\\w+)\\s*</answer>');

/** What the published evaluation takes for the answer: word characters alone within the tag. */
export const evaluationAnswer = (completion: string): string | null => evaluated.exec(completion)?.[1] ?? null;

/** The labels of the chest films, as the release spells them. */
export const chestLabels = [
  'Atelectasis', 'Cardiomegaly', 'Effusion', 'Infiltration', 'Mass', 'Nodule', 'Pneumonia', 'Pneumothorax', 'Consolidation', 'Edema', 'Emphysema',
  'Fibrosis', 'Pleural_Thickening', 'Hernia', 'No Finding',
] as const;

/** One point for each label of the solution that the answer holds, a quarter for No Finding; nothing at all where it holds a label beyond them. */
function publishedMultiLabel(row: RewardRow): number {
  const [truth, said] = [answerIn(textTarget(row)), answerIn(row.completion)];
  if (chestLabels.some((label) => !truth.includes(label) && said.includes(label))) return 0;
  let reward = 0;
  for (const label of truth.split('|')) {
    if (label.includes('No Finding')) {
      if (!said.includes(label)) return 0;
      reward += 0.25;
    } else if (said.includes(label)) reward++;
  }
  return reward;
}

/** The share of the gold's `accept` that is named, each as whole words; nothing where one of `reject` is named. */
function strictMultiLabel(row: RewardRow): number {
  const { accept, reject } = goldOf(row.target, 'word');
  const answer = strictBlocks(row.completion)?.answer;
  if (answer === undefined) return 0;
  const said = ` ${normalise(answer)} `;
  const names = (label: string): boolean => said.includes(` ${normalise(label)} `);
  return reject.some(names) ? 0 : accept.filter(names).length / accept.length;
}

export const medR1Rewards = [
  {
    name: 'medR1Accuracy', source, reads,
    summary: '1 where the first answer on one line, or the whole completion, equals the solution; '
      + 'strict: one block, the letter in any usual form, one of the options.',
    holes: [
      'The bare letter without tags is right.',
      'The first of several answers counts, one quoted in the thought among them.',
      'A line break within the tag makes it wrong, as does any spelling of the letter but the solution\'s.',
    ],
    modes: { published: (row) => pay(publishedAccuracy(row)), strict: (row) => pay(strictAccuracy(row)) },
  },
  {
    name: 'medR1ThinkFormat', source, reads: [],
    summary: '1 where the whole completion is a think and an answer block; strict: exactly one of each, outer blanks forgiven.',
    holes: [
      'Blocks within the blocks are swallowed: several answers pass.',
      'Empty blocks pass.',
      'A blank before or a line break after costs everything.',
    ],
    modes: { published: ({ completion }) => pay(isThinkAnswer(completion)), strict: (row) => pay(strictThink(row)) },
  },
  {
    name: 'medR1NoThinkFormat', source, reads: [],
    summary: '1 where the whole completion is an answer block; strict: exactly one, outer blanks forgiven.',
    holes: ['Blocks within the block are swallowed.', 'A blank at the end costs everything.'],
    modes: { published: ({ completion }) => pay(isAnswerOnly(completion)), strict: (row) => pay(strictNoThink(row)) },
  },
  {
    name: 'medR1Think', source, reads,
    summary: 'Accuracy + think format, 0 to 2.',
    holes: ['Those of medR1Accuracy and medR1ThinkFormat.'],
    modes: {
      published: (row) => payParts({ accuracy: publishedAccuracy(row), format: Number(isThinkAnswer(row.completion)) }),
      strict: (row) => payParts({ accuracy: strictAccuracy(row), format: strictThink(row) }),
    },
  },
  {
    name: 'medR1NoThink', source, reads,
    summary: 'Accuracy + no-think format, 0 to 2.',
    holes: ['Those of medR1Accuracy and medR1NoThinkFormat.'],
    modes: {
      published: (row) => payParts({ accuracy: publishedAccuracy(row), format: Number(isAnswerOnly(row.completion)) }),
      strict: (row) => payParts({ accuracy: strictAccuracy(row), format: strictNoThink(row) }),
    },
  },
  {
    name: 'medR1MultiLabel', source: 'Med-R1, grpo_cls.py',
    reads: ['target: labels joined by |, or (strict) a Gold of words: accept holds every label present, reject those absent'],
    summary: 'A point for each right label, a quarter for No Finding, nothing with a wrong one; strict: the share of right labels, 0 to 1.',
    holes: ['A label counts wherever it stands in the completion, denied or not.', 'Rows with more labels weigh more: a point for each.'],
    modes: { published: (row) => pay(publishedMultiLabel(row)), strict: (row) => pay(strictMultiLabel(row)) },
  },
  {
    name: 'medR1Evaluation', source: 'Med-R1, the evaluation scripts', reads,
    summary: '1 where the word characters within the first answer tag equal the solution’s; '
      + 'how the published tables count, not a reward of the training.',
    holes: ['Only word characters: "C)" and "left lung" are wrong.'],
    modes: { published: (row) => pay(evaluationAnswer(row.completion) === answerIn(textTarget(row))) },
  },
] as const satisfies readonly NamedReward[];
