/** `loupe review`: a question about a study, a slide or a picture; the reasoning streams, and a trace and an overlay stay. */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { openAudit } from '#electron/audit/audit.ts';
import { asJson, type JsonObject } from '#electron/audit/canonical.ts';
import { hashedFile, hashOf, modelFiles } from '#electron/audit/record.ts';
import { Override } from '#electron/contract/review.ts';
import { pictureFile, traceFile } from '#electron/report/answerFolder.ts';
import { drawOverlay, type OverlayInput } from '#electron/review/overlay.ts';
import { formatPercent, probeSentence, review, reviewRecord, type FrameReview, type Located, type Review } from '#electron/review/review.ts';
import { boxToSource, openSource, type OpenedSource, type ShownFrame, type SourceOptions } from '#electron/review/source.ts';
import { version } from '#electron/storage/folders.ts';
import { encodePng } from '#models/imaging/picture.ts';
import type { Reasoner } from '#models/reasoner.ts';
import type { Sampling } from '#models/runtime/sampler.ts';
import { flag, numberOption, onlyPositional, requiredText, textOption, UsageError, type Command, type CommandContext } from './command.ts';
import { auditOptions, chosenData, passphraseOf } from './audit.ts';
import { modelOptions, openModel, rounded, samplingOf, samplingOptions } from './generate.ts';

export const command: Command = {
  name: 'review',
  summary: 'a question about a study: reasoning, boxes, answer, overlay',
  usage: 'review PATH --ask TEXT [--model DIR] [--probe] [--locate] [--override REASON] [--out DIR] [--keep]',
  options: {
    ask: { type: 'string', help: 'the question' },
    ...modelOptions,
    probe: { type: 'boolean', help: 'hides the cited boxes and tells what that does to the answer' },
    locate: { type: 'boolean', help: 'asks where, a second time, if the answer says that something is there and cites no box' },
    out: { type: 'string', help: 'a folder for trace.json, overlay.png and the pictures that the model was shown: what loupe report needs' },
    slices: { type: 'string', help: 'how many slices of a series are asked about, evenly spread; 5 where absent' },
    window: { type: 'string', help: 'a window by name (Lung) or as centre,width; the file\'s own where absent' },
    region: { type: 'string', help: 'asks about a part alone: x,y,width,height in source pixels (a slide\'s: level 0)' },
    mpp: { type: 'string', help: 'of a slide: microns a pixel' },
    'max-new-tokens': { type: 'string', help: 'stops after so many; 512 where absent' },
    override: { type: 'string', help: 'why it is asked although the images are none that the model was trained on, or do not say what they show; stands with the answer' },
    ...samplingOptions,
    keep: { type: 'boolean', help: 'puts the answer on record in the data folder and journals it, for loupe capsule' },
    ...auditOptions,
  },
  run,
};

async function run(context: CommandContext): Promise<void> {
  const start = performance.now();
  const lap = (): number => performance.now() - start;
  const askedAt = new Date().toISOString();
  const path = onlyPositional(context, 'PATH');
  const question = requiredText(context, 'ask');
  if (question.trim() === '') throw new UsageError('--ask is empty.');
  const sampling = samplingOf(context);
  const maxNewTokens = numberOption(context, 'max-new-tokens', { least: 1, most: 100_000, whole: true }) ?? 512;
  const override = overrideOf(context);

  // The runtime and the weights load while the pixels are decoded.
  const opening = openModel(context);
  opening.catch(() => undefined);
  const source = await openSource(path, sourceOptions(context));
  const sourceMs = lap();
  context.progress(`${source.title}\n${source.selection}`);
  for (const statement of source.statements) context.progress(`Note: ${statement}`);
  const reasoner = await opening;
  const modelMs = lap();
  try {
    let firstTokenMs: number | null = null;
    const result = await review(reasoner, source, question, {
      sampling, maxNewTokens, signal: context.signal, probes: flag(context, 'probe'), locates: flag(context, 'locate'), ...(override ? { override } : {}),
      onFrame: (_, frame) => source.frames.length > 1 && context.progress(`— ${frame.name}`),
      onText: () => (firstTokenMs ??= lap()),
      onStep: ({ kind, text }) => context.progress(`  ${kind[0]?.toUpperCase()}${kind.slice(1)}: ${text}`),
    });
    const answeredMs = lap();
    const timing = (result.frames[result.chosen] as FrameReview).answer.timing;
    const answer = await reviewRecord({
      source, path: resolve(path), askedAt, question, review: result, reasoner, sampling, maxNewTokens, version: version(),
      timing: rounded({
        since_process_start_ms: performance.now(), source_ms: sourceMs, model_ms: modelMs, first_token_ms: firstTokenMs ?? NaN, answered_ms: answeredMs,
        pixels_ms: timing.pixelsMs, vision_ms: timing.visionMs, prompt_ms: timing.promptMs, writing_ms: timing.writingMs, tokens_per_second: timing.tokensPerSecond,
      }),
    });
    const kept = flag(context, 'keep') ? await keep(context, { source, question, result, record: answer, reasoner, sampling, maxNewTokens }) : undefined;
    const record = kept === undefined ? answer : { ...answer, kept };
    const out = textOption(context, 'out');
    if (out !== undefined) {
      const pictures = Object.fromEntries(source.frames.map(({ picture }, i) => [pictureFile(i + 1), encodePng(picture, { level: 4 })]));
      await writeFiles(out, { ...pictures, [traceFile]: `${JSON.stringify(record, null, 2)}\n`, 'overlay.png': await drawOverlay(overlayOf(source, question, result, answer)) });
      context.progress(`Written: ${join(out, 'overlay.png')}, ${join(out, traceFile)}`);
    }
    context.print(record, `${summary(source, result, { isProbed: flag(context, 'probe'), isLocated: flag(context, 'locate') })}${kept === undefined ? '' : `\nOn record: ${kept}`}`);
  } finally {
    await reasoner.release();
  }
}

function overrideOf(context: CommandContext): Override | undefined {
  const reason = textOption(context, 'override');
  if (reason === undefined) return undefined;
  const read = Override.safeParse({ reason });
  if (!read.success) throw new UsageError('--override takes a reason of 3 to 500 characters.');
  return read.data;
}

function sourceOptions(context: CommandContext): SourceOptions {
  const window = textOption(context, 'window');
  const mpp = numberOption(context, 'mpp', { least: 0.01, most: 1000 });
  const region = textOption(context, 'region');
  const numbers = region?.split(',').map(Number);
  if (numbers && (numbers.length !== 4 || !numbers.every(Number.isFinite) || (numbers[2] as number) <= 0 || (numbers[3] as number) <= 0)) {
    throw new UsageError(`--region takes x,y,width,height, not '${region}'.`);
  }
  const [x = 0, y = 0, width = 0, height = 0] = numbers ?? [];
  return {
    slices: numberOption(context, 'slices', { least: 1, most: 64, whole: true }) ?? 5,
    ...(window === undefined ? {} : { window }), ...(mpp === undefined ? {} : { mpp }), ...(numbers ? { region: { x, y, width, height } } : {}),
  };
}

type ReviewRecord = Awaited<ReturnType<typeof reviewRecord>>;

interface ToKeep {
  readonly source: OpenedSource;
  readonly question: string;
  readonly result: Review;
  readonly record: ReviewRecord;
  readonly reasoner: Reasoner;
  readonly sampling: Sampling;
  readonly maxNewTokens: number;
}

/** Journals import, question and answer, with the answer's record; gives its id. Of several slices the one that speaks for them is recorded. */
async function keep(context: CommandContext, { source, question, result: { frames, chosen, rule, override }, record, reasoner, sampling, maxNewTokens }: ToKeep): Promise<string> {
  const { answer } = frames[chosen] as FrameReview;
  const frame = source.frames[chosen] as ShownFrame;
  const audit = await openAudit({ dataFolder: chosenData(context), version: version(), passphrase: passphraseOf(context) });
  try {
    audit.journal.notices.forEach((notice) => context.progress(notice));
    const sources = await Promise.all(source.files.slice(0, 1000).map((file) => hashedFile(file)));
    const story = sources.map(({ sha256, bytes }) => audit.journal.append({ kind: 'import', body: { sha256, bytes } }, { isDurable: false }).entry.seq);
    story.push(audit.journal.append({ kind: 'ask', body: { frames: 1, maxNewTokens, ...(override ? { override: 'scope' } : {}) } }).entry.seq);
    const { picture, toSource, window, name, frame: index } = frame;
    const [input] = answer.inputs.images;
    const { id } = await audit.keep({
      studyId: null, story, study: { kind: source.kind, title: source.title, modality: source.modality, selection: source.selection, rule }, question, sources,
      frames: [{
        name, source: (await hashedFile(frame.file)).sha256, index, region: null, window, asked: null, sourceSize: frame.source, toSource: asJson(toSource),
        picture: { width: picture.width, height: picture.height, data: picture.data, png: encodePng(picture) }, resized: input?.resized ?? picture, grid: input?.gridThw ?? [],
        tensor: hashOf(answer.inputs.patches[0] ?? new Float32Array(0)),
      }],
      model: { name: record.model.name, family: record.model.family, boxes: record.model.box_convention, files: await modelFiles(reasoner.checkpoint.folder) },
      prompt: { ids: answer.inputs.ids, system: null },
      sampling: { temperature: sampling.temperature, topP: sampling.topP, topK: sampling.topK, seed: sampling.seed, maxNewTokens },
      output: { tokens: answer.tokens, logProbabilities: answer.logProbabilities, text: answer.text, end: answer.end },
      reading: { parsed: record.parsed, answer: record.answer, steps: record.steps, findings: asJson(record.findings), flags: record.flags, confidence: asJson(record.confidence), probe: asJson(record.probe), ...(override ? { override: asJson(override) } : {}) },
      machine: { device: record.machine.device, runtime: record.machine.runtime }, timing: asJson(record.timing) as JsonObject,
    });
    return id;
  } finally {
    audit.close();
  }
}

function overlayOf(source: OpenedSource, question: string, { frames, chosen, probe, located, rule }: Review, { model, machine, source: { files }, sampling }: ReviewRecord): OverlayInput {
  const { answer, confidence } = frames[chosen] as FrameReview;
  const shown = source.frames[chosen];
  return {
    title: source.title, question, confidence: confidence?.value ?? null, main: chosen,
    // The chosen frame's findings come first, so that its steps' indices hold.
    trace: { ...answer.trace, findings: [{ at: chosen, review: frames[chosen] as FrameReview }, ...frames.flatMap((review, at) => (at === chosen ? [] : [{ at, review }]))]
      .flatMap(({ at, review }) => review.answer.trace.findings.map((finding) => ({ ...finding, frame: at })))
      .concat((located?.answer.trace.findings ?? []).map(({ label, boxes }) => ({ label: `${label} (second question)`, frame: chosen, boxes }))) },
    frames: source.frames.map(({ picture, name }, i) => ({ picture, name: frames.length > 1 ? `${name}: ${frames[i]?.answer.trace.answer ?? 'no answer'}` : name })),
    ...(probe ? { probe: probeSentence(probe) } : {}),
    notes: [
      ...(frames.length > 1 ? [rule] : []), ...(located ? [`Second question, about step ${located.step + 1}: ${located.question}`] : []), source.selection, ...(shown?.window ? [shown.window] : []),
      `${model.name}, ${answer.tokens.length} tokens, ${sampling.temperature === 0 ? 'greedy' : `temperature ${sampling.temperature}, seed ${sampling.seed}`}, on ${machine.device}`,
      ...[['Weights', model.files], ['Source', files]].map(([what, list]) => `${what as string} SHA-256 ${shortHashes(list as readonly { readonly sha256: string }[])}`),
    ],
  };
}

/** Enough of each hash to compare by eye; the trace has the whole. */
const shortHashes = (files: readonly { readonly sha256: string }[]): string =>
  `${files.slice(0, 2).map(({ sha256 }) => `${sha256.slice(0, 12)}…`).join(', ')}${files.length > 2 ? ` and ${files.length - 2} more` : ''}`;

function summary(source: OpenedSource, { frames, chosen, rule, probe, located, flags }: Review, { isProbed, isLocated }: { readonly isProbed: boolean; readonly isLocated: boolean }): string {
  const { answer, confidence } = frames[chosen] as FrameReview;
  const { trace } = answer;
  const steps = trace.steps.map(({ kind, text, findings }, i) => `  ${i + 1}. ${kind[0]?.toUpperCase()}${kind.slice(1)}: ${text}${findings.length > 0 ? `  [${findings.map((index) => trace.findings[index]?.label).join(', ')}]` : ''}`);
  return [
    `Answer: ${trace.answer ?? 'none in the required form'}${confidence ? `  (confidence ${formatPercent(confidence.value)})` : ''}`,
    ...(source.frames.length > 1 ? [`On: ${source.frames[chosen]?.name}. ${rule}`] : []),
    ...(steps.length > 0 ? ['Reasoning:', ...steps] : trace.parsed ? [] : ['The completion does not follow the reasoning format:', answer.text.length > 300 ? `${answer.text.slice(0, 300)} …` : answer.text]),
    ...flags.map(({ detail, step }) => `Note${step === undefined ? '' : ` on step ${step + 1}`}: ${detail}`),
    ...(located ? [locatedSentence(located, source.frames[chosen] as ShownFrame)] : isLocated ? ['Where: no second question was asked; the answer cites a box already, or says that nothing is there.'] : []),
    ...(probe ? [`Probe: ${probeSentence(probe)}`] : isProbed ? ['Probe: the answer cites no box, so there was nothing to hide.'] : []),
    'Research use only, not a medical device.',
  ].join('\n');
}

function locatedSentence({ step, question, answer: { trace, text } }: Located, frame: ShownFrame): string {
  const boxes = trace.findings.flatMap(({ label, boxes: all }) => all.map((box) => boxToSource(frame, box)).map(({ x1, y1, x2, y2 }) => `${label} [${[x1, y1, x2, y2].map(Math.round).join(', ')}]`));
  return `Where, by a second question about step ${step + 1} (${question}): ${boxes.length > 0 ? boxes.join('; ') : trace.parsed ? 'no box was given.' : `the answer could not be read: ${text.slice(0, 200)}`}`;
}

/** Each file is finished under another name before it takes its place, so that a full disk leaves no half of one. */
async function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  const finished: [string, string][] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      const partial = join(folder, `.${name}.${process.pid}.part`);
      finished.push([partial, join(folder, name)]);
      await writeFile(partial, content);
    }
    for (const [partial, path] of finished) await rename(partial, path);
  } catch (cause) {
    for (const [partial] of finished) await rm(partial, { force: true });
    throw new Fault({
      code: 'review.write', what: `The result cannot be written to ${folder}.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Check the folder, your rights to it and the free space, then ask again.',
    }, { cause });
  }
}
