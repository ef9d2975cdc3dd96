/** A question about a source: every chosen picture is asked about, one answer is taken, and all that led to it is written down. */

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { firstLocatable, isNegative, locatingQuestion, sentenceAt } from '#electron/contract/locate.ts';
import type { Flag, Override } from '#electron/contract/review.ts';
import type { Finding } from '#models/clinical/finding.ts';
import type { ReasoningStep, ReasoningTrace } from '#models/clinical/trace.ts';
import { stepsSoFar } from '#models/language/parse.ts';
import { probe, type Probe, type ProbeView } from '#models/probe.ts';
import { confidenceOf, type Answer, type AskOptions, type Confidence, type Reasoner } from '#models/reasoner.ts';
import { runtimeVersion } from '#models/runtime/device.ts';
import { greedy, type Sampling } from '#models/runtime/sampler.ts';
import { concernsOf } from './concerns.ts';
import { factFlags } from './facts.ts';
import { lateralityFlags } from './laterality.ts';
import { blockingFlags, outOfScope, overrideFlag, readScope, scopeFlags } from './scope.ts';
import { boxToSource, sha256OfFile, type OpenedSource, type ShownFrame } from './source.ts';

export interface ReviewOptions {
  readonly sampling?: Sampling;
  readonly maxNewTokens?: number;
  readonly probes?: boolean;
  /** Asks a second time, for the place alone, where the answer says that something is there and cites no box. */
  readonly locates?: boolean;
  /** Why it is asked although no picture lies within what the model was trained on. */
  readonly override?: Override;
  readonly signal?: AbortSignal;
  /** The frame that is asked about next. */
  readonly onFrame?: (index: number, frame: ShownFrame) => void;
  /** Raw text as it is written. */
  readonly onText?: (text: string) => void;
  /** A step as soon as it is finished. */
  readonly onStep?: (step: Pick<ReasoningStep, 'kind' | 'text'>) => void;
}

/** One picture's answer, with its boxes in pixels of the picture that the model was shown. */
export interface FrameReview {
  readonly answer: Answer;
  readonly confidence: Confidence | null;
}

export interface Review {
  readonly frames: readonly FrameReview[];
  /** Which frame's answer is taken. */
  readonly chosen: number;
  readonly rule: string;
  readonly probe: Probe | null;
  /** What a second question gave; null where none was asked. */
  readonly located: Located | null;
  /** What a reader should know of the answer and its picture, beside what the reader of completions has flagged. */
  readonly flags: readonly Flag[];
  /** The reason that was given, where one was needed. */
  readonly override: Override | null;
  readonly firstTokenMs: number | null;
}

/** The answer to a second question about the chosen picture: where is what that step says? */
export interface Located {
  readonly step: number;
  readonly question: string;
  readonly answer: Answer;
}

/**
 * Asks about every frame of the source, in order.
 *
 * @throws Fault `review.scope`, `review.unstated` where every one of them lies outside of what the model was trained on, and no reason was given
 */
export async function review(reasoner: Reasoner, source: OpenedSource, question: string, options: ReviewOptions = {}): Promise<Review> {
  const { sampling = greedy, maxNewTokens = 512, signal, onFrame, onText, onStep } = options;
  const asking: AskOptions = { sampling, maxNewTokens, ...(signal ? { signal } : {}) };
  const start = performance.now();
  const scope = readScope(reasoner.checkpoint.folder);
  const known = source.frames.map(({ placement, picture }) => [...scopeFlags(scope, question, [source.kind === 'slide' ? undefined : placement ?? null]), ...concernsOf([], [picture])]);
  const against = known.map(blockingFlags);
  const isOutside = against.every((flags) => flags.length > 0);
  if (isOutside && !options.override) {
    throw outOfScope(against.flat(), {
      'review.scope': 'Ask about another image, or say why it should be asked all the same: --override "…".', 'review.unstated': 'If it is one of these, say so: --override "It is a chest film."',
    });
  }
  const override = isOutside ? options.override ?? null : null;
  let firstTokenMs: number | null = null;
  const frames: FrameReview[] = [];
  for (const [index, frame] of source.frames.entries()) {
    onFrame?.(index, frame);
    let text = '';
    let told = 0;
    const answer = await reasoner.ask({ frames: [frame.picture], question }, {
      ...asking,
      onToken(piece) {
        firstTokenMs ??= performance.now() - start;
        text += piece;
        onText?.(piece);
        if (!onStep || !/[\n>]/.test(piece)) return;
        for (const step of stepsSoFar(text).slice(told)) {
          told++;
          onStep(step);
        }
      },
    });
    if (answer.end === 'aborted') signal?.throwIfAborted();
    frames.push({ answer, confidence: confidenceOf(answer, reasoner.tokenizer) });
  }
  const { chosen, rule } = chooseFrame(frames);
  const result = frames[chosen] as FrameReview;
  const picture = (source.frames[chosen] as ShownFrame).picture;
  const found = options.probes === true ? await probe(reasoner, { frames: [picture], question }, result.answer, asking) : null;
  const { trace } = result.answer;
  const step = options.locates === true ? firstLocatable(trace) : null;
  const where = step === null ? null : locatingQuestion(sentenceAt({ ...trace, question }, step), scope?.locates ?? []);
  const located = step === null || where === null ? null : { step, question: where, answer: await reasoner.ask({ frames: [picture], question: where }, asking) };
  const { placement = null, source: size } = source.frames[chosen] as ShownFrame;
  const inSource = findingsInSource(trace, source.frames[chosen] as ShownFrame, 0);
  const flags = [
    ...(override ? [overrideFlag(override)] : []), ...known[chosen] ?? [], ...concernsOf(trace.findings, [picture]).filter(({ code }) => code.startsWith('box.')), ...lateralityFlags({ ...trace, findings: inSource, question }, [{ source: size, placement }]), ...factFlags(trace, []),
  ];
  return { frames, chosen, rule, probe: found, located, flags, override, firstTokenMs };
}

/**
 * Which slice speaks for the series: what one slice shows is there even if the others do not show it, so of the answers that find something the most confident
 * is taken, and of those that find nothing the most confident only where all find nothing.
 */
export function chooseFrame(frames: readonly Pick<FrameReview, 'answer' | 'confidence'>[]): { readonly chosen: number; readonly rule: string } {
  if (frames.length === 1) return { chosen: 0, rule: 'There is one picture.' };
  const rank = ({ answer, confidence }: Pick<FrameReview, 'answer' | 'confidence'>): number => {
    const { answer: text } = answer.trace;
    return (text === null ? 0 : isNegative(text) ? 1 : 2) + (confidence?.value ?? 0) * 0.999;
  };
  const ranks = frames.map(rank);
  const top = Math.max(...ranks);
  const found = ranks.filter((value) => value >= 2).length;
  const rule = found > 0
    ? `Each picture was asked about on its own. ${found} of ${frames.length} answers find something; of these the most confident is given.`
    : `Each picture was asked about on its own. No answer finds anything; the most confident is given.`;
  return { chosen: ranks.indexOf(top), rule };
}

export interface ReviewRecordInput {
  readonly source: OpenedSource;
  /** Where it lies, and when it was asked about: for whoever makes a report of it. */
  readonly path: string;
  readonly askedAt: string;
  readonly question: string;
  readonly review: Review;
  readonly reasoner: Reasoner;
  readonly sampling: Sampling;
  readonly maxNewTokens: number;
  readonly version: string;
  readonly timing: Readonly<Record<string, number | null>>;
}

/**
 * Everything that led to the answer, as one JSON value: enough for a stranger to repeat it and to see that nothing was exchanged.
 * Boxes are in pixels of the stored source.
 */
export async function reviewRecord({ source, path, askedAt, question, review: { frames, chosen, rule, probe: probed, located, flags, override }, reasoner, sampling, maxNewTokens, version, timing }: ReviewRecordInput) {
  const { answer, confidence } = frames[chosen] as FrameReview;
  const { trace } = answer;
  const shown = source.frames[chosen] as ShownFrame;
  const { checkpoint, engine } = reasoner;
  const weightFiles = [...new Set([...checkpoint.tensors.values()].map(({ file }) => file))].sort();
  return {
    format: 'loupe.trace/1',
    disclaimer: 'Research use only, not a medical device.',
    question,
    asked_at: askedAt,
    answer: trace.answer,
    confidence,
    parsed: trace.parsed,
    steps: trace.steps,
    findings: findingsInSource(trace, shown, chosen),
    flags: [...trace.flags, ...flags],
    ...(override === null ? {} : { override }),
    ...(located === null ? {} : {
      located: {
        origin: 'second question', step: located.step, question: located.question, answer: located.answer.trace.answer, parsed: located.answer.trace.parsed,
        findings: findingsInSource(located.answer.trace, shown, chosen), flags: located.answer.trace.flags, text: located.answer.text, tokens: located.answer.tokens, logprobs: located.answer.logProbabilities.map(round6), end: located.answer.end,
      },
    }),
    ...(frames.length > 1 ? {
      chosen: { frame: chosen, rule },
      frames: frames.map((frame, i) => ({
        name: (source.frames[i] as ShownFrame).name, answer: frame.answer.trace.answer, confidence: frame.confidence?.value ?? null,
        findings: findingsInSource(frame.answer.trace, source.frames[i] as ShownFrame, i), text: frame.answer.text, tokens: frame.answer.tokens,
        logprobs: frame.answer.logProbabilities.map(round6),
      })),
    } : {}),
    probe: probed === null ? null : probeRecord(probed, shown),
    source: {
      kind: source.kind, title: source.title, modality: source.modality, selection: source.selection, selection_rule: source.frames.length < source.available ? 'spread' : 'all', path, available: source.available, statements: source.statements,
      frames: source.frames.map((frame, i) => ({
        name: frame.name, file: basename(frame.file), frame: frame.frame, width: frame.source.width, height: frame.source.height, window: frame.window,
        spacing_mm: frame.spacingMm, shown: { width: frame.picture.width, height: frame.picture.height }, to_source: frame.toSource,
        resized: (frames[i] as FrameReview).answer.inputs.images[0]?.resized, grid_thw: (frames[i] as FrameReview).answer.inputs.images[0]?.gridThw,
        pixels_sha256: sha256Of((frames[i] as FrameReview).answer.inputs.patches[0] ?? new Float32Array(0)),
      })),
      files: await hashes(source.files),
    },
    model: {
      name: basename(checkpoint.folder), family: engine.config.family, box_convention: reasoner.convention, files: await hashes(weightFiles),
      tokenizer_sha256: sha256Of(JSON.stringify(checkpoint.tokenizer)), config_sha256: sha256Of(JSON.stringify(checkpoint.config)),
    },
    prompt: { input_ids: answer.inputs.ids, sha256: sha256Of(Int32Array.from(answer.inputs.ids)), template_sha256: sha256Of(checkpoint.chatTemplate ?? '') },
    sampling: { ...sampling, max_new_tokens: maxNewTokens },
    completion: { text: answer.text, tokens: answer.tokens, logprobs: answer.logProbabilities.map(round6), end: answer.end },
    machine: { device: engine.device, runtime: await runtimeVersion(), node: process.version, platform: `${process.platform} ${process.arch}`, loupe: version },
    timing,
  };
}

const round6 = (x: number): number => Math.round(x * 1e6) / 1e6;

/** SHA-256 of the bytes, in hexadecimal; numbers in this machine's little-endian order. */
const sha256Of = (data: string | Float32Array | Int32Array): string =>
  createHash('sha256').update(typeof data === 'string' ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest('hex');

const hashes = (files: readonly string[]): Promise<readonly { name: string; sha256: string }[]> =>
  Promise.all(files.slice(0, 1000).map(async (file) => ({ name: basename(file), sha256: await sha256OfFile(file) })));

const findingsInSource = ({ findings }: Pick<ReasoningTrace, 'findings'>, frame: ShownFrame, index: number): readonly Finding[] =>
  findings.map(({ label, boxes }) => ({ label, frame: index, boxes: boxes.map((box) => rounded(boxToSource(frame, box))) }));

const rounded = (box: Finding['boxes'][number]): Finding['boxes'][number] =>
  ({ x1: round2(box.x1), y1: round2(box.y1), x2: round2(box.x2), y2: round2(box.y2) });
const round2 = (x: number): number => Math.round(x * 100) / 100;

function probeRecord({ original, hidden, control, hiddenBoxes, controlBoxes, hiddenShare, controlOverlap, effect }: Probe, frame: ShownFrame) {
  const view = ({ answer, answerLogProbability }: ProbeView) => ({ answer, answer_logprob: round6(answerLogProbability) });
  return {
    original: view(original), hidden: view(hidden), control: view(control), effect_nats: round6(effect), hidden_share: round6(hiddenShare), control_overlap: round6(controlOverlap),
    hidden_boxes: hiddenBoxes.map((box) => rounded(boxToSource(frame, box))), control_boxes: controlBoxes.map((box) => rounded(boxToSource(frame, box))),
  };
}

/** The probe in a few words. */
export function probeSentence({ original, hidden, control, hiddenShare, effect }: Probe): string {
  const verdict = effect > 0.5 ? 'The answer stands on the cited boxes.' : effect < -0.5 ? 'Other regions matter more than the cited boxes.' : 'The cited boxes hardly matter to the answer.';
  const flips = hidden.answer !== original.answer ? ` Asked anew without them, the model answers otherwise${hidden.answer === null || /^\[|.{61}/.test(hidden.answer) ? '' : `: ${hidden.answer}`}.` : '';
  return `Hiding the cited boxes (${formatPercent(hiddenShare)} of the picture) makes the answer ${likelihood(hidden, original)}; hiding as much elsewhere, ${likelihood(control, original)}. ${verdict}${flips}`;
}

/** How much likelier or less likely the answer has become, in words. */
function likelihood(now: ProbeView, before: ProbeView): string {
  const change = now.answerLogProbability - before.answerLogProbability;
  if (Math.abs(change) < 0.05) return 'as likely as before';
  const times = Math.exp(Math.abs(change));
  return `${times >= 1000 ? 'over 1000' : times >= 10 ? times.toFixed(0) : times.toFixed(1)} times ${change < 0 ? 'less likely' : 'likelier'}`;
}

export const formatPercent = (share: number): string => (share < 0.001 ? '< 0.1 %' : share < 0.0995 ? `${(100 * share).toFixed(1)} %` : `${Math.round(100 * share)} %`);
