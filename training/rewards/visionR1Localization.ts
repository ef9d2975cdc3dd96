/**
 * The criterion-driven rewards of Vision-R1 for localization (arXiv 2503.18013): dual format, recall and precision of boxes, with rules that tighten.
 * Published: the released functions in double precision (the original computes in single, so that a value exactly on a threshold may fall otherwise).
 */
import { mostBoxes, sameLabel } from './answers.ts';
import { assignment, cornersOf, generalizedIou, isCorners, isProper, plainIou, rescaled, type Corners, type Size } from './geometry.ts';
import { goldOf, isGold, type LabelledBox } from './gold.ts';
import { get, intOf, isDict, isList, loads, splitlines, strip } from './python.ts';
import { pay, payParts, releaseThrows, rowFault, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { strictBlocks } from './tags.ts';
import { fileSize, inputSize } from './targets.ts';

/** A pair is [low, high] of `f`. */
export interface BoxRules {
  /** For the precision of each matched pair. */
  readonly precision: readonly [number, number];
  /** From here on a pair counts as found. */
  readonly hit: number;
  /** For the recall of a whole completion. */
  readonly recall: readonly [number, number];
}

/** `off` is the released script; `advanced` keeps the released code's thresholds for recall, `paper` those of the paper. */
export const boxRules = {
  off: { precision: [0, 1], hit: 0.5, recall: [0, 1] },
  beginner: { precision: [0.5, 0.75], hit: 0.5, recall: [0.5, 0.75] },
  advanced: { precision: [0.75, 0.9], hit: 0.75, recall: [0.5, 0.75] },
  paper: { precision: [0.75, 0.9], hit: 0.75, recall: [0.75, 0.9] },
} as const satisfies Record<string, BoxRules>;

/** The step from which on the released code uses its advanced rules. */
export const switchStep = 1500;

/** 0 below `low`, 1 above `high`, x between and on both. */
export const stretched = (x: number, [low, high]: readonly [number, number]): number => (x < low ? 0 : x > high ? 1 : x);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

interface Claim {
  readonly label: unknown;
  readonly box: Corners;
}

/** `extract`: the boxes of a list in JSON, else of every literal entry in the release's own spelling. */
function claimsIn(completion: string): Claim[] {
  const parsed = unfenced(completion);
  const fromJson = isList(parsed) ? parsed.flatMap((item): Claim[] => {
    const corners = isDict(item) ? get(item, 'bbox_2d') : undefined;
    const box = isList(corners) ? corners.map(intOf) : [];
    return isCorners(box) && isProper(box) ? [{ label: get(item as Record<string, unknown>, 'label'), box }] : [];
  }) : [];
  if (fromJson.length > 0) return fromJson;
  return Array.from(completion.matchAll(literalEntry),
    (match): Claim => ({ label: match[5], box: match.slice(1, 5).map(Number) as unknown as Corners }))
    .filter(({ box }) => isProper(box));
}

const literalEntry = /\{"bbox_2d": \[(\d{1,3}|1000), (\d{1,3}|1000), (\d{1,3}|1000), (\d{1,3}|1000)\], "label": "([^"]+)"\}/g;

/** `parse_json`: without the fence's first line and all from the next backticks on. */
function unfenced(completion: string): unknown {
  const lines = splitlines(strip(completion));
  if (lines.length === 0) return undefined;
  const text = lines[0]?.startsWith('```json') ? lines.slice(1).join('\n') : completion;
  return loads(text.split('```')[0] as string);
}

interface Wanted {
  readonly box: Corners;
  /** Its number in the table of labels. */
  readonly id: number;
}

/** The solution, the table of labels and the count of instances, as the release reads them from its row. */
function solutionOf(row: RewardRow): { readonly wanted: readonly Wanted[]; readonly idOf: ReadonlyMap<string, number>; readonly instances: number } {
  const pairs = pairsOf(row.target);
  const given = typeof row.labelIds === 'string' ? loads(row.labelIds) : row.labelIds;
  const table = isDict(given) ? Object.entries(given)
    : [...new Set(pairs.map(([label]) => label))].map((label, index): [string, number] => [label, index + 1]);
  const idOf = new Map(table.map(([label, id]) => [label.toLowerCase(), Number(id)]));
  const wanted = pairs.map(([label, box]) => {
    const id = idOf.get(label.toLowerCase());
    if (id === undefined) throw releaseThrows('Vision-R1 (localization)',
      `KeyError: the label '${label.slice(0, 80)}' of the solution is not in the table of labels.`);
    return { box, id };
  });
  return { wanted, idOf, instances: typeof row.instances === 'number' ? row.instances : pairs.length };
}

function pairsOf(target: unknown): [string, Corners][] {
  if (isGold(target) && target.kind === 'boxes') return target.boxes.map(({ label, box }) => [label, cornersOf(box)]);
  const list = typeof target === 'string' ? loads(target) : target;
  if (!isList(list)) throw rowFault('Its target is not a list of boxes.',
    'Give [[LABEL, [x1, y1, x2, y2]], …] in file pixels, its JSON, or a Gold of boxes.');
  return list.map((item) => {
    const [label, box] = isList(item) ? item : [];
    if (typeof label !== 'string' || !isCorners(box)) throw rowFault('An entry of its target is not [LABEL, [x1, y1, x2, y2]].', 'Mend that entry.');
    return [label, box];
  });
}

/** The generalized IoU of every matched pair: boxes first, labels only where boxes leave it open. null: no box was claimed. */
function matchedPairs(row: RewardRow): { readonly overlaps: readonly number[] | null; readonly instances: number } {
  const { wanted, idOf, instances } = solutionOf(row);
  const claims = claimsIn(strip(row.completion));
  if (claims.length === 0) return { overlaps: null, instances };
  if (wanted.length === 0) throw releaseThrows('Vision-R1 (localization)',
    'RuntimeError: torch.cat() of an empty list, where boxes are claimed on an image without targets.');
  if (wanted.some(({ box: [x1, y1, x2, y2] }) => x2 < x1 || y2 < y1)) throw releaseThrows('Vision-R1 (localization)',
    'AssertionError: a target box has reversed corners.');
  const input = inputSize(row);
  const toFile = (box: Corners): Corners => (input ? rescaled(box, input, fileSize(row)) : box);
  const boxes = claims.map(({ box }) => toFile(box));
  const ids = claims.map(({ label }) => (typeof label === 'string' ? idOf.get(strip(label).toLowerCase()) ?? 0 : 0));
  const cost = boxes.map((box, at) => wanted.map((target) => l1(box, target.box) - Number(ids[at] === target.id) - generalizedIou(box, target.box)));
  const overlaps = assignment(cost).map(({ row: at, column }) => generalizedIou(boxes[at] as Corners, wanted[column]?.box as Corners));
  return { overlaps, instances };
}

const l1 = (a: Corners, b: Corners): number => sum(a.map((value, index) => Math.abs(value - (b[index] as number))));

/** Without a step the rules are off: the released script leaves its flag `adaptive` unset. */
const publishedRules = ({ step, adaptive }: RewardRow): BoxRules => (
  step === undefined || adaptive === false ? boxRules.off : step < switchStep ? boxRules.beginner : boxRules.advanced
);

function publishedRecall(row: RewardRow): number {
  const { overlaps, instances } = matchedPairs(row);
  if (overlaps === null) return Number(instances <= 0);
  const { hit, recall } = publishedRules(row);
  const found = sum(overlaps.map((overlap) => stretched(overlap, [hit, hit])));
  if (instances === 0) throw releaseThrows('Vision-R1 (localization)', 'a division by zero instances.');
  return stretched(found / instances, recall);
}

function publishedPrecision(row: RewardRow): number {
  const { overlaps, instances } = matchedPairs(row);
  if (overlaps === null) return Number(instances <= 0);
  return sum(overlaps.map((overlap) => stretched(overlap, publishedRules(row).precision))) / overlaps.length;
}

/** Turned round on an image without targets, so that broken JSON is praised there: the release's own. */
function publishedFormat(row: RewardRow): number {
  const parsed = loads(strip(row.completion.replace(/```json\n|\n```/g, '')));
  const damaged = isList(parsed) && parsed.some((item) => {
    if (!isDict(item) || !Object.hasOwn(item, 'bbox_2d') || !Object.hasOwn(item, 'label')) return false;
    const box = item.bbox_2d;
    return !isList(box) || box.length !== 4;
  });
  const holds = parsed !== undefined && !damaged;
  return Number(solutionOf(row).instances > 0 ? holds : !holds);
}

/**
 * Whole numbers within the image (or the input), corners in order, a label in text. null where the answer is not a list or holds anything else.
 * The list is the completion, or what its one answer block holds.
 */
function strictClaims(row: RewardRow, bounds: Size | undefined): Claim[] | null {
  const text = strictBlocks(row.completion)?.answer ?? strip(row.completion);
  const list = loads(text.startsWith('```json') && text.endsWith('```') && text.length >= 10 ? text.slice(7, -3) : text);
  if (!isList(list) || list.length > mostBoxes) return null;
  const claims = list.map((item): Claim | null => {
    const [box, label] = isDict(item) ? [get(item, 'bbox_2d'), get(item, 'label')] : [];
    if (!isCorners(box) || !box.every(Number.isInteger) || !isProper(box) || typeof label !== 'string') return null;
    const isInside = box[0] >= 0 && box[1] >= 0 && (bounds === undefined || (box[2] <= bounds.width && box[3] <= bounds.height));
    return isInside ? { label, box } : null;
  });
  return claims.every((claim) => claim !== null) ? claims : null;
}

const phases: Readonly<Record<string, BoxRules>> = { off: boxRules.off, beginner: boxRules.beginner, advanced: boxRules.paper };

/** The phase that the row names; a run begins as a beginner. */
function strictRules({ phase }: RewardRow): BoxRules {
  const rules = typeof phase === 'string' && Object.hasOwn(phases, phase) ? phases[phase] : phase === undefined ? boxRules.beginner : undefined;
  if (!rules) throw rowFault('Its phase is not known.', 'Give "phase": "off", "beginner" or "advanced".');
  return rules;
}

/** The three strict parts. An image without targets: exactly [] earns all of them, anything else nothing. */
function strictParts(row: RewardRow): { readonly format: number; readonly recall: number; readonly precision: number } {
  const { boxes, matchLabels } = goldOf(row.target, 'boxes');
  const input = inputSize(row);
  const claims = strictClaims(row, input ?? row.size);
  if (claims === null) return { format: 0, recall: 0, precision: 0 };
  if (boxes.length === 0) return claims.length === 0 ? { format: 1, recall: 1, precision: 1 } : { format: 0, recall: 0, precision: 0 };
  if (claims.length === 0) return { format: 1, recall: 0, precision: 0 };
  const file = input ? fileSize(row) : undefined;
  const claimed = claims.map(({ box }) => (input && file ? rescaled(box, input, file) : box));
  const { width, height } = file ?? row.size ?? { width: 1000, height: 1000 };
  const overlaps = claimed.map((box, at) => boxes.map((wanted) => (
    matchLabels && !sameLabel(String(claims[at]?.label), wanted.label) ? 0 : plainIou(box, cornersOf(wanted.box))
  )));
  const scaled = ([x1, y1, x2, y2]: Corners): Corners => [x1 / width, y1 / height, x2 / width, y2 / height];
  const cost = claimed.map((box, at) =>
    boxes.map((wanted, index) => l1(scaled(box), scaled(cornersOf(wanted.box))) - 2 * (overlaps[at]?.[index] as number)));
  const pairs = assignment(cost).map(({ row: at, column }) =>
    ({ overlap: overlaps[at]?.[column] as number, claim: claimed[at] as Corners, wanted: cornersOf((boxes[column] as LabelledBox).box) }));
  const matched = pairs.map(({ overlap }) => overlap);
  const rules = strictRules(row);
  const isFound = (pair: (typeof pairs)[number]): boolean => pair.overlap >= rules.hit ||
    (row.smallBoxes === true && pair.overlap > 0 && isSmallHit(pair.claim, pair.wanted));
  return {
    format: 1,
    recall: stretched(pairs.filter(isFound).length / boxes.length, rules.recall),
    precision: sum(matched.map((overlap) => stretched(overlap, rules.precision))) / claims.length,
  };
}

/** For a target of less than 32 pixels a side: the centres lie within half its diagonal. */
function isSmallHit(claim: Corners, [x1, y1, x2, y2]: Corners): boolean {
  if (Math.max(x2 - x1, y2 - y1) >= 32) return false;
  const [dx, dy] = [(claim[0] + claim[2] - x1 - x2) / 2, (claim[1] + claim[3] - y1 - y2) / 2];
  return Math.hypot(dx, dy) <= Math.hypot(x2 - x1, y2 - y1) / 2;
}

const source = 'Vision-R1 (localization), the released reward functions';
const reads = [
  'target: [[LABEL, [x1, y1, x2, y2]], …] in file pixels, its JSON, or a Gold of boxes',
  'size and input (or grid): file and model input, where the answer is in input pixels',
  'step: published rules, off without it', 'phase: strict rules, off, beginner (default) or advanced',
  'smallBoxes: true lets near centres count as hits under 32 pixels (strict)',
  'labelIds, instances: the release’s target_id_maps and num_instances',
];

const publishedSum = (row: RewardRow): RewardResult =>
  payParts({ format: publishedFormat(row), recall: publishedRecall(row), precision: publishedPrecision(row) });

export const visionR1LocalizationRewards = [
  {
    name: 'visionR1Localization', source, reads,
    summary: 'Dual format + recall + precision, 0 to 3; strict: plain IoU, idle boxes cost, labels count, boxes lie inside the image, [] is the '
      + 'answer to nothing.',
    holes: ['Those of its three parts.', 'Five duplicates of one object still earn 3; idle boxes and wrong labels cost nothing.'],
    modes: { published: publishedSum, strict: (row) => payParts(strictParts(row)) },
  },
  {
    name: 'visionR1DualFormat', source, reads,
    summary: '1 where the completion is JSON whose boxes have four entries, turned round on images without targets; '
      + 'strict: a list of whole boxes inside the image.',
    holes: ['Any JSON passes: a number, null, reversed corners.', 'On an image without targets broken JSON earns 1 and [] earns 0.'],
    modes: { published: (row) => pay(publishedFormat(row)), strict: (row) => pay(strictParts(row).format) },
  },
  {
    name: 'visionR1Recall', source, reads,
    summary: 'The share of targets that a matched box hits, stretched by the phase’s thresholds.',
    holes: ['Labels matter only to the pairing.', 'Duplicates and idle boxes cost nothing.'],
    modes: { published: (row) => pay(publishedRecall(row)), strict: (row) => pay(strictParts(row).recall) },
  },
  {
    name: 'visionR1Precision', source, reads,
    summary: 'The mean overlap of matched pairs, stretched by the phase’s thresholds; strict: over all claimed boxes.',
    holes: ['Boxes without a partner are not counted: idle boxes are free.'],
    modes: { published: (row) => pay(publishedPrecision(row)), strict: (row) => pay(strictParts(row).precision) },
  },
] as const satisfies readonly NamedReward[];
