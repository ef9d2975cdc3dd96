/** The search for more like this: its store, what a person can do with it, and how it goes to the machine. */
import type { Region, ViewWindow } from '#electron/contract/review.ts';
import type { FoundThing, Seek } from '#electron/contract/locating.ts';
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import { draw, drawings, newDrawing } from '#renderer/viewports/drawings.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { noLocating, reduceLocating, shownThings, type MarkedExample, type ShownThing } from './state.ts';

export const locating = createStore(reduceLocating, noLocating);

/** Where the reader is, as the screen that hangs the images knows it. */
export interface Here {
  readonly studyId: string;
  readonly seriesId: string;
  readonly frameIds: readonly string[];
  /** From 0. */
  readonly at: number;
  readonly isSlide: boolean;
  /** What is seen of a slide. */
  readonly region: Region | null;
  readonly window: ViewWindow | null;
}

export const here: { get: () => Here | null; show: (frameId: string, box: Box) => void } = { get: () => null, show: () => undefined };

/** Once, when the page starts. */
export function startLocating(): void {
  subscribe('locate.found', (news) => locating.dispatch({ type: 'news', news }));
  subscribe('locate.directive', (news) => {
    if (here.get()?.studyId !== news.studyId) return;
    locating.dispatch({ type: 'directive', news });
    const { searching } = locating.get();
    // What was said while nothing ran begins to be followed; what runs takes it up by itself.
    if (news.directive && !(searching?.isDirected === true && searching.end === null && searching.seriesId === news.seriesId)) void find({ kind: 'directive' }, 'all');
  });
}

/** Whenever the reader is elsewhere: what is near is searched first, another series has its own examples, and a sentence that held is read anew for it. */
export function moveTo(place: Here | null): void {
  const { directive, seriesId } = locating.get();
  const isCarriedOn = directive !== null && place !== null && place.studyId === directive.studyId && place.seriesId !== seriesId;
  locating.dispatch({ type: 'series', seriesId: place?.seriesId ?? null });
  if (isCarriedOn) void direct();
  const { searching } = locating.get();
  if (place && searching && searching.end === null && searching.seriesId === place.seriesId) void call('locate.follow', { sweepId: searching.sweepId, at: place.at }).catch(() => undefined);
}

export function openPanel(isOpen: boolean): void {
  locating.dispatch({ type: 'open', isOpen });
  if (isOpen && locating.get().available?.localizer == null) void call('locate.state', null).then((available) => locating.dispatch({ type: 'available', available }), tellFault);
}

/** The box around a drawing that has an extent; null for arrows' ends, probes and key images. */
export function boxOfDrawing({ kind, points }: Pick<Annotation, 'kind' | 'points'>): Box | null {
  if (!['rectangle', 'ellipse', 'freehand', 'bidirectional', 'length'].includes(kind)) return null;
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const box = { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs), y2: Math.max(...ys) };
  return box.x2 - box.x1 >= 2 && box.y2 - box.y1 >= 2 ? box : null;
}

/** What is drawn and may stand for examples: the selected drawing, or every rectangle on the image. */
export function drawnExamples(isUnlike: boolean): readonly MarkedExample[] {
  const place = here.get();
  if (!place) return [];
  const { all, selectedId } = drawings.get();
  const frameId = place.frameIds[place.at];
  const own = all.filter(({ annotation }) => (selectedId === null ? annotation.frameId === frameId && annotation.kind === 'rectangle' && !annotation.isHidden : annotation.id === selectedId && place.frameIds.includes(annotation.frameId)));
  return own.flatMap(({ annotation }) => {
    const box = boxOfDrawing(annotation);
    return box ? [{ id: annotation.id, frameId: annotation.frameId, box, isUnlike }] : [];
  });
}

/** The examples with further ones; a drawing stands among them once. */
function addExamples(more: readonly MarkedExample[]): void {
  const ids = new Set(more.map(({ id }) => id));
  locating.dispatch({ type: 'examples', examples: [...locating.get().examples.filter(({ id }) => !ids.has(id)), ...more] });
}

export function addDrawn(isUnlike: boolean): void {
  const more = drawnExamples(isUnlike);
  if (more.length === 0) return askForBox();
  openPanel(true);
  addExamples(more);
}

function askForBox(): void {
  openPanel(true);
  drawings.dispatch({ type: 'tool', tool: 'rectangle' });
  tell({ tone: 'plain', text: text('locate.noExamples', { key: 'Shift+G' }) });
}

/** Searches the series, or the whole slide, for more of the examples; what is drawn on the image joins them first. */
export function findMore(scope: 'view' | 'all' = 'all'): void {
  openPanel(true);
  const known = new Set(locating.get().examples.map(({ id }) => id));
  if (known.size === 0 || drawings.get().selectedId !== null) addExamples(drawnExamples(false).filter(({ id }) => !known.has(id)));
  const { examples } = locating.get();
  const like = examples.filter(({ isUnlike }) => !isUnlike);
  if (like.length === 0) return askForBox();
  const plain = ({ frameId, box }: MarkedExample) => ({ frameId, box });
  void find({ kind: 'examples', like: like.map(plain), unlike: examples.filter(({ isUnlike }) => isUnlike).map(plain) }, scope);
}

export async function find(seek: Seek, scope: 'view' | 'all'): Promise<void> {
  const place = here.get();
  if (!place) return;
  stopSearching();
  const sweepId = crypto.randomUUID();
  const { studyId, seriesId, at, region, window } = place;
  locating.dispatch({ type: 'begun', sweepId, studyId, seriesId, isDirected: seek.kind === 'directive' });
  try {
    locating.dispatch({ type: 'ended', sweep: await call('locate.find', { sweepId, studyId, seriesId, seek, scope, at, region, window }) });
  } catch (thrown) {
    locating.dispatch({ type: 'failed', sweepId });
    tellFault(thrown);
  }
}

export function stopSearching(): void {
  const { searching } = locating.get();
  if (searching && searching.end === null) void call('locate.cancel', { sweepId: searching.sweepId }).catch(tellFault);
}

/** Gives the sentence to the slow model; searching goes on meanwhile by what held before. */
export async function direct(): Promise<void> {
  const place = here.get();
  const { sentence } = locating.get();
  if (!place || sentence.trim() === '') return;
  try {
    await call('locate.direct', { studyId: place.studyId, seriesId: place.seriesId, text: sentence.trim(), at: place.at, window: place.window });
  } catch (thrown) {
    if (!(thrown instanceof Fault && thrown.code === 'locate.givenUp')) tellFault(thrown);
  }
}

export function giveUp(): void {
  const place = here.get();
  if (place) void call('locate.undirect', { studyId: place.studyId, seriesId: place.seriesId }).catch(tellFault);
}

export const nameOfThing = ({ label }: Pick<ShownThing, 'label'>): string => (label === null ? text('locate.thing') : text(`locate.kind.${label}`, { defaultValue: label.replaceAll('_', ' ') }));

/** Takes found things over as rectangles among the drawings: measured, kept and undone like any other. */
export function accept(things: readonly ShownThing[]): void {
  const { searching } = locating.get();
  if (!searching || things.length === 0) return;
  draw(things.map((thing) => {
    const { x1, y1, x2, y2 } = thing.box;
    return { before: null, after: newDrawing(searching.studyId, thing.frameId, 'rectangle', [{ x: x1, y: y1 }, { x: x2, y: y2 }], text('locate.acceptedText', { name: nameOfThing(thing), score: Math.round(thing.score * 100) })) };
  }));
  locating.dispatch({ type: 'judged', ids: things.map(({ id }) => id), verdict: 'accepted' });
  if (things.length > 1) tell({ tone: 'good', text: text('locate.accepted', { count: things.length }) });
}

/** What was accepted on the image that is shown, with the name that it bears there. */
export function acceptedHere(): readonly FoundThing[] {
  const place = here.get();
  const { searching, judged } = locating.get();
  return searching?.found.filter(({ id, frameId }) => judged.get(id) === 'accepted' && frameId === place?.frameIds[place.at]) ?? [];
}

/** Keeps the accepted boxes of the image, and its examples, as a training case under that name. */
export async function keepCase(name: string): Promise<void> {
  const place = here.get();
  const { searching, available, examples } = locating.get();
  const frameId = place?.frameIds[place.at];
  const localizer = available?.localizer?.sha256;
  const things = acceptedHere();
  if (!place || !searching || frameId === undefined || localizer === undefined || things.length === 0) return;
  const own = searching.isDirected ? [] : examples.filter((example) => !example.isUnlike && example.frameId === frameId);
  try {
    await call('curate.captureFound', {
      studyId: place.studyId, name, localizer, boxes: [...own, ...things].map(({ box }) => box),
      view: place.isSlide ? { kind: 'slide', slideId: frameId.slice(0, 64), region: place.region } : { kind: 'frame', frameId, window: place.window },
    });
    tell({ tone: 'good', text: text('locate.kept', { count: own.length + things.length, name }) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

export const reject = (thing: ShownThing): void => locating.dispatch({ type: 'judged', ids: [thing.id], verdict: 'rejected' });

/** Brings up the found thing after or before the one that is lit. */
export function step(by: 1 | -1): void {
  const things = shownThings(locating.get());
  const { litId } = locating.get();
  const at = things.findIndex(({ id }) => id === litId);
  const next = things[at < 0 ? (by > 0 ? 0 : things.length - 1) : (at + by + things.length) % things.length];
  if (next) light(next);
}

export function light({ id, frameId, box }: ShownThing): void {
  locating.dispatch({ type: 'lit', id });
  here.show(frameId, box);
}

export const sentenceFieldId = 'locate-sentence';
const isHere = (): boolean => navigation.get().screen === 'review' && here.get() !== null;
const isFound = (): boolean => isHere() && locating.get().isOpen && shownThings(locating.get()).length > 0;
const lit = (): ShownThing | undefined => shownThings(locating.get()).find(({ id }) => id === locating.get().litId);

export const locateActions: readonly Action[] = [
  { name: 'locate.stop', shortcuts: ['Escape'], screen: 'review', when: () => isHere() && locating.get().searching?.end === null, run: stopSearching },
  { name: 'locate.more', shortcuts: ['Shift+G'], screen: 'review', when: isHere, run: () => findMore() },
  { name: 'locate.moreHere', shortcuts: [], screen: 'review', when: isHere, run: () => findMore('view') },
  { name: 'locate.like', shortcuts: [], screen: 'review', when: isHere, run: () => addDrawn(false) },
  { name: 'locate.unlike', shortcuts: ['Alt+U'], screen: 'review', when: isHere, run: () => addDrawn(true) },
  { name: 'locate.say', shortcuts: ['Shift+J'], screen: 'review', when: isHere, run: () => {
    openPanel(true);
    requestAnimationFrame(() => document.getElementById(sentenceFieldId)?.focus());
  } },
  { name: 'locate.next', shortcuts: [']'], screen: 'review', when: isFound, run: () => step(1) },
  { name: 'locate.previous', shortcuts: ['['], screen: 'review', when: isFound, run: () => step(-1) },
  { name: 'locate.accept', shortcuts: ['Shift+V'], screen: 'review', when: () => isFound() && lit() !== undefined, run: () => {
    const thing = lit();
    if (!thing) return;
    step(1);
    accept([thing]);
  } },
  { name: 'locate.acceptAll', shortcuts: [], screen: 'review', when: isFound, run: () => accept(shownThings(locating.get())) },
  { name: 'locate.panel', shortcuts: [], screen: 'review', when: isHere, run: () => openPanel(!locating.get().isOpen) },
];

export const locateActionStrings: Readonly<Record<string, string>> = {
  'locate.stop': 'Stop the search', 'locate.more': 'Find more like this: the selected drawing, or the boxes on this image', 'locate.moreHere': 'Find more like this on this image alone', 'locate.like': 'Add what is drawn to the examples',
  'locate.unlike': 'What is drawn is not meant', 'locate.say': 'Say what is to be found', 'locate.next': 'Next thing found', 'locate.previous': 'Previous thing found', 'locate.accept': 'Accept what was found as a drawing',
  'locate.acceptAll': 'Accept everything that is shown as found', 'locate.panel': 'More like this: show or hide',
};
