import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import { describe, expect, test } from 'vitest';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import { writtenRows } from '#models/imaging/writing.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture, type PhantomKind } from '#training/synthesis/phantoms/study.ts';

for (const face of ['DejaVuSans', 'DejaVuSerif']) GlobalFonts.registerFromPath(`node_modules/dejavu-fonts-ttf/ttf/${face}.ttf`, face);

const names = ['DOE^JANE', 'SMITH, JOHN', 'ID: 4711-0815', '12/03/1964', 'St. Mary Hospital', 'Müller Anna F 45Y', 'ACC 20031'];
const kinds: readonly (readonly [PhantomKind, number])[] = [['chest_film', 384], ['ct_chest', 256], ['mr_head', 256], ['dermoscopy', 256], ['fundus', 256], ['oct', 256]];
const styles = [9, 12, 16, 28].flatMap((size) => ['#ffffff', '#d0d0d0', '#ffff00'].map((colour) => ({ size, colour })));

/** The picture with words near one of its corners, and where they stand. */
function written(picture: Picture, { words, size, colour, face, corner }: { words: string; size: number; colour: string; face: string; corner: number }): { picture: Picture; at: Box } {
  const { width, height } = picture;
  const context = createCanvas(width, height).getContext('2d');
  const image = context.createImageData(width, height);
  for (let i = 0, o = 0; i < image.data.length; i += 4, o += 3) image.data.set([picture.data[o]!, picture.data[o + 1]!, picture.data[o + 2]!, 255], i);
  context.putImageData(image, 0, 0);
  context.font = `${size}px "${face}"`;
  context.fillStyle = colour;
  const wide = context.measureText(words).width;
  const [x, y] = [corner % 2 === 0 ? 8 : Math.max(4, width - wide - 6), corner < 2 ? size + 6 : height - 8];
  context.fillText(words, x, y);
  const { data } = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; o < rgb.length; i += 4) for (let c = 0; c < 3; c++) rgb[o++] = data[i + c]!;
  return { picture: { width, height, data: rgb }, at: { x1: x, y1: y - size, x2: x + wide, y2: y } };
}

describe('writing near the borders of an image', () => {
  test('is found on 95 of 100 images, whatever its size, colour and corner', () => {
    const tries = kinds.flatMap(([kind, side], k) => {
      const clean = framePicture(drawPhantom(kind, 1, kind === 'ct_chest' || kind === 'mr_head' ? { frames: 1 } : { size: side }).frames[0]!);
      return styles.map((style, i) => {
        const words = names[(i + k) % names.length]!;
        const { picture, at } = written(clean, { ...style, words, face: i % 2 === 0 ? 'DejaVuSans' : 'DejaVuSerif', corner: (i + k) % 4 });
        return { name: `${kind} ${style.size} ${style.colour} ${words}`, isFound: writtenRows(picture).some(({ x1, y1, x2, y2 }) => x1 < at.x2 && x2 > at.x1 && y1 < at.y2 && y2 > at.y1) };
      });
    });
    const missed = tries.filter(({ isFound }) => !isFound).map(({ name }) => name);
    expect(tries.length).toBe(72);
    expect(missed.length, missed.join('; ')).toBeLessThanOrEqual(0.05 * tries.length);
  });

  test('dark writing on bright ground is found too', () => {
    const bright: Picture = { width: 300, height: 120, data: new Uint8Array(300 * 120 * 3).fill(235) };
    expect(writtenRows(written(bright, { words: 'MILLER ANNA', size: 18, colour: '#000000', face: 'DejaVuSans', corner: 0 }).picture)).toHaveLength(1);
  });

  test.each([['chest_film', { size: 384 }], ['ct_chest', { frames: 1 }], ['fundus', { size: 256 }], ['dermoscopy', { size: 256 }]] as const)('%s without any is left alone', (kind, options) => {
    expect(writtenRows(framePicture(drawPhantom(kind, 1, options).frames[0]!))).toEqual([]);
  });

  test('a picture of one pixel, or of one colour, gives nothing', () => {
    expect(writtenRows({ width: 1, height: 1, data: new Uint8Array(3) })).toEqual([]);
    expect(writtenRows({ width: 64, height: 48, data: new Uint8Array(64 * 48 * 3).fill(255) })).toEqual([]);
  });
});
