/** Second questions: where is what you say there? What came of them lies beside the answer that they are about and never in it. Pure. */
import type { Judgement } from '#electron/contract/curate.ts';
import type { Trace } from '#electron/contract/review.ts';
import { currentAt, judgedAt, judgedMarks, type JudgedMark, type Judging } from './judging.ts';

/** A mark that came of a second question. */
export interface LocatedMark extends JudgedMark {
  readonly origin: 'second question';
}

/** What can be judged: a step of an answer, or after its last the answer itself. */
export interface Judgeable {
  readonly trace: Trace;
  readonly at: number;
}

/** Answers to the person's own questions, with where they stand among all. */
export const ownTraces = (traces: readonly Trace[]): readonly { readonly trace: Trace; readonly at: number }[] => traces.flatMap((trace, at) => (trace.origin ? [] : [{ trace, at }]));

/** Second questions about an answer, the latest of each picture of a step alone. */
export function secondsOf(traces: readonly Trace[], traceId: string): readonly Trace[] {
  const latest = new Map<string, Trace>();
  for (const trace of traces) if (trace.origin?.traceId === traceId) latest.set(JSON.stringify([trace.origin.step, trace.views.map(({ view }) => view)]), trace);
  return [...latest.values()];
}

const markId = (trace: Trace, id: string): string => `second:${trace.id}:${id}`;

/** Their boxes as they were judged, each tied to the step that was asked about. */
export function locatedMarks(traces: readonly Trace[], traceId: string, judgements: Readonly<Record<string, Judgement>>): readonly LocatedMark[] {
  return secondsOf(traces, traceId).flatMap((trace) => judgedMarks(trace, judgements[trace.id]).map((mark): LocatedMark => ({
    ...mark, id: markId(trace, mark.id), steps: [trace.origin?.step ?? 0], origin: 'second question', colour: '#f4f7fa',
  })));
}

/** Whose box a mark is, and what it is called there: that of the answer itself, or of a second question about it. */
export function ownerOf(traces: readonly Trace[], trace: Trace, id: string): { readonly trace: Trace; readonly id: string } {
  const second = secondsOf(traces, trace.id).find((one) => id.startsWith(markId(one, '')));
  return second ? { trace: second, id: id.slice(markId(second, '').length) } : { trace, id };
}

/** All that can be judged of an answer, in the order in which it is read: what came of a second question follows its step. */
export function judgeables(traces: readonly Trace[], trace: Trace): readonly Judgeable[] {
  const seconds = secondsOf(traces, trace.id).filter(({ answer }) => answer !== null);
  const about = (step: number): readonly Judgeable[] => seconds.filter(({ origin }) => origin?.step === step).map((second) => ({ trace: second, at: second.steps.length }));
  return [...trace.steps.flatMap((_, at) => [{ trace, at }, ...about(at)]), ...(trace.steps.length === 0 ? about(0) : []), ...(trace.answer === null ? [] : [{ trace, at: trace.steps.length }])];
}

/** What the keys are about. */
export function currentOf(judging: Judging, traces: readonly Trace[], trace: Trace): Judgeable {
  const second = judgeables(traces, trace).find((one) => one.trace !== trace && one.trace.id === judging.current?.traceId);
  return second ?? { trace, at: currentAt(judging, trace) };
}

/** The next that waits for a verdict, or any before it; the same where all were judged. */
export function nextOpenOf(judging: Judging, traces: readonly Trace[], trace: Trace, from: Judgeable): Judgeable {
  const all = judgeables(traces, trace);
  const start = all.findIndex((one) => one.trace === from.trace && one.at === from.at);
  return [...all.slice(start + 1), ...all.slice(0, start + 1)].find((one) => judgedAt(judging.judgements[one.trace.id], one.trace, one.at) === null) ?? from;
}
