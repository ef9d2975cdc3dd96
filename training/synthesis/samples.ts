/** The sample studies: one for each modality and a slide, drawn from a seed and written as the files that a scanner or a camera would leave. */
import { Fault } from '#models/base/fault.ts';
import type { Modality } from '#models/clinical/study.ts';
import { pixelElements, writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { encodePng } from '#models/imaging/png.ts';
import { drawPhantom } from './phantoms.ts';
import { phantomKinds } from './phantoms/study.ts';
import type { PhantomFrame, PhantomKind, PhantomOptions, PhantomStudy, StoredPixels } from './phantoms/study.ts';
import { framePicture } from './phantoms/study.ts';
import { tiffPyramid } from './phantoms/tiffWriter.ts';

export interface SampleStudy {
  readonly name: string;
  readonly modality: Modality;
  /** A question that suits it. */
  readonly question: string;
  /** File names to bytes; a series has a file for each slice. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What is true about it. */
  readonly truth: PhantomStudy;
}

interface Plan {
  readonly kind: PhantomKind;
  readonly options: PhantomOptions;
  readonly question: string;
  readonly patient: string;
}

const where = 'Is there an abnormality, and where?';

/** Every sample by its name. */
const plans = {
  'ct-chest': { kind: 'ct_chest', options: { frames: 12, label: 'malignant' }, question: where, patient: 'CHEST' },
  'ct-liver': { kind: 'ct_liver', options: { frames: 10, label: 'liver_lesion' }, question: where, patient: 'LIVER' },
  'mr-head': { kind: 'mr_head', options: { frames: 12, label: 'meningioma' }, question: where, patient: 'HEAD' },
  'chest-film': { kind: 'chest_film', options: { size: 768, label: 'consolidation' }, question: 'Where are the lungs? Give boxes.', patient: 'FILM' },
  'breast-ultrasound': { kind: 'breast_ultrasound', options: { size: 512, label: 'benign' }, question: where, patient: 'BREAST' },
  'skin-lesion': { kind: 'dermoscopy', options: { size: 384, label: 'melanoma' }, question: 'Is this lesion malignant?', patient: 'SKIN' },
  fundus: { kind: 'fundus', options: { size: 640, label: 'diabetic_retinopathy' }, question: where, patient: 'FUNDUS' },
  oct: { kind: 'oct', options: { size: 512, label: 'diabetic_macular_oedema' }, question: where, patient: 'OCT' },
  'blood-smear': { kind: 'blood_smear', options: { size: 640, variant: 'field' }, question: 'Draw a box around the white blood cells.',
    patient: 'SMEAR' },
  slide: { kind: 'slide', options: { size: 1536, label: 'lung_adenocarcinoma' }, question: 'Which tissue type does this image show?',
    patient: 'SLIDE' },
} as const satisfies Record<string, Plan>;

export type SampleName = keyof typeof plans;

export const sampleNames = Object.keys(plans) as SampleName[];

/**
 * Draws and writes one sample; the same name and seed give the same bytes.
 * Fault `sample.unknown` for a name that is not in `sampleNames`.
 */
export function sampleStudy(name: string, seed = 7): SampleStudy {
  const plan: Plan | undefined = (plans as Record<string, Plan>)[name];
  if (plan === undefined || !Object.hasOwn(plans, name)) {
    throw new Fault({ code: 'sample.unknown', what: `There is no sample ${name}.`, why: `The samples are ${sampleNames.join(', ')}.`,
      mend: 'Choose one of these.' });
  }
  const truth = drawPhantom(plan.kind, seed, plan.options);
  return { name, modality: truth.modality, question: plan.question, truth, files: filesOf(name, plan, truth) };
}

function filesOf(name: string, plan: Plan, study: PhantomStudy): Map<string, Uint8Array> {
  const form = dicomForms[plan.kind];
  if (form !== undefined) {
    const digits = String(study.frames.length).length;
    return new Map(study.frames.map((frame, i) => [
      study.frames.length === 1 ? `${name}.dcm` : `${name}/${String(i + 1).padStart(Math.max(3, digits), '0')}.dcm`,
      dicomFile(form, plan, study, frame, i),
    ]));
  }
  if (study.levels.length > 0) return new Map([[`${name}.tif`, tiffPyramid(study.levels, `Synthetic slide, seed ${study.seed}`)]]);
  return new Map([[`${name}.png`, encodePng(framePicture(study.frames[0]!))]]);
}

/** How a kind is written as DICOM. */
interface DicomForm {
  readonly sopClass: string;
  readonly modality: 'CT' | 'MR' | 'DX' | 'US';
  readonly bodyPart: string;
  readonly series: string;
  readonly own: (frame: PhantomFrame, stored: StoredPixels) => readonly NewElement[];
}

const spatial = ({ geometry, thicknessMm }: PhantomFrame): NewElement[] => [
  { tag: 'x00180050', vr: 'DS', value: thicknessMm ?? 0 },
  { tag: 'x00200032', vr: 'DS', value: geometry.positionMm ?? [0, 0, 0] },
  { tag: 'x00200037', vr: 'DS', value: geometry.orientation ?? [1, 0, 0, 0, 1, 0] },
  { tag: 'x00201041', vr: 'DS', value: geometry.positionMm?.[2] ?? 0 },
  { tag: 'x00280030', vr: 'DS', value: geometry.spacingMm ?? [1, 1] },
];

const hounsfield: DicomForm['own'] = (frame, { slope, intercept }) => [
  ...spatial(frame),
  { tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY', 'AXIAL'] },
  { tag: 'x00180060', vr: 'DS', value: 120 },
  { tag: 'x00281052', vr: 'DS', value: intercept },
  { tag: 'x00281053', vr: 'DS', value: slope },
  { tag: 'x00281054', vr: 'LO', value: 'HU' },
];

const dicomForms: Partial<Record<PhantomKind, DicomForm>> = {
  ct_chest: { sopClass: '1.2.840.10008.5.1.4.1.1.2', modality: 'CT', bodyPart: 'CHEST', series: 'Synthetic chest', own: hounsfield },
  ct_liver: { sopClass: '1.2.840.10008.5.1.4.1.1.2', modality: 'CT', bodyPart: 'ABDOMEN', series: 'Synthetic upper abdomen', own: hounsfield },
  mr_head: {
    sopClass: '1.2.840.10008.5.1.4.1.1.4', modality: 'MR', bodyPart: 'BRAIN', series: 'Synthetic T1 with contrast',
    own: (frame) => [
      ...spatial(frame),
      { tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY', 'OTHER'] },
      { tag: 'x00180020', vr: 'CS', value: 'SE' },
      { tag: 'x00180021', vr: 'CS', value: 'NONE' },
      { tag: 'x00180022', vr: 'CS', value: '' },
      { tag: 'x00180023', vr: 'CS', value: '2D' },
      { tag: 'x00180080', vr: 'DS', value: 550 },
      { tag: 'x00180081', vr: 'DS', value: 12 },
      { tag: 'x00180010', vr: 'LO', value: 'Synthetic contrast agent' },
    ],
  },
  chest_film: {
    sopClass: '1.2.840.10008.5.1.4.1.1.1.1', modality: 'DX', bodyPart: 'CHEST', series: 'Synthetic chest film',
    own: ({ geometry }) => [
      { tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY'] },
      { tag: 'x00080068', vr: 'CS', value: 'FOR PRESENTATION' },
      { tag: 'x00181164', vr: 'DS', value: geometry.spacingMm ?? [1, 1] },
      { tag: 'x00185101', vr: 'CS', value: 'PA' },
      { tag: 'x00200020', vr: 'CS', value: ['L', 'F'] },
      { tag: 'x00281052', vr: 'DS', value: 0 },
      { tag: 'x00281053', vr: 'DS', value: 1 },
      { tag: 'x00281054', vr: 'LO', value: 'US' },
    ],
  },
  breast_ultrasound: {
    sopClass: '1.2.840.10008.5.1.4.1.1.6.1', modality: 'US', bodyPart: 'BREAST', series: 'Synthetic breast ultrasound',
    own: ({ geometry }, { width, height }) => [
      { tag: 'x00080008', vr: 'CS', value: ['ORIGINAL', 'PRIMARY'] },
      {
        tag: 'x00186011', vr: 'SQ', value: [[
          { tag: 'x00186012', vr: 'US', value: 1 },
          { tag: 'x00186014', vr: 'US', value: 1 },
          { tag: 'x00186016', vr: 'UL', value: 0 },
          { tag: 'x00186018', vr: 'UL', value: 0 },
          { tag: 'x0018601a', vr: 'UL', value: 0 },
          { tag: 'x0018601c', vr: 'UL', value: width - 1 },
          { tag: 'x0018601e', vr: 'UL', value: height - 1 },
          { tag: 'x00186024', vr: 'US', value: 3 },
          { tag: 'x00186026', vr: 'US', value: 3 },
          { tag: 'x0018602c', vr: 'FD', value: (geometry.spacingMm?.[1] ?? 1) / 10 },
          { tag: 'x0018602e', vr: 'FD', value: (geometry.spacingMm?.[0] ?? 1) / 10 },
        ]],
      },
    ],
  },
};

/** The root below which all identifiers of samples lie: kind, seed, series and slice follow. */
const uidRoot = '2.25.302819462870911842035176';

function dicomFile(form: DicomForm, { kind, patient }: Plan, { seed, frames }: PhantomStudy, frame: PhantomFrame, index: number): Uint8Array {
  const { stored } = frame;
  if (stored === null) throw new RangeError(`dicomFile: ${kind} has no stored samples`);
  const study = `${uidRoot}.${phantomKinds.indexOf(kind) + 1}.${seed >>> 0}`;
  return writeDicom([
    { tag: 'x00080016', vr: 'UI', value: form.sopClass },
    { tag: 'x00080018', vr: 'UI', value: `${study}.1.${index + 1}` },
    { tag: 'x00080020', vr: 'DA', value: '20000101' },
    { tag: 'x00080030', vr: 'TM', value: '120000' },
    { tag: 'x00080050', vr: 'SH', value: '' },
    { tag: 'x00080060', vr: 'CS', value: form.modality },
    { tag: 'x00080070', vr: 'LO', value: 'Loupe phantoms' },
    { tag: 'x00080090', vr: 'PN', value: '' },
    { tag: 'x0008103e', vr: 'LO', value: form.series },
    { tag: 'x00100010', vr: 'PN', value: `PHANTOM^${patient}` },
    { tag: 'x00100020', vr: 'LO', value: `PHANTOM-${patient}-${seed}` },
    { tag: 'x00100030', vr: 'DA', value: '' },
    { tag: 'x00100040', vr: 'CS', value: 'O' },
    { tag: 'x00180015', vr: 'CS', value: form.bodyPart },
    { tag: 'x0020000d', vr: 'UI', value: study },
    { tag: 'x0020000e', vr: 'UI', value: `${study}.1` },
    { tag: 'x00200010', vr: 'SH', value: '1' },
    { tag: 'x00200011', vr: 'IS', value: 1 },
    { tag: 'x00200013', vr: 'IS', value: index + 1 },
    ...(frames.length > 1 ? [{ tag: 'x00200052', vr: 'UI', value: `${study}.2` } as const] : []),
    { tag: 'x00281050', vr: 'DS', value: stored.window.center },
    { tag: 'x00281051', vr: 'DS', value: stored.window.width },
    ...pixelElements({ rows: stored.height, columns: stored.width, photometric: 'MONOCHROME2', data: stored.samples, bitsStored: stored.bitsStored }),
    ...form.own(frame, stored),
  ]);
}
