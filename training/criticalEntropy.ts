/** The kept checkpoints of a run, each asked the same questions with the same seeds: how right it is, and how unsure where its reasoning turns. */
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { parseConfig } from '#models/networks/config.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { readTensor } from '#models/weights/safetensors.ts';
import { summarizeEntropy, type CheckpointScore, type EntropySummary } from './curricula/criticalTokens.ts';
import { Pictures } from './examples.ts';
import { languageOf, patchOptions } from './learner.ts';
import { createPromptSource } from './prompts.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Prompt } from './records/policy.ts';
import type { Recipe } from './records/recipe.ts';
import { verify } from './rewards/verify.ts';
import { createLiveModel } from './rollouts/model.ts';
import { createPolicySampler } from './rollouts/policy.ts';

export interface MeasuredCheckpoint extends CheckpointScore {
  readonly folder: string;
  readonly summary: EntropySummary;
}

export interface EntropyOptions {
  readonly records: readonly CaseRecord[];
  readonly recipe: Recipe;
  /** Questions that are put to each checkpoint. */
  readonly questions?: number;
  /** Completions of each. */
  readonly samples?: number;
  readonly maxNewTokens?: number;
  readonly words?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Measures one checkpoint folder; sampling is at temperature 1, without limits, with seeds of the recipe. */
export async function measureCheckpoint({ folder, step }: { readonly folder: string; readonly step: number }, options: EntropyOptions): Promise<MeasuredCheckpoint> {
  const { records, recipe, questions = 64, samples = 2, maxNewTokens = 160, words, signal, onProgress } = options;
  const checkpoint = openCheckpoint(folder);
  if (checkpoint.tensors.size === 0) throw new Fault({ code: 'compare.weights', what: `${join(folder)} cannot be measured.`, why: 'It holds no weights.', mend: 'Name the folder of a whole checkpoint.' });
  const config = parseConfig(checkpoint.config);
  const stage = recipe.stages.findLast(({ learns }) => learns === 'policy') ?? recipe.stages.at(-1)!;
  const patching = patchOptions(checkpoint.preprocessor, config, stage.pixels);
  const language = languageOf(checkpoint, config);
  const source = createPromptSource({ records, maker: { pictures: new Pictures(patching), options: patching, language, augment: recipe.augment }, stage: { ...stage, direct: 0 }, recipe });
  const model = createLiveModel({ config });
  try {
    await model.use(new Map([...checkpoint.tensors].map(([name, entry]) => [name, readTensor(entry)])));
    const sampler = createPolicySampler({ model, tokenizer: language.tokenizer, endOfTurn: language.endOfTurn, encode: source.encode, ...(signal ? { signal } : {}) });
    const random = Random.named(recipe.seed, 'critical tokens');
    const prompts: Prompt[] = [];
    for (let i = 0; i < questions; i++) prompts.push(await source.draw(random, `critical:${i}`));
    const completions: { pieces: readonly string[]; entropies: readonly number[] }[] = [];
    let right = 0;
    for (let from = 0; from < prompts.length; from += 16) {
      const some = prompts.slice(from, from + 16);
      const written = await sampler.sampleAll(some.map((prompt, at) => ({ prompt, count: samples, seed: from + at })), { temperature: 1, topP: 1, maxNewTokens, entropies: true });
      for (const [at, group] of written.entries()) {
        for (const { text, tokens, entropies = [] } of group) {
          completions.push({ pieces: tokens.map((token) => sampler.textOf([token])), entropies });
          right += Number(verify(text, some[at]!.turn.gold).isCorrect);
        }
      }
      onProgress?.(Math.min(from + 16, prompts.length), prompts.length);
    }
    const summary = summarizeEntropy(completions, words);
    return { folder, step, accuracy: right / Math.max(1, completions.length), entropy: summary.mean, criticalTokens: summary.count, summary };
  } finally {
    await model.release();
  }
}
