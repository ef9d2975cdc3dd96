/** What the imaging tests share: a busy test picture, hashes, and the fault that something ends in. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import type { Picture } from '#models/imaging/image.ts';

/** The picture that tests/fixtures/imaging/make.py draws too. */
export function pattern(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) data.set([x * 7 + y * 3, x * x + y * 5, (x * y * 3) ^ (x + y)], i);
  }
  return { width, height, data };
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join('tests/fixtures/imaging', name)));

/** The expected sizes and hashes that make.py wrote. */
export const expectations = JSON.parse(readFileSync('tests/fixtures/imaging/expected.json', 'utf8')) as {
  readonly files: Readonly<Record<string, { readonly width: number; readonly height: number; readonly sha256: string }>>;
  readonly resized: readonly { readonly from: [number, number]; readonly to: [number, number]; readonly sha256: string }[];
  readonly resizedBoxes: readonly {
    readonly from: [number, number];
    readonly to: [number, number];
    readonly box: [number, number, number, number];
    readonly sha256: string;
  }[];
};

/** The code of the fault that an act ends in; `none` where it succeeds. Anything else that is thrown is a bug and passes through. */
export async function faultCode(act: () => unknown): Promise<string> {
  try {
    await act();
    return 'none';
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

/** A file of the shared data, or null where that folder is absent. */
export function sharedPath(...parts: readonly string[]): string | null {
  const path = join(process.env['LOUPE_SHARED'] ?? '../shared', ...parts);
  return existsSync(path) ? path : null;
}

/** A picture cut into tiles, row by row; what hangs over the edge is black. */
export function tilesOf({ width, height, data }: Picture, [tileWidth, tileHeight]: readonly [number, number]): Uint8Array[] {
  const tiles: Uint8Array[] = [];
  for (let top = 0; top < height; top += tileHeight) {
    for (let left = 0; left < width; left += tileWidth) {
      const tile = new Uint8Array(tileWidth * tileHeight * 3);
      const used = Math.min(tileWidth, width - left) * 3;
      for (let y = 0; y < Math.min(tileHeight, height - top); y++) {
        const from = ((top + y) * width + left) * 3;
        tile.set(data.subarray(from, from + used), y * tileWidth * 3);
      }
      tiles.push(tile);
    }
  }
  return tiles;
}
