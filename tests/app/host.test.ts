/** The loopback host as an attacker on this machine or in the same browser would meet it. */
import { request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProgram, type Program } from '#tests/support/browser.ts';

let program: Program;
let own: string;
let cookie: string;
beforeAll(async () => {
  program = await startProgram({ samples: false });
  own = new URL(program.address).origin;
  const response = await fetch(program.address, { redirect: 'manual' });
  cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
}, 300_000);
afterAll(async () => await program?.close());

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Not by fetch, which corrects the very headers that are tried here. */
function ask(path: string, { method = 'GET', headers = { cookie }, body }: Asked = {}): Promise<{ status: number; headers: Readonly<Record<string, string | string[] | undefined>>; text: string }> {
  return new Promise((settle, reject) => {
    const sent = httpRequest(`${own}${path}`, { method, headers: { ...headers } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
      response.on('end', () => settle({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

describe('the loopback host', () => {
  test('gave its session to the first, in a cookie that no script reads and no other page sends', () => expect(cookie).toMatch(/^loupe-\d+=[\w-]{43}$/));
  test('gives no second session for the same address', async () => expect((await fetch(program.address, { redirect: 'manual' })).status).toBe(401));
  test('serves its page to the session', async () => expect(await ask('/')).toMatchObject({ status: 200 }));
  test.each(['/', '/events', '/frame/x/values', '/assets/x.js'])('refuses %s to anyone else', async (path) => expect((await ask(path, { headers: {} })).status).toBe(401));
  test('refuses a guessed session', async () => expect((await ask('/', { headers: { cookie: `${cookie.split('=')[0]}=${'A'.repeat(43)}` } })).status).toBe(401));
  test('refuses a foreign name for its address', async () => expect((await ask('/', { headers: { cookie, host: 'rebound.example' } })).status).toBe(403));
  test('refuses a call that another origin makes', async () =>
    expect((await ask('/call/library.list', { method: 'POST', headers: { cookie, origin: 'https://elsewhere.example' }, body: 'null' })).status).toBe(403));
  test('refuses a call without an origin', async () => expect((await ask('/call/library.list', { method: 'POST', body: 'null' })).status).toBe(403));
  test('answers a call of its own page', async () =>
    expect(JSON.parse((await ask('/call/library.list', { method: 'POST', headers: { cookie, origin: own }, body: 'null' })).text)).toEqual({ ok: true, value: [] }));
  test('takes no argument that is no JSON', async () => expect((await ask('/call/library.list', { method: 'POST', headers: { cookie, origin: own }, body: '{' })).status).toBe(400));
  test.each(['/..%2f..%2fpackage.json', '/%2e%2e/%2e%2e/package.json', '/assets/..%5c..%5cx.js', '/%00.js', '/%zz'])('gives nothing beside its page for %s', async (path) =>
    expect([400, 404]).toContain((await ask(path)).status));
  test.each(['/frame/../values', '/frame/0-0/values', `/frame/${'0'.repeat(64)}-0/../x`, `/tile/${'0'.repeat(64)}/0/0_0/x`])('gives no pixels for %s', async (path) => expect((await ask(path)).status).toBeGreaterThanOrEqual(400));
  test('says as data that a frame is not in the store', async () => {
    const { status, text } = await ask(`/frame/${'0'.repeat(64)}-0/values`);
    expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([422, 'library.file']);
  });
  test('sends a policy without any way out', async () => {
    const { headers } = await ask('/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).not.toMatch(/'unsafe-eval'|https?:|\*/);
    expect(policy.match(/script-src [^;]*/)?.[0]).toBe("script-src 'self' 'wasm-unsafe-eval'");
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
  });
  test('listens on the loopback address alone', async () => {
    const { networkInterfaces } = await import('node:os');
    const outside = Object.values(networkInterfaces()).flat().find((one) => one && !one.internal && one.family === 'IPv4')?.address;
    if (outside === undefined) return;
    const reached = await new Promise((settle) => {
      const socket = createConnection({ host: outside, port: Number(new URL(own).port), timeout: 2000 });
      for (const event of ['connect', 'error', 'timeout'] as const) socket.once(event, () => {
        socket.destroy();
        settle(event);
      });
    });
    expect(reached).not.toBe('connect');
  });
});
