/** A T1-weighted MR series of the head after contrast: folded cortex, ventricles, skull and scalp, and a mass of one of three kinds. */
import { clamp } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import { blob, blurred, coverage, ellipse, field, filled, forCovered, fractalNoise, harmonics, longAxis, paint, paintField, smoothNoise, softened,
  whiteNoise } from './drawing.ts';
import type { Field, Harmonic, Mask, Point } from './drawing.ts';
import { axialGeometry, filledMm, plane, strokeMm, toPixel, toPixels } from './plane.ts';
import type { Plane } from './plane.ts';
import { boxesOf, rounded } from './study.ts';
import type { PhantomBox, PhantomFrame, PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';
import { organ } from './torso.ts';

export const headLabels = ['no_tumour', 'glioma', 'meningioma', 'pituitary_tumour'] as const;

/** Signal of each tissue on T1. */
const signal = { csf: 95, grey: 275, white: 448, fat: 740, muscle: 260, bone: 45, marrow: 230, vessel: 760 } as const;

/** Vertex of the brain to the base, mm; t = 0 at the top. */
const regionMm = 120;

interface Tumour {
  readonly label: string;
  /** mm; z counts from the top of the brain downwards as a negative number. */
  readonly centre: readonly [number, number, number];
  readonly radiusMm: number;
  readonly waves: readonly Harmonic[];
  readonly isRing: boolean;
}

export function drawMrHead(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const size = options.size ?? 256;
  const frameCount = options.frames ?? 12;
  const thickness = 5;
  const spacingMm = 230 / size;
  const random = Random.named(seed, 'mr_head');
  const label = options.label ?? random.pick(headLabels);
  const build = random.between(0.94, 1.04);
  const ventricles = random.between(0.8, 1.35);
  const span = (frameCount - 1) * thickness;
  const tumour = label === 'no_tumour' ? null : drawTumour(random, label, build);
  const middle = tumour === null ? -random.between(38, 66) : tumour.centre[2] + random.between(-8, 8);
  const firstZ = clamp(middle + span / 2, Math.min(-6, span - 118), -6);
  const frames: PhantomFrame[] = [];
  for (let k = 0; k < frameCount; k++) {
    const z = firstZ - k * thickness;
    const own = Random.named(seed, `mr_head slice ${k}`);
    const at = plane(size, spacingMm, 0);
    // Folding comes from one stream for the whole head: neighbouring slices look alike but not the same.
    const boxes = drawSlice(at, { z, thickness, seed, own, build, ventricles, tumour });
    frames.push({
      picture: null,
      stored: { width: size, height: size, samples: ricianSamples(at.values, own), bitsStored: 12, slope: 1, intercept: 0,
        window: { center: 400, width: 860 } },
      boxes,
      geometry: axialGeometry(at, z),
      thicknessMm: thickness,
    });
  }
  const measurements: PhantomMeasurement[] = [];
  if (tumour !== null) {
    const value = rounded(longAxis(blob(0, 0, tumour.radiusMm, tumour.radiusMm, 0, tumour.waves)));
    measurements.push({ name: 'largest diameter', class: label, frame: Math.round((firstZ - tumour.centre[2]) / thickness), value, unit: 'mm' });
  }
  return {
    kind: 'mr_head', seed, modality: 'mri', label, labels: headLabels, frames, levels: [], measurements,
    facts: { body_part: 'brain', abnormal: label !== 'no_tumour', sequence: 'T1 post contrast', plane: 'axial',
      ...(tumour === null ? {} : { side: sideOf(tumour) }) },
  };
}

const sideOf = ({ centre }: Tumour): string => (Math.abs(centre[0]) < 6 ? 'midline' : centre[0] < 0 ? 'right' : 'left');

function drawTumour(random: Random, label: string, build: number): Tumour {
  const side = random.pick([-1, 1]);
  if (label === 'pituitary_tumour') {
    return { label, centre: [random.between(-2, 2), -24, -104], radiusMm: random.between(7, 13), waves: harmonics(random, 0.05, 5), isRing: false };
  }
  if (label === 'meningioma') {
    // Against the inside of the skull.
    const angle = random.between(-2.6, 0.9);
    const z = -random.between(28, 70);
    const radiusMm = random.between(10, 20);
    const reach = brainScale(-z / regionMm) * build;
    return {
      label, radiusMm, waves: harmonics(random, 0.045, 5), isRing: false,
      centre: [side * Math.abs(Math.cos(angle)) * (66 * reach - radiusMm * 0.75), Math.sin(angle) * (82 * reach - radiusMm * 0.75), z],
    };
  }
  return {
    label, radiusMm: random.between(12, 24), waves: harmonics(random, 0.15, 7), isRing: random.chance(0.6),
    centre: [side * random.between(24, 36), random.between(-42, 36), -random.between(34, 66)],
  };
}

/** How wide the brain is at a height, relative to its widest. */
const brainScale = (t: number): number => Math.sqrt(Math.max(0.03, 1 - ((t - 0.55) / (t < 0.55 ? 0.57 : 0.95)) ** 2));

interface SliceInput {
  readonly z: number;
  readonly thickness: number;
  readonly seed: number;
  readonly own: Random;
  readonly build: number;
  readonly ventricles: number;
  readonly tumour: Tumour | null;
}

function brainOutline(scale: number): Point[] {
  const points: Point[] = [];
  for (let i = 0; i < 180; i++) {
    const angle = (2 * Math.PI * i) / 180;
    // Narrower in front, widest behind the ears, with a notch at both poles of the midline.
    const y = Math.sin(angle);
    const x = Math.cos(angle);
    const notch = 1 - 0.035 * Math.exp(-((x / 0.09) ** 2));
    points.push([scale * 66 * x * (1 + 0.07 * y) * notch, scale * 83 * y * notch]);
  }
  return points;
}

/** Two smooth lattices mixed with height, so that the folds drift from slice to slice. */
function folds(seed: number, at: Plane, z: number, cellMm: number, name: string): Field {
  const step = 14;
  const low = Math.floor(z / step);
  const part = z / step - low;
  const cell = cellMm / at.spacingMm;
  const a = smoothNoise(Random.named(seed, `${name} ${low}`), at.size, at.size, cell);
  const b = smoothNoise(Random.named(seed, `${name} ${low + 1}`), at.size, at.size, cell);
  const wa = Math.cos((part * Math.PI) / 2);
  const wb = Math.sin((part * Math.PI) / 2);
  for (let i = 0; i < a.data.length; i++) a.data[i] = a.data[i]! * wa + b.data[i]! * wb;
  return a;
}

function drawSlice(at: Plane, { z, thickness, seed, own, build, ventricles, tumour }: SliceInput): PhantomBox[] {
  const { size, spacingMm, values } = at;
  const t = clamp(-z / regionMm, 0, 1);
  const scale = brainScale(t) * build;
  const outline = brainOutline(scale);
  // Skull and scalp are thicker behind and in front than at the sides.
  const grow = (mm: number): Point[] => outline.map(([x, y]) => {
    const length = Math.hypot(x, y) || 1;
    const more = mm * (0.86 + 0.26 * (y / length) ** 2);
    return [x * (1 + more / length), y * (1 + more / length)];
  });
  const texture = smoothNoise(own, size, size, 2.2 / spacingMm);
  const slow = smoothNoise(own, size, size, 30 / spacingMm);

  // Scalp (skin, bright fat), then the two dark tables of the skull with marrow between, then fluid.
  paint(values, filledMm(at, grow(14)), 350);
  paint(values, filledMm(at, grow(12.4)), (i) => signal.fat + 90 * slow.data[i]! + 60 * texture.data[i]!);
  if (t > 0.5) {
    for (const side of [-1, 1]) paint(values, filledMm(at, ellipse(side * 66 * scale, -18, 9, 30, side * 0.12)),
      (i) => signal.muscle + 30 * texture.data[i]!);
  }
  paint(values, filledMm(at, grow(8.6)), signal.bone);
  paint(values, filledMm(at, grow(6.6)), (i) => signal.marrow + 60 * slow.data[i]! + 35 * texture.data[i]!);
  paint(values, filledMm(at, grow(4.6)), signal.bone);
  paint(values, filledMm(at, grow(2.4)), 210);
  paint(values, filledMm(at, grow(1.7)), signal.csf);

  const isBase = t > 0.72;
  const brain = field(size, size);
  if (isBase) drawBase(at, scale, t, brain);
  else paint(brain, filledMm(at, outline), 1);
  paintBrain(at, brain, seed, z, texture, slow, isBase);
  if (!isBase) {
    drawMidline(at, scale, t);
    drawDeep(at, scale, t, ventricles, texture);
  } else drawBaseDetails(at, scale, t, texture);

  if (tumour === null) return [];
  return paintTumour(at, tumour, z, thickness, own, brain);
}

/** Cortex and sulci: a band-limited field folds the surface; fluid lies along its crests, grey matter along both sides of them. */
function paintBrain(at: Plane, brain: Field, seed: number, z: number, texture: Field, slow: Field, isBase: boolean): void {
  const { spacingMm, values } = at;
  const depth = depthMm(brain, spacingMm);
  const coarse = folds(seed, at, z, 8.5, 'folds');
  const fine = folds(seed, at, z, 5.5, 'small folds');
  for (let i = 0; i < brain.data.length; i++) {
    const inside = brain.data[i]!;
    if (inside === 0) continue;
    const d = depth.data[i]!;
    const ridge = Math.abs(coarse.data[i]! + 0.45 * fine.data[i]!);
    // Sulci narrow with depth and end about 26 mm below the surface.
    const reach = clamp(1 - d / (isBase ? 15 : 27), 0, 1);
    const sulcus = clamp((0.2 * reach - ridge) * 8 + 0.5, 0, 1) * clamp(reach * 4, 0, 1);
    const cortexBySurface = clamp((3.4 - d) / 1.2, 0, 1);
    const cortexBySulcus = clamp((0.82 * Math.sqrt(reach) - ridge) * 4 + 0.5, 0, 1) * clamp(reach * 5, 0, 1);
    const cortex = Math.max(cortexBySurface, cortexBySulcus);
    const tissue = signal.white + 9 * slow.data[i]! + (signal.grey - signal.white) * cortex + 8 * texture.data[i]!;
    values.data[i]! += (tissue + (signal.csf - tissue) * sulcus - values.data[i]!) * inside;
  }
}

/** Distance below the surface, mm, near enough: how much of a wide blur of the mask lies inside. */
function depthMm(mask: Field, spacingMm: number): Field {
  const width = mask.width;
  const result = field(width, mask.height);
  // Two-pass chamfer distance.
  const straight = spacingMm;
  const diagonal = spacingMm * Math.SQRT2;
  const { data } = result;
  for (let i = 0; i < data.length; i++) data[i] = mask.data[i]! > 0.5 ? 1e6 : 0;
  for (let i = width + 1; i < data.length; i++) {
    data[i] = Math.min(data[i]!, data[i - 1]! + straight, data[i - width]! + straight, data[i - width - 1]! + diagonal,
      data[i - width + 1]! + diagonal);
  }
  for (let i = data.length - width - 2; i >= 0; i--) {
    data[i] = Math.min(data[i]!, data[i + 1]! + straight, data[i + width]! + straight, data[i + width + 1]! + diagonal,
      data[i + width - 1]! + diagonal);
  }
  return result;
}

/** The cleft between the hemispheres, with the falx in it and the enhancing sinus at its back. */
function drawMidline(at: Plane, scale: number, t: number): void {
  const cleft = field(at.size, at.size);
  const isHigh = t < 0.3;
  const back: Point[] = [[0.6, 83 * scale], [-0.4, (isHigh ? 0 : 46) * scale]];
  const front: Point[] = [[-0.5, -83 * scale], [0.4, (isHigh ? 0 : -44) * scale]];
  for (const half of [front, back]) strokeMm(at, cleft, half, 1.5);
  paintField(at.values, blurred(cleft, 0.5), signal.csf);
  const falx = field(at.size, at.size);
  for (const half of [front, back]) strokeMm(at, falx, half, 0.45, 0.6);
  paintField(at.values, falx, 420);
  paint(at.values, filledMm(at, [[-3.4, 84 * scale], [3.4, 84 * scale], [0, 77 * scale]]), signal.vessel);
  paint(at.values, filledMm(at, [[-2, -84 * scale], [2, -84 * scale], [0, -80 * scale]]), signal.vessel);
}

/** Ventricles, corpus callosum and the grey nuclei, as far as the height shows them. */
function drawDeep(at: Plane, scale: number, t: number, ventricles: number, texture: Field): void {
  if (t < 0.3) return;
  const { values } = at;
  const s = scale;
  const horn = field(at.size, at.size);
  const grey = (points: readonly Point[], value: number = signal.grey + 25): void => paint(values, softMask(at, points, 1.1),
    (i) => value + 8 * texture.data[i]!);
  if (t < 0.45) {
    // The bodies of the lateral ventricles: two long crescents, back to back.
    for (const side of [-1, 1]) {
      const points: Point[] = [[side * 6, -26 * s], [side * 5, -8 * s], [side * 8, 12 * s], [side * 15, 30 * s]];
      strokeMm(at, horn, points, (u) => (1.6 + 2.6 * Math.sin(Math.PI * (0.15 + 0.8 * u))) * ventricles);
    }
  } else {
    for (const side of [-1, 1]) {
      grey(organ([[side * 12, -20 * s], [side * 17, -26 * s], [side * 19, -16 * s], [side * 14, -6 * s], [side * 10, -10 * s]]));
      grey(organ([[side * 18, -2 * s], [side * 24, -18 * s], [side * 31, -10 * s], [side * 30, 8 * s], [side * 24, 12 * s]]), signal.grey + 35);
      grey(organ([[side * 3, 4 * s], [side * 10, -4 * s], [side * 17, 8 * s], [side * 15, 20 * s], [side * 6, 18 * s]]), signal.grey + 40);
      grey(organ([[side * 36, -22 * s], [side * 39, -6 * s], [side * 37, 12 * s], [side * 40, -6 * s]]), signal.grey);
      strokeMm(at, horn, [[side * 3, -12 * s], [side * 6, -22 * s], [side * 11, -34 * s]], (u) => (1.4 + 2.1 * u) * ventricles);
      strokeMm(at, horn, [[side * 18, 22 * s], [side * 25, 32 * s], [side * 24, 47 * s]], (u) => (3.6 - 2.2 * u) * ventricles);
    }
    strokeMm(at, horn, [[0, -4 * s], [0, 14 * s]], 1.3 * ventricles);
  }
  paintField(values, blurred(horn, 0.45), signal.csf - 10);
  if (t >= 0.45) {
    // Choroid plexus takes up contrast.
    for (const side of [-1, 1]) paint(values, softMask(at, ellipse(side * 22, 30 * s, 1.7, 3, 0.4), 0.7), 620);
  }
}

const softMask = (at: Plane, points: readonly Point[], sigmaMm: number): Mask => softened(toPixels(at, points), sigmaMm / at.spacingMm);

/** Low slices: frontal base, temporal lobes, brain stem and cerebellum, parted by fluid. */
function drawBase(at: Plane, scale: number, t: number, brain: Field): void {
  const s = scale;
  const low = clamp((t - 0.72) / 0.28, 0, 1);
  const frontal = 1 - 0.75 * low;
  for (const side of [-1, 1]) {
    paint(brain, filledMm(at, organ([[side * 2, -78 * s], [side * 34, -72 * s], [side * 46, -52 * s], [side * 30, (-52 + 22 * frontal) * s],
      [side * 3, (-60 + 26 * frontal) * s]])), 1);
    paint(brain, filledMm(at, organ([[side * 17, -24 * s], [side * 38, -46 * s], [side * 61, -26 * s], [side * 65, 10 * s], [side * 52, 28 * s],
      [side * 30, 20 * s], [side * 17, 2 * s]])), 1);
    paint(brain, filledMm(at, organ([[side * 1.5, 36 * s], [side * 20, 26 * s], [side * 52, 32 * s], [side * 50, 62 * s], [side * 22, 78 * s],
      [side * 1.5, 74 * s]])), 1);
  }
  paint(brain, filledMm(at, blob(0, 13 * s, 18 * s, 16 * s, 0, [{ waves: 3, amplitude: 0.08, phase: Math.PI / 2 }])), 1);
  paint(brain, filledMm(at, ellipse(0, 46 * s, 9 * s, 26 * s)), 1);
}

function drawBaseDetails(at: Plane, scale: number, t: number, texture: Field): void {
  const { values } = at;
  const s = scale;
  paint(values, softMask(at, blob(0, 13 * s, 15.5 * s, 13.5 * s, 0, []), 1), (i) => 405 + 8 * texture.data[i]!);
  paint(values, softMask(at, blob(0, 32 * s, 5.5, 3.4, 0, [{ waves: 3, amplitude: 0.2, phase: Math.PI / 2 }]), 0.6), signal.csf);
  // Arteries of the circle, the cavernous sinuses and the gland enhance.
  for (const side of [-1, 1]) {
    paint(values, softMask(at, ellipse(side * 12, -18 * s, 3.4, 6, side * 0.2), 0.7), signal.vessel - 60);
    paint(values, softMask(at, ellipse(side * 13, -17 * s, 1.8, 2.2), 0.4), 90);
  }
  paint(values, softMask(at, ellipse(0, -20 * s, 6, 4), 0.7), 640);
  paint(values, softMask(at, ellipse(0, -2 * s, 1.6, 1.6), 0.4), 120);
  if (t > 0.86) {
    // Orbits with their fat, the eyes, and the air of the ethmoid between.
    for (const side of [-1, 1]) {
      paint(values, filledMm(at, organ([[side * 14, -39], [side * 24, -65], [side * 46, -65], [side * 48, -51], [side * 26, -23]])),
        (i) => signal.fat - 40 + 40 * texture.data[i]!);
      paint(values, filledMm(at, ellipse(side * 33, -65, 13, 12.5)), 300);
      paint(values, filledMm(at, ellipse(side * 33, -65, 11.6, 11)), 130);
      paint(values, filledMm(at, ellipse(side * 33, -74, 4.6, 2)), 330);
      const nerve = field(at.size, at.size);
      strokeMm(at, nerve, [[side * 32, -53], [side * 22, -33], [side * 14, -21]], 1.9);
      strokeMm(at, nerve, [[side * 43, -55], [side * 34, -35]], 1.8);
      strokeMm(at, nerve, [[side * 21, -55], [side * 18, -35]], 1.6);
      paintField(values, nerve, 330);
    }
    for (let i = 0; i < 4; i++) {
      for (const side of [-1, 1]) paint(values, filledMm(at, ellipse(side * 5, -44 - i * 7, 3.6, 3)), 30);
    }
  }
}

/** The tumour with its rim and, around a glioma, the dark swelling; the box is that of the enhancing mass. */
function paintTumour(at: Plane, tumour: Tumour, z: number, thickness: number, random: Random, brain: Field): PhantomBox[] {
  const { values, size, spacingMm } = at;
  const [x, y] = [toPixel(at, tumour.centre[0]), toPixel(at, tumour.centre[1])];
  const mass = field(size, size);
  let isMet = false;
  let radius = 0;
  for (let part = 0; part < 3; part++) {
    const dz = z + ((part + 0.5) / 3 - 0.5) * thickness - tumour.centre[2];
    if (Math.abs(dz) >= tumour.radiusMm) continue;
    isMet = true;
    const r = Math.sqrt(tumour.radiusMm ** 2 - dz ** 2) / spacingMm;
    radius = Math.max(radius, r);
    forCovered(mass, filled(blob(x, y, r, r, 0, tumour.waves)), (i, cover) => {
      mass.data[i]! += cover / 3;
    });
  }
  if (!isMet) return [];
  const soft = blurred(mass, 0.5 / spacingMm);
  const texture = fractalNoise(random, size, size, 9 / spacingMm, 3, 0.6);
  if (tumour.label === 'glioma') {
    const swelling = blurred(coverage(size, size, blob(x, y, radius * 1.75, radius * 1.6, 0.5, harmonics(random, 0.16, 6))), 2.4 / spacingMm);
    for (let i = 0; i < values.data.length; i++) {
      const amount = swelling.data[i]! * brain.data[i]!;
      if (amount > 0 && values.data[i]! > 150) values.data[i]! += (285 - values.data[i]!) * amount * 0.8;
    }
    const core = blurred(coverage(size, size, blob(x, y, radius * 0.62, radius * 0.6, 0, harmonics(random, 0.16, 6))), 1 / spacingMm);
    for (let i = 0; i < values.data.length; i++) {
      const amount = soft.data[i]!;
      if (amount === 0) continue;
      const tissue = tumour.isRing ? 660 - 470 * core.data[i]! + 60 * texture.data[i]! : 480 + 130 * texture.data[i]!;
      values.data[i]! += (tissue - values.data[i]!) * amount;
    }
  } else {
    const level = tumour.label === 'meningioma' ? 690 : 640;
    if (tumour.label === 'meningioma') {
      const tail = blurred(coverage(size, size, ellipse(x, y, radius * 1.16, radius * 1.16)), 0.7 / spacingMm);
      for (let i = 0; i < values.data.length; i++) {
        if (brain.data[i]! > 0) values.data[i]! += (signal.csf + 80 - values.data[i]!) * tail.data[i]! * 0.8;
      }
    }
    for (let i = 0; i < values.data.length; i++) values.data[i]! += (level + 26 * texture.data[i]! - values.data[i]!) * soft.data[i]!;
  }
  return boxesOf(values, { x: 0, y: 0, width: size, height: size, data: soft.data }, tumour.label);
}

/** Magnitude of signal plus complex noise, under a slow gain as of surface coils. */
function ricianSamples({ width, height, data }: Field, random: Random): Uint16Array {
  const real = whiteNoise(random, data.length);
  const imaginary = whiteNoise(random, data.length);
  const gainX = random.between(-0.07, 0.07);
  const gainY = random.between(-0.08, 0.08);
  const slightlySoft = blurred({ width, height, data }, 0.55);
  const samples = new Uint16Array(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const gain = 1 + gainX * (x / width - 0.5) * 2 + gainY * (y / height - 0.5) * 2;
      samples[i] = clamp(Math.round(Math.hypot(slightlySoft.data[i]! * gain + 11 * real[i]!, 11 * imaginary[i]!)), 0, 4095);
    }
  }
  return samples;
}
