/** A plan and a recipe become the recipe of one run: its model, its length, its seed. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Plan, RecipeChoice } from '#electron/contract/finetune.ts';
import { Fault } from '#models/base/fault.ts';
import { findRecipe, recipes } from '#training/prepare.ts';
import type { Recipe } from '#training/records/recipe.ts';

/** Built-in recipes first, then those that lie as JSON files in this person's folder; one that cannot be read is left out. */
export function recipeChoices(ownFolder: string): readonly RecipeChoice[] {
  const own = ownNames(ownFolder).flatMap((name) => {
    try {
      return [choiceOf(name, findRecipe(join(ownFolder, `${name}.json`)), true)];
    } catch {
      return [];
    }
  });
  return [...Object.entries(recipes).filter(([, recipe]) => !isNoWriter(recipe)).map(([name, recipe]) => choiceOf(name, recipe, false)), ...own];
}

/** A localizer, and an encoder of images and sentences, are no models that answer: they are trained from the terminal. */
const isNoWriter = ({ stages }: Recipe): boolean => stages.some(({ locate, similar, integrity, act }) => act !== undefined || locate !== undefined || similar !== undefined || integrity !== undefined);

const ownNames = (folder: string): readonly string[] =>
  (existsSync(folder) ? readdirSync(folder) : []).filter((name) => /^[\w-]{1,80}\.json$/.test(name)).map((name) => basename(name, '.json')).filter((name) => !Object.hasOwn(recipes, name)).sort();

/** By its name among the built-in ones and this person's. @throws Fault `recipe.unknown`, `recipe.invalid` */
export function recipeNamed(name: string, ownFolder: string): Recipe {
  return ownNames(ownFolder).includes(name) ? findRecipe(join(ownFolder, `${name}.json`)) : findRecipe(name in recipes ? name : '');
}

const stepsOf = ({ stages }: Recipe): number => stages.reduce((total, { steps }) => total + steps, 0);

function choiceOf(name: string, recipe: Recipe, isOwn: boolean): RecipeChoice {
  return {
    name, source: recipe.source, learns: [...new Set(recipe.stages.flatMap(({ learns }) => (learns === 'locate' || learns === 'judge' || learns === 'pair' || learns === 'integrity' || learns === 'act' ? [] : learns)))], steps: stepsOf(recipe), stages: recipe.stages.length,
    trains: recipe.adapter ? 'adapter' : 'weights', needsModel: 'folder' in recipe.start,
    rewards: [...new Set(recipe.stages.flatMap(({ policy }) => policy?.rewards.map((reward) => reward.name) ?? []))], isOwn,
  };
}

/** The recipe of one run. A shorter run has the same shape: every stage and every warm-up keeps its share. @throws Fault `finetune.steps`, `finetune.model` */
export function plannedRecipe(recipe: Recipe, { steps: wanted, seed }: Pick<Plan, 'steps' | 'seed'>, model: string | null): Recipe {
  const whole = stepsOf(recipe);
  const steps = wanted ?? whole;
  if (steps < recipe.stages.length) {
    throw new Fault({ code: 'finetune.steps', what: 'The run is too short.', why: `The recipe has ${recipe.stages.length} stages, and ${steps} updates were given to it.`, mend: `Give it ${recipe.stages.length} updates or more.` });
  }
  if ('folder' in recipe.start && model === null) throw new Fault({ code: 'finetune.model', what: 'The run cannot begin.', why: 'The recipe goes on from a model, and none was chosen.', mend: 'Choose a model.' });
  const share = steps / whole;
  const warm = (updates: number): number => Math.min(updates, Math.round(updates * share));
  const ends = shares(recipe.stages.map((stage) => stage.steps), steps);
  const { horizon, ...optimizer } = recipe.optimizer;
  return {
    ...recipe, seed, start: 'folder' in recipe.start ? { folder: model! } : recipe.start,
    stages: recipe.stages.map((stage, at) => ({ ...stage, steps: ends[at]!, ...(stage.restart ? { restart: { ...stage.restart, warmupSteps: warm(stage.restart.warmupSteps) } } : {}) })),
    optimizer: { ...optimizer, warmupSteps: warm(optimizer.warmupSteps), ...(horizon === undefined ? {} : { horizon: Math.max(1, Math.round(horizon * share)) }) },
    // A pause keeps the state at once; this is what a crash may cost.
    checkpointEvery: Math.min(recipe.checkpointEvery, Math.max(1, Math.ceil(steps / 5))),
  };
}

/** Splits `total` in the proportions of `parts`, each at least 1, by cumulative rounding. `total` must be at least the number of parts. */
export function shares(parts: readonly number[], total: number): readonly number[] {
  const whole = parts.reduce((a, b) => a + b, 0);
  let [before, given] = [0, 0];
  return parts.map((part, at) => {
    before += part;
    const after = parts.length - 1 - at;
    const end = Math.min(total - after, Math.max(given + 1, Math.round((before / whole) * total)));
    const own = end - given;
    given = end;
    return own;
  });
}
