import { describe, expect, test } from 'vitest';
import { lateralityFlags, sideSaid, type PlacedImage } from '#electron/review/laterality.ts';
import type { ReasoningStep } from '#models/clinical/trace.ts';
import type { Placement } from '#models/imaging/sides.ts';

const placement: Placement = { modality: 'DX', bodyPart: 'CHEST', laterality: null, viewPosition: 'AP', orientation: null, patientOrientation: null };
const film: PlacedImage = { source: { width: 1000, height: 1000 }, placement };
const onLeftHalf = { x1: 100, y1: 200, x2: 400, y2: 800 };
const onRightHalf = { x1: 600, y1: 200, x2: 900, y2: 800 };
const step = (text: string, findings: number[] = [], kind: ReasoningStep['kind'] = 'observation'): ReasoningStep => ({ kind, text, findings });
const said = (given: Partial<Parameters<typeof lateralityFlags>[0]>, image: PlacedImage = film) => lateralityFlags({ question: 'Is there a finding?', steps: [], findings: [], answer: null, ...given }, [image]);

describe('a side that is said', () => {
  test('is the patient\'s', () => {
    expect(['A left-sided effusion', 'in the right lower lobe', 'the lower right lung', 'the left costophrenic angle'].map(sideSaid)).toEqual(['left', 'right', 'right', 'left']);
  });
  test('is none where it is the image\'s, a part of one organ, or both', () => {
    for (const text of ['lies in the upper left of the image', 'the left half is brighter', 'in the lower right.', 'the left ventricle', 'the right lobe of the liver', 'left and right lungs', 'bilateral, more on the left', 'It is on the left side of the image']) {
      expect(sideSaid(text), text).toBeNull();
    }
  });
});

describe('left and right', () => {
  test('are in conflict where the text says left and the box lies on the right of an AP film', () => {
    const steps = [step('There is a consolidation on the left.', [0])];
    expect(said({ steps, findings: [{ label: 'consolidation', frame: 0, boxes: [onLeftHalf] }], answer: 'yes' })).toEqual([
      { code: 'laterality.conflict', detail: '“There is a consolidation on the left.”: the box lies on the patient\'s right (convention for this View Position).', step: 0 },
    ]);
    expect(said({ steps, findings: [{ label: 'consolidation', frame: 0, boxes: [onRightHalf] }], answer: 'yes' })).toEqual([]);
  });
  test('are held to the label first, each box to its own', () => {
    const findings = [{ label: 'right lung', frame: 0, boxes: [onRightHalf] }, { label: 'left lung', frame: 0, boxes: [onRightHalf] }];
    expect(said({ findings, steps: [step('Both lungs are seen.', [0, 1])], answer: '[]' })).toMatchObject([{ code: 'laterality.conflict', step: 0, detail: expect.stringContaining('right lung') as unknown }]);
  });
  test('of the answer are held to all of its boxes', () => {
    const findings = [{ label: 'effusion', frame: 0, boxes: [onLeftHalf] }];
    expect(said({ findings, answer: 'left pleural effusion' })).toMatchObject([{ code: 'laterality.conflict' }]);
    expect(said({ findings, answer: 'left', question: 'On which side of the image is the effusion?' })).toEqual([]);
  });
  test('are left alone where the file does not say how the image lies', () => {
    const findings = [{ label: 'left lung', frame: 0, boxes: [onLeftHalf] }];
    expect(said({ findings }, { ...film, placement: null })).toEqual([]);
    expect(said({ findings }, { ...film, placement: { ...placement, viewPosition: 'LL' } })).toEqual([]);
  });
  test('follow the orientation of a slice, whichever way it is stored', () => {
    const findings = [{ label: 'left kidney', frame: 0, boxes: [onLeftHalf] }];
    const slice = (orientation: Placement['orientation']): PlacedImage => ({ ...film, placement: { ...placement, modality: 'CT', viewPosition: null, orientation } });
    expect(said({ findings }, slice([1, 0, 0, 0, 1, 0]))).toMatchObject([{ code: 'laterality.conflict' }]);
    expect(said({ findings }, slice([-1, 0, 0, 0, 1, 0]))).toEqual([]);
  });
  test('are held to the side that the file names for the whole image', () => {
    const knee: PlacedImage = { ...film, placement: { ...placement, bodyPart: 'KNEE', laterality: 'left' } };
    expect(said({ answer: 'right knee, no fracture' }, knee)).toMatchObject([{ code: 'laterality.file' }]);
    expect(said({ answer: 'left knee, no fracture' }, knee)).toEqual([]);
    expect(said({ steps: [step('The patient\'s right is on the left of the image.', [], 'knowledge')], answer: 'no' }, knee)).toEqual([]);
  });
});
