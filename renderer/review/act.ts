/** "Show me": the boxes of an answer, the model, or a log drive the viewer, one step at a time, each written down and to be taken back; the reader can stop it at once. */
import { Fault } from '#models/base/fault.ts';
import { actionTable, callOf, readAction, type ViewerAction } from '#models/viewer/actions.ts';
import { directiveOf, type PlannedAction, type ShownBox } from '#models/viewer/directive.ts';
import { readLog, type ActLog, type ActStep } from '#models/viewer/log.ts';
import { isSameState, perform, placed, seriesOf, type Viewer, type ViewerState, type ViewerStudy } from '#models/viewer/state.ts';
import { sentences, shortOf } from '#models/viewer/words.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { shownChannels } from '#renderer/viewports/channels.ts';
import { call } from '#renderer/workstation/call.ts';
import { did, redo, undo } from '#renderer/workstation/history.ts';
import { navigation } from '#renderer/workstation/navigation.ts';
import { tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { reduceActing, stateAfter, type Acting, type ActingChange } from './acting.ts';
import { actStrings } from './actStrings.ts';
import { judging } from './judge.ts';
import { judgedMarks } from './judging.ts';
import { locatedMarks } from './located.ts';
import { review } from './review.ts';
import { currentTrace, placeOf, type ReviewState } from './state.ts';
import { isShown, readState, showState, visibleBox, type MarkDrawings } from './viewerBus.ts';

export const acting = createStore<Acting | null, ActingChange>(reduceActing, null);

/** The reader sees a step before the next is taken. */
const paceMs = 900;
const mostModelSteps = 12;

/** What lies outside of the reducer's reach, for the log that is shown. */
let run: Run | null = null;
interface Run {
  stopped: boolean;
  drawn: MarkDrawings;
  /** The reader's windows when it began. */
  readonly looks: ReviewState['looks'];
  pending: Promise<unknown>;
  /** Stands beside what is drawn. */
  readonly by: string;
}

/** What is to be done next; null at the end. Points are pixels of the view's picture. */
type Driver = (viewer: Viewer, study: ViewerStudy, done: readonly string[]) => Promise<Pick<ActStep, 'call' | 'view' | 'sentence' | 'written' | 'fault'> | null>;

/** Runs a driver to its end, the reader's stop, or a fault. */
async function drive(instruction: string, driver: ActLog['driver'], next: Driver, from?: ViewerState): Promise<void> {
  const { detail } = review.get();
  const read = readState();
  if (!detail || !read || acting.get()?.isRunning) return;
  const { study } = read;
  const start = from ?? read.state;
  const id = crypto.randomUUID();
  const own: Run = { stopped: false, drawn: [], looks: review.get().looks, pending: Promise.resolve(), by: actStrings.drawnBy[driver.kind] };
  run = own;
  const log: ActLog = { kind: 'loupe-act', version: 1, id, studyId: detail.study.id, startedAt: new Date().toISOString(), instruction, driver, study, start, steps: [], end: 'stopped' };
  acting.dispatch({ type: 'begun', log });
  let end: ActLog['end'] = 'finished';
  let note: Acting['note'] = null;
  try {
    await call('act.begin', { id, studyId: detail.study.id, instruction, driver, study, start });
    if (from) own.drawn = await showState(from, own.drawn, own.looks, own.by);
    let viewer: Viewer = { now: start, past: [] };
    const done: string[] = [];
    for (;;) {
      if (!isShown(viewer.now)) [end, note] = ['stopped', { what: actStrings.tookOver, why: actStrings.tookOverWhy }];
      if (own.stopped) end = 'stopped';
      if (end !== 'finished') break;
      acting.dispatch({ type: 'thinking', isThinking: driver.kind === 'model' });
      const wanted = await next(viewer, study, done);
      acting.dispatch({ type: 'thinking', isThinking: false });
      if (own.stopped || !wanted) {
        if (own.stopped) end = 'stopped';
        break;
      }
      const { viewer: after, step } = performed(study, viewer, wanted);
      // On the disk before it is seen: what was shown was written down.
      await call('act.step', { studyId: detail.study.id, id, step });
      done.push(step.after && step.call ? shortOf(readAction(step.call, step.view.resized)) : 'nothing');
      const at = done.length;
      acting.dispatch({ type: 'stepped', step });
      if (step.after) {
        own.drawn = await showState(after.now, own.drawn, own.looks, own.by);
        did({ undo: back(id, at - 1, undo), redo: back(id, at, redo) });
      }
      viewer = after;
      if (viewer.now.isDone) break;
      if (step.fault && driver.kind === 'model') [end, note] = ['failed', step.fault];
      else if (driver.kind === 'model' && at >= mostModelSteps) [end, note] = ['limit', { what: actStrings.limit, why: actStrings.limitWhy }];
      else if (!own.stopped) await pause(own);
    }
  } catch (thrown) {
    end = own.stopped ? 'stopped' : 'failed';
    if (!own.stopped) note = thrown instanceof Fault ? thrown : null;
    if (!own.stopped && !(thrown instanceof Fault)) tellFault(thrown);
  }
  acting.dispatch({ type: 'ended', end, note });
  await call('act.end', { studyId: detail.study.id, id, end }).catch(tellFault);
}

/** A deed of an earlier log has nothing to go back to any more: the one before it is meant. */
const back = (id: string, count: number, otherwise: () => void) => (): void => {
  if (acting.get()?.log.id === id) void standAt(id, count);
  else otherwise();
};

/** The pace, cut short by a stop. */
async function pause(own: { readonly stopped: boolean }): Promise<void> {
  for (const began = performance.now(); performance.now() - began < paceMs && !own.stopped;) await new Promise((resolve) => setTimeout(resolve, 30));
}

/** The step and what it leads to; a refused one leads to nothing. */
function performed(study: ViewerStudy, viewer: Viewer, { call: wanted, view, sentence, written, fault }: NonNullable<Awaited<ReturnType<Driver>>>): { readonly viewer: Viewer; readonly step: ActStep } {
  const step: Omit<ActStep, 'after' | 'fault'> = { at: new Date().toISOString(), call: wanted, view, sentence, ...(written === undefined ? {} : { written }) };
  if (!wanted) return { viewer, step: { ...step, after: null, fault } };
  try {
    const after = perform(study, viewer, placed(readAction(wanted, view.resized), view));
    return { viewer: after, step: { ...step, after: after.now, fault: null } };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return { viewer, step: { ...step, after: null, fault: thrown.toJSON() } };
  }
}

/** Brings the view to where it was after so many steps of the log; those behind are shown as taken back. */
export async function standAt(id: string, count: number): Promise<void> {
  const state = acting.get();
  const own = run;
  if (!state || !own || state.log.id !== id || state.standing === count) return;
  if (state.isRunning) stopActing();
  acting.dispatch({ type: 'stands', standing: count });
  own.pending = own.pending.then(async () => {
    own.drawn = await showState(stateAfter(state.log, count), own.drawn, own.looks, own.by);
  });
  await own.pending;
}

/** At once: nothing is done any more, and what a model still writes is dropped. */
export function stopActing(): void {
  const state = acting.get();
  if (!state?.isRunning || !run) return;
  run.stopped = true;
  acting.dispatch({ type: 'ended', end: 'stopped' });
  void call('act.stop', { id: state.log.id }).catch(tellFault);
}

const whole = (study: ViewerStudy, state: ViewerState): ActStep['view'] => {
  const { width, height } = seriesOf(study, state.series);
  return { region: { x1: 0, y1: 0, x2: width, y2: height }, resized: { width, height } };
};

/** The boxes of the shown answer with their places; second questions among them. */
export function shownBoxes(): readonly ShownBox[] {
  const state = review.get();
  const { detail, traces } = state;
  const trace = currentTrace(state);
  if (!detail || !trace) return [];
  const { judgements } = judging.get();
  return [...judgedMarks(trace, judgements[trace.id]), ...locatedMarks(traces, trace.id, judgements)].flatMap(({ frameId, box, label }) => {
    const place = placeOf(detail, frameId);
    return place ? [{ series: String(place.seriesAt + 1), slice: place.frameAt + 1, box, label }] : [];
  });
}

/** Visits the boxes of the answer by fixed rules. */
export async function showBoxes(): Promise<void> {
  const trace = currentTrace(review.get());
  const boxes = shownBoxes();
  const read = readState();
  if (!trace || boxes.length === 0 || !read) return;
  const planned: PlannedAction[] = [...directiveOf(read.study, read.state, boxes)];
  await drive(trace.question, { kind: 'directive', name: actStrings.ofAnswer }, (viewer, study) => {
    const one = planned.shift();
    if (!one) return Promise.resolve(null);
    const view = whole(study, one.action.name === 'select_series' ? { ...viewer.now, series: one.action.key } : viewer.now);
    return Promise.resolve({ call: callOf(fine(one.action)), view, sentence: sentenceOf(one), fault: null });
  });
}

/** A factor has one decimal where it is written. */
const fine = (action: ViewerAction): ViewerAction => (action.name === 'zoom' ? { ...action, factor: Math.max(0.1, Math.round(action.factor * 10) / 10) } : action);
const sentenceOf = ({ action, label }: PlannedAction): string => (label === '' ? sentences[action.name] : `${label}: ${actionTable[action.name].summary}`);

/** The model in use drives, after the question that stands in the field. */
export async function letModelDrive(): Promise<void> {
  const instruction = review.get().question.trim();
  const { detail } = review.get();
  if (!detail || instruction === '') return;
  await drive(instruction, { kind: 'model', name: actStrings.model }, async ({ now }, study, done) => {
    const { seriesAt, frameAt, looks, channels } = review.get();
    const series = detail.series[seriesAt];
    const frame = series?.frames[frameAt];
    const box = visibleBox();
    const id = acting.get()?.log.id;
    if (!series || !frame || !box || id === undefined) return null;
    const region = { x: box.x1, y: box.y1, width: box.x2 - box.x1, height: box.y2 - box.y1 };
    const step = await call('act.next', {
      id, studyId: detail.study.id, instruction, study, state: now, done: [...done],
      view: series.slide ? { kind: 'slide', slideId: series.slide.id, region, ...shownChannels(series.slide, channels[series.id]) } : { kind: 'frame', frameId: frame.id, window: looks[series.id] ?? null, region },
    });
    return { call: step.call, view: step.view, sentence: step.sentence, written: step.written, fault: step.fault };
  });
}

/** Does the steps of a saved log again, and says where something else comes of them. */
export async function replaySteps(text: string): Promise<void> {
  try {
    const log = readLog(text);
    const read = readState();
    if (!read) return;
    requireSame(log.study, read.study);
    let at = 0;
    await drive(log.instruction, { kind: 'person', name: `${actStrings.replayOf} ${log.startedAt.slice(0, 16).replace('T', ' ')}` }, (viewer) => {
      // The step before was done again by now: has the same come of it?
      const before = log.steps[at - 1];
      if (before && (before.after === null ? false : !isSameState(before.after, viewer.now))) acting.dispatch({ type: 'differs', step: at, why: actStrings.differs });
      const step = log.steps[at++];
      return Promise.resolve(step ? { call: step.call, view: step.view, sentence: step.sentence, fault: step.fault } : null);
    }, { ...log.start, marks: [] });
  } catch (thrown) {
    tellFault(thrown);
  }
}

/** @throws Fault `act.study` where a log is of another study */
function requireSame(of: ViewerStudy, here: ViewerStudy): void {
  const isSame = of.series.every(({ key, slices, width, height }) => here.series.some((one) => one.key === key && one.slices === slices && one.width === width && one.height === height));
  if (!isSame) throw new Fault({ code: 'act.study', what: 'The steps cannot be done here.', why: 'They were taken in another study: its series are not those of this one.', mend: 'Open the study that they belong to.' });
}

/** The log as a file, for another day or another machine. */
export function saveSteps(): void {
  const log = acting.get()?.log;
  if (!log) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(log, null, 1)], { type: 'application/json' }));
  link.download = `steps-${log.startedAt.slice(0, 19).replaceAll(':', '-')}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Asks for a file and replays it. */
export function chooseSteps(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.json,application/json';
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file) void file.text().then(replaySteps, tellFault);
  });
  input.click();
}

const isHere = (): boolean => navigation.get().screen === 'review' && review.get().detail !== null && review.get().hanging.layout !== 'mpr';
const isIdle = (): boolean => isHere() && acting.get()?.isRunning !== true && review.get().asking === null;

/** Before all others: what runs is stopped by Escape, whatever else Escape would do. */
export const actActions: readonly Action[] = [
  { name: 'act.stop', shortcuts: ['Escape'], screen: 'review', isForTyping: true, when: () => acting.get()?.isRunning === true, run: stopActing },
  { name: 'act.show', shortcuts: ['Alt+W'], screen: 'review', when: () => isIdle() && shownBoxes().length > 0, run: () => void showBoxes() },
  { name: 'act.model', shortcuts: ['Alt+Q'], screen: 'review', when: () => isIdle() && review.get().question.trim() !== '', run: () => void letModelDrive() },
  { name: 'act.replay', shortcuts: [], screen: 'review', when: isIdle, run: chooseSteps },
];

export const actActionStrings: Readonly<Record<string, string>> = {
  'act.stop': 'Stop the steps', 'act.show': 'Show me: visit the places of the answer', 'act.model': 'Show me: let the model drive, after the question in the field', 'act.replay': 'Replay steps from a file',
};
