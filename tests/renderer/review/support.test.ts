import { expect, test } from 'vitest';
import type { Trace } from '#electron/contract/review.ts';
import { supportOf } from '#renderer/review/support.ts';

type Step = Trace['steps'][number];
const step = (kind: Step['kind'], text: string, findings: number[] = []): Step => ({ kind, text, findings });
const box = { x1: 0, y1: 0, x2: 9, y2: 9 };
const findings = [{ label: 'nodule', frame: 0, boxes: [box] }];
const of = (...steps: readonly Step[]): readonly number[] | null => supportOf({ steps: [...steps], findings }, steps.length - 1);

test('a conclusion stands on the steps that cite what it cites, name it, or speak of the same thing', () => {
  expect(of(step('observation', 'A round shadow.', [0]), step('conclusion', 'It is there.', [0]))).toEqual([0]);
  expect(of(step('observation', 'Something round.', [0]), step('conclusion', 'So there is a nodule.'))).toEqual([0]);
  expect(of(step('observation', 'Two lungs are seen.'), step('measurement', 'The nodule is 9 mm long.'), step('conclusion', 'The nodule is small.'))).toEqual([1]);
});

test('a conclusion that nothing before it speaks of is unsupported, and knowledge supports nothing', () => {
  expect(of(step('observation', 'The heart is of usual size.'), step('conclusion', 'So there is pneumonia.'))).toEqual([]);
  expect(of(step('knowledge', 'Pneumonia is common.'), step('conclusion', 'So there is pneumonia.'))).toEqual([]);
  expect(of(step('conclusion', 'So there is a nodule.', [0]))).toEqual([]);
  expect(of(step('observation', 'On the left side of the image.'), step('conclusion', 'On the right side of the image.'))).toEqual([]);
});

test('what is no conclusion stands on nothing', () => expect(of(step('conclusion', 'x'), step('observation', 'y'))).toBeNull());
