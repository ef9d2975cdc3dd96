/** `loupe reward` scores JSON lines with any reward of the table. */
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { command, scoredLines } from '#electron/commands/reward.ts';
import { UsageError, type CommandValues } from '#electron/commands/command.ts';
import { findReward, rewards } from '#training/rewards/table.ts';
import type { RewardMode, RewardResult } from '#training/rewards/reward.ts';

async function scores(name: string, mode: RewardMode, ...lines: string[]): Promise<RewardResult[]> {
  const results: RewardResult[] = [];
  for await (const result of scoredLines(findReward(name), mode, Readable.from(lines))) results.push(result);
  return results;
}

async function printed(values: CommandValues, ...positionals: string[]): Promise<{ value: unknown; text: string }> {
  let output = { value: undefined as unknown, text: '' };
  await command.run({
    positionals, values, json: false, signal: new AbortController().signal, progress() {},
    print: (value, text = '') => void (output = { value, text }),
  });
  return output;
}

describe('lines', () => {
  test('give one result each, blank ones none', async () => {
    const line = (completion: string): string => JSON.stringify({ completion, target: { value: true } });
    expect(await scores('yesNo', 'strict', line('yes'), '', line('no'))).toEqual([
      { reward: 1, parts: { correct: 1 } }, { reward: 0, parts: { correct: 0 } },
    ]);
  });

  test('that cannot be scored are named by their number', async () => {
    const good = JSON.stringify({ completion: 'B', target: 'B' });
    await expect(scores('medR1Accuracy', 'published', good, '{')).rejects.toMatchObject({ code: 'reward.line', what: 'Line 2 cannot be scored.' });
    await expect(scores('medR1Accuracy', 'published', '[]')).rejects.toMatchObject({ code: 'reward.line' });
    await expect(scores('medR1Accuracy', 'published', '{"target": "B"}')).rejects.toMatchObject({ code: 'reward.line',
      why: 'It has no completion.' });
    await expect(scores('medR1Accuracy', 'strict', good)).rejects.toMatchObject({ code: 'reward.line' });
  });

  test('on which the released code throws say what it throws', async () => {
    const line = JSON.stringify({ completion: '<answer>[1,2,3,4]</answer>', target: 'here' });
    await expect(scores('vlmR1Iou', 'published', line)).rejects.toMatchObject({ code: 'reward.throws',
      why: expect.stringContaining('JSONDecodeError') as string });
  });
});

describe('the list', () => {
  test('holds every reward with its modes', async () => {
    const { value, text } = await printed({ list: true });
    expect(value).toHaveLength(rewards.length);
    for (const { name } of rewards) expect(text).toContain(`${name}  (`);
  });

  test('of one name holds that one',
    async () => expect((await printed({ list: true }, 'vlmR1Ap')).value).toMatchObject([{ name: 'vlmR1Ap', modes: ['published'] }]));
});

test('a mode that a reward lacks and a name that there is not are refused before anything is read', async () => {
  await expect(printed({ mode: 'published' }, 'accuracy')).rejects.toThrow(UsageError);
  await expect(printed({ mode: 'faithful' }, 'vlmR1Iou')).rejects.toThrow('published and strict');
  await expect(printed({}, 'vlmR1Iuo')).rejects.toThrow('vlmR1Iou');
  await expect(printed({})).rejects.toThrow('NAME');
});
