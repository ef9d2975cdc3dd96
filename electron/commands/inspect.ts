/** `loupe inspect`: what a run did at one of its updates, beside how it went until then. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { numberOption, onlyPositional, type Command } from './command.ts';

/** A line of metrics.jsonl: numbers by name, `step` among them. */
type Line = Readonly<Record<string, number>>;

export const command: Command = {
  name: 'inspect',
  summary: 'what a run did at one step',
  usage: 'inspect RUN [--step N]',
  options: { step: { type: 'string', help: 'the update to look at; the last one where absent' } },
  async run(context) {
    const run = onlyPositional(context, 'RUN');
    const wanted = numberOption(context, 'step', { least: 1, whole: true });
    const { name, seed, steps } = readManifest(run);
    const lines = readMetrics(run);
    const at = wanted === undefined ? lines.length - 1 : lines.findIndex(({ step }) => step === wanted);
    const line = lines[at];
    if (!line) {
      throw new Fault({
        code: 'run.step',
        what: `The update ${wanted} cannot be shown.`,
        why: `The run has written ${lines.length === 0 ? 'no updates' : `the updates ${lines[0]!.step} to ${lines.at(-1)!.step}`}.`,
        mend: 'Give one of those as --step.',
      });
    }
    const before = lines.slice(Math.max(0, at - 49), at + 1);
    const curve = curveOf(lines.slice(0, at + 1).map(({ loss }) => loss ?? NaN));
    const checkpoints = checkpointsOf(run);
    context.print(
      { run, recipe: name, seed, steps, record: line, mean_of_last_50: meansOf(before), loss_curve: curve, checkpoints },
      [
        `run ${run} · recipe ${name} · seed ${seed} · update ${line.step}${steps === null ? '' : ` of ${steps}`}`,
        '',
        ...table(line, meansOf(before), before.length),
        '',
        `loss so far  ${sparkline(curve)}  ${shown(curve[0] ?? NaN)} → ${shown(curve.at(-1) ?? NaN)}`,
        `checkpoints  ${checkpoints.join(', ') || 'none yet'}`,
      ].join('\n'),
    );
  },
};

const notARun = (run: string, why: string): Fault =>
  new Fault({
    code: 'run.unreadable',
    what: `The run ${run} cannot be shown.`,
    why,
    mend: 'Give the folder that was named as --out of `loupe train`.',
  });

function readText(run: string, file: string): string {
  try {
    return readFileSync(join(run, file), 'utf8');
  } catch {
    throw notARun(run, existsSync(run) ? `It has no readable ${file}.` : 'There is no such folder.');
  }
}

function readManifest(run: string): { name: string; seed: number | string; steps: number | null } {
  try {
    const { recipe } = JSON.parse(readText(run, 'manifest.json')) as {
      recipe: { name: string; seed: number; stages?: readonly { steps: number }[] };
    };
    return { name: recipe.name, seed: recipe.seed, steps: recipe.stages?.reduce((total, { steps }) => total + steps, 0) ?? null };
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw notARun(run, 'Its manifest.json is damaged.');
  }
}

/** The updates in order. A last line that is still being written is left out. */
function readMetrics(run: string): readonly Line[] {
  return readText(run, 'metrics.jsonl')
    .split('\n')
    .flatMap((text) => {
      try {
        const value: unknown = JSON.parse(text);
        return typeof value === 'object' && value !== null && 'step' in value ? [value as Line] : [];
      } catch {
        return [];
      }
    });
}

function meansOf(lines: readonly Line[]): Line {
  const names = Object.keys(lines.at(-1) ?? {}).filter((name) => name !== 'step' && name !== 'stage');
  return Object.fromEntries(names.map((name) => [name, lines.reduce((total, line) => total + (line[name] ?? 0), 0) / lines.length]));
}

function checkpointsOf(run: string): readonly string[] {
  const folder = join(run, 'checkpoints');
  const kept = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^step-\d+$/.test(name))
        .sort()
    : [];
  return [...kept, ...(existsSync(join(run, 'final')) ? ['final'] : [])];
}

/** At most 60 means of neighbouring values. */
function curveOf(values: readonly number[]): readonly number[] {
  const points = Math.min(60, values.length);
  return Array.from({ length: points }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / points), Math.floor(((i + 1) * values.length) / points));
    return part.reduce((total, x) => total + x, 0) / part.length;
  });
}

function sparkline(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.map((x) => '▁▂▃▄▅▆▇█'[high > low ? Math.round((7 * (x - low)) / (high - low)) : 0]!).join('');
}

const shown = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4))));

function table(line: Line, means: Line, count: number): readonly string[] {
  const rows = Object.keys(means).map((name) => [name.replaceAll('_', ' '), shown(line[name]!), shown(means[name]!)] as const);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `${''.padEnd(width)}  ${'here'.padStart(12)}  ${`mean of ${count}`.padStart(12)}`,
    ...rows.map(([name, here, mean]) => `${name.padEnd(width)}  ${here.padStart(12)}  ${mean.padStart(12)}`),
  ];
}
