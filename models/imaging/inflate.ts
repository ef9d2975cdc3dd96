/** Unpacking zlib data piece by piece, so that the reader can stop: a small file never fills the memory. */
import { Unzlib } from 'fflate';

/** At most a thousand times as much comes out, so 8 kB in stay below 9 MB out. */
const sliceLength = 8192;

/**
 * Feeds the packed pieces and hands each unpacked part to `take`, which returns false when it needs no more.
 * Returns whether `take` was satisfied; throws what the inflator throws on damaged data before that.
 */
export function inflate(pieces: readonly Uint8Array[], take: (part: Uint8Array) => boolean): boolean {
  let isDone = false;
  const inflator = new Unzlib((part) => {
    if (!isDone && part.length > 0) isDone = !take(part);
  });
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && !isDone; at += sliceLength) inflator.push(piece.subarray(at, at + sliceLength));
    if (isDone) return true;
  }
  inflator.push(new Uint8Array(0), true);
  return isDone;
}
