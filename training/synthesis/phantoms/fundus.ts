/** A colour photograph of the retina: disc, macula, branching arteries and veins, and hard exudates where there is disease. */
import { clamp } from '#models/base/math.ts';
import { Random } from '#models/base/random.ts';
import { canvas, tintField, toPicture } from './colour.ts';
import type { Rgb } from './colour.ts';
import { blob, blurred, coverage, ellipse, field, filled, fractalNoise, harmonics, paint, smooth, smoothNoise, stroke,
  whiteNoise } from './drawing.ts';
import type { Field, Point } from './drawing.ts';
import { noGeometry, rounded } from './study.ts';
import type { PhantomBox, PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';

export const fundusLabels = ['normal', 'diabetic_retinopathy'] as const;

export function drawFundus(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const width = options.size ?? 512;
  const height = Math.round(width * 0.664);
  const random = Random.named(seed, 'fundus');
  const label = options.label ?? random.pick(fundusLabels);
  const eye = random.pick(['right', 'left'] as const);
  // In a right eye the disc (towards the nose) lies to the right of the macula.
  const towardsNose = eye === 'right' ? 1 : -1;
  const radius = height * 0.56;
  const cx = width / 2;
  const cy = height / 2;
  const macula: Point = [cx - towardsNose * radius * random.between(-0.08, 0.16), cy + radius * random.between(-0.04, 0.08)];
  const disc: Point = [macula[0] + towardsNose * radius * random.between(0.78, 0.86), macula[1] - radius * random.between(0.02, 0.12)];
  const discRadius = radius * random.between(0.135, 0.165);
  const hue = random.uniform();
  const ground: Rgb = [188 + 30 * hue, 92 + 26 * hue, 40 + 22 * hue];
  const picture = canvas(width, height, ground);
  const [red, green, blue] = picture.channels;
  const mottle = fractalNoise(random, width, height, radius / 5, 4, 0.65);
  const choroid = fractalNoise(random, width, height, radius / 2, 2);
  for (let i = 0; i < width * height; i++) {
    red.data[i]! += 5 * choroid.data[i]! + 2.5 * mottle.data[i]!;
    green.data[i]! += 6 * choroid.data[i]! + 4 * mottle.data[i]!;
    blue.data[i]! += 4 * choroid.data[i]! + 2.5 * mottle.data[i]!;
  }
  const shade = (x: number, y: number, spread: number, colour: Rgb, strength: number): void => {
    const across = Float32Array.from({ length: width }, (_, px) => Math.exp(-((px - x) ** 2) / (2 * spread * spread)));
    const glow = field(width, height);
    for (let py = 0, i = 0; py < height; py++) {
      const down = Math.exp(-((py - y) ** 2) / (2 * spread * spread));
      if (down > 0.004) for (let px = 0; px < width; px++) glow.data[i + px] = across[px]! * down;
      i += width;
    }
    tintField(picture, glow, colour, strength);
  };
  shade(disc[0], disc[1], radius * 0.34, [232, 150, 84], 0.5);
  shade(macula[0], macula[1], radius * 0.2, [150, 62, 24], 0.6);
  shade(macula[0], macula[1], radius * 0.055, [112, 40, 18], 0.55);

  const haemorrhages = label === 'normal' ? 0 : 2 + random.below(9);
  for (let k = 0; k < haemorrhages; k++) {
    const angle = random.between(0, 2 * Math.PI);
    const reach = radius * random.between(0.2, 0.75);
    const r = radius * random.between(0.008, 0.035);
    tintField(picture, blurred(coverage(width, height, blob(cx + reach * Math.cos(angle), cy + reach * 0.8 * Math.sin(angle), r,
      r * random.between(0.6, 1), angle, harmonics(random, 0.2, 5))), 0.7), [122, 22, 14], 0.75);
  }
  drawVasculature(picture, random, disc, macula, towardsNose, radius);

  // The disc: pale rim, brighter cup, vessels leaving from its nasal half.
  const discCover = blurred(coverage(width, height, blob(disc[0], disc[1], discRadius * 0.93, discRadius, 0, harmonics(random, 0.02, 3))), 1.2);
  tintField(picture, discCover, [246, 196, 122], 0.82);
  const cup = random.between(0.3, 0.5);
  tintField(picture, blurred(coverage(width, height, ellipse(disc[0] - towardsNose * discRadius * 0.08, disc[1], discRadius * cup,
    discRadius * cup * 1.08)), discRadius * 0.09), [255, 236, 182], 0.85);
  drawDiscVessels(picture, random, disc, discRadius, towardsNose);

  const exudates = label === 'normal' ? null : drawExudates(random, width, height, macula, radius);
  if (exudates !== null) {
    const crisp = smoothNoise(random, width, height, 2);
    tintField(picture, blurred(exudates, 0.55), (i) => [248 + 4 * crisp.data[i]!, 222 + 10 * crisp.data[i]!, 118 + 14 * crisp.data[i]!], 0.92);
  }

  // The camera: brighter middle, round field, black beyond.
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const rho = Math.sqrt((x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2) / radius;
      const light = (1.06 - 0.42 * rho * rho) * clamp((1.09 - rho) * radius * 0.5 + 0.5, 0, 1);
      red.data[i]! *= light;
      green.data[i]! *= light;
      blue.data[i]! *= light;
    }
  }
  const boxes: PhantomBox[] = exudates === null ? [] : clusterBoxes(exudates, 4).map((box) => ({ class: 'hard_exudates', box }));
  const measurements: PhantomMeasurement[] = [
    { name: 'count', class: 'hard_exudates', frame: null, value: boxes.length, unit: 'count' },
    { name: 'vertical disc diameter', class: 'optic_disc', frame: 0, value: rounded(2 * discRadius), unit: 'px' },
    { name: 'cup-to-disc ratio, percent', class: 'optic_disc', frame: 0, value: rounded(cup * 108, 0), unit: 'count' },
  ];
  return {
    kind: 'fundus', seed, modality: 'fundus', label, labels: fundusLabels, levels: [], measurements,
    frames: [{ picture: toPicture(picture, whiteNoise(random, width * height), 1.6), stored: null, boxes, geometry: noGeometry, thicknessMm: null }],
    facts: { body_part: 'retina', eye, abnormal: label !== 'normal', exudate_clusters: boxes.length },
  };
}

/** A curved vessel that gives off branches to both sides. */
function vessel(random: Random, target: Field, start: Point, heading: number, turn: number, length: number, width: number, depth: number): void {
  const points: Point[] = [start];
  let [x, y] = start;
  let angle = heading;
  const steps = Math.max(4, Math.round(length / 7));
  const wobble = random.between(0, 6);
  for (let k = 0; k < steps; k++) {
    angle += turn / steps + 0.09 * Math.sin(wobble + k * 0.55) + random.normal() * 0.035;
    x += (length / steps) * Math.cos(angle);
    y += (length / steps) * Math.sin(angle);
    points.push([x, y]);
    const left = 1 - k / steps;
    if (depth > 0 && k > 1 && random.chance(depth === 2 ? 0.24 : 0.17)) {
      const side = random.pick([-1, 1]);
      vessel(random, target, [x, y], angle + side * random.between(0.45, 0.85), -side * random.between(0, 0.5),
        length * left * random.between(0.35, 0.7), width * (0.42 + 0.3 * left), depth - 1);
    }
  }
  stroke(target, smooth(points, false, 3), (t) => (width / 2) * (1 - 0.62 * t));
}

function drawVasculature(picture: ReturnType<typeof canvas>, random: Random, disc: Point, macula: Point, towardsNose: number, radius: number): void {
  const { width, height } = picture;
  const veins = field(width, height);
  const arteries = field(width, height);
  for (const [target, thick, shift] of [[veins, 0.029, 0], [arteries, 0.021, 9]] as const) {
    for (const up of [-1, 1]) {
      // Degrees count from the temple upwards (downwards for the lower half); `bend` is the turn on the way, towards the temple where negative.
      const leave = (degrees: number, bend: number, length: number, size: number, depth: number): void => {
        const radians = (degrees * Math.PI) / 180;
        const heading = Math.atan2(up * Math.sin(radians), -towardsNose * Math.cos(radians));
        const start: Point = [disc[0], disc[1] + up * radius * 0.02];
        vessel(random, target, start, heading, -towardsNose * up * ((bend * Math.PI) / 180), radius * length, radius * thick * size, depth);
      };
      leave(84 + shift + random.normal() * 5, -random.between(92, 112), random.between(1.75, 2), 1, 2);
      leave(112 + shift + random.normal() * 6, random.between(-10, 24), random.between(0.7, 0.95), 0.75, 2);
      leave(34 + random.normal() * 6, -random.between(18, 40), random.between(0.45, 0.6), 0.35, 1);
    }
  }
  // Nothing crosses the centre of the macula.
  for (const target of [veins, arteries]) {
    for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++,
      i++) if (target.data[i]! > 0) target.data[i]! *= clamp((Math.hypot(x - macula[0], y - macula[1]) / radius - 0.1) / 0.09, 0, 1);
  }
  tintField(picture, blurred(veins, 0.6), [128, 28, 18], 0.72);
  tintField(picture, blurred(arteries, 0.6), [168, 46, 24], 0.68);
  // The light streak along the arteries.
  const streak = blurred(arteries, radius * 0.006);
  for (let i = 0; i < streak.data.length; i++) streak.data[i] = Math.max(0, streak.data[i]! - 0.62);
  tintField(picture, streak, [224, 122, 74], 0.8);
}

function drawDiscVessels(picture: ReturnType<typeof canvas>, random: Random, disc: Point, discRadius: number, towardsNose: number): void {
  const cover = field(picture.width, picture.height);
  for (const up of [-1, 1]) {
    for (let k = 0; k < 3; k++) {
      const points: Point[] = [
        [disc[0] + towardsNose * discRadius * 0.12, disc[1]],
        [disc[0] + towardsNose * discRadius * random.between(0, 0.3), disc[1] + up * discRadius * 0.5],
        [disc[0] + discRadius * random.between(-0.35, 0.35), disc[1] + up * discRadius * 1.15],
      ];
      stroke(cover, smooth(points, false, 6), discRadius * (0.05 + 0.035 * random.uniform()));
    }
  }
  tintField(picture, blurred(cover, 0.6), [146, 36, 24], 0.72);
}

/** Yellow flecks in clusters and arcs about the macula. */
function drawExudates(random: Random, width: number, height: number, macula: Point, radius: number): Field {
  const cover = field(width, height);
  const clusters = 1 + random.below(5);
  for (let c = 0; c < clusters; c++) {
    const angle = random.between(0, 2 * Math.PI);
    const reach = radius * random.between(0.16, 0.52);
    const spread = radius * random.between(0.02, 0.1);
    const isRing = random.chance(0.35);
    const flecks = 3 + random.below(22);
    for (let k = 0; k < flecks; k++) {
      const a = angle + random.normal() * (isRing ? 0.35 : 0.08);
      const d = reach + random.normal() * spread * (isRing ? 0.35 : 1);
      const x = macula[0] + d * Math.cos(a) + (isRing ? 0 : random.normal() * spread);
      const y = macula[1] + d * Math.sin(a) + (isRing ? 0 : random.normal() * spread);
      const r = radius * random.between(0.004, 0.017);
      if (Math.hypot(x - width / 2, y - height / 2) < radius * 0.9) paint(cover,
        filled(blob(x, y, r, r * random.between(0.6, 1), a, harmonics(random, 0.16, 5))), 1);
    }
  }
  return cover;
}

/** Boxes of the connected parts of a field (at least half covered), parts within `gap` pixels of each other joined. */
function clusterBoxes(cover: Field, gap: number): { x1: number; y1: number; x2: number; y2: number }[] {
  const { width, height, data } = cover;
  const label = new Int32Array(data.length);
  const boxes: { x1: number; y1: number; x2: number; y2: number }[] = [];
  const stack: number[] = [];
  for (let start = 0; start < data.length; start++) {
    if (data[start]! < 0.5 || label[start] !== 0) continue;
    const box = { x1: width, y1: height, x2: 0, y2: 0 };
    label[start] = boxes.length + 1;
    stack.push(start);
    while (stack.length > 0) {
      const i = stack.pop()!;
      const x = i % width;
      const y = (i - x) / width;
      box.x1 = Math.min(box.x1, x);
      box.x2 = Math.max(box.x2, x + 1);
      box.y1 = Math.min(box.y1, y);
      box.y2 = Math.max(box.y2, y + 1);
      for (let ny = Math.max(0, y - gap); ny <= Math.min(height - 1, y + gap); ny++) {
        for (let nx = Math.max(0, x - gap); nx <= Math.min(width - 1, x + gap); nx++) {
          const n = ny * width + nx;
          if (data[n]! < 0.5 || label[n] !== 0) continue;
          label[n] = boxes.length + 1;
          stack.push(n);
        }
      }
    }
    boxes.push(box);
  }
  return boxes;
}
