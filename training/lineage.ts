/** Base, snapshot, run, adapter: the chain of hashes that says what weights were made of, written beside them and checked there. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { fileHash } from '#models/weights/fileHash.ts';
import { readJson } from '#models/weights/json.ts';
import { snapshotOf } from './data/snapshot.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import { Lineage, type HashedFile, type LineageRun } from './records/lineage.ts';
import type { Recipe } from './records/recipe.ts';
import { startFolder } from './startFolder.ts';

const fileName = 'lineage.json';

/** What of a folder determines what its model says; a card or a log may change freely. */
const isNamed = (name: string): boolean => /\.safetensors$/.test(name) || [
  'model.safetensors.index.json', 'config.json', 'adapter_config.json', 'generation_config.json', 'preprocessor_config.json', 'processor_config.json', 'tokenizer.json',
  'tokenizer_config.json', 'chat_template.json', 'chat_template.jinja', 'quantization.json',
].includes(name);
/** What a run keeps beside its weights in order to go on, and nobody ships. */
const isOfTrainer = (name: string): boolean => name.startsWith('trainer.');

/** JSON with sorted keys, so that the same content has the same hash however it was written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** SHA-256 over the content of a JSON value: of a recipe, of a tokenizer. */
export const contentHash = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

function hashedFiles(folder: string): readonly HashedFile[] {
  const names = readdirSync(folder).filter((name) => isNamed(name) && !isOfTrainer(name)).sort();
  if (!names.some((name) => name.endsWith('.safetensors'))) throw noModel(folder, 'It holds no *.safetensors file.');
  return names.map((name) => ({ name, sha256: fileHash(join(folder, name)) }));
}

/** The record's own hash, over everything in it; the parent and the parts take part by their hashes. */
const hashOf = ({ version, name, kind, files, run, parent, parts }: Omit<Lineage, 'hash'>): string => contentHash({
  version, name, kind, files, run, parent: parent?.hash ?? null, ...(parts ? { parts: parts.map(({ weight, lineage }) => ({ weight, hash: lineage.hash })) } : {}),
});

function compose(folder: string, run: LineageRun | null, parent: Lineage | null, parts?: Lineage['parts']): Lineage {
  const record = {
    version: 1 as const, name: basename(resolve(folder)), kind: existsSync(join(folder, 'adapter_config.json')) ? 'adapter' as const : 'checkpoint' as const,
    files: hashedFiles(folder), run, parent, ...(parts ? { parts } : {}),
  };
  return { ...record, hash: hashOf(record) };
}

/**
 * Writes `lineage.json` into a folder of weights that a run has just made, whole or not at all.
 *
 * @param run     null for weights that no run here made: brought in from elsewhere, or rounded
 * @param parent  the lineage of what the run began from (`lineageOf`), null where it began from nothing
 * @param parts   what a sum of adapters was added up from
 * @throws Fault `lineage.folder`, `lineage.write`
 */
export function recordLineage(folder: string, run: LineageRun | null, parent: Lineage | null, parts?: Lineage['parts']): Lineage {
  const lineage = compose(folder, run, parent, parts);
  const path = join(folder, fileName);
  const part = `${path}.${process.pid}.part`;
  try {
    writeFileSync(part, `${JSON.stringify(lineage, null, 1)}\n`, { flush: true });
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    throw new Fault({ code: 'lineage.write', what: `The lineage of ${lineage.name} cannot be written.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Free space on the disk, or choose another folder.' }, { cause });
  }
  return lineage;
}

/** Writes the lineage of every folder of weights that a run makes; what the run began from and learnt from is hashed once. */
export function lineageWriter({ recipe, records, tokenizer }: { readonly recipe: Recipe; readonly records: readonly CaseRecord[]; readonly tokenizer: unknown }): (folder: string, step: number) => void {
  // The network that tells altered images has no weight of the checkpoint that its recipe names for the form of its files.
  const isOwn = recipe.stages.every(({ learns }) => learns === 'integrity');
  const parent = 'folder' in recipe.start && !isOwn ? lineageOf(startFolder(recipe.start.folder)) : null;
  const distinct = [...new Map(records.map((record) => [record.id, record])).values()];
  const common = {
    recipe: { name: recipe.name, sha256: contentHash(recipe) }, data: { snapshot: snapshotOf(distinct).hash, cases: distinct.length }, seed: recipe.seed, tokenizer: contentHash(tokenizer),
  };
  return (folder, step) => void recordLineage(folder, { ...common, step }, parent);
}

/** What is known of a folder: its lineage, or for weights from elsewhere a record of their hashes alone. @throws Fault `lineage.folder`, `lineage.damaged` */
export function lineageOf(folder: string): Lineage {
  if (!existsSync(folder)) throw noModel(folder, 'There is no such folder.');
  return existsSync(join(folder, fileName)) ? readLineage(folder) : compose(folder, null, null);
}

function readLineage(folder: string): Lineage {
  let json: unknown;
  try {
    json = readJson(join(folder, fileName), 8_000_000);
  } catch (cause) {
    throw damaged(folder, cause instanceof Fault ? cause.why : String(cause));
  }
  const parsed = Lineage.safeParse(json);
  if (!parsed.success) throw damaged(folder, parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
  const broken = everyLink(parsed.data).find((link) => hashOf(link) !== link.hash);
  if (broken) throw damaged(folder, `What it says of ${JSON.stringify(broken.name)} does not have the hash that it states.`);
  return parsed.data;
}

/** The chain from what it all began with down to these weights. */
export function chainOf(lineage: Lineage): readonly Lineage[] {
  const chain: Lineage[] = [];
  for (let at: Lineage | null = lineage; at; at = at.parent) chain.unshift(at);
  return chain;
}

/** All records within one, those of its parts included. */
const everyLink = (lineage: Lineage): readonly Lineage[] => chainOf(lineage).flatMap((link) => [link, ...(link.parts ?? []).flatMap((part) => everyLink(part.lineage))]);

export interface LineageProblem {
  /** `lineage.missing`, `lineage.damaged`, `lineage.file`, `lineage.parent` */
  readonly code: string;
  readonly message: string;
}

/**
 * Whether a folder is what its lineage says: the record is whole, every file has its bytes and none was added. With `parentFolder`, also whether that is
 * what the run began from. Empty: all holds.
 */
export function checkLineage(folder: string, { parentFolder }: { readonly parentFolder?: string } = {}): readonly LineageProblem[] {
  if (!existsSync(join(folder, fileName))) return [{ code: 'lineage.missing', message: `${basename(resolve(folder))} carries no ${fileName}.` }];
  let lineage: Lineage;
  try {
    lineage = readLineage(folder);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    return [{ code: fault.code, message: fault.why }];
  }
  const problems = differences(lineage, folder).map((message) => ({ code: 'lineage.file', message }));
  if (parentFolder === undefined) return problems;
  if (!lineage.parent) return [...problems, { code: 'lineage.parent', message: `${lineage.name} names nothing that it was made of.` }];
  return [...problems, ...differences(lineage.parent, parentFolder).map((message) => ({ code: 'lineage.parent', message }))];
}

/** Files of a folder that are not as a lineage names them. */
function differences({ files, name }: Lineage, folder: string): readonly string[] {
  let found: ReadonlyMap<string, string>;
  try {
    found = new Map(hashedFiles(folder).map((file) => [file.name, file.sha256]));
  } catch (cause) {
    return [cause instanceof Fault ? cause.why : `${basename(resolve(folder))} cannot be read.`];
  }
  const named = new Set(files.map((file) => file.name));
  return [
    ...files.flatMap((file) => {
      const sha256 = found.get(file.name);
      if (sha256 === undefined) return [`${file.name} of ${name} is missing.`];
      return sha256 === file.sha256 ? [] : [`${file.name} of ${name} has other bytes: ${sha256.slice(0, 12)} instead of ${file.sha256.slice(0, 12)}.`];
    }),
    ...[...found.keys()].filter((file) => !named.has(file)).map((file) => `${file} was added to ${name}.`),
  ];
}

/** The chain for a terminal, oldest first. */
export function lineageText(lineage: Lineage): string {
  const short = (sha256: string): string => sha256.slice(0, 12);
  return chainOf(lineage).flatMap(({ name, kind, run, files, hash, parts }, depth) => {
    const indent = '  '.repeat(depth);
    return [
      `${indent}${depth > 0 ? '└ ' : ''}${name} (${kind})  ${short(hash)}`,
      ...(run ? [`${indent}    made by ${run.recipe.name} ${short(run.recipe.sha256)}, seed ${run.seed}, step ${run.step}, on snapshot ${short(run.data.snapshot)} of ${run.data.cases} cases`] : parts ? parts.map((part) => `${indent}    ${part.weight} × ${part.lineage.name} ${short(part.lineage.hash)}`) : [`${indent}    from elsewhere`]),
      ...files.map((file) => `${indent}    ${short(file.sha256)}  ${file.name}`),
    ];
  }).join('\n');
}

const noModel = (folder: string, why: string): Fault => new Fault({ code: 'lineage.folder', what: `${folder} is no model.`, why, mend: 'Name the folder of a checkpoint or an adapter.' });

const damaged = (folder: string, why: string): Fault => new Fault({
  code: 'lineage.damaged', what: `The lineage of ${basename(resolve(folder))} cannot be trusted.`, why, mend: 'Fetch the folder again from where it was made; do not edit lineage.json.',
});
