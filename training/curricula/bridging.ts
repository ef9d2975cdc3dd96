/**
 * A cold-start set by modality bridging (Vision-R1, arXiv 2503.06749, section 3.3.1): the picture becomes words, words are reasoned over without the
 * picture, and the reasoning is given back to the picture.
 *
 *   1  picture + question + right answer → a first reasoning
 *   2  picture + question + that reasoning → a description with all that is needed
 *   3  description + question, without the picture → reasoning and answer
 *   4  kept where the answer is right and the text is consistent; words about a description become words about an image
 *
 * Departures: one model plays all three parts; step 1 also runs without the right answer, and with `guard` a sample counts only if the descriptions of both
 * ways lead to the right answer and neither spells a diagnosis out, because a description written in the knowledge of the answer can be made to fit it.
 */
import type { DataPipeline } from '#training/records/curriculum.ts';
import type { Prompt } from '#training/records/policy.ts';
import { answerOf, normalise } from '#training/rewards/extract.ts';
import { flagOption, knownOptions, numberOption } from './options.ts';
import { ask, forEachQuestion, isRight, lessonOf, reasoned, reasoningOf, resultOf, reworded, saidIn, Tally, withoutPicture, writingOf, writingOptions, type Outcome } from './writing.ts';

const owner = 'the pipeline bridging';

/** What each step says to the model. */
const sayings = {
  knowing: (question: string, answer: string) => `${question}\nThe right answer is ${answer}. Explain step by step what in the image shows it.`,
  describe: (question: string, reasoning: string) => `${question}\n${reasoning}\nDescribe the image with every detail that is needed to answer.`,
  reason: (question: string, description: string) => `Description of the image: ${description}\n${question}`,
} as const;

export const bridging: DataPipeline = async (input) => {
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'guard', 'attempts', 'reasoningWords']);
  const writing = writingOf(owner, options);
  const guard = flagOption(owner, options, 'guard', true);
  const attempts = numberOption(owner, options, 'attempts', 1, { least: 1, most: 64, whole: true });
  const longest = numberOption(owner, options, 'reasoningWords', 400, { least: 1, most: 100_000, whole: true });
  const tally = new Tally();

  const describe = async (prompt: Prompt, name: string, question: string, seed: number): Promise<string> => {
    const [first] = await ask(input, reworded(prompt, name, question), writing, seed);
    const opening = first ? reasoningOf(first.text) || saidIn(first) : '';
    return saidIn((await ask(input, reworded(prompt, `${name}/describe`, sayings.describe(prompt.turn.question, opening)), writing, seed))[0]);
  };
  const bridge = async (prompt: Prompt, description: string, seed: number): Promise<string | undefined> => {
    const question = withoutPicture(reworded(prompt, 'reason', sayings.reason(prompt.turn.question, description)));
    const written = await ask(input, question, writing, seed, attempts);
    tally.add('written', written.length);
    return written.find(({ text, finished }) => finished && isRight(prompt, text))?.text;
  };
  const work = async (prompt: Prompt, seed: number): Promise<{ readonly dropped: string } | { readonly text: string }> => {
    const { question, answer } = prompt.turn;
    const told = await describe(prompt, 'knowing', sayings.knowing(question, answer), seed);
    if (told === '') return { dropped: 'no_description' };
    const text = await bridge(prompt, told, seed);
    if (text === undefined) return { dropped: 'wrong_answer' };
    if (guard) {
      const untold = await describe(prompt, 'plain', question, seed);
      if (isDiagnosis(prompt) && [told, untold].some((description) => spells(description, prompt))) return { dropped: 'description_names_the_answer' };
      if (untold === '' || (await bridge(prompt, untold, seed)) === undefined) return { dropped: 'description_does_not_bear_the_answer' };
    }
    const dropped = inconsistency(prompt, reasoningOf(text), longest);
    return dropped === null ? { text } : { dropped };
  };

  const outcomes = await forEachQuestion(owner, input, async (prompt, seed): Promise<Outcome> => {
    const made = await work(prompt, seed);
    tally.add('dropped' in made ? `dropped_${made.dropped}` : 'kept');
    return 'dropped' in made ? { lost: prompt } : { lesson: lessonOf(prompt, reasoned(asIfSeen(reasoningOf(made.text)), answerOf(made.text))) };
  });
  return resultOf(owner, options, outcomes, tally);
};

/** A question whose answer is a finding, so that a description which names it gives it away. */
export const isDiagnosis = ({ turn }: Prompt): boolean => ['finding_class', 'finding_yes_no', 'presence_tumour', 'presence_fluid', 'malignancy_yes_no'].includes(turn.questionType);

/** The description names the right answer in so many words. */
export function spells(description: string, { record, turn }: Prompt): boolean {
  const names = turn.gold.kind === 'word' ? turn.gold.accept : turn.gold.kind === 'choice' ? [turn.gold.options[turn.gold.right] ?? ''] : [record.label.replaceAll('_', ' ')];
  const text = ` ${normalise(description)} `;
  return names.some((name) => name !== '' && text.includes(` ${normalise(name)} `));
}

/** Why a reasoning does not go with its own answer, or null: it is missing, too long, ends on another option, or calls a side by both names. */
export function inconsistency({ turn: { gold, question } }: Prompt, reasoning: string, longest = 400): string | null {
  const words = normalise(reasoning);
  const count = words === '' ? 0 : words.split(' ').length;
  if (count < 2) return 'no_reasoning';
  if (count > longest) return 'too_long';
  if (gold.kind === 'word' || gold.kind === 'choice') {
    const right = gold.kind === 'word' ? gold.accept : [gold.options[gold.right] ?? ''];
    const wrong = gold.kind === 'word' ? gold.reject : gold.options.filter((_, at) => at !== gold.right);
    if (lastNamed(words, wrong) > lastNamed(words, right)) return 'reasons_for_another_answer';
  }
  const asksSide = / (left|right) /.test(` ${normalise(question)} `);
  const sides = new Set([...words.matchAll(/\b(left|right)\b/g)].map(([side]) => side));
  return !asksSide && gold.kind !== 'boxes' && gold.kind !== 'word' && sides.size === 2 && !/\b(both|halves|mirror|side)\b|\bhalf\b/.test(words) ? 'both_sides' : null;
}

/** Where in the text the last of the names stands; −1 where none does. A longer name hides a shorter one within it. */
const lastNamed = (text: string, names: readonly string[]): number =>
  Math.max(-1, ...names.filter((name) => name !== '').map((name) => {
    const at = ` ${text} `.lastIndexOf(` ${normalise(name)} `);
    return at < 0 ? -1 : at + normalise(name).length;
  }));

/** Words about a description as words about the image, as little changed as possible. */
export function asIfSeen(text: string): string {
  return text
    .replace(/\b(according to|based on|from|in|as per) the (?:given |provided )?(?:image )?(?:description|caption)\b/gi, (_, opening: string) => (/^[A-Z]/.test(opening) ? 'In the image' : 'in the image'))
    .replace(/\bthe (?:given |provided )?(?:image )?(?:description|caption) (?:says|states|mentions|describes|notes|indicates|tells)(?: that)?\b/gi, (said) => (said.startsWith('T') ? 'The image shows' : 'the image shows'))
    .replace(/\b(the|this|a) (?:given |provided )?(?:image )?(?:description|caption)\b/gi, (_, article: string) => `${article} image`)
    .replace(/\bas described\b/gi, 'as seen').replace(/\bis described as\b/gi, 'is').replace(/\bdescribed\b/gi, 'shown');
}
