/** The report screen's store, what fills it, and what a person can do there. */
import type { ReportChange, ReportFormatName } from '#electron/contract/report.ts';
import { Fault } from '#models/base/fault.ts';
import type { ImagePlace, Report, SignatureMeaning } from '#models/clinical/report.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { did } from '#renderer/workstation/history.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { answersSince, canExport, composedAt, decisionOf, frameIdOf, initialReport, isSamePlace, keyImageOf, openSteps, previewKey, reduceReport, type Decision, type FaultLines, type OpenStep, type Sentence } from './state.ts';

export const reports = createStore(reduceReport, initialReport);

/** Answers by study that were judged since a draft was last brought up to date. */
const judged = new Map<string, Set<string>>();

/** Whether the model's marks are drawn over the images, as the review page knows. */
let areMarksShown = (): boolean => true;

/** Once, when the page starts. */
export function startReports(page: { readonly areMarksShown: () => boolean }): void {
  ({ areMarksShown } = page);
  subscribe('report.changed', ({ reports: changed, removed }) => {
    if (reports.get().isLoaded) reports.dispatch({ type: 'summaries', reports: changed, removed });
  });
  subscribe('curate.changed', ({ items }) => {
    for (const item of items) if (item.kind === 'judgement' && item.value) judged.set(item.value.studyId, new Set([...judged.get(item.value.studyId) ?? [], item.value.traceId]));
  });
  let was: string | null = null;
  navigation.subscribe(() => {
    const { screen, reportId } = navigation.get();
    const isArriving = screen === 'report' && was !== 'report';
    was = screen;
    if (isArriving || (screen === 'report' && reportId !== null)) void openReports();
  });
  reports.subscribe(keepPreview);
}

const linesOf = (thrown: unknown, what: string): FaultLines => (thrown instanceof Fault ? thrown.toJSON() : { what, why: String(thrown), mend: text('report.openAgain') });

export async function openReports(): Promise<void> {
  const { studyId, reportId } = navigation.get();
  try {
    const [summaries, studies] = await Promise.all([call('report.list', { studyId: null }), call('library.list', null)]);
    reports.dispatch({ type: 'loaded', summaries, studies, studyId });
  } catch (thrown) {
    return reports.dispatch({ type: 'failed', fault: linesOf(thrown, text('report.noList')) });
  }
  if (reportId !== null) {
    goTo({ reportId: null });
    reports.dispatch({ type: 'select', id: reportId, version: null });
  }
  await openSelected();
}

export async function select(id: string, version: number | null = null): Promise<void> {
  reports.dispatch({ type: 'select', id, version });
  await openSelected();
}

/** The selected report and what belongs to it; a draft takes in what was judged meanwhile. */
async function openSelected(): Promise<void> {
  const { selectedId: id, version } = reports.get();
  if (id === null) return;
  try {
    const report = await call('report.get', { reportId: id, version });
    reports.dispatch({ type: 'report', report });
    const isDrawnOn = await loadBeside(report);
    if (report.status === 'draft' && (isDrawnOn || judged.has(report.study.id))) await takeIn([]);
    if (report.signature) reports.dispatch({ type: 'check', id, check: await call('report.check', { reportId: id, version }) });
  } catch (thrown) {
    reports.dispatch({ type: 'reportFailed', id, fault: linesOf(thrown, text('report.cannotOpen')) });
  }
}

/** The study's images, when a picture is chosen among them: whoever reads a report has not looked at the study. */
export async function openImages(): Promise<void> {
  const { report, studies, detail } = reports.get();
  if (report?.status !== 'draft') return;
  reports.dispatch({ type: 'dialog', dialog: 'images' });
  if (detail?.study.id === report.study.id || !studies.some(({ id }) => id === report.study.id)) return;
  await call('library.study', { studyId: report.study.id }).then((study) => reports.dispatch({ type: 'detail', detail: study }), tellFault);
}

/** What left, what was done, what was asked since. Says whether something was drawn or marked since the draft was composed. */
async function loadBeside({ id, study, status }: Report): Promise<boolean> {
  const isDraft = status === 'draft';
  const [exports, events, traces, drawings] = await Promise.all([
    call('report.exports', { reportId: id }), call('report.history', { reportId: id }), isDraft ? call('review.traces', { studyId: study.id }).catch(() => []) : [], isDraft ? call('annotations.list', { studyId: study.id }).catch(() => []) : [],
  ]);
  const { report } = reports.get();
  const composed = report ? composedAt(report, events) : '';
  // A second question about a step belongs to the answer that it is about.
  const answers = traces.filter(({ origin }) => origin === undefined);
  reports.dispatch({ type: 'beside', id, exports, events, newAnswers: report?.status === 'draft' ? answersSince(report, composed, answers) : [] });
  return drawings.some(({ changedAt }) => changedAt > composed);
}

// Changes follow each other: each names the revision that the one before it made.
let last: Promise<unknown> = Promise.resolve();
const inTurn = <T>(deed: () => Promise<T>): Promise<T> => {
  const done = last.then(deed);
  last = done.catch(() => undefined);
  return done;
};

/** Changes the draft that was open when it was asked for, whatever is open when its turn comes; null where it failed, which was said. */
async function draftChanged(deed: (draft: Report) => Promise<Report>, id = reports.get().report?.id): Promise<{ readonly before: number; readonly after: number; readonly id: string } | null> {
  return inTurn(async () => {
    if (id === undefined) return null;
    reports.dispatch({ type: 'writing', isWriting: true });
    try {
      const { report: shown } = reports.get();
      const draft = shown?.id === id && shown.status === 'draft' ? shown : await call('report.get', { reportId: id, version: null });
      if (draft.status !== 'draft') return null;
      const next = await deed(draft);
      reports.dispatch({ type: 'report', report: next });
      return { before: draft.revision, after: next.revision, id: draft.id };
    } catch (thrown) {
      tellFault(thrown);
      // Somebody else changed it, in another window: here it is as it is now.
      if (thrown instanceof Fault && thrown.code === 'report.stale') await call('report.get', { reportId: id, version: null }).then((report) => reports.dispatch({ type: 'report', report }), tellFault);
      return null;
    } finally {
      reports.dispatch({ type: 'writing', isWriting: false });
    }
  });
}

/** A change, or what makes it of the draft as it is when its turn comes: two parts of one thing may be changed one right after the other. Null: there is nothing to change any more. */
export type Making = ReportChange | ((draft: Report) => ReportChange | null);

const write = (makings: readonly Making[], id?: string): ReturnType<typeof draftChanged> => draftChanged(async (draft) => {
  const changes = makings.flatMap((making) => (typeof making === 'function' ? making(draft) ?? [] : [making]));
  return changes.length === 0 ? draft : call('report.change', { reportId: draft.id, revision: draft.revision, changes });
}, id);

/** Undo and redo bring a revision back, whichever way led to it. */
export function remember({ before, after, id }: { readonly before: number; readonly after: number; readonly id: string }): void {
  if (before === after) return;
  const back = (revision: number) => (): void => void write([{ kind: 'restore', revision }], id);
  did({ undo: back(before), redo: back(after) });
}

/** One gesture: on the disk when it is done, and undone as a whole. */
export async function change(...changes: readonly Making[]): Promise<boolean> {
  const done = await write(changes);
  if (done) remember(done);
  return done !== null;
}

/** What is typed is kept while it is typed; whoever leaves the field has made one gesture, however often it was kept. */
export const keepTyped = write;

/** A new draft, where the study has none that is open. */
export async function compose(studyId: string): Promise<void> {
  const open = reports.get().summaries.find((one) => one.studyId === studyId && one.status === 'draft');
  if (open) {
    await select(open.id);
    return tell({ tone: 'plain', text: text('report.hasDraft') });
  }
  try {
    const report = await call('report.compose', { studyId, areMarksHidden: !areMarksShown() });
    judged.delete(studyId);
    reports.dispatch({ type: 'loaded', summaries: await call('report.list', { studyId: null }), studies: reports.get().studies, studyId });
    await select(report.id);
  } catch (thrown) {
    tellFault(thrown);
  }
}

/** Takes in what was asked, judged and drawn since; what was written into the draft stays, and so does what was left out. */
export async function bringUpToDate(priorStudyId?: string | null): Promise<void> {
  const done = await takeIn(reports.get().newAnswers, priorStudyId);
  if (done) remember(done);
}

/** By itself, when a draft is opened, it is nobody's gesture: to undo it would surprise whoever takes back a verdict. */
async function takeIn(newAnswers: readonly string[], priorStudyId?: string | null): ReturnType<typeof draftChanged> {
  const done = await draftChanged(async ({ id, study, comparison, questions }) => {
    const traceIds = [...new Set([...questions.map((question) => question.id), ...judged.get(study.id) ?? [], ...newAnswers])];
    const report = await call('report.compose', { studyId: study.id, reportId: id, traceIds: traceIds.length > 0 ? traceIds : null, priorStudyId: priorStudyId === undefined ? comparison?.studyId ?? null : priorStudyId });
    judged.delete(study.id);
    return report;
  });
  const { report } = reports.get();
  if (done && report) await loadBeside(report).catch(tellFault);
  return done;
}

/** What was decided of a sentence, or of an answer where there is no `stepId`; what is not said stays as it is. */
export const decide = (target: Sentence, next: Partial<Pick<Decision, 'verdict' | 'text' | 'reason'>>): Promise<boolean> => change((draft) => decisionOf(draft, target, next));

/** Turns to where a sentence stands beside its images. */
export function showInReview(studyId: string, step: Pick<OpenStep, 'traceId' | 'at'> | null): void {
  goTo({ screen: 'review', studyId, sentence: step === null || step.at === null ? null : { traceId: step.traceId, at: step.at } });
}

export async function addKeyImages(places: readonly ImagePlace[]): Promise<void> {
  const { report, detail } = reports.get();
  if (!report) return;
  const named = (place: ImagePlace): string => report.sources.find(({ sha256 }) => sha256 === place.source)?.label ?? detail?.series.find(({ frames }) => frames.some(({ id }) => id === frameIdOf(place)))?.description ?? '';
  const images = places.map((place) => {
    const asked = report.questions.flatMap(({ scope }) => scope).find((one) => isSamePlace(one.place, place));
    return keyImageOf(report, place, `own-${crypto.randomUUID()}`, asked?.name ?? named(place));
  });
  reports.dispatch({ type: 'dialog', dialog: null });
  if (images.length > 0) await change(...images.map((keyImage) => ({ kind: 'keyImage', keyImage }) as const));
}

export async function openSign(): Promise<void> {
  if (reports.get().report?.status !== 'draft') return;
  reports.dispatch({ type: 'dialog', dialog: 'sign' });
  await call('report.signing', null).then((way) => reports.dispatch({ type: 'signing', change: { way } }), (thrown: unknown) => reports.dispatch({ type: 'signing', change: { fault: linesOf(thrown, text('report.cannotSign')) } }));
}

export async function sign(form: { readonly name: string; readonly role: string; readonly meaning: SignatureMeaning; readonly passphrase: string }): Promise<void> {
  const { report, signing } = reports.get();
  if (!report || signing.isBusy) return;
  reports.dispatch({ type: 'signing', change: { isBusy: true, fault: null } });
  try {
    const { name, role, meaning, passphrase } = form;
    const signed = await inTurn(() => call('report.sign', { reportId: report.id, revision: reports.get().report?.revision ?? report.revision, name: name.trim(), role: role.trim(), meaning, passphrase }));
    reports.dispatch({ type: 'report', report: signed });
    reports.dispatch({ type: 'signer', name: name.trim(), role: role.trim() });
    reports.dispatch({ type: 'dialog', dialog: null });
    tell({ tone: 'good', text: text('report.signedNow', { version: signed.version }) });
    await openSelected();
  } catch (thrown) {
    reports.dispatch({ type: 'signing', change: { fault: linesOf(thrown, text('report.cannotSign')) } });
  } finally {
    reports.dispatch({ type: 'signing', change: { isBusy: false } });
  }
}

export async function openExport(): Promise<void> {
  const { report, version } = reports.get();
  if (!report) return;
  reports.dispatch({ type: 'dialog', dialog: 'export' });
  try {
    const choices = await call('report.formats', { reportId: report.id, version });
    const usual: readonly ReportFormatName[] = ['pdf', 'html', 'capsule'];
    reports.dispatch({ type: 'exporting', change: { choices, chosen: choices.filter(({ format, why }) => why === null && usual.includes(format)).map(({ format }) => format) } });
  } catch (thrown) {
    reports.dispatch({ type: 'exporting', change: { fault: linesOf(thrown, text('report.cannotExport')) } });
  }
}

/** With who it is about, or without: then it is asked which texts may name them. */
export async function chooseSubject(withoutSubject: boolean): Promise<void> {
  const { report, version } = reports.get();
  if (!report) return;
  reports.dispatch({ type: 'exporting', change: { withoutSubject, isSeen: false, suspects: null, texts: {}, result: null, fault: null } });
  if (!withoutSubject) return;
  try {
    const suspects = await call('report.suspects', { reportId: report.id, version });
    if (reports.get().exporting.withoutSubject) reports.dispatch({ type: 'exporting', change: { suspects } });
  } catch (thrown) {
    reports.dispatch({ type: 'exporting', change: { fault: linesOf(thrown, text('report.cannotExport')) } });
  }
}

export async function exportChosen(): Promise<void> {
  const { report, version, exporting } = reports.get();
  const { chosen, withoutSubject, isSeen, suspects, texts } = exporting;
  if (!report || !canExport(exporting)) return;
  reports.dispatch({ type: 'exporting', change: { isBusy: true, fault: null, result: null } });
  try {
    const result = await call('report.export', { reportId: report.id, version, formats: [...chosen], withoutSubject, pixelsSeen: isSeen, texts: withoutSubject ? (suspects ?? []).map(({ path, text: was }) => ({ path, was, text: texts[path] ?? was })) : [] });
    reports.dispatch({ type: 'exporting', change: { result } });
    await loadBeside(report);
  } catch (thrown) {
    reports.dispatch({ type: 'exporting', change: { fault: linesOf(thrown, text('report.cannotExport')) } });
  } finally {
    reports.dispatch({ type: 'exporting', change: { isBusy: false } });
  }
}

export async function supersede(): Promise<void> {
  const { report } = reports.get();
  if (!report?.signature) return;
  try {
    const next = await call('report.supersede', { reportId: report.id });
    await select(next.id);
    tell({ tone: 'plain', text: text('report.superseding', { version: next.version }) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

export async function discard(): Promise<void> {
  const { report } = reports.get();
  if (report?.status !== 'draft') return;
  try {
    await inTurn(() => call('report.discard', { reportId: report.id }));
    const left = (await call('report.list', { studyId: null })).find(({ id }) => id === report.id);
    // Of a report that was signed before, the signed version is what is left.
    reports.dispatch({ type: 'summaries', reports: left ? [left] : [], removed: left ? [] : [report.id] });
    if (left) reports.dispatch({ type: 'select', id: null, version: null });
    if (left) reports.dispatch({ type: 'select', id: left.id, version: null });
    await openSelected();
    tell({ tone: 'plain', text: text('report.discarded') });
  } catch (thrown) {
    tellFault(thrown);
  }
}

let isPreviewing = false;
let wanted = '';
/** The preview follows the report; one is drawn at a time, and the last change always gets its own. */
function keepPreview(): void {
  const { report, preview, previewFault } = reports.get();
  if (!report || isPreviewing || preview?.of === previewKey(report) || (previewFault && wanted === previewKey(report))) return;
  const of = previewKey(report);
  wanted = of;
  isPreviewing = true;
  const shown = reports.get().version;
  void call('report.preview', { reportId: report.id, version: shown })
    .then(({ html }) => reports.dispatch({ type: 'preview', of, html }), (thrown: unknown) => reports.dispatch({ type: 'previewFailed', fault: linesOf(thrown, text('report.noPreview')) }))
    .finally(() => {
      isPreviewing = false;
      keepPreview();
    });
}

const isHere = (): boolean => navigation.get().screen === 'report' && reports.get().dialog === null;
const isDraft = (): boolean => isHere() && reports.get().report?.status === 'draft';
const isSigned = (): boolean => isHere() && reports.get().report?.status === 'signed' && reports.get().version === null;

/** The next thing that waits for a verdict, after the one that has the focus. */
function toNextOpen(): void {
  const { report } = reports.get();
  const open = report ? openSteps(report) : [];
  const now = document.activeElement?.closest('[data-decide]')?.getAttribute('data-decide');
  const next = open[(open.findIndex(({ key }) => key === now) + 1) % open.length];
  if (!next) return tell({ tone: 'good', text: text('report.allDecided') });
  reports.dispatch({ type: 'pane', pane: 'edit' });
  const row = document.querySelector<HTMLElement>(`[data-decide="${CSS.escape(next.key)}"]`);
  row?.scrollIntoView({ block: 'center' });
  row?.focus();
}

const studyForDraft = (): string | null => navigation.get().studyId ?? reports.get().report?.study.id ?? null;

export const reportActions: readonly Action[] = [
  { name: 'app.report', shortcuts: ['Mod+5'], isForTyping: true, run: () => goTo({ screen: 'report' }) },
  { name: 'report.new', shortcuts: ['D'], screen: 'report', when: () => isHere() && studyForDraft() !== null, run: () => void compose(studyForDraft() as string) },
  { name: 'report.nextOpen', shortcuts: ['N'], screen: 'report', when: isDraft, run: toNextOpen },
  { name: 'report.update', shortcuts: ['U'], screen: 'report', when: isDraft, run: () => void bringUpToDate() },
  { name: 'report.images', shortcuts: ['I'], screen: 'report', when: isDraft, run: () => void openImages() },
  { name: 'report.impression', shortcuts: ['M'], screen: 'report', when: isDraft, run: () => document.getElementById('report-impression')?.focus() },
  { name: 'report.sign', shortcuts: ['Mod+Enter'], screen: 'report', isForTyping: true, when: isDraft, run: () => void openSign() },
  { name: 'report.export', shortcuts: ['Mod+E'], screen: 'report', isForTyping: true, when: () => isHere() && reports.get().report !== null, run: () => void openExport() },
  { name: 'report.supersede', shortcuts: [], screen: 'report', when: isSigned, run: () => void supersede() },
  { name: 'report.discard', shortcuts: [], screen: 'report', when: isDraft, run: () => void discard() },
  { name: 'report.review', shortcuts: ['O'], screen: 'report', when: () => isHere() && reports.get().report !== null, run: () => showInReview(reports.get().report?.study.id ?? '', null) },
  { name: 'report.pane', shortcuts: ['P'], screen: 'report', when: isHere, run: () => reports.dispatch({ type: 'pane', pane: reports.get().pane === 'edit' ? 'preview' : 'edit' }) },
];

export const reportActionStrings: Readonly<Record<string, string>> = {
  'app.report': 'Report', 'report.new': 'Report: new draft of the open study', 'report.nextOpen': 'Report: next sentence to decide', 'report.update': 'Report: bring the draft up to date', 'report.images': 'Report: choose key images',
  'report.impression': 'Report: write the impression', 'report.sign': 'Report: sign', 'report.export': 'Report: export', 'report.supersede': 'Report: supersede by a new version', 'report.discard': 'Report: discard the draft',
  'report.review': 'Report: open its study in the review', 'report.pane': 'Report: editor or preview',
};
