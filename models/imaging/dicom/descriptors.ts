/** Descriptions without names: of a text only the words of a list are kept, those that say what was imaged and how. */

const words = new Set(`
abdomen abdominal adrenal ankle aorta aortic arm axilla biliary bladder bone bowel brachial brain breast bronchial calcaneus cardiac carotid cerebral cervical chest clavicle coccyx colon
coronary cranium elbow extremity eye face facial femoral femur fibula finger foot forearm hand head heart hip humerus iac iliac jaw joint kidney knee larynx leg liver lower lumbar lung lungs
mandible maxilla mediastinum mouth nasal neck nose orbit orbits ovary pancreas parotid patella pelvic pelvis phalanx pituitary prostate pulmonary radius rectum renal rib ribs sacroiliac sacrum scalp
scapula shoulder sinus sinuses skin skull spine spleen sternum stomach temporal testis thigh thoracic thorax thumb thyroid tibia toe tongue trachea ulna upper uterus vein venous wrist
ct cta mr mri mra mrv us xr cr dx dr mg nm pt pet spect xa rf op oct sm io px fundus film radiograph ultrasound sonogram mammogram mammography angiography angio fluoroscopy tomosynthesis doppler
scan scout localizer localiser topogram survey screening routine standard protocol series study image images view views frontal lateral oblique axial coronal sagittal transverse ap pa lat decubitus
supine prone erect portable left right bilateral anterior posterior superior inferior medial cc mlo lcc rcc lmlo rmlo whole total body full partial thin thick slice slices volume reformat
recon reconstruction mpr mip minip projection projections derived original primary secondary localiser3d
contrast noncontrast enhanced unenhanced plain native pre post with without no not non iv oral arterial portal delayed delay late early phase phases dynamic perfusion bolus equilibrium excretory
venous washout wash gad gadolinium iodine iodinated barium
t1 t2 t1w t2w pd pdw flair stir dwi adc dti swi gre tse fse se haste space mprage spgr bravo vibe lava tof asl bold epi trufi fiesta ciss dixon inphase outphase fatsat fat water sat fs
suppressed weighted diffusion spin echo gradient inversion recovery tensor fractional anisotropy b0 b50 b100 b400 b500 b800 b1000 b1500 2d 3d 4d cine gated ungated
soft tissue lung bone sharp smooth kernel window brain mediastinal filter filtered fbp iterative
low high dose resolution res hr hrct ldct fast field lens slide stain stained he ihc specimen section block biopsy tissue
and or of the in at for to from by from mm cm ms sec kv kvp mas hz
attenuation correction corrected uncorrected static emission transmission fdg f18 ga68 tc99m uptake
`.trim().split(/\s+/));

/** Sizes and the like, the unit in the same word: 5mm, 0.6MM, 120kV. */
const quantity = /^\d{1,4}(\.\d{1,3})?(mm|cm|ms|s|sec|kv|kvp|mas|hz|d|x)$/;

/** The words that may stay, parted by a blank; '' where there are none. */
export function cleanedText(text: string): string {
  // What turns the meaning round must not be lost.
  const written = text.replace(/\bw\/o\b/gi, 'without').replace(/\bwo\b/gi, 'without').replace(/\bw\/(?=\s|$)/gi, 'with');
  const kept = written.split(/[^\p{L}\p{N}.]+/u).map((word) => word.replace(/^\.+|\.+$/g, '')).filter((word) => {
    const small = word.toLowerCase();
    return words.has(small) || quantity.test(small);
  });
  // Words such as `of` say nothing by themselves.
  return kept.some((word) => word.length > 2 || /^(ct|mr|us|xr|cr|dx|dr|mg|nm|pt|t1|t2|pd|ap|pa|cc)$/i.test(word)) ? kept.join(' ') : '';
}
