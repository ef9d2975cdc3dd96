/** A perceptual set whose distances are known: one shape on a plain ground, varying in size, hue and texture. Whether an encoder can learn judgements is tested on it. */
import type { Random } from '#models/base/random.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';

/** Each 0 … 1; a hue of 0 and of 1 are not the same one. */
export interface Shape {
  readonly size: number;
  readonly hue: number;
  readonly texture: number;
}

export const drawnShape = (random: Random): Shape => ({ size: random.uniform(), hue: random.uniform(), texture: random.uniform() });

/** Euclidean over the three. */
export const shapeDistance = (a: Shape, b: Shape): number => Math.hypot(a.size - b.size, a.hue - b.hue, a.texture - b.texture);

/** A disc in the middle half of a square, from blue to red, with stripes from wide to narrow; its place and ground vary and count for nothing. */
export function drawShape({ size, hue, texture }: Shape, side: number, random: Random): Picture {
  const ground = 90 + random.below(30);
  const picture = createPicture({ width: side, height: side }, [ground, ground, ground]);
  const radius = side * (0.12 + 0.28 * size);
  const [cx, cy] = [side * random.between(0.42, 0.58), side * random.between(0.42, 0.58)];
  const [red, green, blue] = [60 + 190 * hue, 120, 250 - 190 * hue];
  const period = side * (0.25 - 0.19 * texture);
  for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
    if (Math.hypot(x - cx, y - cy) > radius) continue;
    const light = 0.7 + 0.3 * Math.sign(Math.sin((2 * Math.PI * x) / period));
    picture.data.set([red * light, green * light, blue * light].map(Math.round), (y * side + x) * 3);
  }
  return picture;
}
