import { expect, test } from 'vitest';
import type { Session } from '#models/runtime/session.ts';
import { SessionCache } from '#models/runtime/sessionCache.ts';

/** A session that only counts its releases. */
function fake(): Session & { released: number } {
  const session = {
    device: 'cpu' as const, inputs: [], outputs: [], released: 0,
    run: () => Promise.resolve({}), runOnDevice: () => Promise.resolve({}),
    release() {
      session.released++;
      return Promise.resolve();
    },
  };
  return session;
}

test('a key that is known is not opened again, even while it is being opened', async () => {
  const cache = new SessionCache(2);
  let opened = 0;
  const make = (): Promise<Session> => {
    opened++;
    return Promise.resolve(fake());
  };
  const [a, b] = await Promise.all([cache.get('x', make), cache.get('x', make)]);
  expect(a).toBe(b);
  expect(opened).toBe(1);
});

test('the least recently used makes way and is released', async () => {
  const cache = new SessionCache(2);
  const [a, b, c] = [fake(), fake(), fake()];
  await cache.get('a', () => Promise.resolve(a));
  await cache.get('b', () => Promise.resolve(b));
  await cache.get('a', () => Promise.reject(new Error('not again')));
  await cache.get('c', () => Promise.resolve(c));
  expect([a.released, b.released, c.released]).toEqual([0, 1, 0]);
  await cache.release();
  expect([a.released, b.released, c.released]).toEqual([1, 1, 1]);
});

test('a session that could not be opened is tried again', async () => {
  const cache = new SessionCache(2);
  await expect(cache.get('a', () => Promise.reject(new Error('no memory')))).rejects.toThrow('no memory');
  const session = fake();
  expect(await cache.get('a', () => Promise.resolve(session))).toBe(session);
});
