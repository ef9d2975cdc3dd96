/** The one door: pictures and a question in, a reasoning trace out. */

import { Fault } from '#models/base/fault.ts';
import type { ReasoningTrace } from '#models/clinical/trace.ts';
import { openEngine, type Engine, type EngineOptions, type EnginePrompt } from '#models/engine.ts';
import type { Picture } from '#models/imaging/image.ts';
import { smartResize, toVisionInput, type PatchOptions, type VisionInput } from '#models/imaging/patches.ts';
import { parseCompletion } from '#models/language/parse.ts';
import { promptTokens, type ChatMessage } from '#models/language/prompt.ts';
import { createTokenizer, type Tokenizer } from '#models/language/tokenizer.ts';
import { generate, generateMany, type Completion, type GenerateOptions } from '#models/runtime/generate.ts';
import type { Prefilled } from '#models/runtime/kvCache.ts';
import { banMask, greedy, type Sampling } from '#models/runtime/sampler.ts';
import { openCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';

export type BoxConvention = Parameters<typeof parseCompletion>[1];

export interface ReasonerOptions extends EngineOptions {
  /** A checkpoint folder. */
  readonly folder: string;
  /** How the model writes boxes; absent: as its family was published. */
  readonly convention?: BoxConvention;
}

export interface Ask {
  readonly frames: readonly Picture[];
  readonly question: string;
  /** Frames as separate images (default), or as the steps of one clip or stack of slices. */
  readonly arrangement?: 'images' | 'clip';
  readonly system?: string;
}

export interface AskOptions {
  /** Default greedy. */
  readonly sampling?: Sampling;
  readonly maxNewTokens?: number;
  /** Text as it is written; a letter appears when all its bytes are there. `row` counts samples. */
  readonly onToken?: (text: string, row: number) => void;
  readonly signal?: AbortSignal;
  /** Takes the most likely token of all when greedy, as reference programs do: also vision tokens and rows that have no text. Sampling never does. */
  readonly isUnrestricted?: boolean;
}

/** What the model was given, so that an answer can be traced to its input. */
export interface AskInputs {
  readonly ids: readonly number[];
  /** One for each image or clip. */
  readonly images: readonly Pick<VisionInput, 'gridThw' | 'resized'>[];
  /** The tower's input for each of them; `answerMany` does not keep it. */
  readonly patches: readonly Float32Array[];
}

export interface Timing {
  /** Resizing and cutting into patches, the vision tower, reading the prompt, writing: milliseconds. */
  readonly pixelsMs: number;
  readonly visionMs: number;
  readonly promptMs: number;
  readonly writingMs: number;
  readonly tokensPerSecond: number;
}

export interface Answer {
  readonly trace: ReasoningTrace;
  readonly tokens: readonly number[];
  readonly logProbabilities: readonly number[];
  /** Without the token that ended it. */
  readonly text: string;
  readonly end: Completion['end'];
  readonly inputs: AskInputs;
  readonly timing: Timing;
}

/** How sure the model was of its answer, and what that number means. */
export interface Confidence {
  readonly value: number;
  readonly tokens: number;
  readonly method: string;
}

export interface Reasoner {
  readonly checkpoint: Checkpoint;
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly patchOptions: PatchOptions;
  readonly convention: BoxConvention;
  ask(ask: Ask, options?: AskOptions): Promise<Answer>;
  /** Several samples of one prompt, which is seen and read once. */
  sample(ask: Ask, samples: number, options?: AskOptions): Promise<readonly Answer[]>;
  /** Many questions side by side. Asks about the same picture object share what was seen. */
  answerMany(asks: readonly Ask[], options?: Omit<AskOptions, 'onToken'> & { readonly rows?: number; readonly onAnswer?: (answer: Answer, index: number) => void }): Promise<readonly Answer[]>;
  /** ln p of each token of a completion; text is encoded first. */
  score(ask: Ask, completion: string | readonly number[]): Promise<{ readonly ids: readonly number[]; readonly logProbabilities: readonly number[] }>;
  /** The scores over the vocabulary after the prompt, [V]. */
  logits(ask: Ask): Promise<Float32Array>;
  /** The numbers that would be fed, without running anything. */
  prepare(ask: Ask): AskInputs;
  release(): Promise<void>;
}

/** @throws Fault of `openCheckpoint`, `parseConfig`, `openEngine`; `checkpoint.missing` where the folder lacks its tokenizer */
export async function openReasoner({ folder, convention: chosen, ...engineOptions }: ReasonerOptions): Promise<Reasoner> {
  const checkpoint = openCheckpoint(folder);
  const engine = await openEngine(checkpoint, engineOptions);
  if (checkpoint.tokenizer === null) throw incomplete('tokenizer.json', 'Its tokenizer is missing, so no text can be read or written.');
  if (checkpoint.chatTemplate === null) throw incomplete('chat_template.json', 'Its chat template is missing, so a question cannot be put.');
  const tokenizer = createTokenizer(checkpoint.tokenizer, checkpoint.tokenizerConfig);
  const template = checkpoint.chatTemplate;
  const { config } = engine;
  const patchOptions = parsePatchOptions(checkpoint.preprocessor, config.vision);
  const convention = chosen ?? (config.family === 'qwen2_vl' ? 'relative-1000' : 'absolute-resized');
  const stops = stopTokens(checkpoint, tokenizer);
  const visionTokens = ['<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>'].flatMap((token) => tokenizer.idOf(token) ?? []);
  const placeholders = [config.tokens.visionStart, config.tokens.visionEnd, config.tokens.image, config.tokens.video, ...visionTokens];
  // Vision tokens stand for pixels and rows beyond the tokenizer for nothing: neither is text that a model could mean.
  const unwritable = banMask(config.vocabularySize, placeholders, tokenizer.size);

  const isClip = ({ arrangement, frames }: Ask): boolean => arrangement === 'clip' && frames.length > 0;

  /** The prompt's tokens follow from the sizes of the frames: no pixel is touched. */
  const idsOf = (ask: Ask): { ids: readonly number[]; images: AskInputs['images'] } => {
    const { frames, question, system } = ask;
    const { patchSize, temporalPatchSize, mergeSize } = patchOptions;
    const images = (isClip(ask) ? frames.slice(0, 1) : frames).map(({ width, height }) => {
      const resized = smartResize(height, width, patchOptions);
      const steps = isClip(ask) ? Math.ceil(frames.length / temporalPatchSize) : 1;
      return { resized, gridThw: [steps, resized.height / patchSize, resized.width / patchSize] as const };
    });
    const type = isClip(ask) ? 'video' : 'image';
    const content = [...images.map(() => ({ type } as const)), { type: 'text', text: question } as const];
    const messages: ChatMessage[] = [...(system === undefined ? [] : [{ role: 'system', content: system } as const]), { role: 'user', content }];
    return { images, ids: promptTokens(tokenizer, template, messages, images.map(({ gridThw }) => gridThw), { mergeSize, addGenerationPrompt: true }) };
  };
  const patchesOf = (ask: Ask): readonly VisionInput[] => (isClip(ask) ? [toVisionInput(ask.frames, patchOptions)] : ask.frames.map((frame) => toVisionInput([frame], patchOptions)));
  const prepare = (ask: Ask): AskInputs => ({ ...idsOf(ask), patches: patchesOf(ask).map(({ patches }) => patches) });

  /** What was seen in the frames of recent questions; a question about the same frames need not look again. */
  const seen = new WeakMap<object, { readonly clip: boolean; readonly patches: readonly Float32Array[]; readonly rows: Promise<Float32Array> }>();
  const see = async (ask: Ask, keepsPatches: boolean): Promise<{ vision: Float32Array; patches: readonly Float32Array[]; pixelsMs: number; visionMs: number }> => {
    if (ask.frames.length === 0) return { vision: new Float32Array(0), patches: [], pixelsMs: 0, visionMs: 0 };
    // One picture is known by itself, several by the list that holds them.
    const holder = ask.frames.length === 1 ? ask.frames[0] as Picture : ask.frames;
    const known = seen.get(holder);
    if (known?.clip === isClip(ask) && (known.patches.length > 0 || !keepsPatches)) return { vision: await known.rows, patches: known.patches, pixelsMs: 0, visionMs: 0 };
    const start = performance.now();
    const images = patchesOf(ask);
    const pixelsMs = performance.now() - start;
    const rows = engine.see(images);
    const patches = keepsPatches ? images.map((image) => image.patches) : [];
    seen.set(holder, { clip: isClip(ask), patches, rows });
    return { vision: await rows, patches, pixelsMs, visionMs: performance.now() - start - pixelsMs };
  };

  const promptOf = async (ask: Ask, keepsPatches: boolean): Promise<{ inputs: AskInputs; prompt: EnginePrompt; timing: { pixelsMs: number; visionMs: number } }> => {
    const { ids, images } = idsOf(ask);
    const { vision, patches, ...timing } = await see(ask, keepsPatches);
    return { inputs: { ids, images, patches }, prompt: { ids, grids: images.map(({ gridThw }) => gridThw), vision }, timing };
  };

  const read = async (ask: Ask, keepsPatches: boolean): Promise<{ inputs: AskInputs; prefilled: Prefilled; timing: Pick<Timing, 'pixelsMs' | 'visionMs' | 'promptMs'> }> => {
    const { inputs, prompt, timing } = await promptOf(ask, keepsPatches);
    const start = performance.now();
    const prefilled = await engine.read(prompt);
    return { inputs, prefilled, timing: { ...timing, promptMs: performance.now() - start } };
  };

  const generation = ({ sampling = greedy, maxNewTokens = 512, signal, isUnrestricted = false }: AskOptions): GenerateOptions => ({
    sampling, maxNewTokens, stops,
    ...(isUnrestricted && sampling.temperature === 0 ? {} : { banned: unwritable }),
    ...(signal ? { signal } : {}),
  });

  const textOf = (tokens: readonly number[]): string => {
    const last = tokens.at(-1);
    return tokenizer.decode(last !== undefined && stops.has(last) ? tokens.slice(0, -1) : tokens, { special: true });
  };

  const answerOf = ({ frames }: Ask, completion: Completion, inputs: AskInputs, timing: Timing): Answer => {
    const text = textOf(completion.tokens);
    const nothing = { width: 1, height: 1 };
    const [first, ...others] = inputs.images.map(({ resized }, i) => ({ resized, source: frames[i] ?? nothing }));
    const trace = parseCompletion(text, convention, first?.resized ?? nothing, first?.source ?? nothing, others);
    return { trace, text, tokens: completion.tokens, logProbabilities: completion.logProbabilities, end: completion.end, inputs, timing };
  };

  const sample = async (ask: Ask, samples: number, options: AskOptions = {}): Promise<readonly Answer[]> => {
    options.signal?.throwIfAborted();
    const { inputs, prefilled, timing } = await read(ask, true);
    const start = performance.now();
    const streams = Array.from({ length: samples }, () => streamingText(tokenizer, stops));
    const { onToken } = options;
    const completions = await generate(engine.network, prefilled, samples, generation(options), onToken && (({ token }, row) => {
      const piece = streams[row]?.(token);
      if (piece) onToken(piece, row);
    }));
    const writingMs = performance.now() - start;
    const written = completions.reduce((total, { tokens }) => total + tokens.length, 0);
    return completions.map((completion) => answerOf(ask, completion, inputs, { ...timing, writingMs, tokensPerSecond: rate(written, writingMs) }));
  };

  return {
    checkpoint, engine, tokenizer, patchOptions, convention, prepare, sample,
    ask: async (ask, options) => (await sample(ask, 1, options))[0] as Answer,
    async answerMany(asks, { rows = 16, onAnswer, ...options } = {}) {
      const answers: Answer[] = [];
      const timings: Timing[] = [];
      const layouts = asks.map(idsOf);
      const start = performance.now();
      const finish = (index: number, completion: Completion): void => {
        const writingMs = performance.now() - start;
        const timing = { ...(timings[index] ?? { pixelsMs: 0, visionMs: 0, promptMs: 0 }), writingMs, tokensPerSecond: rate(completion.tokens.length, writingMs) };
        const answer = answerOf(asks[index] as Ask, completion, { ...layouts[index] as typeof layouts[number], patches: [] }, timing);
        answers[index] = answer;
        onAnswer?.(answer, index);
      };
      const waiting = asks.map((ask, index) => ({
        tokens: (layouts[index] as typeof layouts[number]).ids.length,
        async read() {
          const { prefilled, timing } = await read(ask, false);
          timings[index] = { ...timing, writingMs: 0, tokensPerSecond: 0 };
          return prefilled;
        },
      }));
      const completions = await generateMany(engine.network, waiting, rows, generation(options), finish);
      completions.forEach((completion, index) => {
        if (!answers[index]) finish(index, completion);
      });
      return answers;
    },
    async score(ask, completion) {
      const ids = typeof completion === 'string' ? tokenizer.encode(completion) : completion;
      const { prompt } = await promptOf(ask, false);
      return { ids, logProbabilities: [...await engine.score(prompt, ids)] };
    },
    logits: async (ask) => (await read(ask, false)).prefilled.logits,
    release: () => engine.release(),
  };
}

const rate = (tokens: number, ms: number): number => (ms > 0 ? (1000 * tokens) / ms : 0);

const incomplete = (file: string, why: string): Fault =>
  new Fault({ code: 'checkpoint.missing', what: 'The model folder is not complete.', why, mend: `Add the ${file} that was published with the weights.` });

type Fields = Readonly<Record<string, unknown>>;
const isFields = (x: unknown): x is Fields => typeof x === 'object' && x !== null && !Array.isArray(x);

/**
 * The image settings of a checkpoint. Newer folders keep the pixel bounds in `size`, under names that speak of edges although they count pixels.
 *
 * @throws Fault `preprocessor.invalid`
 */
export function parsePatchOptions(json: unknown, vision: { readonly patchSize: number; readonly temporalPatchSize: number; readonly mergeSize: number }): PatchOptions {
  const fields = isFields(json) ? json : {};
  const size = isFields(fields.size) ? fields.size : {};
  const bound = (values: readonly unknown[], otherwise: number): number => {
    const value = values.find((candidate) => candidate !== undefined && candidate !== null) ?? otherwise;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 2 ** 31) throw badPreprocessor(`a pixel bound is ${JSON.stringify(value)}`);
    return value;
  };
  const triple = (value: unknown, otherwise: readonly [number, number, number]): readonly [number, number, number] => {
    if (value === undefined) return otherwise;
    if (!Array.isArray(value) || value.length !== 3 || !value.every((x) => typeof x === 'number' && Number.isFinite(x))) throw badPreprocessor(`a mean or standard deviation is ${JSON.stringify(value)}`);
    return value as unknown as readonly [number, number, number];
  };
  const same = (name: string, wanted: number): number => {
    if (fields[name] !== undefined && fields[name] !== wanted) throw badPreprocessor(`${name} is ${JSON.stringify(fields[name])} there and ${wanted} in config.json`);
    return wanted;
  };
  const options = {
    patchSize: same('patch_size', vision.patchSize), temporalPatchSize: same('temporal_patch_size', vision.temporalPatchSize), mergeSize: same('merge_size', vision.mergeSize),
    minPixels: bound([fields.min_pixels, size.shortest_edge], 3136), maxPixels: bound([fields.max_pixels, size.longest_edge], 12_845_056),
    mean: triple(fields.image_mean, [0.48145466, 0.4578275, 0.40821073]), std: triple(fields.image_std, [0.26862954, 0.26130258, 0.27577711]),
  };
  if (options.minPixels > options.maxPixels || options.std.some((x) => x <= 0)) throw badPreprocessor('its bounds exclude every image');
  return options;
}

const badPreprocessor = (why: string): Fault => new Fault({
  code: 'preprocessor.invalid', what: 'The model folder cannot be used: its preprocessor_config.json is not one that Loupe understands.', why: `In it, ${why}.`,
  mend: 'Take the file that was published with the weights.',
});

/** The ids that end a completion: those of generation_config.json, else of config.json, and the end of a turn. */
function stopTokens({ generationConfig, config }: Checkpoint, tokenizer: Tokenizer): ReadonlySet<number> {
  const text = isFields(config) && isFields(config.text_config) ? config.text_config : {};
  const sources = [isFields(generationConfig) ? generationConfig.eos_token_id : undefined, isFields(config) ? config.eos_token_id : undefined, text.eos_token_id];
  const stated: unknown = sources.find((value) => typeof value === 'number' || Array.isArray(value));
  const list: readonly unknown[] = Array.isArray(stated) ? stated : [stated];
  return new Set([...list, tokenizer.idOf('<|im_end|>')].filter((id) => typeof id === 'number'));
}

/** Gives for each token the text that it completes; bytes of an unfinished letter wait for the next token. */
function streamingText(tokenizer: Tokenizer, stops: ReadonlySet<number>): (token: number) => string {
  let pending: number[] = [];
  return (token) => {
    if (stops.has(token)) return '';
    pending.push(token);
    const text = tokenizer.decode(pending, { special: true });
    // A replacement character at the end may be the first bytes of a letter; after a few tokens it is what the model wrote.
    if (text.endsWith('\ufffd') && pending.length < 5) return '';
    pending = [];
    return text;
  };
}

/**
 * How probable the model held its answer to be, given the image, the question and its own reasoning before it.
 * A short answer counts whole, as the product of its tokens' probabilities; a long one (a list of boxes) by the geometric mean, else its length alone would decide.
 */
export function confidenceOf({ text, tokens, logProbabilities }: Pick<Answer, 'text' | 'tokens' | 'logProbabilities'>, tokenizer: Tokenizer): Confidence | null {
  const span = /<answer>([\s\S]*?)(?:<\/answer>|$)/.exec(text);
  if (!span) return null;
  const start = span.index + '<answer>'.length;
  const end = start + (span[1] as string).length;
  const chosen: number[] = [];
  let at = 0;
  tokens.forEach((_, i) => {
    const after = Math.min(text.length, tokenizer.decode(tokens.slice(0, i + 1), { special: true }).length);
    if (after > start && at < end && after > at) chosen.push(logProbabilities[i] as number);
    at = after;
  });
  if (chosen.length === 0) return null;
  const total = chosen.reduce((a, b) => a + b, 0);
  const isShort = chosen.length <= 16;
  return {
    value: Math.exp(isShort ? total : total / chosen.length), tokens: chosen.length,
    method: isShort
      ? 'product of the probabilities of the answer\'s tokens, at temperature 1, given the reasoning before them'
      : 'geometric mean of the probabilities of the answer\'s tokens, at temperature 1, given the reasoning before them',
  };
}
