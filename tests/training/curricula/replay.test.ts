import { describe, expect, test } from 'vitest';
import { replay, ReplayMemory, replayProbabilities } from '#training/curricula/replay.ts';
import type { Group } from '#training/records/policy.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { completion, promptOf, random } from './scriptedPolicy.ts';

describe('replay probabilities', () => {
  const check = (alpha: number, expected: readonly number[]): void =>
    replayProbabilities([0.875, -0.125, 0.5, -0.5], alpha).forEach((probability, at) => expect(probability).toBeCloseTo(expected[at]!, 6));
  test('go by the size of the advantage', () => check(1, [0.4375, 0.0625, 0.25, 0.25]));
  test('go by its square at alpha 2', () => check(2, [0.597561, 0.012195, 0.195122, 0.195122]));
  test('are even at alpha 0', () => check(0, [0.25, 0.25, 0.25, 0.25]));
});

describe('the replay memory', () => {
  const batch = (...advantages: number[]): { advantage: number }[] => advantages.map((advantage) => ({ advantage }));

  test('fills the places of samples without an advantage, so that a batch of eight stays one of eight', () => {
    const { fresh, replayed, usefulShare } = new ReplayMemory(100).fill(0, batch(0.5, -0.5, 0.25, -0.25, 0, 0, 0, 0), random());
    expect([fresh.length, replayed.length, usefulShare]).toEqual([4, 4, 0.5]);
    expect(replayed.every(({ advantage }) => advantage !== 0)).toBe(true);
  });

  test('gives nothing while it is empty, so that the update can be left out', () => {
    expect(new ReplayMemory(100).fill(0, batch(0, 0, 0), random())).toEqual({ fresh: [], replayed: [], usefulShare: 0 });
  });

  test('serves a later step of dead groups from earlier ones, and is emptied with its episode', () => {
    const memory = new ReplayMemory<{ advantage: number }>(3);
    memory.fill(0, batch(1, -1), random());
    expect(memory.fill(2, batch(0, 0), random()).replayed.length).toBe(2);
    expect(memory.fill(3, batch(0, 0), random()).replayed).toEqual([]);
  });

  test('draws by the probabilities', () => {
    const memory = new ReplayMemory<{ advantage: number }>(100);
    memory.fill(0, batch(0.875, -0.125), random());
    const { replayed } = memory.fill(1, batch(...Array<number>(4000).fill(0)), random(7));
    expect(replayed.filter(({ advantage }) => advantage === 0.875).length / 4000).toBeCloseTo(0.875, 1);
  });
});

test('the curriculum trains on what has an advantage, keeps old log-probabilities, and can be resumed', () => {
  const rollout = (advantage: number, text: string): Group['rollouts'][number] =>
    ({ completion: completion(text), rewards: {}, parts: {}, reward: advantage, isCorrect: advantage > 0, advantage });
  const groups = (...all: (readonly [string, readonly number[]])[]): Group[] =>
    all.map(([id, advantages]) => ({ prompt: { ...promptOf(madeUp({ id })), id }, rollouts: advantages.map((advantage, at) => rollout(advantage, `${id}${at}`)) }));
  const tools = (step: number) => ({ place: { step, steps: 9 }, random: random(step), plan: undefined as never, policy: undefined as never, judge: undefined as never });
  const made = replay({}, { seed: 1, steps: 9 });
  const first = made.select!(groups(['a', [0.5, -0.5]], ['b', [0, 0]]), tools(0));
  expect(first.flatMap(({ rollouts }) => rollouts).length).toBe(4);
  expect(first.every(({ prompt, rollouts }) => prompt.id === 'a' && rollouts.every(({ advantage }) => advantage !== 0))).toBe(true);
  const again = replay({}, { seed: 1, steps: 9 });
  again.restore!(JSON.parse(JSON.stringify(made.save!())));
  const dead = groups(['c', [0, 0]]);
  expect(again.select!(dead, tools(1))).toEqual(made.select!(dead, tools(1)));
  expect(again.select!(dead, tools(1))[0]!.rollouts[0]!.completion.logprobs.length).toBeGreaterThan(0);
});
