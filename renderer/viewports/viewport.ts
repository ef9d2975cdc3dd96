/** A place where one image is shown. A canvas makes one for frames and OpenSeadragon another for slides; nothing else knows which. */
import type { Affine, Point } from '#models/imaging/coordinates.ts';

export interface Viewport {
  /** Image pixels (a slide's level 0) to CSS pixels of the element, for the overlay. */
  toScreen(): Affine;
  toImage(point: Point): Point;
  /** Calls the listener whenever the image lies elsewhere; the result ends it. */
  onViewChange(listener: () => void): () => void;
  fit(): void;
  zoomBy(factor: number): void;
  dispose(): void;
}
