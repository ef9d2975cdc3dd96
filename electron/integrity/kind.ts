/** The kind of image that a modality stands for, as false alarms are counted by kind. */
import { modalities, type Modality } from '#models/clinical/study.ts';

/** Of the codes of DICOM (PS3.3 C.7.3.1.1.1). */
const kinds: Readonly<Record<string, Modality>> = {
  CR: 'xray', DX: 'xray', RG: 'xray', CT: 'ct', MR: 'mri', US: 'ultrasound', SM: 'microscopy', GM: 'microscopy', OP: 'fundus', OPT: 'oct', DMS: 'dermoscopy',
};

/** Null where it stands for none of them. */
export function kindOfImage(modality: string | null): Modality | null {
  if (modality === null) return null;
  return modalities.find((name) => name === modality.toLowerCase()) ?? (Object.hasOwn(kinds, modality) ? kinds[modality]! : null);
}
