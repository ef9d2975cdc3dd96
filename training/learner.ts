/** One stage of a run at work: draws batches, runs their graphs and adds up the gradients. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import type { PatchOptions } from '#models/imaging/patches.ts';
import { createTokenizer } from '#models/language/tokenizer.ts';
import type { QwenVlConfig } from '#models/networks/config.ts';
import type { Grid } from '#models/networks/rope.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { createSession, float32, type Device, type Feeds, type Session } from '#models/runtime/session.ts';
import { packCells } from './cells.ts';
import { drawExample, drawLesson, drawView, Pictures, type Example, type ExampleMaker, type LabelledView, type Language } from './examples.ts';
import { bucketName, classifierGraph, supervisedGraph, type Bucket, type GraphOptions, type ParameterSpec, type TrainingGraph } from './graphs.ts';
import { classesOf, isClassified, labelTargets, packViews } from './labels.ts';
import { packExamples, type Packed } from './pack.ts';
import type { ChosenTurn } from './prompts.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Recipe, Stage } from './records/recipe.ts';
import type { Turn } from './records/turn.ts';
import type { TrainerState } from './state.ts';
import { weighted } from './synthesis/asking.ts';
import { phantomRecords } from './synthesis/phantoms.ts';

export interface Accumulated {
  /** Means over the step's batches. */
  readonly loss: number;
  readonly cells: number;
  readonly labels?: number;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly packed: readonly Packed[];
  /** Seconds spent on drawing and packing. */
  readonly drawSeconds: number;
  /** Images of this update, where they are not those that the stage says. */
  readonly images?: number;
  /** Further numbers for the step's line. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export interface Learner {
  accumulate(state: Pick<TrainerState, 'step' | 'weights'>): Promise<Accumulated>;
  /** Whether a run may be kept and gone on with after so many updates. Absent: always. */
  isAtRest?(step: number): boolean;
  /** Looks after an update whether the stage has taught what it was to teach, and may end early; its numbers join the update's line. Null: it did not look. */
  look?(state: Pick<TrainerState, 'step' | 'weights'>): Promise<{ readonly metrics: Readonly<Record<string, number>>; readonly isOver: boolean } | null>;
  /** What it remembers from update to update, as JSON. */
  save?(): unknown;
  restore?(state: unknown): void;
  release(): Promise<void>;
}

export interface LearnerOptions {
  readonly config: QwenVlConfig;
  readonly recipe: Recipe;
  readonly stage: Stage;
  readonly records: readonly CaseRecord[];
  readonly parts: CheckpointParts;
  readonly device: Device;
  readonly options: GraphOptions;
  /** Learnt instead of synthesized questions. */
  readonly chosen?: readonly ChosenTurn[];
}

interface Compiled {
  readonly session: Session;
  readonly trained: readonly ParameterSpec[];
  readonly parameters: readonly ParameterSpec[];
}

/** A batch and the graph that it is for. */
interface Drawn {
  readonly bucket: string;
  readonly graph: () => TrainingGraph;
  readonly packed: Packed;
}

/** Holds the pictures at the stage's size, the records by bucket, and a session for each bucket that was met. */
export function createLearner({ config, recipe, stage, records, parts, device, options, chosen }: LearnerOptions): Learner {
  const patching = patchOptions(parts.preprocessor, config, stage.pixels);
  const graphOptions = { ...narrowed(options, stage), cells: stage.cells, ...(stage.labels > 0 ? { labels: { classes: classesOf(records).size, factor: stage.labels } } : {}) };
  const isClassifying = stage.learns === 'classify';
  const pictures = new Pictures(patching, isClassifying);
  const maker: ExampleMaker = { pictures, options: patching, language: languageOf(parts, config), augment: recipe.augment };
  const drawn = [...phantomRecords(stage.phantoms, recipe.seed)].map(({ record, picture }) => {
    pictures.keep(record, picture);
    return record;
  });
  const lessons = chosen && byRecord(chosen);
  const asked = lessons ? [...lessons.values()].map(({ record }) => record) : [...records, ...drawn];
  const pools = poolsByGrid(isClassifying ? records.filter(isClassified) : asked, isClassifying ? {} : stage.setWeights ?? recipe.setWeights, pictures, config.vision.patchSize);
  const classes = classesOf(records);
  const sessions = new Map<string, Promise<Compiled>>();

  const compiledFor = ({ bucket, graph }: Drawn): Promise<Compiled> => {
    let made = sessions.get(bucket);
    if (!made) sessions.set(bucket, (made = compile(graph())));
    return made;
  };
  const compile = async ({ graph, trained, parameters }: TrainingGraph): Promise<Compiled> => ({ session: await createSession(encodeModel(graph), { device }), trained, parameters });

  const drawAnswers = async (pool: Pool, random: Random): Promise<Drawn> => {
    const bucket: Bucket = { batch: stage.batch, grid: pool.grid, tokens: stage.tokens, targets: stage.batch * stage.targets };
    const examples: Example[] = [];
    const shown: CaseRecord[] = [];
    for (let missed = 0; examples.length < stage.batch;) {
      const record = pool.records[weighted(pool.weights, random)]!;
      const lesson = lessons?.get(record.id);
      const example = lesson ? await drawLesson(record, lesson.turns, stage, maker, random) : await drawExample(record, stage, maker, random);
      if (example.branches.length > 0) {
        examples.push(example);
        shown.push(record);
      } else if (++missed > mostMissed) throw tooLong(stage);
    }
    const packed = packExamples(config, bucket, examples, recipe);
    const cells = stage.cells > 0 ? packCells(config.tokens.image, bucket, examples) : {};
    const labels = stage.labels > 0 ? labelTargets(shown, classes, stage.smoothing) : {};
    return { bucket: bucketName(bucket), graph: () => supervisedGraph(config, bucket, graphOptions), packed: { ...packed, feeds: { ...packed.feeds, ...cells, ...labels } } };
  };
  const drawLabels = async (pool: Pool, random: Random): Promise<Drawn> => {
    const views: LabelledView[] = [];
    while (views.length < stage.batch) views.push(await drawView(pool.records[weighted(pool.weights, random)]!, maker, random));
    return {
      bucket: pool.grid.join(), graph: () => classifierGraph(config, { batch: stage.batch, grid: pool.grid, classes: classes.size }, graphOptions),
      packed: packViews(views, pool.grid, classes, stage, random),
    };
  };

  return {
    async accumulate({ step, weights }) {
      const gradients = new Map<string, Float32Array>();
      const packed: Packed[] = [];
      let [loss, cells, labels, drawSeconds] = [0, 0, 0, 0];
      for (let part = 0; part < stage.accumulate; part++) {
        const started = performance.now();
        const random = Random.named(recipe.seed, `batch:${step}:${part}`);
        const pool = pools[weighted(pools.map(({ total }) => total), random)]!;
        const drawn = await (isClassifying ? drawLabels : drawAnswers)(pool, random);
        const keep = recipe.dropBranches > 0 ? { keep: keepFactors(config.vision.depth, stage.batch, recipe.dropBranches, random) } : {};
        packed.push(drawn.packed);
        drawSeconds += (performance.now() - started) / 1000;
        const { session, trained, parameters } = await compiledFor(drawn);
        const fed: Feeds = { ...drawn.packed.feeds, ...keep, ...Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)])) };
        const outputs = await session.run(fed);
        loss += (outputs['loss']!.data as Float32Array)[0]! / stage.accumulate;
        cells += ((outputs['cells']?.data as Float32Array | undefined)?.[0] ?? 0) / stage.accumulate;
        labels += ((outputs['labels']?.data as Float32Array | undefined)?.[0] ?? 0) / stage.accumulate;
        for (const { name } of trained) addScaled(gradients, name, outputs[`gradient.${name}`]!.data as Float32Array, 1 / stage.accumulate);
      }
      return { loss, cells, labels, gradients, packed, drawSeconds };
    },
    async release() {
      for (const made of sessions.values()) await (await made).session.release();
      sessions.clear();
    },
  };
}

/** So many draws in a row without a question that fits mean that none fits. */
const mostMissed = 2000;

const tooLong = ({ tokens, targets }: Stage): Fault => new Fault({
  code: 'train.tooLong', what: 'The questions do not fit into the sequences of the stage.', why: `Of ${mostMissed} draws none stayed within ${tokens} tokens, ${targets} of them learnt.`,
  mend: 'Raise `tokens` and `targets` of the stage in the recipe.',
});

/** The chosen turns of each case. */
function byRecord(chosen: readonly ChosenTurn[]): Map<string, { readonly record: CaseRecord; readonly turns: Turn[] }> {
  const records = new Map<string, { readonly record: CaseRecord; readonly turns: Turn[] }>();
  for (const { record, turn } of chosen) {
    const known = records.get(record.id) ?? { record, turns: [] };
    known.turns.push(turn);
    records.set(record.id, known);
  }
  return records;
}

/** What of the network a stage trains. */
export function narrowed(options: GraphOptions, { trained }: Stage): GraphOptions {
  if (trained === undefined) return options;
  const pattern = new RegExp(trained);
  return { ...options, isTrained: (name) => (options.isTrained?.(name) ?? true) && pattern.test(name) };
}

export function addScaled(sums: Map<string, Float32Array>, name: string, more: Float32Array, scale: number): void {
  const before = sums.get(name);
  if (!before && scale === 1) {
    sums.set(name, more);
    return;
  }
  const into = before ?? new Float32Array(more.length);
  for (let i = 0; i < into.length; i++) into[i]! += scale * more[i]!;
  sums.set(name, into);
}

/** Stochastic depth (Huang et al. 2016): block b of an image is dropped with a probability that rises to `most` at the last block; the kept ones are scaled up. */
export function keepFactors(depth: number, batch: number, most: number, random: Random) {
  const factors = new Float32Array(depth * batch);
  for (let block = 0; block < depth; block++) {
    const drop = (most * (block + 1)) / depth;
    for (let b = 0; b < batch; b++) factors[block * batch + b] = random.chance(drop) ? 0 : 1 / (1 - drop);
  }
  return float32([depth, batch], factors);
}

interface Pool {
  readonly grid: Grid;
  readonly records: readonly CaseRecord[];
  readonly weights: readonly number[];
  readonly total: number;
}

/** Records whose images become the same grid share a graph, so a batch is drawn from one pool; a pool's turn comes as often as its records weigh. */
function poolsByGrid(records: readonly CaseRecord[], setWeights: Recipe['setWeights'], pictures: Pictures, patchSize: number): readonly Pool[] {
  const pools = new Map<string, { grid: Grid; records: CaseRecord[]; weights: number[]; total: number }>();
  for (const record of records) {
    const weight = setWeights[record.set] ?? 1;
    if (weight === 0) continue;
    const { width, height } = pictures.sizeFor(record);
    const grid: Grid = [1, height / patchSize, width / patchSize];
    const pool = pools.get(grid.join()) ?? { grid, records: [], weights: [], total: 0 };
    pool.records.push(record);
    pool.weights.push(weight);
    pool.total += weight;
    pools.set(grid.join(), pool);
  }
  return [...pools.values()];
}

/** The folder's preprocessing with both bounds at one area, so that every image of a stage has about the same number of patches. */
export function patchOptions(preprocessor: unknown, config: QwenVlConfig, pixels: number): PatchOptions {
  const { image_mean: mean, image_std: std } = preprocessor as { image_mean: [number, number, number]; image_std: [number, number, number] };
  const { patchSize, temporalPatchSize, mergeSize } = config.vision;
  return { patchSize, temporalPatchSize, mergeSize, minPixels: pixels, maxPixels: pixels, mean, std };
}

export function languageOf({ tokenizer: json, tokenizerConfig }: CheckpointParts, config: QwenVlConfig): Language {
  const tokenizer = createTokenizer(json, tokenizerConfig);
  return { tokenizer, template: (tokenizerConfig as { chat_template: string }).chat_template, visionEnd: config.tokens.visionEnd, endOfTurn: tokenizer.idOf('<|im_end|>')! };
}
