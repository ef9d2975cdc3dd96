/** A whole-slide pyramid on our own tiles, by OpenSeadragon. */
import OpenSeadragon from 'openseadragon';
import type { SlideSummary } from '#electron/contract/library.ts';
import type { Point } from '#models/imaging/coordinates.ts';
import { blended, type ChannelLook, type ChannelTile } from '#models/imaging/slide/channels.ts';
import { decodeChannelTile } from '#models/imaging/slide/channelTile.ts';
import { channelTileUrl, tileUrl } from '#renderer/workstation/urls.ts';
import type { ChannelSetting } from './channels.ts';
import type { Viewport } from './viewport.ts';

export interface SlideViewport extends Viewport {
  /** Level-0 pixels that are seen now, clipped to the slide. */
  visibleRegion(): { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  /** CSS pixels for one level-0 pixel. */
  zoom(): number;
  /** At once, about the middle. */
  zoomTo(zoom: number): void;
  zoomAt(pointer: Point, factor: number): void;
  /** Moved by screen pixels. */
  pan(by: Point): void;
  /** A level-0 point into the middle. */
  centre(point: Point): void;
  /** A rectangle of level-0 pixels, as large as there is room for it. */
  show(region: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }): void;
  /** Of a slide with channels: one for each of them. */
  setChannels(settings: readonly ChannelSetting[]): void;
  /** Whether every tile of what is seen has come, at the resolution of the screen. */
  isComplete(): boolean;
}

/** @param first  of a slide with channels: how they are seen at first */
export function createSlideViewport(element: HTMLElement, slide: SlideSummary, first: readonly ChannelSetting[] | null): SlideViewport {
  const { width, height, levels } = slide;
  let settings = first;
  // Its level 0 is the smallest, ours the largest.
  const ours = (level: number): number => levels.length - 1 - level;
  const tileSource = (channel: number | null): OpenSeadragon.TileSourceOptions => ({
    width, height, minLevel: 0, maxLevel: levels.length - 1,
    getLevelScale: (level: number) => (levels[ours(level)]?.width ?? width) / width,
    getTileWidth: (level: number) => levels[ours(level)]?.tileWidth ?? 256,
    getTileHeight: (level: number) => levels[ours(level)]?.tileHeight ?? 256,
    getTileUrl(level: number, column: number, row: number) {
      return channel === null ? tileUrl(slide.id, ours(level), column, row) : channelTileUrl(slide.id, ours(level), column, row, channel);
    },
    downloadTileStart: (job: TileJob) => loadTile(job, channel === null ? fetchedPicture : (src, signal) => channelPicture(src, signal, () => settings?.[channel])),
    downloadTileAbort: ({ userData }: TileJob) => userData.controller?.abort(),
  } as unknown as OpenSeadragon.TileSourceOptions);
  const viewer = OpenSeadragon({
    element, drawer: 'canvas', showNavigationControl: false, showNavigator: true, navigatorPosition: 'BOTTOM_RIGHT', navigatorSizeRatio: 0.16, navigatorBackground: '#0f1318', navigatorBorderColor: '#2b3540',
    navigatorDisplayRegionColor: '#5fd6c8', gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true }, animationTime: 0.25, springStiffness: 12, maxZoomPixelRatio: 8, visibilityRatio: 0.5,
    imageSmoothingEnabled: true, keyboardShortcuts: [],
    // One for each picture of the screen, as it would by itself, lets a first view wait longer for its turn than for its bytes.
    maxTilesPerFrame: 16,
    preserveImageSizeOnResize: true,
    // Channels have one size and one place: what is right of the first is right of all.
    silenceMultiImageWarnings: true,
    // Channels lie over each other as light does: their colours add up.
    tileSources: (settings ?? [null]).map((setting) => ({ tileSource: tileSource(setting?.at ?? null), ...(setting ? { compositeOperation: 'lighter', opacity: Number(setting.isShown) } : {}) })),
  } as unknown as OpenSeadragon.Options);
  const listeners = new Set<() => void>();
  const tell = (): void => listeners.forEach((listener) => listener());
  for (const event of ['open', 'update-viewport', 'animation', 'resize'] as const) viewer.addHandler(event, tell);
  const layers = (): readonly OpenSeadragon.TiledImage[] => Array.from({ length: viewer.world.getItemCount() }, (_, at) => viewer.world.getItemAt(at));
  viewer.addHandler('open', () => layers().forEach((layer) => layer.addHandler('fully-loaded-change', tell)));
  /** Layers whose look changed: drawn anew when the hand on the slider rests for a moment. */
  const stale = new Set<number>();
  let resting: ReturnType<typeof setTimeout> | undefined;
  const look = (next: readonly ChannelSetting[]): void => {
    const before = settings;
    settings = next;
    layers().forEach((layer, at) => {
      const [old, now] = [before?.[at], next[at]];
      if (!old || !now) return;
      if (old.isShown !== now.isShown) layer.setOpacity(Number(now.isShown));
      if (!isSameLook(old, now)) stale.add(at);
    });
    if (stale.size > 0) {
      clearTimeout(resting);
      resting = setTimeout(() => {
        layers().forEach((layer, at) => (stale.delete(at) ? layer.reset() : undefined));
        viewer.forceRedraw();
        tell();
      }, 60);
    }
    viewer.forceRedraw();
    tell();
  };
  const corner = (x: number, y: number): OpenSeadragon.Point => viewer.viewport.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
  return {
    toScreen() {
      if (!viewer.isOpen()) return { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 };
      const [origin, right, below] = [corner(0, 0), corner(width, 0), corner(0, height)];
      return { xx: (right.x - origin.x) / width, xy: (below.x - origin.x) / height, x0: origin.x, yx: (right.y - origin.y) / width, yy: (below.y - origin.y) / height, y0: origin.y };
    },
    toImage({ x, y }) {
      const point = viewer.viewport.viewerElementToImageCoordinates(new OpenSeadragon.Point(x, y));
      return { x: point.x, y: point.y };
    },
    visibleRegion() {
      const { x, y, width: wide, height: high } = viewer.viewport.viewportToImageRectangle(viewer.viewport.getBounds(true));
      const left = Math.max(0, Math.floor(x));
      const top = Math.max(0, Math.floor(y));
      return { x: left, y: top, width: Math.max(1, Math.min(width, Math.ceil(x + wide)) - left), height: Math.max(1, Math.min(height, Math.ceil(y + high)) - top) };
    },
    zoom: () => (viewer.isOpen() ? viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom(true)) : 1),
    zoomTo: (zoom) => void viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(zoom), undefined, true),
    zoomAt({ x, y }, factor) {
      viewer.viewport.zoomBy(factor, viewer.viewport.pointFromPixel(new OpenSeadragon.Point(x, y), false), false).applyConstraints(true);
    },
    pan: ({ x, y }) => void viewer.viewport.panBy(viewer.viewport.deltaPointsFromPixels(new OpenSeadragon.Point(-x, -y), false)).applyConstraints(),
    centre: ({ x, y }) => void viewer.viewport.panTo(viewer.viewport.imageToViewportCoordinates(new OpenSeadragon.Point(x, y)), true),
    show({ x, y, width: wide, height: high }) {
      const turn = (): void => void viewer.viewport.fitBounds(viewer.viewport.imageToViewportRectangle(x, y, wide, high), true);
      if (viewer.isOpen()) turn();
      else viewer.addOnceHandler('open', turn);
    },
    setChannels(next) {
      if (viewer.isOpen()) look(next);
      else viewer.addOnceHandler('open', () => look(next));
    },
    isComplete: () => viewer.isOpen() && stale.size === 0 && layers().every((layer) => layer.getOpacity() === 0 || layer.getFullyLoaded()),
    onViewChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    fit: () => void viewer.viewport.goHome(),
    zoomBy: (factor) => void viewer.viewport.zoomBy(factor).applyConstraints(),
    dispose() {
      listeners.clear();
      clearTimeout(resting);
      viewer.destroy();
    },
  };
}

/** What OpenSeadragon asks for one tile with. */
interface TileJob {
  readonly src: string;
  readonly userData: { controller?: AbortController };
  finish(data: CanvasRenderingContext2D, request: null, type: 'context2d'): void;
  fail(why: string, request: null): void;
}

/**
 * A tile as a canvas, which is emptied when the tile is let go. An image element, as it would take by itself, leaves its decoded pixels in the browser's
 * own cache for each time that a slide is opened: 14 MB a view.
 */
function loadTile(job: TileJob, drawn: (src: string, signal: AbortSignal) => Promise<CanvasRenderingContext2D>): void {
  const controller = new AbortController();
  job.userData.controller = controller;
  void (async () => {
    job.finish(await drawn(job.src, controller.signal), null, 'context2d');
  })().catch((thrown: unknown) => job.fail(thrown instanceof Error ? thrown.message : String(thrown), null));
}

async function answered(src: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(src, { signal });
  if (!response.ok) throw new Error(`The tile was answered by ${response.status}.`);
  return response;
}

async function fetchedPicture(src: string, signal: AbortSignal): Promise<CanvasRenderingContext2D> {
  const bitmap = await createImageBitmap(await (await answered(src, signal)).blob());
  const context = contextOf(bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context;
}

const isSameLook = (a: ChannelLook, b: ChannelLook): boolean => a.colour === b.colour && a.low === b.low && a.high === b.high;

/** Values that were fetched last, so that another look needs no other fetch; each is let go when newer ones need its room. */
const measured = new Map<string, ChannelTile>();
const mostMeasured = 96_000_000;

async function channelTile(url: string, signal: AbortSignal): Promise<ChannelTile> {
  const known = measured.get(url);
  measured.delete(url);
  const tile = known ?? decodeChannelTile(await (await answered(url, signal)).arrayBuffer());
  measured.set(url, tile);
  let bytes = [...measured.values()].reduce((sum, { values }) => sum + values.byteLength, 0);
  for (const [oldest, { values }] of measured) {
    if (bytes <= mostMeasured) break;
    measured.delete(oldest);
    bytes -= values.byteLength;
  }
  return tile;
}

/** @param look  as it is when the values have come: a change while they are on their way is a reason to draw the layer anew, and this is drawn with it */
async function channelPicture(src: string, signal: AbortSignal, look: () => ChannelLook | undefined): Promise<CanvasRenderingContext2D> {
  const tile = await channelTile(src, signal);
  const context = contextOf(tile.width, tile.height);
  const now = look();
  if (!now) return context;
  const { data } = blended(tile, [{ tile, look: now }]);
  const image = context.createImageData(tile.width, tile.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0, from = 0; i < pixels.length; i++, from += 3) pixels[i] = 0xff000000 | ((data[from + 2] as number) << 16) | ((data[from + 1] as number) << 8) | (data[from] as number);
  context.putImageData(image, 0, 0);
  return context;
}

function contextOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext('2d') as CanvasRenderingContext2D;
}
