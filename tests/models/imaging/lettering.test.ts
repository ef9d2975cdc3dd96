import { createCanvas, GlobalFonts } from '@napi-rs/canvas';
import { describe, expect, test } from 'vitest';
import type { Picture } from '#models/imaging/image.ts';
import { lettering } from '#models/imaging/lettering.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';

GlobalFonts.registerFromPath('node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf', 'DejaVu Sans');

const film = framePicture(drawPhantom('chest_film', 3, { size: 512, label: 'normal' }).frames[0]!);

/** The picture with words written over it. */
function written(picture: Picture, words: string, { x = 14, y = 34, size = 16, colour = '#ffffff' } = {}): Picture {
  const canvas = createCanvas(picture.width, picture.height);
  const context = canvas.getContext('2d');
  const image = context.createImageData(picture.width, picture.height);
  for (let i = 0; i < picture.width * picture.height; i++) for (let c = 0; c < 4; c++) image.data[4 * i + c] = c === 3 ? 255 : (picture.data[3 * i + c] as number);
  context.putImageData(image, 0, 0);
  context.font = `${size}px "DejaVu Sans"`;
  context.fillStyle = colour;
  context.fillText(words, x, y);
  const { data } = context.getImageData(0, 0, picture.width, picture.height);
  return { width: picture.width, height: picture.height, data: Uint8Array.from({ length: picture.data.length }, (_, i) => data[Math.floor(i / 3) * 4 + (i % 3)] as number) };
}

describe('burnt-in lettering', () => {
  test.each([['DOE^JANE 1964', 16], ['Smith, John', 22], ['ID 4711-0815', 13]] as const)('%s in %i px is found where it stands', (words, size) => {
    const [row] = lettering(written(film, words, { size }));
    expect(row).toBeDefined();
    expect(row!.x1).toBeLessThan(60);
    expect(row!.y2).toBeLessThan(60);
  });
  test('dark writing on bright ground is found too', () => {
    const bright: Picture = { width: 300, height: 120, data: new Uint8Array(300 * 120 * 3).fill(235) };
    expect(lettering(written(bright, 'MILLER ANNA', { colour: '#000000', y: 60 }))).not.toEqual([]);
  });
  test.each([
    ['chest_film', { size: 512, label: 'consolidation' }], ['ct_chest', { frames: 3, label: 'malignant' }], ['mr_head', { frames: 3, label: 'meningioma' }], ['breast_ultrasound', { size: 384, label: 'benign' }],
    ['dermoscopy', { size: 256, label: 'melanoma' }], ['fundus', { size: 384, label: 'diabetic_retinopathy' }], ['oct', { size: 384, label: 'diabetic_macular_oedema' }], ['blood_smear', { size: 384, variant: 'field' }],
  ] as const)('a %s without writing is left alone', (kind, options) => {
    for (const frame of drawPhantom(kind, 7, options).frames.slice(0, 2)) expect(lettering(framePicture(frame))).toEqual([]);
  });
  test('a picture without a letter or of one pixel gives nothing', () => {
    expect(lettering({ width: 1, height: 1, data: new Uint8Array(3) })).toEqual([]);
    expect(lettering({ width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(255) })).toEqual([]);
  });
});
