/** How a run does on cases that it does not learn from: asked in between, with the weights that a checkpoint would hold. */
import { smartResize } from '#models/imaging/patches.ts';
import type { Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import type { QwenVlConfig } from '#models/networks/config.ts';
import type { LoraSpec } from '#models/networks/lora.ts';
import { generateGroups, type GenerateOptions } from '#models/runtime/generate.ts';
import { greedy } from '#models/runtime/sampler.ts';
import type { Device } from '#models/runtime/session.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { evaluate, type Answerer } from './evaluate.ts';
import { encodeTurn, patchesOf } from './examples.ts';
import { languageOf, patchOptions } from './learner.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Stage } from './records/recipe.ts';
import { createLiveModel, type Weights } from './rollouts/model.ts';
import { unwritable } from './rollouts/policy.ts';

export interface ValidationOptions {
  readonly config: QwenVlConfig;
  readonly parts: CheckpointParts;
  readonly device: Device;
  readonly lora?: LoraSpec;
  /** Its image size, and how long an answer may be. */
  readonly stage: Pick<Stage, 'pixels' | 'direct' | 'policy'>;
  readonly records: readonly CaseRecord[];
  readonly seed: number;
  /** At most so many cases, spread evenly over the tasks. */
  readonly max: number;
  readonly signal?: AbortSignal;
}

/** Where a stage does not say how long an answer may be. */
const mostTokens = 192;

/**
 * Greedy answers to the fixed questions of `evaluate`, over the images and over grey ones. The same weights give the same numbers.
 *
 * @returns `eval_macro_accuracy`, `eval_box_iou` where boxes were asked for, and `eval_image_reliance`: how far the accuracy falls without the image
 */
export async function validate(weights: Weights, { config, parts, device, lora, stage, records, seed, max, signal }: ValidationOptions): Promise<Record<string, number>> {
  const started = performance.now();
  const options = patchOptions(parts.preprocessor, config, stage.pixels);
  const language = languageOf(parts, config);
  const model = createLiveModel({ config, device, ...(lora ? { lora } : {}) });
  const generation: GenerateOptions = {
    sampling: greedy, maxNewTokens: stage.policy?.maxNewTokens ?? mostTokens, stops: new Set([language.endOfTurn]), banned: unwritable(language.tokenizer, config.vocabularySize), ...(signal ? { signal } : {}),
  };
  let seen: { readonly picture: Picture; readonly grid: ReturnType<typeof patchesOf>['gridThw']; readonly rows: Float32Array } | null = null;
  const see = async (picture: Picture): Promise<NonNullable<typeof seen>> => {
    if (seen?.picture === picture) return seen;
    const { patches, gridThw: grid } = patchesOf(resize(picture, smartResize(picture.height, picture.width, options)), { options });
    return (seen = { picture, grid, rows: await model.see({ grid, patches }) });
  };
  const answerer: Answerer = {
    seenSize: ({ width, height }) => smartResize(height, width, options),
    convention: 'absolute-resized',
    async answer(requests) {
      const groups = [];
      for (const { picture, question } of requests) {
        const { grid, rows } = await see(picture);
        const { prefix, branch } = encodeTurn({ question, completion: '' }, grid, language, options.mergeSize);
        groups.push({ prompt: await model.read({ ids: [...prefix, ...branch.ids.slice(0, branch.firstTarget)], grid }, rows), samples: 1, seed: 0 });
      }
      const written = await generateGroups(model.network, groups, generation);
      signal?.throwIfAborted();
      return written.map(([completion]) => {
        const { tokens, end } = completion!;
        return language.tokenizer.decode(end === 'stop' ? tokens.slice(0, -1) : tokens, { special: true });
      });
    },
  };
  try {
    await model.use(weights);
    const { macro_accuracy, boxes, blank } = await evaluate(records, answerer, { max, seed, counterfactual: true, direct: stage.direct === 1, ...(signal ? { signal } : {}) });
    const asked = Object.values(boxes).reduce((total, { n }) => total + n, 0);
    return {
      eval_macro_accuracy: macro_accuracy,
      ...(asked > 0 ? { eval_box_iou: Object.values(boxes).reduce((total, { mean_iou, n }) => total + mean_iou * n, 0) / asked } : {}),
      ...(blank ? { eval_image_reliance: macro_accuracy - blank.macro_accuracy } : {}),
      'timing/validation_s': (performance.now() - started) / 1000,
    };
  } finally {
    await model.release();
  }
}
