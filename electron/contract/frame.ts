/** A frame's stored values as they reach the page: a header that says what they mean, then the values, in one piece of bytes. */
import { z } from 'zod';
import { FrameGeometry } from '#models/clinical/study.ts';
import { FrameId } from './library.ts';

export const valueTypes = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64'] as const;

/** A way to show grey values: linear from `low` (black) to `high` (white), in modality values. */
export const Preset = z.object({
  name: z.string(),
  center: z.number(),
  width: z.number(),
  /** LINEAR and LINEAR_EXACT differ by half a value; SIGMOID is a curve; RANGE runs exactly from centre − width / 2 to centre + width / 2. */
  shape: z.enum(['LINEAR', 'LINEAR_EXACT', 'SIGMOID', 'RANGE']),
  /** Given by the file, usual for the modality, or computed from the values. */
  source: z.enum(['file', 'usual', 'values']),
});
export type Preset = z.infer<typeof Preset>;

export const FrameHeader = z.object({
  id: FrameId,
  rows: z.number().int().positive(),
  columns: z.number().int().positive(),
  /** 1: grey values, [rows, columns]; 3: display-ready RGB, [rows, columns, 3] of uint8. */
  samples: z.union([z.literal(1), z.literal(3)]),
  type: z.enum(valueTypes),
  /** Modality value = stored · slope + intercept. */
  slope: z.number(),
  intercept: z.number(),
  unit: z.string(),
  /** The least value is white. */
  isInverted: z.boolean(),
  /** Stored values that mean no measurement; null where none are stated. */
  padding: z.object({ low: z.number(), high: z.number() }).nullable(),
  /** Of all stored values. */
  least: z.number(),
  greatest: z.number(),
  /** The first is what the frame is shown by. Empty for colour. */
  presets: z.array(Preset),
  geometry: FrameGeometry,
  /** A pixel's height by its width. */
  aspect: z.number().positive(),
  modality: z.string(),
  /** Milliseconds from one frame to the next where the file is a film; null where it says none. */
  frameTimeMs: z.number().positive().nullable().default(null),
  /** Where the row and the column lead in the patient, as a projection states it: letters such as `L` and `F`; null where it does not. */
  patientOrientation: z.tuple([z.string(), z.string()]).nullable().default(null),
  /** The file says that pixels were lost to compression on the way. */
  isLossy: z.boolean().default(false),
});
export type FrameHeader = z.infer<typeof FrameHeader>;

export type FrameValues = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

export interface WiredFrame {
  readonly header: FrameHeader;
  readonly values: FrameValues;
}

const views = {
  uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int16: Int16Array, uint32: Uint32Array, int32: Int32Array, float32: Float32Array, float64: Float64Array,
} as const;

/** What a header calls an array of values. */
export const typeOf = (values: FrameValues): FrameHeader['type'] => valueTypes.find((type) => values instanceof views[type]) as FrameHeader['type'];

/** Header length as four bytes, the header as JSON, zeros up to a multiple of eight, the values in little-endian order. */
export function encodeFrame({ header, values }: WiredFrame): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((4 + json.length) / 8) * 8;
  const bytes = new Uint8Array(start + values.byteLength);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), start);
  return bytes;
}

/** @throws Error where the bytes are not what `encodeFrame` makes */
export function decodeFrameBytes(buffer: ArrayBuffer): WiredFrame {
  const length = buffer.byteLength >= 4 ? new DataView(buffer).getUint32(0, true) : Infinity;
  const start = Math.ceil((4 + length) / 8) * 8;
  if (start > buffer.byteLength) throw new Error('decodeFrameBytes: the header is cut off');
  const header = FrameHeader.parse(JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))));
  const count = header.rows * header.columns * header.samples;
  const View = views[header.type];
  if (buffer.byteLength - start < count * View.BYTES_PER_ELEMENT) throw new Error('decodeFrameBytes: the values are cut off');
  return { header, values: new View(buffer, start, count) };
}
