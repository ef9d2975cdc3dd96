/**
 * The rewards of VLM-R1 (arXiv 2504.07615) but those for detection: formats, referred boxes, and the accuracy family with its dispatcher.
 * Published: the released functions, without the symbolic comparison (Math-Verify) that `default` tries first; it matters for formulas only.
 */
import { normalise } from './extract.ts';
import { scoreAnswer, strictBoxes } from './answers.ts';
import { cornersOf, plainIou, plusOneIou, rescaled, type Corners } from './geometry.ts';
import { goldOf, type Gold } from './gold.ts';
import { float, int, loads, pattern, strip } from './python.ts';
import { pay, releaseThrows, rowFault, type NamedReward, type RewardRow } from './reward.ts';
import { indelRatio } from './similarity.ts';
import { allBlocks, firstBlock, isThinkAnswer, lastBlock, standInOrder, strictThinkAnswer, thinkToAnswer } from './tags.ts';
import { cornersTarget, fileSize, inputSize, textTarget } from './targets.ts';
import { cleanText, extractChoice, truthOf, wrapped } from './vlmR1Text.ts';
import { publishedAp, publishedOdLength, publishedWeighted, strictOdLength, vlmR1DetectionRewards } from './vlmR1Detection.ts';

const source = 'VLM-R1, open_r1/grpo_jsonl.py';
const boxSource = 'VLM-R1, open_r1/vlm_modules';
const textReads = 'target: the solution as text, or a Gold';

function choiceReward(row: RewardRow): number {
  const solution = wrapped(row);
  const right = extractChoice(truthOf(solution)) ?? strip(solution);
  return Number(extractChoice(strip(firstBlock(row.completion) ?? row.completion)) === right);
}

const polarityOf = (text: string): string => /yes|no/.exec(text)?.[0] ?? '';

function yesNoReward(row: RewardRow): number {
  const said = row.completion.toLowerCase();
  return Number(polarityOf(truthOf(wrapped(row).toLowerCase())) === polarityOf(strip(firstBlock(said) ?? said)));
}

const allMatchReward = (row: RewardRow): number => Number(cleanText(row.completion) === cleanText(wrapped(row)));

/** null where one of the two is no number. */
function numericReward(completion: string, solution: string): number | null {
  const [said, right] = [float(cleanText(completion)), float(cleanText(solution))];
  return said === null || right === null ? null : Number(said === right);
}

function defaultReward(row: RewardRow): number {
  const truth = truthOf(wrapped(row));
  const said = strip(lastBlock(row.completion) ?? row.completion);
  const likeness = (): number => indelRatio(cleanText(said), cleanText(truth));
  if (/\p{Nd}/u.test(truth)) return numericReward(said, truth) ?? likeness();
  const right = extractChoice(truth);
  if (right === null) return likeness();
  return Number(extractChoice(said) === right);
}

/** What the judge printed, as a number; where it printed none, whether the texts are equal. */
function judgeReward(row: RewardRow): number {
  const printed = typeof row.judge === 'number' ? row.judge : typeof row.judge === 'string' ? float(row.judge) : null;
  if (printed !== null) return printed;
  return Number(strip(lastBlock(row.completion) ?? row.completion) === truthOf(wrapped(row)));
}

/** The accuracy reward that a row's `method` names; any other name is the default one. */
function accuracyReward(row: RewardRow): number {
  switch (row.method) {
    case 'mcq': return choiceReward(row);
    case 'yes_no': return yesNoReward(row);
    case 'llm': return judgeReward(row);
    case 'weighted_sum': return publishedWeighted(row.completion, wrapped(row));
    case 'od_ap': return publishedAp(row.completion, wrapped(row)).all;
    case 'od_ap50': return publishedAp(row.completion, wrapped(row)).at50;
    case 'odLength': return publishedOdLength(row.completion, wrapped(row));
    case 'all_match': return allMatchReward(row);
    case 'map': case 'math': throw rowFault(`The method ${row.method} is not part of this table.`,
      'Use od_ap for boxes, or a reward for mathematical expressions.');
    default: return defaultReward(row);
  }
}

const boxPattern = pattern('\\[(\\d+),\\s*(\\d+),\\s*(\\d+),\\s*(\\d+)]');

function iouReward(row: RewardRow): number {
  const wanted = cornersTarget(row) ?? cornersFromText(row);
  const match = boxPattern.exec(strip(firstBlock(row.completion) ?? ''));
  if (!match || !wanted) return 0;
  const said = match.slice(1).map((digits) => int(digits) ?? NaN) as unknown as Corners;
  const input = inputSize(row);
  const overlap = plusOneIou(input ? rescaled(said, input, fileSize(row)) : said, wanted);
  return overlap !== null && Number.isFinite(overlap) ? overlap : 0;
}

/** The corners that the solution's JSON holds; null where it holds something else, on which the release's comparison fails quietly. */
function cornersFromText(row: RewardRow): Corners | null {
  const parsed = loads(strip(allBlocks(wrapped(row)).at(-1) ?? ''));
  if (parsed === undefined) throw releaseThrows('VLM-R1', 'json.JSONDecodeError: the solution is not JSON.');
  const corners = Array.isArray(parsed) ? parsed.slice(0, 4) : [];
  return corners.length === 4 && corners.every((value) => typeof value === 'number') ? corners as unknown as Corners : null;
}

/** The IoU of the one box that the answer holds with the one of the gold; in the file's pixels, or in the input's where the row names those. null: there is not one gold box. */
function strictIou(row: RewardRow): number | null {
  const gold = goldOf(row.target, 'boxes');
  const [wanted, ...others] = gold.boxes;
  if (!wanted || others.length > 0) return null;
  const answer = strictThinkAnswer(row.completion)?.answer;
  const claimed = answer === undefined ? null : strictBoxes(answer.startsWith('{') ? `[${answer}]` : answer);
  const [said, ...more] = claimed ?? [];
  if (!said || more.length > 0) return 0;
  const input = inputSize(row);
  return plainIou(input ? rescaled(cornersOf(said.box), input, fileSize(row)) : cornersOf(said.box), cornersOf(wanted.box));
}

const tuple = pattern('\\[\\d+,\\s*\\d+,\\s*\\d+,\\s*\\d+\\]');
const boxFormats: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  qwen: ['<think>', thinkToAnswer, '{', tuple, '}', '</answer>'],
  internvl: ['<think>', thinkToAnswer, tuple, '</answer>'],
  glm: ['<think>', '<answer>', '</answer>'],
};

function boxFormat(row: RewardRow): boolean {
  const family = row.family ?? 'qwen';
  const parts = typeof family === 'string' && Object.hasOwn(boxFormats, family) ? boxFormats[family] : undefined;
  if (!parts) throw rowFault('Its family is not known.', 'Give "family": "qwen", "internvl" or "glm".');
  return standInOrder(row.completion, parts);
}

/** Strict: exactly one think and one answer block, and the answer scored by its kind; 0 without them. */
function strictAnswer(row: RewardRow, kind?: Gold['kind']): number {
  const gold = goldOf(row.target, kind);
  const answer = strictThinkAnswer(row.completion)?.answer;
  if (answer === undefined) return 0;
  return gold.kind === 'boxes' ? strictOdLength(row).reward : scoreAnswer(answer, gold);
}

function strictMatch(row: RewardRow): number {
  const gold = goldOf(row.target);
  const answer = strictThinkAnswer(row.completion)?.answer;
  if (answer === undefined) return 0;
  const accepted = gold.kind === 'word' ? gold.accept : [textTarget({ ...row, target: gold })];
  return Number(accepted.some((wording) => normalise(wording) === normalise(answer)));
}

export const vlmR1Rewards = [
  {
    name: 'vlmR1Format', source, reads: [],
    summary: '1 where the whole completion is a think block and an answer block; strict: exactly one of each, outer blanks forgiven.',
    holes: [
      'Blocks within the blocks are swallowed: several answers pass.',
      'Empty blocks pass.',
      'A blank before or a line break after costs everything.',
    ],
    modes: { published: ({ completion }) => pay(isThinkAnswer(completion)), strict: ({ completion }) => pay(strictThinkAnswer(completion) !== null) },
  },
  {
    name: 'vlmR1BoxFormat', source: boxSource, reads: ['family: qwen (default), internvl or glm; published only'],
    summary: '1 where a box in brackets (qwen: within braces) stands in an answer block after a think block; '
      + 'strict: the answer is a list of whole boxes or None.',
    holes: [
      'Text before and after is tolerated, and any braces around any four numbers will do.',
      'A bare list earns vlmR1Iou and not the format, for want of braces.',
    ],
    modes: {
      published: (row) => pay(boxFormat(row)),
      strict: ({ completion }) => {
        const answer = strictThinkAnswer(completion)?.answer;
        return pay(answer !== undefined && strictBoxes(answer.startsWith('{') ? `[${answer}]` : answer) !== null);
      },
    },
  },
  {
    name: 'vlmR1Iou', source: boxSource,
    reads: ['target: [x1, y1, x2, y2] in file pixels, its JSON, or a Gold with one box',
      'size and input (or grid): file and model input, where the answer is in input pixels'],
    summary: 'The IoU of the answer’s first box with the right one, an overlap of one pixel or less counting as none; '
      + 'strict: plain IoU, one box, one block of each kind; it does not apply where the gold has several boxes or none.',
    holes: [
      'Of several boxes, and of several answer blocks, only the first counts.',
      'A space before a comma, a decimal or a quoted number earns 0.',
      'A box one pixel wide scores 0 against itself.',
    ],
    modes: { published: (row) => pay(iouReward(row)), strict: (row) => ({ reward: strictIou(row) }) },
  },
  {
    name: 'vlmR1Accuracy', source,
    reads: [textReads, 'method: mcq, yes_no, llm, all_match, od_ap, od_ap50, odLength, weighted_sum; else default (published)',
      'judge: what the judge printed (llm)'],
    summary: 'The accuracy reward that the row’s method names; strict: the verifier of the gold’s kind, boxes by odLength, within exactly one '
      + 'think and one answer block.',
    holes: ['Those of the method that the row names: see vlmR1Choice, vlmR1YesNo, vlmR1Default, vlmR1Ap.'],
    modes: { published: (row) => pay(accuracyReward(row)), strict: (row) => pay(strictAnswer(row)) },
  },
  {
    name: 'vlmR1Choice', source, reads: [textReads],
    summary: '1 for the right option letter; strict: one letter in any usual form, or the option’s own words.',
    holes: ['(B), B) and B - text earn 0.', 'Of several letters the one near words like answer, or late in the text, is taken.'],
    modes: { published: (row) => pay(choiceReward(row)), strict: (row) => pay(strictAnswer(row, 'choice')) },
  },
  {
    name: 'vlmR1YesNo', source, reads: [textReads],
    summary: '1 where the first yes or no inside any word agrees with the solution’s, two absences included; '
      + 'strict: the answer’s first word decides.',
    holes: ['unknown, normal and nothing say no; eyes says yes.', 'Where neither side says either, the two agree: 1.'],
    modes: { published: (row) => pay(yesNoReward(row)), strict: (row) => pay(strictAnswer(row, 'yesNo')) },
  },
  {
    name: 'vlmR1AllMatch', source, reads: [textReads],
    summary: '1 where the cleaned answer equals the cleaned solution.',
    holes: ['Without an answer block the whole completion is the answer.'],
    modes: { published: (row) => pay(allMatchReward(row)), strict: (row) => pay(strictMatch(row)) },
  },
  {
    name: 'vlmR1Numeric', source, reads: [textReads],
    summary: '1 where both are the same number, and not applicable where one is none; strict: within the gold’s tolerance.',
    holes: ['Equality is that of the doubles: no tolerance, no units.'],
    modes: {
      published: (row) => ({ reward: numericReward(row.completion, wrapped(row)) }),
      strict: (row) => pay(strictAnswer(row, 'number')),
    },
  },
  {
    name: 'vlmR1Default', source, reads: [textReads],
    summary: 'Numbers by equality, letters by letter, all else by likeness of spelling (which pays 0.89 for grade 8 instead of 7); '
      + 'strict: by the gold’s kind, text only where it is the same.',
    holes: [
      'Likeness of spelling pays for clinical opposites: Gleason 8 for Gleason 7 earns 0.89, metastatic for nonmetastatic 0.87, pT3 for pT2 0.67.',
    ],
    modes: { published: (row) => pay(defaultReward(row)), strict: (row) => pay(strictAnswer(row)) },
  },
  {
    name: 'vlmR1Judge', source, reads: [textReads, 'judge: what the judge printed, 1.0 or 0.0'],
    summary: 'The number that a judging model printed, or equality of the texts where it printed none.',
    holes: ['The completion is put into the judge\'s prompt as it is, instructions to the judge included.'],
    modes: { published: (row) => pay(judgeReward(row)) },
  },
  ...vlmR1DetectionRewards,
] as const satisfies readonly NamedReward[];
