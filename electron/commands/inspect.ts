/** `loupe inspect`: what a run did at one of its updates, what was tried there, and what rings an alarm; or what weights were made of. */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { difficultyOf } from '#training/curricula/difficulty.ts';
import { alarmHistory, alarmsOf, alarmsText } from '#training/health.ts';
import { chainOf, checkLineage, lineageOf, lineageText } from '#training/lineage.ts';
import type { RolloutLine } from '#training/records/rollout.ts';
import { summaryOf, viewText, type ViewOptions } from '#training/rollouts/view.ts';
import { readManifest, readMetrics, readRollouts, rolloutSteps } from '#training/readRun.ts';
import { flag, numberOption, onlyPositional, textOption, UsageError, type Command, type CommandContext } from './command.ts';

/** A line of metrics.jsonl by the names of its numbers. */
type Line = Readonly<Record<string, number>>;

export const command: Command = {
  name: 'inspect',
  summary: 'what a run did at one step, and what was tried there',
  usage: 'inspect RUN [--step N] [--case ID] [--groups N] [--tokens extremes|all|none] [--by probability|entropy] | inspect FOLDER --lineage',
  options: {
    step: { type: 'string', help: 'the update to look at; the last one where absent' },
    case: { type: 'string', help: 'only what was tried on this case' },
    groups: { type: 'string', help: 'how many questions are shown with all that was tried on them (default 3)' },
    tokens: { type: 'string', help: 'whose tokens are shown: the best and the worst completion (extremes, default), all, none' },
    by: { type: 'string', help: 'tokens are coloured by their probability (default) or by how unsure the model was: entropy' },
    plain: { type: 'boolean', help: 'no colours, although this is a terminal' },
    lineage: { type: 'boolean', help: 'FOLDER holds weights: what they were made of, and whether that still holds' },
  },
  async run(context) {
    const run = onlyPositional(context, 'RUN');
    if (flag(context, 'lineage')) {
      showLineage(context, run);
      return;
    }
    const wanted = numberOption(context, 'step', { least: 1, whole: true });
    const view = viewOptions(context);
    const groups = numberOption(context, 'groups', { least: 0, whole: true }) ?? 3;
    const { name, seed, steps } = readManifest(run);
    const lines = readMetrics(run);
    const at = wanted === undefined ? lines.length - 1 : lines.findIndex(({ step }) => step === wanted);
    const found = lines[at];
    if (!found) {
      throw new Fault({
        code: 'run.step',
        what: `The update ${wanted ?? 1} cannot be shown.`,
        why: `The run has written ${lines.length === 0 ? 'no updates' : `the updates ${lines[0]!.step} to ${lines.at(-1)!.step}`}.`,
        mend: 'Give one of those as --step.',
      });
    }
    const line = numbersOf(found);
    const means = meansOf(lines.slice(Math.max(0, at - 49), at + 1).map(numbersOf), line);
    const curve = curveOf(lines.slice(0, at + 1).map(({ loss }) => (typeof loss === 'number' ? loss : NaN)));
    const checkpoints = checkpointsOf(run);
    const alarms = alarmsOf(lines.slice(0, at + 1));
    const past = alarmHistory(lines.slice(0, at + 1));
    const tried = triedAt(context, run, found.step);
    context.print(
      {
        run, recipe: name, seed, steps, record: found, mean_of_last_50: means, loss_curve: curve, checkpoints, alarms, alarm_history: past,
        rollouts: tried.map((group) => ({ ...group, summary: summaryOf(group), difficulty: difficultyIn(group) })),
      },
      [
        `run ${run} · recipe ${name} · seed ${seed} · update ${found.step}${steps === null ? '' : ` of ${steps}`}`,
        '',
        ...table(line, means, Math.min(50, at + 1)),
        '',
        `loss so far  ${sparkline(curve)}  ${shown(curve[0] ?? NaN)} → ${shown(curve.at(-1) ?? NaN)}`,
        `checkpoints  ${checkpoints.join(', ') || 'none yet'}`,
        ...(tried.length > 0 ? [`questions    ${difficulties(tried)}`] : []),
        ...(alarms.length > 0 ? ['', alarmsText(alarms)] : []),
        ...(past.length > alarms.length ? ['', `alarms so far  ${past.map(({ code, step }) => `${code} at ${step}`).join(', ')}`] : []),
        ...tried.slice(0, groups).flatMap((group) => ['', '─'.repeat(Math.min(view.columns ?? 100, 100)), viewText(group, view)]),
        ...(tried.length > groups ? ['', `${tried.length - groups} more questions were put at this step: --groups ${tried.length} shows them.`] : []),
        ...(tried.length === 0 ? rolloutHint(run, found.step) : []),
      ].join('\n'),
    );
  },
};

function viewOptions(context: CommandContext): ViewOptions {
  const oneOf = <T extends string>(name: string, allowed: readonly T[]): T | undefined => {
    const given = textOption(context, name);
    const known = allowed.find((value) => value === given);
    if (given !== undefined && known === undefined) throw new UsageError(`--${name} takes one of ${allowed.join(', ')}, not '${given}'.`);
    return known;
  };
  const tokens = oneOf('tokens', ['extremes', 'all', 'none'] as const);
  const by = oneOf('by', ['probability', 'entropy'] as const);
  const { stdout, env } = process;
  const colour = stdout.isTTY === true && !flag(context, 'plain') && !env.NO_COLOR && env.TERM !== 'dumb';
  return { columns: Math.max(60, stdout.columns ?? 120), colour, ...(tokens ? { tokens } : {}), ...(by ? { by } : {}) };
}

function triedAt(context: CommandContext, run: string, step: number): readonly RolloutLine[] {
  const wanted = textOption(context, 'case');
  const all = readRollouts(run, step);
  const tried = wanted === undefined ? all : all.filter((group) => group.case === wanted);
  if (wanted === undefined || tried.length > 0) return tried;
  throw new Fault({
    code: 'run.case', what: `The case ${wanted} cannot be shown.`, why: all.length === 0 ? `No rollouts were kept of step ${step}.` : `It was not asked about at step ${step}.`,
    mend: all.length === 0 ? 'Give a --step of which rollouts were kept.' : `Cases of this step: ${[...new Set(all.map((group) => group.case))].slice(0, 20).join(', ')}.`,
  });
}

function rolloutHint(run: string, step: number): readonly string[] {
  const kept = rolloutSteps(run);
  if (kept.length === 0) return [];
  const nearest = kept.reduce((best, other) => (Math.abs(other - step) < Math.abs(best - step) ? other : best));
  return ['', `No rollouts were kept of this step; the nearest of which there are some is --step ${nearest}.`];
}

function showLineage(context: CommandContext, folder: string): void {
  const lineage = lineageOf(folder);
  const problems = checkLineage(folder);
  const isForeign = lineage.run === null && problems.every(({ code }) => code === 'lineage.missing');
  const state = isForeign ? 'From elsewhere: it carries no lineage.' : problems.length === 0 ? 'Every file is as the lineage says.' : problems.map(({ code, message }) => `${code}: ${message}`).join('\n');
  context.print({ chain: chainOf(lineage).map(({ parent: _, ...link }) => link), problems }, `${lineageText(lineage)}\n\n${state}`);
}

const numbersOf = (line: Readonly<Record<string, unknown>>): Line =>
  Object.fromEntries(Object.entries(line).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));

function meansOf(lines: readonly Line[], newest: Line): Line {
  const names = Object.keys(newest).filter((name) => name !== 'step' && name !== 'stage');
  return Object.fromEntries(names.map((name) => {
    const values = lines.flatMap((line) => line[name] ?? []);
    return [name, values.reduce((total, value) => total + value, 0) / values.length];
  }));
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

const difficultyIn = ({ completions }: RolloutLine): ReturnType<typeof difficultyOf> => difficultyOf(completions.filter(({ correct }) => correct).length / completions.length);

/** How many of the questions were how hard, the hardest first. */
function difficulties(groups: readonly RolloutLine[]): string {
  const found = groups.filter(({ completions }) => completions.length > 0).map(difficultyIn);
  return (['all-false', 'hard', 'medium', 'easy', 'all-true'] as const).flatMap((name) => {
    const count = found.filter((one) => one === name).length;
    return count > 0 ? [`${count} ${name}`] : [];
  }).join(', ');
}
