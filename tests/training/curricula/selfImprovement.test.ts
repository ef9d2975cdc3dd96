import { describe, expect, test } from 'vitest';
import { isRoundOver, secondThoughts, selectChain, selfReasoning, trimReflections } from '#training/curricula/selfImprovement.ts';
import { verify } from '#training/rewards/verify.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { input, scripted } from './scriptedPolicy.ts';

const chains = (...words: number[]): { words: number }[] => words.map((count) => ({ words: count }));

describe('the chain that is learnt', () => {
  test('is the longest but one', () => expect(selectChain(chains(90, 20, 55, 40), 'secondLongest')).toEqual({ words: 55 }));
  test('of two is the shorter', () => expect(selectChain(chains(70, 30), 'secondLongest')).toEqual({ words: 30 }));
  test('is the only one', () => expect(selectChain(chains(7), 'secondLongest')).toEqual({ words: 7 }));
  test('is none of none', () => expect(selectChain([], 'secondLongest')).toBeNull());
  test('is the shortest in the first round', () => expect(selectChain(chains(90, 20, 55), 'shortest')).toEqual({ words: 20 }));
});

test('reasoning is cut where it reflects for the second time', () => {
  expect(trimReflections('A mass. Wait, is it? Yes. But wait, again. Wait, no.')).toBe('A mass. Wait, is it? Yes.');
  expect(trimReflections('A mass. But wait, is it? Yes.')).toBe('A mass. But wait, is it? Yes.');
});

test('rounds end when the held-out score rises by less than half a point', () => {
  expect([0.004, 0.005, -0.1].map((gain) => isRoundOver(0.7, 0.7 + gain))).toEqual([true, false, true]);
});

const say = (reasoning: string, answer: string): string => `<think>\n${reasoning}\n</think>\n<answer>${answer}</answer>`;

describe('the reasoning of the model as it stands', () => {
  test('is sampled four times, and of the right ones the longest but one is learnt', async () => {
    const script = scripted((_, at) => [say('one two three four', 'glioma'), say('one two', 'glioma'), say('one two three four five', 'meningioma'), say('one two three', 'glioma')][at]!);
    const { turns, report } = await selfReasoning(input(script.policy, { questions: 1 }, [madeUp()]));
    expect(script.asked[0]!.options.count).toBe(4);
    expect(turns[0]!.turn.completion).toBe(say('one two three', 'glioma'));
    expect(report).toEqual({ kept: 1, written: 4 });
  });

  test('is left out where it is never right, or where there is no reasoning', async () => {
    expect((await selfReasoning(input(scripted(() => say('one two', 'meningioma')).policy, { questions: 1 }, [madeUp()]))).report).toEqual({ dropped_never_right: 1, written: 4 });
    expect((await selfReasoning(input(scripted(() => '<answer>glioma</answer>').policy, { questions: 1 }, [madeUp()]))).turns).toEqual([]);
  });
});

test('where too few lessons survive, dropped questions are taught by what is known of their cases', async () => {
  const { turns, report } = await selfReasoning(input(scripted(() => say('one two', 'meningioma')).policy, { questions: 3, least: 2 }, [madeUp()]));
  expect(report).toEqual({ dropped_never_right: 3, known_instead: 2, written: 12 });
  for (const { turn } of turns) expect(verify(turn.completion, turn.gold).isCorrect).toBe(true);
});

describe('second thoughts', () => {
  const write = async (...answers: string[]): Promise<{ texts: readonly string[]; report: Readonly<Record<string, number>> }> => {
    const { turns, report } = await secondThoughts(input(scripted((_, at) => say(`attempt ${at}`, answers[at]!)).policy, { questions: 1 }, [madeUp()]));
    for (const { turn } of turns) expect(verify(turn.completion, turn.gold).isCorrect).toBe(true);
    return { texts: turns.map(({ turn }) => turn.completion), report };
  };

  test('turn from a wrong attempt to a right one', async () => {
    expect(await write('meningioma', 'glioma', 'meningioma', 'glioma')).toEqual({
      texts: [say('attempt 0\nWait, there might be a mistake.\nattempt 1', 'glioma')], report: { kept_corrected: 1, written: 4 },
    });
  });
  test('confirm a right attempt by another', async () => {
    expect((await write('glioma', 'glioma', 'glioma', 'glioma')).texts).toEqual([say('attempt 1\nWait, does it seem right?\nattempt 0', 'glioma')]);
  });
  test('are none where no attempt is right', async () => expect((await write('meningioma', 'x', 'y', 'z')).texts).toEqual([]));
});
