/** Bounded inflation of a deflated data set. */
import { Inflate } from 'fflate';
import { Fault } from '#models/base/fault.ts';

const usualMaximum = 320 * 1024 * 1024;
const step = 16 * 1024;

export interface Inflated {
  readonly bytes: Uint8Array;
  /** The stream broke off or was damaged; `bytes` is what came before. */
  readonly damaged: boolean;
}

/** Inflates a raw deflate stream (RFC 1951). Throws Fault `dicom.limits` beyond `maximum` bytes, 320 MB by default, before that much is held twice. */
export function inflate(deflated: Uint8Array, maximum = usualMaximum): Inflated {
  let chunks: Uint8Array[] = [];
  let total = 0;
  let finished = false;
  const stream = new Inflate((chunk, final) => {
    total += chunk.length;
    if (chunk.length > 0) chunks.push(chunk);
    finished ||= final;
  });
  let damaged = false;
  try {
    // Small steps: a step of deflated bytes can become at most about a thousand times as many before the bound is seen.
    for (let at = 0; at < deflated.length && !finished; at += step) {
      const end = Math.min(at + step, deflated.length);
      stream.push(deflated.subarray(at, end), end === deflated.length);
      if (total > maximum) {
        chunks = [];
        throw new Fault({
          code: 'dicom.limits',
          what: 'The deflated DICOM data set was not read.',
          why: `It inflates to more than ${Math.round(maximum / 1024 / 1024)} MB.`,
          mend: 'If the file is genuine, export it uncompressed; otherwise treat it as hostile.',
        });
      }
    }
    damaged = !finished;
  } catch (error) {
    if (error instanceof Fault) throw error;
    damaged = true;
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (let i = 0; i < chunks.length; i++) {
    const chunk = chunks[i] as Uint8Array;
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, damaged };
}
