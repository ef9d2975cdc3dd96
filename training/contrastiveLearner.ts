/** Stages at which an encoder learns likeness: from judgements of three images, or from images and their sentences. */
import { createHash } from 'node:crypto';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { toVisionInput } from '#models/imaging/patches.ts';
import { resize } from '#models/imaging/resize.ts';
import { createTokenizer } from '#models/language/tokenizer.ts';
import type { QwenVlConfig } from '#models/networks/config.ts';
import { contrastiveGrid, isOfContrastive, isOfImage, packSentences, scaleName, type ContrastiveConfig } from '#models/networks/contrastive.ts';
import { createSession, float32, type Feeds, type Session } from '#models/runtime/session.ts';
import { judgementGraph, pairGraph } from './contrastiveGraph.ts';
import { augmented, patchesOf, Pictures } from './examples.ts';
import type { ParameterSpec, TrainingGraph } from './graphs.ts';
import { openJudgements, type JudgementSource } from './judgements.ts';
import { addScaled, keepFactors, narrowed, patchOptions, type Accumulated, type Learner, type LearnerOptions } from './learner.ts';
import { pairShares } from './objectives/infoNce.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Stage } from './records/recipe.ts';
import { captionOf } from './synthesis/captions.ts';
import { phantomRecords } from './synthesis/phantoms.ts';

/** The network of a stage. */
export const contrastiveOf = ({ similar, pixels }: Pick<Stage, 'similar' | 'pixels'>): ContrastiveConfig => ({ ...similar!.encoder, side: Math.round(Math.sqrt(pixels)) });

interface Compiled {
  readonly session: Session;
  readonly parameters: readonly ParameterSpec[];
  readonly trained: readonly ParameterSpec[];
}

type ContrastiveOptions = LearnerOptions & {
  /** Updates before the stage; what is drawn counts from there, so that a baseline without the stage before draws the same. */
  readonly begin: number;
};

/** @throws Fault `judgements.few`, `judgements.read`, `pairs.few` */
export function createContrastiveLearner(options: ContrastiveOptions): Learner {
  return options.stage.learns === 'judge' ? judgementLearner(options) : pairLearner(options);
}

function compiler({ device }: Pick<LearnerOptions, 'device'>, make: () => TrainingGraph): { open(): Promise<Compiled>; release(): Promise<void> } {
  let opened: Promise<Compiled> | null = null;
  return {
    open() {
      opened ??= (async () => {
        const { graph, parameters, trained } = make();
        return { session: await createSession(encodeModel(graph), { device }), parameters, trained };
      })();
      return opened;
    },
    async release() {
      await (await opened)?.session.release();
      opened = null;
    },
  };
}

const fed = ({ parameters }: Compiled, weights: ReadonlyMap<string, Float32Array>): Feeds => Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)]));

/** Patches of equally large pictures after one another. */
function patchTensor(config: QwenVlConfig, contrastive: ContrastiveConfig, each: readonly Float32Array[]) {
  const [, rows, columns] = contrastiveGrid(config, contrastive);
  const width = config.vision.channels * config.vision.patchSize ** 2;
  const all = new Float32Array(each.length * rows * columns * width);
  each.forEach((patches, b) => all.set(patches, b * rows * columns * width));
  return float32([each.length * rows * columns, width], all);
}

const branchFactors = ({ recipe, config }: Pick<ContrastiveOptions, 'recipe' | 'config'>, images: number, random: Random): Feeds => recipe.dropBranches > 0 ? { keep: keepFactors(config.vision.depth, images, recipe.dropBranches, random) } : {};

function judgementLearner(given: ContrastiveOptions): Learner {
  const { config, recipe, stage, records, parts, options, begin } = given;
  const contrastive = contrastiveOf(stage);
  const { margin } = stage.similar!.judgements!;
  const patching = patchOptions(parts.preprocessor, config, stage.pixels);
  const pictures = new Pictures(patching, true);
  const source: JudgementSource = openJudgements(stage.similar!.judgements!, { records, seed: recipe.seed, pictureOf: (record) => pictures.of(record) });
  const narrow = narrowed(options, stage);
  const compiled = compiler(given, () => judgementGraph(config, contrastive, { batch: stage.batch, margin }, { ...narrow, isTrained: (name) => isOfImage(name) && (narrow.isTrained?.(name) ?? true) }));
  const size = { width: contrastive.side, height: contrastive.side };
  const seen = async (name: string): Promise<Float32Array> => toVisionInput([resize(await source.picture(name), size)], { ...patching, temporalPatchSize: 1, minPixels: 1, maxPixels: Number.MAX_SAFE_INTEGER }).patches;

  return {
    async accumulate({ step, weights }): Promise<Accumulated> {
      const made = await compiled.open();
      const gradients = new Map<string, Float32Array>();
      let [loss, right, drawSeconds] = [0, 0, 0];
      for (let part = 0; part < stage.accumulate; part++) {
        const started = performance.now();
        const random = Random.named(recipe.seed, `judgements:${step - begin}:${part}`);
        const triples = [];
        for (let i = 0; i < stage.batch; i++) triples.push(await source.draw(random));
        const patches: Float32Array[] = [];
        for (const at of [0, 1, 2] as const) for (const { names } of triples) patches.push(await seen(names[at]));
        drawSeconds += (performance.now() - started) / 1000;
        const outputs = await made.session.run({
          patches: patchTensor(config, contrastive, patches), sign: float32([stage.batch, 1], Float32Array.from(triples, ({ isRight }) => (isRight ? 1 : -1))),
          ...branchFactors(given, 3 * stage.batch, random), ...fed(made, weights),
        });
        loss += (outputs['loss']!.data as Float32Array)[0]! / stage.accumulate;
        const differences = outputs['differences']!.data as Float32Array;
        right += triples.filter(({ isRight }, i) => (differences[i]! > 0) === isRight).length / stage.batch / stage.accumulate;
        for (const { name } of made.trained) addScaled(gradients, name, outputs[`gradient.${name}`]!.data as Float32Array, 1 / stage.accumulate);
      }
      return { loss, cells: 0, gradients, packed: [], drawSeconds, images: 3 * stage.batch * stage.accumulate, metrics: { judgement_accuracy: right } };
    },
    release: () => compiled.release(),
  };
}

function pairLearner(given: ContrastiveOptions): Learner {
  const { config, recipe, stage, records, parts, options, begin } = given;
  const weightsOfSets = stage.setWeights ?? recipe.setWeights;
  const patching = patchOptions(parts.preprocessor, config, stage.pixels);
  const maker = { pictures: new Pictures(patching, true), options: patching, augment: recipe.augment };
  const drawn = [...phantomRecords(stage.phantoms, recipe.seed)].map(({ record, picture }) => {
    maker.pictures.keep(record, picture);
    return record;
  });
  const own = [...records, ...drawn].flatMap((record) => {
    const weight = weightsOfSets[record.set] ?? 1;
    return weight === 0 ? [] : new Array<CaseRecord>(Math.max(1, Math.round(weight))).fill(record);
  });
  if (own.length < 2 || stage.batch < 2) {
    throw new Fault({ code: 'pairs.few', what: 'There is nothing to tell apart.', why: stage.batch < 2 ? 'A batch holds one image.' : `${own.length} images are left by the weights of their sets.`, mend: 'Give more index files, or larger batches.' });
  }
  const contrastive = contrastiveOf(stage);
  const tokenizer = createTokenizer(parts.tokenizer, parts.tokenizerConfig);
  const compiled = compiler(given, () => pairGraph(config, contrastive, { batch: stage.batch }, narrowed(options, stage)));
  const perUpdate = stage.batch * stage.accumulate;

  return {
    async accumulate({ step, weights }): Promise<Accumulated> {
      const made = await compiled.open();
      const gradients = new Map<string, Float32Array>();
      const epoch = (at: number): { readonly order: readonly CaseRecord[] } => ({ order: Random.named(recipe.seed, `pairs:epoch:${at}`).shuffled(own) });
      let [loss, right, drawSeconds] = [0, 0, 0];
      for (let part = 0; part < stage.accumulate; part++) {
        const started = performance.now();
        const random = Random.named(recipe.seed, `pairs:${step - begin}:${part}`);
        const patches: Float32Array[] = [];
        const captions: { readonly text: string; readonly meaning: string }[] = [];
        const first = (step - begin) * perUpdate + part * stage.batch;
        const orders = new Map<number, readonly CaseRecord[]>();
        for (let i = 0; i < stage.batch; i++) {
          const at = Math.floor((first + i) / own.length);
          if (!orders.has(at)) orders.set(at, epoch(at).order);
          const record = orders.get(at)![(first + i) % own.length]!;
          const view = await augmented(record, maker, random);
          patches.push(patchesOf(view.picture, maker).patches);
          captions.push(captionOf({ record, boxes: view.boxes, size: view.picture, flippedX: view.flippedX }, random));
        }
        const { ids, shares, mask } = packSentences(captions.map(({ text }) => tokenizer.encode(text, { marks: false })), contrastive);
        const tokens = contrastive.text.tokens;
        drawSeconds += (performance.now() - started) / 1000;
        const pairs = pairShares(captions.map(({ meaning }) => meaning));
        const outputs = await made.session.run({
          patches: patchTensor(config, contrastive, patches), ids: { type: 'int64', dims: [stage.batch * tokens], data: ids }, shares: float32([stage.batch, tokens], shares),
          mask: float32([stage.batch, 1, 1, tokens], mask), pairs: float32([stage.batch, stage.batch], pairs), ...branchFactors(given, stage.batch, random), ...fed(made, weights),
        });
        loss += (outputs['loss']!.data as Float32Array)[0]! / stage.accumulate;
        const scores = outputs['scores']!.data as Float32Array;
        right += captions.filter((_, i) => pairs[i * stage.batch + highest(scores.subarray(i * stage.batch, (i + 1) * stage.batch))]! > 0).length / stage.batch / stage.accumulate;
        for (const { name } of made.trained) addScaled(gradients, name, outputs[`gradient.${name}`]!.data as Float32Array, 1 / stage.accumulate);
      }
      return { loss, cells: 0, gradients, packed: [], drawSeconds, metrics: { pair_accuracy: right, scale: Math.min(100, Math.exp(weights.get(scaleName)![0]!)) } };
    },
    release: () => compiled.release(),
  };
}

const highest = (row: Float32Array): number => row.reduce((best, x, at) => (x > row[best]! ? at : best), 0);

/** What a stage begins with, as two hashes, so that two runs can be seen to differ in the image's half alone. */
export function startHashes(weights: ReadonlyMap<string, Float32Array>): { readonly image: string; readonly text: string } {
  const hash = (isOne: (name: string) => boolean): string => {
    const sum = createHash('sha256');
    for (const [name, values] of [...weights].filter(([known]) => isOne(known)).sort(([a], [b]) => (a < b ? -1 : 1))) sum.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return sum.digest('hex');
  };
  return { image: hash(isOfImage), text: hash((name) => isOfContrastive(name) && !isOfImage(name)) };
}

