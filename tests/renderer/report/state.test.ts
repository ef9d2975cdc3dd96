import { describe, expect, test } from 'vitest';
import type { ReportSummary } from '#electron/contract/report.ts';
import type { Measurement, Report, ReportBox, ReportQuestion, ReportStep, ReportVerdict } from '#models/clinical/report.ts';
import { answersSince, canExport, composedAt, decisionOf, decisions, findingChange, initialReport, keyImageChange, keyImageOf, listed, openSteps, openTexts, overlaysAt, placeOf, quantityText, reduceReport, signatureLacks, suggestedPlaces, type ReportState } from '#renderer/report/state.ts';

const study = '0'.repeat(24);
const other = '1'.repeat(24);
const frame = (letter: string, at = 0): string => `${letter.repeat(64)}-${at}`;

const summary = (id: string, change: Partial<ReportSummary> = {}): ReportSummary => ({ id, version: 1, revision: 0, status: 'draft', studyId: study, title: id, questions: 1, undecided: 0, updatedAt: '2026-01-01T00:00:00Z', signed: null, signedVersions: [], ...change });
const decision = (verdict: ReportVerdict): Pick<ReportStep, 'verdict' | 'reason' | 'decidedBy' | 'decidedAt'> => ({ verdict, reason: '', decidedBy: null, decidedAt: null });
const step = (id: string, verdict: ReportVerdict, original: string | null = id): ReportStep => ({ id, kind: 'observation', text: id, original, boxes: [], ...decision(verdict) });
const question = (id: string, steps: readonly ReportStep[], answer: ReportVerdict = 'accepted', places: readonly string[] = []): ReportQuestion => ({
  id, text: `${id}?`, askedAt: '', scope: places.map((one) => ({ place: placeOf(one), name: '', window: null })), answer: { text: 'yes', original: 'yes', ...decision(answer) }, confidence: null, flags: [], evidence: null, steps: [...steps],
  provenance: {} as ReportQuestion['provenance'],
});
const box = (id: string, at: string, isRemoved = false): ReportBox => ({ id, place: placeOf(at), label: id, box: { x1: 0, y1: 0, x2: 1, y2: 1 }, original: null, isRemoved, author: { kind: 'model', name: 'm' }, tracking: id });
const measure = (id: string, at: string): Measurement => ({ id, label: '', kind: 'length', place: placeOf(at), points: [], values: [], spacing: { source: 'none', text: '', caution: '' }, author: { kind: 'person', name: 'p' }, at: '', tracking: id });
const report = (change: Partial<Report> = {}): Report => ({
  format: 'loupe.report/1', id: 'r', version: 1, revision: 0, supersedes: null, status: 'draft', language: 'en', createdAt: '', updatedAt: '', banner: '', title: 'T', study: { id: study, modality: 'CT', modalities: ['CT'], description: '', kind: 'radiology', isSample: true },
  subject: null, subjectSalt: null, subjectCommit: 'a'.repeat(64), sources: [], questions: [], boxes: [], findings: [], measurements: [], keyImages: [], comparison: null, impression: '', limitations: [],
  software: { name: 'loupe', version: '1', build: '' }, journal: null, signature: null, ...change,
});
const loaded = (studyId: string | null, ...summaries: readonly ReportSummary[]): ReportState => reduceReport(initialReport, { type: 'loaded', summaries, studies: [], studyId });

describe('the report screen', () => {
  test('opens the latest report of the open study, and nobody else’s in its place', () => {
    const [old, late] = [summary('old'), summary('late', { updatedAt: '2026-02-01T00:00:00Z' })];
    const stranger = summary('stranger', { studyId: other, updatedAt: '2026-03-01T00:00:00Z' });
    expect(loaded(study, old, stranger, late).selectedId).toBe('late');
    expect(loaded(study, stranger).selectedId).toBeNull();
    expect(loaded(null, old, stranger).selectedId).toBe('stranger');
    expect(listed(loaded(study, old, stranger, late)).own.map(({ id }) => id)).toEqual(['late', 'old']);
  });
  test('never goes back to an earlier revision when answers overtake each other', () => {
    const at = (revision: number): Report => report({ revision, impression: String(revision) });
    let state = reduceReport(loaded(study, summary('r')), { type: 'report', report: at(2) });
    state = reduceReport(state, { type: 'report', report: at(1) });
    expect(state.report?.impression).toBe('2');
  });
  test('an answer about a report that is no longer selected changes nothing', () => {
    const state = loaded(study, summary('r'), summary('s', { updatedAt: '2026-02-01T00:00:00Z' }));
    expect(reduceReport(state, { type: 'report', report: report() })).toBe(state);
    expect(reduceReport(state, { type: 'beside', id: 'r', exports: [], events: [], newAnswers: [] })).toBe(state);
  });
  test('a preview of an older revision is not shown', () => {
    const state = reduceReport(loaded(study, summary('r')), { type: 'report', report: report({ revision: 3 }) });
    expect(reduceReport(state, { type: 'preview', of: 'r 1 2 draft', html: 'old' }).preview).toBeNull();
    expect(reduceReport(state, { type: 'preview', of: 'r 1 3 draft', html: 'new' }).preview?.html).toBe('new');
  });
  test('a discarded draft leaves its place to the study’s other report', () => {
    const state = reduceReport(loaded(study, summary('r', { updatedAt: '2026-02-01T00:00:00Z' }), summary('s')), { type: 'summaries', reports: [], removed: ['r'] });
    expect([state.selectedId, state.report]).toEqual(['s', null]);
  });
  test('a dialog of export begins anew each time', () => {
    const busy = reduceReport(reduceReport(initialReport, { type: 'dialog', dialog: 'export' }), { type: 'exporting', change: { withoutSubject: true } });
    expect(reduceReport(busy, { type: 'dialog', dialog: 'export' }).exporting.withoutSubject).toBe(false);
  });
});

describe('what is undecided', () => {
  const mixed = report({ questions: [question('q', [step('a', 'accepted'), step('own', 'undecided', null), step('b', 'undecided')], 'undecided')] });
  test('is named with its place in the answer, counted without the sentences that a person added', () =>
    expect(openSteps(mixed).map(({ key, at }) => [key, at])).toEqual([['step-own', null], ['step-b', 1], ['answer-q', 2]]));
  test('is counted against everything that can be decided', () => expect(decisions(mixed)).toEqual({ done: 1, count: 4 }));
});

test('answers younger than the draft are counted, those left out on purpose are not', () => {
  const draft = report({ createdAt: '2026-01-01T08:00', questions: [question('in', [])] });
  const composed = { at: '2026-01-01T10:00', by: '', what: 'Brought up to date', version: 1, revision: 2, status: 'draft' } as const;
  const traces = [{ id: 'in', askedAt: '2026-01-01T07:00' }, { id: 'left-out', askedAt: '2026-01-01T09:00' }, { id: 'new', askedAt: '2026-01-01T11:00' }];
  const at = composedAt(draft, [composed, { ...composed, what: 'Changed', at: '2026-01-01T12:00' }]);
  expect([at, answersSince(draft, at, traces), answersSince(draft, composedAt(draft, []), traces)]).toEqual(['2026-01-01T10:00', ['new'], ['left-out', 'new']]);
});

describe('a signature', () => {
  const decided = report({ impression: 'Normal.', questions: [question('q', [step('a', 'accepted')])] });
  const form = { name: 'Somebody', passphrase: 'long enough', again: 'long enough' };
  const way = { protection: 'passphrase', fingerprint: null, account: '' } as const;
  test('waits while a sentence is undecided, whatever else is filled in', () => expect(signatureLacks(report({ questions: [question('q', [step('a', 'undecided')])] }), way, form)).toBe('undecided'));
  test('needs an impression', () => expect(signatureLacks({ ...decided, impression: ' ' }, way, form)).toBe('impression'));
  test('asks who, and for the proof', () => {
    expect(signatureLacks(decided, way, { ...form, name: ' ' })).toBe('name');
    expect(signatureLacks(decided, way, { ...form, passphrase: '' })).toBe('passphrase');
    expect(signatureLacks(decided, way, form)).toBeNull();
  });
  test('with a new key takes its passphrase twice, and none that is short', () => {
    const none = { ...way, protection: 'none' } as const;
    expect(signatureLacks(decided, none, { ...form, passphrase: 'short', again: 'short' })).toBe('newPassphrase');
    expect(signatureLacks(decided, none, { ...form, again: 'long enouhg' })).toBe('again');
    expect(signatureLacks(decided, none, form)).toBeNull();
  });
});

describe('key images', () => {
  const [a, b, c] = [frame('a'), frame('b', 3), frame('c')];
  const shown = report({ questions: [question('q', [], 'accepted', [a, b])], boxes: [box('nodule', b), box('gone', c, true)], measurements: [measure('m', b)] });
  test('are suggested from what is spoken of, the most first, without what was removed', () => expect(suggestedPlaces(shown)).toEqual([placeOf(b), placeOf(a)]));
  test('are not suggested twice', () => expect(suggestedPlaces({ ...shown, keyImages: [keyImageOf(shown, placeOf(b), 'k', '')] })).toEqual([placeOf(a)]));
  test('carry what is marked on them', () => {
    expect(overlaysAt(shown, placeOf(b)).map(({ id }) => id)).toEqual(['nodule', 'm']);
    expect(keyImageOf(shown, placeOf(b), 'k', 'x')).toMatchObject({ id: 'k', caption: 'x', overlays: ['nodule', 'm'], window: null, region: null });
  });
});

test('a quantity is written with the digits that count', () =>
  expect([quantityText(12.444, 'mm'), quantityText(3.14159, 'mm'), quantityText(1534.2, 'um2'), quantityText(12.6, '{pixels}'), quantityText(41.27, 'deg'), quantityText(-830.1, '[hnsf\'U]')]).toEqual(['12.4 mm', '3.14 mm', '1534 µm²', '13 px', '41.3°', '-830.1 HU']));

test('nothing leaves without a name before a person has looked at it', () => {
  const chosen = { ...initialReport.exporting, choices: [{ format: 'pdf', why: null }], chosen: ['pdf'] } as const;
  const suspect = { path: 'impression', where: 'Impression', text: 'Jane has a mass.', proposed: 'the patient has a mass.', hits: [] };
  const released = { ...chosen, withoutSubject: true, isSeen: true, suspects: [suspect] };
  expect([canExport(chosen), canExport({ ...chosen, withoutSubject: true }), canExport({ ...chosen, withoutSubject: true, isSeen: true }), canExport({ ...released, suspects: [] }), canExport({ ...chosen, chosen: [] }), canExport({ ...chosen, isBusy: true })]).toEqual([true, false, false, true, false, false]);
  expect([canExport(released), openTexts(released), canExport({ ...released, texts: { impression: suspect.text } }), canExport({ ...released, isSeen: false, texts: { impression: suspect.proposed } })]).toEqual([false, 1, true, false]);
});

describe('a change is made of the draft as it is when its turn comes', () => {
  const draft = report({
    questions: [question('q', [{ ...step('a', 'rejected'), reason: 'Plain to see.' }, { ...step('b', 'edited'), text: 'Mine.' }])], keyImages: [keyImageOf(report(), placeOf(frame('a')), 'k', 'Old')],
    findings: [{ id: 'f', label: 'Mass', text: 'Round.', code: null, site: null, laterality: null, boxes: ['x'], author: { kind: 'person', name: 'p' } }],
  });
  test('a verdict keeps the reason, a reason keeps the verdict and its words', () => {
    expect(decisionOf(draft, { stepId: 'a' }, { verdict: 'accepted' })).toEqual({ kind: 'step', stepId: 'a', verdict: 'accepted', text: null, reason: 'Plain to see.' });
    expect(decisionOf(draft, { stepId: 'b' }, { reason: 'So.' })).toEqual({ kind: 'step', stepId: 'b', verdict: 'edited', text: 'Mine.', reason: 'So.' });
    expect(decisionOf(draft, { questionId: 'q' }, { verdict: 'edited', text: 'no' })).toEqual({ kind: 'answer', questionId: 'q', verdict: 'edited', text: 'no', reason: '' });
  });
  test('a code keeps the words of its finding, a caption what is drawn', () => {
    expect(findingChange(draft, 'f', { code: { scheme: 'SCT', value: '4147007', meaning: 'Mass' } })).toMatchObject({ label: 'Mass', text: 'Round.', boxes: ['x'], code: { value: '4147007' } });
    expect(keyImageChange(draft, 'k', () => ({ caption: 'New' }))).toMatchObject({ keyImage: { caption: 'New', overlays: [] } });
  });
  test('of what is gone there is none', () => expect([decisionOf(draft, { stepId: 'z' }, {}), findingChange(draft, 'z', {}), keyImageChange(draft, 'z', () => ({}))]).toEqual([null, null, null]));
});
