/** Reports: one of some forty pages with twenty drawn key images, written in each readable form and read back. */

import { createHash } from 'node:crypto';
import { fhir } from '#electron/report/formats/fhir.ts';
import type { ReportFormat, ReportPictures } from '#electron/report/formats/format.ts';
import { html } from '#electron/report/formats/html.ts';
import { pdf } from '#electron/report/formats/pdf.ts';
import { readPdf } from '#electron/report/formats/pdfRead.ts';
import { keyPictures } from '#electron/report/pictures.ts';
import { bindSubject } from '#electron/report/signing.ts';
import { researchBanner, type Report } from '#models/clinical/report.ts';
import { identity } from '#models/imaging/coordinates.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';
import { rounded } from './measure.ts';

const questions = 10;
const steps = 16;
const images = 20;

export async function benchReport(): Promise<readonly Record<string, unknown>[]> {
  const report = longReport();
  const film = framePicture(drawPhantom('chest_film', 1, { size: 512 }).frames[0]!);
  const [draw, keyImages] = await measured(() => keyPictures(report, () => Promise.resolve({ picture: film, toSource: identity })));
  const results: Record<string, unknown>[] = [{ what: `${images} key images drawn`, ours: figures({ draw }) }];
  for (const format of [pdf, html, fhir]) results.push(await benchFormat(format, report, { keyImages, images: [] }));
  return results;
}

async function benchFormat(format: ReportFormat, report: Report, pictures: ReportPictures): Promise<Record<string, unknown>> {
  const [write, files] = await measured(() => format.write(report, pictures));
  const [read, faults] = await measured(() => format.readBack(files, report, pictures));
  if (faults.length > 0) throw new Error(`bench report: ${format.name} was not read back whole: ${faults.join(' ')}`);
  const [file] = files;
  const pages = format === pdf && file ? { pages: readPdf(file.bytes).pages.length } : {};
  return { what: `the report as ${format.name}`, ours: { ...pages, megabytes: rounded((file?.bytes.length ?? 0) / 1e6), ...figures({ write, read }) } };
}

interface Took {
  readonly wall: number;
  readonly processor: number;
}

/** Milliseconds on the wall and of the processor. */
async function measured<T>(act: () => Promise<T>): Promise<[Took, T]> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const result = await act();
  const { user, system } = process.cpuUsage(before);
  return [{ wall: performance.now() - start, processor: (user + system) / 1000 }, result];
}

const figures = (took: Readonly<Record<string, Took>>): Record<string, number> =>
  Object.fromEntries(Object.entries(took).flatMap(([name, { wall, processor }]) => [[`${name}_ms`, rounded(wall)], [`${name}_processor_ms`, rounded(processor)]]));

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const at = '2026-01-01T00:00:00.000Z';

/** Made up: nobody's. */
function longReport(): Report {
  const place = { source: hash('film'), frame: 0 };
  const author = { kind: 'model', name: 'bench' } as const;
  const decided = { verdict: 'accepted', reason: '', decidedBy: 'bench', decidedAt: at } as const;
  const sentence = 'The lung above it is clear, its vessels can be followed, and the mediastinum stands in the middle. ';
  return {
    format: 'loupe.report/1', id: 'bench', version: 1, revision: 0, supersedes: null, status: 'draft', language: 'en', createdAt: at, updatedAt: at, banner: researchBanner, title: 'Bench report',
    study: { id: '0'.repeat(32), modality: 'X-ray', modalities: ['DX'], description: 'Chest film', kind: 'radiology', isSample: true },
    ...bindSubject({ patientName: 'Sample, Alpha', patientId: '1', birthDate: null, sex: null, accession: '', studyUid: null, studyDate: null }, '0'.repeat(32)),
    sources: [{ sha256: place.source, name: 'film.png', bytes: 1, label: 'film', kind: 'picture', sopClassUid: null, sopInstanceUid: null, seriesInstanceUid: null, columns: 512, rows: 512, frames: 1 }],
    questions: Array.from({ length: questions }, (_, i) => ({
      id: `q${i}`, text: 'What does the film show?', askedAt: at, scope: [{ place, name: 'film', window: null }], answer: { text: 'A clear lung.', original: 'A clear lung.', ...decided }, confidence: null, flags: [], evidence: null,
      steps: Array.from({ length: steps }, (__, step) => ({ id: `q${i}s${step}`, kind: 'observation', text: sentence.repeat(2 + (step % 5)).trim(), original: sentence.trim(), boxes: ['b'], ...decided, verdict: 'edited' as const })),
      provenance: {
        model: { name: 'bench', family: 'Qwen2-VL', boxes: 'pixels', files: [{ name: 'model.safetensors', bytes: 1, sha256: hash('weights') }], root: hash('root') }, device: 'cpu', runtime: 'bench', platform: 'bench',
        software: { version: 'bench', build: 'bench' }, promptSha256: hash('prompt'), sampling: null, tokens: 100, end: 'stop', parsed: true, seconds: 1, inputs: [], journal: null,
      },
    })),
    boxes: [{ id: 'b', place, label: 'Lung', box: { x1: 60, y1: 70, x2: 240, y2: 400 }, original: null, isRemoved: false, author, tracking: 'b' }],
    findings: [{ id: 'f', label: 'Clear lung', text: '', code: null, site: null, laterality: null, boxes: ['b'], author }],
    measurements: Array.from({ length: 60 }, (_, i) => ({
      id: `m${i}`, label: `Length ${i}`, kind: 'length' as const, place, points: [{ x: 10, y: 10 + i }, { x: 60, y: 10 + i }], values: [{ quantity: 'length' as const, value: 50, unit: 'mm' }],
      spacing: { source: 'ImagerPixelSpacing' as const, text: 'At the detector', caution: '' }, author, at, tracking: `m${i}`,
    })),
    keyImages: Array.from({ length: images }, (_, i) => ({ id: `k${i}`, place, region: null, window: null, caption: `View ${i + 1}`, overlays: ['b'] })),
    comparison: null, impression: 'A clear lung.', limitations: [], software: { name: 'loupe', version: 'bench', build: 'bench' }, journal: null, signature: null,
  };
}
