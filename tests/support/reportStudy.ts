/** A study of two visits, drawn here, with an answer that was judged and a region that was measured: what a report is made of. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf } from '#electron/audit/record.ts';
import { encodeFrame } from '#electron/contract/frame.ts';
import type { Judgement } from '#electron/contract/curate.ts';
import type { StudyDetail } from '#electron/contract/library.ts';
import type { EvidenceCheck, Trace } from '#electron/contract/review.ts';
import { assemble } from '#electron/library/assemble.ts';
import { inspect } from '#electron/library/inspect.ts';
import { openPixels } from '#electron/library/pixels.ts';
import type { Judged } from '#electron/report/compose.ts';
import type { ReportSources } from '#electron/report/gather.ts';
import { sourceImage } from '#electron/report/headers.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import { readDicom } from '#models/imaging/dicom/dicomFile.ts';
import { pixelElements, writeDicom } from '#models/imaging/dicom/writer.ts';

export const fixedNow = '2026-01-02T10:00:00.000Z';
const [columns, rows] = [96, 80];

/** A grey ramp with a bright square, 0.5 mm a pixel. */
function film(date: string, uid: string): Uint8Array {
  const data = new Int16Array(columns * rows).map((_, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    return x >= 20 && x < 44 && y >= 30 && y < 50 ? 1000 : x * 4 - 200;
  });
  return writeDicom([
    { tag: 'x00080016', vr: 'UI', value: '1.2.840.10008.5.1.4.1.1.2' }, { tag: 'x00080018', vr: 'UI', value: `${uid}.1.1` }, { tag: 'x0020000d', vr: 'UI', value: uid }, { tag: 'x0020000e', vr: 'UI', value: `${uid}.1` },
    { tag: 'x00080020', vr: 'DA', value: date }, { tag: 'x00080060', vr: 'CS', value: 'CT' }, { tag: 'x00081030', vr: 'LO', value: 'Chest CT' }, { tag: 'x00080050', vr: 'SH', value: `ACC-${date}` },
    { tag: 'x00100010', vr: 'PN', value: 'Sample^Alpha' }, { tag: 'x00100020', vr: 'LO', value: 'S-0001' }, { tag: 'x00100030', vr: 'DA', value: '19500101' }, { tag: 'x00100040', vr: 'CS', value: 'F' },
    { tag: 'x00280030', vr: 'DS', value: [0.5, 0.5] }, { tag: 'x00281052', vr: 'DS', value: 0 }, { tag: 'x00281053', vr: 'DS', value: 1 }, { tag: 'x00281054', vr: 'LO', value: 'HU' }, { tag: 'x00281050', vr: 'DS', value: 300 }, { tag: 'x00281051', vr: 'DS', value: 1600 },
    ...pixelElements({ rows, columns, photometric: 'MONOCHROME2', data }),
  ]);
}

export interface ReportStudy {
  readonly sources: ReportSources;
  readonly detail: StudyDetail;
  readonly prior: StudyDetail;
  readonly trace: Trace;
  /** May be changed before composing. */
  readonly judgement: { value: Judgement | null };
  readonly annotations: Annotation[];
  readonly frameId: string;
}

export async function reportStudy(folder: string): Promise<ReportStudy> {
  mkdirSync(folder, { recursive: true });
  const pixels = openPixels();
  const paths = new Map<string, string>();
  const study = async (date: string, uid: string): Promise<StudyDetail> => {
    const bytes = film(date, uid);
    const [sha256, path] = [hashOf(bytes), join(folder, `${date}.dcm`)];
    writeFileSync(path, bytes);
    paths.set(sha256, path);
    const seen = await inspect(path, 'film.dcm', sha256);
    if (seen.kind !== 'image') throw new Error('The film was not read.');
    const { series, statements } = await assemble([{ name: 'film.dcm', sha256, path }]);
    const { modality, ...identity } = seen.study;
    return {
      study: { ...identity, modalities: [modality], series: 1, images: 1, files: 1, bytes: bytes.length, status: 'asked', isSample: true, addedAt: fixedNow, cover: null, question: null },
      files: [{ name: 'film.dcm', sha256, bytes: bytes.length }], series: [...series], statements: [...statements],
    };
  };
  const [detail, prior] = [await study('20260101', '1.2.826.0.1.3680043.10.1'), await study('20250701', '1.2.826.0.1.3680043.10.2')];
  const frameId = detail.series[0]?.frames[0]?.id as string;
  const trace: Trace = {
    id: 'trace-1', studyId: detail.study.id, askedAt: fixedNow, question: 'Is there a mass?', raw: '', parsed: true,
    views: [{ view: { kind: 'frame', frameId, window: { center: 40, width: 400, shape: 'LINEAR', isInverted: false, name: null } }, name: 'whole image', window: 'C 40 W 400', shown: { width: columns, height: rows }, source: { width: columns, height: rows }, resized: { width: 112, height: 84 }, pixelsSha256: 'a'.repeat(64) }],
    steps: [
      { kind: 'observation', text: 'A bright mass lies on the left of the image', findings: [0] }, { kind: 'observation', text: 'A nodule lies beside it.', findings: [1] },
      { kind: 'conclusion', text: 'The mass is solid.', findings: [0] },
    ],
    findings: [{ label: 'Mass', frame: 0, boxes: [{ x1: 20, y1: 30, x2: 44, y2: 50 }] }, { label: 'Nodule', frame: 0, boxes: [{ x1: 60, y1: 10, x2: 70, y2: 20 }] }],
    answer: 'Yes, a mass', flags: [{ code: 'small', detail: 'One region is small.' }], confidence: { value: 0.7, method: 'token probabilities' }, end: 'stop',
    model: { name: 'loupe-base', family: 'qwen2_5_vl', device: 'cpu', weightsSha256: ['b'.repeat(64)] }, tokens: 80, timing: { firstTokenMs: 100, totalMs: 900, tokensPerSecond: 100 },
  };
  const check: EvidenceCheck = {
    traceId: trace.id, studyId: detail.study.id, checkedAt: fixedNow, leftOut: 0, all: 0.6, blank: 0.7, shuffled: 0.2, reliance: 0.5, usedImage: true, seconds: 1,
    regions: [{ id: `${frameId}:Mass:20,30,44,50`, label: 'Mass', hidden: 0.6, control: 0.1 }],
  };
  const judgement: ReportStudy['judgement'] = { value: null };
  const drawn = (id: string, frame: string, x2: number): Annotation => ({
    id, frameId: frame, kind: 'length', points: [{ x: 20, y: 40 }, { x: x2, y: 40 }], text: 'Mass', colour: '#ffe45c', isLocked: false, isHidden: false, millimetres: null, changedAt: fixedNow,
  });
  const annotations = [
    drawn('length-0001', frameId, 44),
    { ...drawn('ellipse-001', frameId, 0), kind: 'rectangle' as const, text: '', points: [{ x: 22, y: 32 }, { x: 42, y: 48 }] },
  ];
  const before = [drawn('length-0002', prior.series[0]?.frames[0]?.id as string, 36)];
  const pathOf = (sha256: string): string => paths.get(sha256) as string;
  return {
    detail, prior, trace, judgement, annotations, frameId,
    sources: {
      study: (id) => Promise.resolve(id === prior.study.id ? prior : detail), studies: () => [detail.study, prior.study], traces: () => [trace], checks: () => [check],
      judged: (): Judged | undefined => (judgement.value ? { judgement: judgement.value, at: '2026-01-02T09:00:00.000Z', by: 'reader' } : undefined),
      annotations: (id) => (id === prior.study.id ? before : annotations), record: () => Promise.resolve(null),
      values: async (id) => encodeFrame(await pixels.values(pathOf(id.slice(0, 64)), id.slice(0, 64), Number(id.slice(65)))),
      image: ({ source, frame }) => Promise.resolve(sourceImage(readDicom(new Uint8Array(readFileSync(pathOf(source)))), source, frame)),
      shown: ({ place: { source, frame }, window, region }) => pixels.shown(pathOf(source), frame, { window, region }),
    },
  };
}

/** All three steps and the answer accepted but for what is named. */
export const accepted = ({ trace, detail }: Pick<ReportStudy, 'trace' | 'detail'>, more: Partial<Judgement> = {}): Judgement => ({
  traceId: trace.id, studyId: detail.study.id, steps: Object.fromEntries(trace.steps.map((_, i) => [i, { verdict: 'accepted' as const, text: null }])), answer: { verdict: 'accepted', text: null }, boxes: {}, added: [], ...more,
});
