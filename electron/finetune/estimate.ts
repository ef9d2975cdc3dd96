/** What a run will need: its largest batch and the first updates of each stage are made in this process and thrown away, so that the figures are this machine's own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Estimate } from '#electron/contract/finetune.ts';
import { filterCases } from '#training/data/cases.ts';
import { partsOf } from '#training/prepare.ts';
import { preflight } from '#training/preflight.ts';
import type { Recipe, Stage } from '#training/records/recipe.ts';
import { largestBatchTrial } from '#training/trial.ts';
import { train, type TrainOptions } from '#training/trainer.ts';
import { casesBefore, recordsOf } from './data.ts';
import { plannedRecipe, recipeNamed } from './recipe.ts';
import { checkpointBytes, folderBytes, freeBytes } from './size.ts';
import type { Order, Progress } from './trainer.ts';

/** Of so many cases each row is opened and each right answer scored. */
const casesLookedAt = 60;
/** Updates of each stage that are tried; the first one also builds the graphs, which every stage does once. */
const updatesTried = 4;

/** Pictures and completions of ever other sizes come up in a run by rewards: over forty updates it took 1.5 times what its first four take (docs/experiments.md). */
const growth = 1.5;

export async function estimate({ plan, source, model, ownRecipes, runsFolder }: Order & { readonly runsFolder: string }, { signal, tell }: { readonly signal: AbortSignal; readonly tell: (progress: Progress) => void }): Promise<Estimate> {
  const began = performance.now();
  const recipe = plannedRecipe(recipeNamed(plan.recipe, ownRecipes), plan, model);
  // Cases that are drawn from a seed are drawn once, whoever asks for them first.
  const records = filterCases(await recordsOf(source), { splits: ['train'] });
  const parts = partsOf(recipe, records);
  const there = performance.now();
  const report = await preflight({ recipe, records, parts, most: casesLookedAt, signal, attempt: largestBatchTrial({ recipe, parts, signal }), onProgress: (done, total) => tell({ what: 'cases', done, total }) });
  const tried = report.trial?.seconds ?? 0;
  const looked = (performance.now() - there) / 1000 - tried;
  const folder = mkdtempSync(join(tmpdir(), 'loupe-estimate-'));
  const stages: StageTimes[] = [];
  let diskBytes = 0;
  try {
    // With an error the trial would fail too, and in other words.
    for (const [at, stage] of report.problems.some(({ severity }) => severity === 'error') ? [] : recipe.stages.entries()) {
      tell({ what: 'stages', done: at, total: recipe.stages.length });
      const run = join(folder, `stage-${at}`);
      stages.push(await timesOf({ ...recipe, stages: [alone(stage)], checkpointEvery: 1_000_000 }, { records, run, parts, signal }));
      signal.throwIfAborted();
      diskBytes += stage.learns === 'policy' ? folderBytes(join(run, 'rollouts')) / updatesTried * stage.steps : 0;
    }
    tell({ what: 'stages', done: recipe.stages.length, total: recipe.stages.length });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const steps = recipe.stages.reduce((total, stage) => total + stage.steps, 0);
  const updating = recipe.stages.reduce((total, stage, at) => total + stage.steps * (stages[at]?.update ?? 0), 0);
  // A run has a process of its own, which starts as this one did, tries its largest batch, looks at its cases, and keeps what it has learnt every so often and at its end.
  const kept = Math.floor(steps / recipe.checkpointEvery) + 1;
  const beside = began / 1000 + tried + looked * Math.min(casesBefore, records.length) / Math.max(1, Math.min(casesLookedAt, records.length))
    + stages.reduce((total, { opening }) => total + opening, 0) + kept * Math.max(0, ...stages.map(({ keeping }) => keeping));
  return {
    steps, stepSeconds: stages.map(({ update }) => update), besideSeconds: beside, totalSeconds: beside + (plan.minutes === null ? updating : Math.min(updating, plan.minutes * 60)),
    memoryBytes: process.resourceUsage().maxRSS * 1024 * (recipe.stages.some(({ learns }) => learns === 'policy') ? growth : 1), memoryTotal: totalmem(),
    diskBytes: diskBytes + checkpointBytes(recipe, model), diskFree: freeBytes(runsFolder), cases: records.length, seconds: (performance.now() - began) / 1000,
    problems: report.problems.map(({ severity, code, where, seen, remedy }) => ({ severity, code, where, seen, remedy })),
  };
}

/** Seconds. */
interface StageTimes {
  /** Until the first update can be made: weights opened, their lineage read, graphs built. */
  readonly opening: number;
  /** Of one update, at the mean. */
  readonly update: number;
  /** To keep what was learnt. */
  readonly keeping: number;
}

/** Of a stage that is tried as a run makes it, its checkpoint included. */
async function timesOf(recipe: Recipe, { records, run, parts, signal }: Pick<TrainOptions, 'records' | 'run' | 'parts'> & { readonly signal: AbortSignal }): Promise<StageTimes> {
  const began = performance.now();
  const updates: { readonly at: number; readonly seconds: number }[] = [];
  await train({ recipe, records, run, parts, until: updatesTried, signal, onStep: ({ step_s: seconds }) => updates.push({ at: performance.now(), seconds }) });
  const counted = updates.length > 1 ? updates.slice(1) : updates;
  const update = counted.reduce((total, { seconds }) => total + seconds, 0) / Math.max(1, counted.length);
  return { update, opening: Math.max(0, ((updates[0]?.at ?? began) - began) / 1000 - update), keeping: (performance.now() - (updates.at(-1)?.at ?? began)) / 1000 };
}

/** The stage by itself, without the data that would be written for it. */
function alone({ data: _data, from: _from, restart: _restart, policy, ...stage }: Stage): Stage {
  const steps = updatesTried;
  if (!policy) return { ...stage, steps };
  const { objective } = policy;
  return { ...stage, steps, policy: { ...policy, curricula: [], objective: { ...objective, switches: { ...objective.switches, dynamicSampling: null } } } };
}
