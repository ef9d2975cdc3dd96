/** A stage at which a model learns to drive the viewer: by demonstrations, by single steps that are rewarded, or by whole tasks that are. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import { smartResize } from '#models/imaging/patches.ts';
import type { Grid } from '#models/networks/rope.ts';
import { bucket as bucketSize } from '#models/runtime/kvCache.ts';
import { floats, type Feeds } from '#models/runtime/session.ts';
import { cellTargets } from './cells.ts';
import { encodeTurn, patchesOf, type Example } from './examples.ts';
import { createGraphRunner } from './graphRunner.ts';
import { bucketName, supervisedGraph, type Bucket } from './graphs.ts';
import { addScaled, languageOf, narrowed, patchOptions, type Accumulated, type Learner, type LearnerOptions } from './learner.ts';
import { judge } from './objectives/advantages.ts';
import { lossMask, stepWeights, type PolicySequence, type SequenceWeights } from './objectives/policy.ts';
import { switchesOf } from './objectives/presets.ts';
import type { ObjectiveSwitches } from './objectives/switches.ts';
import { packExamples } from './pack.ts';
import { packObjective, packPrompts, packedTokens, type AskedPrompt } from './policyPack.ts';
import { layoutOf, policyBucketName, policyGraph, policyScoreGraph, type PolicyBucket } from './policyGraph.ts';
import { outcomesOf, updateMetrics, type SequenceOutcome } from './policyMetrics.ts';
import type { Completion, Prompt } from './records/policy.ts';
import type { ActStage } from './records/recipe.ts';
import { taskReward } from './rewards/mobileR1.ts';
import { findReward, scoreRow } from './rewards/table.ts';
import { createLiveModel, type EncodedPrompt, type Weights } from './rollouts/model.ts';
import { createPolicySampler } from './rollouts/policy.ts';
import { viewerCases, type ViewerCase } from './viewer/cases.ts';
import { worthTrying, type Curation } from './viewer/curation.ts';
import { begun, demonstrationOf, isSuccess, outcomeOf, stepped, type Episode, type Moment } from './viewer/episode.ts';
import { tasksOf, type ViewerTask } from './viewer/tasks.ts';
import { momentPrompt } from './viewer/prompt.ts';

/** Of one update; what is beyond is computed again. */
const keptMoments = 256;
/** Moments whose tries are written side by side before a stage begins. */
const triedAtOnce = 16;

/** A completion that is to be learnt from, and the moment at which it was written. */
interface Tried {
  readonly prompt: Prompt;
  readonly completion: Completion;
  readonly advantage: number;
}

interface Attempt {
  readonly tried: readonly Tried[];
  readonly metrics: Readonly<Record<string, number>>;
}

export interface ViewerLearnerOptions extends LearnerOptions {
  /** Updates of the run before the stage. */
  readonly begin: number;
  /** The weights that the stage begins with, where it holds to them; training does not change them. */
  readonly stageStart?: Weights;
  /** Which moments are learnt from, once that is known. */
  readonly onCurated?: (curation: Curation) => void;
  readonly signal?: AbortSignal;
}

/** What a stage remembers: the moments that it learns from, and what the last look found. */
interface Remembered {
  readonly kept?: readonly number[] | undefined;
  readonly seen?: number | undefined;
}

export function createViewerLearner({ config, recipe, stage, parts, device, options: all, begin, stageStart, onCurated, signal }: ViewerLearnerOptions): Learner {
  const act = stage.act as ActStage;
  const options = narrowed(all, stage);
  const patching = patchOptions(parts.preprocessor, config, stage.pixels);
  const language = languageOf(parts, config);
  const size: Size = smartResize(1000, 1000, patching);
  const grid: Grid = [1, size.height / patching.patchSize, size.width / patching.patchSize];
  const graphs = createGraphRunner(device);
  let drawn: readonly ViewerCase[] | null = null;
  let remembered: Remembered = {};
  const cases = (): readonly ViewerCase[] => (drawn ??= [...viewerCases(act.cases, recipe.seed)]);

  /** Moments of demonstrations; those at which a slip happens show what is right there and not the slip. */
  const moments = (random: Random, count: number, among: readonly ViewerCase[] = cases()): { readonly moment: Moment; readonly text: string }[] => {
    const found: { readonly moment: Moment; readonly text: string }[] = [];
    for (const task of tasksOf(among, random, act.families)) {
      const shown = random.shuffled(demonstrationOf(task, size, act.grammar, act.slips, random).filter(({ isSlip }) => !isSlip));
      found.push(...shown.slice(0, Math.min(4, count - found.length)));
      if (found.length >= count) return found;
    }
    return found;
  };

  const learnFormat = async (step: number, weights: Weights): Promise<Accumulated> => {
    const bucket: Bucket = { batch: stage.batch, grid, tokens: stage.tokens, targets: stage.batch * stage.targets };
    const gradients = new Map<string, Float32Array>();
    let [loss, drawSeconds] = [0, 0];
    const packed = [];
    for (let part = 0; part < stage.accumulate; part++) {
      const started = performance.now();
      const examples = moments(Random.named(recipe.seed, `act:${step}:${part}`), stage.batch).map(({ moment, text }): Example => {
        const { picture } = moment.observation;
        const { prefix, branch } = encodeTurn({ question: moment.question, completion: text }, grid, language, patching.mergeSize);
        return { id: moment.task.id, patches: patchesOf(picture, { options: patching }).patches, grid, prefix, branches: [branch], cells: cellTargets(null, picture, grid, patching.mergeSize) };
      });
      const one = packExamples(config, bucket, examples, recipe);
      packed.push(one);
      drawSeconds += (performance.now() - started) / 1000;
      const { outputs, trained } = await graphs.run(`format ${bucketName(bucket)}`, () => supervisedGraph(config, bucket, options), one.feeds, weights);
      loss += floats(outputs, 'loss')[0]! / stage.accumulate;
      for (const { name } of trained) addScaled(gradients, name, floats(outputs, `gradient.${name}`), 1 / stage.accumulate);
    }
    return { loss, cells: 0, gradients, packed, drawSeconds };
  };

  const chosen = switchesOf(act.objective.preset, act.objective.switches as Partial<ObjectiveSwitches>);
  const learning: ObjectiveSwitches = { ...chosen, beta: stageStart ? chosen.beta : 0, old: 'current' };
  const hasReference = learning.beta !== 0;
  const isTowerTrained = (weights: Weights): boolean => [...weights.keys()].some((name) => name.startsWith('visual.') && (options.isTrained?.(name) ?? true));
  const model = createLiveModel({ config, device, ...(options.lora ? { lora: options.lora } : {}) });
  /** What was put, until it was learnt from. */
  const asked = new Map<string, Moment>();
  const sampler = createPolicySampler({
    model, tokenizer: language.tokenizer, endOfTurn: language.endOfTurn, maxKept: keptMoments, ...(signal ? { signal } : {}),
    // A prompt is put while its moment is known, and read again when it is learnt from.
    encode: (prompt): Promise<EncodedPrompt> => {
      const moment = asked.get(prompt.id);
      if (!moment) return Promise.reject(new Error(`viewer learner: ${prompt.id} was not put.`));
      const { patches } = patchesOf(moment.observation.picture, { options: patching });
      const { prefix, branch } = encodeTurn({ question: moment.question, completion: '' }, grid, language, patching.mergeSize);
      return Promise.resolve({ ids: [...prefix, ...branch.ids.slice(0, branch.firstTarget)], grid, patches });
    },
  });
  const put = (moment: Moment, name: string): Prompt => {
    asked.set(name, moment);
    return momentPrompt(moment, name);
  };
  const sampling = { temperature: act.temperature, topP: 1, maxNewTokens: act.maxNewTokens };
  const compared = (rewards: readonly (readonly number[])[]): { readonly advantages: readonly (readonly number[])[]; readonly metrics: Record<string, number> } => {
    const advantages = judge(rewards.map((group) => group.map((reward) => [reward])), [1], learning).map((group) => group.advantages);
    const flat = rewards.flat();
    const silent = rewards.filter((group) => group.every((reward) => reward === group[0])).length;
    return { advantages, metrics: { reward: flat.reduce((a, b) => a + b, 0) / flat.length, frac_reward_zero_std: silent / rewards.length } };
  };
  const share = (values: readonly boolean[]): number => values.filter(Boolean).length / Math.max(1, values.length);

  /** Tries each moment several times, and says of every try what it earned, and whether it has the form and is right. */
  const tried = async (found: readonly Moment[], name: string, tries: number, random: Random) => {
    const prompts = found.map((moment, at) => put(moment, `${name}.${at}`));
    const completions = await sampler.sampleAll(prompts.map((prompt) => ({ prompt, count: tries, seed: random.uint32() })), sampling);
    const reward = findReward(act.grammar === 'mobileR1' ? 'mobileR1Step' : 'guiR1');
    const results = found.map((moment, at) => completions[at]!.map(({ text }) => {
      const { reward: earned, parts } = moment.right.map((target) => scoreRow(reward, 'strict', { completion: text, target, size })).reduce((best, one) => (one.reward! > best.reward! ? one : best));
      return { reward: earned!, isRight: parts?.[act.grammar === 'mobileR1' ? 'action' : 'accuracy'] === 1, hasForm: parts?.['format'] === 1 };
    }));
    return { prompts, completions, results };
  };

  /** The moments that teach something: the model is right at them sometimes. */
  const curated = async ({ moments: count, tries }: NonNullable<ActStage['curation']>): Promise<readonly Moment[]> => {
    const pool = moments(Random.named(recipe.seed, `act:curation:${begin}`), count).map(({ moment }) => moment);
    if (remembered.kept) return remembered.kept.map((at) => pool[at]!);
    const random = Random.named(recipe.seed, `act:curation:${begin}:tries`);
    const rights: number[] = [];
    for (let from = 0; from < pool.length; from += triedAtOnce) {
      signal?.throwIfAborted();
      const { results } = await tried(pool.slice(from, from + triedAtOnce), `curation.${from}`, tries, random);
      rights.push(...results.map((group) => group.filter(({ isRight }) => isRight).length));
    }
    const kept = worthTrying(rights, tries);
    onCurated?.({ tries, moments: pool.map(({ task }, at) => ({ at, task: task.id, right: rights[at]!, isKept: kept.includes(at) })) });
    if (kept.length === 0) throw nothingKept(count, rights.filter((right) => right === tries).length);
    remembered = { ...remembered, kept };
    return kept.map((at) => pool[at]!);
  };
  let pool: readonly Moment[] | null = null;

  /** Single steps at the moments of demonstrations, each tried several times. */
  const tryActions = async (random: Random, step: number): Promise<Attempt> => {
    const count = stage.batch * stage.accumulate;
    if (act.curation) pool ??= await curated(act.curation);
    // Where few were kept, one may be put twice.
    const found = pool ? Array.from({ length: Math.ceil(count / pool.length) }, () => random.shuffled(pool!)).flat().slice(0, count) : moments(random, count).map(({ moment }) => moment);
    const { prompts, completions, results } = await tried(found, String(step), act.rollouts, random);
    const { advantages, metrics } = compared(results.map((group) => group.map(({ reward }) => reward)));
    return {
      tried: prompts.flatMap((prompt, at) => completions[at]!.map((completion, i) => ({ prompt, completion, advantage: advantages[at]![i]! }))),
      metrics: { ...metrics, accuracy: share(results.flat().map(({ isRight }) => isRight)), 'rewards/format': share(results.flat().map(({ hasForm }) => hasForm)), ...(pool ? { 'act/curated': pool.length } : {}) },
    };
  };

  /** Held-out moments, the same at every look. */
  let held: readonly Moment[] | null = null;
  const lookedAt = async (gate: NonNullable<ActStage['gate']>, weights: Weights): Promise<number> => {
    await model.use(weights);
    sampler.forget();
    asked.clear();
    held ??= moments(Random.named(recipe.seed, 'act:held'), gate.moments, [...viewerCases(Math.min(12, act.cases), recipe.seed + 1)]).map(({ moment }) => moment);
    const { results } = await tried(held, 'held', 1, Random.named(recipe.seed, 'act:held:tries'));
    return share(results.flat().map(({ isRight, hasForm }) => (gate.form === undefined ? isRight : hasForm)));
  };

  /** Whole tasks, each tried several times; every step of one shares its advantage. */
  const tryTasks = async (random: Random, step: number): Promise<Attempt> => {
    const source = tasksOf(cases(), random, act.families);
    const tasks = Array.from({ length: stage.batch * stage.accumulate }, () => source.next().value as ViewerTask);
    const live = tasks.flatMap((task, group) => Array.from({ length: act.rollouts }, () => ({ group, episode: begun(task, size), written: [] as { prompt: Prompt; completion: Completion }[] })));
    for (let turn = 0; live.some(({ episode }) => episode.moment); turn++) {
      const waiting = live.filter(({ episode }) => episode.moment);
      const prompts = waiting.map(({ episode }, at) => put(episode.moment!, `${step}.${turn}.${at}`));
      const written = await sampler.sampleAll(prompts.map((prompt) => ({ prompt, count: 1, seed: random.uint32() })), sampling);
      waiting.forEach((one, at) => {
        const completion = written[at]![0]!;
        one.written.push({ prompt: prompts[at]!, completion });
        one.episode = stepped(one.episode, completion.text, act.grammar);
      });
    }
    const outcomes = live.map(({ episode }) => outcomeOf(episode));
    const rewards = tasks.map((_, group) => live.flatMap((one, at) => (one.group === group ? [taskReward(outcomes[at]!).reward] : [])));
    const { advantages, metrics } = compared(rewards);
    const steps = live.flatMap(({ episode }): readonly Episode['steps'][number][] => episode.steps);
    return {
      tried: live.flatMap(({ group, written: own }, at) => own.map((step) => ({ ...step, advantage: advantages[group]![at % act.rollouts]! }))),
      metrics: {
        ...metrics, accuracy: share(steps.map(({ isRight }) => isRight)), 'rewards/format': share(steps.map((one) => one.hasForm)), 'act/success': share(outcomes.map(isSuccess)),
        'act/steps': steps.length / live.length,
      },
    };
  };

  /** What the weights at the stage's beginning thought of completions; where the tower stands still, they see the same rows. */
  const referenceOf = async (bucket: PolicyBucket, shown: Feeds, vision: 'rows' | 'tower'): Promise<Float32Array> => {
    const { outputs } = await graphs.run(`reference ${policyBucketName(bucket)}`,
      () => policyScoreGraph(config, bucket, { temperature: act.temperature, fused: options.fused ?? true, vision, ...(options.lora ? { lora: options.lora } : {}) }), shown, stageStart!);
    return floats(outputs, 'logprobs');
  };

  const learnPolicy = async (step: number, weights: Weights): Promise<Accumulated> => {
    const started = performance.now();
    await model.use(weights);
    sampler.forget();
    asked.clear();
    const random = Random.named(recipe.seed, `act:${step}`);
    const { tried: all, metrics } = await (act.level === 'action' ? tryActions : tryTasks)(random, step);
    const rolloutSeconds = (performance.now() - started) / 1000;
    const sequenceOf = ({ completion: { tokens, logprobs, finished }, advantage }: Tried): PolicySequence => ({ logprobs, advantage, mask: lossMask(tokens.length, { finished }, learning) });
    // What every completion weighs depends on all that were tried; those that weigh nothing cost nothing from here on.
    const sequences = all.map(sequenceOf);
    const { microBatches: [every = []], ...rest } = stepWeights([sequences], learning, { maxNewTokens: act.maxNewTokens });
    const byPrompt = new Map<string, { readonly prompt: Prompt; readonly own: { readonly completion: Completion; readonly sequence: PolicySequence; readonly weights: SequenceWeights }[] }>();
    all.forEach(({ prompt, completion, advantage }, at) => {
      if (advantage === 0 && !hasReference) return;
      const lesson = byPrompt.get(prompt.id) ?? { prompt, own: [] };
      byPrompt.set(prompt.id, lesson);
      lesson.own.push({ completion, sequence: sequences[at]!, weights: every[at]! });
    });
    const vision = isTowerTrained(weights) ? 'tower' : 'rows';
    const lessons = [...byPrompt.values()];
    const gradients = new Map<string, Float32Array>();
    const outcomes: SequenceOutcome[] = [];
    const perGraph = act.level === 'action' ? stage.batch : stage.batch * act.rollouts;
    let [loss, learnt, tokens] = [0, 0, 0];
    for (let from = 0; from < lessons.length; from += perGraph) {
      const some = lessons.slice(from, from + perGraph);
      const prompts: AskedPrompt[] = [];
      for (const { prompt, own } of some) {
        const { ids, patches } = await sampler.encode(prompt);
        prompts.push({ id: prompt.id, prompt: ids, image: vision === 'rows' ? await sampler.see(prompt) : patches, completions: own.map(({ completion }) => completion.tokens) });
      }
      const written = some.flatMap(({ own }) => own);
      const count = written.reduce((sum, { completion }) => sum + completion.tokens.length, 0);
      const bucket: PolicyBucket = { batch: perGraph, grid, ...layoutOf(config, prompts), targets: bucketSize(count, 256), sequences: act.level === 'action' ? perGraph * act.rollouts : perGraph };
      const own = { switches: learning, imitates: false };
      const shown = packPrompts(config, bucket, prompts, vision);
      const reference = hasReference ? await referenceOf(bucket, shown, vision) : null;
      let first = 0;
      const order = written.map(({ completion: { tokens: { length } }, sequence }): PolicySequence => {
        const known = reference ? { ...sequence, reference: [...reference.subarray(first, first + length)] } : sequence;
        first += length;
        return known;
      });
      const { outputs, trained } = await graphs.run(`policy ${policyBucketName(bucket)}`, () => policyGraph(config, bucket, { ...options, ...own, temperature: act.temperature, vision, dropBranches: false }), {
        ...shown, ...packObjective(bucket, order, { ...rest, microBatches: [written.map((one) => one.weights)] }, 0, own),
      }, weights);
      loss += floats(outputs, 'loss')[0]!;
      for (const { name } of trained) addScaled(gradients, name, floats(outputs, `gradient.${name}`), 1);
      outcomes.push(...outcomesOf(outputs, written.map(({ completion }, at) => ({ completion, sequence: order[at]! }))));
      learnt += count;
      tokens += prompts.reduce((sum, prompt) => sum + packedTokens(prompt), 0);
    }
    const lengths = all.map(({ completion }) => completion.tokens.length);
    return {
      loss, cells: 0, gradients, packed: [{ feeds: {}, learnt, tokens }], drawSeconds: 0, images: new Set(all.map(({ prompt }) => prompt.id)).size,
      metrics: {
        ...metrics, ...updateMetrics(outcomes, learning), 'completions/mean_length': lengths.reduce((a, b) => a + b, 0) / lengths.length, 'timing/rollout_s': rolloutSeconds, 'timing/update_s': (performance.now() - started) / 1000 - rolloutSeconds,
      },
    };
  };

  return {
    async accumulate({ step, weights }) {
      if (act.gate?.gain !== undefined) remembered = { ...remembered, seen: remembered.seen ?? await lookedAt(act.gate, weights) };
      return act.level === 'format' ? learnFormat(step, weights) : learnPolicy(step, weights);
    },
    async look({ step, weights }) {
      const { gate } = act;
      if (!gate || (step - begin) % gate.every !== 0) return null;
      const [before, now] = [remembered.seen ?? 0, await lookedAt(gate, weights)];
      remembered = { ...remembered, seen: now };
      return gate.form === undefined ? { metrics: { 'act/held_accuracy': now }, isOver: now - before < gate.gain! } : { metrics: { 'act/held_format': now }, isOver: now >= gate.form };
    },
    save: () => remembered,
    restore(state) {
      remembered = state as Remembered;
    },
    async release() {
      await graphs.release();
      await model.release();
    },
  };
}

const nothingKept = (moments: number, right: number): Fault => new Fault({
  code: 'act.curation', what: 'The stage has nothing to learn from: at no moment is the model right sometimes.', why: `Of ${moments} moments it is right at ${right} whenever it tries, and at the others never.`,
  mend: right === moments ? 'Ask more of it: other families, or the next stage.' : 'Let the stage before it, the demonstrations, run longer.',
});
