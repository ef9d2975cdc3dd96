/** A run folder read back: what it was to do, what it measured, what was tried at each step. Made for looking, so a run that still writes is read as far as it goes. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import type { MetricsLine } from './health.ts';
import { RolloutLine } from './records/rollout.ts';

const notARun = (run: string, why: string): Fault => new Fault({
  code: 'run.unreadable', what: `The run ${run} cannot be shown.`, why, mend: 'Give the folder that was named as --out of `loupe train`.',
});

function readText(run: string, file: string): string {
  try {
    return readFileSync(join(run, file), 'utf8');
  } catch {
    throw notARun(run, existsSync(run) ? `It has no readable ${file}.` : 'There is no such folder.');
  }
}

/** @throws Fault `run.unreadable` */
export function readManifest(run: string): { readonly name: string; readonly seed: number | string; readonly steps: number | null } {
  try {
    const { recipe } = JSON.parse(readText(run, 'manifest.json')) as { recipe: { name: string; seed: number; stages?: readonly { steps: number }[] } };
    return { name: recipe.name, seed: recipe.seed, steps: recipe.stages?.reduce((total, { steps }) => total + steps, 0) ?? null };
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw notARun(run, 'Its manifest.json is damaged.');
  }
}

/** The updates in order. A last line that is still being written is left out. @throws Fault `run.unreadable` */
export function readMetrics(run: string): readonly (MetricsLine & { readonly step: number })[] {
  return readText(run, 'metrics.jsonl').split('\n').flatMap((text) => {
    const value = jsonOrNull(text);
    return typeof value === 'object' && value !== null && 'step' in value && typeof value.step === 'number' ? [{ ...value, step: value.step }] : [];
  });
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Most bytes of one step's rollouts. */
const mostBytes = 512_000_000;

/** Steps whose rollouts were kept, in rising order. */
export function rolloutSteps(run: string): readonly number[] {
  const folder = join(run, 'rollouts');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => (/^step-\d+\.jsonl$/.test(name) ? [Number(name.slice(5, -6))] : [])).sort((a, b) => a - b);
}

/** What was tried at a step; [] where nothing was kept of it. @throws Fault `run.rollouts` for a file of another form */
export function readRollouts(run: string, step: number): readonly RolloutLine[] {
  const folder = join(run, 'rollouts');
  const file = existsSync(folder) ? readdirSync(folder).find((name) => /^step-\d+\.jsonl$/.test(name) && Number(name.slice(5, -6)) === step) : undefined;
  if (file === undefined) return [];
  const path = join(folder, file);
  const damaged = (why: string): Fault => new Fault({
    code: 'run.rollouts', what: `The rollouts of step ${step} cannot be shown.`, why, mend: 'Look at another step; the file was changed or cut.',
  });
  if (statSync(path).size > mostBytes) throw damaged(`${file} has more than ${mostBytes} bytes.`);
  const texts = readFileSync(path, 'utf8').split('\n').filter((text) => text.trim() !== '');
  return texts.flatMap((text, at) => {
    const parsed = RolloutLine.safeParse(jsonOrNull(text));
    if (parsed.success) return [parsed.data];
    // A step that is being written ends in half a line.
    if (at === texts.length - 1 && jsonOrNull(text) === null) return [];
    throw damaged(`Line ${at + 1}: ${parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`);
  });
}
