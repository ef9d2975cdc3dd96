/** What the recipes of published methods share where they run from the built-in checkpoint: its folder, its images, a step's size. */

/** Begins a recipe: everything but its name, source, stages and what it trains. */
export const fromLoupeBase = {
  seed: 41,
  start: { folder: 'models/weights/loupe-base' },
  trained: '.',
  optimizer: { learningRate: 1e-5, warmupSteps: 10, floor: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, clip: 1, average: 0.9 },
  dropBranches: 0,
  localAttention: 0,
  augment: { plain: 1, zoom: 1, aspect: 1, shift: 0, turn: 0, colour: 0, erase: 0 },
  setWeights: {},
  answerWeight: 1,
  checkpointEvery: 25,
} as const;

/** 168 pixels a side: what the built-in checkpoint was last shown. */
const pixels = 168 * 168;

/** A stage of imitation: sixteen images an update, one lesson each, reasoning of up to 160 tokens. Its rate is a restart of its own. */
export const imitationStage = { learns: 'answer', pixels, batch: 16, tokens: 288, targets: 176, turns: 1, restart: { learningRate: 1e-4, warmupSteps: 5 } } as const;

/** A stage of learning by rewards: sixteen questions an update, in graphs of four. Its rate is a restart of its own. */
export const rewardStage = { learns: 'policy', pixels, batch: 4, accumulate: 4, restart: { learningRate: 1e-5, warmupSteps: 5 } } as const;

/** Room for the longest reasoning that the built-in checkpoint was taught. */
export const maxNewTokens = 128;

/** Questions about boxes. */
export const boxQuestions = ['localization_lungs', 'localization_lesion', 'localization_organ', 'localization_cells', 'localization_fluid'];
