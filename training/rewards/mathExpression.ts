/** A mathematical answer compared with the right one. Published: MathRuler, the grader that EasyR1 and OpenVLThinker use. Strict: by value. */
import { agreement, statedAnswer, targetReads } from './agreement.ts';
import { boxedContent, gradeAnswer } from './math/ruler.ts';
import { pay, type NamedReward, type RewardRow } from './reward.ts';
import { textTarget } from './targets.ts';

function strictReward(row: RewardRow): number {
  const answer = statedAnswer(row.completion);
  return answer === null ? 0 : agreement(answer, row);
}

export const mathRewards = [
  {
    name: 'mathExpression', source: 'MathRuler, grader.py: extract_boxed_content and grade_answer', reads: [targetReads],
    summary: '1 where the answer, last \\boxed or answer block, is the right one as a mathematical expression, else 0.',
    holes: [
      'Several letters are a product: "no" equals "on".', 'Percent signs and units are dropped: 50% equals 50, 5 mm equals 5 cm.',
      'A completion without a box is the answer "None".', '\\frac{1+x}{2} is read as 1 + x/2.',
      'A fraction that is not reduced is wrong: 3/6 is not 1/2.',
    ],
    modes: { published: (row) => pay(gradeAnswer(boxedContent(row.completion), textTarget(row))), strict: (row) => pay(strictReward(row)) },
  },
] as const satisfies readonly NamedReward[];
