import { describe, expect, test } from 'vitest';
import { auditExplanation, cuesIn, leastCue, type Cue } from '#models/alterationAudit.ts';
import type { Plane } from '#models/imaging/forensics/planes.ts';

const size = { width: 200, height: 200 };
const box = { x1: 20, y1: 130, x2: 60, y2: 170 };
const cues: readonly Cue[] = [{ name: 'noise', z: 1 }, { name: 'smoothness', z: 5 }, { name: 'grid', z: 0 }, { name: 'copy', z: 0 }];
const doubts = (text: string, at: typeof box | null = box): (string | null)[] => auditExplanation(text, at, size, cues).map(({ doubt }) => doubt);

describe('an explanation', () => {
  test.each([
    'The lower left looks smoother than the tissue around it.', 'It is smooth there.', 'Something was put in on the left.', 'It lies at the bottom.', 'No noise stands out.', 'A plain sentence.',
  ])('%j is borne out', (text) => expect(doubts(text)).toEqual([null]));

  test.each([
    ['The upper right is smoother.', /another place/], ['The centre is smoother.', /another place/], ['It is noisier there.', /noise/], ['The compression grid breaks off.', /grid/], ['It was copied from elsewhere.', /copy/],
  ])('%j is not', (text, why) => expect(doubts(text)[0]).toMatch(why));

  test('is held sentence by sentence, and nothing is left out', () => {
    const audited = auditExplanation('It lies in the lower left. It is noisier there.\nFine detail is missing.', box, size, cues);
    expect(audited.map(({ text }) => text)).toEqual(['It lies in the lower left.', 'It is noisier there.', 'Fine detail is missing.']);
    expect(audited.map(({ doubt }) => doubt === null)).toEqual([true, false, true]);
  });

  test('of an image without a claimed region may name no cue but its absence', () => {
    expect(doubts('The grain is rougher in one place.', null)[0]).toMatch(/no region/);
    expect(doubts('No noise stands out, and nothing is copied.', null)).toEqual([null]);
  });

  test('that is long is cut, not read for ever', () => expect(auditExplanation(`${'smooth left '.repeat(50_000)}.`, box, size, cues).length).toBeLessThan(50));
});

test('cues are read inside the box alone', () => {
  const plane = (inside: number): Plane => ({ width: 200, height: 200, data: Float32Array.from({ length: 40_000 }, (_, i) => (i % 200 >= box.x1 && i % 200 < box.x2 && i / 200 >= box.y1 && i / 200 < box.y2 ? inside : -9)) });
  const maps = { noise: plane(4), grid: { phase: [0, 0] as const, clearness: 1.3, plane: plane(6) }, copies: { copies: [], plane: plane(1) } };
  const found = new Map(cuesIn(box, maps, plane(-7)).map(({ name, z }) => [name, z]));
  expect(found.get('noise')).toBeCloseTo(4);
  expect(found.get('smoothness')).toBeCloseTo(-4);
  expect(found.get('grid')).toBeGreaterThan(leastCue);
  expect(found.get('copy')).toBeCloseTo(10);
  expect(found.get('continuity')).toBeCloseTo(7);
});
