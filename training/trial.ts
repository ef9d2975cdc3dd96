/** One update of a run with its largest batch, made and thrown away: what a run needs is asked for before it begins. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '#models/runtime/session.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Recipe, Stage } from './records/recipe.ts';
import { train } from './trainer.ts';

export interface TrialOptions {
  readonly recipe: Recipe;
  readonly parts: CheckpointParts;
  readonly device?: Device;
  readonly signal?: AbortSignal;
}

/** For `preflight`: an update of one stage on the given cases, in a folder of its own that is gone afterwards. */
export const largestBatchTrial = ({ recipe, parts, device = 'cpu', signal }: TrialOptions) => async (index: number, records: readonly CaseRecord[]): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-trial-'));
  try {
    const trial: Recipe = { ...recipe, stages: [alone(recipe.stages[index]!)], checkpointEvery: 1_000_000 };
    await train({ recipe: trial, records, run: join(folder, 'run'), parts, device, until: 1, isTrial: true, ...(signal ? { signal } : {}) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** The stage as a run of one update: nothing before it, no data written for it, and every group kept, however alike its rewards. */
function alone({ data: _data, from: _from, restart: _restart, policy, act, ...stage }: Stage): Stage {
  if (act) {
    const { curation: _curation, gate: _gate, ...tried } = act;
    return { ...stage, act: tried, steps: 1 };
  }
  if (!policy) return { ...stage, steps: 1 };
  const { objective } = policy;
  return {
    ...stage, steps: 1,
    policy: { ...policy, iterations: 1, miniBatches: 1, curricula: [], objective: { ...objective, switches: { ...objective.switches, dynamicSampling: null } } },
  };
}
