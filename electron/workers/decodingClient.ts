/** The other end of the decoding process. */
import type { JournalVerdict } from '#electron/contract/audit.ts';
import type { AssembledFile, AssembledStudy } from '#electron/library/assemble.ts';
import type { Captured, CapturedView } from '#electron/library/captured.ts';
import type { Inspection } from '#electron/library/inspect.ts';
import type { LibraryReader } from '#electron/library/library.ts';
import type { ShownOptions, ShownPicture } from '#electron/library/pixels.ts';
import type { SourceImage } from '#electron/report/formats/format.ts';
import type { DrawnRegions } from '#electron/report/regionsIn.ts';
import { supervise, type Launch, type Supervised } from './supervisor.ts';

export interface DecodingClient extends LibraryReader {
  values(file: { readonly path: string; readonly sha256: string; readonly index: number }): Promise<Uint8Array>;
  shown(file: { readonly path: string; readonly index: number } & ShownOptions): Promise<ShownPicture>;
  captured(view: CapturedView): Promise<Captured>;
  header(file: { readonly path: string; readonly sha256: string; readonly index: number }): Promise<SourceImage | null>;
  /** Of a structured report or a segmentation. */
  regions(path: string): Promise<DrawnRegions>;
  instances(files: readonly { readonly path: string; readonly sha256: string }[], uids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  checkJournal(path: string, onProgress: (progress: { readonly done: number; readonly of: number }) => void): Promise<JournalVerdict>;
  thumbnail(file: { readonly path: string; readonly index: number; readonly side: number }): Promise<Uint8Array>;
  tile(file: { readonly path: string; readonly level: number; readonly column: number; readonly row: number }): Promise<{ readonly type: string; readonly bytes: Uint8Array }>;
  channelTile(file: { readonly path: string; readonly level: number; readonly column: number; readonly row: number; readonly channel: number }): Promise<Uint8Array>;
  readonly worker: Supervised;
}

export function connectDecoding(file: string, launch: Launch, onState: (state: 'restarted' | 'failed', why: string) => void): DecodingClient {
  const worker = supervise({ name: 'decoding', file, launch, onState });
  const call = <Result>(method: string, argument: unknown, onNews?: (news: never) => void): Promise<Result> => worker.call(method, argument, { onNews }) as Promise<Result>;
  return {
    worker,
    inspect: (argument) => call<Inspection>('inspect', argument),
    unpack: async (argument, onEntry) => void await call('unpack', argument, onEntry),
    assemble: (files: readonly AssembledFile[]) => call<AssembledStudy>('assemble', { files }),
    async drawSamples(folder, onStudy) {
      // In a process of its own, so that what is drawn already can be read meanwhile.
      const drawing = supervise({ name: 'decoding', file, launch });
      try {
        await drawing.call('drawSamples', { folder }, { onNews: onStudy });
      } finally {
        drawing.close();
      }
    },
    values: (argument) => call<Uint8Array>('values', argument),
    shown: (argument) => call<ShownPicture>('shown', argument),
    captured: (argument) => call<Captured>('captured', argument),
    header: (argument) => call<SourceImage | null>('header', argument),
    regions: (path) => call<DrawnRegions>('regions', { path }),
    instances: async (files, uids) => new Map(await call<readonly (readonly [string, string])[]>('instances', { files, uids })),
    async checkJournal(path, onProgress) {
      // In a process of its own: a long journal must not hold up the images.
      const checking = supervise({ name: 'decoding', file, launch });
      try {
        return await checking.call('checkJournal', { path }, { onNews: onProgress }) as JournalVerdict;
      } finally {
        checking.close();
      }
    },
    thumbnail: (argument) => call<Uint8Array>('thumbnail', argument),
    tile: (argument) => call('tile', argument),
    channelTile: (argument) => call('channelTile', argument),
  };
}
