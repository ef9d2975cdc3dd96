/** A policy stage at work: questions are drawn, answered, praised and compared, and what came of it becomes gradients. */
import { Random } from '#models/base/random.ts';
import type { Grid } from '#models/networks/rope.ts';
import { bucket as bucketSize } from '#models/runtime/kvCache.ts';
import { floats } from '#models/runtime/session.ts';
import { findCurriculum } from './curricula/table.ts';
import { Pictures } from './examples.ts';
import { createGraphRunner } from './graphRunner.ts';
import type { GraphOptions } from './graphs.ts';
import { addScaled, languageOf, narrowed, patchOptions, type Accumulated, type Learner, type LearnerOptions } from './learner.ts';
import { judge as judgeGroups } from './objectives/advantages.ts';
import { keepsGroup } from './objectives/filters.ts';
import { klEstimate, lossMask, stepWeights, type PolicySequence, type SequenceWeights } from './objectives/policy.ts';
import { switchesOf } from './objectives/presets.ts';
import type { ObjectiveSwitches } from './objectives/switches.ts';
import { packObjective, packPrompts, packedTokens, type AskedPrompt } from './policyPack.ts';
import { layoutOf, policyBucketName, policyGraph, policyScoreGraph, type PolicyBucket } from './policyGraph.ts';
import { createPromptSource, type ChosenTurn } from './prompts.ts';
import { outcomesOf, sampleMetrics, updateMetrics, type SequenceOutcome } from './policyMetrics.ts';
import type { Curriculum, CurriculumTools, StagePlace, StepPlan } from './records/curriculum.ts';
import type { Group, Prompt, Rollout } from './records/policy.ts';
import type { PolicyStage } from './records/recipe.ts';
import { verify } from './rewards/verify.ts';
import { createLiveModel, type Weights } from './rollouts/model.ts';
import { createPolicySampler, type PolicySampler } from './rollouts/policy.ts';
import { checkedRewards, createScorer, overlongPenalty } from './rollouts/score.ts';
import { phantomRecords } from './synthesis/phantoms.ts';

export interface PolicyLearnerOptions extends LearnerOptions {
  /** Updates of the run before the stage. */
  readonly begin: number;
  /** The weights that the run began with, and those that the stage begins with. Neither is changed by training. */
  readonly start: Weights;
  readonly stageStart: Weights;
  readonly chosen?: readonly ChosenTurn[];
  readonly signal?: AbortSignal;
  /** What was tried in a step, before it is learnt from; `step` counts from 1. */
  readonly onGroups?: (step: number, groups: readonly Group[], sampler: PolicySampler) => Promise<void>;
}

/** Everything that the updates on one batch of rollouts need. */
interface Batch {
  readonly plan: StepPlan;
  readonly groups: readonly Group[];
  readonly sequences: ReadonlyMap<Rollout, Scored>;
  readonly metrics: Readonly<Record<string, number>>;
}

/** One completion's log-probabilities: when it was sampled, before the first update, and under the reference. */
interface Scored {
  readonly old?: readonly number[];
  /** Of each token's distribution before the first update, in nats. */
  readonly entropy?: readonly number[];
  readonly reference?: readonly number[];
}

/** Prompts whose images have one grid, as one run of a graph. */
interface MicroBatch<G> {
  readonly grid: Grid;
  readonly groups: readonly G[];
}

/** Completions of a prompt as an update reads them: those that it cannot learn from are left out. */
interface Lesson {
  readonly prompt: Prompt;
  readonly rollouts: readonly Rollout[];
  readonly sequences: readonly PolicySequence[];
  readonly weights: readonly SequenceWeights[];
}

interface Controlled {
  beta: number;
  entropyBonus: number;
  /** Under a controller the bonus counts only in updates that follow one whose entropy was at most the target (TRL). */
  isBonusDue: boolean;
}


export function createPolicyLearner(given: PolicyLearnerOptions): Learner {
  const { config, recipe, stage, records, parts, device, begin, start, stageStart, chosen, signal, onGroups } = given;
  const policy = stage.policy as PolicyStage;
  const switches = effective(policy);
  const updatesPerBatch = policy.iterations * policy.miniBatches;
  const promptCount = stage.batch * stage.accumulate;
  const isSingle = updatesPerBatch === 1;
  checkedRewards(policy.rewards);

  const options: GraphOptions = { ...narrowed(given.options, stage), dropBranches: false };
  const isTowerTrained = [...start.keys()].some((name) => name.startsWith('visual.') && (options.isTrained?.(name) ?? true));
  const vision = isTowerTrained ? 'tower' : 'rows';

  const patching = patchOptions(parts.preprocessor, config, stage.pixels);
  const pictures = new Pictures(patching);
  const language = languageOf(parts, config);
  const drawn = [...phantomRecords(stage.phantoms, recipe.seed)].map(({ record, picture }) => {
    pictures.keep(record, picture);
    return record;
  });
  const curricula: readonly Curriculum[] = policy.curricula.map(({ name, options: chosenOptions }) => findCurriculum(name)(chosenOptions, { seed: recipe.seed, steps: stage.steps }));
  const source = createPromptSource({
    records: [...records, ...drawn].filter((record) => curricula.every((curriculum) => curriculum.admits?.(record) ?? true)), maker: { pictures, options: patching, language, augment: recipe.augment }, stage, recipe, ...(chosen ? { chosen } : {}),
  });
  const { lora } = options;
  const model = createLiveModel({ config, device, ...(lora ? { lora } : {}) });
  const samplerOptions = { tokenizer: language.tokenizer, endOfTurn: language.endOfTurn, encode: source.encode, ...(signal ? { signal } : {}) };
  // Rows of a frozen tower stay true: 256 MiB of them are kept.
  const keptRows = isTowerTrained ? 256 : Math.max(64, Math.floor(2 ** 26 / (config.hiddenSize * (stage.pixels / (config.vision.patchSize * config.vision.mergeSize) ** 2))));
  const sampler = createPolicySampler({ ...samplerOptions, model, maxKept: keptRows });
  const referenceWeights = policy.reference === 'previousStage' ? stageStart : start;
  const hasReference = switches.beta !== 0;
  // The weights at the start of the run are the base without its adapter.
  const referenceLora = policy.reference === 'previousStage' ? lora : undefined;
  const referenceModel = createLiveModel({ config, device, ...(referenceLora ? { lora: referenceLora } : {}) });
  const referenceSampler = createPolicySampler({ ...samplerOptions, model: referenceModel, maxKept: keptRows });
  const isReferenceReady = referenceModel.use(referenceWeights);
  // Where both see alike, what one saw is true for the other.
  const referenceEyes = !isTowerTrained && seesAlike(referenceWeights, stageStart) ? sampler : referenceSampler;
  const scorer = createScorer({ policy: sampler, reference: referenceSampler, seed: recipe.seed });

  // With one update for each batch the old policy is the present one: reading it from the same pass gives the same gradient, one pass earlier.
  // What was tried in an earlier step is compared with what the model thought then.
  const looksBack = curricula.some(({ select }) => select !== undefined);
  const learning: ObjectiveSwitches = isSingle && !looksBack ? { ...switches, old: 'current' } : { ...switches, old: 'rescored' };
  const needsOld = !isSingle || switches.klPlacement === 'reward' || switches.samplerCorrection !== null || switches.topEntropy < 1;
  /** Whether an update can learn anything from a completion: the pull to the reference and the bonus for entropy reach all that count, rewards only those that differ. */
  const isTaught = ({ completion, advantage, given, imitation }: Rollout): boolean =>
    (advantage !== 0 || imitation !== undefined || hasReference || switches.entropyBonus !== 0 || switches.entropyController !== null || switches.topEntropy < 1)
    && lossMask(completion.tokens.length, { finished: completion.finished, ...(given === undefined ? {} : { given }) }, switches).some((counts) => counts > 0);
  const controlled: Controlled = { beta: switches.beta, entropyBonus: switches.entropyBonus, isBonusDue: switches.entropyController === null };
  const graphs = createGraphRunner(device);
  let batch: Batch | null = null;

  const planOf = (place: StagePlace): StepPlan => curricula.reduce<StepPlan>(
    (plan, curriculum) => curriculum.plan?.(plan, place) ?? plan,
    { rollouts: policy.rollouts, temperature: policy.temperature, topP: policy.topP, maxNewTokens: policy.maxNewTokens, rewards: policy.rewards },
  );

  /** Draws prompts and tries them until enough groups teach something, or the attempts are used up. */
  const gather = async (plan: StepPlan, place: StagePlace, random: Random, timing: Timing): Promise<{ groups: readonly Group[]; dropped: number; attempts: number }> => {
    const filter = switches.dynamicSampling?.filter ?? { rule: 'none' as const };
    const attempts = switches.dynamicSampling ? Math.max(1, switches.dynamicSampling.attempts || 100) : 1;
    const kept: Group[] = [];
    const spare: Group[] = [];
    let attempt = 0;
    while (kept.length < promptCount && attempt < attempts) {
      const prompts: Prompt[] = [];
      await timing.during('draw', async () => {
        for (let i = 0; i < promptCount - kept.length; i++) {
          const weigh = curricula.some((curriculum) => curriculum.weigh)
            ? (...asked: Parameters<Parameters<typeof source.draw>[2] & {}>) => curricula.reduce((weight, curriculum) => weight * (curriculum.weigh?.(...asked, place) ?? 1), 1) : undefined;
          prompts.push(await source.draw(random, `${begin + place.step}:${attempt}:${i}`, weigh));
        }
      });
      const completions = await timing.during('rollout', () => sampler.sampleAll(prompts.map((prompt) => ({ prompt, count: plan.rollouts, seed: random.uint32() })), { ...plan, entropies: true }));
      const judged = await timing.during('scoring', () => scorer.judge(prompts.map((prompt, i) => ({ prompt, completions: completions[i]! })), plan, place));
      for (const [i, rollouts] of judged.entries()) {
        const prompt = prompts[i]!;
        const metric = rollouts.map(({ completion, isCorrect }) => (isBinary(prompt) ? Number(isCorrect) : verify(completion.text, prompt.turn.gold).score));
        (keepsGroup(filter, metric) ? kept : spare).push({ prompt, rollouts });
      }
      attempt++;
    }
    const dropped = spare.length;
    return { groups: [...kept, ...spare].slice(0, promptCount), dropped, attempts: attempt };
  };

  const prepare = async (weights: Weights, step: number): Promise<Batch> => {
    const place: StagePlace = { step: step - begin, steps: stage.steps };
    const random = Random.named(recipe.seed, `rollouts:${step}`);
    const timing = new Timing();
    const plan = planOf(place);
    await isReferenceReady;
    await model.use(weights);
    if (isTowerTrained) sampler.forget();
    const tried = await gather(plan, place, random, timing);
    const tools: CurriculumTools = {
      policy: sampler, plan, place, random,
      judge: async (prompt, completions, fields) => (await scorer.judge([{ prompt, completions, ...(fields ? { fields } : {}) }], plan, place))[0]!,
    };
    let { groups } = tried;
    await timing.during('curriculum', async () => {
      for (const curriculum of curricula) if (curriculum.extend) groups = await curriculum.extend(groups, tools);
    });

    const wantsScores = hasReference || needsOld;
    const sequences = new Map<Rollout, Scored>();
    if (wantsScores && switches.klPlacement === 'reward') await timing.during('reference', () => scoreAll(groups, plan, weights, sequences));
    const distances = new Map([...sequences].map(([rollout, scored]) => [rollout, distance(scored, switches)]));
    groups = withAdvantages(groups, plan, switches, switches.klPlacement === 'reward' && hasReference ? { beta: controlled.beta, of: (rollout) => distances.get(rollout) ?? 0 } : undefined, (before, after) => {
      const scored = sequences.get(before);
      if (scored) sequences.set(after, scored);
    });
    const compared = groups;
    const fresh = new Set(groups.flatMap(({ rollouts }) => rollouts.map(({ completion }) => completion)));
    const earlier = new Set<Rollout>();
    for (const curriculum of curricula) if (curriculum.select) groups = curriculum.select(groups, tools);
    for (const rollout of groups.flatMap(({ rollouts }) => rollouts)) {
      // What was tried in an earlier step is compared with what the model thought then.
      if (!fresh.has(rollout.completion)) earlier.add(rollout);
    }
    if (wantsScores) await timing.during('reference', () => scoreAll(groups, plan, weights, sequences, isTaught));
    for (const rollout of earlier) sequences.set(rollout, { ...sequences.get(rollout), old: rollout.completion.logprobs });
    await onGroups?.(step + 1, compared, sampler);
    return {
      plan, groups, sequences,
      metrics: {
        ...sampleMetrics(compared, plan), ...timing.metrics, 'sampling/dropped_groups': tried.dropped, 'sampling/attempts': tried.attempts, 'sampling/replayed': earlier.size,
      },
    };
  };

  const microBatches = async <G extends Group>(groups: readonly G[]): Promise<readonly MicroBatch<G>[]> => {
    const byGrid = new Map<string, { readonly grid: Grid; readonly groups: G[] }>();
    for (const group of groups) {
      const { grid } = await sampler.encode(group.prompt);
      const same = byGrid.get(grid.join()) ?? { grid, groups: [] };
      byGrid.set(grid.join(), same);
      same.groups.push(group);
    }
    return [...byGrid.values()].flatMap(({ grid, groups: same }) => Array.from({ length: Math.ceil(same.length / stage.batch) }, (_, i) => ({ grid, groups: same.slice(i * stage.batch, (i + 1) * stage.batch) })));
  };
  const packed = async ({ grid, groups }: MicroBatch<Group>, by: PolicySampler, look = vision): Promise<{ bucket: PolicyBucket; asked: readonly AskedPrompt[] }> => {
    const asked: AskedPrompt[] = [];
    for (const { prompt, rollouts } of groups) {
      const { ids, patches } = await sampler.encode(prompt);
      asked.push({ id: prompt.id, prompt: ids, image: look === 'rows' ? await by.see(prompt) : patches, completions: rollouts.map(({ completion }) => completion.tokens) });
    }
    const targets = asked.reduce((total, { completions }) => total + completions.reduce((sum, { length }) => sum + length, 0), 0);
    return {
      asked,
      bucket: {
        batch: groups.length, grid, ...layoutOf(config, asked), targets: bucketSize(targets),
        sequences: groups.length * Math.max(policy.rollouts, ...groups.map(({ rollouts }) => rollouts.length)),
      },
    };
  };
  /**
   * Log-probabilities before the first update and under the reference, by the training graph; what was scored before is kept.
   *
   * @param isWanted  whether anything will be learnt from a completion
   */
  const scoreAll = async (groups: readonly Group[], plan: StepPlan, weights: Weights, into: Map<Rollout, Scored>, isWanted: (rollout: Rollout) => boolean = () => true): Promise<void> => {
    const missing = groups.map(({ prompt, rollouts }) => ({ prompt, rollouts: rollouts.filter((rollout) => !into.has(rollout) && isWanted(rollout)) })).filter(({ rollouts }) => rollouts.length > 0);
    const scoring = { temperature: plan.temperature, fused: options.fused ?? true } as const;
    for (const micro of await microBatches(missing)) {
      const passes: (readonly ['old' | 'reference', typeof lora, Weights, PolicySampler, typeof vision])[] = [];
      // The reference never learns: what its tower makes of an image is made once.
      if (hasReference) passes.push(['reference', referenceLora, referenceWeights, referenceEyes, 'rows']);
      if (needsOld) passes.push(['old', lora, weights, sampler, vision]);
      for (const [which, adapter, from, by, look] of passes) {
        const { bucket, asked } = await packed(micro, by, look);
        const { outputs } = await graphs.run(`score ${adapter ? 'adapted' : 'plain'} ${look} ${plan.temperature} ${policyBucketName(bucket)}`,
          () => policyScoreGraph(config, bucket, { ...scoring, vision: look, ...(adapter ? { lora: adapter } : {}) }), packPrompts(config, bucket, asked, look), from);
        const [logprobs, entropies] = [floats(outputs, 'logprobs'), floats(outputs, 'entropy')];
        let at = 0;
        for (const rollout of micro.groups.flatMap(({ rollouts }) => rollouts)) {
          const { length } = rollout.completion.tokens;
          const scored = [...logprobs.subarray(at, at + length)];
          into.set(rollout, { ...into.get(rollout), ...(which === 'old' ? { old: scored, entropy: [...entropies.subarray(at, at + length)] } : { reference: scored }) });
          at += length;
        }
      }
    }
  };

  /** Gradients of one update over some of the batch's groups. */
  const update = async ({ plan, sequences }: Batch, groups: readonly Group[], weights: Weights): Promise<Accumulated> => {
    const started = performance.now();
    const all = (await microBatches(groups)).map(({ groups: some }) => some.map(({ prompt, rollouts }) => ({ prompt, rollouts, sequences: rollouts.map((rollout) => sequenceOf(rollout, sequences.get(rollout), learning)) })));
    const step = stepWeights(all.map((some) => some.flatMap((lesson) => lesson.sequences)), learning, { maxNewTokens: plan.maxNewTokens, beta: controlled.beta, entropyBonus: controlled.isBonusDue ? controlled.entropyBonus : 0 });
    // What a completion weighs depends on all that were tried; those that weigh nothing cost nothing from here on.
    const lessons = all.flatMap((some, at) => {
      const weights = [...step.microBatches[at]!];
      return some.map((lesson) => taught({ ...lesson, weights: weights.splice(0, lesson.rollouts.length) }));
    }).filter(({ rollouts }) => rollouts.length > 0);
    const imitates = groups.some(({ rollouts }) => rollouts.some(({ imitation }) => imitation !== undefined));
    const gradients = new Map<string, Float32Array>();
    const outcomes: SequenceOutcome[] = [];
    let [loss, learnt, tokens] = [0, 0, 0];
    for (const micro of await microBatches(lessons)) {
      const { bucket, asked } = await packed(micro, sampler);
      const own = { switches: learning, imitates };
      const order = micro.groups.flatMap((lesson) => lesson.sequences);
      const { outputs, trained } = await graphs.run(`update ${plan.temperature} ${imitates} ${policyBucketName(bucket)}`,
        () => policyGraph(config, bucket, { ...options, ...own, temperature: plan.temperature, vision }),
        { ...packPrompts(config, bucket, asked, vision), ...packObjective(bucket, order, { ...step, microBatches: [micro.groups.flatMap((lesson) => lesson.weights)] }, 0, own) }, weights);
      loss += floats(outputs, 'loss')[0]!;
      for (const { name } of trained) addScaled(gradients, name, floats(outputs, `gradient.${name}`), 1);
      const written = micro.groups.flatMap(({ rollouts }) => rollouts);
      outcomes.push(...outcomesOf(outputs, written.map(({ completion }, s) => ({ completion, sequence: order[s]! }))));
      learnt += written.reduce((sum, { completion }) => sum + completion.tokens.length, 0);
      tokens += asked.reduce((total, prompt) => total + packedTokens(prompt), 0);
    }
    const metrics = updateMetrics(outcomes, learning);
    steer(metrics, groups.reduce((total, { rollouts }) => total + rollouts.length, 0));
    return {
      loss, cells: 0, gradients, packed: [{ feeds: {}, learnt, tokens }], drawSeconds: 0, images: groups.length || promptCount,
      metrics: { ...metrics, ...(learning.beta !== 0 ? { beta: controlled.beta } : {}), 'timing/update_s': (performance.now() - started) / 1000 },
    };
  };

  /** The controllers of KL and entropy look at what was measured. */
  const steer = ({ kl, entropy }: Readonly<Record<string, number>>, count: number): void => {
    const { klController, entropyController } = switches;
    if (klController && kl !== undefined) controlled.beta *= 1 + (Math.min(0.2, Math.max(-0.2, kl / klController.target - 1)) * count) / klController.horizon;
    if (entropyController && entropy !== undefined) {
      const { target, step, least, most } = entropyController;
      controlled.isBonusDue = entropy <= target;
      controlled.entropyBonus = Math.min(most, Math.max(least, controlled.entropyBonus + (entropy <= target ? step : -step)));
    }
  };

  return {
    async accumulate({ step, weights }) {
      const at = (step - begin) % updatesPerBatch;
      if (at === 0) batch = await prepare(weights, step);
      if (!batch) throw new Error(`policy learner: update ${step} continues a batch that was never drawn.`);
      const part = at % policy.miniBatches;
      const size = Math.ceil(batch.groups.length / policy.miniBatches);
      const groups = batch.groups.slice(part * size, (part + 1) * size);
      const result = await update(batch, groups, weights);
      return { ...result, drawSeconds: at === 0 ? batch.metrics['timing/draw_s'] ?? 0 : 0, metrics: { ...(at === 0 ? batch.metrics : {}), ...result.metrics } };
    },
    isAtRest: (step) => (step - begin) % updatesPerBatch === 0,
    save: () => ({ controlled: { ...controlled }, curricula: curricula.map((curriculum) => curriculum.save?.() ?? null) }),
    restore(state) {
      const { controlled: before, curricula: states } = state as { controlled: Controlled; curricula: readonly unknown[] };
      Object.assign(controlled, before);
      curricula.forEach((curriculum, i) => {
        if (states[i] !== null && states[i] !== undefined) curriculum.restore?.(states[i]);
      });
    },
    async release() {
      await graphs.release();
      await model.release();
      await referenceModel.release();
    },
  };
}

/** The preset's switches with the stage's changes; without a reference nothing pulls towards it. */
function effective({ objective, reference }: PolicyStage): ObjectiveSwitches {
  const switches = switchesOf(objective.preset, objective.switches as Partial<ObjectiveSwitches>);
  return reference === 'none' ? { ...switches, beta: 0 } : switches;
}

/** Whether an answer to the question is right or wrong, with nothing between. */
const isBinary = ({ turn }: Prompt): boolean => ['choice', 'yesNo', 'word', 'number'].includes(turn.gold.kind);

function sequenceOf({ completion, advantage, given, imitation }: Rollout, scored: Scored | undefined, switches: ObjectiveSwitches): PolicySequence {
  return {
    logprobs: completion.logprobs, sampler: completion.logprobs, advantage, mask: lossMask(completion.tokens.length, { finished: completion.finished, ...(given === undefined ? {} : { given }) }, switches),
    ...(scored?.old ? { old: scored.old } : {}), ...(scored?.entropy ? { entropy: scored.entropy } : {}), ...(scored?.reference ? { reference: scored.reference } : {}), ...(imitation === undefined ? {} : { imitation }),
  };
}

/** A lesson without the completions whose every term is 0. */
function taught({ prompt, rollouts, sequences, weights }: Lesson): Lesson {
  const isSet = (numbers: readonly number[]): boolean => numbers.some((x) => x !== 0);
  const at = rollouts.flatMap((_, i) => {
    const { policy, kl, entropy, imitation } = weights[i]!;
    return isSet(kl) || isSet(entropy) || isSet(imitation) || (sequences[i]!.advantage !== 0 && isSet(policy)) ? [i] : [];
  });
  const of = <T>(all: readonly T[]): T[] => at.map((i) => all[i]!);
  return { prompt, rollouts: of(rollouts), sequences: of(sequences), weights: of(weights) };
}

/** Whether two sets of weights have the same tower. */
const seesAlike = (a: Weights, b: Weights): boolean => [...a].every(([name, values]) => {
  const others = b.get(name);
  return !name.startsWith('visual.') || values === others || (others !== undefined && values.every((value, i) => value === others[i]));
});

/** Σ over tokens of the estimated KL between the policy before the update and the reference. */
const distance = ({ old, reference }: Scored, switches: ObjectiveSwitches): number =>
  (old && reference ? old.reduce((total, logprob, t) => total + klEstimate(logprob - reference[t]!, switches).value, 0) : 0);

/** Rewards become advantages; rollouts are replaced by ones that carry theirs. */
function withAdvantages(
  groups: readonly Group[], plan: StepPlan, switches: ObjectiveSwitches, kl: { readonly beta: number; readonly of: (rollout: Rollout) => number } | undefined, onReplaced: (before: Rollout, after: Rollout) => void,
): Group[] {
  const { overlong } = switches;
  const names = plan.rewards.map(({ name }) => name);
  const weights = [...plan.rewards.map(({ weight }) => weight), ...(overlong ? [1] : []), ...(kl ? [-kl.beta] : [])];
  const rows = groups.map(({ rollouts }) => rollouts.map((rollout) => [
    ...names.map((name) => rollout.rewards[name] ?? null),
    ...(overlong ? [overlongPenalty(rollout.completion.tokens.length, plan.maxNewTokens, overlong)] : []), ...(kl ? [kl.of(rollout)] : []),
  ]));
  const judged = judgeGroups(rows, weights, switches);
  return groups.map(({ prompt, rollouts }, g) => ({
    prompt,
    rollouts: rollouts.map((rollout, i) => {
      const after: Rollout = { ...rollout, reward: judged[g]!.rewards[i]!, advantage: judged[g]!.advantages[i]! };
      onReplaced(rollout, after);
      return after;
    }),
  }));
}

/** Seconds by what they were spent on. */
class Timing {
  private readonly seconds = new Map<string, number>();

  async during<T>(what: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      return await work();
    } finally {
      this.seconds.set(what, (this.seconds.get(what) ?? 0) + (performance.now() - started) / 1000);
    }
  }

  get metrics(): Record<string, number> {
    return Object.fromEntries([...this.seconds].map(([what, seconds]) => [`timing/${what}_s`, seconds]));
  }
}
