/** Does an answer agree with the row's target, by meaning? What the strict modes of the question-and-answer rewards share. */
import { optionLetter, scoreAnswer, strictBoxes } from './answers.ts';
import { normalise } from './extract.ts';
import { isGold } from './gold.ts';
import { isSameMath } from './math/equal.ts';
import { rowFault, type RewardRow } from './reward.ts';
import { thinkThenText } from './thinking.ts';
import { strictBlocks } from './tags.ts';
import { matchBoxes } from './verify.ts';

/** In words, for `reads`. */
export const targetReads = 'target: the solution as text, or a Gold; strict mode takes a text for an option letter, an expression or words';

/**
 * 0 … 1. A gold by its kind; boxes by the mean IoU of the matched pairs over the larger count. A text: the option letter where it is one capital, and
 * otherwise equal as a mathematical value or word for word. Fault `reward.row` where the target is none of these.
 */
export function agreement(answer: string, { target }: RewardRow): number {
  if (answer.trim() === '') return 0;
  if (isGold(target)) {
    if (target.kind !== 'boxes') return scoreAnswer(answer, target);
    const claimed = strictBoxes(answer);
    if (claimed === null) return 0;
    const most = Math.max(claimed.length, target.boxes.length);
    return most === 0 ? 1 : matchBoxes(claimed, target.boxes, target.matchLabels).reduce((total, { overlap }) => total + overlap, 0) / most;
  }
  const truth = typeof target === 'number' && Number.isFinite(target) ? String(target) : target;
  if (typeof truth !== 'string' || truth.trim() === '') {
    throw rowFault('Its target is neither a gold nor a text.', 'Give a gold with its "kind", or the solution as text.');
  }
  const wanted = truth.trim();
  if (/^[A-Z]$/.test(wanted)) return Number(optionLetter(answer, 26) === wanted);
  return Number(isSameText(answer, wanted) || isSameMath(answer, wanted));
}

/** The same words, spelling aside; only where there are words, so that signs which spelling drops cannot make -5 equal to 5. */
const isSameText = (answer: string, wanted: string): boolean => (
  answer.trim() === wanted || (/^[\p{L}\s.,'-]+$/u.test(wanted) && normalise(answer) === normalise(wanted))
);

/** Agreement of at least one half for boxes, whole agreement for everything else. */
export function isRight(answer: string, row: RewardRow): boolean {
  const isGraded = isGold(row.target) && row.target.kind === 'boxes';
  return agreement(answer, row) >= (isGraded ? 0.5 : 1);
}

/** The content of the \boxed{…} that begins last of those whose braces close; null without one. One pass. */
export function lastBoxed(text: string): string | null {
  const open: { readonly at: number; readonly isBox: boolean }[] = [];
  let found: { readonly from: number; readonly to: number } | null = null;
  for (const { index: at, 0: brace } of text.matchAll(/[{}]/g)) {
    if (brace === '{') open.push({ at, isBox: text.startsWith('\\boxed', at - '\\boxed'.length) });
    else {
      const last = open.pop();
      if (last?.isBox && (found === null || last.at >= found.from)) found = { from: last.at + 1, to: at };
    }
  }
  return found && text.slice(found.from, found.to).trim();
}

/**
 * The answer of a completion that keeps a form: the one answer block, or the last box after the reasoning; a box within an answer block is opened.
 * null where the form is broken: a block twice, left open, or reasoning that never ends.
 */
export function statedAnswer(completion: string): string | null {
  const blocks = strictBlocks(completion);
  if (blocks !== null) return lastBoxed(blocks.answer) ?? blocks.answer;
  if (completion.includes('<answer>') || completion.includes('</answer>')) return null;
  const rest = completion.includes('<think>') || completion.includes('</think>') ? thinkThenText(completion)?.rest : completion;
  return rest === undefined ? null : lastBoxed(rest);
}
