/** What completions earn, with a sampler whose answers are known: which questions the scorer puts again, to whom, and over what. */
import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { StepPlan } from '#training/records/curriculum.ts';
import type { Completion, Prompt } from '#training/records/policy.ts';
import type { RewardUse } from '#training/records/recipe.ts';
import type { PolicySampler, SampleRequest } from '#training/rollouts/policy.ts';
import { createScorer, elsewhere, overlongPenalty } from '#training/rollouts/score.ts';

const size = { width: 100, height: 80 };
const prompt: Prompt = {
  id: 'case/finding', size,
  record: { id: 'case', modality: 'ultrasound', task: 'us_breast_3' } as unknown as CaseRecord,
  turn: { question: 'What is it?', answer: 'benign', questionType: 'finding_class', style: 'reasoned', gold: { kind: 'word', accept: ['benign'], reject: ['malignant'] } } as unknown as Prompt['turn'],
};
const completionOf = (text: string): Completion => ({ text, tokens: [...text].map((_, i) => 100 + i), logprobs: [...text].map(() => -1), finished: true });
const cites = (corners: readonly number[], answer = 'benign'): Completion =>
  completionOf(`<think>[{"bbox_2d": [${corners.join(', ')}], "label": "mass"}]</think><answer>${answer}</answer>`);
const planOf = (...rewards: readonly (Partial<RewardUse> & { readonly name: string })[]): StepPlan =>
  ({ rollouts: 2, temperature: 1, topP: 1, maxNewTokens: 40, rewards: rewards.map((use) => ({ weight: 1, mode: 'strict', options: {}, ...use })) });
const place = { step: 3, steps: 10 };

/** Says what the script says, and remembers what it was asked. */
function scripted(script: (prompt: Prompt) => string): PolicySampler & { readonly asked: { readonly requests: readonly SampleRequest[]; readonly temperature: number; readonly maxNewTokens: number }[] } {
  const unasked = (): never => { throw new Error('a scorer only samples'); };
  const asked: { requests: readonly SampleRequest[]; temperature: number; maxNewTokens: number }[] = [];
  return {
    asked, sample: unasked, score: unasked, encode: unasked, see: unasked, textOf: unasked, forget: unasked,
    async sampleAll(requests, { temperature, maxNewTokens }) {
      asked.push({ requests, temperature, maxNewTokens });
      return requests.map((request) => [completionOf(script(request.prompt))]);
    },
  };
}
const area = ({ x1, y1, x2, y2 }: Box): number => (x2 - x1) * (y2 - y1);
const overlap = (a: Box, b: Box): number => Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1)) * Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));

describe('evidence: the question is put again with regions hidden', () => {
  const cited: Box = { x1: 10, y1: 10, x2: 30, y2: 30 };
  const isCited = ({ hidden }: Prompt): boolean => hidden!.some(({ x1, y1 }) => x1 === cited.x1 && y1 === cited.y1);

  test('a model that looks where it points earns; one that says the same whatever it sees does not', async () => {
    for (const [script, reward] of [[(asked: Prompt) => (isCited(asked) ? '<answer>normal</answer>' : '<answer>benign</answer>'), 1], [() => '<answer>benign</answer>', 0]] as const) {
      const policy = scripted(script);
      const [rollout] = (await createScorer({ policy, seed: 1 }).judge([{ prompt, completions: [cites([10, 10, 30, 30])] }], planOf({ name: 'evidence' }), place)).flat();
      expect(rollout!.reward).toBe(reward);
    }
  });

  test('once over what was cited and once over as much elsewhere, greedily, within the length of the step', async () => {
    const policy = scripted(() => '<answer>benign</answer>');
    await createScorer({ policy, seed: 1 }).judge([{ prompt, completions: [cites([10, 10, 30, 30]), completionOf('<answer>benign</answer>')] }], planOf({ name: 'evidence' }), place);
    // The completion without a box is not asked about.
    expect(policy.asked.map(({ requests, temperature, maxNewTokens }) => [requests.length, temperature, maxNewTokens])).toEqual([[1, 0, 40], [1, 0, 40]]);
    const [hidden, control] = policy.asked.map(({ requests }) => requests[0]!.prompt.hidden!);
    expect(hidden).toEqual([cited]);
    expect(area(control![0]!)).toBeCloseTo(area(cited), 6);
    expect(overlap(control![0]!, cited)).toBe(0);
  });

  test('a box that reaches beyond the picture is cut, and one outside it is not asked about', async () => {
    const policy = scripted(() => '<answer>benign</answer>');
    await createScorer({ policy, seed: 1 }).judge([{ prompt, completions: [cites([90, 70, 140, 120]), cites([200, 200, 240, 240])] }], planOf({ name: 'evidence' }), place);
    expect(policy.asked[0]!.requests.map(({ prompt: { hidden } }) => hidden)).toEqual([[{ x1: 90, y1: 70, x2: 100, y2: 80 }]]);
  });

  test('the control is the same for the same seed and step, and another one at another step', async () => {
    const controlAt = async (step: number): Promise<unknown> => {
      const policy = scripted(() => 'benign');
      await createScorer({ policy, seed: 1 }).judge([{ prompt, completions: [cites([10, 10, 30, 30])] }], planOf({ name: 'evidence' }), { step, steps: 10 });
      return policy.asked[1]!.requests[0]!.prompt.hidden;
    };
    expect(await controlAt(3)).toEqual(await controlAt(3));
    expect(await controlAt(4)).not.toEqual(await controlAt(3));
  });

  test('many completions are asked about in portions', async () => {
    const policy = scripted(() => 'benign');
    await createScorer({ policy, seed: 1 }).judge([{ prompt, completions: Array.from({ length: 40 }, () => cites([10, 10, 30, 30])) }], planOf({ name: 'evidence' }), place);
    expect(policy.asked.map(({ requests }) => requests.length)).toEqual([32, 8, 32, 8]);
  });
});

describe('a judge', () => {
  test('is the model from before, told the right answer, and asked for yes or no', async () => {
    const policy = scripted(() => { throw new Error('not the model that learns'); });
    const reference = scripted(({ turn }) => (/Answer: benign\n/.test(turn.question) ? 'Yes.' : 'No.'));
    const judged = await createScorer({ policy, reference, seed: 1 }).judge(
      [{ prompt, completions: [completionOf('<answer>benign</answer>'), completionOf('<answer>malignant</answer>')] }], planOf({ name: 'vlmR1Judge', mode: 'published' }), place,
    );
    expect(judged[0]!.map(({ reward }) => reward)).toEqual([1, 0]);
    expect(reference.asked[0]!.requests[0]!.prompt.turn.question).toContain('Reference answer: benign');
  });

  test('is the model itself where there is no other', async () => {
    const policy = scripted(() => 'No.');
    await createScorer({ policy, seed: 1 }).judge([{ prompt, completions: [completionOf('benign')] }], planOf({ name: 'vlmR1Judge', mode: 'published' }), place);
    expect(policy.asked.length).toBe(1);
  });
});

describe('rows', () => {
  const silent = scripted(() => { throw new Error('nothing is to be asked'); });
  const scorer = createScorer({ policy: silent, seed: 1 });

  test('carry the token ids, over which a published reward looks for repetition', async () => {
    const repeated: Completion = { ...completionOf('on and on'), tokens: [7, 7, 7, 7, 7, 7] };
    const [first, second] = (await scorer.judge([{ prompt, completions: [repeated, completionOf('on and on')] }], planOf({ name: 'trlRepetition', mode: 'published' }), place)).flat();
    // One of four triples is new.
    expect(first!.reward).toBeCloseTo(-0.75, 9);
    expect(second!.reward).toBeCloseTo(0, 9);
  });

  test('ask a model for nothing that no reward reads, and add up what was earned by weight', async () => {
    const plan = planOf({ name: 'correct', weight: 2 }, { name: 'answerFormat', weight: 0.5 });
    const [rollout] = (await scorer.judge([{ prompt, completions: [completionOf('<answer>benign</answer>')] }], plan, place)).flat();
    expect(rollout!.rewards['correct']).toBe(1);
    expect(rollout!.reward).toBeCloseTo(2 + 0.5 * rollout!.rewards['answerFormat']!, 9);
    expect(rollout!.isCorrect).toBe(true);
  });

  test('take what a curriculum says of a completion: a second look that was forced earns no bonus', async () => {
    const completions = [completionOf('<think>A mass. Wait, let me check again.</think><answer>benign</answer>')];
    const plan = planOf({ name: 'vlRethinker' });
    const [own, forced] = (await scorer.judge([{ prompt, completions }, { prompt, completions, fields: { rethought: true } }], plan, place)).flat();
    expect([own!.reward, forced!.reward]).toEqual([1.1, 1]);
  });
});

test('a control avoids what was cited as well as it can', () => {
  const whole = { x1: 0, y1: 0, x2: 100, y2: 80 };
  expect(elsewhere([whole], size, new Random(1))).toEqual([whole]);
  const boxes = [{ x1: 0, y1: 0, x2: 20, y2: 20 }, { x1: 60, y1: 40, x2: 90, y2: 70 }];
  const others = elsewhere(boxes, size, new Random(1));
  expect(others.map(area).map(Math.round)).toEqual(boxes.map(area));
  expect(others.reduce((total, other) => total + boxes.reduce((sum, box) => sum + overlap(other, box), 0), 0)).toBeLessThan(100);
});

describe('the softened length limit', () => {
  const penalties = (factor: number, floored: boolean): number[] => [700, 896, 1000, 1100].map((tokens) => overlongPenalty(tokens, 1024, { buffer: 256, factor, floored }) + 0);

  test('falls over the buffer; floored it stops at the limit (TRL, EasyR1), else it goes on (verl)', () => {
    expect(penalties(1, true)).toEqual([0, -0.5, -0.90625, -1]);
    expect(penalties(1, false)).toEqual([0, -0.5, -0.90625, -1.296875]);
  });
  test('the factor stretches the floor too', () => {
    expect(penalties(2, true)).toEqual([0, -1, -1.8125, -2]);
    expect(penalties(0.5, true)).toEqual([0, -0.25, -0.453125, -0.5]);
  });
});
