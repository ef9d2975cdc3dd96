/** Second questions: where is what you say there? What came of them lies beside the answer that they are about and never in it. Pure. */
import { regionsOf } from '#electron/contract/regions.ts';
import type { Trace } from '#electron/contract/review.ts';
import type { JudgedMark } from './judging.ts';

/** A mark that came of a second question. */
export interface LocatedMark extends JudgedMark {
  readonly origin: 'second question';
}

/** Answers to the person's own questions, with where they stand among all. */
export const ownTraces = (traces: readonly Trace[]): readonly { readonly trace: Trace; readonly at: number }[] => traces.flatMap((trace, at) => (trace.origin ? [] : [{ trace, at }]));

/** Second questions about an answer, the latest of each picture of a step alone. */
export function secondsOf(traces: readonly Trace[], traceId: string): readonly Trace[] {
  const latest = new Map<string, Trace>();
  for (const trace of traces) if (trace.origin?.traceId === traceId) latest.set(JSON.stringify([trace.origin.step, trace.views.map(({ view }) => view)]), trace);
  return [...latest.values()];
}

/** Their boxes, each tied to the step that was asked about. */
export function locatedMarks(traces: readonly Trace[], traceId: string): readonly LocatedMark[] {
  return secondsOf(traces, traceId).flatMap((trace) => regionsOf(trace).map((region): LocatedMark => ({
    ...region, id: `second:${trace.id}:${region.id}`, steps: [trace.origin?.step ?? 0], original: null, by: 'model', origin: 'second question', colour: '#f4f7fa',
  })));
}
