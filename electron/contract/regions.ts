/** The places that an answer points at, each once, and where a person put them: the same on both sides of the window. */
import type { Box } from '#models/clinical/finding.ts';
import type { Judgement } from './curate.ts';
import type { Trace } from './review.ts';

/** One box of an answer: which frame, which steps cite it. */
export interface Region {
  readonly id: string;
  readonly frameId: string;
  readonly box: Box;
  readonly label: string;
  /** Indices into the trace's steps. */
  readonly steps: readonly number[];
}

/** A region as it was judged. */
export interface JudgedRegion extends Region {
  /** The model's own box where a person moved it; null where they drew it themselves or left it. */
  readonly original: Box | null;
  readonly by: 'model' | 'person';
}

/**
 * Every box of a trace once: the answer often repeats a box that a step named. A box that only the answer names belongs to the steps that name its label,
 * otherwise to the conclusion, where there is one.
 */
export function regionsOf({ findings, steps, views }: Pick<Trace, 'findings' | 'steps' | 'views'>): readonly Region[] {
  const regions = new Map<string, Region>();
  const conclusion = steps.findLastIndex(({ kind }) => kind === 'conclusion');
  for (const [at, { label, frame, boxes }] of findings.entries()) {
    const view = views[frame]?.view ?? views[0]?.view;
    if (!view) continue;
    const frameId = view.kind === 'frame' ? view.frameId : `${view.slideId}-0`;
    const citing = steps.flatMap(({ findings: cited }, step) => (cited.includes(at) ? [step] : []));
    for (const box of boxes) {
      const id = `${frameId}:${label}:${[box.x1, box.y1, box.x2, box.y2].map(Math.round).join(',')}`;
      const known = regions.get(id);
      regions.set(id, { id, frameId, box, label, steps: [...new Set([...known?.steps ?? [], ...citing])] });
    }
  }
  return [...regions.values()].map((region) => {
    if (region.steps.length > 0) return region;
    const naming = steps.flatMap(({ text }, step) => (text.toLowerCase().includes(region.label.toLowerCase()) ? [step] : []));
    return { ...region, steps: naming.length > 0 ? naming : conclusion < 0 ? [] : [conclusion] };
  });
}

/** What is left of the model's regions after a person's verdict, and what the person drew. */
export function judgedRegions(trace: Pick<Trace, 'findings' | 'steps' | 'views'>, judgement: Pick<Judgement, 'boxes' | 'added'> | undefined): readonly JudgedRegion[] {
  const own = regionsOf(trace).flatMap((region): JudgedRegion[] => {
    const moved = judgement?.boxes[region.id];
    if (moved === null) return [];
    return [{ ...region, box: moved ?? region.box, original: moved ? region.box : null, by: 'model' }];
  });
  const drawn = (judgement?.added ?? []).map(({ id, frameId, step, label, box }): JudgedRegion => ({ id, frameId, box, label, steps: step === null ? [] : [step], original: null, by: 'person' }));
  return [...own, ...drawn];
}
