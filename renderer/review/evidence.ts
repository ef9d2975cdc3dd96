/** The checks of answers: which stand, which run, and the pictures that the model saw. */
import type { Trace } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { navigation } from '#renderer/workstation/navigation.ts';
import { tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { noChecks, reduceChecks } from './checks.ts';
import { review } from './review.ts';
import { currentTrace } from './state.ts';

export const checks = createStore(reduceChecks, noChecks);

/** Once, when the page starts. */
export function startChecks(): void {
  subscribe('review.checking', (progress) => {
    if (checks.get().running?.traceId === progress.traceId) checks.dispatch({ type: 'progress', progress });
  });
  let loaded: string | null = null;
  review.subscribe(() => {
    const { studyId } = review.get();
    if (studyId === null || studyId === loaded) return;
    loaded = studyId;
    void call('review.checks', { studyId }).then((all) => checks.dispatch({ type: 'loaded', checks: all }), tellFault);
  });
}

export const isCheckable = (trace: Trace | undefined): trace is Trace => trace !== undefined && trace.answer !== null && trace.end !== 'stopped';

export async function checkEvidence(trace: Trace): Promise<void> {
  if (checks.get().running) return;
  checks.dispatch({ type: 'progress', progress: { traceId: trace.id, done: 0, of: 0 } });
  try {
    checks.dispatch({ type: 'loaded', checks: [await call('review.check', { traceId: trace.id })] });
  } catch (thrown) {
    if (!(thrown instanceof Fault && thrown.code === 'evidence.stopped')) tellFault(thrown);
  } finally {
    checks.dispatch({ type: 'ended', traceId: trace.id });
  }
}

export function stopChecking(): void {
  const { running } = checks.get();
  if (running) void call('review.cancelCheck', { traceId: running.traceId }).catch(tellFault);
}

const shown = (): Trace | undefined => (navigation.get().screen === 'review' && !review.get().asking ? currentTrace(review.get()) : undefined);

export const evidenceActions: readonly Action[] = [
  { name: 'review.check', shortcuts: ['Shift+E'], screen: 'review', when: () => isCheckable(shown()) && !checks.get().running, run: () => {
    const trace = shown();
    if (isCheckable(trace)) void checkEvidence(trace);
  } },
  { name: 'review.eye', shortcuts: ['Y'], screen: 'review', when: () => shown() !== undefined, run: () => checks.dispatch({ type: 'eye', isOpen: !checks.get().isEyeOpen }) },
];

export const evidenceActionStrings: Readonly<Record<string, string>> = { 'review.check': 'Check the evidence of the answer', 'review.eye': 'Show what the model saw' };
