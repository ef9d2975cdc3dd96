/** What the page may fetch: its own files, frames and tiles, the same through Electron's schemes and through the loopback host. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, extname, join, normalize, sep } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { FrameId, Sha256 } from './contract/library.ts';
import { parts, type Services } from './services.ts';
import { writeWhole } from './storage/atomic.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/**
 * No script but ours, no connection but to the pixels. `wasm-unsafe-eval` lets compiled codecs run and nothing else; style elements are how the
 * component library works.
 */
export function contentSecurityPolicy(surface: 'electron' | 'browser'): string {
  const pixels = surface === 'electron' ? ' frame: tile:' : '';
  return [
    "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'", "style-src 'self' 'unsafe-inline'", `img-src 'self' data: blob:${pixels}`,
    `connect-src 'self'${pixels}`, "font-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join('; ');
}

export const securityHeaders = (surface: 'electron' | 'browser'): Readonly<Record<string, string>> => ({
  'Content-Security-Policy': contentSecurityPolicy(surface),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': surface === 'electron' ? 'cross-origin' : 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), payment=()',
});

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.ico': 'image/x-icon', '.woff2': 'font/woff2', '.json': 'application/json', '.ttf': 'font/ttf',
};

const refused = (status: number, text: string): Answer => ({ status, headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }, body: text });

/** A file of the page. A path that leaves its folder is not found. */
export async function pageFile(folder: string, path: string): Promise<Answer> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path === '/' ? '/index.html' : path);
  } catch {
    return refused(400, 'The address is malformed.');
  }
  const file = normalize(join(folder, decoded));
  const type = types[extname(file)];
  if (!file.startsWith(folder + sep) || decoded.includes('\0') || type === undefined) return refused(404, 'There is no such file.');
  try {
    // Names of built files carry a hash of their content; the entry page does not.
    return { status: 200, headers: { 'Content-Type': type, 'Cache-Control': file.endsWith('.html') ? 'no-store' : 'private, max-age=31536000, immutable' }, body: await readFile(file) };
  } catch {
    return refused(404, 'There is no such file.');
  }
}

/** Pixels of patients stay out of every cache on disk but our own. */
const pixelHeaders = (type: string): Readonly<Record<string, string>> => ({ 'Content-Type': type, 'Cache-Control': 'no-store' });

const thumbnailSides = [96, 192, 384] as const;

/**
 * `<frame id>/values` for the stored values, `<frame id>/thumbnail?side=192`, `<frame id>/picture` for the displayed picture in full size;
 * `seen/<answer>/<view>` for what the network was given; `run/<run>/<step>/<group>` for what a model saw when that group was tried.
 */
export async function frameAnswer({ library, decoding, evidence, finetune, cacheFolder }: Services, path: string, query: URLSearchParams): Promise<Answer> {
  return guarded(async () => {
    const [, runId, step, at] = /^\/?run\/([\w-]{1,64})\/(\d{1,7})\/(\d{1,5})$/.exec(path) ?? [];
    if (runId !== undefined) return { status: 200, headers: pixelHeaders('image/png'), body: await finetune.picture(runId, Number(step), Number(at)) };
    const [, traceId, view] = /^\/?seen\/([\w-]{1,64})\/(\d{1,3})$/.exec(path) ?? [];
    if (traceId !== undefined) return { status: 200, headers: pixelHeaders('image/png'), body: await evidence.seen(traceId, Number(view)) };
    const [, id = '', form] = /^\/?([^/]+)\/(\w+)$/.exec(path) ?? [];
    if (!FrameId.safeParse(id).success) return refused(404, 'There is no such frame.');
    const [sha256, index] = parts(id);
    const file = library.pathOf(sha256);
    if (form === 'values') return { status: 200, headers: pixelHeaders('application/octet-stream'), body: await decoding.values({ path: file, sha256, index }) };
    const side = form === 'picture' ? 16_384 : thumbnailSides.find((one) => one >= Number(query.get('side') ?? 192)) ?? 384;
    if (form === 'picture') return { status: 200, headers: pixelHeaders('image/png'), body: await decoding.thumbnail({ path: file, index, side }) };
    if (form !== 'thumbnail') return refused(404, 'There is no such form of a frame.');
    const kept = join(cacheFolder, 'thumbnails', sha256.slice(0, 2), `${id}-${side}.png`);
    const known = await readFile(kept).catch(() => null);
    if (known) return { status: 200, headers: pixelHeaders('image/png'), body: known };
    const made = await decoding.thumbnail({ path: file, index, side });
    await mkdir(dirname(kept), { recursive: true });
    await writeWhole(kept, made);
    return { status: 200, headers: pixelHeaders('image/png'), body: made };
  });
}

/** `<slide>/<level>/<column>_<row>`, and `/<channel>` behind it for what one channel measured there. */
export async function tileAnswer({ library, decoding }: Services, path: string): Promise<Answer> {
  return guarded(async () => {
    const [, slide = '', level, column, row, channel] = /^\/?([0-9a-f]+)\/(\d{1,2})\/(\d{1,6})_(\d{1,6})(?:\/(\d{1,2}))?$/.exec(path) ?? [];
    if (!Sha256.safeParse(slide).success) return refused(404, 'There is no such tile.');
    const tile = { path: library.pathOf(slide), level: Number(level), column: Number(column), row: Number(row) };
    if (channel !== undefined) return { status: 200, headers: pixelHeaders('application/octet-stream'), body: await decoding.channelTile({ ...tile, channel: Number(channel) }) };
    const { type, bytes } = await decoding.tile(tile);
    return { status: 200, headers: pixelHeaders(type), body: bytes };
  });
}

async function guarded(answer: () => Promise<Answer>): Promise<Answer> {
  try {
    return await answer();
  } catch (thrown) {
    if (!(thrown instanceof Fault)) {
      console.error(thrown);
      return refused(500, 'Something went wrong inside Loupe.');
    }
    return { status: 422, headers: pixelHeaders('application/json'), body: JSON.stringify(thrown.toJSON()) };
  }
}
