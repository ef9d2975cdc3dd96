/**
 * Ways in which an image is altered, each with the exact mask of what it changed.
 *
 * Each kind of alteration has a family that is learnt from and one that is kept back, so that what a model makes of alterations it has never met can be measured:
 *
 *   injected   `bulge`    a drawn lesion, feathered, with the noise of its place        kept back: `poisson`   another study's tissue, its gradients alone
 *   removed    `harmonic` filled from its rim, with noise from its surroundings         kept back: `patches`   covered by patches of the nearest likeness
 *   copy-move  `shifted`  a part moved, whole                                            kept back: `turned`    moved, turned or mirrored, and scaled
 *   spliced    `pasted`   another study's content with its own noise                     kept back: `matched`   the same, its mean and spread brought to the place's
 *   synthetic  `phantom`  drawn from a seed                                              kept back: `regrown`   a real image's coarse structure with new detail
 */
import type { Random } from '#models/base/random.ts';
import type { AlterationClass, AlterationType } from '#models/clinical/alteration.ts';
import type { Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { blob, blurred, coverage, harmonics, whiteNoise, type Field, type Point } from '#training/synthesis/phantoms/drawing.ts';

export const generators = {
  bulge: { class: 'TAMPERED', type: 'INJECTED', isKept: false },
  poisson: { class: 'TAMPERED', type: 'INJECTED', isKept: true },
  harmonic: { class: 'TAMPERED', type: 'REMOVED', isKept: false },
  patches: { class: 'TAMPERED', type: 'REMOVED', isKept: true },
  shifted: { class: 'TAMPERED', type: 'COPY_MOVE', isKept: false },
  turned: { class: 'TAMPERED', type: 'COPY_MOVE', isKept: true },
  pasted: { class: 'TAMPERED', type: 'SPLICED', isKept: false },
  matched: { class: 'TAMPERED', type: 'SPLICED', isKept: true },
  phantom: { class: 'FULL_SYNTHETIC', type: null, isKept: false },
  regrown: { class: 'FULL_SYNTHETIC', type: null, isKept: true },
} as const satisfies Readonly<Record<string, { readonly class: AlterationClass; readonly type: AlterationType | null; readonly isKept: boolean }>>;
export type GeneratorName = keyof typeof generators;
export const generatorNames = Object.keys(generators) as GeneratorName[];
/** Raised when a generator's pictures change. */
export const generatorVersion = 1;

/** An altered picture and the pixels that were altered, 1 each. */
export interface Altered {
  readonly picture: Picture;
  readonly mask: Uint8Array;
}

/**
 * Alters a picture by one of the generators for tampering.
 *
 * @param donor  another study's picture, for the generators that take content from one
 * @returns      null where the picture has no place with enough structure
 */
export function tamper(picture: Picture, generator: GeneratorName, donor: Picture, random: Random): Altered | null {
  const place = placeOn(picture, random);
  if (!place) return null;
  const drawn = ways[generator]?.(picture, place, donor, random);
  if (!drawn) return null;
  const { width, height, data } = picture;
  const [result, mask] = [data.slice(), new Uint8Array(width * height)];
  let count = 0;
  for (let i = 0; i < mask.length; i++) {
    const alpha = place.alpha.data[i]!;
    if (alpha <= 0.004) continue;
    for (let c = 0; c < 3; c++) result[3 * i + c] = byte(data[3 * i + c]! + (drawn[3 * i + c]! - data[3 * i + c]!) * alpha);
    if (alpha >= 0.5) {
      mask[i] = 1;
      count++;
    }
  }
  // What is the same as before is no alteration.
  return count >= 30 && changed(data, result, mask) > 0.6 ? { picture: { width, height, data: result }, mask } : null;
}

/** A picture whose coarse structure is that of another one and whose detail is new. */
export function regrown(picture: Picture, random: Random): Picture {
  const { width, height } = picture;
  const factor = random.between(3, 6);
  const coarse = resize(resize(picture, { width: Math.max(8, Math.round(width / factor)), height: Math.max(8, Math.round(height / factor)) }), { width, height });
  const noise = blurred({ width, height, data: whiteNoise(random, width * height) }, random.between(0.4, 1)).data;
  const amounts = spread(planeOf(picture), width, height).map((sigma) => sigma * random.between(0.85, 1.15));
  return { width, height, data: coarse.data.map((value, i) => byte(value + noise[(i / 3) | 0]! * amounts[(i / 3) | 0]! * 1.3)) };
}

interface Place {
  readonly cx: number;
  readonly cy: number;
  readonly rx: number;
  readonly ry: number;
  readonly outline: readonly Point[];
  /** Coverage 0 … 1 of the whole picture, with a soft rim. */
  readonly alpha: Field;
}

const byte = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));
const planeOf = ({ width, height, data }: Picture): Float32Array => Float32Array.from({ length: width * height }, (_, i) => 0.299 * data[3 * i]! + 0.587 * data[3 * i + 1]! + 0.114 * data[3 * i + 2]!);

/** Local standard deviation of the fine detail: of the plane less its blur. */
function spread(plane: Float32Array, width: number, height: number): Float32Array {
  const smooth = blurred({ width, height, data: plane }, 1).data;
  const squares = plane.map((x, i) => (x - smooth[i]!) ** 2);
  return blurred({ width, height, data: squares }, 4).data.map((x) => Math.sqrt(Math.max(0, x)));
}

function changed(before: Uint8Array, after: Uint8Array, mask: Uint8Array): number {
  let [sum, count] = [0, 0];
  mask.forEach((covered, i) => {
    if (covered === 0) return;
    sum += Math.abs(after[3 * i + 1]! - before[3 * i + 1]!);
    count++;
  });
  return sum / Math.max(1, count);
}

/** A blob of 6 to 18 hundredths of the shorter side in radius, on tissue rather than on empty ground. */
function placeOn(picture: Picture, random: Random): Place | null {
  const { width, height } = picture;
  const plane = planeOf(picture);
  const side = Math.min(width, height);
  for (let attempt = 0; attempt < 40; attempt++) {
    const radius = side * random.between(0.06, 0.18);
    const [rx, ry] = [radius * random.between(0.75, 1.25), radius * random.between(0.75, 1.25)];
    const reach = Math.max(rx, ry) * 1.35;
    if (2 * reach + 4 > side) continue;
    const [cx, cy] = [random.between(reach + 1, width - reach - 1), random.between(reach + 1, height - reach - 1)];
    const { mean, deviation } = momentsIn(plane, width, { cx, cy, rx, ry });
    if (deviation < 2.5 || mean < 12 || mean > 246) continue;
    const outline = random.chance(0.3) ? corners(cx, cy, rx, ry) : blob(cx, cy, rx, ry, random.between(0, Math.PI), harmonics(random, 0.12));
    return { cx, cy, rx, ry, outline, alpha: blurred(coverage(width, height, outline), random.between(0.4, 2.2)) };
  }
  return null;
}

const corners = (cx: number, cy: number, rx: number, ry: number): Point[] => [[cx - rx, cy - ry], [cx + rx, cy - ry], [cx + rx, cy + ry], [cx - rx, cy + ry]];

function momentsIn(plane: Float32Array, width: number, { cx, cy, rx, ry }: Pick<Place, 'cx' | 'cy' | 'rx' | 'ry'>): { readonly mean: number; readonly deviation: number } {
  let [sum, squares, count] = [0, 0, 0];
  const height = plane.length / width;
  for (let y = Math.max(0, Math.floor(cy - ry)); y < Math.min(height, cy + ry); y++) for (let x = Math.max(0, Math.floor(cx - rx)); x < Math.min(width, cx + rx); x++) {
    const value = plane[y * width + x]!;
    [sum, squares, count] = [sum + value, squares + value * value, count + 1];
  }
  const mean = sum / Math.max(1, count);
  return { mean, deviation: Math.sqrt(Math.max(0, squares / Math.max(1, count) - mean * mean)) };
}

/** Values for the whole picture, RGB, of which those under the place's coverage are used; null where it cannot be done here. */
type Way = (picture: Picture, place: Place, donor: Picture, random: Random) => Float32Array | null;

/** Pixels read at (x, y), bilinear, edges repeated. */
function sampled({ width, height, data }: Picture, x: number, y: number, channel: number): number {
  const [fx, fy] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  const [x0, y0] = [Math.floor(fx), Math.floor(fy)];
  const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
  const [tx, ty] = [fx - x0, fy - y0];
  const at = (column: number, row: number): number => data[(row * width + column) * 3 + channel]!;
  return (at(x0, y0) * (1 - tx) + at(x1, y0) * tx) * (1 - ty) + (at(x0, y1) * (1 - tx) + at(x1, y1) * tx) * ty;
}

/** Each covered pixel from a function of its place. */
function each({ width, height }: Picture, { alpha }: Place, value: (x: number, y: number, channel: number) => number): Float32Array {
  const result = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const i = y * width + x;
    if (alpha.data[i]! > 0.004) for (let c = 0; c < 3; c++) result[3 * i + c] = value(x, y, c);
  }
  return result;
}

/** A point of the donor, of its tissue, around which a part as large as the place fits. */
function donorPoint(donor: Picture, { rx, ry }: Place, random: Random): { readonly x: number; readonly y: number } | null {
  const plane = planeOf(donor);
  const [reachX, reachY] = [rx * 1.4 + 2, ry * 1.4 + 2];
  if (donor.width <= 2 * reachX || donor.height <= 2 * reachY) return null;
  for (let attempt = 0; attempt < 40; attempt++) {
    const [x, y] = [Math.round(random.between(reachX, donor.width - reachX)), Math.round(random.between(reachY, donor.height - reachY))];
    const { mean, deviation } = momentsIn(plane, donor.width, { cx: x, cy: y, rx, ry });
    if (deviation > 3 && mean > 12 && mean < 246) return { x, y };
  }
  return null;
}

/** Another place of the same picture, moved by at least three radii. */
function otherPlace({ width, height }: Picture, { cx, cy, rx, ry }: Place, random: Random): { readonly dx: number; readonly dy: number } | null {
  const [reachX, reachY] = [rx * 1.35 + 1, ry * 1.35 + 1];
  for (let attempt = 0; attempt < 60; attempt++) {
    const [x, y] = [random.between(reachX, width - reachX), random.between(reachY, height - reachY)];
    const [dx, dy] = [Math.round(x - cx), Math.round(y - cy)];
    if (Math.hypot(dx, dy) >= 3 * Math.max(rx, ry)) return { dx, dy };
  }
  return null;
}

/** Content of a donor over the place, as whole pixels. */
function moved(donor: Picture, place: Place, { x, y }: { readonly x: number; readonly y: number }): (px: number, py: number, channel: number) => number {
  const [dx, dy] = [x - Math.round(place.cx), y - Math.round(place.cy)];
  return (px, py, channel) => sampled(donor, px + dx, py + dy, channel);
}

const ways: { readonly [name in GeneratorName]?: Way } = {
  bulge(picture, place, _, random) {
    const { width, height } = picture;
    const { mean, deviation } = momentsIn(planeOf(picture), width, place);
    const contrast = (random.chance(mean > 150 ? 0.25 : 0.75) ? 1 : -1) * random.between(0.5, 1.6) * Math.max(12, deviation);
    const texture = blurred({ width, height, data: whiteNoise(random, width * height) }, random.between(2, 5)).data;
    const fine = blurred({ width, height, data: whiteNoise(random, width * height) }, random.between(0.3, 0.8)).data;
    // Of the place as a whole: an edge beside it is no noise.
    const around = spread(planeOf(picture), width, height).filter((_, i) => place.alpha.data[i]! > 0.5).sort();
    const amount = around[around.length >> 1] ?? 0;
    const smooth = [0, 1, 2].map((c) => blurred({ width, height, data: Float32Array.from({ length: width * height }, (__, i) => picture.data[3 * i + c]!) }, place.rx / 3).data);
    return each(picture, place, (x, y, c) => {
      const i = y * width + x;
      const distance = Math.hypot((x - place.cx) / place.rx, (y - place.cy) / place.ry);
      return smooth[c]![i]! + contrast * Math.max(0.2, 1 - 0.5 * distance * distance) + texture[i]! * 8 + fine[i]! * amount * 1.5;
    });
  },
  poisson(picture, place, donor, random) {
    const from = donorPoint(donor, place, random);
    return from && withGradients(picture, place, moved(donor, place, from));
  },
  harmonic(picture, place, _, random) {
    const { width } = picture;
    const filled = withGradients(picture, place, () => 0);
    // Noise of the surroundings: what one nearby place deviates from its own blur, put down here.
    const near = otherPlace(picture, place, random);
    if (!near) return null;
    const plane = planeOf(picture);
    const smooth = blurred({ width, height: picture.height, data: plane }, 1.2).data;
    return each(picture, place, (x, y, c) => {
      const [sx, sy] = [Math.min(width - 1, Math.max(0, x + near.dx)), Math.min(picture.height - 1, Math.max(0, y + near.dy))];
      return filled[(y * width + x) * 3 + c]! + plane[sy * width + sx]! - smooth[sy * width + sx]!;
    });
  },
  patches(picture, place, _, random) {
    return patched(picture, place, random);
  },
  shifted(picture, place, _, random) {
    const by = otherPlace(picture, place, random);
    return by && each(picture, place, (x, y, c) => sampled(picture, x + by.dx, y + by.dy, c));
  },
  turned(picture, place, _, random) {
    const by = otherPlace(picture, place, random);
    if (!by) return null;
    const [angle, scale, mirror] = [random.between(-Math.PI, Math.PI), random.between(0.8, 1.2), random.chance(0.5) ? -1 : 1];
    const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
    return each(picture, place, (x, y, c) => {
      const [u, v] = [(x - place.cx) * mirror, y - place.cy];
      return sampled(picture, place.cx + by.dx + u * cos - v * sin, place.cy + by.dy + u * sin + v * cos, c);
    });
  },
  pasted(picture, place, donor, random) {
    const from = donorPoint(donor, place, random);
    return from && each(picture, place, moved(donor, place, from));
  },
  matched(picture, place, donor, random) {
    const from = donorPoint(donor, place, random);
    if (!from) return null;
    const here = momentsIn(planeOf(picture), picture.width, place);
    const there = momentsIn(planeOf(donor), donor.width, { cx: from.x, cy: from.y, rx: place.rx, ry: place.ry });
    const gain = Math.min(3, Math.max(0.33, here.deviation / Math.max(1, there.deviation)));
    const read = moved(donor, place, from);
    return each(picture, place, (x, y, c) => (read(x, y, c) - there.mean) * gain + here.mean);
  },
};

/**
 * Solves Poisson's equation under the place's coverage by successive over-relaxation: the inside has the source's gradients, its rim the picture's values.
 * A source without gradients gives the harmonic fill (Perez et al. 2003).
 */
function withGradients(picture: Picture, { alpha }: Place, source: (x: number, y: number, channel: number) => number): Float32Array {
  const { width, height, data } = picture;
  const inside: number[] = [];
  for (let y = 1; y < height - 1; y++) for (let x = 1; x < width - 1; x++) if (alpha.data[y * width + x]! > 0.004) inside.push(y * width + x);
  const result = Float32Array.from(data);
  const neighbours = [-1, 1, -width, width] as const;
  const isGrey = inside.every((i) => data[3 * i] === data[3 * i + 1] && data[3 * i] === data[3 * i + 2] && source(i % width, Math.floor(i / width), 0) === source(i % width, Math.floor(i / width), 1));
  for (let c = 0; c < (isGrey ? 1 : 3); c++) {
    const divergence = inside.map((i) => {
      const [x, y] = [i % width, Math.floor(i / width)];
      return 4 * source(x, y, c) - source(x - 1, y, c) - source(x + 1, y, c) - source(x, y - 1, c) - source(x, y + 1, c);
    });
    for (let round = 0; round < 120; round++) inside.forEach((i, k) => {
      let sum = divergence[k]!;
      for (const step of neighbours) sum += result[3 * (i + step) + c]!;
      result[3 * i + c]! += 1.8 * (sum / 4 - result[3 * i + c]!);
    });
  }
  if (isGrey) for (const i of inside) result[3 * i + 1] = result[3 * i + 2] = result[3 * i]!;
  return result;
}

/** The place covered from its rim inwards by squares whose known pixels are most like those of some square nearby (after Criminisi et al. 2004, on a grid). */
function patched(picture: Picture, { alpha, cx, cy, rx, ry }: Place, random: Random): Float32Array | null {
  const { width, height, data } = picture;
  const half = 4;
  const result = Float32Array.from(data);
  const isOpen = Uint8Array.from(alpha.data, (a) => Number(a > 0.004));
  const isAltered = isOpen.slice();
  const reach = Math.ceil(Math.max(rx, ry) * 1.35) + 24;
  const sources: number[] = [];
  for (let attempt = 0; attempt < 4000 && sources.length < 400; attempt++) {
    const [x, y] = [Math.round(random.between(cx - reach, cx + reach)), Math.round(random.between(cy - reach, cy + reach))];
    if (x < half || y < half || x >= width - half || y >= height - half) continue;
    let isClear = true;
    for (let dy = -half; dy <= half && isClear; dy++) for (let dx = -half; dx <= half; dx++) if (isAltered[(y + dy) * width + x + dx]) isClear = false;
    if (isClear) sources.push(y * width + x);
  }
  if (sources.length < 20) return null;
  for (let guard = 0; guard < 4000; guard++) {
    const at = nextOpen(isOpen, width, height, half);
    if (at < 0) break;
    let [best, least] = [sources[0]!, Infinity];
    for (const source of sources) {
      let sum = 0;
      for (let dy = -half; dy <= half && sum < least; dy++) for (let dx = -half; dx <= half; dx++) {
        const offset = dy * width + dx;
        if (!isOpen[at + offset]) sum += (result[3 * (at + offset) + 1]! - data[3 * (source + offset) + 1]!) ** 2;
      }
      if (sum < least) [best, least] = [source, sum];
    }
    for (let dy = -half; dy <= half; dy++) for (let dx = -half; dx <= half; dx++) {
      const offset = dy * width + dx;
      if (!isOpen[at + offset]) continue;
      for (let c = 0; c < 3; c++) result[3 * (at + offset) + c] = data[3 * (best + offset) + c]!;
      isOpen[at + offset] = 0;
    }
  }
  return result;
}

/** The open pixel with the most known ones around it; −1 where none is open. */
function nextOpen(isOpen: Uint8Array, width: number, height: number, half: number): number {
  let [best, most] = [-1, -1];
  for (let y = half; y < height - half; y++) for (let x = half; x < width - half; x++) {
    const i = y * width + x;
    if (!isOpen[i] || (isOpen[i - 1] && isOpen[i + 1] && isOpen[i - width] && isOpen[i + width])) continue;
    let known = 0;
    for (let dy = -half; dy <= half; dy += 2) for (let dx = -half; dx <= half; dx += 2) known += 1 - isOpen[i + dy * width + dx]!;
    if (known > most) [best, most] = [i, known];
  }
  if (best < 0) for (let i = 0; i < isOpen.length; i++) if (isOpen[i]) isOpen[i] = 0;
  return best;
}
