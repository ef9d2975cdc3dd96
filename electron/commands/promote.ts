/** `loupe promote`: a trained model against the one in use, on locked cases; it is let through only if it is better and nothing that matters became worse. */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { openReasoner } from '#models/reasoner.ts';
import { closeArchives, filterCases, readIndex } from '#training/data/cases.ts';
import { dataHash, readSnapshot, snapshotOf } from '#training/data/snapshot.ts';
import { evaluate, extractor, type EvaluationLine } from '#training/evaluate.ts';
import { judge, verdictText } from '#training/gate.ts';
import { checkLineage, lineageOf } from '#training/lineage.ts';
import { licenceClasses, splits, type CaseRecord, type LicenceClass, type Split } from '#training/records/caseRecord.ts';
import type { Lineage } from '#training/records/lineage.ts';
import { answererOf } from './evaluate.ts';
import { withMerged } from './merged.ts';
import { choicesOption, flag, numberOption, onlyPositional, requiredText, textOption, textOptions, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'promote',
  summary: 'let a trained model through only if it is better on locked cases and no group of patients is worse off',
  usage: 'promote CANDIDATE --over MODEL --cases INDEX.jsonl… --lock SNAPSHOT.json [--out VERDICT.json]',
  options: {
    over: { type: 'string', help: 'the folder of the model in use; an adapter CANDIDATE is put upon it, or upon --base' },
    base: { type: 'string', help: 'the checkpoint that an adapter belongs to, where that is not the model in use' },
    cases: { type: 'string', multiple: true, help: 'an index.jsonl; may be given several times' },
    lock: { type: 'string', help: 'the snapshot that the cases must still be: `loupe dataset snapshot INDEX… --out FOLDER`' },
    split: { type: 'string', help: 'which split is judged on: val (default) or test' },
    licence: { type: 'string', multiple: true, help: `only this licence class (${licenceClasses.join(', ')}); as for the snapshot` },
    records: { type: 'string', help: 'the candidate\'s answers, as `loupe evaluate --counterfactual --records` wrote them' },
    'over-records': { type: 'string', help: 'those of the model in use; what is not given is asked now' },
    margin: { type: 'string', help: 'by how much image reliance and box overlap may fall (default 0.02)' },
    'subgroup-margin': { type: 'string', help: 'by how much the accuracy of a modality and question may fall (default 0.05)' },
    strict: { type: 'boolean', help: 'refuse any fall of a subgroup beyond its margin, also one that chance explains' },
    out: { type: 'string', help: 'where the verdict is written; default: promotion.json beside the candidate\'s weights' },
    rows: { type: 'string', help: 'answers written side by side (default 16)' },
    'max-new-tokens': { type: 'string', help: 'the longest answer, in tokens (default 320)' },
    device: { type: 'string', help: 'auto, cpu, webgpu, cuda, dml, coreml' },
  },
  journal: () => ({ kind: 'promote', body: { command: 'promote' } }),
  async run(context) {
    const candidate = onlyPositional(context, 'CANDIDATE');
    const over = requiredText(context, 'over');
    const split = (textOption(context, 'split') ?? 'val') as Split;
    if (split === 'train' || !splits.includes(split)) throw new UsageError(`--split is val or test, not '${split}'.`);
    const margin = numberOption(context, 'margin', { least: 0, most: 1 });
    const subgroupMargin = numberOption(context, 'subgroup-margin', { least: 0, most: 1 });
    const lineages = { candidate: trusted(candidate), baseline: trusted(over) };
    const { records, lock } = await lockedCases(context, split);
    try {
      const isAdapter = existsSync(join(candidate, 'adapter_config.json'));
      const base = textOption(context, 'base') ?? over;
      const baseline = answersIn(context, 'over-records') ?? await ask(context, records, { folder: over, name: 'the model in use' });
      const answers = answersIn(context, 'records') ?? (isAdapter ? await withMerged(base, candidate, (folder) => ask(context, records, { folder, name: 'the candidate' })) : await ask(context, records, { folder: candidate, name: 'the candidate' }));
      const groups = new Map(records.map(({ id, modality, group }) => [id, { modality, group }]));
      const verdict = {
        version: 1, at: new Date().toISOString(), validation: { split, cases: records.length, ...lock },
        ...judge({ baseline, candidate: answers }, (id) => groups.get(id), {
          strict: flag(context, 'strict'), ...(margin === undefined ? {} : { margin }), ...(subgroupMargin === undefined ? {} : { subgroupMargin }),
        }),
        extractor, candidate: lineages.candidate, baseline: lineages.baseline,
      };
      const out = textOption(context, 'out') ?? join(candidate, 'promotion.json');
      writeWhole(out, `${JSON.stringify(verdict, null, 1)}\n`);
      if (verdict.decision === 'promoted') {
        context.print(verdict, `${verdictText(verdict)}\n\nThe verdict is in ${out}`);
        return;
      }
      context.progress(verdictText(verdict));
      throw new Fault({
        code: 'promote.refused', what: `${basename(resolve(candidate))} is not promoted.`, why: verdict.reasons.join('; '),
        mend: `Train on, or choose another checkpoint; the whole table is in ${out}.`,
      });
    } finally {
      closeArchives();
    }
  },
};

/** The lineage of a folder whose files are what it says. @throws Fault `promote.lineage` */
function trusted(folder: string): Lineage {
  const lineage = lineageOf(folder);
  const problem = checkLineage(folder).find(({ code }) => code !== 'lineage.missing');
  if (!problem) return lineage;
  throw new Fault({
    code: 'promote.lineage', what: `${lineage.name} cannot be judged.`, why: `Its files are not what its lineage says: ${problem.message}`, mend: 'Take the folder again from the run that made it.',
  });
}

/** The cases of the split, which must be those of the snapshot to the last field. */
async function lockedCases(context: CommandContext, split: Split): Promise<{ records: readonly CaseRecord[]; lock: { readonly snapshot: string; readonly sha256: string } }> {
  const paths = textOptions(context, 'cases');
  if (paths.length === 0) throw new UsageError('--cases is missing.');
  const licences = choicesOption(context, 'licence', licenceClasses);
  const snapshot = readSnapshot(requiredText(context, 'lock'));
  const all = (await Promise.all(paths.map(readIndex))).flat();
  const records = filterCases(all, { splits: [split], ...(licences.length > 0 ? { licences } : {}) });
  const isChosen = ({ licenceClass }: { readonly licenceClass: LicenceClass }): boolean => licences.length === 0 || licences.includes(licenceClass);
  const locked = snapshot.rows.filter((row) => row.split === split && isChosen(row));
  const found = snapshotOf(records).rows;
  const sha256 = dataHash(locked);
  const mend = `Judge on the cases as they were locked, or take a new snapshot and judge both models on it.`;
  if (locked.length === 0) throw new Fault({ code: 'promote.lock', what: 'There is nothing to judge on.', why: `The snapshot holds no case of the split ${split}.`, mend: 'Take a snapshot of an index with such cases.' });
  if (dataHash(found) !== sha256) {
    const hashes = new Map(locked.map((row) => [row.id, row.rowHash]));
    const changed = found.find((row) => hashes.get(row.id) !== row.rowHash)?.id ?? locked.find((row) => !found.some(({ id }) => id === row.id))?.id ?? '';
    throw new Fault({
      code: 'promote.lock', what: 'The cases are not the locked ones.', why: `The snapshot names ${locked.length} cases of the split ${split} and ${found.length} were given; ${changed} is the first that differs.`, mend,
    });
  }
  // A patient on both sides of the split would make the figures worthless.
  const trained = new Set(snapshot.rows.filter((row) => row.split === 'train').map(({ group }) => group));
  const shared = locked.find(({ group }) => trained.has(group));
  if (shared) throw new Fault({ code: 'promote.leak', what: 'The cases cannot be judged on.', why: `${shared.id} is of the group ${shared.group}, which is trained on too.`, mend: 'Split anew by patient: `loupe dataset split`.' });
  return { records, lock: { snapshot: snapshot.hash, sha256 } };
}

async function ask(context: CommandContext, records: readonly CaseRecord[], { folder, name }: { readonly folder: string; readonly name: string }): Promise<readonly EvaluationLine[]> {
  const device = textOption(context, 'device');
  const reasoner = await openReasoner({ folder, ...(device === undefined ? {} : { device: device as 'auto' }) });
  const lines: EvaluationLine[] = [];
  let reported = 0;
  try {
    await evaluate(records, answererOf(reasoner, context), {
      counterfactual: true, batch: 128, signal: context.signal, onLine: (line) => lines.push(line),
      onProgress(done, total) {
        if (done < total && performance.now() - reported < 5000) return;
        reported = performance.now();
        context.progress(`${name}: ${done} of ${total} questions`);
      },
    });
  } finally {
    await reasoner.release();
  }
  return lines;
}

/** Answers from a file; null where none was named. @throws Fault `promote.records` */
function answersIn(context: CommandContext, option: string): readonly EvaluationLine[] | null {
  const path = textOption(context, option);
  if (path === undefined) return null;
  const bad = (why: string): Fault => new Fault({ code: 'promote.records', what: `${path} cannot be used.`, why, mend: 'Write it with `loupe evaluate --counterfactual --records FILE`.' });
  let text: string;
  try {
    if (statSync(path).size > 512_000_000) throw new Error('It is too large.');
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw bad((cause as Error).message);
  }
  return text.split('\n').filter((line) => line.trim() !== '').map((line, at) => {
    let value: unknown = null;
    try {
      value = JSON.parse(line);
    } catch { /* told below, with the number of the line */ }
    if (!isLine(value)) throw bad(`Line ${at + 1} is no answer.`);
    return value;
  });
}

function isLine(value: unknown): value is EvaluationLine {
  if (typeof value !== 'object' || value === null) return false;
  const line = value as Record<string, unknown>;
  return ['id', 'question_type', 'question', 'gold'].every((name) => typeof line[name] === 'string') && typeof line['correct'] === 'boolean'
    && (line['iou'] === null || typeof line['iou'] === 'number') && ['real', 'blank', 'swapped'].includes(line['run'] as string);
}

function writeWhole(path: string, text: string): void {
  const part = `${path}.part`;
  try {
    writeFileSync(part, text, { flush: true });
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    throw new Fault({ code: 'promote.write', what: `${path} cannot be written.`, why: (cause as Error).message, mend: 'Choose another place with --out.' }, { cause });
  }
}
