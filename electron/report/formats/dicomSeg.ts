/** The report's regions as DICOM segmentations: a binary mask for each, on the pixels of the image it lies on; one file for all images of a series and size. */
import type { Box } from '#models/clinical/finding.ts';
import type { ImagePlace, Report } from '#models/clinical/report.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { writeDicom, type NewElement } from '#models/imaging/dicom/writer.ts';
import { coded, type Coded } from './dicomCodes.ts';
import { algorithmType, codeSequence, commonElements, imageAt, personName, reference, said, sequence, seriesItems, timesOf } from './dicomParts.ts';
import { readReportRegions } from './dicomRead.ts';
import { standing, trusted } from './dicomSr.ts';
import { fileName, trackingUidOf, uidOf, type ReportFormat, type ReportPictures, type SourceImage } from './format.ts';

const segClassUid = '1.2.840.10008.5.1.4.1.1.66.4';

export const seg: ReportFormat = {
  name: 'seg',
  extension: 'dcm',
  mediaType: 'application/dicom',

  unsuitable: (report, pictures) => {
    if (pictures.images.length === 0) return 'The study is no DICOM, so a segmentation would have no image to lie on.';
    if (report.study.kind === 'slide') return 'Masks as large as a slide are not written: its regions stand in the structured report.';
    if (regionsOf(report).length === 0) return 'The report has no regions.';
    return regionsOf(report).some(({ place }) => imageAt(pictures, place) === undefined) ? 'Some of its regions lie on files that are no DICOM.' : null;
  },

  write: (report, pictures) => Promise.resolve(groupsOf(report, pictures).map((group, i, { length }) => ({
    name: fileName(report, 'dcm', length > 1 ? `seg-${i + 1}` : 'seg'), bytes: writeDicom(document(report, pictures, group, i + 1)),
  }))),

  readBack: (files, report, pictures) => {
    const groups = groupsOf(report, pictures);
    if (files.length !== groups.length) return Promise.resolve([`There are ${files.length} files instead of ${groups.length}.`]);
    const read = files.flatMap(({ bytes }) => [...readReportRegions(bytes).regions]);
    const notes = files.flatMap(({ bytes }) => readDicom(bytes).notes.map(({ what, why }) => `${what} ${why}`));
    return Promise.resolve([...notes, ...groups.flat().flatMap(({ region, image }) => {
      const found = read.find(({ trackingUid }) => trackingUid === trackingUidOf(report, region));
      const wanted = maskOf(region, image);
      const isSame = found?.mask !== undefined && found.source.sopInstanceUid === image.sopInstanceUid && found.mask !== null
        && found.mask.data.length === wanted.length && wanted.every((inside, i) => inside === found.mask?.data[i]);
      return isSame ? [] : [`Region ${region.tracking} is not as it was.`];
    })]);
  },
};

interface Region {
  readonly place: ImagePlace;
  readonly tracking: string;
  readonly label: string;
  readonly finding: Coded | null;
  readonly by: 'AUTOMATIC' | 'SEMIAUTOMATIC' | 'MANUAL';
  readonly algorithm: string;
  readonly shape: { readonly kind: 'box' | 'ellipse'; readonly box: Box } | { readonly kind: 'outline'; readonly points: readonly { readonly x: number; readonly y: number }[] };
}

/** Rectangles of the report and areas that a person drew. */
function regionsOf(report: Report): readonly Region[] {
  const boxes = standing(report).map((box): Region => ({
    place: box.place, tracking: box.tracking, label: box.label, by: algorithmType(box), algorithm: box.author.name || 'not stated', shape: { kind: 'box', box: box.box },
    finding: trusted(report.findings.find((finding) => finding.boxes.includes(box.id))?.code),
  }));
  const areas = report.measurements.flatMap((measurement): Region[] => {
    const { kind, points: [a, b], points } = measurement;
    const shape = kind === 'freehand' ? { kind: 'outline' as const, points }
      : (kind === 'rectangle' || kind === 'ellipse') && a && b
        ? { kind: kind === 'ellipse' ? 'ellipse' as const : 'box' as const, box: { x1: Math.min(a.x, b.x), y1: Math.min(a.y, b.y), x2: Math.max(a.x, b.x), y2: Math.max(a.y, b.y) } } : null;
    return shape ? [{ place: measurement.place, tracking: measurement.tracking, label: measurement.label, by: 'MANUAL', algorithm: '', finding: null, shape }] : [];
  });
  return [...boxes, ...areas];
}

interface Placed {
  readonly region: Region;
  readonly image: SourceImage;
}

/** Regions whose images share series, size and space, and whose masks hold anything. */
function groupsOf(report: Report, pictures: ReportPictures): readonly (readonly Placed[])[] {
  const groups = new Map<string, Placed[]>();
  for (const region of regionsOf(report)) {
    const image = imageAt(pictures, region.place);
    if (!image || !maskOf(region, image).includes(1)) continue;
    const key = [image.seriesInstanceUid, image.columns, image.rows, image.frameOfReferenceUid, hasGeometry(image), String(image.geometry.orientation), String(image.geometry.spacingMm)].join(' ');
    groups.set(key, [...groups.get(key) ?? [], { region, image }]);
  }
  return [...groups.values()];
}

const hasGeometry = ({ frameOfReferenceUid, geometry }: SourceImage): boolean =>
  frameOfReferenceUid !== null && geometry.spacingMm !== null && geometry.positionMm !== null && geometry.orientation !== null;

/** [rows, columns]: 1 where a pixel's centre lies inside. */
function maskOf({ shape }: Pick<Region, 'shape'>, { columns, rows }: Pick<SourceImage, 'columns' | 'rows'>): Uint8Array {
  const mask = new Uint8Array(columns * rows);
  const fill = (y: number, from: number, to: number): void => {
    const [start, end] = [Math.max(0, Math.ceil(from - 0.5)), Math.min(columns, Math.ceil(to - 0.5))];
    if (end > start) mask.fill(1, y * columns + start, y * columns + end);
  };
  for (let y = 0; y < rows; y++) {
    const centre = y + 0.5;
    if (shape.kind === 'outline') {
      const crossings = crossingsAt(shape.points, centre);
      for (let i = 0; i + 1 < crossings.length; i += 2) fill(y, crossings[i] as number, crossings[i + 1] as number);
    } else {
      const { x1, y1, x2, y2 } = shape.box;
      if (centre < y1 || centre >= y2) continue;
      if (shape.kind === 'box') fill(y, x1, x2);
      else {
        const half = ((x2 - x1) / 2) * Math.sqrt(Math.max(0, 1 - ((centre - (y1 + y2) / 2) / ((y2 - y1) / 2)) ** 2));
        fill(y, (x1 + x2) / 2 - half, (x1 + x2) / 2 + half);
      }
    }
  }
  return mask;
}

/** Where a closed outline crosses a row, in order. */
function crossingsAt(points: readonly { readonly x: number; readonly y: number }[], y: number): readonly number[] {
  return points.flatMap((a, i) => {
    const b = points[(i + 1) % points.length] as typeof a;
    return (a.y <= y) === (b.y <= y) ? [] : [a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x)];
  }).sort((a, b) => a - b);
}

function document(report: Report, pictures: ReportPictures, group: readonly Placed[], number: number): NewElement[] {
  const [first] = group as readonly [Placed];
  const { image } = first;
  const written = timesOf(report.signature?.at ?? report.updatedAt, pictures.images);
  const isPlaced = hasGeometry(image);
  const organization = uidOf(report, `seg dimensions ${number}`);
  const masks = group.map(({ region, image: on }) => maskOf(region, on));
  return [
    ...commonElements(report, pictures, { sopClassUid: segClassUid, purpose: `seg ${number}`, modality: 'SEG', seriesNumber: 2, instanceNumber: number }),
    { tag: 'x00080008', vr: 'CS', value: ['DERIVED', 'PRIMARY'] },
    said('x00080023', 'DA', written.date),
    said('x00080033', 'TM', written.time),
    sequence('x00081115', ...seriesItems(group.map(({ image: on }) => on), 'x0008114a')),
    ...(isPlaced ? [said('x00200052', 'UI', image.frameOfReferenceUid ?? ''), said('x00201040', 'LO', '')] : [said('x00200020', 'CS', '')]),
    sequence('x00209221', [said('x00209164', 'UI', organization)]),
    sequence('x00209222', [
      said('x00209164', 'UI', organization), { tag: 'x00209165', vr: 'AT', value: 0x0062000b }, { tag: 'x00209167', vr: 'AT', value: 0x0062000a }, said('x00209421', 'LO', 'Segment'),
    ]),
    { tag: 'x00280002', vr: 'US', value: 1 },
    said('x00280004', 'CS', 'MONOCHROME2'),
    { tag: 'x00280008', vr: 'IS', value: group.length },
    { tag: 'x00280010', vr: 'US', value: image.rows },
    { tag: 'x00280011', vr: 'US', value: image.columns },
    { tag: 'x00280100', vr: 'US', value: 1 },
    { tag: 'x00280101', vr: 'US', value: 1 },
    { tag: 'x00280102', vr: 'US', value: 0 },
    { tag: 'x00280103', vr: 'US', value: 0 },
    said('x00280301', 'CS', 'NO'),
    said('x00282110', 'CS', '00'),
    said('x00620001', 'CS', 'BINARY'),
    said('x00620013', 'CS', 'UNDEFINED'),
    sequence('x00620002', ...group.map(({ region }, i) => segmentItem(report, region, i + 1))),
    said('x00700080', 'CS', 'REGIONS'),
    said('x00700081', 'LO', `Regions of report ${report.id}`),
    said('x00700084', 'PN', personName(report.signature?.by.name ?? '')),
    sequence('x52009229', isPlaced ? [
      sequence('x00209116', [{ tag: 'x00200037', vr: 'DS', value: [...image.geometry.orientation ?? []] }]),
      sequence('x00289110', [{ tag: 'x00280030', vr: 'DS', value: [...image.geometry.spacingMm ?? []] }, { tag: 'x00180050', vr: 'DS', value: thickness(image) }]),
    ] : []),
    sequence('x52009230', ...group.map(({ image: on }, i): NewElement[] => [
      sequence('x00089124', [
        sequence('x00082112', [...reference(on, on.frames > 1 ? on.frame : undefined), said('x0028135a', 'CS', 'YES'), codeSequence('x0040a170', coded.sourceForProcessing)]),
        codeSequence('x00089215', coded.segmentation),
      ]),
      sequence('x00209111', [{ tag: 'x00209157', vr: 'UL', value: [i + 1] }]),
      ...(isPlaced ? [sequence('x00209113', [{ tag: 'x00200032', vr: 'DS', value: [...on.geometry.positionMm ?? []] }])] : []),
      sequence('x0062000a', [{ tag: 'x0062000b', vr: 'US', value: i + 1 }]),
    ])),
    { tag: 'x7fe00010', vr: 'OB', value: packed(masks) },
  ];
}

/** As the source states it; 1 mm where it states none, which the file must. */
const thickness = ({ elements }: SourceImage): number => {
  const stated = Number(elements['00180050']?.split('\\')[0] ?? NaN);
  return Number.isFinite(stated) && stated > 0 ? stated : 1;
};

function segmentItem(report: Report, { tracking, label, finding, by, algorithm }: Region, number: number): NewElement[] {
  return [
    codeSequence('x00620003', finding ? coded.abnormalStructure : coded.spatialConcept),
    { tag: 'x00620004', vr: 'US', value: number },
    said('x00620005', 'LO', label || tracking),
    said('x00620008', 'CS', by),
    ...(by === 'MANUAL' ? [] : [said('x00620009', 'LO', algorithm)]),
    codeSequence('x0062000f', finding ?? coded.selectedRegion),
    said('x00620020', 'UT', tracking),
    said('x00620021', 'UI', trackingUidOf(report, { tracking })),
  ];
}

/** All masks one after the other, eight pixels to a byte, the first in its lowest bit. */
function packed(masks: readonly Uint8Array[]): Uint8Array {
  const bits = masks.reduce((total, { length }) => total + length, 0);
  const out = new Uint8Array(Math.ceil(bits / 16) * 2);
  let at = 0;
  for (const mask of masks) for (const inside of mask) {
    if (inside) out[at >> 3] = (out[at >> 3] as number) | (1 << (at & 7));
    at++;
  }
  return out;
}
