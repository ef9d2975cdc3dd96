/** DICOM's run-length encoding: byte planes, each packed on its own (PS3.5, annex G). */
import { damagedStream } from './codecFault.ts';

/**
 * Unpacks one frame to little-endian samples, interleaved by pixel. `pixels` samples of `bytesPerSample` bytes in each of `samples` components.
 * Throws Fault `dicom.codestream` where a segment ends early.
 */
export function decodeRle(bytes: Uint8Array, { pixels, samples, bytesPerSample }: { pixels: number; samples: number; bytesPerSample: number }): Uint8Array {
  if (bytes.length < 64) throw damagedStream('The run-length header is cut short.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== samples * bytesPerSample) throw damagedStream(`It has ${segments} segments where ${samples * bytesPerSample} are needed.`);
  // A pair of bytes makes at most 128, so a short stream cannot stand for a large frame.
  if (pixels * segments > bytes.length * 64) throw damagedStream('It is too short for the stated size.');
  const out = new Uint8Array(pixels * segments);
  const stride = segments;
  for (let segment = 0; segment < segments; segment++) {
    const start = view.getUint32(4 + segment * 4, true);
    const end = segment + 1 < segments ? view.getUint32(8 + segment * 4, true) : bytes.length;
    if (start < 64 || start > end || end > bytes.length) throw damagedStream('A segment lies outside the frame.');
    // Segments run from the most significant byte of the first component on.
    const component = Math.floor(segment / bytesPerSample);
    const byte = bytesPerSample - 1 - (segment % bytesPerSample);
    unpack(bytes, { start, end }, out, { first: component * bytesPerSample + byte, stride });
  }
  return out;
}

function unpack(bytes: Uint8Array, { start, end }: { start: number; end: number }, out: Uint8Array, { first, stride }: { first: number; stride: number }): void {
  const limit = out.length;
  let from = start;
  let to = first;
  while (to < limit) {
    if (from >= end) throw damagedStream('A segment ends before its plane is full.');
    const control = bytes[from++]!;
    if (control < 128) {
      const count = control + 1;
      if (from + count > end) throw damagedStream('A segment ends before its plane is full.');
      for (let i = 0; i < count && to < limit; i++, to += stride) out[to] = bytes[from + i]!;
      from += count;
    } else if (control > 128) {
      const value = bytes[from++] ?? 0;
      for (let i = 257 - control; i > 0 && to < limit; i--, to += stride) out[to] = value;
    }
  }
}
