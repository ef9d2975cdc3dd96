/** Before the first update: does every row open, does every question fit, can its right answer earn full marks, and is there memory for the largest batch? */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import { smartResize, type PatchOptions } from '#models/imaging/patches.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { resize } from '#models/imaging/resize.ts';
import { parseConfig, type QwenVlConfig } from '#models/networks/config.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { connectorWarning } from './curricula/criticalTokens.ts';
import { findCurriculum, findPipeline } from './curricula/table.ts';
import { loadBytes } from './data/cases.ts';
import { encodeTurn, type Language } from './examples.ts';
import { isClassified } from './labels.ts';
import { languageOf, patchOptions } from './learner.ts';
import { isLocated } from './localizerData.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { PolicyStage, Recipe, RewardUse, Stage } from './records/recipe.ts';
import type { Turn } from './records/turn.ts';
import type { NamedReward, RewardRow } from './rewards/reward.ts';
import { findReward, scoreRow } from './rewards/table.ts';
import { verify } from './rewards/verify.ts';
import { asDirect } from './synthesis/asking.ts';
import { synthesize } from './synthesis/questions.ts';

export interface PreflightProblem {
  /** With an error the run would fail, or learn from what is wrong; a warning is worth a look. */
  readonly severity: 'error' | 'warning';
  /** Stable: `row.open`, `row.size`, `row.box`, `tokens.none`, `tokens.some`, `tokens.positions`, `stage.empty`, `stage.name`, `stage.connector`, `gold.throws`, `gold.below`, `gold.silent`, `gold.flat`, `memory.short`. */
  readonly code: string;
  /** A case, a stage or a reward. */
  readonly where: string;
  readonly seen: string;
  readonly remedy: string;
}

/** How the right answers fare under one reward of one stage. */
export interface GoldCheck {
  readonly stage: number;
  readonly reward: string;
  readonly mode: string;
  /** Right answers that it applied to, those that earned full marks, and those that it did not apply to. */
  readonly applied: number;
  readonly full: number;
  readonly silent: number;
  readonly best: number | null;
}

export interface StageCheck {
  readonly stage: number;
  readonly learns: Stage['learns'];
  readonly questions: number;
  /** Longest prompt and longest right answer, in tokens; null in a stage that reads no text. */
  readonly longestPrompt: number | null;
  readonly longestAnswer: number | null;
  /** The largest batch: patches of all its images, and its tokens. */
  readonly largest: { readonly grid: readonly [number, number]; readonly patches: number; readonly tokens: number };
}

export interface PreflightReport {
  readonly cases: number;
  readonly checked: number;
  readonly stages: readonly StageCheck[];
  readonly golds: readonly GoldCheck[];
  readonly problems: readonly PreflightProblem[];
  /** Errors beyond those that are listed one by one. */
  readonly unlisted: number;
  /** Of the trial with the largest batch; null where none was made. */
  readonly trial: { readonly stage: number; readonly seconds: number; readonly peakBytes: number } | null;
}

export interface PreflightOptions {
  readonly recipe: Recipe;
  readonly records: readonly CaseRecord[];
  readonly parts: CheckpointParts;
  /** At most so many cases, spread evenly over the sets; all where absent. */
  readonly most?: number;
  /** Makes one update with the stage's largest batch, on the given cases, and throws it away. */
  readonly attempt?: (stage: number, records: readonly CaseRecord[]) => Promise<void>;
  readonly loadPicture?: (record: CaseRecord) => Promise<Picture>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Problems of one kind that are listed one by one; of the others only their number is told. */
const mostListed = 20;

export async function preflight({ recipe, records, parts, most = Infinity, attempt, signal, onProgress, ...options }: PreflightOptions): Promise<PreflightReport> {
  const loadPicture = options.loadPicture ?? ((record: CaseRecord) => decodePicture(loadBytes(record, { verify: true }), record.file));
  const config = parseConfig(parts.config);
  const problems = new Problems();
  const language = languageOf(parts, config);
  const stages = recipe.stages.map((stage, index) => new StageReader(stage, index, recipe, records, { config, parts, language, problems }));

  // What needs the most memory is tried first: better now than hours in.
  const heaviest = stages.toSorted((a, b) => b.weight - a.weight)[0];
  const trial = attempt && heaviest && heaviest.weight > 0 ? await tried(heaviest, attempt, loadPicture, problems) : null;

  const chosen = spread(records, most, recipe.seed);
  for (const [at, record] of chosen.entries()) {
    signal?.throwIfAborted();
    const picture = await opened(record, loadPicture, problems);
    // Stages that put a record alike read it once.
    const memo: Memo = new Map();
    if (picture) for (const stage of stages) stage.read(record, picture, memo);
    if (at % 50 === 49 || at + 1 === chosen.length) onProgress?.(at + 1, chosen.length);
  }
  return {
    cases: records.length, checked: chosen.length, stages: stages.map((stage) => stage.finish()), golds: stages.flatMap((stage) => stage.golds()),
    problems: problems.listed, unlisted: problems.unlisted, trial,
  };
}

class Problems {
  readonly listed: PreflightProblem[] = [];
  unlisted = 0;
  private readonly counts = new Map<string, number>();

  add(problem: PreflightProblem): void {
    const count = (this.counts.get(problem.code) ?? 0) + 1;
    this.counts.set(problem.code, count);
    if (count <= mostListed) this.listed.push(problem);
    else if (problem.severity === 'error') this.unlisted++;
  }
}

/** At most `most` records, drawn in turn from each set in a seeded order. */
function spread(records: readonly CaseRecord[], most: number, seed: number): readonly CaseRecord[] {
  if (records.length <= most) return records;
  const sets = new Map<string, CaseRecord[]>();
  for (const record of Random.named(seed, 'preflight').shuffled(records)) {
    const known = sets.get(record.set);
    if (known) known.push(record);
    else sets.set(record.set, [record]);
  }
  const chosen: CaseRecord[] = [];
  for (let round = 0; chosen.length < most; round++) for (const set of sets.values()) chosen.push(...set.slice(round, round + 1));
  return chosen.slice(0, most);
}

async function opened(record: CaseRecord, loadPicture: (record: CaseRecord) => Promise<Picture>, problems: Problems): Promise<Picture | null> {
  let picture: Picture;
  try {
    picture = await loadPicture(record);
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    problems.add({ severity: 'error', code: 'row.open', where: record.id, seen: `${cause.what} ${cause.why}`, remedy: cause.mend });
    return null;
  }
  const { width, height } = picture;
  if (width !== record.width || height !== record.height) problems.add({
    severity: 'error', code: 'row.size', where: record.id, seen: `The picture is ${width} x ${height} pixels, but its row says ${record.width} x ${record.height}: its boxes are elsewhere.`,
    remedy: 'Correct the row; `loupe dataset lint --pixels` finds all of them.',
  });
  const outside = record.boxes?.filter(({ box: { x1, y1, x2, y2 } }) => !(x1 >= 0 && y1 >= 0 && x1 < x2 && y1 < y2 && x2 <= width && y2 <= height)).length ?? 0;
  if (outside > 0) problems.add({
    severity: 'error', code: 'row.box', where: record.id, seen: `${outside} of its ${record.boxes!.length} boxes leave the picture or are empty.`, remedy: 'Correct the boxes; they are in pixels of the stored image.',
  });
  return picture;
}

interface Tools {
  readonly config: QwenVlConfig;
  readonly parts: CheckpointParts;
  readonly language: Language;
  readonly problems: Problems;
}

interface UsedReward {
  readonly use: RewardUse;
  readonly reward: NamedReward;
  /** Reads what the model says when it is asked again: only a run can tell what that will be. */
  readonly needsModel: boolean;
  applied: number;
  full: number;
  silent: number;
  best: number;
  /** Right answers that earned more than no answer at all. */
  aboveNothing: number;
  /** Takes away where a completion rambles up to the limit: it need not pay. */
  isPenalty: boolean;
  readonly below: { readonly where: string; readonly score: number }[];
  threw: string | null;
}

/** A question and its right answer in the stage's tokens. */
interface EncodedQuestion {
  readonly turn: Turn;
  readonly prefix: readonly number[];
  readonly branch: { readonly ids: readonly number[]; readonly firstTarget: number };
}

interface Reading {
  readonly encoded: readonly EncodedQuestion[];
  readonly picture: Picture;
}
type Memo = Map<string, Reading>;

/** Whether a policy stage puts a question: it is of a wanted type, and its answer can be checked. */
const isAsked = ({ questionType, gold, completion }: Turn, { questionTypes }: PolicyStage): boolean =>
  (questionTypes?.includes(questionType) ?? true) && gold.kind !== 'text' && verify(completion, gold).score > 0.99;

/** What a penalty is for. */
const rambling = 'the same again and '.repeat(100);

/** Looks at records as one stage will. */
/** Whether a stage learns from pictures of one square size, without any text. */
const isWordless = ({ learns }: Stage): boolean => learns === 'classify' || learns === 'locate' || learns === 'judge' || learns === 'pair' || learns === 'integrity' || learns === 'act';

class StageReader {
  readonly records: readonly CaseRecord[];
  /** Grows with the memory of the stage's largest batch. */
  readonly weight: number;
  private readonly own: ReadonlySet<CaseRecord>;
  private readonly patching: PatchOptions;
  private readonly grid: readonly [number, number];
  private readonly used: readonly UsedReward[];
  private questions = 0;
  private longestPrompt = 0;
  private longestAnswer = 0;
  private readonly fits = { cases: 0, none: [] as string[], turns: 0, fitting: 0 };

  constructor(readonly stage: Stage, readonly index: number, private readonly recipe: Recipe, records: readonly CaseRecord[], private readonly tools: Tools) {
    const { config, parts, problems } = tools;
    const setWeights = stage.learns === 'classify' ? {} : stage.setWeights ?? recipe.setWeights;
    const all = stage.learns === 'classify' ? records.filter(isClassified) : stage.learns === 'locate' ? records.filter(isLocated) : records;
    this.records = all.filter(({ set }) => (setWeights[set] ?? 1) > 0);
    this.own = new Set(this.records);
    this.patching = patchOptions(parts.preprocessor, config, stage.pixels);
    this.grid = (this.isDrawn ? [this.gridIn(smartResize(1000, 1000, this.patching))] : this.records.map((record) => this.gridOf(record))).reduce((most, grid) => (grid[0] * grid[1] > most[0] * most[1] ? grid : most), [0, 0] as readonly [number, number]);
    this.used = stage.policy ? this.usedRewards(stage.policy) : [];
    this.weight = this.largest().patches + this.largest().tokens;
    if (this.records.length === 0 && stage.phantoms === 0 && !this.isDrawn) problems.add({
      severity: 'error', code: 'stage.empty', where: this.name, seen: 'None of the cases belongs to it.', remedy: 'Give other index files, or change setWeights in the recipe.',
    });
    this.checkNames(stage, problems);
    this.checkConnector(problems);
  }

  /** The studies of a stage that learns to drive are its own. */
  get isDrawn(): boolean {
    return this.stage.learns === 'act';
  }

  private get name(): string {
    return `stage ${this.index + 1}`;
  }

  private checkNames({ data, policy }: Stage, problems: Problems): void {
    for (const look of [() => data && findPipeline(data.pipeline), ...(policy?.curricula ?? []).map(({ name }) => () => findCurriculum(name))]) {
      try {
        look();
      } catch (cause) {
        if (!(cause instanceof Fault)) throw cause;
        problems.add({ severity: 'error', code: 'stage.name', where: this.name, seen: cause.what, remedy: cause.mend });
      }
    }
  }

  /** An adapter leaves all weights as they are and is not what the warning was measured on. */
  private checkConnector(problems: Problems): void {
    if (this.stage.learns !== 'policy' || this.recipe.adapter) return;
    const patterns = [this.recipe.trained, this.stage.trained ?? '.'].map((pattern) => new RegExp(pattern));
    const seen = connectorWarning((name) => patterns.every((pattern) => pattern.test(name)));
    if (seen !== null) problems.add({ severity: 'warning', code: 'stage.connector', where: this.name, seen, remedy: 'Let `trained` take in visual.merger, or watch the alarms from the first updates on.' });
  }

  private usedRewards({ rewards }: PolicyStage): readonly UsedReward[] {
    return rewards.flatMap((use): UsedReward[] => {
      try {
        const reward = findReward(use.name);
        if (!reward.modes[use.mode]) throw new Fault({ code: 'reward.mode', what: `The reward ${use.name} has no ${use.mode} mode.`, why: '', mend: `Set its mode to ${Object.keys(reward.modes).join(' or ')}.` });
        const needsModel = reward.reads.some((read) => ['hidden', 'control', 'judge'].includes(read.split(/[^a-zA-Z]/, 1)[0]!));
        return [{ use, reward, needsModel, applied: 0, full: 0, silent: 0, best: -Infinity, aboveNothing: 0, isPenalty: false, below: [], threw: null }];
      } catch (cause) {
        if (!(cause instanceof Fault)) throw cause;
        this.tools.problems.add({ severity: 'error', code: 'stage.name', where: this.name, seen: cause.what, remedy: cause.mend });
        return [];
      }
    });
  }

  private sizeOf({ width, height }: CaseRecord): { width: number; height: number } {
    return isWordless(this.stage) ? smartResize(1000, 1000, this.patching) : smartResize(height, width, this.patching);
  }

  private gridIn({ width, height }: Size): readonly [number, number] {
    return [height / this.patching.patchSize, width / this.patching.patchSize];
  }

  private gridOf(record: CaseRecord): readonly [number, number] {
    return this.gridIn(this.sizeOf(record));
  }

  private largest(): StageCheck['largest'] {
    const { stage, grid } = this;
    const cells = (grid[0] * grid[1]) / this.patching.mergeSize ** 2;
    const sequence = stage.policy ? cells + stage.policy.rollouts * stage.policy.maxNewTokens : stage.learns === 'answer' ? stage.tokens : 0;
    return { grid, patches: stage.batch * grid[0] * grid[1], tokens: stage.batch * sequence };
  }

  /** The records whose images make the largest grid. */
  heaviest(): readonly CaseRecord[] {
    return this.records.filter((record) => this.gridOf(record).join() === this.grid.join());
  }

  /** One record as the stage will put it: its questions, their lengths, and what their right answers earn. */
  read(record: CaseRecord, stored: Picture, memo: Memo): void {
    const { stage } = this;
    if (isWordless(stage) || !this.own.has(record)) return;
    const key = JSON.stringify([stage.pixels, stage.direct, stage.policy ? stage.policy.questionTypes ?? 'all' : null]);
    const known = memo.get(key) ?? this.encoded(record, stored);
    memo.set(key, known);
    const { encoded, picture } = known;
    if (stage.policy) this.readPrompts(record, encoded, picture, stage.policy);
    else this.readAnswers(record, encoded);
  }

  /** Whether the stage finds something to learn in a record; looking for it in one that has nothing would not end. */
  canLearn(record: CaseRecord, stored: Picture): boolean {
    const { stage } = this;
    if (isWordless(stage)) return true;
    const { encoded } = this.encoded(record, stored);
    return encoded.some((one) => stage.policy !== undefined || this.isFitting(one));
  }

  private encoded(record: CaseRecord, stored: Picture): Reading {
    const { stage, recipe } = this;
    const picture = resize(stored, this.sizeOf(record));
    const [sx, sy] = [picture.width / record.width, picture.height / record.height];
    const boxes = record.boxes?.map(({ class: name, box }) => ({ class: name, box: { x1: box.x1 * sx, y1: box.y1 * sy, x2: box.x2 * sx, y2: box.y2 * sy } })) ?? null;
    const made = synthesize({ record, picture, boxes, flippedX: false, flippedY: false, quarterTurns: 0 }, Random.named(recipe.seed, `preflight/${record.id}`));
    const turns = this.styled(stage.policy ? made.filter((turn) => isAsked(turn, stage.policy!)) : made);
    const [rows, columns] = this.gridOf(record);
    return { encoded: turns.map((turn) => ({ turn, ...encodeTurn(turn, [1, rows, columns], this.tools.language, this.patching.mergeSize) })), picture };
  }

  /** A policy stage puts its questions in the long form where there is one, unless the short one is wanted. */
  private styled(turns: readonly Turn[]): readonly Turn[] {
    const { direct, policy } = this.stage;
    if (direct >= 1) return turns.map(asDirect);
    const reasoned = turns.filter(({ style }) => style === 'reasoned');
    return policy && direct === 0 && reasoned.length > 0 ? reasoned : turns;
  }

  private isFitting({ prefix, branch }: EncodedQuestion): boolean {
    return prefix.length + branch.ids.length <= this.stage.tokens && branch.ids.length - branch.firstTarget <= this.stage.targets;
  }

  private measure(prefix: number, { ids, firstTarget }: { readonly ids: readonly number[]; readonly firstTarget: number }): { prompt: number; answer: number } {
    const lengths = { prompt: prefix + firstTarget, answer: ids.length - firstTarget };
    this.questions++;
    this.longestPrompt = Math.max(this.longestPrompt, lengths.prompt);
    this.longestAnswer = Math.max(this.longestAnswer, lengths.answer);
    return lengths;
  }

  private readAnswers(record: CaseRecord, encoded: readonly EncodedQuestion[]): void {
    const { fits } = this;
    for (const { prefix, branch } of encoded) this.measure(prefix.length, branch);
    const fitting = encoded.filter((one) => this.isFitting(one)).length;
    fits.cases++;
    fits.turns += encoded.length;
    fits.fitting += fitting;
    if (fitting === 0) fits.none.push(record.id);
  }

  private readPrompts(record: CaseRecord, encoded: readonly EncodedQuestion[], size: { readonly width: number; readonly height: number }, policy: PolicyStage): void {
    for (const { turn, prefix, branch } of encoded) {
      const { answer } = this.measure(prefix.length, branch);
      this.fits.turns++;
      if (answer <= policy.maxNewTokens) this.fits.fitting++;
      for (const used of this.used) this.scoreGold(used, record, turn, answer, { width: size.width, height: size.height }, policy);
    }
  }

  private scoreGold(used: UsedReward, record: CaseRecord, turn: Turn, tokens: number, size: { readonly width: number; readonly height: number }, { maxNewTokens }: PolicyStage): void {
    const row: RewardRow = {
      id: record.id, case: record.id, modality: record.modality, task: record.task, question_type: turn.questionType,
      completion: turn.completion, target: turn.gold, question: turn.question, size, input: size, tokens: Math.min(tokens, maxNewTokens), maxTokens: maxNewTokens, finished: true,
      step: 0, steps: this.stage.steps,
      // A model that cites its evidence: hiding it changes the answer, hiding something else does not, and a judge agrees.
      hidden: '<answer></answer>', control: turn.completion, judge: '1.0',
    };
    const where = `${record.id}, ${turn.questionType}`;
    try {
      const { reward } = scoreRow(used.reward, used.use.mode, { ...row, ...used.use.options });
      if (reward === null) {
        used.silent++;
        return;
      }
      const scoreOf = (change: Partial<RewardRow>): number => scoreRow(used.reward, used.use.mode, { ...row, judge: '0.0', ...change, ...used.use.options }).reward ?? 0;
      const nothing = scoreOf({ completion: '', tokens: 1 });
      if (used.applied === 0) used.isPenalty = scoreOf({ completion: rambling, tokens: maxNewTokens, finished: false }) < 0;
      used.applied++;
      used.best = Math.max(used.best, reward);
      if (reward > nothing) used.aboveNothing++;
      if (reward > 1 - 1e-6) used.full++;
      else used.below.push({ where, score: reward });
    } catch (cause) {
      if (!(cause instanceof Fault) && !(cause instanceof Error)) throw cause;
      used.threw ??= `${where}: ${cause instanceof Fault ? `${cause.what} ${cause.why}` : cause.message}`;
    }
  }

  golds(): readonly GoldCheck[] {
    return this.used.map(({ use, applied, full, silent, best }) => ({ stage: this.index, reward: use.name, mode: use.mode, applied, full, silent, best: applied > 0 ? best : null }));
  }

  finish(): StageCheck {
    const { stage, fits, tools, name } = this;
    const { problems, config } = tools;
    const none = fits.none.length;
    if (none > 0) problems.add({
      severity: none === fits.cases && !stage.data ? 'error' : 'warning', code: 'tokens.none', where: name,
      seen: `No question of ${none} of ${fits.cases} cases fits into ${stage.tokens} tokens of which ${stage.targets} may be learnt, as in ${fits.none.slice(0, 3).join(', ')}.`,
      remedy: 'Raise tokens or targets of the stage, or lower its pixels: these cases are never learnt from.',
    });
    else if (fits.turns > 0 && fits.fitting < 0.9 * fits.turns) problems.add({
      severity: 'warning', code: 'tokens.some', where: name,
      seen: stage.policy ? `${fits.turns - fits.fitting} of ${fits.turns} right answers are longer than maxNewTokens (${stage.policy.maxNewTokens}).` : `${fits.turns - fits.fitting} of ${fits.turns} questions do not fit and are passed over.`,
      remedy: stage.policy ? 'Raise maxNewTokens, unless the stage is meant to shorten the reasoning.' : 'Raise tokens or targets of the stage.',
    });
    const longest = this.longestPrompt + (stage.policy?.maxNewTokens ?? this.longestAnswer);
    if (this.questions > 0 && longest > config.maxPositions) problems.add({
      severity: 'error', code: 'tokens.positions', where: name, seen: `A prompt of ${this.longestPrompt} tokens and its answer are longer than the ${config.maxPositions} positions that the model knows.`,
      remedy: 'Lower the pixels or maxNewTokens of the stage.',
    });
    if (stage.policy && fits.turns === 0 && this.records.length > 0 && !stage.data) problems.add({
      severity: 'error', code: 'stage.empty', where: name, seen: 'No case has a question of the wanted types whose answer a program can check.', remedy: 'Widen questionTypes, or give cases with labels, boxes or facts.',
    });
    for (const used of this.used) this.judgeReward(used);
    const isText = !isWordless(stage) && this.questions > 0;
    return { stage: this.index, learns: stage.learns, questions: this.questions, longestPrompt: isText ? this.longestPrompt : null, longestAnswer: isText ? this.longestAnswer : null, largest: this.largest() };
  }

  private judgeReward(used: UsedReward): void {
    const { use, applied, full, silent, best, below, threw, aboveNothing, needsModel, isPenalty } = used;
    const where = `${this.name}, reward ${use.name} (${use.mode})`;
    // A pipeline will put other questions than these: what is wrong with these may be right with those.
    const isWritten = this.stage.data !== undefined;
    const add = (severity: PreflightProblem['severity'], code: string, seen: string, remedy: string): void =>
      this.tools.problems.add({ severity: isWritten ? 'warning' : severity, code, where, seen: isWritten ? `${seen} (Of the questions before its data pipeline.)` : seen, remedy });
    if (threw !== null) add('error', 'gold.throws', `It fails on a right answer: ${threw}`, 'Use its strict mode, or leave it out of the recipe.');
    if (applied === 0) {
      if (silent > 0) add('warning', 'gold.silent', `It applies to none of ${silent} questions.`, 'Leave it out, or choose question types that it reads.');
      return;
    }
    // What only takes away has done its part where it takes nothing from a right answer.
    if (isPenalty && best <= 0) {
      const punished = below.filter(({ score }) => score < 0);
      if (punished.length > 0) add('warning', 'gold.below', `It takes away from ${punished.length} of ${applied} right answers, as from ${punished[0]!.where} (${punished[0]!.score.toFixed(2)}).`, 'Look at the answer: is it too long, or repetitive?');
      return;
    }
    if (full < applied) {
      const { where: example, score } = below[0]!;
      // A reward that grades by length has its best somewhere below 1.
      add(needsModel || full > 0 || best >= 0.5 ? 'warning' : 'error', 'gold.below', `${applied - full} of ${applied} right answers do not earn full marks, as ${example} (${score.toFixed(2)}); the best earns ${best.toFixed(2)}.`,
        full > 0 ? 'Look at these questions: their gold, or the form in which the answer is expected, does not suit the reward.' : 'The reward expects another form of answer than these cases have: choose another, or set its options.');
    }
    if (aboveNothing === 0) add('warning', 'gold.flat', 'A right answer earns no more than no answer at all.', 'The reward cannot teach what is right here; leave it out or give it a small weight.');
  }
}

/** One update with the largest batch: memory that is missing shows now. */
async function tried(
  reader: StageReader, attempt: NonNullable<PreflightOptions['attempt']>, loadPicture: (record: CaseRecord) => Promise<Picture>, problems: Problems,
): Promise<PreflightReport['trial']> {
  const records: CaseRecord[] = [];
  for (const record of reader.heaviest().slice(0, 32)) {
    try {
      if (reader.canLearn(record, await loadPicture(record))) records.push(record);
    } catch (cause) {
      // A row that does not open is told with the others.
      if (!(cause instanceof Fault)) throw cause;
    }
  }
  if (records.length === 0 && !reader.isDrawn) return null;
  const started = performance.now();
  try {
    await attempt(reader.index, records);
  } catch (cause) {
    if (cause instanceof Fault && !/memory|alloc/i.test(`${cause.what} ${cause.why}`)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    if (!(cause instanceof Fault) && !/memory|alloc|out of range|Invalid array length/i.test(why)) throw cause;
    problems.add({
      severity: 'error', code: 'memory.short', where: `stage ${reader.index + 1}`, seen: `Its largest batch does not fit into memory: ${why.slice(0, 300)}`,
      remedy: 'Lower batch (and raise accumulate as much), pixels, or rollouts of the stage.',
    });
    return null;
  }
  // Kilobytes on every system.
  return { stage: reader.index, seconds: (performance.now() - started) / 1000, peakBytes: process.resourceUsage().maxRSS * 1024 };
}

export const hasErrors = ({ problems, unlisted }: PreflightReport): boolean => unlisted > 0 || problems.some(({ severity }) => severity === 'error');

/** Fault `preflight.failed` where the report has an error; what was seen first stands in it. */
export function requireReady(report: PreflightReport): void {
  const errors = report.problems.filter(({ severity }) => severity === 'error');
  const first = errors[0];
  if (!first) return;
  const count = errors.length + report.unlisted;
  throw new Fault({
    code: 'preflight.failed', what: 'The run was not begun.', why: `${first.where}: ${first.seen}${count > 1 ? ` And ${count - 1} more.` : ''}`,
    mend: `${first.remedy} \`loupe train RECIPE --check\` lists everything.`,
  });
}

/** The report for a terminal. */
export function preflightText({ cases, checked, stages, golds, problems, unlisted, trial }: PreflightReport): string {
  const lines = [`${checked === cases ? `${cases} cases` : `${checked} of ${cases} cases`} looked at`, ''];
  for (const { stage, learns, questions, longestPrompt, longestAnswer, largest } of stages) {
    const text = longestPrompt === null ? '' : `, ${questions} questions, longest prompt ${longestPrompt} and right answer ${longestAnswer} tokens`;
    lines.push(`stage ${stage + 1}  ${learns.padEnd(8)}  images up to ${largest.grid[0]} x ${largest.grid[1]} patches${text}; largest batch ${largest.patches} patches${largest.tokens > 0 ? ` and ${largest.tokens} tokens` : ''}`);
    const own = golds.filter((gold) => gold.stage === stage);
    const width = Math.max(0, ...own.map(({ reward, mode }) => reward.length + mode.length));
    for (const { reward, mode, applied, full, silent, best } of own) {
      const name = `${reward} ${mode}`;
      lines.push(`  ${name.padEnd(width + 1)}  ${applied === 0 ? 'applies to none' : `${full} of ${applied} right answers earn full marks, best ${best!.toFixed(2)}`}${silent > 0 ? `, ${silent} not applicable` : ''}`);
    }
  }
  if (trial) lines.push('', `largest batch tried (stage ${trial.stage + 1}): ${trial.seconds.toFixed(1)} s, ${(trial.peakBytes / 2 ** 30).toFixed(2)} GiB at the peak`);
  if (problems.length > 0) lines.push('', ...problems.map(({ severity, code, where, seen, remedy }) => `${severity} ${code}: ${where}: ${seen}\n  ${remedy}`));
  if (unlisted > 0) lines.push(`and ${unlisted} more errors of these kinds`);
  const errors = problems.filter(({ severity }) => severity === 'error').length + unlisted;
  lines.push('', errors === 0 ? 'Ready.' : `${errors} error${errors > 1 ? 's' : ''}.`);
  return lines.join('\n');
}
