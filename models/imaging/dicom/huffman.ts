/** Huffman codes of JPEG and the bits they are read from. */
import { damagedStream } from './codecFault.ts';

const quickBits = 10;

/** A code as two tables: short codes by one look-up, long ones by their length's range. */
export interface HuffmanTable {
  /** For each `quickBits` of input: length << 8 | symbol, or 0 where the code is longer. */
  readonly quick: Uint16Array;
  /** Largest code of each length, -1 where there is none; [17] ends the search. */
  readonly largest: Int32Array;
  /** Symbol index of a code is code + offset of its length. */
  readonly offsets: Int32Array;
  readonly symbols: Uint8Array;
}

/** @param counts number of codes of each length 1 … 16 */
export function makeTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const quick = new Uint16Array(1 << quickBits);
  const largest = new Int32Array(18).fill(-1);
  const offsets = new Int32Array(18);
  let code = 0;
  let next = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1]!;
    offsets[length] = next - code;
    if (code + count > 1 << length) throw damagedStream('A Huffman table holds more codes than fit.');
    for (let i = 0; i < count; i++, code++, next++) {
      if (length > quickBits) continue;
      const first = code << (quickBits - length);
      quick.fill((length << 8) | symbols[next]!, first, first + (1 << (quickBits - length)));
    }
    if (count > 0) largest[length] = code - 1;
    code <<= 1;
  }
  return { quick, largest, offsets, symbols };
}

/** Bits of an entropy-coded segment, with stuffed bytes removed; it ends at a marker and gives zeros from there on. */
export class BitReader {
  private readonly bytes: Uint8Array;
  position: number;
  private bits = 0;
  private count = 0;
  /** Zero bits given beyond the end. */
  private padding = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  /** True once bits beyond the end were used. */
  get overrun(): boolean {
    return this.padding > this.count;
  }

  private fill(): void {
    const { bytes } = this;
    while (this.count <= 24) {
      let byte = 0;
      if (this.position >= bytes.length) {
        this.padding += 8;
      } else {
        byte = bytes[this.position]!;
        if (byte !== 0xff) {
          this.position++;
        } else if (bytes[this.position + 1] === 0) {
          this.position += 2;
        } else {
          byte = 0;
          this.padding += 8;
        }
      }
      this.bits = (this.bits << 8) | byte;
      this.count += 8;
    }
  }

  /** The next symbol. */
  symbol(table: HuffmanTable): number {
    if (this.count < 16) this.fill();
    const quick = table.quick[(this.bits >>> (this.count - quickBits)) & ((1 << quickBits) - 1)]!;
    if (quick !== 0) {
      this.count -= quick >> 8;
      return quick & 0xff;
    }
    const sixteen = (this.bits >>> (this.count - 16)) & 0xffff;
    for (let length = quickBits + 1; length <= 16; length++) {
      const code = sixteen >> (16 - length);
      if (code <= table.largest[length]!) {
        const index = code + table.offsets[length]!;
        if (index < 0) break;
        this.count -= length;
        return table.symbols[index]!;
      }
    }
    throw damagedStream('It holds a Huffman code that its tables do not define.');
  }

  /** The next `length` bits (1 … 16) as JPEG's signed difference of that category. */
  difference(length: number): number {
    if (this.count < length) this.fill();
    this.count -= length;
    const value = (this.bits >>> this.count) & ((1 << length) - 1);
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  /** Leaves the segment at its restart marker, which has to come now; the next bits are those behind it. */
  restart(): void {
    const { bytes } = this;
    this.bits = this.count = this.padding = 0;
    while (this.position + 1 < bytes.length) {
      if (bytes[this.position] === 0xff) {
        const marker = bytes[this.position + 1]!;
        if (marker >= 0xd0 && marker <= 0xd7) {
          this.position += 2;
          return;
        }
        if (marker !== 0xff && marker !== 0) break;
      }
      this.position++;
    }
    throw damagedStream('A restart marker is missing.');
  }

  /** Moves to the marker that ends the segment. */
  toMarker(): number {
    const { bytes } = this;
    while (this.position + 1 < bytes.length) {
      const marker = bytes[this.position + 1]!;
      if (bytes[this.position] === 0xff && marker !== 0 && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd7)) return this.position;
      this.position++;
    }
    return bytes.length;
  }
}
