/**
 * Skywork-R1V3's reward (arXiv 2507.06167): 0.8 accuracy + 0.2 format. The mix is the paper's, the rule of the accuracy is that of the released
 * evaluation,
 * and the format's predicate, which the paper leaves open, is `thinkThenText`. The language-model verifier that the paper adds to the rule is left
 * out.
 */
import { agreement, statedAnswer, targetReads } from './agreement.ts';
import { pythonSpaces, strip } from './python.ts';
import type { NamedReward, RewardResult, RewardRow } from './reward.ts';
import { textTarget } from './targets.ts';
import { thinkThenText } from './thinking.ts';

const accuracyShare = 0.8;

const mixed = (accuracy: number, completion: string): RewardResult => {
  const format = Number(thinkThenText(completion) !== null);
  return { reward: accuracyShare * accuracy + (1 - accuracyShare) * format, parts: { accuracy, format } };
};

/** The last that `\\boxed\{(.*?)\}` finds with DOTALL; null for none. */
function lastLazyBox(text: string): string | null {
  let last: string | null = null;
  for (let open = text.indexOf('\\boxed{'), close = 0; open >= 0; open = text.indexOf('\\boxed{', close)) {
    close = text.indexOf('}', open + 7);
    if (close < 0) break;
    last = text.slice(open + 7, close);
  }
  return last;
}

const blanks = new RegExp(`[${pythonSpaces}]+`, 'g');

/** Dollars, lower-case LaTeX commands, white space, one leading { and one trailing } deleted; lower case. */
const normalise = (text: string): string => (
  text.replaceAll('$', '').replace(/\\[a-z]+/g, '').replace(blanks, '').replace(/^\{|\}$/g, '').toLowerCase()
);

/** The last box, captured up to the first closing brace. */
function publishedAccuracy(row: RewardRow): number {
  const said = lastLazyBox(row.completion);
  const truth = textTarget(row);
  return Number(said !== null && (strip(said) === strip(truth) || normalise(said) === normalise(truth)));
}

function strictAccuracy(row: RewardRow): number {
  const answer = statedAnswer(row.completion);
  return answer === null ? 0 : agreement(answer, row);
}

export const skyworkRewards = [
  {
    name: 'skyworkR1V3', source: 'Skywork-R1V3, paper for the mix, released evaluation for the rule', reads: [targetReads],
    summary: '0.8 for the right boxed answer, 0.2 for one closed think block with something after it.',
    holes: [
      'A box with braces inside is cut at the first one: \\boxed{\\frac{3}{4}} is not 3/4 by any spelling.', 'An empty box equals an empty solution.',
      'B. Pneumothorax does not equal B, nor 0.75 3/4.', 'A box within the reasoning counts where no later one stands.',
      'LaTeX commands vanish: \\sqrt2 equals 2.',
    ],
    modes: { published: (row) => mixed(publishedAccuracy(row), row.completion), strict: (row) => mixed(strictAccuracy(row), row.completion) },
  },
] as const satisfies readonly NamedReward[];
