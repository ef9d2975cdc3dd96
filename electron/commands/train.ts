/** `loupe train`: teaches a model by a recipe, in a run folder that can be resumed. */
import { existsSync } from 'node:fs';
import { Fault } from '#models/base/fault.ts';
import { devices, type Device } from '#models/runtime/session.ts';
import { alarmsOf, alarmsText } from '#training/health.ts';
import { preflight, preflightText, requireReady } from '#training/preflight.ts';
import { casesOf, drawsItsOwn, findRecipe, partsOf, recipes } from '#training/prepare.ts';
import { keptParts } from '#training/state.ts';
import { train } from '#training/trainer.ts';
import { largestBatchTrial } from '#training/trial.ts';
import type { StepRecord } from '#training/records/run.ts';
import { licenceClasses } from '#training/records/caseRecord.ts';
import { choicesOption, flag, numberOption, requiredText, textOption, textOptions, UsageError, type Command } from './command.ts';

export const command: Command = {
  name: 'train',
  summary: 'teach a model by a recipe',
  usage: 'train RECIPE [--data INDEX…] --out RUN [--device cpu|webgpu] [--steps N] [--seed N] [--resume] | train RECIPE [--data INDEX…] --check',
  options: {
    data: { type: 'string', multiple: true, help: 'an index.jsonl; may be given several times; left out where the recipe draws its own studies (guiR1, mobileR1)' },
    out: { type: 'string', help: 'the run folder' },
    device: { type: 'string', help: 'cpu (default) or webgpu' },
    steps: { type: 'string', help: 'stop after this many updates in all' },
    seed: { type: 'string', help: 'replaces the recipe\'s seed, to see what chance does; the same again with --resume' },
    resume: { type: 'boolean', help: 'go on from the last checkpoint of the run' },
    check: { type: 'boolean', help: 'only look: does every row open, does every question fit, do right answers earn full marks, is there memory for the largest batch' },
    unchecked: { type: 'boolean', help: 'begin without that look, which a new run takes at some of its cases' },
    licence: { type: 'string', multiple: true, help: `which licence classes may be learnt from (default permissive): ${licenceClasses.join(', ')}` },
  },
  // The recipe's name only where it is one of ours: a path may name a person.
  journal: (context) => (flag(context, 'check') ? null : { kind: 'train', body: { command: 'train', recipe: context.positionals.find((word) => Object.hasOwn(recipes, word)) ?? null, isResumed: flag(context, 'resume') } }),
  async run(context) {
    const [name, ...more] = context.positionals;
    if (name === undefined) throw new UsageError(`RECIPE is missing: ${Object.keys(recipes).join(', ')}, or a JSON file.`);
    const named = findRecipe(name);
    const seed = numberOption(context, 'seed', { least: 0, most: 2 ** 31 - 1, whole: true });
    const recipe = seed === undefined ? named : { ...named, seed };
    const device = textOption(context, 'device') ?? 'cpu';
    if (!devices.includes(device as Device)) throw new UsageError(`--device is one of ${devices.join(', ')}, not '${device}'.`);
    const licences = choicesOption(context, 'licence', licenceClasses);
    // A shell writes `--data */index.jsonl` as one option and further words.
    const indexes = [...textOptions(context, 'data'), ...more];
    if (textOptions(context, 'data').length === 0 && more.length > 0) throw new UsageError(`One RECIPE is expected, but there is also '${more[0]}'.`);
    const isDrawn = drawsItsOwn(recipe);
    if (isDrawn && indexes.length > 0) throw new UsageError(`${recipe.name} draws the studies that it learns from: leave --data out.`);
    if (!isDrawn && indexes.length === 0) throw new UsageError('--data is missing.');
    const allowed = licences.length > 0 ? licences : ['permissive' as const];
    const records = isDrawn ? [] : await casesOf(indexes, { splits: ['train'], licences: allowed });
    context.progress(isDrawn ? `recipe ${recipe.name}, which draws its own studies` : `${records.length} cases, recipe ${recipe.name}`);
    const resume = flag(context, 'resume');
    const isCheck = flag(context, 'check');
    const run = isCheck ? '' : requiredText(context, 'out');
    const parts = (resume ? keptParts(run) : null) ?? partsOf(recipe, records);
    if (isCheck || !(resume || flag(context, 'unchecked') || existsSync(run))) {
      const report = await preflight({
        recipe, records, parts, ...(isCheck ? {} : { most: casesBefore }), attempt: largestBatchTrial({ recipe, parts, device: device as Device, signal: context.signal }), signal: context.signal,
        onProgress(done, total) {
          if (done % 500 === 0 || done === total) context.progress(`looked at ${done} of ${total} cases`);
        },
      });
      if (isCheck) {
        context.print(report, preflightText(report));
        return;
      }
      if (report.problems.length > 0) context.progress(preflightText(report));
      requireReady(report);
    }
    const until = numberOption(context, 'steps', { least: 1, whole: true });
    const written: StepRecord[] = [];
    let ringing: readonly string[] = [];
    const held = recipe.validate ? await casesOf(indexes, { splits: ['val'], licences: allowed }).catch((cause: unknown) => {
      if (cause instanceof Fault && cause.code === 'train.empty') return [];
      throw cause;
    }) : [];
    if (recipe.validate && held.length === 0) context.progress('The recipe validates, but no case is of the split val: it is left out.');
    const done = await train({
      recipe, records, held, run, parts, device: device as Device, resume, signal: context.signal,
      ...(until === undefined ? {} : { until }),
      onStep(record, secondsLeft) {
        written.push(record);
        const alarms = alarmsOf(written);
        const begun = alarms.filter(({ code }) => !ringing.includes(code));
        if (begun.length > 0) context.progress(alarmsText(begun));
        ringing = alarms.map(({ code }) => code);
        if (record.step % 10 === 0 || record.step < 10 || record['reward'] !== undefined) context.progress(`${lineOf(record)}  ${timeText(secondsLeft)} left`);
      },
    });
    context.print({ run, steps: done, checkpoint: `${run}/final` }, `${done} updates done; the model is in ${run}/final`);
  },
};

/** Of a new run's cases so many are looked at before it begins; `--check` looks at all. */
const casesBefore = 200;

/** One update in a line. */
function lineOf(record: StepRecord): string {
  const { step, stage, loss, grad_norm, images, draw_s, step_s } = record;
  const begin = `step ${step}  stage ${stage + 1}  loss ${loss.toFixed(3)}  gradient ${grad_norm.toFixed(2)}`;
  const number = (name: string, digits: number): string => record[name]?.toFixed(digits) ?? '–';
  if (record['reward'] === undefined) return `${begin}  ${(images / step_s).toFixed(0)} images/s (drawing ${(100 * draw_s / step_s).toFixed(0)} %)`;
  return `${begin}  reward ${number('reward', 3)}  right ${number('accuracy', 2)}  equal groups ${number('frac_reward_zero_std', 2)}  ${number('completions/mean_length', 0)} tokens  `
    + `${step_s.toFixed(2)} s (rollout ${number('timing/rollout_s', 2)}, update ${number('timing/update_s', 2)})`;
}

const timeText = (seconds: number): string => {
  const minutes = Math.round(seconds / 60);
  return minutes < 1 ? 'under a minute' : minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};
