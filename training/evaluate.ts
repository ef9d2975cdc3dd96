/** Held-out cases to a table of measures: the model answers fixed questions in words, a program checks the answers. */
import { createHash } from 'node:crypto';
import { Fault } from '#models/base/fault.ts';
import { wilson } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { loadBytes } from '#training/data/cases.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Turn } from '#training/records/turn.ts';
import { answerOf, boxAnswerOf, boxesIn, extractionRules } from '#training/rewards/extract.ts';
import type { Gold, LabelledBox } from '#training/rewards/gold.ts';
import { pointList, pointsIn } from '#training/rewards/points.ts';
import { matchBoxes, verifyAnswer } from '#training/rewards/verify.ts';
import { evaluationTurns } from '#training/synthesis/questions.ts';
import { labelQuestion } from '#training/synthesis/vocabulary.ts';

/** Completions of one version of these rules can be compared; the hash is over the rules' text. */
export const extractor = {
  version: extractionRules.version, sha256: createHash('sha256').update(JSON.stringify(extractionRules)).digest('hex'),
} as const;

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface EvaluationRequest {
  readonly record: CaseRecord;
  /** As stored; requests about one image follow each other and share the very same object. */
  readonly picture: Picture;
  readonly question: string;
}

/** A model under test. */
export interface Answerer {
  /** The pixels in which its boxes are written, for a stored image of `width` x `height`. */
  seenSize(stored: Size): Size;
  /** `relative-1000`: boxes are in thousandths of the picture (Qwen2-VL). */
  readonly convention: 'absolute-resized' | 'relative-1000';
  /** Raw completions, in the order of the requests. */
  answer(requests: readonly EvaluationRequest[]): Promise<readonly string[]>;
}

export interface Rate {
  /** 0 … 1. */
  readonly accuracy: number;
  /** Wilson's 95 % interval. */
  readonly ci: readonly [number, number];
  readonly n: number;
}

export interface BoxRate {
  /** Over the true boxes, each against the claimed box matched to it; 0 where none is. */
  readonly mean_iou: number;
  /** Share of the true boxes that are met with an IoU of at least 0.5. */
  readonly acc50: number;
  readonly n: number;
  /** Claimed boxes that were matched to no true box. */
  readonly idle: number;
}

export interface Measures {
  /** The mean over tasks of their accuracy. */
  readonly macro_accuracy: number;
  /** By the index's task, over the question whose answer is the label. */
  readonly tasks: Readonly<Record<string, Rate>>;
  /** Over every question; a box answer counts as right from a score of 0.5. */
  readonly modalities: Readonly<Record<string, Rate>>;
  readonly question_types: Readonly<Record<string, Rate>>;
  readonly boxes: Readonly<Record<string, BoxRate>>;
}

export interface Evaluation extends Measures {
  /** The same questions over mid-grey pictures, and over the picture of another case with another label: an honest model falls to chance. */
  readonly blank?: Measures;
  readonly swapped?: Measures;
  readonly extractor: typeof extractor;
}

export type Run = 'real' | 'blank' | 'swapped';

/** One line of `--records`. Boxes are [x1, y1, x2, y2] in pixels of the stored image. */
export interface EvaluationLine {
  readonly id: string;
  readonly task: string;
  /** Absent in lines of older versions. */
  readonly modality?: string;
  readonly question_type: string;
  readonly question: string;
  readonly gold: string;
  readonly answer: string;
  readonly correct: boolean;
  readonly boxes: readonly LabelledCorners[] | null;
  readonly gold_boxes: readonly LabelledCorners[] | null;
  /** Mean over the true boxes; null where the question is not about boxes or there are none. */
  readonly iou: number | null;
  readonly text: string;
  readonly run: Run;
}

interface LabelledCorners {
  readonly label: string;
  readonly box: readonly [number, number, number, number];
}

export interface EvaluationOptions {
  /** At most so many cases, spread evenly over the tasks. */
  readonly max?: number;
  readonly counterfactual?: boolean;
  /** Ask for the answer without reasoning. */
  readonly direct?: boolean;
  /** Only these question types. */
  readonly questionTypes?: readonly string[];
  readonly seed?: number;
  /** Questions handed to the model at once. */
  readonly batch?: number;
  readonly signal?: AbortSignal;
  readonly loadPicture?: (record: CaseRecord) => Promise<Picture>;
  readonly onLine?: (line: EvaluationLine) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

export async function evaluate(records: readonly CaseRecord[], answerer: Answerer, options: EvaluationOptions = {}): Promise<Evaluation> {
  const { max = Infinity, counterfactual = false, seed = 0, batch = 16 } = options;
  const loadPicture = options.loadPicture ?? ((record) => decodePicture(loadBytes(record), record.file));
  const cases = spread(records, max, seed);
  const runs: readonly Run[] = counterfactual ? ['real', 'blank', 'swapped'] : ['real'];
  const plan = runs.flatMap((run) => cases.flatMap((record) => planFor(run, record, records, answerer, options)));
  if (plan.length === 0) {
    throw new Fault({
      code: 'evaluate.empty', what: 'There is nothing to evaluate.', why: `The ${records.length} cases hold no question of the wanted types.`,
      mend: 'Give other cases, or leave out the filters.',
    });
  }
  const lines: Scored[] = [];
  let shown = null as { readonly key: string; readonly picture: Picture } | null;
  for (let from = 0; from < plan.length; from += batch) {
    options.signal?.throwIfAborted();
    const part = plan.slice(from, from + batch);
    const requests: EvaluationRequest[] = [];
    for (const { record, run, turn, shownRecord } of part) {
      const key = `${run}/${shownRecord.id}`;
      if (shown?.key !== key) shown = { key, picture: run === 'blank' ? createPicture(record, grey) : await loadPicture(shownRecord) };
      requests.push({ record, picture: shown.picture, question: turn.question });
    }
    const completions = await answerer.answer(requests);
    if (completions.length !== part.length) throw new RangeError(`evaluate: ${part.length} questions were answered ${completions.length} times`);
    for (const [at, asked] of part.entries()) {
      const scored = score(asked, completions[at]!, answerer);
      lines.push(scored);
      options.onLine?.(scored.line);
    }
    options.onProgress?.(Math.min(from + batch, plan.length), plan.length);
  }
  const of = (run: Run): Measures => measures(lines.filter(({ line }) => line.run === run));
  return { ...of('real'), ...(counterfactual ? { blank: of('blank'), swapped: of('swapped') } : {}), extractor };
}

/** A picture in which there is nothing to see. */
const grey = [124, 116, 104] as const;

interface Asked {
  readonly record: CaseRecord;
  readonly run: Run;
  readonly turn: Turn;
  /** Whose picture is shown: another case's in the swapped run. */
  readonly shownRecord: CaseRecord;
}

function planFor(
  run: Run, record: CaseRecord, records: readonly CaseRecord[], answerer: Answerer, { direct = false, questionTypes, seed = 0 }: EvaluationOptions,
): Asked[] {
  const isAsked = (type: string): boolean =>
    (questionTypes?.includes(type) ?? true) && (run === 'real' || type === labelQuestion(record) || type.startsWith('localization_'));
  const turns = record.questionTypes.filter(isAsked).flatMap((type) => evaluationTurns(record, type, answerer.seenSize(record), { direct }));
  const shownRecord = run === 'swapped' && turns.length > 0 ? otherCase(record, records, seed) : record;
  return shownRecord ? turns.map((turn) => ({ record, run, turn, shownRecord })) : [];
}

/** Another case of the same task with another label; where the task has one label, another group's case. */
function otherCase(record: CaseRecord, records: readonly CaseRecord[], seed: number): CaseRecord | null {
  const peers = records.filter((other) => other.task === record.task && other.group !== record.group);
  const unlike = peers.filter((other) => other.label !== record.label);
  const pool = unlike.length > 0 ? unlike : labelQuestion(record) === null ? peers : [];
  return pool.length > 0 ? Random.named(seed, `swap/${record.id}`).pick(pool) : null;
}

/** At most `max` cases, drawn in turn from each task, in a seeded order; all of them in their own order where they are few enough. */
function spread(records: readonly CaseRecord[], max: number, seed: number): readonly CaseRecord[] {
  if (records.length <= max) return records;
  const byTask = new Map<string, CaseRecord[]>();
  for (const record of Random.named(seed, 'cases').shuffled(records)) byTask.set(record.task, [...(byTask.get(record.task) ?? []), record]);
  const queues = [...byTask.values()];
  const chosen = new Set<string>();
  for (let round = 0; chosen.size < max && queues.some((queue) => queue.length > round); round++) {
    for (const queue of queues) if (queue[round] && chosen.size < max) chosen.add(queue[round]!.id);
  }
  return records.filter((record) => chosen.has(record.id));
}

interface Scored {
  readonly line: EvaluationLine;
  readonly record: CaseRecord;
  readonly turn: Turn;
  /** For each true box, the IoU with its match. */
  readonly overlaps: readonly { readonly label: string; readonly overlap: number }[];
  readonly idle: readonly string[];
}

function score({ record, run, turn, shownRecord }: Asked, completion: string, answerer: Answerer): Scored {
  const asked = answerer.seenSize(record);
  const seen = answerer.seenSize(shownRecord);
  const isBoxes = turn.gold.kind === 'boxes';
  const answer = isBoxes ? boxAnswerOf(completion) : answerOf(completion);
  // Both sides of a comparison in pixels of the stored image; IoU does not change when axes are scaled.
  const written = answerer.convention === 'relative-1000' ? { width: 1000, height: 1000 } : seen;
  const scale = { x: record.width / written.width, y: record.height / written.height };
  const toStored = ({ label, box: { x1, y1, x2, y2 } }: LabelledBox, { x, y }: { x: number; y: number }): LabelledBox =>
    ({ label, box: { x1: x1 * x, y1: y1 * y, x2: x2 * x, y2: y2 * y } });
  const claimed = boxesIn(isBoxes ? answer : completion).map((box) => toStored(box, scale));
  const goldScale = { x: record.width / asked.width, y: record.height / asked.height };
  const gold: Gold = turn.gold.kind === 'boxes' ? { ...turn.gold, boxes: turn.gold.boxes.map((box) => toStored(box, goldScale)) } : turn.gold;
  const isNothing = isBoxes && claimed.length === 0;
  const { isCorrect } = verifyAnswer(isBoxes && !isNothing ? boxText(claimed) : turn.gold.kind === 'points' ? pointsAnswer(answer, written, asked) : answer, gold);
  const matches = gold.kind === 'boxes' ? matchBoxes(claimed, gold.boxes, gold.matchLabels) : [];
  const overlapOf = (at: number): number => matches.find((match) => match.gold === at)?.overlap ?? 0;
  const overlaps = gold.kind === 'boxes' ? gold.boxes.map(({ label }, at) => ({ label, overlap: overlapOf(at) })) : [];
  const idle = isBoxes ? claimed.filter((_, at) => !matches.some((match) => match.claimed === at)).map(({ label }) => label) : [];
  const line: EvaluationLine = {
    id: record.id, task: record.task, modality: record.modality, question_type: turn.questionType, question: turn.question, gold: turn.answer, answer, correct: isCorrect,
    boxes: claimed.length > 0 || isBoxes ? claimed.map(corners) : null, gold_boxes: gold.kind === 'boxes' ? gold.boxes.map(corners) : null,
    iou: overlaps.length > 0 ? overlaps.reduce((total, { overlap }) => total + overlap, 0) / overlaps.length : null, text: completion, run,
  };
  return { line, record, turn, overlaps, idle };
}

const round = (value: number): number => Math.round(value * 100) / 100;
const rounded = ({ x1, y1, x2, y2 }: Box): [number, number, number, number] => [round(x1), round(y1), round(x2), round(y2)];
const corners = ({ label, box }: LabelledBox): LabelledCorners => ({ label, box: rounded(box) });
const boxText = (boxes: readonly LabelledBox[]): string => JSON.stringify(boxes.map(({ label, box }) => ({ bbox_2d: rounded(box), label })));

function measures(lines: readonly Scored[]): Measures {
  const rates = (key: (scored: Scored) => string | null): Record<string, Rate> => {
    const groups = new Map<string, boolean[]>();
    for (const scored of lines) {
      const name = key(scored);
      if (name !== null) groups.set(name, [...(groups.get(name) ?? []), scored.line.correct]);
    }
    return Object.fromEntries(
      [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, results]) => [name, rateOf(results.filter(Boolean).length, results.length)]),
    );
  };
  const tasks = rates(({ turn }) => turn.task);
  const accuracies = Object.values(tasks).map(({ accuracy }) => accuracy);
  return {
    macro_accuracy: accuracies.length > 0 ? accuracies.reduce((a, b) => a + b, 0) / accuracies.length : 0,
    tasks, modalities: rates(({ record }) => record.modality), question_types: rates(({ turn }) => turn.questionType), boxes: boxRates(lines),
  };
}

function boxRates(lines: readonly Scored[]): Record<string, BoxRate> {
  const classes = new Map<string, { overlaps: number[]; idle: number }>();
  const at = (label: string): { overlaps: number[]; idle: number } => {
    const key = label.replaceAll(' ', '_');
    const known = classes.get(key) ?? { overlaps: [], idle: 0 };
    classes.set(key, known);
    return known;
  };
  for (const { overlaps } of lines) for (const { label, overlap } of overlaps) at(label).overlaps.push(overlap);
  for (const { idle } of lines) for (const label of idle) if (classes.has(label.replaceAll(' ', '_'))) at(label).idle++;
  return Object.fromEntries([...classes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { overlaps, idle }]) => [name, {
    mean_iou: overlaps.reduce((a, b) => a + b, 0) / overlaps.length, acc50: overlaps.filter((overlap) => overlap >= 0.5).length / overlaps.length,
    n: overlaps.length, idle,
  }]));
}

/** Points in the pixels of the gold, in which its tolerance is told; an answer without points as it is. */
function pointsAnswer(answer: string, written: Size, asked: Size): string {
  const points = pointsIn(answer);
  const [x, y] = [asked.width / written.width, asked.height / written.height];
  return points.length === 0 ? answer : pointList(points.map((point) => ({ ...point, x: round(point.x * x), y: round(point.y * y) })));
}

const rateOf = (hits: number, n: number): Rate => ({ accuracy: n === 0 ? 0 : hits / n, ci: wilson(hits, n), n });
