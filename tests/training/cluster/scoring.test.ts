import { describe, expect, test } from 'vitest';
import { most, scoredRow, scoreRequest, type Use } from '#training/cluster/scoring.ts';

const right = { completion: '<answer>yes</answer>', target: { kind: 'yesNo', value: true } };
const wrong = { ...right, completion: '<answer>no</answer>' };
const use = (weight = 1): Use => ({ name: 'accuracy', mode: 'strict', weight, options: {} });

describe('a batch', () => {
  test('is scored by every reward, and summed by weight', async () => {
    expect(await scoreRequest({ uses: [{ name: 'accuracy', weight: 0.5 }, { name: 'accuracy', weight: 2 }], rows: [right, wrong] })).toEqual([
      { reward: 2.5, scores: [1, 1], parts: expect.any(Object) }, { reward: 0, scores: [0, 0], parts: expect.any(Object) },
    ]);
  });

  test('keeps the order of more rows than are scored at a time', async () => {
    const rows = Array.from({ length: 200 }, (_, at) => (at % 3 === 0 ? right : wrong));
    expect((await scoreRequest({ uses: [{ name: 'accuracy' }], rows })).map(({ reward }) => reward)).toEqual(rows.map((row) => (row === right ? 1 : 0)));
  });

  test('an unreadable row takes its fault along and spoils no other', async () => {
    const [first, second] = await scoreRequest({ uses: [{ name: 'accuracy' }], rows: [{ completion: 'x', target: 'nothing' }, right] });
    expect(first).toMatchObject({ reward: null, scores: [null], faults: [{ reward: 'accuracy', code: expect.stringContaining('reward') }] });
    expect(second!.reward).toBe(1);
  });

  test('a reward that does not apply takes no part in the sum', () => {
    const { reward, scores } = scoredRow([use(), { ...use(3), name: 'nameless' }], right);
    expect([reward, scores]).toEqual([1, [1, null]]);
  });

  test.each([
    [null], ['text'], [[]], [{ rows: [] }], [{ uses: [], rows: [] }], [{ uses: [{}], rows: [] }], [{ uses: [{ name: 'accuracy' }], rows: {} }],
    [{ uses: [{ name: 'accuracy', mode: 'loose' }], rows: [] }], [{ uses: [{ name: 'accuracy', weight: 'x' }], rows: [] }], [{ uses: [{ name: 'accuracy', options: [] }], rows: [] }],
    [{ uses: [{ name: 'accuracy' }], rows: [{}] }], [{ uses: [{ name: 'accuracy' }], rows: [null] }],
    [{ uses: Array.from({ length: most.uses + 1 }, () => ({ name: 'accuracy' })), rows: [] }], [{ uses: [{ name: 'accuracy' }], rows: new Array(most.rows + 1).fill(right) }],
  ])('of another form is refused: %j', async (request) => {
    await expect(scoreRequest(request)).rejects.toMatchObject({ code: 'reward.request' });
  });

  test('asks for rewards and modes that exist', async () => {
    await expect(scoreRequest({ uses: [{ name: 'acuracy' }], rows: [] })).rejects.toMatchObject({ code: 'reward.name' });
    await expect(scoreRequest({ uses: [{ name: 'accuracy', mode: 'published' }], rows: [] })).rejects.toMatchObject({ code: 'reward.mode' });
    await expect(scoreRequest({ uses: [{ name: '__proto__' }], rows: [] })).rejects.toMatchObject({ code: 'reward.name' });
  });
});
