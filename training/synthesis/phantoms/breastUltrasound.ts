/** A breast ultrasound picture: skin, fat, gland and muscle under fully developed speckle, and a lesion that shadows or enhances what lies behind. */
import { clamp } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import { blob, blurred, coverage, field, fractalNoise, harmonics, longAxis, smoothNoise, speckle, stroke } from './drawing.ts';
import type { Field } from './drawing.ts';
import { boxesOf, rounded } from './study.ts';
import type { PhantomBox, PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';

export const breastLabels = ['normal', 'benign', 'malignant'] as const;

export function drawBreastUltrasound(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const width = options.size ?? 384;
  const height = Math.round(width * 0.8);
  const random = Random.named(seed, 'breast_ultrasound');
  const label = options.label ?? random.pick(breastLabels);
  const spacingMm = 38 / width;
  const echo = drawTissue(random, width, height);

  const boxes: PhantomBox[] = [];
  const measurements: PhantomMeasurement[] = [];
  let posterior = 'none';
  if (label !== 'normal') {
    const isMalignant = label === 'malignant';
    const isCyst = !isMalignant && random.chance(0.3);
    const rx = width * (isMalignant ? random.between(0.09, 0.17) : random.between(0.08, 0.19));
    // Benign lesions are wider than tall; malignant ones may be taller than wide.
    const ry = rx * (isMalignant ? random.between(0.75, 1.25) : random.between(0.5, 0.72));
    const x = random.between(rx * 1.3, width - rx * 1.3);
    const y = random.between(height * 0.24 + ry, height * 0.62);
    const outline = blob(x, y, rx, ry, isMalignant ? random.normal() * 0.3 : random.normal() * 0.1,
      harmonics(random, isMalignant ? 0.17 : 0.03, isMalignant ? 12 : 4));
    const sharp = coverage(width, height, outline);
    posterior = isMalignant ? 'shadowing' : 'enhancement';
    drawLesion(echo, random, sharp, { x, y, rx, ry, isMalignant, isCyst });
    boxes.push(...boxesOf(echo, { x: 0, y: 0, width, height, data: sharp.data }, isMalignant ? 'malignant_lesion' : 'benign_lesion'));
    measurements.push({ name: 'largest diameter', class: isMalignant ? 'malignant_lesion' : 'benign_lesion', frame: 0,
      value: rounded(longAxis(outline) * spacingMm), unit: 'mm' });
  }
  measurements.push({ name: 'count', class: 'lesion', frame: null, value: boxes.length, unit: 'count' });
  return {
    kind: 'breast_ultrasound', seed, modality: 'ultrasound', label, labels: breastLabels, levels: [], measurements,
    frames: [{
      picture: null, boxes, thicknessMm: null,
      stored: { width, height, samples: compressed(echo, random), bitsStored: 8, slope: 1, intercept: 0, window: { center: 128, width: 256 } },
      geometry: { spacingMm: [spacingMm, spacingMm], spacingSource: 'UltrasoundRegion', positionMm: null, orientation: null },
    }],
    facts: { body_part: 'breast', abnormal: label !== 'normal', lesion_count: boxes.length, posterior_feature: posterior },
  };
}

/** Mean echo amplitude of the layers, on a scale on which gland is 1. */
function drawTissue(random: Random, width: number, height: number): Field {
  const echo = field(width, height);
  const line = (cell: number, amount: number): Float32Array => fractalNoise(random, width, 1, cell, 2, 0.4).data.map((v) => v * amount);
  const fatTop = line(width / 2, 2);
  const glandTop = line(width / 3, height * 0.028);
  const muscleTop = line(width / 2, height * 0.014);
  const skinDepth = height * random.between(0.035, 0.055);
  const glandDepth = height * random.between(0.19, 0.3);
  const muscleDepth = height * random.between(0.68, 0.82);
  const warp = smoothNoise(random, width, height, width / 7, height / 12);
  const lobules = smoothNoise(random, width, height, width / 9, height / 22);
  const strands = smoothNoise(random, width, height, width / 11, height / 34);
  const fibres = smoothNoise(random, width, height, width / 3, height / 95);
  const patch = fractalNoise(random, width, height, width / 8, 3, 0.6);
  const slope = random.normal() * 0.05;
  for (let x = 0; x < width; x++) {
    const lean = slope * (x - width / 2);
    const fatAt = skinDepth + fatTop[x]!;
    const glandAt = glandDepth + glandTop[x]! + lean;
    const muscleAt = muscleDepth + muscleTop[x]! + lean;
    for (let y = 0; y < height; y++) {
      const i = y * width + x;
      let value: number;
      if (y < fatAt) value = y < fatAt * 0.3 ? 0.35 : 1.5 - 0.9 * Math.abs(y / fatAt - 0.75);
      else if (y < glandAt) {
        // Fat: dark lobules parted by bright septa (along the zero set of a flat field), some of them faint.
        const septum = Math.exp(-(((strands.data[i]! + 0.5 * lobules.data[i]!) / 0.17) ** 2));
        value = 0.2 + 0.04 * patch.data[i]! + 0.62 * septum * clamp(0.55 + 0.5 * warp.data[i]!, 0.1, 1.2);
      } else if (y < muscleAt) {
        const septum = Math.exp(-(((fibres.data[i]! + 0.7 * warp.data[i]!) / 0.2) ** 2));
        value = 0.6 + 0.22 * patch.data[i]! + 0.14 * strands.data[i]! + 0.5 * septum;
        value *= 0.42 + 0.58 / (1 + Math.exp(-(lobules.data[i]! + 0.45 + 0.5 * patch.data[i]!) * 3));
      } else {
        const fascia = Math.exp(-(((y - muscleAt) / (height * 0.008)) ** 2));
        value = 0.24 + 0.3 * Math.max(0, fibres.data[i]!) + 0.04 * patch.data[i]! + 1.1 * fascia * clamp(0.7 + 0.4 * strands.data[i]!, 0.2, 1.3);
      }
      echo.data[i] = Math.max(0.03, value);
    }
  }
  return echo;
}

function drawLesion(echo: Field, random: Random, sharp: Field,
  lesion: { x: number; y: number; rx: number; ry: number; isMalignant: boolean; isCyst: boolean }): void {
  const { x, y, rx, ry, isMalignant, isCyst } = lesion;
  const { width, height, data } = echo;
  const inside = fractalNoise(random, width, height, rx * 0.5, 3, 0.7);
  const edge = blurred(sharp, isMalignant ? 2.4 : 0.9);
  if (isMalignant) {
    // Spicules: bright and dark lines that pull on the surroundings.
    const rays = field(width, height);
    for (let k = 0; k < 14; k++) {
      const angle = random.between(0, 2 * Math.PI);
      const long = random.between(1.15, 1.7);
      stroke(rays, [[x + 0.8 * rx * Math.cos(angle), y + 0.8 * ry * Math.sin(angle)],
        [x + long * rx * Math.cos(angle), y + long * ry * Math.sin(angle)]], (t) => 1.7 * (1 - 0.8 * t));
    }
    const halo = blurred(sharp, rx * 0.16);
    for (let i = 0; i < data.length; i++) {
      const around = halo.data[i]! * (1 - sharp.data[i]!);
      data[i]! += around * 0.5;
      data[i]! *= 1 - 0.6 * rays.data[i]! * (1 - sharp.data[i]!);
    }
  } else {
    const shell = blurred(sharp, 1.6);
    for (let i = 0; i < data.length; i++) data[i]! += 1.8 * shell.data[i]! * (1 - shell.data[i]!);
  }
  const level = isCyst ? 0.012 : isMalignant ? 0.085 : 0.13;
  for (let i = 0; i < data.length; i++) {
    const value = Math.max(0.015, level * (1 + (isCyst ? 0.1 : isMalignant ? 0.5 : 0.2) * inside.data[i]!));
    data[i]! += (value - data[i]!) * edge.data[i]!;
  }
  if (isMalignant && random.chance(0.5)) {
    // Microcalcifications.
    for (let k = 0; k < 7; k++) {
      const px = Math.round(x + random.normal() * rx * 0.4);
      const py = Math.round(y + random.normal() * ry * 0.4);
      if (px > 0 && py > 0 && px < width - 1 && py < height) data[py * width + px] = data[py * width + px + 1] = 3;
    }
  }
  // What lies behind: each column gains or loses by the path that the beam took through the lesion.
  const path = new Float32Array(width);
  for (let column = 0; column < width; column++) {
    let through = 0;
    let lowest = -1;
    for (let row = 0; row < height; row++) {
      const c = sharp.data[row * width + column]!;
      through += c;
      if (c > 0.5) lowest = row;
    }
    path[column] = lowest < 0 ? 0 : through / (2 * ry);
  }
  const smoothPath = blurred({ width, height: 1, data: path }, rx * 0.22, 0.1).data;
  const gain = isCyst ? 1.5 : isMalignant ? -0.86 : 0.75;
  const bottom = y + ry * 0.7;
  for (let row = 0; row < height; row++) {
    const behind = clamp((row - bottom) / (ry * 0.5), 0, 1);
    if (behind === 0) continue;
    for (let column = 0; column < width; column++) {
      const i = row * width + column;
      const outside = (1 - edge.data[i]!) * Math.exp(-Math.max(0, row - bottom) / (height * (isMalignant ? 0.9 : 0.5)));
      data[i]! *= 1 + gain * smoothPath[column]! * behind * outside;
    }
  }
  if (!isMalignant) {
    // Thin shadows from the steep edges of a smooth mass.
    for (const side of [-1, 1]) {
      for (let row = Math.round(y); row < height; row++) {
        for (let column = Math.round(x + side * rx * 0.98) - 4; column <= x + side * rx * 0.98 + 4; column++) {
          if (column < 0 || column >= width) continue;
          data[row * width + column]! *= 1 - 0.45 * Math.exp(-(((column - x - side * rx * 0.98) / 2) ** 2));
        }
      }
    }
  }
}

/** Rayleigh speckle whose grain grows with depth, attenuation with imperfect gain compensation, logarithmic compression to 8 bits. */
function compressed(echo: Field, random: Random): Uint8Array {
  const { width, height, data } = echo;
  const near = speckle(random, width, height, 1.5 * (width / 384), 0.75 * (width / 384));
  const far = speckle(random, width, height, 2.7 * (width / 384), 1 * (width / 384));
  const columns = smoothNoise(random, width, 1, width / 24);
  const fade = random.between(0.5, 1.6);
  const focus = random.between(0.3, 0.6);
  const samples = new Uint8Array(width * height);
  const beam = blurred(echo, 1.4 * (width / 384), 0.6 * (width / 384));
  for (let y = 0, i = 0; y < height; y++) {
    const depth = y / height;
    const gain = Math.exp(-fade * Math.max(0, depth - 0.35)) * (1 + 0.25 * Math.exp(-(((depth - focus) / 0.2) ** 2)));
    for (let x = 0; x < width; x++, i++) {
      const grain = near.data[i]! * (1 - depth) + far.data[i]! * depth;
      const amplitude = (0.35 * data[i]! + 0.65 * beam.data[i]!) * grain * gain * (1 + 0.07 * columns.data[x]!);
      // The display compresses some 50 dB of echoes into the grey scale.
      samples[i] = clamp(Math.round(255 * Math.min(1, amplitude / 2.6) ** 0.56), 0, 255);
    }
  }
  return samples;
}

