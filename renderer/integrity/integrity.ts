/** Signs of alteration: the store, what a person can do, and how it goes to the machine. */
import { Fault } from '#models/base/fault.ts';
import { call } from '#renderer/workstation/call.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { currentCheck, nothingChecked, reduceIntegrity, wholeView, type Subject } from './state.ts';

export const integrity = createStore(reduceIntegrity, nothingChecked);

/** Once, when the page starts. */
export function startIntegrity(): void {
  subscribe('integrity.progress', (progress) => integrity.dispatch({ type: 'progress', ...progress }));
  subscribe('integrity.ledger', ({ findings: [first, ...more] }) => {
    if (first) tell({ tone: 'warning', text: more.length === 0 ? first.text : `${first.text} ${text('integrity.more', { count: more.length })}` });
  });
}

/** Opens the window about an image; one that was never checked is checked at once. */
export async function openIntegrity({ studyId, view }: Subject): Promise<void> {
  integrity.dispatch({ type: 'open', subject: { studyId, view: wholeView(view) } });
  try {
    integrity.dispatch({ type: 'loaded', studyId, checks: await call('integrity.checks', { studyId }) });
  } catch (thrown) {
    tellFault(thrown);
  }
  const state = integrity.get();
  if (state.isOpen && state.running === null && currentCheck(state) === undefined) await checkNow();
}

export async function checkNow(): Promise<void> {
  const { subject, running } = integrity.get();
  if (!subject || running) return;
  const checkId = crypto.randomUUID();
  integrity.dispatch({ type: 'begin', checkId });
  try {
    integrity.dispatch({ type: 'found', check: await call('integrity.check', { checkId, ...subject }) });
    integrity.dispatch({ type: 'ended', fault: null });
  } catch (thrown) {
    const fault = thrown instanceof Fault ? thrown : new Fault({ code: 'internal', what: 'The image could not be checked.', why: thrown instanceof Error ? thrown.message : String(thrown), mend: 'Try again.' });
    integrity.dispatch({ type: 'ended', fault: fault.code === 'integrity.stopped' ? null : fault.toJSON() });
  }
}

export function stopCheck(): void {
  const { running } = integrity.get();
  if (running) void call('integrity.cancel', { checkId: running.checkId }).catch(tellFault);
}
