/** A checkpoint with its linear layers in 4 or 8 bits, and how its scores differ from the original's. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { openEngine, quantizationMethod, type Engine } from '#models/engine.ts';
import { generate } from '#models/runtime/generate.ts';
import { parityReport, quantizeMatrix, writeRawTensors, type ParityReport, type QuantizationOptions, type QuantizedMatrix, type RawTensor } from '#models/runtime/quantize.ts';
import type { Checkpoint } from '#models/weights/checkpoint.ts';
import { readTensor, readTensorBytes, type TensorEntry } from '#models/weights/safetensors.ts';

/** Linear layers of the decoder, the tower and the connector. Embeddings, norms and the patch kernel stay as they are. */
const isLinear = ({ name, shape }: TensorEntry): boolean => shape.length === 2 && name.endsWith('.weight') && !name.includes('embed');

/** The output head decides between tokens that are nearly equal: it keeps 8 bits. */
const bitsFor = ({ name }: TensorEntry, { bits }: QuantizationOptions): 4 | 8 => (name === 'lm_head.weight' ? 8 : bits);

/** Writes the new folder. @throws Fault `quantize.twice`, `quantize.place`, `weights.write` */
export function quantizeCheckpoint(original: Checkpoint, out: string, options: QuantizationOptions, progress: (name: string, done: number, total: number) => void = () => undefined): void {
  if (out === original.folder) throw new Fault({ code: 'quantize.place', what: 'The quantised model cannot be written.', why: '--out is the original folder.', mend: 'Choose a new folder.' });
  const config = original.config as Readonly<Record<string, unknown>>;
  if (config.quantization_config) throw new Fault({ code: 'quantize.twice', what: 'The model cannot be quantised.', why: 'It is quantised already.', mend: 'Start from the original checkpoint.' });
  try {
    mkdirSync(out, { recursive: true });
    for (const name of ['generation_config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.json', 'chat_template.jinja']) {
      if (existsSync(join(original.folder, name))) copyFileSync(join(original.folder, name), join(out, name));
    }
  } catch (cause) {
    throw new Fault({ code: 'weights.write', what: `${out} cannot be written.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Check the folder and the free space.' }, { cause });
  }
  const entries = [...original.tensors.values()];
  const linear = entries.filter(isLinear).length;
  let done = 0;
  const tensors = entries.flatMap((entry): readonly RawTensor[] => {
    if (!isLinear(entry)) return [{ name: entry.name, dtype: entry.dtype as RawTensor['dtype'], shape: entry.shape, bytes: () => readTensorBytes(entry) }];
    progress(entry.name, ++done, linear);
    return quantizedTensors(entry, { ...options, bits: bitsFor(entry, options) });
  });
  writeRawTensors(join(out, 'model.safetensors'), tensors);
  const stated = { quant_method: quantizationMethod, bits: options.bits, block_size: options.blockSize, is_symmetric: options.isSymmetric };
  writeFileSync(join(out, 'config.json'), `${JSON.stringify({ ...config, quantization_config: stated }, null, 2)}\n`);
}

function quantizedTensors(entry: TensorEntry, options: QuantizationOptions): readonly RawTensor[] {
  const [rows = 0, columns = 0] = entry.shape;
  const blocks = Math.ceil(columns / options.blockSize);
  // The three parts are written one after the other, so one result serves them and is then let go.
  let latest: QuantizedMatrix | null = null;
  const part = (pick: (matrix: QuantizedMatrix) => Uint8Array, isLast: boolean) => (): Uint8Array => {
    latest ??= quantizeMatrix(readTensor(entry), rows, columns, options);
    const bytes = pick(latest);
    if (isLast) latest = null;
    return bytes;
  };
  return [
    { name: `${entry.name}.packed`, dtype: 'U8', shape: [rows, blocks, (options.blockSize * options.bits) / 8], bytes: part(({ packed }) => packed, false) },
    ...(options.isSymmetric ? [] : [{ name: `${entry.name}.zeros`, dtype: 'U8', shape: [rows, Math.ceil((blocks * options.bits) / 8)], bytes: part(({ zeroPoints }) => zeroPoints as Uint8Array, false) } as const]),
    { name: `${entry.name}.scales`, dtype: 'F32', shape: [rows * blocks], bytes: part(({ scales }) => new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength), true) },
  ];
}

/** Both models after the same prompts: the original's own writing, sampled, so that the texts are such as it meets. */
export async function compareCheckpoints(original: Checkpoint, quantized: Checkpoint, { prompts = 24, tokens = 24, seed = 1 } = {}): Promise<ParityReport> {
  const first = await openEngine(original);
  const second = await openEngine(quantized);
  try {
    const pairs: [Float32Array, Float32Array][] = [];
    for (const ids of await ownTexts(first, { prompts, tokens, seed })) {
      const prompt = { ids, grids: [], vision: new Float32Array(0) };
      pairs.push([(await first.read(prompt)).logits, (await second.read(prompt)).logits]);
    }
    return parityReport(pairs);
  } finally {
    await first.release();
    await second.release();
  }
}

async function ownTexts({ config, network, read }: Engine, { prompts, tokens, seed }: { prompts: number; tokens: number; seed: number }): Promise<readonly (readonly number[])[]> {
  const random = Random.named(seed, 'quantization prompts');
  const special = new Set(Object.values(config.tokens));
  const isText = (id: number): boolean => !special.has(id);
  const start = Array.from({ length: 4 }, () => random.below(config.vocabularySize)).filter(isText);
  const banned = Uint8Array.from({ length: config.vocabularySize }, (_, id) => Number(!isText(id)));
  const written = await generate(network, await read({ ids: start, grids: [], vision: new Float32Array(0) }), prompts, {
    sampling: { temperature: 1, topK: 0, topP: 1, seed }, maxNewTokens: tokens, stops: new Set(), banned,
  });
  return written.map((completion, i) => [...start, ...completion.tokens.slice(0, 1 + (i % tokens))]);
}
