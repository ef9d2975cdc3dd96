/** Drafts change step by step; what the model wrote is never lost. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ReportChange } from '#electron/contract/report.ts';
import { applyChange, changeText } from '#electron/report/change.ts';
import { compose } from '#electron/report/compose.ts';
import { gather } from '#electron/report/gather.ts';
import type { Report } from '#models/clinical/report.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { fixedNow, reportStudy } from '#tests/support/reportStudy.ts';

const folder = temporaryFolder();
let draft: Report;
beforeAll(async () => {
  const study = await reportStudy(join(folder, 'images'));
  draft = compose(await gather(study.sources, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' }), {
    id: 'report-1', now: fixedNow, software: { name: 'loupe', version: '1', build: 'test' }, journal: null, salt: '0'.repeat(32),
  });
});
const after = (...changes: readonly ReportChange[]): Report => changes.reduce((report, change) => applyChange(report, change, { at: '2026-01-03T00:00:00.000Z', by: 'second reader', revision: () => draft }), draft);

describe('a step', () => {
  test('that is edited keeps what the model wrote beside it, and who decided when', () =>
    expect(after({ kind: 'step', stepId: 'trace-1:1', verdict: 'edited', text: 'Mine.', reason: 'clearer' }).questions[0]?.steps[0]).toMatchObject({
      text: 'Mine.', original: 'A bright mass lies on the left of the image', verdict: 'edited', reason: 'clearer', decidedBy: 'second reader', decidedAt: '2026-01-03T00:00:00.000Z',
    }));
  test('that is accepted after an edit says again what the model wrote', () =>
    expect(after({ kind: 'step', stepId: 'trace-1:1', verdict: 'edited', text: 'Mine.', reason: '' }, { kind: 'step', stepId: 'trace-1:1', verdict: 'accepted', text: null, reason: '' }).questions[0]?.steps[0]?.text).toBe('A bright mass lies on the left of the image'));
  test('is not edited without words', () => expect(() => after({ kind: 'step', stepId: 'trace-1:1', verdict: 'edited', text: ' ', reason: '' })).toThrow(expect.objectContaining({ code: 'report.words' })));
  test('of the model cannot be removed', () => expect(() => after({ kind: 'removeStep', stepId: 'trace-1:1' })).toThrow(expect.objectContaining({ code: 'report.model' })));
  test('of a person can be added and removed', () => {
    const added = after({ kind: 'addStep', questionId: 'trace-1', stepKind: 'comparison', text: 'It grew.', boxes: ['trace-1.b0', 'unknown'] });
    const own = added.questions[0]?.steps.at(-1);
    expect(own).toMatchObject({ original: null, verdict: 'accepted', boxes: ['trace-1.b0'], text: 'It grew.' });
    expect(applyChange(added, { kind: 'removeStep', stepId: own?.id ?? '' }, { at: '', by: '', revision: () => draft }).questions).toEqual(draft.questions);
  });
  test('that is not there is said', () => expect(() => after({ kind: 'step', stepId: 'other:1', verdict: 'accepted', text: null, reason: '' })).toThrow(expect.objectContaining({ code: 'report.item' })));
});

describe('a region', () => {
  const moved = { x1: 1, y1: 2, x2: 3, y2: 4 };
  test('that is moved keeps the model\'s own, once', () => {
    const there = after({ kind: 'box', boxId: 'trace-1.b0', box: moved }, { kind: 'box', boxId: 'trace-1.b0', box: { ...moved, x2: 9 } }).boxes[0];
    expect(there).toMatchObject({ box: { x2: 9 }, original: { x1: 20, y1: 30, x2: 44, y2: 50 }, isRemoved: false });
  });
  test('that is removed and put back is as the model had it', () => {
    const [first] = draft.boxes;
    expect(after({ kind: 'box', boxId: 'trace-1.b0', box: null }, { kind: 'box', boxId: 'trace-1.b0', box: { x1: 20, y1: 30, x2: 44, y2: 50 } }).boxes[0]).toEqual(first);
  });
});

test('the impression follows the answers until a person writes another', () => {
  const followed = after({ kind: 'answer', questionId: 'trace-1', verdict: 'accepted', text: null, reason: '' });
  expect(followed.impression).toBe('Yes, a mass.');
  const written = after({ kind: 'impression', text: 'Solid mass.' }, { kind: 'answer', questionId: 'trace-1', verdict: 'edited', text: 'No', reason: '' });
  expect(written.impression).toBe('Solid mass.');
});

test('a finding that a person rewrites is the person\'s', () =>
  expect(after({ kind: 'finding', findingId: 'f-mass', label: 'Mass', text: 'Other words.', code: null, site: null, laterality: null, boxes: ['trace-1.b1'] }).findings[0]).toMatchObject({ author: { kind: 'person', name: 'second reader' }, boxes: ['trace-1.b1'] }));

test('a measurement that is removed is drawn nowhere', () => {
  const report = after({ kind: 'removeMeasurement', measurementId: 'm-length-0001' });
  expect([report.measurements.length, report.keyImages.some(({ overlays }) => overlays.includes('m-length-0001'))]).toEqual([1, false]);
});

test('key images are put in order, and one of another study\'s file is refused', () => {
  const [image] = draft.keyImages;
  if (!image) throw new Error('There is no key image.');
  const two = after({ kind: 'keyImage', keyImage: { ...image, id: 'own-k1', overlays: ['trace-1.b0', 'nothing'] } }, { kind: 'moveKeyImage', keyImageId: 'own-k1', to: 0 });
  expect(two.keyImages.map(({ id, overlays }) => [id, overlays.length])).toEqual([['own-k1', 1], [image.id, image.overlays.length]]);
  expect(() => after({ kind: 'keyImage', keyImage: { ...image, place: { source: 'f'.repeat(64), frame: 0 } } })).toThrow(expect.objectContaining({ code: 'report.item' }));
});

test('a question that is removed takes its regions, findings and pictures with it', () => {
  const report = after({ kind: 'removeQuestion', questionId: 'trace-1' });
  expect([report.questions, report.boxes, report.findings, report.keyImages, report.measurements.length]).toEqual([[], [], [], [], 2]);
});

test('saying who it is about again binds the same', () => expect(after({ kind: 'subject', subject: draft.subject as NonNullable<Report['subject']> }).subjectCommit).toBe(draft.subjectCommit));

test('a revision tells what it did', () => expect(changeText([{ kind: 'title', text: 'T' }, { kind: 'impression', text: 'I' }, { kind: 'impression', text: 'J' }])).toBe('Title, Impression'));
