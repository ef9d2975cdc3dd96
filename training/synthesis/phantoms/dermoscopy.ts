/** A dermoscopic picture: skin with its lines and hairs, and a pigmented lesion with its border, colours and network. */
import { clamp } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import { canvas, tint, tintField, toPicture } from './colour.ts';
import type { Rgb } from './colour.ts';
import { blob, blurred, boxOfField, coverage, ellipse, field, filled, fractalNoise, harmonics, longAxis, smooth, smoothNoise, stroke,
  whiteNoise } from './drawing.ts';
import type { Harmonic, Point } from './drawing.ts';
import { noGeometry, rounded } from './study.ts';
import type { PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';

export const skinLabels = ['not_melanoma', 'melanoma'] as const;

const mix = (a: Rgb, b: Rgb, t: number): Rgb => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];

export function drawDermoscopy(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const size = options.size ?? 256;
  const random = Random.named(seed, 'dermoscopy');
  const label = options.label ?? random.pick(skinLabels);
  const isMelanoma = label === 'melanoma';
  const skin = mix([228, 178, 160], mix([214, 150, 132], [205, 170, 140], random.uniform()), random.uniform());
  const picture = canvas(size, size, skin);

  // Skin: slow blotches, fine relief, freckles.
  const blotches = fractalNoise(random, size, size, size / 3, 3, 0.6);
  const relief = fractalNoise(random, size, size, size / 32, 3, 0.8);
  const [red, green, blue] = picture.channels;
  for (let i = 0; i < size * size; i++) {
    const b = blotches.data[i]!;
    const d = relief.data[i]!;
    red.data[i]! += 3.5 * b + 4 * d;
    green.data[i]! += 6 * b + 5.5 * d;
    blue.data[i]! += 6 * b + 5.5 * d;
  }
  for (let k = random.below(14); k > 0; k--) {
    const r = size * random.between(0.004, 0.014);
    tint(picture, filled(blob(random.between(0, size), random.between(0, size), r, r * 0.8, 0, harmonics(random, 0.1, 4))),
      mix(skin, [150, 90, 60], 0.5), 0.45);
  }

  // The lesion: outline, base colour, two or more tones, network or globules.
  const cx = size * random.between(0.4, 0.6);
  const cy = size * random.between(0.4, 0.6);
  const radius = size * random.between(isMelanoma ? 0.19 : 0.1, isMelanoma ? 0.33 : 0.27);
  const aspect = isMelanoma ? random.between(0.65, 0.95) : random.between(0.72, 1);
  const waves: Harmonic[] = harmonics(random, isMelanoma ? 0.2 : 0.06, isMelanoma ? 11 : 6);
  const outline = blob(cx, cy, radius, radius * aspect, random.between(0, Math.PI), waves);
  const sharp = coverage(size, size, outline);
  const edge = blurred(sharp, size * (isMelanoma ? random.between(0.004, 0.012) : random.between(0.008, 0.02)));
  const base: Rgb = isMelanoma ? mix([112, 70, 48], [82, 54, 44], random.uniform()) : mix([176, 116, 82], [138, 86, 58], random.uniform());
  const dark: Rgb = isMelanoma ? [46, 30, 30] : mix(base, [70, 40, 28], 0.6);
  const tone = fractalNoise(random, size, size, radius * (isMelanoma ? 0.7 : 0.9), 3, 0.6);
  const fine = smoothNoise(random, size, size, Math.max(2, size / 64));
  const cells = smoothNoise(random, size, size, Math.max(2.2, size / 52));
  const depth = blurred(sharp, radius * 0.3);
  const hasNetwork = random.chance(0.6);
  const isSpotted = !hasNetwork && random.chance(0.6);
  tintField(picture, edge, (i) => {
    const centre = clamp((depth.data[i]! - 0.45) * 1.6, 0, 1);
    let t = clamp(0.3 + 0.38 * tone.data[i]! + (isMelanoma ? 0.1 : 0.35) * centre, 0, 1);
    // A pigment network is the zero set of a fine field; globules are its peaks.
    if (hasNetwork) t = clamp(t + 0.28 * Math.exp(-((cells.data[i]! / 0.28) ** 2)) - 0.08, 0, 1);
    if (isSpotted) t = clamp(t + 0.5 * clamp(cells.data[i]! - 1, 0, 1), 0, 1);
    const colour = mix(base, dark, t);
    const g = 5 * fine.data[i]!;
    return [colour[0] + g, colour[1] + g, colour[2] + g];
  }, isMelanoma ? 0.96 : random.between(0.7, 0.95));
  if (isMelanoma) {
    for (const [colour, opacity] of [[[98, 104, 128], 0.55], [[206, 150, 140], 0.6], [[34, 24, 26], 0.75]] as const) {
      const angle = random.between(0, 2 * Math.PI);
      const reach = radius * random.between(0.15, 0.55);
      const patch = blurred(coverage(size, size, blob(cx + reach * Math.cos(angle), cy + reach * Math.sin(angle),
        radius * random.between(0.2, 0.42), radius * random.between(0.18, 0.34), angle, harmonics(random, 0.18, 6))), size * 0.014);
      for (let i = 0; i < patch.data.length; i++) patch.data[i]! *= edge.data[i]!;
      tintField(picture, patch, colour, opacity);
    }
  }

  // Hairs, gel bubbles, a ruler, and the darker rim of the lens.
  const hairs = random.chance(0.55) ? random.below(14) : 0;
  const hairCover = field(size, size);
  for (let k = 0; k < hairs; k++) {
    const angle = random.between(0, 2 * Math.PI);
    const [x, y] = [random.between(0, size), random.between(0, size)];
    const long = size * random.between(0.25, 0.7);
    const bend = random.normal() * long * 0.14;
    const points: Point[] = [[-0.5, 0], [-0.15, 1], [0.2, 0.8], [0.5, -0.3]].map(([u, v]): Point => [
      x + u! * long * Math.cos(angle) - v! * bend * Math.sin(angle), y + u! * long * Math.sin(angle) + v! * bend * Math.cos(angle),
    ]);
    stroke(hairCover, smooth(points, false, 6), (t) => (size / 256) * (0.75 - 0.35 * t));
  }
  tintField(picture, blurred(hairCover, 0.4), [58, 38, 32], 0.8);
  if (random.chance(0.25)) drawRuler(picture, size, random);
  const glare = random.below(3);
  for (let k = 0; k < glare; k++) tint(picture, filled(ellipse(random.between(0, size), random.between(0, size), size * 0.012, size * 0.006,
    random.between(0, 3))), [250, 246, 244], 0.7);
  const dim = random.between(0.06, 0.3);
  const isRound = random.chance(0.12);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const rho = Math.sqrt((x - size / 2) ** 2 + (y - size / 2) ** 2) / (size / 2);
      const light = (1 - dim * Math.min(1, (rho / 1.35) ** 3)) * (isRound ? 1 / (1 + Math.exp((rho - 1.03) * 50)) : 1);
      red.data[i]! *= light;
      green.data[i]! *= light;
      blue.data[i]! *= light;
    }
  }

  const box = boxOfField(sharp)!;
  const measurements: PhantomMeasurement[] = [
    { name: 'largest diameter', class: 'skin_lesion', frame: 0, value: rounded(longAxis(outline)), unit: 'px' },
    { name: 'count', class: 'skin_lesion', frame: null, value: 1, unit: 'count' },
  ];
  return {
    kind: 'dermoscopy', seed, modality: 'dermoscopy', label, labels: skinLabels, levels: [], measurements,
    frames: [{ picture: toPicture(picture, whiteNoise(random, size * size), 2.5), stored: null, boxes: [{ class: 'skin_lesion', box }],
      geometry: noGeometry, thicknessMm: null }],
    facts: { body_part: 'skin', malignant: isMelanoma, hairs: hairs > 0, border: isMelanoma ? 'irregular' : 'regular' },
  };
}

function drawRuler(picture: ReturnType<typeof canvas>, size: number, random: Random): void {
  const marks = field(size, size);
  const y = size * random.between(0.84, 0.92);
  const tilt = random.normal() * 0.06;
  const step = size / 34;
  for (let k = 0; k < 17; k++) {
    const x = size * 0.25 + k * step;
    const top = y + (x - size / 2) * tilt;
    stroke(marks, [[x, top], [x - tilt * step, top + (k % 8 === 0 ? 1.7 : 0.9) * step]], size / 512);
  }
  stroke(marks, [[size * 0.25, y - (size / 4) * tilt], [size * 0.25 + 16 * step, y + (16 * step - size / 4) * tilt]], size / 512);
  tintField(picture, marks, [60, 50, 50], 0.85);
}
