/**
 * LoRA adapters in the folders of the PEFT library: read, merged into a checkpoint, and written.
 *
 *   W' = W + s · B·A      s = alpha / r, or alpha / √r where the adapter says so
 *
 * What an adapter asks for and is not done here (other methods, trained biases, DoRA) is refused, never left out in silence.
 */
import { mkdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { canonicalName, insideFolder, type Checkpoint } from './checkpoint.ts';
import { shown } from './header.ts';
import { isRecord, readJson } from './json.ts';
import { exchange, openSafetensors, readTensor, reason, writeFault, writePartial, type TensorEntry, type WrittenType } from './safetensors.ts';

/** The two factors of one weight's change. */
export interface LoraPair {
  /** [R, in] */
  readonly a: TensorEntry;
  /** [out, R] */
  readonly b: TensorEntry;
  readonly rank: number;
  /** What B·A is multiplied with. */
  readonly scale: number;
}

export interface Adapter {
  /** Absolute, with links resolved. */
  readonly folder: string;
  /** The content of adapter_config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** By the canonical name of the weight that is changed: `model.layers.0.self_attn.q_proj.weight`. */
  readonly pairs: ReadonlyMap<string, LoraPair>;
  /** Whole tensors that were trained and replace those of the base (`modules_to_save`), by canonical name. */
  readonly replaced: ReadonlyMap<string, TensorEntry>;
}

/**
 * Opens an adapter folder by its headers alone.
 *
 * @throws Fault `adapter.folder`, `adapter.kind` for what is not done here, `adapter.config`, `adapter.tensors` for pairs that are incomplete or of wrong shape,
 *   and those of `openSafetensors` and `insideFolder`
 */
export function openAdapter(path: string): Adapter {
  const folder = realFolder(path);
  const config = readJson(insideFolder(folder, 'adapter_config.json'), 8_000_000);
  if (!isRecord(config)) throw configFault('It is no JSON object.');
  checkKind(config);
  const rankOf = settingOf(config, 'r', 'rank_pattern');
  const alphaOf = settingOf(config, 'lora_alpha', 'alpha_pattern');
  const factors = new Map<string, { a?: TensorEntry; b?: TensorEntry; module: string }>();
  const replaced = new Map<string, TensorEntry>();
  for (const entry of openSafetensors(insideFolder(folder, 'adapter_model.safetensors')).tensors.values()) {
    const { module, part } = partOf(entry.name);
    if (part === 'whole') {
      addOnce(replaced, canonicalName(module), entry);
      continue;
    }
    const name = `${canonicalName(module)}.weight`;
    const pair = factors.get(name) ?? { module };
    if (pair[part]) throw tensorFault(`The factor ${part.toUpperCase()} of ${shown(name)} is there twice, in two spellings.`);
    factors.set(name, { ...pair, [part]: entry });
  }
  const pairs = new Map([...factors].map(([name, { a, b, module }]): [string, LoraPair] => {
    if (!a || !b) throw tensorFault(`Of the two factors for ${shown(name)} there is only ${a ? 'A' : 'B'}.`);
    const rank = rankOf(module);
    if (a.shape.length !== 2 || b.shape.length !== 2 || a.shape[0] !== rank || b.shape[1] !== rank) {
      throw tensorFault(`The factors for ${shown(name)} are [${a.shape.join(', ')}] and [${b.shape.join(', ')}], but its rank is ${rank}.`);
    }
    const alpha = alphaOf(module);
    return [name, { a, b, rank, scale: config.use_rslora === true ? alpha / Math.sqrt(rank) : alpha / rank }];
  }));
  for (const name of pairs.keys()) if (replaced.has(name)) throw tensorFault(`The weight ${shown(name)} is both changed and replaced.`);
  return { folder, config, pairs, replaced };
}

/** The methods of PEFT that change what the factors mean; each is off where its field is absent, false, null or empty. */
const foreignMethods = [
  'use_dora', 'use_qalora', 'use_bdlora', 'fan_in_fan_out', 'layer_replication', 'lora_bias', 'target_parameters', 'trainable_token_indices',
  'alora_invocation_tokens', 'arrow_config', 'corda_config', 'kasa_config', 'monteclora_config', 'megatron_config',
] as const;

function checkKind(config: Readonly<Record<string, unknown>>): void {
  if (config.peft_type !== 'LORA') throw kindFault(`It is of the type ${JSON.stringify(config.peft_type ?? null)}; LORA is the one that can be merged.`);
  if (config.bias !== undefined && config.bias !== 'none') throw kindFault('It trains biases too.');
  for (const field of foreignMethods) if (isOn(config[field])) throw kindFault(`It uses ${field}.`);
  const start = config.init_lora_weights;
  if (typeof start === 'string' && /^(?:pissa|olora|corda|loftq|lora_ga)/i.test(start)) throw kindFault(`It began as ${start}, which also changes the base weights that it belongs to.`);
}

const isOn = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0) && !(isRecord(value) && Object.keys(value).length === 0);

/** A number of the config and its exceptions: a module's own path or its ending, as PEFT matches them. */
function settingOf(config: Readonly<Record<string, unknown>>, field: string, patternField: string): (module: string) => number {
  const usual = config[field];
  const isSetting = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;
  if (!isSetting(usual)) throw configFault(`Its ${field} is no positive number.`);
  const patterns = config[patternField] ?? {};
  if (!isRecord(patterns)) throw configFault(`Its ${patternField} is no table.`);
  const exceptions = Object.entries(patterns).map(([pattern, value]) => {
    if (!isSetting(value)) throw configFault(`Its ${patternField} gives no positive number for ${shown(pattern)}.`);
    return { matches: endingMatcher(pattern), value };
  });
  return (module) => exceptions.find(({ matches }) => matches(module))?.value ?? usual;
}

/**
 * PEFT takes a key as a regular expression for the end of a path, from its start or a point on. Plain paths are what is in use; a foreign expression
 * could run for ever or mean something else here, so it is refused.
 */
function endingMatcher(pattern: string): (module: string) => boolean {
  const path = pattern.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\.', '.');
  if (!/^[\w.-]+$/.test(path)) throw configFault(`The pattern ${shown(pattern)} is no plain path.`);
  const isWhole = pattern.startsWith('^');
  return (module) => module === path || (!isWhole && module.endsWith(`.${path}`));
}

/** Which part of which module a stored tensor is. */
function partOf(name: string): { readonly module: string; readonly part: 'a' | 'b' | 'whole' } {
  const path = name.startsWith('base_model.model.') ? name.slice('base_model.model.'.length) : name;
  const factor = /^(.+)\.lora_([AB])\.(?:default\.)?weight$/.exec(path);
  if (factor) return { module: factor[1] as string, part: factor[2] === 'A' ? 'a' : 'b' };
  const foreign = ['lora_magnitude_vector', 'base_layer', 'lora_embedding_A', 'lora_embedding_B', 'lora_'].find((mark) => path.includes(mark));
  if (foreign) throw kindFault(`It holds ${shown(name)}, which belongs to a method that is not merged.`);
  return { module: path.replace(/\.modules_to_save(?:\.default)?\./, '.'), part: 'whole' };
}

function addOnce(map: Map<string, TensorEntry>, name: string, entry: TensorEntry): void {
  if (map.has(name)) throw tensorFault(`The tensor ${shown(name)} is there twice, in two spellings.`);
  map.set(name, entry);
}

/**
 * The values of a checkpoint's tensor with the adapter merged into it, in float32.
 *
 * @throws Fault `adapter.base` where the adapter was trained on another model
 */
export function mergedTensor(base: Checkpoint, adapter: Adapter, name: string): Float32Array {
  const entry = baseEntry(base, name);
  const whole = adapter.replaced.get(name);
  if (whole) return readTensor(whole);
  const values = readTensor(entry);
  const pair = adapter.pairs.get(name);
  if (pair) addProduct(values, readTensor(pair.b), readTensor(pair.a), pair);
  return values;
}

/**
 * Whether every tensor of the adapter finds its place in the base; called before a long merge begins.
 *
 * @throws Fault `adapter.base`
 */
export function checkFits(base: Checkpoint, adapter: Adapter): void {
  for (const [name, { a, b }] of adapter.pairs) {
    const { shape } = baseEntry(base, name);
    if (shape.length !== 2 || shape[0] !== b.shape[0] || shape[1] !== a.shape[1]) {
      throw baseFault(`It changes ${shown(name)} as [${b.shape[0]}, ${a.shape[1]}], but the model's is [${shape.join(', ')}].`);
    }
  }
  for (const [name, { shape }] of adapter.replaced) {
    const own = baseEntry(base, name).shape;
    if (own.length !== shape.length || own.some((size, axis) => size !== shape[axis])) {
      throw baseFault(`It replaces ${shown(name)} by [${shape.join(', ')}], but the model's is [${own.join(', ')}].`);
    }
  }
}

function baseEntry({ tensors }: Checkpoint, name: string): TensorEntry {
  const entry = tensors.get(name);
  if (!entry) throw baseFault(`The model has no tensor ${shown(name)}.`);
  return entry;
}

/**
 * Adds scale · B·A to W, in place.
 *
 * @param w  [out, in]
 * @param b  [out, R]
 * @param a  [R, in]
 */
export function addProduct(w: Float32Array, b: Float32Array, a: Float32Array, { rank, scale }: { readonly rank: number; readonly scale: number }): void {
  const width = a.length / rank;
  const row = new Float64Array(width);
  for (let out = 0; out < b.length / rank; out++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b[out * rank + r] as number;
      if (factor === 0) continue;
      const from = r * width;
      for (let i = 0; i < width; i++) row[i] = (row[i] as number) + factor * (a[from + i] as number);
    }
    const at = out * width;
    for (let i = 0; i < width; i++) w[at + i] = (w[at + i] as number) + scale * (row[i] as number);
  }
}

export interface AdapterToWrite {
  readonly rank: number;
  readonly alpha: number;
  readonly useRslora?: boolean;
  /** By canonical name of the weight: A [R, in] and B [out, R]. */
  readonly pairs: ReadonlyMap<string, { readonly a: Float32Array; readonly b: Float32Array }>;
  /** Whole tensors, by canonical name. */
  readonly replaced?: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** Where the base model can be found: a name or a path, for people and for PEFT. */
  readonly baseModel?: string;
}

/**
 * Writes a folder that PEFT and `openAdapter` read; whole or not at all.
 *
 * Names follow the module tree of current releases of transformers (`model.language_model…`, `model.visual…`).
 *
 * @throws Fault `weights.write` and those of `writeSafetensors`
 */
export function saveAdapter(folder: string, adapter: AdapterToWrite, dtype: WrittenType = 'F32'): void {
  const { rank, alpha, pairs, replaced = new Map<string, never>(), useRslora = false, baseModel = null } = adapter;
  const paths = [...pairs.keys()].map((name) => modulePath(name));
  const config = {
    peft_type: 'LORA', task_type: null, base_model_name_or_path: baseModel, inference_mode: true,
    r: rank, lora_alpha: alpha, lora_dropout: 0, use_rslora: useRslora, use_dora: false, bias: 'none', fan_in_fan_out: false, init_lora_weights: true,
    target_modules: paths, modules_to_save: replaced.size === 0 ? null : [...new Set([...replaced.keys()].map((name) => modulePath(name)))],
    rank_pattern: {}, alpha_pattern: {},
  };
  const tensors = [
    ...[...pairs].flatMap(([name, { a, b }]) => {
      const path = `base_model.model.${modulePath(name)}`;
      return [
        { name: `${path}.lora_A.weight`, dtype, shape: [rank, a.length / rank], data: a },
        { name: `${path}.lora_B.weight`, dtype, shape: [b.length / rank, rank], data: b },
      ];
    }),
    ...[...replaced].map(([name, { shape, data }]) => ({ name: `base_model.model.${newerName(name)}`, dtype, shape, data })),
  ];
  const weights = join(folder, 'adapter_model.safetensors');
  const settings = join(folder, 'adapter_config.json');
  const partial = (path: string): string => `${path}.${process.pid}.part`;
  try {
    mkdirSync(folder, { recursive: true });
    writePartial(partial(weights), tensors, { format: 'pt' }, basename(weights));
    writeFileSync(partial(settings), `${JSON.stringify(config, null, 2)}\n`, { flush: true });
    exchange(partial(weights), weights);
    exchange(partial(settings), settings);
  } catch (cause) {
    for (const path of [weights, settings]) rmSync(partial(path), { force: true });
    throw cause instanceof Fault ? cause : writeFault(basename(folder), cause);
  }
}

/** The spelling of current releases. */
function newerName(name: string): string {
  if (name.startsWith('visual.')) return `model.${name}`;
  return name.startsWith('model.') ? `model.language_model.${name.slice('model.'.length)}` : name;
}

const modulePath = (name: string): string => newerName(name).replace(/\.(?:weight|bias)$/, '');

function realFolder(path: string): string {
  try {
    const folder = realpathSync(path);
    if (!statSync(folder).isDirectory()) throw new Error('It is no folder');
    return folder;
  } catch (cause) {
    throw new Fault({
      code: 'adapter.folder', what: `${shown(path)} cannot be opened as an adapter.`, why: reason(cause), mend: 'Choose the folder that holds adapter_config.json.',
    }, { cause });
  }
}

const kindFault = (why: string): Fault =>
  new Fault({ code: 'adapter.kind', what: 'The adapter cannot be used.', why, mend: 'Train it again as plain LoRA, or merge it with the library that made it.' });

const configFault = (why: string): Fault =>
  new Fault({ code: 'adapter.config', what: 'adapter_config.json cannot be used.', why, mend: 'The file is damaged or of another kind: fetch or save the adapter again.' });

const tensorFault = (why: string): Fault =>
  new Fault({ code: 'adapter.tensors', what: 'The adapter cannot be used.', why, mend: 'The folder is damaged: fetch or save the adapter again.' });

const baseFault = (why: string): Fault =>
  new Fault({ code: 'adapter.base', what: 'The adapter does not fit this model.', why, mend: 'Choose the model that the adapter was trained on.' });
