/**
 * The rewards as a service of this machine: HTTP on the loopback address behind a token, or one JSON request on each line of a pipe.
 * Other machines of a cluster start their own: nothing here listens to a network.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault, type FaultFields } from '#models/base/fault.ts';
import { rewards } from '#training/rewards/table.ts';
import { badRequest, most, scoreRequest } from './scoring.ts';

export interface RewardService {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** What every caller has to know. */
  readonly token: string;
  /** Default 0: any that is free. */
  readonly port?: number;
  /** Bytes of a request. */
  readonly longest?: number;
}

/** The token that a caller has to know; shorter ones could be guessed. */
const shortestToken = 16;

/**
 * Listens on 127.0.0.1. `POST /score` takes what `scoreRequest` takes and answers `{"results": […]}`; `GET /rewards` lists the table; `GET /health`
 * says that it runs. Every request carries `Authorization: Bearer TOKEN`. What cannot be done comes back as `{"fault": {…}}` with status 400, 401, 404,
 * 405 or 413.
 *
 * @throws Fault `reward.token` for a token that is too short, `reward.port` where the port is taken
 */
export async function serveRewards({ token, port = 0, longest = most.bytes }: ServiceOptions): Promise<RewardService> {
  if (token.length < shortestToken) throw new Fault({
    code: 'reward.token', what: 'The reward service does not start.',
    why: `Its token has ${token.length} characters.`,
    mend: `Give one of at least ${shortestToken}, or none: then one is drawn.`,
  });
  const server = createServer((request, response) => {
    handle(request, token, longest).then(
      (value) => reply(response, 200, value),
      (thrown: unknown) => {
        const status = thrown instanceof Refusal ? thrown.status : thrown instanceof Fault ? 400 : 500;
        reply(response, status, { fault: faultOf(thrown) }, thrown instanceof Refusal);
      },
    ).catch(() => response.destroy());
  });
  // Batches of a step may take a while to score; what dawdles while it is sent is cut off.
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(new Fault({
      code: 'reward.port', what: `The reward service cannot listen on port ${port}.`,
      why: cause.code === 'EADDRINUSE' ? 'Another program has the port.' : cause.message,
      mend: 'Choose another port, or 0 for any that is free.',
    }, { cause })));
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** A request that is turned away before it is read. */
class Refusal extends Fault {
  constructor(readonly status: number, why: string, mend: string) {
    super({ code: 'reward.refused', what: 'The request is turned away.', why, mend });
  }
}

async function handle(request: IncomingMessage, token: string, longest: number): Promise<unknown> {
  // A page in a browser can reach the loopback address; it cannot leave out its origin, nor name the host as we do.
  if (request.headers.origin !== undefined || !/^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(request.headers.host ?? '')) {
    throw new Refusal(401, 'It comes from a web page or names another host.', 'Call http://127.0.0.1 from a program.');
  }
  if (!isToken(request.headers.authorization, token)) {
    throw new Refusal(401, 'It does not carry the token of this service.', 'Send "Authorization: Bearer TOKEN".');
  }
  const path = (request.url ?? '').split('?')[0];
  if (path === '/health' && request.method === 'GET') return { status: 'ok' };
  if (path === '/rewards' && request.method === 'GET') {
    return rewards.map(({ name, source, summary, reads, modes }) => ({ name, source, summary, reads, modes: Object.keys(modes) }));
  }
  if (path !== '/score') throw new Refusal(404, `There is no ${String(path).slice(0, 80)}.`, 'Use /score, /rewards or /health.');
  if (request.method !== 'POST') throw new Refusal(405, `${request.method} is not what /score takes.`, 'Use POST.');
  return { results: await scoreRequest(parsed(await bodyOf(request, longest))) };
}

/** Compared by hashes of equal length, in the same time for every wrong token. */
function isToken(header: string | undefined, token: string): boolean {
  const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}

async function bodyOf(request: IncomingMessage, longest: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > longest) throw new Refusal(413, `It is longer than ${longest} bytes.`, 'Send fewer rows at once.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest(`It is not JSON: ${(cause as Error).message}.`);
  }
}

/** @param isLast  closes the connection: what is left of a request that was turned away is not read */
function reply(response: ServerResponse, status: number, value: unknown, isLast = false): void {
  const text = JSON.stringify(value);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, isLast ? { ...headers, connection: 'close' } : headers);
  response.end(text);
}

function faultOf(thrown: unknown): FaultFields {
  if (thrown instanceof Fault) return thrown.toJSON();
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'internal', what: 'The reward service failed.', why, mend: 'This is a defect: report it with the request.' };
}

/**
 * Answers requests that come one on each line, in order: `{"id", "uses", "rows"}` in, `{"id", "results"}` or `{"id", "fault"}` out.
 * Ends with the input.
 *
 * @throws Fault `reward.request` for a line that is longer than a request may be
 */
export async function answerLines(input: AsyncIterable<Uint8Array>, write: (line: string) => void): Promise<void> {
  for await (const line of linesOf(input)) {
    if (line.trim() === '') continue;
    let id: unknown = null;
    try {
      const request = parsed(line);
      id = (request as { id?: unknown } | null)?.id ?? null;
      write(`${JSON.stringify({ id, results: await scoreRequest(request) })}\n`);
    } catch (thrown) {
      write(`${JSON.stringify({ id, fault: faultOf(thrown) })}\n`);
    }
  }
}

async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const part of input) {
    let from = 0;
    for (let end; (end = part.indexOf(10, from)) >= 0; from = end + 1) {
      yield Buffer.concat([...waiting, part.subarray(from, end)]).toString('utf8');
      waiting = [];
      length = 0;
    }
    if (from === part.length) continue;
    waiting.push(part.subarray(from));
    length += part.length - from;
    if (length > most.bytes) throw badRequest(`A line is longer than ${most.bytes} bytes.`);
  }
  if (waiting.length > 0) yield Buffer.concat(waiting).toString('utf8');
}
