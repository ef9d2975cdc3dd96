/** A slide stained with haematoxylin and eosin: glands, nests or alveoli with their nuclei, as a pyramid. */
import { clamp } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { stains, throughStains } from './colour.ts';
import { blob, blurred, boxOfField, coverage, ellipse, enclosedArea, field, filled, forCovered, fractalNoise, harmonics, scaled, smoothNoise,
  whiteNoise } from './drawing.ts';
import type { Field, Point } from './drawing.ts';
import { rounded } from './study.ts';
import type { PhantomBox, PhantomLevel, PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';

export const slideLabels = ['benign_lung_tissue', 'lung_adenocarcinoma', 'lung_squamous_cell_carcinoma'] as const;

/** Micrometres per pixel at level 0. */
const mpp = 0.5;

interface Section {
  readonly size: number;
  readonly random: Random;
  /** Amounts of haematoxylin and eosin. */
  readonly blue: Field;
  readonly pink: Field;
  readonly fine: Field;
}

export function drawSlide(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const size = options.size ?? 1024;
  const random = Random.named(seed, 'slide');
  const label = options.label ?? random.pick(slideLabels);
  const section: Section = { size, random, blue: field(size, size), pink: field(size, size), fine: smoothNoise(random, size, size, 2.3) };
  const half = size / 2;
  const outline = blob(half, half, half * 0.97, half * 0.94, 0, harmonics(random, 0.05, 7));
  const tissue = coverage(size, size, outline);
  drawAlveoli(section, tissue);
  const boxes: PhantomBox[] = [];
  const measurements: PhantomMeasurement[] = [];
  if (label !== 'benign_lung_tissue') {
    const r = half * random.between(0.5, 0.66);
    const x = half + half * random.between(-0.22, 0.22);
    const y = half + half * random.between(-0.22, 0.22);
    const tumour = blob(x, y, r, r * random.between(0.75, 1), random.between(0, 3), harmonics(random, 0.07, 7));
    const region = coverage(size, size, tumour);
    drawStroma(section, region);
    const isGland = label === 'lung_adenocarcinoma';
    const count = isGland ? drawGlands(section, region) : drawNests(section, region);
    const box = boxOfField(region);
    if (box !== null) boxes.push({ class: label, box });
    measurements.push({ name: 'tumour area', class: label, frame: 0, value: rounded(enclosedArea(tumour) * (mpp / 1000) ** 2, 3), unit: 'mm2' });
    measurements.push({ name: 'count', class: isGland ? 'gland' : 'nest', frame: 0, value: count, unit: 'count' });
  }
  const uneven = fractalNoise(random, size, size, size / 3, 2);
  for (let i = 0; i < uneven.data.length; i++) {
    const stainDepth = 1 + 0.05 * uneven.data[i]!;
    section.blue.data[i] = section.blue.data[i]! * stainDepth * tissue.data[i]!;
    section.pink.data[i] = section.pink.data[i]! * stainDepth * tissue.data[i]! + 0.004;
  }
  const top = throughStains([246, 243, 246], [
    { amount: blurred(section.blue, 0.6), stain: stains.haematoxylin }, { amount: blurred(section.pink, 0.6), stain: stains.eosin },
  ], whiteNoise(random, size * size), 2);
  return {
    kind: 'slide', seed, modality: 'microscopy', label, labels: slideLabels, measurements,
    levels: pyramid(top),
    frames: [{
      picture: top, stored: null, boxes, thicknessMm: null,
      geometry: { spacingMm: [mpp / 1000, mpp / 1000], spacingSource: 'SlideResolution', positionMm: null, orientation: null },
    }],
    facts: { specimen: 'lung tissue section', stain: 'H&E', abnormal: label !== 'benign_lung_tissue', mpp },
  };
}

/** Every level is a quarter of the area of the one before, down to about 256 pixels. */
function pyramid(top: Picture): PhantomLevel[] {
  const levels: PhantomLevel[] = [{ picture: top, downsample: 1, mpp }];
  let picture = top;
  for (let downsample = 2; Math.max(picture.width, picture.height) > 256; downsample *= 2) {
    picture = halved(picture);
    levels.push({ picture, downsample, mpp: mpp * downsample });
  }
  return levels;
}

/** Half the width and height: each pixel is the mean of four. */
export function halved({ width, height, data }: Picture): Picture {
  const w = Math.max(1, width >> 1);
  const h = Math.max(1, height >> 1);
  const result = new Uint8Array(w * h * 3);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      for (let c = 0; c < 3; c++) {
        const i = (2 * y * width + 2 * x) * 3 + c;
        result[(y * w + x) * 3 + c] = (data[i]! + data[i + 3]! + data[i + width * 3]! + data[i + width * 3 + 3]! + 2) >> 2;
      }
    }
  }
  return { width: w, height: h, data: result };
}

/** One nucleus: an oval of haematoxylin with clumps, over what lies there. */
function nucleus({ blue, pink, fine, random }: Section, x: number, y: number, rx: number, ry: number, turn: number, strength: number,
  roughness = 0.05): void {
  const clumps = random.between(0.1, 0.22);
  forCovered(blue, filled(blob(x, y, rx, ry, turn, roughness > 0 ? harmonics(random, roughness, 4) : [])), (i, cover) => {
    const amount = Math.max(0.1, strength * (1 + clumps * fine.data[i]!));
    blue.data[i]! += (amount - blue.data[i]!) * cover;
    pink.data[i]! += (0.2 - pink.data[i]!) * cover * 0.7;
  });
}

/** Thin walls with flat nuclei and capillaries between empty air spaces. */
function drawAlveoli(section: Section, tissue: Field): void {
  const { size, random, blue, pink, fine } = section;
  const a = smoothNoise(random, size, size, 44 / mpp / 1.6);
  const b = smoothNoise(random, size, size, 26 / mpp / 1.6);
  const thick = smoothNoise(random, size, size, 150 / mpp);
  const wall = field(size, size);
  for (let i = 0; i < wall.data.length; i++) {
    const width = 0.11 + 0.07 * clamp(thick.data[i]!, -1, 2);
    const ridge = Math.abs(a.data[i]! + 0.45 * b.data[i]!);
    const c = clamp((width - ridge) * 26 + 0.5, 0, 1) * tissue.data[i]!;
    wall.data[i] = c;
    pink.data[i]! += c * (0.3 + 0.05 * fine.data[i]!);
    blue.data[i]! += c * 0.07;
  }
  const count = Math.round((size * size * mpp * mpp) / 60);
  for (let k = 0; k < count; k++) {
    const x = random.between(3, size - 3);
    const y = random.between(3, size - 3);
    const i = Math.floor(y) * size + Math.floor(x);
    if (wall.data[i]! < 0.8) continue;
    // Along the wall: across the gradient of the ridge.
    const gx = a.data[i + 1]! - a.data[i - 1]!;
    const gy = a.data[Math.min(i + size, a.data.length - 1)]! - a.data[Math.max(0, i - size)]!;
    nucleus(section, x, y, random.between(3.2, 5) / mpp, random.between(1.5, 2.4) / mpp, Math.atan2(gx, -gy), random.between(0.55, 0.8));
  }
  // Red cells lie in the larger vessels and here and there in an air space.
  for (let k = 0; k < count / 8; k++) {
    const x = random.between(3, size - 3);
    const y = random.between(3, size - 3);
    if (wall.data[Math.floor(y) * size + Math.floor(x)]! < 0.5 && random.chance(0.9)) continue;
    forCovered(pink, filled(ellipse(x, y, 3.2 / mpp, 2.7 / mpp, 0)), (i, cover) => {
      pink.data[i]! += (0.52 - pink.data[i]!) * cover * 0.85 * tissue.data[i]!;
    });
  }
}

/** Fibrous tissue with spindle cells and some lymphocytes fills the tumour before its glands are drawn. */
function drawStroma(section: Section, region: Field): void {
  const { size, random, blue, pink, fine } = section;
  const direction = random.between(0, Math.PI);
  const flow = smoothNoise(random, size, size, 60 / mpp);
  const bands = fractalNoise(random, size, size, 9 / mpp, 3, 0.8);
  const cos = Math.cos(direction);
  const sin = Math.sin(direction);
  for (let i = 0; i < region.data.length; i++) {
    const c = region.data[i]!;
    if (c === 0) continue;
    const x = i % size;
    const y = (i - x) / size;
    const fibre = Math.sin(((x * cos + y * sin) * mpp) / 1.9 + 9 * flow.data[i]! + 1.2 * bands.data[i]!);
    pink.data[i]! += (0.26 + 0.07 * fibre + 0.05 * bands.data[i]! + 0.02 * fine.data[i]! - pink.data[i]!) * c;
    blue.data[i]! += (0.055 + 0.02 * bands.data[i]! - blue.data[i]!) * c;
  }
  const count = Math.round((size * size * mpp * mpp) / 420);
  const crowd = smoothNoise(random, size, size, 90 / mpp);
  for (let k = 0; k < count; k++) {
    const x = random.between(4, size - 4);
    const y = random.between(4, size - 4);
    const i = Math.floor(y) * size + Math.floor(x);
    if (region.data[i]! < 0.8) continue;
    if (crowd.data[i]! > 0.9) nucleus(section, x, y, 3 / mpp, 2.9 / mpp, 0, random.between(0.85, 1.05), 0.02);
    else nucleus(section, x, y, random.between(4.5, 7.5) / mpp, random.between(1.2, 1.9) / mpp,
      direction + Math.PI / 2 + 0.9 * flow.data[i]! + random.normal() * 0.25, random.between(0.5, 0.75));
  }
}

/** Places circles that neither overlap nor leave the region; returns those that fit. */
function packed({ size, random }: Section, region: Field, low: number, high: number, share: number): { x: number; y: number; r: number }[] {
  const result: { x: number; y: number; r: number }[] = [];
  let area = 0;
  for (const value of region.data) area += value;
  let covered = 0;
  for (let k = 0; k < 6000 && covered < area * share; k++) {
    const r = random.between(low, k > 4000 ? low * 1.3 : k > 1500 ? (low + high) / 2 : high) / mpp;
    const x = random.between(r, size - r);
    const y = random.between(r, size - r);
    const isInside = Array.from({ length: 8 }, (_, turn) => (turn * Math.PI) / 4).every((turn) => {
      const px = Math.floor(x + r * Math.cos(turn));
      const py = Math.floor(y + r * Math.sin(turn));
      return px >= 0 && py >= 0 && px < size && py < size && region.data[py * size + px]! > 0.5;
    });
    if (!isInside || result.some((other) => Math.hypot(other.x - x, other.y - y) < (other.r + r) * 1.02)) continue;
    result.push({ x, y, r });
    covered += Math.PI * r * r;
  }
  return result;
}

/** Glands: a ring of columnar cells, nuclei towards its outside, round an empty or mucous lumen. */
function drawGlands(section: Section, region: Field): number {
  const { random, blue, pink, fine } = section;
  const glands = packed(section, region, 18, 52, 0.7);
  for (const { x, y, r } of glands) {
    const waves = harmonics(random, 0.1, 6);
    const turn = random.between(0, 3);
    const squash = random.between(0.7, 1);
    const outer = blob(x, y, r * 0.9, r * 0.9 * squash, turn, waves);
    const cellHeight = random.between(12, 18) / mpp;
    const k = clamp(1 - cellHeight / (r * 0.9 * squash), 0.12, 0.75);
    forCovered(pink, filled(outer), (i, cover) => {
      pink.data[i]! += (0.25 + 0.03 * fine.data[i]! - pink.data[i]!) * cover;
      blue.data[i]! += (0.15 + 0.03 * fine.data[i]! - blue.data[i]!) * cover;
    });
    const mucus = random.chance(0.4) ? 0.05 : 0;
    forCovered(pink, filled(scaled(outer, x, y, k)), (i, cover) => {
      pink.data[i]! += (0.015 + mucus - pink.data[i]!) * cover;
      blue.data[i]! += (0.01 + mucus - blue.data[i]!) * cover;
    });
    const rings = random.chance(0.45) ? [0.93, 0.78] : [0.9];
    for (const ring of rings) {
      const path = scaled(outer, x, y, k + (1 - k) * (ring - 0.22));
      let travelled = 0;
      let next = 0;
      for (let i = 0; i < path.length; i++) {
        const [ax, ay] = path[i]!;
        const [bx, by] = path[(i + 1) % path.length]!;
        travelled += Math.hypot(bx - ax, by - ay);
        if (travelled < next) continue;
        next = travelled + random.between(6.5, 9.5) / mpp;
        const radial = Math.atan2(ay - y, ax - x);
        nucleus(section, ax + random.normal() * 1.6, ay + random.normal() * 1.6, random.between(4.2, 5.8) / mpp, random.between(2.7, 3.8) / mpp,
          radial + random.normal() * 0.2, random.between(0.6, 0.95), 0.08);
      }
    }
  }
  return glands.length;
}

/** Nests of polygonal cells, larger and paler towards their middle, some with a pearl of keratin. */
function drawNests(section: Section, region: Field): number {
  const { random, blue, pink, fine } = section;
  const nests = packed(section, region, 26, 90, 0.72);
  for (const { x, y, r } of nests) {
    const outline = blob(x, y, r * 0.94, r * 0.94 * random.between(0.72, 1), random.between(0, 3), harmonics(random, 0.12, 7));
    const inside = filled(outline);
    forCovered(pink, inside, (i, cover) => {
      pink.data[i]! += (0.33 + 0.04 * fine.data[i]! - pink.data[i]!) * cover;
      blue.data[i]! += (0.14 - blue.data[i]!) * cover;
    });
    const pearl = r > 55 / mpp && random.chance(0.55) ? { x: x + random.normal() * r * 0.12, y: y + random.normal() * r * 0.12,
      r: r * random.between(0.22, 0.36) } : null;
    const placed: Point[] = [];
    for (let k = 0; k < (r * mpp) ** 2 / 5; k++) {
      const nx = x + random.between(-1, 1) * r;
      const ny = y + random.between(-1, 1) * r;
      const column = Math.floor(nx) - inside.x;
      const row = Math.floor(ny) - inside.y;
      if (column < 0 || row < 0 || column >= inside.width || row >= inside.height || inside.data[row * inside.width + column]! < 0.9) continue;
      if (pearl !== null && Math.hypot(nx - pearl.x, ny - pearl.y) < pearl.r) continue;
      const gap = (7.5 + 4 * (1 - Math.min(1, Math.hypot(nx - x, ny - y) / r))) / mpp;
      if (placed.some(([px, py]) => Math.hypot(px - nx, py - ny) < gap)) continue;
      placed.push([nx, ny]);
      const big = random.chance(0.12) ? 1.45 : 1;
      nucleus(section, nx, ny, (random.between(3.8, 5.2) * big) / mpp, (random.between(3, 4.2) * big) / mpp, random.between(0, 3),
        random.between(0.5, 0.9), 0.09);
    }
    if (pearl === null) continue;
    forCovered(pink, filled(blob(pearl.x, pearl.y, pearl.r, pearl.r * 0.9, 0, harmonics(random, 0.08, 5))), (i, cover) => {
      const px = (i % section.size) - pearl.x;
      const py = Math.floor(i / section.size) - pearl.y;
      const onion = Math.sin((Math.hypot(px, py) * mpp) / 1.3 + 0.8 * fine.data[i]!);
      pink.data[i]! += (0.6 + 0.09 * onion - pink.data[i]!) * cover;
      blue.data[i]! += (0.04 - blue.data[i]!) * cover;
    });
  }
  return nests.length;
}
