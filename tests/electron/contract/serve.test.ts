import { describe, expect, test } from 'vitest';
import { decodeFrameBytes, encodeFrame, type FrameHeader } from '#electron/contract/frame.ts';
import { contract, type Handlers } from '#electron/contract/contract.ts';
import { serve } from '#electron/contract/serve.ts';
import { Fault } from '#models/base/fault.ts';

const asked: unknown[] = [];
const handlers = new Proxy({}, {
  get: (_, method: string) => async (argument: unknown) => {
    asked.push([method, argument]);
    if (method === 'library.list') throw new Fault({ code: 'x.y', what: 'What.', why: 'Why.', mend: 'Mend.' });
    if (method === 'app.about') throw new Error('a secret path /home/someone');
    return null;
  },
}) as Handlers;

describe('a call', () => {
  test('reaches its handler with the argument that its schema gave', async () => {
    const views = [{ kind: 'frame', frameId: `${'a'.repeat(64)}-0`, window: null }];
    expect(await serve(handlers, 'review.ask', { askId: 'q', studyId: 'a'.repeat(24), question: '  Where?  ', views })).toEqual({ ok: true, value: null });
    expect(asked.at(-1)).toMatchObject(['review.ask', { question: 'Where?', maxNewTokens: 512 }]);
  });

  test.each([
    ['an unknown method', 'library.destroy', null],
    ['a name that every object has', 'constructor', null],
    ['a method that is no name', { toString: null }, null],
  ])('of %s is refused', async (_, method, argument) => {
    expect(await serve(handlers, typeof method === 'string' ? method : 7, argument)).toMatchObject({ ok: false, fault: { code: 'contract.method' } });
  });

  test.each([
    ['library.study', { studyId: '../../etc/passwd' }], ['library.study', null], ['review.ask', { askId: 'q', studyId: 'a'.repeat(24), question: '   ', views: [] }], ['library.choose', { what: 'disk' }],
  ])('%s with an argument that does not fit is refused before its handler sees it', async (method, argument) => {
    const before = asked.length;
    expect(await serve(handlers, method, argument)).toMatchObject({ ok: false, fault: { code: 'contract.argument' } });
    expect(asked.length).toBe(before);
  });

  test('that fails as expected carries the fault as data', async () =>
    expect(await serve(handlers, 'library.list', null)).toEqual({ ok: false, fault: { code: 'x.y', what: 'What.', why: 'Why.', mend: 'Mend.' } }));

  test('that meets a defect tells it to us and says so to the window', async () => {
    const defects: unknown[] = [];
    expect(await serve(handlers, 'app.about', null, (error) => defects.push(error))).toMatchObject({ ok: false, fault: { code: 'internal' } });
    expect(defects).toHaveLength(1);
  });

  test('has a schema for both directions, whatever its method', () =>
    expect(Object.values(contract).every(({ argument, result }) => typeof argument.safeParse === 'function' && typeof result.safeParse === 'function')).toBe(true));
});

describe('a frame on its way to the page', () => {
  const header: FrameHeader = {
    id: `${'b'.repeat(64)}-3`, rows: 2, columns: 3, samples: 1, type: 'int16', slope: 2, intercept: -1024, unit: 'HU', isInverted: false, padding: null, least: -5, greatest: 9, presets: [],
    geometry: { spacingMm: [1, 2], spacingSource: 'PixelSpacing', positionMm: null, orientation: null }, aspect: 0.5, modality: 'CT', frameTimeMs: null, patientOrientation: null, isLossy: false,
  };
  const values = Int16Array.from([-5, 0, 1, 2, 3, 9]);

  test('arrives as it was sent', () => {
    const { buffer } = encodeFrame({ header, values });
    expect(decodeFrameBytes(buffer as ArrayBuffer)).toEqual({ header, values });
  });

  test('is refused when it was cut anywhere', () => {
    const bytes = encodeFrame({ header, values });
    for (let length = 0; length < bytes.length; length += 7) expect(() => decodeFrameBytes(bytes.slice(0, length).buffer)).toThrow();
  });
});
