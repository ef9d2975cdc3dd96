/**
 * The one coordinate kernel: how a place on the stored image is found again on the screen, in the network's input, in the text of a box,
 * in the patient and in a slide.
 *
 *   patient mm ◀── plane ── SOURCE ── display ──▶ screen
 *                             │  ╲
 *                   slide level  region + resize ──▶ MODEL ── convention ──▶ TEXT
 *
 * Every plane uses continuous coordinates: pixel i covers [i, i + 1), its centre is i + 0.5, and a box's right and lower edges are exclusive.
 * Each arrow is an affine map, a plain value; a path is their composition, the way back its inverse. Nothing is rounded but the text of a box.
 */
import { clamp } from '#models/base/math.ts';
import { area } from '#models/clinical/finding.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { FrameGeometry } from '#models/clinical/study.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** (x, y) → (xx · x + xy · y + x0, yx · x + yy · y + y0). */
export interface Affine {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

export const identity: Affine = { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 };

export const translation = (x: number, y: number): Affine => ({ ...identity, x0: x, y0: y });

export const scaling = (x: number, y: number): Affine => ({ ...identity, xx: x, yy: y });

/** One map after the other, in the order in which they are written. */
export function compose(...maps: readonly Affine[]): Affine {
  return maps.reduce((first, then) => ({
    xx: then.xx * first.xx + then.xy * first.yx,
    xy: then.xx * first.xy + then.xy * first.yy,
    x0: then.xx * first.x0 + then.xy * first.y0 + then.x0,
    yx: then.yx * first.xx + then.yy * first.yx,
    yy: then.yx * first.xy + then.yy * first.yy,
    y0: then.yx * first.x0 + then.yy * first.y0 + then.y0,
  }), identity);
}

/** The way back. Throws a RangeError for a map that flattens the plane. */
export function invert({ xx, xy, x0, yx, yy, y0 }: Affine): Affine {
  const determinant = xx * yy - xy * yx;
  if (!Number.isFinite(determinant) || determinant === 0) throw new RangeError('invert: the map flattens the plane, so there is no way back');
  return {
    xx: yy / determinant,
    xy: -xy / determinant,
    x0: (xy * y0 - yy * x0) / determinant,
    yx: -yx / determinant,
    yy: xx / determinant,
    y0: (yx * x0 - xx * y0) / determinant,
  };
}

export const mapPoint = ({ xx, xy, x0, yx, yy, y0 }: Affine, { x, y }: Point): Point => ({ x: xx * x + xy * y + x0, y: yx * x + yy * y + y0 });

/** The upright box around the mapped one: exact wherever the map turns by quarters and flips only. */
export function mapBox(map: Affine, { x1, y1, x2, y2 }: Box): Box {
  const corners = [[x1, y1], [x2, y1], [x1, y2], [x2, y2]].map(([x, y]) => mapPoint(map, { x: x!, y: y! }));
  const xs = corners.map(({ x }) => x);
  const ys = corners.map(({ y }) => y);
  return { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs), y2: Math.max(...ys) };
}

/** The box of everything. */
export const wholeOf = ({ width, height }: Size): Box => ({ x1: 0, y1: 0, x2: width, y2: height });

/** The part of a box that lies on the image. */
export const clampBox = (box: Box, { width, height }: Size): Box => ({
  x1: clamp(box.x1, 0, width),
  y1: clamp(box.y1, 0, height),
  x2: clamp(box.x2, 0, width),
  y2: clamp(box.y2, 0, height),
});

/** How an image is shown: first stretched to its true aspect, then flipped, then turned, then magnified, then placed. */
export interface Display {
  readonly source: Size;
  /** Height of a source pixel over its width: `aspectOf(geometry)`. */
  readonly pixelAspect: number;
  readonly isFlippedHorizontally: boolean;
  readonly isFlippedVertically: boolean;
  /** Clockwise quarter turns. */
  readonly quarters: 0 | 1 | 2 | 3;
  /** Screen pixels for the width of one source pixel. */
  readonly zoom: number;
  /** Where on the screen the image's centre lies. */
  readonly centre: Point;
}

/** Source pixels → screen pixels. */
export function toScreen({ source, pixelAspect, isFlippedHorizontally, isFlippedVertically, quarters, zoom, centre }: Display): Affine {
  const turns: readonly Affine[] = [
    identity,
    { xx: 0, xy: -1, x0: 0, yx: 1, yy: 0, y0: 0 },
    scaling(-1, -1),
    { xx: 0, xy: 1, x0: 0, yx: -1, yy: 0, y0: 0 },
  ];
  return compose(
    translation(-source.width / 2, -source.height / 2),
    scaling(isFlippedHorizontally ? -1 : 1, (isFlippedVertically ? -1 : 1) * pixelAspect),
    turns[quarters]!,
    scaling(zoom, zoom),
    translation(centre.x, centre.y),
  );
}

/** The whole image, upright, as large as the screen allows, in its middle. */
export function fitted(
  source: Size,
  screen: Size,
  { pixelAspect = 1, quarters = 0 }: Partial<Pick<Display, 'pixelAspect' | 'quarters'>> = {},
): Display {
  const upright = { width: source.width, height: source.height * pixelAspect };
  const shown = quarters % 2 === 0 ? upright : { width: upright.height, height: upright.width };
  return {
    source,
    pixelAspect,
    isFlippedHorizontally: false,
    isFlippedVertically: false,
    quarters,
    zoom: Math.min(screen.width / shown.width, screen.height / shown.height),
    centre: { x: screen.width / 2, y: screen.height / 2 },
  };
}

/** Height of a source pixel over its width; 1 where the file does not say. */
export function aspectOf({ spacingMm }: Pick<FrameGeometry, 'spacingMm'>): number {
  return spacingMm && spacingMm[0] > 0 && spacingMm[1] > 0 ? spacingMm[0] / spacingMm[1] : 1;
}

/** What the network was shown: a region of the source (whole pixels), brought to another size. */
export interface ModelView {
  readonly region: Box;
  /** `VisionInput.resized`. */
  readonly resized: Size;
}

/** Source pixels → pixels of the network's input. */
export function toModel({ region, resized }: ModelView): Affine {
  return compose(
    translation(-region.x1, -region.y1),
    scaling(resized.width / (region.x2 - region.x1), resized.height / (region.y2 - region.y1)),
  );
}

/**
 * How a model writes boxes: `absolute-resized`, pixels of the resized image (Qwen2.5-VL);
 * `relative-1000`, thousandths of its width and height (Qwen2-VL). A property of each checkpoint, never guessed.
 */
export type BoxConvention = 'absolute-resized' | 'relative-1000';

/** Pixels of the network's input → the numbers of a box's text, not yet rounded. */
export function toText(convention: BoxConvention, { width, height }: Size): Affine {
  return convention === 'absolute-resized' ? identity : scaling(1000 / width, 1000 / height);
}

const textLimits = (convention: BoxConvention, resized: Size): Size => (convention === 'absolute-resized' ? resized : { width: 1000, height: 1000 });

/** A box of the source as the four whole numbers [x1, y1, x2, y2] that the model writes: clamped to the region, at least one unit wide and high. */
export function boxToText(box: Box, view: ModelView, convention: BoxConvention): [number, number, number, number] {
  const limits = textLimits(convention, view.resized);
  const { x1, y1, x2, y2 } = clampBox(mapBox(compose(toModel(view), toText(convention, view.resized)), box), limits);
  const [left, right] = roundApart(x1, x2, limits.width);
  const [top, bottom] = roundApart(y1, y2, limits.height);
  return [left, top, right, bottom];
}

/** Both ends rounded; a span that would vanish becomes the unit in which its middle lies. */
function roundApart(low: number, high: number, limit: number): [number, number] {
  if (Math.round(high) > Math.round(low)) return [Math.round(low), Math.round(high)];
  const start = Math.min(limit - 1, Math.floor((low + high) / 2));
  return [start, start + 1];
}

/**
 * A box that the model wrote, in source pixels, and whether it had to be clamped to the region that the model was shown.
 * Null where it shows nothing: inverted, empty, or wholly outside.
 */
export function boxFromText(
  numbers: readonly [number, number, number, number],
  view: ModelView,
  convention: BoxConvention,
): { readonly box: Box; readonly isClamped: boolean } | null {
  const [x1, y1, x2, y2] = numbers;
  if (!numbers.every(Number.isFinite) || x2 <= x1 || y2 <= y1) return null;
  const clamped = clampBox({ x1, y1, x2, y2 }, textLimits(convention, view.resized));
  if (area(clamped) === 0) return null;
  const isClamped = clamped.x1 !== x1 || clamped.y1 !== y1 || clamped.x2 !== x2 || clamped.y2 !== y2;
  return { box: mapBox(invert(compose(toModel(view), toText(convention, view.resized))), clamped), isClamped };
}

/** Pixels of one level of a slide → pixels of its level 0. */
export const toLevel0 = (level: Size, level0: Size): Affine => scaling(level0.width / level.width, level0.height / level.height);

/** Level 0 of a slide → pixels of a region of it that was read at another size. */
export const toRegion = toModel;

/** Patient coordinates in millimetres: to the left, to the back, to the head. */
export type PatientPoint = readonly [number, number, number];

/** A frame's plane in the patient (PS3.3 C.7.6.2.1.1, whose position is the centre of the first pixel). */
export interface PatientPlane {
  /** The outer corner of the first pixel. */
  readonly origin: PatientPoint;
  /** Millimetres for one source pixel to the right. */
  readonly right: PatientPoint;
  /** Millimetres for one source pixel downwards. */
  readonly down: PatientPoint;
}

/** Null where the file lacks spacing, position or orientation, or states ones that span no plane. */
export function patientPlane({ spacingMm, positionMm, orientation }: FrameGeometry): PatientPlane | null {
  if (!spacingMm || !positionMm || !orientation) return null;
  const right = scale([orientation[0], orientation[1], orientation[2]], spacingMm[1]);
  const down = scale([orientation[3], orientation[4], orientation[5]], spacingMm[0]);
  const across = dot(right, right) * dot(down, down) - dot(right, down) ** 2;
  const isPlane = [...positionMm, across].every(Number.isFinite) && across > 1e-6 * dot(right, right) * dot(down, down);
  return isPlane ? { origin: add(positionMm, scale(right, -0.5), scale(down, -0.5)), right, down } : null;
}

export const toPatient = ({ origin, right, down }: PatientPlane, { x, y }: Point): PatientPoint => add(origin, scale(right, x), scale(down, y));

/** The source pixel nearest to a place in the patient, and how far the place lies in front of (+) or behind (−) the plane, in millimetres. */
export function fromPatient({ origin, right, down }: PatientPlane, place: PatientPoint): Point & { readonly distanceMm: number } {
  const offset = add(place, scale(origin, -1));
  const [rr, rd, dd] = [dot(right, right), dot(right, down), dot(down, down)];
  const [ro, od] = [dot(right, offset), dot(down, offset)];
  const determinant = rr * dd - rd * rd;
  const normal: PatientPoint = [
    right[1] * down[2] - right[2] * down[1],
    right[2] * down[0] - right[0] * down[2],
    right[0] * down[1] - right[1] * down[0],
  ];
  return {
    x: (dd * ro - rd * od) / determinant,
    y: (rr * od - rd * ro) / determinant,
    distanceMm: dot(normal, offset) / Math.sqrt(dot(normal, normal)),
  };
}

/** The distance of two source points in millimetres; null where the file gives no spacing. */
export function lengthMm({ spacingMm }: Pick<FrameGeometry, 'spacingMm'>, from: Point, to: Point): number | null {
  return spacingMm ? Math.hypot((to.y - from.y) * spacingMm[0], (to.x - from.x) * spacingMm[1]) : null;
}

const dot = (a: PatientPoint, b: PatientPoint): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const scale = (a: PatientPoint, by: number): PatientPoint => [a[0] * by, a[1] * by, a[2] * by];
const add = (...points: readonly PatientPoint[]): PatientPoint =>
  points.reduce((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]], [0, 0, 0]);
