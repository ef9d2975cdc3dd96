import { describe, expect, test } from 'vitest';
import type { EvidenceCheck } from '#electron/contract/review.ts';
import { noChecks, reduceChecks, standing } from '#renderer/review/checks.ts';

const check: EvidenceCheck = { traceId: 'a', studyId: 'f'.repeat(24), checkedAt: '2026-01-01T00:00:00Z', regions: [], leftOut: 0, all: null, blank: 0.4, shuffled: 0.2, reliance: 0.4, usedImage: true, seconds: 1 };

describe('checks of answers', () => {
  test('are kept by answer, the latest of each', () => {
    const once = reduceChecks(noChecks, { type: 'loaded', checks: [check, { ...check, traceId: 'b' }] });
    expect(reduceChecks(once, { type: 'loaded', checks: [{ ...check, blank: 0.1 }] }).done).toMatchObject({ a: { blank: 0.1 }, b: { blank: 0.4 } });
  });
  test('run until they end, and another answer\'s end is not theirs', () => {
    const running = reduceChecks(noChecks, { type: 'progress', progress: { traceId: 'a', done: 1, of: 5 } });
    expect(reduceChecks(running, { type: 'ended', traceId: 'b' }).running).toMatchObject({ done: 1 });
    expect(reduceChecks(running, { type: 'ended', traceId: 'a' }).running).toBeNull();
  });
});

test.each([[0.6, 0.02, 'carries'], [0.6, 0.58, 'unspecific'], [0.01, 0, 'idle'], [0.03, 0.4, 'idle']] as const)('a region that moves the answer by %d, and as much elsewhere by %d, %s', (hidden, control, verdict) =>
  expect(standing({ hidden, control })).toBe(verdict));
