/** How well altered images are told, and where, on cases that say so; and how often untouched images raise signs all the same. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { auditExplanation } from '#models/alterationAudit.ts';
import { alterationClasses, parseAlteration, type AlterationClass, type AlterationClaim, type Calibration, type Measured } from '#models/clinical/alteration.ts';
import { iou } from '#models/clinical/finding.ts';
import { cellSide } from '#models/imaging/forensics/features.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import type { IntegrityChecker, IntegrityResult } from '#models/integrity.ts';
import { loadBytes } from './data/cases.ts';
import { alterationOf } from './records/alteration.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import { firstBlock, strictThinkAnswer } from './rewards/tags.ts';
import { pairedBootstrap, type Estimate } from '#models/base/statistics.ts';

/** A share with its interval (Wilson 1927, 95 %). */
export function measured(count: number, of: number): Measured {
  if (of === 0) return { count, of, low: 0, high: 1 };
  const [z2, share] = [1.959964 ** 2, count / of];
  const middle = share + z2 / (2 * of);
  const reach = Math.sqrt(z2 * ((share * (1 - share)) / of + z2 / (4 * of * of)));
  return { count, of, low: Math.max(0, (middle - reach) / (1 + z2 / of)), high: Math.min(1, (middle + reach) / (1 + z2 / of)) };
}

/** What was said of one case, whoever said it. */
export interface AlterationVerdict {
  readonly group: string;
  readonly generator: string | null;
  readonly isKept: boolean;
  readonly truth: AlterationClaim;
  readonly said: AlterationClaim | null;
  /** Overlap of the claimed with the altered pixels; null where nothing was altered or nobody draws masks. */
  readonly mask: { readonly iou: number; readonly f1: number } | null;
}

export interface AlterationMeasures {
  readonly images: number;
  readonly accuracy: Estimate;
  readonly macroF1: number;
  readonly recall: Readonly<Record<AlterationClass, Measured>>;
  /** Of tampered images; 0 where no box was claimed. */
  readonly boxIou: Estimate;
  readonly maskIou: Estimate | null;
  readonly maskF1: Estimate | null;
  /** Untouched images that were called altered. */
  readonly falseAlarms: Measured;
  /** Of each generator's images the share whose class is right. */
  readonly byGenerator: Readonly<Record<string, Measured>>;
}

/** @throws Fault `integrity.cases` for none */
export function alterationMeasures(verdicts: readonly AlterationVerdict[]): AlterationMeasures {
  if (verdicts.length === 0) throw new Fault({ code: 'integrity.cases', what: 'There is nothing to measure.', why: 'No case says whether it was altered.', mend: 'Make some: loupe integrity --make FOLDER --data INDEX.' });
  const isRight = ({ truth, said }: AlterationVerdict): boolean => said?.class === truth.class;
  // Images of one subject stand or fall together.
  const mean = (some: readonly AlterationVerdict[], value: (one: AlterationVerdict) => number): Estimate => {
    const groups = new Map<string, number[]>();
    for (const one of some) groups.set(one.group, [...groups.get(one.group) ?? [], value(one)]);
    return groups.size === 0 ? { mean: 0, ci: [0, 0] } : pairedBootstrap([...groups.values()].map((differences) => ({ stratum: '', differences })));
  };
  const of = (name: AlterationClass): AlterationVerdict[] => verdicts.filter(({ truth }) => truth.class === name);
  const recall = Object.fromEntries(alterationClasses.map((name) => [name, measured(of(name).filter(isRight).length, of(name).length)])) as Record<AlterationClass, Measured>;
  const f1 = (name: AlterationClass): number => {
    const right = of(name).filter(isRight).length;
    const both = of(name).length + verdicts.filter(({ said }) => said?.class === name).length;
    return both === 0 ? 0 : (2 * right) / both;
  };
  const tampered = of('TAMPERED');
  const masked = tampered.filter(({ mask }) => mask !== null);
  const names = [...new Set(verdicts.flatMap(({ generator }) => generator ?? []))].sort();
  return {
    images: verdicts.length, accuracy: mean(verdicts, (one) => Number(isRight(one))), macroF1: alterationClasses.reduce((sum, name) => sum + f1(name), 0) / alterationClasses.length, recall,
    boxIou: mean(tampered, ({ truth, said }) => (said?.box && truth.box ? iou(said.box, truth.box) : 0)),
    maskIou: masked.length > 0 ? mean(masked, ({ mask }) => mask!.iou) : null, maskF1: masked.length > 0 ? mean(masked, ({ mask }) => mask!.f1) : null,
    falseAlarms: measured(of('REAL').filter(({ said }) => said !== null && said.class !== 'REAL').length, of('REAL').length),
    byGenerator: Object.fromEntries(names.map((name) => {
      const own = verdicts.filter(({ generator }) => generator === name);
      return [name, measured(own.filter(isRight).length, own.length)];
    })),
  };
}

export interface CasesOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The most likely class as the network scores it, with its largest region; thresholds have no part in it. */
function saidBy({ scores: { tampered, synthetic }, regions }: IntegrityResult): AlterationClaim {
  const real = 1 - tampered - synthetic;
  const name: AlterationClass = real >= tampered && real >= synthetic ? 'REAL' : tampered >= synthetic ? 'TAMPERED' : 'FULL_SYNTHETIC';
  return { class: name, type: null, box: name === 'TAMPERED' ? regions[0]?.box ?? null : null };
}

/** What the network makes of each case. */
export async function integrityVerdicts(checker: Pick<IntegrityChecker, 'check'>, records: readonly CaseRecord[], { signal, onProgress }: CasesOptions = {}): Promise<readonly AlterationVerdict[]> {
  const own = records.filter((record) => alterationOf(record) !== null);
  const verdicts: AlterationVerdict[] = [];
  for (const [at, record] of own.entries()) {
    signal?.throwIfAborted();
    const { fact, ...truth } = alterationOf(record)!;
    const result = await checker.check(await decodePicture(loadBytes(record), record.file));
    const said = saidBy(result);
    const mask = fact.mask === null ? null : overlapOf(said.class === 'TAMPERED' ? result : null, (await decodePicture(loadBytes({ ...record, file: fact.mask }), fact.mask)).data, record.width);
    verdicts.push({ group: record.group, generator: fact.generator, isKept: fact.isKept, truth, said, mask });
    onProgress?.(at + 1, own.length);
  }
  return verdicts;
}

/** The cells of the largest region against the altered pixels. */
function overlapOf(result: IntegrityResult | null, mask: Uint8Array, width: number): { readonly iou: number; readonly f1: number } {
  const claimed = new Set(result?.regions[0]?.cells ?? []);
  let [both, either, sum] = [0, 0, 0];
  for (let i = 0; i < mask.length / 3; i++) {
    const isAltered = mask[3 * i]! > 127;
    const isClaimed = result !== null && claimed.has(Math.floor(Math.floor(i / width) / cellSide) * result.cells.columns + Math.floor((i % width) / cellSide));
    [both, either, sum] = [both + Number(isAltered && isClaimed), either + Number(isAltered || isClaimed), sum + Number(isAltered) + Number(isClaimed)];
  }
  return { iou: either === 0 ? 0 : both / either, f1: sum === 0 ? 0 : (2 * both) / sum };
}

/** What a model answered to cases of images with their maps, and how many of its sentences the maps bear out. */
export interface AnsweredCases {
  readonly verdicts: readonly AlterationVerdict[];
  /** Answers that keep the form: a thought, and one well-formed answer. */
  readonly formed: Measured;
  /** Sentences that name a place or a cue which the claimed region does not have. */
  readonly unborne: Measured;
}

/** Reads answers as `loupe evaluate --records` writes them; boxes are in pixels of the stored image, which is shown as it is. Cases without an answer are left out. */
export function answeredCases(records: readonly CaseRecord[], answers: ReadonlyMap<string, string>): AnsweredCases {
  const verdicts: AlterationVerdict[] = [];
  let [formed, sentences, doubtful] = [0, 0, 0];
  for (const record of records) {
    const known = alterationOf(record);
    const text = answers.get(record.id);
    if (!known || text === undefined) continue;
    const { fact, ...truth } = known;
    const blocks = strictThinkAnswer(text);
    const answer = firstBlock(text);
    const said = answer === null ? null : parseAlteration(answer);
    if (blocks && said?.isWellFormed) formed++;
    verdicts.push({ group: record.group, generator: fact.generator, isKept: fact.isKept, truth, said, mask: null });
    if (!blocks) continue;
    const audited = auditExplanation(blocks.think, said?.box ?? null, record, fact.cues.map((name) => ({ name, z: Infinity })));
    sentences += audited.length;
    doubtful += audited.filter(({ doubt }) => doubt !== null).length;
  }
  return { verdicts, formed: measured(formed, verdicts.length), unborne: measured(doubtful, sentences) };
}

/** Parts of untouched images that are let reach a level, in the half by which its threshold is set. */
export const wantedFalseAlarms = { suspected: 0.1, strong: 0.02 } as const;

/**
 * Thresholds from untouched images as they are stored, whole; half of the subjects set them, the other half says how often they are reached all the same.
 *
 * @throws Fault `integrity.cases` where one half has fewer than 20 images
 */
export async function calibrate(checker: Pick<IntegrityChecker, 'check'>, untouched: readonly CaseRecord[], { signal, onProgress, seed = 0 }: CasesOptions & { readonly seed?: number } = {}): Promise<Calibration> {
  const groups = Random.named(seed, 'halves').shuffled([...new Set(untouched.map(({ group }) => group))].sort());
  const setting = new Set(groups.slice(0, groups.length >> 1));
  const scores: { readonly score: number; readonly modality: string; readonly isSetting: boolean; readonly fields: number }[] = [];
  for (const [at, record] of untouched.entries()) {
    signal?.throwIfAborted();
    const { score, fields, maps } = await checker.check(await decodePicture(loadBytes(record), record.file));
    if (maps !== null) scores.push({ score, modality: record.modality, isSetting: setting.has(record.group), fields });
    onProgress?.(at + 1, untouched.length);
  }
  const own = scores.filter(({ isSetting }) => isSetting).map(({ score }) => score).sort((a, b) => a - b);
  const told = scores.filter(({ isSetting }) => !isSetting);
  if (own.length < 20 || told.length < 20) throw new Fault({ code: 'integrity.cases', what: 'Thresholds cannot be set.', why: `There are ${own.length} and ${told.length} untouched images in the two halves; 20 each are the least.`, mend: 'Give more index files of untouched images.' });
  const threshold = (share: number): number => own[Math.min(own.length - 1, Math.ceil(own.length * (1 - share)))]!;
  const thresholds = { suspected: threshold(wantedFalseAlarms.suspected), strong: Math.max(threshold(wantedFalseAlarms.strong), 0.5) };
  const alarms = (some: typeof told) => ({
    suspected: measured(some.filter(({ score }) => score >= thresholds.suspected).length, some.length), strong: measured(some.filter(({ score }) => score >= thresholds.strong).length, some.length),
  });
  const modalities = [...new Set(told.map(({ modality }) => modality))].sort();
  return {
    thresholds, falseAlarms: alarms(told), byModality: Object.fromEntries(modalities.map((name) => [name, alarms(told.filter(({ modality }) => modality === name))])),
    mostFields: told.reduce((most, { fields }) => Math.max(most, fields), 1),
  };
}
