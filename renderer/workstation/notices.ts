/** Short messages at the edge of the window: something was done and can be undone, or something failed and says how to mend it. */
import type { FaultFields } from '#models/base/fault.ts';
import { Fault } from '#models/base/fault.ts';
import { createStore } from './store.ts';

export interface Notice {
  readonly id: number;
  readonly tone: 'plain' | 'good' | 'warning' | 'bad';
  readonly text: string;
  readonly detail?: string;
  /** A fault stays until it is put away. */
  readonly fault?: FaultFields;
  readonly undo?: () => void;
}

type Change = { readonly add: Notice } | { readonly drop: number };

export const notices = createStore<readonly Notice[], Change>(
  (list, change) => ('add' in change ? [...list.slice(-4), change.add] : list.filter(({ id }) => id !== change.drop)), [],
);

let next = 1;
const shownMs = 6000;

export function tell(notice: Omit<Notice, 'id'>): void {
  const id = next++;
  notices.dispatch({ add: { ...notice, id } });
  if (!notice.fault) setTimeout(() => notices.dispatch({ drop: id }), notice.undo ? 2 * shownMs : shownMs);
}

/** Shows what was thrown: a fault in its three parts, anything else as the defect it is. */
export function tellFault(thrown: unknown): void {
  const fault = thrown instanceof Fault ? thrown.toJSON()
    : { code: 'internal', what: 'Something went wrong inside Loupe.', why: thrown instanceof Error ? thrown.message : String(thrown), mend: 'This is a defect: report it, please.' };
  tell({ tone: 'bad', text: fault.what, fault });
}
