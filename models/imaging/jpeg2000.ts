/** JPEG 2000 tiles of slides, decoded by OpenJPEG. */
import createCodec from '@cornerstonejs/codec-openjpeg/decodewasmjs';
import { Fault } from '#models/base/fault.ts';
import { fromGrey } from './image.ts';
import type { Picture } from './image.ts';

/**
 * One tile, which must have the size that its page says. `isYcc`: its components are luminance and two colour differences.
 * Throws `picture.damaged` or `picture.unsupported`; `name` opens each sentence.
 */
export async function decodeJpeg2000(
  bytes: Uint8Array,
  { width, height, isYcc, name }: { width: number; height: number; isYcc: boolean; name: string },
): Promise<Picture> {
  const size = readSize(bytes);
  if (size?.width !== width || size.height < height) throw damaged(name, 'Its compressed data do not have the size of a tile.');
  const codec = await (loaded ??= createCodec({ print: ignore, printErr: ignore }));
  const decoder = new codec.J2KDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const info = decoder.getFrameInfo();
    const decoded = decoder.getDecodedBuffer();
    const pixels = width * height;
    if (info.bitsPerSample !== 8 || info.isSigned) throw unsupported(name, `It has ${info.bitsPerSample} bits a sample.`);
    if (info.width !== width || info.height < height || decoded.length < pixels * info.componentCount) throw damaged(name, 'Its compressed data are damaged.');
    if (info.componentCount === 1) return fromGrey({ width, height }, decoded);
    if (info.componentCount !== 3) throw unsupported(name, `It has ${info.componentCount} components.`);
    const data = decoded.slice(0, pixels * 3);
    return { width, height, data: isYcc ? fromYcc(data) : data };
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    loaded = undefined;
    throw damaged(name, 'Its compressed data are damaged.', { cause });
  } finally {
    if (loaded) decoder.delete();
  }
}

/** The codec's remarks would mix with a command's output. */
const ignore = (): void => undefined;

let loaded: ReturnType<typeof createCodec> | undefined;

/** The image size from the codestream's SIZ segment, so that the codec never allocates for more. */
function readSize(bytes: Uint8Array): { width: number; height: number } | null {
  if (bytes.length < 24 || bytes[0] !== 0xff || bytes[1] !== 0x4f || bytes[2] !== 0xff || bytes[3] !== 0x51) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { width: view.getUint32(8) - view.getUint32(16), height: view.getUint32(12) - view.getUint32(20) };
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

const damaged = (name: string, why: string, options?: ErrorOptions): Fault =>
  new Fault({ code: 'picture.damaged', what: `${name} cannot be decoded.`, why, mend: 'Copy or export the file again.' }, options);

const unsupported = (name: string, why: string): Fault =>
  new Fault({ code: 'picture.unsupported', what: `${name} cannot be decoded.`, why, mend: 'Save it as TIFF with JPEG, LZW or Deflate compression.' });
