/** Training in a process of its own, at low priority: a run is one process, and looking at runs is another. */
import type { Choices } from '#electron/contract/finetune.ts';
import { dataChoice } from '#electron/finetune/data.ts';
import { estimate } from '#electron/finetune/estimate.ts';
import { evaluateRun } from '#electron/finetune/evaluation.ts';
import { publishModel } from '#electron/finetune/publish.ts';
import { recipeChoices } from '#electron/finetune/recipe.ts';
import { rolloutPicture, shownRollouts } from '#electron/finetune/rollouts.ts';
import { trainSitting, yieldToOthers } from '#electron/finetune/session.ts';
import type { DataSource, ModelPlace } from '#electron/finetune/trainer.ts';
import { chainOf, lineageOf } from '#training/lineage.ts';
import { answerRequests } from './port.ts';

function modelChoice({ id, name, folder, isInUse }: ModelPlace): Choices['models'][number] {
  try {
    const lineage = lineageOf(folder);
    return { id, name, isInUse, lineage: lineage.hash, chain: chainOf(lineage).map((link) => ({ name: link.name, kind: link.kind, hash: link.hash, run: link.run?.recipe.name ?? null })) };
  } catch {
    return { id, name, isInUse, lineage: null, chain: [] };
  }
}

/** Heavy work lets others go first; looking is quick and does not. */
const heavy = <Argument, Result>(work: (argument: Argument, task: { signal: AbortSignal; tell: (news: unknown) => void }) => Promise<Result>) => (argument: Argument, task: { signal: AbortSignal; tell: (news: unknown) => void }): Promise<Result> => {
  yieldToOthers();
  return work(argument, task);
};

answerRequests({
  choices: async ({ sources, models, ownRecipes }: { sources: readonly DataSource[]; models: readonly ModelPlace[]; ownRecipes: string }): Promise<Choices> => ({
    recipes: [...recipeChoices(ownRecipes)], data: await Promise.all(sources.map(dataChoice)), models: models.map(modelChoice),
  }),
  rollouts: async (argument: { folder: string; step: number }) => shownRollouts(argument),
  picture: rolloutPicture,
  publishModel: async (argument: { folder: string; out: string }) => publishModel(argument),
  estimate: heavy(estimate),
  train: heavy(trainSitting),
  evaluate: heavy(evaluateRun),
});
