/** What a run will need: each stage is tried with its largest batch in this process and thrown away, so that the figures are this machine's own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Estimate } from '#electron/contract/finetune.ts';
import { filterCases } from '#training/data/cases.ts';
import { partsOf } from '#training/prepare.ts';
import { preflight } from '#training/preflight.ts';
import type { Recipe, Stage } from '#training/records/recipe.ts';
import { train } from '#training/trainer.ts';
import { recordsOf } from './data.ts';
import { plannedRecipe, recipeNamed } from './recipe.ts';
import { checkpointBytes, folderBytes, freeBytes } from './size.ts';
import type { Order, Progress } from './trainer.ts';

/** Of so many cases each row is opened and each right answer scored. */
const casesLookedAt = 60;
/** Updates of each stage that are tried; the first one also builds the graphs and is not counted. */
const updatesTried = 3;

export async function estimate({ plan, source, model, ownRecipes, runsFolder }: Order & { readonly runsFolder: string }, { signal, tell }: { readonly signal: AbortSignal; readonly tell: (progress: Progress) => void }): Promise<Estimate> {
  const began = performance.now();
  const recipe = plannedRecipe(recipeNamed(plan.recipe, ownRecipes), plan, model);
  const records = filterCases(await recordsOf(source), { splits: ['train'] });
  const parts = partsOf(recipe, records);
  const report = await preflight({ recipe, records, parts, most: casesLookedAt, signal, onProgress: (done, total) => tell({ what: 'cases', done, total }) });
  const folder = mkdtempSync(join(tmpdir(), 'loupe-estimate-'));
  const stepSeconds: number[] = [];
  let diskBytes = 0;
  try {
    // With an error the trial would fail too, and in other words.
    for (const [at, stage] of report.problems.some(({ severity }) => severity === 'error') ? [] : recipe.stages.entries()) {
      tell({ what: 'stages', done: at, total: recipe.stages.length });
      const times: number[] = [];
      const trial: Recipe = { ...recipe, stages: [alone(stage)], checkpointEvery: 1_000_000 };
      const run = join(folder, `stage-${at}`);
      await train({ recipe: trial, records, run, parts, until: updatesTried, isTrial: true, signal, onStep: ({ step_s }) => times.push(step_s) });
      signal.throwIfAborted();
      diskBytes += stage.learns === 'policy' ? folderBytes(join(run, 'rollouts')) / updatesTried * stage.steps : 0;
      stepSeconds.push(median(times.length > 1 ? times.slice(1) : times));
    }
    tell({ what: 'stages', done: recipe.stages.length, total: recipe.stages.length });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const steps = recipe.stages.reduce((total, stage) => total + stage.steps, 0);
  const whole = recipe.stages.reduce((total, stage, at) => total + stage.steps * (stepSeconds[at] ?? 0), 0);
  return {
    steps, stepSeconds, totalSeconds: plan.minutes === null ? whole : Math.min(whole, plan.minutes * 60), memoryBytes: process.resourceUsage().maxRSS * 1024, memoryTotal: totalmem(),
    diskBytes: diskBytes + checkpointBytes(recipe, model), diskFree: freeBytes(runsFolder), cases: records.length, seconds: (performance.now() - began) / 1000,
    problems: report.problems.map(({ severity, code, where, seen, remedy }) => ({ severity, code, where, seen, remedy })),
  };
}

/** The stage by itself, without the data that would be written for it. */
function alone({ data: _data, from: _from, restart: _restart, policy, ...stage }: Stage): Stage {
  const steps = updatesTried;
  if (!policy) return { ...stage, steps };
  const { objective } = policy;
  return { ...stage, steps, policy: { ...policy, curricula: [], objective: { ...objective, switches: { ...objective.switches, dynamicSampling: null } } } };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted.length % 2 === 1 ? sorted[sorted.length >> 1]! : (sorted[(sorted.length >> 1) - 1]! + sorted[sorted.length >> 1]!) / 2;
}
