/** One sitting of a run in the training process: cases and recipe are kept before the first update, and every later sitting goes on from exactly there. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { closeArchives } from '#training/data/cases.ts';
import { preflight, requireReady } from '#training/preflight.ts';
import { partsOf } from '#training/prepare.ts';
import { keptParts } from '#training/state.ts';
import { train } from '#training/trainer.ts';
import { largestBatchTrial } from '#training/trial.ts';
import { casesBefore, keepCases, keptCases, recordsOf } from './data.ts';
import { runRecipe, trainerFolder } from './publish.ts';
import { plannedRecipe, recipeNamed } from './recipe.ts';
import type { Order, TrainNews, TrainResult } from './trainer.ts';

/** Whoever looks at images on this machine goes first. */
export function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch { /* a system that does not allow it trains at the usual priority */ }
}

export async function trainSitting(
  { plan, source, model, ownRecipes, folder, resume, secondsBefore }: Order & { readonly folder: string; readonly resume: boolean; readonly secondsBefore: number },
  { signal, tell }: { readonly signal: AbortSignal; readonly tell: (news: TrainNews) => void },
): Promise<TrainResult> {
  const began = performance.now();
  // A run that was interrupted before its first update begins as if it were new.
  const isBegun = resume && existsSync(join(folder, 'recipe.json'));
  if (!isBegun) {
    mkdirSync(folder, { recursive: true });
    const recipe = plannedRecipe(recipeNamed(plan.recipe, ownRecipes), plan, model);
    const records = keepCases(folder, source, await recordsOf(source)).filter(({ split }) => split === 'train');
    const parts = partsOf(recipe, records);
    const report = await preflight({ recipe, records, parts, most: casesBefore, signal, attempt: largestBatchTrial({ recipe, parts, signal }), onProgress: (done, total) => tell({ kind: 'looking', done, total }) });
    requireReady(report);
    writeFileSync(join(folder, 'recipe.json'), JSON.stringify(recipe, null, 1), { flush: true });
  }
  const recipe = runRecipe(folder);
  const records = keptCases(folder).filter(({ split }) => split === 'train');
  const run = trainerFolder(folder);
  const steps = recipe.stages.reduce((total, stage) => total + stage.steps, 0);
  tell({ kind: 'begun', steps });
  // The time that was ordered ends a run as a pause does, at rest and with its state kept; it only does not go on.
  const time = new AbortController();
  const budget = plan.minutes === null ? null : Math.max(0, plan.minutes * 60 - secondsBefore);
  const timer = budget === null ? null : setTimeout(() => time.abort(), Math.min(budget * 1000, 2 ** 31 - 1));
  try {
    const done = await train({
      recipe, records, run, parts: keptParts(run) ?? partsOf(recipe, records), resume: existsSync(join(run, 'manifest.json')), signal: AbortSignal.any([signal, time.signal]),
      onStep(record, secondsLeft) {
        tell({ kind: 'step', record, secondsLeft: budget === null ? secondsLeft : Math.min(secondsLeft, budget - (performance.now() - began) / 1000) });
      },
    });
    return { step: done, end: done >= steps || (time.signal.aborted && !signal.aborted) ? 'done' : null };
  } finally {
    if (timer) clearTimeout(timer);
    closeArchives();
  }
}
