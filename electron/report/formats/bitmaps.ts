/** Pictures of a report as PNG, packed by the machine's own zlib: they are many and large, and nothing of them may be lost. */
import { crc32, deflateSync } from 'node:zlib';
import type { Bitmap } from './format.ts';

/** Its red, green and blue, row by row, each row begun by PNG's filter 2 (Up) and less the row above it: what PNG and PDF deflate. */
export function filteredRows({ width, height, data }: Bitmap): Uint8Array {
  const stride = 3 * width + 1;
  const rows = new Uint8Array(stride * height);
  for (let y = 0, to = 0, from = 0; y < height; y++) {
    rows[to++] = 2;
    for (const end = from + 4 * width; from < end; from += 4) {
      for (let c = 0; c < 3; c++) rows[to++] = (data[from + c] as number) - (y === 0 ? 0 : (data[from + c - 4 * width] as number));
    }
  }
  return rows;
}

const packed = new WeakMap<Bitmap, Buffer>();

/** The same picture is packed once: the preview asks for it after each change of a word. */
export function pngOf(bitmap: Bitmap): Buffer {
  const known = packed.get(bitmap);
  if (known) return known;
  const made = pack(bitmap);
  packed.set(bitmap, made);
  return made;
}

function pack(bitmap: Bitmap): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(bitmap.width, 0);
  header.writeUInt32BE(bitmap.height, 4);
  // 8 bits of red, green and blue.
  header.set([8, 2], 8);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', deflateSync(filteredRows(bitmap))), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, check]);
}
