/** What is wrong, or looks wrong, with curated records before anything is learnt from them. */
import type { Picture } from '#models/imaging/image.ts';
import { Fault } from '#models/base/fault.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { curatedFlaw } from '#training/records/curated.ts';
import { pictureHashes, type PictureHash } from './lookAlikes.ts';
import { leaks } from './split.ts';

export interface LintIssue {
  /** An error makes figures wrong or a run fail; a warning is worth a look. */
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly id: string;
  readonly message: string;
}

/** How a record's picture is reached; without it only the rows are checked. */
export interface PictureSource {
  /** Checks the file's hash too. */
  readonly bytes: (record: CaseRecord) => Uint8Array;
  readonly decode: (bytes: Uint8Array, name: string) => Promise<Picture>;
  readonly onProgress?: (done: number, total: number) => void;
}

export async function lintRecords(records: readonly CaseRecord[], source?: PictureSource): Promise<LintIssue[]> {
  const issues = [...duplicateIssues(records), ...records.flatMap(rowIssues), ...labelIssues(records)];
  const hashes = new Map<string, readonly PictureHash[]>();
  if (source) {
    for (const [at, record] of records.entries()) {
      const { hashes: seen, issue } = await pictureIssue(record, source);
      if (seen) hashes.set(record.id, seen);
      if (issue) issues.push(issue);
      source.onProgress?.(at + 1, records.length);
    }
  }
  return [...issues, ...leakIssues(records, hashes)];
}

const error = (code: string, id: string, message: string): LintIssue => ({ severity: 'error', code, id, message });
const warning = (code: string, id: string, message: string): LintIssue => ({ severity: 'warning', code, id, message });

function duplicateIssues(records: readonly CaseRecord[]): LintIssue[] {
  const [ids, files] = [new Map<string, CaseRecord>(), new Map<string, CaseRecord>()];
  const issues: LintIssue[] = [];
  for (const record of records) {
    const [sameId, sameFile] = [ids.get(record.id), files.get(record.sha256)];
    if (sameId) issues.push(error('duplicate.id', record.id, 'the id stands on two rows'));
    if (sameFile && sameFile.task === record.task && sameFile.label !== record.label) {
      issues.push(
        error('label.contradiction', record.id, `has the same bytes as ${sameFile.id}, which is labelled ${sameFile.label} and not ${record.label}`),
      );
    } else if (sameFile) issues.push(warning('duplicate.bytes', record.id, `has the same bytes as ${sameFile.id}`));
    ids.set(record.id, record);
    files.set(record.sha256, record);
  }
  return issues;
}

/** The fact that holds the answer. */
const factOfQuestion = {
  abnormality_yes_no: 'abnormal', malignancy_yes_no: 'malignant', laterality: 'eye', view: 'view', body_part: 'body_part', specimen: 'specimen',
} as const;

function rowIssues(record: CaseRecord): LintIssue[] {
  const issues: LintIssue[] = [];
  const { id, boxes, width, height, questionTypes, facts, licence, licenceClass } = record;
  const tiny = boxes?.filter(({ box }) => box.x2 - box.x1 < 2 || box.y2 - box.y1 < 2).length ?? 0;
  const whole = boxes?.filter(({ box }) => (box.x2 - box.x1) * (box.y2 - box.y1) > 0.98 * width * height).length ?? 0;
  const twins = (boxes?.length ?? 0) - new Set(boxes?.map(({ class: name, box }) => `${name} ${box.x1} ${box.y1} ${box.x2} ${box.y2}`)).size;
  if (tiny > 0) issues.push(warning('box.tiny', id, `${tiny} boxes are less than two pixels wide or high`));
  if (whole > 0) issues.push(warning('box.whole', id, `${whole} boxes cover the whole image`));
  if (twins > 0) issues.push(warning('box.twice', id, `${twins} boxes are listed twice`));
  const asksForPlace = questionTypes.some((type) => type.startsWith('localization_'));
  if (asksForPlace && !boxes) issues.push(error('question.boxes', id, 'asks where something is, but carries no boxes'));
  for (const [type, fact] of Object.entries(factOfQuestion)) {
    if (!questionTypes.includes(type) || facts[fact] !== undefined) continue;
    issues.push(error('question.fact', id, `asks for ${type}, but has no fact ${fact}`));
  }
  const flaw = curatedFlaw(record);
  if (flaw !== null) issues.push(error('question.curated', id, flaw));
  if (licenceClass === 'permissive' && !/^(?:CC ?BY|CC0|MIT|Apache|BSD|PDDL|public domain)/i.test(licence)) {
    issues.push(warning('licence.unclear', id, `is classed permissive under the licence ${JSON.stringify(licence)}`));
  }
  return issues;
}

function labelIssues(records: readonly CaseRecord[]): LintIssue[] {
  const tasks = new Map<string, CaseRecord[]>();
  for (const record of records) tasks.set(record.task, [...(tasks.get(record.task) ?? []), record]);
  return [...tasks].flatMap(([task, members]) => {
    const train = members.filter(({ split }) => split === 'train');
    const issues: LintIssue[] = [];
    const spaces = new Set(members.map(({ labelsSpace }) => [...labelsSpace].sort().join(' ')));
    if (spaces.size > 1) issues.push(error('task.labels', task, `has ${spaces.size} different label spaces`));
    const counts = new Map(members[0]!.labelsSpace.map((label) => [label, train.filter((record) => record.label === label).length]));
    for (const [label, count] of counts) {
      if (train.length > 0 && count === 0) issues.push(warning('label.untrained', task, `has no training case of ${label}`));
    }
    const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
    const said = `has ${most} training cases of its commonest label and ${least} of its rarest`;
    if (least > 0 && most > 5 * least) issues.push(warning('label.imbalance', task, said));
    return issues;
  });
}

async function pictureIssue(record: CaseRecord, source: PictureSource): Promise<{ hashes?: readonly PictureHash[]; issue?: LintIssue }> {
  try {
    const picture = await source.decode(source.bytes(record), record.file);
    const isStated = picture.width === record.width && picture.height === record.height;
    return {
      hashes: pictureHashes(picture),
      ...(isStated ? {} : { issue: error('picture.size', record.id, `is ${sizeOf(picture)} pixels, but the row says ${sizeOf(record)}`) }),
    };
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    return { issue: error(cause.code, record.id, cause.why) };
  }
}

const sizeOf = ({ width, height }: { readonly width: number; readonly height: number }): string => `${width} x ${height}`;

/** Look-alikes are compared within a modality and are a warning: two slices of different patients can be this alike. */
function leakIssues(records: readonly CaseRecord[], hashes: ReadonlyMap<string, readonly PictureHash[]>): LintIssue[] {
  const modalities = [...new Set(records.map(({ modality }) => modality))];
  const found = [
    ...leaks(records),
    ...modalities.flatMap(
      (modality) => leaks(records.filter((record) => record.modality === modality), hashes).filter(({ kind }) => kind === 'look-alike'),
    ),
  ];
  return found.map(({ kind, first, second, splits: [one, other], distance }) => kind === 'look-alike'
    ? warning('leak.look-alike', second, `(${other}) looks like ${first} (${one}): ${distance} of 256 bits differ`)
    : error(`leak.${kind}`, second, `(${other}) shares its ${kind} with ${first} (${one})`));
}
