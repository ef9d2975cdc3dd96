/**
 * The six-step data pipeline of VLAA-Thinking (arXiv 2504.11468), with the model itself as writer and as verifier:
 *
 *   1  questions with known answers      2  a caption, joined by what is known of the image
 *   3  caption + question, without the picture → reasoning and answer
 *   4  words about a caption become words about an image; dropped where that changes the length by more than 15 words
 *   5  verified                          6  split: reasoning that doubts itself goes to learning by rewards, the rest to imitation
 *
 * Departures: step 5 is a program against the known answer; with `verifier: 'model'` the model, looking at the picture, must also agree. A question that was
 * answered wrongly is hard too, and with `failures` it joins the part for learning by rewards.
 */
import type { DataPipeline } from '#training/records/curriculum.ts';
import type { Prompt } from '#training/records/policy.ts';
import { answerOf } from '#training/rewards/extract.ts';
import { modalityNames } from '#training/synthesis/vocabulary.ts';
import { asIfSeen } from './bridging.ts';
import { choiceOption, flagOption, knownOptions, numberOption } from './options.ts';
import {
  ask, forEachQuestion, isRight, lessonOf, questionOf, reasoned, reasoningOf, resultOf, reworded, saidIn, Tally, withoutPicture, wordsIn, writingOf, writingOptions,
  type Outcome, type PipelineInput, type Writing,
} from './writing.ts';

const owner = 'the pipeline distillation';

export const distillation: DataPipeline = async (input) => {
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'part', 'verifier', 'failures', 'mostWordsChanged']);
  const writing = writingOf(owner, options);
  const part = choiceOption(owner, options, 'part', ['imitation', 'rewards', 'all'], 'imitation');
  const verifier = choiceOption(owner, options, 'verifier', ['program', 'model'], 'program');
  const failures = flagOption(owner, options, 'failures', true);
  const most = numberOption(owner, options, 'mostWordsChanged', 15, { least: 0, most: 100_000, whole: true });
  const tally = new Tally();
  const outcomes = await forEachQuestion(owner, input, async (prompt, seed): Promise<Outcome> => {
    const caption = saidIn((await ask(input, reworded(prompt, 'caption', 'Describe this image.'), writing, seed))[0]);
    const told = [caption, contextOf(prompt)].filter((text) => text !== '').join(' ');
    const [written] = await ask(input, withoutPicture(reworded(prompt, 'distil', `Caption: ${told}\n${prompt.turn.question}`)), writing, seed);
    tally.add('written');
    const before = written ? reasoningOf(written.text) : '';
    const after = asIfSeen(before);
    const dropped = !written?.finished || before === '' ? 'no_reasoning'
      : !isRewriteSmall(before, after, most) ? 'rewritten_too_much'
      : !isRight(prompt, written.text) ? 'wrong_answer'
      : verifier === 'model' && !(await agrees(input, prompt, writing, seed)) ? 'not_confirmed' : null;
    const side = dropped === null ? splitOf(after) : dropped === 'wrong_answer' && failures ? 'rewards' : null;
    if (dropped !== null) tally.add(`dropped_${dropped}`);
    if (side !== null) tally.add(`to_${side}`);
    if (side === 'rewards' && part !== 'imitation') return { lesson: questionOf(prompt) };
    if (side === 'imitation' && part !== 'rewards') return { lesson: lessonOf(prompt, reasoned(after, answerOf(written!.text))) };
    // What belongs to the other part is no filler for this one, unless it is to be imitated from known reasoning.
    return side === 'imitation' ? {} : { lost: prompt };
  });
  return resultOf(owner, options, outcomes, tally);
};

/** What is known of the image besides the answer, in words. */
function contextOf({ record: { modality, facts } }: Prompt): string {
  const known = [modalityNames[modality]?.name, facts['body_part'], facts['specimen']].filter((word): word is string => typeof word === 'string');
  return known.length > 0 ? `The image is ${known.map((word) => word.replaceAll('_', ' ')).join(', ')}.` : '';
}

/** Asks the model, with the picture before it, whether the known answer holds; questions that have no such form count as confirmed. */
async function agrees(input: PipelineInput, prompt: Prompt, writing: Writing, seed: number): Promise<boolean> {
  const { gold } = prompt.turn;
  const name = gold.kind === 'word' ? gold.accept[0] : gold.kind === 'choice' ? gold.options[gold.right] : undefined;
  if (name === undefined) return true;
  const [said] = await ask(input, reworded(prompt, 'verify', `Does this image show ${name}?`), writing, seed);
  return /^\s*yes\b/i.test(saidIn(said));
}

/** The gate of step 4. */
export const isRewriteSmall = (before: string, after: string, most = 15): boolean => Math.abs(wordsIn(after) - wordsIn(before)) <= most;

const doubts = ['wait', 'again', 'double-check', 'hmm', 'mistake', 'alternatively', 'check', 'i should confirm'] as const;

/** Step 6, by plain substrings as published: "against" holds an "again". */
export function splitOf(reasoning: string): 'imitation' | 'rewards' {
  const text = reasoning.toLowerCase();
  return doubts.some((word) => text.includes(word)) ? 'rewards' : 'imitation';
}
