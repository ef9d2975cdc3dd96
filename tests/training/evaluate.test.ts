import { describe, expect, test } from 'vitest';
import { createPicture } from '#models/imaging/image.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { evaluate, extractor, type Answerer, type EvaluationLine, type EvaluationOptions, type EvaluationRequest } from '#training/evaluate.ts';
import { evaluationTurns } from '#training/synthesis/questions.ts';
import { madeUp, madeUpRecords } from '#tests/support/caseRecords.ts';

const half = ({ width, height }: { width: number; height: number }): { width: number; height: number } => ({ width: Math.round(width / 2), height: Math.round(height / 2) });

/** Colours name cases, so that a test model can "see" which case a picture shows. */
const colourOf = (id: string): readonly [number, number, number] => {
  const hash = [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 65_521, 7);
  return [hash >> 8, hash & 255, 9];
};
const loadPicture = (record: CaseRecord): Promise<ReturnType<typeof createPicture>> => Promise.resolve(createPicture(record, colourOf(record.id)));

/** A model that answers rightly for the picture it is shown, whatever case was asked about. */
function seeing(records: readonly CaseRecord[], convention: Answerer['convention'] = 'absolute-resized'): Answerer {
  return {
    seenSize: half, convention,
    answer: (requests) => Promise.resolve(requests.map(({ picture, question }) => {
      const shown = records.find(({ id }) => colourOf(id).every((value, channel) => picture.data[channel] === value));
      const size = convention === 'relative-1000' ? { width: 1000, height: 1000 } : shown ? half(shown) : { width: 10, height: 10 };
      const turns = shown?.questionTypes.flatMap((type) => evaluationTurns(shown, type, size)) ?? [];
      return turns.find((turn) => turn.question === question)?.completion ?? '<answer>cannot tell</answer>';
    })),
  };
}

const run = (records: readonly CaseRecord[], answerer: Answerer, options: EvaluationOptions = {}): ReturnType<typeof evaluate> => evaluate(records, answerer, { loadPicture, ...options });

describe('evaluate', () => {
  test('gives full marks to a model that answers rightly', async () => {
    const result = await run(madeUpRecords, seeing(madeUpRecords));
    expect(result.macro_accuracy).toBe(1);
    expect(Object.values(result.question_types).map(({ accuracy }) => accuracy).every((accuracy) => accuracy === 1)).toBe(true);
    for (const [name, { mean_iou: iou, acc50 }] of Object.entries(result.boxes)) expect([name, iou, acc50]).toEqual([name, 1, 1]);
    expect(Object.keys(result.boxes)).toEqual(expect.arrayContaining(['kidney', 'kidney_tumour', 'left_lung', 'right_lung', 'retinal_fluid', 'hard_exudates']));
    expect(result.boxes['platelet']!.n).toBe(2);
    expect(result.tasks['blood_smear_detection'], 'a task without a label to ask for').toBeUndefined();
    expect(result.tasks['oct_fluid_2']).toMatchObject({ accuracy: 1, n: 2 });
  });

  test('reads boxes in thousandths as well', async () => {
    const result = await run(madeUpRecords, seeing(madeUpRecords, 'relative-1000'), { questionTypes: ['localization_lungs'] });
    expect(result.boxes['left_lung']!.mean_iou).toBeGreaterThan(0.96);
  });

  test('reads points in thousandths as well, within the tolerance of the gold', async () => {
    const record = madeUp({
      id: 'point', set: 'curated', task: 'judged', label: 'judged', labelsSpace: ['judged'], questionTypes: ['curated'], facts: { curated: { question: 'Where is the nodule?', gold: { kind: 'points' } } },
      boxes: [{ class: 'nodule', box: { x1: 140, y1: 100, x2: 160, y2: 120 } }],
    });
    const rate = async (convention: Answerer['convention'], x: number, y: number): Promise<number | undefined> => (await run([record], {
      seenSize: half, convention, answer: (requests) => Promise.resolve(requests.map(() => `<answer>[{"point_2d":[${x},${y}],"label":"nodule"}]</answer>`)),
    })).question_types['curated']?.accuracy;
    expect(await rate('absolute-resized', 75, 55)).toBe(1);
    expect(await rate('relative-1000', 750, 688)).toBe(1);
    expect(await rate('relative-1000', 75, 55)).toBe(0);
    expect(await rate('absolute-resized', 150, 110)).toBe(0);
  });

  test('finds a seeing model blind on blank pictures, and wrong on swapped ones', async () => {
    const records = madeUpRecords.map((record, at) => ({ ...record, group: `patient-${at}` }));
    const result = await run(records, seeing(records), { counterfactual: true });
    expect(result.macro_accuracy).toBe(1);
    expect(result.blank!.macro_accuracy).toBe(0);
    expect(result.swapped!.macro_accuracy).toBe(0);
    expect(result.swapped!.tasks['us_breast_3']!.n, 'only cases for which another label is at hand').toBe(2);
  });

  test('finds a model that does not look equally good on blank pictures', async () => {
    const blind: Answerer = { seenSize: half, convention: 'absolute-resized', answer: (requests) => Promise.resolve(requests.map(() => '<answer>glioma</answer>')) };
    const result = await run(madeUpRecords, blind, { counterfactual: true, questionTypes: ['finding_class'] });
    expect(result.tasks['mri_brain_tumour_4']!.accuracy).toBe(0.5);
    expect(result.blank!.tasks).toEqual(result.tasks);
  });

  test('writes a line for each question, with boxes in stored pixels', async () => {
    const lines: EvaluationLine[] = [];
    await run([madeUpRecords.find(({ id }) => id === 'mri-box')!], seeing(madeUpRecords), { onLine: (line) => lines.push(line) });
    expect(lines.map(({ question_type: type }) => type)).toEqual(['modality', 'body_part', 'finding_class', 'localization_lesion']);
    expect(lines[3]).toMatchObject({
      id: 'mri-box', task: 'mri_tumour_boxes_3', correct: true, iou: 1, run: 'real',
      boxes: [{ label: 'meningioma', box: [30, 40, 80, 90] }], gold_boxes: [{ label: 'meningioma', box: [30, 40, 80, 90] }],
    });
    expect(lines[2]).toMatchObject({ gold: 'meningioma', answer: 'meningioma', gold_boxes: null, iou: null });
  });

  test('counts idle boxes and missing ones', async () => {
    const record = madeUpRecords.find(({ id }) => id === 'smear')!;
    const wild: Answerer = {
      seenSize: half, convention: 'absolute-resized',
      answer: (requests) => Promise.resolve(requests.map(() => '<answer>[{"bbox_2d":[30,25,55,50],"label":"white blood cell"},{"bbox_2d":[0,0,5,5],"label":"white blood cell"}]</answer>')),
    };
    const { boxes, question_types: types } = await run([record], wild, { questionTypes: ['localization_cells'] });
    expect(boxes['white_blood_cell']).toEqual({ mean_iou: 1, acc50: 1, n: 1, idle: 3 });
    expect(boxes['platelet']).toEqual({ mean_iou: 0, acc50: 0, n: 2, idle: 0 });
    expect(types['localization_cells']).toMatchObject({ accuracy: 0.5, n: 2 });
  });

  test('spreads a limit over the tasks', async () => {
    const many = Array.from({ length: 50 }, (_, at) => madeUp({ id: `many-${at}`, group: `many-${at}` }));
    const few = madeUpRecords.filter(({ task }) => task === 'us_breast_3');
    const result = await run([...many, ...few], seeing(few), { max: 6, questionTypes: ['finding_class'] });
    expect([result.tasks['us_breast_3']!.n, result.tasks['mri_brain_tumour_4']!.n]).toEqual([2, 4]);
  });

  test('shows the very same picture for all questions about one image', async () => {
    const seen: EvaluationRequest[] = [];
    const model = seeing(madeUpRecords);
    await run(madeUpRecords.slice(0, 2), { ...model, answer: (requests) => (seen.push(...requests), model.answer(requests)) }, { batch: 3 });
    expect(new Set(seen.map(({ picture }) => picture)).size).toBe(2);
  });

  test('says so when there is nothing to ask', async () => {
    await expect(run(madeUpRecords, seeing(madeUpRecords), { questionTypes: ['nothing'] })).rejects.toMatchObject({ code: 'evaluate.empty' });
  });

  test('stops at its signal', async () => {
    await expect(run(madeUpRecords, seeing(madeUpRecords), { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});

test('the extraction rules carry a version and a hash; changing a rule means raising the version', () => {
  expect(extractor.version).toBe(1);
  expect(extractor.sha256).toMatchInlineSnapshot(`"2ddd849fa6fd8bce141f1951a18bdb4766d6aa89ee92a28a93aeda2f37a2649f"`);
});
