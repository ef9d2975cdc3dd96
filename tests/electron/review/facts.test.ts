import { describe, expect, test } from 'vitest';
import type { Fact } from '#electron/contract/review.ts';
import { factFlags } from '#electron/review/facts.ts';
import { promptOf } from '#electron/review/prompt.ts';
import type { ReasoningStep } from '#models/clinical/trace.ts';

const length: Fact = { name: 'length 1', value: 14.23, unit: 'mm', source: 'Pixel Spacing', view: 0, drawingId: 'drawing1' };
const codes = (text: string, facts: readonly Fact[] = [length], kind: ReasoningStep['kind'] = 'measurement'): string[] => factFlags({ steps: [{ kind, text, findings: [] }], answer: null }, facts).map(({ code }) => code);

describe('a number with a unit', () => {
  test('that is a measured one, rounded as it is written, is left alone', () => {
    for (const text of ['It is 14 mm long.', '14.2 mm', '1.4 cm', '14.23mm']) expect(codes(text), text).toEqual([]);
  });
  test('that differs from what was measured is flagged, with both', () => {
    expect(factFlags({ steps: [{ kind: 'measurement', text: 'It is 16 mm long.', findings: [] }], answer: null }, [length])).toEqual([
      { code: 'fact.differs', detail: '“16 mm” is not what was measured: length 1, 14.23 mm.', step: 0 },
    ]);
    expect(codes('14 × 9 mm')).toEqual(['fact.differs']);
  });
  test('is flagged where nothing of its kind was measured', () => {
    expect(codes('It measures 3.2 cm.', [])).toEqual(['fact.unmeasured']);
    expect(codes('Mean attenuation is 45 HU.')).toEqual(['fact.unmeasured']);
  });
  test('that is a bound, general knowledge, or no physical unit is left alone', () => {
    expect(codes('Nodules under 6 mm need nothing.')).toEqual([]);
    expect(codes('A nodule of 30 mm is a mass.', [length], 'knowledge')).toEqual([]);
    expect(codes('The box covers 12 % of the image and is 40 pixels wide.')).toEqual([]);
  });
  test('is looked for in time that grows with the text', () => expect(codes(`${'1 x '.repeat(20_000)}2`)).toEqual([]));
});

describe('the words that are put to the model', () => {
  const view = { name: 'slice 5 of 12', slot: 'current', earlier: null } as const;
  test('are the question alone for one image', () => expect(promptOf('Is there a nodule?', [view], [])).toBe('Is there a nodule?'));
  test('name each of several images, and how long ago it was', () => {
    expect(promptOf('Has it grown?', [view, { name: 'slice 6 of 12', slot: 'prior', earlier: '8 months earlier' }], [])).toBe(
      'Image 1: current study, slice 5 of 12. Image 2: earlier study, 8 months earlier, slice 6 of 12.\nSay of every box on which image it lies, as in "Image 2".\nHas it grown?');
  });
  test('carry what was measured, with where its scale comes from', () => {
    expect(promptOf('Is it large?', [view], [length])).toBe('Is it large?\nMeasured by the workstation, given: length 1 = 14.23 mm (Pixel Spacing).');
  });
});
