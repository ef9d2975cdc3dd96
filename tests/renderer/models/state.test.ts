import { describe, expect, test } from 'vitest';
import type { ModelInfo, Models, Offer, RunAdapter } from '#electron/contract/models.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import { blocksOf, initialModels, noBringing, placeOf, reduceModels, rowsOf, spansOf, spokenAnswer, trainedDraft, trainedOf, viewOf, type ModelsAction, type ModelsState } from '#renderer/models/state.ts';

const model = (id: string, change: Partial<ModelInfo> = {}): ModelInfo => ({
  id, name: id, origin: 'imported', isInUse: false, baseId: null, family: 'qwen2_5_vl', parameters: 1e6, precision: 'F16', bytes: 10, licence: null, addedAt: null, addedBy: '', from: null, lineage: `lineage of ${id}`, chain: [], adapter: null, parity: null,
  selfTest: null, problem: null, ...change,
});
const run = (runId: string, baseLineage: string | null): RunAdapter => ({ runId, name: runId, baseLineage, lineage: 'x', chain: [], bytes: 1 });
const listed = (models: readonly ModelInfo[], runs: readonly RunAdapter[] = []): Models => ({ models: [...models], runs: [...runs], job: null, incoming: '/incoming' });
const after = (state: ModelsState, ...actions: readonly ModelsAction[]): ModelsState => actions.reduce(reduceModels, state);
const base = model('base', { origin: 'built in', isInUse: true });

describe('the list of models', () => {
  test('puts what belongs to a model under it, as deep as it goes', () => {
    const rows = rowsOf(listed([model('small', { baseId: 'finer' }), base, model('finer', { baseId: 'base' }), model('other')], [run('r1', 'lineage of base'), run('r2', null)]));
    expect(rows.map(({ id, depth }) => `${depth} ${id}`)).toEqual(['0 base', '1 finer', '2 small', '1 run:r1', '0 other', '0 run:r2']);
  });
  test('shows each once where bases go in a circle or are gone', () => {
    expect(rowsOf(listed([model('orphan', { baseId: 'gone' })])).map(({ id }) => id)).toEqual(['orphan']);
  });
  test('begins with the model in use, and keeps what was selected while it is there', () => {
    const state = after(initialModels, { type: 'loaded', data: listed([model('other'), base]) });
    expect(state.selectedId).toBe('base');
    const chosen = after(state, { type: 'select', id: 'other' });
    expect(after(chosen, { type: 'loaded', data: listed([model('other'), base]) }).selectedId).toBe('other');
    expect(after(chosen, { type: 'loaded', data: listed([base]) }).selectedId).toBe('base');
  });
});

describe('two models to compare', () => {
  test('are the one in use and the selected one', () => {
    const state = after(initialModels, { type: 'loaded', data: listed([base, model('a'), model('b')]) }, { type: 'select', id: 'b' }, { type: 'tab', tab: 'compare' });
    expect([state.comparing.first, state.comparing.second]).toEqual(['base', 'b']);
  });
  test('are never one and the same, and never one that cannot answer', () => {
    const broken = model('broken', { problem: { code: 'x', what: 'x', why: 'x', mend: 'x' } });
    const state = after(initialModels, { type: 'loaded', data: listed([base, broken]) });
    expect([state.comparing.first, state.comparing.second]).toEqual(['base', null]);
  });
  test('write one after the other', () => {
    const running = after(initialModels, { type: 'compare', change: { running: { at: 0, phase: 'opening', texts: ['', ''] } } }, { type: 'writing', at: 0, phase: 'writing', text: 'Yes' }, { type: 'writing', at: 1, phase: 'writing', text: 'No' });
    expect(running.comparing.running).toEqual({ at: 1, phase: 'writing', texts: ['Yes', 'No'] });
  });
});

describe('an import', () => {
  const offer = (id: string, change: Partial<Offer> = {}): Offer => ({ id, name: id, kind: 'checkpoint', family: null, parameters: null, precision: null, bytes: 1, bases: [], scope: null, canQuantize: true, problem: null, ...change });
  test('proposes the first folder that can be brought in, under its own name', () => {
    const problem = { code: 'x', what: 'x', why: 'x', mend: 'x' };
    const { bringing } = after(initialModels, { type: 'bringing', bringing: noBringing }, { type: 'offers', offers: [offer('broken', { problem }), offer('good')] });
    expect(bringing).toMatchObject({ offerId: 'good', name: 'good', bits: null });
  });
  test('of an adapter proposes the base that it fits; another folder begins anew', () => {
    const state = after(initialModels, { type: 'bringing', bringing: noBringing }, { type: 'offers', offers: [offer('good'), offer('finer', { kind: 'adapter', bases: [{ id: 'base', name: 'base', how: 'lineage' }] })] }, { type: 'order', change: { bits: 4, name: 'Mine' } });
    expect(state.bringing).toMatchObject({ name: 'Mine', bits: 4 });
    expect(after(state, { type: 'order', change: { offerId: 'finer' } }).bringing).toMatchObject({ name: 'finer', bits: null, baseId: 'base' });
  });
});

test('an answer of boxes is said by what it names', () => {
  const findings = [{ label: 'left lung', frame: 0, boxes: [] }, { label: 'right lung', frame: 0, boxes: [] }, { label: 'left lung', frame: 0, boxes: [] }];
  expect([spokenAnswer({ answer: '[{}]', findings }), spokenAnswer({ answer: '[]', findings: [] }), spokenAnswer({ answer: 'yes', findings }), spokenAnswer({ answer: null, findings })]).toEqual(['left lung, right lung', '', 'yes', null]);
});

describe('a card', () => {
  test('is read as headings, text, lists, tables and code', () => {
    expect(blocksOf('# Name\n\nOne line\nand another.\n\n- a\n  more\n- b\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n```\nx = 1\n```\n')).toEqual([
      { kind: 'heading', level: 1, text: 'Name' }, { kind: 'text', text: 'One line and another.' }, { kind: 'list', items: ['a more', 'b'] }, { kind: 'table', head: ['A', 'B'], rows: [['1', '2']] }, { kind: 'code', text: 'x = 1' },
    ]);
  });
  test('keeps the words of a link and drops its address, pictures and tags', () => {
    expect(spansOf('See [the paper](https://example.org) <img src="x"> and **mind** `this`')).toEqual([
      { text: 'See the paper  and ', mark: 'plain' }, { text: 'mind', mark: 'strong' }, { text: ' ', mark: 'plain' }, { text: 'this', mark: 'code' },
    ]);
  });
  test.each(['```\nnever closed', '| a |', '| a |\n|', '***', '- ', '<!-- open', '#'])('of any shape ends: %j', (card) => expect(blocksOf(card).length).toBeLessThan(4));
});

describe('the picture of a comparison', () => {
  const [first, second, slideId] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
  const series = [{ id: 's', frames: [{ id: `${first}-0` }, { id: `${first}-1` }], slide: null }, { id: 't', frames: [{ id: `${second}-0` }], slide: null }, { id: 'u', frames: [], slide: { id: slideId } }] as unknown as readonly SeriesSummary[];
  const window = { center: -600, width: 1500, shape: 'LINEAR', isInverted: false, name: null } as const;
  const region = { x: 1, y: 2, width: 30, height: 40 };
  const given = { kind: 'frame', frameId: `${first}-1`, window, region } as const;
  test('is the one that the review would send, region and all', () => expect(viewOf({ series, seriesAt: 0, frameAt: 1, given })).toBe(given));
  test('keeps the window on the other images of its series, and not the region', () => expect(viewOf({ series, seriesAt: 0, frameAt: 0, given })).toEqual({ kind: 'frame', frameId: `${first}-0`, window }));
  test('is as the file says in another series, and where nothing was given', () => {
    expect(viewOf({ series, seriesAt: 1, frameAt: 0, given })).toEqual({ kind: 'frame', frameId: `${second}-0`, window: null });
    expect(viewOf({ series, seriesAt: 0, frameAt: 1, given: null })).toEqual({ kind: 'frame', frameId: `${first}-1`, window: null });
  });
  test('is a slide whole, or the part of it that was on the screen', () => {
    expect(viewOf({ series, seriesAt: 2, frameAt: 0, given: null })).toEqual({ kind: 'slide', slideId, region: null });
    expect(viewOf({ series, seriesAt: 2, frameAt: 0, given: { kind: 'slide', slideId, region } })).toEqual({ kind: 'slide', slideId, region });
  });
  test('lies nowhere where it is of another study', () => expect([placeOf(series, given), placeOf(series.slice(1), given)]).toEqual([{ seriesAt: 0, frameAt: 1 }, null]));
});

test('what a model was trained on is read as it is typed, and typed as it was read', () => {
  const trained = trainedOf({ ct: ' Chest, brain,, chest', microscopy: '' });
  expect(trained).toEqual([{ modality: 'ct', bodyParts: ['chest', 'brain'] }, { modality: 'microscopy', bodyParts: [] }]);
  expect(trainedOf(trainedDraft(trained))).toEqual(trained);
});
