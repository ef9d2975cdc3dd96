/** What was done in the viewer, step by step, as a file: enough to do it again elsewhere and to see that the same comes of it. */
import { z } from 'zod';
import { Fault } from '#models/base/fault.ts';
import { actionNames, readAction } from './actions.ts';
import { isSameState, perform, placed, shownRegion, type Viewer, type ViewerState, type ViewerStudy } from './state.ts';

const number = z.number().refine(Number.isFinite);
const Point = z.object({ x: number, y: number });
const Size = z.object({ width: number.positive(), height: number.positive() });
const key = z.string().min(1).max(200);
const words = z.string().max(4000);

export const ActionCallSchema = z.strictObject({ action: z.enum(actionNames), point: z.tuple([z.number().int(), z.number().int()]).readonly(), input_text: z.string().max(500) });

export const ViewerSeriesSchema = z.object({
  key, modality: z.string().max(40), slices: z.number().int().min(1).max(1_000_000), width: number.positive(), height: number.positive(), mpp: number.positive().nullable(),
  presets: z.array(z.object({ name: z.string().max(80), center: number, width: number.positive() })).max(100).readonly(),
});
export const ViewerStudySchema = z.object({ series: z.array(ViewerSeriesSchema).min(1).max(1000).readonly() });

const Window = z.object({ center: number, width: number.positive(), name: z.string().max(80).nullable() });
const Mark = z.object({ kind: z.enum(['point', 'box', 'measure']), series: key, slice: z.number().int().min(1), points: z.array(Point).min(1).max(2).readonly() });
export const ViewerStateSchema = z.object({
  series: key, slice: z.number().int().min(1), window: Window.nullable(), zoom: number.positive(), middle: Point, marks: z.array(Mark).max(1000).readonly(), answer: z.string().max(500).nullable(), isDone: z.boolean(),
});
const Box = z.object({ x1: number, y1: number, x2: number, y2: number });

/** Who drove: a model, the boxes of an answer that was given before, or a person. */
export const ActDriver = z.object({ kind: z.enum(['model', 'directive', 'person']), name: z.string().max(200) });
export type ActDriver = z.infer<typeof ActDriver>;

export const ActStep = z.object({
  /** ISO time. */
  at: z.string().max(40),
  /** What was to be done; null where what was written could not be read. */
  call: ActionCallSchema.nullable(),
  /** The picture that was looked at, and where it lies on the image: points of the call are its pixels. */
  view: z.object({ region: Box, resized: Size }),
  /** In a sentence, for a person. */
  sentence: words,
  /** What the model wrote; absent where no model did. */
  written: z.string().max(65_536).optional(),
  /** What it led to; null where it was refused. */
  after: ViewerStateSchema.nullable(),
  fault: z.object({ code: z.string().max(80), what: words, why: words, mend: words }).nullable(),
});
export type ActStep = z.infer<typeof ActStep>;

export const ActLog = z.object({
  kind: z.literal('loupe-act'), version: z.literal(1),
  id: z.string().regex(/^[\w-]{1,64}$/),
  /** Of the library; null for a study that is not in one. */
  studyId: z.string().max(200).nullable(),
  startedAt: z.string().max(40),
  instruction: words,
  driver: ActDriver,
  study: ViewerStudySchema,
  start: ViewerStateSchema,
  steps: z.array(ActStep).max(500).readonly(),
  end: z.enum(['finished', 'stopped', 'limit', 'failed']),
});
export type ActLog = z.infer<typeof ActLog>;

/** Larger files are no logs. */
const longestLog = 16 * 2 ** 20;

/** @throws Fault `act.log` */
export function readLog(text: string): ActLog {
  const damaged = (why: string): Fault => new Fault({ code: 'act.log', what: 'This is no log of steps in the viewer.', why, mend: 'Choose a file that was saved by the list of steps, or by loupe act.' });
  if (text.length > longestLog) throw damaged(`It has ${text.length} characters.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw damaged('It is not JSON.');
  }
  const read = ActLog.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw damaged(`${issue?.path.join('.') || 'It'}: ${issue?.message ?? 'another form'}`.slice(0, 300));
}

export interface Replayed {
  /** The state before the first step, and after each; a refused step leaves it. */
  readonly states: readonly ViewerState[];
  /** Which steps, counted from 1, did not lead to what the log says, and how. */
  readonly differences: readonly { readonly step: number; readonly why: string }[];
}

/** Does the steps of a log again, on its own study or another one. Never throws for what a step does: that is a difference. */
export function replay(log: ActLog, study: ViewerStudy = log.study): Replayed {
  let viewer: Viewer = { now: log.start, past: [] };
  const states: ViewerState[] = [log.start];
  const differences: { step: number; why: string }[] = [];
  log.steps.forEach((step, at) => {
    const differs = (why: string): void => void differences.push({ step: at + 1, why });
    try {
      const { region } = step.view;
      const shown = shownRegion(study, viewer.now);
      if (step.call === null) throw new Fault({ code: 'act.form', what: '', why: 'Nothing that can be read was written.', mend: '' });
      const isLike = (['x1', 'y1', 'x2', 'y2'] as const).every((edge) => Math.abs(region[edge] - shown[edge]) <= 1);
      if (log.driver.kind === 'model' && !isLike) differs('The view that was looked at is another one.');
      viewer = perform(study, viewer, placed(readAction(step.call, step.view.resized), step.view));
      if (step.after === null) differs(`It was refused then (${step.fault?.code ?? 'unknown'}) and is not now.`);
      else if (!isSameState(viewer.now, step.after)) differs('It leads to another state.');
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      if (step.after !== null) differs(`It is refused now: ${cause.why}`);
    }
    states.push(viewer.now);
  });
  return { states, differences };
}
