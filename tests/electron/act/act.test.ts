import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openActs, stepIn, type ActModel, type Acts } from '#electron/act/act.ts';
import type { ActHeader } from '#electron/contract/act.ts';
import { ReportSection } from '#models/clinical/report.ts';
import { createPicture } from '#models/imaging/image.ts';
import type { ActStep } from '#models/viewer/log.ts';
import { openedViewer } from '#models/viewer/state.ts';

const study: ActHeader['study'] = { series: [{ key: '1', modality: 'CT', slices: 9, width: 512, height: 512, mpp: null, presets: [] }] };
const start = openedViewer(study).now;
const studyId = 'a'.repeat(24);
const header = (id: string): ActHeader => ({ id, studyId, instruction: 'Find the lesion.', driver: { kind: 'model', name: 'm' }, study, start });
const frameId = `${'b'.repeat(64)}-0`;
const asked = (id: string) => ({ id, studyId, instruction: 'Find the lesion.', view: { kind: 'frame' as const, frameId, window: null }, study, state: start, done: [] as string[] });
const good = '<think>Not here.</think><action>Leaf on.</action><tool_call>{"action":"scroll_slice","point":[-100,-100],"input_text":"+2"}</tool_call>';
const writes = (text: string, seen: string[] = [], vocabulary = 1249): ActModel => ({
  opened: () => Promise.resolve({ folder: '/models/some-model', vocabulary }),
  sample(ask) {
    seen.push(ask.question);
    return Promise.resolve([{ text, inputs: { images: [{ resized: { width: 168, height: 168 } }] } }]);
  },
});
const open = (folder: string, model: ActModel = writes(good)): Acts => openActs({ folder, now: () => '2026-01-01T00:00:00Z', model, picture: () => Promise.resolve({ picture: createPicture({ width: 64, height: 64 }) }) });
const newFolder = (): string => mkdtempSync(join(tmpdir(), 'loupe-act-'));
const step: ActStep = { at: 'now', call: { action: 'scroll_slice', point: [-100, -100], input_text: '+2' }, view: { region: { x1: 0, y1: 0, x2: 512, y2: 512 }, resized: { width: 168, height: 168 } }, sentence: 'Leaf on.', after: { ...start, slice: 7 }, fault: null };

describe('steps', () => {
  test('are kept as they are taken, and are there after a crash', () => {
    const folder = newFolder();
    const acts = open(folder);
    acts.begin(header('first-log'));
    acts.step('first-log', step);
    acts.step('first-log', step);
    const again = open(folder);
    expect(again.logs(studyId)).toMatchObject([{ id: 'first-log', steps: [step, step], end: 'stopped' }]);
    acts.end('first-log', 'finished');
    expect(open(folder).logs(studyId)[0]?.end).toBe('finished');
    expect(open(folder).logs('c'.repeat(24))).toEqual([]);
  });

  test('stand in the report as what was shown, by whom, and how it ended; those of a person do not', () => {
    const acts = open(newFolder());
    expect(acts.sections(studyId)).toEqual([]);
    acts.begin(header('first-log'));
    acts.step('first-log', step);
    acts.step('first-log', { ...step, call: null, after: null, fault: { code: 'act.name', what: 'a', why: 'b', mend: 'c' } });
    acts.end('first-log', 'failed');
    acts.begin({ ...header('second-log'), driver: { kind: 'person', name: 'Replay' } });
    const [section] = acts.sections(studyId).map((one) => ReportSection.parse(one));
    expect(section?.rows).toEqual([{ name: '2026-01-01 00:00, a model', value: 'Find the lesion. – scroll_slice, nothing (refused); ended by a refusal.' }]);
  });

  test('of a log that was not begun, or begun twice, are refused', () => {
    const acts = open(newFolder());
    expect(() => acts.step('other-log', step)).toThrow(expect.objectContaining({ code: 'act.unknown' }));
    acts.begin(header('first-log'));
    expect(() => acts.begin(header('first-log'))).toThrow(expect.objectContaining({ code: 'act.twice' }));
  });
});

describe('the next step of a model', () => {
  test('comes with its view; the model is told the task, the state and what was done', async () => {
    const seen: string[] = [];
    const acts = open(newFolder(), writes(good, seen));
    acts.begin(header('first-log'));
    const next = await acts.next(asked('first-log'));
    expect(next).toMatchObject({ call: { action: 'scroll_slice', input_text: '+2' }, sentence: 'Leaf on.', fault: null, model: 'some-model', view: { region: { x1: 0, y1: 0, x2: 512, y2: 512 }, resized: { width: 168, height: 168 } } });
    expect(seen[0]).toContain('Find the lesion.\nSlice 5/9, window file, zoom 1.0, marks 0.\nDone: nothing.');
    expect(seen[0]).not.toContain('select_series:');
  });

  test('of a general model is asked for with the table of actions', async () => {
    const seen: string[] = [];
    const acts = open(newFolder(), writes(good, seen, 151_936));
    acts.begin(header('first-log'));
    await acts.next(asked('first-log'));
    expect(seen[0]).toContain('- select_series:');
  });

  test.each([
    ['prose', 'There is a lesion on the left.', 'act.form'],
    ['an action outside the table', good.replace('scroll_slice', 'delete_study'), 'act.name'],
    ['a point outside the picture', '<tool_call>{"action":"zoom","point":[169,5],"input_text":"2.0"}</tool_call>', 'act.point'],
    ['an argument that cannot be read', good.replace('+2', 'two on'), 'act.text'],
  ])('that is %s does nothing and says why', (_, text, code) => {
    expect(stepIn(text, { width: 168, height: 168 })).toMatchObject({ call: null, fault: { code } });
  });

  test('can be stopped while the model thinks', async () => {
    const acts = open(newFolder(), {
      opened: () => Promise.resolve({ folder: 'm', vocabulary: 1 }),
      sample: (_, __, { signal }) => new Promise((__resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    });
    acts.begin(header('first-log'));
    const next = acts.next(asked('first-log'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(acts.next(asked('first-log'))).rejects.toMatchObject({ code: 'act.twice' });
    acts.stop('first-log');
    await expect(next).rejects.toMatchObject({ code: 'act.stopped' });
  });
});
