/**
 * The detection rewards of VLM-R1 (arXiv 2504.07615): average precision, the same weighed by the number of boxes (odLength), and the score by
 * matching.
 */
import { averagePrecision, type AveragePrecision, type ClassBox } from './averagePrecision.ts';
import { sameLabel, strictBoxes } from './answers.ts';
import { cornersOf, plainIou, plusOneIou, type Corners } from './geometry.ts';
import { goldOf, type LabelledBox } from './gold.ts';
import { get, isDict, isList, loads, strip } from './python.ts';
import { pay, releaseThrows, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { fences, firstBlock, lastBlock, strictThinkAnswer } from './tags.ts';
import { cleanText, wrapped } from './vlmR1Text.ts';

const source = 'VLM-R1, open_r1/grpo_jsonl.py';
const reads = ['target: a ```json fence of {"bbox_2d", "label"} or None, as text, or a Gold of boxes'];

/** The items of a parsed value as Python's `for` gives them; null where it is not iterable. */
function itemsOf(value: unknown): readonly unknown[] | null {
  if (isList(value)) return value;
  if (isDict(value)) return Object.keys(value);
  return typeof value === 'string' ? Array.from(value) : null;
}

/** What the release does with a fence of the solution: it throws where the text is not a list in JSON. */
function goldItems(fence: string | undefined): readonly unknown[] {
  const text = strip(fence ?? '');
  if (text === '') return [];
  const parsed = loads(text);
  if (parsed === undefined) throw releaseThrows('VLM-R1', 'json.JSONDecodeError: the solution\'s fence is not JSON.');
  const items = itemsOf(parsed);
  if (items === null) throw releaseThrows('VLM-R1', 'TypeError: the solution\'s JSON is not a list.');
  return items;
}

/** The same with a fence of the completion: whatever fails leaves no box. */
function claimedItems(fence: string | undefined): readonly unknown[] {
  const text = strip(fence ?? '');
  return (text === '' ? null : itemsOf(loads(text))) ?? [];
}

/** The first four numbers of a list; null where it holds anything that Python cannot subtract. */
function cornersIn(value: unknown): Corners | null {
  const corners = isList(value) ? value.slice(0, 4) : [];
  const isNumeric = corners.length === 4 && corners.every((corner) => typeof corner === 'number' || typeof corner === 'boolean');
  return isNumeric ? corners.map(Number) as unknown as Corners : null;
}

/** An entry with a box and a label that can stand in a table; null where the release's access to it fails. */
function entryOf(item: unknown): ClassBox | null {
  if (!isDict(item) || !Object.hasOwn(item, 'label')) return null;
  const box = cornersIn(get(item, 'bbox_2d'));
  return box === null || typeof item.label === 'object' && item.label !== null ? null : { label: JSON.stringify(item.label), box };
}

const nothing: AveragePrecision = { all: 0, at50: 0 };
const everything: AveragePrecision = { all: 1, at50: 1 };

interface Detections {
  readonly precision: AveragePrecision;
  readonly claimed: number;
  readonly gold: number;
}

/** `od_reward` up to the choice of the figure. `solution` is wrapped in answer tags. */
function publishedDetections(completion: string, solution: string): Detections {
  const [truth, answer] = [strip(firstBlock(solution) ?? ''), lastBlock(completion)];
  if (answer === null) return { precision: nothing, claimed: 0, gold: 0 };
  if (truth === 'None' && strip(answer) === 'None') return { precision: everything, claimed: 0, gold: 0 };
  const [gold, claimed] = [goldItems(fences(truth).at(-1)), claimedItems(fences(strip(answer)).at(-1))];
  const counts = { claimed: claimed.length, gold: gold.length };
  if (claimed.length === 0 || gold.length === 0) return { precision: claimed.length === gold.length ? everything : nothing, ...counts };
  const wanted = gold.map((item) => {
    const entry = entryOf(item);
    if (entry === null) throw releaseThrows('VLM-R1', 'KeyError or TypeError: an entry of the solution lacks its label or its bbox_2d.');
    return entry;
  });
  const labels = new Set(wanted.map(({ label }) => label));
  const seen = claimed.map(entryOf).filter((entry) => entry !== null).filter(({ label }) => labels.has(label));
  return { precision: seen.length === 0 ? nothing : averagePrecision(seen, wanted), ...counts };
}

export const publishedAp = (completion: string, solution: string): AveragePrecision => publishedDetections(completion, solution).precision;

/** Average precision times min(1, gold boxes / claimed boxes). */
export function publishedOdLength(completion: string, solution: string): number {
  const { precision, claimed, gold } = publishedDetections(completion, solution);
  return gold >= claimed ? precision.all : precision.all * (gold / claimed);
}

/** `detection_score` behind the dispatcher's cleaning; alpha 0.7, beta 0, gamma 0.3, threshold 0.5. */
export function publishedWeighted(completion: string, solution: string): number {
  const [said, truth] = [cleanText(completion), cleanText(solution)];
  if (truth === 'none') return Number(said === 'none');
  const [claimed, gold] = [claimedItems(fences(cleanText(said))[0]), goldItems(fences(cleanText(truth))[0])];
  if (gold.length === 0) return claimed.length === 0 ? 1 : 0;
  if (claimed.length === 0) return 0;
  const boxes = (items: readonly unknown[]): readonly (Corners | null)[] =>
    items.map((item) => (isDict(item) ? cornersIn(get(item, 'bbox_2d')) : null));
  const [claimedBoxes, goldBoxes] = [boxes(claimed), boxes(gold)];
  const overlaps = claimedBoxes.map((claim) => goldBoxes.map((wanted) => (claim && wanted ? plusOneIou(claim, wanted) : null) ?? 0));
  let label: string | undefined;
  const matches = bestPairs(overlaps).map(({ row, column, overlap }) => {
    label = labelOf(claimed[row]) ?? label;
    if (label === undefined) throw releaseThrows('VLM-R1', 'UnboundLocalError: the first matched box of the completion has no label in text.');
    return label === (labelOf(gold[column]) ?? '') ? overlap : 0;
  });
  return weighted(matches.reduce((total, overlap) => total + overlap, 0), matches.length, claimed.length, gold.length);
}

const labelOf = (item: unknown): string | undefined => {
  const label = isDict(item) ? get(item, 'label') : undefined;
  return typeof label === 'string' ? label.toLowerCase() : undefined;
};

/** Pairs with the highest overlap first, of equals the first row, then the first column; each used once; from 0.5 on. */
function bestPairs(overlaps: readonly (readonly number[])[]): { readonly row: number; readonly column: number; readonly overlap: number }[] {
  const pairs = overlaps.flatMap((line, row) => line.flatMap((overlap, column) => (overlap >= 0.5 ? [{ row, column, overlap }] : [])));
  pairs.sort((a, b) => b.overlap - a.overlap || a.row - b.row || a.column - b.column);
  const [rows, columns] = [new Set<number>(), new Set<number>()];
  return pairs.filter(({ row, column }) => {
    if (rows.has(row) || columns.has(column)) return false;
    rows.add(row);
    columns.add(column);
    return true;
  });
}

/** 0.7 × mean IoU over the gold + 0.3 × completeness. */
const weighted = (overlap: number, matches: number, claimed: number, gold: number): number => {
  const completeness = 1 - ((gold - matches) / gold + (claimed - matches) / claimed) / 2;
  return (0.7 * (overlap / gold) + 0 + 0.3 * completeness) / (0.7 + 0.0 + 0.3);
};

interface StrictBoxes {
  readonly claimed: readonly LabelledBox[] | null;
  readonly gold: readonly LabelledBox[];
  readonly matchLabels: boolean;
}

/** The boxes that a strictly formed completion claims, and those of the gold; claimed is null where the form or one entry is damaged. */
function strictly(row: RewardRow): StrictBoxes {
  const { boxes, matchLabels } = goldOf(row.target, 'boxes');
  const answer = strictThinkAnswer(row.completion)?.answer;
  return { claimed: answer === undefined ? null : strictBoxes(answer), gold: boxes, matchLabels };
}

/** Every claimed box under the gold's spelling of its label, so that labels compare as the gold means them. */
function classed(boxes: readonly LabelledBox[], gold: readonly LabelledBox[], matchLabels: boolean): ClassBox[] {
  return boxes.map(({ label, box }) => {
    const known = gold.find((wanted) => sameLabel(label, wanted.label))?.label;
    return { label: matchLabels ? known ?? '' : 'any', box: cornersOf(box) };
  });
}

/** odLength with an explicit None, whole entries, unknown labels counted, and the mean of both orders of the boxes, for ties break by order. */
export function strictOdLength(row: RewardRow): RewardResult & { readonly reward: number } {
  const { claimed, gold, matchLabels } = strictly(row);
  if (claimed === null) return { reward: 0, parts: { precision: 0, length: 0 } };
  const isAgreed = Number(claimed.length === gold.length);
  if (claimed.length === 0 || gold.length === 0) return { reward: isAgreed, parts: { precision: isAgreed, length: 1 } };
  const [seen, wanted] = [classed(claimed, gold, matchLabels), classed(gold, gold, matchLabels)];
  const precision = Math.max(0, (averagePrecision(seen, wanted).all + averagePrecision(seen.reverse(), wanted).all) / 2);
  const length = Math.min(1, gold.length / claimed.length);
  return { reward: row.lengthFactor === false ? precision : precision * length, parts: { precision, length } };
}

function strictWeighted(row: RewardRow): number {
  const { claimed, gold, matchLabels } = strictly(row);
  if (claimed === null) return 0;
  if (claimed.length === 0 || gold.length === 0) return Number(claimed.length === gold.length);
  const overlaps = claimed.map((claim) => gold.map((wanted) => plainIou(cornersOf(claim.box), cornersOf(wanted.box))));
  const matches = bestPairs(overlaps);
  const agreed = matches.filter(({ row: at, column }) => !matchLabels || sameLabel(claimed[at]?.label ?? '', gold[column]?.label ?? ''));
  return weighted(agreed.reduce((total, { overlap }) => total + overlap, 0), agreed.length, claimed.length, gold.length);
}

export const vlmR1DetectionRewards = [
  {
    name: 'vlmR1Ap', source, reads,
    summary: 'COCO average precision over thresholds 0.50 to 0.95; '
      + 'duplicates and unknown classes are free, and so is prose on an image without targets.',
    holes: [
      'Duplicates of the right box and boxes of classes that are not asked for cost nothing.',
      'On an image without targets any prose, broken JSON or empty answer earns 1.',
      'The order of the boxes counts, since all have the same score.',
    ],
    modes: { published: (row) => pay(publishedAp(row.completion, wrapped(row)).all) },
  },
  {
    name: 'vlmR1Ap50', source, reads,
    summary: 'COCO average precision at threshold 0.50, with the holes of vlmR1Ap.',
    holes: ['As vlmR1Ap.'],
    modes: { published: (row) => pay(publishedAp(row.completion, wrapped(row)).at50) },
  },
  {
    name: 'vlmR1OdLength', source, reads: [...reads, 'lengthFactor: false leaves the factor for the length out, for an ablation (strict)'],
    summary: 'Average precision times min(1, gold boxes / claimed boxes); '
      + 'strict: an absent target needs None or [], broken entries cost all, both orders are averaged.',
    holes: [
      'On an image without targets any prose, broken JSON or empty answer earns 1.',
      'The order of the boxes counts, since all have the same score.',
    ],
    modes: { published: (row) => pay(publishedOdLength(row.completion, wrapped(row))), strict: strictOdLength },
  },
  {
    name: 'vlmR1WeightedSum', source, reads,
    summary: '0.7 × IoU of matched boxes with the right label + 0.3 × completeness; '
      + 'strict: a pair with the wrong label stays unmatched, an absent target needs None or [].',
    holes: ['A pair with the wrong label still counts as found in the completeness.', 'The first fence counts, wherever it stands.'],
    modes: { published: (row) => pay(publishedWeighted(row.completion, wrapped(row))), strict: (row) => pay(strictWeighted(row)) },
  },
] as const satisfies readonly NamedReward[];
