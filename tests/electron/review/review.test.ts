import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { review } from '#electron/review/review.ts';
import type { OpenedSource } from '#electron/review/source.ts';
import { scaling } from '#models/imaging/coordinates.ts';
import { createPicture } from '#models/imaging/image.ts';
import { parseCompletion } from '#models/language/parse.ts';
import type { Answer, Ask, Reasoner } from '#models/reasoner.ts';

const size = { width: 100, height: 100 };
const picture = createPicture(size);
picture.data.forEach((_, i) => (picture.data[i] = 20 + (i % 200)));
const source: OpenedSource = {
  kind: 'series', title: 'Film', modality: 'DX', available: 1, selection: 'The only frame.', statements: [], files: [],
  frames: [{
    picture, name: 'whole image', file: 'film.dcm', frame: 0, source: { width: 200, height: 200 }, toSource: scaling(2, 2), window: null, spacingMm: null,
    placement: { modality: 'DX', bodyPart: 'CHEST', laterality: null, viewPosition: 'PA', orientation: null, patientOrientation: null },
  }],
};

/** A reasoner that writes these completions, one for each question, and remembers what it was asked. */
function writing(...texts: readonly string[]): { readonly reasoner: Reasoner; readonly asked: Ask[] } {
  const asked: Ask[] = [];
  const ask = (given: Ask): Promise<Answer> => {
    const text = texts[asked.length] ?? '';
    asked.push(given);
    return Promise.resolve({ text, trace: parseCompletion(text, 'absolute-resized', size, size), tokens: [], logProbabilities: [], end: 'stop' } as unknown as Answer);
  };
  return { asked, reasoner: { ask, tokenizer: { decode: () => '' }, checkpoint: { folder: '/nowhere' } } as unknown as Reasoner };
}

const unboxed = '<think>\nObservation: There is an opacity.\nConclusion: It is pneumonia.\n</think>\n<answer>pneumonia</answer>';
const boxed = '<answer>[{"bbox_2d":[10,20,30,40],"label":"pneumonia"}]</answer>';

test('an answer that points at nothing is asked where, about the same picture, as a second question of its own', async () => {
  const { reasoner, asked } = writing(unboxed, boxed);
  const { located, frames } = await review(reasoner, source, 'What is it?', { locates: true });
  expect(asked.map(({ question, frames: [shown] }) => [question, shown === picture])).toEqual([['What is it?', true], ['Where is this seen: “It is pneumonia.”? Give boxes.', true]]);
  expect(located).toMatchObject({ step: 1, answer: { trace: { findings: [{ label: 'pneumonia' }] } } });
  expect(frames[0]?.answer.trace.findings).toEqual([]);
});

test('it is not asked where unless that was wished, nor where a box is there or nothing was found', async () => {
  for (const [text, locates] of [[unboxed, false], [boxed, true], ['<answer>no</answer>', true]] as const) {
    const { reasoner, asked } = writing(text, boxed);
    expect((await review(reasoner, source, 'What is it?', { locates })).located).toBeNull();
    expect(asked).toHaveLength(1);
  }
});

test('left and right are held to how the film lies', async () => {
  const { reasoner } = writing('<think>\nObservation: An opacity in the left lung. [{"bbox_2d":[10,20,30,40],"label":"opacity"}]\n</think>\n<answer>yes</answer>');
  expect((await review(reasoner, source, 'Is there pneumonia?')).flags).toMatchObject([{ code: 'scope.unknown' }, { code: 'laterality.conflict', step: 0 }]);
});

test('a model is not asked about images that it was not trained on, nor about a plain picture, unless a reason is given, which stands with the answer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-scope-'));
  writeFileSync(join(folder, 'scope.json'), JSON.stringify({ format: 'loupe.scope/1', trained: [{ modality: 'ct', bodyParts: [] }] }));
  const { reasoner, asked } = writing(unboxed);
  const knowing = { ...reasoner, checkpoint: { folder } } as unknown as Reasoner;
  const { placement: film, ...plain } = source.frames[0]!;
  await expect(review(knowing, source, 'What is it?')).rejects.toMatchObject({ code: 'review.scope', why: 'This is an X-ray film. The model was trained on CT.' });
  await expect(review(knowing, { ...source, kind: 'picture', frames: [plain] }, 'What is it?')).rejects.toMatchObject({ code: 'review.unstated' });
  expect(asked).toEqual([]);
  // One slice of several that lies within is enough.
  const ct = { ...plain, placement: { ...film!, modality: 'CT' } };
  const mixed = await review(knowing, { ...source, frames: [ct, source.frames[0]!] }, 'What is it?', { override: { reason: 'Not needed' } });
  expect([mixed.override, mixed.flags]).toEqual([null, []]);
  const { override, flags } = await review(knowing, source, 'What is it?', { override: { reason: 'To see what it says' } });
  expect(override).toEqual({ reason: 'To see what it says' });
  expect(flags.map(({ code }) => code)).toEqual(['scope.override', 'scope.modality']);
  rmSync(folder, { recursive: true });
});
