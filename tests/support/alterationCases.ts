/** Phantoms as an index of real images would show them, for tests that make altered ones from them. */
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { encodePng } from '#models/imaging/png.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';

/** Every third is held out. */
export function writePhantomIndex(count: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-alterations-'));
  const files: Record<string, Uint8Array> = {};
  const rows = Array.from({ length: count }, (_, i) => {
    const picture = framePicture(drawPhantom('ct_liver', 100 + i, { size: 224, frames: 1 }).frames[0]!);
    const bytes = encodePng(picture);
    files[`p${i}.png`] = bytes;
    return {
      id: `p${i}`, archive: 'images.zip', file: `p${i}.png`, modality: 'ct', set: 'drawn', split: i % 3 === 2 ? 'val' : 'train', width: picture.width, height: picture.height, task: 'drawn', label: 'drawn', labels_space: ['drawn'],
      question_types: [], facts: {}, group: `g${i}`, licence_class: 'permissive', sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  });
  writeFileSync(join(folder, 'images.zip'), zipSync(files, { level: 0 }));
  const path = join(folder, 'index.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}
