/** app://, frame:// and tile://: the page and its pixels by URL, never by file and never by network. */
import { protocol, type Session } from 'electron';
import { frameAnswer, pageFile, securityHeaders, tileAnswer, type Answer } from './routes.ts';
import type { Services } from './services.ts';
import { origin } from './window.ts';

/** Before the application is ready. */
export function registerSchemes(): void {
  const pixels = { standard: true, secure: true, supportFetchAPI: true, stream: true, corsEnabled: true };
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true } },
    { scheme: 'frame', privileges: pixels },
    { scheme: 'tile', privileges: pixels },
  ]);
}

export function handleSchemes({ protocol: ours }: Session, services: Services, pageFolder: string): void {
  ours.handle('app', async ({ url, method }) => {
    const { host, pathname } = new URL(url);
    return toResponse(host === 'loupe' && method === 'GET' ? await pageFile(pageFolder, pathname) : notFound);
  });
  ours.handle('frame', async ({ url, method }) => {
    const { host, pathname, searchParams } = new URL(url);
    return toResponse(host === 'pixels' && method === 'GET' ? await frameAnswer(services, pathname, searchParams) : notFound);
  });
  ours.handle('tile', async ({ url, method }) => {
    const { host, pathname } = new URL(url);
    return toResponse(host === 'pixels' && method === 'GET' ? await tileAnswer(services, pathname) : notFound);
  });
}

const notFound: Answer = { status: 404, headers: { 'Content-Type': 'text/plain' }, body: 'There is nothing here.' };

function toResponse({ status, headers, body }: Answer): Response {
  const content = typeof body === 'string' ? body : body.slice();
  return new Response(status === 204 ? null : content, { status, headers: { ...securityHeaders('electron'), 'Access-Control-Allow-Origin': origin, ...headers } });
}
