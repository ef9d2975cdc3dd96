/** `loupe dataset`: checks curated cases, splits them by patient or lesion, takes an immutable snapshot, writes and reads them as other programs do, and hands a run to an engine elsewhere. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { Fault } from '#models/base/fault.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { closeArchives, filterCases, loadBytes, readIndex } from '#training/data/cases.ts';
import { exchangeForms, fromCoco, fromCsv, toCoco, toCsv, type ExchangeForm } from '#training/data/exchange.ts';
import { lintRecords } from '#training/data/lint.ts';
import { snapshotOf, writeSnapshot } from '#training/data/snapshot.ts';
import { splitByGroup } from '#training/data/split.ts';
import { findRecipe } from '#training/prepare.ts';
import { IndexRow, licenceClasses, splits, type CaseRecord, type LicenceClass, type Split } from '#training/records/caseRecord.ts';
import { engines, type Engine } from '#training/records/clusterJob.ts';
import { exportJob } from './dataset/export.ts';
import { choicesOption, flag, numberOption, requiredText, textOption, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'dataset',
  summary: 'check curated cases, split them by patient, take a snapshot, hand a run to an engine elsewhere',
  usage: 'dataset lint|split|snapshot|write|read|export INDEX.jsonl… [--as coco|csv] [--pixels] [--licence CLASS…] [--shares T,V,E --seed N --out FILE] [--engine trl|verl --recipe RECIPE --out JOB]',
  options: {
    pixels: { type: 'boolean', help: 'lint: decode every picture, check hashes and sizes, look for look-alikes across splits' },
    licence: { type: 'string', multiple: true, help: `only cases of this licence class (${licenceClasses.join(', ')}); may be repeated` },
    shares: { type: 'string', help: 'split: parts for train, val and test (default 80,10,10)' },
    seed: { type: 'string', help: 'split: which of the possible splits (default 0)' },
    as: { type: 'string', help: 'write, read: boxes as COCO, or questions and answers as CSV; what these cannot say rides along, and what was changed there counts' },
    out: { type: 'string', help: 'split, read: the index to write; write: the file; snapshot: the folder; export: the folder of the job' },
    engine: { type: 'string', help: `export: what will run it (${engines.join(', ')})` },
    recipe: { type: 'string', help: 'export: a recipe by name, or a JSON file' },
    stage: { type: 'string', help: 'export: which of its stages, from 1 (default: the first that learns by policy)' },
    model: { type: 'string', help: "export: the checkpoint to begin from (default: the recipe's, else the built-in one)" },
    prompts: { type: 'string', help: 'export: most questions (default: as many as the steps need)' },
    'without-weights': { type: 'boolean', help: 'export: leave the weights out; they are put into the job where it runs' },
  },
  async run(context) {
    const [action, ...paths] = context.positionals;
    const perform = action !== undefined && Object.hasOwn(actions, action) ? actions[action as keyof typeof actions] : null;
    if (!perform) throw new UsageError(`Say what to do: ${Object.keys(actions).join(', ')}.`);
    if (paths.length === 0) throw new UsageError('INDEX.jsonl is missing.');
    try {
      return await perform(context, paths);
    } finally {
      closeArchives();
    }
  },
};

const actions = { lint, split, snapshot, write, read, export: exportRun } as const;

/** Gives the exit status: 10 where something must be mended before anything is learnt from these cases. */
async function lint(context: CommandContext, paths: readonly string[]): Promise<number> {
  const records = await recordsOf(context, paths);
  const onProgress = (done: number, total: number): void => {
    if (done % 500 === 0 || done === total) context.progress(`${done} of ${total} pictures`);
  };
  const source = { bytes: (record: CaseRecord) => loadBytes(record, { verify: true }), decode: decodePicture, onProgress };
  const issues = await lintRecords(records, flag(context, 'pixels') ? source : undefined);
  const errors = issues.filter(({ severity }) => severity === 'error').length;
  const lines = issues.map(({ severity, code, id, message }) => `${severity} ${code}: ${id} ${message}`);
  context.print(
    { cases: records.length, errors, warnings: issues.length - errors, issues },
    [...lines, `${records.length} cases, ${errors} errors, ${issues.length - errors} warnings`].join('\n'),
  );
  return errors > 0 ? 10 : 0;
}

async function split(context: CommandContext, paths: readonly string[]): Promise<void> {
  const [only, ...rest] = paths;
  if (only === undefined || rest.length > 0) throw new UsageError('split takes one INDEX.jsonl.');
  const records = await readIndex(only);
  const chosen = splitByGroup(records, sharesOf(textOption(context, 'shares') ?? '80,10,10'), numberOption(context, 'seed', { whole: true }) ?? 0);
  const out = requiredText(context, 'out');
  const rows = readFileSync(only, 'utf8').split('\n').filter((line) => line.trim() !== '').map((line) => {
    const row = JSON.parse(line) as { id: string };
    return JSON.stringify({ ...row, split: chosen.get(row.id) });
  });
  writeWhole(out, `${rows.join('\n')}\n`);
  const counts = Object.fromEntries(splits.map((name) => [name, [...chosen.values()].filter((value) => value === name).length]));
  context.print({ out, counts }, `${out}: ${splits.map((name) => `${counts[name]} ${name}`).join(', ')}`);
}

async function snapshot(context: CommandContext, paths: readonly string[]): Promise<void> {
  const taken = snapshotOf(await recordsOf(context, paths));
  const out = textOption(context, 'out');
  const path = out === undefined ? null : writeSnapshot(taken, out);
  context.print({ hash: taken.hash, counts: taken.counts, path }, `${taken.hash}  ${taken.rows.length} cases${path ? `  ${path}` : ''}`);
}

const forms = { coco: { to: toCoco, from: fromCoco }, csv: { to: toCsv, from: fromCsv } } as const satisfies Record<ExchangeForm, unknown>;

function formOf(context: CommandContext): (typeof forms)[ExchangeForm] {
  const name = requiredText(context, 'as');
  const form = exchangeForms.find((known) => known === name);
  if (!form) throw new UsageError(`--as is one of ${exchangeForms.join(', ')}, not '${name}'.`);
  return forms[form];
}

async function write(context: CommandContext, [only = '', ...rest]: readonly string[]): Promise<void> {
  if (rest.length > 0) throw new UsageError('write takes one INDEX.jsonl.');
  const form = formOf(context);
  const out = requiredText(context, 'out');
  // Read as an index is: a row that is none is told by its line.
  await readIndex(only);
  const rows = readFileSync(only, 'utf8').split('\n').filter((line) => line.trim() !== '').map((line) => IndexRow.parse(JSON.parse(line)));
  writeWhole(out, form.to(rows));
  context.print({ out, cases: rows.length }, `${out}: ${rows.length} cases`);
}

function read(context: CommandContext, [only = '', ...rest]: readonly string[]): Promise<void> {
  if (rest.length > 0) throw new UsageError('read takes one file.');
  const form = formOf(context);
  const out = requiredText(context, 'out');
  const rows = form.from(textOf(only));
  writeWhole(out, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  context.print({ out, cases: rows.length }, `${out}: ${rows.length} cases`);
  return Promise.resolve();
}

function textOf(path: string): string {
  try {
    if (statSync(path).size > mostBytes) throw new Error(`It has more than ${mostBytes / 1e6} MB.`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Fault({ code: 'dataset.read', what: `${path} cannot be read.`, why: (cause as Error).message, mend: 'Give a file that `loupe dataset write` wrote.' }, { cause });
  }
}

const mostBytes = 400_000_000;

async function exportRun(context: CommandContext, paths: readonly string[]): Promise<void> {
  const engine = requiredText(context, 'engine');
  if (!engines.some((known) => known === engine)) throw new UsageError(`--engine is one of ${engines.join(', ')}, not '${engine}'.`);
  const recipe = findRecipe(requiredText(context, 'recipe'));
  const out = requiredText(context, 'out');
  // What leaves this machine has to be allowed to.
  const records = await recordsOf(context, paths, ['permissive']);
  const stage = numberOption(context, 'stage', { least: 1, whole: true });
  const job = await exportJob({
    engine: engine as Engine, recipe, stage: stage === undefined ? undefined : stage - 1, model: textOption(context, 'model'), out,
    train: filterCases(records, { splits: ['train'] }), held: filterCases(records, { splits: ['val'] }),
    prompts: numberOption(context, 'prompts', { least: 1, most: 1_000_000, whole: true }), withWeights: !flag(context, 'without-weights'), progress: (text) => context.progress(text),
  });
  for (const departure of job.departures) context.progress(`Departure: ${departure}`);
  context.print({ out, job }, `${out}: ${job.data.prompts} questions about ${job.data.cases} cases for ${engine}, ${job.files.length} files; the images of patients are in it`);
}

async function recordsOf(context: CommandContext, paths: readonly string[], otherwise: readonly LicenceClass[] = []): Promise<CaseRecord[]> {
  const named = choicesOption(context, 'licence', licenceClasses);
  const licences = named.length > 0 ? named : otherwise;
  const records = (await Promise.all(paths.map(readIndex))).flat();
  return filterCases(records, licences.length > 0 ? { licences } : {});
}

function sharesOf(text: string): Record<Split, number> {
  const parts = text.split(',').map(Number);
  if (parts.length !== 3 || parts.some((part) => !Number.isFinite(part) || part < 0) || parts.every((part) => part === 0)) {
    throw new UsageError(`--shares takes three numbers as in 80,10,10, not '${text}'.`);
  }
  const [train, val, test] = parts as [number, number, number];
  return { train, val, test };
}

/** Whole or not at all. */
function writeWhole(path: string, text: string): void {
  try {
    writeFileSync(`${path}.part`, text);
    renameSync(`${path}.part`, path);
  } catch (cause) {
    throw new Fault(
      { code: 'dataset.write', what: `${path} cannot be written.`, why: (cause as Error).message, mend: 'Choose a place that can be written to.' },
      { cause },
    );
  }
}
