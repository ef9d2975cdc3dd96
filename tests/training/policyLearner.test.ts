import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '#models/base/fault.ts';
import { openCheckpoint, type CheckpointParts } from '#models/weights/checkpoint.ts';
import { openSafetensors, readTensor } from '#models/weights/safetensors.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { Recipe } from '#training/records/recipe.ts';
import { RolloutLine } from '#training/records/rollout.ts';
import { StepRecord } from '#training/records/run.ts';
import { train, type TrainOptions } from '#training/trainer.ts';

let records: readonly CaseRecord[];
let parts: CheckpointParts;
beforeAll(async () => {
  records = await casesOf([writeTinyIndex()], {});
  parts = partsOf(tinyRecipe, records);
});

/** A network without any knowledge does not know when to stop. */
const switches = { maskTruncated: false };
/** The nearer the text is to a row of e's, the better: a goal that a network without any knowledge can come nearer to. */
const goal = { name: 'editSimilarity', options: { target: 'e'.repeat(16) } };
type Changes = { readonly [K in keyof Recipe]?: unknown } & { readonly policy?: Readonly<Record<string, unknown>>; readonly stage?: Readonly<Record<string, unknown>> };
const recipeOf = ({ policy, stage, ...changes }: Changes = {}): Recipe => Recipe.parse({
  ...tinyRecipe, dropBranches: 0, checkpointEvery: 100, optimizer: { ...tinyRecipe.optimizer, weightDecay: 0, learningRate: 3e-2 },
  stages: [{
    learns: 'policy', steps: 4, pixels: 56 * 56, batch: 2, ...stage,
    policy: { objective: { preset: 'grpo', switches }, rewards: [goal], rollouts: 4, maxNewTokens: 6, ...policy },
  }],
  ...changes,
});

const newRun = (): string => join(mkdtempSync(join(tmpdir(), 'loupe-policy-')), 'run');
const run = (recipe: Recipe, folder: string, options: Partial<TrainOptions> = {}): Promise<number> => train({ recipe, records, run: folder, parts, ...options });
const weightsFile = (folder: string): string => (existsSync(join(folder, 'final', 'model.safetensors')) ? 'model.safetensors' : 'adapter_model.safetensors');
const hashOf = (folder: string): string => createHash('sha256').update(readFileSync(join(folder, 'final', weightsFile(folder)))).digest('hex');
const metrics = (folder: string): StepRecord[] => readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => StepRecord.parse(JSON.parse(line)));
const untimed = (folder: string): unknown[] => metrics(folder).map((record) => Object.fromEntries(Object.entries(record).filter(([name]) => !name.endsWith('_s'))));
const linesOf = (folder: string, step: number): RolloutLine[] =>
  readFileSync(join(folder, 'rollouts', `step-${String(step).padStart(6, '0')}.jsonl`), 'utf8').trim().split('\n').map((line) => RolloutLine.parse(JSON.parse(line)));
const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;
const codeOf = (attempt: Promise<unknown>): Promise<string> => attempt.then(() => 'none', (fault: unknown) => (fault as Fault).code ?? String(fault));

test('trying, praising and comparing raises the reward of a goal that is easily met', async () => {
  const folder = newRun();
  await run(recipeOf({ stage: { steps: 12 }, policy: { rollouts: 8, objective: { preset: 'bnpo', switches } } }), folder);
  const rewards = metrics(folder).map(({ reward }) => reward as number);
  expect(mean(rewards.slice(-3))).toBeGreaterThan(mean(rewards.slice(0, 3)) + 0.15);
});

describe('a run that was stopped and resumed gives the same bytes as one that was not', () => {
  const both = async (recipe: Recipe, until: number): Promise<void> => {
    const [whole, parted] = [newRun(), newRun()];
    await run(recipe, whole);
    await run(recipe, parted, { until });
    await run(recipe, parted, { resume: true });
    expect(hashOf(parted)).toBe(hashOf(whole));
    expect(untimed(parted)).toEqual(untimed(whole));
    expect(readdirSync(join(parted, 'rollouts'))).toEqual(readdirSync(join(whole, 'rollouts')));
    const steps = readdirSync(join(whole, 'rollouts')).length;
    expect(linesOf(parted, steps)).toEqual(linesOf(whole, steps));
  };

  test('with a reference, whose weights are read back', () => both(recipeOf(), 2));
  test('with an adapter on a base', async () => both(recipeOf({ ...await adapted(), stage: { steps: 2 } }), 1));
  test('with what curricula and controllers remember', () => both(recipeOf({ policy: {
    rollouts: 2, maxNewTokens: 3, objective: { preset: 'grpo', switches: { ...switches, klController: { target: 0.001, horizon: 10 }, entropyController: { target: 9, step: 0.01, least: 0, most: 1 } } },
    rewards: [goal], curricula: [{ name: 'replay', options: { episode: 4 } }],
  } }), 2));
  test('with a second stage that holds to what the first one made', () => both(recipeOf({ stages: [
    recipeOf({ stage: { steps: 2 } }).stages[0], recipeOf({ stage: { steps: 2 }, policy: { reference: 'previousStage' } }).stages[0],
  ] }), 3));
});

/** A base that was written to a folder, and an adapter on it. */
async function adapted(): Promise<Changes> {
  const base = newRun();
  await run({ ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, steps: 1 }] }, base);
  return { start: { folder: join(base, 'final') }, trained: 'self_attn\\.[qv]_proj$', adapter: { rank: 4, alpha: 8 } };
}

describe('what is frozen stays as it was, to the bit', () => {
  const changedBy = async (trained: string): Promise<string[]> => {
    const base = newRun();
    await run({ ...tinyRecipe, stages: [{ ...tinyRecipe.stages[0]!, steps: 1 }] }, base);
    const folder = newRun();
    await run(recipeOf({ start: { folder: join(base, 'final') }, trained, stage: { steps: 2 }, checkpointEvery: 2 }), folder);
    const [before, after] = [openCheckpoint(join(base, 'final')).tensors, openCheckpoint(join(folder, 'checkpoints', 'step-000002')).tensors];
    return [...before.keys()].filter((name) => {
      const now = readTensor(after.get(name)!);
      return readTensor(before.get(name)!).some((value, i) => value !== now[i]);
    });
  };

  test('where the connector alone is trained', async () => {
    const changed = await changedBy('^visual\\.merger\\.');
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.filter((name) => !name.startsWith('visual.merger.'))).toEqual([]);
  });

  test('where the tower is not trained, whose rows are then computed once', async () => {
    const changed = await changedBy('^model\\.');
    expect(changed.length).toBeGreaterThan(10);
    expect(changed.filter((name) => name.startsWith('visual.'))).toEqual([]);
  });

  test('where an adapter is trained; without it the base is the reference', async () => {
    const folder = newRun();
    await run(recipeOf({ ...await adapted(), stage: { steps: 2 }, checkpointEvery: 2 }), folder);
    const kept = [...openSafetensors(join(folder, 'checkpoints', 'step-000002', 'trainer.safetensors')).tensors.keys()];
    expect(kept.length).toBe(4 * 2 * 2 * 2);
    expect(kept.filter((name) => !name.includes('.lora_'))).toEqual([]);
    // An adapter begins as nothing.
    const [first, second] = metrics(folder);
    expect(first!['kl']).toBeLessThan(1e-9);
    expect(second!['kl']).toBeGreaterThan(1e-9);
  });
});

describe('several updates on one batch of rollouts', () => {
  test('compare each with what the model thought before the first', async () => {
    const folder = newRun();
    await run(recipeOf({ policy: { iterations: 2, miniBatches: 2, objective: { preset: 'bnpo', switches } } }), folder);
    const drift = metrics(folder).map(({ approx_kl }) => Math.abs(approx_kl as number));
    expect(drift[0]).toBeLessThan(1e-6);
    expect(Math.min(...drift.slice(1))).toBeGreaterThan(1e-4);
    // One question each, and both are asked about once more in the second pass.
    expect(metrics(folder).map(({ images }) => images)).toEqual([1, 1, 1, 1]);
    expect(readdirSync(join(folder, 'rollouts'))).toEqual(['step-000001.jsonl']);
    expect(metrics(folder).map(({ reward }) => reward !== undefined)).toEqual([true, false, false, false]);
  });

  test('are kept and resumed only between batches', async () => {
    const recipe = recipeOf({ stage: { steps: 6 }, policy: { iterations: 3 }, checkpointEvery: 2 });
    const [whole, parted] = [newRun(), newRun()];
    await run(recipe, whole);
    await run(recipe, parted, { until: 4 });
    expect(readdirSync(join(parted, 'checkpoints'))).toEqual(['step-000003']);
    await run(recipe, parted, { resume: true });
    expect(hashOf(parted)).toBe(hashOf(whole));
  });
});

test('completions that teach nothing are left out, and the gradient is the same', async () => {
  const gradientOf = async (beta: number): Promise<StepRecord> => {
    const folder = newRun();
    // Two of four answers earn the same in most groups; the pull is too small to be seen, but it reaches every completion.
    await run(recipeOf({ stage: { steps: 1, batch: 3 }, policy: { rollouts: 4, maxNewTokens: 2, objective: { preset: 'bnpo', switches: { ...switches, beta } } } }), folder);
    return metrics(folder)[0]!;
  };
  const [free, held] = [await gradientOf(0), await gradientOf(1e-12)];
  expect(free.learnt_tokens).toBeLessThan(held.learnt_tokens);
  expect(free.grad_norm).toBeCloseTo(held.grad_norm, 4);
  expect(free['kl']).toBeUndefined();
  expect(held['kl']).toBeDefined();
});

test('an update without anything to learn from changes nothing and says so', async () => {
  const folder = newRun();
  // Nothing but a right answer earns anything, and there is none.
  await run(recipeOf({ stage: { steps: 2 }, policy: { rewards: [{ name: 'vlmR1Format' }], objective: { preset: 'bnpo', switches } } }), folder);
  expect(metrics(folder).map(({ learnt_tokens, grad_norm, frac_reward_zero_std }) => [learnt_tokens, grad_norm, frac_reward_zero_std])).toEqual([[0, 0, 1], [0, 0, 1]]);
  expect(metrics(folder)[0]).not.toHaveProperty('entropy');
  const start = openSafetensors(join(folder, 'stages', '1', 'start.safetensors')).tensors;
  const end = openCheckpoint(join(folder, 'checkpoints', 'step-000002')).tensors;
  expect([...start].filter(([name, entry]) => readTensor(entry).some((value, i) => value !== readTensor(end.get(name)!)[i]))).toEqual([]);
});

test('a specialist of a rare kind is asked about that kind alone, however many others there are', async () => {
  const folder = newRun();
  const others = Array.from({ length: 2000 }, (_, at): CaseRecord => ({ ...records[0]!, id: `other${at}`, modality: 'ct' }));
  await train({ recipe: recipeOf({ stage: { steps: 1 }, policy: { curricula: [{ name: 'specialist', options: { modalities: ['ultrasound'] } }] } }), records: [...others, records[1]!], run: folder, parts });
  expect(linesOf(folder, 1).map(({ case: id }) => id)).toEqual([records[1]!.id, records[1]!.id]);
});

test('a stage may start anew from the weights of the run\'s beginning, with an optimizer that has seen nothing', async () => {
  const folder = newRun();
  const stage = recipeOf({ stage: { steps: 2 } }).stages[0]!;
  await run(recipeOf({ optimizer: { ...recipeOf().optimizer, beta2: 0.999 }, stages: [stage, { ...stage, from: 'start', steps: 1 }] }), folder);
  const [first, second] = [1, 2].map((at) => openSafetensors(join(folder, 'stages', String(at), 'start.safetensors')).tensors);
  expect([...first!.keys()]).toEqual([...second!.keys()]);
  expect([...first!].filter(([name, entry]) => readTensor(entry).some((value, i) => value !== readTensor(second!.get(name)!)[i]))).toEqual([]);
  expect(metrics(folder).map(({ step, stage: at }) => [step, at])).toEqual([[1, 0], [2, 0], [3, 1]]);
  // The first update of AdamW moves no weight by more than the rate.
  const end = openCheckpoint(join(folder, 'checkpoints', 'step-000003')).tensors;
  const moves = [...second!].flatMap(([name, entry]) => [...readTensor(entry)].map((value, i) => Math.abs(value - readTensor(end.get(name)!)[i]!)));
  const rate = metrics(folder).at(-1)!.learning_rate;
  expect(Math.max(...moves.slice(0, 50_000))).toBeGreaterThan(0.5 * rate);
  expect(moves.every((move) => move < 1.01 * rate)).toBe(true);
});

test('parts of the tokens by their entropy, a correction of the sampler, KL in the reward: every way of learning runs', async () => {
  for (const changes of [{ topEntropy: 0.5 }, { samplerCorrection: { level: 'token', beyond: 'truncate', cap: 2, floor: null } }, { klPlacement: 'reward', beta: 0.1 }, { entropyBonus: 0.01 }] as const) {
    const folder = newRun();
    await run(recipeOf({ stage: { steps: 2 }, policy: { objective: { preset: 'bnpo', switches: { ...switches, ...changes } } } }), folder);
    expect(metrics(folder).map(({ grad_norm }) => grad_norm > 0)).toEqual([true, true]);
  }
});

test('an update tells what was tried, by the names that TRL uses where it has one', async () => {
  const folder = newRun();
  await run(recipeOf({ stage: { steps: 1 } }), folder);
  const [line] = metrics(folder);
  for (const name of [
    'reward', 'reward_std', 'frac_reward_zero_std', 'rewards/editSimilarity/mean', 'rewards/editSimilarity/std', 'accuracy', 'kl', 'beta', 'entropy', 'approx_kl', 'num_tokens',
    'completions/mean_length', 'completions/min_length', 'completions/max_length', 'completions/clipped_ratio', 'completions/mean_terminated_length', 'completions/parse_failures',
    'clip_ratio/low_mean', 'clip_ratio/low_min', 'clip_ratio/high_mean', 'clip_ratio/high_max', 'clip_ratio/region_mean',
    'sampling/sampling_logp_difference/mean', 'sampling/sampling_logp_difference/max', 'timing/rollout_s', 'timing/scoring_s', 'timing/reference_s', 'timing/update_s',
  ]) expect(line, name).toHaveProperty([name]);
  expect(line!['sampling/sampling_logp_difference/max']).toBeLessThan(1e-3);
  const [group] = linesOf(folder, 1);
  expect(group!.completions.length).toBe(4);
  expect(group!.completions.reduce((total, { advantage }) => total + advantage, 0)).toBeCloseTo(0, 5);
});

describe('what goes wrong is a fault that says what to do', () => {
  test('a reward that fails', async () => {
    const broken = { name: 'trlSoftOverlong', mode: 'published', options: { bufferTokens: 'many' } };
    const fault = await run(recipeOf({ policy: { rewards: [broken] } }), newRun()).then(() => null, (cause: unknown) => cause as Fault);
    expect([fault?.code, fault?.what.includes('trlSoftOverlong')]).toEqual(['train.reward', true]);
  });

  test('a reward that does not exist, before anything is sampled', async () => {
    const folder = newRun();
    expect(await codeOf(run(recipeOf({ policy: { rewards: [{ name: 'acuracy' }] } }), folder))).toBe('reward.name');
    expect(existsSync(join(folder, 'rollouts'))).toBe(false);
  });

  test('no cases, and cases without a question that can be checked', async () => {
    expect(await codeOf(train({ recipe: recipeOf(), records: [], run: newRun(), parts }))).toBe('train.unverifiable');
    expect(await codeOf(run(recipeOf({ policy: { questionTypes: ['no_such_type'] } }), newRun()))).toBe('train.unverifiable');
  });

  test('a full disk, while rollouts are written or an update is noted', async () => {
    for (const [folder, file] of [[newRun(), 'rollouts/step-000001.jsonl.part'], [newRun(), 'metrics.jsonl']] as const) {
      mkdirSync(join(folder, 'rollouts'), { recursive: true });
      symlinkSync('/dev/full', join(folder, file));
      expect(await codeOf(run(recipeOf({ stage: { steps: 1 } }), folder)), file).toBe('train.write');
    }
  });
});

describe('a run that is interrupted', () => {
  test('keeps its place, and goes on as if nothing had happened', async () => {
    const [whole, parted] = [newRun(), newRun()];
    await run(recipeOf(), whole);
    const stop = new AbortController();
    expect(await run(recipeOf(), parted, { signal: stop.signal, onStep: ({ step }) => { if (step === 2) stop.abort(); } })).toBe(2);
    expect(readdirSync(join(parted, 'checkpoints'))).toEqual(['step-000002']);
    expect(await run(recipeOf(), parted, { resume: true })).toBe(4);
    expect(hashOf(parted)).toBe(hashOf(whole));
  });

  test('finishes the updates on a batch, and forgets a batch that was being tried', async () => {
    const recipe = recipeOf({ policy: { iterations: 2 } });
    const stop = new AbortController();
    const folder = newRun();
    expect(await run(recipe, folder, { signal: stop.signal, onStep: ({ step }) => { if (step === 1) stop.abort(); } })).toBe(2);
    expect(readdirSync(join(folder, 'checkpoints'))).toEqual(['step-000002']);
    const later = new AbortController();
    const other = newRun();
    expect(await run(recipe, other, { signal: later.signal, onStep: ({ step }) => { if (step === 2) setTimeout(() => { later.abort(); }); } })).toBe(2);
    expect(readdirSync(join(other, 'checkpoints'))).toEqual(['step-000002']);
    expect(await run(recipe, other, { resume: true })).toBe(4);
  });
});

describe('held-out cases are asked about in between', () => {
  test('by the averaged weights, without any trace in what is learnt', async () => {
    const [plain, validated, parted] = [newRun(), newRun(), newRun()];
    const recipe = recipeOf({ validate: { every: 3, max: 3 } });
    await run(recipeOf(), plain);
    await run(recipe, validated, { held: records });
    await run(recipe, parted, { held: records, until: 2 });
    await run(recipe, parted, { held: records, resume: true });
    expect(hashOf(validated)).toBe(hashOf(plain));
    const accuracies = metrics(validated).map((record) => record['eval_macro_accuracy']);
    expect(accuracies.map((accuracy) => accuracy !== undefined)).toEqual([false, false, true, true]);
    for (const record of metrics(validated).slice(2)) {
      expect(record['eval_macro_accuracy']).toBeGreaterThanOrEqual(0);
      expect(record['eval_image_reliance']).toBeGreaterThanOrEqual(-1);
      // No case of these has a box.
      expect(record['eval_box_iou']).toBeUndefined();
    }
    // The stopped run measured at its end too.
    expect(metrics(parted)[1]).toHaveProperty('eval_macro_accuracy');
    expect(untimed(parted).slice(2)).toEqual(untimed(validated).slice(2));
  });

  test('not where there are none, and not in a run that is stopped meanwhile', async () => {
    const folder = newRun();
    await run(recipeOf({ stage: { steps: 1 }, validate: { every: 1 } }), folder);
    expect(metrics(folder)[0]).not.toHaveProperty('eval_macro_accuracy');
    const [stop, stopped] = [new AbortController(), newRun()];
    const held = records.map((record, i) => (i < 6 ? record : { ...record, get file() { stop.abort(); return record.file; } }));
    expect(await run(recipeOf({ validate: { every: 1, max: 12 } }), stopped, { held, signal: stop.signal })).toBe(1);
    expect(metrics(stopped).map((record) => 'eval_macro_accuracy' in record)).toEqual([false]);
    expect(readdirSync(join(stopped, 'checkpoints'))).toEqual(['step-000001']);
  });
});

test('an entropy of every token goes with each completion, and the bonus waits until it is low', async () => {
  const controlled = async (target: number): Promise<string> => {
    const folder = newRun();
    const entropyController = { target, step: 0.5, least: 0, most: 1 };
    await run(recipeOf({ stage: { steps: 3 }, policy: { objective: { preset: 'bnpo', switches: { ...switches, entropyBonus: 0.5, entropyController } } } }), folder);
    for (const { completions } of linesOf(folder, 1)) for (const { entropies, tokens } of completions) {
      expect(entropies!.length).toBe(tokens.length);
      // ln of a vocabulary of at most 400.
      expect(Math.min(...entropies!)).toBeGreaterThan(1);
      expect(Math.max(...entropies!)).toBeLessThanOrEqual(6);
    }
    return hashOf(folder);
  };
  const without = newRun();
  await run(recipeOf({ stage: { steps: 3 }, policy: { objective: { preset: 'bnpo', switches } } }), without);
  // Above the target the bonus is never due, whatever it has grown to.
  expect(await controlled(0.01)).toBe(hashOf(without));
  expect(await controlled(9)).not.toBe(hashOf(without));
});

test('the checkpoint of the best rewards stays on the disk beside the newest, and a budget is kept to', async () => {
  const keptBy = async (keep: unknown): Promise<{ readonly steps: readonly string[]; readonly rewards: readonly number[] }> => {
    const folder = newRun();
    await run(recipeOf({ stage: { steps: 4 }, checkpointEvery: 1, keep }), folder);
    return { steps: readdirSync(join(folder, 'checkpoints')).sort(), rewards: metrics(folder).map(({ reward }) => reward as number) };
  };
  const { steps, rewards } = await keptBy({ last: 1, best: 1 });
  const best = rewards.indexOf(Math.max(...rewards)) + 1;
  expect(steps).toEqual([...new Set([best, 4])].sort().map((step) => `step-00000${step}`));
  expect((await keptBy({ last: 4, best: 0, budgetBytes: 1 })).steps).toEqual(['step-000004']);
});
