/** Which answers a person should look at first: those that the model is least sure of, about which it contradicts itself, or that hardly moved with the image. */
import type { Judgement, Waiting, queueOrders } from '#electron/contract/curate.ts';
import type { Trace } from '#electron/contract/review.ts';
import { Random } from '#models/base/random.ts';

export type QueueOrder = (typeof queueOrders)[number];

/**
 * Answers that are not judged yet, in the order asked for; the same traces, judgements, checks and seed give the same order.
 *
 * @param relianceOf  how far an answer relies on its image, 0 … 1; null where nobody checked
 */
export function queueOf(traces: readonly Trace[], judgementOf: (traceId: string) => Judgement | undefined, order: QueueOrder, seed: number, relianceOf: (trace: Trace) => number | null = () => null): readonly Waiting[] {
  const spread = disagreements(traces);
  const waiting = traces.flatMap((trace): Waiting[] => {
    const judgement = judgementOf(trace.id);
    const judged = trace.steps.filter((_, at) => judgement?.steps[at] !== undefined).length + (judgement?.answer ? 1 : 0);
    if (trace.end === 'stopped' || judgement?.answer || (trace.answer === null && judged >= trace.steps.length && judged > 0)) return [];
    return [{
      traceId: trace.id, studyId: trace.studyId, question: trace.question, answer: trace.answer, askedAt: trace.askedAt, confidence: trace.confidence?.value ?? null,
      disagreement: spread.get(sameness(trace)) ?? 0, reliance: relianceOf(trace), judged, steps: trace.steps.length,
    }];
  });
  const byAge = (a: Waiting, b: Waiting): number => compare(a.askedAt, b.askedAt) || compare(a.traceId, b.traceId);
  const draw = (id: string): number => Random.named(seed, id).uint32();
  const orders: Readonly<Record<QueueOrder, (a: Waiting, b: Waiting) => number>> = {
    // Unparsed answers carry no confidence and need a person most.
    uncertain: (a, b) => (a.confidence ?? -1) - (b.confidence ?? -1) || b.disagreement - a.disagreement || byAge(a, b),
    disagreement: (a, b) => b.disagreement - a.disagreement || (a.confidence ?? -1) - (b.confidence ?? -1) || byAge(a, b),
    reliance: (a, b) => (a.reliance ?? 2) - (b.reliance ?? 2) || (a.confidence ?? -1) - (b.confidence ?? -1) || byAge(a, b),
    first: byAge,
    random: (a, b) => draw(a.traceId) - draw(b.traceId) || byAge(a, b),
  };
  return waiting.sort(orders[order]);
}

/** For each question about the same pixels: 1 − the share of the commonest answer. */
function disagreements(traces: readonly Trace[]): ReadonlyMap<string, number> {
  const answers = new Map<string, Map<string, number>>();
  for (const trace of traces) {
    const key = sameness(trace);
    const counts = answers.get(key) ?? new Map<string, number>();
    const said = (trace.answer ?? '').toLowerCase().replace(/\s+/g, ' ').trim();
    counts.set(said, (counts.get(said) ?? 0) + 1);
    answers.set(key, counts);
  }
  return new Map([...answers].map(([key, counts]) => {
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    return [key, 1 - Math.max(...counts.values()) / all];
  }));
}

const sameness = ({ question, views }: Trace): string => JSON.stringify([question.toLowerCase().replace(/\s+/g, ' ').trim(), views.map(({ pixelsSha256 }) => pixelsSha256)]);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
