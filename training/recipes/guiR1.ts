/**
 * GUI-R1: single steps in the viewer, rewarded for the right action and its form.
 *
 * Source: arXiv 2504.10458 and its released reward (`guiR1`).
 * Defaults: G 5, temperature 1, EasyR1's objective with its KL of 0.01; 0.8 for the action, 0.2 for the form; moments at which ten tries are all right or all wrong are left out before.
 * Departures: the actions are the viewer's and the reward is the strict one; a short stage of demonstrations goes first, without which the built-in checkpoint never writes the form
 * and no group teaches anything.
 */
import { Recipe } from '#training/records/recipe.ts';
import { fromLoupeBase } from './published.ts';

const pixels = 168 * 168;
const act = { grammar: 'guiR1', cases: 72, slips: 0.1 } as const;

export const guiR1 = Recipe.parse({
  ...fromLoupeBase,
  name: 'guiR1',
  source: 'GUI-R1 (arXiv 2504.10458), in the viewer',
  seed: 48,
  stages: [
    { learns: 'act', pixels, steps: 300, batch: 16, tokens: 320, targets: 128, restart: { learningRate: 6e-4, warmupSteps: 20 }, act: { ...act, level: 'format' } },
    {
      learns: 'act', pixels, steps: 150, batch: 8, accumulate: 2, trained: '^model\\.', restart: { learningRate: 1.5e-5, warmupSteps: 5 },
      act: { ...act, level: 'action', rollouts: 5, reference: 'previousStage', curation: { moments: 240, tries: 10 } },
    },
  ],
  checkpointEvery: 50,
  keep: { last: 4, best: 0 },
});
