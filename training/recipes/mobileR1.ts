/**
 * Mobile-R1: a policy for several steps in the viewer: demonstrations teach the form, rewarded steps what is right, rewarded tasks to explore and to mend.
 *
 * Source: arXiv 2506.20332; no training code was released, so that only the order of the stages and the form of a step are the paper's.
 * Defaults: G 8 for steps and 4 for tasks, temperature 1, EasyR1's objective, KL 0; twelve steps a task.
 * Departures: the environment is this viewer over drawn studies; the judge is a verifier that counts (`mobileR1Task`); the whole network learns the form, the
 * decoder alone learns from rewards; demonstrations hold slips, of which only what mends them is learnt. The first stage ends early once 95 % of what is tried on held-out
 * moments has the form, the second when 200 updates bring less than a point of right steps; neither end is published.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase } from './published.ts';

const pixels = 168 * 168;
const decoder = '^model\\.';

const act = { grammar: 'mobileR1', cases: 72, slips: 0.15 } as const;

export const mobileR1 = Recipe.parse({
  ...fromLoupeBase,
  name: 'mobileR1',
  source: 'Mobile-R1 (arXiv 2506.20332), in the viewer',
  seed: 47,
  stages: [
    { learns: 'act', pixels, steps: 600, batch: 16, tokens: 320, targets: 128, restart: { learningRate: 6e-4, warmupSteps: 20 }, act: { ...act, level: 'format', gate: { every: 100, form: 0.95 } } },
    { learns: 'act', pixels, steps: 400, batch: 8, accumulate: 2, trained: decoder, restart: { learningRate: 1.5e-5, warmupSteps: 5 }, act: { ...act, level: 'action', gate: { every: 200, moments: 200, gain: 0.01 } } },
    { learns: 'act', pixels, steps: 60, batch: 4, trained: decoder, restart: { learningRate: 1.5e-5, warmupSteps: 5 }, act: { ...act, level: 'task', rollouts: 4, families: ['find', 'zoom', 'measure', 'whole'] } },
  ],
  checkpointEvery: 50,
  keep: { last: 4, best: 0 },
});
