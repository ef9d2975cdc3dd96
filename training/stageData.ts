/** The data that a stage's pipeline makes with the model as it stands: made once at the beginning of the stage, kept in the run folder, read back by a resumed run. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { findPipeline } from './curricula/table.ts';
import { Pictures } from './examples.ts';
import { languageOf, patchOptions, type LearnerOptions } from './learner.ts';
import { createPromptSource, type ChosenTurn } from './prompts.ts';
import { ChosenTurnLine } from './records/chosenTurn.ts';
import type { PipelineResult } from './records/curriculum.ts';
import { createLiveModel, type Weights } from './rollouts/model.ts';
import type { Completion, Policy, Prompt, SampleOptions } from './records/policy.ts';
import { createPolicySampler, type PolicySampler } from './rollouts/policy.ts';

export interface StageDataOptions extends Omit<LearnerOptions, 'chosen'> {
  /** Of the stage, from 0. */
  readonly index: number;
  /** The model as it stands, before the stage may start anew. */
  readonly weights: Weights;
  readonly run: string;
  /** Updates of the stage were done before: its data is the one that was made then. */
  readonly isBegun: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The questions of the stage, with the completions to be learnt where it learns from completions; undefined for a stage without a pipeline. */
export async function stageData(options: StageDataOptions): Promise<readonly ChosenTurn[] | undefined> {
  const { stage: { data }, run, index, isBegun } = options;
  if (!data) return undefined;
  const folder = join(run, 'stages', String(index + 1));
  const path = join(folder, 'data.jsonl');
  if (isBegun && existsSync(path)) return read(path, options);
  const { turns, report } = await made(options, data);
  if (turns.length === 0) {
    throw new Fault({
      code: 'curriculum.empty', what: `Stage ${index + 1} has nothing to learn from: its pipeline ${data.pipeline} kept no question.`,
      why: `It counted ${Object.entries(report).map(([name, count]) => `${name} ${count}`).join(', ') || 'nothing to ask'}.`,
      mend: 'Ask more questions (`questions`), let known reasoning fill up (`least`), or loosen what the pipeline drops, in the options of the stage\'s data; or give it other cases.',
    });
  }
  try {
    mkdirSync(folder, { recursive: true });
    const lines = turns.map(({ record, turn }) => `${JSON.stringify({ case: record.id, turn })}\n`);
    for (const [file, text] of [['data.jsonl', lines.join('')], ['data.json', JSON.stringify({ pipeline: data.pipeline, kept: turns.length, ...report }, null, 2)]] as const) {
      writeFileSync(join(folder, `${file}.part`), text);
      renameSync(join(folder, `${file}.part`), join(folder, file));
    }
  } catch (cause) {
    throw new Fault({
      code: 'train.write', what: `The data of stage ${index + 1} could not be written.`, why: cause instanceof Error ? cause.message : String(cause),
      mend: 'Free space on the disk, then continue with --resume.',
    }, { cause });
  }
  return turns;
}

/** Runs the pipeline over the cases. */
async function made({ config, recipe, stage, index, records, parts, device, options: { lora }, weights, signal, onProgress }: StageDataOptions, { pipeline, options }: NonNullable<StageDataOptions['stage']['data']>): Promise<PipelineResult> {
  const patching = patchOptions(parts.preprocessor, config, stage.pixels);
  const language = languageOf(parts, config);
  const source = createPromptSource({ records, maker: { pictures: new Pictures(patching), options: patching, language, augment: recipe.augment }, stage, recipe });
  const model = createLiveModel({ config, device, ...(lora ? { lora } : {}) });
  try {
    await model.use(weights);
    const sampler = createPolicySampler({ model, tokenizer: language.tokenizer, endOfTurn: language.endOfTurn, encode: source.encode, ...(signal ? { signal } : {}) });
    return await findPipeline(pipeline)({ records, policy: sideBySide(sampler), options, seed: recipe.seed + index, promptsOf: source.promptsOf, ...(onProgress ? { onProgress } : {}) });
  } finally {
    await model.release();
  }
}

interface Waiting {
  readonly prompt: Prompt;
  readonly options: SampleOptions;
  readonly resolve: (completions: readonly Completion[]) => void;
  readonly reject: (cause: unknown) => void;
}

/** Writes what is asked for at about the same time in one go, as far as it is to be written alike. */
function sideBySide(sampler: PolicySampler): Policy {
  let waiting: Waiting[] = [];
  let last: Promise<void> = Promise.resolve();
  const write = async (alike: readonly Waiting[]): Promise<void> => {
    try {
      const written = await sampler.sampleAll(alike.map(({ prompt, options: { count, seed, forced } }) => ({ prompt, count, seed, ...(forced === undefined ? {} : { forced }) })), alike[0]!.options);
      alike.forEach(({ resolve }, at) => resolve(written[at]!));
    } catch (cause) {
      alike.forEach(({ reject }) => reject(cause));
    }
  };
  const flush = async (): Promise<void> => {
    const groups = new Map<string, Waiting[]>();
    for (const one of waiting) {
      const key = [one.options.temperature, one.options.topP, one.options.maxNewTokens].join();
      groups.set(key, [...groups.get(key) ?? [], one]);
    }
    waiting = [];
    for (const alike of groups.values()) await write(alike);
  };
  return {
    sample: (prompt, options) => new Promise((resolve, reject) => {
      // Whoever asks while others are still asking joins them; one batch is written after the other.
      if (waiting.length === 0) last = last.then(() => new Promise<void>((settled) => setImmediate(settled))).then(flush);
      waiting.push({ prompt, options, resolve, reject });
    }),
    score: (prompt, tokens) => sampler.score(prompt, tokens),
  };
}

function read(path: string, { records, index }: StageDataOptions): ChosenTurn[] {
  const damaged = (why: string): Fault => new Fault({ code: 'train.changed', what: `The data of stage ${index + 1} cannot be read back.`, why, mend: 'Begin the run anew with another --out folder.' });
  const byId = new Map(records.map((record) => [record.id, record]));
  return readFileSync(path, 'utf8').split('\n').filter((text) => text !== '').map((text, at) => {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw damaged(`Line ${at + 1} of ${path} is no JSON.`);
    }
    const line = ChosenTurnLine.safeParse(json);
    const record = line.success ? byId.get(line.data.case) : undefined;
    if (!line.success || !record) throw damaged(`Line ${at + 1} of ${path} ${line.success ? 'names a case that is not among those given' : 'has another form'}.`);
    return { record, turn: line.data.turn };
  });
}
