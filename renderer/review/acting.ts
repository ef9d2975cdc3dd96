/** Steps that somebody else takes under the reader's eye: what was done, what was taken back, how it ended. Pure. */
import type { ActLog, ActStep } from '#models/viewer/log.ts';

export interface Acting {
  /** With its steps, those taken back among them. */
  readonly log: ActLog;
  /** Steps from this one on were taken back; their number where none was. */
  readonly standing: number;
  readonly isRunning: boolean;
  /** The list was closed; its steps can still be taken back. */
  readonly isHidden: boolean;
  /** The model is deciding. */
  readonly isThinking: boolean;
  /** Why it ended before its end, in words. */
  readonly note: { readonly what: string; readonly why: string } | null;
  /** What a replay did not find as its log says, by the step's number from 1. */
  readonly differences: readonly { readonly step: number; readonly why: string }[];
}

export type ActingChange =
  | { readonly type: 'begun'; readonly log: ActLog }
  | { readonly type: 'thinking'; readonly isThinking: boolean }
  | { readonly type: 'stepped'; readonly step: ActStep }
  | { readonly type: 'differs'; readonly step: number; readonly why: string }
  | { readonly type: 'stands'; readonly standing: number }
  | { readonly type: 'ended'; readonly end: ActLog['end']; readonly note?: Acting['note'] }
  | { readonly type: 'put away' };

export function reduceActing(state: Acting | null, change: ActingChange): Acting | null {
  if (change.type === 'begun') return { log: change.log, standing: 0, isRunning: true, isHidden: false, isThinking: false, note: null, differences: [] };
  if (!state) return state;
  switch (change.type) {
    case 'thinking': return { ...state, isThinking: change.isThinking };
    case 'stepped': return { ...state, log: { ...state.log, steps: [...state.log.steps, change.step] }, standing: state.log.steps.length + 1 };
    case 'differs': return { ...state, differences: [...state.differences, { step: change.step, why: change.why }] };
    case 'stands': return { ...state, isHidden: false, standing: Math.max(0, Math.min(state.log.steps.length, change.standing)) };
    case 'ended': return state.isRunning ? { ...state, isRunning: false, isThinking: false, note: change.note ?? null, log: { ...state.log, end: change.end } } : state;
    case 'put away': return state.isRunning ? state : { ...state, isHidden: true };
  }
}

/** The state after so many steps; refused ones change nothing. */
export const stateAfter = ({ start, steps }: Pick<ActLog, 'start' | 'steps'>, count: number): ActLog['start'] =>
  steps.slice(0, count).findLast(({ after }) => after !== null)?.after ?? start;
