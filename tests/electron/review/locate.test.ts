import { describe, expect, test } from 'vitest';
import { firstLocatable, isLocatable, locatingQuestion, sentenceAt } from '#electron/contract/locate.ts';
import type { ReasoningStep } from '#models/clinical/trace.ts';

const step = (kind: ReasoningStep['kind'], text: string, findings: number[] = []): ReasoningStep => ({ kind, text, findings });
const answered = (answer: string | null, steps: ReasoningStep[] = [], boxed = false) => ({
  parsed: answer !== null, answer, steps, question: 'Is there a lesion?', findings: boxed ? [{ label: 'lesion', frame: 0, boxes: [{ x1: 0, y1: 0, x2: 1, y2: 1 }] }] : [],
});

describe('a sentence may be asked about once more', () => {
  test('where it says that something is there and cites no box', () => {
    const trace = answered('pneumonia', [step('observation', 'There is a dense opacity.'), step('knowledge', 'Opacities suggest pneumonia.'), step('conclusion', 'The finding is pneumonia.')]);
    expect([0, 1, 2, 3].map((at) => isLocatable(trace, at))).toEqual([true, false, true, false]);
    expect(firstLocatable(trace)).toBe(2);
  });
  test('and not where it denies, points at a place already, or could not be read', () => {
    expect(isLocatable(answered('no', [step('observation', 'There is an opacity.')]), 0)).toBe(false);
    expect(isLocatable(answered('yes', [step('observation', 'No effusion is seen.')]), 0)).toBe(false);
    expect(isLocatable(answered('yes', [step('observation', 'A lesion lies there.', [0])], true), 0)).toBe(false);
    expect(firstLocatable(answered('yes', [step('observation', 'A lesion lies there.', [0]), step('conclusion', 'It is a lesion.')], true))).toBeNull();
    expect(firstLocatable(answered(null))).toBeNull();
  });
  test('as the answer itself where there is no reasoning', () => {
    const trace = answered('yes');
    expect(firstLocatable(trace)).toBe(0);
    expect(sentenceAt(trace, 0)).toBe('Is there a lesion?');
  });
});

test('the second question uses the words that the model learnt, or the sentence itself', () => {
  expect(locatingQuestion('There is a malignant lesion of the skin.', ['lesion', 'malignant lesion'])).toBe('Where is the malignant lesion? Give boxes.');
  expect(locatingQuestion('A white blood cell is seen.', ['white blood cells'])).toBe('Where are the white blood cells? Give boxes.');
  expect(locatingQuestion('The finding is pneumonia.', ['lesion'])).toBe('Where is this seen: “The finding is pneumonia.”? Give boxes.');
  expect(locatingQuestion('A +?(x lesion', ['+?(x'])).toContain('Where');
});
