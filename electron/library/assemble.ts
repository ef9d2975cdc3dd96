/** The series of a study, put together from its files. */
import { decodePicture } from '#models/imaging/picture.ts';
import { firstText } from '#models/imaging/dicom/elements.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { assembleSeries, type Stack } from '#models/imaging/dicom/series.ts';
import { kindBytes, kindOf } from '#models/imaging/sources.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import { startOfFile } from '#electron/storage/files.ts';
import { isSlide, openSlideFile, wholeFile } from './inspect.ts';

export interface AssembledFile {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
}

export interface AssembledStudy {
  readonly series: readonly SeriesSummary[];
  readonly statements: readonly string[];
}

const noGeometry = { spacingMm: null, spacingSource: 'none', positionMm: null, orientation: null } as const;

/** Reads the headers of all files (pixels are let go at once) and sorts their frames. `headers` may keep them between calls. */
export async function assemble(files: readonly AssembledFile[], headers: Map<string, DicomFile> = new Map()): Promise<AssembledStudy> {
  const dicom: { name: string; file: DicomFile }[] = [];
  const owners = new Map<DicomFile, AssembledFile>();
  const others: SeriesSummary[] = [];
  for (const entry of files) {
    const known = headers.get(entry.sha256);
    const kind = known ? 'dicom' : kindOf(await startOfFile(entry.path, kindBytes));
    if (kind === 'dicom') {
      const file = known ?? withoutPixels(readDicom(await wholeFile(entry.path, entry.name)));
      headers.set(entry.sha256, file);
      dicom.push({ name: entry.name, file });
      owners.set(file, entry);
    } else others.push(await plainSeries(entry, kind));
  }
  const { stacks, statements } = assembleSeries(dicom);
  return { series: [...stacks.map((stack, at) => stackSummary(stack, at, owners)), ...others], statements: statements.map(({ text }) => text) };
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

async function plainSeries({ path, name, sha256 }: AssembledFile, kind: string): Promise<SeriesSummary> {
  const shared = { id: sha256, description: name, frameOfReference: null, sliceSpacingMm: null };
  if (kind === 'tiff') {
    const slide = await openSlideFile(path, name);
    try {
      if (isSlide(slide)) {
        const { width, height, levels, mpp, mppSource } = slide;
        const spacing = mpp === null ? noGeometry : { ...noGeometry, spacingMm: [mpp.y / 1000, mpp.x / 1000] as [number, number], spacingSource: 'SlideResolution' as const };
        return {
          ...shared, kind: 'slide', modality: 'SM', statements: mpp === null ? ['The slide does not say how large its pixels are.'] : [],
          frames: [{ id: `${sha256}-0`, name, rows: height, columns: width, instanceNumber: null, alongMm: null, geometry: spacing }],
          slide: { id: sha256, width, height, mpp, mppSource, levels: levels.map(({ page: _page, across: _across, down: _down, ...level }) => level) },
        };
      }
    } finally {
      await slide.close();
    }
  }
  const { width, height } = await decodePicture(await wholeFile(path, name), name);
  return {
    ...shared, kind: 'picture', modality: 'IMG', statements: [], slide: null,
    frames: [{ id: `${sha256}-0`, name, rows: height, columns: width, instanceNumber: null, alongMm: null, geometry: noGeometry }],
  };
}
