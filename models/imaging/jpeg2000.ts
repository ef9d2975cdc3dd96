/** JPEG 2000 tiles of slides as RGB; the code stream itself is the DICOM decoder's business. */
import { Fault } from '#models/base/fault.ts';
import { decodeJpeg2000 as decodeStream } from './dicom/codecs.ts';
import { damagedPicture, fromGrey } from './image.ts';
import type { Picture } from './image.ts';

/**
 * One tile of 8 bits a sample, which must have the size that its page says.
 * `isYcc`: its components are luminance and two colour differences, unless the code stream has turned them into RGB itself.
 * Throws `picture.damaged`; `name` opens each sentence.
 */
export async function decodeJpeg2000(
  bytes: Uint8Array,
  { width, height, samples, isYcc, name }: { width: number; height: number; samples: number; isYcc: boolean; name: string },
): Promise<Picture> {
  try {
    const { data, colour } = await decodeStream(bytes, { rows: height, columns: width, samples, bitsAllocated: 8 });
    if (data.BYTES_PER_ELEMENT !== 1) throw damagedPicture(name, 'Its samples are not bytes.');
    if (samples === 1) return fromGrey({ width, height }, data);
    const rgb = samples === 3 ? new Uint8Array(data) : firstThree(data, samples);
    return { width, height, data: isYcc && colour !== 'rgb' ? fromYcc(rgb) : rgb };
  } catch (cause) {
    if (cause instanceof Fault && cause.code.startsWith('dicom.')) throw damagedPicture(name, cause.why, { cause });
    throw cause;
  }
}

/** The colours without what follows them, such as alpha. */
function firstThree(data: ArrayLike<number>, samples: number): Uint8Array {
  const rgb = new Uint8Array((data.length / samples) * 3);
  for (let from = 0, to = 0; to < rgb.length; from += samples, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + 1]!;
    rgb[to + 2] = data[from + 2]!;
  }
  return rgb;
}

function fromYcc(data: Uint8Array): Uint8Array {
  const rgb = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const [y, blue, red] = [data[i]!, data[i + 1]! - 128, data[i + 2]! - 128];
    rgb[i] = y + 1.402 * red;
    rgb[i + 1] = y - 0.344136 * blue - 0.714136 * red;
    rgb[i + 2] = y + 1.772 * blue;
  }
  return new Uint8Array(rgb.buffer);
}
