import { expect, test } from 'vitest';
import type { Picture } from '#models/imaging/image.ts';
import { alterationSet, checkedSide, type AlterationSample } from '#training/synthesis/alterations.ts';
import { generatorNames, generators } from '#training/synthesis/alterations/generators.ts';
import { boxAround, compressed, processed, unchanged } from '#training/synthesis/alterations/history.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';

const picture = (seed: number): Picture => framePicture(drawPhantom('ct_liver', seed, { size: 320, frames: 1 }).frames[0]!);
const [source, donor] = [picture(3), picture(4)];
const setOf = (seed: number, only = generatorNames): readonly AlterationSample[] => alterationSet(source, { seed, only, donor });
const differing = (a: Picture, b: Picture): number[] => Array.from({ length: a.width * a.height }, (_, i) => i).filter((i) => Math.abs(a.data[3 * i]! - b.data[3 * i]!) > 2);

test('the same seed gives the same pictures, another one others', () => {
  const [first, again, other] = [setOf(11), setOf(11), setOf(12)];
  expect(first.map(({ picture: { data } }) => data)).toEqual(again.map(({ picture: { data } }) => data));
  expect(first[0]!.picture.data).not.toEqual(other[0]!.picture.data);
});

test.each(generatorNames.filter((name) => generators[name].class === 'TAMPERED'))('%s changes what its mask says, inside its box, and nothing else', (name) => {
  for (let seed = 0, found = 0; found < 2; seed++) {
    expect(seed).toBeLessThan(40);
    const [untouched, tampered] = setOf(seed, [name]);
    // Without compression what is outside stays as it was; with it, blocks that reach into the region change.
    if (!tampered || untouched!.history.quality !== null) continue;
    found++;
    const { mask, claim: { class: label, type, box } } = tampered;
    expect([label, type]).toEqual([generators[name].class, generators[name].type]);
    expect(box).toEqual(boxAround(mask!, checkedSide));
    const changed = differing(untouched!.picture, tampered.picture);
    const inside = changed.filter((i) => mask![i] === 1).length;
    expect(inside).toBeGreaterThan(20);
    // A soft rim reaches a few pixels beyond.
    const near = { x1: box!.x1 - 14, y1: box!.y1 - 14, x2: box!.x2 + 14, y2: box!.y2 + 14 };
    expect(changed.filter((i) => i % checkedSide < near.x1 || i % checkedSide >= near.x2 || i / checkedSide < near.y1 || i / checkedSide >= near.y2 + 1)).toEqual([]);
  }
});

test('all images of a set have one history and one size', () => {
  for (let seed = 0; seed < 6; seed++) {
    const samples = setOf(seed);
    expect(new Set(samples.map(({ history }) => JSON.stringify(history))).size).toBe(1);
    expect(samples.every(({ picture: { width, height } }) => width === checkedSide && height === checkedSide)).toBe(true);
    expect(samples.map(({ claim }) => claim.class)).toEqual(expect.arrayContaining(['REAL', 'FULL_SYNTHETIC']));
    expect(samples[0]!.claim).toEqual({ class: 'REAL', type: null, box: null });
  }
});

test('compression keeps even ground, loses detail as its quality falls, and leaves a picture without history alone', () => {
  const even: Picture = { width: 19, height: 13, data: new Uint8Array(19 * 13 * 3).fill(120) };
  expect(compressed(even, 75).data).toEqual(even.data);
  const lost = (quality: number): number => differing(source, compressed(source, quality)).length;
  expect(lost(60)).toBeGreaterThan(lost(95));
  expect(processed(source, unchanged)).toBe(source);
});

test('every kind of alteration has a generator to learn from and one that is kept back', () => {
  const families = (isKept: boolean): string[] => generatorNames.filter((name) => generators[name].isKept === isKept).map((name) => `${generators[name].class} ${generators[name].type}`).sort();
  expect(families(true)).toEqual(families(false));
});

test('a picture without structure gives no tampered image, a tiny one is refused', () => {
  const even: Picture = { width: 300, height: 300, data: new Uint8Array(300 * 300 * 3).fill(90) };
  expect(alterationSet(even, { seed: 1, donor }).map(({ claim }) => claim.class)).toEqual(['REAL', 'FULL_SYNTHETIC']);
  expect(() => alterationSet({ width: 40, height: 40, data: new Uint8Array(4800) }, { seed: 1, donor })).toThrow(RangeError);
});
