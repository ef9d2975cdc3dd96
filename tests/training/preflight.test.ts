/** What is found before the first update: rows, lengths, right answers, memory. */
import { beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { createPicture } from '#models/imaging/image.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { hasErrors, preflight, preflightText, requireReady, type PreflightOptions, type PreflightReport } from '#training/preflight.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { Stage, type PolicyStage, type Recipe } from '#training/records/recipe.ts';

let records: readonly CaseRecord[];
let parts: PreflightOptions['parts'];
beforeAll(async () => {
  records = await casesOf([writeTinyIndex(6)], {});
  parts = partsOf(tinyRecipe, records);
});

const look = (change: Partial<Recipe> = {}, options: Partial<PreflightOptions> = {}): Promise<PreflightReport> => preflight({ recipe: { ...tinyRecipe, ...change }, records, parts, ...options });
const found = ({ problems }: PreflightReport): string[] => problems.map(({ severity, code }) => `${severity} ${code}`);
const stage = (change: Partial<Stage>): Stage => ({ ...tinyRecipe.stages[0]!, ...change });
const policy = (rewards: readonly Partial<PolicyStage['rewards'][number]>[], change: Partial<PolicyStage> = {}): Stage => Stage.parse({
  learns: 'policy', steps: 2, pixels: 56 * 56, batch: 2, policy: { objective: { preset: 'grpo' }, rewards, rollouts: 4, maxNewTokens: 200, questionTypes: ['finding_class'], ...change },
});

describe('rows', () => {
  test('that are as they should be pass', async () => {
    const report = await look();
    expect(found(report)).toEqual([]);
    expect(report).toMatchObject({ cases: 6, checked: 6, unlisted: 0, trial: null, stages: [{ learns: 'answer', largest: { grid: [4, 4], patches: 64, tokens: 512 } }] });
    expect(() => requireReady(report)).not.toThrow();
    expect(preflightText(report)).toContain('Ready.');
  });

  test('that do not open are named with the reason, and so is a picture of another size', async () => {
    const report = await look({}, { loadPicture: async ({ id, width, height }) => {
      if (id === 'p1') throw new Fault({ code: 'png.cut', what: 'p1.png cannot be read.', why: 'It is cut.', mend: 'Copy it again.' });
      return createPicture({ width: id === 'p2' ? 32 : width, height }, [90, 90, 90]);
    } });
    expect(report.problems).toMatchObject([
      { severity: 'error', code: 'row.open', where: 'p1', seen: 'p1.png cannot be read. It is cut.', remedy: 'Copy it again.' }, { severity: 'error', code: 'row.size', where: 'p2' },
    ]);
    expect(() => requireReady(report)).toThrow(expect.objectContaining({ code: 'preflight.failed' }) as Fault);
  });

  test('whose boxes leave the picture are found', async () => {
    const boxed = records.map((record) => ({ ...record, boxes: [{ class: 'mass', box: { x1: 10, y1: 10, x2: record.id === 'p3' ? 65 : 60, y2: 30 } }] }));
    expect((await look({}, { records: boxed })).problems).toMatchObject([{ code: 'row.box', where: 'p3' }]);
  });

  test('are counted where they are too many to be listed', async () => {
    const many = Array.from({ length: 30 }, (_, at) => ({ ...records[0]!, id: `x${at}`, width: 63 }));
    const report = await look({}, { records: many });
    expect([report.problems.filter(({ code }) => code === 'row.size').length, report.unlisted]).toEqual([20, 10]);
    expect(hasErrors(report)).toBe(true);
  });

  test('may be looked at in part, evenly over the sets', async () => {
    const sets = [...records, ...records.slice(0, 2).map((record) => ({ ...record, id: `other-${record.id}`, set: 'other' }))];
    const seen: string[] = [];
    const report = await look({}, { records: sets, most: 4, loadPicture: async (record) => {
      seen.push(record.set);
      return createPicture(record, [0, 0, 0]);
    } });
    expect([report.cases, report.checked, seen.filter((set) => set === 'other').length]).toEqual([8, 4, 2]);
  });
});

describe('lengths', () => {
  test('of a stage into which no question fits are an error: it would look for one for ever', async () => expect(found(await look({ stages: [stage({ tokens: 20 })] }))).toEqual(['error tokens.none']));
  test('of a stage into which some do not fit are a warning', async () => expect(found(await look({ stages: [stage({ targets: 12 })] }))[0]).toMatch(/^warning tokens\./));
  test('beyond the positions that the model knows are an error', async () => {
    const config = { ...(parts.config as object), max_position_embeddings: 64 };
    expect(found(await look({}, { parts: { ...parts, config } }))).toContain('error tokens.positions');
  });
  test('of right answers that the limit would cut are a warning', async () => expect(found(await look({ stages: [policy([{ name: 'accuracy' }], { maxNewTokens: 4 })] }))).toContain('warning tokens.some'));
  test('are told for each stage', async () => {
    const [first] = (await look({ stages: [policy([{ name: 'accuracy' }])] })).stages;
    expect(first!.longestPrompt).toBeGreaterThan(10);
    expect(first).toMatchObject({ learns: 'policy', questions: 6, largest: { tokens: 2 * (4 + 4 * 200) } });
  });
});

describe('right answers', () => {
  test('earn full marks under a reward that reads them', async () => {
    const report = await look({ stages: [policy([{ name: 'accuracy' }])] });
    expect(report.golds).toEqual([{ stage: 0, reward: 'accuracy', mode: 'strict', applied: 6, full: 6, silent: 0, best: 1 }]);
    expect(found(report)).toEqual([]);
  });
  test('that the reward fails on are an error with the case', async () => {
    const report = await look({ stages: [policy([{ name: 'abstention', options: { credit: 3 } }])] });
    expect(report.problems[0]).toMatchObject({ severity: 'error', code: 'gold.throws', where: 'stage 1, reward abstention (strict)' });
    expect(report.problems[0]!.seen).toContain('finding_class');
  });
  test('to which it never applies are a warning', async () => expect(found(await look({ stages: [policy([{ name: 'laterality' }])] }))).toEqual(['warning gold.silent']));
  test('that cannot earn it in this form are an error', async () => 
    expect(found(await look({ stages: [policy([{ name: 'accuracy', options: { target: { kind: 'word', accept: ['something else'], reject: [] } } }])] }))).toEqual(['error gold.below', 'warning gold.flat']));
  test('need not be paid by what only takes away', async () => {
    const report = await look({ stages: [policy([{ name: 'trlSoftOverlong' }])] });
    expect(report.golds[0]).toMatchObject({ applied: 6, best: 0 });
    expect(found(report)).toEqual([]);
  });
});

describe('names', () => {
  test('of rewards, modes, curricula and pipelines are checked all at once', async () => {
    const report = await look({ stages: [{ ...policy([{ name: 'anser' }, { name: 'evidence', mode: 'published' }], { curricula: [{ name: 'nothing', options: {} }] }), data: { pipeline: 'none', options: {} } }] });
    expect(found(report).filter((problem) => problem === 'error stage.name')).toHaveLength(4);
  });
  test('of weights: learning by rewards with the connector held still is warned of, with it or with an adapter it is not', async () => {
    const warned = async (change: Partial<Recipe>, own: Partial<Stage> = {}): Promise<boolean> =>
      found(await look({ ...change, stages: [{ ...policy([{ name: 'accuracy' }]), ...own }] })).includes('warning stage.connector');
    expect(await warned({})).toBe(false);
    expect(await warned({ trained: '^model\\.' })).toBe(true);
    expect(await warned({}, { trained: '^model\\.' })).toBe(true);
    expect(await warned({}, { trained: '^visual\\.merger\\.' })).toBe(false);
    expect(await warned({ trained: '^model\\.', adapter: { rank: 2, alpha: 4 } })).toBe(false);
    expect(found(await look({ trained: '^model\\.' }))).not.toContain('warning stage.connector');
  });
  test('of a stage that has no case are told', async () => expect(found(await look({ stages: [stage({ setWeights: { us_breast_busi: 0 } })] }))).toEqual(['error stage.empty']));
  test('of question types that no case has are told', async () => expect(found(await look({ stages: [policy([{ name: 'accuracy' }], { questionTypes: ['count_platelets'] })] }))).toContain('error stage.empty'));
});

describe('memory', () => {
  test('is tried with the largest stage and the cases of the largest image before any row is opened', async () => {
    const wide = { ...records[0]!, id: 'wide', width: 2000, height: 100 };
    const order: string[] = [];
    const report = await look({ stages: [stage({ batch: 1 }), stage({ pixels: 112 * 112 }), stage({ batch: 2 })] }, {
      records: [...records, wide], loadPicture: async (record) => {
        order.push('open');
        return createPicture(record, [0, 0, 0]);
      },
      attempt: async (at, largest) => void order.push(`try ${at} ${largest.length}`),
    });
    expect(order.slice(0, 3)).toEqual(['open', 'try 1 1', 'open']);
    expect(report.trial).toMatchObject({ stage: 1 });
    expect(report.trial!.peakBytes).toBeGreaterThan(1e7);
  });
  test('is not tried with cases in which the stage finds nothing to learn', async () => {
    let tries = 0;
    const report = await look({ stages: [stage({ tokens: 20 })] }, { attempt: async () => void tries++ });
    expect([tries, report.trial]).toEqual([0, null]);
  });
  test('that is missing is an error with what to lower', async () => {
    const report = await look({}, { attempt: () => Promise.reject(new Error('std::bad_alloc: failed to allocate memory')) });
    expect(report.problems).toMatchObject([{ severity: 'error', code: 'memory.short', where: 'stage 1' }]);
  });
  test('is not blamed for another failure', async () => expect(look({}, { attempt: () => Promise.reject(new Error('another')) })).rejects.toThrow('another'));
});

test('the text tells stages, rewards, the trial and every problem with its remedy', async () => {
  const text = preflightText(await look({ stages: [stage({ targets: 12 }), policy([{ name: 'accuracy' }])] }, { attempt: async () => undefined }));
  expect(text).toMatch(/^6 cases looked at/);
  expect(text).toContain('6 of 6 right answers earn full marks, best 1.00');
  expect(text).toMatch(/largest batch tried \(stage \d\): \d+\.\d s, \d+\.\d\d GiB/);
  expect(text).toMatch(/warning tokens\.\w+: stage 1: /);
});
