/** Brings together what a report is made of: from the studies, the answers, what was judged, drawn and checked, and the audit's records. */
import type { Audit } from '#electron/audit/audit.ts';
import { fieldsOf, rootsOf } from '#electron/audit/fields.ts';
import { recordJson } from '#electron/audit/record.ts';
import type { StudyDetail, StudySummary } from '#electron/contract/library.ts';
import { priorsOf } from '#electron/contract/priors.ts';
import type { EvidenceCheck, Region, Trace, ViewWindow } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import type { ImagePlace, Report, ReportSection } from '#models/clinical/report.ts';
import type { ChosenChannel } from '#models/clinical/study.ts';
import type { Gathered, Judged, KeptRecord } from './compose.ts';
import type { SourceImage } from './formats/format.ts';
import { changesSince, frameIn, measurementsOf } from './measured.ts';
import type { Shown } from './pictures.ts';

/** Where a report gets what it says: other services, handed in. */
export interface ReportSources {
  study(studyId: string): Promise<StudyDetail>;
  studies(): readonly StudySummary[];
  traces(studyId: string): readonly Trace[];
  judged(traceId: string): Judged | undefined;
  checks(studyId: string): readonly EvidenceCheck[];
  annotations(studyId: string): readonly Annotation[];
  /** Stored values, as `encodeFrame` makes them. */
  values(frameId: string): Promise<Uint8Array>;
  /** What the header says of a frame; null where the file is no DICOM. */
  image(place: ImagePlace): Promise<SourceImage | null>;
  shown(view: { readonly place: ImagePlace; readonly window: ViewWindow | null; readonly region: Region | null; readonly channels?: readonly ChosenChannel[] | undefined }): Promise<Shown>;
  record(traceId: string): Promise<KeptRecord | null>;
  /** What checks of the images and other services have to say of a study and these answers about it; absent: nothing. */
  sections?(studyId: string, traceIds: readonly string[]): Promise<readonly ReportSection[]>;
}

export interface Wanted {
  readonly studyId: string;
  /** Null: those that were judged, or where none was, the last one. */
  readonly traceIds: readonly string[] | null;
  /** Null: the last earlier study of the same person. */
  readonly priorStudyId: string | null;
  /** Who draws and judges here. */
  readonly by: string;
}

/** @throws Fault `report.nothing`, and those of the sources */
export async function gather(sources: ReportSources, { studyId, traceIds, priorStudyId, by }: Wanted): Promise<Gathered> {
  const detail = await sources.study(studyId);
  // A second question about a step of a first one belongs to that one's answer.
  const all = sources.traces(studyId).filter((trace) => trace.origin === undefined);
  const judgedOnes = all.filter(({ id }) => sources.judged(id) !== undefined);
  const traces = traceIds ? traceIds.map((id) => known(all, id)) : judgedOnes.length > 0 ? judgedOnes : all.slice(-1);
  if (traces.length === 0) throw new Fault({ code: 'report.nothing', what: 'There is nothing to report.', why: 'Nobody has asked about this study yet.', mend: 'Ask a question about it, and judge the answer.' });
  const others = await Promise.all([...new Set(traces.flatMap(({ views }) => views.flatMap(({ view }) => view.studyId ?? [])))].filter((id) => id !== studyId).map(sources.study));
  const measuring = { detail, by, values: sources.values };
  const drawings = sources.annotations(studyId);
  const measurements = await measurementsOf(drawings, measuring);
  const marked = drawings.filter(({ kind, isHidden }) => kind === 'key' && !isHidden).map(({ frameId }) => placeOf(frameId)).filter(({ source, frame }) => frameIn(detail, `${source}-${frame}`) !== undefined);
  const places = unique([
    ...traces.flatMap(({ views }) => views.map(({ view }): ImagePlace => (view.kind === 'frame' ? placeOf(view.frameId) : { source: view.slideId, frame: 0 }))), ...measurements.map(({ place }) => place), ...marked,
  ]);
  const images = (await Promise.all(places.map(sources.image))).filter((image) => image !== null);
  const records = (await Promise.all(traces.map(({ id }) => sources.record(id)))).filter((record) => record !== null);
  const sections = await sources.sections?.(studyId, traces.map(({ id }) => id)) ?? [];
  const prior = sources.studies().find(({ id }) => id === priorStudyId) ?? priorsOf(detail.study, sources.studies())[0];
  return {
    detail, others, traces, judgements: traces.flatMap(({ id }) => sources.judged(id) ?? []), checks: sources.checks(studyId), records, measurements, marked, images, sections,
    hiddenMeasurements: drawings.filter(({ kind, isHidden, frameId }) => isHidden && kind !== 'key' && kind !== 'calibration' && frameIn(detail, frameId) !== undefined).length,
    prior: prior ? await priorOf(sources, prior, { measurements, by }) : null,
  };
}

async function priorOf(sources: ReportSources, study: StudySummary, { measurements, by }: Pick<Gathered, 'measurements'> & { readonly by: string }): Promise<Gathered['prior']> {
  const detail = await sources.study(study.id);
  const before = await measurementsOf(sources.annotations(study.id), { detail, by, values: sources.values });
  const frame = detail.series[0]?.frames[0];
  const image = frame ? await sources.image(placeOf(frame.id)) : null;
  return { study, studyUid: image?.studyInstanceUid ?? null, changes: [...changesSince(before, measurements)] };
}

/** Headers of the frames that a report speaks of. */
export async function imagesOf(report: Report, sources: Pick<ReportSources, 'image'>): Promise<readonly SourceImage[]> {
  const places = unique([...report.questions.flatMap(({ scope }) => scope), ...report.boxes, ...report.keyImages, ...report.measurements].map(({ place }) => place));
  return (await Promise.all(places.map(sources.image))).filter((image) => image !== null);
}

/** What the audit keeps of an answer; null where it keeps nothing. */
export function keptRecord(audit: Audit, traceId: string): KeptRecord | null {
  try {
    const { log, seq, story, record, secret } = audit.answer(traceId);
    return { id: traceId, record, place: { log, seq, story, root: rootsOf(fieldsOf(recordJson(record), secret)).root } };
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'audit.answer') return null;
    throw thrown;
  }
}

const placeOf = (frameId: string): ImagePlace => ({ source: frameId.slice(0, 64), frame: Number(frameId.slice(65)) });
const unique = (places: readonly ImagePlace[]): readonly ImagePlace[] => [...new Map(places.map((place) => [`${place.source}-${place.frame}`, place])).values()];

function known(traces: readonly Trace[], id: string): Trace {
  const trace = traces.find((one) => one.id === id);
  if (!trace) throw new Fault({ code: 'report.trace', what: 'The report cannot be composed.', why: 'One of the answers is not kept for this study.', mend: 'Open the study again and choose among its answers.' });
  return trace;
}
