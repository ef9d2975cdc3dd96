/** The decoders compiled to wasm: JPEG-LS (CharLS), JPEG 2000 (OpenJPEG) and HTJ2K (OpenJPH), loaded when first needed. */
import { Fault } from '#models/base/fault.ts';
import { checkSize, damagedStream } from './codecFault.ts';
import type { DecodedStream, ExpectedFrame, StreamSize } from './codecFault.ts';
import { readJpeg2000Header, readJpegLsHeader } from './codestream.ts';

interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned?: boolean;
}

/** What the three packages have in common. */
interface Decoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getFrameInfo(): FrameInfo;
  getInterleaveMode?(): number;
  delete(): void;
}

interface CodecModule {
  readonly HEAPU8: Uint8Array;
  readonly JpegLSDecoder?: new () => Decoder;
  readonly J2KDecoder?: new () => Decoder;
  readonly HTJ2KDecoder?: new () => Decoder;
  /** CharLS throws C++ exceptions, whose text has to be asked for. */
  getExceptionMessage?(pointer: number): unknown;
}

type Codec = 'jpegLs' | 'jpeg2000' | 'htj2k';

const loaders: Readonly<Record<Codec, (options: object) => Promise<unknown>>> = {
  jpegLs: async (options) => (await import('@cornerstonejs/codec-charls/decodewasmjs')).default(options),
  jpeg2000: async (options) => (await import('@cornerstonejs/codec-openjpeg/decodewasmjs')).default(options),
  htj2k: async (options) => (await import('@cornerstonejs/codec-openjph/wasmjs')).default(options),
};

let locate: ((file: string) => string) | null = null;

/** Says where the wasm files lie where they do not lie beside their scripts, as in a bundle: from a file's name to its path or address. */
export function locateCodecs(where: (file: string) => string): void {
  locate = where;
  instances.clear();
}

const instances = new Map<Codec, Promise<CodecModule>>();

/** An instance that has grown beyond this is let go, since wasm memory never shrinks. */
const maximumKept = 192 * 1024 * 1024;

function instanceOf(codec: Codec): Promise<CodecModule> {
  const known = instances.get(codec);
  if (known) return known;
  const where = locate;
  const silent = { print: () => undefined, printErr: () => undefined, ...(where ? { locateFile: (file: string) => where(file) } : {}) };
  const made = loaders[codec](silent) as Promise<CodecModule>;
  instances.set(codec, made);
  made.catch(() => instances.delete(codec));
  return made;
}

export async function decodeJpegLs(bytes: Uint8Array, expected: ExpectedFrame): Promise<DecodedStream> {
  const header = readJpegLsHeader(bytes);
  checkSize(header, expected);
  const data = await runCodec('jpegLs', closed(bytes), header);
  return { data, precision: header.precision, colour: null, rows: header.height };
}

/** The stream with an end mark behind it: on some that are cut, CharLS counts zeros for seconds where it meets none. */
function closed(stream: Uint8Array): Uint8Array {
  const out = new Uint8Array(stream.length + 2);
  out.set(stream);
  out.set([0xff, 0xd9], stream.length);
  return out;
}

export async function decodeJpeg2000(bytes: Uint8Array, expected: ExpectedFrame): Promise<DecodedStream> {
  return decodeWavelet('jpeg2000', bytes, expected);
}

export async function decodeHtj2k(bytes: Uint8Array, expected: ExpectedFrame): Promise<DecodedStream> {
  return decodeWavelet('htj2k', bytes, expected);
}

async function decodeWavelet(codec: 'jpeg2000' | 'htj2k', bytes: Uint8Array, expected: ExpectedFrame): Promise<DecodedStream> {
  const header = readJpeg2000Header(bytes);
  checkSize(header, expected);
  const data = await runCodec(codec, header.stream, header);
  const words = header.signed && data instanceof Uint16Array ? new Int16Array(data.buffer, data.byteOffset, data.length) : data;
  return { data: words, precision: header.precision, colour: header.colourTransform ? 'rgb' : null, rows: header.height };
}

/** Decodes in the codec's instance and copies the samples out, interleaved. Whatever goes wrong inside costs the instance and becomes a Fault. */
async function runCodec(codec: Codec, stream: Uint8Array, header: StreamSize): Promise<Uint8Array | Uint16Array> {
  const module = await instanceOf(codec);
  try {
    const Decoder = module.JpegLSDecoder ?? module.J2KDecoder ?? module.HTJ2KDecoder;
    if (!Decoder) throw new Error(`the ${codec} package has no decoder`);
    const decoder = new Decoder();
    try {
      decoder.getEncodedBuffer(stream.length).set(stream);
      decoder.decode();
      return copySamples(decoder, header);
    } finally {
      decoder.delete();
    }
  } catch (error) {
    instances.delete(codec);
    if (error instanceof Fault) throw error;
    throw damagedStream(`The decoder refused it${messageOf(error, module)}.`, { cause: error });
  } finally {
    if (module.HEAPU8.length > maximumKept) instances.delete(codec);
  }
}

function copySamples(decoder: Decoder, { width, height, components, precision }: StreamSize): Uint8Array | Uint16Array {
  const info = decoder.getFrameInfo();
  if (info.width !== width || info.height !== height || info.componentCount !== components) throw damagedStream('The decoder found another size than the header states.');
  const decoded = decoder.getDecodedBuffer();
  const count = width * height * components;
  const bytesPerSample = precision > 8 ? 2 : 1;
  if (decoded.length < count * bytesPerSample) throw damagedStream('It ends before the picture is complete.');
  const bytes = decoded.slice(0, count * bytesPerSample);
  const samples = bytesPerSample === 2 ? new Uint16Array(bytes.buffer) : bytes;
  const planes = decoder.getInterleaveMode?.() === 0 && components > 1;
  return planes ? interleave(samples, { pixels: width * height, components }) : samples;
}

/** Planes one after another become samples pixel by pixel. */
function interleave(planes: Uint8Array | Uint16Array, { pixels, components }: { pixels: number; components: number }): Uint8Array | Uint16Array {
  const out = planes instanceof Uint16Array ? new Uint16Array(planes.length) : new Uint8Array(planes.length);
  for (let c = 0; c < components; c++) for (let i = 0, at = c; i < pixels; i++, at += components) out[at] = planes[c * pixels + i]!;
  return out;
}

function messageOf(error: unknown, module: CodecModule): string {
  if (typeof error === 'number' && module.getExceptionMessage) {
    try {
      return `: ${String(module.getExceptionMessage(error))}`;
    } catch {
      return '';
    }
  }
  return error instanceof Error ? `: ${error.message}` : typeof error === 'string' ? `: ${error}` : '';
}
