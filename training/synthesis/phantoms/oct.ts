/** An OCT slice through the macula: retinal layers with speckle, and drusen or fluid where there is disease. */
import { clamp } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import { blob, blurred, field, filled, forCovered, fractalNoise, harmonics, smoothNoise, speckle } from './drawing.ts';
import type { Field } from './drawing.ts';
import { boxesOf, noGeometry, rounded } from './study.ts';
import type { PhantomBox, PhantomMeasurement, PhantomOptions, PhantomStudy, StoredPixels } from './study.ts';

export const octLabels = ['normal', 'drusen', 'diabetic_macular_oedema'] as const;

/** Layers from the inside out: thickness relative to the retina, reflectance. */
const layers: readonly (readonly [number, number])[] = [
  [0.12, 0.7], [0.13, 0.44], [0.09, 0.5], [0.12, 0.24], [0.07, 0.46], [0.24, 0.17], [0.035, 0.34], [0.05, 0.2], [0.055, 0.86], [0.03, 0.36],
    [0.06, 1],
];

export function drawOct(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const width = options.size ?? 384;
  const height = Math.round((width * 2) / 3);
  const random = Random.named(seed, 'oct');
  const label = options.label ?? random.pick(octLabels);
  const centre = width * random.between(0.4, 0.6);
  const retina = height * random.between(0.235, 0.27);
  const tilt = random.normal() * 0.035;
  const bow = random.between(-0.05, 0.02) * height;
  const level = height * random.between(0.56, 0.64);
  const pitWidth = width * random.between(0.065, 0.095);
  const pitDepth = random.between(0.4, 0.5);
  const isOedema = label === 'diabetic_macular_oedema';

  const wave = fractalNoise(random, width, 1, width / 3, 3, 0.4);
  const rpe = new Float64Array(width);
  const thickness = new Float64Array(width);
  const drusenHeight = new Float64Array(width);
  const swelling = new Float64Array(width);
  const drusen: { x: number; half: number; rise: number }[] = [];
  if (label === 'drusen') {
    const count = 2 + random.below(5);
    for (let k = 0; k < count * 30 && drusen.length < count; k++) {
      const half = width * random.between(0.018, 0.045);
      const x = random.between(width * 0.14, width * 0.86);
      if (drusen.some((other) => Math.abs(other.x - x) < other.half + half + 5)) continue;
      drusen.push({ x, half, rise: half * random.between(0.38, 0.85) });
    }
  }
  const cysts: { x: number; at: number; rx: number; ry: number }[] = [];
  if (isOedema) {
    const count = 1 + random.below(5);
    for (let k = 0; k < count * 30 && cysts.length < count; k++) {
      const rx = width * random.between(0.014, 0.05);
      const x = centre + random.normal() * width * 0.14;
      if (x < width * 0.1 || x > width * 0.9 || cysts.some((other) => Math.abs(other.x - x) < other.rx + rx + 3)) continue;
      cysts.push({ x, at: random.between(0.42, 0.72), rx, ry: rx * random.between(0.5, 0.95) });
    }
  }
  for (let x = 0; x < width; x++) {
    const u = (x - width / 2) / (width / 2);
    rpe[x] = level + tilt * (x - width / 2) + bow * u * u + 1.6 * wave.data[x]!;
    for (const { x: dx, half, rise } of drusen) {
      const s = (x + 0.5 - dx) / half;
      if (Math.abs(s) < 1) drusenHeight[x] = Math.max(drusenHeight[x]!, rise * (1 - s * s) ** 0.8);
    }
    for (const cyst of cysts) swelling[x]! += cyst.ry * 1.7 * Math.exp(-(((x - cyst.x) / (cyst.rx * 2.6)) ** 2));
    const pit = Math.exp(-(((x - centre) / pitWidth) ** 2));
    const rim = Math.exp(-(((Math.abs(x - centre) - pitWidth * 2.3) / (pitWidth * 1.7)) ** 2));
    thickness[x] = retina * (0.9 + 0.18 * rim - (isOedema ? 0.45 : 1) * pitDepth * pit) + swelling[x]!;
  }

  // Reflectance, column by column: layers thin towards the pit from the inside.
  const reflectance = field(width, height, 0.008);
  const haze = smoothNoise(random, width, height, width / 14, height / 40);
  const vessels = Array.from({ length: 3 + random.below(4) }, () => ({ x: random.between(0, width), half: width * random.between(0.004, 0.009) }))
    .filter(({ x }) => Math.abs(x - centre) > pitWidth * 2.2);
  const choroid = fractalNoise(random, width, height, height / 16, 3, 0.7);
  for (let x = 0; x < width; x++) {
    const total = thickness[x]!;
    const pit = Math.exp(-(((x - centre) / pitWidth) ** 2)) * (isOedema ? 0.45 : 1);
    const outer = retina * 0.44;
    const inner = Math.max(0.4, total - outer);
    let shadow = 1;
    for (const vesselAt of vessels) shadow -= 0.55 * Math.exp(-(((x - vesselAt.x) / vesselAt.half) ** 2));
    let innerShare = 0;
    let outerShare = 0;
    layers.forEach(([share], k) => {
      if (k < 5) innerShare += share * (k < 3 ? 1 - 0.92 * pit : 1);
      else outerShare += share;
    });
    const base = rpe[x]!;
    const lift = drusenHeight[x]!;
    let y = base - total;
    layers.forEach(([share, bright], k) => {
      const isInner = k < 5;
      const size = isInner ? (inner * share * (k < 3 ? 1 - 0.92 * pit : 1)) / innerShare : (outer * share) / outerShare;
      let from = y;
      let to = y + size;
      // Drusen lift the outermost layers; what lies above is squeezed.
      if (k >= 6) {
        from -= lift;
        to -= lift;
      } else if (k === 5) to -= lift;
      const darkening = k < 8 ? 1 : shadow;
      addSpan(reflectance, x, from, to, bright * darkening * (k === 0 ? 1 - 0.6 * pit : 1) * (1 + 0.1 * haze.data[clamp(Math.round(from), 0,
        height - 1) * width + x]!));
      y += size;
    });
    // What fills a druse, then the choroid fading with depth.
    if (lift > 0.3) addSpan(reflectance, x, base - lift, base, 0.34);
    for (let py = Math.max(0, Math.floor(base)); py < height; py++) {
      const depth = (py - base) / (height * 0.3);
      const fall = Math.exp(-depth * 3.4);
      reflectance.data[py * width + x] = Math.max(0.012, (0.36 + 0.14 * choroid.data[py * width + x]! * Math.min(1, depth * 6)) * fall * shadow);
    }
  }
  // Fluid: dark rounded spaces with a slightly bright rim.
  const boxes: PhantomBox[] = [];
  const measurements: PhantomMeasurement[] = [];
  for (const cyst of cysts) {
    const x = cyst.x;
    const column = clamp(Math.round(x), 0, width - 1);
    const y = rpe[column]! - thickness[column]! * (1 - cyst.at);
    const mask = filled(blob(x, y, cyst.rx, cyst.ry, random.normal() * 0.1, harmonics(random, 0.07, 5)));
    const rim = filled(blob(x, y, cyst.rx + 1.6, cyst.ry + 1.4, 0, []));
    forCovered(reflectance, rim, (i, cover) => {
      reflectance.data[i]! += (0.36 - reflectance.data[i]!) * cover * 0.5;
    });
    forCovered(reflectance, mask, (i, cover) => {
      reflectance.data[i]! += (0.022 - reflectance.data[i]!) * cover;
    });
    boxes.push(...boxesOf(reflectance, mask, 'retinal_fluid'));
  }
  // A druse is boxed with the bright line that it lifts.
  const rpeThickness = retina * 0.06;
  for (const { x, half, rise } of drusen) {
    const outline = Array.from({ length: 25 }, (_, k) => -1 + k / 12).map((s) => [x + s * half,
      rpe[clamp(Math.round(x + s * half), 0, width - 1)]! - rise * (1 - s * s) ** 0.8 - rpeThickness] as const);
    boxes.push(...boxesOf(reflectance, filled([...outline, [x + half, rpe[clamp(Math.round(x + half), 0, width - 1)]! + 0.5],
      [x - half, rpe[clamp(Math.round(x - half), 0, width - 1)]! + 0.5]]), 'drusen'));
    measurements.push({ name: 'height', class: 'drusen', frame: 0, value: rounded(rise), unit: 'px' });
  }
  measurements.push({ name: 'count', class: isOedema ? 'retinal_fluid' : 'drusen', frame: null, value: boxes.length, unit: 'count' });
  measurements.push({ name: 'central thickness', class: 'retina', frame: 0, value: rounded(thickness[clamp(Math.round(centre), 0, width - 1)]!),
    unit: 'px' });

  return {
    kind: 'oct', seed, modality: 'oct', label, labels: octLabels, levels: [], measurements,
    frames: [{ picture: null, stored: storedOct(blurred(reflectance, 0.7, 0.55), random), boxes, geometry: noGeometry, thicknessMm: null }],
    facts: { body_part: 'retina', abnormal: label !== 'normal', fluid_regions: isOedema ? boxes.length : 0, drusen: drusen.length },
  };
}

/** Writes a value between two heights of a column, the partly covered ends in proportion. */
function addSpan(target: Field, x: number, from: number, to: number, value: number): void {
  for (let y = Math.max(0, Math.floor(from)); y < Math.min(target.height, to); y++) {
    const part = Math.min(y + 1, to) - Math.max(y, from);
    const i = y * target.width + x;
    target.data[i]! += (value - target.data[i]!) * clamp(part, 0, 1);
  }
}

/** Speckle multiplies; the display is compressed between linear and logarithmic, over a noise floor. */
function storedOct(reflectance: Field, random: Random): StoredPixels {
  const { width, height } = reflectance;
  const grain = speckle(random, width, height, 0.75, 0.6);
  const samples = new Uint8Array(width * height);
  for (let i = 0; i < samples.length; i++) {
    const value = reflectance.data[i]! * (0.45 + 0.55 * grain.data[i]!) + 0.004 * grain.data[i]!;
    samples[i] = clamp(Math.round(255 * Math.min(1, value) ** 0.66 * 0.9), 0, 255);
  }
  return { width, height, samples, bitsStored: 8, slope: 1, intercept: 0, window: { center: 128, width: 256 } };
}
