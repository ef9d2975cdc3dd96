/** Reading a part of a file. */
import { open } from 'node:fs/promises';

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
