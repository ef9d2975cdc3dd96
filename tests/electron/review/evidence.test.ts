import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Trace } from '#electron/contract/review.ts';
import { openEvidence, type EvidenceChecks, type EvidenceOptions } from '#electron/review/evidence.ts';
import type { CitedRegion } from '#models/evidence.ts';
import { scaling } from '#models/imaging/coordinates.ts';
import { createPicture } from '#models/imaging/image.ts';

const frameId = `${'a'.repeat(64)}-0`;
const studyId = 'c'.repeat(24);
const tensor = Float32Array.of(1, 2, 3);
const sha = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

let folder: string;
let asked: (readonly CitedRegion[])[];
let told: unknown[];
let weights: string;
let checks: EvidenceChecks;

const trace = (changes: Partial<Trace> = {}): Trace => ({
  id: 't', studyId, askedAt: '2026-01-01T00:00:00Z', question: 'Where?', raw: '', parsed: true, steps: [], answer: 'left', flags: [], confidence: null, end: 'stop', tokens: 3,
  views: [{ view: { kind: 'frame', frameId, window: null }, name: 'whole image', window: null, shown: { width: 50, height: 40 }, source: { width: 100, height: 80 }, resized: { width: 56, height: 28 }, pixelsSha256: sha(new Uint8Array(tensor.buffer)) }],
  findings: [{ label: 'spot', frame: 0, boxes: [{ x1: 20, y1: 10, x2: 40, y2: 30 }] }], model: { name: 'm', family: 'qwen2_vl', device: 'cpu', weightsSha256: [sha(readFileSync(weights))] },
  timing: { firstTokenMs: 1, totalMs: 2, tokensPerSecond: 3 }, ...changes,
});

const open = (kept: Trace, model: Partial<EvidenceOptions['model']> = {}): EvidenceChecks => openEvidence({
  folder, now: () => '2026-01-02T00:00:00Z', publish: (event, payload) => void told.push([event, payload]), trace: (id) => (id === kept.id ? kept : undefined),
  picture: () => Promise.resolve({ picture: createPicture({ width: 50, height: 40 }), toSource: scaling(2, 2), source: { width: 100, height: 80 }, window: null }),
  model: {
    opened: () => Promise.resolve({ folder, family: 'qwen2_vl', device: 'cpu', weightFiles: [weights] }),
    evidence(_, __, regions, { onProgress }) {
      asked.push(regions);
      onProgress({ done: 1, of: 5 });
      return Promise.resolve({ regions: regions.map(({ id, box }) => ({ id, hidden: 0.6, control: 0.1, controlBox: box })), all: 0.6, blank: 0.7, shuffled: 0.5, reliance: 0.7, usedImage: true });
    },
    seen: () => Promise.resolve({ png: Uint8Array.of(7), tensor }),
    ...model,
  },
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loupe-evidence-'));
  weights = join(folder, 'weights');
  writeFileSync(weights, 'weights');
  [asked, told] = [[], []];
});
afterEach(() => {
  checks.close();
  rmSync(folder, { recursive: true });
});

describe('checking an answer', () => {
  test('asks about its boxes where they lie on the picture that was shown, and keeps what was found', async () => {
    checks = open(trace());
    const found = await checks.check('t');
    expect(asked[0]?.[0]?.box).toEqual({ x1: 10, y1: 5, x2: 20, y2: 15 });
    expect(found).toMatchObject({ regions: [{ label: 'spot', hidden: 0.6, control: 0.1 }], usedImage: true, leftOut: 0 });
    expect(told).toEqual([['review.checking', { traceId: 't', done: 1, of: 5 }]]);
    checks.close();
    checks = open(trace());
    expect(checks.checks(studyId)).toEqual([found]);
  });

  test('is refused where nothing was answered, another model is in use, or the answer is unknown', async () => {
    checks = open(trace({ answer: null }));
    await expect(checks.check('t')).rejects.toMatchObject({ code: 'evidence.nothing' });
    await expect(checks.check('u')).rejects.toMatchObject({ code: 'evidence.unknown' });
    checks.close();
    checks = open(trace({ model: { ...trace().model, weightsSha256: ['0'.repeat(64)] } }));
    await expect(checks.check('t')).rejects.toMatchObject({ code: 'evidence.other-model' });
  });

  test('ends when it is stopped, and says so', async () => {
    let begun: (value: unknown) => void = () => undefined;
    const isUnderWay = new Promise((resolve) => (begun = resolve));
    checks = open(trace(), { evidence: (_, __, ___, { signal }) => new Promise((_settle, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
      begun(null);
    }) });
    const waiting = expect(checks.check('t')).rejects.toMatchObject({ code: 'evidence.stopped' });
    await isUnderWay;
    checks.cancel('t');
    await waiting;
  });
});

describe('what the model saw', () => {
  test('is shown where the numbers are the very same', async () => {
    checks = open(trace());
    expect(await checks.seen('t', 0)).toEqual(Uint8Array.of(7));
    await expect(checks.seen('t', 1)).rejects.toMatchObject({ code: 'evidence.unknown' });
  });
  test('is not shown where they would be others', async () => {
    checks = open(trace(), { seen: () => Promise.resolve({ png: Uint8Array.of(7), tensor: Float32Array.of(9) }) });
    await expect(checks.seen('t', 0)).rejects.toMatchObject({ code: 'evidence.other-input' });
  });
});
