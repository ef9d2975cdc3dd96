import { describe, expect, test } from 'vitest';
import { nextImage, remaining, runsOf } from '#electron/locate/order.ts';

const searching = { count: 10, searched: new Map<number, number>(), version: 1, near: 4, from: 0, to: 9 };

describe('the next image', () => {
  test('is the nearest to the reader, the later one first', () => {
    const order: number[] = [];
    const searched = new Map<number, number>();
    for (let at = nextImage({ ...searching, searched }); at !== null; at = nextImage({ ...searching, searched })) {
      order.push(at);
      searched.set(at, 1);
    }
    expect(order).toEqual([4, 5, 3, 6, 2, 7, 1, 8, 0, 9]);
    expect(remaining({ ...searching, searched })).toBe(0);
  });

  test('follows the reader, stays within the range, and begins anew with another version', () => {
    expect(nextImage({ ...searching, near: 9 })).toBe(9);
    expect(nextImage({ ...searching, near: 9, from: 2, to: 3 })).toBe(3);
    expect(nextImage({ ...searching, near: 9, from: 20, to: 30 })).toBeNull();
    const searched = new Map([[4, 1], [5, 1]]);
    expect(nextImage({ ...searching, searched })).toBe(3);
    expect(nextImage({ ...searching, searched, version: 2 })).toBe(4);
    expect(remaining({ ...searching, searched, version: 2, from: 3, to: 6 })).toBe(4);
  });
});

test('images are told as runs, counted from 1', () => {
  expect([runsOf([]), runsOf([3]), runsOf([8, 0, 1, 2, 3, 2])]).toEqual(['', '4', '1–4, 9']);
});
