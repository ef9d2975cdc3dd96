import { describe, expect, test } from 'vitest';
import { factsOfOdd, gateAnswers, OddAnswer, type OddAnswer as Answer } from '#training/records/judgement.ts';

let next = 0;
const answer = (images: readonly [string, string, string], odd: string | null, change: Partial<Answer> = {}): Answer =>
  ({ id: `a${next++}`, at: '2026-01-01T00:00:00Z', rater: 'r', seconds: 2, images: [...images], odd: odd === null ? null : images.indexOf(odd), ...change });
/** Repeats that agree, so that the reader counts. */
const steady = (rater = 'r', wrong = 0): Answer[] => Array.from({ length: 10 }, (_, i) => {
  const first = answer([`s${rater}${i}`, `t${rater}${i}`, `u${rater}${i}`], `s${rater}${i}`, { rater });
  const images = [first.images[2], first.images[0], first.images[1]] as const;
  return [first, answer(images, i < wrong ? images[0] : images[1], { rater, repeats: first.id })];
}).flat();

describe('an odd one', () => {
  test('of three says exactly two things about closeness', () => {
    expect(factsOfOdd(['A', 'B', 'C'], 2)).toEqual([{ ref: 'A', closer: 'B', farther: 'C' }, { ref: 'B', closer: 'A', farther: 'C' }]);
    expect(factsOfOdd(['A', 'B', 'C'], 0)).toEqual([{ ref: 'B', closer: 'C', farther: 'A' }, { ref: 'C', closer: 'B', farther: 'A' }]);
  });
});

describe('the gate', () => {
  test('uses a reader whose repeats agree, and turns each three into two judgements', () => {
    const { judgements, raters, triples } = gateAnswers(steady());
    expect(raters).toEqual([{ rater: 'r', answers: 20, undecided: 0, repeats: 10, consistency: 1, isUsed: true }]);
    expect(triples).toEqual({ answered: 10, used: 10, contradicted: 0, disagreed: 0, undecided: 0, ofUnusedRaters: 0 });
    expect(judgements).toHaveLength(20);
    for (const { ref, left, right, left_vote, right_vote, votes } of judgements) {
      expect(left_vote + right_vote).toBe(votes);
      // The odd one is the farther one, on whichever side it stands.
      const farther = left_vote > right_vote ? right : left;
      expect(farther.startsWith('s')).toBe(true);
      expect(ref.startsWith('s')).toBe(false);
    }
    expect(new Set(judgements.map(({ left_vote }) => left_vote)).size, 'the closer one stands on either side').toBe(2);
  });

  test('uses nothing of a reader below seven of ten, nor before three repeats', () => {
    expect(gateAnswers(steady('r', 3)).raters[0]).toMatchObject({ consistency: 0.7, isUsed: true });
    const careless = gateAnswers(steady('r', 4));
    expect(careless.raters[0]).toMatchObject({ consistency: 0.6, isUsed: false });
    expect(careless.judgements).toEqual([]);
    expect(careless.triples.ofUnusedRaters).toBe(10);
    expect(gateAnswers(steady().slice(0, 4)).raters[0]).toMatchObject({ repeats: 2, consistency: 1, isUsed: false });
  });

  test('drops three images of which one reader named two odd ones, and reports it', () => {
    const { triples, contradictions, judgements } = gateAnswers([...steady(), answer(['x', 'y', 'z'], 'x'), answer(['z', 'y', 'x'], 'y')]);
    expect(triples).toMatchObject({ used: 10, contradicted: 1 });
    expect(contradictions).toEqual([{ images: ['x', 'y', 'z'], odd: ['x', 'y'], kind: 'repeat' }]);
    expect(judgements.some(({ ref }) => ref === 'z')).toBe(false);
  });

  test('asks two of three readers to agree, and counts no vote of one who finds the reference odd', () => {
    const readers = ['r', 'q', 'p'].flatMap((rater) => steady(rater));
    const three = (odds: readonly string[]) => gateAnswers([...readers, ...odds.map((odd, i) => answer(['x', 'y', 'z'], odd, { rater: ['r', 'q', 'p'][i]! }))]);
    const agreed = three(['x', 'x', 'y']);
    expect(agreed.triples.disagreed).toBe(0);
    expect(agreed.contradictions).toEqual([{ images: ['x', 'y', 'z'], odd: ['x', 'y'], kind: 'readers' }]);
    const about = agreed.judgements.filter(({ ref }) => ref === 'y' || ref === 'z');
    expect(about.map(({ ref, votes }) => [ref, votes]).sort()).toEqual([['y', 2], ['z', 3]]);
    expect(three(['x', 'y', 'z']).triples.disagreed).toBe(1);
    expect(three(['x', 'y']).triples.disagreed).toBe(1);
  });

  test('leaves out what could not be told, and reports judgements that go round in a circle', () => {
    expect(gateAnswers([...steady(), answer(['x', 'y', 'z'], null)]).triples.undecided).toBe(1);
    // To a: b is closer than c, c closer than d, d closer than b.
    const { circles } = gateAnswers([...steady(), answer(['a', 'b', 'c'], 'c'), answer(['a', 'c', 'd'], 'd'), answer(['a', 'd', 'b'], 'b')]);
    expect(circles).toEqual(['a']);
  });

  test('refuses an answer about one image shown twice', () => {
    expect(OddAnswer.safeParse(answer(['x', 'x', 'z'], 'z')).success).toBe(false);
  });
});
