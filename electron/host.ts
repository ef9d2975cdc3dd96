/**
 * The workstation for a browser: the same page, contract and pixels on the loopback address. Whoever has the address with its one-time token gets a
 * session; anyone else, other programs on this machine and other pages in the browser included, gets nothing.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { EventName, Publish } from './contract/events.ts';
import { serve } from './contract/serve.ts';
import { frameAnswer, pageFile, securityHeaders, tileAnswer, type Answer } from './routes.ts';
import { startServices, type Services, type Shell } from './services.ts';
import { launchProcess } from './workers/supervisor.ts';

export interface HostOptions {
  readonly pageFolder: string;
  readonly dataFolder: string;
  readonly model?: string;
  /** 0: any free one. */
  readonly port?: number;
  readonly samples?: boolean;
}

export interface Host {
  /** Opens a session once. */
  readonly address: string;
  /** Another address, as good for one session. */
  invite(): string;
  readonly services: Services;
  close(): Promise<void>;
}

const mostArgumentBytes = 4_000_000;
const mostUploadedFiles = 200_000;

export async function startHost({ pageFolder, dataFolder, model, port = 0, samples = true }: HostOptions): Promise<Host> {
  const listeners = new Set<ServerResponse>();
  const publish: Publish = (event: EventName, payload: unknown) => {
    const message = `event: ${event}\ndata: ${JSON.stringify(payload)}\n\n`;
    for (const listener of listeners) listener.write(message);
  };
  const shell: Shell = { surface: 'browser', runtime: `Node ${process.versions.node}`, launch: launchProcess, choosePaths: () => Promise.resolve(null), cancelledRequests: () => 0 };
  const services = startServices({ folder: dataFolder, shell, publish, samples, ...(model === undefined ? {} : { model }) });
  const uploads = createUploads(services);

  const tokens = new Set<string>();
  const sessions = new Set<string>();
  let own = '';
  const invite = (): string => {
    const token = secret();
    tokens.add(token);
    return `${own}/?token=${token}`;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A foreign name for this address is how a page elsewhere would reach it.
    if (request.headers.host !== own.slice('http://'.length)) return send(response, refusal(403, 'This address is not served under that name.'));
    const url = new URL(request.url ?? '/', own);
    const token = url.searchParams.get('token');
    if (url.pathname === '/' && token !== null && tokens.delete(token)) {
      const session = secret();
      sessions.add(session);
      return send(response, { status: 303, headers: { Location: '/', 'Set-Cookie': `${cookieName(own)}=${session}; HttpOnly; SameSite=Strict; Path=/`, 'Cache-Control': 'no-store' }, body: '' });
    }
    if (!isKnown(request, sessions, own)) {
      return send(response, refusal(401, 'This address opens once, for one browser. Start Loupe again, or use the newest address that it printed.'));
    }
    if (request.method === 'GET') {
      if (url.pathname === '/events') return listen(request, response, listeners);
      if (url.pathname.startsWith('/frame/')) return send(response, await frameAnswer(services, url.pathname.slice('/frame/'.length), url.searchParams));
      if (url.pathname.startsWith('/tile/')) return send(response, await tileAnswer(services, url.pathname.slice('/tile/'.length)));
      return send(response, await pageFile(pageFolder, url.pathname));
    }
    if (request.method !== 'POST' || request.headers.origin !== own) return send(response, refusal(403, 'Only our own page may ask this.'));
    if (url.pathname.startsWith('/call/')) {
      const argument = await readJson(request);
      if (argument === undefined) return send(response, refusal(400, 'The argument is no JSON, or too long.'));
      const reply = await serve(services.handlers, url.pathname.slice('/call/'.length), argument, (error) => console.error(error));
      return send(response, { status: 200, headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }, body: JSON.stringify(reply) });
    }
    if (url.pathname === '/upload') return send(response, await uploads.take(request, url.searchParams));
    if (url.pathname === '/upload/done') return send(response, await uploads.finish(url.searchParams));
    return send(response, refusal(404, 'There is nothing here.'));
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      console.error(error);
      if (!response.headersSent) send(response, refusal(500, 'Something went wrong inside Loupe.'));
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const beat = setInterval(() => listeners.forEach((listener) => listener.write(': here\n\n')), 15_000);
  beat.unref();

  return {
    address: invite(), invite, services,
    async close() {
      clearInterval(beat);
      listeners.forEach((listener) => listener.end());
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await uploads.close();
      await services.close();
    },
  };
}

const secret = (): string => randomBytes(32).toString('base64url');
/** Cookies do not tell ports apart: two workstations on one machine must not share one. */
const cookieName = (own: string): string => `loupe-${own.slice(own.lastIndexOf(':') + 1)}`;

function isKnown(request: IncomingMessage, sessions: ReadonlySet<string>, own: string): boolean {
  const cookies = (request.headers.cookie ?? '').split(';').map((part) => part.trim());
  const given = cookies.find((part) => part.startsWith(`${cookieName(own)}=`))?.slice(cookieName(own).length + 1);
  if (given === undefined) return false;
  const bytes = Buffer.from(given);
  return [...sessions].some((session) => session.length === bytes.length && timingSafeEqual(Buffer.from(session), bytes));
}

const refusal = (status: number, text: string): Answer => ({ status, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }, body: text });

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...securityHeaders('browser'), ...headers, 'Content-Length': typeof body === 'string' ? Buffer.byteLength(body) : body.length });
  response.end(body);
}

function listen(request: IncomingMessage, response: ServerResponse, listeners: Set<ServerResponse>): void {
  response.writeHead(200, { ...securityHeaders('browser'), 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', Connection: 'keep-alive' });
  response.write(': here\n\n');
  listeners.add(response);
  request.on('close', () => listeners.delete(response));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostArgumentBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

interface Uploads {
  take(request: IncomingMessage, query: URLSearchParams): Promise<Answer>;
  finish(query: URLSearchParams): Promise<Answer>;
  close(): Promise<void>;
}

/** A browser hands over bytes instead of paths: they are collected in a folder, with the names that they had, and imported from there. */
function createUploads({ library }: Services): Uploads {
  // The folder is promised at once: the first files of a batch arrive side by side.
  const batches = new Map<string, { readonly folder: Promise<string>; files: number; readonly roots: Set<string> }>();
  const plain = (part: string): string => part.replace(/[\\:*?"<>|\p{Cc}]/gu, '_').slice(0, 200);
  return {
    async take(request, query) {
      const batchId = query.get('batch') ?? '';
      if (!/^[\w-]{1,64}$/.test(batchId)) return refusal(400, 'The batch has no name.');
      let batch = batches.get(batchId);
      if (!batch) batches.set(batchId, batch = { folder: mkdtemp(join(tmpdir(), 'loupe-upload-')), files: 0, roots: new Set() });
      if (++batch.files > mostUploadedFiles) return refusal(413, 'These are too many files at once.');
      const words = (query.get('name') ?? '').split('/').filter((part) => part !== '' && part !== '.' && part !== '..').map(plain);
      if (words.length === 0 || words.length > 24) return refusal(400, 'The file has no usable name.');
      const target = join(await batch.folder, ...words);
      await mkdir(dirname(target), { recursive: true });
      await pipeline(request, createWriteStream(target));
      batch.roots.add(words[0] as string);
      return { status: 204, headers: { 'Cache-Control': 'no-store' }, body: '' };
    },
    async finish(query) {
      const batchId = query.get('batch') ?? '';
      const batch = batches.get(batchId);
      if (!batch) return refusal(400, 'There is no such batch.');
      batches.delete(batchId);
      const folder = await batch.folder;
      const { importId } = library.start([...batch.roots].map((name) => ({ path: join(folder, name), name })), { whenDone: () => rm(folder, { recursive: true, force: true }) });
      return { status: 200, headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }, body: JSON.stringify({ importId }) };
    },
    async close() {
      for (const { folder } of batches.values()) await rm(await folder, { recursive: true, force: true });
    },
  };
}
