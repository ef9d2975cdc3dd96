import { expect, test } from 'vitest';
import { directiveRefusal } from '#models/clinical/directive.ts';
import { benchFamilies, benchSystems, benchTasks, directiveBenchText } from '#training/directiveBench.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';

const box = (name: string, x: number) => ({ class: name, box: { x1: x, y1: 10, x2: x + 30, y2: 60 } });
const record = (id: string, set: string, boxes: readonly ReturnType<typeof box>[]): CaseRecord => ({ id, set, boxes, width: 100, height: 100, split: 'val' }) as unknown as CaseRecord;
const records = [0, 1, 2].flatMap((i) => [
  record(`f${i}`, 'cxr_lung_boxes', [box('right_lung', 10), box('left_lung', 60)]), record(`b${i}`, 'micro_bccd_boxes', [box('white_blood_cell', 20), box('red_blood_cell', 50)]), record(`u${i}`, 'us_breast_busi', [box('benign_lesion', 30)]),
]);
const tasks = benchTasks(records, ['lung', 'white_blood_cell', 'breast_lesion'], 30, 1);

test('each family has its tasks, in wordings that were never learnt, each of a series that shows what is meant within the named slices', () => {
  for (const family of benchFamilies) expect(tasks.filter((task) => task.family === family)).toHaveLength(30);
  for (const { images, at, words, sentence } of tasks) {
    expect(images).toHaveLength(6);
    expect(at + 1 >= words.slice_from && at + 1 <= words.slice_to).toBe(true);
    expect(directiveRefusal(words, { text: sentence, slices: 6, laterality: null })).toBeNull();
    expect((images[at]!.boxes ?? []).some(({ class: name }) => name.endsWith(words.target) || (words.target === 'breast_lesion' && name === 'benign_lesion') || (words.target === 'lung' && name.endsWith('_lung')))).toBe(true);
  }
});

test('the same seed gives the same tasks', () => expect(benchTasks(records, ['lung', 'white_blood_cell', 'breast_lesion'], 30, 1)).toEqual(tasks));

test('a rewrite is never told without its two baselines', () => {
  const systems = benchSystems.flatMap((system) => [...benchFamilies, 'mean' as const].map((family) => ({ system, family, tasks: 3, at50: 0.5, at30: 0.5 })));
  const said = directiveBenchText({ systems, rewrite: { wellFormed: 1, refused: 0, slots: 0.5, exact: 0.5, targets: 0.5 }, tasks: 9 });
  for (const system of benchSystems) expect(said).toContain(`\n${system}`);
  expect(() => directiveBenchText({ systems: systems.filter(({ system }) => system === 'rewrite'), rewrite: { wellFormed: 1, refused: 0, slots: 1, exact: 1, targets: 1 }, tasks: 9 })).toThrow();
});
