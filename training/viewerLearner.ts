/** A stage at which a model learns to drive the viewer: by demonstrations, by single steps that are rewarded, or by whole tasks that are. */
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import { smartResize } from '#models/imaging/patches.ts';
import type { Grid } from '#models/networks/rope.ts';
import { bucket as bucketSize } from '#models/runtime/kvCache.ts';
import { createSession, float32, floats, type Feeds } from '#models/runtime/session.ts';
import { SessionCache } from '#models/runtime/sessionCache.ts';
import { cellTargets } from './cells.ts';
import { encodeTurn, patchesOf, type Example } from './examples.ts';
import { bucketName, supervisedGraph, type Bucket, type ParameterSpec } from './graphs.ts';
import { addScaled, languageOf, narrowed, patchOptions, type Accumulated, type Learner, type LearnerOptions } from './learner.ts';
import { judge } from './objectives/advantages.ts';
import { lossMask, stepWeights, type PolicySequence, type SequenceWeights } from './objectives/policy.ts';
import { switchesOf } from './objectives/presets.ts';
import type { ObjectiveSwitches } from './objectives/switches.ts';
import { packExamples } from './pack.ts';
import { packObjective, packPrompts, packedTokens, type AskedPrompt } from './policyPack.ts';
import { layoutOf, policyBucketName, policyGraph, type PolicyBucket } from './policyGraph.ts';
import type { Completion, Prompt } from './records/policy.ts';
import type { ActStage } from './records/recipe.ts';
import { taskReward } from './rewards/mobileR1.ts';
import { findReward, scoreRow } from './rewards/table.ts';
import { createLiveModel, type EncodedPrompt, type Weights } from './rollouts/model.ts';
import { createPolicySampler } from './rollouts/policy.ts';
import { viewerCases, type ViewerCase } from './viewer/cases.ts';
import { begun, demonstrationOf, isSuccess, outcomeOf, stepped, type Episode, type Moment } from './viewer/episode.ts';
import { tasksOf, type ViewerTask } from './viewer/tasks.ts';
import { momentPrompt } from './viewer/prompt.ts';

/** Sessions of training graphs hold their activations' memory, so few stay open. */
const openGraphs = 3;
/** Of one update; what is beyond is computed again. */
const keptMoments = 256;

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

export function createViewerLearner({ config, recipe, stage, parts, device, options: all, signal }: LearnerOptions & { readonly signal?: AbortSignal }): Learner {
  const act = stage.act as ActStage;
  const options = narrowed(all, stage);
  const patching = patchOptions(parts.preprocessor, config, stage.pixels);
  const language = languageOf(parts, config);
  const size: Size = smartResize(1000, 1000, patching);
  const grid: Grid = [1, size.height / patching.patchSize, size.width / patching.patchSize];
  const sessions = new SessionCache(openGraphs);
  const compiled = new Map<string, { readonly parameters: readonly ParameterSpec[]; readonly trained: readonly ParameterSpec[] }>();
  let drawn: readonly ViewerCase[] | null = null;
  const cases = (): readonly ViewerCase[] => (drawn ??= [...viewerCases(act.cases, recipe.seed)]);

  const run = async (key: string, build: () => { readonly graph: Parameters<typeof encodeModel>[0]; readonly parameters: readonly ParameterSpec[]; readonly trained: readonly ParameterSpec[] }, feeds: Feeds, weights: Weights) => {
    const session = await sessions.get(key, () => {
      const { graph, parameters, trained } = build();
      compiled.set(key, { parameters, trained });
      return createSession(encodeModel(graph), { device });
    });
    const { parameters, trained } = compiled.get(key)!;
    const outputs = await session.run({ ...feeds, ...Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)])) });
    return { outputs, trained };
  };
  /** Moments of demonstrations; those at which a slip happens show what is right there and not the slip. */
  const moments = (random: Random, count: number): { readonly moment: Moment; readonly text: string }[] => {
    const found: { readonly moment: Moment; readonly text: string }[] = [];
    for (const task of tasksOf(cases(), random, act.families)) {
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
      const { outputs, trained } = await run(`format ${bucketName(bucket)}`, () => supervisedGraph(config, bucket, options), one.feeds, weights);
      loss += floats(outputs, 'loss')[0]! / stage.accumulate;
      for (const { name } of trained) addScaled(gradients, name, floats(outputs, `gradient.${name}`), 1 / stage.accumulate);
    }
    return { loss, cells: 0, gradients, packed, drawSeconds };
  };

  const learning: ObjectiveSwitches = { ...switchesOf(act.objective.preset, act.objective.switches as Partial<ObjectiveSwitches>), beta: 0, old: 'current' };
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

  /** Single steps at the moments of demonstrations, each tried several times. */
  const tryActions = async (random: Random, step: number): Promise<Attempt> => {
    const found = moments(random, stage.batch * stage.accumulate);
    const prompts = found.map(({ moment }, at) => put(moment, `${step}.${at}`));
    const completions = await sampler.sampleAll(prompts.map((prompt) => ({ prompt, count: act.rollouts, seed: random.uint32() })), sampling);
    const reward = findReward(act.grammar === 'mobileR1' ? 'mobileR1Step' : 'guiR1');
    const results = found.map(({ moment }, at) => completions[at]!.map(({ text }) => moment.right.map((target) => scoreRow(reward, 'strict', { completion: text, target, size }))
      .reduce((best, one) => (one.reward! > best.reward! ? one : best))));
    const { advantages, metrics } = compared(results.map((group) => group.map((one) => one.reward!)));
    const part = (name: string): boolean[] => results.flatMap((group) => group.map(({ parts }) => parts?.[name] === 1));
    return {
      tried: prompts.flatMap((prompt, at) => completions[at]!.map((completion, i) => ({ prompt, completion, advantage: advantages[at]![i]! }))),
      metrics: { ...metrics, accuracy: share(part(act.grammar === 'mobileR1' ? 'action' : 'accuracy')), 'rewards/format': share(part('format')) },
    };
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

  const learnPolicy = async (step: number, weights: Weights): Promise<Accumulated> => {
    const started = performance.now();
    await model.use(weights);
    sampler.forget();
    asked.clear();
    const random = Random.named(recipe.seed, `act:${step}`);
    const { tried, metrics } = await (act.level === 'action' ? tryActions : tryTasks)(random, step);
    const rolloutSeconds = (performance.now() - started) / 1000;
    const sequenceOf = ({ completion: { tokens, logprobs, finished }, advantage }: Tried): PolicySequence => ({ logprobs, advantage, mask: lossMask(tokens.length, { finished }, learning) });
    // What every completion weighs depends on all that were tried; those without an advantage cost nothing from here on.
    const sequences = tried.map(sequenceOf);
    const { microBatches: [every = []], ...rest } = stepWeights([sequences], learning, { maxNewTokens: act.maxNewTokens });
    const byPrompt = new Map<string, { readonly prompt: Prompt; readonly own: { readonly completion: Completion; readonly sequence: PolicySequence; readonly weights: SequenceWeights }[] }>();
    tried.forEach(({ prompt, completion, advantage }, at) => {
      if (advantage === 0) return;
      const lesson = byPrompt.get(prompt.id) ?? { prompt, own: [] };
      byPrompt.set(prompt.id, lesson);
      lesson.own.push({ completion, sequence: sequences[at]!, weights: every[at]! });
    });
    const vision = isTowerTrained(weights) ? 'tower' : 'rows';
    const lessons = [...byPrompt.values()];
    const gradients = new Map<string, Float32Array>();
    const perGraph = act.level === 'action' ? stage.batch : stage.batch * act.rollouts;
    let [loss, learnt, tokens] = [0, 0, 0];
    for (let from = 0; from < lessons.length; from += perGraph) {
      const some = lessons.slice(from, from + perGraph);
      const prompts: AskedPrompt[] = [];
      for (const { prompt, own } of some) {
        const { ids, patches } = await sampler.encode(prompt);
        prompts.push({ id: prompt.id, prompt: ids, image: vision === 'rows' ? await sampler.see(prompt) : patches, completions: own.map(({ completion }) => completion.tokens) });
      }
      const all = some.flatMap(({ own }) => own);
      const count = all.reduce((sum, { completion }) => sum + completion.tokens.length, 0);
      const bucket: PolicyBucket = { batch: perGraph, grid, ...layoutOf(config, prompts), targets: bucketSize(count, 256), sequences: act.level === 'action' ? perGraph * act.rollouts : perGraph };
      const own = { switches: learning, imitates: false };
      const { outputs, trained } = await run(`policy ${policyBucketName(bucket)}`, () => policyGraph(config, bucket, { ...options, ...own, temperature: act.temperature, vision, dropBranches: false }), {
        ...packPrompts(config, bucket, prompts, vision), ...packObjective(bucket, all.map(({ sequence }) => sequence), { ...rest, microBatches: [all.map((one) => one.weights)] }, 0, own),
      }, weights);
      loss += floats(outputs, 'loss')[0]!;
      for (const { name } of trained) addScaled(gradients, name, floats(outputs, `gradient.${name}`), 1);
      learnt += count;
      tokens += prompts.reduce((sum, prompt) => sum + packedTokens(prompt), 0);
    }
    const lengths = tried.map(({ completion }) => completion.tokens.length);
    return {
      loss, cells: 0, gradients, packed: [{ feeds: {}, learnt, tokens }], drawSeconds: 0, images: new Set(tried.map(({ prompt }) => prompt.id)).size,
      metrics: {
        ...metrics, 'completions/mean_length': lengths.reduce((a, b) => a + b, 0) / lengths.length, 'timing/rollout_s': rolloutSeconds, 'timing/update_s': (performance.now() - started) / 1000 - rolloutSeconds,
      },
    };
  };

  return {
    accumulate: ({ step, weights }) => (act.level === 'format' ? learnFormat(step, weights) : learnPolicy(step, weights)),
    async release() {
      await sessions.release();
      await model.release();
    },
  };
}
