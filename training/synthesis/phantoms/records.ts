/** Phantoms as rows of training data, so that drawn and real pictures can be mixed. */
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { cellTypes } from './bloodSmear.ts';
import { framePicture } from './study.ts';
import type { PhantomFrame, PhantomKind, PhantomOptions, PhantomStudy } from './study.ts';

/** A record whose pixels are already there: it has no archive, and `sha256` is empty. */
export interface PhantomRecord {
  readonly record: CaseRecord;
  readonly picture: Picture;
}

/** What can be asked of each kind, in the words of the real index files. */
const questions: Record<PhantomKind, readonly string[]> = {
  ct_chest: ['modality', 'body_part', 'finding_class', 'abnormality_yes_no', 'localization_lesion'],
  ct_liver: ['modality', 'body_part', 'finding_class', 'abnormality_yes_no', 'localization_lesion'],
  mr_head: ['modality', 'body_part', 'finding_class', 'abnormality_yes_no', 'localization_lesion'],
  chest_film: ['modality', 'body_part', 'view', 'finding_class', 'abnormality_yes_no', 'localization_lungs'],
  breast_ultrasound: ['modality', 'body_part', 'finding_class', 'abnormality_yes_no', 'localization_lesion'],
  blood_smear: ['modality', 'specimen', 'localization_cells', 'count_white_blood_cells', 'count_platelets'],
  slide: ['modality', 'specimen', 'finding_class', 'abnormality_yes_no', 'localization_lesion'],
  oct: ['modality', 'body_part', 'finding_class', 'abnormality_yes_no', 'localization_lesion'],
  fundus: ['modality', 'body_part', 'finding_class', 'laterality', 'abnormality_yes_no', 'localization_lesion'],
  dermoscopy: ['modality', 'body_part', 'finding_class', 'malignancy_yes_no', 'localization_lesion'],
};

/** What a kind is asked under, by itself or as a single cell. */
export const phantomTask = (kind: PhantomKind, isCell = false): string => `phantom_${kind}${isCell ? '_cell' : ''}`;

/** Small pictures: what a small network sees. */
const sizes: Record<PhantomKind, number> = {
  ct_chest: 256, ct_liver: 256, mr_head: 224, chest_film: 256, breast_ultrasound: 256, blood_smear: 320, slide: 384, oct: 288, fundus: 320,
    dermoscopy: 224,
};

/**
 * One record from a study that `draw` makes. The same id and seed give the same picture.
 * A study that shows something gives a slice that shows it, so that label and picture agree.
 */
export function phantomRecord(draw: (kind: PhantomKind, seed: number, options: PhantomOptions) => PhantomStudy, kind: PhantomKind,
  seed: number): PhantomRecord {
  const random = Random.named(seed, 'phantom record');
  const isCell = kind === 'blood_smear' && random.chance(0.5);
  const isSeries = kind === 'ct_chest' || kind === 'ct_liver' || kind === 'mr_head';
  const study = draw(kind, seed, {
    size: isCell ? 192 : sizes[kind],
    ...(isSeries ? { frames: 5 } : {}),
    ...(isCell ? { variant: 'cell' as const } : {}),
  });
  const index = frameThatShows(study.frames);
  const frame = study.frames[index]!;
  const isShown = frame.boxes.length > 0 || kind === 'chest_film';
  const picture = framePicture(frame);
  const clear = study.labels.find((label) => label === 'normal' || label === 'no_tumour' || label === 'benign_lung_tissue');
  const label = isShown || clear === undefined ? study.label : clear;
  const counts: Record<string, number> = {};
  for (const { class: name } of frame.boxes) counts[name] = (counts[name] ?? 0) + 1;
  return {
    picture,
    record: {
      id: `phantom_${kind}-${seed}`, folder: '', archive: '', file: '', modality: study.modality, set: `phantom_${kind}`, split: 'train',
      width: picture.width, height: picture.height, task: phantomTask(kind, isCell), label,
      labelsSpace: isCell ? cellTypes : kind === 'blood_smear' ? ['blood_smear_field'] : study.labels,
      questionTypes: isCell ? ['modality', 'specimen', 'finding_class'] : questions[kind],
      facts: { ...study.facts, ...('abnormal' in study.facts ? { abnormal: label !== clear } : {}),
        ...(kind === 'blood_smear' && !isCell ? { counts } : {}) },
      boxes: isCell ? null : frame.boxes,
      group: `phantom_${kind}-${seed}`, origin: `seed ${seed}`, source: 'training/synthesis/phantoms.ts', licence: 'Apache-2.0',
        licenceClass: 'permissive', sha256: '',
    },
  };
}

/** The slice with the largest boxes; the middle one where there are none. */
function frameThatShows(frames: readonly PhantomFrame[]): number {
  const shown = frames.map(({ boxes }) => boxes.reduce((total, { box }) => total + (box.x2 - box.x1) * (box.y2 - box.y1), 0));
  const most = Math.max(...shown);
  return most > 0 ? shown.indexOf(most) : frames.length >> 1;
}
