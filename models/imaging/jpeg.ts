/** JPEG, 8 bits a sample: the header read by ourselves, the samples decoded by libjpeg-turbo. */
import createCodec from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import { Fault } from '#models/base/fault.ts';
import { checkSize, fromGrey } from './image.ts';
import type { Codec } from '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
import type { Picture } from './image.ts';

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly precision: number;
  /** 1 grey, 3 colour, 4 printing inks. */
  readonly components: number;
  /** The marker of the frame header: 0xc0 baseline, 0xc1 extended, 0xc2 progressive, 0xc3 lossless. */
  readonly process: number;
}

/** Larger progressive pictures are refused: the decoder holds all their coefficients at once, twelve bytes a pixel at worst. */
const maxProgressivePixels = 40_000_000;
/** Each scan of a progressive picture visits every block again, so that a small file could keep the decoder busy for hours. */
const maxScanPixels = 2_000_000_000;
/** A decoder that once held a picture larger than this is thrown away, since its memory never shrinks. */
const keptPixels = 16_000_000;
/** What a decoder held when it refused a picture stays lost to it, so it is thrown away after so many pixels of refused pictures. */
const maxLostPixels = 4_000_000;

export const isJpeg = (bytes: Uint8Array): boolean => bytes.length >= 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/**
 * A JPEG as RGB; the pixels as stored, whatever orientation the camera noted, because boxes are drawn on stored pixels.
 * Throws `picture.truncated`, `picture.damaged`, `picture.unsupported` or `picture.size`; `name` opens each sentence.
 */
export async function decodeJpeg(bytes: Uint8Array, name = 'The JPEG picture'): Promise<Picture> {
  const header = readJpegHeader(bytes, name);
  checkDecodable(bytes, header, name);
  const pixels = header.width * header.height;
  const worker = kept.pop() ?? { codec: await createCodec({ print: ignore, printErr: ignore }), lostPixels: 0 };
  const decoder = new worker.codec.JPEGDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, componentCount } = decoder.getFrameInfo();
    const decoded = decoder.getDecodedBuffer();
    if (width !== header.width || height !== header.height || decoded.length !== width * height * componentCount) throw new Error('another size');
    const picture = componentCount === 1 ? fromGrey({ width, height }, decoded) : { width, height, data: new Uint8Array(decoded) };
    decoder.delete();
    if (pixels <= keptPixels) kept.push(worker);
    return picture;
  } catch (cause) {
    // A number is the codec's own refusal; anything else is a crash, and what has crashed is not used again.
    const lostPixels = worker.lostPixels + pixels;
    if (typeof cause === 'number' && lostPixels <= maxLostPixels) {
      decoder.delete();
      kept.push({ codec: worker.codec, lostPixels });
    }
    throw damaged(name, hasEnd(bytes) ? 'Its compressed data are damaged.' : 'It ends before its last row.', { cause, truncated: !hasEnd(bytes) });
  }
}

/** The frame header, found by walking the markers. */
export function readJpegHeader(bytes: Uint8Array, name = 'The JPEG picture'): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw damaged(name, 'A marker is expected where there is none.');
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xd8 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) throw damaged(name, 'It has no frame header.');
    const length = view.getUint16(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (length < 8 || at + 10 > bytes.length) throw damaged(name, 'Its frame header is cut off.', { truncated: at + 10 > bytes.length });
      const [precision, components] = [bytes[at + 4]!, bytes[at + 9]!];
      return { process: marker, precision, height: view.getUint16(at + 5), width: view.getUint16(at + 7), components };
    }
    if (length < 2) throw damaged(name, 'A segment has an impossible length.');
    at += 2 + length;
  }
  throw damaged(name, 'It ends inside its header.', { truncated: true });
}

function checkDecodable(bytes: Uint8Array, header: JpegHeader, name: string): void {
  checkSize(header, name);
  const { process, precision, components } = header;
  const refuse = (why: string): Fault => new Fault({
    code: 'picture.unsupported',
    what: `${name} cannot be decoded.`,
    why,
    mend: 'Export it as PNG, or as baseline JPEG with 8 bits a sample in RGB or grey.',
  });
  if (process > 0xc2) throw refuse(process === 0xc3 ? 'It is a lossless JPEG.' : 'It uses a rare kind of JPEG (hierarchical or arithmetic coding).');
  if (precision !== 8) throw refuse(`It has ${precision} bits a sample; a JPEG picture has 8.`);
  if (components === 4) throw refuse('Its colours are printing inks (CMYK), not RGB.');
  if (components !== 1 && components !== 3) throw refuse(`It has ${components} components.`);
  // Each block of 8 × 8 pixels takes two codes of at least one bit, in the first scan of a progressive picture one: less cannot be the whole.
  const pixels = header.width * header.height;
  if (bytes.length < pixels / (process === 0xc2 ? 512 : 256)) throw damaged(name, 'It ends before its last row.', { truncated: true });
  if (process !== 0xc2) return;
  const scans = countScans(bytes);
  if (pixels > maxProgressivePixels || scans * pixels > maxScanPixels) {
    throw new Fault({
      code: 'picture.size',
      what: `${name} cannot be decoded.`,
      why: `It is a progressive JPEG of ${Math.round(pixels / 1e6)} megapixels in ${scans} scans, which would take too much memory or time.`,
      mend: 'Export it as baseline JPEG or as a tiled pyramid.',
    });
  }
}

function countScans(bytes: Uint8Array): number {
  let scans = 0;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) if (bytes[at + 1] === 0xda) scans++;
  return scans;
}

/** Whether an end marker stands at the end, padding aside. */
function hasEnd(bytes: Uint8Array): boolean {
  let end = bytes.length;
  while (end > 2 && bytes[end - 1] === 0) end--;
  return bytes[end - 2] === 0xff && bytes[end - 1] === 0xd9;
}

function damaged(name: string, why: string, { cause, truncated = false }: { cause?: unknown; truncated?: boolean } = {}): Fault {
  return new Fault({
    code: truncated ? 'picture.truncated' : 'picture.damaged',
    what: `${name} cannot be decoded.`,
    why,
    mend: 'Copy or export the file again.',
  }, { cause });
}

/** The codec's remarks would mix with a command's output. */
const ignore = (): void => undefined;

/** Decoders at rest. Each has a WebAssembly memory of its own, so two pictures can be decoded at once. */
const kept: { readonly codec: Codec; readonly lostPixels: number }[] = [];
