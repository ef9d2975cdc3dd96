/**
 * WeThink's hybrid reward (arXiv 2506.07905): 0.7 accuracy + 0.3 format; a rule where an answer can be checked, a judge where it is described. No
 * code was
 * released, and the weights are known from reviews; the judge's tiers are not public. The judge is asked by the loop, and its verdict stands in the
 * row.
 */
import { optionLetter } from './answers.ts';
import { agreement, targetReads } from './agreement.ts';
import { isGold } from './gold.ts';
import { judgeScore, judgeTier } from './judge.ts';
import { gradeAnswer } from './math/ruler.ts';
import { strip } from './python.ts';
import { rowFault, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { lastBlock, standInOrder, strictThinkAnswer } from './tags.ts';
import { textTarget } from './targets.ts';

/** `method`, or the kind of the gold: free text is for the judge. */
function isJudged(row: RewardRow): boolean {
  if (row.method === 'judge' || row.method === 'rule') return row.method === 'judge';
  if (row.method !== undefined && row.method !== null) {
    throw rowFault('Its method is neither rule nor judge.', 'Give "method": "rule" or "judge", or leave it out.');
  }
  return isGold(row.target) && row.target.kind === 'text';
}

/** null: the row needs a judge and has none, so it takes no part in its group's baseline. */
function mixed(accuracy: number | null, format: number): RewardResult {
  return accuracy === null ? { reward: null } : { reward: 0.7 * accuracy + 0.3 * format, parts: { accuracy, format } };
}

/** The last letter that stands alone, for a completion that has no answer block. */
const looseLetter = (text: string): string | null => [...text.slice(-2000).matchAll(/(?<![A-Za-z])[A-Z](?![A-Za-z])/g)].at(-1)?.[0] ?? null;

function publishedAccuracy(row: RewardRow): number {
  const block = lastBlock(row.completion);
  const truth = strip(textTarget(row));
  if (/^[A-Z]$/.test(truth)) return Number((block === null ? looseLetter(row.completion) : optionLetter(block, 26)) === truth);
  return Number(gradeAnswer(strip(block ?? row.completion), truth));
}

function published(row: RewardRow): RewardResult {
  const format = Number(standInOrder(row.completion, ['<think>', '</think>', '<answer>', '</answer>']));
  return mixed(isJudged(row) ? judgeScore(row) : publishedAccuracy(row), format);
}

function strict(row: RewardRow): RewardResult {
  const blocks = strictThinkAnswer(row.completion);
  if (isJudged(row)) {
    const tier = judgeTier(row);
    return tier === null || blocks ? mixed(tier, 1) : { reward: 0, parts: { accuracy: 0, format: 0 } };
  }
  return blocks ? mixed(agreement(blocks.answer, row), 1) : { reward: 0, parts: { accuracy: 0, format: 0 } };
}

export const weThinkRewards = [
  {
    name: 'weThinkHybrid', source: 'WeThink, by reviews of the paper (no code was released)',
    reads: [
      targetReads, 'method: rule or judge; where absent judge for a text gold',
      'judge: the judge\'s verdict, 0 to 1; strict: 0, 0.25, 0.5, 0.75 or 1',
    ],
    summary:
      '0.7 for the answer, by rule or by the judge, and 0.3 for the tags; nothing where the judge is needed and missing; strict: 0 without the tags.',
    holes: [
      'A wrong answer within tags earns 0.3.', 'A right letter without any tag earns 0.7.', 'Tags in the right order anywhere count as format.',
    ],
    modes: { published, strict },
  },
] as const satisfies readonly NamedReward[];
