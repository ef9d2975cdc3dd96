/**
 * Iterated self-improvement (OpenVLThinker, arXiv 2503.17352): the model of the last round writes the reasoning that the next round begins with; every
 * round starts again from the base weights.
 */
import type { DataPipeline } from '#training/records/curriculum.ts';
import { answerOf } from '#training/rewards/extract.ts';
import { choiceOption, flagOption, knownOptions } from './options.ts';
import { attempts, forEachQuestion, isRight, lessonOf, reasoned, reasoningOf, resultOf, rightOf, Tally, wordsIn, writingOptions, type Outcome } from './writing.ts';

export type ChainRule = 'shortest' | 'secondLongest';

/**
 * One chain of the right ones, by its words. The released rule of later rounds drops the longest and takes the longest of the rest, so that neither the terse nor the
 * rambling is learnt; of two it takes the shorter, and a single one as it is.
 */
export function selectChain<T extends { readonly words: number }>(chains: readonly T[], rule: ChainRule): T | null {
  const ordered = [...chains].sort((a, b) => a.words - b.words);
  return (rule === 'shortest' ? ordered[0] : ordered.at(-2) ?? ordered[0]) ?? null;
}

const reflections = ['But wait', 'Wait,', 'But the question'] as const;

/** Cuts a reasoning where it begins to turn in circles: at its second reflection. The answer stands outside and stays. */
export function trimReflections(reasoning: string): string {
  const starts = reflections.flatMap((cue) => [...reasoning.matchAll(new RegExp(cue, 'g'))].map(({ index }) => index)).sort((a, b) => a - b);
  // "But wait, …" holds no second cue of its own, "But Wait," would.
  const distinct = starts.filter((start, at) => at === 0 || start - starts[at - 1]! > 4);
  return distinct.length > 1 ? reasoning.slice(0, distinct[1]).trimEnd() : reasoning;
}

/** A round is worth a further one while the held-out score rises by half a point or more. */
export const isRoundOver = (before: number, now: number, least = 0.005): boolean => now - before < least - 1e-12;

/**
 * The best reasoning of the model as it stands: several attempts at a question, the right ones, one of them.
 * Options: `samples` (4), `select`, `trim`; questions that are never answered rightly are dropped.
 */
export const selfReasoning: DataPipeline = async (input) => {
  const owner = 'the pipeline selfReasoning';
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'samples', 'select', 'trim']);
  const tally = new Tally();
  const attempt = attempts(owner, input, tally, { samples: 4 });
  const rule = choiceOption(owner, options, 'select', ['shortest', 'secondLongest'], 'secondLongest');
  const trim = flagOption(owner, options, 'trim', rule === 'shortest');
  const outcomes = await forEachQuestion(owner, input, async (prompt, seed): Promise<Outcome> => {
    const right = rightOf(prompt, await attempt(prompt, seed)).filter(({ text }) => reasoningOf(text) !== '');
    const best = selectChain(right.map(({ text }) => ({ text, words: wordsIn(reasoningOf(text)) })), rule);
    tally.add(best === null ? 'dropped_never_right' : 'kept');
    if (best === null) return { lost: prompt };
    const reasoning = reasoningOf(best.text);
    return { lesson: lessonOf(prompt, reasoned(trim ? trimReflections(reasoning) : reasoning, answerOf(best.text))) };
  });
  return resultOf(owner, options, outcomes, tally);
};

/**
 * A cold start that makes doubt reachable (Skywork-R1V3, Vision-R1): a first attempt, a trigger to look again, and a right second attempt become one
 * reasoning; a trace is kept only where it ends right. Options: `samples` (4), `plain` (questions with a single usable attempt are learnt as they are).
 */
export const secondThoughts: DataPipeline = async (input) => {
  const owner = 'the pipeline secondThoughts';
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'samples', 'plain']);
  const tally = new Tally();
  const attempt = attempts(owner, input, tally, { samples: 4, least: 2, temperature: 1 });
  const plain = flagOption(owner, options, 'plain', true);
  const outcomes = await forEachQuestion(owner, input, async (prompt, seed): Promise<Outcome> => {
    const written = (await attempt(prompt, seed)).filter(({ text, finished }) => finished && reasoningOf(text) !== '');
    const right = written.filter(({ text }) => isRight(prompt, text));
    const wrong = written.filter(({ text }) => !isRight(prompt, text));
    const [second] = right;
    const first = wrong[0] ?? right[1];
    if (!second) {
      tally.add('dropped_never_right');
      return { lost: prompt };
    }
    if (!first) {
      tally.add(plain ? 'kept_plain' : 'dropped_alone');
      return plain ? { lesson: lessonOf(prompt, reasoned(reasoningOf(second.text), answerOf(second.text))) } : {};
    }
    const turnsBack = wrong.length > 0;
    tally.add(turnsBack ? 'kept_corrected' : 'kept_confirmed');
    const bridge = turnsBack ? 'Wait, there might be a mistake.' : 'Wait, does it seem right?';
    return { lesson: lessonOf(prompt, reasoned(`${reasoningOf(first.text)}\n${bridge}\n${reasoningOf(second.text)}`, answerOf(second.text))) };
  });
  return resultOf(owner, options, outcomes, tally);
};
