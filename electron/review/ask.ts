/** Puts a question to the model about what a person looks at, tells how the answer grows, and keeps it. */
import { randomUUID } from 'node:crypto';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Publish } from '#electron/contract/events.ts';
import { isLocatable, locatingQuestion, sentenceAt } from '#electron/contract/locate.ts';
import { Trace, type AskedView, type Drawn, type Flag, type Origin, type Question, type SeenView } from '#electron/contract/review.ts';
import type { StudyDetail, StudyStatus } from '#electron/contract/library.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import type { Finding } from '#models/clinical/finding.ts';
import type { StepKind } from '#models/clinical/trace.ts';
import { mapBox, type Affine } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Placement } from '#models/imaging/sides.ts';
import type { Answer, Ask, AskOptions, Confidence } from '#models/reasoner.ts';
import { greedy, type Sampling } from '#models/runtime/sampler.ts';
import { concernsOf } from './concerns.ts';
import { factFlags } from './facts.ts';
import { lateralityFlags } from './laterality.ts';
import { promptOf, type PromptView } from './prompt.ts';
import { blockingFlags, outOfScope, overrideFlag, readScope, scopeFlags } from './scope.ts';
import { sha256OfFile } from './source.ts';
import { stoppable } from './stoppable.ts';

/** The picture that a view becomes, and the way back to its source. */
export interface AskedPicture {
  readonly picture: Picture;
  readonly toSource: Affine;
  readonly source: { readonly width: number; readonly height: number };
  readonly window: string | null;
  /** How it lies in the patient; absent or null where its file is none that could say so. */
  readonly placement?: Placement | null;
}

export interface OpenModel {
  readonly folder: string;
  readonly family: string;
  readonly device: string;
  readonly weightFiles: readonly string[];
  /** How it writes boxes, and what computes it: for the record. */
  readonly convention?: string;
  readonly runtime?: string;
}

/** An answer with everything that it came from, before anybody sees it. */
export interface AnsweredQuestion {
  readonly askId: string;
  readonly trace: Trace;
  readonly given: Answer;
  readonly model: OpenModel;
  readonly pictures: readonly AskedPicture[];
  readonly maxNewTokens: number;
}

/** What answers: the inference process, in the workstation. */
export interface Model {
  /** Opens the chosen model, or gives the one that is open. */
  opened(): Promise<OpenModel>;
  /** What its process takes, bytes. */
  memory?(): Promise<number | null>;
  sample(ask: Ask, samples: number, options: Omit<AskOptions, 'onToken'> & {
    readonly onWritten: (written: { readonly text: string; readonly steps: readonly { readonly kind: StepKind; readonly text: string }[] }) => void;
  }): Promise<readonly (Answer & { readonly confidence: Confidence | null })[]>;
}

export interface ReviewOptions {
  readonly folder: string;
  readonly model: Model;
  readonly publish: Publish;
  readonly now: () => string;
  readonly study: (studyId: string) => Promise<StudyDetail>;
  readonly picture: (view: AskedView) => Promise<AskedPicture>;
  readonly setStatus: (studyId: string, status: StudyStatus) => void;
  /** Puts the answer on record; where that fails, there is no answer. */
  readonly answered?: (answer: AnsweredQuestion) => Promise<void>;
}

export interface Reviews {
  ask(question: Question & { readonly askId: string }): Promise<Trace>;
  /** Asks where it is that a step of a kept answer speaks of: once for each of its pictures. @throws Fault `review.locate` where there is nothing to ask for */
  locate(step: { readonly askId: string; readonly traceId: string; readonly step: number }): Promise<readonly Trace[]>;
  stop(askId: string): void;
  traces(studyId: string): readonly Trace[];
  /** Of every study, the oldest first within each. */
  all(): readonly Trace[];
  close(): void;
}

export function openReviews({ folder, model, publish, now, study, picture, setStatus, answered }: ReviewOptions): Reviews {
  const journal = openJournal(join(folder, 'traces.jsonl'), (value) => Trace.parse(value));
  const traces = new Map<string, Trace[]>();
  const keep = (trace: Trace): void => void traces.set(trace.studyId, [...traces.get(trace.studyId) ?? [], trace]);
  journal.entries.forEach(keep);
  const questions = stoppable({
    twice: { code: 'review.twice', what: 'The question was asked already.', why: 'It is being answered.', mend: 'Wait for the answer, or stop it.' },
    stopped: { code: 'review.stopped', what: 'The question was stopped.', why: 'It was stopped before the model began to write.', mend: 'Ask again when you like.' },
  });
  const weights = weightHashes();

  const answer = async ({ askId, studyId, question, views, maxNewTokens, selection, facts = [], origin, override, drawn }: Question & { readonly askId: string; readonly origin?: Origin }, signal: AbortSignal): Promise<Trace> => {
    const start = performance.now();
    publish('review.part', { askId, phase: 'loading', text: '', steps: [], tokensPerSecond: null });
    const own = await study(studyId);
    const details = await Promise.all(views.map(async (view) => (view.studyId === undefined || view.studyId === studyId ? own : study(view.studyId))));
    const names = views.map((view, i) => viewName(details[i] as StudyDetail, view));
    const [opened, pictures] = await Promise.all([model.opened(), Promise.all(views.map(picture))]);
    signal.throwIfAborted();
    const placed = views.map((_, i): PromptView => slotOf(own, details[i] as StudyDetail, pictures[i] as AskedPicture, names[i] as string));
    const prompt = promptOf(question, placed, facts);
    const shownPictures = pictures.map((one) => one.picture);
    // What is known before the model has said anything is told before it says anything.
    const known = [...scopeFlags(readScope(opened.folder), question, pictures.map(({ placement }, i) => (isOfKnownKind(details[i] as StudyDetail) ? placement ?? undefined : placement))), ...concernsOf([], shownPictures)];
    const against = isDrawnByUs(details) ? [] : blockingFlags(known);
    if (against.length > 0 && !override) throw outOfScope(against);
    const overridden = against.length > 0 ? override : undefined;
    const notes: readonly Flag[] = [...(overridden ? [overrideFlag(overridden)] : []), ...known];
    publish('review.part', { askId, phase: 'looking', text: '', steps: [], tokensPerSecond: null, notes: [...notes] });
    let text = '';
    let pieces = 0;
    let firstMs: number | null = null;
    const [given] = await model.sample({ frames: shownPictures, question: prompt }, 1, {
      maxNewTokens, signal, ...(drawn ? { sampling: samplingOf(drawn) } : {}),
      onWritten({ text: piece, steps }) {
        // What is still on its way when a person stops is no more shown; all of it is kept.
        if (signal.aborted) return;
        firstMs ??= performance.now() - start;
        text += piece;
        pieces++;
        const seconds = (performance.now() - start - firstMs) / 1000;
        publish('review.part', { askId, phase: 'writing', text, steps: steps.map(({ kind, text: sentence }) => ({ kind, text: sentence })), tokensPerSecond: seconds > 0.2 ? pieces / seconds : null, notes: [...notes] });
      },
    });
    if (!given) throw new Error('The model gave no answer.');
    const { trace } = given;
    const seen = views.map((view, i): SeenView => {
      const { source, window, picture: shown } = pictures[i] as AskedPicture;
      return {
        view, name: names[i] as string, window, ...(views.length < 2 && placed[i]?.slot === 'current' ? {} : { slot: (placed[i] as PromptView).slot }), shown: { width: shown.width, height: shown.height }, source,
        resized: { width: given.inputs.images[i]?.resized.width ?? shown.width, height: given.inputs.images[i]?.resized.height ?? shown.height },
        pixelsSha256: hashOf(given.inputs.patches[i] ?? new Float32Array(0)),
      };
    });
    const findings = trace.findings.map((finding) => inSource(finding, pictures));
    const flags: readonly Flag[] = [
      ...notes, ...trace.flags, ...concernsOf(trace.findings, shownPictures).filter(({ code }) => code.startsWith('box.')),
      ...lateralityFlags({ ...trace, findings, question }, pictures.map(({ source, placement }) => ({ source, placement: placement ?? null }))), ...factFlags(trace, facts),
    ];
    const finished: Trace = {
      id: randomUUID(), studyId, askedAt: now(), question, views: seen, raw: trace.raw === '' ? given.text : trace.raw, parsed: trace.parsed, steps: trace.steps,
      findings, answer: trace.answer, flags: [...flags],
      confidence: given.confidence && { value: given.confidence.value, method: given.confidence.method },
      end: given.end === 'aborted' ? 'stopped' : given.end === 'stop' ? 'stop' : 'length',
      model: { name: basename(opened.folder), family: opened.family, device: opened.device, weightsSha256: [...await weights(opened.weightFiles)] },
      tokens: given.tokens.length, timing: { firstTokenMs: firstMs, totalMs: performance.now() - start, tokensPerSecond: given.timing.tokensPerSecond },
      ...(model.memory ? { memoryBytes: await model.memory().catch(() => null) } : {}), ...(prompt === question ? {} : { prompt }), ...(selection ? { selection } : {}), ...(facts.length > 0 ? { facts: [...facts] } : {}), ...(origin ? { origin } : {}),
      ...(overridden ? { override: overridden } : {}), ...(drawn ? { drawn } : {}),
    };
    await answered?.({ askId, trace: finished, given, model: opened, pictures, maxNewTokens });
    return finished;
  };

  /** One question after the other under one name, by which all of them are stopped. */
  const asked = (askId: string, all: readonly (Question & { readonly origin?: Origin })[]): Promise<readonly Trace[]> => questions.run(askId, async (signal) => {
    const given: Trace[] = [];
    for (const question of all) {
      if (given.length > 0 && signal.aborted) break;
      const trace = await answer({ ...question, askId }, signal);
      journal.append(trace);
      keep(trace);
      given.push(trace);
    }
    return given;
  });

  return {
    async ask({ askId, ...question }) {
      const [trace] = await asked(askId, [question]);
      const { study: { status } } = await study(question.studyId);
      if (status === 'new') setStatus(question.studyId, 'asked');
      return trace as Trace;
    },
    async locate({ askId, traceId, step }) {
      const first = [...traces.values()].flat().find(({ id }) => id === traceId);
      if (!first || !isLocatable(first, step)) {
        throw new Fault({ code: 'review.locate', what: 'The place cannot be asked for.', why: first ? 'This sentence points at a place already, or says that nothing is there.' : 'This answer is not kept here.', mend: 'Choose a sentence that says that something is there.' });
      }
      const { folder: of } = await model.opened();
      const question = locatingQuestion(sentenceAt(first, step), readScope(of)?.locates ?? []);
      // Each picture by itself, so that nothing has to tell on which of them a box lies.
      return asked(askId, first.views.map(({ view }) => ({ studyId: first.studyId, question, views: [view], maxNewTokens: 512, origin: { kind: 'locate', traceId, step }, ...(first.override ? { override: first.override } : {}) })));
    },
    stop: questions.stop,
    traces: (studyId) => traces.get(studyId) ?? [],
    all: () => [...traces.values()].flat(),
    close() {
      questions.stopAll();
      journal.close();
    },
  };
}

/** As the sampler wants it: from all tokens. */
export const samplingOf = (drawn: Drawn | undefined): Sampling => (drawn ? { ...greedy, ...drawn } : greedy);

/** Slides show microscopy, whatever their files say. */
const isOfKnownKind = ({ study: { kind } }: StudyDetail): boolean => kind !== 'picture';
/** The sample studies are phantoms: there is nothing in them to be wrong about. */
const isDrawnByUs = (details: readonly StudyDetail[]): boolean => details.every(({ study: { isSample } }) => isSample);

/** The parser places every box on the first picture's scale; each belongs to the picture that its finding names. */
function inSource(finding: Finding, pictures: readonly AskedPicture[]): Finding {
  const shown = pictures[finding.frame] ?? pictures[0];
  if (!shown) return finding;
  return { ...finding, boxes: finding.boxes.map((box) => rounded(mapBox(shown.toSource, box))) };
}

const rounded = ({ x1, y1, x2, y2 }: Finding['boxes'][number]): Finding['boxes'][number] => ({ x1: round2(x1), y1: round2(y1), x2: round2(x2), y2: round2(y2) });
const round2 = (x: number): number => Math.round(x * 100) / 100;

/** What the picture is to the question: of this study or an earlier one, and of a film whether it was taken from the side. */
function slotOf(own: StudyDetail, { study: { id, date } }: StudyDetail, { placement }: AskedPicture, name: string): PromptView {
  const isOwn = id === own.study.id;
  const isLateral = isOwn && placement !== null && placement !== undefined && /^(?:LL|RL|LATERAL|LAT)$/.test(placement.viewPosition ?? '');
  return { name, slot: isOwn ? (isLateral ? 'lateral' : 'current') : 'prior', earlier: isOwn || date === null || own.study.date === null ? null : apart(own.study.date, date) };
}

/** `8 months earlier`, from dates as `2026-09-30`. */
function apart(date: string, before: string): string | null {
  const days = Math.round((Date.parse(date) - Date.parse(before)) / 86_400_000);
  if (!Number.isFinite(days)) return null;
  const [size, word] = Math.abs(days) < 60 ? [Math.abs(days), 'days'] as const : Math.abs(days) < 730 ? [Math.round(Math.abs(days) / 30.44), 'months'] as const : [Math.round(Math.abs(days) / 365.25), 'years'] as const;
  return `${size} ${word} ${days < 0 ? 'later' : 'earlier'}`;
}

function viewName({ series }: StudyDetail, view: AskedView): string {
  const part = view.region ? `region ${Math.round(view.region.width)} × ${Math.round(view.region.height)} at (${Math.round(view.region.x)}, ${Math.round(view.region.y)})` : null;
  const frameId = view.kind === 'frame' ? view.frameId : `${view.slideId}-0`;
  for (const { frames, kind } of series) {
    const at = frames.findIndex(({ id }) => id === frameId);
    if (at < 0) continue;
    const whole = view.kind === 'slide' ? 'slide' : frames.length === 1 ? 'image' : `${kind === 'stack' ? 'slice' : 'image'} ${at + 1} of ${frames.length}`;
    return part === null ? (frames.length === 1 ? `whole ${whole}` : whole) : frames.length === 1 ? part : `${part} of ${whole}`;
  }
  throw new Fault({ code: 'review.view', what: 'The question cannot be asked.', why: 'One of its images does not belong to the study.', mend: 'Open the study again and ask once more.' });
}

const hashOf = (data: Float32Array): string => createHash('sha256').update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest('hex');

/** Hashes of files that do not change while they keep their size and time. */
function weightHashes(): (files: readonly string[]) => Promise<readonly string[]> {
  const known = new Map<string, Promise<string>>();
  return (files) => Promise.all(files.map(async (file) => {
    const { size, mtimeMs } = await stat(file);
    const key = `${file}\0${size}\0${mtimeMs}`;
    const hash = known.get(key) ?? sha256OfFile(file);
    known.set(key, hash);
    return hash;
  }));
}
