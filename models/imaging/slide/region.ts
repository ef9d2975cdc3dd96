/** A region of a slide as a picture, at a physical scale or at a size in pixels. */
import { Fault } from '#models/base/fault.ts';
import { checkSize, maxPixels } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { areaOf } from '#models/imaging/area.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Slide, SlideLevel } from './slide.ts';

/** A rectangle in pixels of level 0. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The region at `mpp` microns a pixel, drawn from the smallest level that is fine enough. What lies beside the slide is white.
 * Throws `slide.scale` where the slide's own scale is unknown, `slide.region` for an empty or too large region, and as `readTile` does.
 */
export async function readRegion(slide: Slide, region: Region, mpp: number): Promise<Picture> {
  if (!slide.mpp) {
    throw new Fault({
      code: 'slide.scale',
      what: `${slide.name} cannot be read at ${mpp} µm a pixel.`,
      why: 'The file does not say how large its pixels are.',
      mend: 'Ask for the region at a size in pixels instead.',
    });
  }
  if (!(mpp > 0)) throw new RangeError(`readRegion: ${mpp} µm a pixel`);
  const side = (length: number, own: number): number => Math.max(1, Math.round((length * own) / mpp));
  return readRegionAt(slide, region, { width: side(region.width, slide.mpp.x), height: side(region.height, slide.mpp.y) });
}

/** The region at a size in pixels, drawn from the smallest level that is fine enough. Throws as `readRegion` does, the scale aside. */
export async function readRegionAt(slide: Slide, region: Region, size: { readonly width: number; readonly height: number }): Promise<Picture> {
  const { x, y, width, height } = region;
  const isOnSlide = x < slide.width && y < slide.height && x + width > 0 && y + height > 0;
  if (![x, y, width, height].every(Number.isFinite) || !(width > 0 && height > 0) || !isOnSlide) {
    throw refused(slide, region, 'It is empty or lies beside the slide.', 'Choose a region on the slide.');
  }
  checkSize(size, `The region of ${slide.name}`);
  const level = levelFor(slide, Math.min(width / size.width, height / size.height));
  const box = {
    x1: (x * level.width) / slide.width,
    y1: (y * level.height) / slide.height,
    x2: ((x + width) * level.width) / slide.width,
    y2: ((y + height) * level.height) / slide.height,
  };
  const [x1, x2] = widened(box.x1, box.x2, { length: level.width, outputs: size.width });
  const [y1, y2] = widened(box.y1, box.y2, { length: level.height, outputs: size.height });
  const area = { x1, y1, x2, y2 };
  if ((area.x2 - area.x1) * (area.y2 - area.y1) > maxPixels) {
    const why = 'The slide has no small enough copy of so large a region.';
    throw refused(slide, region, why, 'Choose a smaller region, or build the pyramid again with more levels.');
  }
  const grid = { width: level.width, height: level.height, blockWidth: level.tileWidth, blockHeight: level.tileHeight };
  const picture = await areaOf(grid, area, level.tile, `${slide.name}, level ${slide.levels.indexOf(level)}`);
  return resize(picture, size, { x1: box.x1 - area.x1, y1: box.y1 - area.y1, x2: box.x2 - area.x1, y2: box.y2 - area.y1 });
}

/**
 * One side of the box in whole pixels of the level, with the two output pixels that the filter looks beyond each edge. It stays on the
 * level where the region does, so that a region up to the slide's edge is not mixed with the white beside it.
 */
function widened(from: number, to: number, { length, outputs }: { length: number; outputs: number }): [number, number] {
  const margin = Math.ceil(2 * Math.max(1, (to - from) / outputs));
  const [first, last] = [Math.floor(from), Math.ceil(to)];
  return [Math.min(first, Math.max(0, first - margin)), Math.max(last, Math.min(length, last + margin))];
}

/** The smallest level that need not be enlarged, or level 0 where each must. A hundredth is forgiven, since levels are rounded to whole pixels. */
export function levelFor({ levels }: Slide, downsample: number): SlideLevel {
  return levels.findLast((level) => level.downsample <= downsample * 1.01) ?? levels[0]!;
}

function refused({ name }: Slide, { x, y, width, height }: Region, why: string, mend: string): Fault {
  return new Fault({ code: 'slide.region', what: `${name}: the region at (${x}, ${y}) of ${width} × ${height} cannot be read.`, why, mend });
}
