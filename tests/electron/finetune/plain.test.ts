import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { InUse } from '#electron/contract/finetune.ts';
import { drawCases, keepCases } from '#electron/finetune/data.ts';
import { evaluateRun, evaluationOf, tableOf } from '#electron/finetune/evaluation.ts';
import { standing } from '#electron/models/shelf.ts';
import { plannedRecipe, shares } from '#electron/finetune/recipe.ts';
import { shownGroup } from '#electron/finetune/rollouts.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';
import { readIndex } from '#training/data/cases.ts';
import type { EvaluationLine, Run } from '#training/evaluate.ts';
import { grpoLora } from '#training/recipes/grpo.ts';
import type { RolloutLine } from '#training/records/rollout.ts';

describe('the recipe of a run', () => {
  test.each([[[4, 4], 3], [[1, 1, 998], 10], [[5, 1, 1], 3], [[7], 2]] as const)('stages %j share %i updates, each with at least one', (parts, total) => {
    const given = shares(parts, total);
    expect(given.reduce((a, b) => a + b, 0)).toBe(total);
    expect(Math.min(...given)).toBeGreaterThan(0);
  });
  test('a shorter run warms up for the same share of it', () => expect(plannedRecipe(grpoLora, { steps: 40, seed: 1 }, '/model')).toMatchObject({
    seed: 1, start: { folder: '/model' }, stages: [{ steps: 40 }], optimizer: { warmupSteps: 1 }, checkpointEvery: 8,
  }));
  test('a longer run keeps its warm-up', () => expect(plannedRecipe(tinyRecipe, { steps: 40, seed: 1 }, null).optimizer.warmupSteps).toBe(2));
  test('fewer updates than stages are refused', () =>
    expect(() => plannedRecipe({ ...tinyRecipe, stages: [...tinyRecipe.stages, ...tinyRecipe.stages] }, { steps: 1, seed: 0 }, null)).toThrow(/too short/));
  test('a recipe that goes on from a model needs one', () => expect(() => plannedRecipe(grpoLora, { steps: null, seed: 0 }, null)).toThrow(/cannot begin/));
});

describe('models one upon the other', () => {
  const entry = (id: string, how: InUse['how']): InUse => ({ id, how, name: id, since: null, by: '', runId: null, lineage: null });
  const first = entry('first', 'built in');
  const ids = (entries: readonly InUse[]): readonly string[] => standing(entries, first).map(({ id }) => id);
  test('going back twice goes back two models', () => expect(ids([entry('a', 'promoted'), entry('b', 'promoted'), entry('a', 'rolled back'), entry('first', 'rolled back')])).toEqual(['first']));
  test('what is promoted after going back stands upon the one before', () => expect(ids([entry('a', 'promoted'), entry('first', 'rolled back'), entry('c', 'promoted')])).toEqual(['first', 'c']));
});

describe('the evaluation of a run', () => {
  test('does not begin where no picture could be put in another’s place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loupe-evaluation-'));
    try {
      // One case of each kind is kept for judging.
      const source = { id: 'drawn', kind: 'drawn', name: '', path: join(folder, 'cases') } as const;
      keepCases(folder, source, await readIndex(drawCases(source.path, 30, 7)));
      const baseline = { id: 'built-in', name: 'loupe-base', folder: 'models/weights/loupe-base', isInUse: true };
      await expect(evaluateRun({ folder, baseline, most: 4 }, { signal: new AbortController().signal, tell: () => undefined })).rejects.toMatchObject({ code: 'finetune.unjudged', why: expect.stringContaining('no two of one task') as unknown });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const line = (id: string, run: Run, correct: boolean): EvaluationLine =>
    ({ id, task: 't', question_type: 'finding_class', question: 'What is it?', gold: 'x', answer: '', correct, boxes: null, gold_boxes: null, iou: null, text: '', run });
  const cases = Array.from({ length: 40 }, (_, at) => `c${at}`);
  const asked = (right: (at: number) => boolean, without: boolean): EvaluationLine[] =>
    cases.flatMap((id, at) => [line(id, 'real', right(at)), line(id, 'blank', without), line(id, 'swapped', without)]);
  const groupOf = (id: string): { modality: string; group: string } => ({ modality: 'ct', group: id });

  test('is a table of modality and question, over true, blank and swapped pictures, of both models', () =>
    expect(tableOf({ baseline: asked((at) => at < 10, false), candidate: asked(() => true, false) }, () => 'ct')).toEqual([{
      modality: 'ct', questionType: 'finding_class',
      baseline: { real: { right: 10, n: 40 }, blank: { right: 0, n: 40 }, swapped: { right: 0, n: 40 } },
      candidate: { real: { right: 40, n: 40 }, blank: { right: 0, n: 40 }, swapped: { right: 0, n: 40 } },
    }]));
  test('lets a better model through', () =>
    expect(evaluationOf({ baseline: asked((at) => at < 10, false), candidate: asked(() => true, false) }, groupOf, 'base', '').gate).toMatchObject({ decision: 'promoted', gained: 30, lost: 0 }));
  test('refuses a model that is right more often and looks less', () => {
    const { gate } = evaluationOf({ baseline: asked((at) => at < 20, false), candidate: asked(() => true, true) }, groupOf, 'base', '');
    expect(gate.decision).toBe('refused');
    expect(gate.comparisons.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(['image reliance (blank)', 'image reliance (swapped)']);
  });
});

test('of a group the completion with the greatest advantage comes first', () => {
  const completion = (advantage: number): RolloutLine['completions'][number] =>
    ({ text: String(advantage), tokens: [1], logprobs: [-1], pieces: ['a'], finished: true, reward: advantage, rewards: {}, parts: {}, correct: false, advantage, boxes: [] });
  const group = shownGroup({
    step: 1, stage: 0, prompt: 'p', case: 'c', set: 's', question_type: 'q', question: '?', answer: 'a', size: { width: 10, height: 10 }, prompt_tokens: 3,
    gold: { kind: 'boxes', boxes: [{ label: 'lung', box: { x1: 1, y1: 2, x2: 3, y2: 4 } }], matchLabels: false }, completions: [-1, 1, 0].map(completion),
  }, 4);
  expect(group.completions.map(({ advantage }) => advantage)).toEqual([1, 0, -1]);
  expect(group).toMatchObject({ at: 4, isSilent: false, goldBoxes: [{ label: 'lung', box: [1, 2, 3, 4] }] });
});
