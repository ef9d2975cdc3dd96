/** A CT series of the upper abdomen: liver with vessels and lesions, spleen, stomach, kidneys, gall bladder. */
import { Random } from '#models/base/random.ts';
import { blob, blurred, ellipse, field, filled, forCovered, fractalNoise, harmonics, isInside, longAxis, paint, paintField,
  smoothNoise } from './drawing.ts';
import type { Field, Harmonic, Mask, Point } from './drawing.ts';
import { axialGeometry, filledMm, plane, scannerNoise, storedHu, strokeMm, toPixel } from './plane.ts';
import type { Plane } from './plane.ts';
import { boxesOf, rounded } from './study.ts';
import type { PhantomBox, PhantomFrame, PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';
import { between, coverageMm, drawRibs, drawTorso, drawVertebra, hu, organ } from './torso.ts';
import { drawVessels, nearFirst, vesselTree } from './vesselTree.ts';
import type { Point3, Vessel } from './vesselTree.ts';

export const liverLabels = ['normal', 'liver_lesion'] as const;

/** From the dome of the liver (0) to the middle of the kidneys (1). */
const regionMm = 120;

interface Lesion {
  readonly centre: Point3;
  readonly radiusMm: number;
  readonly waves: readonly Harmonic[];
  readonly type: 'cyst' | 'metastasis';
}

const liverUpper: Point[] = [[-128, -8], [-118, -48], [-86, -76], [-40, -84], [8, -76], [44, -62], [60, -44], [36, -28], [6, -14], [-12, 14],
  [-26, 50], [-60, 82], [-98, 74], [-122, 38]];
const liverLower: Point[] = [[-130, 0], [-122, -44], [-92, -74], [-56, -82], [-28, -72], [-14, -52], [-18, -38], [-34, -26], [-44, -8], [-44, 14],
  [-54, 30], [-76, 52], [-100, 62], [-122, 40]];

export function drawCtLiver(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const size = options.size ?? 512;
  const frameCount = options.frames ?? 10;
  const thickness = 5;
  const spacingMm = 370 / size;
  const random = Random.named(seed, 'ct_liver');
  const label = options.label ?? (random.chance(0.75) ? 'liver_lesion' : 'normal');
  const isPortal = random.chance(0.6);
  const build = random.between(0.94, 1.08);
  const fatMm = random.between(9, 26);
  const span = (frameCount - 1) * thickness;
  const firstZ = -random.between(0, Math.max(0, regionMm - span));
  const tissue = isPortal
    ? { liver: random.between(100, 118), vein: random.between(158, 185), aorta: random.between(150, 175), spleen: 122, cortex: 185, medulla: 150,
      lesion: random.between(45, 62) }
    : { liver: random.between(56, 64), vein: 38, aorta: 42, spleen: 50, cortex: 34, medulla: 30, lesion: random.between(26, 34) };
  const vessels = liverVessels(random);
  const lesions = label === 'liver_lesion' ? drawLesions(random, firstZ, span) : [];
  const gasSeed = random.uint32();
  const frames: PhantomFrame[] = [];
  for (let k = 0; k < frameCount; k++) {
    const z = firstZ - k * thickness;
    const t = Math.min(1, Math.max(0, -z / regionMm));
    const own = Random.named(seed, `ct_liver slice ${k}`);
    const at = plane(size, spacingMm, hu.air);
    const texture = smoothNoise(own, size, size, 2.4 / spacingMm);
    const inner = drawTorso(at, { halfWidth: 150 * build + fatMm * 0.8, halfDepth: 106 * build + fatMm * 0.4, fatMm, muscleMm: 13 }, own);
    paint(at.values, filledMm(at, inner), (i) => hu.fat + 9 * texture.data[i]!);
    const resized = (points: readonly Point[]): Point[] => points.map(([x, y]) => [x * build, y * build]);
    drawRibs(at, 137 * build, 93 * build, 4, z, texture);
    drawPosteriorMuscles(at, t, build, texture);
    if (t < 0.3) drawLungBases(at, t, build, texture);
    drawHollowOrgans(at, t, build, new Random(gasSeed), texture);
    if (t > 0.5) drawKidneys(at, t, build, tissue, texture);
    const outline = (x: number, y: number, rx: number, ry: number, turn = 0): Mask => filledMm(at,
      resized(blob(x, y, rx, ry, turn, [{ waves: 3, amplitude: 0.06, phase: 1 }])));
    if (t < 0.85) paint(at.values, filledMm(at, resized(organ([[84, 62], [108, 50], [124, 20], [126, -8], [112, -22], [104, 2], [92, 26],
      [76, 44]]))), (i) => tissue.spleen + 5 * texture.data[i]!);
    const liver = coverageMm(at, resized(organ(between(liverUpper, liverLower, t))));
    const mottle = fractalNoise(own, size, size, 10 / spacingMm, 2);
    paintField(at.values, liver, (i) => tissue.liver + 3 * mottle.data[i]!);
    const tree = field(size, size);
    drawVessels(at, tree, vessels, z, thickness);
    const inside = blurred(liver, 2);
    for (let i = 0; i < tree.data.length; i++) tree.data[i]! *= inside.data[i]! > 0.96 ? 1 : 0;
    paintField(at.values, blurred(tree, 0.6), tissue.vein);
    if (t > 0.15 && t < 0.75) drawLigament(at, build);
    if (t > 0.55) paint(at.values, outline(-52, -34, 13, 17, 0.5), (i) => 8 + 3 * texture.data[i]!);
    paint(at.values, outline(5, 22, 11, 11), tissue.aorta);
    paint(at.values, outline(-20, 18, 13, 10, 0.2), isPortal ? tissue.vein * 0.9 : tissue.aorta);
    if (t > 0.35) drawPancreas(at, build, isPortal ? 100 : 40, isPortal ? tissue.vein : tissue.aorta, texture);
    drawVertebra(at, 50 * build, z, texture, build * 1.05);

    const boxes: PhantomBox[] = [];
    for (const lesion of lesions) {
      const mask = lesionMask(at, lesion, build, z, thickness);
      if (mask === null) continue;
      const isCyst = lesion.type === 'cyst';
      const value = isCyst ? 6 : tissue.lesion;
      const core = fractalNoise(own, size, size, 7 / spacingMm, 2);
      if (!isCyst && isPortal) paint(at.values, mask, tissue.liver * 0.86);
      paint(at.values, mask, (i) => value + (isCyst ? 1 : 5) * core.data[i]!);
      boxes.push(...boxesOf(at.values, mask, lesion.type === 'cyst' ? 'liver_cyst' : 'liver_lesion'));
    }
    frames.push({
      picture: null,
      stored: storedHu(at, scannerNoise(Random.named(seed, `ct_liver noise ${k}`), size, 0.95), 11,
        isPortal ? { center: 80, width: 350 } : { center: 45, width: 320 }),
      boxes,
      geometry: axialGeometry(at, z),
      thicknessMm: thickness,
    });
  }
  const measurements: PhantomMeasurement[] = lesions.map((lesion) => ({
    name: 'largest diameter',
    class: lesion.type === 'cyst' ? 'liver_cyst' : 'liver_lesion',
    frame: Math.round((firstZ - lesion.centre[2]) / thickness),
    value: rounded(longAxis(blob(0, 0, lesion.radiusMm * build, lesion.radiusMm * build, 0, lesion.waves))),
    unit: 'mm',
  }));
  measurements.push({ name: 'count', class: 'liver_lesion', frame: null, value: lesions.length, unit: 'count' });
  measurements.push({ name: 'mean attenuation', class: 'liver', frame: null, value: rounded(tissue.liver, 0), unit: 'HU' });
  return {
    kind: 'ct_liver', seed, modality: 'ct', label, labels: liverLabels, frames, levels: [], measurements,
    facts: { body_part: 'abdomen', abnormal: lesions.length > 0, phase: isPortal ? 'portal venous' : 'unenhanced', lesion_count: lesions.length },
  };
}

/** Portal branches from the hilum, and hepatic veins from the vena cava under the dome. */
function liverVessels(random: Random): Vessel[] {
  const targets = (count: number): Point3[] => {
    const result: Point3[] = [];
    while (result.length < count) {
      const z = random.between(-125, 5);
      const point: Point3 = [random.between(-126, 56), random.between(-82, 80), z];
      if (isInside(between(liverUpper, liverLower, Math.min(1, Math.max(0, -z / regionMm))), point[0], point[1])) result.push(point);
    }
    return result;
  };
  return [
    ...vesselTree(random, [[-14, 2, -60], [-30, 0, -54]], nearFirst(random, [-30, 0, -54], targets(90)), { leafRadius: 1, piece: 10, wander: 0.08 }),
    ...vesselTree(random, [[-19, 18, 2], [-30, 6, -8]], nearFirst(random, [-30, 6, -8], targets(60)), { leafRadius: 1.1, piece: 10, wander: 0.05 }),
  ];
}

function drawLesions(random: Random, firstZ: number, span: number): Lesion[] {
  const count = 1 + random.below(4);
  const result: Lesion[] = [];
  for (let i = 0; i < count * 40 && result.length < count; i++) {
    const angle = random.between(0, 2 * Math.PI);
    const reach = Math.sqrt(random.uniform());
    const centre: Point3 = [-84 + 30 * reach * Math.cos(angle), -6 + 46 * reach * Math.sin(angle), firstZ - span * random.between(0.15, 0.85)];
    const radiusMm = random.between(4.5, result.length === 0 ? 20 : 12);
    if (result.some((other) => Math.hypot(other.centre[0] - centre[0], other.centre[1] - centre[1],
      other.centre[2] - centre[2]) < other.radiusMm + radiusMm + 7)) continue;
    const type = random.chance(0.25) ? 'cyst' : 'metastasis';
    result.push({ centre, radiusMm, type, waves: harmonics(random, type === 'cyst' ? 0.025 : 0.07, 6) });
  }
  return result;
}

/** The mean coverage over the slice's thickness; null where the lesion is not met. */
function lesionMask(at: Plane, { centre, radiusMm, waves }: Lesion, build: number, z: number, thickness: number): Mask | null {
  const side = Math.ceil((3.2 * radiusMm * build) / at.spacingMm) + 6;
  const cx = toPixel(at, centre[0] * build);
  const cy = toPixel(at, centre[1] * build);
  const x = Math.floor(cx - side / 2);
  const y = Math.floor(cy - side / 2);
  const local = field(side, side);
  let isMet = false;
  for (let part = 0; part < 5; part++) {
    const dz = z + ((part + 0.5) / 5 - 0.5) * thickness - centre[2];
    if (Math.abs(dz) >= radiusMm) continue;
    isMet = true;
    const radius = (Math.sqrt(radiusMm ** 2 - dz ** 2) * build) / at.spacingMm;
    forCovered(local, filled(blob(cx - x, cy - y, radius, radius, 0, waves)), (i, cover) => {
      local.data[i]! += cover / 5;
    });
  }
  return isMet ? { x, y, width: side, height: side, data: blurred(local, 0.9).data } : null;
}

function drawPosteriorMuscles(at: Plane, t: number, build: number, texture: Field): void {
  for (const side of [-1, 1]) {
    paint(at.values, filledMm(at, blob(side * 33 * build, 86 * build, 25 * build, 15 * build, side * -0.12,
      [{ waves: 3, amplitude: 0.08, phase: 0.5 }])), (i) => 52 + 14 * texture.data[i]!);
    if (t > 0.4) paint(at.values, filledMm(at, ellipse(side * 28 * build, 54 * build, 9 * build * t, 14 * build * t, 0)),
      (i) => 54 + 4 * texture.data[i]!);
    // The crura of the diaphragm beside the aorta.
    paint(at.values, filledMm(at, ellipse(side * 16 * build, 36 * build, 3.4, 12, side * 0.35)), 50);
  }
}

function drawLungBases(at: Plane, t: number, build: number, texture: Field): void {
  const depth = 1 - t / 0.3;
  for (const side of [-1, 1]) {
    const a = 132 * build;
    const b = 90 * build;
    const points: Point[] = [];
    for (let i = 0; i <= 24; i++) {
      const angle = ((18 + i * 5) * Math.PI) / 180;
      points.push([side * a * Math.sin(angle), b * Math.cos(angle)]);
    }
    for (let i = 24; i >= 0; i--) {
      const angle = ((18 + i * 5) * Math.PI) / 180;
      const thick = (4 + 24 * depth) * Math.sin((Math.PI * i) / 24) ** 0.7 + 0.5;
      points.push([side * (a - thick) * Math.sin(angle), (b - thick) * Math.cos(angle)]);
    }
    paint(at.values, filledMm(at, points), (i) => hu.lung + 40 + 35 * texture.data[i]!);
  }
}

/** Stomach with its air bubble, and loops of bowel further down. */
function drawHollowOrgans(at: Plane, t: number, build: number, random: Random, texture: Field): void {
  const { values } = at;
  const pouch = (x: number, y: number, rx: number, ry: number, turn: number, airAbove: number, content: number): void => {
    const waves = harmonics(random, 0.05, 5);
    paint(values, filledMm(at, blob(x * build, y * build, rx + 3.5, ry + 3.5, turn, waves)), 52);
    const lumen = filledMm(at, blob(x * build, y * build, rx, ry, turn, waves));
    const level = at.size / 2 + (airAbove * build) / at.spacingMm;
    paint(values, lumen, (i) => (Math.floor(i / at.size) < level ? -960 : content + 14 * texture.data[i]!));
  };
  pouch(58, -8 - 30 * Math.min(1, t * 2), 34 - 10 * t, 40 - 22 * Math.min(1, t * 2), 0.45, -34 - 20 * t, 22);
  pouch(100, -34 + 8 * t, 15, 17, 0.2, -40 + random.between(-4, 10), 30);
  if (t > 0.5) {
    for (let i = 0; i < 7; i++) pouch(random.between(-8, 84), random.between(-74, -38), random.between(8, 14), random.between(7, 11),
      random.between(0, 3), random.chance(0.4) ? random.between(-70, -50) : -400, 34);
  }
}

function drawKidneys(at: Plane, t: number, build: number, tissue: { cortex: number; medulla: number }, texture: Field): void {
  const s = Math.min(1, (t - 0.5) / 0.25);
  for (const side of [-1, 1]) {
    const x = side * 64 * build;
    const y = 50 * build;
    const kidney = (k: number): Point[] => blob(x, y, 25 * k * (0.5 + 0.5 * s), 30 * k * (0.5 + 0.5 * s), side * -0.35,
      [{ waves: 2, amplitude: 0.03, phase: 0 }]);
    paint(at.values, filledMm(at, kidney(1)), (i) => tissue.cortex + 5 * texture.data[i]!);
    for (let i = 0; i < 7; i++) {
      const angle = side * (-1.9 + i * 0.63);
      paint(at.values, filledMm(at, ellipse(x + side * 12 * s * Math.cos(angle), y + 16 * s * Math.sin(angle), 4.5 * s + 1, 5.5 * s + 1, angle)),
        tissue.medulla);
    }
    if (t > 0.7) paint(at.values, filledMm(at, blob(x - side * 14, y - 3, 13, 9, 0, [{ waves: 3, amplitude: 0.2, phase: 1 }])), hu.fat + 15);
  }
}

/** The fissure of the round ligament: a notch of fat in the front of the liver. */
function drawLigament(at: Plane, build: number): void {
  const notch = field(at.size, at.size);
  strokeMm(at, notch, [[-14 * build, -80 * build], [-16 * build, -52 * build], [-10 * build, -30 * build]], (t) => 2.6 - 1.6 * t);
  paintField(at.values, blurred(notch, 0.7), hu.fat + 20);
}

function drawPancreas(at: Plane, build: number, value: number, vein: number, texture: Field): void {
  const gland = field(at.size, at.size);
  const lobes = field(at.size, at.size);
  strokeMm(at, gland, [[-26, -4], [-8, -14], [20, -14], [48, 2], [76, 20]].map(([x, y]): Point => [x! * build, y! * build]),
    (t) => 9 - 2.5 * t + 1.2 * Math.sin(t * 40));
  paintField(at.values, blurred(gland, 0.8), (i) => value + 12 * texture.data[i]!);
  strokeMm(at, lobes, [[4, -2], [30, 4], [62, 25]].map(([x, y]): Point => [x! * build, y! * build]), 3.4);
  paintField(at.values, lobes, vein);
  paint(at.values, filledMm(at, ellipse(4 * build, 5 * build, 3.6, 3.6)), vein);
}
