/** Code streams for the tests: small encoders of our own, and the encoders that the codec packages bring. */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/** One DICOM run-length frame of little-endian samples, interleaved by pixel; literal runs and repeats both occur. */
export function encodeRle(data: Uint8Array | Uint16Array | Uint32Array, samples: number): Uint8Array {
  const size = data.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const segments: number[][] = [];
  for (let sample = 0; sample < samples; sample++) {
    for (let byte = size - 1; byte >= 0; byte--) {
      const plane = Array.from({ length: data.length / samples }, (_, i) => bytes[(i * samples + sample) * size + byte]!);
      segments.push(packBits(plane));
    }
  }
  const header = new DataView(new ArrayBuffer(64));
  header.setUint32(0, segments.length, true);
  let at = 64;
  segments.forEach((segment, i) => {
    header.setUint32(4 + i * 4, at, true);
    at += segment.length;
  });
  return Uint8Array.from([...new Uint8Array(header.buffer), ...segments.flat()]);
}

function packBits(plane: readonly number[]): number[] {
  const out: number[] = [];
  for (let at = 0; at < plane.length;) {
    let run = 1;
    while (run < 128 && plane[at + run] === plane[at]) run++;
    if (run > 1) {
      out.push(257 - run, plane[at]!);
    } else {
      while (run < 128 && at + run < plane.length && plane[at + run] !== plane[at + run - 1]) run++;
      out.push(run - 1, ...plane.slice(at, at + run));
    }
    at += run;
  }
  if (out.length % 2 === 1) out.push(0x80);
  return out;
}

/** Collects bits and stuffs a zero behind each FF. */
class BitWriter {
  readonly bytes: number[] = [];
  private bits = 0;
  private count = 0;

  put(value: number, length: number): void {
    for (let i = length - 1; i >= 0; i--) {
      this.bits = (this.bits << 1) | ((value >> i) & 1);
      if (++this.count === 8) this.flushByte();
    }
  }

  private flushByte(): void {
    this.bytes.push(this.bits);
    if (this.bits === 0xff) this.bytes.push(0);
    this.bits = this.count = 0;
  }

  align(): void {
    while (this.count > 0) this.put(1, 1);
  }
}

const segment = (marker: number, content: readonly number[]): number[] => [0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255, ...content];

const categoryOf = (value: number): number => (value === 0 ? 0 : 32 - Math.clz32(Math.abs(value)));

const putDifference = (writer: BitWriter, value: number, category: number): void => writer.put(value < 0 ? value + (1 << category) - 1 : value, category);

export interface LosslessOptions {
  readonly width: number;
  readonly height: number;
  readonly components: number;
  readonly precision: number;
  readonly predictor: number;
  readonly linesBetweenRestarts?: number;
}

/** A lossless JPEG (SOF3) of interleaved samples. Its Huffman codes are five bits for every category. */
export function encodeLossless(data: ArrayLike<number>, { width, height, components, precision, predictor, linesBetweenRestarts = 0 }: LosslessOptions): Uint8Array {
  const symbols = Array.from({ length: 17 }, (_, i) => i);
  const writer = new BitWriter();
  const stride = width * components;
  for (let y = 0; y < height; y++) {
    const afresh = y === 0 || (linesBetweenRestarts > 0 && y % linesBetweenRestarts === 0);
    if (afresh && y > 0) {
      writer.align();
      writer.bytes.push(0xff, 0xd0 + ((y / linesBetweenRestarts - 1) & 7));
    }
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < components; c++) {
        const at = y * stride + x * components + c;
        const [a, b, d] = [data[at - components]!, data[at - stride]!, data[at - stride - components]!];
        const prediction = afresh ? (x === 0 ? 1 << (precision - 1) : a) : x === 0 ? b
          : [0, a, b, d, a + b - d, a + ((b - d) >> 1), b + ((a - d) >> 1), (a + b) >> 1][predictor]!;
        const wrapped = (data[at]! - prediction) & 0xffff;
        const difference = wrapped > 32768 ? wrapped - 65536 : wrapped;
        const category = categoryOf(difference);
        writer.put(category, 5);
        if (category > 0 && category < 16) putDifference(writer, difference, category);
      }
    }
  }
  writer.align();
  return Uint8Array.from([
    0xff, 0xd8,
    ...segment(0xc3, [precision, height >> 8, height & 255, width >> 8, width & 255, components, ...Array.from({ length: components }, (_, i) => [i + 1, 0x11, 0]).flat()]),
    ...segment(0xc4, [0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...symbols]),
    ...(linesBetweenRestarts > 0 ? segment(0xdd, [(width * linesBetweenRestarts) >> 8, (width * linesBetweenRestarts) & 255]) : []),
    ...segment(0xda, [components, ...Array.from({ length: components }, (_, i) => [i + 1, 0]).flat(), predictor, 0, 0]),
    ...writer.bytes, 0xff, 0xd9,
  ]);
}

/** The coefficients of one 8 × 8 block by the definition of the cosine transform, levels shifted, quantised by one. */
function forwardDct(block: readonly number[], centre: number): number[] {
  const scale = (k: number): number => (k === 0 ? Math.SQRT1_2 : 1);
  return Array.from({ length: 64 }, (_, at) => {
    const [u, v] = [at % 8, at >> 3];
    let sum = 0;
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) sum += (block[y * 8 + x]! - centre) * Math.cos(((2 * x + 1) * u * Math.PI) / 16) * Math.cos(((2 * y + 1) * v * Math.PI) / 16);
    }
    return Math.round((sum * scale(u) * scale(v)) / 4);
  });
}

/** The zigzag order, walked along the anti-diagonals. */
const zigzag = Array.from({ length: 64 }, (_, at) => at).sort((p, q) => {
  const [px, py, qx, qy] = [p % 8, p >> 3, q % 8, q >> 3];
  if (px + py !== qx + qy) return px + py - qx - qy;
  return (px + py) % 2 === 0 ? px - qx : qx - px;
});

export interface DctOptions {
  readonly width: number;
  readonly height: number;
  readonly precision: 8 | 12;
  readonly components?: 1 | 3;
  /** Restart after this many blocks (units). */
  readonly restartInterval?: number;
  /** Marks of the colour space in front of the tables. */
  readonly extra?: readonly number[];
}

/** A sequential DCT JPEG of interleaved samples at full resolution, quantised by one, so that only rounding is lost. */
export function encodeDct(data: ArrayLike<number>, { width, height, precision, components = 1, restartInterval = 0, extra = [] }: DctOptions): Uint8Array {
  const writer = new BitWriter();
  const previous = [0, 0, 0];
  // Every run below 16 with every size up to 15: codes of nine bits, so that none is all ones.
  const symbols = [0x00, 0xf0, ...Array.from({ length: 240 }, (_, i) => (Math.floor(i / 15) << 4) | ((i % 15) + 1))];
  let units = 0;
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      if (restartInterval > 0 && units > 0 && units % restartInterval === 0) {
        writer.align();
        writer.bytes.push(0xff, 0xd0 + ((units / restartInterval - 1) & 7));
        previous.fill(0);
      }
      units++;
      for (let c = 0; c < components; c++) {
        const block = Array.from({ length: 64 }, (_, i) => data[(Math.min(height - 1, top + (i >> 3)) * width + Math.min(width - 1, left + (i % 8))) * components + c]!);
        const coefficients = forwardDct(block, 1 << (precision - 1));
        const difference = coefficients[0]! - previous[c]!;
        previous[c] = coefficients[0]!;
        writer.put(categoryOf(difference), 5);
        if (difference !== 0) putDifference(writer, difference, categoryOf(difference));
        let run = 0;
        for (let k = 1; k < 64; k++) {
          const value = coefficients[zigzag[k]!]!;
          if (value === 0) {
            run++;
            continue;
          }
          for (; run > 15; run -= 16) writer.put(symbols.indexOf(0xf0), 9);
          writer.put(symbols.indexOf((run << 4) | categoryOf(value)), 9);
          putDifference(writer, value, categoryOf(value));
          run = 0;
        }
        if (run > 0) writer.put(0, 9);
      }
    }
  }
  writer.align();
  const ids = Array.from({ length: components }, (_, i) => i + 1);
  return Uint8Array.from([
    0xff, 0xd8, ...extra,
    ...segment(0xdb, [0, ...Array.from({ length: 64 }, () => 1)]),
    ...segment(precision === 8 ? 0xc0 : 0xc1, [precision, height >> 8, height & 255, width >> 8, width & 255, components, ...ids.flatMap((id) => [id, 0x11, 0])]),
    ...segment(0xc4, [0x00, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...Array.from({ length: 16 }, (_, i) => i)]),
    ...segment(0xc4, [0x10, 0, 0, 0, 0, 0, 0, 0, 0, 242, 0, 0, 0, 0, 0, 0, 0, ...symbols]),
    ...(restartInterval > 0 ? segment(0xdd, [restartInterval >> 8, restartInterval & 255]) : []),
    ...segment(0xda, [components, ...ids.flatMap((id) => [id, 0x00]), 0, 63, 0]),
    ...writer.bytes, 0xff, 0xd9,
  ]);
}

interface Encoder {
  getDecodedBuffer(info: object): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  encode(): void;
  setInterleaveMode?(mode: number): void;
  setNearLossless?(near: number): void;
  setQuality?(reversible: boolean, factor: number): void;
  setDecompositions?(count: number): void;
  delete(): void;
}

interface EncoderModule {
  readonly JpegLSEncoder?: new () => Encoder;
  readonly J2KEncoder?: new () => Encoder;
  readonly HTJ2KEncoder?: new () => Encoder;
}

const packages = { jpegLs: '@cornerstonejs/codec-charls/wasmjs', jpeg2000: '@cornerstonejs/codec-openjpeg/wasmjs', htj2k: '@cornerstonejs/codec-openjph/wasmjs' } as const;

/** Compresses interleaved samples without loss by the package's own encoder. */
export async function encodeByPackage(codec: keyof typeof packages, data: Uint8Array | Uint16Array | Int16Array, size: { readonly width: number; readonly height: number; readonly components: number; readonly bits: number }): Promise<Uint8Array> {
  const create = load(packages[codec]) as (options: object) => Promise<EncoderModule>;
  const module = await create({ print: () => undefined, printErr: () => undefined });
  const Maker = module.JpegLSEncoder ?? module.J2KEncoder ?? module.HTJ2KEncoder;
  if (!Maker) throw new Error(`${codec} has no encoder`);
  const encoder = new Maker();
  const buffer = encoder.getDecodedBuffer({
    width: size.width, height: size.height, bitsPerSample: size.bits, componentCount: size.components, isSigned: data instanceof Int16Array, isUsingColorTransform: false,
  });
  buffer.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (codec === 'jpegLs') encoder.setInterleaveMode?.(size.components > 1 ? 2 : 0);
  if (codec !== 'jpegLs') encoder.setQuality?.(true, 0);
  if (codec === 'jpeg2000') encoder.setDecompositions?.(1);
  encoder.encode();
  const stream = encoder.getEncodedBuffer().slice();
  encoder.delete();
  return stream;
}
