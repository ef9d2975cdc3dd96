/** The small drawing kernel of the phantoms: fields of numbers, noise, exactly anti-aliased outlines, strokes. */
import type { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';

/** One number for each pixel, row-major. */
export interface Field {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** x to the right, y downwards, in pixels; the first pixel covers 0 … 1. */
export type Point = readonly [number, number];

/** How much of each pixel a shape covers, 0 … 1, over the rectangle whose upper left pixel is (x, y). It may reach outside the image. */
export interface Mask {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export function field(width: number, height: number, value = 0): Field {
  const data = new Float32Array(width * height);
  if (value !== 0) data.fill(value);
  return { width, height, data };
}

// ---------------------------------------------------------------------------------------------------------------- noise

/** `count` nearly normal numbers of mean 0 and variance 1: the sum of four bytes, which is normal enough for a picture and six times faster. */
export function whiteNoise(random: Random, count: number): Float32Array {
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const u = random.uint32();
    data[i] = ((u & 255) + ((u >>> 8) & 255) + ((u >>> 16) & 255) + (u >>> 24) - 510) * 0.0067658;
  }
  return data;
}

/** Brings a field to mean 0 and variance 1, in place. */
export function standardised(noise: Field): Field {
  const { data } = noise;
  let total = 0;
  let squares = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    total += value;
    squares += value * value;
  }
  const mean = total / data.length;
  const scale = 1 / Math.sqrt(Math.max(1e-12, squares / data.length - mean * mean));
  for (let i = 0; i < data.length; i++) data[i] = (data[i]! - mean) * scale;
  return noise;
}

/** The four weights of a cubic B-spline at `t` between two lattice points. */
function splineWeights(t: number): readonly [number, number, number, number] {
  const s = 1 - t;
  return [(s * s * s) / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * s * s * s - 6 * s * s + 4) / 6, (t * t * t) / 6];
}

/** Smooth noise of mean 0 and variance about 1 whose features are about `cell` pixels wide (and `cellY` high). */
export function smoothNoise(random: Random, width: number, height: number, cell: number, cellY = cell): Field {
  const columns = Math.ceil(width / cell) + 4;
  const rows = Math.ceil(height / cellY) + 4;
  const lattice = whiteNoise(random, columns * rows);
  const across = new Float32Array(width * rows);
  for (let x = 0; x < width; x++) {
    const at = x / cell;
    const c = Math.floor(at);
    const [a, b, d, e] = splineWeights(at - c);
    for (let r = 0; r < rows; r++) {
      const i = r * columns + c;
      across[r * width + x] = a * lattice[i]! + b * lattice[i + 1]! + d * lattice[i + 2]! + e * lattice[i + 3]!;
    }
  }
  const result = field(width, height);
  const { data } = result;
  for (let y = 0; y < height; y++) {
    const at = y / cellY;
    const r = Math.floor(at);
    // A cubic B-spline keeps 0.479 of the variance in each direction on average.
    const [a, b, d, e] = splineWeights(at - r).map((weight) => weight * 2.09) as [number, number, number, number];
    const i = r * width;
    for (let x = 0; x < width; x++) {
      data[y * width + x] = a * across[i + x]! + b * across[i + width + x]! + d * across[i + 2 * width + x]! + e * across[i + 3 * width + x]!;
    }
  }
  return result;
}

/** Octaves of smooth noise, each half as wide and `gain` times as strong as the last; variance about 1. */
export function fractalNoise(random: Random, width: number, height: number, cell: number, octaves: number, gain = 0.5): Field {
  const result = field(width, height);
  let strength = 1;
  let variance = 0;
  let size = cell;
  for (let octave = 0; octave < octaves && size >= 1; octave++) {
    const layer = smoothNoise(random, width, height, size);
    for (let i = 0; i < result.data.length; i++) result.data[i]! += strength * layer.data[i]!;
    variance += strength * strength;
    strength *= gain;
    size /= 2;
  }
  const scale = 1 / Math.sqrt(variance);
  for (let i = 0; i < result.data.length; i++) result.data[i]! *= scale;
  return result;
}

/**
 * Fully developed speckle: the magnitude of complex Gaussian scatterers seen through a point spread of `sigmaX` by `sigmaY` pixels.
 * Rayleigh distributed, scaled to mean 1.
 */
export function speckle(random: Random, width: number, height: number, sigmaX: number, sigmaY: number): Field {
  const real = standardised(blurred({ width, height, data: whiteNoise(random, width * height) }, sigmaX, sigmaY));
  const imaginary = standardised(blurred({ width, height, data: whiteNoise(random, width * height) }, sigmaX, sigmaY));
  for (let i = 0; i < real.data.length; i++) {
    const a = real.data[i]!;
    const b = imaginary.data[i]!;
    real.data[i] = Math.sqrt(a * a + b * b) * 0.797885;
  }
  return real;
}

function gaussian(sigma: number): Float32Array {
  const reach = Math.max(1, Math.ceil(sigma * 2.6));
  const taps = new Float32Array(2 * reach + 1);
  let total = 0;
  for (let i = -reach; i <= reach; i++) total += taps[i + reach] = Math.exp((-i * i) / (2 * sigma * sigma));
  return taps.map((tap) => tap / total);
}

/** The running mean of `size` (odd) values, edges repeated; `step` is the distance between neighbours. */
function boxLine(source: Float32Array, target: Float32Array, start: number, count: number, step: number, size: number): void {
  const reach = (size - 1) >> 1;
  const last = start + (count - 1) * step;
  let total = (reach + 1) * source[start]!;
  for (let i = 1; i <= reach; i++) total += source[Math.min(last, start + i * step)]!;
  for (let i = 0; i < count; i++) {
    target[start + i * step] = total / size;
    total += source[Math.min(last, start + (i + reach + 1) * step)]! - source[Math.max(start, start + (i - reach) * step)]!;
  }
}

function blurRows(source: Float32Array, width: number, height: number, sigma: number): Float32Array {
  if (sigma > 4) {
    const size = Math.round(Math.sqrt(4 * sigma * sigma + 1)) | 1;
    let from = source;
    for (let pass = 0; pass < 3; pass++) {
      const to = new Float32Array(source.length);
      for (let y = 0; y < height; y++) boxLine(from, to, y * width, width, 1, size);
      from = to;
    }
    return from;
  }
  const taps = gaussian(sigma);
  const reach = (taps.length - 1) / 2;
  const result = new Float32Array(source.length);
  const line = new Float32Array(width + 2 * reach);
  for (let y = 0; y < height; y++) {
    line.fill(source[y * width]!, 0, reach);
    line.set(source.subarray(y * width, (y + 1) * width), reach);
    line.fill(source[(y + 1) * width - 1]!, reach + width);
    for (let x = 0; x < width; x++) {
      let total = 0;
      for (let i = 0; i < taps.length; i++) total += taps[i]! * line[x + i]!;
      result[y * width + x] = total;
    }
  }
  return result;
}

function blurColumns(source: Float32Array, width: number, height: number, sigma: number): Float32Array {
  if (sigma > 4) {
    const size = Math.round(Math.sqrt(4 * sigma * sigma + 1)) | 1;
    let from = source;
    for (let pass = 0; pass < 3; pass++) {
      const to = new Float32Array(source.length);
      for (let x = 0; x < width; x++) boxLine(from, to, x, height, width, size);
      from = to;
    }
    return from;
  }
  const taps = gaussian(sigma);
  const reach = (taps.length - 1) / 2;
  const result = new Float32Array(source.length);
  for (let y = 0; y < height; y++) {
    const out = y * width;
    for (let i = 0; i < taps.length; i++) {
      const row = Math.min(height - 1, Math.max(0, y + i - reach)) * width;
      const tap = taps[i]!;
      for (let x = 0; x < width; x++) result[out + x]! += tap * source[row + x]!;
    }
  }
  return result;
}

/** Gaussian blur with edges repeated; three box passes stand in for wide ones. */
export function blurred({ width, height, data }: Field, sigma: number, sigmaY = sigma): Field {
  const rows = sigma > 0.15 ? blurRows(data, width, height, sigma) : data;
  return { width, height, data: sigmaY > 0.15 ? blurColumns(rows, width, height, sigmaY) : rows.slice() };
}

// --------------------------------------------------------------------------------------------------------------- shapes

/** A closed outline through an ellipse; `turn` in radians, clockwise on the screen. */
export function ellipse(cx: number, cy: number, rx: number, ry: number, turn = 0): Point[] {
  return blob(cx, cy, rx, ry, turn, []);
}

/** One wave of a blob's outline: `amplitude` relative to the radius, `waves` around, `phase` in radians. */
export interface Harmonic {
  readonly waves: number;
  readonly amplitude: number;
  readonly phase: number;
}

/** Waves 2 … `most` whose strength falls with frequency; `roughness` is the total relative amplitude. */
export function harmonics(random: Random, roughness: number, most = 6): Harmonic[] {
  const result: Harmonic[] = [];
  for (let waves = 2; waves <= most; waves++) {
    result.push({ waves, amplitude: (roughness * random.between(0.4, 1.2)) / waves ** 0.9, phase: random.between(0, 2 * Math.PI) });
  }
  return result;
}

/** A closed outline: an ellipse whose radius is modulated by `waves`. */
export function blob(cx: number, cy: number, rx: number, ry: number, turn: number, waves: readonly Harmonic[]): Point[] {
  const corners = Math.max(20, Math.min(240, Math.ceil(Math.max(rx, ry) * 1.5 + waves.length * 6)));
  const cos = Math.cos(turn);
  const sin = Math.sin(turn);
  const points: Point[] = [];
  for (let i = 0; i < corners; i++) {
    const angle = (2 * Math.PI * i) / corners;
    let radius = 1;
    for (const { waves: k, amplitude, phase } of waves) radius += amplitude * Math.cos(k * angle + phase);
    const u = rx * radius * Math.cos(angle);
    const v = ry * radius * Math.sin(angle);
    points.push([cx + u * cos - v * sin, cy + u * sin + v * cos]);
  }
  return points;
}

/** A smooth curve through the points (Catmull and Rom), `steps` points for each span; closed ones return to their start. */
export function smooth(points: readonly Point[], isClosed = true, steps = 8): Point[] {
  const count = points.length;
  const at = (i: number): Point => (isClosed ? points[(i + count) % count]! : points[Math.min(count - 1, Math.max(0, i))]!);
  const result: Point[] = [];
  for (let i = 0; i < (isClosed ? count : count - 1); i++) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let step = 0; step < steps; step++) {
      const t = step / steps;
      const axis = (k: 0 | 1): number =>
        0.5 * (2 * b[k] + (c[k] - a[k]) * t + (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t + (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t * t * t);
      result.push([axis(0), axis(1)]);
    }
  }
  if (!isClosed) result.push(points[count - 1]!);
  return result;
}

/** The points scaled about (cx, cy). */
export const scaled = (points: readonly Point[], cx: number, cy: number, sx: number, sy = sx): Point[] =>
  points.map(([x, y]) => [cx + (x - cx) * sx, cy + (y - cy) * sy]);

/** Whether a point lies within a closed outline. */
export function isInside(points: readonly Point[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [ax, ay] = points[i]!;
    const [bx, by] = points[j]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** The area that a closed outline encloses, in square pixels. */
export function enclosedArea(points: readonly Point[]): number {
  let total = 0;
  points.forEach(([x, y], i) => {
    const [nextX, nextY] = points[(i + 1) % points.length]!;
    total += x * nextY - nextX * y;
  });
  return Math.abs(total) / 2;
}

/** The longest distance between two points of an outline, in pixels: the long axis of a lesion. */
export function longAxis(points: readonly Point[]): number {
  let best = 0;
  for (let i = 0; i < points.length; i++) {
    for (let j = i + 1; j < points.length; j++) {
      const dx = points[i]![0] - points[j]![0];
      const dy = points[i]![1] - points[j]![1];
      best = Math.max(best, dx * dx + dy * dy);
    }
  }
  return Math.sqrt(best);
}

// -------------------------------------------------------------------------------------------------------------- filling

/** The exact pixel coverage of a closed outline that does not cross itself: signed areas are added up edge by edge, then summed along each row. */
export function filled(points: readonly Point[]): Mask {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [px, py] of points) {
    minX = Math.min(minX, px);
    maxX = Math.max(maxX, px);
    minY = Math.min(minY, py);
    maxY = Math.max(maxY, py);
  }
  const x = Math.floor(minX);
  const y = Math.floor(minY);
  const width = Math.max(1, Math.ceil(maxX) - x);
  const height = Math.max(1, Math.ceil(maxY) - y);
  const stride = width + 2;
  const deltas = new Float32Array(stride * height);
  for (let i = 0; i < points.length; i++) {
    const [ax, ay] = points[i]!;
    const [bx, by] = points[(i + 1) % points.length]!;
    if (ay < by) addEdge(deltas, stride, ax - x, ay - y, bx - x, by - y, 1);
    else if (by < ay) addEdge(deltas, stride, bx - x, by - y, ax - x, ay - y, -1);
  }
  const data = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    let total = 0;
    for (let column = 0; column < width; column++) {
      total += deltas[row * stride + column]!;
      data[row * width + column] = Math.min(1, Math.abs(total));
    }
  }
  return { x, y, width, height, data };
}

/** An outline's coverage with a soft edge: blurred by `sigma` pixels within its own surroundings, so that small things cost little. */
export function softened(points: readonly Point[], sigma: number): Mask {
  const sharp = filled(points);
  const margin = Math.ceil(sigma * 3);
  const padded = field(sharp.width + 2 * margin, sharp.height + 2 * margin);
  for (let y = 0; y < sharp.height; y++) padded.data.set(sharp.data.subarray(y * sharp.width, (y + 1) * sharp.width),
    (y + margin) * padded.width + margin);
  return { x: sharp.x - margin, y: sharp.y - margin, width: padded.width, height: padded.height, data: blurred(padded, sigma).data };
}

/** Adds one downward edge: each pixel right of it gains the part of its height that the edge spans, the pixels it crosses their covered part. */
function addEdge(deltas: Float32Array, stride: number, x0: number, y0: number, x1: number, y1: number, sign: number): void {
  const slope = (x1 - x0) / (y1 - y0);
  let x = x0;
  for (let row = Math.floor(y0); row < y1; row++) {
    const span = Math.min(row + 1, y1) - Math.max(row, y0);
    const next = x + slope * span;
    const left = Math.min(x, next);
    const right = Math.max(x, next);
    const first = Math.floor(left);
    const last = Math.floor(right);
    const base = row * stride;
    const d = sign * span;
    if (last === first) {
      const inside = 1 - ((left + right) / 2 - first);
      deltas[base + first]! += d * inside;
      deltas[base + first + 1]! += d * (1 - inside);
    } else {
      // Coverage of pixel c is the integral, over the edge's run, of the part of c right of the edge.
      const perPixel = d / (right - left);
      let before = 0;
      for (let c = first; c <= last; c++) {
        const enter = Math.max(left, c);
        const leave = Math.min(right, c + 1);
        const run = leave - enter;
        const covered = perPixel * (run * (c + 1 - (enter + leave) / 2) + Math.max(0, enter - left));
        deltas[base + c]! += covered - before;
        before = covered;
      }
      deltas[base + last + 1]! += d - before;
    }
    x = next;
  }
}

/** Draws a curve into a field of coverage, keeping the larger of old and new: `radius` in pixels, its own at each point if a function. */
export function stroke(target: Field, points: readonly Point[], radius: number | ((at: number) => number), strength = 1): void {
  const spans = points.length - 1;
  const radiusAt = typeof radius === 'number' ? () => radius : radius;
  for (let i = 0; i < spans; i++) {
    const [ax, ay] = points[i]!;
    const [bx, by] = points[i + 1]!;
    const ra = radiusAt(i / spans);
    const rb = radiusAt((i + 1) / spans);
    const reach = Math.max(ra, rb) + 1;
    const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
    const right = Math.min(target.width - 1, Math.ceil(Math.max(ax, bx) + reach));
    const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
    const bottom = Math.min(target.height - 1, Math.ceil(Math.max(ay, by) + reach));
    const dx = bx - ax;
    const dy = by - ay;
    const squared = Math.max(1e-9, dx * dx + dy * dy);
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const px = x + 0.5 - ax;
        const py = y + 0.5 - ay;
        const t = Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
        const ex = px - t * dx;
        const ey = py - t * dy;
        const r = ra + (rb - ra) * t;
        // A line thinner than a pixel keeps its weight by fading instead of shrinking.
        const cover = Math.min(1, 2 * r) * Math.min(1, Math.max(0, Math.max(r, 0.5) + 0.5 - Math.sqrt(ex * ex + ey * ey)));
        const i2 = y * target.width + x;
        if (cover * strength > target.data[i2]!) target.data[i2] = cover * strength;
      }
    }
  }
}

/** Calls `visit(index, coverage)` for each covered pixel of the image. */
export function forCovered(image: { readonly width: number; readonly height: number }, mask: Mask,
  visit: (index: number, coverage: number) => void): void {
  const left = Math.max(0, -mask.x);
  const right = Math.min(mask.width, image.width - mask.x);
  const top = Math.max(0, -mask.y);
  const bottom = Math.min(mask.height, image.height - mask.y);
  for (let y = top; y < bottom; y++) {
    let from = y * mask.width + left;
    let to = (y + mask.y) * image.width + mask.x + left;
    for (let x = left; x < right; x++, from++, to++) {
      const coverage = mask.data[from]!;
      if (coverage > 0) visit(to, coverage);
    }
  }
}

/** Replaces what lies under the mask by `value` (or by its value at a pixel index), mixed by coverage. */
export function paint(target: Field, mask: Mask, value: number | ((index: number) => number), opacity = 1): void {
  const { data } = target;
  if (typeof value === 'number') {
    forCovered(target, mask, (i, coverage) => {
      data[i]! += (value - data[i]!) * coverage * opacity;
    });
  } else {
    forCovered(target, mask, (i, coverage) => {
      data[i]! += (value(i) - data[i]!) * coverage * opacity;
    });
  }
}

/** Adds `amount` times the coverage. */
export function deposit(target: Field, mask: Mask, amount: number): void {
  forCovered(target, mask, (i, coverage) => {
    target.data[i]! += amount * coverage;
  });
}

/** The mask as a field of the image's size. */
export function coverage(width: number, height: number, points: readonly Point[]): Field {
  const result = field(width, height);
  paint(result, filled(points), 1);
  return result;
}

/** Replaces the target by `value` in proportion to a field of coverage. */
export function paintField(target: Field, cover: Field, value: number | ((index: number) => number), opacity = 1): void {
  const valueAt = typeof value === 'number' ? () => value : value;
  for (let i = 0; i < target.data.length; i++) {
    const c = cover.data[i]!;
    if (c > 0) target.data[i]! += (valueAt(i) - target.data[i]!) * c * opacity;
  }
}

// ---------------------------------------------------------------------------------------------------------------- truth

/** The smallest box around all pixels that are at least half covered, within the image; null where there is none. */
export function boxOfMask(image: { readonly width: number; readonly height: number }, mask: Mask): Box | null {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  forCovered(image, mask, (i, coverage) => {
    if (coverage < 0.5) return;
    const x = i % image.width;
    const y = (i - x) / image.width;
    x1 = Math.min(x1, x);
    x2 = Math.max(x2, x + 1);
    y1 = Math.min(y1, y);
    y2 = Math.max(y2, y + 1);
  });
  return x2 > x1 ? { x1, y1, x2, y2 } : null;
}

/** The smallest box around all pixels of a field that reach `threshold`; null where there is none. */
export function boxOfField(cover: Field, threshold = 0.5): Box | null {
  return boxOfMask(cover, { x: 0, y: 0, width: cover.width, height: cover.height, data: cover.data.map((value) => (value >= threshold ? 1 : 0)) });
}
