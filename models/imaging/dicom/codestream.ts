/** Reads the size out of JPEG 2000 and JPEG-LS headers, so that a code stream is judged before a decoder is given it. */
import { damagedStream, unsupportedStream } from './codecFault.ts';
import type { StreamSize } from './codecFault.ts';

export interface Jpeg2000Header extends StreamSize {
  /** The code stream itself, without the boxes of a JP2 file. */
  readonly stream: Uint8Array;
  readonly signed: boolean;
  /** The components pass through a colour transform: what comes out is RGB. */
  readonly colourTransform: boolean;
}

const maximumTiles = 65_535;

/** Reads SIZ and COD. Throws Fault `dicom.codestream` or `dicom.unsupported`. */
export function readJpeg2000Header(bytes: Uint8Array): Jpeg2000Header {
  const stream = bytes.subarray(startOfCodestream(bytes));
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  if (stream.length < 45 || view.getUint16(0) !== 0xff4f || view.getUint16(2) !== 0xff51) throw damagedStream('It does not begin as a JPEG 2000 code stream.');
  const [right, bottom, left, top] = [view.getUint32(8), view.getUint32(12), view.getUint32(16), view.getUint32(20)];
  const [tileWidth, tileHeight, tileLeft, tileTop] = [view.getUint32(24), view.getUint32(28), view.getUint32(32), view.getUint32(36)];
  const components = view.getUint16(40);
  const width = right - left;
  const height = bottom - top;
  if (width < 1 || height < 1 || components < 1 || stream.length < 42 + components * 3) throw damagedStream('Its size makes no picture.');
  if (tileWidth < 1 || tileHeight < 1 || tileLeft > left || tileTop > top) throw damagedStream('Its tiles make no grid.');
  const tiles = Math.ceil((right - tileLeft) / tileWidth) * Math.ceil((bottom - tileTop) / tileHeight);
  if (tiles > maximumTiles || tiles * 1024 > width * height + 1_000_000) throw damagedStream(`It is cut into ${tiles} tiles.`);
  const depth = view.getUint8(42);
  for (let i = 0; i < components; i++) {
    const [own, horizontal, vertical] = [view.getUint8(42 + i * 3), view.getUint8(43 + i * 3), view.getUint8(44 + i * 3)];
    if (own !== depth) throw unsupportedStream('Its components differ in depth.');
    if (horizontal !== 1 || vertical !== 1) throw unsupportedStream('Its components are subsampled.');
  }
  return { stream, width, height, components, precision: (depth & 0x7f) + 1, signed: depth > 0x7f, colourTransform: components >= 3 && usesColourTransform(view) };
}

/** Offset of the code stream; past the boxes where the frame holds a whole JP2 file. */
function startOfCodestream(bytes: Uint8Array): number {
  if (bytes[0] === 0xff && bytes[1] === 0x4f) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const isCodestream = view.getUint32(at + 4) === 0x6a703263;
    if (isCodestream) return at + (length === 1 ? 16 : 8);
    if (length < 8) break;
    at += length;
  }
  return 0;
}

/** Walks the main header to COD; its multiple component transformation byte says it. */
function usesColourTransform(view: DataView): boolean {
  for (let at = 2; at + 9 <= view.byteLength;) {
    const marker = view.getUint16(at);
    if (marker === 0xff52) return view.getUint8(at + 8) === 1;
    if (marker === 0xff90 || marker < 0xff00) return false;
    at += 2 + view.getUint16(at + 2);
  }
  return false;
}

/** Reads the frame header (SOF55) of a JPEG-LS code stream. Throws Fault `dicom.codestream`. */
export function readJpegLsHeader(bytes: Uint8Array): StreamSize {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw damagedStream('It does not begin as a JPEG-LS code stream.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 10 <= bytes.length;) {
    if (view.getUint8(at) !== 0xff) throw damagedStream('A marker is missing in its header.');
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xf7) return { precision: view.getUint8(at + 4), height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: view.getUint8(at + 9) };
    if (marker === 0xda) break;
    at += 2 + view.getUint16(at + 2);
  }
  throw damagedStream('It has no JPEG-LS frame header.');
}
