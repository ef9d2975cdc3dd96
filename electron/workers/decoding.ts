/** Reads foreign files in a process of its own: what is malformed enough to kill a decoder kills this process and nothing else. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkJournal } from '#electron/audit/chain.ts';
import { readHead } from '#electron/audit/head.ts';
import { kinds } from '#electron/audit/verdict.ts';
import type { JournalVerdict } from '#electron/contract/audit.ts';
import { encodeFrame } from '#electron/contract/frame.ts';
import { unpack, usualLimits, type ArchiveKey } from '#electron/library/archive.ts';
import { assemble, type AssembledFile } from '#electron/library/assemble.ts';
import { captured, type CapturedView } from '#electron/library/captured.ts';
import { inspect, wholeFile } from '#electron/library/inspect.ts';
import { openPixels, type ShownOptions } from '#electron/library/pixels.ts';
import { readReportRegions } from '#electron/report/formats/dicomRead.ts';
import { sourceImage } from '#electron/report/headers.ts';
import { drawnRegions } from '#electron/report/regionsIn.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { sampleNames, sampleStudy } from '#training/synthesis/samples.ts';
import { answerRequests, type Task } from './port.ts';

const pixels = openPixels();

/** Headers without pixels, some kilobytes each, of the files that were put together last. */
const headers = new Map<string, DicomFile>();
const keptHeaders = 20_000;

/** The file whose header was asked for last. */
let opened: { readonly path: string; readonly file: Promise<DicomFile | null> } | undefined;
const dicomFile = async (path: string): Promise<DicomFile | null> => (kindOf(await startOfFile(path, kindBytes)) === 'dicom' ? readDicom(await wholeFile(path, 'The file')) : null);

/** The first study is there within a second; what takes longest to draw comes last. */
const quickestFirst = sampleNames.toSorted((a, b) => Number(/^(ct|blood|slide)/.test(a)) - Number(/^(ct|blood|slide)/.test(b)) || Number(b === 'chest-film') - Number(a === 'chest-film'));

const methods = {
  inspect: ({ path, name, sha256 }: { path: string; name: string; sha256: string }) => inspect(path, name, sha256),
  async unpack({ path, folder, key }: { path: string; folder: string; key?: ArchiveKey }, { tell }: Task) {
    for await (const entry of unpack(path, folder, usualLimits, key)) tell(entry);
    return null;
  },
  async assemble({ files }: { files: readonly AssembledFile[] }) {
    if (headers.size > keptHeaders) headers.clear();
    return assemble(files, headers);
  },
  values: async ({ path, sha256, index }: { path: string; sha256: string; index: number }) => encodeFrame(await pixels.values(path, sha256, index)),
  shown: ({ path, index, ...options }: { path: string; index: number } & ShownOptions) => pixels.shown(path, index, options),
  captured: (view: CapturedView) => captured(pixels, view),
  /** What the header says of a frame, for the files that a report refers to; null where the file is no DICOM. */
  async header({ path, sha256, index }: { path: string; sha256: string; index: number }) {
    // A report asks for one frame of a file after another.
    if (opened?.path !== path) opened = { path, file: dicomFile(path) };
    const file = await opened.file;
    return file && sourceImage(file, sha256, index);
  },
  regions: async ({ path }: { path: string }) => drawnRegions(readReportRegions(await wholeFile(path, 'The file'))),
  /** Which of the files hold these instances, by SOP instance UID; it ends when all are found. */
  async instances({ files, uids }: { files: readonly { readonly path: string; readonly sha256: string }[]; uids: readonly string[] }) {
    const found: [string, string][] = [];
    for (const { path, sha256 } of files) {
      if (found.length === uids.length) break;
      const uid = (await dicomFile(path).then((file) => file && firstText(file.dataSet, 'x00080018'), () => null)) ?? '';
      if (uids.includes(uid)) found.push([uid, sha256]);
    }
    return found;
  },
  /** Also the audit journal is a foreign file until every hash of it was computed anew. */
  async checkJournal({ path }: { path: string }, { tell }: Task): Promise<JournalVerdict> {
    const { isWhole, findings, notes, log, entries, signed, fingerprint, root, checkpoints } = checkJournal(await readFile(path), { head: readHead(path), onProgress: tell });
    return { isWhole, findings: findings.slice(0, 200).map(({ kind, where, why }) => ({ kind, where, why, what: kinds[kind].what })), notes: [...notes], log, entries, signed, checkpoints: checkpoints.length, fingerprint, root };
  },
  thumbnail: ({ path, index, side }: { path: string; index: number; side: number }) => pixels.thumbnail(path, index, side),
  tile: ({ path, level, column, row }: { path: string; level: number; column: number; row: number }) => pixels.tile(path, level, column, row),
  channelTile: ({ path, level, ...place }: { path: string; level: number; column: number; row: number; channel: number }) => pixels.channelTile(path, level, place),
  async drawSamples({ folder }: { folder: string }, { tell }: Task) {
    for (const name of quickestFirst) {
      const { files, question } = sampleStudy(name);
      for (const [file, bytes] of files) {
        await mkdir(dirname(join(folder, file)), { recursive: true });
        await writeFile(join(folder, file), bytes);
      }
      const [first = name] = files.keys();
      tell({ path: join(folder, first.includes('/') ? dirname(first) : first), question });
    }
    return null;
  },
};

export type DecodingMethods = typeof methods;

answerRequests(methods);
