/** DICOM files, from bytes in memory to stored pixel values, one file for each transfer syntax of a folder. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { alternate, rounded, timed, type Contender, type Sample } from './measure.ts';
import { PeerError, type Peer } from './peer.ts';

interface Chosen {
  readonly syntax: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly pixels: number;
}

/** The file with most pixels for each transfer syntax. */
function chooseFiles(folder: string): readonly Chosen[] {
  const best = new Map<string, Chosen>();
  const files = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.dcm') && !name.includes('bad_'))
        .sort()
    : [];
  for (const name of files) {
    const path = join(folder, name);
    const bytes = new Uint8Array(readFileSync(path));
    const { image, transferSyntax, wholeFrames } = readDicom(bytes);
    if (!image || !transferSyntax || wholeFrames < image.frames) continue;
    const pixels = image.rows * image.columns * image.frames;
    if (pixels > (best.get(transferSyntax.name)?.pixels ?? 0)) best.set(transferSyntax.name, { syntax: transferSyntax.name, path, bytes, pixels });
  }
  return [...best.values()].sort((a, b) => (a.syntax < b.syntax ? -1 : 1));
}

async function decodeAll(bytes: Uint8Array): Promise<void> {
  const file = readDicom(bytes);
  for (let frame = 0; frame < (file.image?.frames ?? 0); frame++) await decodeFrame(file, frame);
}

export async function benchDecode({ folder, peer, rounds }: { folder: string; peer: Peer | null; rounds: number }): Promise<Record<string, unknown>> {
  const files = chooseFiles(folder);
  if (peer) await peer.ask({ do: 'prepare', files: files.map(({ path }) => path) });
  const rows: Record<string, unknown>[] = [];
  for (const { syntax, path, bytes, pixels } of files) {
    // Small files are repeated within a run, so that a run lasts long enough to be timed.
    const times = 3;
    const contenders: Contender[] = [
      async () => {
        const each: number[] = [];
        for (let run = 0; run < times; run++) each.push(await timed(() => decodeAll(bytes)));
        return each.sort((a, b) => a - b)[times >> 1]!;
      },
    ];
    let missing: string | null = null;
    if (peer) {
      try {
        await peer.ask({ do: 'decode', file: path, times: 1 });
        contenders.push(async () => (await peer.ask({ do: 'decode', file: path, times })).ms as number);
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        missing = error.message;
      }
    }
    const [own, theirs] = (await alternate(contenders, rounds)) as [Sample, Sample | undefined];
    rows.push({
      syntax,
      file: path.slice(folder.length + 1),
      megapixels: rounded(pixels / 1e6),
      ours_ms: own.median_ms,
      megapixels_per_s: rounded(pixels / 1e3 / own.median_ms),
      ...(theirs ? { peer_ms: theirs.median_ms, ratio: rounded(theirs.median_ms / own.median_ms) } : {}),
      ...(missing ? { peer: 'cannot read it', why: missing } : {}),
    });
  }
  return { what: 'DICOM decode by transfer syntax, against pydicom', folder, syntaxes: rows };
}
