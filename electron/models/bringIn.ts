/**
 * Brings a folder of weights in: copied, merged into its base where it is an adapter, rounded where that is wished, and tried on this machine.
 * All of it happens in a work folder; whoever asked puts the finished one in its place, or throws the work away.
 */
import { copyFileSync, createReadStream, createWriteStream, existsSync, lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { basename, join } from 'node:path';
import type { Job, Parity } from '#electron/contract/models.ts';
import { Fault } from '#models/base/fault.ts';
import type { Trained } from '#models/clinical/scope.ts';
import { insideFolder, openCheckpoint, saveCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';
import { fileHash } from '#models/weights/fileHash.ts';
import { checkFits, mergedTensor, openAdapter } from '#models/weights/peft.ts';
import type { WrittenType } from '#models/weights/safetensors.ts';
import { checkLineage, lineageOf, recordLineage } from '#training/lineage.ts';
import { writeScope } from '#training/scope.ts';
import { bytesOf, slugOf } from './describe.ts';
import { compareCheckpoints, quantizeCheckpoint } from './quantize.ts';
import { noteName, type ModelNote } from './shelf.ts';
import { trial } from './trial.ts';

export interface Bringing {
  /** The folder of a checkpoint or an adapter. */
  readonly from: string;
  /** Empty, and on the disk of the models. */
  readonly work: string;
  readonly name: string;
  readonly bits: 4 | 8 | null;
  /** What an adapter is merged into; of a copy that is only rounded: the original. */
  readonly base: { readonly id: string; readonly folder: string } | null;
  /** A rounded copy of a model that is here, or something from elsewhere. */
  readonly origin: ModelNote['origin'];
  readonly by: string;
  readonly at: string;
  /** What it was trained on, as a person says: counts where its folder says nothing. */
  readonly trained?: Trained;
}

export type Phase = Job['phase'];
export type Tell = (phase: Phase, done: number, total: number) => void;

/** Files beside the weights that come along: what determines the model, its card and its terms. */
const terms = ['README.md', 'LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE', 'NOTICE'] as const;
const companions = [
  'config.json', 'generation_config.json', 'preprocessor_config.json', 'processor_config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.json', 'chat_template.jinja', 'adapter_config.json', 'lineage.json',
  'provenance.json', 'scope.json', ...terms,
] as const;

/** Gives the finished folder, within `work`. @throws Fault of the engine, of the adapter and of the lineage; `models.untrue` where the model does not compute numbers here */
export async function bringIn({ from, work, name, bits, base, origin, by, at, trained }: Bringing, tell: Tell): Promise<{ readonly folder: string; readonly lineage: string }> {
  const slug = slugOf(name);
  const isAdapter = existsSync(join(from, 'adapter_config.json')) && !existsSync(join(from, 'config.json'));
  let whole = origin === 'quantised' ? from : await copied(from, join(work, 'copied', slug), isAdapter, tell);
  let adapter: ModelNote['adapter'] = null;
  if (isAdapter) {
    if (!base) throw new Fault({ code: 'models.nobase', what: 'The adapter cannot be brought in.', why: 'The model that it belongs to was not chosen.', mend: 'Choose its base.' });
    adapter = adapterFacts(whole);
    whole = merged(whole, base.folder, join(work, 'merged', slug), tell);
  }
  let parity: Parity | null = null;
  if (bits !== null) {
    const rounded = join(work, 'rounded', slug);
    parity = await quantised(whole, rounded, bits, tell);
    if (whole.startsWith(work)) rmSync(whole, { recursive: true });
    whole = rounded;
  }
  if (trained && trained.length > 0 && !existsSync(join(whole, 'scope.json'))) writeScope(whole, { format: 'loupe.scope/1', trained, locates: [], statedBy: by });
  tell('testing', 0, 1);
  const selfTest = await trial(whole, at);
  const untrue = selfTest.checks.find(({ name: check, passed }) => check === 'finite' && !passed);
  if (untrue) throw new Fault({ code: 'models.untrue', what: `${name} is not taken in.`, why: `Tried on this machine, it does not compute numbers: ${untrue.detail}`, mend: 'Fetch the weights again; if they were rounded here, bring them in at their own precision.' });
  const note: ModelNote = { name, origin, from: basename(from), addedAt: at, addedBy: by, baseId: base?.id ?? null, adapter, parity, selfTest };
  writeFileSync(join(whole, noteName), `${JSON.stringify(note, null, 1)}\n`, { flush: true });
  return { folder: whole, lineage: lineageOf(whole).hash };
}

/** Copies what makes the model and nothing else; a lineage that comes along must be true of the copy. */
async function copied(from: string, out: string, isAdapter: boolean, tell: Tell): Promise<string> {
  const names = filesOf(from, isAdapter);
  const sizes = names.map((name) => statSync(insideFolder(from, name)).size);
  const total = sizes.reduce((a, b) => a + b, 0);
  mkdirSync(out, { recursive: true });
  let done = 0;
  let told = 0;
  for (const name of names) {
    const reading = createReadStream(insideFolder(from, name), { highWaterMark: 1 << 20 });
    reading.on('data', (chunk) => {
      done += chunk.length;
      if (done - told < 8_000_000) return;
      told = done;
      tell('copying', done, total);
    });
    await pipeline(reading, createWriteStream(join(out, name), { flags: 'wx', flush: true }));
  }
  tell('copying', total, total);
  const problem = checkLineage(out).find(({ code }) => code !== 'lineage.missing');
  if (problem) throw new Fault({ code: problem.code, what: 'The model is not taken in.', why: `Its files are not what its lineage says: ${problem.message}`, mend: 'Fetch the folder again from where it was made.' });
  if (!existsSync(join(out, 'lineage.json'))) recordLineage(out, null, null);
  return out;
}

/** Only plain files of the folder itself: the weights that its index names, and their companions. */
function filesOf(from: string, isAdapter: boolean): readonly string[] {
  const root = isAdapter ? openAdapter(from).folder : openCheckpoint(from).folder;
  const weights = isAdapter ? ['adapter_model.safetensors'] : [...new Set([...openCheckpoint(from).tensors.values()].map(({ file }) => file.slice(root.length + 1)))];
  const nested = weights.find((name) => /[\\/]/.test(name));
  if (nested !== undefined) throw new Fault({ code: 'checkpoint.outside', what: 'The model is not taken in.', why: `Its weights lie in another folder: ${nested}.`, mend: 'Put all files into one folder.' });
  // An index names shards; a single file needs none, and a stale one beside it would mislead.
  const index = weights.length > 1 || weights[0] !== 'model.safetensors' ? ['model.safetensors.index.json'] : [];
  return [...weights, ...(isAdapter ? [] : index), ...companions].filter((name) => lstatSync(join(from, name), { throwIfNoEntry: false }) !== undefined);
}

function adapterFacts(folder: string): NonNullable<ModelNote['adapter']> {
  const { config, pairs, replaced } = openAdapter(folder);
  const named = config.base_model_name_or_path;
  return { rank: Number(config.r), tensors: pairs.size + replaced.size, sha256: fileHash(join(folder, 'adapter_model.safetensors')), namedBase: typeof named === 'string' ? basename(named).slice(0, 120) : null };
}

/** The base with the adapter's changes in it, in the base's own precision; what the adapter was stays in a folder beside the weights. */
function merged(adapterFolder: string, baseFolder: string, out: string, tell: Tell): string {
  const [checkpoint, adapter] = [openCheckpoint(baseFolder), openAdapter(adapterFolder)];
  checkFits(checkpoint, adapter);
  const tensors = [...checkpoint.tensors];
  let done = 0;
  mkdirSync(out, { recursive: true });
  // A template in a file of its own travels inside the tokenizer's settings.
  const tokenizerConfig = checkpoint.chatTemplate === null ? checkpoint.tokenizerConfig : { ...(checkpoint.tokenizerConfig as object), chat_template: checkpoint.chatTemplate };
  saveCheckpoint(out, { ...checkpoint, tokenizerConfig }, tensors.map(([name, { shape }]) => ({
    name, shape, data: () => {
      tell('merging', ++done, tensors.length);
      return mergedTensor(checkpoint, adapter, name);
    },
  })), precisionOf(checkpoint));
  for (const name of terms) if (existsSync(join(adapterFolder, name))) copyFileSync(join(adapterFolder, name), join(out, name));
  // What an adapter taught is said with it; one that says nothing was still made of what the base knows.
  const scope = [adapterFolder, baseFolder].map((folder) => join(folder, 'scope.json')).find((path) => existsSync(path));
  if (scope !== undefined) copyFileSync(scope, join(out, 'scope.json'));
  mkdirSync(join(out, 'adapter'));
  for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'lineage.json']) if (existsSync(join(adapterFolder, name))) copyFileSync(join(adapterFolder, name), join(out, 'adapter', name));
  const { run } = lineageOf(adapterFolder);
  recordLineage(out, run, lineageOf(baseFolder));
  rmSync(adapterFolder, { recursive: true });
  return out;
}

function precisionOf({ tensors }: Checkpoint): WrittenType {
  const stored = tensors.get('model.embed_tokens.weight')?.dtype;
  return stored === 'F16' || stored === 'BF16' ? stored : 'F32';
}

async function quantised(from: string, out: string, bits: 4 | 8, tell: Tell): Promise<Parity> {
  const original = openCheckpoint(from);
  quantizeCheckpoint(original, out, { bits, blockSize: 32, isSymmetric: true }, (_, done, total) => tell('quantising', done, total));
  for (const name of [...terms, 'scope.json']) if (existsSync(join(from, name))) copyFileSync(join(from, name), join(out, name));
  tell('comparing', 0, 1);
  const report = await compareCheckpoints(original, openCheckpoint(out), { prompts: 12, tokens: 16 });
  const parity: Parity = { bits, ...report, bytesBefore: bytesOf(from), bytesAfter: bytesOf(out) };
  // Rounding learns nothing: no run stands between the original and its copy.
  recordLineage(out, null, lineageOf(from));
  return parity;
}
