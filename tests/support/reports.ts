/** Reports of nobody: made up from end to end, with everything in them that a report can hold. */
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { released, suspectTexts, type Released } from '#electron/report/release.ts';
import { bindSubject, signatureHash, signContent } from '#electron/report/signing.ts';
import type { Bitmap, KeyPicture, ReportPictures, SourceImage } from '#electron/report/formats/format.ts';
import type { KeyImage, Report, ReportStep, ReportSubject } from '#models/clinical/report.ts';
import { mappingOf } from '#models/imaging/dicom/deidentify.ts';
import { noGeometry } from '#training/synthesis/phantoms/study.ts';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

export const sampleSubject: ReportSubject = {
  patientName: 'Sample, Alpha', patientId: 'S-0001', birthDate: '19500101', sex: 'F', accession: 'A-17', studyUid: '1.2.826.0.1.3680043.10.1', studyDate: '20260102',
};

const film = { source: hash('film'), frame: 0 };
const earlier = { source: hash('second film'), frame: 0 };
const model = { kind: 'model', name: 'loupe-base' } as const;
const person = { kind: 'person', name: 'Reader One' } as const;
const decided = { decidedBy: 'Reader One', decidedAt: '2026-01-02T10:08:00.000Z' };

const steps: readonly ReportStep[] = [
  { id: 's1', kind: 'observation', text: 'The right costophrenic angle is blunted.', original: 'The right costophrenic angle is blunted.', boxes: ['b1'], verdict: 'accepted', reason: '', ...decided },
  { id: 's2', kind: 'measurement', text: 'The opacity is 41 mm high.', original: 'The opacity is about 60 mm high.', boxes: ['b2'], verdict: 'edited', reason: 'Measured on the film.', ...decided },
  { id: 's3', kind: 'knowledge', text: 'Blunting begins at 50 ml of fluid.', original: 'Blunting begins at 50 ml of fluid.', boxes: [], verdict: 'rejected', reason: 'Not on a supine film.', ...decided },
  { id: 's4', kind: 'comparison', text: 'It is larger than on the earlier film.', original: null, boxes: ['b1'], verdict: 'accepted', reason: '', ...decided },
];

/** A draft; `isSigned` makes it a report that stands. */
export function sampleReport({ isSigned = false, ...changes }: Partial<Report> & { isSigned?: boolean } = {}): Report {
  const draft: Report = {
    format: 'loupe.report/1', id: '1f3a5b7c-0000-4000-8000-000000000001', version: 1, revision: 7, supersedes: null, status: 'draft', language: 'en',
    createdAt: '2026-01-02T10:00:00.000Z', updatedAt: '2026-01-02T10:10:00.000Z', banner: 'Research use only — not a medical device', title: 'Chest film, reasoning report',
    study: { id: 'f'.repeat(32), modality: 'Computed radiography', modalities: ['CR'], description: 'Chest, one view', kind: 'radiology', isSample: true },
    ...bindSubject(changes.subject ?? sampleSubject, '00112233445566778899aabbccddeeff'),
    sources: [film, earlier].map(({ source }, i) => ({
      sha256: source, name: `film-${i + 1}.dcm`, bytes: 1_048_576, label: i === 0 ? 'film 1 of 2' : 'film 2 of 2', kind: 'frame', sopClassUid: '1.2.840.10008.5.1.4.1.1.1', sopInstanceUid: `1.2.826.0.1.3680043.10.1.1.${i + 1}`,
      seriesInstanceUid: '1.2.826.0.1.3680043.10.1.1', columns: 480, rows: 560, frames: 1,
    })),
    questions: [{
      id: 'q1', text: 'Is there a pleural effusion, and on which side?', askedAt: '2026-01-02T10:01:00.000Z', scope: [{ place: film, name: 'film 1 of 2', window: 'as the file says' }],
      answer: { text: 'Yes, on the right.', original: 'Yes, on the right.', verdict: 'accepted', reason: '', ...decided },
      confidence: { value: 0.82, method: 'probability of the answer\'s tokens, uncalibrated' }, flags: [{ code: 'box.large', detail: 'Effusion: the box covers 62 % of the image.' }],
      evidence: { reliance: 0.61, usedImage: true, regions: [{ box: 'b1', hidden: 0.55, control: 0.06 }, { box: 'b2', hidden: 0.21, control: 0.04 }] },
      steps: [...steps],
      provenance: {
        model: { name: 'loupe-base', family: 'Qwen2-VL', boxes: 'pixels', files: [{ name: 'config.json', bytes: 1234, sha256: hash('config') }, { name: 'model.safetensors', bytes: 12_345_678, sha256: hash('weights') }], root: hash('root') },
        device: 'cpu', runtime: 'ONNX Runtime 1.30.0', platform: 'linux x64', software: { version: '0.1.0', build: hash('build') }, promptSha256: hash('prompt'),
        sampling: { temperature: 0, topP: 1, topK: 0, seed: 7, maxNewTokens: 512 }, tokens: 143, end: 'stop', parsed: true, seconds: 4.2,
        inputs: [{ place: film, window: 'as the file says', source: { width: 480, height: 560 }, shown: { width: 480, height: 560 }, resized: { width: 224, height: 252 }, tensorSha256: hash('tensor') }],
        journal: { log: 'a1b2c3', ask: 41, answer: 42, record: hash('record') },
      },
    }],
    boxes: [
      { id: 'b1', place: film, label: 'Effusion', box: { x1: 70, y1: 380, x2: 200, y2: 480 }, original: null, isRemoved: false, author: model, tracking: 'q1/0/0' },
      { id: 'b2', place: film, label: 'Opacity', box: { x1: 90, y1: 300, x2: 190, y2: 390 }, original: { x1: 60, y1: 280, x2: 210, y2: 400 }, isRemoved: false, author: model, tracking: 'q1/1/0' },
      { id: 'b3', place: film, label: 'Nodule', box: { x1: 300, y1: 120, x2: 330, y2: 150 }, original: null, isRemoved: true, author: model, tracking: 'q1/2/0' },
    ],
    findings: [
      { id: 'f1', label: 'Pleural effusion', text: 'Right pleural effusion, larger than before', code: { scheme: 'SCT', value: '60046008', meaning: 'Pleural effusion' }, site: { scheme: 'SCT', value: '39607008', meaning: 'Lung structure' }, laterality: { scheme: 'SCT', value: '24028007', meaning: 'Right' }, boxes: ['b1', 'b2'], author: model },
      { id: 'f2', label: 'Heart size normal', text: '', code: null, site: { scheme: 'SCT', value: '80891009', meaning: 'Heart structure' }, laterality: null, boxes: [], author: person },
    ],
    measurements: [
      { id: 'm1', label: 'Height of the opacity', kind: 'length', place: film, points: [{ x: 140, y: 300 }, { x: 140, y: 382 }], values: [{ quantity: 'length', value: 41.02, unit: 'mm' }], spacing: { source: 'ImagerPixelSpacing', text: 'At the detector', caution: 'Smaller within the patient' }, author: person, at: '2026-01-02T10:05:00.000Z', tracking: 'm1' },
      { id: 'm2', label: '', kind: 'ellipse', place: film, points: [{ x: 100, y: 310 }, { x: 180, y: 380 }], values: [{ quantity: 'mean', value: -12.25, unit: '[hnsf\'U]' }, { quantity: 'deviation', value: 8.5, unit: '[hnsf\'U]' }, { quantity: 'area', value: 1102, unit: 'mm2' }], spacing: { source: 'ImagerPixelSpacing', text: 'At the detector', caution: '' }, author: person, at: '2026-01-02T10:06:00.000Z', tracking: 'm2' },
    ],
    keyImages: [
      { id: 'k1', place: film, region: null, window: null, caption: 'The effusion', overlays: ['b1', 'b2', 'm1'] },
      { id: 'k2', place: earlier, region: null, window: { center: 40, width: 400, shape: 'LINEAR', isInverted: false, name: 'soft tissue' }, caption: 'The earlier film', overlays: [] },
    ],
    comparison: { studyId: 'e'.repeat(32), studyUid: '1.2.826.0.1.3680043.10.2', date: '20251201', description: 'Chest, one view', text: 'The effusion has grown.', changes: [{ label: 'Height of the opacity', quantity: 'length', before: 30, now: 41.02, unit: 'mm' }] },
    impression: 'Right pleural effusion that has grown since the earlier film. No pneumothorax.', limitations: ['One view only.', 'Lengths are at the detector and not corrected for magnification.'],
    software: { name: 'loupe', version: '0.1.0', build: hash('build') }, journal: { log: 'a1b2c3', size: 57, fingerprint: 'AB12 CD34 EF56' }, signature: null,
    ...changes,
  };
  return isSigned ? signed(draft) : draft;
}

const privateKey = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(hash('key'), 'hex')]), format: 'der', type: 'pkcs8' });
const key = { publicKey: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32), sign: (message: Uint8Array) => sign(null, message, privateKey) };

export function signed(draft: Report): Report {
  const report: Report = { ...draft, status: draft.status === 'draft' ? 'signed' : draft.status };
  const signature = signContent(report, { by: { name: 'Reader One', role: 'radiologist', account: 'reader' }, meaning: 'verification', at: '2026-01-02T10:12:00.000Z', method: 'passphrase' }, key, Buffer.alloc(32, 7));
  return { ...report, signature: { ...signature, journal: { log: 'a1b2c3', seq: 58, hash: signatureHash(signature) } } };
}

/** Headers of the sample's films. */
export function sampleImages({ sources }: Report, more: Partial<SourceImage> = {}): readonly SourceImage[] {
  return sources.map((source): SourceImage => ({
    sha256: source.sha256, frame: 0, sopClassUid: source.sopClassUid ?? '', sopInstanceUid: source.sopInstanceUid ?? '', seriesInstanceUid: source.seriesInstanceUid ?? '',
    studyInstanceUid: '1.2.826.0.1.3680043.10.1', modality: 'CR', rows: source.rows, columns: source.columns, frames: 1, frameOfReferenceUid: null, geometry: noGeometry,
    elements: { '00080020': '20260102', '00080030': '093000', '00080201': '+0100', '00080080': 'Sample Hospital', '00080090': 'Referrer^One', '00100010': 'Sample^Alpha', '00100020': 'S-0001' }, ...more,
  }));
}

/** A picture of slopes and a few frames, so that no two are the same. */
export function samplePictures({ keyImages }: Report, side = 96): ReportPictures {
  return { images: [], keyImages: keyImages.map(({ id }: KeyImage, i): KeyPicture => ({ id, drawn: slope(2 * side, i) })) };
}

function slope(side: number, turn: number): Bitmap {
  const data = new Uint8Array(4 * side * side).fill(255);
  const [from, to] = [Math.round(side * 0.3), Math.round(side * 0.6)];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const grey = Math.round((200 * (turn % 2 === 0 ? x : y)) / side);
      const isEdge = x >= from && x <= to && y >= from && y <= to && (x === from || x === to || y === from || y === to);
      data.set(isEdge ? [76, 201, 255] : [grey, grey, grey], 4 * (y * side + x));
    }
  }
  return { width: side, height: side, data };
}

/** A report that fills some forty pages: many questions, steps, measurements and pictures. */
export function longReport(): Report {
  const base = sampleReport();
  const [question] = base.questions;
  const [measurement] = base.measurements;
  const [image] = base.keyImages;
  if (!question || !measurement || !image) throw new Error('the sample report lacks its parts');
  return {
    ...base,
    questions: Array.from({ length: 12 }, (_, i) => ({
      ...question, id: `q${i + 1}`,
      steps: Array.from({ length: 16 }, (__, at) => {
        const step = steps[at % steps.length] as ReportStep;
        return { ...step, id: `q${i + 1}s${at + 1}`, text: `${step.text} ${'The lung above it is clear, its vessels can be followed, and the mediastinum stands in the middle. '.repeat(1 + (at % 4))}`.trim() };
      }),
    })),
    measurements: Array.from({ length: 120 }, (_, i) => ({ ...measurement, id: `m${i + 1}`, label: `Height ${i + 1}`, tracking: `m${i + 1}` })),
    keyImages: Array.from({ length: 40 }, (_, i) => ({ ...image, id: `k${i + 1}`, caption: `View ${i + 1}` })),
  };
}

/** UIDs, dates and names are other ones, always the same. */
export const sampleMapping = mappingOf((text) => new Uint8Array(createHash('sha256').update(`sample ${text}`).digest()));

/** A copy without who it is about, whose texts were looked at and left as they are. */
export function releasedSample(report: Report, images: readonly SourceImage[] = sampleImages(report)): Released {
  const texts = suspectTexts(report, images, sampleMapping).map(({ path, text }) => ({ path, was: text, text }));
  return released(report, images, { mapping: sampleMapping, texts, key: report.signature ? key : null });
}

export const withoutSubject = (report: Report): Report => releasedSample(report).report;
