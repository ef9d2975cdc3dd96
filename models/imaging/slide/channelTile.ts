/** What one channel of a slide measured in one tile, as it reaches the page: three numbers, then the values as they are stored. */
import type { ChannelTile, Samples } from './channels.ts';

const kinds = [Uint8Array, Uint16Array, Float32Array] as const;
const headerBytes = 16;

/** Width, height and kind of value as four bytes each, four bytes of zeros, the values in little-endian order. */
export function encodeChannelTile({ width, height, values }: ChannelTile): Uint8Array {
  const bytes = new Uint8Array(headerBytes + values.byteLength);
  const view = new DataView(bytes.buffer);
  [width, height, kinds.findIndex((kind) => values instanceof kind)].forEach((number, at) => view.setUint32(at * 4, number, true));
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), headerBytes);
  return bytes;
}

/** @throws Error where the bytes are not what `encodeChannelTile` makes */
export function decodeChannelTile(buffer: ArrayBuffer): ChannelTile {
  const view = new DataView(buffer);
  const [width, height, at] = [0, 4, 8].map((offset) => view.getUint32(offset, true)) as [number, number, number];
  const Values = kinds[at] as (new (source: ArrayBuffer, offset: number, length: number) => Samples) & { readonly BYTES_PER_ELEMENT: number } | undefined;
  if (!Values || buffer.byteLength !== headerBytes + width * height * Values.BYTES_PER_ELEMENT) throw new Error('The tile is damaged.');
  return { width, height, values: new Values(buffer, headerBytes, width * height) };
}
