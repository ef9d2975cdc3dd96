/** The door to likeness: pictures and sentences in, vectors of one space out, in which what belongs together lies near. */
import { Fault } from '#models/base/fault.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import type { Picture } from '#models/imaging/image.ts';
import { toVisionInput, type PatchOptions } from '#models/imaging/patches.ts';
import { resize } from '#models/imaging/resize.ts';
import { createTokenizer } from '#models/language/tokenizer.ts';
import { parseConfig } from '#models/networks/config.ts';
import { contrastiveGrid, imageEmbedding, mostScale, packSentences, parseContrastiveConfig, scaleName, sentenceEmbedding, sentenceInputs, unitRows, type ContrastiveConfig } from '#models/networks/contrastive.ts';
import { denseParameters } from '#models/networks/parameters.ts';
import { createSession, float32, type Session } from '#models/runtime/session.ts';
import { openSimilarFolder } from '#models/weights/similar.ts';

export interface Similar {
  readonly config: ContrastiveConfig;
  /** Of its weights' file: vectors of one hash can be compared, those of two cannot. */
  readonly sha256: string;
  /** By which a choice among sentences multiplies cosines. */
  readonly scale: number;
  /** [E], of unit length. @throws Fault `similar.blank` for a picture of one colour, which is like every other one */
  image(picture: Picture): Promise<Float32Array>;
  /** [E], of unit length. @throws Fault `similar.sentence` where it says nothing */
  sentence(text: string): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Channels that differ by no more are one colour: noise of a compressed file stays below. */
const sameColour = 3;

/** Whether nothing is to be seen on a picture. */
export function isOneColour({ data }: Pick<Picture, 'data'>): boolean {
  for (let channel = 0; channel < 3; channel++) {
    let [low, high] = [255, 0];
    for (let i = channel; i < data.length; i += 3) {
      const value = data[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
      if (high - low > sameColour) return false;
    }
  }
  return true;
}

/** The scalar product: of two vectors of unit length their cosine. */
export function likeness(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Opens the folder that a run of the recipe pathoClip or perceptualInitialization left.
 *
 * @param threads  one for each physical core where absent
 * @throws Fault `similar.kind`, `similar.config`, those of `parseConfig` and of `openSafetensors`
 */
export async function openSimilar(folder: string, { threads }: { readonly threads?: number } = {}): Promise<Similar> {
  const opened = openSimilarFolder(folder);
  const base = parseConfig(opened.base);
  const config = parseContrastiveConfig(opened.config);
  const grid = contrastiveGrid(base, config);
  const { channels, patchSize, mergeSize } = base.vision;
  const { tokens } = config.text;
  const patching: PatchOptions = { patchSize, mergeSize, temporalPatchSize: 1, minPixels: 1, maxPixels: Number.MAX_SAFE_INTEGER, ...pixelStatistics(opened.preprocessor) };
  const tokenizer = createTokenizer(opened.tokenizer, opened.tokenizerConfig);
  if (tokenizer.size > base.vocabularySize) throw unusable(`Its vocabulary has ${tokenizer.size} tokens and its weights ${base.vocabularySize}.`);
  const stored = (graph: Graph) => denseParameters((name, shape) => graph.constant(opened.tensor(name, shape), shape, 'weight', name));
  const open = (graph: Graph): Promise<Session> => createSession(encodeModel(graph), threads === undefined ? {} : { threads });

  const seeing = new Graph('see', { fused: true });
  const patchShape = [grid[1] * grid[2], channels * patchSize * patchSize];
  seeing.output('vector', unitRows(imageEmbedding(seeing, stored(seeing), base, config, seeing.input('patches', patchShape), { batch: 1, grid })));
  const reading = new Graph('read', { fused: true });
  reading.output('vector', unitRows(sentenceEmbedding(stored(reading), base, config, sentenceInputs(reading, config, 1))));
  const [see, read] = await Promise.all([open(seeing), open(reading)]);
  const known = new Map<string, Float32Array>();

  return {
    config, sha256: opened.sha256,
    scale: Math.min(mostScale, Math.exp(opened.tensor(scaleName, [1])[0]!)),
    async image(picture) {
      if (isOneColour(picture)) throw new Fault({ code: 'similar.blank', what: 'This picture cannot be compared.', why: 'It shows one colour and nothing else.', mend: 'Choose another slice, window or region.' });
      const { patches } = toVisionInput([resize(picture, { width: config.side, height: config.side })], patching);
      return Float32Array.from((await see.run({ patches: float32(patchShape, patches) }))['vector']!.data as Float32Array);
    },
    async sentence(text) {
      const said = asWritten(text);
      if (said === '') throw new Fault({ code: 'similar.sentence', what: 'There is nothing to compare.', why: 'The sentence is empty.', mend: 'Say what the picture should show.' });
      let vector = known.get(said);
      if (!vector) {
        const { ids, shares, mask } = packSentences([tokenizer.encode(said, { marks: false })], config);
        const output = await read.run({ ids: { type: 'int64', dims: [tokens], data: ids }, shares: float32([1, tokens], shares), mask: float32([1, 1, 1, tokens], mask) });
        vector = Float32Array.from(output['vector']!.data as Float32Array);
        if (known.size < mostKept) known.set(said, vector);
      }
      return vector;
    },
    async release() {
      await see.release();
      await read.release();
    },
  };
}

/** As the sentences stand that were learnt from: a capital at the beginning, a stop at the end. */
export function asWritten(text: string): string {
  const said = text.trim().replace(/\s+/gu, ' ');
  return said === '' ? '' : `${said.charAt(0).toUpperCase()}${said.slice(1)}${/[.!?]$/.test(said) ? '' : '.'}`;
}

/** Sentences whose vectors are kept. */
const mostKept = 20_000;

const unusable = (why: string): Fault => new Fault({ code: 'similar.config', what: 'The encoder of images and sentences cannot be used.', why, mend: 'Take its folder as the run left it.' });

/** The mean and deviation by which pixels were brought to the network's scale. */
function pixelStatistics(preprocessor: unknown): Pick<PatchOptions, 'mean' | 'std'> {
  const { image_mean: mean, image_std: std } = (preprocessor ?? {}) as { image_mean?: unknown; image_std?: unknown };
  const isTriple = (x: unknown): x is [number, number, number] => Array.isArray(x) && x.length === 3 && x.every((one) => typeof one === 'number' && Number.isFinite(one));
  if (!isTriple(mean) || !isTriple(std) || std.some((one) => one <= 0)) throw unusable('It does not say how pixels are to be scaled.');
  return { mean, std };
}
