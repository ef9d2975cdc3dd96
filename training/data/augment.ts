/** Seeing a training image anew each time: moved, scaled, turned, mirrored, brighter or darker, with its boxes moved along. */
import type { Random } from '#models/base/random.ts';
import { clamp } from '#models/base/math.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { CaseBox, Flips } from '#training/records/caseRecord.ts';

export interface AugmentOptions {
  /** Part of the draws that are left as they are, exactly as the model will meet images later. */
  readonly plain: number;
  /** Largest factor by which the view zooms in or out, and by which the aspect changes: 1.2 means 1/1.2 … 1.2. */
  readonly zoom: number;
  readonly aspect: number;
  /** Largest move, as a part of the side. */
  readonly shift: number;
  /** Largest turn, in degrees. */
  readonly turn: number;
  /** Largest relative change of brightness, contrast and saturation. */
  readonly colour: number;
  /** Chance of a grey rectangle over a part of the image that holds no box. */
  readonly erase: number;
}

export interface Augmented {
  readonly picture: Picture;
  /** In pixels of `picture`; those of which less than half is left in view are gone. */
  readonly boxes: readonly CaseBox[] | null;
  readonly flippedX: boolean;
  readonly flippedY: boolean;
  readonly quarterTurns: number;
  /** Whether every box is still wholly known: false where one was cut away. */
  readonly complete: boolean;
}

/**
 * @param boxes  in pixels of `source`
 * @param size   of the result
 */
export function augment(source: Picture, boxes: readonly CaseBox[] | null, size: { width: number; height: number }, flips: Flips, options: AugmentOptions, random: Random): Augmented {
  const plain = random.chance(options.plain);
  const flippedX = flips.horizontal && random.chance(0.5);
  const flippedY = flips.vertical && random.chance(0.5);
  const quarterTurns = flips.quarterTurns && random.chance(0.5) ? 1 : 0;
  const spread = (limit: number): number => (plain ? 1 : Math.exp(random.between(-1, 1) * Math.log(limit)));
  const zoom = spread(options.zoom);
  const stretch = Math.sqrt(spread(options.aspect));
  const move = (): number => (plain ? 0 : random.between(-options.shift, options.shift));
  // A turned box is no longer the tightest one, so what is boxed is not turned.
  const turn = plain || boxes?.length ? 0 : (random.between(-options.turn, options.turn) * Math.PI) / 180;
  const [moveX, moveY] = [move(), move()];

  // From the result's centred unit square to the source's: zoom, turn, mirror, quarter turn, move.
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const linear = multiply(
    quarterTurns ? [0, 1, -1, 0] : [1, 0, 0, 1],
    multiply([flippedX ? -1 : 1, 0, 0, flippedY ? -1 : 1], multiply([cos, -sin, sin, cos], [zoom * stretch, 0, 0, zoom / stretch])));
  const toSource = {
    xx: (linear[0] * source.width) / size.width, xy: (linear[1] * source.width) / size.height,
    yx: (linear[2] * source.height) / size.width, yy: (linear[3] * source.height) / size.height,
    x: source.width * (0.5 + moveX - 0.5 * linear[0] - 0.5 * linear[1]), y: source.height * (0.5 + moveY - 0.5 * linear[2] - 0.5 * linear[3]),
  };
  const data = sample(source, size, toSource);
  if (!plain) recolour(data, options.colour, random);

  let complete = true;
  const moved = boxes?.flatMap(({ class: name, box }) => {
    const whole = inverseBox(box, toSource);
    const seen = { x1: clamp(whole.x1, 0, size.width), y1: clamp(whole.y1, 0, size.height), x2: clamp(whole.x2, 0, size.width), y2: clamp(whole.y2, 0, size.height) };
    const part = ((seen.x2 - seen.x1) * (seen.y2 - seen.y1)) / ((whole.x2 - whole.x1) * (whole.y2 - whole.y1));
    if (part < 0.85) complete = false;
    return part < 0.5 ? [] : [{ class: name, box: seen }];
  }) ?? null;
  if (!plain && random.chance(options.erase)) erase(data, size, moved, random);
  return { picture: { ...size, data }, boxes: moved, flippedX, flippedY, quarterTurns, complete };
}

type Matrix = readonly [number, number, number, number];
const multiply = ([a, b, c, d]: Matrix, [e, f, g, h]: Matrix): Matrix => [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h];

interface Affine {
  readonly xx: number; readonly xy: number; readonly yx: number; readonly yy: number; readonly x: number; readonly y: number;
}

/** Bilinear samples of the source at each result pixel's centre; outside the source its border continues. */
function sample({ width, height, data }: Picture, size: { width: number; height: number }, at: Affine): Uint8Array {
  const result = new Uint8Array(size.width * size.height * 3);
  const { xx, xy, yx, yy } = at;
  const [right, bottom, stride] = [width - 1, height - 1, width * 3];
  let o = 0;
  for (let y = 0; y < size.height; y++) {
    let sx = 0.5 * xx + xy * (y + 0.5) + at.x - 0.5;
    let sy = 0.5 * yx + yy * (y + 0.5) + at.y - 0.5;
    for (let x = 0; x < size.width; x++, sx += xx, sy += yx, o += 3) {
      const cx = sx < 0 ? 0 : sx > right ? right : sx;
      const cy = sy < 0 ? 0 : sy > bottom ? bottom : sy;
      const x0 = cx | 0;
      const y0 = cy | 0;
      const fx = cx - x0;
      const fy = cy - y0;
      const i = y0 * stride + x0 * 3;
      const j = x0 < right ? i + 3 : i;
      const down = y0 < bottom ? stride : 0;
      const d = fx * fy;
      const b = fx - d;
      const c = fy - d;
      const a = 1 - fx - c;
      result[o] = a * data[i]! + b * data[j]! + c * data[i + down]! + d * data[j + down]! + 0.5;
      result[o + 1] = a * data[i + 1]! + b * data[j + 1]! + c * data[i + down + 1]! + d * data[j + down + 1]! + 0.5;
      result[o + 2] = a * data[i + 2]! + b * data[j + 2]! + c * data[i + down + 2]! + d * data[j + down + 2]! + 0.5;
    }
  }
  return result;
}

/** Where a source box lies in the result. */
function inverseBox({ x1, y1, x2, y2 }: Box, { xx, xy, yx, yy, x, y }: Affine): Box {
  const determinant = xx * yy - xy * yx;
  const point = (sx: number, sy: number): [number, number] => [(yy * (sx - x) - xy * (sy - y)) / determinant, (xx * (sy - y) - yx * (sx - x)) / determinant];
  const corners = [point(x1, y1), point(x2, y1), point(x1, y2), point(x2, y2)];
  const xs = corners.map(([px]) => px);
  const ys = corners.map(([, py]) => py);
  return { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs), y2: Math.max(...ys) };
}

/** Contrast about mid-grey, brightness, and saturation about each pixel's own grey, in one table and one pass. */
function recolour(data: Uint8Array, strength: number, random: Random): void {
  const change = (): number => 1 + random.between(-strength, strength);
  const [contrast, brightness, saturation, gamma] = [change(), change(), change(), Math.exp(random.between(-1, 1) * strength)];
  const levels = Float32Array.from({ length: 256 }, (_, level) => 255 * ((level / 255) ** gamma - 0.5) * contrast * brightness + 127.5 * brightness);
  for (let i = 0; i < data.length; i += 3) {
    const r = levels[data[i]!]!;
    const g = levels[data[i + 1]!]!;
    const b = levels[data[i + 2]!]!;
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    data[i] = clamp(grey + saturation * (r - grey) + 0.5, 0, 255);
    data[i + 1] = clamp(grey + saturation * (g - grey) + 0.5, 0, 255);
    data[i + 2] = clamp(grey + saturation * (b - grey) + 0.5, 0, 255);
  }
}

/** A grey rectangle of 2 to 12 % of the area, unless it would touch a box. */
function erase(data: Uint8Array, { width, height }: { width: number; height: number }, boxes: readonly CaseBox[] | null, random: Random): void {
  const part = random.between(0.02, 0.12);
  const shape = Math.exp(random.between(-0.7, 0.7));
  const w = Math.round(width * Math.sqrt(part) * shape);
  const h = Math.round((height * Math.sqrt(part)) / shape);
  const [left, top] = [random.below(Math.max(1, width - w)), random.below(Math.max(1, height - h))];
  const touches = boxes?.some(({ box }) => box.x1 < left + w && box.x2 > left && box.y1 < top + h && box.y2 > top) ?? false;
  if (touches) return;
  const grey = random.below(256);
  for (let y = top; y < Math.min(height, top + h); y++) data.fill(grey, (y * width + left) * 3, (y * width + Math.min(width, left + w)) * 3);
}
