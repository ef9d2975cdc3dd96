/** Pixels of stored files: frames as stored values for the viewer, as pictures for thumbnails and the model, and tiles of slides. */
import { typeOf, type FrameHeader, type Preset, type WiredFrame } from '#electron/contract/frame.ts';
import type { Region, ViewWindow } from '#electron/contract/review.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { Fault } from '#models/base/fault.ts';
import type { ChosenChannel } from '#models/clinical/study.ts';
import { compose, identity, scaling, translation, type Affine, type Size } from '#models/imaging/coordinates.ts';
import { cutOut } from '#models/imaging/cutOut.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { availableVois, defaultVoi, fileVois, isInverted, modalityTransform, paddingOf, toDisplay } from '#models/imaging/dicom/display.ts';
import { firstText, numbers, texts } from '#models/imaging/dicom/elements.ts';
import { decodeFrame, type StoredFrame } from '#models/imaging/dicom/frame.ts';
import { frameGeometry, isotropicSize, pixelAspect } from '#models/imaging/dicom/geometry.ts';
import { placementOf } from '#models/imaging/dicom/placement.ts';
import { voiText, type Voi } from '#models/imaging/dicom/voi.ts';
import type { Picture } from '#models/imaging/image.ts';
import { extentOf } from '#models/imaging/measures.ts';
import { decodePicture, encodePng } from '#models/imaging/picture.ts';
import { resize } from '#models/imaging/resize.ts';
import type { Placement } from '#models/imaging/sides.ts';
import { channelText } from '#models/imaging/slide/channels.ts';
import { encodeChannelTile } from '#models/imaging/slide/channelTile.ts';
import { readRegionAt } from '#models/imaging/slide/region.ts';
import { readTile, readTileJpeg, withChannels } from '#models/imaging/slide/slide.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import { isSlide, openSlideFile, wholeFile, type OpenSlideFile } from './inspect.ts';
import { isSlidePart, manifestParts, openDicomSlide } from './slides.ts';

/** A picture as a person or the model is shown it: windowed, with square pixels. */
export interface ShownPicture {
  readonly picture: Picture;
  /** Pixels of `picture` to pixels of the source. */
  readonly toSource: Affine;
  readonly source: { readonly width: number; readonly height: number };
  /** How grey values or channels became what is seen; null for colour. */
  readonly window: string | null;
  /** How it lies in the patient; null where the file is none that could say so. */
  readonly placement: Placement | null;
}

export interface ShownOptions {
  /** Of a grey frame; absent or null: as the file says. */
  readonly window?: ViewWindow | null;
  readonly region?: Region | null;
  /** Of a slide with channels: those that are seen; absent or null: all, as they are first shown. */
  readonly channels?: readonly ChosenChannel[] | null;
}

export interface Pixels {
  values(path: string, sha256: string, index: number): Promise<WiredFrame>;
  shown(path: string, index: number, options?: ShownOptions): Promise<ShownPicture>;
  thumbnail(path: string, index: number, side: number): Promise<Uint8Array>;
  tile(path: string, level: number, column: number, row: number): Promise<{ readonly type: 'image/jpeg' | 'image/png'; readonly bytes: Uint8Array }>;
  /** What one channel measured there, as `decodeChannelTile` reads it. */
  channelTile(path: string, level: number, place: { readonly column: number; readonly row: number; readonly channel: number }): Promise<Uint8Array>;
  /** Lets go of the files that are open. */
  close(): Promise<void>;
}

type Opened =
  | { readonly kind: 'dicom'; readonly file: DicomFile; readonly bytes: number }
  | { readonly kind: 'picture'; readonly picture: Picture; readonly bytes: number }
  | { readonly kind: 'slide'; readonly slide: OpenSlideFile; readonly bytes: number };

/** Files that were read stay at hand until they take this much together. */
const keptBytes = 400_000_000;
const overviewSide = 1024;

/** Opens each file once and keeps the recent ones. */
export function openPixels(): Pixels {
  const kept = new Map<string, Promise<Opened>>();
  const sizes = new Map<string, number>();
  const opened = (path: string): Promise<Opened> => {
    const known = kept.get(path);
    kept.delete(path);
    const opening = known ?? openFile(path).then((file) => {
      sizes.set(path, file.bytes);
      makeRoom();
      return file;
    });
    kept.set(path, opening);
    opening.catch(() => kept.delete(path));
    return opening;
  };
  const letGo = async (opening: Promise<Opened> | undefined): Promise<void> => {
    const file = await opening?.catch(() => null);
    if (file?.kind === 'slide') await file.slide.close();
  };
  const makeRoom = (): void => {
    let total = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
    for (const path of [...kept.keys()].slice(0, -1)) {
      if (total <= keptBytes && sizes.size <= 256) return;
      total -= sizes.get(path) ?? 0;
      const gone = kept.get(path);
      kept.delete(path);
      sizes.delete(path);
      void letGo(gone);
    }
  };
  const shown: Pixels['shown'] = async (path, index, { window = null, region = null, channels = null } = {}) => {
    const file = await opened(path);
    const part = (whole: ShownPicture): ShownPicture => (region ? cutOut(whole, region) : whole);
    if (file.kind === 'dicom') return part(await shownFrame(file.file, index, window));
    if (file.kind === 'picture') return part({ picture: file.picture, toSource: identity, source: sizeOf(file.picture), window: null, placement: null });
    return shownSlide(file.slide, { region, side: overviewSide, channels });
  };
  /** @throws Fault `library.tile` where it has no such tile */
  const slideWith = async (path: string, level: number, { column, row }: { readonly column: number; readonly row: number }): Promise<OpenSlideFile> => {
    const file = await opened(path);
    if (file.kind !== 'slide') throw noTile('The file is not a slide.');
    const chosen = file.slide.levels[level];
    if (!chosen || column >= chosen.across || row >= chosen.down) throw noTile('The slide has no such tile.');
    return file.slide;
  };
  return {
    shown,
    async close() {
      await Promise.all([...kept.values()].map(letGo));
      kept.clear();
      sizes.clear();
    },
    async values(path, sha256, index) {
      const file = await opened(path);
      if (file.kind === 'dicom') return wiredFrame(file.file, sha256, index);
      const { picture } = await shown(path, index);
      return wiredPicture(picture, `${sha256}-${index}`);
    },
    async thumbnail(path, index, side) {
      const file = await opened(path);
      // Of a slide a level of about this size is read, not a larger one to be made small.
      const { picture } = file.kind === 'slide' ? await shownSlide(file.slide, { region: null, side: Math.min(side, overviewSide), channels: null }) : await shown(path, index);
      const scale = Math.min(1, side / Math.max(picture.width, picture.height));
      const size = { width: Math.max(1, Math.round(picture.width * scale)), height: Math.max(1, Math.round(picture.height * scale)) };
      return encodePng(scale < 1 ? resize(picture, size) : picture, { level: 4 });
    },
    async tile(path, level, column, row) {
      const slide = await slideWith(path, level, { column, row });
      const packed = await readTileJpeg(slide, level, { column, row });
      if (packed) return { type: 'image/jpeg', bytes: packed };
      const picture = await readTile(slide, level, { column, row });
      if (!picture) throw noTile('The file leaves it out: empty glass.');
      return { type: 'image/png', bytes: encodePng(picture, { level: 1 }) };
    },
    async channelTile(path, level, { column, row, channel }) {
      const slide = await slideWith(path, level, { column, row });
      if (channel >= slide.channels.length) throw noTile('The slide has no such channel.');
      const tile = await slide.levels[level]!.channelTile(channel, { column, row });
      if (!tile) throw noTile('The file leaves it out: no light.');
      return encodeChannelTile(tile);
    },
  };
}

const noTile = (why: string): Fault => new Fault({ code: 'library.tile', what: 'The tile cannot be shown.', why, mend: 'Open the slide again.' });
const sizeOf = ({ width, height }: Size): { width: number; height: number } => ({ width, height });

async function openFile(path: string): Promise<Opened> {
  const kind = kindOf(await startOfFile(path, kindBytes));
  if (kind === 'tiff') {
    const slide = await openSlideFile(path, 'The slide');
    if (isSlide(slide)) return { kind: 'slide', slide, bytes: 1_000_000 };
    await slide.close();
  }
  const parts = kind === 'dicom' && await isSlidePart(path) ? [{ path, name: 'The slide' }] : kind === 'unknown' ? await manifestParts(path) : null;
  if (parts) return { kind: 'slide', slide: await openDicomSlide(parts, 'The slide'), bytes: 4_000_000 * parts.length };
  const bytes = await wholeFile(path, 'The file');
  if (kind === 'dicom') return { kind: 'dicom', file: readDicom(bytes), bytes: bytes.length };
  const picture = await decodePicture(bytes);
  return { kind: 'picture', picture, bytes: picture.data.length };
}

/** A region of it, or all, its longer side at most so many pixels. */
async function shownSlide(slide: OpenSlideFile, { region, side, channels }: { readonly region: Region | null; readonly side: number; readonly channels: readonly ChosenChannel[] | null }): Promise<ShownPicture> {
  const seen = region ?? { x: 0, y: 0, width: slide.width, height: slide.height };
  const shrink = Math.min(1, side / Math.max(seen.width, seen.height));
  const picture = await readRegionAt(channels && slide.channels.length > 0 ? withChannels(slide, channels.filter(({ at }) => at < slide.channels.length)) : slide, seen, { width: Math.max(1, Math.round(seen.width * shrink)), height: Math.max(1, Math.round(seen.height * shrink)) });
  const toSource = compose(scaling(seen.width / picture.width, seen.height / picture.height), translation(seen.x, seen.y));
  return { picture, toSource, source: sizeOf(slide), window: channels && slide.channels.length > 0 ? channelText(slide.channels, channels) : slide.window, placement: null };
}

async function shownFrame(file: DicomFile, index: number, chosen: ViewWindow | null): Promise<ShownPicture> {
  const stored = await decodeFrame(file, index);
  const voi: Voi | undefined = !isGrey(stored) ? undefined : chosen ? voiOf(chosen) : defaultVoi(file, stored, index);
  const flat = toDisplay(file, stored, { index, ...(voi ? { voi } : {}) });
  // What the person turned round, the model sees turned round.
  const turned = voi && chosen && chosen.isInverted !== isInverted(file, stored.photometric) ? { ...flat, data: flat.data.map((value) => 255 - value) } : flat;
  const size = isotropicSize({ columns: flat.width, rows: flat.height }, pixelAspect(file, index));
  const isSquare = size.width === flat.width && size.height === flat.height;
  return {
    picture: isSquare ? turned : resize(turned, size), toSource: isSquare ? identity : scaling(flat.width / size.width, flat.height / size.height), source: sizeOf(flat),
    window: voi ? `${voiText(voi, modalityTransform(file, index).unit)}${chosen?.isInverted === true ? ', inverted' : ''}` : null,
    placement: placementOf(file, index),
  };
}

function voiOf({ center, width, shape, name }: ViewWindow): Voi {
  if (shape === 'RANGE') return { kind: 'range', name: name ?? 'Chosen', low: center - width / 2, high: center + width / 2 };
  return { kind: 'window', name: name ?? 'Chosen', window: { center, width, shape: shape === 'LINEAR' && width < 1 ? 'LINEAR_EXACT' : shape } };
}

const isGrey = (stored: StoredFrame): boolean => stored.samples === 1 && stored.photometric !== 'PALETTE COLOR';

async function wiredFrame(file: DicomFile, sha256: string, index: number): Promise<WiredFrame> {
  const stored = await decodeFrame(file, index);
  const id = `${sha256}-${index}`;
  const geometry = frameGeometry(file, index);
  const aspect = clampAspect(pixelAspect(file, index));
  const modality = firstText(file.dataSet, 'x00080060') ?? 'OT';
  const isColouredGrey = ['COLOR', 'MIXED'].includes(firstText(file.dataSet, 'x00089205') ?? '');
  if (!isGrey(stored) || isColouredGrey) {
    const wired = wiredPicture(toDisplay(file, stored, { index }), id);
    return { ...wired, header: { ...wired.header, geometry, aspect, modality, ...film(file) } };
  }
  const transform = modalityTransform(file, index);
  // A look-up table of the modality cannot be told by slope and intercept: its values are sent instead of the stored ones.
  const values = transform.table ? Float32Array.from(stored.data as ArrayLike<number>, (value) => transform.apply(value)) : stored.data;
  return {
    values: values,
    header: {
      id, rows: stored.rows, columns: stored.columns, samples: 1, type: typeOf(values), slope: transform.slope, intercept: transform.intercept, unit: transform.unit === 'US' ? '' : transform.unit,
      isInverted: isInverted(file, stored.photometric), padding: transform.table ? null : paddingOf(file), ...extentOf(values), presets: presetsOf(file, stored, index), geometry, aspect, modality, ...film(file),
    },
  };
}

/** JPEG baseline and extended: what is packed so lost pixels, whether the file says it or not. */
const lossySyntaxes: ReadonlySet<string> = new Set(['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.51']);

/** How its frames follow each other, how a projection lies, and whether compression cost pixels: Frame Time, or else a rate in frames a second. */
function film({ dataSet, transferSyntaxUid }: DicomFile): Pick<FrameHeader, 'frameTimeMs' | 'isLossy' | 'patientOrientation'> {
  const [row, column] = texts(dataSet, 'x00200020').filter((letters) => /^[LRAPHF]{1,3}$/.test(letters));
  const [frameTime] = numbers(dataSet, 'x00181063', 'DS');
  const rate = numbers(dataSet, 'x00082144', 'IS')[0] ?? numbers(dataSet, 'x00180040', 'IS')[0];
  const milliseconds = frameTime ?? (rate === undefined ? undefined : 1000 / rate);
  const isUsable = milliseconds !== undefined && Number.isFinite(milliseconds) && milliseconds >= 1 && milliseconds <= 60_000;
  return { frameTimeMs: isUsable ? milliseconds : null, isLossy: firstText(dataSet, 'x00282110') === '01' || lossySyntaxes.has(transferSyntaxUid ?? ''), patientOrientation: row !== undefined && column !== undefined ? [row, column] : null };
}

const clampAspect = (aspect: number): number => (aspect >= 1 / 32 && aspect <= 32 ? aspect : 1);

function wiredPicture({ width, height, data }: Picture, id: string): WiredFrame {
  const header: FrameHeader = {
    id, rows: height, columns: width, samples: 3, type: 'uint8', slope: 1, intercept: 0, unit: '', isInverted: false, padding: null, least: 0, greatest: 255, presets: [],
    geometry: { spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null }, aspect: 1, modality: 'IMG', frameTimeMs: null, patientOrientation: null, isLossy: false,
  };
  return { header, values: data };
}

/** What the frame is shown by first, then everything else on offer; one name each. */
function presetsOf(file: DicomFile, stored: StoredFrame, index: number): Preset[] {
  const fromFile = new Set(fileVois(file, index).map(({ name }) => name));
  const all = [defaultVoi(file, stored, index), ...availableVois(file, stored, index)].map((voi): Preset => {
    const source = fromFile.has(voi.name) ? 'file' : voi.kind === 'range' ? 'values' : 'usual';
    if (voi.kind === 'window') return { name: voi.name, ...voi.window, source };
    const [low, high] = voi.kind === 'range' ? [voi.low, voi.high] : [voi.table.first, voi.table.first + voi.table.values.length - 1];
    return { name: voi.name, center: (low + high) / 2, width: Math.max(1e-6, high - low), shape: 'RANGE', source };
  });
  const seen = new Set<string>();
  return all.filter(({ name }) => !seen.has(name) && Boolean(seen.add(name)));
}
