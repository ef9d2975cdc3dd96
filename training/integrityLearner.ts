/** A stage at which the integrity network learns from images whose alterations are known to the pixel. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { alterationClasses, alterationTypes, type AlterationClaim } from '#models/clinical/alteration.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { cellFeatures, cellSide } from '#models/imaging/forensics/features.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import type { IntegrityConfig } from '#models/networks/integrity.ts';
import { createSession, float32, type Session } from '#models/runtime/session.ts';
import { loadBytes } from './data/cases.ts';
import type { ParameterSpec } from './graphs.ts';
import { integrityGraph, integrityOf } from './integrityGraph.ts';
import { addScaled, narrowed, type Accumulated, type Learner, type LearnerOptions } from './learner.ts';
import { alterationOf } from './records/alteration.ts';
import type { CaseRecord } from './records/caseRecord.ts';

/** One image as the network reads it, features in 8 bits so that thousands stay in memory. */
interface Seen {
  /** [T, F] of round(feature · 127 / range of that feature) */
  readonly features: Int8Array;
  /** Share of each cell that was altered, [T]; null for a synthetic image, whose cells are not told apart. */
  readonly altered: Float32Array | null;
  readonly claim: AlterationClaim;
}

/** Features lie within ±8 but for rare outliers, which are held. */
const range = 8;

const mostKept = 2_000_000_000;

/** @throws Fault `integrity.cases` where no case says what was altered */
export function createIntegrityLearner({ recipe, stage, records, device, options, begin }: LearnerOptions & { readonly begin: number }): Learner {
  const config = integrityOf(stage);
  const own = records.filter((record) => alterationOf(record)?.fact.isKept === false);
  if (own.length < 2) {
    throw new Fault({ code: 'integrity.cases', what: 'There is nothing to learn from.', why: `Of ${records.length} cases ${own.length} say what was altered by a generator that may be learnt from.`, mend: 'Make some: loupe integrity --make FOLDER --data INDEX, then give FOLDER/index.jsonl.' });
  }
  const graphOptions = narrowed(options, stage);
  let opened: Promise<{ readonly session: Session; readonly parameters: readonly ParameterSpec[]; readonly trained: readonly ParameterSpec[] }> | null = null;
  const open = async () => {
    const { graph, parameters, trained } = integrityGraph(config, stage.batch, graphOptions);
    return { session: await createSession(encodeModel(graph), { device }), parameters, trained };
  };
  const kept = new Map<string, Seen>();
  let keptBytes = 0;
  const seenOf = async (record: CaseRecord): Promise<Seen> => {
    const known = kept.get(record.id);
    if (known) return known;
    const seen = await see(record, config);
    if (keptBytes + seen.features.byteLength <= mostKept) {
      kept.set(record.id, seen);
      keptBytes += seen.features.byteLength;
    }
    return seen;
  };
  const perUpdate = stage.batch * stage.accumulate;

  return {
    async accumulate({ step, weights }): Promise<Accumulated> {
      const { session, parameters, trained } = await (opened ??= open());
      const gradients = new Map<string, Float32Array>();
      const sums = { loss: 0, cells: 0, classes: 0, types: 0 };
      let drawSeconds = 0;
      const first = (step - begin) * perUpdate;
      const orders = new Map<number, readonly CaseRecord[]>();
      const nth = (at: number): CaseRecord => {
        const epoch = Math.floor(at / own.length);
        if (!orders.has(epoch)) orders.set(epoch, Random.named(recipe.seed, `integrity:epoch:${epoch}`).shuffled(own));
        return orders.get(epoch)![at % own.length]!;
      };
      for (let part = 0; part < stage.accumulate; part++) {
        const started = performance.now();
        const random = Random.named(recipe.seed, `integrity:${step}:${part}`);
        const batch: Seen[] = [];
        for (let i = 0; i < stage.batch; i++) batch.push(await seenOf(nth(first + part * stage.batch + i)));
        const feeds = packed(batch, config, stage.integrity!.noise, random);
        drawSeconds += (performance.now() - started) / 1000;
        const outputs = await session.run({ ...feeds, ...Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)])) });
        for (const name of ['loss', 'cells', 'classes', 'types'] as const) sums[name] += (outputs[name]!.data as Float32Array)[0]! / stage.accumulate;
        for (const { name } of trained) addScaled(gradients, name, outputs[`gradient.${name}`]!.data as Float32Array, 1 / stage.accumulate);
      }
      return { loss: sums.loss, cells: 0, gradients, packed: [], drawSeconds, metrics: { altered_cells_loss: sums.cells, alteration_class_loss: sums.classes, alteration_type_loss: sums.types } };
    },
    async release() {
      await (await opened)?.session.release();
      opened = null;
    },
  };
}

/** A case's features and targets. @throws Fault of the archive, of the picture, `integrity.cases` */
async function see(record: CaseRecord, { cells }: IntegrityConfig): Promise<Seen> {
  const { fact, ...claim } = alterationOf(record)!;
  const picture = await decodePicture(loadBytes(record), record.file);
  const side = cells * cellSide;
  if (picture.width !== side || picture.height !== side) throw new Fault({ code: 'integrity.cases', what: `${record.id} cannot be learnt from.`, why: `It has ${picture.width} × ${picture.height} pixels; the stage reads ${side} × ${side}.`, mend: 'Make the cases anew, or change the stage\'s pixels.' });
  const features = Int8Array.from(cellFeatures(picture), (x) => Math.max(-127, Math.min(127, Math.round((x * 127) / range))));
  if (claim.class === 'FULL_SYNTHETIC') return { features, altered: null, claim };
  const altered = new Float32Array(cells * cells);
  if (fact.mask !== null) {
    const mask = await decodePicture(loadBytes({ ...record, file: fact.mask }), fact.mask);
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) if (mask.data[(y * side + x) * 3]! > 127) altered[Math.floor(y / cellSide) * cells + Math.floor(x / cellSide)]! += 1 / cellSide ** 2;
  }
  return { features, altered, claim };
}

/**
 * A batch as the graph takes it, its numbers disturbed a little.
 * Altered and other cells of a tampered image count alike in sum, so that a small alteration is worth finding; cells of untouched images count as much as those of tampered ones.
 */
function packed(batch: readonly Seen[], { cells, features: width }: IntegrityConfig, noise: number, random: Random) {
  const tokens = cells * cells;
  const features = new Float32Array(batch.length * tokens * width);
  const [targets, weights] = [new Float32Array(batch.length * tokens), new Float32Array(batch.length * tokens)];
  const [classes, types] = [new Float32Array(batch.length * 3), new Float32Array(batch.length * 4)];
  const local = batch.filter(({ altered }) => altered !== null).length;
  batch.forEach(({ features: own, altered, claim }, b) => {
    const from = b * tokens * width;
    for (let i = 0; i < own.length; i++) features[from + i] = (own[i]! * range) / 127 + (noise > 0 ? noise * (random.uniform() - 0.5) : 0);
    classes[b * 3 + alterationClasses.indexOf(claim.class)] = 1;
    if (claim.type) types[b * 4 + alterationTypes.indexOf(claim.type)] = 1;
    if (!altered) return;
    const count = altered.reduce((sum, share) => sum + Number(share >= 0.5), 0);
    altered.forEach((share, t) => {
      targets[b * tokens + t] = Number(share >= 0.5);
      // A cell at the rim is neither.
      const isClear = share >= 0.5 || share < 0.1;
      weights[b * tokens + t] = !isClear ? 0 : (count === 0 ? 1 / tokens : share >= 0.5 ? 0.5 / count : 0.5 / (tokens - count)) / local;
    });
  });
  return {
    features: float32([batch.length * tokens, width], features), 'cell.targets': float32([batch.length * tokens, 1], targets), 'cell.weights': float32([batch.length * tokens, 1], weights),
    'class.targets': float32([batch.length, 3], classes), 'type.targets': float32([batch.length, 4], types),
  };
}
