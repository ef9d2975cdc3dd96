/** Drawn pictures of two kinds of things with their boxes, and a recipe that learns to locate them in seconds. */
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { Random } from '#models/base/random.ts';
import { encodePng } from '#models/imaging/png.ts';
import { Recipe } from '#training/records/recipe.ts';
import { tinyRecipe } from './tinyTraining.ts';

const side = 112;

/** Red squares and green ones on grey, two or three to a picture; every fifth picture is held out. */
export function writeThings(count: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-things-'));
  const files: Record<string, Uint8Array> = {};
  const rows = Array.from({ length: count }, (_, i) => {
    const random = Random.named(9, `things${i}`);
    const data = new Uint8Array(side * side * 3).fill(110);
    const boxes: { class: string; box: [number, number, number, number] }[] = [];
    for (let tries = 0; boxes.length < 2 + (i % 2) && tries < 50; tries++) {
      const size = 24 + random.below(16);
      const [x, y] = [random.below(side - size), random.below(side - size)];
      if (boxes.some(({ box: [x1, y1, x2, y2] }) => x < x2 + 4 && x + size > x1 - 4 && y < y2 + 4 && y + size > y1 - 4)) continue;
      const isRed = random.chance(0.5);
      for (let row = y; row < y + size; row++) for (let column = x; column < x + size; column++) data.set(isRed ? [220, 40, 40] : [40, 200, 60], (row * side + column) * 3);
      boxes.push({ class: isRed ? 'red_square' : 'green_square', box: [x, y, x + size, y + size] });
    }
    const bytes = encodePng({ width: side, height: side, data });
    files[`t${i}.png`] = bytes;
    return {
      id: `t${i}`, archive: 'images.zip', file: `t${i}.png`, modality: 'microscopy', set: 'drawn_things', split: i % 5 === 4 ? 'val' : 'train', width: side, height: side, task: 'things', label: 'things',
      labels_space: ['things'], question_types: [], facts: {}, boxes, group: `g${i}`, licence_class: 'permissive', sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  });
  writeFileSync(join(folder, 'images.zip'), zipSync(files, { level: 0 }));
  const path = join(folder, 'index.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

const locate = { localizer: { features: [1, 2], width: 32, heads: 2, mlpWidth: 64, encoderLayers: 1, decoderLayers: 2, queries: 12 }, views: 1, examples: 2, dense: 1 } as const;

/** From a checkpoint folder, whose tower it leaves as it is. */
export const thingsRecipe = (start: string, { steps, isGrouped = false }: { readonly steps: number; readonly isGrouped?: boolean }): Recipe => Recipe.parse({
  ...tinyRecipe, name: 'things', start: { folder: start }, trained: '^localizer\\.', checkpointEvery: 4,
  stages: [{ learns: 'locate', steps, pixels: side * side, batch: 4, locate: { ...locate, ...(isGrouped ? { grqo: { alpha: 0.01, beta: 0.04, muted: 1 / 3 } } : {}) } }],
  optimizer: { learningRate: 3e-3, warmupSteps: 5, floor: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 1e-4, clip: 1, average: 0.8 },
  augment: { plain: 1, zoom: 1, aspect: 1, shift: 0, turn: 0, colour: 0, erase: 0 },
});
