/** `loupe import`: weights that an engine elsewhere trained, checked against their job and taken over with their lineage. */
import { openReturned, startOf, takeOver } from '#training/cluster/returned.ts';
import { lineageOf, lineageText, recordLineage } from '#training/lineage.ts';
import { join } from 'node:path';
import { onlyPositional, requiredText, textOption, type Command } from './command.ts';

export const command: Command = {
  name: 'import',
  summary: 'weights that came back from an engine elsewhere, checked and taken over',
  usage: 'import JOB --out MODEL [--job ORIGINAL] [--base MODEL]',
  options: {
    out: { type: 'string', help: 'the folder of the checkpoint or adapter to be' },
    job: { type: 'string', help: "the job's folder as it was exported, where it was kept: the one that came back must be the same" },
    base: { type: 'string', help: 'what the job began from, where its weights did not travel' },
  },
  async run(context) {
    const out = requiredText(context, 'out');
    const back = openReturned(onlyPositional(context, 'JOB'), textOption(context, 'job'));
    const start = startOf(back, textOption(context, 'base'));
    context.progress(`${back.job.recipe.name} on ${back.job.engine}, ${back.returned.steps} updates`);
    const model = takeOver(back, start, out);
    const { recipe, data } = back.job;
    const tokenizer = back.job.start.files.find(({ path }) => path === 'tokenizer.json')!.sha256;
    const lineage = recordLineage(model, {
      recipe: { name: recipe.name, sha256: recipe.sha256 }, data: { snapshot: data.snapshot, cases: data.cases }, step: back.returned.steps,
      seed: recipe.seed, tokenizer,
    }, lineageOf(join(back.folder, 'parent')));
    const { kind, steps } = back.returned;
    context.print({ model, kind, job: back.hash, engine: back.job.engine, steps, lineage: lineage.hash }, `${lineageText(lineage)}\n${model}`);
  },
};
