/** Advantages against the numbers that the frameworks' own code gives. */
import { describe, expect, it } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { groupAdvantages, judge, sampleDeviation, type AdvantageSwitches } from '#training/objectives/advantages.ts';
import { switchesOf } from '#training/objectives/presets.ts';

const verl = switchesOf('grpo/verl');
const trl = switchesOf('grpo/trl');
const drGrpo = switchesOf('drGrpo/trl');
const rloo = switchesOf('rloo/verl');

const close = (actual: readonly number[], wanted: readonly number[], digits = 6): void => {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((x, i) => expect(Math.abs(actual[i]! - x), `${i}: ${actual[i]}`).toBeLessThan(0.6 * 10 ** -digits));
};
const repeated = (...runs: readonly (readonly [number, number])[]): number[] => runs.flatMap(([x, n]) => new Array<number>(n).fill(x));

describe('advantages within a group', () => {
  it.each<[string, readonly number[], readonly (readonly [AdvantageSwitches, readonly number[]])[]]>([
    ['two of five right', [1, 1, 0, 0, 0], [
      [verl, repeated([1.095443, 2], [-0.730295, 3])], [trl, repeated([1.095245, 2], [-0.730163, 3])], [drGrpo, repeated([0.6, 2], [-0.4, 3])], [rloo, repeated([0.75, 2], [-0.5, 3])]]],
    ['shades of right', [0.9, 0.1, 0.5, 0.5], [
      [verl, [1.224741, -1.224741, 0, 0]], [trl, [1.22437, -1.22437, 0, 0]], [drGrpo, [0.4, -0.4, 0, 0]], [rloo, [0.533333, -0.533333, 0, 0]]]],
    ['one of eight right', repeated([1, 1], [0, 7]), [
      [verl, repeated([2.474867, 1], [-0.353552, 7])], [trl, repeated([2.474174, 1], [-0.353453, 7])], [drGrpo, repeated([0.875, 1], [-0.125, 7])], [rloo, repeated([1, 1], [-0.142857, 7])]]],
  ])('%s, as EasyR1 and verl, TRL, Dr. GRPO and RLOO weigh it', (_, rewards, rows) => rows.forEach(([switches, wanted]) => close(groupAdvantages(rewards, switches), wanted)));

  it('of R1-V and its copies', () => {
    const r1v = switchesOf('grpo/r1v');
    close(groupAdvantages([1, 0, 0, 1, 1], r1v), [0.73016, -1.09525, -1.09525, 0.73016, 0.73016], 5);
    close(groupAdvantages([0, 0, 0, 0, 1], r1v), repeated([-0.44711, 4], [1.78845, 1]), 5);
    close(groupAdvantages([2.2, 1, 1, 0.2], r1v), [1.33378, -0.12125, -0.12125, -1.09128], 5);
  });

  it('a tiny spread is damped by an epsilon of 1e-4 and not by one of 1e-6', () => {
    close(groupAdvantages([1e-6, 0, 0, 0], verl), [0.5, -1 / 6, -1 / 6, -1 / 6], 3);
    close(groupAdvantages([1e-6, 0, 0, 0], trl).slice(0, 1), [0.00746], 5);
  });

  it('a completion alone keeps its reward in verl, is silent in TRL and refused by EasyR1', () => {
    close(groupAdvantages([0.7], verl), [0.6999993], 7);
    expect(groupAdvantages([0.7], trl)).toEqual([0]);
    expect(groupAdvantages([0.7], rloo)).toEqual([0.7]);
    expect(() => groupAdvantages([0.7], switchesOf('grpo/easyR1'))).toThrow(Fault);
    expect(() => groupAdvantages([0.7, null], switchesOf('grpo/easyR1'))).toThrow('has 1 with a reward');
  });

  it.each([0, 0.5, 0.1, 1 / 3])('equal rewards of %d say exactly nothing', (reward) => {
    for (const switches of [verl, trl, drGrpo, rloo, { ...verl, advantageEpsilon: 0 }]) expect(groupAdvantages(repeated([reward, 7]), switches).every((x) => x === 0)).toBe(true);
  });

  it('a completion without a reward is left out of mean and deviation and has advantage 0', () => {
    const advantages = groupAdvantages([1, null, 0, 0, null, 1, 0], verl);
    expect([advantages[1], advantages[4]]).toEqual([0, 0]);
    close(advantages.filter((_, i) => i !== 1 && i !== 4), groupAdvantages([1, 0, 0, 1, 0], verl), 12);
    expect(groupAdvantages([null, null], verl)).toEqual([0, 0]);
  });

  it('a constant added to all rewards changes none, a positive factor only as far as epsilon goes, and order is followed', () => {
    const rewards = [0.3, 1.2, -0.4, 0.9, 0.1];
    for (const switches of [verl, trl, drGrpo, rloo]) close(groupAdvantages(rewards.map((r) => r + 17), switches), groupAdvantages(rewards, switches), 10);
    close(groupAdvantages(rewards.map((r) => r * 8), verl), groupAdvantages(rewards, verl), 5);
    const order = [3, 0, 4, 1, 2];
    const permuted = groupAdvantages(order.map((i) => rewards[i]!), trl);
    order.forEach((i, at) => expect(permuted[at]).toBeCloseTo(groupAdvantages(rewards, trl)[i]!, 12));
  });
});

describe('advantages of a batch', () => {
  const two = [[[1, 0.2], [0, 0.2], [1, 0.8], [0, 0.8]]];

  it('of two reward functions differ by whether they are summed or normalised first', () => {
    close(judge(two, [1, 1], trl)[0]!.advantages, [0.297, -1.188001, 1.188001, -0.297]);
    close(judge(two, [1, 1], { ...trl, combine: 'normalizeThenSum' })[0]!.advantages, [0.0000707, -1.224658, 1.224658, -0.0000707]);
  });

  it('scaled by the batch share one deviation, each about its own group\'s mean', () => {
    const groups = [[[1], [0]], [[0.2], [0.4]]];
    const spread = sampleDeviation([1, 0, 0.2, 0.4]) + 1e-4;
    const judged = judge(groups, [1], { ...trl, scale: 'batch' });
    close(judged[0]!.advantages, [0.5 / spread, -0.5 / spread], 12);
    close(judged[1]!.advantages, [-0.1 / spread, 0.1 / spread], 12);
  });

  it.each(['sumThenNormalize', 'normalizeThenSum'] as const)('nulls: a function that does not apply is passed over, and where none applies nothing is learnt (%s)', (combine) => {
    const judged = judge([[[1, null], [null, null], [0, 0.5], [0, 0.1]]], [1, 2], { ...trl, combine })[0]!;
    expect(judged.rewards).toEqual([1, null, 1, 0.2]);
    expect(judged.advantages[1]).toBe(0);
    expect(judged.advantages.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 10);
  });

  it('normalising first keeps a large reward from drowning a small one', () => {
    const groups = [[[100, 0], [0, 1], [50, 1], [50, 0]]];
    const summed = judge(groups, [1, 1], trl)[0]!.advantages;
    const balanced = judge(groups, [1, 1], { ...trl, combine: 'normalizeThenSum' })[0]!.advantages;
    expect(summed[0]).toBeGreaterThan(50 * summed[2]!);
    expect(balanced[2]).toBeGreaterThan(2 * balanced[0]!);
  });
});
