/** A TIFF writer for tests: tiled pages with any tags, classic or big, of either byte order. */

export interface TestPage {
  readonly width: number;
  readonly height: number;
  /** Tiles in rows; strips of the given height where `tile` is absent. */
  readonly tile?: readonly [width: number, height: number];
  readonly rowsPerStrip?: number;
  readonly compression?: number;
  readonly photometric?: number;
  readonly samples?: number;
  readonly description?: string;
  readonly subfileType?: number;
  /** Pixels for one centimetre. */
  readonly perCentimetre?: number;
  readonly jpegTables?: Uint8Array;
  /** One for each tile or strip. */
  readonly blocks: readonly Uint8Array[];
  /** Overrides of single numbers, by tag. */
  readonly tags?: Readonly<Record<number, number>>;
  /** Pages that hang below this one. */
  readonly below?: readonly TestPage[];
}

interface Field {
  readonly tag: number;
  readonly type: 2 | 3 | 4 | 5 | 7 | 16;
  readonly values: readonly number[];
}

export function makeTiff(
  pages: readonly TestPage[],
  { isBig = false, isLittleEndian = true }: { isBig?: boolean; isLittleEndian?: boolean } = {},
): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  const put = (bytes: Uint8Array): number => {
    const at = length;
    // An even length is kept as it is, so that a link can still be written into it.
    const even = bytes.length % 2 === 0 ? bytes : Uint8Array.from([...bytes, 0]);
    parts.push(even);
    length += even.length;
    return at;
  };
  const packed = (field: Field): Uint8Array => {
    const size = { 2: 1, 3: 2, 4: 4, 5: 4, 7: 1, 16: 8 }[field.type];
    const bytes = new Uint8Array(field.values.length * size);
    const view = new DataView(bytes.buffer);
    field.values.forEach((value, i) => {
      if (size === 1) view.setUint8(i, value);
      else if (size === 2) view.setUint16(i * 2, value, isLittleEndian);
      else if (size === 4) view.setUint32(i * 4, value, isLittleEndian);
      else view.setBigUint64(i * 8, BigInt(value), isLittleEndian);
    });
    return bytes;
  };

  const header = new Uint8Array(isBig ? 16 : 8);
  put(header);
  let link = { bytes: header, at: isBig ? 8 : 4 };
  const setLink = (value: number): void => {
    const view = new DataView(link.bytes.buffer);
    if (isBig) view.setBigUint64(link.at, BigInt(value), isLittleEndian);
    else view.setUint32(link.at, value, isLittleEndian);
  };
  header.set(isLittleEndian ? [0x49, 0x49] : [0x4d, 0x4d]);
  new DataView(header.buffer).setUint16(2, isBig ? 43 : 42, isLittleEndian);
  if (isBig) new DataView(header.buffer).setUint16(4, 8, isLittleEndian);

  /** @returns the directory, and where it lies */
  const putPage = (page: TestPage): { readonly directory: Uint8Array<ArrayBuffer>; readonly at: number } => {
    const below = (page.below ?? []).map((one) => putPage(one).at);
    const offsets = page.blocks.map((block) => (block.length === 0 ? 0 : put(block)));
    const fields = fieldsOf(page, { offsets, below }, isBig).map((field) => {
      const override = page.tags?.[field.tag];
      return override === undefined ? field : { ...field, values: field.values.map(() => override) };
    });
    const external = fields.map((field) => {
      const bytes = packed(field);
      return { field, bytes, at: bytes.length > (isBig ? 8 : 4) ? put(bytes) : -1 };
    });
    const entry = isBig ? 20 : 12;
    const directory = new Uint8Array((isBig ? 8 : 2) + fields.length * entry + (isBig ? 8 : 4));
    const view = new DataView(directory.buffer);
    if (isBig) view.setBigUint64(0, BigInt(fields.length), isLittleEndian);
    else view.setUint16(0, fields.length, isLittleEndian);
    external.forEach(({ field, bytes, at }, i) => {
      const from = (isBig ? 8 : 2) + i * entry;
      const count = field.type === 5 ? field.values.length / 2 : field.values.length;
      view.setUint16(from, field.tag, isLittleEndian);
      view.setUint16(from + 2, field.type, isLittleEndian);
      if (isBig) view.setBigUint64(from + 4, BigInt(count), isLittleEndian);
      else view.setUint32(from + 4, count, isLittleEndian);
      const place = from + (isBig ? 12 : 8);
      if (at < 0) directory.set(bytes, place);
      else if (isBig) view.setBigUint64(place, BigInt(at), isLittleEndian);
      else view.setUint32(place, at, isLittleEndian);
    });
    return { directory, at: put(directory) };
  };
  for (const page of pages) {
    const { directory, at } = putPage(page);
    setLink(at);
    link = { bytes: directory, at: directory.length - (isBig ? 8 : 4) };
  }
  const file = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function fieldsOf(page: TestPage, { offsets, below }: { readonly offsets: readonly number[]; readonly below: readonly number[] }, isBig: boolean): Field[] {
  const { samples = 3, tile } = page;
  const lengths = page.blocks.map((block) => block.length);
  const text = page.description === undefined ? null : [...new TextEncoder().encode(page.description), 0];
  const fields: (Field | null)[] = [
    { tag: 254, type: 4, values: [page.subfileType ?? 0] },
    { tag: 256, type: 4, values: [page.width] },
    { tag: 257, type: 4, values: [page.height] },
    { tag: 258, type: 3, values: new Array<number>(samples).fill(8) },
    { tag: 259, type: 3, values: [page.compression ?? 1] },
    { tag: 262, type: 3, values: [page.photometric ?? (samples >= 3 ? 2 : 1)] },
    text && { tag: 270, type: 2, values: text },
    tile ? null : { tag: 273, type: isBig ? 16 : 4, values: offsets },
    { tag: 277, type: 3, values: [samples] },
    tile ? null : { tag: 278, type: 4, values: [page.rowsPerStrip ?? page.height] },
    tile ? null : { tag: 279, type: 4, values: lengths },
    page.perCentimetre === undefined ? null : { tag: 282, type: 5, values: [Math.round(page.perCentimetre * 100), 100] },
    page.perCentimetre === undefined ? null : { tag: 283, type: 5, values: [Math.round(page.perCentimetre * 100), 100] },
    page.perCentimetre === undefined ? null : { tag: 296, type: 3, values: [3] },
    tile ? { tag: 322, type: 4, values: [tile[0]] } : null,
    tile ? { tag: 323, type: 4, values: [tile[1]] } : null,
    tile ? { tag: 324, type: isBig ? 16 : 4, values: offsets } : null,
    tile ? { tag: 325, type: 4, values: lengths } : null,
    below.length > 0 ? { tag: 330, type: isBig ? 16 : 4, values: below } : null,
    page.jpegTables ? { tag: 347, type: 7, values: [...page.jpegTables] } : null,
  ];
  return fields.filter((field) => field !== null);
}
