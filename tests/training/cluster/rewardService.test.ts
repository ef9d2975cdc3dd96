import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answerLines, serveRewards, type RewardService } from '#training/cluster/rewardService.ts';

const token = 'a-token-that-is-long-enough';
let service: RewardService;
beforeAll(async () => {
  service = await serveRewards({ token });
});
afterAll(() => service.close());

const headers = { authorization: `Bearer ${token}` };
const rows = [{ completion: '<answer>yes</answer>', target: { kind: 'yesNo', value: true } }];
const score = (body: string, more: Record<string, string> = {}): Promise<Response> => fetch(`${service.url}/score`, { method: 'POST', headers: { ...headers, ...more }, body });

describe('the service', () => {
  test('listens on the loopback address alone', () => expect(service.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/));

  test('scores a batch', async () => {
    const reply = await score(JSON.stringify({ uses: [{ name: 'accuracy' }], rows }));
    expect([reply.status, await reply.json()]).toEqual([200, { results: [{ reward: 1, scores: [1], parts: expect.any(Object) }] }]);
  });

  test('lists the table, and says that it runs', async () => {
    const list = await (await fetch(`${service.url}/rewards`, { headers })).json() as { name: string; modes: string[] }[];
    expect(list).toContainEqual(expect.objectContaining({ name: 'accuracy', modes: ['strict'] }));
    expect(await (await fetch(`${service.url}/health`, { headers })).json()).toEqual({ status: 'ok' });
  });

  test.each([[{}], [{ authorization: 'Bearer ' }], [{ authorization: `Bearer ${token}x` }], [{ authorization: token }], [{ ...headers, origin: 'https://example.org' }]])(
    'turns away who does not know the token, and pages of a browser: %j', async (given) => {
      for (const path of ['/health', '/score', '/nothing']) {
        const reply = await fetch(`${service.url}${path}`, { headers: given });
        expect(reply.status).toBe(401);
        expect(await reply.json()).toMatchObject({ fault: { code: 'reward.refused' } });
      }
    });

  test('turns away a request that names another host', async () => {
    const status = await new Promise((resolve, reject) => {
      httpRequest(`${service.url}/health`, { headers: { ...headers, host: 'rewards.example.org' } }, (reply) => resolve(reply.resume().statusCode)).on('error', reject).end();
    });
    expect(status).toBe(401);
  });

  test.each([['{'], ['[]'], ['null'], [''], [JSON.stringify({ uses: [{ name: 'nothing' }], rows })]])('answers a bad request with its fault: %s', async (body) => {
    const reply = await score(body);
    expect(reply.status).toBe(400);
    expect(((await reply.json()) as { fault: { code: string } }).fault.code).toMatch(/^reward\./);
  });

  test('knows no other path and no other method', async () => {
    expect((await fetch(`${service.url}/score`, { headers })).status).toBe(405);
    expect((await fetch(`${service.url}/else`, { headers })).status).toBe(404);
  });

  test('stops reading what is too long, and goes on for others', async () => {
    const small = await serveRewards({ token, longest: 100_000 });
    const chunk = new Uint8Array(50_000).fill(32);
    const status = await new Promise((resolve) => {
      const sent = httpRequest(`${small.url}/score`, { method: 'POST', headers }, (reply) => resolve(reply.statusCode));
      sent.on('error', () => resolve(413)); // the connection may be cut before the answer is read
      let left = 40;
      const next = (): void => {
        if (left-- > 0) sent.write(chunk, next);
        else sent.end();
      };
      next();
    });
    expect(status).toBe(413);
    expect((await fetch(`${small.url}/health`, { headers })).status).toBe(200);
    await small.close();
  });

  test('keeps many callers apart', async () => {
    const counts = Array.from({ length: 20 }, (_, at) => 1 + (at * 7) % 50);
    const replies = await Promise.all(counts.map(async (count, at) => {
      const mine = Array.from({ length: count }, (_, row) => ({ ...rows[0], completion: `<answer>${(row + at) % 2 === 0 ? 'yes' : 'no'}</answer>` }));
      return (await (await score(JSON.stringify({ uses: [{ name: 'accuracy' }], rows: mine }))).json() as { results: { reward: number }[] }).results.map(({ reward }) => reward);
    }));
    expect(replies).toEqual(counts.map((count, at) => Array.from({ length: count }, (_, row) => ((row + at) % 2 === 0 ? 1 : 0))));
  });

  test('does not start with a token that could be guessed, nor on a port that is taken', async () => {
    await expect(serveRewards({ token: 'short' })).rejects.toMatchObject({ code: 'reward.token' });
    await expect(serveRewards({ token, port: Number(service.url.split(':').at(-1)) })).rejects.toMatchObject({ code: 'reward.port' });
  });
});

describe('through a pipe', () => {
  async function answers(text: string, size: number): Promise<unknown[]> {
    const bytes = new TextEncoder().encode(text);
    const lines: string[] = [];
    await answerLines((async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })(), (line) => lines.push(line));
    return lines.map((line) => JSON.parse(line) as unknown);
  }

  test.each([1, 7, 1000])('each line is answered under its own id, however the bytes come: %d at a time', async (size) => {
    const ask = (id: number, answer: string): string => JSON.stringify({ id, uses: [{ name: 'accuracy' }], rows: [{ ...rows[0], completion: `<answer>${answer} – ja</answer>` }] });
    expect(await answers(`${ask(1, 'yes')}\n\nnot json\n${JSON.stringify({ id: 'x' })}\n${ask(4, 'no')}`, size)).toEqual([
      { id: 1, results: [{ reward: 1, scores: [1], parts: expect.any(Object) }] }, { id: null, fault: expect.objectContaining({ code: 'reward.request' }) },
      { id: 'x', fault: expect.objectContaining({ code: 'reward.request' }) }, { id: 4, results: [{ reward: 0, scores: [0], parts: expect.any(Object) }] },
    ]);
  });
});
