import { describe, expect, test } from 'vitest';
import type { ReasoningTrace } from '#models/clinical/trace.ts';
import { createPicture, type Picture } from '#models/imaging/image.ts';
import { controlBoxes, occlude, probe } from '#models/probe.ts';
import type { Answer, Ask, Reasoner } from '#models/reasoner.ts';

const pixel = ({ data, width }: Picture, x: number, y: number): number[] => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];

/** Dark, with a bright square from (20, 20) to (30, 30). */
function spotted(): Picture {
  const picture = createPicture({ width: 64, height: 48 }, [40, 50, 60]);
  for (let y = 20; y < 30; y++) for (let x = 20; x < 30; x++) picture.data.set([250, 250, 250], (y * 64 + x) * 3);
  return picture;
}
const spot = { x1: 20, y1: 20, x2: 30, y2: 30 };

describe('hiding a box', () => {
  test('paints it as its surroundings are and leaves the rest and the original alone', () => {
    const original = spotted();
    const hidden = occlude(original, [spot]);
    expect(pixel(hidden, 25, 25)).toEqual([40, 50, 60]);
    expect(pixel(hidden, 5, 5)).toEqual([40, 50, 60]);
    expect(pixel(original, 25, 25)).toEqual([250, 250, 250]);
  });
  test('copes with boxes that hang over the edge, lie outside or cover everything', () => {
    const whole = occlude(spotted(), [{ x1: -5, y1: -5, x2: 100, y2: 100 }, { x1: 70, y1: 0, x2: 90, y2: 9 }]);
    expect(pixel(whole, 0, 0)).toEqual(pixel(whole, 25, 25));
  });
});

describe('control boxes', () => {
  test('are as large as the cited ones and lie beside them where there is room', () => {
    const [box] = controlBoxes(spotted(), [spot], 3);
    expect([box!.x2 - box!.x1, box!.y2 - box!.y1]).toEqual([10, 10]);
    expect(Math.max(0, Math.min(box!.x2, 30) - Math.max(box!.x1, 20)) * Math.max(0, Math.min(box!.y2, 30) - Math.max(box!.y1, 20))).toBe(0);
    expect(box!.x1 >= 0 && box!.y1 >= 0 && box!.x2 <= 64 && box!.y2 <= 48).toBe(true);
  });
  test('are the same for the same seed', () => expect(controlBoxes(spotted(), [spot], 3)).toEqual(controlBoxes(spotted(), [spot], 3)));
});

/** A reasoner that answers "spot" where the picture has a bright pixel, and is sure of it there alone. */
function seesSpot(): Reasoner {
  const isBright = (ask: Ask): boolean => (ask.frames[0] as Picture).data.some((value) => value > 200);
  return {
    tokenizer: { encode: (text: string) => [...text].map((letter) => letter.charCodeAt(0)) },
    score: (ask: Ask, completion: string) => Promise.resolve({
      ids: [...completion].map((letter) => letter.charCodeAt(0)), logProbabilities: [...completion].map((_, i) => (i === 8 ? Math.log(isBright(ask) ? 0.9 : 0.1) : 0)),
    }),
    ask: (ask: Ask) => Promise.resolve({ trace: { answer: isBright(ask) ? 'spot' : 'none' } }),
  } as unknown as Reasoner;
}

const answerWith = (boxes: readonly (typeof spot)[]): Pick<Answer, 'trace'> =>
  ({ trace: { answer: 'spot', findings: [{ label: 'spot', frame: 0, boxes: [...boxes] }], steps: [], flags: [], raw: '', parsed: true } satisfies ReasoningTrace });

describe('the probe', () => {
  const ask: Ask = { frames: [spotted()], question: 'What is seen?' };
  test('finds that the answer stands on a box that holds what was seen', async () => {
    const result = await probe(seesSpot(), ask, answerWith([spot]));
    expect(result?.effect).toBeCloseTo(Math.log(9), 6);
    expect(result?.hidden.answer).toBe('none');
    expect(result?.control.answer).toBe('spot');
    expect(result?.hiddenShare).toBeCloseTo(100 / (64 * 48), 6);
    expect(result?.controlOverlap).toBe(0);
  });
  test('finds that it does not stand on an idle box', async () => {
    const result = await probe(seesSpot(), ask, answerWith([{ x1: 50, y1: 5, x2: 54, y2: 9 }]));
    expect(result?.effect).toBeLessThanOrEqual(0.001);
    expect(result?.hidden.answer).toBe('spot');
  });
  test('has nothing to hide where no box is cited', async () => expect(await probe(seesSpot(), ask, answerWith([]))).toBeNull());
});
