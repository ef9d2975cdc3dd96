/** How much a folder takes on the disk, what is free there, and what a run will take. */
import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Recipe } from '#training/records/recipe.ts';

/** Bytes of all files below; 0 where there is no such folder. What vanishes meanwhile does not count. */
export function folderBytes(folder: string): number {
  let names: readonly string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return 0;
  }
  return names.reduce((total, name) => {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    return total + (found?.isFile() === true ? found.size : 0);
  }, 0);
}

/** Checkpoints that stay (the two newest, the best, the last one): the weights, and of what is trained the moments and the average. An upper bound. */
export function checkpointBytes(recipe: Recipe, model: string | null): number {
  const weights = model === null ? 0 : 2 * folderBytes(model);
  const kept = (recipe.keep?.last ?? 2) + (recipe.keep?.best ?? 1) + 1;
  // With an adapter the weights stay where they are; what is kept of it is small beside them.
  return recipe.adapter ? 0.1 * weights * kept : 5 * weights * kept;
}

/** Free bytes of the disk that a folder lies on, or will lie on. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(existsSync(folder) ? folder : join(folder, '..'));
  return bavail * bsize;
}
