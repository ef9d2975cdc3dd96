/** In which form a question is put, and which one is drawn. */
import type { Random } from '#models/base/random.ts';
import type { Turn } from '#training/records/turn.ts';
import { completionOf } from './reasoning.ts';
import { directly } from './wording.ts';

/** The same question in the short form, answered without reasoning. */
export const asDirect = (turn: Turn): Turn => turn.style === 'direct' ? turn
  : { ...turn, style: 'direct', question: `${turn.question}${turn.question.includes('\n') ? '\n' : ' '}${directly}`, completion: completionOf([], turn.answer) };

/** The forms in which a policy is asked: by chance all of them short, otherwise with reasoning wherever there is such a form. */
export function askedForms(turns: readonly Turn[], direct: number, random: Random): readonly Turn[] {
  if (turns.length === 0) return [];
  if (random.chance(direct)) return turns.map(asDirect);
  const reasoned = turns.filter(({ style }) => style === 'reasoned');
  return reasoned.length > 0 ? reasoned : turns;
}

/** An index drawn with the given weights. */
export function weighted(weights: readonly number[], random: Random): number {
  let at = random.uniform() * weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < weights.length; i++) {
    at -= weights[i]!;
    if (at < 0) return i;
  }
  return weights.length - 1;
}
