/**
 * The door to "was this image altered?": a picture in, signs of alteration out, with the place, what speaks for it, and how often such signs are raised by mistake.
 * Signs are never a proof, and their absence proves nothing either.
 */
import { Fault } from '#models/base/fault.ts';
import { alterationClasses, alterationTypes, Calibration, type AlterationClaim, type AlterationLevel } from '#models/clinical/alteration.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import { sigmoid, softmax } from '#models/graph/ops.ts';
import { cellFeatures, cellSide, evidenceMaps, type EvidenceMaps } from '#models/imaging/forensics/features.ts';
import { crop, type Picture } from '#models/imaging/image.ts';
import { integrityNetwork, parseIntegrityConfig } from '#models/networks/integrity.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { createSession, float32 } from '#models/runtime/session.ts';
import { openIntegrityFolder } from '#models/weights/integrity.ts';
import { cuesIn, type Cue } from './alterationAudit.ts';
import { alteredRegions, type AlteredRegion, type CellMap } from './integrityRegions.ts';
import { fieldsOf } from './locator.ts';

/** From these upper bounds of false alarms on, the word for a level is not used. */
export const mostFalseAlarms = { suspected: 0.25, strong: 0.08 } as const;

export interface IntegrityResult {
  readonly level: AlterationLevel;
  /** Why nothing could be looked for, or why a weaker word is used than the score alone would give; null otherwise. */
  readonly why: string | null;
  readonly claim: AlterationClaim;
  /** 0 … 1, of the most suspicious field; of a synthetic image the mean over its fields. No probability of anything outside the cases that it was measured on. */
  readonly score: number;
  readonly scores: { readonly tampered: number; readonly synthetic: number };
  readonly regions: readonly AlteredRegion[];
  readonly fields: number;
  /** How likely each cell was altered. */
  readonly cells: CellMap;
  /** Null where nothing was looked for. */
  readonly maps: EvidenceMaps | null;
  /** Inside the claimed region. */
  readonly cues: readonly Cue[];
}

export interface CheckOptions {
  /** The kind of image, as index files spell a modality, where it is known. */
  readonly kind?: string | null;
  readonly signal?: AbortSignal;
  readonly onField?: (done: number, total: number) => void;
}

export interface IntegrityChecker {
  /** Of its weights' file. */
  readonly sha256: string;
  readonly calibration: Calibration | null;
  check(picture: Picture, options?: CheckOptions): Promise<IntegrityResult>;
  release(): Promise<void>;
}

/** Images with a shorter side hold too little to be looked at. */
export const leastSide = 64;

/**
 * Opens the folder that a run of the recipe soFakeR1Evidence left.
 *
 * @throws Fault `integrity.kind`, `integrity.config`, those of `openSafetensors`
 */
export async function openIntegrity(folder: string, { threads }: { readonly threads?: number } = {}): Promise<IntegrityChecker> {
  const opened = openIntegrityFolder(folder);
  const config = parseIntegrityConfig(opened.config);
  const calibration = opened.calibration === null ? null : calibrationOf(opened.calibration);
  const graph = new Graph('integrity', { fused: true });
  const parameters = denseParameters((name, shape) => graph.constant(opened.tensor(name, shape), shape, 'weight', name));
  const tokens = config.cells ** 2;
  const scores = integrityNetwork(graph, parameters, config, graph.input('features', [tokens, config.features]), 1);
  graph.output('cells', sigmoid(scores.cells));
  graph.output('classes', softmax(scores.classes));
  graph.output('types', softmax(scores.types));
  const session = await createSession(encodeModel(graph), threads === undefined ? {} : { threads });
  const side = config.cells * cellSide;

  const look = async (picture: Picture): Promise<{ readonly cells: Float32Array; readonly classes: readonly number[]; readonly types: readonly number[]; readonly maps: EvidenceMaps }> => {
    const maps = evidenceMaps(picture);
    const outputs = await session.run({ features: float32([tokens, config.features], cellFeatures(picture, maps)) });
    return { cells: outputs['cells']!.data as Float32Array, classes: [...outputs['classes']!.data as Float32Array], types: [...outputs['types']!.data as Float32Array], maps };
  };

  return {
    sha256: opened.sha256, calibration,
    async check(picture, { signal, onField, kind = null } = {}) {
      const [columns, rows] = [Math.ceil(picture.width / cellSide), Math.ceil(picture.height / cellSide)];
      const nothing = unexaminable(picture);
      if (nothing !== null) {
        return { level: 'unexamined', why: nothing, claim: { class: 'REAL', type: null, box: null }, score: 0, scores: { tampered: 0, synthetic: 0 }, regions: [], fields: 0, cells: { columns, rows, data: new Float32Array(columns * rows) }, maps: null, cues: [] };
      }
      const padded = mirrored(picture, side);
      const fields = fieldsOf(padded, side).map(({ x, y }) => ({ x: x - (x % cellSide), y: y - (y % cellSide) }));
      const whole = { columns: Math.ceil(padded.width / cellSide), rows: Math.ceil(padded.height / cellSide) };
      const [sums, counts] = [new Float32Array(whole.columns * whole.rows), new Float32Array(whole.columns * whole.rows)];
      let [tampered, synthetic, looked, types] = [0, 0, 0, [0, 0, 0, 0] as readonly number[]];
      let seenMaps: EvidenceMaps | null = null;
      for (const [at, { x, y }] of fields.entries()) {
        signal?.throwIfAborted();
        const part = crop(padded, { x1: x, y1: y, x2: x + side, y2: y + side });
        // Empty ground between tissue says nothing.
        if (fields.length === 1 || unexaminable(part) === null) {
          const seen = await look(part);
          if (fields.length === 1 && padded === picture) seenMaps = seen.maps;
          looked++;
          synthetic += seen.classes[alterationClasses.indexOf('FULL_SYNTHETIC')]!;
          const suspicion = seen.classes[alterationClasses.indexOf('TAMPERED')]!;
          if (suspicion >= tampered) [tampered, types] = [suspicion, seen.types];
          seen.cells.forEach((likely, cell) => {
            const place = (y / cellSide + Math.floor(cell / config.cells)) * whole.columns + x / cellSide + (cell % config.cells);
            sums[place]! += likely;
            counts[place]!++;
          });
        }
        onField?.(at + 1, fields.length);
      }
      synthetic /= Math.max(1, looked);
      const cells: CellMap = { columns, rows, data: Float32Array.from({ length: columns * rows }, (_, i) => {
        const place = Math.floor(i / columns) * whole.columns + (i % columns);
        return counts[place]! > 0 ? sums[place]! / counts[place]! : 0;
      }) };
      const score = Math.max(tampered, synthetic);
      const regions = alteredRegions(cells, picture);
      const { level, why } = levelOf(score, looked, calibration, kind);
      const isAltered = level === 'suspected' || level === 'strong';
      const name = !isAltered ? 'REAL' : synthetic > tampered ? 'FULL_SYNTHETIC' : 'TAMPERED';
      const box = name === 'TAMPERED' ? (regions[0] ?? alteredRegions(cells, picture, { seed: Math.max(0.05, cells.data.reduce((most, x) => Math.max(most, x), 0) * 0.8), grow: 0.05, leastCells: 1 })[0])?.box ?? null : null;
      const maps = seenMaps ?? evidenceMaps(picture);
      return {
        level, why, score, scores: { tampered, synthetic }, regions, fields: looked, cells, maps, cues: box ? cuesIn(box, maps) : [],
        claim: { class: name, type: name === 'TAMPERED' ? alterationTypes[types.indexOf(Math.max(...types))]! : null, box },
      };
    },
    release: () => session.release(),
  };
}

/** Why a picture cannot be looked at; null where it can. */
function unexaminable({ width, height, data }: Picture): string | null {
  if (Math.min(width, height) < leastSide) return `The image has ${width} × ${height} pixels; at least ${leastSide} a side are needed.`;
  let [sum, squares] = [0, 0];
  const step = Math.max(1, Math.floor(data.length / 3 / 40_000));
  let count = 0;
  for (let i = 0; i < data.length / 3; i += step) {
    const value = data[3 * i + 1]!;
    [sum, squares, count] = [sum + value, squares + value * value, count + 1];
  }
  return squares / count - (sum / count) ** 2 < 2 ? 'The image is of one colour: there is nothing to look at.' : null;
}

/** Images of one kind among the measured ones from which on their own false alarms count. */
const leastOfKind = 30;

/**
 * The level of a score, as far as the measured false alarms allow its word: those of its kind of image, where enough were measured, else those of all.
 *
 * @param kind  as index files spell a modality
 */
export function levelOf(score: number, fields: number, calibration: Calibration | null, kind: string | null = null): { readonly level: AlterationLevel; readonly why: string | null } {
  if (calibration === null) return { level: 'unexamined', why: 'What this network makes of untouched images was never measured, so its scores have no name.' };
  const { thresholds, falseAlarms, byModality, mostFields } = calibration;
  const reached = score >= thresholds.strong ? 'strong' : score >= thresholds.suspected ? 'suspected' : 'none';
  if (reached === 'none') return { level: 'none', why: null };
  const own = kind !== null && Object.hasOwn(byModality, kind) ? byModality[kind] : undefined;
  const isOwn = own !== undefined && own.suspected.of >= leastOfKind;
  const { high } = (isOwn ? own : falseAlarms)[reached];
  const untouched = `up to ${percent(high)} of untouched images${isOwn ? ' of this kind' : ''}`;
  if (high > mostFalseAlarms.suspected) return { level: 'none', why: `Signs were raised, but this network raises such ones on ${untouched}.` };
  if (reached === 'strong' && high > mostFalseAlarms.strong) return { level: 'suspected', why: `Strong signs are not named as such: this network raises them on ${untouched}.` };
  // Each field is one more chance of a false alarm.
  if (fields > mostFields) return { level: 'suspected', why: `The image has ${fields} fields; false alarms were measured on images of at most ${mostFields}, and are likelier here.` };
  return { level: reached, why: null };
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** The picture with its right and lower parts mirrored beyond the edge up to a side. */
function mirrored(picture: Picture, side: number): Picture {
  if (picture.width >= side && picture.height >= side) return picture;
  const [width, height] = [Math.max(side, picture.width), Math.max(side, picture.height)];
  const data = new Uint8Array(width * height * 3);
  const back = (at: number, size: number): number => {
    const turn = at % (2 * size);
    return turn < size ? turn : 2 * size - 1 - turn;
  };
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const from = (back(y, picture.height) * picture.width + back(x, picture.width)) * 3;
    data.set(picture.data.subarray(from, from + 3), (y * width + x) * 3);
  }
  return { width, height, data };
}

function calibrationOf(json: unknown): Calibration {
  const parsed = Calibration.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Fault({ code: 'integrity.config', what: 'The integrity network cannot be used.', why: `Its calibration.json is not in order: ${parsed.error.issues[0]?.message ?? ''}.`, mend: 'Measure it anew: loupe integrity --cases INDEX --network FOLDER --calibrate.' });
}
