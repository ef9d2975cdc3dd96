/** What is drawn on images: the store, its gestures as deeds that can be undone, and the way to the disk after each. */
import type { AnnotationChange } from '#electron/contract/annotations.ts';
import type { Annotation, AnnotationKind } from '#models/clinical/annotation.ts';
import type { Point } from '#models/imaging/coordinates.ts';
import { call } from '#renderer/workstation/call.ts';
import { did } from '#renderer/workstation/history.ts';
import { tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';

/** What is drawn with the pointer; a key image is marked by a key. */
export type DrawnKind = Exclude<AnnotationKind, 'key'>;

/** What the left button does. */
export type Tool = 'window' | 'pan' | 'zoom' | 'crosshair' | DrawnKind;

export interface Drawing {
  readonly studyId: string;
  readonly annotation: Annotation;
}

export interface Drawings {
  readonly all: readonly Drawing[];
  readonly selectedId: string | null;
  readonly tool: Tool;
  readonly areShown: boolean;
}

/** One drawing before and after; null where there was none. */
export interface Step {
  readonly before: Drawing | null;
  readonly after: Drawing | null;
}

export type DrawingsChange =
  | { readonly type: 'loaded'; readonly studyId: string; readonly annotations: readonly Annotation[] }
  | { readonly type: 'steps'; readonly steps: readonly Step[] }
  | { readonly type: 'select'; readonly id: string | null }
  | { readonly type: 'tool'; readonly tool: Tool }
  | { readonly type: 'shown'; readonly areShown: boolean };

export const noDrawings: Drawings = { all: [], selectedId: null, tool: 'window', areShown: true };

export function reduceDrawings(state: Drawings, change: DrawingsChange): Drawings {
  switch (change.type) {
    case 'loaded': return { ...state, all: [...state.all.filter(({ studyId }) => studyId !== change.studyId), ...change.annotations.map((annotation) => ({ studyId: change.studyId, annotation }))] };
    case 'steps': {
      const all = [...state.all];
      for (const { before, after } of change.steps) {
        const at = all.findIndex(({ annotation }) => annotation.id === (before ?? after)?.annotation.id);
        if (at < 0 && after) all.push(after);
        else if (at >= 0 && after) all[at] = after;
        else if (at >= 0) all.splice(at, 1);
      }
      const isSelectedGone = state.selectedId !== null && !all.some(({ annotation }) => annotation.id === state.selectedId);
      return { ...state, all, selectedId: isSelectedGone ? null : state.selectedId };
    }
    case 'select': return state.selectedId === change.id ? state : { ...state, selectedId: change.id };
    case 'tool': return { ...state, tool: change.tool, areShown: true };
    case 'shown': return { ...state, areShown: change.areShown };
  }
}

/** The same steps backwards. */
export const reversed = (steps: readonly Step[]): readonly Step[] => steps.map(({ before, after }) => ({ before: after, after: before })).reverse();

/** What the disk is told of steps, by study. */
export function changesOf(steps: readonly Step[]): ReadonlyMap<string, readonly AnnotationChange[]> {
  const changes = new Map<string, AnnotationChange[]>();
  for (const { before, after } of steps) {
    const drawing = after ?? before;
    if (!drawing) continue;
    const own = changes.get(drawing.studyId) ?? [];
    own.push(after ? { kind: 'put', annotation: after.annotation } : { kind: 'drop', id: drawing.annotation.id });
    changes.set(drawing.studyId, own);
  }
  return changes;
}

export const drawings = createStore(reduceDrawings, noDrawings);

export async function loadDrawings(studyId: string): Promise<void> {
  try {
    drawings.dispatch({ type: 'loaded', studyId, annotations: await call('annotations.list', { studyId }) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

/** One after the other, in the order of the gestures. */
let saving: Promise<unknown> = Promise.resolve();

function apply(steps: readonly Step[]): void {
  drawings.dispatch({ type: 'steps', steps });
  for (const [studyId, changes] of changesOf(steps)) saving = saving.then(() => call('annotations.change', { studyId, changes: [...changes] })).catch(tellFault);
}

/** Does steps and writes them down; whoever calls takes note of how they are undone. */
export function putDrawings(steps: readonly Step[]): void {
  if (steps.length > 0) apply(steps);
}

/** Does steps, takes note of them, and writes them down. */
export function draw(steps: readonly Step[]): void {
  if (steps.length === 0) return;
  apply(steps);
  did({ undo: () => apply(reversed(steps)), redo: () => apply(steps) });
}

/** Easy to see on grey and on stained tissue, and none of the colours of the model's marks. */
export const drawingColours = ['#ffe45c', '#5ce1ff', '#ff8ad0', '#8dff7a', '#ffb06b', '#f4f7fa'] as const;

export function newDrawing(studyId: string, frameId: string, kind: AnnotationKind, points: readonly Point[], text = ''): Drawing {
  return {
    studyId,
    annotation: {
      id: crypto.randomUUID(), frameId, kind, points: points.map(({ x, y }) => ({ x, y })), text, colour: drawingColours[0], isLocked: false, isHidden: false, millimetres: null,
      changedAt: new Date().toISOString(),
    },
  };
}

/** The drawing changed; what is locked changes in nothing but its lock. */
export function change(drawing: Drawing, next: Partial<Annotation>): void {
  if (drawing.annotation.isLocked && next.isLocked !== false && !('isHidden' in next)) return;
  draw([{ before: drawing, after: { ...drawing, annotation: { ...drawing.annotation, ...next, changedAt: new Date().toISOString() } } }]);
}

export function drop(id: string | null): void {
  const drawing = drawings.get().all.find(({ annotation }) => annotation.id === id);
  if (drawing && !drawing.annotation.isLocked) draw([{ before: drawing, after: null }]);
}

export const isDrawingTool = (tool: Tool): tool is DrawnKind => !['window', 'pan', 'zoom', 'crosshair'].includes(tool);

export const keyOf = (all: readonly Drawing[], frameId: string): Drawing | undefined => all.find(({ annotation }) => annotation.kind === 'key' && annotation.frameId === frameId);

/** Marks an image as a key image, or takes the mark away. */
export function toggleKey(studyId: string, frameId: string, size: { readonly columns: number; readonly rows: number }): void {
  const known = keyOf(drawings.get().all, frameId);
  if (known) drop(known.annotation.id);
  else draw([{ before: null, after: newDrawing(studyId, frameId, 'key', [{ x: size.columns / 2, y: size.rows / 2 }]) }]);
}

/** Millimetres for one pixel as a calibration on this frame says; the latest counts, null without any. */
export function calibrationOf(all: readonly Drawing[], frameId: string, aspect: number): number | null {
  const line = all.findLast(({ annotation }) => annotation.frameId === frameId && annotation.kind === 'calibration' && annotation.millimetres !== null)?.annotation;
  const [from, to] = line?.points ?? [];
  if (!line?.millimetres || !from || !to) return null;
  const length = Math.hypot(to.x - from.x, (to.y - from.y) * aspect);
  return length > 0 ? line.millimetres / length : null;
}
