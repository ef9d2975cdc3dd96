/** What a run changes as it goes, and how it is kept on disk so that it can go on exactly. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { saveCheckpoint, type CheckpointParts } from '#models/weights/checkpoint.ts';
import { saveIntegrity } from '#models/weights/integrity.ts';
import { saveLocalizer } from '#models/weights/localizer.ts';
import { saveAdapter } from '#models/weights/peft.ts';
import { openSafetensors, readTensor, writeSafetensors } from '#models/weights/safetensors.ts';
import { saveSimilar } from '#models/weights/similar.ts';
import type { ParameterSpec } from './graphs.ts';
import { integrityOf } from './integrityGraph.ts';
import type { Recipe } from './records/recipe.ts';
import { retention, retentionRule, type RetentionRule } from './retention.ts';

export interface TrainerState {
  /** Updates done. */
  step: number;
  readonly weights: Map<string, Float32Array>;
  readonly first: Map<string, Float32Array>;
  readonly second: Map<string, Float32Array>;
  /** The moving average of the weights: what is evaluated and shipped. */
  readonly average: Map<string, Float32Array>;
  /** What the stage's learner remembers from update to update, as JSON. */
  learner?: unknown;
}

export function freshState(weights: Map<string, Float32Array>, trained: readonly ParameterSpec[]): TrainerState {
  const zeros = (): Map<string, Float32Array> => new Map(trained.map(({ name }) => [name, new Float32Array(weights.get(name)!.length)]));
  return { step: 0, weights, first: zeros(), second: zeros(), average: new Map(trained.map(({ name }) => [name, weights.get(name)!.slice()])) };
}

/** Layers that only help others to learn; they are no part of the network. */
export const isHelper = (name: string): boolean => name.startsWith('classifier.') || name.startsWith('cells.');

const partsPath = (run: string): string => join(run, 'parts.json');

/** Keeps the small files with the run, so that going on later uses the very same vocabulary. */
export const saveParts = (run: string, parts: CheckpointParts): void => writeFileSync(partsPath(run), JSON.stringify(parts));

/** The small files of a run that was begun before, or null. */
export const keptParts = (run: string): CheckpointParts | null => existsSync(partsPath(run)) ? JSON.parse(readFileSync(partsPath(run), 'utf8')) as CheckpointParts : null;

const groups = ['weights', 'first', 'second', 'average'] as const;
const stepFolder = (run: string, step: number): string => join(run, 'checkpoints', `step-${String(step).padStart(6, '0')}`);

/**
 * Writes a checkpoint folder with the averaged weights and, beside them, everything that going on needs; frozen weights stay where the run began.
 * The folder appears whole or not at all.
 *
 * @param score  by which the best checkpoints are told, higher is better; null where nothing was measured
 */
export function saveState(run: string, state: TrainerState, specs: readonly ParameterSpec[], recipe: Recipe, parts: CheckpointParts, score: number | null = null): string {
  const folder = stepFolder(run, state.step);
  const partial = `${folder}.part`;
  rmSync(partial, { recursive: true, force: true });
  try {
    mkdirSync(partial, { recursive: true });
    saveAveraged(partial, state, specs, recipe, parts, 'F32');
    const shapes = new Map(specs.map(({ name, shape }) => [name, shape]));
    writeSafetensors(join(partial, 'trainer.safetensors'),
      groups.flatMap((group) => [...state[group]].filter(([name]) => state.first.has(name)).map(([name, data]) => ({ name: `${group}/${name}`, dtype: 'F32' as const, shape: shapes.get(name)!, data }))));
    writeFileSync(join(partial, 'trainer.json'), JSON.stringify({ step: state.step, ...(score === null ? {} : { score }), ...(state.learner === undefined ? {} : { learner: state.learner }) }));
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    if (cause instanceof Fault) throw cause;
    throw new Fault({
      code: 'train.write', what: `The checkpoint of step ${state.step} could not be written.`, why: cause instanceof Error ? cause.message : String(cause),
      mend: 'Free space on the disk, then continue with --resume: the last whole checkpoint is kept.',
    }, { cause });
  }
  return folder;
}

/** A localizer's own weights, beside those of the tower that it leaves as it is. */
export const isOfLocalizer = (name: string): boolean => name.startsWith('localizer.');

/** The averaged weights as a checkpoint folder, or as that of an adapter, a localizer or an encoder of images and sentences. The layers that only helped stay behind. */
export function saveAveraged(folder: string, state: TrainerState, specs: readonly ParameterSpec[], recipe: Recipe, parts: CheckpointParts, dtype: 'F32' | 'F16'): void {
  const valuesOf = (name: string): Float32Array => state.average.get(name) ?? state.weights.get(name)!;
  const locating = recipe.stages.findLast(({ locate }) => locate !== undefined);
  if (locating) {
    const { config: base, preprocessor } = parts;
    saveLocalizer(folder, { config: { ...locating.locate!.localizer, side: Math.round(Math.sqrt(locating.pixels)) }, base, preprocessor, tensors: specs.map(({ name, shape }) => ({ name, shape, data: valuesOf(name) })) }, dtype);
    return;
  }
  const checking = recipe.stages.findLast(({ integrity }) => integrity !== undefined);
  if (checking) {
    saveIntegrity(folder, { config: integrityOf(checking), tensors: specs.map(({ name, shape }) => ({ name, shape, data: valuesOf(name) })) }, dtype);
    return;
  }
  const likening = recipe.stages.findLast(({ similar }) => similar !== undefined);
  if (likening) {
    const { config: base, preprocessor, tokenizer, tokenizerConfig } = parts;
    const config = { ...likening.similar!.encoder, side: Math.round(Math.sqrt(likening.pixels)) };
    saveSimilar(folder, { config, base, preprocessor, tokenizer, tokenizerConfig, tensors: specs.map(({ name, shape }) => ({ name, shape, data: valuesOf(name) })) }, dtype);
    return;
  }
  if (recipe.adapter) {
    const suffix = '.lora_A.weight';
    const modules = specs.flatMap(({ name }) => (name.endsWith(suffix) ? [name.slice(0, -suffix.length)] : []));
    const pairs = new Map(modules.map((module) => [`${module}.weight`, { a: valuesOf(`${module}${suffix}`), b: valuesOf(`${module}.lora_B.weight`) }]));
    saveAdapter(folder, { ...recipe.adapter, pairs }, dtype);
    return;
  }
  const kept = specs.filter(({ name }) => !isHelper(name));
  saveCheckpoint(folder, parts, kept.map(({ name, shape }) => ({ name, shape, data: valuesOf(name) })), dtype);
}

/** Steps of the run that were kept whole, in rising order. */
export function keptSteps(run: string): number[] {
  const folder = join(run, 'checkpoints');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => (/^step-\d+$/.test(name) && existsSync(join(folder, name, 'trainer.json')) ? [Number(name.slice(5))] : [])).sort((a, b) => a - b);
}

/** The state at the last kept step, or null in a run that has none. What was not trained is taken from `initial`. */
export function lastState(run: string, initial: ReadonlyMap<string, Float32Array>): TrainerState | null {
  const step = keptSteps(run).at(-1);
  if (step === undefined) return null;
  const folder = stepFolder(run, step);
  const { step: done, learner } = JSON.parse(readFileSync(join(folder, 'trainer.json'), 'utf8')) as Pick<TrainerState, 'step' | 'learner'>;
  const state: TrainerState = { step: done, learner, weights: new Map(initial), first: new Map(), second: new Map(), average: new Map() };
  for (const [name, entry] of openSafetensors(join(folder, 'trainer.safetensors')).tensors) {
    const slash = name.indexOf('/');
    state[name.slice(0, slash) as (typeof groups)[number]].set(name.slice(slash + 1), readTensor(entry));
  }
  return state;
}

/** Removes the kept steps that the rule does not hold. */
export function pruneSteps(run: string, rule: RetentionRule = retentionRule): void {
  const checkpoints = keptSteps(run).map((step) => {
    const folder = stepFolder(run, step);
    const { score } = JSON.parse(readFileSync(join(folder, 'trainer.json'), 'utf8')) as { score?: number };
    return { step, score: score ?? null, bytes: readdirSync(folder).reduce((total, name) => total + statSync(join(folder, name)).size, 0) };
  });
  for (const step of retention(checkpoints, rule).remove) rmSync(stepFolder(run, step), { recursive: true, force: true });
}
