/** The words for labels, classes, tasks and kinds of image: what the index spells with underscores, a person says like this. */
import type { CaseRecord } from '#training/records/caseRecord.ts';

/** A label in words. A noun names what is shown ("a glioma"), an adjective tells how it looks ("benign"). */
export interface Term {
  readonly name: string;
  readonly kind: 'noun' | 'adjective';
  /** With its article where it takes one: "a glioma", "bacterial pneumonia". */
  readonly shown: string;
  /** Other wordings that count as this label when they are answered. */
  readonly synonyms: readonly string[];
}

const noun = (shown: string, ...synonyms: string[]): Term => ({ name: shown.replace(/^(?:an?|the) /, ''), kind: 'noun', shown, synonyms });
const adjective = (name: string, ...synonyms: string[]): Term => ({ name, kind: 'adjective', shown: name, synonyms });

const terms: Readonly<Record<string, Term>> = {
  normal: adjective('normal', 'no finding', 'no abnormality', 'healthy', 'unremarkable'),
  benign: adjective('benign', 'benign lesion', 'benign finding', 'not malignant', 'non malignant'),
  malignant: adjective('malignant', 'malignant lesion', 'malignancy', 'cancer'),
  bacterial_pneumonia: noun('bacterial pneumonia', 'pneumonia caused by bacteria'),
  viral_pneumonia: noun('viral pneumonia', 'pneumonia caused by a virus'),
  haemorrhage: noun('a haemorrhage', 'bleeding', 'bleed', 'haematoma'),
  epidural_haemorrhage: noun('an epidural haemorrhage', 'epidural haematoma', 'extradural haemorrhage', 'epidural'),
  intraparenchymal_haemorrhage: noun('an intraparenchymal haemorrhage', 'intraparenchymal bleeding', 'intraparenchymal'),
  intraventricular_haemorrhage: noun('an intraventricular haemorrhage', 'intraventricular bleeding', 'intraventricular'),
  subarachnoid_haemorrhage: noun('a subarachnoid haemorrhage', 'subarachnoid bleeding', 'subarachnoid'),
  subdural_haemorrhage: noun('a subdural haemorrhage', 'subdural haematoma', 'subdural'),
  no_tumour: noun('no tumour', 'without tumour', 'tumour absent', 'normal'),
  glioma: noun('a glioma'),
  meningioma: noun('a meningioma'),
  pituitary_tumour: noun('a pituitary tumour', 'pituitary adenoma', 'pituitary'),
  melanoma: noun('a melanoma', 'malignant melanoma'),
  not_melanoma: noun('no melanoma', 'not melanoma', 'not a melanoma', 'non melanoma', 'without melanoma', 'not malignant'),
  actinic_keratosis: noun('an actinic keratosis'),
  basal_cell_carcinoma: noun('a basal cell carcinoma', 'basalioma'),
  benign_keratosis: noun('a benign keratosis', 'seborrhoeic keratosis'),
  dermatofibroma: noun('a dermatofibroma'),
  melanocytic_nevus: noun('a melanocytic naevus', 'naevus', 'mole'),
  vascular_lesion: noun('a vascular lesion', 'angioma', 'haemangioma'),
  diabetic_retinopathy: noun('diabetic retinopathy', 'retinopathy'),
  glaucoma: noun('glaucoma'),
  cataract: noun('a cataract'),
  choroidal_neovascularisation: noun('choroidal neovascularisation', 'cnv'),
  diabetic_macular_oedema: noun('diabetic macular oedema', 'dme', 'macular oedema'),
  drusen: noun('drusen'),
  macular_hole: noun('a macular hole', 'hole'),
  basophil: noun('a basophil', 'basophils'),
  eosinophil: noun('an eosinophil', 'eosinophils'),
  erythroblast: noun('an erythroblast', 'erythroblasts', 'normoblast'),
  immature_granulocyte: noun('an immature granulocyte', 'immature granulocytes'),
  lymphocyte: noun('a lymphocyte', 'lymphocytes'),
  monocyte: noun('a monocyte', 'monocytes'),
  neutrophil: noun('a neutrophil', 'neutrophils'),
  platelet: noun('a platelet', 'platelets', 'thrombocyte', 'thrombocytes'),
  benign_lung_tissue: noun('benign lung tissue', 'benign tissue', 'benign', 'normal lung tissue'),
  lung_adenocarcinoma: noun('lung adenocarcinoma', 'adenocarcinoma'),
  lung_squamous_cell_carcinoma: noun('lung squamous cell carcinoma', 'squamous cell carcinoma'),
  right_lung: noun('the right lung'),
  left_lung: noun('the left lung'),
  red_blood_cell: noun('a red blood cell', 'red cell', 'erythrocyte', 'red blood cells'),
  white_blood_cell: noun('a white blood cell', 'white cell', 'leucocyte', 'white blood cells'),
  benign_lesion: noun('a benign lesion'),
  malignant_lesion: noun('a malignant lesion'),
  skin_lesion: noun('a skin lesion'),
  hard_exudates: noun('hard exudates'),
  retinal_fluid: noun('retinal fluid', 'fluid'),
  kidney: noun('a kidney'),
  kidney_tumour: noun('a kidney tumour'),
};

/** The term of a label or class; one that is not listed is its own words, underscores to spaces. */
export const termOf = (label: string): Term => terms[label] ?? noun(label.replaceAll('_', ' '));

/** Every wording that counts as `label`. */
export const wordingsOf = (label: string): string[] => {
  const { name, shown, synonyms } = termOf(label);
  return [...new Set([name, shown, label.replaceAll('_', ' '), ...synonyms])];
};

export const pluralOf = (label: string): string => {
  const { name } = termOf(label);
  return /s$|fluid$|drusen$/.test(name) ? name : `${name}s`;
};

/** What a task asks for, as a noun: "Which … does this image show?" */
const topics: Readonly<Record<string, string>> = {
  blood_cell_8: 'cell type', lung_histology_3: 'tissue type', derm_lesion_7: 'lesion type', derm_melanoma_2: 'diagnosis',
  ct_haemorrhage_type_5: 'type of bleeding',
  mri_tumour_boxes_3: 'tumour type', fundus_disease_4: 'diagnosis', oct_retina_5: 'diagnosis',
};
export const topicOf = (task: string): string => topics[task] ?? 'finding';

/** The question type whose answer is the label, by which a task is scored; null where the label is not to be asked for. */
export function labelQuestion(record: CaseRecord): string | null {
  for (const type of ['curated', 'alteration', 'finding_class', 'presence_tumour', 'presence_fluid']) if (record.questionTypes.includes(type)) return type;
  return record.questionTypes.includes('laterality') && record.labelsSpace.length === 2 && record.facts['eye'] === record.label ? 'laterality' : null;
}

export const modalityNames: Readonly<Record<string, { readonly name: string; readonly synonyms: readonly string[] }>> = {
  xray: { name: 'X-ray', synonyms: ['xray', 'radiograph', 'radiography', 'plain film', 'chest film', 'x ray image'] },
  ct: { name: 'CT', synonyms: ['computed tomography', 'ct scan', 'ct slice'] },
  mri: { name: 'MRI', synonyms: ['mr', 'magnetic resonance imaging', 'magnetic resonance', 'mri scan', 'mri slice'] },
  ultrasound: { name: 'ultrasound', synonyms: ['sonography', 'sonogram', 'ultrasonography'] },
  dermoscopy: { name: 'dermoscopy', synonyms: ['dermatoscopy', 'dermoscopic image'] },
  fundus: { name: 'fundus photography', synonyms: ['fundus', 'fundus photograph', 'retinal photograph', 'retinal photography'] },
  oct: { name: 'OCT', synonyms: ['optical coherence tomography', 'oct scan'] },
  microscopy: { name: 'microscopy', synonyms: ['micrograph', 'light microscopy', 'microscope image'] },
};

const imageNouns: Readonly<Record<string, readonly string[]>> = {
  xray: ['chest film', 'chest X-ray', 'X-ray', 'radiograph', 'image'],
  ct: ['CT slice', 'CT scan', 'CT image', 'image'],
  mri: ['MRI slice', 'MRI scan', 'MR image', 'image'],
  ultrasound: ['ultrasound image', 'ultrasound', 'sonogram', 'image'],
  dermoscopy: ['dermoscopy image', 'skin image', 'picture', 'image'],
  fundus: ['fundus photograph', 'retinal photograph', 'fundus image', 'image'],
  oct: ['OCT scan', 'OCT image', 'retinal scan', 'image'],
  microscopy: ['microscopy image', 'micrograph', 'field', 'image'],
};

/** What this kind of image may be called in a question; the first is the plainest. */
export const nounsFor = ({ modality, facts }: CaseRecord): readonly string[] => {
  if (modality === 'xray' && facts['body_part'] !== 'chest') return ['X-ray', 'radiograph', 'film', 'image'];
  if (facts['specimen'] === 'peripheral blood smear') return ['blood smear', 'smear image', 'smear', 'image'];
  if (facts['specimen'] === 'lung tissue section') return ['tissue section', 'histology image', 'section', 'image'];
  return imageNouns[modality] ?? ['image'];
};
