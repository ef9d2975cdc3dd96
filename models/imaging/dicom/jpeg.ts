/** Decodes JPEG code streams: sequential DCT with 8 or 12 bits (processes 1, 2 and 4) and lossless with any predictor (process 14). */
import { Fault } from '#models/base/fault.ts';
import { checkSize, damagedStream, unsupportedStream } from './codecFault.ts';
import type { DecodedStream, ExpectedFrame } from './codecFault.ts';
import { BitReader, makeTable } from './huffman.ts';
import type { HuffmanTable } from './huffman.ts';
import { inverseDct } from './inverseDct.ts';

interface Component {
  readonly id: number;
  readonly horizontal: number;
  readonly vertical: number;
  readonly quantization: number;
  /** Blocks in the padded plane, and those that a scan of this component alone visits. */
  readonly blockColumns: number;
  readonly blockRows: number;
  readonly ownColumns: number;
  readonly ownRows: number;
  /** Samples, `blockColumns` · 8 in a row; filled by DCT scans. */
  readonly plane: Uint8Array | Uint16Array;
  decoded: boolean;
}

interface JpegFrame {
  readonly lossless: boolean;
  readonly precision: number;
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
  readonly maxHorizontal: number;
  readonly maxVertical: number;
  /** Interleaved samples, filled by lossless scans. */
  readonly samples: Uint16Array;
}

interface Scan {
  readonly components: readonly { readonly component: Component; readonly index: number; readonly dc: HuffmanTable | undefined; readonly ac: HuffmanTable | undefined }[];
  /** Lossless: the predictor and the point transform. */
  readonly predictor: number;
  readonly shift: number;
  readonly restartInterval: number;
}

/** How far a scan has come, for what is shown of a cut one. */
interface Progress {
  rows: number;
}

const zigzag = Uint8Array.from([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]);

/**
 * Decodes one code stream to interleaved samples. Chroma stays chroma, brought to full width and height; `colour` says what the markers say of it.
 * Throws Fault `dicom.codestream`, `dicom.mismatch`, `dicom.unsupported`, `dicom.limits`.
 */
export function decodeJpeg(bytes: Uint8Array, expected: ExpectedFrame): DecodedStream {
  const quantization: (Int32Array | undefined)[] = [];
  const dcTables: (HuffmanTable | undefined)[] = [];
  const acTables: (HuffmanTable | undefined)[] = [];
  let frame: JpegFrame | null = null;
  let restartInterval = 0;
  let adobe: number | null = null;
  let jfif = false;
  let rows = Infinity;
  let position = 2;
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw damagedStream('It does not begin as a JPEG code stream.');

  while (position + 4 <= bytes.length) {
    if (bytes[position] !== 0xff) {
      position++;
      continue;
    }
    const marker = bytes[position + 1]!;
    if (marker === 0xff) {
      position++;
      continue;
    }
    if (marker === 0xd9) break;
    if (marker === 0 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      position += 2;
      continue;
    }
    const length = (bytes[position + 2]! << 8) | bytes[position + 3]!;
    if (length < 2 || position + 2 + length > bytes.length) throw damagedStream('A marker segment reaches past the end.');
    const segment = bytes.subarray(position + 4, position + 2 + length);
    position += 2 + length;
    if (marker === 0xdb) readQuantization(segment, quantization);
    else if (marker === 0xc4) readHuffman(segment, dcTables, acTables);
    else if (marker === 0xdd && segment.length >= 2) restartInterval = (segment[0]! << 8) | segment[1]!;
    else if (marker === 0xe0 && startsWith(segment, 'JFIF')) jfif = true;
    else if (marker === 0xee && startsWith(segment, 'Adobe') && segment.length >= 12) adobe = segment[11]!;
    else if (marker === 0xc0 || marker === 0xc1 || marker === 0xc3) {
      if (frame) throw damagedStream('It holds two frame headers.');
      frame = readFrame(segment, marker === 0xc3, expected);
    } else if (marker >= 0xc2 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) {
      throw unsupportedStream(`The JPEG process of marker FF${marker.toString(16).toUpperCase()} is neither sequential nor lossless Huffman coding.`);
    } else if (marker === 0xda) {
      if (!frame) throw damagedStream('A scan comes before the frame header.');
      const scan = readScan(segment, frame, { dcTables, acTables, restartInterval });
      const reader = new BitReader(bytes, position);
      const progress: Progress = { rows: 0 };
      try {
        if (frame.lossless) decodeLosslessScan(frame, scan, reader, progress);
        else decodeDctScan(frame, scan, { reader, quantization, progress });
      } catch (error) {
        if (!expected.partial || !(error instanceof Fault) || progress.rows === 0) throw error;
      }
      rows = Math.min(rows, progress.rows);
      if (frame.components.every((component) => component.decoded)) break;
      position = reader.toMarker();
    }
  }
  if (!frame) throw damagedStream('It has no frame header.');
  if (!frame.components.every((component) => component.decoded)) throw damagedStream('It ends before all components are decoded.');
  return { data: assemble(frame), precision: frame.precision, colour: colourOf(frame, adobe, jfif), rows: Math.min(rows, frame.height) };
}

const startsWith = (segment: Uint8Array, word: string): boolean => [...word].every((c, i) => segment[i] === c.charCodeAt(0));

/** What markers and component names say of three components; null where they say nothing. */
function colourOf(frame: JpegFrame, adobe: number | null, jfif: boolean): 'rgb' | 'ycc' | null {
  if (frame.components.length !== 3 || frame.lossless) return null;
  if (adobe === 0) return 'rgb';
  if (adobe === 1) return 'ycc';
  if (jfif) return 'ycc';
  const ids = frame.components.map(({ id }) => id).join();
  if (ids === '82,71,66') return 'rgb';
  return ids === '1,2,3' ? 'ycc' : null;
}

function readQuantization(segment: Uint8Array, tables: (Int32Array | undefined)[]): void {
  let at = 0;
  while (at < segment.length) {
    const wide = segment[at]! >> 4 !== 0;
    const index = segment[at]! & 15;
    at++;
    if (index > 3 || at + (wide ? 128 : 64) > segment.length) throw damagedStream('A quantisation table is cut short.');
    const table = new Int32Array(64);
    for (let i = 0; i < 64; i++) table[i] = wide ? (segment[at + 2 * i]! << 8) | segment[at + 2 * i + 1]! : segment[at + i]!;
    tables[index] = table;
    at += wide ? 128 : 64;
  }
}

function readHuffman(segment: Uint8Array, dcTables: (HuffmanTable | undefined)[], acTables: (HuffmanTable | undefined)[]): void {
  let at = 0;
  while (at + 17 <= segment.length) {
    const kind = segment[at]! >> 4;
    const index = segment[at]! & 15;
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((a, b) => a + b, 0);
    at += 17;
    if (kind > 1 || index > 3 || total > 256 || at + total > segment.length) throw damagedStream('A Huffman table is cut short.');
    (kind === 0 ? dcTables : acTables)[index] = makeTable(counts, segment.subarray(at, at + total));
    at += total;
  }
}

function readFrame(segment: Uint8Array, lossless: boolean, expected: ExpectedFrame): JpegFrame {
  const count = segment[5] ?? 0;
  if (segment.length < 6 + count * 3) throw damagedStream('The frame header is cut short.');
  const precision = segment[0]!;
  const height = (segment[1]! << 8) | segment[2]!;
  const width = (segment[3]! << 8) | segment[4]!;
  checkSize({ width, height, components: count, precision }, expected);
  if (lossless ? precision < 2 : precision !== 8 && precision !== 12) throw unsupportedStream(`It has ${precision} bits a sample.`);
  const factors = Array.from({ length: count }, (_, i) => ({ id: segment[6 + i * 3]!, horizontal: segment[7 + i * 3]! >> 4, vertical: segment[7 + i * 3]! & 15, quantization: segment[8 + i * 3]! }));
  if (factors.some(({ horizontal, vertical }) => horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4)) throw damagedStream('A sampling factor is outside 1 to 4.');
  if (lossless && factors.some(({ horizontal, vertical }) => horizontal !== factors[0]!.horizontal || vertical !== factors[0]!.vertical)) {
    throw unsupportedStream('It is lossless with subsampled components.');
  }
  const maxHorizontal = Math.max(...factors.map(({ horizontal }) => horizontal));
  const maxVertical = Math.max(...factors.map(({ vertical }) => vertical));
  const unitColumns = Math.ceil(width / (8 * maxHorizontal));
  const unitRows = Math.ceil(height / (8 * maxVertical));
  const components = factors.map((factor): Component => {
    const blockColumns = unitColumns * factor.horizontal;
    const blockRows = unitRows * factor.vertical;
    const size = lossless ? 0 : blockColumns * blockRows * 64;
    return {
      ...factor, blockColumns, blockRows,
      ownColumns: Math.ceil(Math.ceil((width * factor.horizontal) / maxHorizontal) / 8),
      ownRows: Math.ceil(Math.ceil((height * factor.vertical) / maxVertical) / 8),
      plane: precision > 8 ? new Uint16Array(size) : new Uint8Array(size), decoded: false,
    };
  });
  return { lossless, precision, width, height, components, maxHorizontal, maxVertical, samples: new Uint16Array(lossless ? width * height * count : 0) };
}

interface Tables {
  readonly dcTables: readonly (HuffmanTable | undefined)[];
  readonly acTables: readonly (HuffmanTable | undefined)[];
  readonly restartInterval: number;
}

function readScan(segment: Uint8Array, frame: JpegFrame, { dcTables, acTables, restartInterval }: Tables): Scan {
  const count = segment[0] ?? 0;
  if (count < 1 || count > 4 || segment.length < 4 + count * 2) throw damagedStream('A scan header is cut short.');
  const components = Array.from({ length: count }, (_, i) => {
    const index = frame.components.findIndex(({ id }) => id === segment[1 + i * 2]);
    const component = frame.components[index];
    if (!component || component.decoded) throw damagedStream('A scan names a component that the frame does not have, or has already.');
    const selectors = segment[2 + i * 2]!;
    return { component, index, dc: dcTables[selectors >> 4], ac: acTables[selectors & 15] };
  });
  if (new Set(components.map(({ index }) => index)).size !== count) throw damagedStream('A scan names a component twice.');
  return { components, predictor: segment[1 + count * 2]!, shift: segment[3 + count * 2]! & 15, restartInterval };
}

interface DctSource {
  readonly reader: BitReader;
  readonly quantization: readonly (Int32Array | undefined)[];
  readonly progress: Progress;
}

function decodeDctScan(frame: JpegFrame, scan: Scan, { reader, quantization, progress }: DctSource): void {
  const single = scan.components.length === 1;
  const coders = scan.components.map(({ component, dc, ac }) => {
    const table = quantization[component.quantization];
    if (!dc || !ac || !table) throw damagedStream('A scan uses a table that is not defined.');
    component.decoded = true;
    return { component, dc, ac, table, columns: single ? 1 : component.horizontal, rows: single ? 1 : component.vertical, previous: 0 };
  });
  const only = scan.components[0]!.component;
  const unitColumns = single ? only.ownColumns : Math.ceil(frame.width / (8 * frame.maxHorizontal));
  const unitRows = single ? only.ownRows : Math.ceil(frame.height / (8 * frame.maxVertical));
  const levels = { maximum: (1 << frame.precision) - 1, extraBits: frame.precision > 8 ? 1 : 2 };
  const centre = 1 << (frame.precision - 1);
  const coefficients = new Int32Array(64);
  let untilRestart = scan.restartInterval;

  for (let unitRow = 0; unitRow < unitRows; unitRow++) {
    for (let unitColumn = 0; unitColumn < unitColumns; unitColumn++) {
      if (scan.restartInterval > 0 && untilRestart-- === 0) {
        reader.restart();
        for (const coder of coders) coder.previous = 0;
        untilRestart = scan.restartInterval - 1;
      }
      for (const coder of coders) {
        const { component, dc, ac, table } = coder;
        const stride = component.blockColumns * 8;
        for (let row = 0; row < coder.rows; row++) {
          for (let column = 0; column < coder.columns; column++) {
            const category = reader.symbol(dc);
            if (category > 15) throw damagedStream('A coefficient has more bits than there are.');
            if (category > 0) coder.previous += reader.difference(category);
            coefficients[0] = coder.previous * table[0]!;
            let last = 0;
            for (let k = 1; k < 64; k++) {
              const symbol = reader.symbol(ac);
              const size = symbol & 15;
              if (size === 0) {
                if (symbol < 0xf0) break;
                k += 15;
                continue;
              }
              k += symbol >> 4;
              if (k > 63) throw damagedStream('A block holds more coefficients than 64.');
              coefficients[zigzag[k]!] = reader.difference(size) * table[k]!;
              last = k;
            }
            const offset = (unitRow * coder.rows + row) * 8 * stride + (unitColumn * coder.columns + column) * 8;
            if (last === 0) {
              const level = ((coefficients[0] + 4) >> 3) + centre;
              const sample = level < 0 ? 0 : level > levels.maximum ? levels.maximum : level;
              for (let y = 0, at = offset; y < 8; y++, at += stride) component.plane.fill(sample, at, at + 8);
            } else {
              inverseDct(coefficients, component.plane, offset, stride, levels);
              coefficients.fill(0);
            }
          }
        }
      }
    }
    if (reader.overrun) throw damagedStream(`It ends in row ${unitRow * 8 * frame.maxVertical} of ${frame.height}.`);
    progress.rows = Math.min(frame.height, Math.ceil(((unitRow + 1) * frame.height) / unitRows));
  }
}

function decodeLosslessScan(frame: JpegFrame, scan: Scan, reader: BitReader, progress: Progress): void {
  const { width, height, samples } = frame;
  const count = frame.components.length;
  const { predictor, shift, restartInterval } = scan;
  if (predictor < 1 || predictor > 7) throw unsupportedStream(`Its lossless predictor is ${predictor}.`);
  if (shift >= frame.precision) throw damagedStream('Its point transform leaves no bits.');
  if (restartInterval % width !== 0) throw unsupportedStream('Its restart interval is no whole number of lines.');
  const linesBetween = restartInterval / width;
  const stride = width * count;
  const initial = 1 << (frame.precision - shift - 1);
  const coders = scan.components.map(({ component, index, dc }) => {
    if (!dc) throw damagedStream('A scan uses a table that is not defined.');
    component.decoded = true;
    return { index, dc };
  });
  for (let y = 0; y < height; y++) {
    const afresh = y === 0 || (linesBetween > 0 && y % linesBetween === 0);
    if (afresh && y > 0) reader.restart();
    if (count === 1 && predictor === 1 && !afresh) {
      decodeLine(reader, coders[0]!.dc, samples, { from: y * width, width });
      endRow(reader, progress, height);
      continue;
    }
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < coders.length; c++) {
        const { index, dc } = coders[c]!;
        const at = y * stride + x * count + index;
        let prediction: number;
        if (afresh) prediction = x === 0 ? initial : samples[at - count]!;
        else if (x === 0) prediction = samples[at - stride]!;
        else if (predictor === 1) prediction = samples[at - count]!;
        else prediction = predict(predictor, samples[at - count]!, samples[at - stride]!, samples[at - stride - count]!);
        const category = reader.symbol(dc);
        if (category > 16) throw damagedStream('A difference has more bits than there are.');
        samples[at] = category === 0 ? prediction : category === 16 ? prediction + 32768 : prediction + reader.difference(category);
      }
    }
    endRow(reader, progress, height);
  }
  if (shift > 0) for (const { index } of coders) for (let at = index; at < samples.length; at += count) samples[at] = samples[at]! << shift;
}

function endRow(reader: BitReader, progress: Progress, height: number): void {
  if (reader.overrun) throw damagedStream(`It ends in row ${progress.rows} of ${height}.`);
  progress.rows++;
}

/** The usual case by itself: one component, each sample predicted by its left neighbour and the first by the one above. */
function decodeLine(reader: BitReader, dc: HuffmanTable, samples: Uint16Array, { from, width }: { from: number; width: number }): void {
  let sample = samples[from - width]!;
  for (let at = from; at < from + width; at++) {
    const category = reader.symbol(dc);
    if (category > 16) throw damagedStream('A difference has more bits than there are.');
    if (category > 0) sample += category === 16 ? 32768 : reader.difference(category);
    samples[at] = sample;
    sample &= 0xffff;
  }
}

/** @param a left @param b above @param c above left */
function predict(predictor: number, a: number, b: number, c: number): number {
  switch (predictor) {
    case 2: return b;
    case 3: return c;
    case 4: return a + b - c;
    case 5: return a + ((b - c) >> 1);
    case 6: return b + ((a - c) >> 1);
    default: return (a + b) >> 1;
  }
}

/** Samples interleaved by pixel, each component brought to full size. */
function assemble(frame: JpegFrame): Uint8Array | Uint16Array {
  const { width, height, components, precision } = frame;
  if (frame.lossless) return precision > 8 ? frame.samples : Uint8Array.from(frame.samples);
  const count = components.length;
  const out = precision > 8 ? new Uint16Array(width * height * count) : new Uint8Array(width * height * count);
  components.forEach((component, index) => {
    const row = rowMaker(frame, component);
    for (let y = 0; y < height; y++) {
      const samples = row(y);
      if (count === 1) out.set(samples.subarray(0, width), y * width);
      else for (let x = 0, at = y * width * count + index; x < width; x++, at += count) out[at] = samples[x]!;
    }
  });
  return out;
}

type Samples = Uint8Array | Uint16Array | Int32Array;

/**
 * Gives a component's row y at full width. Chroma of half width, or of half width and height, is interpolated with weights 3 : 1 between
 * its samples' centres, rounding alternately down and up, as the reference implementation of JPEG does; other ratios repeat samples.
 */
function rowMaker(frame: JpegFrame, { plane, blockColumns, horizontal, vertical }: Component): (y: number) => Samples {
  const { width, height, maxHorizontal, maxVertical } = frame;
  const stride = blockColumns * 8;
  const own = Math.ceil((width * horizontal) / maxHorizontal);
  const ownRows = Math.ceil((height * vertical) / maxVertical);
  const source = (y: number): Uint8Array | Uint16Array => {
    const row = Math.min(ownRows - 1, Math.max(0, y)) * stride;
    return plane.subarray(row, row + stride);
  };
  if (horizontal === maxHorizontal && vertical === maxVertical) return source;
  const wide = new Int32Array(own * 2 + 2);
  if (horizontal * 2 === maxHorizontal && vertical === maxVertical && own > 2) {
    return (y) => {
      const from = source(y);
      for (let x = 0; x < own; x++) {
        const sample = from[x]! * 3;
        wide[2 * x] = x === 0 ? from[0]! : (sample + from[x - 1]! + 1) >> 2;
        wide[2 * x + 1] = x === own - 1 ? from[x]! : (sample + from[x + 1]! + 2) >> 2;
      }
      return wide;
    };
  }
  if (horizontal * 2 === maxHorizontal && vertical * 2 === maxVertical && own > 2) {
    const sums = new Int32Array(own);
    return (y) => {
      const near = source(y >> 1);
      const far = source((y >> 1) + (y & 1 ? 1 : -1));
      for (let x = 0; x < own; x++) sums[x] = near[x]! * 3 + far[x]!;
      for (let x = 0; x < own; x++) {
        const sum = sums[x]!;
        wide[2 * x] = x === 0 ? (sum * 4 + 8) >> 4 : (sum * 3 + sums[x - 1]! + 8) >> 4;
        wide[2 * x + 1] = x === own - 1 ? (sum * 4 + 7) >> 4 : (sum * 3 + sums[x + 1]! + 7) >> 4;
      }
      return wide;
    };
  }
  const full = new Int32Array(width);
  return (y) => {
    const from = source(Math.floor((y * vertical) / maxVertical));
    for (let x = 0; x < width; x++) full[x] = from[Math.floor((x * horizontal) / maxHorizontal)]!;
    return full;
  };
}
