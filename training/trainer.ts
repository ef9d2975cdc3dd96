/** The loop that teaches: draw a batch, add up its gradients, clip, update, write down what happened. */
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { parseConfig, type QwenVlConfig } from '#models/networks/config.ts';
import { contrastiveParameters, isOfContrastive } from '#models/networks/contrastive.ts';
import { featureParameters, localizerMakings } from '#models/networks/localizer.ts';
import type { Device } from '#models/runtime/session.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { readTensor } from '#models/weights/safetensors.ts';
import { classifierGraph, supervisedGraph, type GraphOptions, type ParameterSpec } from './graphs.ts';
import { contrastiveOf, createContrastiveLearner, startHashes } from './contrastiveLearner.ts';
import { initialWeights } from './initialize.ts';
import { classesOf } from './labels.ts';
import { integrityOf, integrityParameters, isOfIntegrity } from './integrityGraph.ts';
import { createIntegrityLearner } from './integrityLearner.ts';
import { createLearner, type Learner } from './learner.ts';
import { lineageWriter } from './lineage.ts';
import { adamwStep } from './optimizers/adamw.ts';
import { averageStep } from './optimizers/average.ts';
import { clipFactor, globalNorm } from './optimizers/clip.ts';
import { learningRate } from './optimizers/schedule.ts';
import { createLocalizerLearner } from './localizerLearner.ts';
import { localizerParameters } from './localizerGraph.ts';
import { createPolicyLearner } from './policyLearner.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Recipe, Stage } from './records/recipe.ts';
import type { StepRecord } from './records/run.ts';
import type { RetentionRule } from './retention.ts';
import { openRun, readStageStart, writeCuration, writeMetrics, writeRollouts, writeStageHashes, writeStageStart } from './runWriter.ts';
import { scopeWriter } from './scope.ts';
import { stageData } from './stageData.ts';
import { openStart } from './startFolder.ts';
import { freshState, isHelper, isOfLocalizer, pruneSteps, saveAveraged, saveState, type TrainerState } from './state.ts';
import { validate } from './validation.ts';
import { createViewerLearner } from './viewerLearner.ts';

export interface TrainOptions {
  readonly recipe: Recipe;
  readonly records: readonly CaseRecord[];
  /** Cases that nothing is learnt from, for a recipe that validates; without any it does not. */
  readonly held?: readonly CaseRecord[];
  /** The run folder. */
  readonly run: string;
  readonly parts: CheckpointParts;
  readonly device?: Device;
  /** Stop after this many updates in all, although the schedule is laid out for the whole recipe. */
  readonly until?: number;
  readonly resume?: boolean;
  readonly signal?: AbortSignal;
  readonly onStep?: (record: StepRecord, secondsLeft: number) => void;
  /** No weights are written: the run is made to see whether it can be. */
  readonly isTrial?: boolean;
}

/** Trains by a recipe; the averaged weights end up in RUN/final. Returns the updates done. An abort pauses the run: its state is kept, and it can be resumed. */
export async function train({ recipe, records, held = [], run, parts, device = 'cpu', until, resume = false, signal, onStep, isTrial = false }: TrainOptions): Promise<number> {
  const config = parseConfig(parts.config);
  if (new Set(recipe.stages.map(networkOf)).size > 1) throw mixed();
  const steps = recipe.stages.reduce((total, stage) => total + stage.steps, 0);
  const last = Math.min(until ?? steps, steps);
  const options = { ...graphOptions(recipe), fused: device === 'cpu' };
  const { specs, trained } = parametersOf(config, recipe, records, options);
  const initial = firstWeights(config, specs, recipe);
  // Training changes arrays in place; where the beginning is needed later, it works on copies.
  const looksBack = recipe.stages.some(({ learns, from }) => learns === 'policy' || from === 'start');
  const state = openRun(run, { recipe, records, parts, trained: trained.map(({ name }) => name) }, resume, initial) ?? freshState(looksBack ? copied(initial, trained) : initial, trained);
  const { optimizer } = recipe;
  const [record, limit] = isTrial ? [() => undefined, () => undefined] : [lineageWriter({ recipe, records, tokenizer: parts.tokenizer }), scopeWriter({ recipe, records })];
  const sign = (folder: string, step: number): void => {
    limit(folder);
    record(folder, step);
  };

  let stageAt = -1;
  let stageEnd = 0;
  /** Updates before the optimizer last began anew. */
  let momentsBegin = 0;
  let learner: Learner | null = null;
  let keptAt = state.step;
  /** Of the batches since the last checkpoint. */
  const rewards: number[] = [];
  /** Since the last checkpoint. */
  let accuracy: number | null = null;
  const began = performance.now();
  const firstStep = state.step;
  const isAtRest = (): boolean => learner?.isAtRest?.(state.step) !== false || state.step === stageEnd;
  const isValidated = recipe.validate !== undefined && held.length > 0 && !isTrial;
  /** What the averaged weights know; nothing where that was interrupted. */
  const measured = async (stage: Stage): Promise<Readonly<Record<string, number>>> => {
    if (!isValidated || !(state.step % recipe.validate!.every === 0 || state.step === last)) return {};
    try {
      return await validate(new Map([...state.weights, ...state.average]), {
        config, parts, device, stage, records: held, seed: recipe.seed, max: recipe.validate!.max, ...(options.lora ? { lora: options.lora } : {}), ...(signal ? { signal } : {}),
      });
    } catch (cause) {
      if (!isAbort(cause, signal)) throw cause;
      return {};
    }
  };
  const keep = (): void => {
    if (isTrial) return;
    state.learner = learner?.save?.();
    const earned = rewards.length > 0 ? rewards.reduce((a, b) => a + b, 0) / rewards.length : null;
    sign(saveState(run, state, specs, recipe, parts, isValidated ? accuracy : earned), state.step);
    keptAt = state.step;
    rewards.length = 0;
    accuracy = null;
    pruneSteps(run, recipe.keep as RetentionRule | undefined);
  };
  try {
    while (state.step < last && !(signal?.aborted && isAtRest())) {
      const { stage, index, begin } = stageOf(recipe, state.step);
      if (index !== stageAt) {
        await learner?.release();
        const isBegun = state.step > begin;
        const given = { config, recipe, stage, records, parts, device, options };
        // The data is made with the weights of the stage before, also where the stage itself starts anew.
        const chosen = await stageData({ ...given, index, weights: state.weights, run, isBegun, ...(signal ? { signal } : {}) });
        if (!isBegun && stage.from === 'start') startAnew(state, initial, trained);
        const common = { ...given, ...(chosen ? { chosen } : {}) };
        momentsBegin = momentsBeginOf(recipe, index);
        if (!isBegun && momentsBegin === begin && begin > 0) forgetMoments(state, trained);
        if (networkOf(stage) === 'similar' && !isBegun && !isTrial) writeStageHashes(run, index, startHashes(state.weights));
        learner = stage.learns === 'locate' ? createLocalizerLearner({ ...common, begin, weights: state.weights }) : stage.learns === 'integrity' ? createIntegrityLearner({ ...common, begin }) : stage.learns === 'act' ? createViewerLearner({
          ...common, begin, ...(signal ? { signal } : {}), ...(isTrial ? {} : { onCurated: (curation) => writeCuration(run, index, curation) }),
          ...(stage.act!.reference === 'previousStage' ? { stageStart: stageStart(run, index, isBegun, state, initial, trained) } : {}),
        }) : networkOf(stage) === 'similar' ? createContrastiveLearner({ ...common, begin }) : stage.learns !== 'policy' ? createLearner(common) : createPolicyLearner({
          ...common, begin, start: initial, stageStart: stageStart(run, index, isBegun, state, initial, trained), ...(signal ? { signal } : {}),
          onGroups: (step, groups, sampler) => writeRollouts(run, { step, stage: index, groups }, sampler),
        });
        if (isBegun && state.learner !== undefined) learner.restore?.(state.learner);
        [stageAt, stageEnd] = [index, begin + stage.steps];
      }
      const started = performance.now();
      const rate = rateAt(recipe, state.step);
      const { loss, cells, labels, gradients, packed, drawSeconds, images, metrics } = await learner!.accumulate(state);
      const norm = globalNorm(gradients.values());
      if (!Number.isFinite(norm) || !Number.isFinite(loss)) throw diverged(state.step);
      const gradientScale = clipFactor(norm, optimizer.clip);
      for (const { name, shape } of trained) {
        const gradient = gradients.get(name);
        // A stage need not reach every weight: the tower's stage leaves the decoder alone.
        if (!gradient) continue;
        const weights = state.weights.get(name)!;
        adamwStep(weights, gradient, { first: state.first.get(name)!, second: state.second.get(name)! }, optimizer,
          { count: state.step - momentsBegin + 1, learningRate: rate, gradientScale, decays: shape.length > 1 });
        averageStep(state.average.get(name)!, weights, stage.average ?? optimizer.average, state.step - momentsBegin);
      }
      state.step++;

      const looked = await learner!.look?.(state) ?? null;
      const record: StepRecord = {
        step: state.step, stage: index, loss, ...(stage.cells > 0 ? { cells_loss: cells } : {}), ...(stage.labels > 0 ? { labels_loss: labels } : {}), learning_rate: rate, grad_norm: norm,
        learnt_tokens: packed.reduce((total, { learnt }) => total + learnt, 0), tokens: packed.reduce((total, { tokens }) => total + tokens, 0),
        images: images ?? stage.batch * stage.accumulate, draw_s: drawSeconds, step_s: (performance.now() - started) / 1000, ...metrics, ...looked?.metrics, ...await measured(stage),
      };
      accuracy = record['eval_macro_accuracy'] ?? accuracy;
      writeMetrics(run, record);
      if (record['reward'] !== undefined) rewards.push(record['reward']);
      onStep?.(record, ((performance.now() - began) / 1000 / (state.step - firstStep)) * (last - state.step));
      // What a stage no longer needs is passed over, so that the next one begins where its own updates are counted from.
      if (looked?.isOver) state.step = Math.min(stageEnd, last);
      // A checkpoint that falls due while a batch is still learnt from is made after it.
      const isDue = Math.floor(state.step / recipe.checkpointEvery) > Math.floor(keptAt / recipe.checkpointEvery);
      if ((isDue || state.step === last || signal?.aborted) && isAtRest()) keep();
    }
  } catch (cause) {
    // What was being tried is forgotten; the updates before it are kept.
    if (!isAbort(cause, signal)) throw cause;
    if (state.step > keptAt && isAtRest()) keep();
  } finally {
    await learner?.release();
  }
  if (isTrial) return state.step;
  saveAveraged(join(run, 'final'), state, specs, recipe, parts, 'F16');
  sign(join(run, 'final'), state.step);
  return state.step;
}

const isAbort = (cause: unknown, signal: AbortSignal | undefined): boolean => signal?.aborted === true && cause instanceof Error && (cause === signal.reason || cause.name === 'AbortError');

/** The weights with those that are trained as copies. */
function copied(weights: ReadonlyMap<string, Float32Array>, trained: readonly ParameterSpec[]): Map<string, Float32Array> {
  const names = new Set(trained.map(({ name }) => name));
  return new Map([...weights].map(([name, values]) => [name, names.has(name) ? values.slice() : values]));
}

/** Weights and moments as at the beginning of the run. */
function startAnew(state: TrainerState, initial: ReadonlyMap<string, Float32Array>, trained: readonly ParameterSpec[]): void {
  for (const { name } of trained) state.weights.get(name)!.set(initial.get(name)!);
  forgetMoments(state, trained);
}

/** The updates before the stage at which the optimizer last began anew: the first one, one from the start's weights, or pairs after judgements. */
function momentsBeginOf({ stages }: Recipe, index: number): number {
  const first = stages.findLastIndex((stage, i) => i <= index && (i === 0 || stage.from === 'start' || (stage.learns === 'pair' && stages[i - 1]!.learns === 'judge')));
  return stages.slice(0, first).reduce((total, { steps }) => total + steps, 0);
}

/** Moments of zero, and an average that begins with the weights as they are. */
function forgetMoments(state: TrainerState, trained: readonly ParameterSpec[]): void {
  for (const { name } of trained) {
    state.average.get(name)!.set(state.weights.get(name)!);
    state.first.get(name)!.fill(0);
    state.second.get(name)!.fill(0);
  }
}

/** Which network a stage makes: the one that writes, a localizer on its tower, an encoder of images and sentences, or one that tells altered images. */
const networkOf = ({ learns }: Stage): 'writer' | 'localizer' | 'similar' | 'integrity' => (learns === 'locate' ? 'localizer' : learns === 'integrity' ? 'integrity' : learns === 'judge' || learns === 'pair' ? 'similar' : 'writer');

/** The weights that a policy stage began with. Where it holds to them they are kept on disk, so that a resumed stage holds to the same. */
function stageStart(run: string, index: number, isBegun: boolean, state: TrainerState, initial: ReadonlyMap<string, Float32Array>, trained: readonly ParameterSpec[]): ReadonlyMap<string, Float32Array> {
  const kept = isBegun ? readStageStart(run, index) : null;
  if (kept) return new Map([...initial, ...kept]);
  const weights = copied(state.weights, trained);
  writeStageStart(run, index, trained.map(({ name, shape }) => ({ name, shape, data: weights.get(name)! })));
  return weights;
}

/** The learning rate of an update: a cosine from the start to the first restart, and one from each restart to the next. */
function rateAt({ stages, optimizer: { learningRate: peak, warmupSteps, floor, horizon } }: Recipe, step: number): number {
  const begins = stages.map((_, i) => stages.slice(0, i).reduce((total, stage) => total + stage.steps, 0));
  const end = begins.at(-1)! + stages.at(-1)!.steps;
  const restarts = stages.flatMap(({ restart }, i) => (restart ? [{ ...restart, begin: begins[i]! }] : []));
  const spans = [{ learningRate: peak, warmupSteps, begin: 0 }, ...restarts];
  const at = spans.findLastIndex(({ begin }) => begin <= step);
  const span = spans[at]!;
  const length = (spans[at + 1]?.begin ?? end) - span.begin;
  return learningRate({ peak: span.learningRate, warmupSteps: span.warmupSteps, steps: at === 0 ? horizon ?? length : length, floor }, step - span.begin);
}

/** The stage that an update belongs to, counting from 0, and the updates before it. */
function stageOf(recipe: Recipe, step: number): { stage: Stage; index: number; begin: number } {
  let end = 0;
  const index = recipe.stages.findIndex((stage) => (end += stage.steps) > step);
  const stage = recipe.stages[index]!;
  return { stage, index, begin: end - stage.steps };
}

/** All weights in the order of use, and those that are trained. Any bucket reads the same ones. */
function parametersOf(config: QwenVlConfig, recipe: Recipe, records: readonly CaseRecord[], options: GraphOptions): { specs: readonly ParameterSpec[]; trained: readonly ParameterSpec[] } {
  const side = 2 * config.vision.mergeSize;
  const hasCells = recipe.stages.some(({ cells }) => cells > 0);
  const locating = recipe.stages.filter(({ learns }) => learns === 'locate');
  if (locating.length > 0) {
    const specs = distinctSpecs(locating.flatMap(({ locate, pixels }) => {
      const makings = localizerMakings(config, { ...locate!.localizer, side: Math.round(Math.sqrt(pixels)) });
      return [...featureParameters(config, makings.config), ...localizerParameters(makings)];
    }));
    return { specs, trained: specs.filter(({ name }) => isOfLocalizer(name) && (options.isTrained?.(name) ?? true)) };
  }
  const checking = recipe.stages.filter(({ learns }) => learns === 'integrity');
  if (checking.length > 0) {
    const specs = distinctSpecs(checking.flatMap((stage) => integrityParameters(integrityOf(stage))));
    return { specs, trained: specs.filter(({ name }) => options.isTrained?.(name) ?? true) };
  }
  const likening = recipe.stages.filter((stage) => networkOf(stage) === 'similar');
  if (likening.length > 0) {
    const specs = distinctSpecs(likening.flatMap((stage) => contrastiveParameters(config, contrastiveOf(stage))));
    return { specs, trained: specs.filter(({ name }) => options.isTrained?.(name) ?? true) };
  }
  const graphs = [supervisedGraph(config, { batch: 1, grid: [1, side, side], tokens: 8, targets: 1 }, { ...options, cells: hasCells ? 1 : 0, ...(recipe.stages.some(({ labels }) => labels > 0) ? { labels: { classes: classesOf(records).size, factor: 1 } } : {}) })];
  if (recipe.stages.some(({ learns }) => learns === 'classify')) graphs.push(classifierGraph(config, { batch: 1, grid: [1, side, side], classes: classesOf(records).size }, options));
  return { specs: distinctSpecs(graphs.flatMap(({ parameters }) => parameters)), trained: distinctSpecs(graphs.flatMap((graph) => graph.trained)) };
}

const distinctSpecs = (specs: readonly ParameterSpec[]): readonly ParameterSpec[] => [...new Map(specs.map((spec) => [spec.name, spec])).values()];

/** What of the network is trained, as the graphs need to know it. */
function graphOptions({ trained, adapter, dropBranches }: Recipe): GraphOptions {
  const pattern = new RegExp(trained);
  if (!adapter) return { isTrained: (name) => pattern.test(name), dropBranches: dropBranches > 0 };
  return { isTrained: (name) => name.includes('.lora_'), dropBranches: dropBranches > 0, lora: { ...adapter, adapts: (module) => pattern.test(module) } };
}

function firstWeights(config: QwenVlConfig, specs: readonly ParameterSpec[], recipe: Recipe): Map<string, Float32Array> {
  if ('scratch' in recipe.start) return initialWeights(config, specs, recipe.seed, { localAttention: recipe.localAttention });
  const { tensors } = openStart(recipe.start.folder);
  const fresh = initialWeights(config, specs.filter(({ name }) => name.includes('.lora_') || isHelper(name) || isOfLocalizer(name) || (isOfContrastive(name) && !tensors.has(name)) || isOfIntegrity(name)), recipe.seed);
  return new Map(specs.map(({ name, shape }) => {
    const begun = fresh.get(name);
    if (begun) return [name, begun];
    const entry = tensors.get(name);
    if (!entry || entry.shape.join() !== shape.join()) {
      throw new Fault({ code: 'train.start', what: 'The run cannot start from this checkpoint.', why: entry ? `${name} is [${entry.shape}] and should be [${shape}].` : `${name} is missing.`, mend: 'Choose the folder of a whole checkpoint that fits its config.json.' });
    }
    return [name, readTensor(entry)];
  }));
}

const mixed = (): Fault => new Fault({
  code: 'train.stages', what: 'The run cannot begin.', why: 'Its stages make different networks: one that writes, a localizer on a tower that stays as it is, or an encoder of images and sentences.', mend: 'Give each a recipe of its own.',
});

const diverged = (step: number): Fault => new Fault({
  code: 'train.diverged', what: `The run stopped at update ${step}.`, why: 'The loss or a gradient is no longer a number.',
  mend: 'Lower the learning rate or the clipping norm in the recipe, then continue with --resume from the last checkpoint.',
});
