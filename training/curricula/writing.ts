/** What all data pipelines share: whom they ask, in which words, what they keep, and why they drop the rest. */
import { Random } from '#models/base/random.ts';
import type { DataPipeline, PipelineResult } from '#training/records/curriculum.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Completion, Prompt } from '#training/records/policy.ts';
import type { Turn } from '#training/records/turn.ts';
import { answerOf } from '#training/rewards/extract.ts';
import { verify } from '#training/rewards/verify.ts';
import { numberOption, wordsOption, type Options } from './options.ts';

export type PipelineInput = Parameters<DataPipeline>[0];

/**
 * Options that every pipeline understands: which questions, how many, how the model writes, and how many lessons there must be at the least: where
 * fewer survive, questions that were dropped are taught by the reasoning that label, facts and boxes support.
 */
export const writingOptions = ['questions', 'questionTypes', 'modalities', 'sets', 'maxNewTokens', 'temperature', 'topP', 'least'] as const;

/** How the model is made to write. */
export interface Writing {
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
}

export function writingOf(owner: string, options: Options, temperature = 0.6): Writing {
  return {
    maxNewTokens: numberOption(owner, options, 'maxNewTokens', 128, { least: 1, most: 65_536, whole: true }),
    temperature: numberOption(owner, options, 'temperature', temperature, { least: 0.01, most: 10 }), topP: numberOption(owner, options, 'topP', 0.95, { least: 0.01, most: 1 }),
  };
}

/** Counts what is written, kept and dropped, by reason. */
export class Tally {
  private readonly counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + count);
  }

  get report(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Questions with checkable answers, one for each record in turn, in an order of the seed; asked of as many records as are needed. `descriptions` is the share that asks for free words. */
async function* questionsFor(owner: string, { records, options, seed, promptsOf }: PipelineInput, descriptions: number): AsyncGenerator<Prompt> {
  const most = numberOption(owner, options, 'questions', defaultQuestions, { least: 1, most: 1_000_000, whole: true });
  const [questionTypes, modalities, sets] = (['questionTypes', 'modalities', 'sets'] as const).map((name) => wordsOption(owner, options, name, [])) as [string[], string[], string[]];
  const admits = (list: readonly string[], value: string): boolean => list.length === 0 || list.includes(value);
  const random = Random.named(seed, owner);
  const order = random.shuffled(records.filter(({ modality, set }) => admits(modalities, modality) && admits(sets, set)));
  let asked = 0;
  // Records come again in further rounds, with other questions, until enough were asked or a round adds nothing.
  for (let round = 0, before = -1; asked < most && asked > before && round < 1000; round++) {
    before = asked;
    for (const record of order) {
      if (asked >= most) return;
      const prompts = (await promptsOf(record, random, descriptions > 0)).filter(({ turn }) => admits(questionTypes, turn.questionType));
      const isDescribed = descriptions > 0 && random.chance(descriptions);
      const prompt = weightedPick(prompts.filter(({ turn }) => (turn.gold.kind === 'text') === isDescribed), random);
      if (!prompt) continue;
      asked++;
      yield prompt;
    }
  }
}

/** What came of one question. */
export interface Outcome {
  readonly lesson?: Lesson;
  /** The question, where nothing came of it. */
  readonly lost?: Prompt;
}

/** So many questions are worked on side by side, so that the model can write for all of them at once. */
const width = 16;

/** Works on every question with a seed of its own; the outcomes are in the order of the questions. */
export async function forEachQuestion<T>(owner: string, input: PipelineInput, work: (prompt: Prompt, seed: number) => Promise<T>, { descriptions = 0 } = {}): Promise<T[]> {
  const outcomes: T[] = [];
  let waiting: Prompt[] = [];
  const most = Number(input.options['questions'] ?? defaultQuestions);
  const settle = async (): Promise<void> => {
    const done = outcomes.length;
    outcomes.push(...await Promise.all(waiting.map((prompt, at) => work(prompt, input.seed + done + at))));
    waiting = [];
    input.onProgress?.(outcomes.length, most);
  };
  for await (const prompt of questionsFor(owner, input, descriptions)) {
    waiting.push(prompt);
    if (waiting.length === width) await settle();
  }
  if (waiting.length > 0) await settle();
  return outcomes;
}

const defaultQuestions = 64;

function weightedPick(prompts: readonly Prompt[], random: Random): Prompt | undefined {
  let left = random.uniform() * prompts.reduce((total, { turn }) => total + turn.weight, 0);
  return prompts.find(({ turn }) => (left -= turn.weight) < 0) ?? prompts.at(-1);
}

/** The same picture under other words. */
export const reworded = (prompt: Prompt, name: string, question: string): Prompt => ({ ...prompt, id: `${prompt.id}/${name}`, turn: { ...prompt.turn, question, completion: '', answer: '' } });

/** The words alone: the picture is left grey. */
export const withoutPicture = (prompt: Prompt): Prompt => ({ ...prompt, blank: true });

/** Asks once or several times. */
export const ask = ({ policy }: Pick<PipelineInput, 'policy'>, prompt: Prompt, writing: Writing, seed: number, count = 1): Promise<readonly Completion[]> =>
  policy.sample(prompt, { ...writing, count, seed });

/** Several attempts at each question: the options `samples` and of the writing say how; they are counted as written. */
export function attempts(owner: string, input: PipelineInput, tally: Tally, { samples, least = 1, temperature }: { readonly samples: number; readonly least?: number; readonly temperature?: number }): (prompt: Prompt, seed: number) => Promise<readonly Completion[]> {
  const writing = writingOf(owner, input.options, temperature);
  const count = numberOption(owner, input.options, 'samples', samples, { least, most: 1024, whole: true });
  return async (prompt, seed) => {
    const written = await ask(input, prompt, writing, seed, count);
    tally.add('written', written.length);
    return written;
  };
}

/** The answer of a single completion; '' where there is none. */
export const saidIn = (completion: Completion | undefined): string => (completion ? answerOf(completion.text) : '');

export interface Lesson {
  readonly record: CaseRecord;
  readonly turn: Turn;
}

/** A prompt with a completion to be learnt. */
export const lessonOf = ({ record, turn }: Prompt, completion: string): Lesson => ({ record, turn: { ...turn, completion, answer: answerOf(completion), style: 'reasoned' } });

/** A prompt as a question to be put. */
export const questionOf = ({ record, turn }: Prompt): Lesson => ({ record, turn });

export const isRight = ({ turn }: Prompt, text: string): boolean => verify(text, turn.gold).isCorrect;

/** Those that came to an end with the right answer. */
export const rightOf = (prompt: Prompt, written: readonly Completion[]): readonly Completion[] => written.filter(({ text, finished }) => finished && isRight(prompt, text));

/** The reasoning of a completion; '' where it has none. */
export function reasoningOf(completion: string): string {
  const open = completion.indexOf('<think>');
  const close = completion.lastIndexOf('</think>');
  return open >= 0 && close > open ? completion.slice(open + '<think>'.length, close).trim() : '';
}

/** The reasoned form that lessons have. */
export const reasoned = (reasoning: string, answer: string): string => `<think>\n${reasoning.trim()}\n</think>\n<answer>${answer.trim()}</answer>`;

export const wordsIn = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length;

/** What a pipeline gives: its lessons, joined by known reasoning for lost questions up to the option `least` (0: none). */
export function resultOf(owner: string, options: Options, outcomes: readonly Outcome[], tally: Tally): PipelineResult {
  const least = numberOption(owner, options, 'least', 0, { least: 0, most: 1_000_000, whole: true });
  const lessons = outcomes.flatMap(({ lesson }) => lesson ?? []);
  const known = outcomes.flatMap(({ lost }) => (lost ? [questionOf(lost)] : [])).slice(0, Math.max(0, least - lessons.length));
  if (known.length > 0) tally.add('known_instead', known.length);
  return { turns: [...lessons, ...known], report: tally.report };
}
