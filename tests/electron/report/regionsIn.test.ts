/** What left as a structured report or a segmentation is drawn on its study again, pixel for pixel. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readReportRegions } from '#electron/report/formats/dicomRead.ts';
import { seg } from '#electron/report/formats/dicomSeg.ts';
import type { ReportFormat } from '#electron/report/formats/format.ts';
import { sr } from '#electron/report/formats/dicomSr.ts';
import { asDrawings, drawnRegions, outlines, takesRegions, type DrawnRegions } from '#electron/report/regionsIn.ts';
import { Annotation } from '#models/clinical/annotation.ts';
import { Fault } from '#models/base/fault.ts';
import { pixelsInside } from '#models/imaging/measures.ts';
import { sampleImages, samplePictures, sampleReport } from '#tests/support/reports.ts';

const at = '2026-01-02T10:00:00.000Z';
const report = sampleReport({ isSigned: true });
const pictures = { ...samplePictures(report), images: sampleImages(report) };
const fileOf = (uid: string): string | undefined => pictures.images.find(({ sopInstanceUid }) => sopInstanceUid === uid)?.sha256;
const standing = report.boxes.filter(({ isRemoved }) => !isRemoved);
const read = async (format: ReportFormat): Promise<DrawnRegions> => {
  const all = (await format.write(report, pictures)).map(({ bytes }) => drawnRegions(readReportRegions(bytes)));
  return { ...all[0] as DrawnRegions, regions: all.flatMap(({ regions }) => regions) };
};

describe.each([['a structured report', sr, false], ['a segmentation', seg, true]] as const)('%s', (_, format, isWhole) => {
  test('is drawn as locked rectangles where the report has them', async () => {
    const { changes, lost } = asDrawings(await read(format), { fileOf, at });
    const drawings = changes.flatMap((change) => (change.kind === 'put' ? [Annotation.parse(change.annotation)] : []));
    const boxes = drawings.filter(({ kind }) => kind === 'rectangle').map(({ frameId, points: [a, b], text }) => [frameId, text, a?.x, a?.y, b?.x, b?.y]);
    const whole = (value: number): number => (isWhole ? Math.ceil(value - 0.5) : value);
    for (const { place, label, box } of standing) expect(boxes).toContainEqual([`${place.source}-${place.frame}`, label, whole(box.x1), whole(box.y1), whole(box.x2), whole(box.y2)]);
    expect([lost, drawings.every(({ isLocked }) => isLocked), new Set(drawings.map(({ id }) => id)).size]).toEqual([0, true, drawings.length]);
  });
  test('is the same drawings when it is read again, and none where the images are others', async () => {
    const [one, again] = [asDrawings(await read(format), { fileOf, at }), asDrawings(await read(format), { fileOf, at })];
    expect([again, asDrawings(await read(format), { fileOf: () => undefined, at }).changes]).toEqual([one, []]);
  });
});

test('outlines hold the pixels of a mask and no others', () => {
  fc.assert(fc.property(fc.array(fc.boolean(), { minLength: 48, maxLength: 48 }), (bits) => {
    const mask = { width: 8, height: 6, data: Uint8Array.from(bits, Number) };
    const inside = new Uint8Array(48);
    for (const outline of outlines(mask)) {
      for (const { x, y } of outline) expect(Number.isInteger(x) && Number.isInteger(y)).toBe(true);
      for (const { row, from, to } of pixelsInside({ kind: 'polygon', outline }, { width: 8, height: 6 })) inside.fill(1, row * 8 + from, row * 8 + to);
    }
    const holes = Array.from(inside, (value, i) => value === 1 && mask.data[i] === 0 ? i : -1).filter((i) => i >= 0);
    expect(Array.from(mask.data).every((value, i) => value === 0 || inside[i] === 1)).toBe(true);
    // What else lies within an outline is a hole: nothing leads from it to the edge.
    expect(holes.every((i) => i % 8 > 0 && i % 8 < 7 && i >= 8 && i < 40)).toBe(true);
  }), { numRuns: 300 });
});

describe('a reader that takes regions', () => {
  const noImage = (_: typeof file): Promise<never> => Promise.reject(new Fault({ code: 'library.noImage', what: 'w', why: 'It carries no image.', mend: 'm' }));
  const file = { path: 'p', name: 'report.dcm', sha256: 'a'.repeat(64) };
  const reader = (more: Partial<Parameters<typeof takesRegions>[1]> = {}, drawn: unknown[] = []) => takesRegions({ inspect: noImage }, {
    regions: () => read(sr), filesOf: () => Promise.resolve({ studyId: 's', files: new Map(pictures.images.map(({ sopInstanceUid, sha256 }) => [sopInstanceUid, sha256])) }), draw: (studyId, changes) => drawn.push(studyId, ...changes), now: () => at, ...more,
  });
  test('draws them on their study and says how many lie on images that are not here', async () => {
    const drawn: unknown[] = [];
    expect(await reader({}, drawn).inspect(file)).toEqual({ kind: 'regions', missing: 0 });
    const [first] = pictures.images;
    const some = { filesOf: () => Promise.resolve({ studyId: 's', files: new Map([[first!.sopInstanceUid, first!.sha256]]) }) };
    const onOthers = (await read(sr)).regions.filter(({ source }) => source.sopInstanceUid !== first!.sopInstanceUid).length;
    expect([await reader(some).drawRegions(file), await reader({ filesOf: () => Promise.resolve(null) }).drawRegions(file)]).toEqual([{ missing: onOthers }, null]);
    expect([drawn[0], drawn.length > standing.length]).toEqual(['s', true]);
  });
  test.each<[string, Parameters<typeof reader>[0]]>([['library.regions', { filesOf: () => Promise.resolve(null) }], ['library.noImage', { regions: () => Promise.reject(new Error('no')) }]])('says %s where there is nothing to draw on, or nothing to draw', async (code, more) =>
    await expect(reader(more).inspect(file)).rejects.toMatchObject({ code }));
  test('asks nothing about a file that is one', async () => expect(await takesRegions({ inspect: (_: typeof file) => Promise.resolve('image') }, { regions: () => Promise.reject(new Error('asked')), filesOf: () => Promise.resolve(null), draw: () => undefined, now: () => at }).inspect(file)).toBe('image'));
});
