/** From stored values to a picture: modality values, padding, window or table, polarity, palette, colour space. */
import type { Picture } from '#models/imaging/image.ts';
import { Fault } from '#models/base/fault.ts';
import type { DicomFile } from './dicomFile.ts';
import { firstNumber, firstText, has, numbers, texts } from './elements.ts';
import type { DataSet } from './elements.ts';
import { fullYbrToRgb } from './frame.ts';
import type { StoredFrame, StoredValues } from './frame.ts';
import { attributeSources } from './geometry.ts';
import { paletteOf, rescaleOf, tablesOf } from './lookUpTable.ts';
import type { Palette } from './lookUpTable.ts';
import { applyTable, applyVoi, isUsable, windowPresets } from './voi.ts';
import type { LookUpTable, Voi, WindowShape } from './voi.ts';

/** How a frame's stored values become modality values: Hounsfield units, for one. */
export interface ModalityTransform {
  /** The value that a stored one stands for. */
  apply(stored: number): number;
  /** Rescale Type or Modality LUT Type: 'HU', 'US' (unspecified), 'OD' …; '' where not stated. */
  readonly unit: string;
  readonly slope: number;
  readonly intercept: number;
  readonly table: LookUpTable | null;
}

/** The frame's modality transform: a Modality LUT where there is one, else the rescale, else none. */
export function modalityTransform(file: DicomFile, frame = 0): ModalityTransform {
  const sources = [...attributeSources(file, frame, 'x00289145'), file.dataSet];
  const [table] = tablesOf(file.dataSet, 'x00283000', file.image?.signed ?? false);
  if (table) return { apply: (stored) => applyTable(table, stored), unit: '', slope: 1, intercept: 0, table };
  const { slope, intercept } = rescaleOf(sources) ?? { slope: 1, intercept: 0 };
  const unit = sources.map((source) => firstText(source, 'x00281054')).find((value) => value !== undefined) ?? '';
  const usable = slope === 0 ? 1 : slope;
  return { apply: (stored) => stored * usable + intercept, unit, slope: usable, intercept, table: null };
}

/** Stored values that mean no measurement: Pixel Padding Value to its Range Limit; null where none is stated. */
export function paddingOf({ dataSet, image }: DicomFile): { readonly low: number; readonly high: number } | null {
  const vr = image?.signed ? 'SS' : 'US';
  const value = firstNumber(dataSet, 'x00280120', vr);
  if (value === undefined || !image || image.kind !== 'integer') return null;
  const limit = firstNumber(dataSet, 'x00280121', vr) ?? value;
  const signed = (x: number): number => (image.signed && x > 32767 ? x - 65536 : x);
  return { low: Math.min(signed(value), signed(limit)), high: Math.max(signed(value), signed(limit)) };
}

/** The windows and tables that the file gives for a frame, its first choice first. */
export function fileVois(file: DicomFile, frame = 0): Voi[] {
  const sources = [...attributeSources(file, frame, 'x00289132'), file.dataSet];
  const windows = sources.map((source) => windowsOf(source, usualShape(file, frame))).find((found) => found.length > 0) ?? [];
  const modality = modalityTransform(file, frame);
  const tables = tablesOf(file.dataSet, 'x00283010', modality.table ? false : (file.image?.signed ?? false) || modality.intercept < 0);
  return [...windows, ...tables.map((table, i): Voi => ({ kind: 'table', name: table.explanation || `Table ${i + 1}`, table }))];
}

/**
 * The curve of a window whose file names none. LINEAR is meant for whole numbers and makes a step of width 1, so values that are fractions,
 * as stored or as rescaled, take the exact form of the same line.
 */
function usualShape(file: DicomFile, frame: number): WindowShape {
  return file.image?.kind === 'integer' && Number.isInteger(modalityTransform(file, frame).slope) ? 'LINEAR' : 'LINEAR_EXACT';
}

function windowsOf(source: DataSet, usual: WindowShape): Voi[] {
  const centers = numbers(source, 'x00281050', 'DS');
  const widths = numbers(source, 'x00281051', 'DS');
  const names = has(source, 'x00281055') ? texts(source, 'x00281055') : [];
  const stated = firstText(source, 'x00281056');
  const shape: WindowShape = stated === 'SIGMOID' || stated === 'LINEAR_EXACT' || stated === 'LINEAR' ? stated : usual;
  return centers.slice(0, widths.length).flatMap((center, i): Voi[] => {
    const window = { center, width: widths[i]!, shape };
    return isUsable(window) ? [{ kind: 'window', name: names[i] || `Window ${i + 1}`, window }] : [];
  });
}

/** Everything by which a frame can be shown: what the file gives, the presets of its modality, and its own range. */
export function availableVois(file: DicomFile, frame: StoredFrame, index = 0): Voi[] {
  const presets = (windowPresets[firstText(file.dataSet, 'x00080060') ?? ''] ?? []).map(
    ({ name, center, width }): Voi => ({ kind: 'window', name, window: { center, width, shape: 'LINEAR' } }));
  return [...fileVois(file, index), ...presets, valueRange(file, frame, index)];
}

/**
 * What a frame is shown by where nobody chose: the file's first window or table; for CT without one the first preset; eight-bit values as
 * they are; else the range of the values that are not padding.
 */
export function defaultVoi(file: DicomFile, frame: StoredFrame, index = 0): Voi {
  const [stated] = fileVois(file, index);
  if (stated) return stated;
  const modality = firstText(file.dataSet, 'x00080060');
  const [preset] = modality === 'CT' && rescaleOf([...attributeSources(file, index, 'x00289145'), file.dataSet]) ? windowPresets['CT'] ?? [] : [];
  if (preset) return { kind: 'window', name: preset.name, window: { ...preset, shape: 'LINEAR' } };
  const { image } = file;
  if (image && image.bitsStored === 8 && !image.signed && modalityTransform(file, index).table === null) {
    const { apply } = modalityTransform(file, index);
    return { kind: 'range', name: 'All values', low: Math.min(apply(0), apply(255)), high: Math.max(apply(0), apply(255)) };
  }
  return valueRange(file, frame, index);
}

/** The least and largest modality value of a frame, padding and what is no number left out. */
function valueRange(file: DicomFile, frame: StoredFrame, index: number): Voi {
  const padding = paddingOf(file);
  let low = Infinity;
  let high = -Infinity;
  const { data } = frame;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if ((padding && value >= padding.low && value <= padding.high) || !Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const { apply } = modalityTransform(file, index);
  if (low > high) return { kind: 'range', name: 'All values', low: 0, high: 1 };
  const [a, b] = [apply(low), apply(high)];
  return { kind: 'range', name: 'All values', low: Math.min(a, b), high: Math.max(a, b) };
}

export interface DisplayOptions {
  /** Which of the file's frames this is, for attributes that differ from frame to frame; 0 by default. */
  readonly index?: number;
  /** `defaultVoi` by default. Colour images take none. */
  readonly voi?: Voi;
}

/** The frame as a picture of 8-bit RGB, its pixels as stored in number and order. Throws Fault `dicom.photometric` or `dicom.lut`. */
export function toDisplay(file: DicomFile, frame: StoredFrame, { index = 0, voi }: DisplayOptions = {}): Picture {
  const { rows: height, columns: width } = frame;
  const photometric = frame.photometric;
  if (frame.samples >= 3) return { width, height, data: colourToRgb(file, frame) };
  if (frame.samples !== 1) throw unshowable(`It has ${frame.samples} samples a pixel.`);
  const signed = file.image?.signed ?? false;
  if (photometric === 'PALETTE COLOR') {
    const palette = paletteOf(file.dataSet, signed);
    if (!palette) throw unshowable('It is coloured by a palette that the file does not have.');
    return { width, height, data: throughPalette(frame.data, palette) };
  }
  if (photometric !== 'MONOCHROME1' && photometric !== 'MONOCHROME2') throw unshowable(`Its photometric interpretation is ${photometric}.`);
  const grey = greyLevels(file, frame, { index, voi: voi ?? defaultVoi(file, frame, index) });
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) data[at] = data[at + 1] = data[at + 2] = grey[i]!;
  const presentation = firstText(file.dataSet, 'x00089205');
  const supplemental = presentation === 'COLOR' || presentation === 'MIXED' ? paletteOf(file.dataSet, signed) : null;
  if (supplemental) paintSupplement(frame.data, supplemental, data);
  return { width, height, data };
}

const unshowable = (why: string): Fault => new Fault({
  code: 'dicom.photometric', what: 'The frame cannot be shown as a picture.', why, mend: 'Export the image from the archive as MONOCHROME2 or RGB.',
});

/** The least value is shown white: MONOCHROME1, or an inverse presentation. */
export const isInverted = ({ dataSet }: DicomFile, photometric: string): boolean => photometric === 'MONOCHROME1' || firstText(dataSet, 'x20500020') === 'INVERSE';

/** Brightness of each pixel, 0 … 255. Padding is black; MONOCHROME1 and an inverse presentation are turned round. */
function greyLevels(file: DicomFile, frame: StoredFrame, { index, voi }: { index: number; voi: Voi }): Uint8Array {
  const { data } = frame;
  const { apply } = modalityTransform(file, index);
  const padding = paddingOf(file);
  const inverted = isInverted(file, frame.photometric);
  const level = (stored: number): number => {
    if (padding && stored >= padding.low && stored <= padding.high) return 0;
    const brightness = applyVoi(voi, apply(stored));
    const turned = inverted ? 1 - brightness : brightness;
    return Number.isNaN(turned) ? 0 : Math.round(turned * 255);
  };
  const out = new Uint8Array(data.length);
  const offset = smallestOf(data);
  if (offset === null) {
    for (let i = 0; i < data.length; i++) out[i] = level(data[i]!);
    return out;
  }
  // Up to sixteen bits have few values: each level is worked out once, when first met.
  const levels = new Int16Array(65536).fill(-1);
  for (let i = 0; i < data.length; i++) {
    const stored = data[i]!;
    let found = levels[stored - offset]!;
    if (found < 0) found = levels[stored - offset] = level(stored);
    out[i] = found;
  }
  return out;
}

/** The least value that an array of at most sixteen bits can hold; null for wider ones. */
const smallestOf = (data: StoredValues): number | null =>
  data instanceof Uint8Array || data instanceof Uint16Array ? 0 : data instanceof Int8Array || data instanceof Int16Array ? -32768 : null;

function throughPalette(data: StoredValues, { first, red, green, blue }: Palette): Uint8Array {
  const out = new Uint8Array(data.length * 3);
  const last = Math.min(red.length, green.length, blue.length) - 1;
  for (let i = 0, at = 0; i < data.length; i++, at += 3) {
    const entry = Math.min(last, Math.max(0, data[i]! - first));
    out[at] = red[entry]!;
    out[at + 1] = green[entry]!;
    out[at + 2] = blue[entry]!;
  }
  return out;
}

/** Values from the supplemental palette's first on are coloured, those below stay grey. */
function paintSupplement(data: StoredValues, palette: Palette, rgb: Uint8Array): void {
  const last = Math.min(palette.red.length, palette.green.length, palette.blue.length) - 1;
  for (let i = 0; i < data.length; i++) {
    const entry = data[i]! - palette.first;
    if (entry < 0) continue;
    const at = Math.min(last, entry);
    rgb[i * 3] = palette.red[at]!;
    rgb[i * 3 + 1] = palette.green[at]!;
    rgb[i * 3 + 2] = palette.blue[at]!;
  }
}

/** Three samples as 8-bit RGB; a fourth is dropped. */
function colourToRgb({ image }: DicomFile, frame: StoredFrame): Uint8Array {
  const { samples, photometric } = frame;
  const bits = image?.bitsStored ?? 8;
  const three = samples === 3 ? frame.data : frame.data.filter((_, i) => i % samples < 3);
  const bytes = bits === 8 && three instanceof Uint8Array ? three : Uint8Array.from(three, (value) => Math.round((Math.max(0, value) * 255) / (2 ** bits - 1)));
  switch (photometric) {
    case 'RGB': case 'YBR_RCT': case 'YBR_ICT': return bytes === frame.data ? bytes.slice() : bytes;
    case 'YBR_FULL': case 'YBR_FULL_422': return fullYbrToRgb(bytes);
    case 'YBR_PARTIAL_422': case 'YBR_PARTIAL_420': return partialYbrToRgb(bytes);
    default: throw unshowable(`Its photometric interpretation is ${photometric}.`);
  }
}

/** BT.601 at studio range: luma 16 … 235, chroma 16 … 240. */
function partialYbrToRgb(data: Uint8Array): Uint8Array {
  const full = new Uint8Array(data.length);
  const limit = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));
  for (let i = 0; i + 2 < data.length; i += 3) {
    full[i] = limit(((data[i]! - 16) * 255) / 219);
    full[i + 1] = limit(((data[i + 1]! - 128) * 255) / 224 + 128);
    full[i + 2] = limit(((data[i + 2]! - 128) * 255) / 224 + 128);
  }
  return fullYbrToRgb(full);
}
