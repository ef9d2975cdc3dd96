/** The labels of all tasks as one set of classes, and batches of views with soft labels. */
import type { Random } from '#models/base/random.ts';
import type { Grid } from '#models/networks/rope.ts';
import type { LabelledView } from './examples.ts';
import type { Packed } from './pack.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Stage } from './records/recipe.ts';
import { phantomTasks } from './synthesis/phantoms.ts';

/** Whether a record's label says something that an image can be told by. */
export const isClassified = ({ labelsSpace, label }: Pick<CaseRecord, 'labelsSpace' | 'label'>): boolean => labelsSpace.length > 1 && label !== 'unspecified';

const classOf = (task: string, label: string): string => `${task}/${label}`;

/** Targets of a batch for the loss over labels beside the answers, [B, C]; an image that nothing can be told by has a row of zeros. */
export function labelTargets(records: readonly Pick<CaseRecord, 'task' | 'label' | 'labelsSpace'>[], classes: ReadonlyMap<string, number>, smoothing: number): Packed['feeds'] {
  const targets = new Float32Array(records.length * classes.size);
  records.forEach((record, b) => {
    if (!isClassified(record)) return;
    for (const other of record.labelsSpace) {
      const at = classes.get(classOf(record.task, other));
      if (at !== undefined) targets[b * classes.size + at] = smoothing / record.labelsSpace.length + (other === record.label ? 1 - smoothing : 0);
    }
  });
  return { 'labels.targets': { type: 'float32', dims: [records.length, classes.size], data: targets } };
}

/** Every label of every task with its number, in alphabetical order; drawn pictures have theirs whether or not a stage draws any. */
export function classesOf(records: readonly CaseRecord[]): ReadonlyMap<string, number> {
  const tasks = [...records.filter(isClassified), ...phantomTasks.filter(({ labelsSpace }) => labelsSpace.length > 1)];
  const names = new Set(tasks.flatMap(({ task, labelsSpace }) => labelsSpace.map((label) => classOf(task, label))));
  return new Map([...names].sort().map((name, i) => [name, i]));
}

/**
 * Patches and soft labels of a batch of one grid. Some views get a rectangle of another view of the batch, and that view's label in the same part
 * (CutMix, Yun et al. 2019), cut along patches.
 */
export function packViews(views: readonly LabelledView[], grid: Grid, classes: ReadonlyMap<string, number>, { mix, smoothing }: Pick<Stage, 'mix' | 'smoothing'>, random: Random): Packed {
  const batch = views.length;
  const [, rows, columns] = grid;
  const width = views[0]!.patches.length / (rows * columns);
  const patches = new Float32Array(batch * rows * columns * width);
  const targets = new Float32Array(batch * classes.size);
  const put = (b: number, { task, label, labelsSpace }: CaseRecord, part: number): void => {
    for (const other of labelsSpace) {
      const share = smoothing / labelsSpace.length + (other === label ? 1 - smoothing : 0);
      targets[b * classes.size + classes.get(classOf(task, other))!]! += part * share;
    }
  };
  views.forEach((view, b) => {
    patches.set(view.patches, b * view.patches.length);
    const other = views[random.below(batch)]!;
    if (!random.chance(mix)) return put(b, view.record, 1);
    const side = Math.sqrt(random.between(0.1, 0.5));
    const [height, length] = [Math.max(1, Math.round(rows * side)), Math.max(1, Math.round(columns * side))];
    const [top, left] = [random.below(rows - height + 1), random.below(columns - length + 1)];
    for (let row = 0; row < rows * columns; row++) {
      // Rows stand in blocks of two by two.
      const block = row >> 2;
      const y = 2 * Math.floor(block / (columns / 2)) + ((row >> 1) & 1);
      const x = 2 * (block % (columns / 2)) + (row & 1);
      if (y >= top && y < top + height && x >= left && x < left + length) patches.set(other.patches.subarray(row * width, (row + 1) * width), b * view.patches.length + row * width);
    }
    const part = (height * length) / (rows * columns);
    put(b, view.record, 1 - part);
    put(b, other.record, part);
  });
  return {
    learnt: batch, tokens: 0,
    feeds: { patches: { type: 'float32', dims: [batch * rows * columns, width], data: patches }, targets: { type: 'float32', dims: [batch, classes.size], data: targets } },
  };
}
