/** A draft says what was asked, judged, drawn and checked, and nothing else. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { compose, contradictions, impressionOf, refreshed, spokenAnswer } from '#electron/report/compose.ts';
import { applyChange } from '#electron/report/change.ts';
import { textsOf, wordingOf } from '#electron/report/formats/wording.ts';
import { gather } from '#electron/report/gather.ts';
import { boxesOf, isByModel, Report, undecided } from '#models/clinical/report.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { accepted, fixedNow, reportStudy, type ReportStudy } from '#tests/support/reportStudy.ts';

const folder = temporaryFolder();
let study: ReportStudy;
beforeAll(async () => {
  study = await reportStudy(join(folder, 'images'));
});

const options = { id: 'report-1', now: fixedNow, software: { name: 'loupe' as const, version: '1', build: 'test' }, journal: null, salt: '00112233445566778899aabbccddeeff' };
const made = async (): Promise<Report> => compose(await gather(study.sources, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' }), options);

describe('a draft of an answer that nobody judged', () => {
  let report: Report;
  beforeAll(async () => {
    study.judgement.value = null;
    report = await made();
  });
  test('is a report by its schema, and as it was written down', async () => {
    expect(Report.parse(report)).toEqual(report);
    await expect(`${JSON.stringify(report, null, 2).replaceAll(study.frameId.slice(0, 64), '<the film>')}\n`).toMatchFileSnapshot('../../golden/report/draft.json');
  });
  test('has every step and the answer undecided', () => expect(undecided(report)).toEqual([{ question: 0, step: 0 }, { question: 0, step: 1 }, { question: 0, step: 2 }, { question: 0, step: null }]));
  test('concludes nothing yet', () => expect([report.impression, isByModel(report)]).toEqual(['', true]));
  test('names each finding once, with the code that has its very name', () =>
    expect(report.findings.map(({ label, code, boxes }) => [label, code?.value, boxes])).toEqual([['Mass', '4147007', ['trace-1.b0']], ['Nodule', '27925004', ['trace-1.b1']]]));
  test('refers to the file by its hash and its own UIDs', () => expect(report.sources).toMatchObject([{ sha256: study.frameId.slice(0, 64), sopInstanceUid: '1.2.826.0.1.3680043.10.1.1.1', columns: 96, rows: 80, kind: 'frame' }]));
  test('measures in millimetres and Hounsfield units, and says by what', () => {
    const [length, area] = report.measurements;
    expect(length).toMatchObject({ label: 'Mass', values: [{ quantity: 'length', value: 12, unit: 'mm' }], spacing: { source: 'PixelSpacing' }, author: { kind: 'person', name: 'reader' } });
    expect(area?.values).toMatchObject([{ quantity: 'area', value: 80, unit: 'mm2' }, { quantity: 'mean', value: 1000, unit: "[hnsf'U]" }, { quantity: 'deviation', value: 0 }, { quantity: 'least', value: 1000 }, { quantity: 'greatest', value: 1000 }, { quantity: 'count', value: 320 }]);
  });
  test('is compared with the last earlier study of the same person', () => expect(report.comparison).toMatchObject({ date: '2025-07-01', text: 'Compared with Chest CT of 2025-07-01 (6 months earlier).', changes: [{ label: 'Mass', quantity: 'length', before: 8, now: 12, unit: 'mm' }] }));
  test('keeps the check of its evidence, by box', () => expect(report.questions[0]?.evidence).toEqual({ reliance: 0.5, usedImage: true, regions: [{ box: 'trace-1.b0', hidden: 0.6, control: 0.1 }] }));
  test('says by which rule its images were chosen', async () => {
    const gathered = await gather({ ...study.sources, traces: () => [{ ...study.trace, selection: { rule: 'spread', of: 12 } }] }, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' });
    const chosen = compose(gathered, options);
    expect(chosen.questions[0]?.selection).toEqual({ rule: 'spread', of: 12 });
    expect(textsOf(wordingOf(chosen)).join(' ')).toContain('about whole image (C 40 W 400); slices spread evenly over the series (rule spread), of 12.');
  });
  test('says what limits it', () => expect(report.limitations.join(' ')).toMatch(/decided step by step by a person.*not calibrated/));
  test('shows the image in the window that was asked about, with all that is drawn on it', () => expect(report.keyImages).toMatchObject([{ window: { center: 40, width: 400 }, caption: 'whole image: Mass, Nodule', overlays: ['trace-1.b0', 'trace-1.b1', 'm-length-0001', 'm-ellipse-001'] }]));
});

describe('a draft of a judged answer', () => {
  let report: Report;
  beforeAll(async () => {
    study.judgement.value = accepted(study, {
      steps: { 0: { verdict: 'edited', text: 'A calcified mass lies on the left.' }, 1: { verdict: 'rejected', text: 'That is a vessel.' }, 2: { verdict: 'accepted', text: null } },
      boxes: { [`${study.frameId}:Mass:20,30,44,50`]: { x1: 21, y1: 31, x2: 45, y2: 51 } },
      added: [{ id: 'own-1', frameId: study.frameId, step: 2, label: 'Calcification', box: { x1: 25, y1: 35, x2: 30, y2: 40 } }],
    });
    report = await made();
  });
  test('keeps both versions of an edited step', () => expect(report.questions[0]?.steps[0]).toMatchObject({ verdict: 'edited', text: 'A calcified mass lies on the left.', original: 'A bright mass lies on the left of the image', decidedBy: 'reader', decidedAt: '2026-01-02T09:00:00.000Z' }));
  test('keeps a rejected step with the reason', () => expect(report.questions[0]?.steps[1]).toMatchObject({ verdict: 'rejected', text: 'A nodule lies beside it.', reason: 'That is a vessel.' }));
  test('does not find what only a rejected step names', () => expect(report.findings.map(({ label }) => label)).toEqual(['Mass', 'Calcification']));
  test('keeps where the model had put a moved box', () => expect(boxesOf(report, ['trace-1.b0'])).toMatchObject([{ box: { x1: 21 }, original: { x1: 20 }, author: { kind: 'model' } }]));
  test('says whose a drawn box is', () => expect(report.boxes.find(({ label }) => label === 'Calcification')).toMatchObject({ author: { kind: 'person', name: 'reader' }, original: null }));
  test('takes the accepted answer for its impression', () => expect([report.impression, undecided(report)]).toEqual(['Yes, a mass.', []]));
  test('takes in what other services found, as sections of their own that every readable form shows', async () => {
    const section = { id: 'integrity', title: 'Integrity of the images', text: 'Signs of alteration.', tone: 'caution' as const, rows: [{ name: 'film.dcm', value: 'A copied patch.' }], author: { kind: 'model' as const, name: 'checker' } };
    const report = compose(await gather({ ...study.sources, sections: () => Promise.resolve([section]) }, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' }), { id: 'r', now: fixedNow, software: { name: 'loupe', version: '1', build: 'x' }, journal: null });
    expect([Report.parse(report).sections, textsOf(wordingOf(report))]).toEqual([[section], expect.arrayContaining(['Integrity of the images', 'Signs of alteration.', 'film.dcm', 'A copied patch.', 'AI-generated (checker).'])]);
  });
  test('is refreshed without losing what was written into it', async () => {
    const at = { at: fixedNow, by: 'reader', revision: () => report };
    const changed = [{ kind: 'impression' as const, text: 'My own words.' }, { kind: 'addFinding' as const, label: 'Cyst', text: '', boxes: [] }, { kind: 'step' as const, stepId: 'trace-1:3', verdict: 'rejected' as const, text: null, reason: 'No.' }].reduce((one, change) => applyChange(one, change, at), report);
    const next = refreshed(changed, await made(), report);
    expect([next.impression, next.findings.map(({ label }) => label), next.questions[0]?.steps[2]?.verdict]).toEqual(['My own words.', ['Mass', 'Calcification', 'Cyst'], 'rejected']);
  });
  test('keeps out what was taken out, in the order that a person gave it', async () => {
    const at = { at: fixedNow, by: 'reader', revision: () => report };
    const [image] = report.keyImages;
    if (!image) throw new Error('There is no key image.');
    const changed = [
      { kind: 'removeFinding' as const, findingId: 'f-calcification' }, { kind: 'removeMeasurement' as const, measurementId: 'm-ellipse-001' }, { kind: 'keyImage' as const, keyImage: { ...image, id: 'own-k1' } },
      { kind: 'moveKeyImage' as const, keyImageId: 'own-k1', to: 0 },
    ].reduce((one, change) => applyChange(one, change, at), report);
    const next = refreshed(changed, await made(), report);
    expect([next.findings.map(({ id }) => id), next.measurements.map(({ id }) => id), next.keyImages.map(({ id }) => id)]).toEqual([['f-mass'], ['m-length-0001'], ['own-k1', image.id]]);
    expect(next.keyImages.some(({ overlays }) => overlays.includes('m-ellipse-001'))).toBe(false);
  });
  test('keeps a caption and a list of limitations as a person wrote them', async () => {
    const at = { at: fixedNow, by: 'reader', revision: () => report };
    const [image] = report.keyImages;
    if (!image) throw new Error('There is no key image.');
    const changed = [{ kind: 'keyImage' as const, keyImage: { ...image, caption: 'As I see it', overlays: [] } }, { kind: 'limitations' as const, texts: ['One plane only.'] }].reduce((one, change) => applyChange(one, change, at), report);
    const next = refreshed(changed, await made(), report);
    expect([next.keyImages[0]?.caption, next.keyImages[0]?.overlays, next.limitations]).toEqual(['As I see it', [], ['One plane only.']]);
  });
  test('takes in regions that were drawn since, but into no finding that a person wrote otherwise', async () => {
    const at = { at: fixedNow, by: 'reader', revision: () => report };
    const drawn = await made();
    const more = { ...drawn, findings: drawn.findings.map((finding) => ({ ...finding, boxes: [...finding.boxes, 'trace-1.b1'] })) };
    const rewritten = applyChange(report, { kind: 'finding', findingId: 'f-mass', label: 'Mass', text: 'Mine.', code: null, site: null, laterality: null, boxes: ['trace-1.b0'] }, at);
    expect(refreshed(rewritten, more, report).findings.map(({ text, boxes }) => [text === 'Mine.', boxes.length])).toEqual([[true, 1], [false, 2]]);
  });
  test('contradicts itself where every region of a finding was rejected', () => {
    const at = { at: fixedNow, by: 'reader', revision: () => report };
    const next = ['trace-1:1', 'trace-1:3'].reduce((one, stepId) => applyChange(one, { kind: 'step', stepId, verdict: 'rejected', text: null, reason: '' }, at), report);
    expect([contradictions(report), contradictions(next).map(({ label }) => label)]).toEqual([[], ['Mass', 'Calcification']]);
  });
});

describe('marks that are hidden', () => {
  const figure = (report: Report): string => wordingOf(report).blocks.flatMap((block) => (block.kind === 'figures' ? block.items : []))[0]?.details ?? '';
  test('when a draft is composed are drawn on no key image and named as hidden, also after it was brought up to date', async () => {
    study.judgement.value = null;
    const gathered = await gather(study.sources, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' });
    const hidden = compose(gathered, { ...options, areMarksHidden: true });
    expect(hidden.keyImages[0]?.overlays).toEqual(['m-length-0001', 'm-ellipse-001']);
    expect(figure(hidden)).toMatch(/Marked: M1 Mass: Length 12 mm; .*Hidden here: R1 Mass, R2 Nodule\.$/);
    expect([hidden.findings.length, hidden.boxes.length]).toEqual([2, 2]);
    expect(refreshed(hidden, compose(gathered, { ...options, areMarksHidden: true }), hidden).keyImages).toEqual(hidden.keyImages);
    expect(figure(compose(gathered, options))).not.toContain('Hidden here');
  });
  test('by hand on a key image are named as hidden too', async () => {
    const report = await made();
    const [image] = report.keyImages;
    expect(figure({ ...report, keyImages: [{ ...image!, overlays: ['trace-1.b0'] }] })).toMatch(/Marked: R1 Mass\. Hidden here: R2 Nodule, M1 Mass, M2\.$/);
  });
  test('among the drawings of a person are counted among what the report leaves out', async () => {
    const [first, ...others] = study.annotations;
    const gathered = await gather({ ...study.sources, annotations: (id) => (id === study.prior.study.id ? [] : [{ ...first!, isHidden: true }, ...others]) }, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' });
    const report = compose(gathered, options);
    expect([report.measurements.length, report.limitations.at(-1)]).toEqual([1, 'A measurement that was hidden in the viewer is not in the report.']);
  });
});

test('an image that a person marked is a key image, once', async () => {
  const mark = { id: 'marked-001', frameId: study.frameId, kind: 'key' as const, points: [{ x: 48, y: 40 }], text: '', colour: '#ffe45c', isLocked: false, isHidden: false, millimetres: null, changedAt: fixedNow };
  const gathered = await gather({ ...study.sources, annotations: () => [mark] }, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' });
  expect([gathered.marked.length, compose(gathered, options).keyImages.length]).toEqual([1, 1]);
  expect(compose({ ...gathered, traces: [] }, options).keyImages).toMatchObject([{ place: { source: study.frameId.slice(0, 64), frame: 0 }, caption: 'film.dcm', overlays: [] }]);
});

test('an answer with more regions than anybody reads is cut, and says so', async () => {
  const gathered = await gather(study.sources, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' });
  const boxes = Array.from({ length: 6000 }, (_, i) => ({ x1: i % 90, y1: Math.floor(i / 90), x2: (i % 90) + 1, y2: Math.floor(i / 90) + 1 }));
  const report = compose({ ...gathered, judgements: [], traces: [{ ...study.trace, findings: [{ label: 'Cell', frame: 0, boxes }] }] }, options);
  expect(Report.parse(report).boxes).toHaveLength(5000);
  expect(report.limitations.at(-1)).toBe('Of 6000 regions the first 5000 are in the report.');
});

test('a study that nobody asked about has nothing to report', async () =>
  await expect(gather({ ...study.sources, traces: () => [] }, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' })).rejects.toMatchObject({ code: 'report.nothing' }));

test.each([['[]', 'None found'], ['[{"bbox_2d":[1,2,3,4],"label":"cell"},{"bbox_2d":[1,2,3,4],"label":"cell"}]', '2 × cell'], [' B ', 'B']])('the answer %s is said as %s', (answer, said) => expect(spokenAnswer(answer)).toBe(said));

test('an impression is made of what was accepted or edited, a sentence each', () => {
  const answer = (verdict: 'accepted' | 'rejected' | 'edited', text: string) => ({ answer: { verdict, text } });
  expect(impressionOf({ questions: [answer('accepted', 'No'), answer('rejected', 'Yes'), answer('edited', 'a cyst.'), answer('accepted', 'right lung')] } as unknown as Report)).toBe('No.\na cyst.\nRight lung.');
});
