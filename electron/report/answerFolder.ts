/** What `loupe review --out` left, read as an answer that can be reported: its trace, its pictures and the way to its source. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { modelRoot } from '#electron/audit/record.ts';
import { Sha256, type StudyDetail } from '#electron/contract/library.ts';
import { Override, type Trace } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import { Finding } from '#models/clinical/finding.ts';
import { ReasoningStep } from '#models/clinical/trace.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import type { KeptRecord } from './compose.ts';
import type { ReportSources } from './gather.ts';

const size = z.object({ width: z.number().positive(), height: z.number().positive() });
const affine = z.object({ xx: z.number(), xy: z.number(), x0: z.number(), yx: z.number(), yy: z.number(), y0: z.number() });
const files = z.array(z.object({ name: z.string().max(1000), sha256: Sha256 })).max(5000);

/** `loupe.trace/1`, as far as a report needs it. */
const Recorded = z.object({
  format: z.literal('loupe.trace/1'),
  question: z.string().max(4000),
  answer: z.string().nullable(),
  confidence: z.object({ value: z.number(), method: z.string() }).nullable(),
  parsed: z.boolean(),
  steps: z.array(ReasoningStep).max(1000),
  findings: z.array(Finding).max(10_000),
  flags: z.array(z.object({ code: z.string(), detail: z.string() })),
  source: z.object({
    kind: z.enum(['picture', 'pictures', 'dicom', 'series', 'slide']), title: z.string(), modality: z.string().nullable(), path: z.string().optional(), available: z.number(), selection_rule: z.string().optional(),
    frames: z.array(z.object({
      name: z.string(), file: z.string(), frame: z.number().int().nonnegative(), width: z.number().int().positive(), height: z.number().int().positive(), window: z.string().nullable(), shown: size, to_source: affine,
      spacing_mm: z.tuple([z.number(), z.number()]).nullable(), resized: size.optional(), pixels_sha256: Sha256,
    })).min(1).max(64),
    files,
  }),
  model: z.object({ name: z.string(), family: z.string(), box_convention: z.string(), files }),
  prompt: z.object({ sha256: Sha256 }),
  sampling: z.object({ temperature: z.number(), topP: z.number(), topK: z.number(), seed: z.number(), max_new_tokens: z.number() }),
  completion: z.object({ text: z.string(), tokens: z.array(z.number()), end: z.string() }),
  machine: z.object({ device: z.string(), runtime: z.string(), platform: z.string(), loupe: z.string() }),
  timing: z.record(z.string(), z.number().nullable()),
  /** Where it is on record, if it is. */
  kept: z.string().max(64).optional(),
  asked_at: z.string().max(40).optional(),
  override: Override.optional(),
});

export interface AnswerFolder {
  readonly trace: Trace;
  /** As far as the folder alone tells; nobody's name is in it. */
  readonly detail: StudyDetail;
  readonly record: KeptRecord;
  readonly shown: ReportSources['shown'];
  /** The name of each source file by its hash, and where they lay when the question was asked. */
  readonly files: ReadonlyMap<string, string>;
  readonly sourcePath: string | null;
}

export const traceFile = 'trace.json';
/** The picture of one view, from 1, as the model was shown it. */
export const pictureFile = (number: number): string => `picture-${number}.png`;
export const isAnswerFolder = (path: string): boolean => existsSync(join(path, traceFile));

const mostBytes = 200_000_000;

/** @throws Fault `report.folder` */
export function readAnswerFolder(folder: string): AnswerFolder {
  const path = join(folder, traceFile);
  const recorded = parse(path);
  const { source, model } = recorded;
  const idOf = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hashes = new Map(source.files.map(({ name, sha256 }) => [name, sha256]));
  const studyId = idOf(source.files.map(({ sha256 }) => sha256).join()).slice(0, 24);
  const id = recorded.kept ?? `answer-${idOf(readFileSync(path, 'utf8')).slice(0, 24)}`;
  const askedAt = recorded.asked_at ?? statSync(path).mtime.toISOString();
  const frames = source.frames.map((frame) => ({ ...frame, sha256: hashes.get(frame.file) ?? fail(path, `It does not tell the hash of ${frame.file}.`) }));
  const views = frames.map(({ sha256, frame, name, window, shown, width, height, resized, pixels_sha256 }): Trace['views'][number] => ({
    view: source.kind === 'slide' ? { kind: 'slide', slideId: sha256, region: regionOf(frames.find((one) => one.name === name)) } : { kind: 'frame', frameId: `${sha256}-${frame}`, window: null },
    name, window, shown, source: { width, height }, resized: resized ?? shown, pixelsSha256: pixels_sha256,
  }));
  const trace: Trace = {
    id, studyId, askedAt, question: recorded.question, views, raw: recorded.completion.text, parsed: recorded.parsed, steps: recorded.steps, findings: recorded.findings, answer: recorded.answer, flags: recorded.flags,
    confidence: recorded.confidence, end: recorded.completion.end === 'stop' ? 'stop' : 'length', tokens: recorded.completion.tokens.length,
    model: { name: model.name, family: model.family, device: recorded.machine.device, weightsSha256: model.files.map(({ sha256 }) => sha256) },
    ...(recorded.override ? { override: recorded.override } : {}), ...(source.selection_rule === 'spread' ? { selection: { rule: 'spread' as const, of: source.available } } : {}),
    timing: { firstTokenMs: recorded.timing.first_token_ms ?? null, totalMs: recorded.timing.answered_ms ?? 0, tokensPerSecond: recorded.timing.tokens_per_second ?? 0 },
  };
  const weights = model.files.map(({ name, sha256 }) => ({ name, bytes: 0, sha256 }));
  return {
    trace, detail: detailOf({ studyId, recorded, frames, askedAt }), files: new Map(source.files.map(({ name, sha256 }) => [sha256, name])), sourcePath: source.path ?? null,
    record: {
      id, place: null,
      record: {
        model: { name: model.name, family: model.family, boxes: model.box_convention, files: weights, root: modelRoot(weights) }, software: { name: 'loupe', version: recorded.machine.loupe, build: '' }, machine: recorded.machine,
        prompt: recorded.prompt, sampling: { ...recorded.sampling, maxNewTokens: recorded.sampling.max_new_tokens },
      },
    },
    async shown({ place }) {
      const at = frames.findIndex(({ sha256, frame }) => sha256 === place.source && frame === place.frame);
      const name = join(folder, pictureFile(at + 1));
      const frame = frames[at];
      if (!frame || !existsSync(name)) throw new Fault({ code: 'report.folder', what: 'A picture of the answer is missing.', why: `${name} is not there.`, mend: 'Ask again with loupe review --out.' });
      return { picture: await decodePicture(new Uint8Array(readFileSync(name)), name), toSource: frame.to_source };
    },
  };
}

function parse(path: string): z.infer<typeof Recorded> {
  let value: unknown;
  try {
    if (statSync(path).size > mostBytes) fail(path, 'It is too large to be an answer.');
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    return fail(path, cause instanceof Error ? cause.message : String(cause));
  }
  const parsed = Recorded.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return fail(path, `${issue?.path.join('.') || 'It'}: ${issue?.message ?? 'it is not as it was written'}.`);
}

function fail(path: string, why: string): never {
  throw new Fault({ code: 'report.folder', what: `${path} cannot be reported.`, why, mend: 'Give the folder that loupe review --out wrote.' });
}

type RecordedFrame = z.infer<typeof Recorded>['source']['frames'][number];

/** The rectangle of the slide that a picture shows. */
function regionOf(frame: RecordedFrame | undefined): { x: number; y: number; width: number; height: number } | null {
  if (!frame) return null;
  const { to_source: { xx, yy, x0, y0 }, shown } = frame;
  const region = { x: x0, y: y0, width: xx * shown.width, height: yy * shown.height };
  return region.width > 0 && region.height > 0 && (region.width < frame.width - 1 || region.height < frame.height - 1) ? region : null;
}

function detailOf({ studyId, recorded: { source }, frames, askedAt }: {
  readonly studyId: string; readonly recorded: z.infer<typeof Recorded>; readonly frames: readonly (RecordedFrame & { readonly sha256: string })[]; readonly askedAt: string;
}): StudyDetail {
  const isSlide = source.kind === 'slide';
  const kind = isSlide ? 'slide' : source.kind === 'dicom' || source.kind === 'series' ? 'radiology' : 'picture';
  const modality = source.modality ?? (isSlide ? 'SM' : 'IMG');
  const [first] = frames as [RecordedFrame & { readonly sha256: string }];
  return {
    study: {
      id: studyId, kind, patient: '', patientId: '', birthDate: null, sex: null, date: null, description: source.title, accession: '', modalities: [modality], series: 1, images: source.available, files: source.files.length, bytes: 0,
      status: 'asked', isSample: false, addedAt: askedAt, cover: null, question: null,
    },
    files: source.files.map(({ name, sha256 }) => ({ name, sha256, bytes: 0 })), statements: [],
    series: [{
      id: studyId, kind: isSlide ? 'slide' : kind === 'picture' ? 'picture' : 'stack', modality, description: source.title, frameOfReference: null, sliceSpacingMm: null, statements: [],
      frames: isSlide ? [] : frames.map(({ sha256, frame, file, width, height, spacing_mm }) => ({
        id: `${sha256}-${frame}`, name: file, rows: height, columns: width, instanceNumber: null, alongMm: null,
        geometry: { spacingMm: spacing_mm, spacingSource: spacing_mm ? 'PixelSpacing' as const : 'none' as const, positionMm: null, orientation: null },
      })),
      slide: isSlide ? { id: first.sha256, width: first.width, height: first.height, mpp: null, mppSource: '', levels: [] } : null,
    }],
  };
}
