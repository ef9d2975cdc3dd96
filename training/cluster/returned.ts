/** What an engine elsewhere has left in a job's folder: checked against the job, then taken over as a checkpoint or an adapter of ours. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { Scope } from '#models/clinical/scope.ts';
import { insideFolder, openCheckpoint, saveCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';
import { fileHash } from '#models/weights/fileHash.ts';
import { readJson } from '#models/weights/json.ts';
import { checkFits, openAdapter } from '#models/weights/peft.ts';
import { openSafetensors, readTensor, type TensorEntry } from '#models/weights/safetensors.ts';
import { ClusterJob, ClusterReturn } from '#training/records/clusterJob.ts';
import { Recipe } from '#training/records/recipe.ts';

export interface ReturnedJob {
  /** Absolute, links resolved. */
  readonly folder: string;
  readonly job: ClusterJob;
  /** SHA-256 of job.json. */
  readonly hash: string;
  readonly returned: ClusterReturn;
  readonly recipe: Recipe;
}

/**
 * Opens a job's folder with its result, and checks that they belong together.
 *
 * @param original  the job's folder as it was exported, where it was kept: then the one that comes back must be the same job
 * @throws Fault `import.job` no job, `import.result` nothing sealed, `import.stranger` the result or the folder belongs to another job,
 *   `import.damaged` a file is not as it was sealed or exported
 */
export function openReturned(path: string, original?: string): ReturnedJob {
  const folder = realFolder(path);
  const job = parsed(ClusterJob, folder, 'job.json', 'import.job', 'It is not the folder of a job, or its manifest is damaged.');
  const hash = fileHash(insideFolder(folder, 'job.json'));
  if (original !== undefined && fileHash(insideFolder(realFolder(original), 'job.json')) !== hash) {
    throw stranger('Its job.json is not that of the job that was exported.');
  }
  if (!existsSync(join(folder, 'result', 'returned.json'))) throw new Fault({
    code: 'import.result', what: `${basename(folder)} has nothing to import.`,
    why: 'There is no result/returned.json: the run has not ended, or ended without sealing what it made.',
    mend: 'Let the run end; `python loupe_return.py STEPS` in the folder seals a result/model that is there already.',
  });
  const returned = parsed(ClusterReturn, folder, 'result/returned.json', 'import.result', 'What says which weights came back is damaged.');
  if (returned.job !== hash) throw stranger('The result was made by another job: it names another job.json.');
  if (returned.kind !== job.trains) {
    throw stranger(`The job trains a${job.trains === 'adapter' ? 'n adapter' : ' checkpoint'}, the result is the other kind.`);
  }
  const recipeFile = job.files.find(({ path: name }) => name === 'recipe.json');
  if (!recipeFile) throw damaged('job.json names no recipe.json.');
  checkFile(folder, recipeFile);
  for (const file of returned.files) checkFile(join(folder, 'result', 'model'), file);
  const named = new Set(returned.files.map(({ path: name }) => name));
  const added = readdirSync(join(folder, 'result', 'model')).find((name) => name.endsWith('.safetensors') && !named.has(name));
  if (added !== undefined) throw damaged(`result/model/${added} was added after the result was sealed.`);
  return { folder, job, hash, returned, recipe: parsed(Recipe, folder, 'recipe.json', 'import.job', 'Its recipe is damaged.') };
}

/** What the weights were trained on, as the job says; null where it was exported before jobs said it. @throws Fault `import.damaged`, `import.job` */
export function scopeOf({ folder, job }: Pick<ReturnedJob, 'folder' | 'job'>): Scope | null {
  const file = job.files.find(({ path }) => path === 'scope.json');
  if (!file) return null;
  checkFile(folder, file);
  return parsed(Scope, folder, 'scope.json', 'import.job', 'What it was trained on is damaged.');
}

/**
 * The checkpoint that the job began from: of the job's folder, or another folder with the same bytes.
 *
 * @throws Fault `import.damaged`, `import.stranger` where the folder is not what the job began from, those of `openCheckpoint`
 */
export function startOf({ folder, job }: Pick<ReturnedJob, 'folder' | 'job'>, base?: string): Checkpoint {
  const start = base === undefined ? join(folder, 'checkpoint') : realFolder(base);
  for (const file of job.start.files) {
    if (base === undefined) checkFile(start, file);
    else if (file.path.endsWith('.safetensors') && (!existsSync(join(start, file.path))
      || fileHash(insideFolder(start, file.path)) !== file.sha256)) {
      throw stranger(`${basename(start)} is not what the job began from: ${file.path} has other bytes.`);
    }
  }
  return openCheckpoint(start);
}

/**
 * Writes the returned weights as a folder of ours, whole or not at all: only tensors come over, under our names, with the configuration and the
 * tokenizer of
 * what the job began from. Nothing that the engine wrote is trusted further than its shape and its numbers.
 *
 * @throws Fault `import.folder` where `out` is there already, `import.shape` for tensors of another model, `import.numbers` for weights that are not
 * finite,
 *   and those of the readers and writers of weights
 */
export function takeOver({ folder, job, hash, returned, recipe }: ReturnedJob, start: Checkpoint, out: string): string {
  const target = resolve(out);
  if (existsSync(target)) throw new Fault({
    code: 'import.folder', what: `The model cannot be written to ${basename(target)}.`,
    why: 'There is such a folder or file already.',
    mend: 'Name a new one.',
  });
  const unfinished = `${target}.${process.pid}.part`;
  const model = realFolder(join(folder, 'result', 'model'));
  try {
    mkdirSync(unfinished, { recursive: true });
    if (returned.kind === 'adapter') {
      const adapter = openAdapter(model);
      checkFits(start, adapter);
      for (const name of readdirSync(model).filter((file) => file.endsWith('.safetensors'))) {
        for (const entry of openSafetensors(insideFolder(model, name)).tensors.values()) finite(entry);
        copyFileSync(insideFolder(model, name), join(unfinished, name));
      }
      // Where the engine found its base is a path of another machine.
      const settings = { ...adapter.config, base_model_name_or_path: job.start.name, inference_mode: true };
      writeFileSync(join(unfinished, 'adapter_config.json'), `${JSON.stringify(settings, null, 2)}\n`);
    } else {
      const tensors = openCheckpoint(model).tensors;
      checkShapes(start.tensors, tensors);
      const { config, generationConfig, tokenizer } = start;
      const template = start.chatTemplate === null ? {} : { chat_template: start.chatTemplate };
      const tokenizerConfig = { ...(start.tokenizerConfig as Record<string, unknown>), ...template };
      const pixels = recipe.stages[job.recipe.stage]?.pixels;
      const bounds = pixels === undefined ? {} : { min_pixels: pixels, max_pixels: pixels };
      const preprocessor = { ...(start.preprocessor as Record<string, unknown>), ...bounds };
      saveCheckpoint(unfinished, { config, generationConfig, preprocessor, tokenizer, tokenizerConfig }, [...tensors.values()].map((entry) => ({
        name: entry.name, shape: entry.shape, data: () => finite(entry),
        ...(entry.dtype === 'F16' || entry.dtype === 'BF16' ? { dtype: entry.dtype } : {}),
      })), 'F32');
    }
    const about = { job: hash, engine: job.engine, versions: returned.versions, steps: returned.steps, departures: job.departures };
    writeFileSync(join(unfinished, 'cluster.json'), `${JSON.stringify(about, null, 1)}\n`);
    renameSync(unfinished, target);
    return target;
  } catch (cause) {
    rmSync(unfinished, { recursive: true, force: true });
    throw cause;
  }
}

/** Both hold the same tensors in the same shapes; a tied head may be written out or left out. */
function checkShapes(start: ReadonlyMap<string, TensorEntry>, returned: ReadonlyMap<string, TensorEntry>): void {
  const wrong = (why: string): Fault => new Fault({
    code: 'import.shape', what: 'The returned weights do not fit what the job began from.', why,
    mend: 'Check which model the run saved.',
  });
  for (const [name, { shape }] of start) {
    const found = returned.get(name);
    if (!found) throw wrong(`The tensor ${name} is missing.`);
    if (found.shape.join() !== shape.join()) throw wrong(`The tensor ${name} is [${found.shape.join(', ')}] instead of [${shape.join(', ')}].`);
  }
  const added = [...returned.keys()].find((name) => !start.has(name));
  if (added !== undefined) throw wrong(`The tensor ${added} is new.`);
}

/** The tensor's values, each of them a number. */
function finite(entry: TensorEntry): Float32Array {
  const values = readTensor(entry);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new Fault({
    code: 'import.numbers', what: 'The returned weights cannot be used.',
    why: `${entry.name} holds ${values[at]} at ${at}: the run has diverged.`,
    mend: 'Take an earlier checkpoint of the run, or a lower learning rate.',
  });
  return values;
}

function checkFile(folder: string, { path, bytes, sha256 }: ClusterReturn['files'][number]): void {
  const real = existsSync(join(folder, path)) ? insideFolder(realFolder(folder), path) : null;
  if (real === null) throw damaged(`${path} is missing.`);
  if (statSync(real).size !== bytes || fileHash(real) !== sha256) throw damaged(`${path} does not have the bytes that were sealed.`);
}

/** What of a schema is needed here; the schemas themselves are those of `training/records`. */
interface Schema<T> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } };
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function parsed<T>(schema: Schema<T>, folder: string, name: string, code: string, why: string): T {
  let json: unknown;
  try {
    json = readJson(insideFolder(folder, name), 256_000_000);
  } catch (cause) {
    throw cause instanceof Fault && cause.code !== 'checkpoint.missing' && cause.code !== 'checkpoint.json' ? cause
      : new Fault({ code, what: `${basename(folder)} cannot be imported.`,
      why: `${name} cannot be read. ${why}`,
      mend: 'Copy the whole folder back from where it ran.' }, { cause });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new Fault({ code, what: `${basename(folder)} cannot be imported.`,
  why: `${why} ${name}: ${issues}.`,
  mend: 'Copy the whole folder back from where it ran.' });
}

function realFolder(path: string): string {
  try {
    return realpathSync(resolve(path));
  } catch (cause) {
    throw new Fault({
      code: 'import.job', what: `${basename(path)} cannot be imported.`,
      why: 'There is no such folder.',
      mend: 'Name the folder of a job.',
    }, { cause });
  }
}

const stranger = (why: string): Fault => new Fault({
  code: 'import.stranger', what: 'The result is refused.', why,
  mend: 'Import it from the folder of its own job.',
});

const damaged = (why: string): Fault => new Fault({
  code: 'import.damaged', what: 'The result is refused.', why,
  mend: 'Copy the folder back again from where it ran.',
});
