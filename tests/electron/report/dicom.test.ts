/** The report as DICOM: validators of others find nothing wrong, and what was written is read back as it was. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { allCodes } from '#electron/report/formats/dicomCodes.ts';
import { document } from '#electron/report/formats/dicomDocument.ts';
import { readReportRegions, readTexts } from '#electron/report/formats/dicomRead.ts';
import { sc } from '#electron/report/formats/dicomSc.ts';
import { seg } from '#electron/report/formats/dicomSeg.ts';
import { isKnownCode, sr } from '#electron/report/formats/dicomSr.ts';
import { fileName, trackingUidOf, uidOf, type ReportFormat, type ReportPictures, type SourceImage } from '#electron/report/formats/format.ts';
import { Random } from '#models/base/random.ts';
import type { Report } from '#models/clinical/report.ts';
import { deidentify, identifiersIn, mappingOf } from '#models/imaging/dicom/deidentify.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { firstText, items, texts, type DataSet } from '#models/imaging/dicom/elements.ts';
import { dsrdump, errorsOf, hasDciodvfy, hasDsrdump } from '#tests/support/dicomTools.ts';
import { releasedSample, sampleImages, samplePictures, sampleReport } from '#tests/support/reports.ts';

const formats: readonly ReportFormat[] = [sr, seg, sc, document];

/** The same as slices of a CT, with their place in the patient. */
const slices = (report: Report): readonly SourceImage[] => sampleImages(report, { modality: 'CT', sopClassUid: '1.2.840.10008.5.1.4.1.1.2', frameOfReferenceUid: '1.2.826.0.1.3680043.10.1.9' }).map((image, i) => ({
  ...image, geometry: { spacingMm: [0.5, 0.5], spacingSource: 'PixelSpacing', positionMm: [-120, -140, 5 * i], orientation: [1, 0, 0, 0, 1, 0] }, elements: { ...image.elements, '00180050': '5' },
}));

const sample = (report = sampleReport(), images = sampleImages(report)): { report: Report; pictures: ReportPictures } => ({ report, pictures: { ...samplePictures(report), images } });
const cases = [
  ['a draft', sample()],
  ['a signed report', sample(sampleReport({ isSigned: true }))],
  ['slices with geometry', sample(sampleReport(), slices(sampleReport()))],
  ['a superseding report without its subject', sample(sampleReport({ isSigned: true, version: 2, supersedes: { version: 1, content: 'a'.repeat(64), signedAt: '2026-01-02T10:12:00.000Z' } }))],
] as const;
/** A copy without the subject, with the headers that belong to it. */
function released({ report, pictures }: ReturnType<typeof sample>): ReturnType<typeof sample> {
  const { report: copy, images } = releasedSample(report, pictures.images);
  return sample(copy, images);
}
/** The case as its name says. */
const given = (name: string, whole: ReturnType<typeof sample>): ReturnType<typeof sample> => (name.endsWith('subject') ? released(whole) : whole);

describe.each(formats)('$name', (format) => {
  // The PDF inside takes its time, and is the same for the kinds of images.
  const mine = format === document ? cases.slice(0, 2) : cases;
  test.each(mine)('%s is written, and read back whole', async (name, whole) => {
    const { report, pictures } = given(name, whole);
    expect(format.unsuitable(report, pictures)).toBeNull();
    const files = await format.write(report, pictures);
    expect(await format.readBack(files, report, pictures)).toEqual([]);
  });

  test('is the same for the same report', async () => {
    const { report, pictures } = sample(sampleReport({ isSigned: true }));
    const [once, again] = [await format.write(report, pictures), await format.write(report, pictures)];
    expect(once.map(({ bytes }, i) => Buffer.compare(bytes, again[i]!.bytes))).toEqual(once.map(() => 0));
  });

  test.skipIf(!hasDciodvfy).each(mine)('%s holds no error by dciodvfy (skipped where it is not installed)', async (name, whole) => {
    const { report, pictures } = given(name, whole);
    for (const { bytes } of await format.write(report, pictures)) expect(errorsOf(bytes)).toEqual([]);
  });

  test('is not offered for a study that is no DICOM', () => expect(format.unsuitable(sampleReport(), { ...samplePictures(sampleReport()), images: [] })).toMatch(/no DICOM/));

  test('without its subject nothing in the file names the patient', async () => {
    const { report, pictures } = released(sample());
    for (const { bytes } of await format.write(report, pictures)) {
      const { dataSet } = readDicom(bytes);
      expect([texts(dataSet, 'x00100010'), texts(dataSet, 'x00100020'), texts(dataSet, 'x00080090'), texts(dataSet, 'x00080050')].flat()).toEqual([]);
      expect(Buffer.from(bytes).includes('S-0001')).toBe(false);
    }
  });
});

describe('the structured report', () => {
  const written = async ({ report, pictures }: ReturnType<typeof sample>): Promise<Uint8Array> => (await sr.write(report, pictures))[0]!.bytes;

  test('gives every standing region back where it was, with its code and its tracking', async () => {
    const { report, pictures } = sample();
    const { kind, regions } = readReportRegions(await written({ report, pictures }));
    expect(kind).toBe('sr');
    const boxes = regions.filter(({ trackingUid }) => report.boxes.some((box) => trackingUidOf(report, box) === trackingUid));
    expect(boxes.map(({ box, label, tracking, finding, isByAlgorithm, source }) => ({ box, label, tracking, finding: finding?.value, isByAlgorithm, at: source.sopInstanceUid }))).toEqual([
      { box: { x1: 70, y1: 380, x2: 200, y2: 480 }, label: 'Effusion', tracking: 'q1/0/0', finding: '60046008', isByAlgorithm: true, at: '1.2.826.0.1.3680043.10.1.1.1' },
      { box: { x1: 90, y1: 300, x2: 190, y2: 390 }, label: 'Opacity', tracking: 'q1/1/0', finding: '60046008', isByAlgorithm: true, at: '1.2.826.0.1.3680043.10.1.1.1' },
    ]);
    expect(regions.find(({ tracking }) => tracking === 'm1')?.points).toEqual([{ x: 140, y: 300 }, { x: 140, y: 382 }]);
    expect(regions.find(({ tracking }) => tracking === 'm2')).toMatchObject({ shape: 'ellipse', box: { x1: 100, y1: 310, x2: 180, y2: 380 }, isByAlgorithm: false });
  });

  test('says what was decided, and both versions of what was edited', async () => {
    const words = readTexts(await written(sample())).join('\n');
    expect(words).toContain('The opacity is 41 mm high. [q1/1/0] (AI-generated; edited; because Measured on the film.; the model wrote: The opacity is about 60 mm high.)');
    expect(words).toContain("Moved by a person; the model's own rectangle was 60, 280, 210, 400.");
    expect(words).toContain('Research use only — not a medical device');
  });

  test('is partial and unverified until somebody signs, then complete, final and verified by name', async () => {
    const flags = async (report: Report): Promise<unknown> => {
      const { dataSet } = readDicom(await written(sample(report)));
      const [observer] = items(dataSet, 'x0040a073');
      return [firstText(dataSet, 'x0040a491'), firstText(dataSet, 'x0040a493'), firstText(dataSet, 'x0040a496'), observer && [firstText(observer, 'x0040a075'), firstText(observer, 'x0040a027'), firstText(observer, 'x0040a030')]];
    };
    expect(await flags(sampleReport())).toEqual(['PARTIAL', 'UNVERIFIED', 'PRELIMINARY', undefined]);
    expect(await flags(sampleReport({ isSigned: true }))).toEqual(['COMPLETE', 'VERIFIED', 'FINAL', ['One^Reader', 'Sample Hospital', '20260102111200+0100']]);
  });

  test('names the document that it supersedes', async () => {
    const report = sampleReport({ isSigned: true, version: 2, supersedes: { version: 1, content: 'a'.repeat(64), signedAt: '2026-01-02T10:12:00.000Z' } });
    const [before] = items(readDicom(await written(sample(report))).dataSet, 'x0040a360');
    const [referenced] = items(items(before!, 'x00081115')[0]!, 'x00081199');
    expect(firstText(referenced!, 'x00081155')).toBe(uidOf({ id: report.id, version: 1 }, 'sr'));
  });

  test('holds codes of its tables only, even where a report brings others', async () => {
    const report = sampleReport();
    report.findings[0]!.code = { scheme: 'SCT', value: '999999999', meaning: 'Made up' };
    const codes = codesIn(readDicom(await written(sample(report))).dataSet);
    expect(codes.length).toBeGreaterThan(60);
    expect(codes.filter((code) => !isKnownCode(code))).toEqual([]);
  });

  test('gives regions anywhere on an image back within a hundredth of a pixel, clamped to the image', async () => {
    const random = new Random(5);
    const base = sampleReport();
    const [first] = base.boxes;
    const side = (limit: number): [number, number] => {
      const [a, b] = [random.uniform() * 1.2 * limit - 0.1 * limit, random.uniform() * 1.2 * limit - 0.1 * limit];
      return [Math.min(a, b), Math.max(a, b)];
    };
    const boxes = Array.from({ length: 300 }, (_, i) => {
      const [[x1, x2], [y1, y2]] = [side(480), side(560)];
      return { ...first!, id: `r${i}`, tracking: `r/${i}`, box: { x1, y1, x2, y2 } };
    });
    const { regions } = readReportRegions(await written(sample({ ...base, boxes, measurements: [] })));
    const off = boxes.map(({ box }, i) => Math.max(...(['x1', 'y1', 'x2', 'y2'] as const).map((edge) => Math.abs(regions[i]!.box[edge] - Math.min(Math.max(box[edge], 0), edge.startsWith('x') ? 480 : 560)))));
    expect([regions.length, Math.max(...off) < 0.01]).toEqual([300, true]);
  });

  test('counts on a slide in the whole pixel matrix, and on one of many frames names the frame', async () => {
    const report = sampleReport();
    const slide: Report = { ...report, sources: report.sources.map((source) => ({ ...source, kind: 'slide', columns: 90_000, rows: 70_000 })), boxes: [{ ...report.boxes[0]!, box: { x1: 80_000.5, y1: 60_000.25, x2: 81_000, y2: 61_000 } }], measurements: [] };
    const { regions: [onSlide] } = readReportRegions(await written(sample(slide, sampleImages(slide, { rows: 256, columns: 256, frames: 900 }))));
    expect([onSlide?.box, onSlide?.source.frame]).toEqual([{ x1: 80_000.5, y1: 60_000.25, x2: 81_000, y2: 61_000 }, 0]);
    const film = report.boxes[0]!;
    const later: Report = { ...report, boxes: [{ ...film, place: { ...film.place, frame: 6 } }], measurements: [], keyImages: [] };
    const frames = sampleImages(report, { frames: 9 }).flatMap((image) => [0, 6].map((frame) => ({ ...image, frame })));
    expect(readReportRegions(await written(sample(later, frames))).regions.map(({ source }) => source.frame)).toEqual([6]);
    const [masks] = await seg.write(later, sample(later, frames).pictures);
    expect(readReportRegions(masks!.bytes).regions.map(({ source }) => source.frame)).toEqual([6]);
    expect(seg.unsuitable({ ...slide, study: { ...slide.study, kind: 'slide' } }, sample(slide).pictures)).toMatch(/slide/);
  });

  test.skipIf(!hasDsrdump)('is read by dsrdump, with its regions (skipped where it is not installed)', async () => {
    for (const [, { report, pictures }] of cases) {
      const { status, text } = dsrdump(await written({ report, pictures }));
      expect([status, text.split('\n').filter((line) => /^[EWF]:/.test(line) && !line.includes('VR checker does not support this Specific Character Set'))]).toEqual([0, []]);
      expect(text).toContain('(111030,DCM,"Image Region")');
    }
  });

  test('cites every image in its evidence once', async () => {
    const [study] = items(readDicom(await written(sample())).dataSet, 'x0040a375');
    const cited = items(study!, 'x00081115').flatMap((series) => items(series, 'x00081199').map((one) => firstText(one, 'x00081155')));
    expect(cited).toEqual(['1.2.826.0.1.3680043.10.1.1.1', '1.2.826.0.1.3680043.10.1.1.2']);
  });
});

/** Every code sequence, wherever it stands. */
function codesIn(dataSet: DataSet): { scheme: string; value: string; meaning: string }[] {
  const own = firstText(dataSet, 'x00080100');
  const inner = Object.keys(dataSet.parsed).flatMap((tag) => items(dataSet, tag as `x${string}`).flatMap(codesIn));
  return own === undefined ? inner : [{ scheme: firstText(dataSet, 'x00080102') ?? '', value: own, meaning: firstText(dataSet, 'x00080104') ?? '' }, ...inner];
}

test('no code stands in the table under two meanings', () => {
  const meanings = new Map<string, Set<string>>();
  for (const { scheme, value, meaning } of allCodes) meanings.set(`${scheme} ${value}`, new Set([...meanings.get(`${scheme} ${value}`) ?? [], meaning]));
  expect([...meanings].filter(([, said]) => said.size > 1)).toEqual([]);
  expect(allCodes.every(({ value, meaning }) => value.length <= 16 && meaning.length <= 64)).toBe(true);
});

test('a segmentation gives every mask back, pixel by pixel', async () => {
  const { report, pictures } = sample();
  const [file] = await seg.write(report, pictures);
  const { regions } = readReportRegions(file!.bytes);
  expect(regions.map(({ box, label, isByAlgorithm }) => ({ box, label, isByAlgorithm }))).toEqual([
    { box: { x1: 70, y1: 380, x2: 200, y2: 480 }, label: 'Effusion', isByAlgorithm: true },
    { box: { x1: 90, y1: 300, x2: 190, y2: 390 }, label: 'Opacity', isByAlgorithm: true },
    { box: { x1: 100, y1: 310, x2: 180, y2: 380 }, label: 'm2', isByAlgorithm: false },
  ]);
  expect(regions[0]?.mask?.data.reduce((total, inside) => total + inside, 0)).toBe(130 * 100);
  expect(regions[2]?.mask?.data.reduce((total, inside) => total + inside, 0)).toBeCloseTo(Math.PI * 40 * 35, -2);
});

test('a changed region, flag or pixel is found when the file is read back', async () => {
  const { report, pictures } = sample();
  const moved: Report = { ...report, boxes: report.boxes.map((box) => ({ ...box, box: { ...box.box, x2: box.box.x2 + 1 } })) };
  for (const format of [sr, seg]) expect(await format.readBack(await format.write(report, pictures), moved, pictures)).not.toEqual([]);
  expect(await sr.readBack(await sr.write(report, pictures), sampleReport({ isSigned: true }), pictures)).not.toEqual([]);
  const [captured, other] = await sc.write(report, pictures);
  const damaged = captured!.bytes.slice();
  damaged[damaged.length - 40]! ^= 1;
  expect(await sc.readBack([{ name: captured!.name, bytes: damaged }, other!], report, pictures)).toEqual(['The pixels of picture 1 are not as they were.']);
});

test('files are named after the report', async () => {
  const { report, pictures } = sample();
  expect((await Promise.all(formats.map((format) => format.write(report, pictures)))).flat().map(({ name }) => name)).toEqual([fileName(report, 'dcm', 'sr'), fileName(report, 'dcm', 'seg'), fileName(report, 'dcm', 'sc-1'), fileName(report, 'dcm', 'sc-2'), fileName(report, 'dcm', 'pdf')]);
});

test('a segmentation whose pixels are not there gives no region, and fills no memory', async () => {
  const { report, pictures } = sample();
  const [file] = await seg.write(report, pictures);
  const wide = Buffer.from(file!.bytes);
  // Rows and columns of 65,535 in the place of 560 and 480.
  for (const [element, value] of [[0x10, 560], [0x11, 480]] as const) wide.writeUInt16LE(65_535, wide.indexOf(Buffer.from([0x28, 0, element, 0, 0x55, 0x53, 2, 0, value & 255, value >> 8])) + 8);
  expect(readReportRegions(wide).regions).toEqual([]);
});

test('a file that holds no regions is refused by name', async () => {
  const { report, pictures } = sample();
  const [picture] = await sc.write(report, pictures);
  expect(() => readReportRegions(picture!.bytes)).toThrow(expect.objectContaining({ code: 'dicom.noRegions' }));
});

describe('de-identified like the images they are about', () => {
  const mapping = mappingOf((words) => new Uint8Array(createHmac('sha256', 'secret').update(words).digest()));
  const { report, pictures } = sample(sampleReport({ isSigned: true }), slices(sampleReport()));
  const leaving = async (format: ReportFormat): Promise<Uint8Array> => {
    const [file] = await format.write(report, pictures);
    return (await deidentify(readDicom(file!.bytes), { options: ['modified-dates', 'clean-descriptors', 'clean-structured-content'], mapping, software: 'test', pixels: { kind: 'clean' } })).bytes;
  };

  test.each([sr, seg])('the regions of $name lie where they lay, on the images under their new names', async (format) => {
    const { regions } = readReportRegions(await leaving(format));
    expect(regions.slice(0, 2).map(({ box, finding, source }) => [box, finding?.value, source.sopInstanceUid])).toEqual(report.boxes.slice(0, 2).map(({ box }) => [box, '60046008', mapping.uid('1.2.826.0.1.3680043.10.1.1.1')]));
  });

  test.each([sr, seg, sc])('$name names nobody, and is a whole file of its kind still', async (format) => {
    const bytes = await leaving(format);
    for (const word of ['Sample', 'S-0001', 'Referrer', 'Reader', 'A-17', '1.2.826.0.1.3680043.10.1']) expect(Buffer.from(bytes).includes(word), word).toBe(false);
    expect(identifiersIn(readDicom(bytes).dataSet).filter(({ value }) => value !== 'REMOVED' && !value.startsWith('P-'))).toEqual([]);
    if (hasDciodvfy) expect(errorsOf(bytes)).toEqual([]);
  });

  test('the wrapped PDF is refused: it has to be made again without its subject', async () => {
    await expect(leaving(document)).rejects.toMatchObject({ code: 'deidentify.kind' });
  });
});
