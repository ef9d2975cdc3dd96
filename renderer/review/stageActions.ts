/** What a person can do with hanging images, and by which keys. */
import type { FrameSummary, StudySummary } from '#electron/contract/library.ts';
import { priorsOf } from '#electron/contract/priors.ts';
import { insideOf, stepAcross } from '#models/imaging/volume.ts';
import { firstChannels, nextAlone } from '#renderer/viewports/channels.ts';
import { cancelDrawing } from '#renderer/viewports/DrawingLayer.tsx';
import { drawings, drop, toggleKey, type Tool } from '#renderer/viewports/drawings.ts';
import { objectives, zoomOf } from '#renderer/viewports/magnification.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { history, redo, undo } from '#renderer/workstation/history.ts';
import { navigation } from '#renderer/workstation/navigation.ts';
import { tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { cine, stopCine, toggleCine } from './cine.ts';
import type { HangingChange, LayoutName } from './hanging.ts';
import { bestBeside } from './priors.ts';
import { review, stage } from './review.ts';
import { stageStrings } from './stageStrings.ts';
import { currentSeries } from './state.ts';

export const toolKeys: Readonly<Partial<Record<Tool, string>>> = {
  window: 'W', pan: 'M', zoom: 'Z', crosshair: 'Shift+C', length: 'D', bidirectional: 'U', angle: 'N', cobb: 'Shift+N', rectangle: 'B', ellipse: 'O', freehand: 'F', probe: 'Q', arrow: 'T', calibration: 'Shift+D',
};
export const layoutKeys: Readonly<Record<LayoutName, string>> = { '1x1': 'Alt+1', '1x2': 'Alt+2', '2x2': 'Alt+3', mpr: 'Alt+4' };

interface StageOptions {
  /** Persons' names are hidden. */
  readonly isPrivate: boolean;
  readonly isListShown: boolean;
  /** The list of a fluorescence slide's channels. */
  readonly areChannelsListed: boolean;
  /** Notices that a person took note of. */
  readonly acknowledged: readonly string[];
}

export const stageOptions = createStore<StageOptions, Partial<StageOptions>>((state, change) => ({ ...state, ...change }), { isPrivate: false, isListShown: false, areChannelsListed: true, acknowledged: [] });
stageOptions.subscribe(() => document.documentElement.toggleAttribute('data-private', stageOptions.get().isPrivate));

/** The earlier study that may be brought in; null without one. */
export const offered = createStore<StudySummary | null, StudySummary | null>((_, next) => next, null);

export async function lookForPriors(): Promise<void> {
  const { detail } = review.get();
  offered.dispatch(null);
  if (!detail) return;
  try {
    const [prior] = priorsOf(detail.study, await call('library.list', null));
    if (review.get().detail?.study.id === detail.study.id) offered.dispatch(prior ?? null);
  } catch (thrown) {
    tellFault(thrown);
  }
}

export async function bringPrior(): Promise<void> {
  const prior = offered.get();
  const shown = currentSeries(review.get());
  if (!prior || !shown) return;
  try {
    const { study, series } = await call('library.study', { studyId: prior.id });
    review.dispatch({ type: 'prior', study, series: bestBeside(shown, series) });
    offered.dispatch(null);
  } catch (thrown) {
    tellFault(thrown);
  }
}

const isHere = (): boolean => navigation.get().screen === 'review' && review.get().detail !== null;
const hang = (change: HangingChange): void => review.dispatch({ type: 'hang', change });
const hasSlide = (): boolean => isHere() && stage.slide !== null && stage.canvas === null;
const hasChannels = (): boolean => hasSlide() && currentSeries(review.get())?.slide?.channels !== undefined;
const hasPlane = (): boolean => isHere() && activePlane() !== null;
const hasStack = (): boolean => isHere() && (currentSeries(review.get())?.frames.length ?? 0) > 1;

function currentFrame(): FrameSummary | null {
  const state = review.get();
  return activePlane() === null ? currentSeries(state)?.frames[state.frameAt] ?? null : null;
}

function activePlane(): { readonly kind: 'plane'; readonly plane: 'axial' | 'coronal' | 'sagittal' } | null {
  const { hanging } = review.get();
  const cell = hanging.cells[hanging.activeAt];
  return cell?.kind === 'plane' ? cell : null;
}

/** The active plane moved along its normal by so many slices of it. */
function leafPlane(by: number): void {
  const plane = activePlane()?.plane;
  const place = review.get().hanging.crosshair;
  const { grid } = stage;
  if (!plane || !place || !grid) return;
  const step = stepAcross(grid, plane);
  hang({ type: 'crosshair', place: insideOf(grid, [place[0] + step[0] * by, place[1] + step[1] * by, place[2] + step[2] * by]) });
}

function showNextAlone(): void {
  const series = currentSeries(review.get());
  if (series?.slide?.channels) review.dispatch({ type: 'channels', channels: nextAlone(review.get().channels[series.id] ?? firstChannels(series.slide.channels)) });
}

const panBy = (x: number, y: number) => (): void => stage.slide?.pan({ x: x * 120, y: y * 120 });
const plane = (name: string, shortcut: string, by: number): Action => ({ name: `stage.${name}`, shortcuts: [shortcut], screen: 'review', when: hasPlane, isKeyOnly: true, run: () => leafPlane(by) });

/** Before the review's own rows: what works on a slide or a plane has the key there. */
export const stageActions: readonly Action[] = [
  { name: 'stage.cancel', shortcuts: ['Escape'], screen: 'review', isKeyOnly: true, when: () => isHere() && (cine.get().isRunning || document.querySelector('.drawings[data-busy]') !== null || drawings.get().selectedId !== null || drawings.get().tool !== 'window') && review.get().asking === null, run: () => {
    if (cancelDrawing()) return;
    if (cine.get().isRunning) return stopCine();
    if (drawings.get().selectedId !== null) drawings.dispatch({ type: 'select', id: null });
    else drawings.dispatch({ type: 'tool', tool: review.get().hanging.layout === 'mpr' ? 'crosshair' : 'window' });
  } },
  plane('planeNext', 'ArrowDown', 1), plane('planePrevious', 'ArrowUp', -1), plane('planeNextTen', 'Shift+ArrowDown', 10), plane('planePreviousTen', 'Shift+ArrowUp', -10), plane('planeFirst', 'Home', -1e5), plane('planeLast', 'End', 1e5),
  { name: 'stage.panDown', shortcuts: ['ArrowDown'], screen: 'review', when: hasSlide, isKeyOnly: true, run: panBy(0, -1) },
  { name: 'stage.panUp', shortcuts: ['ArrowUp'], screen: 'review', when: hasSlide, isKeyOnly: true, run: panBy(0, 1) },
  { name: 'stage.panRight', shortcuts: ['ArrowRight'], screen: 'review', when: hasSlide, isKeyOnly: true, run: panBy(-1, 0) },
  { name: 'stage.panLeft', shortcuts: ['ArrowLeft'], screen: 'review', when: hasSlide, isKeyOnly: true, run: panBy(1, 0) },
  { name: 'stage.hold', shortcuts: ['Space'], screen: 'review', when: hasSlide, isKeyOnly: true, run: () => undefined },
  { name: 'stage.channels', shortcuts: ['Shift+Q'], screen: 'review', when: hasChannels, run: () => stageOptions.dispatch({ areChannelsListed: !stageOptions.get().areChannelsListed }) },
  { name: 'stage.channelAlone', shortcuts: ['Shift+Z'], screen: 'review', when: hasChannels, run: showNextAlone },
  { name: 'stage.wholeSlide', shortcuts: ['0'], screen: 'review', when: hasSlide, run: () => stage.slide?.fit() },
  ...objectives.map((objective, at): Action => ({ name: `stage.objective${at + 1}`, shortcuts: [String(at + 1)], screen: 'review', when: () => hasSlide() && currentSeries(review.get())?.slide?.mpp != null, run: () => {
    const mpp = currentSeries(review.get())?.slide?.mpp;
    if (mpp) stage.slide?.zoomTo(zoomOf(mpp.x, objective));
  } })),
  ...(Object.entries(toolKeys) as [Tool, string][]).map(([tool, key]): Action => ({
    name: `stage.${tool}`, shortcuts: [key], screen: 'review', when: () => isHere() && (tool === 'crosshair' ? review.get().hanging.layout === 'mpr' : true), run: () => drawings.dispatch({ type: 'tool', tool }),
  })),
  ...(Object.entries(layoutKeys) as [LayoutName, string][]).map(([layout, key]): Action => ({ name: `stage.layout${layout}`, shortcuts: [key], screen: 'review', when: () => isHere() && (layout !== 'mpr' || hasStack()), run: () => hang({ type: 'layout', layout }) })),
  { name: 'stage.nextCell', shortcuts: ['ArrowRight'], screen: 'review', isKeyOnly: true, when: () => isHere() && review.get().hanging.cells.length > 1, run: () => hang({ type: 'beside', by: 1 }) },
  { name: 'stage.previousCell', shortcuts: ['ArrowLeft'], screen: 'review', isKeyOnly: true, when: () => isHere() && review.get().hanging.cells.length > 1, run: () => hang({ type: 'beside', by: -1 }) },
  { name: 'stage.maximise', shortcuts: ['Shift+F'], screen: 'review', when: () => isHere() && review.get().hanging.cells.length > 1, run: () => hang({ type: 'maximise', at: review.get().hanging.activeAt }) },
  { name: 'stage.cine', shortcuts: ['C'], screen: 'review', when: () => hasStack() && activePlane() === null, run: toggleCine },
  { name: 'stage.link', shortcuts: ['S'], screen: 'review', when: isHere, run: () => hang({ type: 'link', isLinked: !review.get().hanging.isLinked }) },
  { name: 'stage.linkByHand', shortcuts: ['Shift+S'], screen: 'review', when: isHere, run: () => hang({ type: 'linkByHand' }) },
  { name: 'stage.prior', shortcuts: ['P'], screen: 'review', when: () => isHere() && offered.get() !== null, run: () => void bringPrior() },
  { name: 'stage.drawings', shortcuts: ['Shift+H'], screen: 'review', when: isHere, run: () => drawings.dispatch({ type: 'shown', areShown: !drawings.get().areShown }) },
  { name: 'stage.key', shortcuts: ['Shift+K'], screen: 'review', when: () => isHere() && currentFrame() !== null, run: () => {
    const { detail } = review.get();
    const frame = currentFrame();
    if (detail && frame) toggleKey(detail.study.id, frame.id, frame);
  } },
  { name: 'stage.list', shortcuts: ['Shift+M'], screen: 'review', when: isHere, run: () => stageOptions.dispatch({ isListShown: !stageOptions.get().isListShown }) },
  { name: 'stage.delete', shortcuts: ['Delete', 'Backspace'], screen: 'review', when: () => isHere() && drawings.get().selectedId !== null, run: () => drop(drawings.get().selectedId) },
  { name: 'stage.private', shortcuts: ['Shift+P'], run: () => stageOptions.dispatch({ isPrivate: !stageOptions.get().isPrivate }) },
  { name: 'stage.undo', shortcuts: ['Mod+Z'], when: () => history.get().past.length > 0, run: undo },
  { name: 'stage.redo', shortcuts: ['Mod+Shift+Z', 'Mod+Y'], when: () => history.get().future.length > 0, run: redo },
];

export const stageActionStrings: Readonly<Record<string, string>> = {
  'stage.cancel': 'Give up the gesture, then the tool', 'stage.planeNext': 'Next plane', 'stage.planePrevious': 'Previous plane', 'stage.planeNextTen': 'Ten planes on', 'stage.planePreviousTen': 'Ten planes back',
  'stage.planeFirst': 'First plane', 'stage.planeLast': 'Last plane', 'stage.panDown': 'Slide: down', 'stage.panUp': 'Slide: up', 'stage.panRight': 'Slide: right', 'stage.panLeft': 'Slide: left',
  'stage.channels': 'Slide: show or hide the list of channels', 'stage.channelAlone': 'Slide: the next channel alone, after the last one all', 'stage.hold': 'Slide: hold to move with any tool', 'stage.wholeSlide': 'Slide: all of it',
  ...Object.fromEntries(objectives.map((objective, at) => [`stage.objective${at + 1}`, `Slide: ${objective}×`])),
  ...Object.fromEntries(Object.keys(toolKeys).map((tool) => [`stage.${tool}`, `Tool: ${stageStrings.tool[tool as Tool]}`])),
  ...Object.fromEntries(Object.keys(layoutKeys).map((layout) => [`stage.layout${layout}`, stageStrings.layouts[layout as LayoutName]])),
  'stage.nextCell': 'Next cell', 'stage.previousCell': 'Previous cell', 'stage.maximise': 'This cell alone, or all again', 'stage.cine': 'Run or stop the film', 'stage.link': 'Link or unlink the cells',
  'stage.linkByHand': 'Link what is seen now by hand', 'stage.prior': 'Bring in the earlier study', 'stage.drawings': 'Show or hide drawings', 'stage.list': 'List of drawings', 'stage.key': 'Mark or unmark the key image', 'stage.delete': 'Delete the drawing',
  'stage.private': 'Hide or show persons’ names', 'stage.undo': 'Undo', 'stage.redo': 'Redo',
};
