/** The audit screen's store, what fills it, and what a person can do there. */
import { Fault } from '#models/base/fault.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { initialAudit, noFilter, reduceAudit, targetOf, wiredFilter, type AuditScreenState, type Filter } from './state.ts';

export const audit = createStore(reduceAudit, initialAudit);

/** While the page is shown, milliseconds between looks at whether the journal grew. */
const lookEvery = 3000;

/** Once, when the page starts. */
export function startAuditScreen(): void {
  subscribe('audit.verifying', ({ done, of }) => {
    if (audit.get().verifying) audit.dispatch({ type: 'verifying', done, of });
  });
  let was: string | null = null;
  let beat: ReturnType<typeof setInterval> | undefined;
  navigation.subscribe(() => {
    const { screen } = navigation.get();
    if (screen === was) return;
    // Whoever comes from a study's report wants that study; the filter says so and can be taken away.
    if (screen === 'audit' && was === 'report' && navigation.get().studyId !== null) audit.dispatch({ type: 'filter', change: { ...noFilter, studyId: navigation.get().studyId } });
    was = screen;
    clearInterval(beat);
    if (screen !== 'audit') return;
    void openAudit();
    beat = setInterval(() => void look(), lookEvery);
  });
}

const linesOf = (thrown: unknown, what: string): NonNullable<AuditScreenState['fault']> => (thrown instanceof Fault ? thrown.toJSON() : { what, why: String(thrown), mend: text('audit.openAgain') });

export async function openAudit(): Promise<void> {
  try {
    const [state, keys] = await Promise.all([call('audit.state', null), call('audit.keys', null)]);
    audit.dispatch({ type: 'loaded', state, keys });
    await fetchEntries();
  } catch (thrown) {
    audit.dispatch({ type: 'failed', fault: linesOf(thrown, text('audit.cannotOpen')) });
  }
}

/** What was written since the page was filled comes in by itself. */
async function look(): Promise<void> {
  const { state, isFetching, keys } = audit.get();
  if (!state || isFetching) return;
  const now = await call('audit.state', null).catch(() => null);
  if (!now || (now.size === state.size && now.signed === state.signed)) return;
  audit.dispatch({ type: 'loaded', state: now, keys: now.log === state.log ? keys : await call('audit.keys', null).catch(() => keys) });
  // Who has leafed further is not thrown back to the start.
  if (audit.get().entries.length <= pageSize) await fetchEntries();
}

const pageSize = 200;
let asked = 0;

async function fetchEntries(before: number | null = null): Promise<void> {
  const turn = ++asked;
  audit.dispatch({ type: 'fetching' });
  try {
    const { entries, next, matching } = await call('audit.entries', { ...wiredFilter(audit.get().filter, new Date()), before, limit: pageSize });
    if (turn === asked) audit.dispatch({ type: 'fetched', isMore: before !== null, entries, next, matching });
  } catch (thrown) {
    if (turn === asked) audit.dispatch({ type: 'failed', fault: linesOf(thrown, text('audit.cannotOpen')) });
  }
}

export function filterBy(change: Partial<Filter>): void {
  audit.dispatch({ type: 'filter', change });
  void fetchEntries();
}

export function fetchMore(): void {
  const { next, isFetching } = audit.get();
  if (next !== null && !isFetching) void fetchEntries(next);
}

export async function verify(): Promise<void> {
  if (audit.get().verifying) return;
  audit.dispatch({ type: 'verifying', done: 0, of: 0 });
  try {
    audit.dispatch({ type: 'verified', verdict: await call('audit.verify', null) });
  } catch (thrown) {
    audit.dispatch({ type: 'unverified', fault: linesOf(thrown, text('audit.cannotVerify')) });
  }
}

export async function lookSince(since: string): Promise<void> {
  audit.dispatch({ type: 'since', since });
  const moment = new Date(since);
  if (since === '' || Number.isNaN(moment.getTime())) return;
  await call('audit.since', { since: { at: moment.toISOString() } }).then((changes) => {
    if (audit.get().since === since) audit.dispatch({ type: 'changes', changes });
  }, tellFault);
}

export async function openKey(passphrase: string): Promise<void> {
  const { state, opening } = audit.get();
  if (!state || opening.isBusy) return;
  audit.dispatch({ type: 'opening', isBusy: true, fault: null });
  try {
    const opened = await call('audit.open', { passphrase: state.protection === 'system' ? null : passphrase });
    audit.dispatch({ type: 'loaded', state: opened, keys: await call('audit.keys', null) });
    audit.dispatch({ type: 'dialog', dialog: null });
    tell({ tone: 'good', text: text('audit.opened') });
    await fetchEntries();
  } catch (thrown) {
    audit.dispatch({ type: 'opening', isBusy: false, fault: linesOf(thrown, text('audit.cannotOpenKey')) });
  }
}

export const takeCheckpoint = (): Promise<void> => call('audit.checkpoint', null).then((checkpoint) => audit.dispatch({ type: 'checkpoint', checkpoint }), tellFault);

export function openTarget(): void {
  const { entries, selectedSeq } = audit.get();
  const entry = entries.find(({ seq }) => seq === selectedSeq);
  const target = entry && targetOf(entry);
  if (target) goTo({ screen: target.screen, reportId: target.reportId, ...(target.studyId === null ? {} : { studyId: target.studyId }) });
}

const isHere = (): boolean => navigation.get().screen === 'audit' && audit.get().dialog === null;
const move = (by: number) => (): void => {
  audit.dispatch({ type: 'move', by });
  const { selectedSeq, entries } = audit.get();
  document.getElementById(`entry-${selectedSeq}`)?.scrollIntoView({ block: 'nearest' });
  if (selectedSeq === entries.at(-1)?.seq) fetchMore();
};

export const auditActions: readonly Action[] = [
  { name: 'app.audit', shortcuts: ['Mod+6'], isForTyping: true, run: () => goTo({ screen: 'audit' }) },
  { name: 'audit.next', shortcuts: ['J', 'ArrowDown'], screen: 'audit', isKeyOnly: true, when: isHere, run: move(1) },
  { name: 'audit.previous', shortcuts: ['K', 'ArrowUp'], screen: 'audit', isKeyOnly: true, when: isHere, run: move(-1) },
  { name: 'audit.open', shortcuts: ['Enter'], screen: 'audit', when: isHere, run: openTarget },
  { name: 'audit.verify', shortcuts: ['V'], screen: 'audit', when: isHere, run: () => void verify() },
  { name: 'audit.checkpoint', shortcuts: ['C'], screen: 'audit', when: isHere, run: () => void takeCheckpoint() },
  { name: 'audit.keys', shortcuts: ['F'], screen: 'audit', when: isHere, run: () => audit.dispatch({ type: 'dialog', dialog: 'keys' }) },
  { name: 'audit.openKey', shortcuts: ['O'], screen: 'audit', when: () => isHere() && audit.get().state?.isOpen === false, run: () => audit.dispatch({ type: 'dialog', dialog: 'open' }) },
  { name: 'audit.clear', shortcuts: ['Escape'], screen: 'audit', when: () => isHere() && audit.get().filter !== noFilter, run: () => filterBy(noFilter) },
];

export const auditActionStrings: Readonly<Record<string, string>> = {
  'app.audit': 'Audit journal', 'audit.next': 'Audit: later in the list', 'audit.previous': 'Audit: earlier in the list', 'audit.open': 'Audit: open what the entry is about', 'audit.verify': 'Audit: verify the journal now',
  'audit.checkpoint': 'Audit: sign a checkpoint to keep elsewhere', 'audit.keys': 'Audit: keys and their fingerprints', 'audit.openKey': 'Audit: open the signing key', 'audit.clear': 'Audit: show all entries',
};
