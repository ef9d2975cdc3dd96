/** A CT series of the chest: contrast in the vessels, lungs with their vessel trees, and nodules that are spheres in three dimensions. */
import { Random } from '#models/base/random.ts';
import { blob, blurred, ellipse, field, filled, forCovered, fractalNoise, harmonics, isInside, longAxis, paint, paintField, smoothNoise,
  stroke } from './drawing.ts';
import type { Field, Harmonic, Mask, Point } from './drawing.ts';
import { axialGeometry, filledMm, plane, scannerNoise, storedHu, strokeMm, toPixel } from './plane.ts';
import type { Plane } from './plane.ts';
import { between, coverageMm, drawBone, drawRibs, drawTorso, drawVertebra, hu, organ } from './torso.ts';
import { boxesOf, rounded } from './study.ts';
import type { PhantomBox, PhantomFrame, PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';
import { drawVessels, nearFirst, vesselTree } from './vesselTree.ts';
import type { Point3, Vessel } from './vesselTree.ts';

export const chestLabels = ['normal', 'benign', 'malignant'] as const;

/** From the aortic arch (0) to the middle of the heart (1). */
const regionMm = 150;

interface Nodule {
  readonly centre: Point3;
  readonly radiusMm: number;
  readonly waves: readonly Harmonic[];
  readonly isMalignant: boolean;
  readonly isCalcified: boolean;
  readonly spicules: readonly { readonly angle: number; readonly length: number }[];
  readonly value: number;
}

const rightUpper: Point[] = [[-14, -62], [-42, -74], [-78, -66], [-106, -34], [-114, 8], [-102, 48], [-76, 72], [-44, 80], [-28, 62], [-24, 40],
  [-20, 12], [-24, -22]];
const rightLower: Point[] = [[-22, -76], [-52, -84], [-92, -74], [-122, -36], [-130, 12], [-116, 56], [-84, 82], [-48, 88], [-30, 70], [-26, 46],
  [-36, 18], [-44, -26]];
const leftUpper: Point[] = [[14, -60], [42, -72], [78, -65], [105, -34], [113, 8], [102, 48], [76, 72], [46, 80], [32, 66], [38, 46], [42, 14],
  [34, -24]];
const leftLower: Point[] = [[40, -80], [60, -84], [94, -74], [121, -36], [129, 12], [116, 56], [84, 82], [52, 88], [36, 72], [40, 46], [54, 24],
  [79, -20]];

/** The outline of one lung (side −1 is the patient's right), in mm. */
function lungOutline(side: number, t: number, scale: number): Point[] {
  const bulge = Math.min(1, Math.max(0, (t - 0.28) / 0.42));
  const across = (from: number, to: number): number => from + (to - from) * bulge;
  const points = side < 0
    ? between(rightUpper, rightLower, t)
    : between(leftUpper, leftLower, t).map(([x, y], i): Point => (i === 0 || i > 8 ? [across(leftUpper[i]![0], leftLower[i]![0]), y] : [x, y]));
  return organ(points).map(([x, y]): Point => [x * scale, y * scale]);
}

/** Draws the series; a smaller `size` keeps the field of view. */
export function drawCtChest(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const size = options.size ?? 512;
  const frameCount = options.frames ?? 12;
  const spacingMm = 370 / size;
  const thickness = 5;
  const random = Random.named(seed, 'ct_chest');
  const label = options.label ?? random.pick(chestLabels);
  const build = random.between(0.92, 1.06);
  const hasContrast = random.chance(0.7);
  const blood = hasContrast ? random.between(150, 260) : 42;
  const fatMm = random.between(7, 18);
  const span = (frameCount - 1) * thickness;
  const firstZ = -random.between(0, Math.max(0, regionMm - span));

  const vessels = [-1, 1].flatMap((side) => lungVessels(random, side));
  const nodules = drawNodules(random, label, firstZ, span);
  const trueDiameter = nodules.map(() => 0);
  const frames: PhantomFrame[] = [];
  for (let k = 0; k < frameCount; k++) {
    const z = firstZ - k * thickness;
    const at = plane(size, spacingMm, hu.air);
    const boxes = drawSlice({ at, z, thickness, seed, k, build, blood, hasContrast, fatMm, vessels, nodules, trueDiameter });
    const noise = scannerNoise(Random.named(seed, `ct_chest noise ${k}`), size, 0.75);
    frames.push({
      picture: null,
      stored: storedHu(at, noise, 13, { center: -550, width: 1500 }),
      boxes,
      geometry: axialGeometry(at, z),
      thicknessMm: thickness,
    });
  }
  const measurements: PhantomMeasurement[] = nodules.map((nodule, i) => ({
    name: 'largest diameter', class: 'lung_nodule', frame: Math.round((firstZ - nodule.centre[2]) / thickness), value: rounded(trueDiameter[i]!),
      unit: 'mm',
  }));
  measurements.push({ name: 'count', class: 'lung_nodule', frame: null, value: nodules.length, unit: 'count' });
  return {
    kind: 'ct_chest', seed, modality: 'ct', label, labels: chestLabels, frames, levels: [], measurements,
    facts: { body_part: 'chest', abnormal: label !== 'normal', contrast: hasContrast, nodule_count: nodules.length, window: 'lung' },
  };
}

/** Arteries and veins of one lung, from two stems at the hilum through targets all over the lung. */
function lungVessels(random: Random, side: number): Vessel[] {
  const result: Vessel[] = [];
  for (let system = 0; system < 2; system++) {
    const z = -66 - system * 14;
    const targets: Point3[] = [];
    while (targets.length < 700) {
      const height = random.between(-190, 40);
      const t = Math.min(1, Math.max(0, -height / regionMm));
      const point: Point3 = [side * random.between(18, 128), random.between(-84, 88), height];
      if (isInside(between(side < 0 ? rightUpper : leftUpper, side < 0 ? rightLower : leftLower, t), point[0], point[1])) targets.push(point);
    }
    const stem: Point3[] = [[side * 22, 4 + 10 * system, z], [side * 34, 8 + 8 * system, z - 4]];
    result.push(...vesselTree(random, stem, nearFirst(random, stem[1]!, targets), { leafRadius: 0.4, piece: 8, wander: 0.07 }));
  }
  return result;
}

function drawNodules(random: Random, label: string, firstZ: number, span: number): Nodule[] {
  if (label === 'normal') return [];
  const isMalignant = label === 'malignant';
  const count = isMalignant ? 1 + random.below(2) : 1 + random.below(3);
  const result: Nodule[] = [];
  for (let i = 0; i < count * 40 && result.length < count; i++) {
    const side = random.pick([-1, 1]);
    const angle = random.between(0, 2 * Math.PI);
    const reach = Math.sqrt(random.uniform());
    const centre: Point3 = [side * (80 + 40 * reach * Math.cos(angle)), 8 + 62 * reach * Math.sin(angle), firstZ - span * random.between(0.2, 0.8)];
    const radiusMm = isMalignant && result.length === 0 ? random.between(8, 17) : random.between(2.8, 6);
    const outline = lungOutline(side, Math.min(1, Math.max(0, -centre[2] / regionMm)), 0.92);
    const isFree = Array.from({ length: 8 }, (_, turn) => (turn * Math.PI) / 4).every((turn) =>
      isInside(outline, centre[0] + (radiusMm + 2) * Math.cos(turn), centre[1] + (radiusMm + 2) * Math.sin(turn)));
    if (!isFree) continue;
    if (result.some((other) => Math.hypot(other.centre[0] - centre[0], other.centre[1] - centre[1],
      other.centre[2] - centre[2]) < other.radiusMm + radiusMm + 12)) continue;
    const isCalcified = !isMalignant && random.chance(0.35);
    result.push({
      centre, radiusMm, isMalignant, isCalcified,
      waves: harmonics(random, isMalignant ? 0.13 : 0.03, 7),
      spicules: isMalignant ? Array.from({ length: 9 + random.below(8) },
        () => ({ angle: random.between(0, 2 * Math.PI), length: random.between(0.25, 0.8) })) : [],
      value: isCalcified ? random.between(250, 500) : random.between(18, 60),
    });
  }
  return result;
}

interface SliceInput {
  readonly at: Plane;
  readonly z: number;
  readonly thickness: number;
  readonly seed: number;
  readonly k: number;
  readonly build: number;
  readonly blood: number;
  readonly hasContrast: boolean;
  readonly fatMm: number;
  readonly vessels: readonly Vessel[];
  readonly nodules: readonly Nodule[];
  /** Filled in: the longest diameter drawn of each nodule. */
  readonly trueDiameter: number[];
}

function drawSlice({ at, z, thickness, seed, k, build, blood, hasContrast, fatMm, vessels, nodules, trueDiameter }: SliceInput): PhantomBox[] {
  const { size, spacingMm, values } = at;
  // Textures come from streams of their own, so that the same anatomy has the same look with more or fewer slices.
  const random = Random.named(seed, `ct_chest slice ${k}`);
  const t = Math.min(1, Math.max(0, -z / regionMm));
  const texture = smoothNoise(random, size, size, 2.4 / spacingMm);
  const halfWidth = (158 + 6 * t) * build;
  const halfDepth = (108 + 4 * t) * build;
  const inner = drawTorso(at, { halfWidth: halfWidth + fatMm * 0.7, halfDepth: halfDepth + fatMm * 0.35, fatMm, muscleMm: 17 }, random);
  paint(values, filledMm(at, inner), hu.muscle);

  const cageA = 132 * build * (0.9 + 0.1 * t);
  const cageB = 92 * build * (0.92 + 0.08 * t);
  if (t < 0.75) drawScapulae(at, cageA, cageB, t, texture);
  drawRibs(at, cageA + 2.5, cageB + 2.5, 2, z, texture);

  // Mediastinal fat, then the lungs around it, then the organs.
  paint(values, filledMm(at, blob(12, -12, 74, 66, 0, [])), (i) => hu.fat + 10 * texture.data[i]!);
  paint(values, filledMm(at, blob(0, 62, 46, 34, 0, [])), hu.muscle);
  const right = lungOutline(-1, t, build * 0.985);
  const left = lungOutline(1, t, build * 0.985);
  const lungs = coverageMm(at, right);
  const leftLung = coverageMm(at, left);
  for (let i = 0; i < lungs.data.length; i++) lungs.data[i] = Math.max(lungs.data[i]!, leftLung.data[i]!);
  const parenchyma = fractalNoise(random, size, size, 9 / spacingMm, 3, 0.7);
  // Gravity: the back of the lung is a little denser than the front.
  paintField(values, lungs, (i) => hu.lung + 22 * parenchyma.data[i]! + 0.32 * ((Math.floor(i / size) - size / 2) * spacingMm));
  const tree = field(size, size);
  drawVessels(at, tree, vessels, z, thickness);
  for (let i = 0; i < tree.data.length; i++) tree.data[i]! *= Math.min(1, lungs.data[i]! * 1.02);
  paintField(values, tree, hasContrast ? blood * 0.55 : 30);
  drawFissures(at, lungs, t);
  drawMediastinum(at, t, blood, hasContrast, texture, random);
  drawVertebra(at, 55 * build, z, texture, build * 0.95);
  drawBone(at, ellipse(0, -(cageB + 4), t < 0.2 ? 26 : 16, 6.2, 0), 1.3, texture, 480, 170);

  const boxes: PhantomBox[] = [];
  nodules.forEach((nodule, n) => {
    const mask = noduleMask(at, nodule, z, thickness, trueDiameter, n);
    if (mask === null) return;
    const core = nodule.isMalignant ? fractalNoise(random, size, size, 6 / spacingMm, 2) : null;
    paint(values, mask, core === null ? nodule.value : (i) => nodule.value + 9 * core.data[i]!);
    boxes.push(...boxesOf(values, mask, 'lung_nodule'));
  });
  return boxes;
}

/** The mean coverage over the slice's thickness; null where the nodule is not met. */
function noduleMask(at: Plane, nodule: Nodule, z: number, thickness: number, trueDiameter: number[], n: number): Mask | null {
  const { spacingMm } = at;
  const reach = nodule.radiusMm * 2.2;
  const side = Math.ceil((2 * reach) / spacingMm) + 4;
  const x = Math.floor(toPixel(at, nodule.centre[0]) - side / 2);
  const y = Math.floor(toPixel(at, nodule.centre[1]) - side / 2);
  const local = field(side, side);
  const parts = 5;
  let isMet = false;
  const largest = blob(0, 0, nodule.radiusMm, nodule.radiusMm, 0, nodule.waves);
  trueDiameter[n] = longAxis(largest);
  for (let part = 0; part < parts; part++) {
    const dz = z + ((part + 0.5) / parts - 0.5) * thickness - nodule.centre[2];
    if (Math.abs(dz) >= nodule.radiusMm) continue;
    isMet = true;
    const radius = Math.sqrt(nodule.radiusMm ** 2 - dz ** 2) / spacingMm;
    const cx = toPixel(at, nodule.centre[0]) - x;
    const cy = toPixel(at, nodule.centre[1]) - y;
    forCovered(local, filled(blob(cx, cy, radius, radius, 0, nodule.waves)), (i, cover) => {
      local.data[i]! += cover / parts;
    });
    if (part === parts >> 1 && nodule.isMalignant) {
      const rays = field(side, side);
      for (const { angle, length } of nodule.spicules) {
        const end = radius * (1 + length);
        stroke(rays, [[cx, cy], [cx + end * Math.cos(angle), cy + end * Math.sin(angle)]], (u) => 0.9 * (1 - 0.8 * u) / spacingMm * 0.7);
      }
      // Spicules are too fine to be part of the measured lesion: they stay below half coverage.
      for (let i = 0; i < local.data.length; i++) local.data[i] = Math.max(local.data[i]!, 0.42 * rays.data[i]!);
    }
  }
  return isMet ? { x, y, width: side, height: side, data: blurred(local, 0.5).data } : null;
}

function drawScapulae(at: Plane, a: number, b: number, t: number, texture: Field): void {
  const bone = field(at.size, at.size);
  for (const side of [-1, 1]) {
    const tip: Point = [side * (a * 0.6), b * 1.02 + 6];
    const end: Point = [side * (a * 1.09), b * (0.36 + 0.25 * t)];
    strokeMm(at, bone, [tip, [side * (a * 0.88), b * 0.87 + 2], end], (u) => 2 + 1.8 * u);
    if (t < 0.4) strokeMm(at, bone, [end, [side * (a * 1.19), b * 0.12]], 4.5);
  }
  paintField(at.values, bone, (i) => 480 + 70 * texture.data[i]!);
}

/** The oblique fissures: thin pale lines. */
function drawFissures(at: Plane, lungs: Field, t: number): void {
  const lines = field(at.size, at.size);
  for (const side of [-1, 1]) {
    const y = 36 - 70 * t;
    strokeMm(at, lines, [[side * 40, y + 8], [side * 80, y], [side * 128, y + 14]], 0.35, 0.55);
  }
  for (let i = 0; i < lines.data.length; i++) lines.data[i]! *= lungs.data[i]!;
  paintField(at.values, lines, -620);
}

function drawMediastinum(at: Plane, t: number, blood: number, hasContrast: boolean, texture: Field, random: Random): void {
  const { values, size } = at;
  const round = (x: number, y: number, rx: number, ry: number, value: number, turn = 0, waves: readonly Harmonic[] = []): void =>
    paint(values, filledMm(at, blob(x, y, rx, ry, turn, waves)), (i) => value + 5 * texture.data[i]!);
  const wall = hasContrast ? 55 : 42;
  if (t > 0.45) {
    // The heart: pericardial fat, muscle, chambers.
    const s = Math.min(1, (t - 0.45) / 0.3);
    const waves: Harmonic[] = [{ waves: 2, amplitude: 0.06, phase: 0.4 }, { waves: 3, amplitude: 0.04, phase: 1.2 }];
    round(21, -27, 58 * (0.62 + 0.38 * s), 46 * (0.7 + 0.3 * s), hu.fat + 25, 0.5, waves);
    round(21, -26, 55 * (0.6 + 0.4 * s), 42.5 * (0.7 + 0.3 * s), hasContrast ? 105 : 44, 0.5, waves);
    if (hasContrast) {
      round(43 * s + 6, -14, 24 * s + 5, 15 * s + 3, blood * 1.02, 0.62);
      round(12, -48, 26 * s + 6, 15 * s + 4, blood * 0.94, 0.3);
      round(-17, -22, 17, 20 * s + 4, blood * 0.9, 0.2);
    }
    round(12, 6, 26, 15, hasContrast ? blood : 44, 0.08);
    if (hasContrast) {
      const septum = field(size, size);
      strokeMm(at, septum, [[6, -28], [34, -38], [62, -22]], 3.6);
      paintField(values, blurred(septum, 1), 105);
    }
  }
  // The descending aorta lies left of the spine, the oesophagus and the azygos vein in front of it.
  round(25, 50, 12.5, 12.5, wall);
  round(25, 50, 11, 11, blood);
  round(6 + 5 * t, 34, 8, 5.5, 40, 0.3);
  round(6 + 5 * t, 34, 2.2, 1, -300, 0.3);
  round(-5, 48, 3.6, 3.6, blood * 0.85);
  if (t < 0.16) {
    const arch = field(size, size);
    strokeMm(at, arch, [[-12, -22], [2, -30], [18, -14], [25, 14], [25, 40]], 11.5);
    paintField(values, arch, blood);
  } else if (t < 0.62) {
    round(-7, -27, 17, 17, wall);
    round(-7, -27, 15.5, 15.5, blood);
  }
  round(-29, -20, 9.5, 8.5, blood * (hasContrast ? 1.15 : 1));
  if (t > 0.26 && t < 0.62) {
    const pulmonary = field(size, size);
    strokeMm(at, pulmonary, [[24, -34], [25, -22], [22, -8]], 12.5);
    if (t < 0.46) strokeMm(at, pulmonary, [[22, -10], [2, -5], [-22, -2], [-42, 4]], (u) => 10 - 3 * u);
    else strokeMm(at, pulmonary, [[24, -12], [40, 8], [44, 22]], (u) => 9 - 2 * u);
    paintField(values, pulmonary, blood * 0.96);
  }
  // A few small lymph nodes in the fat.
  for (let i = 0; i < 4; i++) round(random.between(-22, 18), random.between(-2, 26), random.between(2, 3.6), random.between(1.6, 2.6), 42,
    random.between(0, 3));
  // Windpipe, then its two main branches.
  const airways = field(size, size);
  const walls = field(size, size);
  const tube = (points: readonly Point[], radius: number): void => {
    strokeMm(at, walls, points, radius + 1.5);
    strokeMm(at, airways, points, radius);
  };
  if (t < 0.3) tube([[-0.5, 8], [0.5, 9]], 8.2);
  else if (t < 0.38) tube([[-9, 10], [9, 10]], 6.6);
  else if (t < 0.6) {
    const apart = (t - 0.38) * 60;
    tube([[-12 - apart, 11], [-22 - apart * 1.2, 14]], Math.max(2.6, 6 - apart * 0.22));
    tube([[13 + apart, 12], [24 + apart * 1.3, 18]], Math.max(2.6, 5.6 - apart * 0.2));
  }
  paintField(values, walls, 20);
  paintField(values, airways, -985);
}
