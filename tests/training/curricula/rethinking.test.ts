import { describe, expect, test } from 'vitest';
import { chooseRethinking, cutBack, keptSecondLooks, reopened, rethinking, rethinkingLoss, triggers, waitsIn, type FirstAnswer } from '#training/curricula/rethinking.ts';
import type { CurriculumTools } from '#training/records/curriculum.ts';
import type { Completion, Group, Prompt, Rollout } from '#training/records/policy.ts';
import { verify } from '#training/rewards/verify.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { completion, promptOf, random, scripted } from './scriptedPolicy.ts';

const answer: FirstAnswer = { text: '<think>\nA mass.\n</think>\n<answer>glioma</answer>', tokens: 20, finished: true, isCorrect: true };
const limits = { maxTokens: 100, reserve: 40, least: 3 };
const many = (given: FirstAnswer, groupMean: number, changes = {}) => Array.from({ length: 1500 }, (_, seed) => chooseRethinking(given, groupMean, { ...limits, ...changes }, random(seed)));

describe('whether an answer is looked at again', () => {
  test('an answer that was cut off, or leaves no room for a second look, is left as it is', () => {
    expect(many({ ...answer, finished: false }, 0.5).every((chosen) => chosen === null)).toBe(true);
    expect(many({ ...answer, tokens: 61 }, 0.5).every((chosen) => chosen === null)).toBe(true);
  });

  test('of an easy question only right answers are looked at again, of others two in three', () => {
    expect(many({ ...answer, isCorrect: false }, 0.75).every((chosen) => chosen === null)).toBe(true);
    expect(many(answer, 0.75).every((chosen) => chosen !== null)).toBe(true);
    expect(many(answer, 0.5).filter((chosen) => chosen !== null).length / 1500).toBeCloseTo(0.65, 1);
  });

  test('half the triggers ask, a right answer is else to be verified and a wrong one corrected', () => {
    const share = (given: FirstAnswer, trigger: string): number => many(given, 0.5, { skip: 0 }).filter((chosen) => chosen?.trigger === trigger).length / 1500;
    expect(share(answer, 'verify')).toBeCloseTo(0.5, 1);
    expect(share(answer, 'bare')).toBeCloseTo(0.2, 1);
    expect(share(answer, 'question')).toBeCloseTo(0.3, 1);
    expect(share({ ...answer, isCorrect: false }, 'correct')).toBeCloseTo(0.5, 1);
  });

  test('the forced text is the reasoning, whole or cut back, with the trigger at its end', () => {
    const boxed = { ...answer, text: 'It is B. Wait, it is C. \\boxed{C}' };
    for (const given of [answer, boxed]) {
      for (const chosen of many(given, 0.5, { skip: 0 }).slice(0, 50)) {
        expect([reopened(given.text), cutBack(given.text)].map((kept) => `${kept}${triggers[chosen!.trigger]}`)).toContain(chosen!.forced);
      }
    }
  });

  test('reasoning in tags is taken up again before it ended, an answer without reasoning is left as it is', () => {
    expect(reopened(answer.text)).toBe('<think>\nA mass.');
    expect(reopened('So it is \\boxed{B}')).toBe('So it is \\boxed{B}');
    expect(many({ ...answer, text: '<answer>glioma</answer>' }, 0.5, { skip: 0 }).every((chosen) => chosen === null)).toBe(true);
  });
});

test('cutting back drops the last wait, the box, the answer and the last paragraph, in this order', () => {
  expect(cutBack('First.\n\nSecond. Wait, no')).toBe('First.');
  expect(cutBack('So \\boxed{B}')).toBe('So ');
  expect(cutBack('Seen.\n<answer>B</answer>')).toBe('Seen.\n<');
  expect(cutBack('Nothing to cut')).toBe('Nothing to cut');
});

test('a second look is kept where it is right, of a fair length, and waits at most three times; two for each question', () => {
  const look = (changes: object) => ({ text: 'Wait, yes', tokens: 10, isCorrect: true, ...changes });
  const looks = [look({ isCorrect: false }), look({ tokens: 3 }), look({ tokens: 40 }), look({ text: 'wait wait Wait WAIT' }), look({}), look({ text: 'wait wait wait' }), look({})];
  expect(keptSecondLooks(looks, limits)).toEqual([looks[4], looks[5]]);
  expect(waitsIn('Wait, await')).toBe(2);
});

describe('the auxiliary loss', () => {
  const row = { logprobs: [-0.5, -0.5, -0.2], advantage: 0.5, rethought: true };

  test('is 0.05 times the mean negative log-probability of rethought rows that paid off', () => {
    const { loss, gradients } = rethinkingLoss([row]);
    expect(loss).toBeCloseTo(0.05 * 0.4, 10);
    expect(gradients[0]).toBeCloseTo(-0.05 / 3, 10);
  });

  test('joins the clipped policy loss to the total of the worked example', () => {
    const old = [-1, -0.5, -0.2];
    const policyLoss = row.logprobs.reduce((total, logprob, at) => {
      const ratio = Math.exp(logprob - old[at]!);
      return total + Math.max(-ratio * row.advantage, -Math.min(Math.max(ratio, 0.8), 1.35) * row.advantage);
    }, 0) / (3 + 1e-4);
    expect(policyLoss).toBeCloseTo(-0.55831472, 7);
    expect(policyLoss + rethinkingLoss([row]).loss).toBeCloseTo(-0.53831472, 7);
  });

  test('leaves out rows that were not rethought or did not pay off, and is 0 without any', () => {
    expect(rethinkingLoss([{ ...row, rethought: false }, { ...row, advantage: -0.5 }])).toEqual({ loss: 0, gradients: [0, 0] });
    expect(rethinkingLoss([row, { ...row, rethought: false }]).gradients[1]).toBe(0);
  });

  test('has no gradient where its value is clamped, and else agrees with finite differences', () => {
    expect(rethinkingLoss([{ ...row, logprobs: [-11, -12] }])).toEqual({ loss: 0.05, gradients: [0] });
    const at = (delta: number): number => rethinkingLoss([{ ...row, logprobs: [-0.5 + delta, -0.5, -0.2] }]).loss;
    expect((at(1e-6) - at(-1e-6)) / 2e-6).toBeCloseTo(rethinkingLoss([row]).gradients[0]!, 8);
  });
});

describe('the curriculum of second looks', () => {
  const prompt = promptOf(madeUp());
  const judged = (asked: Prompt, { ...said }: Completion): Rollout => {
    const { isCorrect } = verify(said.text, asked.turn.gold);
    return { completion: said, rewards: {}, parts: {}, reward: Number(isCorrect), isCorrect, advantage: 0 };
  };
  const group: Group = { prompt, rollouts: ['meningioma', 'meningioma', 'glioma', 'meningioma'].map((name) => judged(prompt, completion(`<think>\nA mass.\n</think>\n<answer>${name}</answer>`))) };
  const toolsOf = (says: string): CurriculumTools => ({
    policy: scripted(() => says).policy, plan: { rollouts: 4, temperature: 1, topP: 1, maxNewTokens: 128, rewards: [] }, place: { step: 0, steps: 1 }, random: random(3),
    judge: (asked, completions) => Promise.resolve(completions.map((said) => judged(asked, said))),
  });
  const right = ' , looking again at the whole of the picture once more, it has another shape.\n</think>\n<answer>glioma</answer>';

  test('puts right second looks in the place of first answers, two at most', async () => {
    const [extended] = await rethinking({ skip: 0 }, { seed: 1, steps: 1 }).extend!([group], toolsOf(right));
    expect(extended!.rollouts.length).toBe(4);
    const changed = extended!.rollouts.filter(({ completion: { text } }, at) => text !== group.rollouts[at]!.completion.text);
    expect(changed.length).toBe(2);
    for (const { completion: { text }, isCorrect } of changed) {
      expect(text).toMatch(/\n\nWait.*glioma<\/answer>$/s);
      expect(isCorrect).toBe(true);
    }
  });

  test('leaves the group as it is where second looks end wrong', async () => {
    const extended = await rethinking({ skip: 0 }, { seed: 1, steps: 1 }).extend!([group], toolsOf(right.replace('glioma', 'pituitary tumour')));
    expect(extended).toEqual([group]);
  });

  test('adds what paid off once more, to be imitated', async () => {
    const made = rethinking({ skip: 0, imitation: 0.05 }, { seed: 1, steps: 1 });
    const extended = await made.extend!([group], toolsOf(right));
    const weighed = extended.map(({ prompt: asked, rollouts }) => ({ prompt: asked, rollouts: rollouts.map((rollout) => ({ ...rollout, advantage: rollout.isCorrect ? 0.25 : -0.75 })) }));
    const [selected] = made.select!(weighed, toolsOf(right));
    expect(selected!.rollouts.slice(0, 4)).toEqual(weighed[0]!.rollouts);
    const tokens = (rollouts: readonly Rollout[]): number => rollouts.reduce((total, { completion: { tokens: all } }) => total + all.length, 0);
    const copies = selected!.rollouts.slice(4);
    expect(copies.map(({ completion: { text } }) => text.includes('Wait'))).toEqual([true, true]);
    for (const { imitation } of copies) expect(imitation! / tokens(selected!.rollouts), 'a mean over the imitated tokens alone').toBeCloseTo(0.05 / tokens(copies), 12);
  });
});
