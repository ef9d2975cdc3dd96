/** Made-up records of every kind that the index knows, and the real ones where they are at hand. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { readIndex } from '#training/data/cases.ts';

export const sharedData = join(process.env['LOUPE_SHARED'] ?? '../shared', 'data');

/** The index files of the shared data; empty where it is absent. */
export const sharedIndexes = (): string[] =>
  existsSync(sharedData) ? readdirSync(sharedData).map((folder) => join(sharedData, folder, 'index.jsonl')).filter((path) => existsSync(path)) : [];

export const sharedRecords = async (): Promise<CaseRecord[]> => (await Promise.all(sharedIndexes().map(readIndex))).flat();

const plain: CaseRecord = {
  id: 'plain-1', folder: '/nowhere', archive: 'images.zip', file: 'plain-1.jpg', modality: 'mri', set: 'made_up', split: 'train', width: 200, height: 160,
  task: 'mri_brain_tumour_4', label: 'glioma', labelsSpace: ['no_tumour', 'glioma', 'meningioma', 'pituitary_tumour'],
  questionTypes: ['modality', 'body_part', 'finding_class', 'abnormality_yes_no'], facts: { body_part: 'brain', abnormal: true }, boxes: null,
  group: 'patient-1', origin: '', source: '', licence: 'CC0 1.0', licenceClass: 'permissive', sha256: '0'.repeat(64),
};

export const madeUp = (changes: Partial<CaseRecord> = {}): CaseRecord => ({ ...plain, ...changes });

const box = (name: string, x1: number, y1: number, x2: number, y2: number): NonNullable<CaseRecord['boxes']>[number] => ({ class: name, box: { x1, y1, x2, y2 } });

/** One record of each kind, so that the tests need no shared data. */
export const madeUpRecords: readonly CaseRecord[] = [
  madeUp(),
  madeUp({ id: 'mri-none', label: 'no_tumour', facts: { body_part: 'brain', abnormal: false } }),
  madeUp({
    id: 'mri-box', task: 'mri_tumour_boxes_3', label: 'meningioma', labelsSpace: ['glioma', 'meningioma', 'pituitary_tumour'],
    questionTypes: ['modality', 'body_part', 'finding_class', 'localization_lesion'], boxes: [box('meningioma', 30, 40, 80, 90)],
  }),
  madeUp({
    id: 'lungs', modality: 'xray', set: 'cxr_lung_boxes', task: 'chest_covid_source_label', label: 'unspecified', labelsSpace: ['covid_19', 'unspecified'],
    questionTypes: ['modality', 'body_part', 'localization_lungs', 'view'], facts: { body_part: 'chest', view: 'AP_supine' },
    boxes: [box('left_lung', 110, 20, 190, 140), box('right_lung', 10, 22, 85, 130)],
  }),
  madeUp({
    id: 'children', modality: 'xray', set: 'cxr_pneumonia_paediatric', task: 'chest_pneumonia_3', label: 'viral_pneumonia', labelsSpace: ['normal', 'bacterial_pneumonia', 'viral_pneumonia'],
    facts: { body_part: 'chest', abnormal: true },
  }),
  madeUp({
    id: 'lung-ct', modality: 'ct', task: 'ct_lung_nodule_3', label: 'malignant', labelsSpace: ['normal', 'benign', 'malignant'], facts: { body_part: 'chest', abnormal: true },
  }),
  madeUp({
    id: 'bleeding', modality: 'ct', set: 'ct_haemorrhage_boxes', task: 'ct_haemorrhage_type_5', label: 'subdural_haemorrhage',
    labelsSpace: ['epidural_haemorrhage', 'intraparenchymal_haemorrhage', 'intraventricular_haemorrhage', 'subarachnoid_haemorrhage', 'subdural_haemorrhage'],
    questionTypes: ['modality', 'body_part', 'finding_class', 'localization_lesion'], facts: { body_part: 'head', abnormal: true },
    boxes: Array.from({ length: 11 }, (_, at) => box(at % 3 ? 'subdural_haemorrhage' : 'subarachnoid_haemorrhage', 10 + 15 * at, 20 + 9 * at, 20 + 16 * at, 40 + 9 * at)),
  }),
  madeUp({
    id: 'kidneys', modality: 'ct', task: 'ct_kidney_tumour_2', label: 'tumour_present', labelsSpace: ['tumour_absent', 'tumour_present'],
    questionTypes: ['modality', 'body_part', 'presence_tumour', 'localization_organ', 'localization_lesion'], facts: { body_part: 'abdomen' },
    boxes: [box('kidney', 20, 80, 60, 120), box('kidney', 140, 80, 180, 120), box('kidney_tumour', 150, 85, 170, 110)],
  }),
  madeUp({
    id: 'breast-none', modality: 'ultrasound', task: 'us_breast_3', label: 'normal', labelsSpace: ['normal', 'benign', 'malignant'], facts: { body_part: 'breast', abnormal: false }, boxes: [],
  }),
  madeUp({
    id: 'breast', modality: 'ultrasound', task: 'us_breast_3', label: 'benign', labelsSpace: ['normal', 'benign', 'malignant'], facts: { body_part: 'breast', abnormal: true },
    questionTypes: ['modality', 'finding_class', 'abnormality_yes_no', 'body_part', 'localization_lesion'], boxes: [box('benign_lesion', 70, 50, 120, 85)],
  }),
  madeUp({
    id: 'skin', modality: 'dermoscopy', set: 'derm_isic2017', task: 'derm_melanoma_2', label: 'not_melanoma', labelsSpace: ['not_melanoma', 'melanoma'],
    questionTypes: ['modality', 'body_part', 'finding_class', 'malignancy_yes_no'], facts: { body_part: 'skin', malignant: false },
  }),
  madeUp({
    id: 'eye', modality: 'fundus', set: 'fundus_chase', task: 'fundus_laterality_2', label: 'left', labelsSpace: ['left', 'right'], questionTypes: ['modality', 'body_part', 'laterality'],
    facts: { body_part: 'retina', eye: 'left' },
  }),
  madeUp({
    id: 'exudates', modality: 'fundus', task: 'fundus_exudate_boxes', label: 'hard_exudates', labelsSpace: ['hard_exudates'], questionTypes: ['modality', 'body_part', 'localization_lesion'],
    facts: { body_part: 'retina', abnormal: true }, boxes: Array.from({ length: 30 }, (_, at) => box('hard_exudates', 6 * at, 4 * at, 6 * at + 5 + (at % 4), 4 * at + 6)),
  }),
  madeUp({
    id: 'fluid', modality: 'oct', task: 'oct_fluid_2', label: 'fluid', labelsSpace: ['no_fluid', 'fluid'], facts: { body_part: 'retina', fluid_regions: 3 },
    questionTypes: ['modality', 'body_part', 'presence_fluid', 'localization_fluid', 'count_fluid_regions'],
    boxes: [box('retinal_fluid', 40, 60, 70, 80), box('retinal_fluid', 90, 62, 120, 85), box('retinal_fluid', 130, 66, 140, 72)],
  }),
  madeUp({
    id: 'no-fluid', modality: 'oct', task: 'oct_fluid_2', label: 'no_fluid', labelsSpace: ['no_fluid', 'fluid'], facts: { body_part: 'retina', fluid_regions: 0 },
    questionTypes: ['modality', 'body_part', 'presence_fluid'], boxes: [],
  }),
  madeUp({
    id: 'cell', modality: 'microscopy', set: 'micro_blood_pbc', task: 'blood_cell_8', label: 'platelet',
    labelsSpace: ['basophil', 'eosinophil', 'erythroblast', 'immature_granulocyte', 'lymphocyte', 'monocyte', 'neutrophil', 'platelet'],
    questionTypes: ['modality', 'specimen', 'finding_class'], facts: { specimen: 'peripheral blood smear' },
  }),
  madeUp({
    id: 'smear', modality: 'microscopy', set: 'micro_bccd_boxes', task: 'blood_smear_detection', label: 'blood_smear_field', labelsSpace: ['blood_smear_field'],
    questionTypes: ['modality', 'specimen', 'localization_cells', 'count_white_blood_cells', 'count_platelets'],
    facts: { specimen: 'peripheral blood smear', counts: { red_blood_cell: 12, white_blood_cell: 1, platelet: 2 } },
    boxes: [
      ...Array.from({ length: 12 }, (_, at) => box('red_blood_cell', 12 * at, 10 * at, 12 * at + 30, 10 * at + 28)),
      box('white_blood_cell', 60, 50, 110, 100), box('platelet', 150, 20, 162, 30), box('platelet', 20, 120, 30, 131),
    ],
  }),
  madeUp({
    id: 'tissue', modality: 'microscopy', task: 'lung_histology_3', label: 'lung_adenocarcinoma', labelsSpace: ['benign_lung_tissue', 'lung_adenocarcinoma', 'lung_squamous_cell_carcinoma'],
    questionTypes: ['modality', 'finding_class', 'abnormality_yes_no', 'specimen'], facts: { specimen: 'lung tissue section', abnormal: true },
  }),
];
