/** A region of a shown picture, and the way from its pixels back to the source. */
import { compose, invert, mapBox, translation, type Affine } from './coordinates.ts';
import { crop, type Picture } from './image.ts';

export interface SourceRegion {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The part that a region of the source takes, in whole pixels of the picture, rounded outwards.
 *
 * @param shown  a picture, and what leads from its pixels to those of its source
 * @throws Fault `picture.region` where nothing of it is there
 */
export function cutOut<Shown extends { readonly picture: Picture; readonly toSource: Affine }>(shown: Shown, { x, y, width, height }: SourceRegion): Shown {
  const { x1, y1, x2, y2 } = mapBox(invert(shown.toSource), { x1: x, y1: y, x2: x + width, y2: y + height });
  const corner = translation(Math.max(0, Math.floor(x1)), Math.max(0, Math.floor(y1)));
  return { ...shown, picture: crop(shown.picture, { x1, y1, x2, y2 }), toSource: compose(corner, shown.toSource) };
}
