/** What the window knows of fine-tuning: what may be trained on what, a run and its measures, what was tried, and which model answers. */
import { z } from 'zod';
import { Sha256 } from './library.ts';

const amount = z.number().nonnegative();
export const RunId = z.string().regex(/^[\w-]{1,64}$/);

/** A recipe in the words of a person who chooses one. */
export const RecipeChoice = z.object({
  name: z.string(),
  source: z.string(),
  /** How its stages learn, in order, each kind once. */
  learns: z.array(z.enum(['answer', 'classify', 'policy'])),
  steps: z.number().int(),
  stages: z.number().int(),
  /** An adapter beside the frozen weights, or the weights themselves. */
  trains: z.enum(['adapter', 'weights']),
  /** False: it begins from random weights and asks for no model. */
  needsModel: z.boolean(),
  rewards: z.array(z.string()),
  isOwn: z.boolean(),
});
export type RecipeChoice = z.infer<typeof RecipeChoice>;

/** Cases to learn from; those of `val` judge what was learnt. */
export const DataChoice = z.object({
  id: z.string().max(200),
  kind: z.enum(['curated', 'snapshot', 'drawn', 'index']),
  name: z.string(),
  train: z.number().int(),
  val: z.number().int(),
  modalities: z.array(z.string()),
  /** Why it cannot be used; null: it can. */
  problem: z.string().nullable(),
});
export type DataChoice = z.infer<typeof DataChoice>;

export const ModelChoice = z.object({
  id: z.string().max(200),
  name: z.string(),
  isInUse: z.boolean(),
  /** The hash of its lineage; null where that cannot be read. */
  lineage: Sha256.nullable(),
  /** From what it all began down to these weights. */
  chain: z.array(z.object({ name: z.string(), kind: z.enum(['checkpoint', 'adapter']), hash: Sha256, run: z.string().nullable() })),
});
export type ModelChoice = z.infer<typeof ModelChoice>;

export const Choices = z.object({ recipes: z.array(RecipeChoice), data: z.array(DataChoice), models: z.array(ModelChoice) });
export type Choices = z.infer<typeof Choices>;

/** What a person orders. */
export const Plan = z.object({
  name: z.string().trim().max(80).default(''),
  recipe: z.string().max(100),
  data: z.string().max(200),
  model: z.string().max(200).nullable(),
  /** Updates in all; null: as the recipe says. */
  steps: z.number().int().min(1).max(1_000_000).nullable(),
  /** Hours and minutes end a run too; null: they do not. */
  minutes: z.number().positive().max(100_000).nullable(),
  seed: z.number().int().min(0).max(2 ** 31 - 1),
});
export type Plan = z.infer<typeof Plan>;

export const Estimate = z.object({
  steps: z.number().int(),
  /** By stage: of one update at the mean, as it was tried here just now. */
  stepSeconds: z.array(amount),
  /** Of the whole: to start, to look at the cases, to open each stage, and to keep what was learnt. */
  besideSeconds: amount,
  totalSeconds: amount,
  /** The largest that the trial took, its largest batch included, and what this machine has. */
  memoryBytes: amount,
  memoryTotal: amount,
  /** What the run will leave on the disk, and what is free there. */
  diskBytes: amount,
  diskFree: amount,
  cases: z.number().int(),
  /** Seconds that the look itself took. */
  seconds: amount,
  problems: z.array(z.object({ severity: z.enum(['error', 'warning']), code: z.string(), where: z.string(), seen: z.string(), remedy: z.string() })),
});
export type Estimate = z.infer<typeof Estimate>;

const Why = z.object({ code: z.string(), what: z.string(), why: z.string(), mend: z.string() });

export const runStates = ['preparing', 'running', 'pausing', 'paused', 'stopping', 'stopped', 'done', 'crashed', 'failed'] as const;
export const Run = z.object({
  id: RunId,
  plan: Plan,
  state: z.enum(runStates),
  /** Updates done, and in all. */
  step: z.number().int(),
  steps: z.number().int(),
  startedAt: z.string(),
  /** Of all sittings together. */
  seconds: amount,
  secondsLeft: amount.nullable(),
  /** What went wrong, where something did. */
  why: Why.nullable(),
  /** Of the run folder, as last looked at. */
  bytes: amount,
  /** How its model was judged. */
  verdict: z.enum(['promoted', 'refused']).nullable(),
  /** What is being done with it beside training. */
  busy: z.enum(['evaluating', 'promoting']).nullable(),
});
export type Run = z.infer<typeof Run>;

/** A line of `metrics.jsonl`; what was no number there is null. */
export const MetricsRow = z.record(z.string(), z.number().nullable());
export type MetricsRow = z.infer<typeof MetricsRow>;

export const Alarm = z.object({ code: z.string(), severity: z.enum(['warning', 'stop']), step: z.number(), seen: z.string(), remedy: z.string() });
export type Alarm = z.infer<typeof Alarm>;

export const Metrics = z.object({ lines: z.array(MetricsRow), alarms: z.array(Alarm), rolloutSteps: z.array(z.number().int()) });

export const ShownCompletion = z.object({
  text: z.string(),
  pieces: z.array(z.string()),
  /** ln p of each piece. */
  logprobs: z.array(z.number()),
  finished: z.boolean(),
  reward: z.number().nullable(),
  rewards: z.record(z.string(), z.number().nullable()),
  parts: z.record(z.string(), z.number()),
  correct: z.boolean(),
  advantage: z.number(),
  boxes: z.array(z.object({ label: z.string(), box: z.tuple([z.number(), z.number(), z.number(), z.number()]) })),
});
export type ShownCompletion = z.infer<typeof ShownCompletion>;

/** A question with all that was tried on it, the best first by advantage. */
export const ShownGroup = z.object({
  /** Its place in the step's file, by which its picture is fetched. */
  at: z.number().int(),
  case: z.string(),
  set: z.string(),
  questionType: z.string(),
  question: z.string(),
  answer: z.string(),
  goldBoxes: z.array(z.object({ label: z.string(), box: z.tuple([z.number(), z.number(), z.number(), z.number()]) })),
  size: z.object({ width: z.number(), height: z.number() }),
  mean: z.number().nullable(),
  spread: z.number().nullable(),
  isSilent: z.boolean(),
  completions: z.array(ShownCompletion),
});
export type ShownGroup = z.infer<typeof ShownGroup>;

const Cell = z.object({ right: z.number().int(), n: z.number().int() });
/** One row of the table: a modality and a kind of question, asked over true, blank and swapped pictures, of the candidate and of the model in use. */
export const EvaluationRow = z.object({
  modality: z.string(),
  questionType: z.string(),
  candidate: z.object({ real: Cell, blank: Cell, swapped: Cell }),
  baseline: z.object({ real: Cell, blank: Cell, swapped: Cell }),
});
export type EvaluationRow = z.infer<typeof EvaluationRow>;

export const GateRow = z.object({
  name: z.string(), n: z.number(), baseline: z.number(), candidate: z.number(), difference: z.number(), ci: z.tuple([z.number(), z.number()]).nullable(),
  gained: z.number().nullable(), lost: z.number().nullable(), passed: z.boolean(), rule: z.string(),
});
export type GateRow = z.infer<typeof GateRow>;

export const RunEvaluation = z.object({
  at: z.string(),
  baselineName: z.string(),
  cases: z.number().int(),
  rows: z.array(EvaluationRow),
  gate: z.object({
    decision: z.enum(['promoted', 'refused']), reasons: z.array(z.string()), gained: z.number(), lost: z.number(), p: z.number(), questionsSha256: Sha256,
    comparisons: z.array(GateRow), subgroups: z.array(GateRow),
  }),
});
export type RunEvaluation = z.infer<typeof RunEvaluation>;

/** Which model answered since when, and who decided so. */
export const InUse = z.object({
  id: z.string(), name: z.string(), since: z.string().nullable(), by: z.string(), how: z.enum(['built in', 'promoted', 'chosen', 'rolled back']), runId: RunId.nullable(), lineage: Sha256.nullable(),
});
export type InUse = z.infer<typeof InUse>;

const ofRun = z.object({ runId: RunId });

/** The methods, for the one table. */
export const finetuneMethods = {
  'finetune.choices': { argument: z.null(), result: Choices },
  /** Asks the person for an index.jsonl; null where nothing was chosen, or where the shell has no dialog. */
  'finetune.addData': { argument: z.null(), result: DataChoice.nullable() },
  /** Tries the largest batch of each stage in a process of its own and throws it away. */
  'finetune.estimate': { argument: Plan, result: Estimate },
  'finetune.cancelEstimate': { argument: z.null(), result: z.null() },
  'finetune.start': { argument: Plan, result: Run },
  'finetune.pause': { argument: ofRun, result: z.null() },
  'finetune.resume': { argument: ofRun, result: z.null() },
  /** Ends it for good; what it has learnt until then is kept. */
  'finetune.stop': { argument: ofRun, result: z.null() },
  'finetune.remove': { argument: ofRun, result: z.null() },
  'finetune.runs': { argument: z.null(), result: z.object({ runs: z.array(Run), history: z.array(InUse) }) },
  'finetune.metrics': { argument: ofRun, result: Metrics },
  'finetune.rollouts': { argument: z.object({ runId: RunId, step: z.number().int().positive() }), result: z.array(ShownGroup) },
  'finetune.evaluation': { argument: ofRun, result: RunEvaluation.nullable() },
  /** Asks the run's model and the model in use the same questions about the cases of `val`. */
  'finetune.evaluate': { argument: z.object({ runId: RunId, most: z.number().int().min(1).max(100_000) }), result: RunEvaluation },
  'finetune.cancelEvaluate': { argument: ofRun, result: z.null() },
  /** Only what the gate let through. */
  'finetune.promote': { argument: ofRun, result: z.array(InUse) },
  /** The model before answers again. */
  'finetune.rollback': { argument: z.null(), result: z.array(InUse) },
} as const;

export const finetuneEvents = {
  /** A run is new or changed; null: it is gone. */
  'finetune.run': z.object({ runId: RunId, run: Run.nullable() }),
  'finetune.step': z.object({ runId: RunId, line: MetricsRow, alarms: z.array(Alarm), hasRollouts: z.boolean() }),
  'finetune.progress': z.object({ runId: RunId.nullable(), what: z.string(), done: z.number(), total: z.number() }),
  'finetune.inUse': z.object({ history: z.array(InUse) }),
} as const;
