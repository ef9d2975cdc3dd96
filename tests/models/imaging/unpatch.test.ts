import { expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { createPicture } from '#models/imaging/image.ts';
import { toVisionInput, type PatchOptions } from '#models/imaging/patches.ts';
import { resize } from '#models/imaging/resize.ts';
import { pictureSeen } from '#models/imaging/unpatch.ts';

const options: PatchOptions = { patchSize: 4, temporalPatchSize: 2, mergeSize: 2, minPixels: 64, maxPixels: 1024, mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };

test('the network\'s input is drawn as the resized picture that it was cut from, value for value', () => {
  const picture = createPicture({ width: 75, height: 41 });
  const random = Random.named(3, 'picture');
  picture.data.forEach((_, i) => (picture.data[i] = random.below(256)));
  const input = toVisionInput([picture], options);
  expect(input.resized.width).toBeLessThan(75);
  expect(pictureSeen(input, options)).toEqual({ ...input.resized, data: resize(picture, input.resized).data });
});

test('a clip is drawn step by step', () => {
  const frames = [10, 20, 30, 40].map((grey) => createPicture({ width: 16, height: 16 }, [grey, grey, grey]));
  const input = toVisionInput(frames, options);
  expect([0, 1].map((time) => pictureSeen(input, options, time).data[5])).toEqual([10, 30]);
});
