/**
 * Sets of questions and captions that need no model: one specialty, one form of answer, reasoning in drafts. Patho-R1's three stages (arXiv 2505.11404) are
 * captions, reasoning and choices on the histology and blood sets.
 */
import { Random } from '#models/base/random.ts';
import type { DataPipeline } from '#training/records/curriculum.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Prompt } from '#training/records/policy.ts';
import { articled } from '#training/synthesis/questions.ts';
import { capital, completionOf } from '#training/synthesis/reasoning.ts';
import { nounsFor, pluralOf, termOf } from '#training/synthesis/vocabulary.ts';
import { wordings } from '#training/synthesis/wording.ts';
import { choiceOption, flagOption, knownOptions, numberOption, wordsOption } from './options.ts';
import { formOf } from './questionSynthesis.ts';
import { forEachQuestion, lessonOf, questionOf, reasoned, reasoningOf, resultOf, Tally, writingOptions, type Lesson, type Outcome } from './writing.ts';

/** The sets that stand for pathology here: blood smears and tissue sections. */
export const pathologySets = ['micro_blood_pbc', 'micro_bccd_boxes', 'micro_lung_lc25000'] as const;

/** What a figure's caption would say, from the label, the facts and the boxes of a case. */
export function captionOf(record: CaseRecord): string {
  const noun = nounsFor(record)[0]!;
  const { name, shown, kind } = termOf(record.label);
  const isLabelled = record.questionTypes.includes('finding_class');
  const finding = !isLabelled ? '' : kind === 'adjective' ? ` with a ${name} appearance` : ` showing ${name.startsWith('no ') ? name : shown}`;
  const counts = new Map<string, number>();
  for (const { class: box } of record.boxes ?? []) counts.set(box, (counts.get(box) ?? 0) + 1);
  const boxed = [...counts].map(([box, count]) => (count === 1 ? termOf(box).shown : `${count} ${pluralOf(box)}`));
  const body = boxed.length > 0 ? `${finding === '' ? ' with' : ', with'} ${boxed.join(', ')}` : '';
  return `${capital(articled(noun))}${finding}${body}.`;
}

/** Pictures with captions. Options: `modalities`, `sets`. */
export const captions: DataPipeline = ({ records, options, seed }) => {
  const owner = 'the pipeline captions';
  knownOptions(owner, options, ['modalities', 'sets']);
  const [modalities, sets] = [wordsOption(owner, options, 'modalities', []), wordsOption(owner, options, 'sets', [])];
  const tally = new Tally();
  const turns = records.filter(({ modality, set }) => (modalities.length === 0 || modalities.includes(modality)) && (sets.length === 0 || sets.includes(set))).map((record): Lesson => {
    const random = Random.named(seed, `${owner}/${record.id}`);
    const caption = captionOf(record);
    const question = random.pick(wordings.describe).replace('{image}', random.pick(nounsFor(record)));
    return { record, turn: { questionType: 'describe', task: null, question, completion: completionOf([], caption), answer: caption, gold: { kind: 'text', text: caption }, style: 'direct', weight: 1 } };
  });
  tally.add('kept', turns.length);
  return Promise.resolve({ turns, report: tally.report });
};

/** A draft of a reasoning (chain of draft): each step in a few words. Boxes are kept whole. */
export const drafted = (reasoning: string, most = 5): string => reasoning.split('\n').map((line) => {
  const at = line.indexOf('[{');
  const [text, boxes] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at)];
  const [kind, rest] = /^\w+: /.test(text) ? [text.slice(0, text.indexOf(': ') + 2), text.slice(text.indexOf(': ') + 2)] : ['', text];
  const words = rest.trim().split(/\s+/);
  const short = words.length > most ? words.slice(0, most).join(' ').replace(/[.,;:]$/, '') : words.join(' ');
  return `${kind}${short}${boxes === '' ? '' : ` ${boxes}`}`;
}).join('\n');

/** Questions as they come, narrowed. Options: `form` (`any`), `boxes` (only answers of so many boxes), `draft` (reasoning in drafts), and those of every pipeline. */
export const questionSets: DataPipeline = async (input) => {
  const owner = 'the pipeline questionSets';
  const { options } = input;
  knownOptions(owner, options, [...writingOptions, 'form', 'draft', 'draftWords', 'boxes']);
  const form = choiceOption(owner, options, 'form', ['any', 'choice', 'blank', 'description'], 'any');
  const draft = flagOption(owner, options, 'draft', false);
  const words = numberOption(owner, options, 'draftWords', 5, { least: 1, most: 100, whole: true });
  const boxes = options['boxes'] === undefined ? null : numberOption(owner, options, 'boxes', 1, { least: 0, most: 1000, whole: true });
  const tally = new Tally();
  const isWanted = ({ turn: { gold } }: Prompt): boolean =>
    (form === 'any' || formOf(gold) === form) && (boxes === null || (gold.kind === 'boxes' && gold.boxes.length === boxes));
  const narrowed = { ...input, promptsOf: async (record: CaseRecord, random: Random) => (await input.promptsOf(record, random)).filter(isWanted) };
  const outcomes = await forEachQuestion(owner, narrowed, (prompt): Promise<Outcome> => {
    const reasoning = reasoningOf(prompt.turn.completion);
    tally.add(`kept_${formOf(prompt.turn.gold)}`);
    return Promise.resolve({ lesson: draft && reasoning !== '' ? lessonOf(prompt, reasoned(drafted(reasoning, words), prompt.turn.answer)) : questionOf(prompt) });
  });
  return resultOf(owner, options, outcomes, tally);
};
