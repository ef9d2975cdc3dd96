import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { directiveRefusal, readDirective } from '#models/clinical/directive.ts';
import { verify } from '#training/rewards/verify.ts';
import { directiveFamilies, directiveTargetOf, directiveTask, directiveTurn } from '#training/synthesis/directives.ts';

const box = (x1: number, x2: number) => ({ x1, y1: 10, x2, y2: 90 });
const film = { set: 'cxr_lung_boxes', boxes: [{ class: 'left_lung', box: box(52, 90) }, { class: 'right_lung', box: box(8, 48) }] };
const sets = [film, { set: 'micro_bccd_boxes', boxes: [] }, { set: 'us_breast_busi', boxes: null }, { set: 'ct_haemorrhage_boxes', boxes: [] }, { set: 'derm_lesion_boxes', boxes: [] }, { set: 'fundus_exudate_boxes', boxes: [] }];
const tasks = (isHeldOut: boolean) => Array.from({ length: 3000 }, (_, at) => directiveTask(sets[at % sets.length]!, Random.named(at, 'task'), { isHeldOut })!);

describe('sentences for directives', () => {
  test('ask for what they are held to: the guards let every one of them pass, and its completion earns full marks', () => {
    const flawed = [...tasks(false), ...tasks(true)].flatMap((task) => {
      const { completion, gold } = directiveTurn(task, 1);
      const refusal = directiveRefusal(task.words, { text: task.sentence, slices: task.slices, laterality: null });
      const isRead = JSON.stringify(readDirective(completion)) === JSON.stringify(task.words);
      return refusal || !isRead || !verify(completion, gold).isCorrect ? [{ sentence: task.sentence, refusal, completion }] : [];
    });
    expect(flawed).toEqual([]);
  });

  test('come in all families, with and without sides and ranges', () => {
    const all = tasks(false);
    expect(new Set(all.map(({ family }) => family))).toEqual(new Set(directiveFamilies));
    expect(new Set(all.map(({ words: { side } }) => side))).toEqual(new Set(['left', 'right', 'any']));
    expect(all.some(({ words: { slice_from: from, slice_to: to }, slices }) => from > 1 && to < slices)).toBe(true);
    expect(all.some(({ sentence }) => /^(?:There is )?no /i.test(sentence))).toBe(true);
  });

  test('never say in training what is kept for measuring', () => {
    const wordsOf = (all: readonly { readonly sentence: string; readonly family: string }[]) => new Set(all.filter(({ family }) => family !== 'plain').map(({ sentence }) => sentence));
    const learnt = wordsOf(tasks(false));
    expect([...wordsOf(tasks(true))].filter((sentence) => learnt.has(sentence))).toEqual([]);
    expect(tasks(true).some(({ sentence }) => sentence.includes('what the bronchi lead into'))).toBe(true);
    expect(tasks(false).some(({ sentence }) => sentence.includes('what the bronchi lead into'))).toBe(false);
  });

  test('may ask for the larger of two lungs, which only the picture tells', () => {
    const larger = tasks(false).filter(({ sentence }) => /larger|bigger|more room/.test(sentence));
    expect(larger.length).toBeGreaterThan(0);
    expect(new Set(larger.map(({ words: { side } }) => side))).toEqual(new Set(['right']));
  });

  test('speak of no image that shows nothing of theirs', () => {
    expect(directiveTask({ set: 'oct_kermany', boxes: null }, new Random(1))).toBeNull();
    expect([directiveTargetOf('left_lung'), directiveTargetOf('malignant_lesion'), directiveTargetOf('platelet'), directiveTargetOf('retinal_fluid')]).toEqual(['lung', 'breast_lesion', 'platelet', null]);
  });
});
