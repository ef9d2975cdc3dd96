import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Place } from '#electron/similar/finder.ts';
import { nextQuestion, openOddAnswers, reportOf, type Closeness } from '#electron/similar/odd.ts';
import { Random } from '#models/base/random.ts';
import type { OddAnswer } from '#training/records/judgement.ts';

const places: Place[] = Array.from({ length: 9 }, (_, i) => ({ key: `k${i}`, studyId: `s${i % 5}`, seriesId: 'x' }));
const far: Closeness = (triples) => Promise.resolve(triples.map(() => [0.9, 0.1, 0.1] as const));
const answer = (at: number, change: Partial<OddAnswer> = {}): OddAnswer => ({ id: `a${at}`, at: '2026-01-01', rater: 'me', seconds: 2, images: ['k0', 'k1', 'k2'], odd: 0, ...change });

describe('the next question', () => {
  test('shows pictures of three studies', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const { images } = await nextQuestion(places, [], far, new Random(seed));
      expect(new Set(images.map((key) => places.find((place) => place.key === key)!.studyId)).size).toBe(3);
    }
  });

  test('says that there is none with fewer than three studies', async () => {
    await expect(nextQuestion(places.filter(({ studyId }) => studyId < 's2'), [], far, new Random(1))).rejects.toMatchObject({ code: 'similar.few' });
  });

  test('puts an earlier one again one time in ten, in another order or not, never a recent one and each once', async () => {
    const answers = Array.from({ length: 20 }, (_, i) => answer(i, { images: [`k${i % 9}`, `k${(i + 1) % 9}`, `k${(i + 2) % 9}`] }));
    const drawn = await Promise.all(Array.from({ length: 600 }, (_, seed) => nextQuestion(places, answers, far, Random.named(seed, 'q'))));
    const again = drawn.filter(({ repeats }) => repeats !== null);
    expect(again.length).toBeGreaterThan(30);
    expect(again.length).toBeLessThan(95);
    for (const { repeats, images } of again) {
      const first = answers.find(({ id }) => id === repeats)!;
      expect([...images].sort()).toEqual([...first.images].sort());
      expect(answers.indexOf(first)).toBeLessThan(15);
    }
    const all = answers.map(({ id }, i) => answer(100 + i, { repeats: id }));
    expect((await Promise.all(Array.from({ length: 100 }, (_, seed) => nextQuestion(places, [...answers, ...all], far, Random.named(seed, 'r'))))).every(({ repeats }) => repeats === null)).toBe(true);
  });

  test('is half of the time the one about which the encoder is least sure', async () => {
    const unsure: string[] = [];
    const closeness: Closeness = (triples) => {
      unsure.push([...triples[7]!].join());
      return Promise.resolve(triples.map((_, i) => (i === 7 ? [0.5, 0.5, 0.1] as const : [0.9, 0.2, 0.1] as const)));
    };
    const asked = await Promise.all(Array.from({ length: 200 }, (_, seed) => nextQuestion(places, [], closeness, Random.named(seed, 'u'))));
    const chosen = asked.filter(({ images }) => unsure.includes(images.join())).length;
    expect(chosen).toBeGreaterThan(70);
    expect(chosen).toBeLessThan(160);
  });
});

describe('answers', () => {
  test('are on the disk, can be taken back, and are there again after a start', () => {
    const folder = mkdtempSync(join(tmpdir(), 'loupe-odd-'));
    const first = openOddAnswers(folder);
    first.put(answer(1));
    first.put(answer(2, { odd: null }));
    first.put(answer(3, { rater: 'other' }));
    first.withdraw('me');
    first.close();
    const again = openOddAnswers(folder);
    expect(again.all().map(({ id }) => id)).toEqual(['a1', 'a3']);
    again.withdraw('me');
    expect(() => again.withdraw('me')).toThrow(expect.objectContaining({ code: 'similar.nothing' }));
    again.close();
  });

  test('are reported with what is missing until they can be used', () => {
    const answers = [answer(1), answer(2, { repeats: 'a1', odd: 0 })];
    const folder = mkdtempSync(join(tmpdir(), 'loupe-odd-'));
    const kept = openOddAnswers(folder);
    kept.put(answers[0]!);
    kept.put(answers[1]!);
    expect(reportOf(kept.all(), kept.gated(), 'me')).toMatchObject({ answers: 2, repeats: 1, consistency: 1, isUsed: false, repeatsMissing: 2, judgements: 0, medianSeconds: 2 });
    expect(reportOf([], kept.gated(), 'nobody')).toMatchObject({ answers: 0, consistency: null, isUsed: false, medianSeconds: null });
    kept.close();
  });
});
