import { describe, expect, test } from 'vitest';
import { answerOfGold, curatedFlaw, curatedOf, questionOf } from '#training/records/curated.ts';
import { lintRecords } from '#training/data/lint.ts';
import { verifyAnswer } from '#training/rewards/verify.ts';
import { evaluationTurns, synthesize } from '#training/synthesis/questions.ts';
import { createPicture } from '#models/imaging/image.ts';
import { Random } from '#models/base/random.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { madeUp } from '#tests/support/caseRecords.ts';

const curated = (fact: unknown, changes: Partial<CaseRecord> = {}): CaseRecord => madeUp({
  id: 'judged', set: 'curated', task: 'judged', label: 'judged', labelsSpace: ['judged'], questionTypes: ['curated'], facts: { curated: fact }, boxes: null, width: 200, height: 160, ...changes,
});
const boxes: CaseRecord['boxes'] = [{ class: 'right_lung', box: { x1: 20, y1: 40, x2: 80, y2: 120 } }];

const whole: readonly (readonly [string, unknown, CaseRecord['boxes'], string])[] = [
  ['a choice', { kind: 'choice', options: ['glioma', 'meningioma'], right: 1 }, null, 'B'],
  ['several choices', { kind: 'choices', options: ['effusion', 'cardiomegaly', 'nodule'], right: [2, 0] }, null, 'A, C'],
  ['no choice of several', { kind: 'choices', options: ['effusion', 'nodule'], right: [] }, null, 'none'],
  ['a yes', { kind: 'yesNo', value: true }, null, 'yes'],
  ['a word', { kind: 'word', accept: ['pneumonia'], reject: ['normal'] }, null, 'pneumonia'],
  ['a number', { kind: 'number', value: 12.5, tolerance: 1 }, null, '12.5'],
  ['a number below zero', { kind: 'number', value: -5, tolerance: 1 }, null, '-5'],
  ['a grade', { kind: 'ordinal', value: 'moderate', scale: ['none', 'mild', 'moderate', 'severe'] }, null, 'moderate'],
  ['boxes', { kind: 'boxes', matchLabels: true }, boxes, '[{"bbox_2d":[20,40,80,120],"label":"right lung"}]'],
  ['no box', { kind: 'boxes', matchLabels: true }, [], '[]'],
  ['a point', { kind: 'points' }, [{ class: 'nodule', box: { x1: 90, y1: 50, x2: 110, y2: 70 } }], '[{"point_2d":[100,60],"label":"nodule"}]'],
];

describe('a judged row', () => {
  test.each(whole)('with %s is asked, and its own answer earns full marks', (_name, gold, places, answer) => {
    const record = curated({ question: 'What is it?', gold }, { boxes: places });
    expect(curatedFlaw(record)).toBeNull();
    const [turn] = evaluationTurns(record, 'curated', record);
    expect(turn?.answer).toBe(answer);
    expect(verifyAnswer(turn?.answer ?? '', turn!.gold)).toEqual({ score: 1, isCorrect: true });
  });

  test('asks nothing but what was judged, however its boxes could be asked about', () => {
    const record = curated({ question: 'Where is the lung?', gold: { kind: 'boxes', matchLabels: false } }, { boxes });
    const view = { record, picture: createPicture(record, [90, 90, 90]), boxes: boxes, flippedX: false, flippedY: false, quarterTurns: 0 };
    expect(synthesize(view, new Random(1)).map(({ questionType }) => questionType)).toEqual(['curated']);
  });

  test('moves its boxes with the picture', () => {
    const [turn] = evaluationTurns(curated({ question: 'Where?', gold: { kind: 'boxes', matchLabels: false } }, { boxes }), 'curated', { width: 100, height: 80 });
    expect(turn?.gold).toMatchObject({ boxes: [{ box: { x1: 10, y1: 20, x2: 40, y2: 60 } }] });
  });

  test('lists its options by letter unless the question does', () => {
    const gold = { kind: 'choice', options: ['benign', 'malignant'], right: 0 } as const;
    expect(questionOf({ question: 'Which?', gold: { ...gold, options: [...gold.options] } })).toBe('Which?\nA. benign\nB. malignant');
    expect(questionOf({ question: 'Which? A) benign B) malignant', gold: { ...gold, options: [...gold.options] } })).toBe('Which? A) benign B) malignant');
  });

  test('keeps the accepted reasoning before its answer', () => {
    const record = curated({ question: 'Is there a nodule?', gold: { kind: 'yesNo', value: true }, steps: [{ kind: 'observation', text: 'A round opacity lies in the right upper lobe.' }] });
    expect(evaluationTurns(record, 'curated', record)[0]?.completion).toBe('<think>\nObservation: A round opacity lies in the right upper lobe.\n</think>\n<answer>yes</answer>');
  });

  test.each([
    ['a choice beyond its options', { question: 'Q', gold: { kind: 'choice', options: ['a thing', 'another'], right: 5 } }, null],
    ['a grade that its scale lacks', { question: 'Q', gold: { kind: 'ordinal', value: 'huge', scale: ['small', 'large'] } }, null],
    ['boxes without any list of boxes', { question: 'Q', gold: { kind: 'boxes', matchLabels: false } }, null],
    ['no question', { question: ' ', gold: { kind: 'yesNo', value: true } }, null],
    ['no fact at all', undefined, null],
  ])('with %s is refused by lint', async (_name, fact, places) => {
    const issues = await lintRecords([curated(fact, { boxes: places })]);
    expect(issues.map(({ severity, code }) => [severity, code])).toContainEqual(['error', 'question.curated']);
  });

  test('is read from nothing that merely carries the fact', () => expect(curatedOf({ questionTypes: ['modality'], facts: { curated: { question: 'Q', gold: { kind: 'yesNo', value: true } } } })).toBeNull());
});

describe('points', () => {
  const gold = { kind: 'points', points: [{ label: 'a', x: 10, y: 10 }, { label: 'b', x: 50, y: 50 }], tolerance: 5 } as const;
  const scores = (answer: string): number => verifyAnswer(answer, gold).score;
  test('both met earn all', () => expect(scores('[{"point_2d":[12,9],"label":"a"},{"point_2d":[50,54],"label":"b"}]')).toBe(1));
  test('one of two earns half', () => expect(scores('[{"point_2d":[12,9]}]')).toBe(0.5));
  test('an idle point costs as a missing one does', () => expect(scores('[[10,10],[50,50],[90,90]]')).toBeCloseTo(2 / 3));
  test('one claim meets one point only', () => expect(verifyAnswer('[[10,10]]', { ...gold, points: [gold.points[0], { ...gold.points[0], x: 11 }] }).score).toBe(0.5));
  test('just beyond the tolerance earns nothing', () => expect(scores('[[15.1,10]]')).toBe(0));
  test('the answer is written as it is read', () => expect(scores(answerOfGold(gold))).toBe(1));
});
