/** What the audit screen knows, and how it changes. */
import type { AuditChanges, AuditEntry, AuditFilter, AuditKey, AuditState, AuditVerdict } from '#electron/contract/audit.ts';

/** Within which time: since midnight, so many days, all of it, or from one day to another. */
export const spans = ['all', 'today', 'week', 'month', 'own'] as const;
export type Span = (typeof spans)[number];

export interface Filter {
  readonly kinds: readonly string[];
  readonly studyId: string | null;
  readonly span: Span;
  /** Days as `2026-11-20`, of the span `own`; both belong to it. */
  readonly from: string;
  readonly to: string;
}

export interface AuditScreenState {
  readonly isLoaded: boolean;
  readonly fault: { readonly what: string; readonly why: string; readonly mend: string } | null;
  readonly state: AuditState | null;
  readonly keys: readonly AuditKey[];
  readonly filter: Filter;
  /** The latest first. */
  readonly entries: readonly AuditEntry[];
  readonly matching: number;
  readonly next: number | null;
  readonly isFetching: boolean;
  readonly selectedSeq: number | null;
  readonly verifying: { readonly done: number; readonly of: number } | null;
  readonly verdict: AuditVerdict | null;
  readonly verifyFault: AuditScreenState['fault'];
  /** A moment as an input of date and time writes it: `2026-11-20T09:00`; and what was done since. */
  readonly since: string;
  readonly changes: AuditChanges | null;
  readonly checkpoint: { readonly note: string; readonly size: number } | null;
  readonly dialog: 'keys' | 'checkpoint' | 'open' | null;
  readonly opening: { readonly isBusy: boolean; readonly fault: AuditScreenState['fault'] };
}

export type AuditScreenChange =
  | { readonly type: 'loaded'; readonly state: AuditState; readonly keys: readonly AuditKey[] }
  | { readonly type: 'failed'; readonly fault: AuditScreenState['fault'] }
  | { readonly type: 'filter'; readonly change: Partial<Filter> }
  | { readonly type: 'fetching' }
  | { readonly type: 'fetched'; readonly isMore: boolean; readonly entries: readonly AuditEntry[]; readonly next: number | null; readonly matching: number }
  | { readonly type: 'select'; readonly seq: number | null }
  | { readonly type: 'move'; readonly by: number }
  | { readonly type: 'verifying'; readonly done: number; readonly of: number }
  | { readonly type: 'verified'; readonly verdict: AuditVerdict }
  | { readonly type: 'unverified'; readonly fault: AuditScreenState['fault'] }
  | { readonly type: 'since'; readonly since: string }
  | { readonly type: 'changes'; readonly changes: AuditChanges | null }
  | { readonly type: 'checkpoint'; readonly checkpoint: AuditScreenState['checkpoint'] }
  | { readonly type: 'dialog'; readonly dialog: AuditScreenState['dialog'] }
  | { readonly type: 'opening'; readonly isBusy: boolean; readonly fault: AuditScreenState['fault'] };

export const noFilter: Filter = { kinds: [], studyId: null, span: 'all', from: '', to: '' };

export const initialAudit: AuditScreenState = {
  isLoaded: false, fault: null, state: null, keys: [], filter: noFilter, entries: [], matching: 0, next: null, isFetching: false, selectedSeq: null, verifying: null, verdict: null, verifyFault: null, since: '', changes: null,
  checkpoint: null, dialog: null, opening: { isBusy: false, fault: null },
};

export function reduceAudit(state: AuditScreenState, change: AuditScreenChange): AuditScreenState {
  switch (change.type) {
    case 'loaded': return { ...state, isLoaded: true, fault: null, state: change.state, keys: change.keys };
    case 'failed': return { ...state, isLoaded: true, fault: change.fault, isFetching: false };
    case 'filter': return { ...state, filter: { ...state.filter, ...change.change }, entries: [], next: null, matching: 0, isFetching: true };
    case 'fetching': return { ...state, isFetching: true };
    case 'fetched': {
      const known = new Set(change.isMore ? state.entries.map(({ seq }) => seq) : []);
      const entries = change.isMore ? [...state.entries, ...change.entries.filter(({ seq }) => !known.has(seq))] : change.entries;
      const isKept = entries.some(({ seq }) => seq === state.selectedSeq);
      return { ...state, entries, next: change.next, matching: change.matching, isFetching: false, selectedSeq: isKept ? state.selectedSeq : entries[0]?.seq ?? null };
    }
    case 'select': return { ...state, selectedSeq: change.seq };
    case 'move': {
      const at = state.entries.findIndex(({ seq }) => seq === state.selectedSeq);
      const seq = state.entries[Math.min(state.entries.length - 1, Math.max(0, at + change.by))]?.seq ?? null;
      return seq === state.selectedSeq ? state : { ...state, selectedSeq: seq };
    }
    case 'verifying': return { ...state, verifying: { done: change.done, of: change.of }, verdict: null, verifyFault: null };
    case 'verified': return { ...state, verifying: null, verdict: change.verdict, verifyFault: null };
    case 'unverified': return { ...state, verifying: null, verifyFault: change.fault };
    case 'since': return { ...state, since: change.since, changes: null };
    case 'changes': return { ...state, changes: change.changes };
    case 'checkpoint': return { ...state, checkpoint: change.checkpoint, dialog: change.checkpoint ? 'checkpoint' : state.dialog };
    case 'dialog': return { ...state, dialog: change.dialog, opening: { isBusy: false, fault: null } };
    case 'opening': return { ...state, opening: { isBusy: change.isBusy, fault: change.fault } };
  }
}

const midnight = (day: Date): Date => new Date(day.getFullYear(), day.getMonth(), day.getDate());
const daysBefore = (day: Date, days: number): Date => new Date(day.getFullYear(), day.getMonth(), day.getDate() - days);
const dayOf = (text: string): Date | null => (/^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00`) : null);

/** The filter in the journal's words: moments in UTC, the end not included. @param now  the local time from which spans count */
export function wiredFilter({ kinds, studyId, span, from, to }: Filter, now: Date): AuditFilter {
  const start = span === 'today' ? midnight(now) : span === 'week' ? daysBefore(now, 6) : span === 'month' ? daysBefore(now, 29) : span === 'own' ? dayOf(from) : null;
  const last = span === 'own' ? dayOf(to) : null;
  const end = last && daysBefore(last, -1);
  return { kinds: [...kinds], studyId, from: start?.toISOString() ?? null, to: end?.toISOString() ?? null };
}

/** The kind taken into the filter, or out of it. */
export const toggled = (kinds: readonly string[], kind: string): readonly string[] => (kinds.includes(kind) ? kinds.filter((one) => one !== kind) : [...kinds, kind]);

/** Where an entry leads to: the report it is about, its study, or nowhere. */
export function targetOf({ kind, subject, studies }: Pick<AuditEntry, 'kind' | 'subject' | 'studies'>): { readonly screen: 'report' | 'review'; readonly studyId: string | null; readonly reportId: string | null } | null {
  const studyId = studies[0]?.id ?? null;
  const { report } = subject;
  if (report !== undefined && (kind === 'sign' || kind === 'export' || kind === 'edit' || kind === 'failed' || studyId === null)) return { screen: 'report', studyId, reportId: report };
  return studyId === null ? null : { screen: 'review', studyId, reportId: null };
}

/** What the body says in one line: the method, then numbers and codes, hashes cut short. The argument is only a digest, which says nothing to people. */
export function briefly(body: string): string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return body.slice(0, 120);
  }
  if (typeof value !== 'object' || value === null) return '';
  const { method, argument: _argument, ...others } = value as Readonly<Record<string, unknown>>;
  return Object.entries({ ...(method === undefined ? {} : { method }), ...others }).flatMap(([name, what]): string[] => {
    if (typeof what === 'string') return [name === 'method' && what.includes('.') ? what : `${name} ${/^[0-9a-f]{24,}$/.test(what) ? `${what.slice(0, 8)}…` : what.slice(0, 40)}`];
    return typeof what === 'number' || typeof what === 'boolean' ? [`${name} ${what}`] : [];
  }).join(' · ');
}

/** Days with their entries, in the order in which they stand. */
export function byDay<E extends { readonly at: string }>(entries: readonly E[]): readonly { readonly day: string; readonly entries: readonly E[] }[] {
  const days = new Map<string, E[]>();
  for (const entry of entries) {
    const date = new Date(entry.at);
    const day = `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}-${String(date.getDate()).padStart(2, '0')}`;
    days.set(day, [...days.get(day) ?? [], entry]);
  }
  return [...days].map(([day, own]) => ({ day, entries: own }));
}

/** Passphrases that a key is made with have at least so many signs. */
export const leastPassphrase = 10;

/** Whether a passphrase will do: any that is there for a key that exists, a long one typed twice for a new key. */
export function canOpen(protection: AuditState['protection'], passphrase: string, again: string): boolean {
  if (protection === 'system') return true;
  return protection === 'none' ? passphrase.length >= leastPassphrase && passphrase === again : passphrase !== '';
}
