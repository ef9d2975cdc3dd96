/** Frames on a canvas: windowed by a table, drawn at any zoom, turned and mirrored. */
import type { WiredFrame } from '#electron/contract/frame.ts';
import type { Point } from '#models/imaging/coordinates.ts';
import { mapPoint, moved, toImage, toScreen, wholeView, zoomedAt, type Stage, type View } from './view.ts';
import type { Viewport } from './viewport.ts';
import { paint, type Look } from './windowing.ts';

export interface CanvasViewport extends Viewport {
  show(frame: WiredFrame, look: Look | null): void;
  setLook(look: Look | null): void;
  /** What is shown; null before the first. */
  frame(): WiredFrame | null;
  view(): View;
  setView(view: View): void;
  pan(by: Point): void;
  zoomAt(pointer: Point, factor: number): void;
  /** CSS pixels for one image pixel. */
  zoom(): number;
  /** An image point into the middle. */
  centre(point: Point): void;
  /** Of the element, CSS pixels. */
  width(): number;
}

export function createCanvasViewport(canvas: HTMLCanvasElement): CanvasViewport {
  const context = canvas.getContext('2d', { alpha: false, desynchronized: true }) as CanvasRenderingContext2D;
  const source = document.createElement('canvas');
  const sourceContext = source.getContext('2d', { alpha: false }) as CanvasRenderingContext2D;
  const listeners = new Set<() => void>();
  let frame: WiredFrame | undefined;
  let look: Look | null = null;
  let view: View = wholeView;
  let image: ImageData | undefined;
  let isStale = false;
  let request = 0;

  const stage = (): Stage => ({
    image: { width: frame?.header.columns ?? 1, height: frame?.header.rows ?? 1 }, aspect: frame?.header.aspect ?? 1,
    screen: { width: Math.max(1, canvas.clientWidth), height: Math.max(1, canvas.clientHeight) },
  });
  const draw = (): void => {
    request = 0;
    const { width, height } = stage().screen;
    const density = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * density) || canvas.height !== Math.round(height * density)) {
      canvas.width = Math.round(width * density);
      canvas.height = Math.round(height * density);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!frame) return;
    if (isStale && image) {
      paint(frame, look, new Uint32Array(image.data.buffer));
      sourceContext.putImageData(image, 0, 0);
      isStale = false;
    }
    const { xx, xy, x0, yx, yy, y0 } = toScreen(view, stage());
    context.setTransform(xx * density, yx * density, xy * density, yy * density, x0 * density, y0 * density);
    // Enlarged beyond four times, a pixel is shown as the square that it is.
    context.imageSmoothingEnabled = Math.abs(xx || xy) * density < 4;
    context.imageSmoothingQuality = 'high';
    context.drawImage(source, 0, 0);
  };
  const later = (): void => {
    request ||= requestAnimationFrame(draw);
  };
  const changed = (): void => {
    later();
    listeners.forEach((listener) => listener());
  };
  const observer = new ResizeObserver(changed);
  observer.observe(canvas);

  return {
    show(next, nextLook) {
      const { rows, columns } = next.header;
      const isOtherSize = !image || image.width !== columns || image.height !== rows;
      if (isOtherSize) {
        source.width = columns;
        source.height = rows;
        image = new ImageData(columns, rows);
      }
      frame = next;
      look = nextLook;
      isStale = true;
      if (isOtherSize) changed();
      else later();
    },
    setLook(next) {
      look = next;
      isStale = true;
      later();
    },
    frame: () => frame ?? null,
    view: () => view,
    setView(next) {
      view = next;
      changed();
    },
    pan(by) {
      view = moved(view, stage(), by);
      changed();
    },
    zoomAt(pointer, factor) {
      view = zoomedAt(view, stage(), pointer, factor);
      changed();
    },
    zoomBy(factor) {
      const { width, height } = stage().screen;
      view = zoomedAt(view, stage(), { x: width / 2, y: height / 2 }, factor);
      changed();
    },
    fit() {
      view = { ...view, zoom: null, middle: { x: 0.5, y: 0.5 } };
      changed();
    },
    centre({ x, y }) {
      const { image } = stage();
      view = { ...view, middle: { x: x / image.width, y: y / image.height } };
      changed();
    },
    width: () => canvas.clientWidth,
    zoom: () => Math.abs(toScreen(view, stage()).xx || toScreen(view, stage()).xy),
    toScreen: () => toScreen(view, stage()),
    toImage: (point) => mapPoint(toImage(view, stage()), point),
    onViewChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    dispose() {
      observer.disconnect();
      cancelAnimationFrame(request);
      listeners.clear();
    },
  };
}
