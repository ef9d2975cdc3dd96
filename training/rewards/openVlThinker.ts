/**
 * OpenVLThinker's reward (arXiv 2503.17352; train/easyr1/examples/reward_function/r1v.py): accuracy, halved where no words lead from reasoning to
 * answer.
 */
import { agreement, targetReads } from './agreement.ts';
import { r1vAnswer } from './easyR1.ts';
import { gradeAnswer } from './math/ruler.ts';
import { strip } from './python.ts';
import type { NamedReward, RewardResult, RewardRow } from './reward.ts';
import { isThinkAnswer } from './tags.ts';
import { textTarget } from './targets.ts';
import { thinkThenText } from './thinking.ts';

/** Format is computed and logged, and is no term of the reward. */
function published(row: RewardRow): RewardResult {
  const { completion } = row;
  const truth = textTarget(row);
  const isBare = completion.includes('</think>') && completion.includes('<answer>')
    && strip((completion.split('</think>').at(-1) ?? '').split('<answer>')[0] ?? '') === '';
  const answer = r1vAnswer(completion);
  const isCorrect = gradeAnswer(answer, strip(truth)) || answer.toLowerCase() === truth.toLowerCase();
  const accuracy = isCorrect ? 1 - (isBare ? 0.5 : 0) : 0;
  return { reward: accuracy, parts: { accuracy, format: Number(isThinkAnswer(completion)) } };
}

const bonus = 0.1;
const fewestWords = 20;

/** One closed think block, words or none, one answer block at the end: 1 where right, and 0.1 for at least 20 characters that lead to the answer. */
function strict(row: RewardRow): RewardResult {
  const rest = thinkThenText(row.completion)?.rest.trim();
  const [between, answer, ...more] = rest?.endsWith('</answer>') ? rest.slice(0, -'</answer>'.length).split('<answer>') : [];
  if (between === undefined || answer === undefined || more.length > 0 || /<\/answer>/.test(between + answer)) {
    return { reward: 0, parts: { accuracy: 0, justification: 0 } };
  }
  const accuracy = agreement(answer.trim(), row);
  const justification = accuracy > 0 && between.trim().length >= fewestWords ? bonus : 0;
  return { reward: accuracy + justification, parts: { accuracy, justification } };
}

export const openVlThinkerRewards = [
  {
    name: 'openVlThinkerR1v', source: 'OpenVLThinker, train/easyr1/examples/reward_function/r1v.py', reads: [targetReads],
    summary:
      '1 where right, 0.5 where nothing stands between reasoning and answer; strict: 1 where right, and 0.1 for words that lead to the answer.',
    holes: [
      'Keeping the format costs half: think and answer blocks side by side earn 0.5.', 'The bare answer without any block earns 1.',
      'One character between the blocks suffices.',
      'A line break within the answer block makes it wrong.', 'MathRuler\'s holes: see mathExpression.',
    ],
    modes: { published, strict },
  },
] as const satisfies readonly NamedReward[];
