/** What a question is about: a path becomes the pictures that the model is shown, each with the way back to its source's pixels. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { bytesOf, startOfFile } from '#electron/storage/files.ts';
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import { compose, identity, invert, mapBox, scaling, translation, type Affine } from '#models/imaging/coordinates.ts';
import { cutOut } from '#models/imaging/cutOut.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { availableVois, defaultVoi, modalityTransform, toDisplay } from '#models/imaging/dicom/display.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { decodeFrame, type StoredFrame } from '#models/imaging/dicom/frame.ts';
import { frameGeometry, isotropicSize, pixelAspect } from '#models/imaging/dicom/geometry.ts';
import { openDicom } from '#models/imaging/dicom/partial.ts';
import { placementOf } from '#models/imaging/dicom/placement.ts';
import { assembleSeries, type NamedFile, type Stack, type StackFrame } from '#models/imaging/dicom/series.ts';
import { voiText, type Voi } from '#models/imaging/dicom/voi.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import type { Placement } from '#models/imaging/sides.ts';
import { resize } from '#models/imaging/resize.ts';
import { dicomSlide, flavourBytes, flavourOfStart, type Flavour, type SlidePart } from '#models/imaging/slide/dicomSlide.ts';
import { readRegion, readRegionAt, type Region } from '#models/imaging/slide/region.ts';
import { openSlide, type Slide } from '#models/imaging/slide/slide.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';

/** A picture as the model is shown it: windowed, with square pixels. */
export interface ShownFrame {
  readonly picture: Picture;
  /** As in `slice 12 of 38`. */
  readonly name: string;
  readonly file: string;
  /** Within its file, from 0; a slide's level 0 is 0. */
  readonly frame: number;
  /** The stored size: columns × rows of the frame, or a slide's level 0. */
  readonly source: { readonly width: number; readonly height: number };
  /** How it lies in the patient, where its file could say so. */
  readonly placement?: Placement;
  /** Pixels of `picture` to pixels of the source. */
  readonly toSource: Affine;
  /** How grey values became brightness; null for colour. */
  readonly window: string | null;
  /** Row and column spacing of the source's pixels in millimetres; null where unknown. */
  readonly spacingMm: readonly [number, number] | null;
}

export interface OpenedSource {
  readonly kind: 'picture' | 'pictures' | 'dicom' | 'series' | 'slide';
  readonly title: string;
  /** As the source says, `CT`; null where it says nothing. */
  readonly modality: string | null;
  readonly frames: readonly ShownFrame[];
  /** Frames that could have been shown. */
  readonly available: number;
  /** Which of them are shown, and why. */
  readonly selection: string;
  /** What is odd about the source. */
  readonly statements: readonly string[];
  /** Every file that the pictures come from. */
  readonly files: readonly string[];
}

export interface SourceOptions {
  /** How many frames of a series or a clip are shown at most. */
  readonly slices: number;
  /** A window by name (`Lung`) or as `centre,width`. */
  readonly window?: string;
  /** A region in source pixels (a slide's: level 0), and a slide's scale in microns a pixel. */
  readonly region?: Region;
  readonly mpp?: number;
}

/** Files that are read whole; a slide is read where it is needed. */
const mostBytes = 700_000_000;
const mostFiles = 5000;
/** The longer side of a slide's overview, and of a region without a scale. */
const overviewSide = 1024;

/** @throws Fault `review.path`, `review.nothing`, `review.segmentation`, `review.size`, and those of the decoders */
export async function openSource(path: string, options: SourceOptions): Promise<OpenedSource> {
  const isFolder = await reading(path, async () => (await stat(path)).isDirectory());
  if (isFolder) return within(await openFolder(path, options), options);
  const start = await startOf(path);
  const kind = kindOf(start);
  // Of a slide only the region is read.
  if (kind === 'tiff') return openTiffFile(path, options);
  const flavour = kind === 'dicom' ? flavourOfStart(start) : null;
  if (flavour) return openDicomSlide([{ path, flavour }], basename(path), options);
  return within(kind === 'png' || kind === 'jpeg' ? await openPicture(path) : await openDicomFile(path, options), options);
}

/** The region of each of its pictures; of a slide it was read already. @throws Fault `picture.region` where one has no pixel of it */
function within(source: OpenedSource, { region }: SourceOptions): OpenedSource {
  if (!region || source.kind === 'slide') return source;
  const name = `region ${region.width} × ${region.height} at (${region.x}, ${region.y})`;
  return { ...source, frames: source.frames.map((frame) => ({ ...cutOut(frame, region), name: source.frames.length > 1 ? `${name} of ${frame.name}` : name })), selection: `${source.selection} Of it the ${name}.` };
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Fault({
      code: 'review.path', what: `${path} cannot be opened.`, why: missing ? 'There is no such file or folder.' : cause instanceof Error ? cause.message : String(cause),
      mend: 'Give the path of a DICOM file, a folder with one series, a slide, or a PNG, JPEG or TIFF picture.',
    }, { cause });
  }
}

const startOf = (path: string): Promise<Uint8Array> => reading(path, () => startOfFile(path, Math.max(kindBytes, flavourBytes)));

async function wholeFile(path: string): Promise<Uint8Array> {
  return reading(path, async () => {
    const { size } = await stat(path);
    if (size > mostBytes) throw tooLarge(`${basename(path)} has ${Math.round(size / 1e6)} MB`);
    const buffer = await readFile(path);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  });
}

const tooLarge = (why: string): Fault =>
  new Fault({ code: 'review.size', what: 'The source is too large to be read at once.', why: `${why}; up to ${mostBytes / 1e6} MB are read.`, mend: 'Give a part of it: one series, or one file.' });

const plainFrame = (picture: Picture, file: string, name: string): ShownFrame =>
  ({ picture, name, file, frame: 0, source: { width: picture.width, height: picture.height }, toSource: identity, window: null, spacingMm: null });

const sizeText = ({ width, height }: { readonly width: number; readonly height: number }): string => `${width} × ${height}`;

async function openPicture(path: string): Promise<OpenedSource> {
  const picture = await decodePicture(await wholeFile(path), basename(path));
  return {
    kind: 'picture', title: `${basename(path)} · ${sizeText(picture)}`, modality: null, frames: [plainFrame(picture, path, 'whole picture')],
    available: 1, selection: 'The whole picture.', statements: [], files: [path],
  };
}

/** A TIFF is a slide when it is a pyramid, knows its scale, or is too large to be looked at whole; otherwise it is a picture. */
async function openTiffFile(path: string, options: SourceOptions): Promise<OpenedSource> {
  const handle = await reading(path, () => open(path));
  try {
    const slide = await openSlide(await bytesOf(handle), basename(path));
    const isSlide = slide.levels.length > 1 || slide.mpp !== null || slide.width * slide.height > 25_000_000 || options.region !== undefined || options.mpp !== undefined;
    if (isSlide) return await openSlideRegion(slide, { title: basename(path), files: [path] }, options);
  } finally {
    await handle.close();
  }
  return openPicture(path);
}

interface SlidePath {
  readonly path: string;
  readonly flavour: Flavour;
}

const isHidden = ({ flavour }: SlidePath): boolean => flavour === 'label' || flavour === 'overview';

/** The slide that these DICOM files are levels of; of several slides the largest. @throws Fault `review.label` where they show none of the tissue */
async function openDicomSlide(files: readonly SlidePath[], title: string, options: SourceOptions): Promise<OpenedSource> {
  const shown = files.filter((file) => !isHidden(file));
  if (shown.length === 0) {
    throw new Fault({ code: 'review.label', what: `${title} cannot be asked about.`, why: 'It shows the label or the glass of a slide, which can name the patient.', mend: 'Give the files that show the tissue.' });
  }
  const handles: FileHandle[] = [];
  try {
    const series = new Map<string, (SlidePart & { readonly path: string })[]>();
    const leftOut: Fault[] = [];
    for (const { path } of shown) {
      const handle = await reading(path, () => open(path));
      handles.push(handle);
      try {
        const part = { name: basename(path), path, ...await openDicom(await bytesOf(handle)) };
        const uid = firstText(part.file.dataSet, 'x0020000e') ?? '';
        series.set(uid, [...series.get(uid) ?? [], part]);
      } catch (fault) {
        if (!(fault instanceof Fault) || shown.length === 1) throw fault;
        leftOut.push(fault);
      }
    }
    if (series.size === 0) throw leftOut[0] as Fault;
    const slides = await Promise.all([...series.values()].map(async (parts) => ({ parts, slide: await dicomSlide(parts, title, (file, stored, index) => chosenVoi(file, stored, index, options.window)) })));
    const [largest] = slides.sort((a, b) => b.slide.width * b.slide.height - a.slide.width * a.slide.height) as [typeof slides[number]];
    const opened = await openSlideRegion(largest.slide, { title, files: largest.parts.map(({ path }) => path) }, options);
    const hidden = files.length - shown.length;
    return { ...opened, statements: [
      ...opened.statements, ...leftOut.map(({ why }) => `A file of the slide was left out: ${why}`), ...new Set(largest.parts.flatMap(({ file }) => file.notes.map(({ what, why }) => `${what} ${why}`))),
      ...(slides.length > 1 ? [`The folder holds ${slides.length} slides; the largest is shown.`] : []),
      ...(hidden > 0 ? [`${hidden} ${hidden === 1 ? 'file that shows' : 'files that show'} the label or the glass, which can name the patient, ${hidden === 1 ? 'was' : 'were'} left out.`] : []),
    ] };
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

/** The first of the files stands for the slide. */
async function openSlideRegion(slide: Slide, { title, files }: { readonly title: string; readonly files: readonly string[] }, { region: chosen, mpp }: SourceOptions): Promise<OpenedSource> {
  const region = chosen ?? { x: 0, y: 0, width: slide.width, height: slide.height };
  const longer = Math.max(region.width, region.height);
  const shrink = Math.min(1, overviewSide / longer);
  const picture = mpp === undefined
    ? await readRegionAt(slide, region, { width: Math.max(1, Math.round(region.width * shrink)), height: Math.max(1, Math.round(region.height * shrink)) })
    : await readRegion(slide, region, mpp);
  const scale = { x: region.width / picture.width, y: region.height / picture.height };
  const shownMpp = slide.mpp === null ? null : slide.mpp.x * scale.x;
  const scaleText = shownMpp === null ? `1 : ${round(scale.x)}` : `${round(shownMpp)} µm a pixel`;
  const name = chosen ? `region ${region.width} × ${region.height} at (${region.x}, ${region.y})` : 'whole slide';
  return {
    kind: 'slide', title: `${title} · slide ${sizeText(slide)}`, modality: 'SM', available: 1,
    frames: [{
      picture, name, file: files[0] as string, frame: 0, source: { width: slide.width, height: slide.height }, window: slide.window,
      toSource: compose(scaling(scale.x, scale.y), translation(region.x, region.y)),
      spacingMm: slide.mpp === null ? null : [slide.mpp.y / 1000, slide.mpp.x / 1000],
    }],
    selection: `${chosen ? `The region of ${region.width} × ${region.height} level-0 pixels at (${region.x}, ${region.y})` : 'The whole slide'}, at ${scaleText}${mpp === undefined ? ' (so that its longer side has at most 1024 pixels)' : ''}.`,
    statements: slide.mpp === null ? ['The slide does not say how large its pixels are.'] : [], files,
  };
}

async function openDicomFile(path: string, options: SourceOptions): Promise<OpenedSource> {
  const name = basename(path);
  const file = readDicom(await wholeFile(path));
  refuseSegmentation(file, name);
  if (!file.image) throw file.imageFault ?? new Fault({ code: 'review.nothing', what: `${name} cannot be asked about.`, why: 'It carries no image.', mend: 'Choose a file with an image.' });
  const modality = firstText(file.dataSet, 'x00080060') ?? null;
  const statements = file.notes.map(({ what, why }) => `${what} ${why}`);
  const title = `${name}${modality === null ? '' : ` · ${modality}`} · ${file.image.columns} × ${file.image.rows}`;
  const { stacks } = assembleSeries([{ name, file }]);
  const frames = stacks[0]?.frames ?? [];
  if (frames.length === 0) return { kind: 'dicom', title, modality, available: 0, statements, files: [path], ...await partialFrame(file, path, options) };
  return {
    kind: 'dicom', title, modality, available: frames.length, files: [path], statements: [...statements, ...(stacks[0]?.statements ?? []).map(({ text }) => text)],
    ...await chooseFrames(frames, new Map([[file, path]]), options, 'frame'),
  };
}

/** Of a file without a whole frame: what there is of the first one, and that it is not all. Throws the frame's fault where nothing can be shown. */
async function partialFrame(file: DicomFile, path: string, { window }: SourceOptions): Promise<Pick<OpenedSource, 'frames' | 'selection'>> {
  const stored = await decodeFrame(file, 0, { partial: true });
  const share = Math.floor((100 * stored.present) / stored.data.length);
  return {
    frames: [shownFrame(file, 0, stored, path, 'damaged image', window)],
    selection: `What is left of the image: ${share} % of its values are in the file, the rest is missing and shown as zero.`,
  };
}

const isSegmentation = ({ dataSet }: DicomFile): boolean => firstText(dataSet, 'x00080060') === 'SEG' || firstText(dataSet, 'x00080016') === '1.2.840.10008.5.1.4.1.1.66.4';

function refuseSegmentation(file: DicomFile, name: string): void {
  if (!isSegmentation(file)) return;
  throw new Fault({
    code: 'review.segmentation', what: `${name} cannot be asked about.`, why: 'It is a segmentation: it marks regions of other images and has no image of its own.',
    mend: 'Give the folder with the images that it belongs to.',
  });
}

async function openFolder(folder: string, options: SourceOptions): Promise<OpenedSource> {
  const paths = await filesIn(folder);
  const dicom: { named: NamedFile; path: string }[] = [];
  const slides: SlidePath[] = [];
  const pictures: string[] = [];
  const statements: string[] = [];
  let total = 0;
  for (const path of paths) {
    const start = await startOf(path);
    const kind = kindOf(start);
    if (kind === 'png' || kind === 'jpeg' || kind === 'tiff') pictures.push(path);
    if (kind !== 'dicom') continue;
    const flavour = flavourOfStart(start);
    if (flavour) slides.push({ path, flavour });
    if (flavour) continue;
    total += (await stat(path)).size;
    if (total > mostBytes) throw tooLarge(`${basename(folder)} has more than ${mostBytes / 1e6} MB of DICOM files`);
    const name = path.slice(folder.length).replace(/^[\\/]+/, '');
    try {
      const file = readDicom(await wholeFile(path));
      if (isSegmentation(file)) statements.push(`${name} is a segmentation, which is no image, and was left out.`);
      else dicom.push({ named: { name, file }, path });
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      statements.push(`${name} was left out: ${fault.why}`);
    }
  }
  const { stacks, statements: general } = assembleSeries(dicom.map(({ named }) => named));
  const stack = stacks[0];
  if (stack) {
    const owners = new Map(dicom.map(({ named, path }) => [named.file, path]));
    const others = stacks.length > 1 ? [`The folder holds ${stacks.length} stacks; the largest is shown, ${stack.description || 'without a description'} with ${stack.frames.length} images.`] : [];
    if (slides.length > 0) others.push('The folder also holds a slide: give one of its files, or its own folder, to ask about it.');
    const chosen = await chooseFrames(stack.frames, owners, options, 'slice');
    return {
      kind: 'series', title: seriesTitle(folder, stack), modality: stack.modality || null, available: stack.frames.length,
      statements: [...general.map(({ text }) => text), ...statements, ...others, ...stack.statements.map(({ text }) => text)],
      files: [...new Set(stack.frames.map(({ file }) => owners.get(file) as string))], ...chosen,
    };
  }
  if (slides.length > 0) return openDicomSlide(slides, basename(folder), options);
  if (pictures.length > 0) return openPictures(folder, pictures, options, statements);
  throw new Fault({
    code: 'review.nothing', what: `${folder} cannot be asked about.`, why: `None of its ${paths.length} files is an image that can be shown.${statements.length > 0 ? ` ${statements[0]}` : ''}`,
    mend: 'Give a folder with DICOM images or pictures.',
  });
}

const seriesTitle = (folder: string, { modality, description, frames }: Stack): string =>
  [basename(folder), modality, description, `${frames.length} ${frames.length === 1 ? 'slice' : 'slices'}`].filter((part) => part !== '').join(' · ');

async function openPictures(folder: string, pictures: readonly string[], { slices }: SourceOptions, statements: readonly string[]): Promise<OpenedSource> {
  const chosen = spread(pictures.length, slices).map((i) => pictures[i] as string);
  const frames: ShownFrame[] = [];
  for (const path of chosen) frames.push(plainFrame(await decodePicture(await wholeFile(path), basename(path)), path, basename(path)));
  return {
    kind: 'pictures', title: `${basename(folder)} · ${pictures.length} pictures`, modality: null, frames, available: pictures.length,
    selection: frames.length === pictures.length ? 'All pictures of the folder.' : `${frames.length} of ${pictures.length} pictures, evenly spread by name.`, statements, files: chosen,
  };
}

/** Files below a folder, by name; hidden ones and directories of a DICOM medium are left out, and links are not followed. */
async function filesIn(folder: string, depth = 0): Promise<readonly string[]> {
  const entries = await reading(folder, () => readdir(folder, { withFileTypes: true }));
  const paths: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || entry.name === 'DICOMDIR') continue;
    if (entry.isFile()) paths.push(join(folder, entry.name));
    else if (entry.isDirectory() && depth < 3) paths.push(...await filesIn(join(folder, entry.name), depth + 1));
    if (paths.length > mostFiles) throw tooLarge(`${basename(folder)} has more than ${mostFiles} files`);
  }
  return paths;
}

/** The middles of `count` equal parts of 0 … n − 1: evenly spread, and the middle one where only one is wanted. */
export function spread(n: number, count: number): readonly number[] {
  const taken = Math.min(n, count);
  return Array.from({ length: taken }, (_, i) => Math.floor(((i + 0.5) * n) / taken));
}

async function chooseFrames(frames: readonly StackFrame[], owners: ReadonlyMap<DicomFile, string>, { slices, window }: SourceOptions, word: 'slice' | 'frame'): Promise<Pick<OpenedSource, 'frames' | 'selection'>> {
  const chosen = spread(frames.length, slices);
  const shown: ShownFrame[] = [];
  for (const i of chosen) {
    const frame = frames[i] as StackFrame;
    const name = frames.length === 1 ? (word === 'slice' ? 'only slice' : 'whole image') : `${word} ${i + 1} of ${frames.length}`;
    shown.push(shownFrame(frame.file, frame.index, await decodeFrame(frame.file, frame.index), owners.get(frame.file) ?? frame.name, name, window));
  }
  const numbers = chosen.map((i) => i + 1).join(', ');
  const selection = frames.length === 1 ? `The only ${word}.`
    : chosen.length === frames.length ? `All ${frames.length} ${word}s.`
      : `${chosen.length === 1 ? `The middle ${word}` : `${chosen.length} ${word}s, the middles of ${chosen.length} equal parts`} of ${frames.length}: ${numbers}.`;
  return { frames: shown, selection };
}

function shownFrame(file: DicomFile, index: number, stored: StoredFrame, path: string, name: string, window: string | undefined): ShownFrame {
  const isGrey = stored.samples === 1 && stored.photometric !== 'PALETTE COLOR';
  const voi = isGrey ? chosenVoi(file, stored, index, window) : undefined;
  const flat = toDisplay(file, stored, { index, ...(voi ? { voi } : {}) });
  const { picture, toSource } = squarePixels(flat, pixelAspect(file, index));
  return {
    picture, name, file: path, frame: index, source: { width: flat.width, height: flat.height }, toSource,
    window: voi ? voiText(voi, modalityTransform(file, index).unit) : null, spacingMm: frameGeometry(file, index).spacingMm, placement: placementOf(file, index),
  };
}

/** Pixels that are not square are made so: the network knows no other, and an ellipse would be taken for the disease. */
function squarePixels(flat: Picture, aspect: number): { picture: Picture; toSource: Affine } {
  if (Math.abs(aspect - 1) < 0.01 || !(aspect > 0.05 && aspect < 20)) return { picture: flat, toSource: identity };
  const size = isotropicSize({ columns: flat.width, rows: flat.height }, aspect);
  return { picture: resize(flat, size), toSource: scaling(flat.width / size.width, flat.height / size.height) };
}

function chosenVoi(file: DicomFile, stored: StoredFrame, index: number, wish: string | undefined): Voi {
  if (wish === undefined) return defaultVoi(file, stored, index);
  const numbers = /^\s*(-?\d+(?:\.\d+)?)\s*[,/]\s*(\d+(?:\.\d+)?)\s*$/.exec(wish);
  if (numbers && Number(numbers[2]) >= 1) return { kind: 'window', name: 'Chosen', window: { center: Number(numbers[1]), width: Number(numbers[2]), shape: 'LINEAR' } };
  const vois = availableVois(file, stored, index);
  const named = vois.find(({ name }) => name.toLowerCase() === wish.toLowerCase());
  if (named) return named;
  throw new Fault({
    code: 'review.window', what: `There is no window '${wish}' for this image.`, why: `It can be shown by: ${vois.map(({ name }) => name).join(', ')}.`, mend: 'Choose one of them, or give centre and width as in --window 40,400.',
  });
}

const round = (x: number): number => Math.round(x * 100) / 100;

/** A box of the shown picture in its source's pixels, and back. */
export const boxToSource = (frame: ShownFrame, box: Box): Box => mapBox(frame.toSource, box);
export const boxFromSource = (frame: ShownFrame, box: Box): Box => mapBox(invert(frame.toSource), box);

/** SHA-256 of a file of any size, in hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await reading(path, () => pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash));
  return hash.digest('hex');
}
