/** The series of a study, put together from its files. */
import { createHash } from 'node:crypto';
import { Fault } from '#models/base/fault.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { assembleSeries, type Stack } from '#models/imaging/dicom/series.ts';
import { dicomSlide } from '#models/imaging/slide/dicomSlide.ts';
import type { Slide } from '#models/imaging/slide/slide.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { isSlide, openSlideFile, wholeFile } from './inspect.ts';
import { isHidden, isSlidePart, openPart, slideManifest, type OpenPart } from './slides.ts';

export interface AssembledFile {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
}

export interface AssembledStudy {
  /** Texts that are to be stored: each names the files of a slide, whose id is its hash. */
  readonly manifests: readonly string[];
  readonly series: readonly SeriesSummary[];
  readonly statements: readonly string[];
}

const noGeometry = { spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null } as const;

/** Reads the headers of all files (pixels are let go at once) and sorts their frames. `headers` may keep them between calls. */
export async function assemble(files: readonly AssembledFile[], headers: Map<string, DicomFile> = new Map()): Promise<AssembledStudy> {
  const dicom: { name: string; file: DicomFile }[] = [];
  const owners = new Map<DicomFile, AssembledFile>();
  const others: SeriesSummary[] = [];
  const slideFiles: AssembledFile[] = [];
  for (const entry of files) {
    const known = headers.get(entry.sha256);
    const kind = known ? 'dicom' : kindOf(await startOfFile(entry.path, kindBytes));
    if (kind === 'dicom' && !known && await isSlidePart(entry.path)) slideFiles.push(entry);
    else if (kind === 'dicom') {
      const file = known ?? withoutPixels(readDicom(await wholeFile(entry.path, entry.name)));
      headers.set(entry.sha256, file);
      dicom.push({ name: entry.name, file });
      owners.set(file, entry);
    } else others.push(await plainSeries(entry, kind));
  }
  const slides = await slideSeries(slideFiles);
  const { stacks, statements } = assembleSeries(dicom);
  return {
    series: [...slides.series, ...stacks.map((stack, at) => stackSummary(stack, at, owners)), ...others],
    statements: [...slides.statements, ...statements.map(({ text }) => text)], manifests: slides.manifests,
  };
}

/** The file with the bytes in front of its pixels alone: what sorting needs, at a hundredth of the memory. */
function withoutPixels(file: DicomFile): DicomFile {
  // Per-frame attributes of multi-frame files are read now, since their groups are found in the same bytes.
  file.frameGroups();
  const pixels = file.dataSet.parsed.x7fe00010 ?? file.dataSet.parsed.x7fe00008 ?? file.dataSet.parsed.x7fe00009;
  if (!pixels) return file;
  const { parsed, bytes } = file.dataSet;
  const { x7fe00010: _pixels, x7fe00008: _floats, x7fe00009: _doubles, ...rest } = parsed;
  return { ...file, dataSet: { ...file.dataSet, bytes: bytes.slice(0, pixels.dataOffset), parsed: rest }, locations: null };
}

function stackSummary({ seriesUid, description, modality, frames, phase, sliceSpacingMm, statements }: Stack, at: number, owners: ReadonlyMap<DicomFile, AssembledFile>): SeriesSummary {
  const [first] = frames;
  return {
    id: `${seriesUid}#${at}`, kind: 'stack', modality, description: phase > 1 ? `${description} (phase ${phase})` : description,
    frameOfReference: (first && firstText(first.file.dataSet, 'x00200052')) ?? null, sliceSpacingMm, statements: statements.map(({ text }) => text), slide: null,
    frames: frames.map(({ file, index, name, geometry, alongMm, instanceNumber }) => ({
      id: `${owners.get(file)?.sha256 ?? ''}-${index}`, name, rows: file.image?.rows ?? 0, columns: file.image?.columns ?? 0, instanceNumber, alongMm, geometry,
    })),
  };
}

interface AssembledSlides {
  readonly series: readonly SeriesSummary[];
  readonly manifests: readonly string[];
  readonly statements: readonly string[];
}

/** Each DICOM series of slide files as one slide; a series of labels alone is none. */
async function slideSeries(files: readonly AssembledFile[]): Promise<AssembledSlides> {
  const bySeries = new Map<string, OpenedFile[]>();
  const opened: OpenedFile[] = [];
  const [series, manifests, statements]: [SeriesSummary[], string[], string[]] = [[], [], []];
  try {
    for (const file of files) opened.push({ file, part: await openPart(file.path, file.name) });
    for (const one of opened) {
      const uid = firstText(one.part.file.dataSet, 'x0020000e') ?? 'unnamed';
      bySeries.set(uid, [...bySeries.get(uid) ?? [], one]);
    }
    for (const [uid, members] of bySeries) {
      const shown = members.filter(({ part }) => !isHidden(part));
      if (shown.length < members.length) statements.push('The label and the picture of the whole glass are kept but not shown: they can name the patient.');
      const [first] = shown;
      if (!first) continue;
      const { dataSet } = first.part.file;
      const description = firstText(dataSet, 'x0008103e') ?? firstText(dataSet, 'x00400512') ?? first.file.name;
      try {
        const slide = await dicomSlide(shown.map(({ part }) => part), description);
        const manifest = shown.length > 1 ? slideManifest(shown.map(({ file }) => file)) : null;
        const id = manifest === null ? first.file.sha256 : createHash('sha256').update(manifest).digest('hex');
        if (manifest !== null) manifests.push(manifest);
        series.push({ ...slideSummary(slide, id, description), id: `${uid}#slide`, frameOfReference: firstText(dataSet, 'x00200052') ?? null });
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown;
        statements.push(`${thrown.what} ${thrown.why}`);
      }
    }
    return { series, manifests, statements };
  } finally {
    for (const { part } of opened) await part.close();
  }
}

interface OpenedFile {
  readonly file: AssembledFile;
  readonly part: OpenPart;
}

function slideSummary({ width, height, levels, mpp, mppSource, channels, notes }: Slide, id: string, name: string): SeriesSummary {
  const spacing = mpp === null ? noGeometry : { ...noGeometry, spacingMm: [mpp.y / 1000, mpp.x / 1000] as [number, number], spacingSource: 'SlideResolution' as const };
  return {
    id, kind: 'slide', modality: 'SM', description: name, frameOfReference: null, sliceSpacingMm: null, statements: [...(mpp === null ? ['The slide does not say how large its pixels are.'] : []), ...notes],
    frames: [{ id: `${id}-0`, name, rows: height, columns: width, instanceNumber: null, alongMm: null, geometry: spacing }],
    slide: {
      id, width, height, mpp, mppSource, ...(channels.length > 0 ? { channels: channels.map(({ name: channel, colour, low, high, most }) => ({ name: channel, colour, low, high, most })) } : {}),
      levels: levels.map((level) => ({ width: level.width, height: level.height, tileWidth: level.tileWidth, tileHeight: level.tileHeight, downsample: level.downsample })),
    },
  };
}

async function plainSeries({ path, name, sha256 }: AssembledFile, kind: string): Promise<SeriesSummary> {
  if (kind === 'tiff') {
    const slide = await openSlideFile(path, name);
    try {
      if (isSlide(slide)) return slideSummary(slide, sha256, name);
    } finally {
      await slide.close();
    }
  }
  const { width, height } = await decodePicture(await wholeFile(path, name), name);
  return {
    id: sha256, kind: 'picture', modality: 'IMG', description: name, frameOfReference: null, sliceSpacingMm: null, statements: [], slide: null,
    frames: [{ id: `${sha256}-0`, name, rows: height, columns: width, instanceNumber: null, alongMm: null, geometry: noGeometry }],
  };
}
