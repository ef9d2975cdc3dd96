/** Reading a part of a file. */
import { open, type FileHandle } from 'node:fs/promises';

/** The first `count` bytes, or as many as there are. */
export async function startOfFile(path: string, count: number): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const start = new Uint8Array(count);
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    return start.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** An open file, read where it is needed: what `models/imaging` calls a source of bytes. A read beyond the end gives what there is. */
export async function bytesOf(handle: FileHandle): Promise<{ readonly size: number; read(offset: number, length: number): Promise<Uint8Array> }> {
  const { size } = await handle.stat();
  return {
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
      return bytes.subarray(0, bytesRead);
    },
  };
}
