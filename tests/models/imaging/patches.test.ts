import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createPicture } from '#models/imaging/image.ts';
import { smartResize, toVisionInput } from '#models/imaging/patches.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { resize } from '#models/imaging/resize.ts';
import { faultCode, pattern, sharedPath } from '#tests/support/pictures.ts';
import type { PatchOptions } from '#models/imaging/patches.ts';

const published: PatchOptions = {
  patchSize: 14,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 3136,
  maxPixels: 12_845_056,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

describe('the size that the network sees', () => {
  const check = (height: number, width: number, expected: [number, number], bounds: Partial<PatchOptions> = {}): void => {
    const { height: h, width: w } = smartResize(height, width, { ...published, ...bounds });
    expect([h, w]).toEqual(expected);
  };

  test('512 × 512 becomes 504 × 504', () => check(512, 512, [504, 504]));
  test('1024 × 1024 becomes 1036 × 1036', () => check(1024, 1024, [1036, 1036]));
  test('4096 × 4096 shrinks to the upper bound', () => check(4096, 4096, [3584, 3584]));
  test('14 × 14 grows to the lower bound', () => check(14, 14, [56, 56]));
  test('a film frame shrinks to a smaller upper bound', () => check(1080, 1920, [728, 1316], { maxPixels: 1_003_520 }));
  test('a half rounds to the even neighbour: 42, 70, 98 and 126', () => {
    const free = { minPixels: 1 };
    check(42, 280, [56, 280], free);
    check(70, 280, [56, 280], free);
    check(98, 280, [112, 280], free);
    check(126, 280, [112, 280], free);
  });
  test('a side that would round to nothing is repaired', () => check(5, 1000, [28, 812]));
  test('an image exactly 200 times as long as wide is allowed, a longer one is refused', async () => {
    expect(await faultCode(() => smartResize(5, 1000, published))).toBe('none');
    expect(await faultCode(() => smartResize(5, 1001, published))).toBe('patches.aspect');
    expect(await faultCode(() => smartResize(0, 10, published))).toBe('patches.aspect');
  });
});

describe('the patches', () => {
  const options = { ...published, minPixels: 1, maxPixels: 1e6 };
  const size = { width: 6 * 14, height: 4 * 14 };

  test('rows follow 2 × 2 blocks: the four patches that merge are neighbours', () => {
    // Each patch is painted with its own place: red counts rows, green counts columns.
    const data = new Uint8Array(size.width * size.height * 3);
    for (let y = 0; y < size.height; y++) {
      for (let x = 0; x < size.width; x++) data.set([Math.floor(y / 14), Math.floor(x / 14), 0], (y * size.width + x) * 3);
    }
    const { patches, gridThw } = toVisionInput([{ ...size, data }], { ...options, mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] });
    expect(gridThw).toEqual([1, 4, 6]);
    const places = Array.from({ length: 24 }, (_, row) => [Math.round(patches[row * 1176]!), Math.round(patches[row * 1176 + 392]!)]);
    expect(places.slice(0, 9)).toEqual([[0, 0], [0, 1], [1, 0], [1, 1], [0, 2], [0, 3], [1, 2], [1, 3], [0, 4]]);
    expect(places[12]).toEqual([2, 0]);
  });

  test('columns run over channel, frame, row and column of the patch', () => {
    const first = pattern(size.width, size.height);
    const second = { ...size, data: first.data.map((value) => 255 - value) };
    const { patches } = toVisionInput([first, second], { ...options, mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] });
    const at = (picture: typeof first, x: number, y: number, c: number): number => picture.data[(y * size.width + x) * 3 + c]!;
    expect(patches[1]).toBeCloseTo(at(first, 1, 0, 0), 3);
    expect(patches[14]).toBeCloseTo(at(first, 0, 1, 0), 3);
    expect(patches[196]).toBeCloseTo(at(second, 0, 0, 0), 3);
    expect(patches[392]).toBeCloseTo(at(first, 0, 0, 1), 3);
    expect(patches[1176 + 392 * 2 + 196 + 14 * 3 + 5]).toBeCloseTo(at(second, 14 + 5, 3, 2), 3);
  });

  test('black and white are normalised to the published numbers', () => {
    const values = (level: number): number[] => {
      const { patches } = toVisionInput([createPicture({ width: 28, height: 28 }, [level, level, level])], options);
      return [0, 392, 784].map((column) => patches[column]!);
    };
    [-1.7922625, -1.7520971, -1.4802198].forEach((expected, c) => expect(values(0)[c]).toBeCloseTo(expected, 6));
    [1.9303363, 2.0748838, 2.145897].forEach((expected, c) => expect(values(255)[c]).toBeCloseTo(expected, 6));
  });

  test('a still image fills both frames of its patches', () => {
    const { patches } = toVisionInput([pattern(100, 60)], options);
    const [row] = [patches.subarray(1176, 2 * 1176)];
    for (let c = 0; c < 3; c++) expect(row.subarray(c * 392, c * 392 + 196)).toEqual(row.subarray(c * 392 + 196, c * 392 + 392));
  });

  test('an odd clip repeats its last frame', () => {
    const [a, b, c] = [pattern(56, 56), createPicture({ width: 56, height: 56 }, [9, 9, 9]), createPicture({ width: 56, height: 56 }, [99, 0, 7])];
    const odd = toVisionInput([a, b, c], options);
    expect(odd.gridThw).toEqual([2, 4, 4]);
    expect(odd.patches).toEqual(toVisionInput([a, b, c, c], options).patches);
  });

  test('a frame shown alone and inside a clip gives the same patches', () => {
    const [a, b] = [pattern(150, 97), pattern(97, 150)].map((picture) => resize(picture, { width: 112, height: 84 }));
    const clip = toVisionInput([a!, a!, b!, b!], options);
    const single = toVisionInput([b!], options);
    expect(clip.patches.subarray(clip.patches.length / 2)).toEqual(single.patches);
  });

  test('other patch and merge sizes keep every pixel exactly once', () => {
    const picture = pattern(64, 32);
    const other: PatchOptions = { ...options, patchSize: 8, temporalPatchSize: 1, mergeSize: 4, mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };
    const { patches, gridThw } = toVisionInput([picture], other);
    expect(gridThw).toEqual([1, 4, 8]);
    expect([...patches].map(Math.round).sort((x, y) => x - y)).toEqual([...picture.data].sort((x, y) => x - y));
  });

  test('frames of different sizes, or none, are refused', async () => {
    expect(await faultCode(() => toVisionInput([pattern(56, 56), pattern(56, 57)], options))).toBe('patches.frames');
    expect(await faultCode(() => toVisionInput([], options))).toBe('patches.frames');
  });
});

describe('against the reference implementation', () => {
  for (const family of ['qwen2_vl-a', 'qwen2_5_vl-a']) {
    const folder = sharedPath('parity', family);
    test.skipIf(!folder)(`${family}: grid, statistics and first row agree${folder ? '' : ' (skipped: the shared data are absent)'}`, async () => {
      const read = (name: string): Buffer => readFileSync(`${folder}/${name}`);
      const expected = JSON.parse(read('expected.json').toString()) as {
        image_grid_thw: number[]; pixel_values_shape: number[]; pixel_mean: number; pixel_std: number; pixel_first_row: number[];
      };
      const config = JSON.parse(read('preprocessor_config.json').toString()) as Record<string, number & [number, number, number]>;
      const { patches, gridThw } = toVisionInput([await decodePicture(read('image.png'))], {
        patchSize: config['patch_size']!,
        temporalPatchSize: config['temporal_patch_size']!,
        mergeSize: config['merge_size']!,
        minPixels: config['min_pixels']!,
        maxPixels: config['max_pixels']!,
        mean: config['image_mean']!,
        std: config['image_std']!,
      });
      expect(gridThw).toEqual(expected.image_grid_thw);
      expect([patches.length / 1176, 1176]).toEqual(expected.pixel_values_shape);
      const mean = patches.reduce((sum, value) => sum + value, 0) / patches.length;
      const variance = patches.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (patches.length - 1);
      expect(mean).toBeCloseTo(expected.pixel_mean, 6);
      expect(Math.sqrt(variance)).toBeCloseTo(expected.pixel_std, 6);
      expected.pixel_first_row.forEach((value, i) => expect(patches[i]).toBeCloseTo(value, 5));
    });
  }
});
