import { expect, test } from 'vitest';
import { readTrained, trainedText } from '#models/clinical/scope.ts';

test('what a model was trained on is read from one line, and written as it is read', () => {
  const trained = readTrained(' XRAY: Chest ; ct: chest, brain,chest; microscopy;');
  expect(trained).toEqual([{ modality: 'xray', bodyParts: ['chest'] }, { modality: 'ct', bodyParts: ['chest', 'brain'] }, { modality: 'microscopy', bodyParts: [] }]);
  expect(readTrained(trainedText(trained ?? []))).toEqual(trained);
  for (const wrong of ['', ';', 'films', 'ct: chest; ct: brain', `ct: ${'x'.repeat(61)}`]) expect(readTrained(wrong)).toBeNull();
});
