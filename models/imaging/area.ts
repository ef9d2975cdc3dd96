/** A part of an image that is stored in blocks, put together from them. */
import type { Box } from '#models/clinical/finding.ts';
import { createPicture, damagedPicture, type Picture } from './image.ts';

/** Which block, counted from the upper left. */
export interface BlockPlace {
  readonly column: number;
  readonly row: number;
}

export interface BlockGrid {
  readonly width: number;
  readonly height: number;
  readonly blockWidth: number;
  readonly blockHeight: number;
}

/** A picture of at most 100 megapixels in sensible pieces has far fewer. */
const maxBlocks = 1_000_000;

/**
 * The pixels inside a box of whole numbers; what lies outside the image, or in a block that is left out (null), is white.
 * Throws as `block` does, and `picture.damaged` for a million pieces.
 */
export async function areaOf(grid: BlockGrid, box: Box, block: (at: BlockPlace) => Promise<Picture | null>, name: string): Promise<Picture> {
  const area = createPicture({ width: box.x2 - box.x1, height: box.y2 - box.y1 }, [255, 255, 255]);
  const { blockWidth, blockHeight } = grid;
  const [left, right] = [Math.max(0, box.x1), Math.min(grid.width, box.x2)];
  const [top, bottom] = [Math.max(0, box.y1), Math.min(grid.height, box.y2)];
  if (left >= right || top >= bottom) return area;
  if (((right - left) / blockWidth) * ((bottom - top) / blockHeight) > maxBlocks) throw damagedPicture(name, 'It is cut into more than a million pieces.');
  for (let row = Math.floor(top / blockHeight); row * blockHeight < bottom; row++) {
    for (let column = Math.floor(left / blockWidth); column * blockWidth < right; column++) {
      const part = await block({ column, row });
      if (!part) continue;
      const [blockX, blockY] = [column * blockWidth, row * blockHeight];
      const [x1, x2] = [Math.max(left, blockX), Math.min(right, blockX + blockWidth)];
      const [y1, y2] = [Math.max(top, blockY), Math.min(bottom, blockY + part.height)];
      for (let y = y1; y < y2; y++) {
        const from = ((y - blockY) * part.width + (x1 - blockX)) * 3;
        area.data.set(part.data.subarray(from, from + (x2 - x1) * 3), ((y - box.y1) * area.width + (x1 - box.x1)) * 3);
      }
    }
  }
  return area;
}
