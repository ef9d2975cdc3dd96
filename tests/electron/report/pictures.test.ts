/** Key images show what the report says where it says it, on every one of them the banner. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { colourOf } from '#electron/drawing/marks.ts';
import { compose } from '#electron/report/compose.ts';
import { gather, imagesOf } from '#electron/report/gather.ts';
import { keyPictures } from '#electron/report/pictures.ts';
import type { ReportPictures } from '#electron/report/formats/format.ts';
import type { Report } from '#models/clinical/report.ts';
import { temporaryFolder } from '#tests/support/audit.ts';
import { fixedNow, reportStudy } from '#tests/support/reportStudy.ts';

const folder = temporaryFolder();
let report: Report;
let pictures: ReportPictures;
beforeAll(async () => {
  const study = await reportStudy(join(folder, 'images'));
  report = compose(await gather(study.sources, { studyId: study.detail.study.id, traceIds: null, priorStudyId: null, by: 'reader' }), { id: 'r', now: fixedNow, software: { name: 'loupe', version: '1', build: 't' }, journal: null });
  pictures = { keyImages: await keyPictures(report, study.sources.shown), images: await imagesOf(report, study.sources) };
});

describe('a key image', () => {
  test('is the view as it was shown, in the window that was asked about', () => {
    const [{ drawn }] = pictures.keyImages as [ReportPictures['keyImages'][number]];
    const scale = drawn.width / 96;
    const at = (x: number, y: number): number => drawn.data[(Math.round((y + 0.5) * scale) * drawn.width + Math.round((x + 0.5) * scale)) * 4] as number;
    // Window 40/400: −160 HU and less are black, 0 HU is 40 % grey; the ramp is 4 HU a pixel from −200.
    expect([at(2, 70), Math.abs(at(50, 70) - 102) < 4, at(94, 70) > 210]).toEqual([0, true, true]);
  });
  test('has the colour of each label around its region, and nowhere far from it', () => {
    const [{ drawn }] = pictures.keyImages as [ReportPictures['keyImages'][number]];
    const scale = drawn.width / 96;
    const tone = colourOf(report.boxes).get('Nodule') ?? '';
    const rgb = [1, 3, 5].map((i) => parseInt(tone.slice(i, i + 2), 16));
    let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < drawn.data.length; i += 4) {
      if (rgb.some((value, c) => value !== drawn.data[i + c])) continue;
      const [x, y] = [(i / 4) % drawn.width, Math.floor(i / 4 / drawn.width)];
      [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x), Math.max(y2, y)];
    }
    // The tag stands above the box and may be wider; the box's lower corner is its own.
    expect([x1 / scale, y2 / scale].map(Math.round)).toEqual([60, 20]);
    expect(y1 / scale).toBeGreaterThan(5);
  });
  test('carries the research banner in its pixels', () => {
    const [{ drawn }] = pictures.keyImages as [ReportPictures['keyImages'][number]];
    const strip = drawn.data.slice((drawn.height - 40) * drawn.width * 4);
    let [dark, amber] = [0, 0];
    for (let i = 0; i < strip.length; i += 4) {
      if (strip[i] === 0x2a && strip[i + 1] === 0x21 && strip[i + 2] === 0x0f) dark++;
      if (strip[i] === 0xf5 && strip[i + 1] === 0xb8 && strip[i + 2] === 0x4b) amber++;
    }
    expect(dark).toBeGreaterThan(strip.length / 4 / 2);
    expect(amber).toBeGreaterThan(1000);
  });
});

test('the headers of the frames that are spoken of come with them, with their place in the hospital', () =>
  expect(pictures.images).toMatchObject([{
    sopInstanceUid: '1.2.826.0.1.3680043.10.1.1.1', studyInstanceUid: '1.2.826.0.1.3680043.10.1', modality: 'CT', rows: 80, columns: 96, geometry: { spacingMm: [0.5, 0.5] },
    elements: { '00100010': 'Sample^Alpha', '00080050': 'ACC-20260101', '00081030': 'Chest CT' },
  }]));
