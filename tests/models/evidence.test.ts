import { describe, expect, test } from 'vitest';
import { checkEvidence, movement, shuffle } from '#models/evidence.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import type { Ask, Reasoner } from '#models/reasoner.ts';

/** Dark, with a bright square from (20, 20) to (30, 30). */
function spotted(): Picture {
  const picture = createPicture({ width: 64, height: 48 }, [40, 50, 60]);
  for (let y = 20; y < 30; y++) for (let x = 20; x < 30; x++) picture.data.set([250, 250, 250], (y * 64 + x) * 3);
  return picture;
}
const spot = { x1: 20, y1: 20, x2: 30, y2: 30 };

type Scorer = Pick<Reasoner, 'score' | 'tokenizer'>;
/** One token for each letter; `sure` says how probable each is held. */
const scorer = (sure: (ask: Ask) => number): Scorer => ({
  tokenizer: { encode: (text: string) => [...text].map((letter) => letter.charCodeAt(0)) },
  score: (ask: Ask, completion: string) => Promise.resolve({ ids: [...completion].map((letter) => letter.charCodeAt(0)), logProbabilities: [...completion].map(() => Math.log(sure(ask))) }),
}) as unknown as Scorer;
const seesSpot = scorer(({ frames }) => ((frames[0] as Picture).data.filter((value) => value > 200).length >= 300 ? 0.9 : 0.1));

const ask: Ask = { frames: [spotted()], question: 'What is seen?' };

describe('the evidence of an answer', () => {
  test('moves with the region that it stands on, and not with as much elsewhere', async () => {
    const looks: string[] = [];
    const { regions: [region], all, blank, usedImage } = await checkEvidence(seesSpot, ask, 'spot', [{ id: 'a', frame: 0, box: spot }], { told: (done, of) => looks.push(`${done}/${of}`) });
    expect(region).toMatchObject({ id: 'a', control: 0 });
    expect(region?.hidden).toBeCloseTo(1 - 1 / 9, 6);
    expect([all, usedImage]).toEqual([region?.hidden, true]);
    expect(blank).toBeCloseTo(1 - 1 / 9, 6);
    expect(looks).toEqual(['1/5', '2/5', '3/5', '4/5', '5/5']);
  });

  test('does not move with an idle region', async () => {
    const { regions } = await checkEvidence(seesSpot, ask, 'spot', [{ id: 'a', frame: 0, box: { x1: 50, y1: 5, x2: 54, y2: 9 } }]);
    expect(regions[0]?.hidden).toBe(0);
  });

  test('is none where the model goes by the words alone', async () =>
    expect(await checkEvidence(scorer(() => 0.7), ask, 'spot', [{ id: 'a', frame: 0, box: spot }])).toMatchObject({ reliance: 0, usedImage: false }));

  test('is measured on the picture that a region lies on', async () => {
    const dark = createPicture({ width: 64, height: 48 }, [40, 50, 60]);
    const { regions } = await checkEvidence(seesSpot, { ...ask, frames: [spotted(), dark] }, 'spot', [{ id: 'a', frame: 1, box: spot }, { id: 'b', frame: 0, box: spot }]);
    expect(regions.map(({ hidden }) => hidden > 0.5)).toEqual([false, true]);
  });

  test('of an empty answer cannot be checked', async () => expect(checkEvidence(seesSpot, ask, ' ', [])).rejects.toMatchObject({ code: 'evidence.nothing' }));

  test('is no longer looked for once it is stopped', async () =>
    expect(checkEvidence(seesSpot, ask, 'spot', [], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough'));
});

describe('how far an answer moved', () => {
  test('is nothing where each token is as probable as before, and half where all are half or twice as probable', () => {
    expect(movement([-1, -2], [-1, -2])).toBe(0);
    expect(movement([-1, -2], [-1 + Math.log(2), -2 - Math.log(2)])).toBeCloseTo(0.5, 9);
  });
});

test('a shuffled picture holds the same pixels in other places', () => {
  const shuffled = shuffle(spotted(), 1);
  expect([...shuffled.data].sort((a, b) => a - b)).toEqual([...spotted().data].sort((a, b) => a - b));
  expect(shuffled.data).not.toEqual(spotted().data);
});
