import { expect, test } from 'vitest';
import { loupeBase } from '#training/recipes/loupeBase.ts';
import { RunManifest, StepRecord } from '#training/records/run.ts';

/** Typed as the trainer writes it, so that a field that changes there does not compile here. */
const written: StepRecord = {
  step: 1, stage: 0, loss: 2.5, learning_rate: 1e-3, grad_norm: 0.9, learnt_tokens: 100, tokens: 900, images: 32, draw_s: 0.1, step_s: 1.5,
};

test('a line of metrics as the trainer writes it is a step record', () => {
  const read: StepRecord = StepRecord.parse(written);
  expect(read).toEqual(written);
});

test('a step without a finite loss is refused', () => {
  for (const loss of [NaN, Infinity, null, 'low']) expect(StepRecord.safeParse({ ...written, loss }).success).toBe(false);
});

test('a manifest holds a whole recipe', () => {
  const manifest = { recipe: loupeBase, data: { cases: 3, sha256: 'a'.repeat(64) }, tokenizer: { sha256: 'b'.repeat(64) }, node: 'v20' };
  expect(RunManifest.safeParse(manifest).success).toBe(true);
  expect(RunManifest.safeParse({ ...manifest, recipe: { ...loupeBase, seed: -1 } }).success).toBe(false);
});
