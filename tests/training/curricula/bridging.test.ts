import { describe, expect, test } from 'vitest';
import { asIfSeen, bridging, inconsistency, spells } from '#training/curricula/bridging.ts';
import { answerOf } from '#training/rewards/extract.ts';
import { verify } from '#training/rewards/verify.ts';
import { madeUp, madeUpRecords } from '#tests/support/caseRecords.ts';
import { input, promptOf, scripted } from './scriptedPolicy.ts';

const glioma = madeUp();

/** Describes when asked to; reasons to `answer` from a description. */
const writer = (description: string, answer: string, reasoning = 'According to the description, there is a bright mass with an uneven edge.') =>
  scripted(({ turn }) => (/Describe the image/.test(turn.question) ? `<answer>${description}</answer>` : `<think>\n${reasoning}\n</think>\n<answer>${answer}</answer>`));

describe('bridging a picture to a reasoner that reads', () => {
  test('keeps reasoning that ends right, in words about the image', async () => {
    const { policy } = writer('A bright mass with an uneven edge.', 'glioma');
    const { turns, report } = await bridging(input(policy, { questions: 1, guard: false }, [glioma]));
    expect(turns.length).toBe(1);
    expect(turns[0]!.turn.question).toBe(promptOf(glioma).turn.question);
    expect(turns[0]!.turn.completion).toBe('<think>\nIn the image, there is a bright mass with an uneven edge.\n</think>\n<answer>glioma</answer>');
    expect(verify(turns[0]!.turn.completion, turns[0]!.turn.gold).isCorrect).toBe(true);
    expect(report).toMatchObject({ kept: 1 });
  });

  test('hands the reasoner no picture, and the describer the picture', async () => {
    const script = writer('A mass.', 'glioma');
    await bridging(input(script.policy, { questions: 1, guard: false }, [glioma]));
    expect(script.asked.map(({ prompt: { blank, turn } }) => [blank ?? false, /Description of the image/.test(turn.question)])).toEqual([[false, false], [false, false], [true, true]]);
    expect(script.asked[0]!.prompt.turn.question).toContain('The right answer is glioma');
  });

  test('drops what ends wrong, and says how often', async () => {
    const { turns, report } = await bridging(input(writer('A mass.', 'meningioma').policy, { questions: 2, guard: false }, [glioma]));
    expect(turns).toEqual([]);
    expect(report).toEqual({ dropped_wrong_answer: 2, written: 2 });
  });

  test('under guard drops a description that spells the diagnosis out', async () => {
    const { report } = await bridging(input(writer('This looks like a glioma.', 'glioma').policy, { questions: 1 }, [glioma]));
    expect(report).toMatchObject({ dropped_description_names_the_answer: 1 });
  });

  test('under guard drops what only a description in the knowledge of the answer bears out', async () => {
    const { policy } = scripted(({ id, turn }) => (/Describe the image/.test(turn.question) ? `<answer>${id.includes('knowing') ? 'A told mass' : 'A plain mass'}</answer>`
      : `<think>\nA mass is seen here.\n</think>\n<answer>${turn.question.includes('A plain mass') ? 'meningioma' : 'glioma'}</answer>`));
    const { report } = await bridging(input(policy, { questions: 1 }, [glioma]));
    expect(report).toMatchObject({ dropped_description_does_not_bear_the_answer: 1 });
  });

  test('goes through records again until enough was asked, and ends where there is nothing to ask', async () => {
    const script = writer('A mass.', 'glioma');
    expect((await bridging(input(script.policy, { questions: 5, guard: false }, [glioma]))).report['written']).toBe(5);
    const lungs = madeUpRecords.filter(({ id }) => id === 'lungs');
    expect(await bridging(input(script.policy, { questions: 5 }, lungs))).toEqual({ turns: [], report: {} });
  });
});

describe('a reasoning is inconsistent', () => {
  const check = (reasoning: string, expected: string | null): void => expect(inconsistency(promptOf(glioma), reasoning)).toBe(expected);
  test('where there is none', () => check('', 'no_reasoning'));
  test('where it ends on another answer', () => check('It might be a glioma. The appearance fits a meningioma.', 'reasons_for_another_answer'));
  test('but not where it ends on its own', () => check('It is no meningioma. The appearance fits a glioma.', null));
  test('where it rambles', () => check('mass '.repeat(401), 'too_long'));
  test('where it puts one thing on both sides', () => {
    const yesNo = promptOf(madeUp({ questionTypes: ['abnormality_yes_no'] }), 'abnormality_yes_no');
    expect(inconsistency(yesNo, 'There is a mass on the left. The mass is on the right.')).toBe('both_sides');
    expect(inconsistency(yesNo, 'The left half is brighter than the right half.')).toBeNull();
  });
});

test('a description spells an answer only as whole words', () => {
  expect(spells('A Glioma is likely.', promptOf(glioma))).toBe(true);
  expect(spells('A gliomatous change.', promptOf(glioma))).toBe(false);
});

describe('words about a description become words about the image', () => {
  test.each([
    ['The description says that a mass is seen.', 'The image shows a mass is seen.'],
    ['Based on the caption, it is large.', 'In the image, it is large.'],
    ['a ring, as described, and the given description', 'a ring, as seen, and the image'],
    ['The mass is described as bright.', 'The mass is bright.'],
    ['Nothing to change.', 'Nothing to change.'],
  ])('%s', (before, after) => expect(asIfSeen(before)).toBe(after));
  test('and none is left', () => expect(asIfSeen('the description mentions; The image caption notes that; a caption')).not.toMatch(/description|caption/));
  test('in linear time', () => {
    const before = process.cpuUsage().user;
    asIfSeen('the given image '.repeat(20_000));
    expect((process.cpuUsage().user - before) / 1000).toBeLessThan(5000);
    expect(answerOf(asIfSeen('<answer>x</answer>'))).toBe('x');
  });
});
