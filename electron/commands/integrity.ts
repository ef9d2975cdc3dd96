/** `loupe integrity`: signs of alteration on an image, a series or a clip; makes cases of altered images, and measures on such cases how well they are told. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintOf } from '#electron/integrity/fingerprint.ts';
import { kindOfImage } from '#electron/integrity/kind.ts';
import { drawCheck } from '#electron/integrity/overlay.ts';
import { levelWords, noProof, presented } from '#electron/integrity/present.ts';
import { openSource, type ShownFrame } from '#electron/review/source.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { builtInIntegrity } from '#electron/storage/folders.ts';
import { Fault } from '#models/base/fault.ts';
import { alterationLevels, alterationText, type Measured } from '#models/clinical/alteration.ts';
import { invert, mapBox } from '#models/imaging/coordinates.ts';
import { continuityMap } from '#models/imaging/forensics/continuity.ts';
import { brightnessPlane } from '#models/imaging/forensics/planes.ts';
import { resize } from '#models/imaging/resize.ts';
import { openIntegrity, type IntegrityChecker } from '#models/integrity.ts';
import { evidencePicture } from '#models/integrityPicture.ts';
import { readAlteration, readerSide } from '#models/integrityReader.ts';
import { openReasoner } from '#models/reasoner.ts';
import { saveCalibration } from '#models/weights/integrity.ts';
import { makeAlterations } from '#training/alterationCases.ts';
import { alterationMeasures, answeredCases, calibrate, integrityVerdicts, type AlterationMeasures, type AlterationVerdict } from '#training/integrityCases.ts';
import { closeArchives } from '#training/data/cases.ts';
import { casesOf } from '#training/prepare.ts';
import { splits, type Split } from '#training/records/caseRecord.ts';
import type { Estimate } from '#models/base/statistics.ts';
import { flag, numberOption, onlyPositional, requiredText, textOption, textOptions, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'integrity',
  summary: 'signs that an image was altered; cases of altered images, and how well they are told',
  usage: 'integrity PATH [--out DIR] | integrity --make DIR --data INDEX… [--split train|val] | integrity --cases INDEX… [--calibrate INDEX…]',
  options: {
    slices: { type: 'string', help: 'of a series or a clip: how many images are looked at, evenly spread; 8 where absent' },
    window: { type: 'string', help: 'a window by name (Lung) or as centre,width; the file\'s own where absent' },
    out: { type: 'string', help: 'a folder for integrity.json, and a picture of each image with its maps' },
    network: { type: 'string', help: 'the folder `final` of a run of soFakeR1Evidence; the built-in one where absent' },
    reader: { type: 'string', help: 'a model that learnt by soFakeR1, merged into its base: what it says of each image stands beside the network, held against the maps' },
    threads: { type: 'string', help: 'threads; one for each physical core where absent' },
    make: { type: 'string', help: 'instead of a path: the folder in which cases of altered images are made' },
    data: { type: 'string', multiple: true, help: 'with --make: index files of real images; the permissive ones are used' },
    split: { type: 'string', help: 'with --make: of which split; train where absent' },
    most: { type: 'string', help: 'with --make: real images at most; each gives an untouched, a tampered and a synthetic one; 400 where absent' },
    kept: { type: 'boolean', help: 'with --make: by the generators that nothing is learnt from' },
    evidence: { type: 'boolean', help: 'with --make: stores each image with its maps in one picture of 168 pixels, for the recipe soFakeR1' },
    seed: { type: 'string', help: 'with --make: which of the possible ones; 0 where absent' },
    cases: { type: 'string', multiple: true, help: 'instead of a path: index files that --make wrote, told by the network' },
    answers: { type: 'string', help: 'with --cases: what a model answered to them, as loupe evaluate --records writes it, measured in place of the network' },
    calibrate: { type: 'string', multiple: true, help: 'index files of real images: thresholds are set on half of the permissive val ones, false alarms counted on the others, and both put into the network\'s folder' },
  },
  journal: (context) => (context.positionals.length > 0 ? { kind: 'probe', body: { command: 'integrity' } } : null),
  async run(context) {
    const make = textOption(context, 'make');
    const [cases, indexes] = [textOptions(context, 'cases'), textOptions(context, 'calibrate')];
    try {
      if (make !== undefined) return await makeCases(context, make);
      const answers = textOption(context, 'answers');
      if (answers !== undefined) return await measureAnswers(context, cases, answers);
      const threads = numberOption(context, 'threads', { least: 1, most: 256, whole: true });
      const folder = networkFolder(context);
      const checker = await openIntegrity(folder, threads === undefined ? {} : { threads });
      try {
        await (cases.length > 0 || indexes.length > 0 ? measure(context, checker, folder, cases, indexes) : check(context, checker));
      } finally {
        await checker.release();
      }
    } finally {
      closeArchives();
    }
  },
};

function networkFolder(context: CommandContext): string {
  const chosen = textOption(context, 'network') ?? builtInIntegrity();
  if (chosen !== null) return chosen;
  throw new Fault({ code: 'integrity.missing', what: 'There is no integrity network.', why: 'None is built in, and --network was not given.', mend: 'Train one: loupe integrity --make CASES --data INDEX, then loupe train soFakeR1Evidence --data CASES/index.jsonl --out RUN, and give --network RUN/final.' });
}

async function check(context: CommandContext, checker: IntegrityChecker): Promise<void> {
  const path = onlyPositional(context, 'PATH');
  const window = textOption(context, 'window');
  const source = await openSource(path, { slices: numberOption(context, 'slices', { least: 1, most: 500, whole: true }) ?? 8, ...(window === undefined ? {} : { window }) });
  context.progress(`${source.title}\n${source.selection}`);
  const fingerprints = await Promise.all(source.files.slice(0, 500).map(fingerprintOf));
  const ledger = fingerprints.flatMap(({ contradictions }) => contradictions.map((text) => ({ code: 'contradiction' as const, text })));
  // Neighbours tell something only where no slice between them is left out.
  const isWhole = source.kind === 'series' && source.available === source.frames.length;
  const out = textOption(context, 'out');
  const readerFolder = textOption(context, 'reader');
  const reader = readerFolder === undefined ? null : await openReasoner({ folder: readerFolder });
  const images = [];
  for (const [at, frame] of source.frames.entries()) {
    context.signal.throwIfAborted();
    const result = await checker.check(frame.picture, { signal: context.signal, kind: kindOfImage(source.modality) });
    const looked = presented(result, { width: frame.picture.width, height: frame.picture.height }, frame.toSource, isWhole && result.maps ? continuityAt(source.frames, at) : null);
    context.progress(`${frame.name}: ${levelWords[looked.level]}`);
    if (out !== undefined) {
      const picture = await drawCheck(frame.picture, { ...looked, ledger }, looked.claim.box && mapBox(invert(frame.toSource), looked.claim.box), `${source.title}, ${frame.name}`);
      await writeWhole(join(out, `integrity-${at + 1}.png`), picture);
    }
    const { evidence: _evidence, columns: _columns, rows: _rows, area: _area, ...told } = looked;
    const read = reader && looked.level !== 'unexamined' ? await readAlteration(reader, checker, frame.picture, result, context.signal) : null;
    const reading = read && { text: read.text, claim: read.claim && { ...read.claim, box: read.claim.box && mapBox(frame.toSource, read.claim.box) }, sentences: read.sentences };
    images.push({ name: frame.name, file: frame.file, frame: frame.frame, ...told, reading });
  }
  await reader?.release();
  const strongest = images.reduce((level, image) => (alterationLevels.indexOf(image.level) > alterationLevels.indexOf(level) ? image.level : level), 'unexamined' as (typeof alterationLevels)[number]);
  const record = {
    source: source.title, level: strongest, images, files: fingerprints.map(({ file, pixels }) => ({ file, pixels })), ledger, network: checker.sha256, falseAlarms: checker.calibration?.falseAlarms ?? null,
    disclaimer: `${noProof} Research use only, not a medical device.`,
  };
  if (out !== undefined) {
    await writeWhole(join(out, 'integrity.json'), `${JSON.stringify(record, null, 2)}\n`);
    context.progress(`Written: ${join(out, 'integrity.json')}`);
  }
  const lines = images.flatMap(({ name, level, why, claim, sentences, reading }) => [
    `${name}: ${levelWords[level]}${claim.box ? ` at ${[claim.box.x1, claim.box.y1, claim.box.x2, claim.box.y2].map(Math.round).join(', ')}` : ''}${why ? `. ${why}` : ''}`,
    ...(level === 'suspected' || level === 'strong' ? sentences.map(({ text, doubt }) => `  ${text}${doubt ? ` [${doubt}]` : ''}`) : []),
    ...(reading ? [`  The reader: ${reading.claim ? alterationText(reading.claim) : `not in the grammar: ${reading.text.slice(0, 200)}`}`, ...reading.sentences.map(({ text, doubt }) => `    ${text}${doubt ? ` [${doubt}]` : ''}`)] : []),
  ]);
  context.print(record, [...lines, ...ledger.map(({ text }) => text), ...(record.falseAlarms ? [`On untouched images signs were raised ${share(record.falseAlarms.suspected)}, strong ones ${share(record.falseAlarms.strong)}.`] : []), record.disclaimer].join('\n'));
}

function continuityAt(frames: readonly ShownFrame[], at: number) {
  const [before, slice, after] = [frames[at - 1], frames[at]!, frames[at + 1]];
  const isAlike = before && after && [before, after].every(({ picture: { width, height } }) => width === slice.picture.width && height === slice.picture.height);
  return isAlike ? continuityMap(brightnessPlane(before.picture), brightnessPlane(slice.picture), brightnessPlane(after.picture)) : null;
}

async function makeCases(context: CommandContext, out: string): Promise<void> {
  const split = textOption(context, 'split') ?? 'train';
  if (!(splits as readonly string[]).includes(split)) throw new UsageError(`--split is one of ${splits.join(', ')}, not '${split}'.`);
  const indexes = [...textOptions(context, 'data'), ...context.positionals];
  if (indexes.length === 0) requiredText(context, 'data');
  const records = await casesOf(indexes, { splits: [split as Split], licences: ['permissive'] });
  const checker = flag(context, 'evidence') ? await openIntegrity(networkFolder(context)) : null;
  const made = await makeAlterations(records, out, {
    seed: numberOption(context, 'seed', { least: 0, most: 0xffffffff, whole: true }) ?? 0, most: numberOption(context, 'most', { least: 1, most: 1_000_000, whole: true }) ?? 400, kept: flag(context, 'kept'), signal: context.signal,
    onProgress: (done, total) => (done % 20 === 0 || done === total) && context.progress(`${done} of ${total} images`),
    ...(checker ? { shown: async (picture) => resize(evidencePicture(picture, await checker.check(picture)), { width: readerSide, height: readerSide }) } : {}),
  });
  await checker?.release();
  context.print(made, `${made.images} images; their index is ${made.index}`);
}

async function measureAnswers(context: CommandContext, cases: readonly string[], path: string): Promise<void> {
  if (cases.length === 0) throw new UsageError('--cases is missing: the index that was asked about.');
  const lines = readJsonLines(path).flatMap((line) => (isAnswer(line) ? [[line.id, line.text] as const] : []));
  const records = (await casesOf([...cases, ...context.positionals], {})).filter(({ split }) => split !== 'test');
  const { verdicts, formed, unborne } = answeredCases(records, new Map(lines));
  const tables = tablesOf(verdicts);
  context.print({ tables, formed, unborne }, [
    ...tables.map(({ generators, ...measures }) => `Generators ${generators}:\n${measuresText(measures)}`), `Well-formed answers ${share(formed)}; sentences that the claimed region does not bear out ${share(unborne)}`,
  ].join('\n\n'));
}

const isAnswer = (line: unknown): line is { readonly id: string; readonly text: string } => {
  const { id, text } = Object(line) as { id?: unknown; text?: unknown };
  return typeof id === 'string' && typeof text === 'string';
};

/** The values of a file of JSON lines. @throws Fault `integrity.answers` */
function readJsonLines(path: string): readonly unknown[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as unknown);
  } catch (cause) {
    throw new Fault({ code: 'integrity.answers', what: `${path} cannot be read.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Give the file that loupe evaluate --records wrote.' }, { cause });
  }
}

/** One table for the generators that are learnt from, one for those that are kept back. */
const tablesOf = (verdicts: readonly AlterationVerdict[]) => ([['learnt', false], ['kept back', true]] as const).flatMap(([name, isKept]) => {
  const own = verdicts.filter((verdict) => verdict.isKept === isKept);
  return own.length > 0 ? [{ generators: name, ...alterationMeasures(own) }] : [];
});

async function measure(context: CommandContext, checker: IntegrityChecker, folder: string, cases: readonly string[], indexes: readonly string[]): Promise<void> {
  const progress = (what: string) => (done: number, total: number): void => {
    if (done % 25 === 0 || done === total) context.progress(`${what}: ${done} of ${total}`);
  };
  const verdicts = cases.length === 0 ? [] : await integrityVerdicts(checker, (await casesOf([...cases, ...context.positionals], {})).filter(({ split }) => split !== 'test'), { signal: context.signal, onProgress: progress('told') });
  const tables = tablesOf(verdicts);
  const calibration = indexes.length === 0 ? null : await calibrate(checker, await casesOf(indexes, { splits: ['val'], licences: ['permissive'] }), { signal: context.signal, onProgress: progress('untouched') });
  if (calibration) saveCalibration(folder, calibration);
  context.print({ network: checker.sha256, tables, calibration }, [
    ...tables.map(({ generators, ...measures }) => `Generators ${generators}:\n${measuresText(measures)}`),
    ...(calibration ? [`Thresholds ${calibration.thresholds.suspected.toFixed(3)} and ${calibration.thresholds.strong.toFixed(3)}; false alarms on other untouched images ${share(calibration.falseAlarms.suspected)}, strong ${share(calibration.falseAlarms.strong)}`,
      ...Object.entries(calibration.byModality).map(([name, { suspected, strong }]) => `  ${name.padEnd(12)} ${share(suspected)}, strong ${share(strong)}`)] : []),
  ].join('\n\n'));
}

const share = ({ count, of, low, high }: Measured): string => `${count} of ${of} (${Math.round(low * 100)}–${Math.round(high * 100)} %)`;
const estimate = ({ mean, ci: [low, high] }: Estimate): string => `${mean.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;

function measuresText({ images, accuracy, macroF1, recall, boxIou, maskIou, maskF1, falseAlarms, byGenerator }: AlterationMeasures): string {
  return [
    `  ${images} images, three classes ${estimate(accuracy)}, macro F1 ${macroF1.toFixed(3)}`,
    ...Object.entries(recall).map(([name, measured]) => `  ${name.padEnd(16)} ${share(measured)}`),
    `  false alarms     ${share(falseAlarms)}`,
    `  box IoU ${estimate(boxIou)}${maskIou && maskF1 ? `, mask IoU ${estimate(maskIou)}, mask F1 ${estimate(maskF1)}` : ''}`,
    ...Object.entries(byGenerator).map(([name, measured]) => `  ${name.padEnd(16)} ${share(measured)}`),
  ].join('\n');
}
