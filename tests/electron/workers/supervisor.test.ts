import { describe, expect, test } from 'vitest';
import { supervise, type Carrier, type Launch, type Supervised } from '#electron/workers/supervisor.ts';
import type { WorkerReply, WorkerRequest } from '#electron/workers/port.ts';

/** A worker in this process: echoes, tells news, and dies when it is told to. */
function makeLaunch(): { launch: Launch; starts: () => number } {
  let starts = 0;
  const launch: Launch = () => {
    starts++;
    let hear: (message: unknown) => void = () => undefined;
    let ended: (why: string) => void = () => undefined;
    const carrier: Carrier = {
      post(message) {
        const request = message as WorkerRequest;
        queueMicrotask(() => {
          if ('stop' in request) return;
          if (request.method === 'die') ended('It was killed.');
          else {
            hear({ id: request.id, kind: 'news', news: 'on the way' } satisfies WorkerReply);
            if (request.method !== 'hang') hear({ id: request.id, kind: 'result', result: request.argument } satisfies WorkerReply);
          }
        });
      },
      onMessage: (listener) => void (hear = listener),
      onEnd: (listener) => void (ended = listener),
      end: () => undefined,
    };
    return carrier;
  };
  return { launch, starts: () => starts };
}

function make(extra: Partial<Parameters<typeof supervise>[0]> = {}): { worker: Supervised; starts: () => number; states: string[] } {
  const states: string[] = [];
  const { launch, starts } = makeLaunch();
  return { worker: supervise({ name: 'decoding', file: '', launch, onState: (state) => states.push(state), ...extra }), starts, states };
}

describe('a supervised worker', () => {
  test('starts when it is first asked, and answers', async () => {
    const { worker, starts } = make();
    expect(starts()).toBe(0);
    const news: unknown[] = [];
    expect(await worker.call('echo', 7, { onNews: (one) => news.push(one) })).toBe(7);
    expect([starts(), news]).toEqual([1, ['on the way']]);
  });

  test('that dies fails what waits, says so, and is there again for the next', async () => {
    const { worker, starts, states } = make();
    const waiting = worker.call('hang', 1);
    const deadly = worker.call('die', null);
    await expect(waiting).rejects.toMatchObject({ name: 'Fault', code: 'decoding.ended' });
    await expect(deadly).rejects.toMatchObject({ code: 'decoding.ended' });
    expect(await worker.call('echo', 'alive')).toBe('alive');
    expect([starts(), states]).toEqual([2, ['restarted']]);
  });

  test('that dies at once each time is given up until it is asked again', async () => {
    const { worker, states } = make();
    for (let i = 0; i < 4; i++) await worker.call('die', null).catch(() => undefined);
    expect(states).toEqual(['restarted', 'restarted', 'restarted', 'failed']);
    expect(worker.current).toBeUndefined();
    expect(await worker.call('echo', 1)).toBe(1);
  });

  test('is prepared anew after each death, before anything else', async () => {
    const prepared: unknown[] = [];
    const { worker } = make({ prepare: async (call) => void prepared.push(await call('echo', 'open the model')) });
    await worker.call('echo', 1);
    await worker.call('die', null).catch(() => undefined);
    await worker.call('echo', 2);
    expect(prepared).toEqual(['open the model', 'open the model']);
  });

  test('that was closed says so', async () => {
    const { worker } = make();
    await worker.call('echo', 1);
    worker.close();
    await expect(worker.call('echo', 1)).rejects.toMatchObject({ code: 'decoding.closed' });
  });
});
