/** A draft from what was asked, answered, judged, drawn and checked. Pure: the same things give the same draft. */
import type { AnswerRecord } from '#electron/audit/record.ts';
import type { Judged as Said, Judgement } from '#electron/contract/curate.ts';
import type { StudyDetail, StudySummary } from '#electron/contract/library.ts';
import { earlierBy } from '#electron/contract/priors.ts';
import { regionsOf } from '#electron/contract/regions.ts';
import type { AskedView, EvidenceCheck, Trace } from '#electron/contract/review.ts';
import { codes } from '#models/clinical/codes.ts';
import {
  isOn, researchBanner, type AnswerProvenance, type Author, type Comparison, type ImagePlace, type KeyImage, type Measurement, type Report, type ReportBox, type ReportFinding, type ReportQuestion, type ReportSection, type ReportSource,
  type ReportStep, type ReportSubject, type ReportVerdict, type ReportWindow,
} from '#models/clinical/report.ts';
import { frameIn } from './measured.ts';
import type { SourceImage } from './formats/format.ts';
import { bindSubject } from './signing.ts';

/** An answer's record with its place in the audit journal. */
export interface KeptRecord {
  readonly id: string;
  readonly record: Pick<AnswerRecord, 'model' | 'software' | 'sampling'> & { readonly machine: Pick<AnswerRecord['machine'], 'device' | 'runtime' | 'platform'>; readonly prompt: { readonly sha256: string } };
  /** Null: it is on record nowhere. `story`: the entries that led to it, the question's last; `root`: over its fields. */
  readonly place: { readonly log: string; readonly seq: number; readonly story: readonly number[]; readonly root: string } | null;
}

export interface Judged {
  readonly judgement: Judgement;
  readonly at: string;
  readonly by: string;
}

/** All that a report is made of. */
export interface Gathered {
  readonly detail: StudyDetail;
  /** Other studies that the questions show images of. */
  readonly others: readonly StudyDetail[];
  readonly traces: readonly Trace[];
  /** Each with when and by whom it was last changed. */
  readonly judgements: readonly Judged[];
  readonly checks: readonly EvidenceCheck[];
  readonly records: readonly KeptRecord[];
  readonly measurements: readonly Measurement[];
  /** Images that a person marked as key images. */
  readonly marked: readonly ImagePlace[];
  /** How many measurements a person has hidden in the viewer. */
  readonly hiddenMeasurements: number;
  readonly prior: { readonly study: StudySummary; readonly studyUid: string | null; readonly changes: Comparison['changes'] } | null;
  /** What others found or did: each becomes a section of the report. */
  readonly sections?: readonly ReportSection[];
  /** Headers of the frames that are spoken of, where they are DICOM. */
  readonly images: readonly SourceImage[];
}

export interface ComposeOptions {
  readonly id: string;
  readonly now: string;
  readonly software: Report['software'];
  readonly journal: Report['journal'];
  /** The model's marks are hidden from whoever composes it. */
  readonly areMarksHidden?: boolean;
  /** Of the subject's commitment, 32 hexadecimal digits; absent: a random one. */
  readonly salt?: string;
}

/** More regions than this nobody reads: they stay with the answer, which is named. */
const mostBoxes = 5000;

export function compose(gathered: Gathered, { id, now, software, journal, areMarksHidden = false, salt }: ComposeOptions): Report {
  const { detail, traces, judgements, measurements, prior } = gathered;
  const { study } = detail;
  const judgedOf = (trace: Trace): Judged | undefined => judgements.find(({ judgement: { traceId } }) => traceId === trace.id);
  const all = traces.flatMap((trace) => boxesIn(trace, judgedOf(trace)));
  const boxes = all.slice(0, mostBoxes);
  const questions = traces.map((trace) => questionOf(trace, { gathered, judged: judgedOf(trace), boxes }));
  const findings = findingsOf(questions, boxes);
  const keyImages = keyImagesOf(gathered, boxes, areMarksHidden ? boxes.filter(({ author }) => author.kind === 'person') : boxes);
  const subject: ReportSubject = {
    patientName: study.patient, patientId: study.patientId, birthDate: study.birthDate, sex: study.sex, accession: study.accession,
    studyUid: gathered.images.find(({ sha256 }) => detail.files.some((file) => file.sha256 === sha256))?.studyInstanceUid ?? null, studyDate: study.date,
  };
  return {
    format: 'loupe.report/1', id, version: 1, revision: 0, supersedes: null, status: 'draft', language: 'en', createdAt: now, updatedAt: now, banner: researchBanner,
    title: clip(`Report on ${study.description === '' ? study.modalities.join(', ') : study.description}`),
    study: { id: study.id, modality: study.modalities[0] ?? '', modalities: study.modalities.slice(0, 32).map((code) => code.slice(0, 16)), description: clip(study.description), kind: study.kind, isSample: study.isSample },
    ...bindSubject(subject, salt), sources: sourcesOf(gathered, [...boxes.map(({ place }) => place), ...keyImages.map(({ place }) => place), ...questions.flatMap(({ scope }) => scope.map(({ place }) => place)), ...measurements.map(({ place }) => place)]),
    questions, boxes, findings, measurements: [...measurements], keyImages, comparison: prior && comparisonOf(prior, study), ...(gathered.sections && gathered.sections.length > 0 ? { sections: gathered.sections.slice(0, 20) } : {}), impression: impressionOf({ questions }), limitations: [...limitationsOf(gathered, questions), ...(all.length > mostBoxes ? [`Of ${all.length} regions the first ${mostBoxes} are in the report.`] : [])],
    software, journal, signature: null, ...(areMarksHidden ? { marksHidden: true } : {}),
  };
}

/**
 * What is written into an open draft by hand stays, and what was taken out of it stays out; what was asked, judged and drawn since is brought in.
 *
 * @param base  the draft as it was last composed
 */
export function refreshed(draft: Report, next: Report, base: Report): Report {
  /** What was composed, and is there no more. */
  const takenOut = (name: 'findings' | 'keyImages' | 'measurements'): ReadonlySet<string> => {
    const here = new Set<string>(draft[name].map(({ id }) => id));
    return new Set<string>(base[name].map(({ id }) => id).filter((id) => !here.has(id)));
  };
  const [noFindings, noImages, noMeasurements] = [takenOut('findings'), takenOut('keyImages'), takenOut('measurements')];
  const decided = new Map(draft.questions.flatMap(({ steps }) => steps.map((step) => [step.id, step] as const)));
  const questions = next.questions.map((question) => {
    const before = draft.questions.find((one) => one.id === question.id);
    if (!before) return question;
    const kept = question.steps.map((step) => {
      const own = decided.get(step.id);
      return own && own.verdict !== 'undecided' ? { ...step, text: own.text, verdict: own.verdict, reason: own.reason, decidedBy: own.decidedBy, decidedAt: own.decidedAt } : step;
    });
    const added = before.steps.filter((step) => step.original === null && !kept.some((one) => one.id === step.id));
    return { ...question, steps: [...kept, ...added], answer: before.answer.verdict === 'undecided' ? question.answer : before.answer };
  });
  /** Those that a person wrote otherwise. */
  const ownFindings = new Map(draft.findings.filter((finding) => !base.findings.some((one) => JSON.stringify(one) === JSON.stringify(finding))).map((finding) => [finding.id, finding]));
  /** Those that a person captioned otherwise, or drew less on. */
  const changedImages = new Map(draft.keyImages.filter((image) => !base.keyImages.some((one) => JSON.stringify(one) === JSON.stringify(image))).map((image) => [image.id, image]));
  return {
    ...next, id: draft.id, version: draft.version, supersedes: draft.supersedes, createdAt: draft.createdAt, title: draft.title, questions,
    subject: draft.subject, subjectSalt: draft.subjectSalt, subjectCommit: draft.subjectCommit,
    boxes: next.boxes.map((box) => {
      const own = draft.boxes.find((one) => one.id === box.id);
      return own && (own.original !== null || own.isRemoved) ? own : box;
    }),
    findings: [...next.findings.filter(({ id }) => !noFindings.has(id)).map((finding) => ownFindings.get(finding.id) ?? finding), ...draft.findings.filter(({ id }) => id.startsWith('own-'))],
    measurements: next.measurements.filter(({ id }) => !noMeasurements.has(id)),
    keyImages: inOrder(draft.keyImages, [
      ...next.keyImages.filter(({ id }) => !noImages.has(id)).map((image) => changedImages.get(image.id) ?? image).map((image) => ({ ...image, overlays: image.overlays.filter((id) => !noMeasurements.has(id)) })),
      ...draft.keyImages.filter((image) => !next.keyImages.some(({ id }) => id === image.id)).filter(({ id }) => !base.keyImages.some((image) => image.id === id)),
    ]),
    impression: draft.impression === impressionOf(draft) ? impressionOf({ questions }) : draft.impression,
    limitations: [...new Set([...next.limitations.filter((text) => draft.limitations.includes(text) || !base.limitations.includes(text)), ...draft.limitations])].slice(0, 50),
    comparison: next.comparison && draft.comparison?.studyId === next.comparison.studyId ? { ...next.comparison, text: draft.comparison.text } : next.comparison,
  };
}

/** In the order of those that were there; what is new comes after them. */
function inOrder(before: readonly KeyImage[], now: readonly KeyImage[]): KeyImage[] {
  const place = ({ id }: KeyImage): number => {
    const at = before.findIndex((image) => image.id === id);
    return at < 0 ? before.length : at;
  };
  return now.toSorted((a, b) => place(a) - place(b));
}

/** What the accepted answers say, one line each: the impression until a person writes another. */
export const impressionOf = ({ questions }: Pick<Report, 'questions'>): string =>
  questions.filter(({ answer }) => answer.verdict === 'accepted' || answer.verdict === 'edited').map(({ answer }) => sentence(answer.text)).join('\n');

/** Findings that a person cannot have meant: every region that shows them belongs to rejected reasoning or was taken out. */
export function contradictions({ findings, questions, boxes }: Pick<Report, 'findings' | 'questions' | 'boxes'>): readonly ReportFinding[] {
  const rejected = rejectedBoxes(questions);
  const isGone = (box: string): boolean => rejected.has(box) || boxes.find(({ id }) => id === box)?.isRemoved !== false;
  return findings.filter((finding) => finding.boxes.length > 0 && finding.boxes.every(isGone));
}

/** Boxes that only rejected steps cite. */
function rejectedBoxes(questions: readonly ReportQuestion[]): ReadonlySet<string> {
  const steps = questions.flatMap((question) => question.steps);
  const alive = new Set(steps.filter(({ verdict }) => verdict !== 'rejected').flatMap(({ boxes }) => boxes));
  return new Set(steps.filter(({ verdict }) => verdict === 'rejected').flatMap(({ boxes }) => boxes).filter((box) => !alive.has(box)));
}

const clip = (text: string, most = 400): string => text.replace(/\p{Surrogate}/gu, '\ufffd').slice(0, most).replace(/\p{Surrogate}/gu, '');
const prose = (text: string): string => clip(text, 20_000);
/** With a capital where it begins with a word, and a full stop. */
function sentence(text: string): string {
  const plain = text.trim().replace(/^[a-z](?=[a-z]{2})/, (letter) => letter.toUpperCase());
  return /[.!?]$/.test(plain) ? plain : `${plain}.`;
}
const person = (name: string): Author => ({ kind: 'person', name: clip(name) });

const placeOf = (frameId: string): ImagePlace => ({ source: frameId.slice(0, 64), frame: Number(frameId.slice(65)) });
const placeOfView = (view: AskedView): ImagePlace => (view.kind === 'frame' ? placeOf(view.frameId) : { source: view.slideId, frame: 0 });
const isAt = (place: ImagePlace, other: ImagePlace): boolean => place.source === other.source && place.frame === other.frame;

function boxesIn(trace: Trace, judged: Judged | undefined): readonly ReportBox[] {
  const judgement = judged?.judgement;
  const own = regionsOf(trace).map(({ id, frameId, box, label }, i): ReportBox => {
    const moved = judgement?.boxes[id];
    const name = `${trace.id}.b${i}`;
    return { id: name, place: placeOf(frameId), label: clip(label), box: moved ?? box, original: moved === undefined ? null : box, isRemoved: moved === null, author: { kind: 'model', name: clip(trace.model.name) }, tracking: name };
  });
  const drawn = (judgement?.added ?? []).map(({ id, frameId, label, box }): ReportBox => {
    const name = `${trace.id}.a-${id.replace(/[^\w-]/g, '')}`;
    return { id: name, place: placeOf(frameId), label: clip(label), box, original: null, isRemoved: false, author: person(judged?.by ?? ''), tracking: name };
  });
  return [...own, ...drawn];
}

interface QuestionOptions {
  readonly gathered: Gathered;
  readonly judged: Judged | undefined;
  readonly boxes: readonly ReportBox[];
}

function questionOf(trace: Trace, { gathered, judged, boxes }: QuestionOptions): ReportQuestion {
  const judgement = judged?.judgement;
  const { checks, records } = gathered;
  const regions = regionsOf(trace);
  const boxId = (region: number): string => `${trace.id}.b${region}`;
  const there = new Set(boxes.map(({ id }) => id));
  const cited = (step: number): string[] => [
    ...regions.flatMap(({ steps }, i) => (steps.includes(step) ? [boxId(i)] : [])),
    ...(judgement?.added ?? []).filter((one) => one.step === step).map(({ id }) => `${trace.id}.a-${id.replace(/[^\w-]/g, '')}`),
  ].filter((id) => there.has(id)).slice(0, 1000);
  const check = checks.find(({ traceId }) => traceId === trace.id);
  const answer = trace.answer === null ? null : spokenAnswer(trace.answer);
  return {
    id: trace.id, text: prose(trace.question), askedAt: trace.askedAt,
    scope: trace.views.slice(0, 64).map(({ view, name, window }) => ({ place: placeOfView(view), name: clip(name), window: window === null ? null : clip(window) })),
    ...(trace.selection ? { selection: trace.selection } : {}),
    answer: { original: trace.answer === null ? null : prose(trace.answer), ...decided(judgement?.answer ?? null, prose(answer ?? 'No answer in the required form'), judged) },
    confidence: trace.confidence && { value: trace.confidence.value, method: clip(trace.confidence.method) },
    flags: trace.flags.slice(0, 100).map(({ code, detail }) => ({ code: clip(code), detail: prose(detail) })),
    evidence: check ? {
      reliance: check.reliance, usedImage: check.usedImage,
      regions: check.regions.flatMap(({ id, hidden, control }) => {
        const at = regions.findIndex((region) => region.id === id);
        return at < 0 ? [] : [{ box: boxId(at), hidden, control }];
      }),
    } : null,
    steps: trace.steps.slice(0, 200).map((step, i): ReportStep => ({ id: `${trace.id}:${i + 1}`, kind: step.kind, original: prose(step.text), boxes: cited(i), ...decided(judgement?.steps[i] ?? null, prose(step.text), judged) })),
    provenance: provenanceOf(trace, records.find(({ id }) => id === trace.id)),
  };
}

/** What a person's verdict makes of a model's sentence. */
function decided(said: Said | null, text: string, judged: Judged | undefined): Pick<ReportStep, 'text' | 'verdict' | 'reason' | 'decidedBy' | 'decidedAt'> {
  const verdict: ReportVerdict = said?.verdict ?? 'undecided';
  // A person's sentence beside a rejected step says why it is wrong; it does not take the step's place.
  const own = said?.text ?? null;
  return {
    text: verdict === 'edited' && own !== null ? prose(own) : text, verdict, reason: verdict === 'rejected' && own !== null ? clip(own, 2000) : '',
    decidedBy: said && judged ? clip(judged.by) : null, decidedAt: said && judged ? judged.at : null,
  };
}

/** A list of boxes is for the image; in words it is only counted. */
export function spokenAnswer(answer: string): string {
  if (!/^\s*\[/.test(answer)) return answer.trim();
  if (answer.trim() === '[]') return 'None found';
  const counts = new Map<string, number>();
  for (const [, label = ''] of answer.slice(0, 100_000).matchAll(/"label"\s*:\s*"((?:[^"\\]|\\.){0,200})"/g)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts.size === 0 ? answer.trim() : [...counts].map(([label, count]) => (count > 1 ? `${count} × ${label}` : label)).join(', ');
}

function provenanceOf(trace: Trace, kept: KeptRecord | undefined): AnswerProvenance {
  const inputs = trace.views.slice(0, 64).map(({ view, window, source, shown, resized, pixelsSha256 }) => ({ place: placeOfView(view), window: window === null ? null : clip(window), source, shown, resized, tensorSha256: pixelsSha256 }));
  const common = { tokens: trace.tokens, end: trace.end, parsed: trace.parsed, seconds: trace.timing.totalMs / 1000, inputs };
  if (!kept) {
    return {
      ...common, model: { name: clip(trace.model.name), family: clip(trace.model.family), boxes: '', files: trace.model.weightsSha256.map((sha256, i) => ({ name: `weights ${i + 1}`, bytes: 0, sha256 })), root: null },
      device: clip(trace.model.device), runtime: '', platform: '', software: { version: '', build: '' }, promptSha256: null, sampling: null, journal: null,
    };
  }
  const { record: { model, machine, software, prompt, sampling }, place } = kept;
  return {
    ...common, model: { name: clip(model.name), family: clip(model.family), boxes: clip(model.boxes), files: model.files.slice(0, 1000).map(({ name, bytes, sha256 }) => ({ name: clip(name), bytes, sha256 })), root: model.root },
    device: clip(machine.device), runtime: clip(machine.runtime), platform: clip(machine.platform), software: { version: clip(software.version), build: clip(software.build) },
    promptSha256: prompt.sha256, sampling: { ...sampling }, journal: place && { log: place.log, ask: place.story.at(-1) ?? null, answer: place.seq, record: place.root },
  };
}

/** One for each label that accepted or undecided reasoning points at, in the order in which the labels appear. */
function findingsOf(questions: readonly ReportQuestion[], boxes: readonly ReportBox[]): ReportFinding[] {
  const rejected = rejectedBoxes(questions);
  const refused = new Set(questions.filter(({ answer, steps }) => answer.verdict === 'rejected' && steps.every(({ verdict }) => verdict === 'rejected')).map(({ id }) => id));
  const groups = new Map<string, ReportBox[]>();
  for (const box of boxes) {
    if (box.isRemoved || rejected.has(box.id) || [...refused].some((id) => box.id.startsWith(`${id}.`))) continue;
    const name = box.label.trim().toLowerCase();
    groups.set(name, [...groups.get(name) ?? [], box]);
  }
  const steps = questions.flatMap((question) => question.steps);
  const taken = new Set<string>();
  return [...groups].slice(0, 500).map(([name, group]): ReportFinding => {
    const ids = group.map(({ id }) => id);
    const [first] = group as [ReportBox];
    const author = group.find(({ author: { kind } }) => kind === 'person')?.author ?? first.author;
    const said = steps.filter((step) => step.verdict !== 'rejected' && step.kind !== 'conclusion' && step.boxes.some((box) => ids.includes(box))).map(({ text }) => sentence(text));
    return { id: findingId(name, taken), label: first.label, text: prose([...new Set(said)].join(' ')), code: codeOf(first.label), site: null, laterality: null, boxes: ids.slice(0, 1000), author };
  });
}

/** The same for the same label, whatever else was found: what a person wrote under it finds it again. */
function findingId(name: string, taken: Set<string>): string {
  const plain = `f-${[...name].slice(0, 60).map((letter) => (/[a-z0-9]/.test(letter) ? letter : '-')).join('')}`;
  let id = plain;
  for (let number = 2; taken.has(id); number++) id = `${plain}-${number}`;
  taken.add(id);
  return id;
}

/** Only where the table has the very word. */
const codeOf = (label: string): ReportFinding['code'] => codes.find(({ meaning }) => meaning.toLowerCase() === label.trim().toLowerCase()) ?? null;

/** The views that show something, or of each question that shows nothing the first one; then frames that nobody asked about: marked ones and those with measurements. @param drawable  those of the boxes that are drawn */
function keyImagesOf({ detail, traces, measurements, marked }: Gathered, boxes: readonly ReportBox[], drawable: readonly ReportBox[]): KeyImage[] {
  const images: KeyImage[] = [];
  const put = (image: Omit<KeyImage, 'overlays' | 'caption'>, name: string, prefix: string): void => {
    if (images.length >= 100) return;
    const shown = drawable.filter((box) => !box.isRemoved && box.id.startsWith(prefix) && isOn(box, image));
    const drawn = measurements.filter(({ place }) => isAt(place, image.place));
    const words = [...new Set([...shown, ...drawn].map(({ label }) => label).filter((label) => label !== ''))].slice(0, 6);
    images.push({ ...image, caption: clip(words.length === 0 ? name : `${name}: ${words.join(', ')}`), overlays: [...shown, ...drawn].slice(0, 1000).map(({ id }) => id) });
  };
  for (const { id, views } of traces) {
    const showing = views.filter(({ view }) => boxes.some((box) => !box.isRemoved && box.id.startsWith(`${id}.`) && isAt(box.place, placeOfView(view))));
    const chosen = showing.length > 0 ? showing : views.slice(0, 1);
    for (const { view, name } of chosen) {
      const at = views.findIndex((one) => one.view === view);
      put({ id: `k-${id}.${at + 1}`, place: placeOfView(view), region: ('region' in view ? view.region : null) ?? null, window: view.kind === 'frame' ? windowOf(view.window) : null, ...(view.kind === 'slide' && view.channels ? { channels: view.channels } : {}) }, name, `${id}.`);
    }
  }
  for (const place of [...marked, ...measurements.map((measurement) => measurement.place)]) {
    const name = frameIn(detail, `${place.source}-${place.frame}`)?.frame?.name ?? 'Image';
    if (!images.some((image) => isAt(image.place, place))) put({ id: `k-${place.source.slice(0, 16)}-${place.frame}`, place, region: null, window: null }, name, 'none.');
  }
  return images;
}

const windowOf = (window: ReportWindow | null): ReportWindow | null => window && { center: window.center, width: window.width, shape: window.shape, isInverted: window.isInverted, name: window.name };

function sourcesOf({ detail, others, images, traces }: Gathered, places: readonly ImagePlace[]): ReportSource[] {
  const details = [detail, ...others];
  return [...new Set(places.map(({ source }) => source))].slice(0, 5000).flatMap((sha256): ReportSource[] => {
    const file = details.flatMap(({ files }) => files).find((one) => one.sha256 === sha256);
    const place = places.find(({ source }) => source === sha256) as ImagePlace;
    const found = details.map((one) => frameIn(one, `${sha256}-${place.frame}`)).find((one) => one !== undefined);
    const image = images.find((one) => one.sha256 === sha256);
    const view = traces.flatMap(({ views }) => views).find((one) => isAt(placeOfView(one.view), place));
    const frames = details.flatMap(({ series }) => series).flatMap((series) => series.frames).filter(({ id }) => id.startsWith(sha256)).length;
    if (!file || !found) return [];
    const { series: { slide, kind }, frame } = found;
    return [{
      sha256, name: clip(file.name), bytes: file.bytes, label: clip(view?.name ?? file.name), kind: slide ? 'slide' : kind === 'picture' ? 'picture' : 'frame',
      sopClassUid: image?.sopClassUid ?? null, sopInstanceUid: image?.sopInstanceUid ?? null, seriesInstanceUid: image?.seriesInstanceUid ?? null,
      columns: slide?.width ?? frame?.columns ?? 1, rows: slide?.height ?? frame?.rows ?? 1, frames: Math.max(1, frames),
    }];
  });
}

function comparisonOf({ study: prior, studyUid, changes }: NonNullable<Gathered['prior']>, study: StudySummary): Comparison {
  const when = prior.date === null ? '' : ` of ${prior.date}${study.date === null ? '' : ` (${earlierBy(study.date, prior.date)})`}`;
  return { studyId: prior.id, studyUid, date: prior.date, description: clip(prior.description), text: `Compared with ${prior.description === '' ? prior.modalities.join(', ') : prior.description}${when}.`, changes: [...changes].slice(0, 200) };
}

function limitationsOf({ detail, traces, measurements, hiddenMeasurements }: Gathered, questions: readonly ReportQuestion[]): string[] {
  const names = [...new Set(traces.map(({ model }) => model.name))];
  const looked = new Set(questions.flatMap(({ scope }) => scope.map(({ place: { source, frame } }) => `${source}-${frame}`))).size;
  const { images } = detail.study;
  return [
    ...(names.length === 0 ? [] : [`The reasoning was written by a vision-language model (${names.join(', ')}) and decided step by step by a person. It may be wrong where it sounds certain.`]),
    ...(questions.some(({ confidence }) => confidence !== null) ? ['The model\'s confidence is not calibrated.'] : []),
    ...(images > looked && looked > 0 ? [`The model was shown ${looked} of the ${images} images of the study.`] : []),
    ...(questions.some(({ evidence }) => evidence?.usedImage === false) ? ['Of at least one answer the check found that it hardly depends on the image.'] : []),
    ...(questions.some(({ evidence }) => evidence === null) ? ['Whether the answers depend on the regions that they cite was not checked for all of them.'] : []),
    ...[...new Set(measurements.map(({ spacing: { caution } }) => caution).filter((caution) => caution !== ''))].map((caution) => `Lengths: ${caution}.`),
    ...(hiddenMeasurements > 0 ? [hiddenMeasurements === 1 ? 'A measurement that was hidden in the viewer is not in the report.' : `${hiddenMeasurements} measurements that were hidden in the viewer are not in the report.`] : []),
    ...(measurements.some(({ spacing: { source } }) => source === 'none') ? ['Some lengths are in pixels: their files give no scale.'] : []),
  ].map(prose);
}

