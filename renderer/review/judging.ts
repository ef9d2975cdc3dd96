/** What is judged on this screen, and how it changes: verdicts by step, boxes put elsewhere, the step that keys are about. */
import type { CuratedCase, Item, Judged, Judgement } from '#electron/contract/curate.ts';
import { noJudgement } from '#electron/contract/curate.ts';
import { judgedRegions } from '#electron/contract/regions.ts';
import type { Trace } from '#electron/contract/review.ts';
import type { Box } from '#models/clinical/finding.ts';
import { palette, type TraceMark } from './state.ts';

export interface Judging {
  readonly judgements: Readonly<Record<string, Judgement>>;
  readonly cases: Readonly<Record<string, CuratedCase>>;
  /** The trace and, in it, the step that keys are about; its last is the answer. Null: none was chosen yet. */
  readonly current: { readonly traceId: string; readonly at: number } | null;
  /** The step whose words are being put otherwise. */
  readonly editing: { readonly traceId: string; readonly at: number } | null;
  /** The next drag draws a box for the current step. */
  readonly isDrawing: boolean;
  /** The box with handles. */
  readonly boxId: string | null;
}

export type JudgingChange =
  | { readonly type: 'loaded'; readonly judgements: readonly Judgement[]; readonly cases: readonly CuratedCase[] }
  | { readonly type: 'judgement'; readonly traceId: string; readonly value: Judgement | null }
  | { readonly type: 'items'; readonly items: readonly Item[] }
  | { readonly type: 'current'; readonly traceId: string; readonly at: number }
  | { readonly type: 'edit'; readonly traceId: string; readonly at: number }
  | { readonly type: 'editDone' }
  | { readonly type: 'box'; readonly id: string | null }
  | { readonly type: 'draw'; readonly isDrawing: boolean };

export const initialJudging: Judging = { judgements: {}, cases: {}, current: null, editing: null, isDrawing: false, boxId: null };

export function reduceJudging(state: Judging, change: JudgingChange): Judging {
  switch (change.type) {
    case 'loaded': return {
      ...state, judgements: { ...state.judgements, ...Object.fromEntries(change.judgements.map((one) => [one.traceId, one])) }, cases: { ...state.cases, ...Object.fromEntries(change.cases.map((one) => [one.id, one])) },
    };
    case 'judgement': {
      const { [change.traceId]: _old, ...others } = state.judgements;
      return { ...state, judgements: change.value ? { ...others, [change.traceId]: change.value } : others };
    }
    case 'items': {
      const cases: Record<string, CuratedCase> = { ...state.cases };
      for (const item of change.items) {
        if (item.kind !== 'case') continue;
        if (item.value) cases[item.id] = item.value;
        else delete cases[item.id];
      }
      return { ...state, cases };
    }
    case 'current': return { ...state, current: { traceId: change.traceId, at: change.at }, isDrawing: false };
    case 'edit': return { ...state, current: { traceId: change.traceId, at: change.at }, editing: { traceId: change.traceId, at: change.at } };
    case 'editDone': return { ...state, editing: null };
    case 'box': return state.boxId === change.id ? state : { ...state, boxId: change.id };
    case 'draw': return { ...state, isDrawing: change.isDrawing };
  }
}

/** How many things of a trace can be judged: its steps, then its answer. */
export const judgeableCount = ({ steps, answer }: Pick<Trace, 'steps' | 'answer'>): number => steps.length + (answer === null ? 0 : 1);

/** The step that keys are about; the first that waits for a verdict where none was chosen. */
export function currentAt({ current, judgements }: Pick<Judging, 'current' | 'judgements'>, trace: Pick<Trace, 'id' | 'steps' | 'answer'>): number {
  if (current?.traceId === trace.id) return Math.min(current.at, Math.max(0, judgeableCount(trace) - 1));
  return nextOpen(judgements[trace.id], trace, -1) ?? 0;
}

/** The next that waits for a verdict after `at`, or any before it; null where all were judged. */
export function nextOpen(judgement: Judgement | undefined, trace: Pick<Trace, 'steps' | 'answer'>, at: number): number | null {
  const count = judgeableCount(trace);
  for (let by = 1; by <= count; by++) {
    const next = (at + by + count) % count;
    if (judgedAt(judgement, trace, next) === null) return next;
  }
  return null;
}

export function judgedAt(judgement: Judgement | undefined, { steps }: Pick<Trace, 'steps'>, at: number): Judged | null {
  return (at < steps.length ? judgement?.steps[at] : judgement?.answer) ?? null;
}

/** With a verdict on one step or the answer; null takes it back. */
export function withVerdict(judgement: Judgement | undefined, trace: Pick<Trace, 'id' | 'studyId' | 'steps'>, at: number, verdict: Judged | null): Judgement {
  const base = judgement ?? noJudgement(trace.id, trace.studyId);
  if (at >= trace.steps.length) return { ...base, answer: verdict };
  const { [at]: _old, ...others } = base.steps;
  return { ...base, steps: verdict ? { ...others, [at]: verdict } : others };
}

/** With a box put elsewhere, taken away (null) or, where it was drawn by hand, changed or taken away likewise. */
export function withBox(judgement: Judgement | undefined, trace: Pick<Trace, 'id' | 'studyId'>, id: string, box: Box | null): Judgement {
  const base = judgement ?? noJudgement(trace.id, trace.studyId);
  const isOwn = base.added.some((one) => one.id === id);
  if (!isOwn) return { ...base, boxes: { ...base.boxes, [id]: box } };
  return { ...base, added: box ? base.added.map((one) => (one.id === id ? { ...one, box } : one)) : base.added.filter((one) => one.id !== id) };
}

export interface JudgedMark extends TraceMark {
  /** The model's own box where a person moved it. */
  readonly original: Box | null;
  readonly by: 'model' | 'person';
}

/** The marks of an answer as they were judged, one colour for each label. */
export function judgedMarks(trace: Pick<Trace, 'findings' | 'steps' | 'views'>, judgement: Judgement | undefined): readonly JudgedMark[] {
  const colours = new Map<string, string>();
  for (const { label } of judgedRegions(trace, undefined)) if (!colours.has(label)) colours.set(label, palette[colours.size % palette.length] as string);
  return judgedRegions(trace, judgement).map((region) => {
    if (!colours.has(region.label)) colours.set(region.label, palette[colours.size % palette.length] as string);
    return { ...region, colour: colours.get(region.label) as string };
  });
}

/** The id of the case that a step or the answer became; as the service names it. */
export const caseIdOf = ({ id, steps }: Pick<Trace, 'id' | 'steps'>, at: number): string => `${id.replace(/[^\w-]/g, '').slice(0, 36)}-${at < steps.length ? `s${at + 1}` : 'answer'}`;
