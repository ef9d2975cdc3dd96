/**
 * An image and the maps of it as one picture, for a reader that is shown one: red is the image's brightness, green how likely the network finds each place altered,
 * blue the largest deviation of the maps that nobody learnt.
 */
import { cellSide } from '#models/imaging/forensics/features.ts';
import { brightnessPlane } from '#models/imaging/forensics/planes.ts';
import type { Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import type { IntegrityResult } from './integrity.ts';

/** Deviations of so much are full blue. */
const fullScale = 8;

export function evidencePicture(picture: Picture, { cells, maps }: Pick<IntegrityResult, 'cells' | 'maps'>): Picture {
  const { width, height } = picture;
  const grey = brightnessPlane(picture).data;
  // The map of cells, brought to the image's size without steps.
  const [wide, high] = [cells.columns * cellSide, cells.rows * cellSide];
  const coarse: Picture = { width: cells.columns, height: cells.rows, data: Uint8Array.from({ length: cells.data.length * 3 }, (_, i) => Math.round(cells.data[Math.floor(i / 3)]! * 255)) };
  const likely = resize(coarse, { width: wide, height: high });
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const i = y * width + x;
    data[3 * i] = Math.round(grey[i]!);
    data[3 * i + 1] = likely.data[(y * wide + x) * 3]!;
    if (maps) data[3 * i + 2] = Math.min(255, Math.round((255 * Math.max(Math.abs(maps.noise.data[i]!), Math.abs(maps.grid.plane.data[i]!), maps.copies.plane.data[i]! * 3)) / fullScale));
  }
  return { width, height, data };
}
