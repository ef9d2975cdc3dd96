/** Which sentences of an answer may be asked about once more, where they say that something is there and point at nothing: the same on both sides of the window. */
import type { ReasoningTrace } from '#models/clinical/trace.ts';

/** Answers that find nothing. */
const negative = /^\s*(?:\[\s*\]|no\b|none\b|not\b|nothing\b|normal\b|absent\b|negative\b|0\s*$)/i;
export const isNegative = (answer: string): boolean => negative.test(answer);

/** Sentences that deny, and those that could not be shown on any image. */
const denied = /\b(?:no|not|none|nothing|without|absent|normal|unremarkable|neither|cannot|free of)\b/i;

type Read = Pick<ReasoningTrace, 'parsed' | 'steps' | 'findings' | 'answer'>;

/** What a step says; after the last one comes the answer, in the question's words where it only says yes. */
export function sentenceAt({ steps, answer, question }: Pick<Read, 'steps' | 'answer'> & { readonly question: string }, at: number): string {
  if (at < steps.length) return steps[at]?.text ?? '';
  return answer === null || /^\s*(?:yes|true|present|positive)\b/i.test(answer) ? question : answer;
}

/** Whether a step says that something is there and cites no box. The answer itself counts only where there is no step and no box at all. */
export function isLocatable(trace: Read, at: number): boolean {
  const { parsed, steps, findings, answer } = trace;
  if (!parsed || answer === null || isNegative(answer)) return false;
  const step = steps[at];
  if (!step) return at === steps.length && steps.length === 0 && findings.length === 0;
  return step.kind !== 'knowledge' && step.kind !== 'measurement' && step.findings.length === 0 && step.text.trim() !== '' && !denied.test(step.text);
}

/** The first that is worth it where the whole answer cites no box: the last conclusion that can be asked about, or else the first sentence; null where there is none. */
export function firstLocatable(trace: Read): number | null {
  if (trace.findings.some(({ boxes }) => boxes.length > 0)) return null;
  const open = Array.from({ length: trace.steps.length + 1 }, (_, at) => at).filter((at) => isLocatable(trace, at));
  return open.findLast((at) => trace.steps[at]?.kind === 'conclusion') ?? open[0] ?? null;
}

const longestSentence = 300;

/**
 * The second question. A thing that the model learnt to draw boxes around is asked for in the words that it learnt; anything else in its own sentence.
 *
 * @param locates  such things, as the model's folder names them; `lesion` stands for what it would say of any
 */
export function locatingQuestion(sentence: string, locates: readonly string[]): string {
  const said = sentence.toLowerCase();
  const known = locates.toSorted((a, b) => b.length - a.length).find((thing) => new RegExp(`\\b${thing.toLowerCase().replace(/[^a-z0-9 ]/g, '.').replace(/s$/, '')}`).test(said));
  if (known !== undefined) return `Where ${/[^s]s$/.test(known) ? 'are' : 'is'} the ${known}? Give boxes.`;
  return `Where is this seen: “${sentence.slice(0, longestSentence)}”? Give boxes.`;
}
