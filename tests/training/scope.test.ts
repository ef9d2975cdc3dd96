import { expect, test } from 'vitest';
import type { Scope } from '#models/clinical/scope.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { widened } from '#training/scope.ts';

const record = (modality: CaseRecord['modality'], facts: CaseRecord['facts'], more: Partial<CaseRecord> = {}): CaseRecord => ({ split: 'train', modality, facts, boxes: null, ...more }) as CaseRecord;
const base: Scope = { format: 'loupe.scope/1', trained: [{ modality: 'xray', bodyParts: ['chest'] }], locates: ['lungs'], mostImages: 1 };

test('a scope is what the base knows and what the training cases add, kind by kind', () => {
  const box = { class: 'fracture', box: { x1: 0, y1: 0, x2: 1, y2: 1 } } as NonNullable<CaseRecord['boxes']>[number];
  expect(widened(base, [record('xray', { body_part: 'hand' }, { boxes: [box] }), record('xray', { body_part: 'hand' }), record('microscopy', { specimen: 'blood' }), record('ct', { body_part: 'brain' }, { split: 'val' })])).toEqual({
    format: 'loupe.scope/1', mostImages: 1, trained: [{ modality: 'xray', bodyParts: ['chest', 'hand'] }, { modality: 'microscopy', bodyParts: ['blood'] }], locates: ['lungs', 'fracture'],
  });
});

test('cases that tell no part of the body leave it open, and weights from nothing know what their cases show', () => {
  expect(widened(base, [record('xray', {}), record('xray', { body_part: 'hand' })]).trained).toEqual([{ modality: 'xray', bodyParts: [] }]);
  expect(widened(null, [record('ct', { body_part: 'chest' })])).toEqual({ format: 'loupe.scope/1', trained: [{ modality: 'ct', bodyParts: ['chest'] }], locates: [] });
});
