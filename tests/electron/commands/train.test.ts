/** `loupe train`: what is asked for before anything is read. */
import { expect, test } from 'vitest';
import { UsageError, type CommandValues } from '#electron/commands/command.ts';
import { command } from '#electron/commands/train.ts';

const begun = (recipe: string, values: CommandValues) => command.run({ positionals: [recipe], values, json: false, signal: new AbortController().signal, progress() {}, print() {} });

test('cases are asked for where a recipe learns from them, and refused where it draws its own studies', async () => {
  await expect(begun('dinoR1', { out: '/nowhere/run' })).rejects.toThrow(new UsageError('--data is missing.'));
  for (const recipe of ['guiR1', 'mobileR1']) await expect(begun(recipe, { data: ['index.jsonl'], out: '/nowhere/run' })).rejects.toThrow(/draws the studies that it learns from/);
  // Without cases the next thing that is missing is a place for the run.
  await expect(begun('mobileR1', {})).rejects.toThrow(new UsageError('--out is missing.'));
});
