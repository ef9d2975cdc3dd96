/** What a folder of weights is, read from its headers, its card and its lineage: nothing is computed. */
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Link, ModelDetail, ModelInfo, Offer, RunAdapter, Why } from '#electron/contract/models.ts';
import { Fault } from '#models/base/fault.ts';
import { product } from '#models/base/math.ts';
import { parseConfig } from '#models/networks/config.ts';
import { parsePatchOptions } from '#models/reasoner.ts';
import { openCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';
import { readJson } from '#models/weights/json.ts';
import { checkFits, openAdapter } from '#models/weights/peft.ts';
import { chainOf, lineageOf } from '#training/lineage.ts';
import type { Lineage } from '#training/records/lineage.ts';
import { readScope } from '#training/scope.ts';

/** What the folder itself tells; the rest is the shelf's. */
export type FolderFacts = Pick<ModelInfo, 'family' | 'parameters' | 'precision' | 'bytes' | 'licence' | 'lineage' | 'chain' | 'problem'>;

export function folderFacts(folder: string): FolderFacts {
  const { lineage, chain } = lineageFacts(folder);
  const rest = { bytes: bytesOf(folder), licence: licenceOf(folder), lineage, chain };
  try {
    const checkpoint = openCheckpoint(folder);
    return { ...rest, ...weightFacts(checkpoint), problem: null };
  } catch (thrown) {
    return { ...rest, family: null, parameters: null, precision: null, problem: whyOf(thrown) };
  }
}

function weightFacts(checkpoint: Checkpoint): Pick<ModelInfo, 'family' | 'parameters' | 'precision'> {
  const { family } = parseConfig(checkpoint.config);
  const bits = quantizedBits(checkpoint.config);
  const entries = [...checkpoint.tensors.values()];
  // A rounded matrix is stored as its bits, its scales and its zero points: only the bits are weights.
  const parameters = entries.reduce((total, { name, shape }) => {
    if (bits === null || !/\.(?:packed|scales|zeros)$/.test(name)) return total + product(shape);
    return name.endsWith('.packed') ? total + (product(shape) * 8) / (name.startsWith('lm_head.') ? 8 : bits) : total;
  }, 0);
  const byType = new Map<string, number>();
  for (const { dtype, byteLength } of entries) byType.set(dtype, (byType.get(dtype) ?? 0) + byteLength);
  const [most] = [...byType].sort((a, b) => b[1] - a[1]);
  return { family, parameters, precision: bits === null ? most?.[0] ?? null : `${bits} bit` };
}

export function quantizedBits(config: unknown): 4 | 8 | null {
  const stated = (config as { readonly quantization_config?: { readonly bits?: unknown } } | null)?.quantization_config?.bits;
  return stated === 4 || stated === 8 ? stated : null;
}

function lineageFacts(folder: string): { readonly lineage: string | null; readonly chain: Link[] } {
  try {
    const lineage = lineageOf(folder);
    return { lineage: lineage.hash, chain: linksOf(lineage) };
  } catch {
    return { lineage: null, chain: [] };
  }
}

const linksOf = (lineage: Lineage): Link[] => chainOf(lineage).map(({ name, kind, hash, run }) => ({
  name, kind, hash, run: run && { recipe: run.recipe.name, recipeSha256: run.recipe.sha256, snapshot: run.data.snapshot, cases: run.data.cases, step: run.step, seed: run.seed },
}));

/** Everything below, as the disk counts it. */
export function bytesOf(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).reduce((total, name) => {
      const found = lstatSync(join(folder, name), { throwIfNoEntry: false });
      return total + (found?.isFile() === true ? found.size : 0);
    }, 0);
  } catch {
    return 0;
  }
}

const mostOfCard = 200_000;

/** The README with the settings at its head apart; null without one. */
function cardOf(folder: string): { readonly head: string; readonly text: string } | null {
  const path = join(folder, 'README.md');
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const whole = readFileSync(path).subarray(0, mostOfCard).toString('utf8').replaceAll('\r\n', '\n');
  const end = whole.startsWith('---\n') ? whole.indexOf('\n---', 4) : -1;
  return end < 0 ? { head: '', text: whole } : { head: whole.slice(4, end), text: whole.slice(end + 4).trimStart() };
}

function licenceOf(folder: string): string | null {
  const stated = cardOf(folder)?.head.split('\n').find((line) => /^licen[sc]e:/i.test(line))?.split(':')[1]?.trim().replace(/^['"]|['"]$/g, '');
  if (stated) return stated.slice(0, 60);
  return /\bThe weights are under ([\w.-]{1,40}\w)/.exec(cardOf(folder)?.text ?? '')?.[1] ?? null;
}

export function detailOf(id: string, folder: string): ModelDetail {
  const hashes = new Map<string, string>();
  try {
    for (const { name, sha256 } of lineageOf(folder).files) hashes.set(name, sha256);
  } catch { /* what has no lineage is listed without hashes */ }
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => ({ name, bytes: statSync(join(folder, name)).size, sha256: hashes.get(name) ?? null })).sort((a, b) => b.bytes - a.bytes);
  return { id, card: cardOf(folder)?.text ?? null, files: files.slice(0, 200), facts: networkFacts(folder), scope: readScope(folder) };
}

function networkFacts(folder: string): ModelDetail['facts'] {
  try {
    const checkpoint = openCheckpoint(folder);
    const { layers, hiddenSize, vocabularySize, maxPositions, vision } = parseConfig(checkpoint.config);
    const { patchSize, mergeSize, maxPixels } = parsePatchOptions(checkpoint.preprocessor, vision);
    const side = Math.floor(Math.sqrt(maxPixels));
    return { layers, hiddenSize, vocabulary: vocabularySize, maxPositions, visionLayers: vision.depth, patch: patchSize * mergeSize, most: `${side} × ${side}` };
  } catch {
    return null;
  }
}

export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly folder: string;
}

/** A folder that may be brought in: what it is, what it would belong to, and why not where it cannot. */
export function offerOf(folder: string, candidates: readonly Candidate[]): Omit<Offer, 'id'> {
  const isAdapter = existsSync(join(folder, 'adapter_config.json')) && !existsSync(join(folder, 'config.json'));
  const base = { name: basename(folder), kind: isAdapter ? 'adapter' as const : 'checkpoint' as const, bytes: bytesOf(folder), bases: [], canQuantize: false, scope: readScope(folder) };
  const unknown = { family: null, parameters: null, precision: null };
  try {
    if (isAdapter) {
      const bases = fittingBases(folder, candidates);
      if (bases.length === 0) throw new Fault({ code: 'models.nobase', what: `${base.name} cannot be brought in.`, why: 'It is an adapter, and none of the models here is one that it fits.', mend: 'Bring in the model that it was trained on first.' });
      return { ...base, ...unknown, bases, canQuantize: true, problem: null };
    }
    const checkpoint = openCheckpoint(folder);
    const facts = weightFacts(checkpoint);
    if (checkpoint.tokenizer === null) throw new Fault({ code: 'checkpoint.missing', what: 'The model folder is not complete.', why: 'Its tokenizer is missing, so no text can be read or written.', mend: 'Add the tokenizer.json that was published with the weights.' });
    if (checkpoint.chatTemplate === null) throw new Fault({ code: 'checkpoint.missing', what: 'The model folder is not complete.', why: 'Its chat template is missing, so a question cannot be put.', mend: 'Add the chat_template.json that was published with the weights.' });
    return { ...base, ...facts, canQuantize: quantizedBits(checkpoint.config) === null, problem: null };
  } catch (thrown) {
    return { ...base, ...unknown, problem: whyOf(thrown) };
  }
}

/** The models whose shapes an adapter fits; where its lineage names one of them, that one alone. */
function fittingBases(folder: string, candidates: readonly Candidate[]): Offer['bases'] {
  const adapter = openAdapter(folder);
  const parent = existsSync(join(folder, 'lineage.json')) ? lineageOf(folder).parent?.hash : undefined;
  const fits = candidates.filter((candidate) => {
    try {
      checkFits(openCheckpoint(candidate.folder), adapter);
      return true;
    } catch (thrown) {
      if (thrown instanceof Fault) return false;
      throw thrown;
    }
  });
  const named = parent === undefined ? [] : fits.filter((candidate) => lineageFacts(candidate.folder).lineage === parent);
  return named.length > 0 ? named.map(({ id, name }) => ({ id, name, how: 'lineage' })) : fits.map(({ id, name }) => ({ id, name, how: 'shape' }));
}

/** The adapters that runs left, whether or not their models were ever promoted. */
export function runAdapters(runsFolder: string): RunAdapter[] {
  if (!existsSync(runsFolder)) return [];
  return readdirSync(runsFolder).filter((name) => /^[\w-]{1,64}$/.test(name)).flatMap((runId): RunAdapter[] => {
    const folder = join(runsFolder, runId, 'run', 'final');
    if (!existsSync(join(folder, 'adapter_config.json'))) return [];
    try {
      const lineage = lineageOf(folder);
      const run = readJson(join(runsFolder, runId, 'run.json'), 1_000_000) as { readonly plan?: { readonly name?: unknown } };
      return [{ runId, name: typeof run.plan?.name === 'string' ? run.plan.name : runId, baseLineage: lineage.parent?.hash ?? null, lineage: lineage.hash, chain: linksOf(lineage), bytes: bytesOf(folder) }];
    } catch {
      // A run that is being written has no whole adapter yet.
      return [];
    }
  });
}

export const whyOf = (thrown: unknown): Why => (thrown instanceof Fault ? thrown.toJSON() : { code: 'internal', what: 'The model cannot be read.', why: thrown instanceof Error ? thrown.message : String(thrown), mend: 'This is a defect: report it, please.' });

/** A name for folders: what is left of it in plain letters. */
export const slugOf = (name: string): string => name.normalize('NFKD').replace(/[^\w.-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '').slice(0, 60) || `model-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
