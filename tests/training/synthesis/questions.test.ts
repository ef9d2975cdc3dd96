import { describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Turn } from '#training/records/turn.ts';
import { answerOf, boxesIn } from '#training/rewards/extract.ts';
import { verify, verifyAnswer } from '#training/rewards/verify.ts';
import { corpus, evaluationTurns, synthesize, weights, type CaseView } from '#training/synthesis/questions.ts';
import { wordings } from '#training/synthesis/wording.ts';
import { madeUp, madeUpRecords, sharedIndexes, sharedRecords } from '#tests/support/caseRecords.ts';

/** A picture whose halves and quarters differ by chance. */
function pictureOf(width: number, height: number, random: Random): Picture {
  const data = new Uint8Array(width * height * 3);
  const [base, across, down] = [random.between(20, 200), random.between(-50, 50), random.between(-50, 50)];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) data.fill(Math.min(255, Math.max(0, base + (across * x) / width + (down * y) / height)), at, at + 3);
  }
  return { width, height, data };
}

function viewOf(record: CaseRecord, side: number, random: Random, flippedX = false): CaseView {
  const [width, height] = [side, Math.max(28, Math.round((side * record.height) / record.width))];
  const [sx, sy] = [width / record.width, height / record.height];
  const boxes = record.boxes?.map(({ class: name, box: { x1, y1, x2, y2 } }) => {
    const [left, right] = flippedX ? [width - x2 * sx, width - x1 * sx] : [x1 * sx, x2 * sx];
    return { class: name, box: { x1: left, y1: y1 * sy, x2: right, y2: y2 * sy } };
  }) ?? null;
  return { record, picture: pictureOf(width, height, random), boxes, flippedX, flippedY: false, quarterTurns: 0 };
}

const turnsFor = (record: CaseRecord, seed: number, side = 112): Turn[] => synthesize(viewOf(record, side, new Random(seed)), new Random(seed));
const ofType = (record: CaseRecord, type: string, seeds = 40): Turn[] =>
  Array.from({ length: seeds }, (_, seed) => turnsFor(record, seed)).flat().filter((turn) => turn.questionType === type);
const recordOf = (id: string): CaseRecord => madeUpRecords.find((record) => record.id === id)!;

function checkTurn(turn: Turn, { width, height }: Picture): void {
  expect(verify(turn.completion, turn.gold), `${turn.question}\n${turn.completion}`).toEqual({ score: 1, isCorrect: true });
  expect(answerOf(turn.completion)).toBe(turn.answer);
  expect(turn.question, 'every slot of the wording is filled').not.toMatch(/\{[a-z]+\}/);
  expect(turn.completion).not.toMatch(/undefined|NaN|_(?!2d)/);
  for (const { box } of boxesIn(turn.completion)) {
    expect([box.x1, box.y1, box.x2, box.y2].every(Number.isInteger)).toBe(true);
    expect(box.x1 >= 0 && box.y1 >= 0 && box.x2 <= width && box.y2 <= height, turn.completion).toBe(true);
  }
  expect(boxesIn(turn.answer).length).toBeLessThanOrEqual(8);
}

describe('every question', () => {
  test('scores 1 with its own answer, whatever the seed', () => {
    for (const record of madeUpRecords) {
      for (let seed = 0; seed < 25; seed++) {
        const view = viewOf(record, 84 + 28 * (seed % 5), new Random(seed));
        for (const turn of synthesize(view, new Random(seed))) checkTurn(turn, view.picture);
      }
    }
  });

  test.skipIf(sharedIndexes().length === 0)('scores 1 with its own answer over all shared cases (skipped where ../shared is absent)', async () => {
    for (const [at, record] of (await sharedRecords()).entries()) {
      const view = viewOf(record, 56, new Random(at));
      for (const turn of synthesize(view, new Random(at))) {
        if (verify(turn.completion, turn.gold).score !== 1) checkTurn(turn, view.picture);
      }
      for (const type of record.questionTypes) {
        for (const turn of evaluationTurns(record, type, { width: 168, height: 140 })) {
          if (verify(turn.completion, turn.gold).score !== 1) checkTurn(turn, { width: 168, height: 140, data: new Uint8Array() });
        }
      }
    }
  }, 120_000);

  test('is the same for the same seed', () => expect(turnsFor(recordOf('smear'), 7)).toEqual(turnsFor(recordOf('smear'), 7)));

  test('can be put in at least eight ways', () => {
    for (const [type, list] of Object.entries(wordings)) expect(new Set(list).size, type).toBeGreaterThanOrEqual(8);
  });

  test('comes up for some record', () => {
    const seen = new Set(madeUpRecords.flatMap((record) => Array.from({ length: 12 }, (_, seed) => turnsFor(record, seed))).flat().map((turn) => turn.questionType));
    // What a person asked comes from that person's own cases alone, what was altered from images made for that.
    expect(Object.keys(weights).filter((type) => type !== 'curated' && type !== 'alteration' && !seen.has(type))).toEqual([]);
  });

  test('keeps its thought short: at most 260 characters without the boxes', () => {
    for (const record of madeUpRecords) {
      for (let seed = 0; seed < 20; seed++) {
        for (const { completion } of turnsFor(record, seed)) {
          const thought = completion.slice(0, completion.indexOf('</think>')).replace(/\[\{.*\}\]/g, '');
          expect(thought.length, completion).toBeLessThanOrEqual(260);
        }
      }
    }
  });

  test('is made in a few milliseconds of processor time', () => {
    const view = viewOf(recordOf('smear'), 224, new Random(1));
    const random = new Random(1);
    for (let i = 0; i < 20; i++) synthesize(view, random);
    const before = process.cpuUsage().user;
    for (let i = 0; i < 60; i++) synthesize(view, random);
    expect((process.cpuUsage().user - before) / 1000 / 60).toBeLessThan(10);
  });
});

describe('the words and the measurements agree', () => {
  test('brightness', () => {
    for (let seed = 0; seed < 60; seed++) {
      const view = viewOf(recordOf('plain-1'), 112, new Random(seed));
      const { width, height, data } = view.picture;
      const mean = (x1: number, y1: number, x2: number, y2: number): number => {
        let total = 0;
        for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) total += data[(y * width + x) * 3]!;
        return total / ((x2 - x1) * (y2 - y1));
      };
      const halves: Readonly<Record<string, number>> = {
        left: mean(0, 0, width / 2, height), right: mean(width / 2, 0, width, height), upper: mean(0, 0, width, height / 2), lower: mean(0, height / 2, width, height),
      };
      for (const { completion } of synthesize(view, new Random(seed))) {
        const claim = /the (left|right|upper|lower) half is brighter than the (left|right|upper|lower) half/i.exec(completion);
        if (claim) expect(halves[claim[1]!.toLowerCase()]!).toBeGreaterThan(halves[claim[2]!.toLowerCase()]!);
      }
    }
  });

  test('sizes and shares', () => {
    for (const turn of ofType(recordOf('mri-box'), 'size').filter(({ style }) => style === 'reasoned')) {
      const { box } = boxesIn(turn.completion)[0]!;
      expect(Number(turn.answer)).toBe(/wide/.test(turn.completion) ? box.x2 - box.x1 : box.y2 - box.y1);
    }
    for (const turn of ofType(recordOf('mri-box'), 'share')) expect(Math.abs(Number(turn.answer) - (100 * 50 * 50) / (200 * 160))).toBeLessThan(2);
  });

  test('the place of a box', () => {
    for (const { gold, answer } of ofType(recordOf('breast'), 'position')) if (gold.kind === 'word') expect(answer).toBe('centre');
  });

  test('the patient\'s right lung is on the left of the image', () => {
    const answers = ofType(recordOf('lungs'), 'side').filter(({ question, gold }) => question.includes('right lung') && gold.kind === 'word').map(({ answer }) => answer);
    expect(answers.length).toBeGreaterThan(3);
    expect(new Set(answers)).toEqual(new Set(['left']));
  });

  test('counts', () => {
    for (const { answer } of ofType(recordOf('smear'), 'count_platelets')) expect(answer).toBe('2');
    for (const { answer } of ofType(recordOf('smear'), 'count_white_blood_cells')) expect(answer).toBe('1');
  });

  test('the side of an eye changes in the mirror, and is not asked for on a turned picture', () => {
    const record = recordOf('eye');
    const eye = (view: CaseView): (string | undefined)[] => Array.from({ length: 20 }, (_, seed) => synthesize(view, new Random(seed)).find(({ questionType, gold }) => questionType === 'laterality' && gold.kind === 'word')?.answer)
      .filter((answer) => answer !== undefined);
    expect(new Set(eye(viewOf(record, 112, new Random(1))))).toEqual(new Set(['left']));
    expect(new Set(eye(viewOf(record, 112, new Random(1), true)))).toEqual(new Set(['right']));
    expect(eye({ ...viewOf(record, 112, new Random(1)), quarterTurns: 1 })).toEqual([]);
  });
});

describe('nothing is claimed that the record does not support', () => {
  test('a case without boxes is never given a box', () => {
    for (let seed = 0; seed < 20; seed++) for (const { completion } of turnsFor(recordOf('plain-1'), seed)) expect(completion).not.toContain('bbox_2d');
  });

  test('a label that is not to be diagnosed is never named', () => {
    for (let seed = 0; seed < 20; seed++) for (const { question, completion } of turnsFor(madeUp({ ...recordOf('lungs'), label: 'covid_19' }), seed)) expect(question + completion).not.toMatch(/covid/i);
  });

  test('red cells are neither listed nor counted', () => {
    for (let seed = 0; seed < 40; seed++) {
      for (const { questionType, answer } of turnsFor(recordOf('smear'), seed)) if (/^(?:localization|count)/.test(questionType)) expect(answer).not.toContain('red blood cell');
    }
  });

  test('an image that was looked at and holds no lesion is answered with an empty list', () => {
    const turns = ofType(recordOf('breast-none'), 'localization_lesion');
    expect(turns.length).toBeGreaterThan(0);
    for (const { answer } of turns) expect(answer).toBe('[]');
  });
});

describe('evaluation', () => {
  const size = { width: 168, height: 140 };

  test('asks each of the index\'s questions in one fixed way', () => {
    for (const record of madeUpRecords) {
      for (const type of record.questionTypes) {
        const turns = evaluationTurns(record, type, size);
        expect(turns.length, `${record.id} ${type}`).toBeGreaterThan(0);
        expect(evaluationTurns(record, type, size)).toEqual(turns);
        for (const turn of turns) checkTurn(turn, { ...size, data: new Uint8Array() });
      }
    }
  });

  test('lists the labels in the index\'s order, so that no wording gives the answer away', () => {
    const [one] = evaluationTurns(recordOf('plain-1'), 'finding_class', size);
    const [other] = evaluationTurns(recordOf('mri-none'), 'finding_class', size);
    expect(one!.question).toBe(other!.question);
    expect(one!.question).toBe('Which finding does this MRI slice show? Choose from: no tumour, glioma, meningioma, pituitary tumour.');
    expect(one!.task).toBe('mri_brain_tumour_4');
  });

  test('asks the same whatever the boxes', () => {
    const [white, platelets] = evaluationTurns(recordOf('smear'), 'localization_cells', size);
    expect(white!.gold).toMatchObject({ kind: 'boxes', boxes: [{ label: 'white blood cell' }] });
    expect(evaluationTurns(madeUp({ ...recordOf('smear'), boxes: [] }), 'localization_cells', size).map(({ question, answer }) => [question, answer]))
      .toEqual([[white!.question, '[]'], [platelets!.question, '[]']]);
  });

  test('gives boxes in the pixels of the picture that the model sees', () => {
    const [turn] = evaluationTurns(recordOf('mri-box'), 'localization_lesion', { width: 400, height: 320 });
    expect(boxesIn(turn!.answer)).toEqual([{ label: 'meningioma', box: { x1: 60, y1: 80, x2: 160, y2: 180 } }]);
  });

  test('asks for a bare answer when told to', () => {
    const [turn] = evaluationTurns(recordOf('plain-1'), 'finding_class', size, { direct: true });
    expect(turn!.question).toMatch(/Answer directly\.$/);
    expect(turn!.completion).toBe('<answer>glioma</answer>');
  });
});

test('the corpus speaks of every record without its image, and repeats itself exactly', () => {
  const lines = [...corpus(madeUpRecords, 3)];
  expect(lines).toEqual([...corpus(madeUpRecords, 3)]);
  expect(lines).not.toEqual([...corpus(madeUpRecords, 4)]);
  expect(lines.filter((line) => line.startsWith('<think>')).length).toBeGreaterThan(50);
  expect(lines.join(' ')).toContain('meningioma');
});

test('a wrong answer to a listed question scores 0', () => {
  const turn = ofType(recordOf('plain-1'), 'finding_class').find(({ gold }) => gold.kind === 'word')!;
  expect(verifyAnswer('no tumour', turn.gold).score).toBe(0);
  expect(verifyAnswer('meningioma', turn.gold).score).toBe(0);
  expect(verifyAnswer('It is a glioma.', turn.gold).score).toBe(1);
});

test('a yes to where is right only with the finding that is there and, where it is boxed, its place', () => {
  const [boxed] = ofType(recordOf('mri-box'), 'abnormality_where');
  expect(boxed!.answer).toBe('yes, a meningioma in the middle left of the image');
  const scores = (answers: readonly string[], { gold }: Turn): number[] => answers.map((answer) => verifyAnswer(answer, gold).score);
  expect(scores(['yes, a meningioma in the middle left', 'yes, a tumour in the middle left'], boxed!)).toEqual([1, 1]);
  expect(scores(['yes', 'yes, a glioma in the middle left', 'yes, a meningioma in the lower right', 'no'], boxed!)).toEqual([0, 0, 0, 0]);
  const film = madeUp({
    ...recordOf('lungs'), task: 'chest_pneumonia_3', label: 'bacterial_pneumonia', labelsSpace: ['normal', 'bacterial_pneumonia', 'viral_pneumonia'], boxes: null,
    questionTypes: ['finding_class'], facts: { body_part: 'chest', abnormal: true },
  });
  const [bacterial] = ofType(film, 'abnormality_where');
  expect(bacterial!.answer).toBe('yes, bacterial pneumonia');
  expect(scores(['yes, bacterial pneumonia', 'yes, viral pneumonia', 'yes, bacterial or viral pneumonia', 'yes'], bacterial!)).toEqual([1, 0, 0, 0]);
});
