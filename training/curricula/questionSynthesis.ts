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
 * question goes to a queue for readers and no third model decides. The form of the answer is what the reward is chosen by.
 */
import type { DataPipeline } from '#training/records/curriculum.ts';
import type { Prompt } from '#training/records/policy.ts';
import type { Gold } from '#training/rewards/gold.ts';
import { answerOf, normalise } from '#training/rewards/extract.ts';
import { choiceOption, flagOption, knownOptions, numberOption } from './options.ts';
import {
  ask, isRight, lessonOf, questionOf, questionsFor, reasoned, reasoningOf, result, reworded, saidIn, Tally, withoutPicture, writingOf, writingOptions, type Lesson,
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
  symmetry: ['comparison'],
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

/** Options: `synergy` (fewest abilities, 2), `samples` (2), `blind` (drops what is answered without the picture), `agree` (drops what the model answers otherwise), `as`. */
export const questionSynthesis: DataPipeline = async (input) => {
  const { options, seed, onProgress } = input;
  knownOptions(owner, options, [...writingOptions, 'synergy', 'samples', 'blind', 'agree', 'as']);
  const writing = writingOf(owner, options);
  const synergy = numberOption(owner, options, 'synergy', 2, { least: 0, most: abilities.length, whole: true });
  const samples = numberOption(owner, options, 'samples', 2, { least: 1, most: 64, whole: true });
  const blind = flagOption(owner, options, 'blind', true);
  const agree = flagOption(owner, options, 'agree', true);
  const as = choiceOption(owner, options, 'as', ['questions', 'lessons'], 'questions');
  const tally = new Tally();
  const turns: Lesson[] = [];
  let asked = 0;
  for await (const prompt of questionsFor(owner, input)) {
    asked++;
    const form = formOf(prompt.turn.gold);
    tally.add(`made_${form}`);
    const kept = await (async (): Promise<string | Lesson> => {
      if (abilitiesOf(prompt.turn.questionType).length < synergy) return 'too_few_abilities';
      const written = await ask(input, prompt, writing, seed + asked, samples);
      const said = written.map(saidIn);
      if (form === 'description') return said.every((answer) => answer === '') ? 'not_answerable' : lesson(prompt, written[0]?.text ?? '');
      if (said.every((answer) => answer === '')) return 'not_answerable';
      if (blind) {
        const unseen = await ask(input, withoutPicture(prompt), writing, seed + asked, samples);
        if (unseen.length > 0 && unseen.every(({ text }) => isRight(prompt, text))) return 'answerable_without_the_picture';
      }
      const right = written.filter(({ text }) => isRight(prompt, text));
      if (agree && right.length === 0) return 'for_the_reader_queue';
      if (agree && right.length < written.length) return 'ambiguous';
      return lesson(prompt, right[0]?.text ?? prompt.turn.completion);
    })();
    if (typeof kept === 'string') tally.add(`dropped_${kept}`);
    else {
      tally.add(`kept_${form}`);
      turns.push(kept);
    }
    onProgress?.(asked, Number(options['questions'] ?? 64));
  }
  return result(turns, tally);

  /** Captions and details go into the reasoning that is learnt; for learning by rewards the question alone counts. */
  async function lesson(prompt: Prompt, text: string): Promise<Lesson> {
    if (as === 'questions' || reasoningOf(text) === '') return as === 'questions' ? questionOf(prompt) : lessonOf(prompt, prompt.turn.completion);
    const coarse = saidIn((await ask(input, reworded(prompt, 'caption', 'Describe this image.'), writing, seed + asked))[0]);
    const refined = [coarse === '' ? '' : `Observation: ${coarse}`, reasoningOf(text)].filter((part) => part !== '').join('\n');
    return lessonOf(prompt, reasoned(refined, answerOf(text)));
  }
};
