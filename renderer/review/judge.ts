/** The gestures of judging: each is on the disk before the next, and each can be undone. */
import type { Judged, Judgement } from '#electron/contract/curate.ts';
import type { Trace } from '#electron/contract/review.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { did } from '#renderer/workstation/history.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { drawings } from '#renderer/viewports/drawings.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { initialJudging, judgeableCount, judgedAt, judgedMarks, reduceJudging, withBox, withVerdict, type JudgedMark } from './judging.ts';
import { currentOf, judgeables, locatedMarks, nextOpenOf, ownerOf, type Judgeable } from './located.ts';
import { pickedPlace, review } from './review.ts';
import { currentTrace, placeOf } from './state.ts';

export const judging = createStore(reduceJudging, initialJudging);

/** Once, when the page starts. */
export function startJudging(): void {
  subscribe('curate.changed', ({ items }) => judging.dispatch({ type: 'items', items }));
  let loaded: string | null = null;
  review.subscribe(() => {
    const { studyId } = review.get();
    if (studyId === null || studyId === loaded) return;
    loaded = studyId;
    void call('curate.judgements', { studyId }).then((all) => judging.dispatch({ type: 'loaded', ...all }), tellFault);
  });
  navigation.subscribe(turnToSentence);
  review.subscribe(turnToSentence);
  pickedPlace.get = pickedNow;
}

/** The selected drawing, else the chosen or lit mark. */
function pickedNow(): ReturnType<typeof pickedPlace.get> {
  const { all, selectedId } = drawings.get();
  const drawing = all.find(({ annotation }) => annotation.id === selectedId)?.annotation;
  if (drawing) {
    const [xs, ys] = [drawing.points.map(({ x }) => x), drawing.points.map(({ y }) => y)];
    const box = { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs), y2: Math.max(...ys) };
    return { frameId: drawing.frameId, box };
  }
  const trace = shown();
  const id = litBox();
  const mark = trace && id !== null ? shownMarks().find((one) => one.id === id) : undefined;
  return mark ? { frameId: mark.frameId, box: mark.box } : null;
}

/** Another screen named a sentence: here it becomes the current one, as soon as its answer is there. */
function turnToSentence(): void {
  const { screen, sentence } = navigation.get();
  if (screen !== 'review' || sentence === null) return;
  const at = review.get().traces.findIndex(({ id }) => id === sentence.traceId);
  const trace = review.get().traces[at];
  if (!trace) return;
  goTo({ sentence: null });
  review.dispatch({ type: 'trace', at });
  // After the answer was drawn.
  requestAnimationFrame(() => moveTo(trace, sentence.at));
}

// Writings follow each other: an undo must not overtake what it undoes.
let last: Promise<unknown> = Promise.resolve();
function write(traceId: string, value: Judgement | null, what: string, how: 'done' | 'undone' | 'redone'): void {
  judging.dispatch({ type: 'judgement', traceId, value });
  last = last.then(() => call('curate.change', { what, how, items: [{ kind: 'judgement', id: traceId, value }] })).catch(tellFault);
}

/** One gesture about a trace. */
function gesture(trace: Trace, what: string, next: (judgement: Judgement | undefined) => Judgement): void {
  const before = judging.get().judgements[trace.id] ?? null;
  const after = next(before ?? undefined);
  write(trace.id, after, what, 'done');
  did({ undo: () => write(trace.id, before, what, 'undone'), redo: () => write(trace.id, after, what, 'redone') });
}

const nameOf = (trace: Trace, at: number): string => (at < trace.steps.length ? `step ${at + 1}` : 'answer');

/** The same verdict again takes it back. */
export function judge(trace: Trace, at: number, verdict: 'accepted' | 'rejected'): void {
  const known = judgedAt(judging.get().judgements[trace.id], trace, at);
  const isSame = known?.verdict === verdict;
  gesture(trace, `${isSame ? 'Verdict taken back' : verdict === 'accepted' ? 'Accepted' : 'Rejected'}: ${nameOf(trace, at)}`, (judgement) => withVerdict(judgement, trace, at, isSame ? null : { verdict, text: null }));
  if (!isSame) moveOn(trace, at);
}

export function reword(trace: Trace, at: number, said: string): void {
  judging.dispatch({ type: 'editDone' });
  const original = at < trace.steps.length ? trace.steps[at]?.text : trace.answer;
  const words = said.trim();
  if (words === '' || words === judgedAt(judging.get().judgements[trace.id], trace, at)?.text) return;
  const verdict: Judged = words === original ? { verdict: 'accepted', text: null } : { verdict: 'edited', text: words };
  gesture(trace, `Edited: ${nameOf(trace, at)}`, (judgement) => withVerdict(judgement, trace, at, verdict));
}

/** The box may be one of a second question about the answer: it is judged there. */
export function moveBox(trace: Trace, id: string, box: Box | null): void {
  const owner = ownerOf(review.get().traces, trace, id);
  gesture(owner.trace, box ? 'Box moved' : 'Box removed', (judgement) => withBox(judgement, owner.trace, owner.id, box));
}

export function addBox(shownTrace: Trace, frameId: string, box: Box): void {
  const { trace, at } = currentOf(judging.get(), review.get().traces, shownTrace);
  const step = at < trace.steps.length ? at : null;
  const judgement = judging.get().judgements[trace.id];
  const marks = judgedMarks(trace, judgement);
  const label = (step === null ? undefined : marks.find(({ steps }) => steps.includes(step)))?.label ?? marks[0]?.label ?? trace.findings[0]?.label ?? 'finding';
  judging.dispatch({ type: 'draw', isDrawing: false });
  gesture(trace, 'Box drawn', (known) => ({ ...withVerdict(known, trace, -1, null), added: [...known?.added ?? [], { id: crypto.randomUUID(), frameId, step, label, box }] }));
}

/** A training case of what is current: one gesture. Whoever has said nothing of it yet has accepted it by this. */
export async function makeCase(trace: Trace, at: number): Promise<void> {
  if (!judgedAt(judging.get().judgements[trace.id], trace, at)) gesture(trace, `Accepted: ${nameOf(trace, at)}`, (judgement) => withVerdict(judgement, trace, at, { verdict: 'accepted', text: null }));
  try {
    await last;
    const made = await call('curate.capture', { traceId: trace.id, step: at < trace.steps.length ? at : null });
    const items = [{ kind: 'case', id: made.id, value: made }] as const;
    judging.dispatch({ type: 'items', items });
    const set = (value: typeof made | null, how: 'undone' | 'redone') => (): void => void call('curate.change', { what: `Training case from ${made.target}`, how, items: [{ kind: 'case', id: made.id, value }] }).catch(tellFault);
    did({ undo: set(null, 'undone'), redo: set(made, 'redone') });
    const held = made.concerns.filter(({ isReleased }) => !isReleased);
    tell({ tone: held.length > 0 ? 'warning' : 'good', text: held.length > 0 ? text('judge.withheld', { why: held[0]?.detail }) : text('judge.made', { question: made.question }), undo: set(null, 'undone') });
    moveOn(trace, at);
  } catch (thrown) {
    tellFault(thrown);
  }
}

/** To what waits for a verdict next. */
function moveOn(trace: Trace, at: number): void {
  const whole = shown();
  if (!whole) return;
  const next = nextOpenOf(judging.get(), review.get().traces, whole, { trace, at });
  moveTo(next.trace, next.at);
}

/** What a second question found is lit with the step that it is about. */
function moveToSecond(second: Trace): void {
  judging.dispatch({ type: 'current', traceId: second.id, at: second.steps.length });
  review.dispatch({ type: 'lit', lit: { kind: 'step', step: second.origin?.step ?? 0 } });
  document.getElementById(`second-${second.id}`)?.scrollIntoView({ block: 'nearest' });
}

export function moveTo(trace: Trace, at: number): void {
  if (trace.origin) return moveToSecond(trace);
  const bounded = Math.min(judgeableCount(trace) - 1, Math.max(0, at));
  judging.dispatch({ type: 'current', traceId: trace.id, at: bounded });
  if (bounded < trace.steps.length) review.dispatch({ type: 'lit', lit: { kind: 'step', step: bounded } });
  else review.dispatch({ type: 'lit', lit: null });
  document.getElementById(bounded < trace.steps.length ? `step-${bounded}` : 'judged-answer')?.scrollIntoView({ block: 'nearest' });
}

const shown = (): Trace | null => (review.get().asking ? null : currentTrace(review.get()) ?? null);
const isHere = (): boolean => {
  const trace = navigation.get().screen === 'review' ? shown() : null;
  return trace !== null && judgeableCount(trace) > 0;
};
const current = (): Judgeable | null => {
  const trace = shown();
  return trace && currentOf(judging.get(), review.get().traces, trace);
};
const onCurrent = (deed: (trace: Trace, at: number) => void) => (): void => {
  const now = current();
  if (now) deed(now.trace, now.at);
};
const step = (by: 1 | -1) => (): void => {
  const [trace, now] = [shown(), current()];
  if (!trace || !now) return;
  const all = judgeables(review.get().traces, trace);
  const next = all[all.findIndex((one) => one.trace === now.trace && one.at === now.at) + by];
  if (next) moveTo(next.trace, next.at);
};
/** A second question's answer is boxes: what is put otherwise is where they lie. */
export function edit(trace: Trace, at: number): void {
  if (!trace.origin) judging.dispatch({ type: 'edit', traceId: trace.id, at });
  else {
    moveToSecond(trace);
    chooseBox(1);
  }
}

/** The marks of the shown answer as they were judged, those of its second questions too. */
function shownMarks(): readonly JudgedMark[] {
  const trace = shown();
  const { judgements } = judging.get();
  return trace ? [...judgedMarks(trace, judgements[trace.id]), ...locatedMarks(review.get().traces, trace.id, judgements)] : [];
}

/** Handles on the next box of what is current, where it has any; else of the whole answer. */
function chooseBox(by: 1): void {
  const [trace, now] = [shown(), current()];
  if (!trace || !now) return;
  const marks = shownMarks();
  const own = marks.filter(({ id, steps }) => (now.trace.origin ? ownerOf(review.get().traces, trace, id).trace === now.trace : steps.includes(now.at)));
  const among = own.length > 0 ? own : marks;
  const chosen = among[(among.findIndex(({ id }) => id === judging.get().boxId) + by) % Math.max(1, among.length)];
  judging.dispatch({ type: 'box', id: chosen?.id ?? null });
  const place = chosen && review.get().detail ? placeOf(review.get().detail as NonNullable<ReturnType<typeof review.get>['detail']>, chosen.frameId) : null;
  if (!place) return;
  review.dispatch({ type: 'series', at: place.seriesAt });
  review.dispatch({ type: 'frame', at: place.frameAt });
}

/** The chosen box moved by a little, or its lower right corner: what a drag does. It stays within its image. */
const nudge = (dx: number, dy: number, isSize: boolean) => (): void => {
  const trace = shown();
  const mark = shownMarks().find(({ id }) => id === judging.get().boxId);
  const series = review.get().detail?.series.find(({ frames }) => frames.some(({ id }) => id === mark?.frameId));
  const frame = series?.frames.find(({ id }) => id === mark?.frameId);
  const [width, height] = [series?.slide?.width ?? frame?.columns, series?.slide?.height ?? frame?.rows];
  if (!trace || !mark || width === undefined || height === undefined) return;
  const by = Math.max(1, Math.round(Math.max(width, height) / 200));
  const { x1, y1, x2, y2 } = mark.box;
  const within = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
  const [mx, my] = isSize ? [0, 0] : [within(dx * by, -x1, width - x2), within(dy * by, -y1, height - y2)];
  const box = isSize ? { x1, y1, x2: within(x2 + dx * by, x1 + by, width), y2: within(y2 + dy * by, y1 + by, height) } : { x1: x1 + mx, y1: y1 + my, x2: x2 + mx, y2: y2 + my };
  moveBox(trace, mark.id, box);
};
const ways = [['Left', -1, 0], ['Right', 1, 0], ['Up', 0, -1], ['Down', 0, 1]] as const;
const hasBox = (): boolean => isHere() && judging.get().boxId !== null;
const litBox = (): string | null => {
  const { lit } = review.get();
  return lit?.kind === 'mark' ? lit.id : judging.get().boxId;
};

export const judgeActions: readonly Action[] = [
  { name: 'judge.letGo', shortcuts: ['Escape'], screen: 'review', isKeyOnly: true, when: () => isHere() && (judging.get().boxId !== null || judging.get().isDrawing), run: () => {
    judging.dispatch({ type: 'box', id: null });
    judging.dispatch({ type: 'draw', isDrawing: false });
  } },
  { name: 'judge.next', shortcuts: ['J'], screen: 'review', when: isHere, run: step(1) },
  { name: 'judge.previous', shortcuts: ['K'], screen: 'review', when: isHere, run: step(-1) },
  { name: 'judge.accept', shortcuts: ['Enter'], screen: 'review', when: isHere, run: onCurrent((trace, at) => judge(trace, at, 'accepted')) },
  { name: 'judge.reject', shortcuts: ['X'], screen: 'review', when: isHere, run: onCurrent((trace, at) => judge(trace, at, 'rejected')) },
  { name: 'judge.edit', shortcuts: ['E'], screen: 'review', when: isHere, run: onCurrent(edit) },
  { name: 'judge.case', shortcuts: ['Shift+Enter'], screen: 'review', when: isHere, run: onCurrent((trace, at) => void makeCase(trace, at)) },
  { name: 'judge.box', shortcuts: ['Shift+O'], screen: 'review', when: () => isHere() && shownMarks().length > 0, run: () => chooseBox(1) },
  ...ways.flatMap(([way, dx, dy]): readonly Action[] => [
    { name: `judge.move${way}`, shortcuts: [`Mod+Arrow${way}`], screen: 'review', isKeyOnly: true, when: hasBox, run: nudge(dx, dy, false) },
    { name: `judge.size${way}`, shortcuts: [`Mod+Shift+Arrow${way}`], screen: 'review', isKeyOnly: true, when: hasBox, run: nudge(dx, dy, true) },
  ]),
  { name: 'judge.draw', shortcuts: ['Shift+B'], screen: 'review', when: isHere, run: () => judging.dispatch({ type: 'draw', isDrawing: !judging.get().isDrawing }) },
  { name: 'judge.removeBox', shortcuts: ['Shift+X'], screen: 'review', when: () => isHere() && litBox() !== null, run: () => {
    const [trace, id] = [shown(), litBox()];
    if (trace && id !== null) moveBox(trace, id, null);
  } },
];

export const judgeActionStrings: Readonly<Record<string, string>> = {
  'judge.letGo': 'Judge: let the box go', 'judge.next': 'Judge: next step', 'judge.previous': 'Judge: previous step', 'judge.accept': 'Judge: accept', 'judge.reject': 'Judge: reject', 'judge.edit': 'Judge: put it otherwise', 'judge.case': 'Judge: make a training case of it',
  'judge.box': 'Judge: choose the next box', ...Object.fromEntries(ways.flatMap(([way]) => [[`judge.move${way}`, `Judge: move the box ${way.toLowerCase()}`], [`judge.size${way}`, `Judge: move the box's lower right corner ${way.toLowerCase()}`]])),
  'judge.draw': 'Judge: draw a box', 'judge.removeBox': 'Judge: remove the box under the pointer',
};

/** English of judging. */
export const judgeStrings = {
  accept: 'Accept', reject: 'Reject', edit: 'Edit', makeCase: 'Training case', verdict: { accepted: 'Accepted', edited: 'Edited', rejected: 'Rejected' }, answer: 'Answer',
  save: 'Keep', cancel: 'Cancel', original: 'The model wrote: {{text}}', isCase: 'In the dataset', isHeld: 'Withheld', progress: '{{done}} of {{count}} judged', drawing: 'Drag on the image to draw a box', draw: 'Draw a box',
  made: 'Training case: {{question}}', withheld: 'Training case, withheld: {{why}}', moved: 'Moved by you', removed_one: '{{count}} box of the model removed', removed_other: '{{count}} boxes of the model removed', restore: 'Bring back', editor: 'Your wording',
} as const;
