/** The network's input back into a picture: what the model saw, size, window, colour and all. */
import type { PatchOptions, VisionInput } from './patches.ts';
import { createPicture, type Picture } from './image.ts';

/**
 * Undoes the cutting and the normalisation of `toVisionInput`, never the resizing: nothing that the network was not given comes back.
 *
 * @param time  which step of a clip, of its first frame; 0 for a still
 */
export function pictureSeen({ patches, gridThw: [, rows, columns], resized }: VisionInput, { patchSize, temporalPatchSize, mergeSize, mean, std }: Pick<PatchOptions, 'patchSize' | 'temporalPatchSize' | 'mergeSize' | 'mean' | 'std'>, time = 0): Picture {
  const area = patchSize * patchSize;
  const plane = temporalPatchSize * area;
  const rowLength = 3 * plane;
  const picture = createPicture(resized);
  let patch = time * rows * columns * rowLength;
  for (let blockRow = 0; blockRow < rows; blockRow += mergeSize) for (let blockColumn = 0; blockColumn < columns; blockColumn += mergeSize) {
    for (let row = blockRow; row < blockRow + mergeSize; row++) for (let column = blockColumn; column < blockColumn + mergeSize; column++, patch += rowLength) {
      for (let channel = 0; channel < 3; channel++) for (let i = 0; i < area; i++) {
        const value = patches[patch + channel * plane + i] as number;
        const [x, y] = [column * patchSize + (i % patchSize), row * patchSize + Math.floor(i / patchSize)];
        // A typed array of bytes cuts off; normalised levels are whole numbers again once rounded.
        picture.data[(y * resized.width + x) * 3 + channel] = Math.min(255, Math.max(0, Math.round((value * (std[channel] as number) + (mean[channel] as number)) * 255)));
      }
    }
  }
  return picture;
}
