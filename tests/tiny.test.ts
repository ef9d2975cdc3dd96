/**
 * Is everything alive? One small case through the whole pipeline, in seconds: pictures become cases, a tiny network of the true
 * architecture learns from them, the checkpoint is opened again, a drawn CT study is reviewed with it, and the answer is written down.
 * Read this test first.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openReasoner, type Reasoner } from '#models/reasoner.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { greedy } from '#models/runtime/sampler.ts';
import { drawOverlay } from '#electron/review/overlay.ts';
import { review, reviewRecord, type Review } from '#electron/review/review.ts';
import { openSource, type OpenedSource } from '#electron/review/source.ts';
import { tinyRecipe, writeTinyIndex } from '#tests/support/tinyTraining.ts';
import { casesOf, partsOf } from '#training/prepare.ts';
import { sampleStudy } from '#training/synthesis/samples.ts';
import type { StepRecord } from '#training/records/run.ts';
import { train } from '#training/trainer.ts';

const folder = mkdtempSync(join(tmpdir(), 'loupe-tiny-test-'));
const run = join(folder, 'run');
const question = 'Is there an abnormality, and where?';
// It learns from ultrasound alone: without a reason it would not be asked about CT.
const asking = { maxNewTokens: 12, override: { reason: 'Whether everything is alive' } };
const steps: StepRecord[] = [];
let reasoner: Reasoner;
let source: OpenedSource;
let answer: Review;

beforeAll(async () => {
  const records = await casesOf([writeTinyIndex()], {});
  await train({ recipe: tinyRecipe, records, run, parts: partsOf(tinyRecipe, records), onStep: (step) => steps.push(step) });

  const { name, files } = sampleStudy('ct-liver');
  for (const [file, bytes] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), bytes);
  }
  source = await openSource(join(folder, name), { slices: 2 });
  reasoner = await openReasoner({ folder: join(run, 'final'), device: 'cpu' });
  answer = await review(reasoner, source, question, asking);
});

afterAll(async () => {
  await reasoner.release();
  rmSync(folder, { recursive: true, force: true });
});

describe('one case through everything', () => {
  test('the network learns: each update gives a finite loss and a gradient that is not zero', () => {
    expect(steps).toHaveLength(4);
    for (const { loss, grad_norm: norm } of steps) expect(Number.isFinite(loss) && norm > 0).toBe(true);
  });

  test('the study is read as one series with its modality, and two of its slices are shown', () => {
    expect(source).toMatchObject({ kind: 'series', modality: 'CT' });
    expect(source.frames).toHaveLength(2);
  });

  test('the model answers about every slice that is shown, at most as long as it may', () => {
    expect(answer.frames).toHaveLength(2);
    for (const {
      answer: { tokens },
    } of answer.frames) {
      expect(tokens.length).toBeGreaterThan(0);
      expect(tokens.length).toBeLessThanOrEqual(12);
    }
  });

  test('asked again it writes the same tokens', async () => {
    const again = await review(reasoner, source, question, asking);
    expect(again.frames.map(({ answer: { tokens } }) => tokens)).toEqual(answer.frames.map(({ answer: { tokens } }) => tokens));
  });

  test('the score of what it wrote is the probability with which it wrote it', async () => {
    const {
      answer: { tokens, logProbabilities },
    } = answer.frames[0]!;
    const { logProbabilities: scored } = await reasoner.score({ frames: [source.frames[0]!.picture], question }, tokens);
    for (const [i, value] of scored.entries()) expect(value).toBeCloseTo(logProbabilities[i]!, 3);
  });

  test('the record names the input, the weights and the tokens by hash, and the overlay is a picture', async () => {
    const record = await reviewRecord({ source, path: 'source', askedAt: '2026-01-02T03:04:05.000Z', question, review: answer, reasoner, sampling: greedy, maxNewTokens: 12, version: '0', timing: {} });
    const text = JSON.stringify(record);
    expect(text.match(/"[0-9a-f]{64}"/g)?.length ?? 0).toBeGreaterThanOrEqual(2);
    expect(record.disclaimer).toContain('Research use only');
    const { picture, name } = source.frames[0]!;
    const { trace } = answer.frames[0]!.answer;
    const png = await drawOverlay({
      title: source.title,
      question,
      confidence: null,
      main: 0,
      trace: { ...trace, findings: [] },
      frames: [{ picture, name }],
      notes: [],
    });
    const drawn = await decodePicture(png);
    expect(Math.min(drawn.width, drawn.height)).toBeGreaterThan(200);
  });
});
