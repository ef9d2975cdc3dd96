/** A whole-slide image in DICOM: each file of a series is a level of one pyramid, cut into frames (PS3.3 C.8.12.4, C.7.6.17). */
import { Fault } from '#models/base/fault.ts';
import type { BlockPlace } from '#models/imaging/area.ts';
import { createPicture, paste, type Picture } from '#models/imaging/image.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { defaultVoi, modalityTransform, toDisplay } from '#models/imaging/dicom/display.ts';
import { firstNumber, firstText, items, rawBytes, texts, type DataSet } from '#models/imaging/dicom/elements.ts';
import { frameGeometry } from '#models/imaging/dicom/geometry.ts';
import { decodePartialFrame, packedFrame, type PartialDicom } from '#models/imaging/dicom/partial.ts';
import type { StoredFrame } from '#models/imaging/dicom/frame.ts';
import { voiText, type Voi } from '#models/imaging/dicom/voi.ts';
import { channelText, namedChannels, type ChannelTile, type StatedChannel } from './channels.ts';
import { isPlausible, sameShape, withFirstLooks, type Slide, type SlideLevel } from './slide.ts';

/** A file of a slide and the name it is spoken of by. */
export interface SlidePart extends PartialDicom {
  readonly name: string;
}

/** `label` and `overview` (the whole glass) can name the patient. */
export type Flavour = 'volume' | 'thumbnail' | 'label' | 'overview';

/** VL Whole Slide Microscopy Image Storage. */
export const slideStorage = '1.2.840.10008.5.1.4.1.1.77.1.6';

/** What a file of a slide shows, by the third value of Image Type (0008,0008); null where the file belongs to no slide. */
export function flavourOf({ dataSet, meta }: Pick<DicomFile, 'dataSet' | 'meta'>): Flavour | null {
  if ((firstText(dataSet, 'x00080016') ?? (meta && firstText(meta, 'x00020002'))) !== slideStorage) return null;
  const flavour = texts(dataSet, 'x00080008')[2]?.trim().toLowerCase();
  if (flavour === 'label' || flavour === 'overview' || flavour === 'thumbnail') return flavour;
  // A volume with the label in it is a picture of the glass, whatever it calls itself.
  return firstText(dataSet, 'x00480010') === 'YES' ? 'overview' : 'volume';
}

/** Media Storage SOP Class, SOP Class and Image Type stand within these first bytes of a file. */
export const flavourBytes = 4096;

/** As `flavourOf`, of a file of which only the beginning is known. */
export function flavourOfStart(start: Uint8Array): Flavour | null {
  const stated = new TextEncoder().encode(slideStorage);
  const isStated = start.some((_, at) => stated.every((byte, i) => start[at + i] === byte));
  if (!isStated) return null;
  try {
    return flavourOf(readDicom(start));
  } catch (thrown) {
    if (thrown instanceof Fault) return null;
    throw thrown;
  }
}

/** Total Pixel Matrix Columns and Rows, or the size of the only frame; null where neither is known, or the statement is impossible. */
function matrixOf({ dataSet, image }: DicomFile): Size | null {
  const [width, height] = [firstNumber(dataSet, 'x00480006', 'UL'), firstNumber(dataSet, 'x00480007', 'UL')];
  if (width !== undefined && height !== undefined) return width >= 1 && height >= 1 ? { width, height } : null;
  return image?.frames === 1 ? { width: image.columns, height: image.rows } : null;
}

/**
 * The files of a series that show a slide, put together as the levels of its pyramid. Files that show label or glass are left out. Grey tiles share one
 * window, which is chosen by the smallest level's first frame: each by itself would make the tissue a chequerboard. Throws `slide.empty`.
 */
export async function dicomSlide(parts: readonly SlidePart[], name: string, chooseVoi: (file: DicomFile, frame: StoredFrame, index: number) => Voi = defaultVoi): Promise<Slide> {
  const sized = parts.flatMap((part) => {
    const [flavour, matrix] = [flavourOf(part.file), matrixOf(part.file)];
    return (flavour === 'volume' || flavour === 'thumbnail') && matrix && part.file.image ? [{ part, matrix, file: part.file, isVolume: flavour === 'volume' }] : [];
  }).sort((a, b) => b.matrix.width - a.matrix.width || Number(b.isVolume) - Number(a.isVolume));
  const [base] = sized;
  if (!base) throw new Fault({ code: 'slide.empty', what: `${name} cannot be opened.`, why: 'None of its files shows the tissue.', mend: 'Import the whole series of the slide.' });
  const stated = opticalPaths(sized.filter(({ isVolume }) => isVolume).map(({ file }) => file));
  const used: (typeof sized)[] = [];
  for (const one of sized) {
    const before = used.at(-1);
    const isSame = before?.[0]?.matrix.width === one.matrix.width;
    // A level may be split into several files, or have one for each channel; any other file of the same size is another focal plane.
    if (isSame && (stated ? isCutAlike(before[0]!.file, one.file) : isContinued(before[0]!.file, one.file))) before.push(one);
    else if (!isSame && sameShape(one.matrix, base.matrix)) used.push([one]);
  }
  const levelParts = used.map((level) => ({ parts: level.map(({ part }) => part), matrix: level[0]!.matrix }));
  const common = {
    name, ...base.matrix, notes: [],
    associated: parts.flatMap(({ file }) => {
      const flavour = flavourOf(file);
      return file.image && (flavour === 'label' || flavour === 'overview') ? [{ kind: flavour === 'label' ? 'label' as const : 'macro' as const, width: file.image.columns, height: file.image.rows }] : [];
    }),
    ...scaleOf(base.file, base.matrix), magnification: magnificationOf(base.file), properties: new Map<string, string>(),
  };
  if (stated) {
    const paths = [...stated.keys()];
    const shown = await withFirstLooks(namedChannels([...stated.values()]), levelParts.map(({ parts: own, matrix }, at) => channelLevel(own, matrix, { base: base.matrix, paths, name: `${name}, level ${at}` })));
    return { ...common, ...shown, window: channelText(shown.channels, shown.channels.map((channel, at) => ({ ...channel, at }))) };
  }
  const smallest = used.at(-1)![0]!;
  const isGrey = smallest.file.image?.samples === 1 && smallest.file.image.photometric !== 'PALETTE COLOR';
  const voi = isGrey ? chooseVoi(smallest.file, await decodePartialFrame(smallest.part, 0), 0) : null;
  return {
    ...common, channels: [], window: voi && voiText(voi, modalityTransform(smallest.file).unit),
    levels: levelParts.map(({ parts: own, matrix }, at) => levelOf(own, matrix, { base: base.matrix, voi, name: `${name}, level ${at}` })),
  };
}

/** Files that are cut into tiles of one size, and continue each other or show the same places in another light. */
function isCutAlike(a: DicomFile, b: DicomFile): boolean {
  return a.image?.columns === b.image?.columns && a.image?.rows === b.image?.rows;
}

/** The optical paths of grey slides by their identifiers, in the order of those, whatever order the files come in; null unless there are several: one light makes one picture. */
function opticalPaths(files: readonly DicomFile[]): ReadonlyMap<string, StatedChannel> | null {
  if (files.some(({ image }) => image?.samples !== 1 || image.photometric === 'PALETTE COLOR')) return null;
  const paths = new Map<string, StatedChannel>();
  for (const file of files) {
    for (const path of items(file.dataSet, 'x00480105')) {
      const id = firstText(path, 'x00480106');
      if (id !== undefined && !paths.has(id)) paths.set(id, { name: firstText(path, 'x00480107') ?? id, colour: paletteColour(path) });
    }
  }
  return paths.size > 1 ? new Map([...paths].sort(([a], [b]) => (Number(a) - Number(b)) || (a < b ? -1 : 1))) : null;
}

/** The last colour of the palette that an optical path is to be shown by (Palette Color Lookup Table Sequence). */
function paletteColour(path: DataSet): string | null {
  const [palette] = items(path, 'x00480120');
  if (!palette) return null;
  const parts = (['x00281201', 'x00281202', 'x00281203'] as const).map((tag) => rawBytes(palette, tag).at(-1));
  return parts.every((part) => part !== undefined) ? `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}` : null;
}

const isContinued = (a: DicomFile, b: DicomFile): boolean => {
  const uid = firstText(a.dataSet, 'x00209161');
  return uid !== undefined && uid === firstText(b.dataSet, 'x00209161');
};

function scaleOf(file: DicomFile, { width, height }: Size): Pick<Slide, 'mpp' | 'mppSource'> {
  const { spacingMm } = frameGeometry(file, 0);
  const stated = spacingMm ? { x: spacingMm[1] * 1000, y: spacingMm[0] * 1000 } : null;
  // Imaged Volume Width and Height, millimetres.
  const volume = { x: ((firstNumber(file.dataSet, 'x00480001', 'FL') ?? NaN) * 1000) / width, y: ((firstNumber(file.dataSet, 'x00480002', 'FL') ?? NaN) * 1000) / height };
  const mpp = [stated, volume].find((one) => one !== null && isPlausible(one.x) && isPlausible(one.y)) ?? null;
  return { mpp, mppSource: mpp === null ? 'none' : 'dicom' };
}

function magnificationOf({ dataSet }: DicomFile): number | null {
  const power = items(dataSet, 'x00480105').map((path) => firstNumber(path, 'x00480112', 'DS')).find((value) => value !== undefined && value > 0);
  return power ?? null;
}

/** A level whose tiles were taken in one light after another. */
function channelLevel(parts: readonly SlidePart[], { width, height }: Size, { base, paths, name }: { readonly base: Size; readonly paths: readonly string[]; readonly name: string }): Omit<SlideLevel, 'tile'> {
  const { columns: tileWidth, rows: tileHeight } = parts[0]!.file.image!;
  const [across, down] = [Math.ceil(width / tileWidth), Math.ceil(height / tileHeight)];
  const cells = paths.map((path) => placed(parts, { tileWidth, tileHeight, across, down, width, height }, path));
  return {
    width, height, tileWidth, tileHeight, across, down, downsample: (base.width / width + base.height / height) / 2, packedTile: async () => null,
    async channelTile(channel, { column, row }) {
      const own = cells[channel];
      if (!own || !(column >= 0 && row >= 0 && column < across && row < down)) throw new RangeError(`${name}: channel ${channel}, column ${column}, row ${row} of ${paths.length} channels of ${across} × ${down} tiles`);
      const tiles = own.get(row * across + column) ?? [];
      const read = await Promise.all(tiles.map(async ({ part, index, x, y }) => ({ x: x - column * tileWidth, y: y - row * tileHeight, values: samplesOf((await decodePartialFrame(part, index)).data) })));
      const [first] = read;
      if (!first) return null;
      if (read.length === 1 && first.x === 0 && first.y === 0) return { width: tileWidth, height: tileHeight, values: first.values };
      const Values = first.values.constructor as new (length: number) => ChannelTile['values'];
      const values = new Values(tileWidth * tileHeight);
      for (const tile of read) {
        for (let y = Math.max(0, tile.y); y < Math.min(tileHeight, tile.y + tileHeight); y++) {
          for (let x = Math.max(0, tile.x); x < Math.min(tileWidth, tile.x + tileWidth); x++) values[y * tileWidth + x] = tile.values[(y - tile.y) * tileWidth + x - tile.x] as number;
        }
      }
      return { width: tileWidth, height: tileHeight, values };
    },
  };
}

const samplesOf = (data: StoredFrame['data']): ChannelTile['values'] => (data instanceof Uint8Array || data instanceof Uint16Array ? data : Float32Array.from(data as ArrayLike<number>));

interface Tile {
  readonly part: SlidePart;
  readonly index: number;
  /** Its upper left pixel in the level, from 0. */
  readonly x: number;
  readonly y: number;
}

function levelOf(parts: readonly SlidePart[], { width, height }: Size, { base, voi, name }: { readonly base: Size; readonly voi: Voi | null; readonly name: string }): SlideLevel {
  const { columns: tileWidth, rows: tileHeight } = parts[0]!.file.image!;
  const [across, down] = [Math.ceil(width / tileWidth), Math.ceil(height / tileHeight)];
  const cells = placed(parts, { tileWidth, tileHeight, across, down, width, height });
  const picture = async ({ part, index }: Tile): Promise<Picture> => toDisplay(part.file, await decodePartialFrame(part, index), { index, ...(voi ? { voi } : {}) });
  const cellAt = ({ column, row }: BlockPlace): readonly Tile[] => {
    if (!(column >= 0 && row >= 0 && column < across && row < down)) throw new RangeError(`${name}: column ${column}, row ${row} of ${across} × ${down} tiles`);
    return cells.get(row * across + column) ?? [];
  };
  /** The only tile of a place, where it fills it. */
  const exact = (at: BlockPlace): Tile | null => {
    const [first, ...more] = cellAt(at);
    return first && more.length === 0 && first.x === at.column * tileWidth && first.y === at.row * tileHeight ? first : null;
  };
  return {
    width, height, tileWidth, tileHeight, across, down, downsample: (base.width / width + base.height / height) / 2, channelTile: async () => null,
    async tile(at) {
      const tiles = cellAt(at);
      if (tiles.length === 0) return null;
      const alone = exact(at);
      if (alone) return picture(alone);
      let whole = createPicture({ width: tileWidth, height: tileHeight }, [255, 255, 255]);
      for (const tile of tiles) whole = paste(whole, await picture(tile), { x: tile.x - at.column * tileWidth, y: tile.y - at.row * tileHeight });
      return whole;
    },
    async packedTile(at) {
      const tile = exact(at);
      const image = tile?.part.file.image;
      if (!tile || image?.samples !== 3 || tile.part.file.transferSyntaxUid !== '1.2.840.10008.1.2.4.50') return null;
      const packed = await packedFrame(tile.part, tile.index);
      return packed && image.photometric === 'RGB' ? saidToBeRgb(packed) : packed;
    },
  };
}

/** Which tiles reach into which place of the grid, of one optical path or of all. Of several at one place (focal planes, stains) the first counts. */
function placed(parts: readonly SlidePart[], grid: { readonly tileWidth: number; readonly tileHeight: number; readonly across: number; readonly down: number; readonly width: number; readonly height: number }, path: string | null = null): ReadonlyMap<number, readonly Tile[]> {
  const { tileWidth, tileHeight, across, down, width, height } = grid;
  const cells = new Map<number, Tile[]>();
  const seen = new Set<string>();
  for (const part of parts) {
    const offset = firstNumber(part.file.dataSet, 'x00209228', 'UL') ?? 0;
    const groups = part.file.frameGroups();
    const ownPaths = items(part.file.dataSet, 'x00480105').map((one) => firstText(one, 'x00480106') ?? '');
    // TILED_FULL: from left to right, from top to bottom, plane by plane in focus, light by light.
    const round = across * down;
    const planes = Math.max(1, firstNumber(part.file.dataSet, 'x00480303', 'UL') ?? 1);
    for (let index = 0; index < (part.file.image?.frames ?? 0); index++) {
      const at = index + offset;
      if (path !== null && path !== (statedPath(groups[index]) ?? ownPaths[Math.floor(at / (round * planes)) % ownPaths.length])) continue;
      const inRound = path === null ? at : at % (round * planes);
      const { x, y } = statedPlace(groups[index]) ?? { x: (inRound % across) * tileWidth, y: Math.floor(inRound / across) * tileHeight };
      const key = `${x},${y}`;
      if (!(x > -tileWidth && y > -tileHeight && x < width && y < height) || seen.has(key)) continue;
      seen.add(key);
      for (let row = Math.max(0, Math.floor(y / tileHeight)); row < down && row * tileHeight < y + tileHeight; row++) {
        for (let column = Math.max(0, Math.floor(x / tileWidth)); column < across && column * tileWidth < x + tileWidth; column++) {
          const cell = cells.get(row * across + column);
          if (cell) cell.push({ part, index, x, y });
          else cells.set(row * across + column, [{ part, index, x, y }]);
        }
      }
    }
  }
  return cells;
}

/** The light of a frame, where it says so by itself: Optical Path Identification Sequence. */
function statedPath(group: DataSet | undefined): string | undefined {
  const [path] = group ? items(group, 'x00480207') : [];
  return path && firstText(path, 'x00480106');
}

/** TILED_SPARSE: each frame's Plane Position (Slide) Sequence, counted from 1. */
function statedPlace(group: DicomFile['dataSet'] | undefined): { readonly x: number; readonly y: number } | null {
  const [position] = group ? items(group, 'x0048021a') : [];
  const [x, y] = [position && firstNumber(position, 'x0048021e', 'SL'), position && firstNumber(position, 'x0048021f', 'SL')];
  return x === undefined || y === undefined || !Number.isFinite(x) || !Number.isFinite(y) ? null : { x: x - 1, y: y - 1 };
}

/** Adobe's note behind the start of the image, unless a note on colours is there: three components without one are taken for YCbCr. */
function saidToBeRgb(packed: Uint8Array): Uint8Array {
  for (let at = 2; at + 4 <= packed.length && packed[at] === 0xff && packed[at + 1] !== 0xda;) {
    if (packed[at + 1] === 0xee || packed[at + 1] === 0xe0) return packed;
    at += 2 + ((packed[at + 2] as number) << 8) + (packed[at + 3] as number);
  }
  const note = Uint8Array.of(0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0);
  const file = new Uint8Array(packed.length + note.length);
  file.set(packed.subarray(0, 2));
  file.set(note, 2);
  file.set(packed.subarray(2), 2 + note.length);
  return file;
}
