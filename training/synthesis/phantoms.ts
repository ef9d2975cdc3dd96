/** Synthetic studies drawn from a seed, with boxes and measurements that are true by construction: samples, fixtures and extra training data. */
import { cellTypes, drawBloodSmear, smearLabels } from './phantoms/bloodSmear.ts';
import { breastLabels, drawBreastUltrasound } from './phantoms/breastUltrasound.ts';
import { drawChestFilm, filmLabels } from './phantoms/chestFilm.ts';
import { chestLabels, drawCtChest } from './phantoms/ctChest.ts';
import { drawCtLiver, liverLabels } from './phantoms/ctLiver.ts';
import { drawDermoscopy, skinLabels } from './phantoms/dermoscopy.ts';
import { drawFundus, fundusLabels } from './phantoms/fundus.ts';
import { drawMrHead, headLabels } from './phantoms/mrHead.ts';
import { drawOct, octLabels } from './phantoms/oct.ts';
import { phantomRecord, phantomTask } from './phantoms/records.ts';
import type { PhantomRecord } from './phantoms/records.ts';
import { drawSlide, slideLabels } from './phantoms/slide.ts';
import { phantomKinds } from './phantoms/study.ts';
import type { PhantomKind, PhantomOptions, PhantomStudy } from './phantoms/study.ts';

const kinds: Record<PhantomKind, { readonly draw: (seed: number, options?: PhantomOptions) => PhantomStudy; readonly labels: readonly string[] }> = {
  ct_chest: { draw: drawCtChest, labels: chestLabels },
  ct_liver: { draw: drawCtLiver, labels: liverLabels },
  mr_head: { draw: drawMrHead, labels: headLabels },
  chest_film: { draw: drawChestFilm, labels: filmLabels },
  breast_ultrasound: { draw: drawBreastUltrasound, labels: breastLabels },
  blood_smear: { draw: drawBloodSmear, labels: smearLabels },
  slide: { draw: drawSlide, labels: slideLabels },
  oct: { draw: drawOct, labels: octLabels },
  fundus: { draw: drawFundus, labels: fundusLabels },
  dermoscopy: { draw: drawDermoscopy, labels: skinLabels },
};

/**
 * Draws one study: the same kind, seed and options give the same bytes on every machine.
 * Throws RangeError for a size or number of frames that cannot be drawn, or a label that the kind does not know.
 */
export function drawPhantom(kind: PhantomKind, seed: number, options: PhantomOptions = {}): PhantomStudy {
  const { draw, labels } = kinds[kind];
  const { size, frames, label } = options;
  if (!Number.isInteger(seed)) throw new RangeError(`drawPhantom: the seed ${seed} is not a whole number`);
  const isWhole = (value: number, low: number, high: number): boolean => Number.isInteger(value) && value >= low && value <= high;
  if (size !== undefined && !isWhole(size, 64, 4096)) throw new RangeError(`drawPhantom: a size of ${size} is not between 64 and 4096`);
  if (frames !== undefined && !isWhole(frames, 1, 400)) throw new RangeError(`drawPhantom: ${frames} frames are not between 1 and 400`);
  if (label !== undefined && !labels.includes(label)) throw new RangeError(`drawPhantom: ${kind} has no label ${label}; it has ${labels.join(', ')}`);
  return draw(seed, options);
}

/** The labels that a kind can have. */
export const phantomLabels = (kind: PhantomKind): readonly string[] => kinds[kind].labels;

/** Every task of drawn pictures with the labels that it tells apart. */
export const phantomTasks: readonly { readonly task: string; readonly labelsSpace: readonly string[] }[] = [
  ...phantomKinds.map((kind) => ({ task: phantomTask(kind), labelsSpace: kinds[kind].labels })),
  { task: phantomTask('blood_smear', true), labelsSpace: cellTypes },
];

/**
 * `count` records with their pictures, the kinds in turn, each drawn when it is asked for.
 * Sets are called `phantom_<kind>`, tasks likewise, so that they never mix with a real set's scores.
 */
export function* phantomRecords(count: number, seed: number, only: readonly PhantomKind[] = phantomKinds): Generator<PhantomRecord> {
  for (let i = 0; i < count; i++) yield phantomRecord(drawPhantom, only[i % only.length]!, seed + i);
}
