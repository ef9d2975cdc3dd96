import { describe, expect, test } from 'vitest';
import type { Gold, LabelledBox } from '#training/rewards/gold.ts';
import { matchBoxes, verify, verifyAnswer } from '#training/rewards/verify.ts';

const check = (gold: Gold, answer: string, score: number): void => expect(verifyAnswer(answer, gold).score, answer).toBeCloseTo(score, 6);
const box = (x1: number, label = 'glioma', size = 10): LabelledBox => ({ label, box: { x1, y1: 0, x2: x1 + size, y2: size } });
const text = (...boxes: LabelledBox[]): string => JSON.stringify(boxes.map(({ label, box: { x1, y1, x2, y2 } }) => ({ bbox_2d: [x1, y1, x2, y2], label })));

describe('a lettered choice', () => {
  const gold: Gold = { kind: 'choice', options: ['glioma', 'no tumour', 'meningioma'], right: 1 };
  test('is right by its letter', () => ['B', 'B.', '(B)', 'B: no tumour', 'Option B', 'B) no tumour'].forEach((answer) => check(gold, answer, 1)));
  test('is right by its words alone', () => ['no tumour', 'No tumor.', 'There is no tumour'].forEach((answer) => check(gold, answer, 1)));
  test('is wrong by another letter, even beside the right words', () => ['A', 'C. no tumour', 'D'].forEach((answer) => check(gold, answer, 0)));
  test('is wrong without a choice', () => ['', 'Both', 'glioma or no tumour'].forEach((answer) => check(gold, answer, 0)));
  test('does not take the article for option A', () => check({ ...gold, right: 0 }, 'a meningioma', 0));
});

describe('yes or no', () => {
  test('is read from the first word that says either', () => {
    check({ kind: 'yesNo', value: true }, 'Yes, a glioma in the upper left', 1);
    check({ kind: 'yesNo', value: true }, 'No', 0);
    check({ kind: 'yesNo', value: false }, 'No, not yes', 1);
    check({ kind: 'yesNo', value: false }, 'The tumour is absent', 1);
    check({ kind: 'yesNo', value: false }, 'perhaps', 0);
    check({ kind: 'yesNo', value: true }, 'constructor', 0);
  });
  test('of a where-question goes on to name the right finding and its place, and no other', () => {
    const finding = { accept: ['bacterial pneumonia', 'pneumonia caused by bacteria'], reject: ['viral pneumonia', 'normal'] };
    const gold: Gold = { kind: 'yesNo', value: true, named: [finding] };
    ['yes, bacterial pneumonia', 'Yes: pneumonia caused by bacteria.'].forEach((answer) => check(gold, answer, 1));
    ['yes, viral pneumonia', 'yes, bacterial or viral pneumonia', 'yes', 'yes, something', 'no', 'bacterial pneumonia'].forEach((answer) => check(gold, answer, 0));
    const placed: Gold = { ...gold, named: [finding, { accept: ['upper left'], reject: ['upper right', 'centre'] }] };
    check(placed, 'yes, bacterial pneumonia in the upper left of the image', 1);
    ['yes, bacterial pneumonia', 'yes, bacterial pneumonia in the upper right'].forEach((answer) => check(placed, answer, 0));
    check({ ...gold, value: false }, 'no', 1);
  });
});

describe('a word', () => {
  const gold: Gold = { kind: 'word', accept: ['melanoma', 'a melanoma'], reject: ['no melanoma', 'not melanoma', 'naevus'] };
  test('counts in any case, with underscores, articles and American spelling', () => {
    ['Melanoma', 'MELANOMA.', 'it is a melanoma'].forEach((answer) => check(gold, answer, 1));
    check({ kind: 'word', accept: ['pituitary tumour'], reject: ['no tumour'] }, 'pituitary_tumor', 1);
    check({ kind: 'word', accept: ['intraventricular haemorrhage'], reject: [] }, 'Intraventricular hemorrhage', 1);
  });
  test('is hidden by a longer rejected wording', () => ['no melanoma', 'this is not melanoma'].forEach((answer) => check(gold, answer, 0)));
  test('is spoilt by naming two labels', () => check(gold, 'melanoma or naevus', 0));
  test('is not found inside another word', () => check(gold, 'melanomatosis', 0));
});

describe('a number', () => {
  const gold: Gold = { kind: 'number', value: 4, tolerance: 0 };
  test('is read from digits and words', () => ['4', '4.', 'four platelets', 'There are 4', '4 pixels'].forEach((answer) => check(gold, answer, 1)));
  test('is the first one that stands', () => check(gold, '3 or 4', 0));
  test('may be off by its tolerance and no more', () => {
    check({ kind: 'number', value: 60, tolerance: 5 }, '65 px', 1);
    check({ kind: 'number', value: 60, tolerance: 5 }, '65.1', 0);
    check({ kind: 'number', value: 12, tolerance: 1 }, '12%', 1);
  });
  test('keeps its sign', () => {
    const below: Gold = { kind: 'number', value: -3.5, tolerance: 0.1 };
    ['-3.5', '−3.5', 'It is -3.5 mm', '(-3.5)', 'minus 3.5', 'Minus 3.5.'].forEach((answer) => check(below, answer, 1));
    ['3.5', '- and 3.5', 'minus'].forEach((answer) => check(below, answer, 0));
    check({ kind: 'number', value: 3.5, tolerance: 0 }, '-3.5', 0);
    check({ kind: 'number', value: -0.5, tolerance: 0 }, '-.5', 1);
  });
  test('is not negative behind a hyphen that joins', () => {
    check({ kind: 'number', value: 3, tolerance: 0 }, '3-4', 1);
    check({ kind: 'number', value: 19, tolerance: 0 }, 'COVID-19', 1);
    check({ kind: 'number', value: 4, tolerance: 0 }, '- 4', 1);
  });
  test('is zero when there is none', () => check({ kind: 'number', value: 0, tolerance: 0 }, 'none', 1));
});

test('a neighbour on an ordered scale earns part', () => {
  const gold: Gold = { kind: 'ordinal', value: 'dark', scale: ['dark', 'medium', 'bright'] };
  check(gold, 'dark', 1);
  check(gold, 'Medium.', 0.5);
  check(gold, 'bright', 0);
  check(gold, 'dark or bright', 0);
});

describe('boxes', () => {
  const gold: Gold = { kind: 'boxes', boxes: [box(0)], matchLabels: false };
  test('earn 1 for the true box, a third for one half aside, a half beside an idle one, 0 for none', () => {
    check(gold, text(box(0)), 1);
    check(gold, text(box(5)), 1 / 3);
    check(gold, text(box(0), box(50)), 1 / 2);
    check(gold, '[]', 0);
  });
  test('are matched one to one', () => check({ ...gold, boxes: [box(0), box(100)] }, text(box(0), box(0)), 1 / 2));
  test('need the right label where several classes were asked for', () => {
    check({ ...gold, matchLabels: true }, text(box(0, 'meningioma')), 0);
    check({ ...gold, matchLabels: true }, text(box(0, 'Glioma')), 1);
    check(gold, text(box(0, 'meningioma')), 1);
  });
  test('of nothing are an empty list or the word', () => {
    const none: Gold = { kind: 'boxes', boxes: [], matchLabels: false };
    ['[]', '[ ]', 'none', 'No lesion is seen'].forEach((answer) => check(none, answer, 1));
    [text(box(0)), '', 'the upper left'].forEach((answer) => check(none, answer, 0));
  });
  test('count as correct from a mean IoU of one half', () => {
    expect(verifyAnswer(text(box(3)), gold).isCorrect).toBe(true);
    expect(verifyAnswer(text(box(4)), gold).isCorrect).toBe(false);
  });
  test('best overlaps are matched first', () => {
    expect(matchBoxes([box(4), box(1)], [box(0)], false)).toEqual([{ gold: 0, claimed: 1, overlap: 90 / 110 }]);
  });
});

test('free text earns the F1 of its words', () => {
  check({ kind: 'text', text: 'A CT slice' }, 'a ct slice', 1);
  check({ kind: 'text', text: 'one two' }, 'one three', 0.5);
  check({ kind: 'text', text: 'one' }, '', 0);
});

test('the reasoning is not the answer', () => {
  const gold: Gold = { kind: 'word', accept: ['glioma'], reject: ['meningioma'] };
  expect(verify('<think>\nA glioma.\n</think>\n<answer>meningioma</answer>', gold).score).toBe(0);
  expect(verify('<think>\nA meningioma?\n</think>\n<answer>glioma</answer>', gold).score).toBe(1);
});

test('hostile answers are scored in linear time', () => {
  const golds: Gold[] = [
    { kind: 'choice', options: ['a', 'b'], right: 0 }, { kind: 'yesNo', value: true }, { kind: 'word', accept: ['glioma'], reject: ['no glioma'] }, { kind: 'number', value: 1, tolerance: 0 },
    { kind: 'boxes', boxes: [box(0)], matchLabels: true }, { kind: 'text', text: 'glioma' }, { kind: 'ordinal', value: 'a', scale: ['a', 'b'] },
  ];
  const answers = ['['.repeat(1e6), '<answer>'.repeat(2e5), 'no '.repeat(4e5), '[1,2,3,4]'.repeat(1e5), '"label":'.repeat(1e5), '9'.repeat(1e6), ' '.repeat(1e6), 'é́'.repeat(3e5)];
  const before = process.cpuUsage().user;
  for (const gold of golds) for (const answer of answers) expect(verify(answer, gold).score).toBeLessThanOrEqual(1);
  expect((process.cpuUsage().user - before) / 1000).toBeLessThan(15_000);
});
