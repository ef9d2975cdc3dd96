/**
 * PathoCLIP: an encoder of images and sentences for search and classification without training, learnt in two stages: pathology first, then everything.
 *
 * Source: arXiv 2505.11404 and its evaluation code; how it was trained was read about in a third-party account alone (PathGen-1.6M first, then all 3.5 million pairs).
 * Departures: the tower of the built-in checkpoint in place of a published ViT; sentences made from labels, facts and boxes of the permissive local images; hundreds of pairs for each kind of finding;
 * a last stage with drawn images among them.
 */
import { Recipe } from '#training/records/recipe.ts';
import { encoder } from './perceptualInitialization.ts';

const pairs = { learns: 'pair', pixels: 112 * 112, batch: 64, similar: { encoder } } as const;

export const pathoClip = Recipe.parse({
  name: 'pathoClip',
  source: 'PathoCLIP (arXiv 2505.11404): pathology first, then all pairs',
  seed: 73,
  start: { folder: 'models/weights/loupe-base' },
  trained: '.',
  stages: [
    {
      ...pairs, steps: 60,
      setWeights: {
        ct_haemorrhage_boxes: 0, ct_lung_iqoth: 0, cxr_lung_boxes: 0, cxr_pneumonia_paediatric: 0, derm_isic2017: 0, derm_lesion_boxes: 0, fundus_chase: 0, fundus_exudate_boxes: 0,
        mri_brain_tumour: 0, mri_tumour_boxes: 0, oct_kermany: 0, us_breast_busi: 0, micro_bccd_boxes: 1, micro_blood_pbc: 1,
      },
    },
    { ...pairs, steps: 400, setWeights: { fundus_chase: 4, fundus_exudate_boxes: 4, derm_lesion_boxes: 4, ct_haemorrhage_boxes: 4, oct_kermany: 2, mri_tumour_boxes: 2, cxr_lung_boxes: 2 } },
    // Drawn images join at the end, so that the sample studies are found too.
    { ...pairs, steps: 120, phantoms: 900, restart: { learningRate: 1.5e-4, warmupSteps: 5 } },
  ],
  optimizer: { learningRate: 3e-4, warmupSteps: 20, floor: 0.02, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.1, clip: 3, average: 0.99 },
  dropBranches: 0.1,
  localAttention: 0,
  augment: { plain: 0, zoom: 1.2, aspect: 1.1, shift: 0.06, turn: 5, colour: 0.15, erase: 0 },
  setWeights: {},
  answerWeight: 1,
  checkpointEvery: 230,
});
