/** What the window of signs of alteration knows, and how it changes. */
import type { EvidenceName, IntegrityCheck } from '#electron/contract/integrity.ts';
import type { AskedView } from '#electron/contract/review.ts';
import type { FaultFields } from '#models/base/fault.ts';

/** What is to be looked at. */
export interface Subject {
  readonly studyId: string;
  readonly view: AskedView;
}

export interface IntegrityState {
  readonly isOpen: boolean;
  readonly subject: Subject | null;
  /** Of the study, newest first. */
  readonly checks: readonly IntegrityCheck[];
  readonly running: { readonly checkId: string; readonly done: number; readonly total: number } | null;
  readonly map: EvidenceName | null;
  readonly fault: FaultFields | null;
}

export const nothingChecked: IntegrityState = { isOpen: false, subject: null, checks: [], running: null, map: 'learnt', fault: null };

export type IntegrityChange =
  | { readonly type: 'open'; readonly subject: Subject }
  | { readonly type: 'close' }
  | { readonly type: 'loaded'; readonly studyId: string; readonly checks: readonly IntegrityCheck[] }
  | { readonly type: 'begin'; readonly checkId: string }
  | { readonly type: 'progress'; readonly checkId: string; readonly done: number; readonly total: number }
  | { readonly type: 'found'; readonly check: IntegrityCheck }
  | { readonly type: 'ended'; readonly fault: FaultFields | null }
  | { readonly type: 'map'; readonly map: EvidenceName | null };

export function reduceIntegrity(state: IntegrityState, change: IntegrityChange): IntegrityState {
  switch (change.type) {
    case 'open': return { ...state, isOpen: true, subject: change.subject, checks: change.subject.studyId === state.subject?.studyId ? state.checks : [], fault: null };
    case 'close': return { ...state, isOpen: false };
    case 'loaded': return change.studyId === state.subject?.studyId ? { ...state, checks: change.checks } : state;
    case 'begin': return { ...state, running: { checkId: change.checkId, done: 0, total: 0 }, fault: null };
    case 'progress': return state.running?.checkId === change.checkId ? { ...state, running: { checkId: change.checkId, done: change.done, total: change.total } } : state;
    case 'found': return change.check.studyId === state.subject?.studyId ? { ...state, checks: [change.check, ...state.checks] } : state;
    case 'ended': return { ...state, running: null, fault: change.fault };
    case 'map': return { ...state, map: change.map };
  }
}

/** The same part of the same image; the window in which it is shown aside. */
const placeOf = (view: AskedView): string => JSON.stringify(view.kind === 'frame' ? view.frameId : [view.slideId, view.region]);

/** The newest check of what the window is about. */
export const currentCheck = ({ subject, checks }: Pick<IntegrityState, 'subject' | 'checks'>): IntegrityCheck | undefined => (subject ? checks.find(({ view }) => placeOf(view) === placeOf(subject.view)) : undefined);

/** Signs are sought on the image as a whole: a frame's region and marks are left out. */
export const wholeView = (view: AskedView): AskedView => (view.kind === 'frame' ? { kind: 'frame', frameId: view.frameId, window: view.window } : { kind: 'slide', slideId: view.slideId, region: view.region });

/** The values of a map; none where they are damaged. */
export function valuesOf(check: Pick<IntegrityCheck, 'evidence' | 'columns' | 'rows'>, name: EvidenceName): Uint8Array | null {
  const values = check.evidence.find((grid) => grid.name === name)?.values;
  if (values === undefined) return null;
  const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
  return bytes.length === check.columns * check.rows ? bytes : null;
}
