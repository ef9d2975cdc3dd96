/** A stained blood smear: red cells with pale centres, white cells of several types, platelets. */
import { Random } from '#models/base/random.ts';
import { throughStains, stains } from './colour.ts';
import { blob, blurred, boxOfField, boxOfMask, ellipse, field, filled, forCovered, fractalNoise, harmonics, longAxis, paint, smoothNoise,
  whiteNoise } from './drawing.ts';
import type { Field, Point } from './drawing.ts';
import { noGeometry, rounded } from './study.ts';
import type { PhantomBox, PhantomMeasurement, PhantomOptions, PhantomStudy } from './study.ts';

export const cellTypes = ['neutrophil', 'lymphocyte', 'monocyte', 'eosinophil', 'basophil', 'erythroblast', 'immature_granulocyte',
  'platelet'] as const;
type CellType = (typeof cellTypes)[number];

export const smearLabels = ['blood_smear_field', ...cellTypes] as const;

interface Smear {
  readonly width: number;
  readonly height: number;
  /** Amounts of the two stains. */
  readonly eosin: Field;
  readonly azure: Field;
  readonly texture: Field;
  readonly grain: Field;
  readonly random: Random;
  /** Pixels for each micrometre. */
  readonly scale: number;
}

export function drawBloodSmear(seed: number, options: PhantomOptions = {}): PhantomStudy {
  const random = Random.named(seed, 'blood_smear');
  const isCell = options.variant === 'cell' || (options.label !== undefined && options.label !== 'blood_smear_field');
  const width = options.size ?? (isCell ? 224 : 480);
  const height = isCell ? width : Math.round(width * 0.75);
  const scale = isCell ? width / 24 : width / 52;
  const smear: Smear = {
    width, height, random, scale,
    eosin: field(width, height), azure: field(width, height),
    texture: smoothNoise(random, width, height, 1.1 * scale),
    grain: smoothNoise(random, width, height, 0.42 * scale),
  };
  const boxes: PhantomBox[] = [];
  const taken: { x: number; y: number; r: number }[] = [];
  const counts: Record<string, number> = { red_blood_cell: 0, white_blood_cell: 0, platelet: 0 };
  const note = (box: PhantomBox | null): void => {
    if (box === null) return;
    boxes.push(box);
    counts[box.class]!++;
  };
  const isFree = (x: number, y: number, r: number, overlap: number): boolean => taken.every((other) => Math.hypot(other.x - x,
    other.y - y) > (other.r + r) * overlap);
  const measurements: PhantomMeasurement[] = [];

  const centreType = isCell ? ((options.label as CellType | undefined) ?? random.pick(cellTypes)) : null;
  const whites = centreType === null ? 1 + (random.chance(0.25) ? 1 : 0) + (random.chance(0.06) ? 1 : 0) : 1;
  const plan: { type: CellType; x: number; y: number; r: number }[] = [];
  for (let i = 0; i < whites * 60 && plan.length < whites; i++) {
    const type = centreType ?? random.pick(['neutrophil', 'neutrophil', 'lymphocyte', 'lymphocyte', 'monocyte', 'eosinophil', 'basophil'] as const);
    const r = radiusOf(type, random) * scale;
    const x = centreType === null ? random.between(0.6 * r, width - 0.6 * r) : width / 2 + random.normal() * 3;
    const y = centreType === null ? random.between(0.6 * r, height - 0.6 * r) : height / 2 + random.normal() * 3;
    if (!isFree(x, y, r, 1)) continue;
    taken.push({ x, y, r });
    plan.push({ type, x, y, r });
  }
  const redTarget = Math.round((width * height) / (scale * scale) / (isCell ? 62 : 74) * random.between(0.6, 1.15));
  let reds = 0;
  for (let i = 0; i < redTarget * 12 && reds < redTarget; i++) {
    const r = random.between(3.2, 3.9) * scale;
    const x = random.between(-r * 0.5, width + r * 0.5);
    const y = random.between(-r * 0.5, height + r * 0.5);
    if (!isFree(x, y, r, random.chance(0.2) ? 0.72 : 0.97)) continue;
    taken.push({ x, y, r });
    const cell = drawRedCell(smear, x, y, r);
    // A cell of which too little is in view is not counted.
    if (cell !== null && (cell.box.x2 - cell.box.x1) * (cell.box.y2 - cell.box.y1) > 1.6 * r * r) {
      note(cell);
    }
    reds++;
  }
  const platelets = centreType === null ? random.below(5) : random.below(2);
  for (let i = 0; i < platelets * 30 && (counts['platelet'] ?? 0) < platelets; i++) {
    const r = random.between(0.9, 1.5) * scale;
    const x = random.between(2 * r, width - 2 * r);
    const y = random.between(2 * r, height - 2 * r);
    if (!isFree(x, y, r, 1.15)) continue;
    taken.push({ x, y, r });
    note(drawPlatelet(smear, x, y, r));
  }
  for (const cell of plan) {
    const drawn = drawWhiteCell(smear, cell.type, cell.x, cell.y, cell.r);
    if (drawn === null) continue;
    note(drawn.box);
    measurements.push({ name: 'largest diameter', class: cell.type, frame: 0, value: rounded(drawn.diameter), unit: 'px' });
  }
  for (const [name, value] of Object.entries(counts)) measurements.push({ name: 'count', class: name, frame: null, value, unit: 'count' });

  // The microscope: slight blur, uneven light, sensor noise.
  const light = fractalNoise(random, width, height, width / 2, 2);
  for (let i = 0; i < light.data.length; i++) smear.eosin.data[i]! += 0.012 * light.data[i]! + 0.004 * smear.texture.data[i]!;
  const focus = isCell ? 0.75 : 0.7;
  const lamp = isCell ? ([random.between(250, 255), random.between(224, 236), random.between(196, 214)] as const) : ([random.between(212, 228),
    random.between(206, 222), random.between(208, 226)] as const);
  const picture = throughStains(lamp, [{ amount: blurred(smear.eosin, focus), stain: stains.romanowskyEosin },
    { amount: blurred(smear.azure, focus), stain: stains.azure }], whiteNoise(random, width * height), 2.2);
  return {
    kind: 'blood_smear', seed, modality: 'microscopy', label: centreType ?? 'blood_smear_field', labels: smearLabels, levels: [], measurements,
    frames: [{ picture, stored: null, boxes, geometry: noGeometry, thicknessMm: null }],
    facts: {
      specimen: 'peripheral blood smear', stain: 'May-Gruenwald Giemsa', red_blood_cells: counts['red_blood_cell']!,
        white_blood_cells: counts['white_blood_cell']!, platelets: counts['platelet']!,
      ...(plan.length === 1 ? { white_cell_type: plan[0]!.type } : {}),
    },
  };
}

/** Micrometres. */
function radiusOf(type: CellType, random: Random): number {
  const [low, high] = ({
    neutrophil: [5.8, 7], lymphocyte: [4.6, 6], monocyte: [7, 8.6], eosinophil: [6, 7.2], basophil: [5.4, 6.6], erythroblast: [4.4, 5.4],
      immature_granulocyte: [7, 8.4], platelet: [1.3, 2],
  } as const)[type];
  return random.between(low, high);
}

function drawRedCell({ width, height, eosin, azure, texture, random }: Smear, x: number, y: number, r: number): PhantomBox | null {
  const outline = blob(x, y, r * random.between(0.9, 1.05), r * random.between(0.92, 1.05), random.between(0, 3), harmonics(random, 0.035, 4));
  const mask = filled(outline);
  const pallor = random.between(0.25, 0.75);
  const inner = random.between(0.34, 0.48);
  const strength = random.between(0.26, 0.36);
  const offX = random.normal() * r * 0.05;
  const offY = random.normal() * r * 0.05;
  forCovered({ width, height }, mask, (i, cover) => {
    const dx = (i % width) + 0.5 - x - offX;
    const dy = Math.floor(i / width) + 0.5 - y - offY;
    const rho = Math.hypot(dx, dy) / r;
    const pale = 1 - pallor / (1 + Math.exp((rho - inner) * 16));
    const rim = 1 + 0.22 * Math.exp(-(((rho - 0.86) / 0.1) ** 2));
    eosin.data[i]! += cover * strength * pale * rim * (1 + 0.03 * texture.data[i]!);
    azure.data[i]! += cover * 0.045 * pale * rim;
  });
  const box = boxOfMask({ width, height }, mask);
  return box === null ? null : { class: 'red_blood_cell', box };
}

function drawPlatelet({ width, height, eosin, azure, texture, grain, random }: Smear, x: number, y: number, r: number): PhantomBox | null {
  const mask = filled(blob(x, y, r, r * random.between(0.7, 1), random.between(0, 3), harmonics(random, 0.14, 6)));
  forCovered({ width, height }, mask, (i, cover) => {
    azure.data[i]! += cover * Math.max(0.06, 0.3 + 0.16 * grain.data[i]! + 0.05 * texture.data[i]!);
    eosin.data[i]! += cover * 0.08;
  });
  const box = boxOfMask({ width, height }, mask);
  return box === null ? null : { class: 'platelet', box };
}

/** Cytoplasm, granules and the nucleus that tells the type. */
function drawWhiteCell(smear: Smear, type: CellType, x: number, y: number, r: number): { box: PhantomBox | null; diameter: number } | null {
  if (type === 'platelet') return { box: drawPlatelet(smear, x, y, r), diameter: 2 * r };
  const { width, height, eosin, azure, texture, grain, random } = smear;
  const outline = blob(x, y, r * random.between(0.95, 1.05), r * random.between(0.95, 1.05), random.between(0, 3),
    harmonics(random, type === 'monocyte' ? 0.06 : 0.03, 5));
  const cell = field(width, height);
  paint(cell, filled(outline), 1);
  const look = ({
    neutrophil: { azure: 0.09, eosin: 0.16, granules: 0.04, nucleus: 0.85 },
    lymphocyte: { azure: 0.3, eosin: 0.02, granules: 0.02, nucleus: 0.95 },
    monocyte: { azure: 0.25, eosin: 0.1, granules: 0.05, nucleus: 0.68 },
    eosinophil: { azure: 0.07, eosin: 0.5, granules: 0.3, nucleus: 0.82 },
    basophil: { azure: 0.2, eosin: 0.1, granules: 0.55, nucleus: 0.7 },
    erythroblast: { azure: 0.2, eosin: 0.34, granules: 0.02, nucleus: 1.15 },
    immature_granulocyte: { azure: 0.24, eosin: 0.14, granules: 0.09, nucleus: 0.66 },
  } as const)[type];
  const nucleus = nucleusOf(smear, type, x, y, r);
  const rim = blurred(cell, 0.09 * r);
  for (let i = 0; i < cell.data.length; i++) {
    const c = cell.data[i]!;
    if (c === 0) continue;
    // Nothing of the red cells below shows through.
    eosin.data[i]! *= 1 - c;
    azure.data[i]! *= 1 - c;
    const edge = 1 + 0.5 * Math.max(0, 0.9 - rim.data[i]!);
    // Granules of neutrophils and eosinophils take up eosin, those of the others azure.
    const granule = look.granules * Math.max(0, grain.data[i]! - 0.35);
    const isEosinic = type === 'neutrophil' || type === 'eosinophil';
    const pink = look.eosin + (isEosinic ? granule : 0) + 0.015 * texture.data[i]!;
    const blue = look.azure + (isEosinic ? 0.01 : granule) + 0.012 * texture.data[i]!;
    eosin.data[i]! += c * edge * Math.max(0, pink);
    azure.data[i]! += c * edge * Math.max(0, blue);
  }
  for (let i = 0; i < nucleus.data.length; i++) {
    const n = nucleus.data[i]! * cell.data[i]!;
    if (n === 0) continue;
    const chromatin = look.nucleus * (1 + 0.1 * texture.data[i]! + 0.12 * grain.data[i]!);
    azure.data[i]! += (Math.max(0.3, chromatin) - azure.data[i]!) * n;
    eosin.data[i]! += (0.1 - eosin.data[i]!) * n;
  }
  if (type === 'basophil') {
    // Coarse dark granules lie over the nucleus.
    for (let k = 0; k < 60; k++) {
      const angle = random.between(0, 2 * Math.PI);
      const reach = r * 0.88 * Math.sqrt(random.uniform());
      forCovered({ width, height }, filled(ellipse(x + reach * Math.cos(angle), y + reach * Math.sin(angle), 0.075 * r, 0.075 * r)), (i, cover) => {
        azure.data[i]! += (1.05 - azure.data[i]!) * cover * 0.8;
      });
    }
  }
  const box = boxOfField(cell);
  return { box: box === null ? null : { class: 'white_blood_cell', box }, diameter: longAxis(outline) };
}

function nucleusOf({ width, height, random }: Smear, type: CellType, x: number, y: number, r: number): Field {
  const nucleus = field(width, height);
  const add = (points: readonly Point[]): void => forCovered(nucleus, filled(points), (i, cover) => {
    nucleus.data[i] = Math.max(nucleus.data[i]!, cover);
  });
  const turn = random.between(0, 2 * Math.PI);
  const lobe = (angle: number, reach: number, size: number, long = 1.15): void =>
    add(blob(x + reach * Math.cos(angle), y + reach * Math.sin(angle), size * long, size, angle + Math.PI / 2, harmonics(random, 0.06, 4)));
  if (type === 'neutrophil' || type === 'eosinophil') {
    const lobes = type === 'eosinophil' ? 2 : 3 + random.below(2);
    const size = type === 'eosinophil' ? 0.36 * r : r * (lobes === 3 ? 0.31 : 0.27);
    const arc = type === 'eosinophil' ? 2.4 : 1.15;
    const reach = r * (type === 'eosinophil' ? 0.38 : 0.42);
    for (let k = 0; k < lobes; k++) lobe(turn + k * arc, reach * random.between(0.9, 1.1), size * random.between(0.9, 1.1));
    for (let k = 0; k + 1 < lobes; k++) {
      // The thread between two lobes.
      for (let step = 0; step <= 8; step++) lobe(turn + (k + step / 8) * arc, reach, size * 0.38);
    }
  } else if (type === 'monocyte') {
    for (let step = 0; step <= 14; step++) lobe(turn + (step / 14) * 2.5, 0.33 * r, r * (0.4 + 0.06 * Math.cos((step - 7) / 2.5)), 1);
  } else if (type === 'immature_granulocyte') {
    for (let step = 0; step <= 8; step++) lobe(turn + (step / 8) * 1.1, 0.2 * r, r * 0.54, 1);
  } else if (type === 'basophil') {
    for (let k = 0; k < 3; k++) lobe(turn + k * 1.6, 0.26 * r, 0.4 * r);
  } else {
    const size = type === 'lymphocyte' ? random.between(0.74, 0.84) : random.between(0.56, 0.64);
    add(blob(x + 0.1 * r * Math.cos(turn), y + 0.1 * r * Math.sin(turn), size * r, size * r * random.between(0.92, 1), turn,
      harmonics(random, type === 'lymphocyte' ? 0.035 : 0.02, 4)));
  }
  return blurred(nucleus, Math.max(0.5, 0.025 * r));
}
