/** What chest and abdomen have in common on CT: skin, fat, muscle, ribs, spine and the table. */
import type { Random } from '#models/base/random.ts';
import { blob, coverage, ellipse, field, paint, paintField, scaled, smooth, smoothNoise } from './drawing.ts';
import type { Field, Point } from './drawing.ts';
import { filledMm, strokeMm, toPixels } from './plane.ts';
import type { Plane } from './plane.ts';

/** Hounsfield units of what a body is made of. */
export const hu = { air: -1000, lung: -855, fat: -102, water: 5, muscle: 52, softTissue: 40, marrow: 210, cortex: 780 } as const;

export interface TorsoShape {
  /** Half width and half depth of the body, mm. */
  readonly halfWidth: number;
  readonly halfDepth: number;
  readonly fatMm: number;
  readonly muscleMm: number;
}

/** A rounded oblong: flatter than an ellipse in front and behind. */
function bodyOutline({ halfWidth, halfDepth }: TorsoShape): Point[] {
  const points: Point[] = [];
  for (let i = 0; i < 160; i++) {
    const angle = (2 * Math.PI * i) / 160;
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    const flat = s > 0 ? 0.78 : 0.9;
    points.push([halfWidth * Math.sign(c) * Math.abs(c) ** 0.86,
      halfDepth * Math.sign(s) * Math.abs(s) ** flat - (s > 0 ? 5 * Math.exp(-((c / 0.16) ** 2)) : 0)]);
  }
  return points;
}

/** Air, table, skin, fat and the muscle ring; returns the outline inside the muscle, in mm. */
export function drawTorso(at: Plane, shape: TorsoShape, random: Random): Point[] {
  const { values, size } = at;
  const outline = bodyOutline(shape);
  const table = field(size, size);
  const tableY = shape.halfDepth + 3;
  const curve = (drop: number): Point[] =>
    Array.from({ length: 41 }, (_, i): Point => [-215 + (i * 430) / 40, tableY + drop - 42 * ((i - 20) / 20) ** 4 + 4]);
  strokeMm(at, table, curve(0), 1.6);
  strokeMm(at, table, curve(26), 1.3, 0.6);
  paintField(values, table, -180);

  paint(values, filledMm(at, outline), 15);
  const inner = (mm: number): Point[] => scaled(outline, 0, 0, 1 - mm / shape.halfWidth, 1 - mm / shape.halfDepth);
  const lobules = smoothNoise(random, size, size, 7 / at.spacingMm);
  const strands = smoothNoise(random, size, size, 12 / at.spacingMm, 5 / at.spacingMm);
  paint(values, filledMm(at, inner(2.2)), (i) => hu.fat + 6 * lobules.data[i]! + 55 * Math.exp(-((strands.data[i]! / 0.035) ** 2)));

  const muscle = inner(2.2 + shape.fatMm);
  // Fat planes between the muscles: where a smooth field crosses zero.
  paint(values, filledMm(at, muscle), (i) => hu.muscle + 5 * lobules.data[i]! - 85 * Math.exp(-((strands.data[i]! / 0.1) ** 2)));
  return inner(2.2 + shape.fatMm + shape.muscleMm);
}

/** Cortical shell with spongy marrow inside. */
export function drawBone(at: Plane, outline: readonly Point[], shellMm: number, texture: Field, cortex: number = hu.cortex,
  marrow: number = hu.marrow): void {
  paint(at.values, filledMm(at, outline), cortex);
  const cx = outline.reduce((total, [x]) => total + x, 0) / outline.length;
  const cy = outline.reduce((total, [, y]) => total + y, 0) / outline.length;
  const width = Math.max(...outline.map(([x]) => x)) - Math.min(...outline.map(([x]) => x));
  const height = Math.max(...outline.map(([, y]) => y)) - Math.min(...outline.map(([, y]) => y));
  const inside = scaled(outline, cx, cy, Math.max(0.05, 1 - (2 * shellMm) / width), Math.max(0.05, 1 - (2 * shellMm) / height));
  paint(at.values, filledMm(at, inside), (i) => marrow + 45 * texture.data[i]!);
}

/**
 * A vertebra whose body is centred at (x 0, `y`): body, pedicles, canal with cord, laminae, spinous and transverse processes.
 * `level` (mm) lets the arch come and go from slice to slice.
 */
export function drawVertebra(at: Plane, y: number, level: number, texture: Field, scale = 1): void {
  const isDisc = ((level % 27) + 27) % 27 < 5;
  const arch = field(at.size, at.size);
  const s = scale;
  for (const side of [-1, 1]) {
    strokeMm(at, arch, [[side * 12 * s, y + 12 * s], [side * 12.5 * s, y + 26 * s]], 3.6 * s);
    strokeMm(at, arch, [[side * 12 * s, y + 25 * s], [0, y + 36 * s]], 3 * s);
    strokeMm(at, arch, [[side * 12 * s, y + 25 * s], [side * 30 * s, y + 31 * s]], (t) => (4.2 - 1.2 * t) * s);
  }
  strokeMm(at, arch, [[0, y + 34 * s], [0, y + 48 * s]], (t) => (2.6 + 1.6 * t) * s);
  if (isDisc) for (let i = 0; i < arch.data.length; i++) arch.data[i]! *= 0.55;
  paintField(at.values, arch, (i) => 480 + 60 * texture.data[i]!);
  paint(at.values, filledMm(at, ellipse(0, y + 24 * s, 9.5 * s, 8.5 * s)), 22);
  paint(at.values, filledMm(at, ellipse(0, y + 24 * s, 5.5 * s, 4.5 * s)), 42);
  const body = blob(0, y, 18.5 * s, 15 * s, 0, [{ waves: 2, amplitude: 0.03, phase: 0 }, { waves: 3, amplitude: 0.05, phase: Math.PI / 2 }]);
  if (isDisc) paint(at.values, filledMm(at, body), (i) => 88 + 8 * texture.data[i]!);
  else drawBone(at, body, 1.4, texture, 520, 190);
}

/**
 * The rib sections of one slice along a cage of half axes `a`, `b` about (0, `y`): ribs run downwards to the front,
 * so a level cuts several of them, and the cuts move along the wall from slice to slice.
 */
export function drawRibs(at: Plane, a: number, b: number, y: number, level: number, texture: Field): void {
  const gap = 27;
  const shift = ((level / 22) * gap) % gap;
  for (const side of [-1, 1]) {
    for (let k = 0; k < 7; k++) {
      const degrees = 24 + k * gap + shift + (side > 0 ? 5 : 0);
      if (degrees > 158) continue;
      const angle = (degrees * Math.PI) / 180;
      // From the spine (straight back) round the side to the front.
      const x = side * a * Math.sin(angle);
      const cy = y + b * Math.cos(angle);
      const tangent = Math.atan2(-b * Math.sin(angle), side * a * Math.cos(angle));
      const isCartilage = degrees > 140;
      const outline = ellipse(x, cy, isCartilage ? 10 : 9.5 + 2 * Math.sin(3 * degrees), isCartilage ? 5 : 3.7, tangent);
      if (isCartilage) paint(at.values, filledMm(at, outline), (i) => 115 + 12 * texture.data[i]!);
      else drawBone(at, outline, 1.3, texture, 700, 240);
    }
  }
}

/** The coverage of an outline in mm over the whole slice. */
export const coverageMm = (at: Plane, points: readonly Point[]): Field => coverage(at.size, at.size, toPixels(at, points));

/** A smooth closed outline through a few landmarks in mm. */
export const organ = (landmarks: readonly Point[]): Point[] => smooth(landmarks, true, 10);

/** Landmark by landmark between two outlines of equal length. */
export const between = (from: readonly Point[], to: readonly Point[], t: number): Point[] =>
  from.map(([x, y], i) => [x + (to[i]![0] - x) * t, y + (to[i]![1] - y) * t]);
