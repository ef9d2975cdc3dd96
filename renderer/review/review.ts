/** The review screen's store, what fills it, and what a person can do there. */
import type { FrameHeader } from '#electron/contract/frame.ts';
import type { AskedView } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import type { VolumeGrid } from '#models/imaging/volume.ts';
import type { CanvasViewport } from '#renderer/viewports/canvasViewport.ts';
import type { SlideViewport } from '#renderer/viewports/slideViewport.ts';
import { wholeView } from '#renderer/viewports/view.ts';
import { firstLook, lookOf } from '#renderer/viewports/windowing.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { navigation } from '#renderer/workstation/navigation.ts';
import { tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { currentSeries, initialReview, reduceReview, type ShownLook } from './state.ts';

export const review = createStore(reduceReview, initialReview);

/** What lies outside of React's and the reducer's reach: the view on the screen now, and what the frame in it says of itself. */
export const stage: { canvas: CanvasViewport | null; slide: SlideViewport | null; header: FrameHeader | null; grid: VolumeGrid | null; readonly cells: Map<number, CanvasViewport> } = {
  canvas: null, slide: null, header: null, grid: null, cells: new Map(),
};

/** Once, when the page starts. */
export function startReview(): void {
  subscribe('review.part', (part) => review.dispatch({ type: 'part', part }));
  navigation.subscribe(() => {
    const { studyId } = navigation.get();
    if (studyId !== null && studyId !== review.get().studyId) void openReview(studyId);
  });
}

export async function openReview(studyId: string): Promise<void> {
  review.dispatch({ type: 'opening', studyId });
  try {
    const [detail, traces] = await Promise.all([call('library.study', { studyId }), call('review.traces', { studyId })]);
    review.dispatch({ type: 'opened', detail, traces });
  } catch (thrown) {
    review.dispatch({ type: 'failed', fault: thrown instanceof Fault ? thrown : new Fault({ code: 'internal', what: 'The study cannot be opened.', why: String(thrown), mend: 'Open it again.' }) });
  }
}

/** What the model would be shown: the image on the screen as it is displayed, or the part of the slide that is seen. */
export function scope(): AskedView | null {
  const state = review.get();
  const series = currentSeries(state);
  const frame = series?.frames[state.frameAt];
  if (!series || !frame) return null;
  if (series.slide) {
    const region = stage.slide?.visibleRegion() ?? null;
    const isWhole = region !== null && region.width >= series.slide.width * 0.98 && region.height >= series.slide.height * 0.98;
    return { kind: 'slide', slideId: series.slide.id, region: isWhole ? null : region };
  }
  const look = state.looks[series.id];
  return { kind: 'frame', frameId: frame.id, window: look ?? null };
}

export async function ask(): Promise<void> {
  const { studyId, question, asking } = review.get();
  const view = scope();
  if (studyId === null || view === null || question.trim() === '' || asking) return;
  const askId = crypto.randomUUID();
  review.dispatch({ type: 'asking', askId, question: question.trim() });
  try {
    const trace = await call('review.ask', { askId, studyId, question, views: [view] });
    review.dispatch({ type: 'answered', trace });
  } catch (thrown) {
    review.dispatch({ type: 'unanswered', askId });
    if (!(thrown instanceof Fault && thrown.code === 'review.stopped')) tellFault(thrown);
  }
}

export function stopAsking(): void {
  const { asking } = review.get();
  if (asking) void call('review.stop', { askId: asking.askId }).catch(tellFault);
}

export const questionFieldId = 'review-question';

const isHere = (): boolean => navigation.get().screen === 'review' && review.get().detail !== null;
const hasFrames = (): boolean => isHere() && stage.canvas !== null;
const look = (): ShownLook | null => {
  const state = review.get();
  const own = state.looks[currentSeries(state)?.id ?? ''];
  return own ?? (stage.header && firstLook(stage.header));
};
const setLook = (next: ShownLook | null): void => review.dispatch({ type: 'look', look: next });
const leaf = (by: number) => (): void => review.dispatch({ type: 'frame', at: review.get().frameAt + by });

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
  { name: 'review.ask', shortcuts: ['A'], screen: 'review', when: isHere, run: () => document.getElementById(questionFieldId)?.focus() },
  { name: 'review.stop', shortcuts: ['Escape'], screen: 'review', when: () => review.get().asking !== null, run: stopAsking },
  { name: 'review.marks', shortcuts: ['G'], screen: 'review', when: isHere, isPeek: true, run: () => review.dispatch({ type: 'marks', areShown: !review.get().areMarksShown }) },
  { name: 'review.next', shortcuts: ['ArrowDown'], screen: 'review', isKeyOnly: true, run: leaf(1) },
  { name: 'review.previous', shortcuts: ['ArrowUp'], screen: 'review', isKeyOnly: true, run: leaf(-1) },
  { name: 'review.nextTen', shortcuts: ['Shift+ArrowDown'], screen: 'review', isKeyOnly: true, run: leaf(10) },
  { name: 'review.previousTen', shortcuts: ['Shift+ArrowUp'], screen: 'review', isKeyOnly: true, run: leaf(-10) },
  { name: 'review.first', shortcuts: ['Home'], screen: 'review', isKeyOnly: true, run: leaf(-1e9) },
  { name: 'review.last', shortcuts: ['End'], screen: 'review', isKeyOnly: true, run: leaf(1e9) },
  { name: 'review.nextSeries', shortcuts: ['PageDown'], screen: 'review', when: isHere, run: () => review.dispatch({ type: 'series', at: review.get().seriesAt + 1 }) },
  { name: 'review.previousSeries', shortcuts: ['PageUp'], screen: 'review', when: isHere, run: () => review.dispatch({ type: 'series', at: review.get().seriesAt - 1 }) },
  ...ctWindows.map(([name], at): Action => ({ name: `review.window${at + 1}`, shortcuts: [String(at + 1)], screen: 'review', when: hasFrames, run: () => chooseWindow(at), isKeyOnly: name === '' })),
  { name: 'review.fullRange', shortcuts: ['0'], screen: 'review', when: hasFrames, run: fullRange },
  { name: 'review.fileWindow', shortcuts: ['`'], screen: 'review', when: hasFrames, run: () => setLook(null) },
  { name: 'review.invert', shortcuts: ['I'], screen: 'review', when: () => hasFrames() && look() !== null, run: () => {
    const shown = look();
    if (shown) setLook({ ...shown, isInverted: !shown.isInverted });
  } },
  { name: 'review.zoomIn', shortcuts: ['+'], screen: 'review', when: isHere, run: () => (stage.canvas ?? stage.slide)?.zoomBy(1.25) },
  { name: 'review.zoomOut', shortcuts: ['-'], screen: 'review', when: isHere, run: () => (stage.canvas ?? stage.slide)?.zoomBy(0.8) },
  { name: 'review.fit', shortcuts: ['='], screen: 'review', when: isHere, run: () => (stage.canvas ?? stage.slide)?.fit() },
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
  'review.ask': 'Ask about the view', 'review.stop': 'Stop the answer', 'review.marks': 'Show or hide model marks (hold to peek)', 'review.next': 'Next image', 'review.previous': 'Previous image', 'review.nextTen': 'Ten images on',
  'review.previousTen': 'Ten images back', 'review.first': 'First image', 'review.last': 'Last image', 'review.nextSeries': 'Next series', 'review.previousSeries': 'Previous series',
  ...Object.fromEntries(ctWindows.map(([name], at) => [`review.window${at + 1}`, `Window: ${name}`])),
  'review.fullRange': 'Window: full range', 'review.fileWindow': 'Window: as the file says', 'review.invert': 'Invert', 'review.zoomIn': 'Enlarge', 'review.zoomOut': 'Reduce', 'review.fit': 'Fit to the view',
  'review.rotateRight': 'Rotate right', 'review.rotateLeft': 'Rotate left', 'review.flipHorizontal': 'Mirror left to right', 'review.flipVertical': 'Mirror top to bottom', 'review.reset': 'Reset view and window',
};
