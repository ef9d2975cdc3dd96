/** `loupe generate`: what a model folder writes for images and a prompt, with everything that it was fed. */

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { kindOf } from '#models/imaging/sources.ts';
import { openReasoner, type AskInputs, type BoxConvention, type Reasoner } from '#models/reasoner.ts';
import { devices, type Device } from '#models/runtime/session.ts';
import { greedy, type Sampling } from '#models/runtime/sampler.ts';
import { builtInModel } from '#electron/storage/folders.ts';
import { flag, numberOption, requiredText, textOption, textOptions, UsageError, type Command, type CommandContext, type CommandOptions } from './command.ts';

const boxConventions = ['absolute-resized', 'relative-1000'] as const;

/** The options of every command that runs a model. */
export const modelOptions = {
  model: { type: 'string', help: 'a checkpoint folder; the built-in model where absent' },
  device: { type: 'string', help: `${devices.join(', ')}; cpu where absent` },
  threads: { type: 'string', help: 'threads; one for each physical core where absent' },
  boxes: { type: 'string', help: `how the model writes boxes: ${boxConventions.join(' or ')}; as its family was published where absent` },
} as const satisfies CommandOptions;

/** The options of commands that are given pictures one by one. */
export const imageOptions = {
  image: { type: 'string', multiple: true, help: 'a picture or a DICOM file; several are several images' },
  clip: { type: 'boolean', help: 'the images are the frames of one clip or stack' },
} as const satisfies CommandOptions;

/** The options that choose how tokens are drawn. */
export const samplingOptions = {
  greedy: { type: 'boolean', help: 'the most likely token each time (default)' },
  temperature: { type: 'string', help: 'draw tokens; 1 is the model itself' },
  'top-p': { type: 'string', help: 'only the likeliest tokens that together have this probability' },
  'top-k': { type: 'string', help: 'only so many of the likeliest tokens' },
  seed: { type: 'string', help: 'of the draw; 0 where absent' },
} as const satisfies CommandOptions;

export const command: Command = {
  name: 'generate',
  summary: 'tokens from a model folder for images and a prompt',
  usage: 'generate --model DIR [--image FILE]… [--clip] --prompt TEXT [--max-new-tokens N] [--greedy | --temperature T --top-p P --seed S] [--logits]',
  options: {
    ...modelOptions,
    ...imageOptions,
    prompt: { type: 'string', help: 'the question' },
    'max-new-tokens': { type: 'string', help: 'stops after so many; 256 where absent' },
    ...samplingOptions,
    logits: { type: 'boolean', help: 'adds the scores over the vocabulary after the prompt' },
  },
  async run(context) {
    const question = requiredText(context, 'prompt');
    const sampling = samplingOf(context);
    const maxNewTokens = numberOption(context, 'max-new-tokens', { least: 0, most: 1_000_000, whole: true }) ?? 256;
    const start = performance.now();
    const { reasoner, frames } = await openWithImages(context);
    try {
      const loadMs = performance.now() - start;
      const ask = { frames, question, ...arrangementOf(context) };
      let firstTokenMs: number | null = null;
      const answer = await reasoner.ask(ask, {
        sampling, maxNewTokens, signal: context.signal, isUnrestricted: true,
        onToken(text) {
          firstTokenMs ??= performance.now() - start;
          if (!context.json) process.stderr.write(text);
        },
      });
      if (!context.json) process.stderr.write('\n');
      const { pixelsMs, visionMs, promptMs, writingMs, tokensPerSecond } = answer.timing;
      context.print({
        ...describeInputs(answer.inputs), tokens: answer.tokens, text: answer.text, end: answer.end,
        ...(flag(context, 'logits') ? { last_logits: [...await reasoner.logits(ask)] } : {}),
        sampling,
        timing: rounded({ load_ms: loadMs, pixels_ms: pixelsMs, vision_ms: visionMs, prompt_ms: promptMs, first_token_ms: firstTokenMs ?? NaN, writing_ms: writingMs, tokens_per_second: tokensPerSecond }),
      }, answer.text);
    } finally {
      await reasoner.release();
    }
  },
};

/** The model and the pictures of a command line, opened side by side. */
export async function openWithImages(context: CommandContext): Promise<{ reasoner: Reasoner; frames: readonly Picture[] }> {
  const pictures = Promise.all([...textOptions(context, 'image'), ...context.positionals].map(readPicture));
  // A fault of the model is told first; that of a picture must not end the process before it.
  pictures.catch(() => undefined);
  const reasoner = await openModel(context);
  return { reasoner, frames: await pictures };
}

/** Frames of one clip, where that is asked for. */
export const arrangementOf = (context: CommandContext): { readonly arrangement?: 'clip' } => (flag(context, 'clip') ? { arrangement: 'clip' } : {});

/** The picture in a file; of a DICOM file its only or its middle frame, windowed. */
async function readPicture(path: string): Promise<Picture> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new Fault({
      code: 'file.unreadable', what: `${basename(path)} cannot be read.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Check the path and your rights to the file.',
    }, { cause });
  }
  if (kindOf(bytes) !== 'dicom') return decodePicture(bytes, basename(path));
  // Loaded only here: most prompts are about pictures, and the study reader brings its codecs with it.
  const { openSource } = await import('#electron/review/source.ts');
  const [frame] = (await openSource(path, { slices: 1 })).frames;
  if (!frame) throw new Error(`${path} was opened without a frame.`);
  return frame.picture;
}

/** The reasoner of `--model`, `--device` and `--threads`. */
export function openModel(context: CommandContext): Promise<Reasoner> {
  const device = deviceOf(context);
  const threads = numberOption(context, 'threads', { least: 1, most: 256, whole: true });
  return openReasoner({
    folder: textOption(context, 'model') ?? builtInModel(),
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...conventionOf(context),
  });
}

function conventionOf(context: CommandContext): { readonly convention?: BoxConvention } {
  const name = textOption(context, 'boxes');
  if (name === undefined) return {};
  const convention = boxConventions.find((candidate) => candidate === name);
  if (!convention) throw new UsageError(`--boxes takes ${boxConventions.join(' or ')}, not '${name}'.`);
  return { convention };
}

function deviceOf(context: CommandContext): Device | undefined {
  const name = textOption(context, 'device');
  if (name === undefined) return undefined;
  const device = devices.find((candidate) => candidate === name);
  if (!device) throw new UsageError(`--device takes ${devices.join(', ')}, not '${name}'.`);
  return device;
}

/** Greedy, unless a temperature, a nucleus or a count of candidates is given. */
export function samplingOf(context: CommandContext): Sampling {
  const temperature = numberOption(context, 'temperature', { least: 0, most: 100 });
  const topP = numberOption(context, 'top-p', { least: 0, most: 1 });
  const topK = numberOption(context, 'top-k', { least: 0, whole: true });
  const seed = numberOption(context, 'seed', { least: 0, most: 2 ** 32 - 1, whole: true }) ?? 0;
  const isDrawn = temperature !== undefined || topP !== undefined || topK !== undefined;
  if (flag(context, 'greedy') && isDrawn) throw new UsageError('--greedy and --temperature, --top-p or --top-k exclude each other.');
  return isDrawn ? { temperature: temperature ?? 1, topP: topP ?? 1, topK: topK ?? 0, seed } : { ...greedy, seed };
}

/** Token ids, grids and pixel statistics, by the names of the reference implementation. One image has one grid, several a list. */
export function describeInputs({ ids, images, patches }: AskInputs): Record<string, unknown> {
  const grids = images.map(({ gridThw }) => gridThw);
  const count = patches.reduce((total, { length }) => total + length, 0);
  const total = patches.reduce((all, part) => part.reduce((sum, x) => sum + x, all), 0);
  const mean = total / count;
  const squares = patches.reduce((all, part) => part.reduce((sum, x) => sum + (x - mean) ** 2, all), 0);
  const rows = grids.reduce((sum, [t, h, w]) => sum + t * h * w, 0);
  return {
    input_ids: ids,
    image_grid_thw: grids.length === 1 ? grids[0] : grids,
    pixel_values: count === 0 ? null : { shape: [rows, count / rows], mean, std: Math.sqrt(squares / (count - 1)) },
    resized: images.map(({ resized }) => resized),
  };
}

/** Numbers for people: three decimals; what is not a number is null. */
export const rounded = (numbers: Readonly<Record<string, number>>): Record<string, number | null> =>
  Object.fromEntries(Object.entries(numbers).map(([name, x]) => [name, Number.isFinite(x) ? Math.round(1000 * x) / 1000 : null]));
