/** What every phantom promises: repeatable, annotated inside the picture, and true to the pixels. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { drawPhantom, phantomLabels, phantomRecords } from '#training/synthesis/phantoms.ts';
import { framePicture, phantomKinds } from '#training/synthesis/phantoms/study.ts';
import type { PhantomFrame, PhantomKind, PhantomOptions, PhantomStudy } from '#training/synthesis/phantoms/study.ts';

const small: Record<PhantomKind, PhantomOptions> = {
  ct_chest: { size: 128, frames: 4 }, ct_liver: { size: 128, frames: 4 }, mr_head: { size: 96, frames: 5 }, chest_film: { size: 160 },
    breast_ultrasound: { size: 160 },
  blood_smear: { size: 200 }, slide: { size: 256 }, oct: { size: 160 }, fundus: { size: 200 }, dermoscopy: { size: 96 },
};

/** Mean of the stored values in the field's unit, or of the green channel, inside or outside a box grown by `margin`. */
function meanIn({ stored, picture }: PhantomFrame, inside: (x: number, y: number) => boolean): number {
  const { width, height } = stored ?? picture;
  let total = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y)) continue;
      total += stored ? stored.samples[y * width + x]! * stored.slope + stored.intercept : picture.data[(y * width + x) * 3 + 1]!;
      count++;
    }
  }
  return total / count;
}

/** The mean over the middle half of a box. */
const coreOf = (frame: PhantomFrame, { x1, y1, x2, y2 }: { x1: number; y1: number; x2: number; y2: number }, part = 0.25): number =>
  meanIn(frame, (x, y) => Math.abs(x + 0.5 - (x1 + x2) / 2) < Math.max(0.6, part * (x2 - x1)) && Math.abs(y + 0.5 - (y1 + y2) / 2) < Math.max(0.6,
    part * (y2 - y1)));

/** The mean over a frame of pixels round a box. */
const aroundOf = (frame: PhantomFrame, { x1, y1, x2, y2 }: { x1: number; y1: number; x2: number; y2: number }, margin: number): number =>
  meanIn(frame, (x, y) => {
    const isWithin = (reach: number): boolean => x >= x1 - reach && x < x2 + reach && y >= y1 - reach && y < y2 + reach;
    return isWithin(margin) && !isWithin(1);
  });

/** One hash over everything a study says and shows; comparing megabytes value by value is slow. */
function hashOf(study: PhantomStudy): string {
  const hash = createHash('sha256');
  for (const { stored, picture } of study.frames) {
    const data = stored ? stored.samples : picture.data;
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  for (const { picture } of study.levels) hash.update(picture.data);
  const words = { ...study, levels: [], frames: study.frames.map(({ boxes, geometry }) => ({ boxes, geometry })) };
  return hash.update(JSON.stringify(words)).digest('hex');
}

describe.each(phantomKinds)('%s', { timeout: 60_000 }, (kind) => {
  test('is the same for the same seed and another for another', () => {
    const first = hashOf(drawPhantom(kind, 11, small[kind]));
    expect(hashOf(drawPhantom(kind, 11, small[kind]))).toBe(first);
    expect(hashOf(drawPhantom(kind, 12, small[kind]))).not.toBe(first);
  });

  test('has boxes of whole pixels inside its frames, for every label', () => {
    for (const label of phantomLabels(kind)) {
      for (const seed of [1, 2]) {
        const study = drawPhantom(kind, seed, { ...small[kind], label });
        expect(study.label).toBe(label);
        const wrong = study.frames.flatMap((frame) => {
          const { width, height } = frame.stored ?? frame.picture;
          return frame.boxes.filter(({ box }) => !Object.values(box).every(Number.isInteger)
            || !(box.x1 >= 0 && box.y1 >= 0 && box.x2 <= width && box.y2 <= height && box.x2 > box.x1 && box.y2 > box.y1));
        });
        expect(wrong).toEqual([]);
      }
    }
  });

  test('uses a good part of the grey scale', () => {
    const { data } = framePicture(drawPhantom(kind, 5, small[kind]).frames[0]!);
    const sorted = Uint8Array.from(data).sort();
    expect(sorted[Math.floor(sorted.length * 0.98)]! - sorted[Math.floor(sorted.length * 0.02)]!).toBeGreaterThan(60);
  });
});

describe('truth', { timeout: 60_000 }, () => {
  test('a lung nodule is denser than the lung around it, and its slices are those that meet it', () => {
    for (const seed of [1, 2]) {
      const study = drawPhantom('ct_chest', seed, { size: 192, frames: 12, label: 'malignant' });
      const shown = study.frames.filter(({ boxes }) => boxes.length > 0);
      expect(shown.length).toBeGreaterThan(1);
      const largest = study.frames.flatMap((frame) => frame.boxes.map(({ box }) => ({ frame, box }))).sort((a,
        b) => (b.box.x2 - b.box.x1) - (a.box.x2 - a.box.x1))[0]!;
      expect(coreOf(largest.frame, largest.box)).toBeGreaterThan(-60);
      expect(aroundOf(largest.frame, largest.box, 4)).toBeLessThan(-500);
    }
  });

  test('the diameter of a nodule is that of its largest box within two pixels, where the slice runs through its middle', () => {
    for (const seed of [1, 5]) {
      const study = drawPhantom('ct_chest', seed, { size: 384, frames: 12, label: 'malignant' });
      const value = Math.max(...study.measurements.filter(({ unit }) => unit === 'mm').map((one) => one.value));
      const sides = study.frames.flatMap(({ boxes, geometry }) => boxes.map(({ box }) => Math.hypot(box.x2 - box.x1,
        box.y2 - box.y1) * geometry.spacingMm![0]));
      const sidesOnly = study.frames.flatMap(({ boxes, geometry }) => boxes.map(({ box }) => Math.max(box.x2 - box.x1,
        box.y2 - box.y1) * geometry.spacingMm![0]));
      expect(Math.max(...sides)).toBeGreaterThan(value * 0.93);
      expect(Math.max(...sidesOnly)).toBeLessThan(value + 2 * study.frames[0]!.geometry.spacingMm![0]);
    }
  });

  test('tissues have plausible Hounsfield units: lung, liver, fat, air', () => {
    const chest = drawPhantom('ct_chest', 4, { size: 256, frames: 1, label: 'normal' }).frames[0]!;
    const lung = meanIn(chest, (x, y) => Math.abs(x - 256 * 0.29) < 12 && Math.abs(y - 256 * 0.52) < 12);
    expect(lung).toBeGreaterThan(-900);
    expect(lung).toBeLessThan(-700);
    expect(meanIn(chest, (x, y) => x < 10 && y < 10)).toBeLessThan(-980);
    const liver = drawPhantom('ct_liver', 4, { size: 256, frames: 6, label: 'liver_lesion' });
    const stated = liver.measurements.find(({ unit }) => unit === 'HU')!.value;
    const parenchyma = meanIn(liver.frames[0]!, (x, y) => Math.abs(x - 256 * 0.28) < 8 && Math.abs(y - 256 * 0.47) < 8);
    expect(Math.abs(parenchyma - stated)).toBeLessThan(25);
  });

  test('a liver lesion is darker than the liver', () => {
    for (const seed of [1, 2]) {
      const study = drawPhantom('ct_liver', seed, { size: 192, frames: 10, label: 'liver_lesion' });
      const found = study.frames.flatMap((frame) => frame.boxes.map(({ box }) => ({ frame, box }))).sort((a,
        b) => (b.box.x2 - b.box.x1) - (a.box.x2 - a.box.x1))[0]!;
      expect(coreOf(found.frame, found.box)).toBeLessThan(study.measurements.find(({ unit }) => unit === 'HU')!.value - 15);
    }
  });

  test('slices lie one thickness apart, head first, in one plane', () => {
    for (const kind of ['ct_chest', 'ct_liver', 'mr_head'] as const) {
      const { frames } = drawPhantom(kind, 3, { size: 64, frames: 4 });
      const heights = frames.map(({ geometry }) => geometry.positionMm![2]);
      for (let k = 1; k < heights.length; k++) expect(heights[k - 1]! - heights[k]!).toBeCloseTo(frames[0]!.thicknessMm!, 2);
      expect(new Set(frames.map(({ geometry }) => JSON.stringify(geometry.orientation))).size).toBe(1);
    }
  });

  test('the patient\'s right lung lies left in the film, and air is darker than the heart', () => {
    const film = drawPhantom('chest_film', 6, { size: 256, label: 'normal' }).frames[0]!;
    const box = (name: string) => film.boxes.find((one) => one.class === name)!.box;
    expect(box('right_lung').x2).toBeLessThan(box('left_lung').x1 + 12);
    expect(coreOf(film, box('right_lung'), 0.2)).toBeLessThan(meanIn(film, (x, y) => Math.abs(x - 145) < 8 && Math.abs(y - 165) < 8) - 300);
  });

  test('the optic disc lies to the right of the macula in a right eye', () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const study = drawPhantom('fundus', seed, { size: 256, label: 'normal' });
      const frame = study.frames[0]!;
      const brightest = (from: number, to: number): number => {
        let best = 0;
        for (let x = from; x < to; x += 4) for (let y = 40; y < 130; y += 4) best = Math.max(best,
          meanIn(frame, (px, py) => px >= x && px < x + 6 && py >= y && py < y + 6));
        return best;
      };
      expect(brightest(150, 240) > brightest(16, 106) ? 'right' : 'left').toBe(study.facts['eye']);
    }
  });

  test('cells are counted as they are boxed, and a cell picture holds its one cell in the middle', () => {
    const smear = drawPhantom('blood_smear', 2);
    for (const name of ['white_blood_cell', 'platelet', 'red_blood_cell']) {
      const counted = smear.measurements.find((one) => one.class === name && one.unit === 'count')!;
      expect(counted.value).toBe(smear.frames[0]!.boxes.filter((one) => one.class === name).length);
    }
    const cell = drawPhantom('blood_smear', 2, { size: 128, label: 'lymphocyte' }).frames[0]!;
    const white = cell.boxes.filter((one) => one.class === 'white_blood_cell');
    expect(white).toHaveLength(1);
    expect(Math.abs((white[0]!.box.x1 + white[0]!.box.x2) / 2 - 64)).toBeLessThan(12);
    expect(coreOf(cell, white[0]!.box)).toBeLessThan(110);
  });

  test('fluid is dark and enhancement or shadow lies below the lesion that casts it', () => {
    const oct = drawPhantom('oct', 6, { label: 'diabetic_macular_oedema' }).frames[0]!;
    for (const { box } of oct.boxes) expect(coreOf(oct, box)).toBeLessThan(45);
    const shadowed = drawPhantom('breast_ultrasound', 3, { label: 'malignant' }).frames[0]!;
    const { box } = shadowed.boxes[0]!;
    const height = shadowed.stored!.height;
    const below = (x1: number, x2: number): number => meanIn(shadowed,
      (x, y) => x >= x1 && x < x2 && y > box.y2 + 4 && y < Math.min(height, box.y2 + 30));
    const width = box.x2 - box.x1;
    expect(below(box.x1 + 0.3 * width, box.x2 - 0.3 * width)).toBeLessThan(0.8 * below(Math.max(0, box.x1 - width), box.x1 - 0.1 * width));
  });

  test('a slide is halved from level to level, and its scale follows', () => {
    const { levels } = drawPhantom('slide', 1, { size: 512 });
    expect(levels.map(({ picture, mpp }) => [picture.width, mpp])).toEqual([[512, 0.5], [256, 1]]);
  });
});

describe('records', { timeout: 60_000 }, () => {
  test('carry their picture, a label of their task, and the same row for the same seed', () => {
    const rows = [...phantomRecords(10, 40)];
    expect(rows.map(({ record }) => record.set)).toEqual(phantomKinds.map((kind) => `phantom_${kind}`));
    for (const { record, picture } of rows) {
      expect(record.labelsSpace).toContain(record.label);
      expect([picture.width, picture.height]).toEqual([record.width, record.height]);
      expect(picture.data.length).toBe(3 * record.width * record.height);
      expect(record.split).toBe('train');
    }
    const [again] = [...phantomRecords(1, 40)];
    expect(again!.record).toEqual(rows[0]!.record);
    expect(Buffer.compare(again!.picture.data, rows[0]!.picture.data)).toBe(0);
  });

  test('say abnormal only where the picture shows it', () => {
    for (const { record } of phantomRecords(12, 100, ['mr_head', 'ct_chest', 'ct_liver'])) {
      expect(record.facts['abnormal']).toBe(record.boxes!.length > 0);
      expect(record.label === 'normal' || record.label === 'no_tumour').toBe(record.boxes!.length === 0);
    }
  });
});

test('what cannot be drawn is refused', () => {
  expect(() => drawPhantom('oct', 1, { size: 10 })).toThrow(RangeError);
  expect(() => drawPhantom('ct_chest', 1, { frames: 0 })).toThrow(RangeError);
  expect(() => drawPhantom('ct_chest', 1.5)).toThrow(RangeError);
  expect(() => drawPhantom('ct_chest', 1, { label: 'glioma' })).toThrow(RangeError);
});
