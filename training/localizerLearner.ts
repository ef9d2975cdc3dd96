/** A stage at which a localizer learns: prompts drawn among a batch's boxes, a look, a matching, and the gradients of what was matched. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import type { Graph } from '#models/graph/graph.ts';
import { localizerMakings } from '#models/networks/localizer.ts';
import { createSession, float32, type Feeds, type Session, type Tensor } from '#models/runtime/session.ts';
import type { ParameterSpec } from './graphs.ts';
import { addScaled, narrowed, patchOptions, type Accumulated, type Learner, type LearnerOptions } from './learner.ts';
import { denseTargets, drawPrompts, featureSession, isLocated, kindsOf, packLook, queryTargets, Views, type LocalizerView } from './localizerData.ts';
import { localizerGraph, lookGraph, queriesOf, type LocalizerBucket } from './localizerGraph.ts';
import type { CaseRecord } from './records/caseRecord.ts';

/** Kinds of things that one batch may ask for. */
const mostPrompts = 8;

interface Compiled {
  readonly session: Session;
  readonly parameters: readonly ParameterSpec[];
  readonly trained: readonly ParameterSpec[];
}

/** @throws Fault `locate.boxes` where no case says where its things are */
export function createLocalizerLearner({ config, recipe, stage, records, parts, device, options, begin, weights: frozen }: LearnerOptions & {
  /** Updates before the stage. */
  readonly begin: number;
  /** The tower's, which stay as they are. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}): Learner {
  const { localizer, views: viewCount, examples: mostExamples, grqo } = stage.locate!;
  const own = weighedRecords(records.filter(isLocated), stage.setWeights ?? recipe.setWeights);
  const kinds = kindsOf(own);
  if (kinds.length === 0) {
    throw new Fault({ code: 'locate.boxes', what: 'There is nothing to locate.', why: `None of the ${records.length} cases has a box.`, mend: 'Give index files whose rows have boxes.' });
  }
  const makings = localizerMakings(config, { ...localizer, side: Math.round(Math.sqrt(stage.pixels)) });
  const places = Math.min(mostPrompts, kinds.length);
  const bucket: LocalizerBucket = { batch: stage.batch, grid: makings.grid, examples: places * mostExamples, prompts: places };
  const queries = queriesOf(makings.config, bucket);
  const graphOptions = narrowed(options, stage);
  const perUpdate = stage.batch * stage.accumulate;
  const epochSteps = Math.max(1, Math.ceil(own.length / perUpdate));

  const compile = async (made: { readonly graph: Graph; readonly parameters: readonly ParameterSpec[]; readonly trained?: readonly ParameterSpec[] }): Promise<Compiled> =>
    ({ session: await createSession(encodeModel(made.graph), { device }), parameters: made.parameters, trained: made.trained ?? [] });
  let opened: Promise<{ readonly views: Views; readonly features: Session; readonly look: Compiled; readonly judge: Compiled | null; readonly learn: Compiled }> | null = null;
  const open = async () => {
    const features = await featureSession(config, makings, frozen, device);
    return {
      features, views: new Views(features, patchOptions(parts.preprocessor, config, stage.pixels), recipe, viewCount),
      look: await compile(lookGraph(makings, bucket, graphOptions)),
      judge: grqo ? await compile(lookGraph(makings, bucket, { ...graphOptions, objectnessOnly: true })) : null,
      learn: await compile(localizerGraph(makings, bucket, stage.locate!, graphOptions)),
    };
  };
  const fed = ({ parameters }: Compiled, weights: ReadonlyMap<string, Float32Array>): Feeds => Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)]));

  /** The weights at the start of the epoch. */
  let reference: ReadonlyMap<string, Float32Array> | null = null;
  let referenceEpoch = -1;

  return {
    async accumulate({ step, weights }): Promise<Accumulated> {
      const { views, look, judge, learn } = await (opened ??= open());
      const epoch = Math.floor((step - begin) / epochSteps);
      if (judge && epoch !== referenceEpoch) {
        reference = new Map(judge.parameters.map(({ name }) => [name, weights.get(name)!.slice()]));
        referenceEpoch = epoch;
      }
      const order = Random.named(recipe.seed, `epoch:${epoch}`).shuffled(own);
      const gradients = new Map<string, Float32Array>();
      const sums = { loss: 0, dense: 0, matched: 0, grqo: 0, kl: 0 };
      let drawSeconds = 0;
      for (let part = 0; part < stage.accumulate; part++) {
        const started = performance.now();
        const random = Random.named(recipe.seed, `locate:${step}:${part}`);
        const first = ((step - begin) % epochSteps) * perUpdate + part * stage.batch;
        const batch: LocalizerView[] = [];
        for (let i = 0; i < stage.batch; i++) batch.push(await views.of(order[(first + i) % order.length]!, random));
        const prompts = drawPrompts(batch, places, mostExamples, random);
        const shown = packLook(makings, bucket, batch, prompts);
        drawSeconds += (performance.now() - started) / 1000;

        const seen = await look.session.run({ ...shown, ...fed(look, weights) });
        const data = (name: string): Float32Array => seen[name]!.data as Float32Array;
        const feeds: Record<string, Tensor> = { ...shown, rows: seen['rows']!, ...denseTargets(makings.centres, batch, prompts.kinds, places) };
        for (let layer = 0; layer < makings.config.decoderLayers; layer++) {
          feeds[`begin.${layer}`] = seen[`begin.${layer}`]!;
          Object.assign(feeds, queryTargets({ scores: data(`scores.${layer}`), boxes: data(`boxes.${layer}`) }, layer, batch, prompts.kinds, places));
        }
        const count = Math.max(1, prompts.kinds.length);
        const there = Float32Array.from({ length: places }, (_, u) => Number(u < prompts.kinds.length));
        feeds['places'] = float32([1, places], there);
        feeds['shares'] = float32([1, places], there.map((one) => one / count));
        if (judge) {
          const judged = (await judge.session.run({ ...shown, ...fed(judge, reference!) }))['objectness']!.data as Float32Array;
          feeds['reference'] = float32([stage.batch, queries], Float32Array.from(seen['rows']!.data as BigInt64Array, (row) => judged[Number(row)]!));
        }
        const wanted = new Set(learn.session.inputs);
        const outputs = await learn.session.run({ ...Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name))), ...fed(learn, weights) });
        for (const name of ['loss', 'dense', 'matched', 'grqo', 'kl'] as const) sums[name] += ((outputs[name]?.data as Float32Array | undefined)?.[0] ?? 0) / stage.accumulate;
        for (const { name } of learn.trained) addScaled(gradients, name, outputs[`gradient.${name}`]!.data as Float32Array, 1 / stage.accumulate);
      }
      const { loss, dense, matched, ...group } = sums;
      return { loss, cells: 0, gradients, packed: [], drawSeconds, metrics: { dense_loss: dense, matched_loss: matched, ...(grqo ? { grqo_loss: group.grqo, objectness_kl: group.kl } : {}) } };
    },
    /** The reference is the weights at an epoch's start: a run goes on from there, and not from within. */
    isAtRest: (step) => !grqo || (step - begin) % epochSteps === 0,
    async release() {
      const made = await opened;
      for (const session of [made?.features, made?.look.session, made?.judge?.session, made?.learn.session]) await session?.release();
      opened = null;
    },
  };
}

/** Each record as often as its set's weight says, rounded, at least once where that is not 0. */
function weighedRecords(records: readonly CaseRecord[], setWeights: Readonly<Record<string, number>>): readonly CaseRecord[] {
  return records.flatMap((record) => {
    const weight = setWeights[record.set] ?? 1;
    return weight === 0 ? [] : new Array<CaseRecord>(Math.max(1, Math.round(weight))).fill(record);
  });
}
