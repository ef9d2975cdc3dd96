/** Regions and texts out of DICOM: the rectangles and outlines of a structured report, the masks of a segmentation, so that a viewer can show what another program wrote. */
import type { Box } from '#models/clinical/finding.ts';
import { Fault } from '#models/base/fault.ts';
import { readDicom, type DicomFile } from '#models/imaging/dicom/dicomFile.ts';
import { firstNumber, firstText, items, numbers, rawBytes, text, type DataSet } from '#models/imaging/dicom/elements.ts';

export interface ReadCode {
  readonly scheme: string;
  readonly value: string;
  readonly meaning: string;
}

export interface ReadRegion {
  /** The image that it lies on; the frame counts from 0. */
  readonly source: { readonly sopClassUid: string; readonly sopInstanceUid: string; readonly frame: number };
  /** Around it, in the image's pixels, edges as everywhere: pixel i covers [i, i + 1). */
  readonly box: Box;
  readonly shape: 'point' | 'polyline' | 'circle' | 'ellipse' | 'mask';
  /** As written; [] for masks. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** [height, width], 1 inside; null where it is no segmentation. */
  readonly mask: { readonly width: number; readonly height: number; readonly data: Uint8Array } | null;
  readonly label: string;
  readonly finding: ReadCode | null;
  readonly tracking: string;
  readonly trackingUid: string | null;
  /** Whether a program drew it; null where the file does not say. */
  readonly isByAlgorithm: boolean | null;
}

export interface ReadRegions {
  readonly kind: 'sr' | 'seg';
  readonly studyInstanceUid: string;
  readonly isVerified: boolean;
  readonly regions: readonly ReadRegion[];
}

const segmentationClass = '1.2.840.10008.5.1.4.1.1.66.4';
const reportClasses = '1.2.840.10008.5.1.4.1.1.88.';
const most = 10_000;
/** A byte each, once unpacked. */
const mostPixels = 500_000_000;

/** Throws Fault `dicom.noRegions` where the file is neither a structured report nor a binary segmentation, and those of the reader. */
export function readReportRegions(bytes: Uint8Array): ReadRegions {
  const file = readDicom(bytes);
  const sopClass = firstText(file.dataSet, 'x00080016') ?? '';
  const studyInstanceUid = firstText(file.dataSet, 'x0020000d') ?? '';
  const isVerified = firstText(file.dataSet, 'x0040a493') === 'VERIFIED';
  if (sopClass === segmentationClass) return { kind: 'seg', studyInstanceUid, isVerified, regions: segments(file) };
  if (sopClass.startsWith(reportClasses)) return { kind: 'sr', studyInstanceUid, isVerified, regions: groups(file.dataSet) };
  throw new Fault({ code: 'dicom.noRegions', what: 'The file holds no regions.', why: `Its SOP class is ${sopClass || 'not stated'}.`, mend: 'Open a structured report or a segmentation.' });
}

const codeOf = (dataSet: DataSet | undefined): ReadCode | null => {
  const value = dataSet && firstText(dataSet, 'x00080100');
  return value ? { scheme: firstText(dataSet, 'x00080102') ?? '', value, meaning: firstText(dataSet, 'x00080104') ?? '' } : null;
};
const conceptOf = (item: DataSet): string => codeOf(items(item, 'x0040a043')[0])?.value ?? '';
const childrenOf = (item: DataSet): readonly DataSet[] => items(item, 'x0040a730');
const typeOf = (item: DataSet): string => firstText(item, 'x0040a040') ?? '';

/** All items below, nearest first. The reader bounds how deep they nest. */
function* below(item: DataSet): Generator<DataSet> {
  for (const child of childrenOf(item)) {
    yield child;
    yield* below(child);
  }
}

/** Every text of a structured report, in its order. */
export const readTexts = (bytes: Uint8Array): readonly string[] => [...below(readDicom(bytes).dataSet)].filter((item) => typeOf(item) === 'TEXT').map((item) => text(item, 'x0040a160'));

/** A region for each spatial coordinate of each measurement group; where there are no groups, of the whole document. */
function groups(root: DataSet): ReadRegion[] {
  const found = [...below(root)].filter((item) => typeOf(item) === 'CONTAINER' && conceptOf(item) === '125007');
  return (found.length > 0 ? found : [root]).flatMap((group) => {
    const children = childrenOf(group);
    const named = (concept: string, type: string): DataSet | undefined => children.find((child) => conceptOf(child) === concept && typeOf(child) === type);
    const said = (concept: string): string => {
      const item = named(concept, 'TEXT');
      return item ? text(item, 'x0040a160') : '';
    };
    const uid = named('112040', 'UIDREF');
    const coded = named('121071', 'CODE');
    const about = {
      label: said('121071'), finding: codeOf(coded && items(coded, 'x0040a168')[0]), tracking: said('112039'), trackingUid: (uid && firstText(uid, 'x0040a124')) ?? null, mask: null,
      isByAlgorithm: named('111001', 'TEXT') !== undefined,
    };
    return [...below(group)].filter((item) => typeOf(item) === 'SCOORD').slice(0, most).flatMap((item) => {
      const shape = graphics[firstText(item, 'x00700023') ?? ''];
      const image = childrenOf(item).find((child) => typeOf(child) === 'IMAGE');
      const [target] = image ? items(image, 'x00081199') : [];
      const values = numbers(item, 'x00700022', 'FL');
      if (!shape || !target || values.length < 2 || !values.every(Number.isFinite)) return [];
      const points = Array.from({ length: values.length >> 1 }, (_, i) => ({ x: values[2 * i]!, y: values[2 * i + 1]! }));
      return [{ ...about, shape, points, box: around(shape, points), source: sourceOf(target) }];
    });
  });
}

const graphics: Readonly<Record<string, Exclude<ReadRegion['shape'], 'mask'>>> = { POINT: 'point', MULTIPOINT: 'polyline', POLYLINE: 'polyline', CIRCLE: 'circle', ELLIPSE: 'ellipse' };

const sourceOf = (reference: DataSet): ReadRegion['source'] => ({
  sopClassUid: firstText(reference, 'x00081150') ?? '', sopInstanceUid: firstText(reference, 'x00081155') ?? '', frame: Math.max(0, (firstNumber(reference, 'x00081160', 'IS') ?? 1) - 1),
});

/** A circle is written as its centre and a point of it, an ellipse as the ends of its axes. */
function around(shape: ReadRegion['shape'], points: ReadRegion['points']): Box {
  const [a, b] = points;
  if (shape === 'circle' && a && b) {
    const radius = Math.hypot(b.x - a.x, b.y - a.y);
    return { x1: a.x - radius, y1: a.y - radius, x2: a.x + radius, y2: a.y + radius };
  }
  if (shape === 'ellipse' && points.length === 4) {
    const [p, q, r, s] = points as [typeof points[0], typeof points[0], typeof points[0], typeof points[0]];
    const [x, y] = [(p.x + q.x) / 2, (p.y + q.y) / 2];
    const [width, height] = [Math.hypot((q.x - p.x) / 2, (s.x - r.x) / 2), Math.hypot((q.y - p.y) / 2, (s.y - r.y) / 2)];
    return { x1: x - width, y1: y - height, x2: x + width, y2: y + height };
  }
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  return { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs), y2: Math.max(...ys) };
}

/** A region for each frame that says which segment it shows. */
function segments(file: DicomFile): ReadRegion[] {
  const { image, dataSet } = file;
  if (!image || image.bitsAllocated !== 1 || firstText(dataSet, 'x00620001') !== 'BINARY') {
    throw new Fault({ code: 'dicom.noRegions', what: 'The segmentation was not read.', why: 'It is not binary: its values are fractions or labels.', mend: 'Export it as a binary segmentation.' });
  }
  const refused = (code: string, why: string, mend: string): Fault => new Fault({ code, what: 'The segmentation was not read.', why, mend });
  if (file.locations?.kind !== 'native') throw refused('dicom.noRegions', 'Its masks are compressed.', 'Export it as Explicit VR Little Endian.');
  if (image.columns * image.rows * file.wholeFrames > mostPixels) throw refused('dicom.limits', `It holds more than ${mostPixels / 1e6} million pixels.`, 'Export fewer segments at once.');
  const described = new Map(items(dataSet, 'x00620002').map((segment) => [firstNumber(segment, 'x00620004', 'US') ?? 0, segment]));
  const bits = rawBytes(dataSet, 'x7fe00010');
  return file.frameGroups().slice(0, Math.min(file.wholeFrames, most)).flatMap((group, frame) => {
    const [identified] = items(group, 'x0062000a');
    const segment = described.get((identified && firstNumber(identified, 'x0062000b', 'US')) ?? 0);
    const target = items(group, 'x00089124').flatMap((derivation) => items(derivation, 'x00082112'))[0];
    const mask = { width: image.columns, height: image.rows, data: unpacked(bits, frame * image.columns * image.rows, image.columns * image.rows) };
    const box = inside(mask);
    if (!segment || !target || !box) return [];
    const type = firstText(segment, 'x00620008');
    return [{
      source: sourceOf(target), box, shape: 'mask' as const, points: [], mask, label: firstText(segment, 'x00620005') ?? '', finding: codeOf(items(segment, 'x0062000f')[0]),
      tracking: firstText(segment, 'x00620020') ?? '', trackingUid: firstText(segment, 'x00620021') ?? null, isByAlgorithm: type === undefined ? null : type !== 'MANUAL',
    }];
  });
}

/** Bits from the lowest of each byte, without padding between frames (PS3.5, 8.1.1). */
function unpacked(bits: Uint8Array, start: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = ((bits[(start + i) >> 3] ?? 0) >> ((start + i) & 7)) & 1;
  return out;
}

/** Null where nothing is inside. */
function inside({ width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array }): Box | null {
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
    if (data[i] === 0) continue;
    x1 = Math.min(x1, x);
    y1 = Math.min(y1, y);
    x2 = Math.max(x2, x + 1);
    y2 = y + 1;
  }
  return x2 === 0 ? null : { x1, y1, x2, y2 };
}
