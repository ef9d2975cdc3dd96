/**
 * Where the fine noise is not that of tissue of equal brightness.
 *
 *   residual r = pixel − median of the nine around it;  s = ln √(mean of r² over 7 × 7)
 *   z = (s − median of s in the brightness class) / (1.4826 · median absolute deviation there)
 *
 * Above 0: more noise than elsewhere; below: less, as where something was painted or blended in.
 */
import { deviations, medianResidual, windowMean, type Plane } from './planes.ts';

const classes = 12;
const radius = 3;

/** @returns z, bounded to ±12; 0 everywhere on an image of one colour */
export function noiseMap(plane: Plane): Plane {
  const { width, height } = plane;
  const residual = medianResidual(plane);
  const power = windowMean({ width, height, data: residual.data.map((x) => x * x) }, radius);
  const level = windowMean(plane, radius);
  const strength = power.data.map((x) => 0.5 * Math.log(x + 0.05));
  // A class without any spread, such as an empty ground, tells nothing.
  return { width, height, data: deviations(strength, level.data, { classes, least: 0.1, flat: 0.02 }) };
}
