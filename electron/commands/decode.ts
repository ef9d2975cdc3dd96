/** `loupe decode FILE`: what one image file holds, and a fingerprint of its pixels as they are stored. */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { bytesOf, startOfFile } from '#electron/storage/files.ts';
import { Fault } from '#models/base/fault.ts';
import type { FaultFields } from '#models/base/fault.ts';
import { characterSets, personName, readDicom } from '#models/imaging/dicom/dicomFile.ts';
import type { DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { firstNumber, firstText, has, numbers, text } from '#models/imaging/dicom/elements.ts';
import type { Tag } from '#models/imaging/dicom/elements.ts';
import { decodeFrame } from '#models/imaging/dicom/frame.ts';
import type { StoredFrame, StoredValues } from '#models/imaging/dicom/frame.ts';
import { transferSyntaxName } from '#models/imaging/dicom/transferSyntax.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { openSlide } from '#models/imaging/slide/slide.ts';
import { openTiff } from '#models/imaging/tiff.ts';
import type { ByteSource, TiffPage } from '#models/imaging/tiff.ts';
import { readPage } from '#models/imaging/tiffBlocks.ts';
import { onlyPositional } from './command.ts';
import type { Command, CommandContext } from './command.ts';

export const command: Command = {
  name: 'decode',
  summary: 'a DICOM file, slide or picture: its fields and a fingerprint of its stored pixels',
  usage: 'decode FILE [--json]',
  options: {},
  run: decode,
};

/** The largest file that is read whole; slides are read where they are needed. */
const maximumFileBytes = 512 * 1024 * 1024;

async function decode(context: CommandContext): Promise<void> {
  const found = await describeFile(onlyPositional(context, 'FILE'), context);
  context.print(found, asText(found));
  // The part that could be read is printed with its fault beside it, so nothing is thrown; the exit status says it all the same.
  if ('fault' in found) process.once('exit', () => void (process.exitCode = 1));
}

/** Where a description reports to while it works. */
type Listener = Pick<CommandContext, 'signal' | 'progress'>;

/**
 * The fields of a file under the names of the reference manifest. Damage that leaves something to show is told in `fault`, beside what was
 * read; throws Fault where nothing can be (`dicom.unrecognised`, `file.unreadable` and those of pictures).
 */
export async function describeFile(path: string, listener: Listener): Promise<Fields> {
  const kind = kindOf(await readFault(path, () => startOfFile(path, kindBytes)));
  return kind === 'tiff' ? describeTiff(path, listener) : describeWhole(path, kind, listener);
}

async function describeWhole(path: string, kind: string, context: Listener): Promise<Fields> {
  const bytes = await readFault(path, () => readWhole(path));
  const file = { file: path, bytes: bytes.length, file_sha256: createHash('sha256').update(bytes).digest('hex') };
  return { ...file, ...(kind === 'png' || kind === 'jpeg' ? await describePicture(bytes, path) : await describeDicom(bytes, context)) };
}

const unreadable = (path: string, why: string, mend: string): Fault => new Fault({ code: 'file.unreadable', what: `${path} cannot be read.`, why, mend });

/** Turns the system's complaint about a file into a Fault. */
async function readFault<T>(path: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw unreadable(path, error instanceof Error ? `${error.message}.` : String(error), 'Check the path and that you may read the file.');
  }
}

function readWhole(path: string): Uint8Array {
  const { size } = statSync(path);
  if (size > maximumFileBytes) {
    throw unreadable(path, `It has ${Math.round(size / 1024 / 1024)} MB; up to ${maximumFileBytes / 1024 / 1024} MB are read.`, 'Split it, or export a part of it.');
  }
  const buffer = readFileSync(path);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

type Fields = Record<string, unknown>;

/** The compressions and colour models of TIFF under the names that the reference manifest uses. */
const compressions: Readonly<Record<number, string>> = {
  1: 'NONE', 5: 'LZW', 7: 'JPEG', 8: 'ADOBE_DEFLATE', 32773: 'PACKBITS', 32946: 'DEFLATE', 33003: 'APERIO_JP2000_YCBC', 33005: 'APERIO_JP2000_RGB', 34712: 'JPEG2000',
};
const photometrics: Readonly<Record<number, string>> = { 0: 'MINISWHITE', 1: 'MINISBLACK', 2: 'RGB', 3: 'PALETTE', 6: 'YCBCR' };

/** A TIFF page by page; a page that cannot be decoded, or is too large to be decoded whole, has a fault in place of pixels. */
async function describeTiff(path: string, { signal, progress }: Listener): Promise<Fields> {
  const hash = createHash('sha256');
  await readFault(path, () => pipeline(createReadStream(path), hash));
  const handle = await open(path);
  try {
    const source = await bytesOf(handle);
    const tiff = await openTiff(source, path);
    const pages: Fields[] = [];
    for (const [index, page] of tiff.pages.entries()) {
      signal.throwIfAborted();
      if (index % 10 === 9) progress(`${index} of ${tiff.pages.length} pages`);
      pages.push({ ...describePage(page, index), ...(await pagePixels(() => readPage(tiff, page, `Page ${index} of ${path}`))) });
    }
    const fault = pages.map((page) => page['fault'] as FaultFields | undefined).find((found) => found && found.code !== 'picture.size');
    return { file: path, bytes: source.size, file_sha256: hash.digest('hex'), ...(await slideFields(source, path)), pages, ...(fault ? { fault } : {}) };
  } finally {
    await handle.close();
  }
}

/** What its pages are together: the levels of a pyramid, their scale, what lies beside them. Nothing where they make no slide that can be shown. */
async function slideFields(source: ByteSource, path: string): Promise<Fields> {
  try {
    const { width, height, levels, mpp, mppSource, magnification, channels, associated, notes } = await openSlide(source, path);
    return {
      slide: {
        width, height, levels: levels.map((level) => ({ width: level.width, height: level.height, tile: [level.tileHeight, level.tileWidth], downsample: Math.round(level.downsample * 1e4) / 1e4 })),
        mpp: mpp && [mpp.x, mpp.y], mpp_source: mppSource, objective: magnification, ...(channels.length > 0 ? { channels: channels.map(({ name, colour }) => `${name} ${colour}`) } : {}),
        beside: associated.map((picture) => `${picture.kind} ${picture.width} × ${picture.height}`), ...(notes.length > 0 ? { notes } : {}),
      },
    };
  } catch (error) {
    if (error instanceof Fault) return {};
    throw error;
  }
}

const describePage = (page: TiffPage, index: number): Fields => ({
  page: index, width: page.width, height: page.height, tiled: page.isTiled,
  compression: compressions[page.compression] ?? String(page.compression), photometric: photometrics[page.photometric] ?? String(page.photometric),
  ...(page.isTiled ? { tile: [page.blockHeight, page.blockWidth] } : {}),
});

async function pagePixels(read: () => Promise<Picture>): Promise<Fields> {
  try {
    const { width, height, data } = await read();
    const tally = new Tally();
    tally.add(data);
    return { pixels: tally.result([height, width, 3]) };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.toJSON() };
    throw error;
  }
}

async function describePicture(bytes: Uint8Array, path: string): Promise<Fields> {
  const { width, height, data } = await decodePicture(bytes, path);
  const tally = new Tally();
  tally.add(data);
  return { columns: width, rows: height, samples_per_pixel: 3, photometric: 'RGB', pixels: tally.result([height, width, 3]) };
}

/** The stored values of all frames as one hash and their range, frame after frame, so that no more than one is held. */
class Tally {
  private readonly hash = createHash('sha256');
  private low = Infinity;
  private high = -Infinity;
  private total = 0;
  private count = 0;
  private dtype = 'uint8';

  add(data: StoredValues): void {
    // Typed arrays hold the machine's byte order; every platform that Electron runs on is little endian.
    this.hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.dtype = data.constructor.name.replace('Array', '').toLowerCase();
    let { low, high } = this;
    let total = 0;
    for (let i = 0; i < data.length; i++) {
      const value = data[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
      total += value;
    }
    this.low = low;
    this.high = high;
    this.total += total;
    this.count += data.length;
  }

  result(shape: readonly number[]): Fields {
    const mean = Math.round((this.total / this.count) * 1e4) / 1e4;
    return { sha256: this.hash.digest('hex'), dtype: this.dtype, byte_order: 'little', shape, min: this.low, max: this.high, mean };
  }
}

async function describeDicom(bytes: Uint8Array, { signal, progress }: Listener): Promise<Fields> {
  const file = readDicom(bytes);
  const fields = headerFields(file);
  const { image } = file;
  if (!image) return { ...fields, notes: file.notes, fault: faultOf(file.imageFault) };

  const tally = new Tally();
  let shape: readonly number[] = [];
  let whole = 0;
  let fault: FaultFields | null = null;
  for (let index = 0; index < image.frames; index++) {
    signal.throwIfAborted();
    try {
      const frame = await decodeFrame(file, index);
      tally.add(frame.data);
      shape = frame.samples > 1 ? [frame.rows, frame.columns, frame.samples] : [frame.rows, frame.columns];
      whole++;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault = error.toJSON();
      break;
    }
    if (index % 50 === 49) progress(`${index + 1} of ${image.frames} frames`);
  }
  // What was merely mended is a note; what makes the pixels doubtful is a fault, told beside them.
  fault ??= file.notes.find(({ code }) => code === 'dicom.truncated' || code === 'dicom.badValue') ?? null;
  const notes = file.notes.length > 0 ? { notes: file.notes } : {};
  if (!fault) return { ...fields, pixels: tally.result(image.frames > 1 ? [image.frames, ...shape] : shape), ...notes };
  if (whole === 0) return { ...fields, ...(await partialPixels(file)), ...notes, fault };
  const part = { frames: whole, ...tally.result(whole > 1 || image.frames > 1 ? [whole, ...shape] : shape) };
  return { ...fields, ...(fault.code === 'dicom.badValue' ? { pixels_if_inferred: part } : { pixels_partial: part }), ...notes, fault };
}

/** What is there of a first frame that was cut: native pixels as bytes, compressed ones as far as they decode; nothing where nothing can be shown. */
async function partialPixels(file: DicomFile): Promise<Fields> {
  const { locations } = file;
  let frame: StoredFrame;
  try {
    frame = await decodeFrame(file, 0, { partial: true });
  } catch (error) {
    if (error instanceof Fault) return {};
    throw error;
  }
  const shown = { values_present: frame.present, shape: frame.samples > 1 ? [frame.rows, frame.columns, frame.samples] : [frame.rows, frame.columns] };
  if (locations?.kind !== 'native') return { pixels_partial: shown };
  const { offset, length } = locations.value;
  const present = file.dataSet.bytes.subarray(offset, offset + length);
  return {
    pixels_partial: {
      bytes_needed: Math.ceil((locations.frameBits * (file.image?.frames ?? 1)) / 8), bytes_present: length,
      sha256_of_bytes_present: createHash('sha256').update(present).digest('hex'), ...shown,
    },
  };
}

const faultOf = (fault: Fault | null): FaultFields | null => fault?.toJSON() ?? null;

/** The fields of the header under the names of the reference manifest; what the file does not state is left out. */
function headerFields(file: DicomFile): Fields {
  const { dataSet, encoding, transferSyntaxUid } = file;
  const fields: Fields = { has_preamble: file.hasPreamble };
  const put = (name: string, value: unknown): void => {
    if (value !== undefined && value !== null && value !== '') fields[name] = value;
  };
  const one = (tag: Tag, vr: string): number | undefined => firstNumber(dataSet, tag, vr);
  const many = (tag: Tag): number[] | undefined => {
    const values = numbers(dataSet, tag, 'DS').filter((value) => !Number.isNaN(value));
    return values.length > 0 ? values : undefined;
  };
  const oneOrMany = (tag: Tag): number | number[] | undefined => {
    const values = many(tag);
    return values?.length === 1 ? values[0] : values;
  };
  put('transfer_syntax_uid', transferSyntaxUid);
  put('transfer_syntax', transferSyntaxUid && transferSyntaxName(transferSyntaxUid));
  put('data_set_vr', encoding.explicit ? 'explicit' : 'implicit');
  put('byte_order', encoding.littleEndian ? 'little' : 'big');
  put('sop_class_uid', firstText(dataSet, 'x00080016'));
  put('modality', firstText(dataSet, 'x00080060'));
  put('photometric', firstText(dataSet, 'x00280004'));
  put('rows', one('x00280010', 'US'));
  put('columns', one('x00280011', 'US'));
  put('frames', has(dataSet, 'x00280008') ? one('x00280008', 'IS') ?? text(dataSet, 'x00280008').trim().slice(0, 40) : undefined);
  put('samples_per_pixel', one('x00280002', 'US'));
  put('planar_configuration', one('x00280006', 'US'));
  put('bits_allocated', one('x00280100', 'US'));
  put('bits_stored', one('x00280101', 'US'));
  put('high_bit', one('x00280102', 'US'));
  put('pixel_representation', one('x00280103', 'US'));
  put('rescale_slope', one('x00281053', 'DS'));
  put('rescale_intercept', one('x00281052', 'DS'));
  put('instance_number', one('x00200013', 'IS'));
  put('window_center', oneOrMany('x00281050'));
  put('window_width', oneOrMany('x00281051'));
  put('pixel_spacing', many('x00280030'));
  put('image_position_patient', many('x00200032'));
  put('image_orientation_patient', many('x00200037'));
  put('series_instance_uid', firstText(dataSet, 'x0020000e'));
  put('specific_character_set', characterSets(dataSet));
  put('patient_name_utf8', personName(dataSet, 'x00100010'));
  return fields;
}

/** One line for each field, nested ones indented. */
function asText(value: Fields, indent = ''): string {
  return Object.entries(value).map(([name, field]) => {
    if (Array.isArray(field) && field.some((item) => typeof item === 'object' && item !== null)) {
      return field.map((item) => `${indent}${name}\n${asText(item as Fields, `${indent}  `)}`).join('\n');
    }
    if (typeof field === 'object' && field !== null && !Array.isArray(field)) return `${indent}${name}\n${asText(field as Fields, `${indent}  `)}`;
    return `${indent}${name.padEnd(28 - indent.length)} ${Array.isArray(field) ? field.join(' ') : String(field)}`;
  }).join('\n');
}
