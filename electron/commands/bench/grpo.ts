/**
 * A GRPO step beside TRL's: the same checkpoint, drawn pictures, group size, length limit and rewards, from sampling to the changed weights. Ours
 * draws the questions; TRL puts the same ones in the same order, so that both write answers of the same length.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { readRollouts, rolloutSteps } from '#training/readRun.ts';
import { Recipe } from '#training/records/recipe.ts';
import { train } from '#training/trainer.ts';
import { exportDrawn, type AskedOfCase } from '#electron/commands/dataset/export.ts';
import { peakRssMb, rounded, sampleOf } from './measure.ts';
import type { Peer } from './peer.ts';

const [prompts, group, pixels, newTokens, pictures] = [4, 8, 224 * 224, 128, 16];
/** Runs of either side in turn, so that both see the same load of the machine. */
const turns = 2;

export interface GrpoBench {
  readonly model: string;
  readonly peer: Peer | null;
  readonly rounds: number;
  readonly threads: number;
}

/** Seconds of one step in its parts; `processor` is what all threads together worked, which a shared machine changes least. */
type Step = Readonly<Record<(typeof parts)[number], number>> & { readonly length: number };
const parts = ['step', 'rollout', 'scoring', 'reference', 'update', 'processor'] as const;

type PeerSteps = Readonly<Record<keyof Step, readonly number[]>> & { readonly peak_rss_mb: number; readonly parameters: number };

export async function benchGrpo({ model, peer, rounds, threads }: GrpoBench): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-bench-grpo-'));
  const steps = Math.max(1, Math.ceil(rounds / turns));
  const recipe = recipeFor(model, steps + 1);
  const [own, theirs]: [Step[], Step[]] = [[], []];
  let about: Record<string, unknown> | null = null;
  try {
    for (let turn = 0; turn < turns; turn++) {
      const run = join(folder, `run${turn}`);
      own.push(...(await ourSteps(recipe, run)));
      if (!peer) continue;
      if (turn === 0) {
        await exportDrawn({ recipe, pictures, asked: askedIn(run), out: join(folder, 'job') });
        about = { name: (await peer.ask({ do: 'prepare', job: join(folder, 'job'), threads })).version };
      }
      const reply = await peer.ask({ do: 'steps', count: steps }) as unknown as PeerSteps;
      theirs.push(...reply.step.map((step, at) => ({
        step, rollout: reply.rollout[at]!, scoring: reply.scoring[at]!, reference: reply.reference[at]!, update: reply.update[at]!,
        processor: reply.processor[at]!, length: reply.length[at]!,
      })));
      about = { ...about, peak_rss_mb: Math.round(reply.peak_rss_mb), parameters: reply.parameters };
    }
    const ours = summary(own);
    const peers = theirs.length > 0 ? summary(theirs) : null;
    return {
      what: `GRPO step, ${prompts} × ${group} completions of at most ${newTokens} tokens, ${Math.sqrt(pixels)}² pictures, all weights, KL to a reference`,
      ours: { ...ours, threads, peak_rss_mb: peakRssMb() },
      ...(peers ? { peer: { ...peers, threads, ...about }, ratio: rounded(peers.step_s / ours.step_s), processor_ratio: rounded(peers.processor_s / ours.processor_s) } : {}),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function recipeFor(model: string, steps: number): Recipe {
  return Recipe.parse({
    name: 'benchGrpo', source: 'GRPO as in VLM-R1', seed: 11, start: { folder: model }, trained: '.',
    stages: [{
      learns: 'policy', steps, pixels, batch: prompts, phantoms: pictures,
      policy: { objective: { preset: 'grpo/vlmR1' }, rewards: [{ name: 'accuracy' }], rollouts: group, maxNewTokens: newTokens, reference: 'start' },
    }],
    optimizer: { learningRate: 1e-6, warmupSteps: 0, floor: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clip: 1, average: 0 },
    dropBranches: 0, localAttention: 0, augment: { plain: 1, zoom: 1, aspect: 1, shift: 0, turn: 0, colour: 0, erase: 0 }, setWeights: {},
    answerWeight: 1, checkpointEvery: 1_000_000,
  });
}

/** Our trainer, as `loupe train` runs it; the first step compiles its graphs and does not count. */
async function ourSteps(recipe: Recipe, run: string): Promise<readonly Step[]> {
  const steps: Step[] = [];
  const { folder } = recipe.start as { readonly folder: string };
  let before = performance.now();
  let worked = process.cpuUsage();
  await train({
    recipe, records: [], run, parts: openCheckpoint(folder),
    onStep(record) {
      const now = performance.now();
      const measured = record as unknown as Readonly<Record<string, number | undefined>>;
      const seconds = (what: string): number => measured[`timing/${what}_s`] ?? 0;
      const [rollout, scoring, reference, step] = [seconds('rollout'), seconds('scoring'), seconds('reference'), (now - before) / 1000];
      const { user, system } = process.cpuUsage(worked);
      before = now;
      worked = process.cpuUsage();
      const update = step - rollout - scoring - reference;
      steps.push({ step, rollout, scoring, reference, update, processor: (user + system) / 1e6, length: measured['completions/mean_length'] ?? NaN });
    },
  });
  return steps.slice(1);
}

/** The questions of a run in their order. */
const askedIn = (run: string): readonly AskedOfCase[] => rolloutSteps(run).flatMap((step) => readRollouts(run, step));

/** Medians of the parts; the update holds everything that is none of the others. */
function summary(steps: readonly Step[]): Record<`${(typeof parts)[number]}_s` | 'mean_length' | 'runs', number> {
  const median = (of: (step: Step) => number): number => sampleOf(steps.map(of)).median_ms;
  return {
    ...Object.fromEntries(parts.map((part) => [`${part}_s`, median((step) => step[part])])) as Record<`${(typeof parts)[number]}_s`, number>,
    mean_length: median(({ length }) => length), runs: steps.length,
  };
}
