import { expect, test } from 'vitest';
import { pngOf } from '#electron/report/formats/bitmaps.ts';
import { decodePng } from '#models/imaging/png.ts';

test.each([[1, 1], [7, 3], [64, 33]])('a picture of %i × %i is read back pixel for pixel', (width, height) => {
  const data = Uint8Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : (i * 37 + (i >> 3) * 11) % 256));
  const read = decodePng(pngOf({ width, height, data }));
  expect([read.width, read.height]).toEqual([width, height]);
  expect([...read.data]).toEqual([...data].filter((_, i) => i % 4 !== 3));
});
