/** `loupe act` in the terminal: the table, logs done again, chance as a driver. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { command } from '#electron/commands/act.ts';
import { UsageError, type CommandValues } from '#electron/commands/command.ts';
import { actionNames, callOf } from '#models/viewer/actions.ts';
import type { ActLog } from '#models/viewer/log.ts';
import { observed, openedViewer, perform, placed } from '#models/viewer/state.ts';
import type { ViewerReport } from '#training/viewer/report.ts';

async function printed(values: CommandValues): Promise<{ value: unknown; text: string }> {
  let output = { value: undefined as unknown, text: '' };
  await command.run({ positionals: [], values, json: false, signal: new AbortController().signal, progress() {}, print: (value, text = '') => void (output = { value, text }) });
  return output;
}

const study: ActLog['study'] = { series: [{ key: '1', modality: 'CT', slices: 9, width: 512, height: 512, mpp: null, presets: [] }] };
const start = openedViewer(study);
const view = observed(study, start.now, { width: 168, height: 168 });
const action = { name: 'zoom', focus: { x: 84, y: 84 }, factor: 2 } as const;
const log: ActLog = {
  kind: 'loupe-act', version: 1, id: 'a-log', studyId: null, startedAt: '2026-01-01T00:00:00Z', instruction: 'Look closer.', driver: { kind: 'model', name: 'm' }, study, start: start.now, end: 'finished',
  steps: [{ at: '', call: callOf(action), view, sentence: 'Zoom in.', after: perform(study, start, placed(action, view)).now, fault: null }],
};
const file = (text: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'loupe-act-')), 'log.json');
  writeFileSync(path, text);
  return path;
};

describe('loupe act', () => {
  test('lists the actions of the viewer', async () => {
    expect((await printed({ list: true })).value).toMatchObject(actionNames.map((name) => ({ name })));
  });

  test('does a log again, and says where something else comes of it', async () => {
    const { value, text } = await printed({ replay: file(JSON.stringify(log)) });
    expect(value).toMatchObject({ steps: 1, differences: [] });
    expect(text).toContain('zoom [84,84] 2.0');
    expect(text).toContain('Every step leads to what the log says.');
    const changed = { ...log, steps: [{ ...log.steps[0]!, after: { ...log.steps[0]!.after!, zoom: 3 } }] };
    await expect(printed({ replay: file(JSON.stringify(changed)) })).rejects.toMatchObject({ code: 'act.replay', why: '1 of 1 steps lead to something else.' });
  });

  test('refuses what is no log, or not there', async () => {
    await expect(printed({ replay: file('{') })).rejects.toMatchObject({ code: 'act.log' });
    await expect(printed({ replay: '/nowhere/log.json' })).rejects.toMatchObject({ code: 'act.log' });
  });

  test('counts how chance drives', async () => {
    const { value, text } = await printed({ evaluate: true, model: 'chance', tasks: '12', cases: '1', families: ['slice', 'zoom'] });
    expect(value).toMatchObject({ tasks: 12, formatErrors: 0 } satisfies Partial<ViewerReport>);
    expect(text).toContain('recovery rate');
  });

  test('asks for what is missing', async () => {
    for (const values of [{}, { evaluate: true }, { evaluate: true, model: 'chance', families: ['fly'] }]) await expect(printed(values)).rejects.toThrow(UsageError);
  });
});
