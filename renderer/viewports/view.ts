/** Where an image lies on the screen: turned, mirrored, enlarged, moved. Pure, so that boxes and pixels can never disagree. */
import { compose, invert, scaling, translation, type Affine, type Point, type Size } from '#models/imaging/coordinates.ts';

export interface View {
  /** Screen pixels (CSS) for one image pixel, along its columns; null: as large as fits. */
  readonly zoom: number | null;
  /** The image point in the middle of the screen, as a share of its size. */
  readonly middle: Point;
  /** Quarters clockwise. */
  readonly quarters: 0 | 1 | 2 | 3;
  readonly isFlippedHorizontally: boolean;
  readonly isFlippedVertically: boolean;
}

export const wholeView: View = { zoom: null, middle: { x: 0.5, y: 0.5 }, quarters: 0, isFlippedHorizontally: false, isFlippedVertically: false };

/** @param aspect  an image pixel's height by its width */
export interface Stage {
  readonly image: Size;
  readonly aspect: number;
  readonly screen: Size;
}

/** The zoom at which the whole image is just seen. */
export function fittingZoom({ image, aspect, screen }: Stage, quarters: number): number {
  const [width, height] = quarters % 2 === 0 ? [image.width, image.height * aspect] : [image.height * aspect, image.width];
  return Math.min(screen.width / width, screen.height / height);
}

export const zoomOf = (view: View, stage: Stage): number => view.zoom ?? fittingZoom(stage, view.quarters);

/** Image pixels → screen pixels. */
export function toScreen(view: View, stage: Stage): Affine {
  const zoom = zoomOf(view, stage);
  const { image, aspect, screen } = stage;
  return compose(
    translation(-view.middle.x * image.width, -view.middle.y * image.height),
    scaling(zoom * (view.isFlippedHorizontally ? -1 : 1), zoom * aspect * (view.isFlippedVertically ? -1 : 1)),
    turns[view.quarters],
    translation(screen.width / 2, screen.height / 2),
  );
}

const turn = (xx: number, xy: number, yx: number, yy: number): Affine => ({ xx, xy, x0: 0, yx, yy, y0: 0 });
const turns: Readonly<Record<View['quarters'], Affine>> = { 0: turn(1, 0, 0, 1), 1: turn(0, -1, 1, 0), 2: turn(-1, 0, 0, -1), 3: turn(0, 1, -1, 0) };

export const toImage = (view: View, stage: Stage): Affine => invert(toScreen(view, stage));

export const mapPoint = ({ xx, xy, x0, yx, yy, y0 }: Affine, { x, y }: Point): Point => ({ x: xx * x + xy * y + x0, y: yx * x + yy * y + y0 });

const leastZoom = 0.02;
const mostZoom = 64;

/** Enlarged by a factor, the image point under the pointer staying where it is. */
export function zoomedAt(view: View, stage: Stage, pointer: Point, factor: number): View {
  const under = mapPoint(toImage(view, stage), pointer);
  const zoom = Math.min(mostZoom, Math.max(leastZoom, zoomOf(view, stage) * factor));
  const there = mapPoint(toScreen({ ...view, zoom }, stage), under);
  return moved({ ...view, zoom }, stage, { x: pointer.x - there.x, y: pointer.y - there.y });
}

/** Moved by screen pixels; the middle of the screen never leaves the image. */
export function moved(view: View, stage: Stage, by: Point): View {
  const { x, y } = mapPoint(toImage(view, stage), { x: stage.screen.width / 2 - by.x, y: stage.screen.height / 2 - by.y });
  const share = (value: number, size: number): number => Math.min(1, Math.max(0, value / size));
  return { ...view, zoom: zoomOf(view, stage), middle: { x: share(x, stage.image.width), y: share(y, stage.image.height) } };
}
