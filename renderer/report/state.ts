/** What the report screen knows, and how it changes. */
import type { ReportChange, ReportEvent, ReportExport, ReportFormatName, ReportSummary, SuspectText } from '#electron/contract/report.ts';
import type { StudyDetail, StudySummary } from '#electron/contract/library.ts';
import { undecided, type ImagePlace, type KeyImage, type Measurement, type Report, type ReportBox } from '#models/clinical/report.ts';

export interface FaultLines {
  readonly what: string;
  readonly why: string;
  readonly mend: string;
}

/** How the person proves who they are: by a passphrase; `none`: by one that is set with this signature. */
export interface SigningWay {
  readonly protection: 'passphrase' | 'none';
  readonly fingerprint: string | null;
  readonly account: string;
}

export interface Exporting {
  /** Null while it is being asked. */
  readonly choices: readonly { readonly format: ReportFormatName; readonly why: string | null }[] | null;
  readonly chosen: readonly ReportFormatName[];
  readonly withoutSubject: boolean;
  /** The person has looked at what leaves without a name. */
  readonly isSeen: boolean;
  /** Texts that may name somebody; null until it was asked. */
  readonly suspects: readonly SuspectText[] | null;
  /** What the person made of each, by its path. */
  readonly texts: Readonly<Record<string, string>>;
  readonly isBusy: boolean;
  readonly result: ReportExport | null;
  readonly fault: FaultLines | null;
}

export interface ReportState {
  readonly isLoaded: boolean;
  readonly fault: FaultLines | null;
  /** The study whose reports come first; null where none is open. */
  readonly studyId: string | null;
  readonly summaries: readonly ReportSummary[];
  readonly studies: readonly StudySummary[];
  readonly selectedId: string | null;
  /** Of the selected one; null: the latest. */
  readonly version: number | null;
  readonly report: Report | null;
  /** Why the selected one cannot be shown. */
  readonly reportFault: FaultLines | null;
  /** The selected report's study, as soon as a picture is chosen among its images. */
  readonly detail: StudyDetail | null;
  readonly exports: readonly ReportExport[];
  readonly events: readonly ReportEvent[];
  /** Answers that the model gave since the draft was composed. */
  readonly newAnswers: readonly string[];
  readonly check: { readonly holds: boolean; readonly why: string } | null;
  readonly isWriting: boolean;
  /** What the person types and is not yet on the disk. */
  readonly isTyping: boolean;
  readonly preview: { readonly html: string; readonly of: string } | null;
  readonly previewFault: FaultLines | null;
  readonly pane: 'edit' | 'preview';
  readonly dialog: 'sign' | 'export' | 'images' | null;
  /** Who signed last, to be offered again. */
  readonly signer: { readonly name: string; readonly role: string };
  readonly signing: { readonly way: SigningWay | null; readonly isBusy: boolean; readonly fault: FaultLines | null };
  readonly exporting: Exporting;
}

export type ReportChangeOfScreen =
  | { readonly type: 'loaded'; readonly summaries: readonly ReportSummary[]; readonly studies: readonly StudySummary[]; readonly studyId: string | null }
  | { readonly type: 'failed'; readonly fault: FaultLines }
  | { readonly type: 'summaries'; readonly reports: readonly ReportSummary[]; readonly removed: readonly string[] }
  | { readonly type: 'select'; readonly id: string | null; readonly version: number | null }
  | { readonly type: 'report'; readonly report: Report }
  | { readonly type: 'reportFailed'; readonly id: string; readonly fault: FaultLines }
  | { readonly type: 'detail'; readonly detail: StudyDetail }
  | { readonly type: 'beside'; readonly id: string; readonly exports: readonly ReportExport[]; readonly events: readonly ReportEvent[]; readonly newAnswers: readonly string[] }
  | { readonly type: 'check'; readonly id: string; readonly check: ReportState['check'] }
  | { readonly type: 'writing'; readonly isWriting: boolean }
  | { readonly type: 'typing'; readonly isTyping: boolean }
  | { readonly type: 'preview'; readonly of: string; readonly html: string }
  | { readonly type: 'previewFailed'; readonly fault: FaultLines }
  | { readonly type: 'pane'; readonly pane: ReportState['pane'] }
  | { readonly type: 'dialog'; readonly dialog: ReportState['dialog'] }
  | { readonly type: 'signing'; readonly change: Partial<ReportState['signing']> }
  | { readonly type: 'signer'; readonly name: string; readonly role: string }
  | { readonly type: 'exporting'; readonly change: Partial<Exporting> };

const noExport: Exporting = { choices: null, chosen: [], withoutSubject: false, isSeen: false, suspects: null, texts: {}, isBusy: false, result: null, fault: null };
const noSigning: ReportState['signing'] = { way: null, isBusy: false, fault: null };

export const initialReport: ReportState = {
  isLoaded: false, fault: null, studyId: null, summaries: [], studies: [], selectedId: null, version: null, report: null, reportFault: null, detail: null, exports: [], events: [], newAnswers: [], check: null,
  isWriting: false, isTyping: false, preview: null, previewFault: null, pane: 'edit', dialog: null, signer: { name: '', role: '' }, signing: noSigning, exporting: noExport,
};

export function reduceReport(state: ReportState, change: ReportChangeOfScreen): ReportState {
  switch (change.type) {
    case 'loaded': {
      const { summaries, studies, studyId } = change;
      const ordered = inOrder(summaries);
      const isKept = ordered.some(({ id }) => id === state.selectedId) && studyId === state.studyId;
      // With a study open its own report comes up, or none: a report of somebody else would be a trap.
      const first = ordered.find((one) => studyId === null || one.studyId === studyId)?.id ?? null;
      const next = { ...state, isLoaded: true, fault: null, summaries: ordered, studies, studyId };
      return isKept ? next : selected(next, first, null);
    }
    case 'failed': return { ...state, isLoaded: true, fault: change.fault };
    case 'summaries': {
      const removed = new Set(change.removed);
      const known = new Map(state.summaries.filter(({ id }) => !removed.has(id)).map((one) => [one.id, one]));
      for (const one of change.reports) known.set(one.id, one);
      const summaries = inOrder([...known.values()]);
      const next = { ...state, summaries };
      return state.selectedId !== null && !known.has(state.selectedId) ? selected(next, summaries.find(({ studyId }) => studyId === state.studyId)?.id ?? null, null) : next;
    }
    case 'select': return change.id === state.selectedId && change.version === state.version && !state.reportFault ? state : selected(state, change.id, change.version);
    case 'report': {
      const { report } = change;
      if (report.id !== state.selectedId || (state.version !== null && report.version !== state.version)) return state;
      // Answers may overtake each other; a later revision is never replaced by an earlier one.
      if (state.report?.id === report.id && state.report.version === report.version && state.report.revision > report.revision) return state;
      return { ...state, report, reportFault: null, check: report.signature === null || state.report?.signature !== null ? state.check : null };
    }
    case 'reportFailed': return change.id === state.selectedId ? { ...state, reportFault: change.fault } : state;
    case 'detail': return change.detail.study.id === state.report?.study.id ? { ...state, detail: change.detail } : state;
    case 'beside': return change.id === state.selectedId ? { ...state, exports: change.exports, events: change.events, newAnswers: change.newAnswers } : state;
    case 'check': return change.id === state.selectedId ? { ...state, check: change.check } : state;
    case 'writing': return { ...state, isWriting: change.isWriting };
    case 'typing': return state.isTyping === change.isTyping ? state : { ...state, isTyping: change.isTyping };
    case 'preview': return state.report && change.of === previewKey(state.report) ? { ...state, preview: { html: change.html, of: change.of }, previewFault: null } : state;
    case 'previewFailed': return { ...state, previewFault: change.fault };
    case 'pane': return { ...state, pane: change.pane };
    case 'dialog': return { ...state, dialog: change.dialog, ...(change.dialog === 'sign' ? { signing: noSigning } : {}), ...(change.dialog === 'export' ? { exporting: noExport } : {}) };
    case 'signing': return { ...state, signing: { ...state.signing, ...change.change } };
    case 'signer': return { ...state, signer: { name: change.name, role: change.role } };
    case 'exporting': return { ...state, exporting: { ...state.exporting, ...change.change } };
  }
}

const selected = (state: ReportState, selectedId: string | null, version: number | null): ReportState => ({
  ...state, selectedId, version, report: null, reportFault: null, detail: null, exports: [], events: [], newAnswers: [], check: null, preview: null, previewFault: null, dialog: null, isTyping: false,
});

const inOrder = (summaries: readonly ReportSummary[]): readonly ReportSummary[] => [...summaries].sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : a.updatedAt > b.updatedAt ? -1 : 0));

/** What a preview is a preview of. */
export const previewKey = ({ id, version, revision, status }: Pick<Report, 'id' | 'version' | 'revision' | 'status'>): string => `${id} ${version} ${revision} ${status}`;

/** The study's own, then everybody else's. */
export function listed({ summaries, studyId }: Pick<ReportState, 'summaries' | 'studyId'>): { readonly own: readonly ReportSummary[]; readonly others: readonly ReportSummary[] } {
  return { own: summaries.filter((one) => one.studyId === studyId), others: summaries.filter((one) => one.studyId !== studyId) };
}

/** When the draft was last composed or brought up to date. */
export const composedAt = ({ createdAt, version }: Pick<Report, 'createdAt' | 'version'>, events: readonly ReportEvent[]): string =>
  events.findLast((event) => event.version === version && (event.what === 'Composed' || event.what === 'Brought up to date'))?.at ?? createdAt;

/** Answers that are younger than the draft's last composition and not in it. A question that was left out on purpose is older. */
export const answersSince = ({ questions }: Pick<Report, 'questions'>, composed: string, traces: readonly { readonly id: string; readonly askedAt: string }[]): readonly string[] =>
  traces.filter(({ id, askedAt }) => askedAt > composed && !questions.some((question) => question.id === id)).map(({ id }) => id);

/** Something that waits for a verdict, and where in the review it stands. */
export interface OpenStep {
  readonly key: string;
  readonly text: string;
  /** Null for the answer. */
  readonly kind: Report['questions'][number]['steps'][number]['kind'] | null;
  readonly question: string;
  readonly traceId: string;
  /** Among the sentences of the model's answer; after the last step: the answer itself. Null where the model wrote no such sentence. */
  readonly at: number | null;
}

export function openSteps(report: Pick<Report, 'questions'>): readonly OpenStep[] {
  return undecided(report).flatMap(({ question, step }): OpenStep[] => {
    const asked = report.questions[question];
    if (!asked) return [];
    const written = asked.steps.filter(({ original }) => original !== null);
    if (step === null) return [{ key: `answer-${asked.id}`, text: asked.answer.text, kind: null, question: asked.text, traceId: asked.id, at: written.length }];
    const one = asked.steps[step];
    if (!one) return [];
    const at = written.indexOf(one);
    return [{ key: `step-${one.id}`, text: one.text, kind: one.kind, question: asked.text, traceId: asked.id, at: at < 0 ? null : at }];
  });
}

/** Sentences and answers that can be decided, and how many were. */
export function decisions(report: Pick<Report, 'questions'>): { readonly done: number; readonly count: number } {
  const count = report.questions.reduce((sum, { steps }) => sum + steps.length + 1, 0);
  return { done: count - undecided(report).length, count };
}

export type Decision = Report['questions'][number]['answer'];
export type Sentence = { readonly stepId: string } | { readonly questionId: string };

/** The change that decides; null where the sentence is gone. Only an edit has words of its own. */
export function decisionOf({ questions }: Pick<Report, 'questions'>, target: Sentence, next: Partial<Pick<Decision, 'verdict' | 'text' | 'reason'>>): ReportChange | null {
  const now = 'stepId' in target ? questions.flatMap(({ steps }) => steps).find(({ id }) => id === target.stepId) : questions.find(({ id }) => id === target.questionId)?.answer;
  if (!now) return null;
  const { verdict, text, reason } = { ...now, ...next };
  const decided = { verdict, text: verdict === 'edited' ? text : null, reason };
  return 'stepId' in target ? { kind: 'step', stepId: target.stepId, ...decided } : { kind: 'answer', questionId: target.questionId, ...decided };
}

/** A finding with some of it changed; null where it is gone. */
export function findingChange({ findings }: Pick<Report, 'findings'>, findingId: string, next: Partial<Report['findings'][number]>): ReportChange | null {
  const now = findings.find(({ id }) => id === findingId);
  if (!now) return null;
  const { label, text, code, site, laterality, boxes } = { ...now, ...next };
  return { kind: 'finding', findingId, label, text, code, site, laterality, boxes };
}

/** A key image with some of it changed; null where it is gone. */
export function keyImageChange({ keyImages }: Pick<Report, 'keyImages'>, keyImageId: string, next: (now: KeyImage) => Partial<KeyImage>): ReportChange | null {
  const now = keyImages.find(({ id }) => id === keyImageId);
  return now ? { kind: 'keyImage', keyImage: { ...now, ...next(now) } } : null;
}

export const isSamePlace = (a: ImagePlace, b: ImagePlace): boolean => a.source === b.source && a.frame === b.frame;

export const frameIdOf = ({ source, frame }: ImagePlace): string => `${source}-${frame}`;
export const placeOf = (frameId: string): ImagePlace => ({ source: frameId.slice(0, 64), frame: Number(frameId.slice(65)) });

/** What can be drawn on a place. */
export function overlaysAt({ boxes, measurements }: Pick<Report, 'boxes' | 'measurements'>, place: ImagePlace): readonly (ReportBox | Measurement)[] {
  return [...boxes.filter((one) => !one.isRemoved && isSamePlace(one.place, place)), ...measurements.filter((one) => isSamePlace(one.place, place))];
}

/** Places that the report speaks of and shows nowhere yet, the most spoken of first. */
export function suggestedPlaces({ questions, boxes, measurements, keyImages }: Pick<Report, 'questions' | 'boxes' | 'measurements' | 'keyImages'>): readonly ImagePlace[] {
  const counts = new Map<string, number>();
  const count = (place: ImagePlace): void => void counts.set(frameIdOf(place), (counts.get(frameIdOf(place)) ?? 0) + 1);
  questions.forEach(({ scope }) => scope.forEach(({ place }) => count(place)));
  boxes.filter(({ isRemoved }) => !isRemoved).forEach(({ place }) => count(place));
  measurements.forEach(({ place }) => count(place));
  for (const { place } of keyImages) counts.delete(frameIdOf(place));
  return [...counts].sort((a, b) => b[1] - a[1]).map(([id]) => placeOf(id));
}

/** A key image of a place with all that is marked on it, except where the model's marks are hidden those. @param id  `own-…`, so that it stays when the draft is brought up to date */
export function keyImageOf(report: Pick<Report, 'questions' | 'boxes' | 'measurements' | 'marksHidden'>, place: ImagePlace, id: string, caption: string): KeyImage {
  return { id, place, region: null, window: null, caption, overlays: overlaysAt(report, place).filter(({ author }) => report.marksHidden !== true || author.kind === 'person').map((one) => one.id) };
}

const units: Readonly<Record<string, string>> = { um: 'µm', mm2: 'mm²', um2: 'µm²', deg: '°', '[hnsf\'U]': 'HU', '{pixels}': 'px', '{pixels}2': 'px²', '1': '' };

/** `12.4 mm`, from UCUM: three digits that count, whole pixels. */
export function quantityText(value: number, unit: string): string {
  const name = units[unit] ?? unit;
  const size = Math.abs(value);
  const digits = unit === '{pixels}' || size >= 1000 ? 0 : size >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${name === '' || name === '°' ? name : ` ${name}`}`;
}

/** Passphrases that a key is made with have at least so many signs. */
export const leastPassphrase = 10;

/** Whether the form of the signature is filled in; the key to what is missing, or null. */
export function signatureLacks(report: Pick<Report, 'questions' | 'impression'>, way: SigningWay | null, form: { readonly name: string; readonly passphrase: string; readonly again: string }): string | null {
  if (undecided(report).length > 0) return 'undecided';
  if (report.impression.trim() === '') return 'impression';
  if (!way) return 'waiting';
  if (form.name.trim() === '') return 'name';
  if (way.protection === 'passphrase' && form.passphrase === '') return 'passphrase';
  if (way.protection === 'none' && form.passphrase.length < leastPassphrase) return 'newPassphrase';
  if (way.protection === 'none' && form.passphrase !== form.again) return 'again';
  return null;
}

/** Texts that may name somebody and that nobody has decided about; null: it is being asked which there are. */
export const openTexts = ({ suspects, texts }: Exporting): number | null => suspects && suspects.filter(({ path }) => texts[path] === undefined).length;

/** Nothing leaves without a name before a person has looked at it. */
export const canExport = (exporting: Exporting): boolean =>
  exporting.choices !== null && exporting.chosen.length > 0 && !exporting.isBusy && (!exporting.withoutSubject || (exporting.isSeen && openTexts(exporting) === 0));
