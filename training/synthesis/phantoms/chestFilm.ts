/** A chest film from the front: what each tissue adds to the beam's path, summed up, as a digital detector shows it. */
import { clamp } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import { blob, blurred, boxOfField, coverage, deposit, ellipse, field, filled, fractalNoise, harmonics, paint, smooth, smoothNoise, softened,
  stroke, whiteNoise } from './drawing.ts';
import type { Field, Point } from './drawing.ts';
import { rounded } from './study.ts';
import type { PhantomBox, PhantomMeasurement, PhantomOptions, PhantomStudy, StoredPixels } from './study.ts';
import { nearFirst, vesselTree } from './vesselTree.ts';
import type { Point3 } from './vesselTree.ts';

export const filmLabels = ['normal', 'consolidation'] as const;

/** Outlines in parts of the side; the patient's right is on the left of the picture. */
const rightLung: Point[] = [[0.36, 0.1], [0.27, 0.13], [0.19, 0.24], [0.135, 0.42], [0.11, 0.6], [0.1, 0.76], [0.115, 0.8], [0.19, 0.735],
  [0.28, 0.705], [0.37, 0.735], [0.41, 0.76], [0.425, 0.66], [0.44, 0.52], [0.43, 0.38], [0.44, 0.26], [0.425, 0.15]];
const leftLung: Point[] = [[0.64, 0.1], [0.73, 0.13], [0.81, 0.24], [0.865, 0.42], [0.89, 0.6], [0.9, 0.78], [0.885, 0.82], [0.81, 0.765],
  [0.745, 0.755], [0.715, 0.77], [0.715, 0.7], [0.67, 0.585], [0.6, 0.475], [0.575, 0.42], [0.58, 0.31], [0.56, 0.25], [0.575, 0.15]];

export function drawChestFilm(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const size = options.size ?? 512;
  const random = Random.named(seed, 'chest_film');
  const label = options.label ?? random.pick(filmLabels);
  const spacingMm = 360 / size;
  const breath = random.between(-0.035, 0.03);
  const wide = random.between(0.93, 1.03);
  const heart = random.between(0.92, 1.16);
  const shift = [random.normal() * 0.008, random.normal() * 0.012] as const;
  const place = (points: readonly Point[]): Point[] => points.map(([x, y]) => [
    (0.5 + (x - 0.5) * wide + shift[0]) * size,
    (0.1 + (y - 0.1) * (1 + breath) + shift[1]) * size,
  ]);
  const leftOutline = leftLung.map(([x, y], i): Point => (i >= 10 && i <= 13 ? [0.56 + (x - 0.56) * heart, y] : [x, y]));
  const right = coverage(size, size, smooth(place(rightLung), true, 10));
  const left = coverage(size, size, smooth(place(leftOutline), true, 10));
  const lungs = field(size, size);
  for (let i = 0; i < lungs.data.length; i++) lungs.data[i] = Math.max(right.data[i]!, left.data[i]!);

  const density = drawBody(size, place, random);
  // Air in the lungs: less and less towards their edge, where the chest wall is met at a slant.
  const bulk = blurred(lungs, size * 0.045);
  const apex = place([[0, 0.3]])[0]![1];
  const marking = fractalNoise(random, size, size, size / 36, 3, 0.75);
  for (let i = 0; i < density.data.length; i++) {
    const c = lungs.data[i]!;
    if (c === 0) continue;
    const y = Math.floor(i / size);
    const air = 0.19 + 0.44 * clamp(bulk.data[i]! * 1.15 - 0.15, 0, 1);
    density.data[i]! -= c * (air * (y < apex ? 0.86 + (0.14 * y) / apex : 1) + 0.008 * marking.data[i]!);
  }
  drawSpineAndMediastinum(density, place, heart);
  drawRibCage(density, place, lungs, random);
  drawLungVessels(density, place, lungs, size, random);

  const boxes: PhantomBox[] = [];
  for (const [cover, name] of [[right, 'right_lung'], [left, 'left_lung']] as const) {
    const box = boxOfField(cover);
    if (box !== null) boxes.push({ class: name, box });
  }
  const measurements: PhantomMeasurement[] = boxes.map(({ class: name, box }) => ({ name: 'width', class: name, frame: 0,
    value: rounded((box.x2 - box.x1) * spacingMm), unit: 'mm' as const }));
  let side = 'none';
  if (label === 'consolidation') {
    side = random.pick(['right', 'left']);
    boxes.push(...drawConsolidation(density, side === 'right' ? right : left, size, random));
  }
  drawMarker(density, size, random);
  return {
    kind: 'chest_film', seed, modality: 'xray', label, labels: filmLabels, levels: [], measurements,
    frames: [{
      picture: null, boxes, thicknessMm: null,
      stored: stored(density, random),
      geometry: { spacingMm: [spacingMm, spacingMm], spacingSource: 'ImagerPixelSpacing', positionMm: null, orientation: null },
    }],
    facts: { body_part: 'chest', view: 'PA', abnormal: label !== 'normal', consolidation_side: side },
  };
}

/** Neck, shoulders, trunk and abdomen: about 1 through the trunk. */
function drawBody(size: number, place: (points: readonly Point[]) => Point[], random: Random): Field {
  const trunk = coverage(size, size, smooth(place([[0.41, -0.1], [0.4, 0.03], [0.3, 0.075], [0.13, 0.11], [-0.02, 0.17], [-0.1, 0.3],
    [0.035, 0.36], [0.055, 0.55], [0.05, 0.8], [0.06, 1.15], [0.94, 1.15], [0.95, 0.8], [0.945, 0.55], [0.965, 0.36], [1.1, 0.3], [1.02, 0.17],
    [0.87, 0.11], [0.7, 0.075], [0.6, 0.03], [0.59, -0.1]]), true, 8));
  const thick = blurred(trunk, size * 0.06);
  const density = field(size, size);
  const flesh = smoothNoise(random, size, size, size / 9);
  for (let i = 0; i < density.data.length; i++) density.data[i] = trunk.data[i]! * (0.3 + 0.72 * thick.data[i]! + 0.012 * flesh.data[i]!);
  // Liver and abdomen below the domes, with the stomach's bubble under the left one.
  const abdomen = blurred(coverage(size, size, smooth(place([[0.08, 0.83], [0.19, 0.72], [0.28, 0.69], [0.4, 0.74], [0.5, 0.78], [0.6, 0.78],
    [0.745, 0.745], [0.83, 0.77], [0.91, 0.86], [0.93, 1.2], [0.07, 1.2]]), true, 6)), size * 0.008);
  for (let i = 0; i < density.data.length; i++) density.data[i]! += 0.2 * abdomen.data[i]! * trunk.data[i]!;
  if (random.chance(0.7)) {
    const bubble = softened(place(blob(0.74, 0.83, 0.055, 0.03, 0.2, harmonics(random, 0.12, 4))), size * 0.006);
    deposit(density, bubble, -0.28);
  }
  return density;
}

function drawSpineAndMediastinum(density: Field, place: (points: readonly Point[]) => Point[], heart: number): void {
  const size = density.width;
  const add = (points: readonly Point[], amount: number, soft: number): void => {
    deposit(density, softened(points, size * soft), amount);
  };
  add(smooth(place([[0.455, 0.12], [0.45, 0.3], [0.43, 0.42], [0.425, 0.56], [0.42, 0.7], [0.44, 0.8], [0.6, 0.8], [0.68 + 0.05 * heart, 0.73],
    [0.66 * heart ** 0.2, 0.6], [0.6, 0.47], [0.575, 0.4], [0.575, 0.31], [0.55, 0.24], [0.545, 0.12]]), true, 8), 0.16, 0.012);
  add(smooth(place([[0.44, 0.5], [0.425, 0.62], [0.43, 0.72], [0.5, 0.79], [0.62, 0.79], [0.69 * heart ** 0.15, 0.72],
    [0.655 * heart ** 0.2, 0.6], [0.58, 0.5]]), true, 8), 0.15, 0.022);
  // Descending aorta, then the vertebrae one by one.
  add(smooth(place([[0.545, 0.27], [0.58, 0.29], [0.578, 0.36], [0.568, 0.6], [0.545, 0.8], [0.53, 0.8], [0.535, 0.4]]), true, 6), 0.06, 0.006);
  for (let k = 0; k < 17; k++) {
    const y = -0.02 + k * 0.058;
    const half = 0.03 + 0.0009 * k;
    add(place([[0.5 - half, y], [0.5 + half, y], [0.5 + half * 0.94, y + 0.026], [0.5 + half, y + 0.05], [0.5 - half, y + 0.05],
      [0.5 - half * 0.94, y + 0.026]]), 0.075, 0.003);
    add(place(ellipse(0.5 - half * 0.55, y + 0.018, 0.007, 0.01)), 0.035, 0.002);
    add(place(ellipse(0.5 + half * 0.55, y + 0.018, 0.007, 0.01)), 0.035, 0.002);
    add(place(ellipse(0.5, y + 0.034, 0.005, 0.013)), 0.05, 0.002);
  }
  // The windpipe and its two branches are dark.
  const airway = field(size, size);
  stroke(airway, place([[0.5, -0.05], [0.497, 0.15], [0.503, 0.335]]), 0.0165 * size);
  stroke(airway, place([[0.503, 0.33], [0.455, 0.395], [0.42, 0.43]]), (t) => (0.012 - 0.005 * t) * size);
  stroke(airway, place([[0.503, 0.33], [0.56, 0.41], [0.6, 0.45]]), (t) => (0.011 - 0.005 * t) * size);
  const soft = blurred(airway, size * 0.004);
  for (let i = 0; i < density.data.length; i++) density.data[i]! -= 0.12 * soft.data[i]!;
}

/**
 * Posterior ribs fall gently outwards, anterior ones steeply inwards; each is a band with brighter edges.
 * Then the collar bones and shoulder blades.
 */
function drawRibCage(density: Field, place: (points: readonly Point[]) => Point[], lungs: Field, random: Random): void {
  const size = density.width;
  const draw = (points: readonly Point[], radius: number, amount: number): void => {
    const curve = smooth(place(points), false, 10);
    const reach = Math.ceil(radius * size + 2);
    const left = Math.floor(Math.min(...curve.map(([x]) => x))) - reach;
    const top = Math.floor(Math.min(...curve.map(([, y]) => y))) - reach;
    const width = Math.ceil(Math.max(...curve.map(([x]) => x))) + reach - left;
    const height = Math.ceil(Math.max(...curve.map(([, y]) => y))) + reach - top;
    const local = curve.map(([x, y]): Point => [x - left, y - top]);
    const band = field(width, height);
    const core = field(width, height);
    stroke(band, local, radius * size);
    stroke(core, local, (radius - 0.0035) * size);
    for (let i = 0; i < band.data.length; i++) band.data[i]! -= 0.45 * core.data[i]!;
    deposit(density, { x: left, y: top, ...band }, amount);
  };
  const sag = random.between(0.9, 1.1);
  for (const side of [-1, 1]) {
    const at = (x: number): number => 0.5 + side * x;
    for (let k = 0; k < 10; k++) {
      const y = 0.1 + k * 0.0625;
      const wide = [0.2, 0.27, 0.315, 0.345, 0.365, 0.38, 0.39, 0.398, 0.402, 0.4][k]!;
      draw([[at(0.035), y + 0.004], [at(wide * 0.4), y - 0.012 + 0.002 * k], [at(wide * 0.78), y + 0.02 * sag + 0.004 * k],
        [at(wide * 0.97), y + (0.062 + 0.004 * k) * sag], [at(wide), y + (0.09 + 0.004 * k) * sag]], 0.0115 + 0.0003 * k, 0.105);
      if (k < 7) draw([[at(wide), y + 0.09 * sag], [at(wide * 0.96), y + 0.125 * sag], [at(wide * 0.74), y + 0.18 * sag],
        [at(wide * 0.5), y + 0.205 * sag]], 0.0115, 0.062);
    }
    draw([[at(0.035), 0.185], [at(0.1), 0.175], [at(0.2), 0.13], [at(0.3), 0.1], [at(0.4), 0.085]], 0.013, 0.12);
    // The inner border of the shoulder blade, drawn aside by the arms' position.
    draw([[at(0.385), 0.13], [at(0.36), 0.25], [at(0.375), 0.36], [at(0.4), 0.41]], 0.006, 0.09);
    draw([[at(0.4), 0.085], [at(0.44), 0.14], [at(0.46), 0.2]], 0.03, 0.12);
  }
  // Ribs show best against air.
  for (let i = 0; i < density.data.length; i++) {
    if (lungs.data[i]! === 0 && density.data[i]! > 1.02) density.data[i] = 1.02 + (density.data[i]! - 1.02) * 0.8;
  }
}

function drawLungVessels(density: Field, place: (points: readonly Point[]) => Point[], lungs: Field, size: number, random: Random): void {
  const vessels = field(size, size);
  const hila = field(size, size);
  for (const side of [-1, 1]) {
    const hilum = place([[0.5 + side * 0.085, side < 0 ? 0.435 : 0.41]])[0]!;
    const targets: Point3[] = [];
    for (let k = 0; k < 4000 && targets.length < 170; k++) {
      const x = hilum[0] + side * random.between(-0.02, 0.3) * size;
      const y = random.between(0.12, 0.82) * size;
      const i = Math.floor(y) * size + Math.floor(x);
      if (x > 1 && x < size - 1 && lungs.data[i]! > 0.9) targets.push([x, y, 0]);
    }
    const root: Point3 = [hilum[0], hilum[1], 0];
    const stems: Point3[] = [[hilum[0] - side * size * 0.01, hilum[1], 0], root];
    for (const { from, to, radiusFrom, radiusTo, depth } of vesselTree(random, stems, nearFirst(random, root, targets),
      { leafRadius: size * 0.00075, piece: size * 0.025, wander: 0.07, exponent: 2.6 })) {
      stroke(vessels, [[from[0], from[1]], [to[0], to[1]]], (t) => radiusFrom + (radiusTo - radiusFrom) * t, clamp(1.1 - depth * 0.035, 0.3, 1));
    }
    paint(hila, filled(blob(hilum[0], hilum[1], size * 0.028, size * 0.05, side * 0.35, harmonics(random, 0.15, 5))), 1);
  }
  const fine = blurred(vessels, size * 0.0013);
  const root = blurred(hila, size * 0.014);
  for (let i = 0; i < density.data.length; i++) density.data[i]! += (0.115 * fine.data[i]! + 0.1 * root.data[i]!) * Math.min(1, 0.3 + lungs.data[i]!);
}

/** A cloud within one lung: dense in its middle, ragged at its edge, with air-filled bronchi showing as dark streaks. */
function drawConsolidation(density: Field, lung: Field, size: number, random: Random): PhantomBox[] {
  const box = boxOfField(lung)!;
  const x = random.between(box.x1 + 0.3 * (box.x2 - box.x1), box.x1 + 0.7 * (box.x2 - box.x1));
  const y = random.between(box.y1 + 0.3 * (box.y2 - box.y1), box.y1 + 0.78 * (box.y2 - box.y1));
  const r = size * random.between(0.06, 0.12);
  const cloud = blurred(coverage(size, size, blob(x, y, r, r * random.between(0.7, 1.1), random.between(0, 3), harmonics(random, 0.16, 6))),
    r * 0.22);
  const ragged = fractalNoise(random, size, size, r * 0.5, 4, 0.7);
  for (let i = 0; i < cloud.data.length; i++) cloud.data[i] = clamp(cloud.data[i]! * (1.1 + 0.35 * ragged.data[i]!), 0, 1) * lung.data[i]!;
  const bronchi = field(size, size);
  for (let k = 0; k < 3; k++) {
    const angle = random.between(0, 2 * Math.PI);
    stroke(bronchi, [[x, y], [x + 0.8 * r * Math.cos(angle), y + 0.8 * r * Math.sin(angle)]], (t) => size * 0.003 * (1 - 0.6 * t));
  }
  const soft = blurred(bronchi, size * 0.002);
  for (let i = 0; i < cloud.data.length; i++) density.data[i]! += 0.34 * cloud.data[i]! * (1 - 0.5 * soft.data[i]!);
  const found = boxOfField(cloud, 0.5);
  return found === null ? [] : [{ class: 'consolidation', box: found }];
}

/** The lead letter R beside the patient's right shoulder. */
function drawMarker(density: Field, size: number, random: Random): void {
  const x = size * random.between(0.035, 0.07);
  const y = size * random.between(0.03, 0.06);
  const h = size * 0.035;
  const letter = field(size, size);
  const line = (points: readonly Point[]): void => stroke(letter, points.map(([u, v]): Point => [x + u * h, y + v * h]), h * 0.085);
  line([[0, 1], [0, 0], [0.42, 0.02], [0.56, 0.14], [0.56, 0.36], [0.42, 0.48], [0, 0.5]]);
  line([[0.25, 0.5], [0.58, 1]]);
  for (let i = 0; i < density.data.length; i++) density.data[i]! += (1.75 - density.data[i]!) * letter.data[i]!;
}

/** 12-bit samples with the detector's blur and noise (more of it where little light arrives). */
function stored(density: Field, random: Random): StoredPixels {
  const { width, height } = density;
  const seen = blurred(density, width * 0.0011);
  const noise = whiteNoise(random, width * height);
  const samples = new Uint16Array(width * height);
  for (let i = 0; i < samples.length; i++) {
    const d = Math.max(0, seen.data[i]!);
    samples[i] = clamp(Math.round(120 + 2350 * d + (9 + 12 * d) * noise[i]!), 0, 4095);
  }
  return { width, height, samples, bitsStored: 12, slope: 1, intercept: 0, window: { center: 1900, width: 3500 } };
}
