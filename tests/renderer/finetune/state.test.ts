import { describe, expect, test } from 'vitest';
import type { Choices, Estimate, Run } from '#electron/contract/finetune.ts';
import { canJudge, durationOf, firstPlan, initialFinetune, nearest, panelsOf, possible, reduceFinetune, tokenLevel, type FinetuneAction, type FinetuneState } from '#renderer/finetune/state.ts';

const run = (id: string, change: Partial<Run> = {}): Run => ({
  id, plan: { ...firstPlan, name: id }, state: 'running', step: 3, steps: 10, startedAt: '', seconds: 1, secondsLeft: 2, why: null, bytes: 0, verdict: null, busy: null, ...change,
});
const after = (...actions: readonly FinetuneAction[]): FinetuneState => actions.reduce(reduceFinetune, initialFinetune);
const loaded: FinetuneAction = { type: 'loaded', runs: [run('b'), run('a')], history: [] };
const step = (number: number, hasRollouts = false): FinetuneAction => ({ type: 'step', runId: 'b', line: { step: number, loss: 1 / number }, alarms: [], hasRollouts });

describe('runs on the page', () => {
  test('the newest is chosen, and a new one stands before it', () => {
    const state = after(loaded, { type: 'run', runId: 'c', run: run('c') });
    expect([state.selectedId, state.runs.map(({ id }) => id)]).toEqual(['b', ['c', 'b', 'a']]);
  });
  test('a removed run takes its curves with it', () => expect(after(loaded, step(1), { type: 'run', runId: 'b', run: null })).toMatchObject({ selectedId: 'a', lines: [] }));
  test('steps are added to the run that is looked at, and to no other', () => expect(after(loaded, step(1), { ...step(2), runId: 'a' } as FinetuneAction, step(2)).lines.map((line) => line['step'])).toEqual([1, 2]));
  test('what a resumed run writes again takes the place of what was lost', () => {
    const alarm = { code: 'kl.level', severity: 'stop', step: 3, seen: '', remedy: '' } as const;
    const state = after(loaded, step(1, true), step(2, true), { ...step(3, true), alarms: [alarm] } as FinetuneAction, step(2, true));
    expect([state.lines.map((line) => line['step']), state.rolloutSteps, state.alarms]).toEqual([[1, 2], [1, 2], []]);
  });
  test('answers that come late, for a step or a run that was left, are dropped', () => {
    const state = after(loaded, step(1, true), step(2, true), { type: 'look', step: 2 }, { type: 'groups', runId: 'b', step: 1, groups: [] });
    expect([state.step, state.groups]).toEqual([2, null]);
    expect(after(loaded, { type: 'metrics', runId: 'a', lines: [{ step: 1 }], alarms: [], rolloutSteps: [] }).lines).toEqual([]);
  });
  test('a run that moves is not judged', () => expect([canJudge(run('a')), canJudge(run('a', { state: 'paused' })), canJudge(run('a', { state: 'paused', step: 0 }))]).toEqual([false, true, false]));
});

describe('the order of a run', () => {
  const choices: Choices = {
    recipes: [{ name: 'grpoLora', source: '', learns: ['policy'], steps: 400, stages: 1, trains: 'adapter', needsModel: true, rewards: [], isOwn: false }],
    data: [{ id: 'curated', kind: 'curated', name: '', train: 0, val: 0, modalities: [], problem: 'None.' }, { id: 'drawn', kind: 'drawn', name: '', train: 80, val: 40, modalities: [], problem: null }],
    models: [{ id: 'built-in', name: 'base', isInUse: false, lineage: null, chain: [] }, { id: 'x', name: 'x', isInUse: true, lineage: null, chain: [] }],
  };
  const estimate: Estimate = { steps: 1, stepSeconds: [1], besideSeconds: 0, totalSeconds: 1, memoryBytes: 1, memoryTotal: 2, diskBytes: 0, diskFree: 1, cases: 1, seconds: 1, problems: [] };
  test('what is not there gives way to what is: no case for training, a model in use', () =>
    expect(possible({ ...firstPlan, recipe: 'gone', data: 'curated', model: 'gone' }, choices)).toMatchObject({ recipe: 'grpoLora', data: 'drawn', model: 'x' }));
  test('an estimate holds for the plan that it was made of, whatever the run is called', () => {
    const order = (change: FinetuneAction): unknown => after({ type: 'order', plan: firstPlan }, { type: 'choices', choices }, { type: 'estimated', estimate, fault: null }, change).order?.estimate;
    expect([order({ type: 'plan', change: { name: 'mine' } }), order({ type: 'plan', change: { steps: 9 } })]).toEqual([estimate, null]);
  });
});

describe('what is drawn', () => {
  test('rewards of any name share a picture, and what was never written has none', () =>
    expect(panelsOf([{ step: 1, loss: 2, 'rewards/accuracy/mean': 0.5 }, { step: 2, loss: null, 'rewards/format/mean': 1 }]).map(({ name, x, series }) => [name, x, series.map((one) => [one.name, one.values])])).toEqual([
      ['loss', [1, 2], [['loss', [2, null]]]], ['rewards', [1, 2], [['rewards/accuracy/mean', [0.5, null]], ['rewards/format/mean', [null, 1]]]],
    ]));
  test('a long run is drawn by every so many updates, the last one among them', () => {
    const [panel] = panelsOf(Array.from({ length: 5001 }, (_, at) => ({ step: at + 1, loss: 1 })), 1000);
    expect([panel!.x.length <= 1001, panel!.x.at(-1)]).toEqual([true, 5001]);
  });
  test.each([[0.95, 0], [0.6, 1], [0.2, 2], [0.05, 3], [0.001, 4]])('a token of probability %f has the colour of level %i', (p, level) => expect(tokenLevel(Math.log(p))).toBe(level));
  test.each([[[2, 5, 9], 6, 5], [[2, 5, 9], 1e15, 9], [[], 3, null]] as const)('of the kept steps %j the nearest to %f is %j', (steps, wanted, found) => expect(nearest(steps, wanted)).toBe(found));
  test('times are hours, minutes and seconds', () => expect(durationOf(3725.4)).toEqual({ hours: 1, minutes: 2, seconds: 5 }));
});
