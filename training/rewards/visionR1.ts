/**
 * The reward of Vision-R1 for reasoning (arXiv 2503.06749): all or nothing. Its code was never released: both modes follow the paper, with the
 * details (tags, prefixes, how answers compare) fixed here.
 */
import { float, strip } from './python.ts';
import { isGold, letterOf, type Gold } from './gold.ts';
import { pay, rowFault, type NamedReward, type RewardRow } from './reward.ts';
import { verifyAnswer } from './verify.ts';

/** The answer of a completion in the form `<think>X</think> <answer>Y</answer>`, each tag once, X and Y not blank; null otherwise. */
export function hardFormatAnswer(completion: string): string | null {
  const text = completion.replace(/^[ \t\r\n]+/, '');
  const end = trimmedEnd(text);
  const tags = ['<think>', '</think>', '<answer>', '</answer>'] as const;
  const places = tags.map((tag) => text.indexOf(tag));
  if (tags.some((tag, index) => places[index] === -1 || text.indexOf(tag, (places[index] as number) + 1) !== -1)) return null;
  const [think, thought, answer, answered] = places as [number, number, number, number];
  if (think !== 0 || thought < 7 || answer < thought + 8 || answered < answer + 8 || answered + 9 !== end) return null;
  if (strip(text.slice(7, thought)) === '' || strip(text.slice(thought + 8, answer)) !== '') return null;
  const inner = strip(text.slice(answer + 8, answered));
  const bare = inner.slice(0, 13).toLowerCase() === 'final answer:' ? strip(inner.slice(13)) : inner;
  return bare === '' ? null : bare;
}

function trimmedEnd(text: string): number {
  let end = text.length;
  while (end > 0 && ' \t\r\n'.includes(text.charAt(end - 1))) end--;
  return end;
}

const letterIn = (text: string): string | null => /^\(?([A-Z])\)?[.:);]?$/.exec(text.toUpperCase())?.[1] ?? null;

/** A plain decimal or exponent number, no unit. */
const plainNumber = (text: string): number | null =>
  (/^[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,4})?$/.test(text) ? float(text) : null);

const sameNumber = (said: string, right: number, tolerance: number): boolean => {
  const number = plainNumber(said);
  return number !== null && Math.abs(number - right) <= Math.max(tolerance, 1e-6 * Math.max(1, Math.abs(right)));
};

const plainText = (text: string): string => strip(text).toLowerCase().replace(/\s+/g, ' ').replace(/\.$/, '');

function agrees(answer: string, row: RewardRow): boolean {
  const { target } = row;
  if (isGold(target)) return agreesWithGold(answer, target);
  const kind = row.kind ?? (typeof target === 'number' ? 'number' : 'text');
  const right = typeof target === 'number' ? String(target) : target;
  if (typeof right !== 'string') throw rowFault('Its target is neither a text, nor a number, nor a gold.',
    'Give the answer as text with "kind": "choice", "number" or "text", or a gold.');
  if (kind === 'choice') return letterIn(right) !== null && letterIn(answer) === letterIn(right);
  if (kind === 'text') return plainText(answer) === plainText(right);
  const number = plainNumber(strip(right));
  if (kind !== 'number' || number === null) throw rowFault(`Its target is no ${typeof kind === 'string' ? kind : 'answer'}.`,
    'The kinds are choice, number and text.');
  return sameNumber(answer, number, 0);
}

function agreesWithGold(answer: string, gold: Gold): boolean {
  switch (gold.kind) {
    case 'choice': return letterIn(answer) === letterOf(gold.right);
    case 'number': return sameNumber(answer, gold.value, gold.tolerance);
    case 'text': return plainText(answer) === plainText(gold.text);
    default: return verifyAnswer(answer, gold).isCorrect;
  }
}

function hardFormattingResult(row: RewardRow): { reward: number; parts: Record<string, number> } {
  const answer = row.finished === false ? null : hardFormatAnswer(row.completion);
  const correct = answer === null ? 0 : Number(agrees(answer, row));
  return { reward: correct, parts: { format: Number(answer !== null), correct } };
}

export const visionR1Rewards = [
  {
    name: 'visionR1Reasoning', source: 'Vision-R1 (reasoning), section 3.4 of the paper; no code released',
    reads: ['target: the answer, or a Gold', 'kind: choice, number or text (default), where the target is a text', 'finished: false pays nothing'],
    summary: '1 where the form holds, the completion ended by itself, and the answer is right; else 0.',
    holes: [],
    modes: { published: hardFormattingResult, strict: hardFormattingResult },
  },
  {
    name: 'visionR1Format', source: 'Vision-R1 (reasoning), section 3.1 of the paper: the format half of the baseline without cold start',
    reads: ['finished: false pays nothing'],
    summary: '1 where the form of visionR1Reasoning holds.',
    modes: { strict: (row) => pay(row.finished !== false && hardFormatAnswer(row.completion) !== null) },
  },
] as const satisfies readonly NamedReward[];
