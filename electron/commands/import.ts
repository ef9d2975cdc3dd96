/** `loupe import`: weights that an engine elsewhere trained, checked against their job and taken over with their lineage. */
import { userInfo } from 'node:os';
import { modalities } from '#models/clinical/study.ts';
import { readTrained, trainedText, type Scope, type Trained } from '#models/clinical/scope.ts';
import { openReturned, scopeOf, startOf, takeOver, type ReturnedJob } from '#training/cluster/returned.ts';
import { lineageOf, lineageText, recordLineage } from '#training/lineage.ts';
import { readScope, writeScope } from '#training/scope.ts';
import { join } from 'node:path';
import { onlyPositional, requiredText, textOption, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'import',
  summary: 'weights that came back from an engine elsewhere, checked and taken over',
  usage: 'import JOB --out MODEL [--job ORIGINAL] [--base MODEL] [--trained KINDS]',
  options: {
    out: { type: 'string', help: 'the folder of the checkpoint or adapter to be' },
    job: { type: 'string', help: "the job's folder as it was exported, where it was kept: the one that came back must be the same" },
    trained: { type: 'string', help: 'what it was trained on, where the job does not say it: "xray: chest; ct: chest, brain; microscopy"' },
    base: { type: 'string', help: 'what the job began from, where its weights did not travel' },
  },
  async run(context) {
    const out = requiredText(context, 'out');
    const back = openReturned(onlyPositional(context, 'JOB'), textOption(context, 'job'));
    const said = trainedOf(context);
    const start = startOf(back, textOption(context, 'base'));
    context.progress(`${back.job.recipe.name} on ${back.job.engine}, ${back.returned.steps} updates`);
    const model = takeOver(back, start, out);
    const { scope, note } = scopeFor(back, start.folder, said);
    if (scope) writeScope(model, scope);
    const { recipe, data } = back.job;
    const tokenizer = back.job.start.files.find(({ path }) => path === 'tokenizer.json')!.sha256;
    const lineage = recordLineage(model, {
      recipe: { name: recipe.name, sha256: recipe.sha256 }, data: { snapshot: data.snapshot, cases: data.cases }, step: back.returned.steps,
      seed: recipe.seed, tokenizer,
    }, lineageOf(join(back.folder, 'parent')));
    const { kind, steps } = back.returned;
    context.print({ model, kind, job: back.hash, engine: back.job.engine, steps, lineage: lineage.hash, scope }, `${lineageText(lineage)}\n${note}\n${model}`);
  },
};

function trainedOf(context: CommandContext): Trained | undefined {
  const text = textOption(context, 'trained');
  if (text === undefined) return undefined;
  const trained = readTrained(text);
  if (!trained) throw new UsageError(`--trained takes kinds of images with parts of the body, as in "xray: chest; ct: chest, brain", not '${text}'. Kinds: ${modalities.join(', ')}.`);
  return trained;
}

/** What the weights were trained on, and where that is known from: what a person says counts first, then what the job says, then what it began from. */
function scopeFor(back: ReturnedJob, start: string, said: Trained | undefined): { readonly scope: Scope | null; readonly note: string } {
  const ofJob = scopeOf(back);
  const ofStart = ofJob ? null : readScope(start);
  const known = ofJob ?? ofStart;
  const scope: Scope | null = said ? { format: 'loupe.scope/1', locates: [], ...known, trained: said, statedBy: userInfo().username } : known;
  if (!scope) return { scope, note: 'Trained on: unknown. Neither the job nor what it began from says it, so every answer will carry that remark; --trained says it.' };
  const source = said ? '' : ofStart ? ' (what it began from; what the run added is unknown, and --trained says it)' : '';
  return { scope, note: `Trained on: ${trainedText(scope.trained)}${source}` };
}
