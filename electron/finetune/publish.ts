/** A run's weights as a whole checkpoint that can answer: merged where they are an adapter, copied to where models lie. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { openCheckpoint, saveCheckpoint } from '#models/weights/checkpoint.ts';
import { checkFits, mergedTensor, openAdapter } from '#models/weights/peft.ts';
import { checkLineage, lineageOf, recordLineage } from '#training/lineage.ts';
import type { Recipe } from '#training/records/recipe.ts';
import { startFolder } from '#training/startFolder.ts';

/** The folder in which the trainer works, within a run's. */
export const trainerFolder = (folder: string): string => join(folder, 'run');

/** What a run does, as it was written down before its first update. */
export const runRecipe = (folder: string): Recipe => JSON.parse(readFileSync(join(folder, 'recipe.json'), 'utf8')) as Recipe;

/** A run's last weights as a whole checkpoint. An adapter is merged into what it began from, again where the run has gone on since. */
export function wholeModel(folder: string): string {
  const final = join(trainerFolder(folder), 'final');
  const adapterFile = join(final, 'adapter_config.json');
  if (!existsSync(adapterFile)) return final;
  const merged = join(folder, 'merged');
  if (existsSync(merged) && statSync(merged).mtimeMs >= statSync(adapterFile).mtimeMs) return merged;
  const { start } = runRecipe(folder);
  if (!('folder' in start)) return final;
  const base = startFolder(start.folder);
  const [checkpoint, adapter] = [openCheckpoint(base), openAdapter(final)];
  checkFits(checkpoint, adapter);
  const part = `${merged}.part`;
  for (const old of [part, merged]) rmSync(old, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  // A template in a file of its own travels inside the tokenizer's settings.
  const tokenizerConfig = checkpoint.chatTemplate === null ? checkpoint.tokenizerConfig : { ...(checkpoint.tokenizerConfig as object), chat_template: checkpoint.chatTemplate };
  saveCheckpoint(part, { ...checkpoint, tokenizerConfig }, [...checkpoint.tensors].map(([name, { shape }]) => ({ name, shape, data: mergedTensor(checkpoint, adapter, name) })), 'F32');
  renameSync(part, merged);
  const scope = join(final, 'scope.json');
  if (existsSync(scope)) cpSync(scope, join(merged, 'scope.json'));
  const { run } = lineageOf(final);
  if (run) recordLineage(merged, run, lineageOf(base));
  return merged;
}

/** Copies a run's model to where models lie, and checks that it is what its lineage says. Gives the lineage's hash. @throws Fault `finetune.lineage` */
export function publishModel({ folder, out }: { readonly folder: string; readonly out: string }): string {
  const model = wholeModel(folder);
  const part = `${out}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(dirname(out), { recursive: true });
  cpSync(model, part, { recursive: true, filter: (path) => !/[\\/]trainer\.(json|safetensors)$/.test(path) });
  const problem = checkLineage(part).find(({ code }) => code !== 'lineage.missing');
  if (problem) {
    rmSync(part, { recursive: true, force: true });
    throw new Fault({ code: 'finetune.lineage', what: 'The model cannot be taken into use.', why: `Its files are not what its lineage says: ${problem.message}`, mend: 'Train again: the folder of the run was changed.' });
  }
  rmSync(out, { recursive: true, force: true });
  renameSync(part, out);
  return lineageOf(out).hash;
}
