/** What a person reads of a group: golden texts, and that nothing a model writes can harm the reader's terminal. */
import { describe, expect, test } from 'vitest';
import { RolloutLine } from '#training/records/rollout.ts';
import { summaryOf, viewText } from '#training/rollouts/view.ts';
import { rolloutLine } from '#tests/support/rollouts.ts';

const golden = (text: string, name: string): Promise<void> => expect(`${text}\n`).toMatchFileSnapshot(`../../golden/rollouts/${name}.txt`);

test('the made-up line is what a rollout file holds', () => expect(RolloutLine.parse(rolloutLine)).toEqual(rolloutLine));

test('in plain text: the best and the worst, with marks behind unsure tokens', () => golden(viewText(rolloutLine), 'plain'));
test('in colours', () => golden(viewText(rolloutLine, { colour: true, tokens: 'all' }).replaceAll('\u001b', '␛'), 'colour'));
test('in a narrow terminal no line is wider than it', async () => {
  const text = viewText(rolloutLine, { columns: 60, tokens: 'all' });
  await golden(text, 'narrow');
  // The table of rewards is as wide as its columns; words are cut, numbers never.
  const beyond = text.split('\n').filter((line) => line.length > 60);
  expect(beyond.filter((line) => !/advantage|^ \d {2}|^group of/.test(line))).toEqual([]);
});
test('by entropy where it was written down, and that it was not where it was not', () => {
  const [first, ...rest] = rolloutLine.completions;
  const unsure = { ...first!, entropies: first!.tokens.map((_, i) => (i === 3 ? 2.4 : 0.01)) };
  const text = viewText({ ...rolloutLine, completions: [unsure, ...rest] }, { by: 'entropy' });
  expect(text).toContain('A dark mass??? with spiculated edges.');
  expect(text).toContain('entropy was not written down');
});

describe('the summary of a group', () => {
  test('has the mean, the spread, how many are right and how many were cut', () =>
    expect(summaryOf(rolloutLine)).toEqual({ mean: 0.64, spread: expect.closeTo(0.61303, 4), isSilent: false, right: 2, cut: 1 }));
  const group = (...rewards: (number | null)[]) => ({ completions: rewards.map((reward) => ({ ...rolloutLine.completions[0]!, reward })) });
  test('says that equal rewards teach nothing', () => {
    expect(summaryOf(group(1, 1, 1)).isSilent).toBe(true);
    expect(viewText({ ...rolloutLine, ...group(1, 1) })).toContain('All rewards are equal: this group teaches nothing.');
  });
  test('leaves out what no reward applied to', () => expect(summaryOf(group(null, 0, 1))).toMatchObject({ mean: 0.5, spread: 0.5 }));
  test('of unscored completions has no mean', () => expect(summaryOf(group(null, null))).toMatchObject({ mean: null, spread: null, isSilent: true }));
});

test('what a model writes cannot move the cursor, clear the screen or turn the text around', () => {
  const hostile = { ...rolloutLine, question: 'a\u001b[2Jb\u202ec\rd\u009b5m', answer: '\u0007', case: 'x\u001b]0;y' };
  expect(viewText(hostile, { tokens: 'all' })).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
});

test('a text without tokens, and a group without completions, are still shown', () => {
  const bare = { ...rolloutLine.completions[0]!, pieces: [], tokens: [], logprobs: [] };
  expect(viewText({ ...rolloutLine, completions: [bare] })).toContain('A dark mass with spiculated edges.');
  expect(viewText({ ...rolloutLine, completions: [] })).toContain('group of 0');
});
