/**
 * What stands in one slice and in neither neighbour: the part of a slice that lies beyond both of its neighbours, against what is usual in tissue of equal brightness.
 *
 *   d = max(0, p − max(before, after)) − max(0, min(before, after) − p), averaged over 7 × 7;  z as in `noise.ts`
 */
import { deviations, windowMean, type Plane } from './planes.ts';

const classes = 8;

/** @throws RangeError where the slices differ in size */
export function continuityMap(before: Plane, slice: Plane, after: Plane): Plane {
  const { width, height, data } = slice;
  if ([before, after].some((other) => other.width !== width || other.height !== height)) throw new RangeError('continuityMap: the slices differ in size');
  const beyond = data.map((value, i) => {
    const [low, high] = [Math.min(before.data[i]!, after.data[i]!), Math.max(before.data[i]!, after.data[i]!)];
    return Math.max(0, value - high) - Math.max(0, low - value);
  });
  const mean = windowMean({ width, height, data: beyond }, 3).data;
  const level = windowMean(slice, 3).data;
  return { width, height, data: deviations(mean, level, { classes, least: 1.5 }) };
}
