import { describe, expect, test } from 'vitest';
import type { ActLog, ActStep } from '#models/viewer/log.ts';
import { openedViewer } from '#models/viewer/state.ts';
import { reduceActing, stateAfter, type Acting, type ActingChange } from '#renderer/review/acting.ts';

const study: ActLog['study'] = { series: [{ key: '1', modality: 'CT', slices: 9, width: 64, height: 64, mpp: null, presets: [] }] };
const start = openedViewer(study).now;
const log: ActLog = { kind: 'loupe-act', version: 1, id: 'a', studyId: null, startedAt: '', instruction: 'Find it.', driver: { kind: 'directive', name: 'd' }, study, start, steps: [], end: 'stopped' };
const step = (slice: number | null): ActStep => ({
  at: '', call: { action: 'scroll_slice', point: [-100, -100], input_text: `=${slice ?? 99}` }, view: { region: { x1: 0, y1: 0, x2: 64, y2: 64 }, resized: { width: 64, height: 64 } }, sentence: '',
  after: slice === null ? null : { ...start, slice }, fault: slice === null ? { code: 'act.slice', what: '', why: '', mend: '' } : null,
});
const after = (...changes: readonly ActingChange[]): Acting => changes.reduce<Acting | null>(reduceActing, null)!;
const taken = [{ type: 'begun', log }, { type: 'stepped', step: step(2) }, { type: 'stepped', step: step(null) }, { type: 'stepped', step: step(4) }] as const satisfies readonly ActingChange[];

describe('steps under the reader’s eye', () => {
  test('grow one by one, all of them standing', () => {
    expect(after(...taken)).toMatchObject({ isRunning: true, standing: 3, log: { steps: [{}, {}, {}] } });
  });

  test('taken back are still listed; the state is that of the last one that did something', () => {
    const { log: own, standing } = after(...taken, { type: 'stands', standing: 1 });
    expect([own.steps.length, standing]).toEqual([3, 1]);
    expect([0, 1, 2, 3].map((count) => stateAfter(own, count).slice)).toEqual([start.slice, 2, 2, 4]);
    expect(after(...taken, { type: 'stands', standing: 9 }).standing).toBe(3);
  });

  test('end once: what comes after a stop changes nothing', () => {
    const stopped = after(...taken, { type: 'ended', end: 'stopped' }, { type: 'ended', end: 'finished' });
    expect([stopped.isRunning, stopped.log.end]).toEqual([false, 'stopped']);
  });

  test('are not closed while they run, and come back when one is taken back', () => {
    expect(after(...taken, { type: 'put away' }).isHidden).toBe(false);
    const closed = after(...taken, { type: 'ended', end: 'finished' }, { type: 'put away' });
    expect(closed.isHidden).toBe(true);
    expect(reduceActing(closed, { type: 'stands', standing: 2 })?.isHidden).toBe(false);
  });

  test('nothing happens to none', () => expect(reduceActing(null, { type: 'stands', standing: 1 })).toBeNull());
});
