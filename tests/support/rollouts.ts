/** One line of a rollout file, made up: a question about a breast image, tried four times. */
import type { RolloutCompletion, RolloutLine } from '#training/records/rollout.ts';

/** A completion from its pieces, `text|probability` each; 0.99 where none is given. */
function completion(pieces: readonly string[], more: Partial<RolloutCompletion>): RolloutCompletion {
  const cut = pieces.map((piece) => {
    const at = piece.lastIndexOf('|');
    return at < 0 ? { text: piece, p: 0.99 } : { text: piece.slice(0, at), p: Number(piece.slice(at + 1)) };
  });
  return {
    text: cut.map(({ text }) => text).join(''), tokens: cut.map((_, i) => 10 + i), logprobs: cut.map(({ p }) => Math.log(p)), pieces: cut.map(({ text }) => text),
    finished: true, reward: 0, rewards: {}, parts: {}, correct: false, advantage: 0, boxes: [], ...more,
  };
}

export const rolloutLine: RolloutLine = {
  step: 120, stage: 1, prompt: 'us-0417/finding_class/0', case: 'us-0417', set: 'us_breast_busi', question_type: 'finding_class',
  question: 'What does this ultrasound image of the breast show? Choose from: normal, benign, malignant.', gold: { kind: 'word', accept: ['malignant'], reject: ['normal', 'benign'] },
  answer: 'malignant', size: { width: 224, height: 196 }, prompt_tokens: 84,
  completions: [
    completion(['<think>', 'A|0.7', ' dark', ' mass|0.45', ' with', ' spicul|0.08', 'ated|0.95', ' edges', '.', '\n', 'It', ' is', ' taller', ' than', ' wide|0.6', '.', '</think>', '\n', '<answer>', 'malignant', '</answer>'], {
      reward: 1.46, rewards: { answer: 1, format: 0.1, evidence: 0.36 }, parts: { 'evidence.hidden': 1, 'format.think': 0.1 }, correct: true, advantage: 1.28,
      boxes: [{ label: 'mass', box: [61.4, 40, 120, 98.7] }],
    }),
    completion(['<think>', 'A', ' round', ' mass', '.', '</think>', '<answer>', 'benign|0.3', '</answer>'], {
      reward: 0.1, rewards: { answer: 0, format: 0.1, evidence: null }, parts: { 'evidence.hidden': 0, 'format.think': 0.1 }, advantage: -0.98,
    }),
    completion(['<answer>', 'malignant|0.4', '</answer>'], {
      reward: 1, rewards: { answer: 1, format: 0, evidence: 0 }, parts: { 'evidence.hidden': 0, 'format.think': 0 }, correct: true, advantage: 0.68,
    }),
    completion(['<think>', 'The|0.2', ' the|0.004', ' the|0.3', ' \u001b[2J|0.001', ' \u202egnp'], {
      reward: 0, rewards: { answer: 0, format: 0, evidence: 0 }, parts: { 'evidence.hidden': 0, 'format.think': 0 }, advantage: -0.98, finished: false,
    }),
  ],
};
