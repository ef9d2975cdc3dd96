import { describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { longestText, type RewardRow } from '#training/rewards/reward.ts';
import { findReward, rewards, scoreRow } from '#training/rewards/table.ts';

const modesOf = (name: string) => (['published', 'strict'] as const).filter((mode) => findReward(name).modes[mode]);

describe('the table', () => {
  test('holds each name once, with a source, a summary and a mode', () => {
    expect(new Set(rewards.map(({ name }) => name)).size).toBe(rewards.length);
    for (const { name, source, summary } of rewards) {
      expect(name).toMatch(/^[a-z][A-Za-z0-9]+$/);
      expect([source, summary, modesOf(name).join()].every((text) => text.length > 2)).toBe(true);
    }
  });

  test('names the nearest reward where one is misspelt', () => {
    expect(() => findReward('vlmR1ODlenght')).toThrow('vlmR1OdLength');
    expect(() => findReward('constructor')).toThrow(expect.objectContaining({ code: 'reward.name' }));
  });

  test('refuses a mode that a reward lacks, and rows without a completion or with too long a one', () => {
    expect(() => scoreRow(findReward('accuracy'), 'published', { completion: 'x' })).toThrow(expect.objectContaining({ code: 'reward.mode' }));
    expect(() => scoreRow(findReward('thinkAnswerFormat'), 'strict', {} as RewardRow)).toThrow(expect.objectContaining({ code: 'reward.row' }));
    expect(() => scoreRow(findReward('thinkAnswerFormat'), 'strict', { completion: 'x'.repeat(longestText + 1) })).toThrow('characters');
  });
});

describe('every reward of the table', () => {
  const golds = [
    { kind: 'choice', options: ['cyst', 'mass'], right: 1 }, { kind: 'yesNo', value: true }, { kind: 'word', accept: ['mass'], reject: ['cyst'] },
    { kind: 'number', value: 4, tolerance: 0 }, { kind: 'boxes', boxes: [{ label: 'a', box: { x1: 1, y1: 2, x2: 3, y2: 4 } }], matchLabels: true },
    'C', [1, 2, 3, 4], null, undefined,
  ];
  const pieces = [
    '', '<think>', '<answer>', '</answer>', '<think></think><answer>', '</think> ', '```json\n[', '{"bbox_2d": [1, 2, 3, 4], "label": "a"},',
    '[1, 2, 3, 4] ', '\\boxed{', '((((', '{{{{',
    'A. ', '\n', '١', '9', 'yes no ', '\\frac{1}{', '^2', '"\\"', ' 1, ', '__proto__ ', '-', '|', '\u0000\ud800',
  ];
  const row = (completion: string, target: unknown): RewardRow => ({
    completion, target, size: { width: 100, height: 100 }, tokens: 5, maxTokens: 10, finished: true, step: 0, steps: 10, question: 'Is it?',
  });

  /** Processor time, so that a busy machine does not matter. */
  const milliseconds = (run: () => void): number => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  /** What stands for a result: a reward that is finite or null, with finite parts, or a Fault. */
  function isSound(name: string, mode: 'published' | 'strict', completion: string, target: unknown): boolean {
    try {
      const { reward, parts = {} } = scoreRow(findReward(name), mode, row(completion, target));
      return [reward ?? 0, ...Object.values(parts)].every(Number.isFinite);
    } catch (fault) {
      return fault instanceof Fault;
    }
  }

  test.each(rewards.map(({ name }) => name))('%s answers strange rows with a finite number, null or a Fault', (name) => {
    const damaged = modesOf(name).flatMap((mode) => pieces.flatMap((piece) => golds.filter((target) => (
      !isSound(name, mode, `<think>${piece}</think><answer>${piece.repeat(3)}</answer>`, target)
    )).map((target) => ({ mode, piece, target }))));
    expect(damaged).toEqual([]);
  });

  test.each(rewards.map(({ name }) => name))('%s is soon done with long ones', (name) => {
    for (const mode of modesOf(name)) for (const piece of pieces) {
      const long = piece.repeat(Math.floor(8000 / Math.max(1, piece.length)));
      for (const [target, completion] of [[golds[0], long], [golds[4], `<think>${piece}</think><answer>${long}</answer>`]] as const) {
        let sound = false;
        expect(milliseconds(() => { sound = isSound(name, mode, completion, target); }),
          `${name}, ${mode}, ${JSON.stringify(piece)}`).toBeLessThan(1000);
        expect(sound, `${name}, ${mode}, ${JSON.stringify(piece)}`).toBe(true);
      }
    }
  });
});
