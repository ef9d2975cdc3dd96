/** How frames relate in space: where one cuts another, and which frame of a stack lies nearest to a place. */
import type { FrameGeometry } from '#models/clinical/study.ts';
import { fromPatient, patientPlane, toPatient, type PatientPlane, type PatientPoint, type Point, type Size } from './coordinates.ts';

export interface PlacedPlane {
  readonly plane: PatientPlane;
  readonly size: Size;
}

const dot = (a: PatientPoint, b: PatientPoint): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: PatientPoint, b: PatientPoint): PatientPoint => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

/** Of length one. */
export function normalOf({ right, down }: PatientPlane): PatientPoint {
  const normal = cross(right, down);
  const length = Math.hypot(...normal);
  return [normal[0] / length, normal[1] / length, normal[2] / length];
}

/** Directions within about six degrees of each other, either way round. */
export const areParallel = (a: PatientPlane, b: PatientPlane): boolean => Math.abs(dot(normalOf(a), normalOf(b))) > 0.995;

/** The line in which another frame's rectangle cuts this one, in pixels of this one, ends within both; null where they do not meet. */
export function cutLine(on: PlacedPlane, other: PlacedPlane): readonly [Point, Point] | null {
  const normal = normalOf(other.plane);
  if (areParallel(on.plane, other.plane)) return null;
  const distance = (point: Point): number => {
    const place = toPatient(on.plane, point);
    return dot(normal, [place[0] - other.plane.origin[0], place[1] - other.plane.origin[1], place[2] - other.plane.origin[2]]);
  };
  // The distance is a linear function of the pixel: c + gx · x + gy · y.
  const c = distance({ x: 0, y: 0 });
  const [gx, gy] = [distance({ x: 1, y: 0 }) - c, distance({ x: 0, y: 1 }) - c];
  const square = gx * gx + gy * gy;
  if (!(square > 0)) return null;
  const start = { x: (-c * gx) / square, y: (-c * gy) / square };
  const direction = { x: -gy / Math.sqrt(square), y: gx / Math.sqrt(square) };
  const [a, b] = [fromPatient(other.plane, toPatient(on.plane, start)), fromPatient(other.plane, toPatient(on.plane, { x: start.x + direction.x, y: start.y + direction.y }))];
  let [from, to] = [-Infinity, Infinity];
  // Keeps 0 ≤ value + slope · t ≤ limit.
  const keep = (value: number, slope: number, limit: number): void => {
    if (Math.abs(slope) < 1e-12) {
      if (value < 0 || value > limit) [from, to] = [1, 0];
      return;
    }
    const [one, two] = [-value / slope, (limit - value) / slope];
    from = Math.max(from, Math.min(one, two));
    to = Math.min(to, Math.max(one, two));
  };
  keep(start.x, direction.x, on.size.width);
  keep(start.y, direction.y, on.size.height);
  keep(a.x, b.x - a.x, other.size.width);
  keep(a.y, b.y - a.y, other.size.height);
  if (!(from < to)) return null;
  const along = (t: number): Point => ({ x: start.x + direction.x * t, y: start.y + direction.y * t });
  return [along(from), along(to)];
}

/** The frame of a stack whose plane lies nearest to a place, and how far from it; null where no frame says where it lies. */
export function nearestFrame(frames: readonly { readonly geometry: FrameGeometry }[], place: PatientPoint): { readonly at: number; readonly distanceMm: number } | null {
  let nearest: { at: number; distanceMm: number } | null = null;
  for (const [at, { geometry }] of frames.entries()) {
    const plane = patientPlane(geometry);
    if (!plane) continue;
    const distanceMm = Math.abs(fromPatient(plane, place).distanceMm);
    if (!nearest || distanceMm < nearest.distanceMm) nearest = { at, distanceMm };
  }
  return nearest;
}

/** The middle of a frame in the patient. */
export function middleOfFrame({ rows, columns, geometry }: { readonly rows: number; readonly columns: number; readonly geometry: FrameGeometry }): PatientPoint | null {
  const plane = patientPlane(geometry);
  return plane && toPatient(plane, { x: columns / 2, y: rows / 2 });
}
