/** Targets of published rewards: each release writes its solution in its own way, and a gold of ours is written out likewise. */
import { alterationText } from '#models/clinical/alteration.ts';
import { directiveText } from '#models/clinical/directive.ts';
import { isGold, letterOf, type Gold } from './gold.ts';
import { cornersOf, isCorners, type Corners, type Size } from './geometry.ts';
import { pointList } from './points.ts';
import { isDict } from './python.ts';
import { rowFault, type RewardRow } from './reward.ts';

/** The gold as the bare text that a released reward compares with: the letter, yes or no, the word, the number, a fence of boxes or None. */
export function goldText(gold: Gold): string {
  switch (gold.kind) {
    case 'choice': return letterOf(gold.right);
    case 'choices': return gold.right.map(letterOf).join(', ') || 'None';
    case 'yesNo': return gold.value ? 'yes' : 'no';
    case 'word': return gold.accept[0] ?? '';
    case 'number': return String(gold.value);
    case 'ordinal': return gold.value;
    case 'alteration': return alterationText(gold);
    case 'directive': return directiveText(gold);
    case 'text': return gold.text;
    case 'points': return gold.points.length === 0 ? 'None' : pointList(gold.points);
    case 'boxes': {
      const items = gold.boxes.map(({ label, box }) => `{"bbox_2d": ${JSON.stringify(cornersOf(box))}, "label": ${JSON.stringify(label)}}`);
      return items.length === 0 ? 'None' : `\`\`\`json\n[${items.join(', ')}]\n\`\`\``;
    }
  }
}

/** The target as text: as it stands, a number as Python prints it, or a gold written out. */
export function textTarget({ target }: RewardRow): string {
  if (typeof target === 'string') return target;
  if (typeof target === 'number' && Number.isFinite(target)) return String(target);
  if (isGold(target)) return goldText(target);
  throw rowFault('Its target is neither a text nor a gold.', 'Give the solution as text, or a gold with its "kind".');
}

/** A pair of pixel counts in a field of the row; undefined where the field is absent. */
export function sizeField(row: RewardRow, name: string): Size | undefined {
  const value = row[name];
  if (value === undefined || value === null) return undefined;
  if (isDict(value) && isLength(value.width) && isLength(value.height)) return { width: value.width, height: value.height };
  throw rowFault(`Its ${name} is not a size.`, `Give "${name}": {"width": PIXELS, "height": PIXELS}.`);
}

const isLength = (value: unknown): value is number => typeof value === 'number' && value > 0 && Number.isFinite(value);

/** The pixels that the model saw: `input`, or 14 for each cell of `grid`, [frames, rows, columns]; undefined where neither is given. */
export function inputSize(row: RewardRow): Size | undefined {
  const { grid } = row;
  if (grid === undefined || grid === null) return sizeField(row, 'input');
  const [, rows, columns] = Array.isArray(grid) ? (grid as unknown[]) : [];
  if (isLength(rows) && isLength(columns)) return { width: columns * 14, height: rows * 14 };
  throw rowFault('Its grid is not [frames, rows, columns].', 'Give "grid": [1, ROWS, COLUMNS], in cells of 14 pixels.');
}

/** The file's size; Fault where the row lacks it. */
export function fileSize(row: RewardRow): Size {
  const size = sizeField(row, 'size');
  if (!size) throw rowFault('It has no size.', 'Give "size": {"width": PIXELS, "height": PIXELS} of the image.');
  return size;
}

/** Four corners as an array, as JSON text, or as a gold with one box; null where the target is none of these. */
export function cornersTarget({ target }: RewardRow): Corners | null {
  if (isGold(target)) {
    const [first, ...rest] = target.kind === 'boxes' ? target.boxes : [];
    return first && rest.length === 0 ? cornersOf(first.box) : null;
  }
  return isCorners(target) ? target : null;
}
