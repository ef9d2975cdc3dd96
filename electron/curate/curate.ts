/** Verdicts, labels and cases: one journal of versions is the truth, the folder for training is made from it. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CheckResult, CuratedCase, Dataset, FoundBoxes, How, Item, Judgement, LabelDefinition, Version, Waiting } from '#electron/contract/curate.ts';
import type { Publish } from '#electron/contract/events.ts';
import type { StudyDetail, StudyStatus } from '#electron/contract/library.ts';
import type { AskedView, Trace } from '#electron/contract/review.ts';
import type { Blobs } from '#electron/storage/blobs.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import { findCode } from '#models/clinical/codes.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Modality } from '#models/clinical/study.ts';
import type { Affine } from '#models/imaging/coordinates.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { closeArchives, loadBytes, readIndex } from '#training/data/cases.ts';
import { lintRecords, type LintIssue } from '#training/data/lint.ts';
import { snapshotOf, writeSnapshot } from '#training/data/snapshot.ts';
import { splitByGroup } from '#training/data/split.ts';
import { curatedFlaw } from '#training/records/curated.ts';
import { caseRecord } from '#training/records/caseRecord.ts';
import { concernsOf, isWithheld, type Evidence } from './concerns.ts';
import { indexName, rowOf, writeDataset } from './dataset.ts';
import { propose } from './propose.ts';
import { queueOf, type QueueOrder } from './queue.ts';
import { openVersions } from './versions.ts';

/** A view as the picture that a case keeps, and what is known of its file. */
export interface CapturedPicture extends Omit<Evidence, 'isOftenBurned'> {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Pixels of the picture to pixels of the source. */
  readonly toSource: Affine;
  readonly source: { readonly width: number; readonly height: number };
  readonly facts: Readonly<Record<string, string>>;
  readonly isOftenBurned: boolean;
  readonly lettering: readonly Box[];
}

export interface CurationOptions {
  readonly folder: string;
  readonly blobs: Pick<Blobs, 'put' | 'read'>;
  readonly publish: Publish;
  readonly now: () => string;
  /** Who judges. */
  readonly by: string;
  readonly traces: () => readonly Trace[];
  /** How far an answer relies on its image, as was checked; null: nobody did. Absent: nothing is checked. */
  readonly reliance?: (trace: Trace) => number | null;
  readonly study: (studyId: string) => Promise<StudyDetail>;
  readonly picture: (view: AskedView) => Promise<CapturedPicture>;
  readonly setStatus: (studyId: string, status: StudyStatus) => void;
}

export interface Curation {
  judgements(studyId: string): { readonly judgements: Judgement[]; readonly cases: CuratedCase[] };
  change(change: { readonly what: string; readonly how: How; readonly items: readonly Item[] }): Promise<void>;
  capture(traceId: string, step: number | null): Promise<CuratedCase>;
  captureFound(found: FoundBoxes): Promise<CuratedCase>;
  dataset(): Dataset;
  history(kind: Item['kind'], id: string): readonly Version[];
  queue(order: QueueOrder, seed: number): readonly Waiting[];
  check(): Promise<CheckResult>;
  split(shares: readonly [number, number, number], seed: number): Promise<Record<string, number>>;
  snapshot(): Promise<Dataset['snapshots'][number]>;
  close(): Promise<void>;
}

/** DICOM's codes in the words of the training data. */
const modalityOfCode: Readonly<Record<string, Modality>> = {
  CR: 'xray', DX: 'xray', MG: 'xray', RF: 'xray', XA: 'xray', PX: 'xray', CT: 'ct', MR: 'mri', US: 'ultrasound', IVUS: 'ultrasound', SM: 'microscopy', GM: 'microscopy', OP: 'fundus', OPT: 'oct', OCT: 'oct',
};

export function openCuration({ folder, blobs, publish, now, by, traces, reliance, study, picture, setStatus }: CurationOptions): Curation {
  const datasetFolder = join(folder, 'dataset');
  const versions = openVersions(join(folder, 'curation.jsonl'), { now, by });
  const snapshots = openJournal(join(folder, 'snapshots.jsonl'), (value) => value as Dataset['snapshots'][number]);
  const taken = [...snapshots.entries];
  const salt = saltOf(join(folder, 'curation.salt'));
  const evidence = new Map<string, Evidence>();

  // The folder follows the journal, one writing at a time; what fails is told to whoever next needs the folder.
  let isStale = true;
  let writing: Promise<unknown> = Promise.resolve();
  const written = (): Promise<number> => {
    const next = writing.catch(() => undefined).then(async () => {
      isStale = false;
      try {
        return await writeDataset(datasetFolder, versions.all('case'), versions.all('label'), (sha256) => blobs.read(sha256));
      } catch (thrown) {
        isStale = true;
        throw thrown;
      }
    });
    writing = next;
    return next;
  };
  let timer: NodeJS.Timeout | undefined;
  const writeSoon = (): void => {
    isStale = true;
    clearTimeout(timer);
    timer = setTimeout(() => void written().catch(() => undefined), 400);
  };

  const put = (what: string, how: How, items: readonly Item[]): void => {
    versions.put({ what, how, items: [...items] });
    publish('curate.changed', { items: [...items] });
    if (items.some(({ kind }) => kind !== 'judgement')) writeSoon();
  };
  const groupOf = async (studyId: string): Promise<string> => {
    const { study: { patientId, id } } = await study(studyId);
    return `patient-${createHmac('sha256', salt).update(patientId === '' ? id : patientId).digest('hex').slice(0, 16)}`;
  };

  return {
    judgements: (studyId) => ({ judgements: versions.all('judgement').filter((one) => one.studyId === studyId), cases: versions.all('case').filter((one) => one.studyId === studyId) }),
    async change({ what, how, items }) {
      const checked = await Promise.all(items.map(async (item): Promise<Item> => {
        if (item.kind !== 'case' || item.value === null) return mustFit(item);
        const known = versions.history('case', item.id).findLast((version) => version.item.value !== null)?.item.value as CuratedCase | undefined;
        if (!known) throw new Fault({ code: 'curate.unknown', what: 'The case cannot be changed.', why: 'There never was one by this name.', mend: 'Make it from a judged step or answer.' });
        const { question, label, labelId, steps, modality, split, concerns, note, verdict } = item.value;
        const value: CuratedCase = { ...known, question, label, labelId, steps, modality, split, note, verdict, concerns };
        return { ...item, value: { ...value, concerns: concernsOf(value, await evidenceOf(known), concerns) } };
      }));
      for (const item of checked) if (item.kind === 'case' && item.value !== null) mustVerify(item.value, versions.all('label'));
      put(what, how, checked);
      for (const item of checked) if (item.kind === 'judgement' && item.value !== null && how === 'done') await judged(item.value.studyId);
    },
    async capture(traceId, step) {
      const trace = traces().find(({ id }) => id === traceId);
      if (!trace) throw new Fault({ code: 'curate.trace', what: 'No case can be made.', why: 'The answer is not in the store any more.', mend: 'Ask the question again.' });
      const judgement = versions.get('judgement', traceId);
      const proposal = propose(trace, judgement, step, versions.all('label'));
      const view = trace.views[proposal.view] ?? trace.views[0];
      if (!view) throw new Fault({ code: 'curate.view', what: 'No case can be made.', why: 'The answer is about no picture.', mend: 'Ask about an image.' });
      const [shown, group, detail] = await Promise.all([picture(view.view), groupOf(trace.studyId), study(trace.studyId)]);
      const id = `${trace.id.replace(/[^\w-]/g, '').slice(0, 36)}-${step === null ? 'answer' : `s${step + 1}`}`;
      const before = versions.get('case', id);
      const modality = before?.modality ?? modalityOf(detail, shown);
      const made: CuratedCase = {
        id, studyId: trace.studyId, traceId: trace.id, target: step === null ? 'answer' : `step ${step + 1}`, verdict: proposal.verdict, view: view.view, viewName: view.name,
        question: proposal.question, label: proposal.label, labelId: proposal.labelId, steps: [...proposal.steps], modality, group,
        split: before?.split ?? versions.all('case').find((one) => one.group === group)?.split ?? 'train', facts: { ...shown.facts, ...(detail.study.sex === null ? {} : { sex: detail.study.sex }) },
        concerns: [], image: { sha256: await blobs.put(shown.png), width: shown.width, height: shown.height, toSource: shown.toSource, source: shown.source },
        weights: trace.model.weightsSha256, capturedAt: now(), note: before?.note ?? '',
      };
      const known: Evidence = { fields: shown.fields, burnedIn: shown.burnedIn, isOftenBurned: shown.isOftenBurned, lettering: shown.lettering };
      evidence.set(id, known);
      const whole: CuratedCase = { ...made, concerns: concernsOf(made, known, before?.concerns) };
      mustVerify(whole, versions.all('label'));
      const items: Item[] = [{ kind: 'case', id, value: whole }];
      // Who makes a case of something has accepted it.
      const verdict = step === null ? judgement?.answer : judgement?.steps[step];
      if (!verdict) items.push({ kind: 'judgement', id: trace.id, value: withVerdict(judgement, trace, step) });
      put(`Training case from ${made.target}`, 'done', items);
      await judged(trace.studyId);
      return whole;
    },
    async captureFound({ studyId, view, name, boxes, localizer }) {
      const frameId = view.kind === 'frame' ? view.frameId : `${view.slideId}-0`;
      const id = `found-${createHash('sha256').update(`${frameId}\n${name.toLowerCase()}`).digest('hex').slice(0, 24)}`;
      const [shown, group, detail] = await Promise.all([picture(view), groupOf(studyId), study(studyId)]);
      const before = versions.get('case', id);
      const made: CuratedCase = {
        id, studyId, traceId: id, target: 'answer', verdict: 'accepted', view, viewName: `${boxes.length} × ${name}`.slice(0, 200), question: `Where is every ${name}? Give boxes.`, label: { kind: 'boxes', boxes: boxes.map((box) => ({ label: name, box })) }, labelId: null, steps: [],
        modality: before?.modality ?? modalityOf(detail, shown), group, split: before?.split ?? versions.all('case').find((one) => one.group === group)?.split ?? 'train', facts: { ...shown.facts, ...(detail.study.sex === null ? {} : { sex: detail.study.sex }) },
        concerns: [], image: { sha256: await blobs.put(shown.png), width: shown.width, height: shown.height, toSource: shown.toSource, source: shown.source }, weights: [localizer], capturedAt: now(), note: before?.note ?? '',
      };
      const known: Evidence = { fields: shown.fields, burnedIn: shown.burnedIn, isOftenBurned: shown.isOftenBurned, lettering: shown.lettering };
      evidence.set(id, known);
      const whole: CuratedCase = { ...made, concerns: concernsOf(made, known, before?.concerns) };
      mustVerify(whole, versions.all('label'));
      put(`Training case from a search for ${name}`, 'done', [{ kind: 'case', id, value: whole }]);
      await judged(studyId);
      return whole;
    },
    dataset: () => ({ index: join(datasetFolder, indexName), cases: [...versions.all('case')], labels: [...versions.all('label')], snapshots: [...taken].reverse() }),
    history: (kind, id) => versions.history(kind, id),
    // A second question waits beside the answer that it is about.
    queue: (order, seed) => queueOf(traces().filter(({ origin }) => !origin), (id) => versions.get('judgement', id), order, seed, reliance),
    async check() {
      const count = await written();
      const cases = versions.all('case');
      const records = count === 0 ? [] : await readIndex(join(datasetFolder, indexName));
      const issues: LintIssue[] = await lintRecords(records, { bytes: (record) => loadBytes(record, { verify: true }), decode: decodePicture });
      closeArchives();
      const withheld = cases.filter(isWithheld);
      const concerns = withheld.flatMap(({ id, concerns: own }) => own.filter(({ isReleased }) => !isReleased).map(({ code, detail }): LintIssue => ({ severity: 'warning', code: `withheld.${code}`, id, message: detail })));
      const there = new Set(records.map(({ id }) => id));
      const lost = cases.filter((one) => !there.has(one.id) && !isWithheld(one)).map(({ id }): LintIssue => ({ severity: 'error', code: 'case.outside', id, message: 'has a place outside its picture and is left out' }));
      return { cases: cases.length, written: count, withheld: withheld.length, issues: [...issues, ...lost, ...concerns] };
    },
    async split(shares, seed) {
      const cases = versions.all('case');
      if (cases.length === 0) throw nothing('split');
      if (shares.some((share) => !(share >= 0)) || shares.every((share) => share === 0)) {
        throw new Fault({ code: 'curate.shares', what: 'The cases cannot be split so.', why: 'No share may be negative, nor all of them zero.', mend: 'Give three numbers, as in 80, 10, 10.' });
      }
      const rows = cases.map((one) => ({ id: one.id, group: one.group, label: labelWord(one), task: one.labelId ?? one.label.kind, sha256: one.image.sha256 }));
      const chosen = splitByGroup(rows, { train: shares[0], val: shares[1], test: shares[2] }, seed);
      const moved = cases.flatMap((one): Item[] => {
        const next = chosen.get(one.id);
        return next === undefined || next === one.split ? [] : [{ kind: 'case', id: one.id, value: { ...one, split: next } }];
      });
      if (moved.length > 0) put(`Split ${shares.join(' : ')}, seed ${seed}`, 'done', moved);
      const counts: Record<string, number> = { train: 0, val: 0, test: 0 };
      for (const value of chosen.values()) counts[value] = (counts[value] ?? 0) + 1;
      return counts;
    },
    async snapshot() {
      const count = await written();
      if (count === 0) throw nothing('kept as a snapshot');
      const snapshot = snapshotOf(await readIndex(join(datasetFolder, indexName)));
      const path = writeSnapshot(snapshot, join(datasetFolder, 'snapshots'));
      const known = taken.find(({ hash }) => hash === snapshot.hash);
      if (known) return known;
      const summary = { hash: snapshot.hash, path, cases: snapshot.rows.length, counts: snapshot.counts, takenAt: now() };
      snapshots.append(summary);
      taken.push(summary);
      return summary;
    },
    async close() {
      clearTimeout(timer);
      if (isStale && versions.all('case').length > 0) await written().catch(() => undefined);
      await writing.catch(() => undefined);
      versions.close();
      snapshots.close();
    },
  };

  async function evidenceOf(one: CuratedCase): Promise<Evidence> {
    const known = evidence.get(one.id) ?? await picture(one.view).catch(() => null);
    if (known) evidence.set(one.id, known);
    return known ?? { fields: [], burnedIn: null, isOftenBurned: false, lettering: [] };
  }

  async function judged(studyId: string): Promise<void> {
    const { study: { status } } = await study(studyId);
    if (status === 'new' || status === 'asked') setStatus(studyId, 'judged');
  }
}

const nothing = (what: string): Fault => new Fault({ code: 'curate.empty', what: `There is nothing to be ${what}.`, why: 'No case may enter training yet.', mend: 'Judge an answer and make cases of its steps (T), or release those that are withheld.' });

function withVerdict(judgement: Judgement | undefined, trace: Trace, step: number | null): Judgement {
  const base: Judgement = judgement ?? { traceId: trace.id, studyId: trace.studyId, steps: {}, answer: null, boxes: {}, added: [] };
  const accepted = { verdict: 'accepted', text: null } as const;
  return step === null ? { ...base, answer: accepted } : { ...base, steps: { ...base.steps, [step]: accepted } };
}

/** A case whose verifier would not give its own answer full marks never comes into being. @throws Fault `curate.verifier` */
function mustVerify(one: CuratedCase, definitions: readonly LabelDefinition[]): void {
  const refuse = (why: string): Fault => new Fault({ code: 'curate.verifier', what: 'This label cannot be checked by a program.', why, mend: 'Put the label otherwise: other options, another kind, or boxes that lie on the picture.' });
  const row = rowOf({ ...one, modality: one.modality ?? 'xray' }, definitions);
  if (!row) throw refuse('One of its places lies outside the picture.');
  if (!row.labels_space.includes(row.label)) throw refuse(`${row.label} is none of ${row.labels_space.join(', ')}.`);
  const flaw = curatedFlaw(caseRecord(row, '/'));
  if (flaw !== null) throw refuse(`${flaw.charAt(0).toUpperCase()}${flaw.slice(1)}.`);
}

function mustFit(item: Item): Item {
  if (item.kind === 'label' && item.value && (item.value.kind === 'choice' || item.value.kind === 'ordinal' || item.value.kind === 'choices') && item.value.options.length < 2) {
    throw new Fault({ code: 'curate.options', what: `The label ${item.value.name} cannot be used.`, why: 'It has fewer than two options.', mend: 'Name its options, one to a line.' });
  }
  if (item.kind === 'label' && item.value?.code && !findCode(item.value.code)) {
    throw new Fault({ code: 'curate.code', what: `The label ${item.value.name} cannot bear this code.`, why: `${item.value.code.scheme} ${item.value.code.value} does not stand in the table as “${item.value.code.meaning}”.`, mend: 'Choose a code from the list.' });
  }
  const id = item.value === null ? item.id : item.kind === 'judgement' ? item.value.traceId : item.value.id;
  if (id !== item.id) throw new Fault({ code: 'curate.name', what: 'This cannot be kept.', why: 'It bears two names.', mend: 'This is a defect of the page: reload it, and report it if it stays.' });
  return item;
}

/** The study's code where it is one of ours; a picture says by nothing how it was made. */
function modalityOf({ study: { modalities, kind } }: StudyDetail, { facts }: CapturedPicture): Modality | null {
  const code = facts.code ?? modalities[0] ?? '';
  return modalityOfCode[code] ?? (kind === 'slide' ? 'microscopy' : null);
}

function labelWord({ label }: CuratedCase): string {
  switch (label.kind) {
    case 'yesNo': return label.value ? 'yes' : 'no';
    case 'choice': return label.options[label.right] ?? '';
    case 'ordinal': return label.value;
    case 'boxes': return label.boxes.length === 0 ? 'none' : 'some';
    default: return label.kind;
  }
}

/** What keeps a patient's other name from being found by trying numbers; made once, never leaves this machine. */
function saltOf(path: string): Buffer {
  if (existsSync(path)) return readFileSync(path);
  mkdirSync(dirname(path), { recursive: true });
  const salt = randomBytes(32);
  writeFileSync(path, salt, { mode: 0o600, flag: 'wx' });
  return salt;
}
