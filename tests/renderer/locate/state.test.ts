import { describe, expect, test } from 'vitest';
import type { Directive, FoundThing, Sweep, SweepNews } from '#electron/contract/locating.ts';
import { coverageOf, noLocating, reduceLocating, runsText, shownThings, type LocateAction, type LocateState } from '#renderer/locate/state.ts';

const frameId = (at: number): string => `${'a'.repeat(64)}-${at}`;
const thing = (at: number, score: number, version = 0): FoundThing => ({ id: `t${at}-${version}-${score}`, frameId: frameId(at), box: { x1: 1, y1: 1, x2: 9, y2: 9 }, score, label: null, version });
const news = (at: number | null, found: readonly FoundThing[], version = 0, done = 1): SweepNews => ({ sweepId: 's', done, total: 4, image: at === null ? null : { at, version }, found: [...found], isUnsure: false });
const begun = (isDirected: boolean): LocateAction => ({ type: 'begun', sweepId: 's', studyId: 'x', seriesId: 'one', isDirected });
const after = (...actions: readonly LocateAction[]): LocateState => actions.reduce(reduceLocating, { ...noLocating, seriesId: 'one' });
const directive = (version: number): LocateAction => ({ type: 'directive', news: { studyId: 'x', seriesId: 'one', isThinking: false, directive: { version } as Directive, why: null } });

describe('a search', () => {
  test('shows what comes while it comes, best first and above the threshold', () => {
    const state = after(begun(false), { type: 'news', news: news(0, [thing(0, 0.5), thing(0, 0.1)]) }, { type: 'news', news: news(1, [thing(1, 0.9)], 0, 2) });
    expect(shownThings(state).map(({ score }) => score)).toEqual([0.9, 0.5]);
    expect(shownThings(reduceLocating(state, { type: 'least', least: 0.05 })).map(({ score }) => score)).toEqual([0.9, 0.5, 0.1]);
    expect(state.searching).toMatchObject({ done: 2, total: 4, end: null });
  });

  test('adds up the fields of a slide until its end sorts out what was found twice', () => {
    const state = after(begun(false), { type: 'news', news: news(null, [thing(0, 0.5)]) }, { type: 'news', news: news(null, [thing(0, 0.6)], 0, 2) });
    expect(shownThings(state)).toHaveLength(2);
    const sweep: Sweep = { sweepId: 's', studyId: 'x', seriesId: 'one', total: 4, searched: [{ at: 0, version: 0 }], found: [thing(0, 0.6)], end: 'done', blank: 1, localizer: 'b', seconds: 2 };
    const ended = reduceLocating(state, { type: 'ended', sweep });
    expect([shownThings(ended).length, ended.searching?.end, ended.searching?.blank]).toEqual([1, 'done', 1]);
    expect(reduceLocating(ended, { type: 'news', news: news(1, [thing(1, 1)]) })).toBe(ended);
  });

  test('hears nothing of another one', () => {
    const state = after(begun(false));
    expect(reduceLocating(state, { type: 'news', news: { ...news(1, [thing(1, 1)]), sweepId: 'other' } })).toBe(state);
    expect(reduceLocating(state, { type: 'failed', sweepId: 'other' })).toBe(state);
  });

  test('leaves out what was put aside or taken over, and shows it again when that is undone', () => {
    const state = after(begun(false), { type: 'news', news: news(0, [thing(0, 0.5), thing(0, 0.7)]) });
    const judged = reduceLocating(state, { type: 'judged', ids: [thing(0, 0.7).id], verdict: 'rejected' });
    expect(shownThings(judged).map(({ score }) => score)).toEqual([0.5]);
    expect(shownThings(reduceLocating(judged, { type: 'judged', ids: [thing(0, 0.7).id], verdict: null }))).toHaveLength(2);
  });
});

describe('a newer directive', () => {
  const state = after(directive(1), begun(true), { type: 'news', news: news(0, [thing(0, 0.9, 1)], 1) }, { type: 'news', news: news(1, [thing(1, 0.4, 1)], 1) }, directive(2));

  test('greys what an older one found, and puts it last', () => {
    const next = reduceLocating(state, { type: 'news', news: news(1, [thing(1, 0.6, 2)], 2) });
    expect(shownThings(next).map(({ score, isOld }) => [score, isOld])).toEqual([[0.6, false], [0.9, true]]);
  });

  test('makes what was searched before old, and tells what never was', () => {
    const coverage = coverageOf(reduceLocating(state, { type: 'news', news: news(1, [], 2) }), 4);
    expect(coverage).toEqual(['old', 'now', 'never', 'never']);
    expect([runsText(coverage, 'never'), runsText(coverage, 'old'), runsText([], 'now')]).toEqual(['3–4', '1', '']);
  });

  test('of another series changes nothing here', () => {
    expect(reduceLocating(state, { type: 'directive', news: { studyId: 'x', seriesId: 'two', isThinking: true, directive: null, why: null } })).toBe(state);
  });

  test('that came to nothing leaves the one before and says why', () => {
    const lost = reduceLocating(state, { type: 'directive', news: { studyId: 'x', seriesId: 'one', isThinking: false, directive: null, why: 'It ended.' } });
    expect([lost.directive?.version, lost.why, lost.isThinking]).toEqual([2, 'It ended.', false]);
  });
});

test('another series has its own examples and its own sentence', () => {
  const state = reduceLocating(after({ type: 'examples', examples: [{ id: 'e', frameId: frameId(0), box: { x1: 0, y1: 0, x2: 4, y2: 4 }, isUnlike: false }] }, directive(3)), { type: 'series', seriesId: 'two' });
  expect([state.examples, state.directive]).toEqual([[], null]);
});
