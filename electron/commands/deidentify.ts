/** `loupe deidentify`: DICOM files without what names a person, the writing in their pixels looked at by somebody first. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { openAudit, type Audit } from '#electron/audit/audit.ts';
import { mappingFrom } from '#electron/report/mapping.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { version } from '#electron/storage/folders.ts';
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import { writingOf, type Writing } from '#models/imaging/dicom/burnedIn.ts';
import { confidentiality, type OptionLetter } from '#models/imaging/dicom/confidentiality.ts';
import { deidentify, deidentifyOptions, identifiersIn, usualOptions, type Change, type DeidentifyOption, type Deidentified, type Mapping, type PixelDecision } from '#models/imaging/dicom/deidentify.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { toDisplay } from '#models/imaging/dicom/display.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import type { Picture } from '#models/imaging/image.ts';
import { encodePng } from '#models/imaging/png.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { auditOptions, chosenData, passphraseOf } from './audit.ts';
import { flag, onlyPositional, requiredText, textOption, UsageError, type Command, type CommandContext } from './command.ts';

const optionNames = Object.keys(deidentifyOptions) as DeidentifyOption[];

export const command: Command = {
  name: 'deidentify',
  summary: 'DICOM files without what names a person; writing in the pixels is shown for a decision first',
  usage: 'deidentify IN --out DIR [--options LIST] [--key FILE] [--confirm FILE] [--diff]',
  options: {
    out: { type: 'string', help: 'the folder to write; it must not hold anything yet' },
    options: { type: 'string', help: `beside the basic profile, by commas: ${optionNames.join(', ')}; none (default ${usualOptions.join(',')})` },
    key: { type: 'string', help: 'the secret that UIDs, dates and pseudonyms follow from, made where it is absent; without it they fit nothing written before or after' },
    confirm: { type: 'string', help: 'the list of files whose pixels were looked at, with the decisions (written beside DIR when there is something to look at)' },
    diff: { type: 'boolean', help: 'every element that changed, before and after: names the patient' },
    ...auditOptions,
  },
  run,
};

/** Something waits for a person's look: nothing was written. */
const undecidedStatus = 10;
const maximumBytes = 1 << 30;

interface Source {
  /** Within IN. */
  readonly name: string;
  readonly sha256: string;
  readonly file: DicomFile;
}

async function run(context: CommandContext): Promise<number | void> {
  const input = onlyPositional(context, 'IN');
  const out = requiredText(context, 'out');
  const options = chosenOptions(context);
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new Fault({ code: 'deidentify.out', what: `${out} was not written.`, why: 'The folder holds something already.', mend: 'Choose a new folder.' });
  }
  const decisions = readDecisions(textOption(context, 'confirm'));
  const paths = pathsIn(input);
  const waiting = await toLookAt(context, { input, paths, decisions, folder: `${out}-look` });
  if (waiting !== null) {
    context.print(
      { written: 0, waiting: waiting.count, confirm: waiting.list },
      `${waiting.count} of ${paths.length} ${paths.length === 1 ? 'file' : 'files'} ${waiting.count === 1 ? 'has' : 'have'} to be looked at first; nothing was written.\n`
      + `Look at the pictures beside ${waiting.list}, set each "decision" to "blank" or "clean" (rectangles may be added), then run it again with --confirm ${waiting.list}`,
    );
    return undecidedStatus;
  }
  const mapping = mappingFrom(textOption(context, 'key'));
  const audit = await openAudit({ dataFolder: chosenData(context), version: version(), passphrase: passphraseOf(context) });
  try {
    audit.journal.notices.forEach((notice) => context.progress(notice));
    const done = await writeAll({ input, paths, out, options, mapping, decisions, audit });
    context.print({ ...done, changes: flag(context, 'diff') ? done.changes : done.changes.reduce((total, { changes }) => total + changes.length, 0) }, textOf(done, flag(context, 'diff')));
  } finally {
    audit.close();
  }
}

function chosenOptions(context: CommandContext): readonly DeidentifyOption[] {
  const given = textOption(context, 'options');
  if (given === undefined) return usualOptions;
  const list = given.split(',').map((word) => word.trim()).filter((word) => word !== '' && word !== 'none');
  const unknown = list.find((word) => !optionNames.some((name) => name === word));
  if (unknown !== undefined) throw new UsageError(`--options takes ${optionNames.join(', ')} and none, not '${unknown}'.`);
  if (list.includes('full-dates') && list.includes('modified-dates')) throw new UsageError('--options takes full-dates or modified-dates, not both.');
  return optionNames.filter((name) => list.includes(name));
}

/** Every file of a folder, in order; or the file itself. */
function pathsIn(input: string): readonly string[] {
  if (!existsSync(input)) throw new Fault({ code: 'file.unreadable', what: `${input} cannot be read.`, why: 'It is not there.', mend: 'Check the path.' });
  if (statSync(input).isFile()) return [input];
  return readdirSync(input, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** Null where the file is no DICOM. */
async function sourceOf(input: string, path: string): Promise<Source | null> {
  if (kindOf(await startOfFile(path, kindBytes)) !== 'dicom') return null;
  const { size } = statSync(path);
  if (size > maximumBytes) throw new Fault({ code: 'deidentify.size', what: `${path} was not de-identified.`, why: 'It has more than 1 GB.', mend: 'Export it in parts.' });
  const bytes = new Uint8Array(readFileSync(path));
  return { name: relative(input, path) || path, sha256: createHash('sha256').update(bytes).digest('hex'), file: readDicom(bytes) };
}

interface Looked {
  readonly sha256: string;
  readonly decision: 'blank' | 'clean';
  readonly boxes: readonly Box[];
}

function readDecisions(path: string | undefined): ReadonlyMap<string, PixelDecision> {
  if (path === undefined) return new Map();
  const wrong = (why: string): Fault => new Fault({ code: 'deidentify.confirm', what: `${path} was not understood.`, why, mend: 'Set "decision" of each file to "blank" or "clean", and give each of "boxes" four numbers x1, y1, x2, y2.' });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  const files = (value as { files?: unknown } | null)?.files;
  if (!Array.isArray(files)) throw wrong('It has no list "files".');
  return new Map(files.filter((entry) => (entry as Partial<Looked> | null)?.decision !== null).map((entry: unknown) => {
    const { sha256, decision, boxes } = (entry ?? {}) as Partial<Looked>;
    const isBox = (box: unknown): boolean => [...'xy'].every((axis) => [1, 2].every((end) => Number.isFinite((box as Record<string, unknown> | null)?.[`${axis}${end}`])));
    if (typeof sha256 !== 'string' || (decision !== 'blank' && decision !== 'clean') || !Array.isArray(boxes) || !boxes.every(isBox)) throw wrong('An entry of "files" is not as it should be.');
    return [sha256, decision === 'clean' ? { kind: 'clean' } : { kind: 'blank', boxes }] as const;
  }));
}

interface Look {
  readonly input: string;
  readonly paths: readonly string[];
  readonly decisions: ReadonlyMap<string, PixelDecision>;
  readonly folder: string;
}

/** Writes pictures and a list of the files that nobody has decided about; null where there are none. */
async function toLookAt(context: CommandContext, { input, paths, decisions, folder }: Look): Promise<{ readonly count: number; readonly list: string } | null> {
  const files: object[] = [];
  for (const path of paths) {
    context.signal.throwIfAborted();
    const source = await sourceOf(input, path);
    if (!source || decisions.has(source.sha256)) continue;
    const writing = await writingOf(source.file);
    if (!writing.mustBeSeen) continue;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const pictures = await drawn(source.file, writing, join(folder, String(files.length + 1).padStart(4, '0')));
    files.push({
      file: source.name, sha256: source.sha256, pictures: pictures.map((picture) => relative(folder, picture)), reasons: writing.reasons, decision: null,
      boxes: writing.found.map(({ frame, box }) => ({ frame: frame + 1, ...box })),
    });
  }
  if (files.length === 0) return null;
  const list = join(folder, 'confirm.json');
  writeFileSync(list, `${JSON.stringify({ note: 'blank: the boxes are made black in every frame; clean: nothing that is written there names anybody. This folder shows patients: delete it afterwards.', files }, null, 2)}\n`, { mode: 0o600 });
  return { count: files.length, list };
}

/** The first frame, and each on which something else was found, with the rectangles around it. */
async function drawn(file: DicomFile, { found }: Writing, name: string): Promise<readonly string[]> {
  const frames = [...new Set([0, ...found.map(({ frame }) => frame)])].slice(0, 20);
  const written: string[] = [];
  for (const frame of frames) {
    const picture = toDisplay(file, await decodeFrame(file, frame), { index: frame });
    for (const { box } of found) outline(picture, box);
    const path = `${name}-frame-${frame + 1}.png`;
    writeFileSync(path, encodePng(picture), { mode: 0o600 });
    written.push(path);
  }
  return written;
}

/** A red frame just outside the rectangle. */
function outline({ width, height, data }: Picture, { x1, y1, x2, y2 }: Box): void {
  const put = (x: number, y: number): void => {
    if (x >= 0 && y >= 0 && x < width && y < height) data.set([255, 40, 40], (y * width + x) * 3);
  };
  for (let x = Math.floor(x1) - 2; x < Math.ceil(x2) + 2; x++) for (const y of [Math.floor(y1) - 2, Math.ceil(y2) + 1]) put(x, y);
  for (let y = Math.floor(y1) - 2; y < Math.ceil(y2) + 2; y++) for (const x of [Math.floor(x1) - 2, Math.ceil(x2) + 1]) put(x, y);
}

interface Work {
  readonly input: string;
  readonly paths: readonly string[];
  readonly out: string;
  readonly options: readonly DeidentifyOption[];
  readonly mapping: Mapping;
  readonly decisions: ReadonlyMap<string, PixelDecision>;
  readonly audit: Audit;
}

interface Done {
  readonly out: string;
  readonly written: number;
  /** Files that are no DICOM. */
  readonly leftOut: readonly string[];
  readonly codes: readonly string[];
  readonly record: string;
  /** Where the record stands in the audit journal. */
  readonly entry: number;
  readonly changes: readonly { readonly file: string; readonly changes: readonly Change[] }[];
}

/** All or nothing: where one file fails, what was written is removed and the failure journalled. */
async function writeAll({ input, paths, out, options, mapping, decisions, audit }: Work): Promise<Done> {
  const files: { path: string; sha256: string; codes: readonly string[] }[] = [];
  const changes: { file: string; changes: readonly Change[] }[] = [];
  const leftOut: string[] = [];
  try {
    for (const path of paths) {
      const source = await sourceOf(input, path);
      if (!source) {
        leftOut.push(relative(input, path) || path);
        continue;
      }
      const pixels = decisions.get(source.sha256);
      const one = await deidentify(source.file, { options, mapping, software: `Loupe ${version()}`, ...(pixels ? { pixels } : {}) });
      checkClean(source, one, options);
      const name = join(one.patient, `${one.sopInstanceUid}.dcm`);
      await writeWhole(join(out, name), one.bytes);
      files.push({ path: name, sha256: createHash('sha256').update(readFileSync(join(out, name))).digest('hex'), codes: one.codes });
      changes.push({ file: source.name, changes: one.changes });
    }
    if (files.length === 0) throw new Fault({ code: 'deidentify.none', what: 'Nothing was written.', why: 'There is no DICOM file.', mend: 'Name a file or a folder that holds some.' });
    const codes = [...new Set(files.flatMap((file) => file.codes))];
    const record = `${JSON.stringify({ format: 'loupe.deidentification/1', software: { name: 'loupe', version: version() }, profile: 'PS3.15 Annex E, Basic Application Level Confidentiality Profile', options, codes, files }, null, 2)}\n`;
    const path = join(out, 'deidentification.json');
    await writeWhole(path, record);
    const { entry } = audit.journal.append({
      kind: 'export', body: { what: 'deidentified', files: files.length, codes, record: createHash('sha256').update(record).digest('hex') },
    });
    return { out, written: files.length, leftOut, codes, record: path, entry: entry.seq, changes };
  } catch (error) {
    rmSync(out, { recursive: true, force: true });
    audit.journal.append({ kind: 'failed', body: { what: 'deidentify', code: error instanceof Fault ? error.code : 'internal' } });
    throw error;
  }
}

/** Which letter of the profile's table an option stands for: what it keeps or cleans may say what it said. */
const keeping: Partial<Readonly<Record<DeidentifyOption, OptionLetter>>> = { 'institution': 'i', 'clean-descriptors': 'c', 'device': 'd', 'patient-characteristics': 'p' };

/** Reads what is about to be written: nothing that named a person in the source may stand in it. */
function checkClean({ name, file }: Source, { bytes, patient }: Deidentified, options: readonly DeidentifyOption[]): void {
  const before = new Set(identifiersIn(file.dataSet).map(({ value }) => value).filter((value) => value.length > 1));
  const isMeant = (tag: string): boolean => options.some((option) => confidentiality.get(tag)?.options.has(keeping[option] ?? 'g'));
  const left = identifiersIn(readDicom(bytes).dataSet).find(({ tag, value }) => before.has(value) && value !== patient && value !== 'REMOVED' && !isMeant(tag));
  if (left) throw new Fault({ code: 'deidentify.check', what: `${name} was not written.`, why: `${left.name} ${left.path} would still say what it said.`, mend: 'Leave the file out, and report this.' });
}

function textOf({ out, written, leftOut, codes, record, entry, changes }: Done, isDiff: boolean): string {
  const rows = isDiff ? changes.flatMap(({ file, changes: list }) => [file, ...list.map(({ path, name, action, before, after }) => `  ${action.padEnd(5)} ${path} ${name}: ${quoted(before)} → ${quoted(after)}`), '']) : [];
  return [
    ...rows,
    `${written} ${written === 1 ? 'file' : 'files'} written to ${out} (profile and options ${codes.join(', ')}); the record is ${record}, entry ${entry} of the audit journal.`,
    ...(leftOut.length > 0 ? [`Left out, being no DICOM: ${leftOut.slice(0, 5).join(', ')}${leftOut.length > 5 ? ` and ${leftOut.length - 5} more` : ''}.`] : []),
  ].join('\n');
}

const quoted = (value: string | null): string => (value === null ? '–' : `'${value.length > 60 ? `${value.slice(0, 59)}…` : value}'`);
