import { describe, expect, test } from 'vitest';
import { generalizationTable, tableDifference, tableText, type AnsweredLine } from '#training/curricula/generalization.ts';
import { familyNames, familyOf, specialist } from '#training/curricula/specialists.ts';
import { weights } from '#training/synthesis/questions.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { promptOf } from './scriptedPolicy.ts';

const lines = (modality: string, right: number, of: number, question_type = 'finding_class'): AnsweredLine[] =>
  Array.from({ length: of }, (_, at) => ({ id: `${modality}-${at}`, task: modality, modality, question_type, correct: at < right }));

const table = generalizationTable([
  { name: 'ct', lines: [...lines('ct', 30, 40), ...lines('mri', 10, 40)] },
  { name: 'mri', lines: [...lines('ct', 8, 40), ...lines('mri', 5, 10)] },
], 'modality');

describe('the train-by-test table', () => {
  test('has an accuracy with an interval in each cell, and means by row and column', () => {
    expect(table.columns).toEqual(['ct', 'mri']);
    expect(table.cells.map((row) => row.map(({ accuracy }) => accuracy))).toEqual([[0.75, 0.25], [0.2, 0.5]]);
    expect(table.rowMeans).toEqual([0.5, 0.35]);
    expect(table.columnMeans).toEqual([0.475, 0.375]);
    expect(table.mean).toBeCloseTo(0.425);
    const [low, high] = table.cells[0]![0]!.ci;
    expect([low, high].map((bound) => bound.toFixed(3))).toEqual(['0.598', '0.858']);
  });

  test('shows cells of fewer than thirty questions in brackets', () => expect(tableText(table)).toMatch(/mri\s+20\.0\s+\(50\.0\)\s+35\.0/));

  test('leaves a cell empty where nothing was asked', () => {
    const sparse = generalizationTable([{ name: 'a', lines: lines('ct', 1, 2) }, { name: 'b', lines: lines('mri', 2, 2) }], 'modality');
    expect(sparse.cells[0]![1]!.accuracy).toBeNull();
    expect(sparse.rowMeans).toEqual([0.5, 1]);
    expect(tableText(sparse)).toContain('·');
  });

  test('goes by the five families of questions too', () => {
    const byFamily = generalizationTable([{ name: 'a', lines: [...lines('ct', 1, 1, 'modality'), ...lines('ct', 0, 1, 'malignancy_yes_no')] }], 'family');
    expect(byFamily.columns).toEqual(['lesion_grading', 'modality_recognition']);
  });
});

test('the difference of two tables is in points, cell by cell, with its diagonal', () => {
  const better = generalizationTable([
    { name: 'ct', lines: [...lines('ct', 40, 40), ...lines('mri', 10, 40)] }, { name: 'mri', lines: [...lines('ct', 8, 40), ...lines('mri', 6, 10)] },
  ], 'modality');
  const { cells, mean, diagonal } = tableDifference(better, table);
  expect(cells.map((row) => row.map((points) => Math.round(points!)))).toEqual([[25, 0], [0, 10]]);
  expect(mean).toBeCloseTo(8.75);
  expect(diagonal.map((points) => Math.round(points!))).toEqual([25, 10]);
  expect(() => tableDifference(better, generalizationTable([], 'modality'))).toThrow('differ');
});

describe('families', () => {
  test('hold every kind of question once, but for those of a person, which may be of any, and of an image that was altered', () => {
    for (const type of Object.keys(weights).filter((name) => name !== 'curated' && name !== 'alteration')) expect(familyNames, type).toContain(familyOf(type));
    expect(familyOf('unheard_of')).toBeNull();
  });

  test('narrow what a specialist is asked', () => {
    const prompt = promptOf(madeUp());
    const weigh = (options: object): number => specialist(options as Record<string, unknown>, { seed: 1, steps: 1 }).weigh!(prompt.record, prompt.turn, { step: 0, steps: 1 });
    expect([weigh({}), weigh({ modalities: ['mri'] }), weigh({ modalities: ['ct'] }), weigh({ families: ['disease_diagnosis'], modalities: ['mri'] }), weigh({ families: ['lesion_grading'] })]).toEqual([1, 1, 0, 1, 0]);
    const admits = (options: object): boolean => specialist(options as Record<string, unknown>, { seed: 1, steps: 1 }).admits!(prompt.record);
    expect([admits({}), admits({ modalities: ['mri'] }), admits({ modalities: ['ct'] }), admits({ families: ['lesion_grading'] })]).toEqual([true, true, false, true]);
    expect(() => specialist({ modality: ['ct'] }, { seed: 1, steps: 1 })).toThrow('cannot be used');
  });
});
