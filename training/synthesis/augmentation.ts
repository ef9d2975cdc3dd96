/** Which mirrorings and turns leave every label of a record true. */
import type { CaseRecord, Flips } from '#training/records/caseRecord.ts';

const none: Flips = { horizontal: false, vertical: false, quarterTurns: false };
const sideways: Flips = { horizontal: true, vertical: false, quarterTurns: false };
const anyWay: Flips = { horizontal: true, vertical: true, quarterTurns: true };

/**
 * By set; a set that is not listed is left as it is.
 * The lung boxes name the patient's sides, so those films stay; the children's films carry one label for the whole image, which a mirror keeps.
 * A mirrored fundus photograph looks like the other eye: `synthesize` swaps the side then. Skin, cells and tissue have no up or down.
 */
const flipsBySet: Readonly<Record<string, Flips>> = {
  cxr_pneumonia_paediatric: sideways, cxr_lung_boxes: none,
  ct_lung_iqoth: sideways, ct_head_haemorrhage: sideways, ct_haemorrhage_boxes: sideways, ct_kidney_boxes: sideways,
  mri_brain_tumour: sideways, mri_tumour_boxes: sideways,
  us_breast_busi: sideways,
  derm_isic2017: anyWay, derm_lesion_boxes: anyWay, derm_ham10000: anyWay,
  fundus_eye_disease: sideways, fundus_chase: sideways, fundus_exudate_boxes: sideways,
  oct_kermany: sideways, oct_macular_hole: sideways, oct_dme_fluid_boxes: sideways,
  micro_blood_pbc: anyWay, micro_bccd_boxes: anyWay, micro_lung_lc25000: anyWay,
};

export const flipsAllowed = ({ set }: Pick<CaseRecord, 'set'>): Flips => flipsBySet[set] ?? none;
