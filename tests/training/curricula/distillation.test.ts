import { describe, expect, test } from 'vitest';
import { distillation, isRewriteSmall, splitOf } from '#training/curricula/distillation.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { input, promptOf, scripted } from './scriptedPolicy.ts';

const glioma = madeUp();
const writer = (reasoning: string, answer = 'glioma', verdict = 'yes') => scripted(({ id }) =>
  id.endsWith('/caption') ? '<answer>An MRI slice with a mass.</answer>' : id.endsWith('/verify') ? `<answer>${verdict}</answer>` : `<think>\n${reasoning}\n</think>\n<answer>${answer}</answer>`);

describe('the split of step 6', () => {
  const check = (text: string, expected: string): void => expect(splitOf(text)).toBe(expected);
  test('sends doubt to learning by rewards', () => check('Hmm, the glands are fused', 'rewards'));
  test('and the rest to imitation', () => check('The glands are fused', 'imitation'));
  test('by substrings, as published', () => check('reweighted against noise', 'rewards'));
});

test('a rewrite of more than fifteen words\' difference is dropped', () => {
  const words = (count: number): string => Array<string>(count).fill('word').join(' ');
  expect(isRewriteSmall(words(120), words(136))).toBe(false);
  expect(isRewriteSmall(words(120), words(135))).toBe(true);
});

describe('the six steps', () => {
  test('caption with the picture, distil without it, learn under the original question', async () => {
    const script = writer('The caption says that a mass is seen.');
    const { turns, report } = await distillation(input(script.policy, { questions: 1 }, [glioma]));
    expect(script.asked.map(({ prompt }) => prompt.blank ?? false)).toEqual([false, true]);
    expect(script.asked[1]!.prompt.turn.question).toContain('Caption: An MRI slice with a mass. The image is MRI, brain.');
    expect(turns.map(({ turn }) => [turn.question, turn.completion])).toEqual([[promptOf(glioma).turn.question, '<think>\nThe image shows a mass is seen.\n</think>\n<answer>glioma</answer>']]);
    expect(report).toEqual({ to_imitation: 1, written: 1 });
  });

  test('the parts for imitation and for rewards share no question', async () => {
    const doubtful = writer('Wait, a mass is seen.');
    expect((await distillation(input(doubtful.policy, { questions: 1, part: 'imitation' }, [glioma]))).turns).toEqual([]);
    expect((await distillation(input(doubtful.policy, { questions: 1, part: 'rewards' }, [glioma]))).turns.map(({ turn }) => turn)).toEqual([promptOf(glioma).turn]);
  });

  test('a wrong answer makes a hard question, unless that is switched off', async () => {
    const wrong = writer('A mass is seen.', 'meningioma');
    expect((await distillation(input(wrong.policy, { questions: 1, part: 'rewards' }, [glioma]))).report).toEqual({ dropped_wrong_answer: 1, to_rewards: 1, written: 1 });
    expect((await distillation(input(wrong.policy, { questions: 1, part: 'rewards', failures: false }, [glioma]))).turns).toEqual([]);
  });

  test('the model as verifier looks at the picture and may object', async () => {
    const objecting = writer('A mass is seen.', 'glioma', 'no');
    expect((await distillation(input(objecting.policy, { questions: 1, verifier: 'model' }, [glioma]))).report).toEqual({ dropped_not_confirmed: 1, written: 1 });
    expect(objecting.asked.at(-1)!.prompt).toMatchObject({ turn: { question: 'Does this image show glioma?' } });
    expect(objecting.asked.at(-1)!.prompt.blank).toBeUndefined();
  });
});
