import { expect, test } from 'vitest';
import { difference, ensembleOf } from '#training/similarCases.ts';
import { captionOf } from '#training/synthesis/captions.ts';
import { closerByLooks, looksOf } from '#training/synthesis/likeness.ts';
import { Random } from '#models/base/random.ts';
import { createPicture } from '#models/imaging/image.ts';
import { madeUp } from '#tests/support/caseRecords.ts';

test('cases that share a query are drawn together, so that their interval is no narrower than what was asked', () => {
  const ids = Array.from({ length: 40 }, (_, i) => `c${i}`);
  const hits = (isRight: (at: number) => boolean) => Object.fromEntries(ids.map((id, i) => [id, isRight(i)]));
  const [before, after] = [hits(() => false), hits((i) => i < 20)];
  const apart = difference([{ right: before }], [{ right: after }]);
  const queries = Object.fromEntries(ids.map((id, i) => [id, String(Math.floor(i / 10))]));
  const together = difference([{ right: before, queries }], [{ right: after, queries }]);
  expect(apart.mean).toBeCloseTo(0.5, 9);
  expect(together.mean).toBeCloseTo(0.5, 9);
  expect(together.ci[1] - together.ci[0]).toBeGreaterThan(2 * (apart.ci[1] - apart.ci[0]));
});

test('the words for a task are its labels with the vocabulary\'s wordings, in sentences with their place', () => {
  const { classes, templates } = ensembleOf([madeUp({ modality: 'mri', labelsSpace: ['no_tumour', 'glioma'], label: 'glioma' })]);
  expect(classes.map(({ name }) => name)).toEqual(['no_tumour', 'glioma']);
  expect(classes[1]!.synonyms).toContain('a glioma');
  expect(templates.every((template) => template.includes('CLASSNAME'))).toBe(true);
  expect(() => ensembleOf([])).toThrow(expect.objectContaining({ code: 'zeroshot.cases' }));
});

test('a caption says what label, facts and boxes support, and equal meanings are equal whatever the wording', () => {
  const film = madeUp({ modality: 'xray', task: 'chest_pneumonia_3', label: 'viral_pneumonia', labelsSpace: ['normal', 'viral_pneumonia'], facts: { body_part: 'chest', view: 'PA' } });
  const view = { record: film, boxes: null, size: { width: 100, height: 100 }, flippedX: false };
  expect(captionOf(view).text).toBe('Chest film showing viral pneumonia, PA view.');
  const drawn = Array.from({ length: 40 }, (_, seed) => captionOf(view, new Random(seed)));
  expect(new Set(drawn.map(({ text }) => text)).size).toBeGreaterThan(8);
  expect(new Set(drawn.map(({ meaning }) => meaning)).size).toBe(2);
  for (const { text } of drawn) expect(text).toMatch(/pneumonia/i);

  const eye = madeUp({ modality: 'fundus', label: 'left', labelsSpace: ['left', 'right'], facts: { body_part: 'retina', eye: 'left' } });
  expect(captionOf({ ...view, record: eye }).text).toContain('left eye');
  expect(captionOf({ ...view, record: eye, flippedX: true }).text, 'a mirrored eye looks like the other one').toContain('right eye');
  const lesion = madeUp({ modality: 'ultrasound', label: 'benign', labelsSpace: ['normal', 'benign'], facts: { body_part: 'breast' } });
  expect(captionOf({ ...view, record: lesion, boxes: [{ class: 'benign_lesion', box: { x1: 5, y1: 5, x2: 20, y2: 20 } }] }).text).toContain('in the upper left of the image');
  expect(captionOf({ ...view, record: madeUp({ modality: 'xray', label: 'unspecified', labelsSpace: ['covid_19', 'unspecified'], facts: { body_part: 'chest' } }) }).text).toBe('Chest film.');
});

test('likeness by colours, edges and layout has three votes at most, and none where two pictures are the same', () => {
  // Red bars lying down, the same a little darker, and blue bars standing up.
  const picture = (isStanding: boolean, [r, g, b]: readonly [number, number, number]) => looksOf({ width: 60, height: 60, data: Uint8Array.from({ length: 10800 }, (_, i) => {
    const along = isStanding ? Math.floor(i / 3) % 60 : Math.floor(i / 180);
    return along % 30 < 15 ? [r, g, b][i % 3]! : 20;
  }) });
  const [reference, near, far] = [picture(false, [220, 40, 40]), picture(false, [205, 40, 40]), picture(true, [40, 40, 120])];
  expect(closerByLooks(reference, near, far)).toEqual({ left: 3, right: 0 });
  expect(closerByLooks(reference, far, near)).toEqual({ left: 0, right: 3 });
  expect(closerByLooks(reference, near, near)).toEqual({ left: 0, right: 0 });
  expect([...looksOf(createPicture({ width: 20, height: 20 }, [9, 9, 9]))[1]].every((x) => x === 0)).toBe(true);
});
