/**
 * One kind of question for one kind of image (Med-R1, arXiv 2503.13939): a model learns from one modality or one family of questions and is then asked
 * all of them.
 */
import type { Curriculum, CurriculumMaker } from '#training/records/curriculum.ts';
import { knownOptions, wordsOption } from './options.ts';

/** The five question types of OmniMedVQA, and which of our questions belong to each. */
export const questionFamilies = {
  anatomy_identification: ['body_part', 'laterality', 'localization_lungs', 'localization_organ', 'side', 'larger'],
  disease_diagnosis: ['finding_class', 'finding_yes_no', 'abnormality_yes_no', 'abnormality_where', 'presence_tumour', 'presence_fluid', 'localization_lesion', 'localization_fluid', 'region_class'],
  lesion_grading: ['malignancy_yes_no', 'size', 'share'],
  modality_recognition: ['modality', 'view', 'specimen'],
  other_biological_attributes: [
    'localization_cells', 'count_white_blood_cells', 'count_platelets', 'count_fluid_regions', 'position', 'brightness_side', 'brightness_vertical', 'brightness_quarter',
    'brightness_level', 'symmetry', 'describe',
  ],
} as const satisfies Record<string, readonly string[]>;

export type QuestionFamily = keyof typeof questionFamilies;
export const familyNames = Object.keys(questionFamilies) as readonly QuestionFamily[];

/** The family of a question type; null for one that no family names. */
export const familyOf = (questionType: string): QuestionFamily | null =>
  familyNames.find((family) => (questionFamilies[family] as readonly string[]).includes(questionType)) ?? null;

/** The curriculum. Options `modalities`, `families`, `questionTypes`, `sets`: only what is named in each of those that are given is asked. */
export const specialist: CurriculumMaker = (options): Curriculum => {
  const owner = 'the curriculum specialist';
  const names = ['modalities', 'families', 'questionTypes', 'sets'] as const;
  knownOptions(owner, options, names);
  const [modalities, families, questionTypes, sets] = names.map((name) => wordsOption(owner, options, name, [])) as [string[], string[], string[], string[]];
  const admits = (list: readonly string[], value: string | null): boolean => list.length === 0 || (value !== null && list.includes(value));
  return {
    admits: (record) => admits(modalities, record.modality) && admits(sets, record.set),
    weigh: (record, { questionType }) => Number(
      admits(modalities, record.modality) && admits(families, familyOf(questionType)) && admits(questionTypes, questionType) && admits(sets, record.set)),
  };
};
