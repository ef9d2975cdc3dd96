/** The review screen's store, what fills it, and what a person can do there. */
import type { FrameHeader } from '#electron/contract/frame.ts';
import { firstLocatable } from '#electron/contract/locate.ts';
import type { Region, Trace } from '#electron/contract/review.ts';
import type { ReviewDraft } from '#electron/contract/session.ts';
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { VolumeGrid } from '#models/imaging/volume.ts';
import type { CanvasViewport } from '#renderer/viewports/canvasViewport.ts';
import { calibrationOf, drawings } from '#renderer/viewports/drawings.ts';
import { fetchFrame } from '#renderer/viewports/frames.ts';
import type { SlideViewport } from '#renderer/viewports/slideViewport.ts';
import { wholeView, type View } from '#renderer/viewports/view.ts';
import { firstLook, lookOf } from '#renderer/viewports/windowing.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { navigation } from '#renderer/workstation/navigation.ts';
import { tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { hungCount, planOf, toggledSlice, type Plan, type Scope } from './asked.ts';
import { factsOf } from './facts.ts';
import { currentSeries, currentTrace, initialReview, reduceReview, type ShownLook } from './state.ts';

export const review = createStore(reduceReview, initialReview);


/** What lies outside of React's and the reducer's reach: the view on the screen now, what the frame in it says of itself, and how cells are to lie that are not there yet. */
export const stage: { canvas: CanvasViewport | null; slide: SlideViewport | null; header: FrameHeader | null; grid: VolumeGrid | null; readonly cells: Map<number, CanvasViewport>; slideRegion: Region | null; views: ReadonlyMap<number, View> } = {
  canvas: null, slide: null, header: null, grid: null, cells: new Map(), slideRegion: null, views: new Map(),
};

/** Counts how often an image was moved in its cell: for whoever keeps where it lies. */
export const moves = createStore<number, 1>((count, by) => count + by, 0);

/** Studies as they were left: kept for the whole window, elsewhere. */
export const drafts: { get: (studyId: string) => ReviewDraft | null } = { get: () => null };

/** Once, when the page starts. */
export function startReview(): void {
  subscribe('review.part', (part) => review.dispatch({ type: 'part', part }));
  // A study may be opened while it is still imported.
  subscribe('library.changed', ({ studies }) => {
    const { detail } = review.get();
    const open = detail && studies.find(({ id }) => id === detail.study.id);
    if (!open || open.files === detail.study.files) return;
    call('library.study', { studyId: open.id }).then((next) => review.dispatch({ type: 'grown', detail: next }), tellFault);
  });
  navigation.subscribe(() => {
    const { studyId } = navigation.get();
    if (studyId !== null && studyId !== review.get().studyId) void openReview(studyId);
  });
}

export async function openReview(studyId: string): Promise<void> {
  review.dispatch({ type: 'opening', studyId });
  stage.slideRegion = null;
  stage.views = new Map();
  try {
    const draft = drafts.get(studyId);
    // An earlier study that is gone is left out.
    const besides = Promise.all((draft?.priors ?? []).map((id) => call('library.study', { studyId: id }).catch(() => null)));
    const [detail, traces, priors] = await Promise.all([call('library.study', { studyId }), call('review.traces', { studyId }), besides]);
    review.dispatch({ type: 'opened', detail, traces });
    if (!draft || review.get().detail !== detail) return;
    for (const prior of priors) if (prior) review.dispatch({ type: 'prior', study: prior.study, series: prior.series });
    stage.slideRegion = draft.slideRegion;
    review.dispatch({ type: 'resume', draft });
    // What hangs where nothing or something else was left lies as it comes.
    const { cells } = review.get().hanging;
    stage.views = new Map(draft.views.flatMap((view, at) => (view && cells[at] && cells[at].seriesId === draft.hanging.cells[at]?.seriesId ? [[at, view] as const] : [])));
  } catch (thrown) {
    review.dispatch({ type: 'failed', fault: thrown instanceof Fault ? thrown : new Fault({ code: 'internal', what: 'The study cannot be opened.', why: String(thrown), mend: 'Open it again.' }) });
  }
}

/** What would be put before the model now. */
export function plan(): Plan | null {
  const state = review.get();
  const slide = currentSeries(state)?.slide;
  const seen = slide ? stage.slide?.visibleRegion() ?? null : null;
  const isWhole = slide && seen && seen.width >= slide.width * 0.98 && seen.height >= slide.height * 0.98;
  return planOf(state, isWhole ? null : seen);
}

export async function ask(): Promise<void> {
  const { studyId, question, asking, asked, detail, override } = review.get();
  const planned = plan();
  if (studyId === null || planned === null || !detail || question.trim() === '' || asking) return;
  const askId = crypto.randomUUID();
  review.dispatch({ type: 'asking', askId, question: question.trim() });
  try {
    const facts = asked.areFactsSent ? await factsOf(drawings.get().all, planned.views, detail.series, { frameOf: fetchFrame, calibrationOf }) : [];
    const trace = await call('review.ask', { askId, studyId, question, views: planned.views.map(({ view }) => view), selection: planned.selection, ...(facts.length > 0 ? { facts: [...facts] } : {}), ...(override === null ? {} : { override: { reason: override } }), ...(asked.seed === null ? {} : { drawn: { temperature: 1, seed: asked.seed } }) });
    review.dispatch({ type: 'answered', trace });
    // Asked again, it is drawn anew.
    if (asked.seed !== null) review.dispatch({ type: 'about', change: { seed: asked.seed + 1 } });
  } catch (thrown) {
    review.dispatch({ type: 'unanswered', askId });
    if (thrown instanceof Fault && (thrown.code === 'review.scope' || thrown.code === 'review.unstated')) review.dispatch({ type: 'blocked', blocked: { why: thrown.why, isUnstated: thrown.code === 'review.unstated' } });
    else if (!(thrown instanceof Fault && thrown.code === 'review.stopped')) tellFault(thrown);
  }
}

/** Puts the question to the model although its images lie outside of what it was trained on; the reason stands with the answer. */
export function askAllTheSame(reason: string): void {
  if (reason.trim().length < 3) return;
  review.dispatch({ type: 'override', reason: reason.trim() });
  void ask();
}

/** Where is what this sentence says? The boxes that come are tied to it, as of a second question. */
export async function locate(trace: Trace, step: number): Promise<void> {
  if (review.get().locating || review.get().asking) return;
  const askId = crypto.randomUUID();
  review.dispatch({ type: 'locating', locating: { askId, traceId: trace.id, step } });
  try {
    const traces = await call('review.locate', { askId, traceId: trace.id, step });
    review.dispatch({ type: 'located', askId, traces });
  } catch (thrown) {
    review.dispatch({ type: 'locating', locating: null });
    if (!(thrown instanceof Fault && thrown.code === 'review.stopped')) tellFault(thrown);
  }
}

/** The question is about this place from now on. */
export function markRegion(frameId: string, box: Box): void {
  review.dispatch({ type: 'about', change: { scope: 'region', region: { frameId, box }, isMarking: false } });
  document.getElementById(questionFieldId)?.focus();
}

/** A place that is chosen already, the selected drawing or the lit mark, is asked about as it is; without one the next drag marks it. */
function askAboutRegion(): void {
  const picked = pickedPlace.get();
  if (picked) markRegion(picked.frameId, picked.box);
  else review.dispatch({ type: 'about', change: { scope: 'region', isMarking: true } });
}

/** What a person has picked on the images: kept here, since drawings and marks are known elsewhere. */
export const pickedPlace: { get: () => { readonly frameId: string; readonly box: Box } | null } = { get: () => null };

/** What the question is about; what was said of it before is kept. */
export function chooseScope(scope: Scope): void {
  if (scope === 'region' && !review.get().asked.region) askAboutRegion();
  else review.dispatch({ type: 'about', change: { scope, isMarking: false } });
}

/** The next answer is drawn by a seed, or is again the likeliest. */
export const toggleDrawn = (): void => review.dispatch({ type: 'about', change: { seed: review.get().asked.seed === null ? 1 : null } });

function askAboutSlices(): void {
  const { asked, frameAt } = review.get();
  const count = currentSeries(review.get())?.frames.length ?? 0;
  review.dispatch({ type: 'about', change: asked.scope === 'slices' ? { slices: toggledSlice(asked.slices, frameAt + 1, count) } : { scope: 'slices', isMarking: false } });
}

export function stopAsking(): void {
  const { asking, locating } = review.get();
  const running = asking ?? locating;
  if (running) void call('review.stop', { askId: running.askId }).catch(tellFault);
}

export const questionFieldId = 'review-question';

/** The shown answer and the sentence of it whose place is worth asking for; null where it points at places already. */
function locatable(): readonly [Trace, number] | null {
  const trace = currentTrace(review.get());
  const step = trace ? firstLocatable(trace) : null;
  return trace && step !== null ? [trace, step] : null;
}

const isHere = (): boolean => navigation.get().screen === 'review' && review.get().detail !== null;
const hasFrames = (): boolean => isHere() && stage.canvas !== null;
const look = (): ShownLook | null => {
  const state = review.get();
  const own = state.looks[currentSeries(state)?.id ?? ''];
  return own ?? (stage.header && firstLook(stage.header));
};
/** The one way in which images are leafed, windowed and enlarged by command: keys, menus, and whoever takes steps in the viewer (`viewerBus.ts`). */
export const bus = {
  toSlice: (at: number): void => review.dispatch({ type: 'frame', at }),
  toSeries: (at: number): void => review.dispatch({ type: 'series', at }),
  look: (next: ShownLook | null): void => review.dispatch({ type: 'look', look: next }),
  zoomBy: (factor: number): void => (stage.canvas ?? stage.slide)?.zoomBy(factor),
  fit: (): void => (stage.canvas ?? stage.slide)?.fit(),
} as const;
const setLook = bus.look;
const leaf = (by: number) => (): void => bus.toSlice(review.get().frameAt + by);

/** Windows of CT by key: 1 soft tissue, 2 lung, 3 bone, 4 brain, 5 liver, 6 mediastinum, 7 head and neck, 8 stroke, 9 subdural. */
const ctWindows: readonly (readonly [string, number, number])[] = [
  ['Soft tissue', 40, 400], ['Lung', -600, 1500], ['Bone', 480, 2500], ['Brain', 40, 80], ['Liver', 90, 150], ['Mediastinum', 40, 400], ['Head and neck', 90, 350], ['Stroke', 40, 40], ['Subdural', 75, 200],
];

function chooseWindow(at: number): void {
  const header = stage.header;
  const shown = look();
  if (!header || !shown) return;
  const [name, center, width] = ctWindows[at] ?? [];
  if (header.modality === 'CT' && name !== undefined && center !== undefined && width !== undefined) setLook({ center, width, name, shape: 'LINEAR', isInverted: shown.isInverted });
  else {
    const preset = header.presets[at];
    if (preset) setLook({ ...lookOf(preset), isInverted: shown.isInverted });
  }
}

function fullRange(): void {
  const header = stage.header;
  const shown = look();
  if (!header || !shown) return;
  const [a, b] = [header.least * header.slope + header.intercept, header.greatest * header.slope + header.intercept];
  setLook({ center: (a + b) / 2, width: Math.max(1, Math.abs(b - a)), shape: 'RANGE', isInverted: shown.isInverted, name: 'Full range' });
}

const turnView = (change: (view: typeof wholeView) => typeof wholeView) => (): void => {
  if (stage.canvas) stage.canvas.setView(change(stage.canvas.view()));
};
const turned = (by: 1 | 3) => turnView((view) => ({ ...view, quarters: ((view.quarters + by) % 4) as 0 | 1 | 2 | 3 }));

export const reviewActions: readonly Action[] = [
  { name: 'review.noMarking', shortcuts: ['Escape'], screen: 'review', isKeyOnly: true, when: () => isHere() && review.get().asked.isMarking, run: () => review.dispatch({ type: 'about', change: { isMarking: false, ...(review.get().asked.region ? {} : { scope: 'view' }) } }) },
  { name: 'review.ask', shortcuts: ['A'], screen: 'review', when: isHere, run: () => {
    chooseScope('view');
    document.getElementById(questionFieldId)?.focus();
  } },
  { name: 'review.askRegion', shortcuts: ['Shift+A'], screen: 'review', when: isHere, run: askAboutRegion },
  { name: 'review.askSlices', shortcuts: ['Shift+I'], screen: 'review', when: () => isHere() && (currentSeries(review.get())?.frames.length ?? 0) > 1, run: askAboutSlices },
  { name: 'review.askCells', shortcuts: ['Shift+T'], screen: 'review', when: () => isHere() && hungCount(review.get()) > 1, run: () => chooseScope('cells') },
  { name: 'review.locate', shortcuts: ['Shift+L'], screen: 'review', when: () => isHere() && !review.get().asking && !review.get().locating && locatable() !== null, run: () => {
    const [trace, step] = locatable() ?? [];
    if (trace && step !== undefined) void locate(trace, step);
  } },
  { name: 'review.stop', shortcuts: ['Escape'], screen: 'review', when: () => (review.get().asking ?? review.get().locating) !== null, run: stopAsking },
  { name: 'review.drawn', shortcuts: [], screen: 'review', when: isHere, run: toggleDrawn },
  { name: 'review.marks', shortcuts: ['G'], screen: 'review', when: isHere, isPeek: true, run: () => review.dispatch({ type: 'marks', areShown: !review.get().areMarksShown }) },
  { name: 'review.next', shortcuts: ['ArrowDown'], screen: 'review', isKeyOnly: true, run: leaf(1) },
  { name: 'review.previous', shortcuts: ['ArrowUp'], screen: 'review', isKeyOnly: true, run: leaf(-1) },
  { name: 'review.nextTen', shortcuts: ['Shift+ArrowDown'], screen: 'review', isKeyOnly: true, run: leaf(10) },
  { name: 'review.previousTen', shortcuts: ['Shift+ArrowUp'], screen: 'review', isKeyOnly: true, run: leaf(-10) },
  { name: 'review.first', shortcuts: ['Home'], screen: 'review', isKeyOnly: true, run: leaf(-1e9) },
  { name: 'review.last', shortcuts: ['End'], screen: 'review', isKeyOnly: true, run: leaf(1e9) },
  { name: 'review.nextSeries', shortcuts: ['PageDown'], screen: 'review', when: isHere, run: () => bus.toSeries(review.get().seriesAt + 1) },
  { name: 'review.previousSeries', shortcuts: ['PageUp'], screen: 'review', when: isHere, run: () => bus.toSeries(review.get().seriesAt - 1) },
  ...ctWindows.map(([name], at): Action => ({ name: `review.window${at + 1}`, shortcuts: [String(at + 1)], screen: 'review', when: hasFrames, run: () => chooseWindow(at), isKeyOnly: name === '' })),
  { name: 'review.fullRange', shortcuts: ['0'], screen: 'review', when: hasFrames, run: fullRange },
  { name: 'review.fileWindow', shortcuts: ['`'], screen: 'review', when: hasFrames, run: () => setLook(null) },
  { name: 'review.invert', shortcuts: ['I'], screen: 'review', when: () => hasFrames() && look() !== null, run: () => {
    const shown = look();
    if (shown) setLook({ ...shown, isInverted: !shown.isInverted });
  } },
  { name: 'review.zoomIn', shortcuts: ['+'], screen: 'review', when: isHere, run: () => bus.zoomBy(1.25) },
  { name: 'review.zoomOut', shortcuts: ['-'], screen: 'review', when: isHere, run: () => bus.zoomBy(0.8) },
  { name: 'review.fit', shortcuts: ['='], screen: 'review', when: isHere, run: bus.fit },
  { name: 'review.rotateRight', shortcuts: ['R'], screen: 'review', when: hasFrames, run: turned(1) },
  { name: 'review.rotateLeft', shortcuts: ['L'], screen: 'review', when: hasFrames, run: turned(3) },
  { name: 'review.flipHorizontal', shortcuts: ['H'], screen: 'review', when: hasFrames, run: turnView((view) => ({ ...view, isFlippedHorizontally: !view.isFlippedHorizontally })) },
  { name: 'review.flipVertical', shortcuts: ['V'], screen: 'review', when: hasFrames, run: turnView((view) => ({ ...view, isFlippedVertically: !view.isFlippedVertically })) },
  { name: 'review.reset', shortcuts: ['Space'], screen: 'review', when: isHere, run: () => {
    setLook(null);
    // Linked cells are reset together, as they were windowed together.
    const { hanging } = review.get();
    if (stage.canvas) [...stage.cells].filter(([at]) => hanging.isLinked || at === hanging.activeAt).forEach(([, canvas]) => canvas.setView(wholeView));
    else stage.slide?.fit();
  } },
];

export const reviewActionStrings: Readonly<Record<string, string>> = {
  'review.ask': 'Ask about the view', 'review.askRegion': 'Ask about a place: the chosen drawing or mark, or the next drag', 'review.askSlices': 'Ask about slices; again: this slice in or out', 'review.askCells': 'Ask about all cells, or both studies',
  'review.locate': 'Show me where: ask for the place of what the answer says', 'review.noMarking': 'Mark no place', 'review.stop': 'Stop the answer', 'review.drawn': 'Draw the next answer by a seed, or take the likeliest', 'review.marks': 'Show or hide model marks (hold to peek)', 'review.next': 'Next image', 'review.previous': 'Previous image', 'review.nextTen': 'Ten images on',
  'review.previousTen': 'Ten images back', 'review.first': 'First image', 'review.last': 'Last image', 'review.nextSeries': 'Next series', 'review.previousSeries': 'Previous series',
  ...Object.fromEntries(ctWindows.map(([name], at) => [`review.window${at + 1}`, `Window: ${name}`])),
  'review.fullRange': 'Window: full range', 'review.fileWindow': 'Window: as the file says', 'review.invert': 'Invert', 'review.zoomIn': 'Enlarge', 'review.zoomOut': 'Reduce', 'review.fit': 'Fit to the view',
  'review.rotateRight': 'Rotate right', 'review.rotateLeft': 'Rotate left', 'review.flipHorizontal': 'Mirror left to right', 'review.flipVertical': 'Mirror top to bottom', 'review.reset': 'Reset view and window',
};
