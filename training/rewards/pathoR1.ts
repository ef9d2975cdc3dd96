/**
 * Patho-R1's two rewards (arXiv 2505.11404). No code was released, and the definitions are known from descriptions of the paper alone; published
 * mode is
 * what those say. The length rule of the DAPO set is not described: here a completion that ended by itself before the buffer keeps it.
 */
import { isRight, targetReads } from './agreement.ts';
import { bufferOf, bufferReads, limitOf, tokensOf } from './lengths.ts';
import { strip } from './python.ts';
import type { NamedReward, RewardResult, RewardRow } from './reward.ts';
import { firstBlock, isThinkAnswer, strictThinkAnswer } from './tags.ts';
import { textTarget } from './targets.ts';

/** The letter of `B`, `(B)`, `B. text`. */
const letterIn = (answer: string): string | null => /^\(?([A-Z])(?:[).:,\s]|$)/.exec(strip(answer))?.[1] ?? null;

interface Terms {
  readonly format: boolean;
  readonly accuracy: boolean;
}

function publishedTerms(row: RewardRow): Terms {
  const said = letterIn(firstBlock(row.completion) ?? '');
  return { format: isThinkAnswer(row.completion), accuracy: said !== null && said === letterIn(textTarget(row)) };
}

function strictTerms(row: RewardRow): Terms {
  const blocks = strictThinkAnswer(row.completion);
  return { format: blocks !== null, accuracy: blocks !== null && isRight(blocks.answer, row) };
}

/** 0.1 for the format and 0.9 for the answer, and nothing unless both hold. */
function grpo({ format, accuracy }: Terms): RewardResult {
  return { reward: format && accuracy ? 0.1 + 0.9 : 0, parts: { format: Number(format), accuracy: Number(accuracy) } };
}

const keepsLength = (row: RewardRow): boolean => row.finished !== false && tokensOf(row) <= limitOf(row) - bufferOf(row);

/** 0.5 for the answer and 0.5 for the length where both hold, −1 otherwise. */
function dapo({ accuracy }: Terms, row: RewardRow): RewardResult {
  const length = keepsLength(row);
  return { reward: accuracy && length ? 0.5 + 0.5 : -1, parts: { accuracy: Number(accuracy), length: Number(length) } };
}

const source = 'Patho-R1, by descriptions of the paper (no code was released)';

export const pathoR1Rewards = [
  {
    name: 'pathoR1Grpo', source, reads: [targetReads],
    summary: '1 where format and option letter are both right, else 0.',
    holes: ['Further blocks inside the format pass.', 'A letter that begins a sentence, "A mass", is taken for the option.'],
    modes: { published: (row) => grpo(publishedTerms(row)), strict: (row) => grpo(strictTerms(row)) },
  },
  {
    name: 'pathoR1Dapo', source, reads: [targetReads, ...bufferReads, 'finished'],
    summary: '1 where the option letter is right and the completion ends before the buffer, else -1.',
    holes: ['The format is not looked at but for the answer block.', 'A letter that begins a sentence, "A mass", is taken for the option.'],
    modes: { published: (row) => dapo(publishedTerms(row), row), strict: (row) => dapo(strictTerms(row), row) },
  },
] as const satisfies readonly NamedReward[];
