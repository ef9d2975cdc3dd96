/**
 * The built-in checkpoint, from nothing: supervised learning of short grounded reasoning on the permissive part of the data.
 *
 * Source: the next-token objective of Qwen2.5-VL's fine-tuning, on conversations of one image and several independent questions.
 * Departures: the tower first learns to tell the labels apart by itself, which shows it several times as many images an hour as the whole network could
 * read; images grow over the run (small ones first: most of the learning at a fraction of the cost); the weights that are kept are a moving average;
 * the decoder learns to write from a tower that is held still before both learn on; the tower's heads start as looks at their neighbours, since there are
 * too few images for a plain transformer to find locality by itself. Places: beside writing, vision rows learn halfway through the decoder where their
 * cell lies and where the edges of what it shows are; half of M-RoPE's columns turn slowly, so that a head can look for what a row shows however far away
 * it stands, and the fast rest tells rows and columns apart; one stage asks for little but boxes, without which
 * nothing reads the rows' places. The tower goes on being told the labels of all tasks while the decoder writes. At last it is often asked where the
 * abnormality lies, which is answered with the boxes wherever there are any.
 */
import { Recipe } from '#training/records/recipe.ts';

/** config.json of the network, without the token ids, which come with the vocabulary. */
export const loupeBaseArchitecture = {
  architectures: ['Qwen2_5_VLForConditionalGeneration'],
  model_type: 'qwen2_5_vl',
  hidden_size: 192, intermediate_size: 640, num_hidden_layers: 4, num_attention_heads: 3, num_key_value_heads: 1,
  max_position_embeddings: 4096, rms_norm_eps: 1e-6, rope_theta: 10000, rope_scaling: { type: 'mrope', mrope_section: [4, 4, 24] },
  tie_word_embeddings: true, hidden_act: 'silu', use_sliding_window: false, attention_dropout: 0,
  vision_config: {
    model_type: 'qwen2_5_vl', depth: 6, hidden_size: 192, num_heads: 6, intermediate_size: 512, out_hidden_size: 192, in_channels: 3,
    patch_size: 14, spatial_patch_size: 14, spatial_merge_size: 2, temporal_patch_size: 2, tokens_per_second: 2, hidden_act: 'silu',
    window_size: 112, fullatt_block_indexes: [0, 1, 2, 3, 4, 5],
  },
};

const writing = { pixels: 168 * 168, batch: 16, accumulate: 2, tokens: 176, targets: 88, turns: 3, direct: 0.45 } as const;

/** What is asked in the stage of boxes, and of which images. */
const boxQuestions = {
  localization_cells: 4, localization_lungs: 2, localization_lesion: 4, localization_organ: 4, region_class: 2, position: 2,
  finding_class: 0.5, finding_yes_no: 0.3, abnormality_yes_no: 0.3, malignancy_yes_no: 0.3, brightness_side: 0.3, brightness_vertical: 0.3,
  brightness_quarter: 0.3, brightness_level: 0.2, symmetry: 0.2, modality: 0.3, body_part: 0.2, specimen: 0.2, describe: 0.3, view: 0.2,
};
const boxedSets = {
  cxr_pneumonia_paediatric: 0.25, mri_brain_tumour: 0.25, ct_lung_iqoth: 0.25, us_breast_busi: 0.6, derm_isic2017: 0.25, micro_blood_pbc: 0.25, oct_kermany: 0.5,
  cxr_lung_boxes: 8, micro_bccd_boxes: 8, mri_tumour_boxes: 6, fundus_chase: 1, fundus_exudate_boxes: 3, derm_lesion_boxes: 6, ct_haemorrhage_boxes: 5,
};

export const loupeBase = Recipe.parse({
  name: 'loupeBase',
  source: 'next-token learning on synthesized questions, growing image size',
  objective: 'sft',
  seed: 20,
  start: { scratch: loupeBaseArchitecture, vocabulary: 2560 },
  trained: '.',
  stages: [
    { learns: 'classify', steps: 1700, pixels: 112 * 112, batch: 64, accumulate: 1, mix: 0.3, smoothing: 0.1 },
    { learns: 'classify', steps: 1000, pixels: 168 * 168, batch: 32, accumulate: 1, mix: 0.3, smoothing: 0.1 },
    { learns: 'answer', steps: 400, trained: '^(model|cells)\\.', restart: { learningRate: 1e-3, warmupSteps: 50 }, ...writing, cells: 0.3 },
    { learns: 'answer', steps: 1200, restart: { learningRate: 8e-4, warmupSteps: 50 }, ...writing, cells: 0.3, labels: 0.5, smoothing: 0.05, phantoms: 600 },
    { learns: 'answer', steps: 450, ...writing, cells: 0.4, phantoms: 800, targets: 100, direct: 0.7, questionWeights: boxQuestions, setWeights: boxedSets },
    { learns: 'answer', steps: 1500, ...writing, cells: 0.15, labels: 0.5, smoothing: 0.05, phantoms: 200, questionWeights: { finding_class: 2, localization_cells: 2 } },
    {
      learns: 'answer', steps: 1000, ...writing, cells: 0.15, labels: 0.5, smoothing: 0.05, phantoms: 1200, targets: 100,
      questionWeights: { finding_class: 2, localization_cells: 2, abnormality_where: 4, localization_lungs: 1.3, localization_lesion: 1.3 },
    },
  ],
  optimizer: { learningRate: 1e-3, warmupSteps: 200, floor: 0.02, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.05, clip: 1, average: 0.998 },
  dropBranches: 0.1,
  localAttention: 3,
  augment: { plain: 0.15, zoom: 1.3, aspect: 1.15, shift: 0.12, turn: 12, colour: 0.2, erase: 0.25 },
  setWeights: {
    ct_lung_iqoth: 1.2, us_breast_busi: 1.5, cxr_lung_boxes: 10, micro_bccd_boxes: 5, mri_tumour_boxes: 6, oct_kermany: 3, fundus_chase: 4,
    fundus_exudate_boxes: 3, derm_lesion_boxes: 6, ct_haemorrhage_boxes: 5,
  },
  answerWeight: 2,
  checkpointEvery: 250,
});
