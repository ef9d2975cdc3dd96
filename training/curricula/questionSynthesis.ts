/**
 * Questions made from images, kept where the answers agree (WeThink, arXiv 2506.07905):
 *
 *   1  captions, coarse to fine          2  details that a question needs
 *   3  questions that need several abilities, as choices, blanks and descriptions
 *   4  valid: answered from the picture and not from the words alone, and alike each time
 *   5  agreed: the answer of the record and that of the model are the same
 *   6  reasoning rewritten towards the final answer
 *
 * Departures: the labels, facts and boxes of the case are the source of the answers, in place of a teacher's guess; the model only checks. Where it disagrees, the
 * question goes to a queue for readers; where it wavers, one more attempt of its own may decide (`adjudicate`), never against the case. The form of the answer is what the reward is chosen by.
 */
import type { DataPipeline } from '#training/records/curriculum.ts';
import type { Prompt } from '#training/records/policy.ts';
import type { Gold } from '#training/rewards/gold.ts';
import { answerOf, normalise } from '#training/rewards/extract.ts';
import { choiceOption, flagOption, knownOptions, numberOption } from './options.ts';
import {
  ask, forEachQuestion, isRight, lessonOf, questionOf, reasoned, reasoningOf, resultOf, reworded, saidIn, Tally, withoutPicture, writingOf, writingOptions, type Lesson, type Outcome,
} from './writing.ts';

/** What a question asks of its reader. */
export const abilities = ['localisation', 'counting', 'grading', 'comparison', 'recognition', 'measurement', 'knowledge', 'description'] as const;
export type Ability = (typeof abilities)[number];

const abilitiesByType: Readonly<Record<string, readonly Ability[]>> = {
  finding_class: ['recognition', 'knowledge'], finding_yes_no: ['recognition', 'knowledge'], abnormality_yes_no: ['recognition', 'knowledge'],
  abnormality_where: ['recognition', 'localisation'], malignancy_yes_no: ['grading', 'recognition'], presence_tumour: ['recognition'], presence_fluid: ['recognition'],
  laterality: ['localisation', 'knowledge'], view: ['recognition'], localization_lungs: ['localisation', 'knowledge'], localization_lesion: ['localisation', 'recognition'],
  localization_organ: ['localisation', 'recognition'], localization_cells: ['localisation', 'recognition'], localization_fluid: ['localisation', 'recognition'],
  count_white_blood_cells: ['counting', 'recognition'], count_platelets: ['counting', 'recognition'], count_fluid_regions: ['counting', 'recognition'],
  region_class: ['localisation', 'recognition'], position: ['localisation'], side: ['localisation'], size: ['localisation', 'measurement'], share: ['localisation', 'measurement'],
  larger: ['localisation', 'comparison'], modality: ['recognition'], body_part: ['recognition'], specimen: ['recognition'], describe: ['description', 'recognition'],
  brightness_side: ['comparison'], brightness_vertical: ['comparison'], brightness_quarter: ['comparison', 'localisation'], brightness_level: ['grading'],
  symmetry: ['comparison'], alteration: ['recognition', 'localisation'],
  // What a person judged: of whatever kind, it was worth a question.
  curated: ['recognition', 'knowledge'],
};

export const abilitiesOf = (questionType: string): readonly Ability[] => abilitiesByType[questionType] ?? [];

/** The three forms of a question, and so which part of the hybrid reward judges its answer: a rule for the first two, a judge for the third. */
export type QuestionForm = 'choice' | 'blank' | 'description';
export const formOf = ({ kind }: Gold): QuestionForm => (kind === 'choice' ? 'choice' : kind === 'text' ? 'description' : 'blank');

/** Two sources agree, or a third decides for one of them; null drops the question. Answers are compared as normalised text. */
export function agreedAnswer(one: string, other: string, adjudicate?: () => string): string | null {
  const same = (a: string, b: string): boolean => normalise(a) === normalise(b);
  if (same(one, other)) return one;
  const third = adjudicate?.();
  return third !== undefined && (same(third, one) || same(third, other)) ? (same(third, one) ? one : other) : null;
}

const owner = 'the pipeline questionSynthesis';

/** Options: `descriptions` (the share of questions that ask for free words, which a judge scores; 0), `synergy` (fewest abilities, 2), `samples` (2), `blind` (drops what is answered without the picture), `agree` (drops what the model answers otherwise), `adjudicate`, `as`. */
export const questionSynthesis: DataPipeline = async (input) => {
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'descriptions', 'synergy', 'samples', 'blind', 'agree', 'adjudicate', 'as']);
  const writing = writingOf(owner, options);
  const synergy = numberOption(owner, options, 'synergy', 2, { least: 0, most: abilities.length, whole: true });
  const samples = numberOption(owner, options, 'samples', 2, { least: 1, most: 64, whole: true });
  const descriptions = numberOption(owner, options, 'descriptions', 0, { least: 0, most: 1 });
  const blind = flagOption(owner, options, 'blind', true);
  const agree = flagOption(owner, options, 'agree', true);
  const adjudicate = flagOption(owner, options, 'adjudicate', false);
  const as = choiceOption(owner, options, 'as', ['questions', 'lessons'], 'questions');
  const tally = new Tally();

  /** What the model says to a question that may be kept; or why it is dropped. */
  const checked = async (prompt: Prompt, seed: number): Promise<{ readonly dropped: string } | { readonly text: string }> => {
    if (abilitiesOf(prompt.turn.questionType).length < synergy) return { dropped: 'too_few_abilities' };
    const written = await ask(input, prompt, writing, seed, samples);
    if (written.every((completion) => saidIn(completion) === '')) return { dropped: 'not_answerable' };
    if (formOf(prompt.turn.gold) === 'description') return { text: written[0]!.text };
    if (blind) {
      const unseen = await ask(input, withoutPicture(prompt), writing, seed, samples);
      if (unseen.length > 0 && unseen.every(({ text }) => isRight(prompt, text))) return { dropped: 'answerable_without_the_picture' };
    }
    const right = written.filter(({ text }) => isRight(prompt, text));
    if (agree && right.length === 0) return { dropped: 'for_the_reader_queue' };
    if (agree && right.length < written.length) {
      const said = ({ text }: { readonly text: string }): string => (isRight(prompt, text) ? prompt.turn.answer : answerOf(text));
      const other = written.find(({ text }) => !isRight(prompt, text))!;
      const third = adjudicate ? (await ask(input, prompt, writing, seed + 1))[0] : undefined;
      if (agreedAnswer(prompt.turn.answer, said(other), third && (() => said(third))) !== prompt.turn.answer) return { dropped: 'ambiguous' };
    }
    return { text: right[0]?.text ?? prompt.turn.completion };
  };
  /** The caption and the reasoning together; where there is no reasoning, what is known of the case. */
  const refined = async (prompt: Prompt, text: string, seed: number): Promise<Lesson> => {
    if (reasoningOf(text) === '') return questionOf(prompt);
    const caption = saidIn((await ask(input, reworded(prompt, 'caption', 'Describe this image.'), writing, seed))[0]);
    return lessonOf(prompt, reasoned([...(caption === '' ? [] : [`Observation: ${caption}`]), reasoningOf(text)].join('\n'), answerOf(text)));
  };

  const outcomes = await forEachQuestion(owner, input, async (prompt, seed): Promise<Outcome> => {
    const form = formOf(prompt.turn.gold);
    tally.add(`made_${form}`);
    const made = await checked(prompt, seed);
    tally.add('dropped' in made ? `dropped_${made.dropped}` : `kept_${form}`);
    if ('dropped' in made) return { lost: prompt };
    return { lesson: as === 'questions' ? questionOf(prompt) : await refined(prompt, made.text, seed) };
  }, { descriptions });
  return resultOf(owner, options, outcomes, tally);
};
