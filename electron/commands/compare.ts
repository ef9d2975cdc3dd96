/** `loupe compare`: what was learnt from one kind and asked of all, which round was worth it, how runs differ in the boxes they list and the lengths that pay, and which checkpoint of a run its doubts speak for. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { wilson } from '#models/base/math.ts';
import { boxTrend, hackingVerdict, type BoxStep, type BoxTrendPoint } from '#training/curricula/boxTrend.ts';
import { chooseCheckpoint, criticalWords } from '#training/curricula/criticalTokens.ts';
import { axes, generalizationTable, pairedTable, pairedText, pairedWords, type PairedTable, tableDifference, tableText, type AnsweredLine, type Axis } from '#training/curricula/generalization.ts';
import { isRoundOver } from '#training/curricula/selfImprovement.ts';
import { accuracyByLength, suggestedCap } from '#training/curricula/staging.ts';
import { measureCheckpoint } from '#training/criticalEntropy.ts';
import { closeArchives, filterCases, readIndex } from '#training/data/cases.ts';
import { readManifest, readRollouts, rolloutSteps } from '#training/readRun.ts';
import { licenceClasses } from '#training/records/caseRecord.ts';
import { Recipe } from '#training/records/recipe.ts';
import { keptSteps } from '#training/state.ts';
import { choicesOption, flag, numberOption, textOption, textOptions, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'compare',
  summary: 'train-by-test tables from records, boxes over time and lengths of runs, checkpoints by the entropy of their doubts',
  usage: 'compare NAME=RECORDS.jsonl… [--against NAME=RECORDS.jsonl]… | NAME=RECORDS.jsonl… --rounds | RUN… [--length] | RUN --entropy --cases INDEX…',
  options: {
    by: { type: 'string', help: `the columns: ${Object.keys(axes).join(', ')} (default modality)` },
    against: { type: 'string', multiple: true, help: 'what the records are compared with, question by question: one model for all of them, or a second table of the same names' },
    rounds: { type: 'boolean', help: 'the records are of one model after each of its rounds: which one was worth it' },
    length: { type: 'boolean', help: 'how often completions of each length were right, and the cap that speaks for' },
    entropy: { type: 'boolean', help: 'measure the kept checkpoints of RUN and choose one' },
    cases: { type: 'string', multiple: true, help: 'with --entropy: index files whose val split is asked' },
    licence: { type: 'string', multiple: true, help: `with --entropy: only cases of this licence class (default permissive): ${licenceClasses.join(', ')}` },
    max: { type: 'string', help: 'with --entropy: questions for each checkpoint (default 64)' },
    words: { type: 'string', multiple: true, help: `with --entropy: a word at which reasoning turns (default ${criticalWords.join(', ')})` },
  },
  async run(context) {
    const { positionals } = context;
    if (positionals.length === 0) throw new UsageError('Name records as NAME=FILE, or run folders.');
    if (flag(context, 'entropy')) return compareCheckpoints(context);
    if (positionals.every((word) => word.includes('='))) return flag(context, 'rounds') ? compareRounds(context) : compareRecords(context);
    if (positionals.some((word) => word.includes('=') && !existsSync(word))) throw new UsageError('Name either records as NAME=FILE or run folders, not both.');
    return flag(context, 'length') ? compareLengths(context) : compareRuns(context);
  },
};

function compareRecords(context: CommandContext): void {
  const by = textOption(context, 'by') ?? 'modality';
  if (!Object.hasOwn(axes, by)) throw new UsageError(`--by is one of ${Object.keys(axes).join(', ')}, not '${by}'.`);
  const models = context.positionals.map(readRecords);
  const others = textOptions(context, 'against').map(readRecords);
  const table = generalizationTable(models, by as Axis);
  if (others.length === 0) {
    context.print(table, `${tableText(table)}\n\nPercent right; in brackets where fewer than 30 were asked.`);
    return;
  }
  const other = generalizationTable(others, by as Axis);
  const isOneForAll = others.length === 1;
  if (!isOneForAll && table.rows.join('\n') !== other.rows.join('\n')) throw unlike('They differ in their names.');
  const paired = pairsOf(models.map(({ name, lines }, at) => ({ name, lines, against: others[isOneForAll ? 0 : at]!.lines })), by as Axis);
  const text = [tableText(table), '', 'against', tableText(other), '', pairedText(paired), '', 'Points by which more were right, paired by question; 95 % intervals over images; * leaves out nought, with no correction for the number of cells.'];
  const isSameAxes = table.rows.join('\n') === other.rows.join('\n') && table.columns.join('\n') === other.columns.join('\n');
  context.print({ table, against: other, paired, ...(isSameAxes ? { difference: tableDifference(table, other) } : {}) }, text.join('\n'));
}

const unlike = (why: string): Fault => new Fault({ code: 'compare.tables', what: 'The two tables cannot be subtracted.', why, mend: 'Give one model, or the same names in the same order, evaluated on the same cases.' });

/** @throws Fault `compare.tables` where the two were not asked the same */
function pairsOf(models: Parameters<typeof pairedTable>[0], by: Axis): PairedTable {
  try {
    return pairedTable(models, by);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw unlike(`They differ in what was asked: ${cause.message.slice(cause.message.indexOf(':') + 2)}.`);
  }
}

/** The records in the order of the rounds; a round that brings less than half a point is the last that was worth trying. */
function compareRounds(context: CommandContext): void {
  const records = context.positionals.map(readRecords);
  const gains = pairsOf(records.slice(1).map(({ name, lines }, at) => ({ name, lines, against: records[at]!.lines })), 'task').whole;
  const rounds = records.map(({ name, lines }, at) => {
    const right = lines.filter(({ correct }) => correct).length;
    return { name, n: lines.length, accuracy: right / lines.length, ci: wilson(right, lines.length), ...(at > 0 ? { gain: gains[at - 1]! } : {}) };
  });
  const last = rounds.findIndex(({ accuracy }, at) => at > 0 && isRoundOver(rounds[at - 1]!.accuracy, accuracy));
  const percent = (share: number): string => (100 * share).toFixed(1);
  context.print({ rounds, last: last < 0 ? null : rounds[last]!.name }, [
    ...rounds.map(({ name, accuracy, ci, n, gain }) => `${name.padEnd(16)}  ${percent(accuracy).padStart(5)} %  (${percent(ci[0])} to ${percent(ci[1])})  n ${n}${gain ? `  ${pairedWords(gain)} on the one before` : ''}`),
    last < 0 ? 'Every round brought half a point or more.' : `${rounds[last]!.name} brought less than half a point: no further round is worth it.`,
  ].join('\n'));
}

/** `NAME=FILE`: what `loupe evaluate --records` wrote of a model, of the pictures as they are. */
function readRecords(word: string): { readonly name: string; readonly lines: readonly AnsweredLine[] } {
  const cut = word.indexOf('=');
  const [name, path] = [word.slice(0, cut), word.slice(cut + 1)];
  if (cut < 1 || path === '') throw new UsageError(`'${word}' is not NAME=FILE.`);
  const damaged = (why: string): Fault => new Fault({ code: 'compare.records', what: `The records ${path} cannot be read.`, why, mend: 'Give a file that `loupe evaluate --records` wrote.' });
  let text: string;
  try {
    if (statSync(path).size > 1_000_000_000) throw new Error('It has more than a gigabyte.');
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw damaged((cause as Error).message);
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '').flatMap((line, at): AnsweredLine[] => {
    const value = parsed(line) as Partial<AnsweredLine & { run: string }> | null;
    const { id, task, question_type: questionType, correct } = value ?? {};
    if (typeof id !== 'string' || typeof task !== 'string' || typeof questionType !== 'string' || typeof correct !== 'boolean') throw damaged(`Line ${at + 1} is not a record.`);
    if (value?.run !== undefined && value.run !== 'real') return [];
    return [{ id, task, modality: value?.modality ?? 'unknown', question_type: questionType, correct }];
  });
  if (lines.length === 0) throw damaged('It holds no answered question.');
  return { name, lines };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function compareRuns(context: CommandContext): void {
  const runs = context.positionals.map((run) => {
    const { name } = readManifest(run);
    const steps = rolloutSteps(run).map((step): BoxStep => ({
      step,
      claimed: readRollouts(run, step).flatMap(({ gold, completions }) => (gold.kind !== 'boxes' ? [] : completions.map(({ boxes, tokens, reward, text }) => ({
        boxes, gold: gold.boxes.length, tokens: tokens.length, reward, isReadable: boxes.length > 0 || /<answer>\s*(?:\[\s*\]|None)\s*<\/answer>/.test(text),
      })))),
    }));
    const points = boxTrend(steps);
    return { run: basename(resolve(run)), recipe: name, points, verdict: hackingVerdict(points) };
  });
  if (runs.every(({ points }) => points.length === 0)) {
    throw new Fault({ code: 'compare.empty', what: 'There is nothing to compare.', why: 'No rollout of these runs was asked for boxes.', mend: 'Name runs of a recipe whose policy stage asks for boxes.' });
  }
  context.print(runs, runs.map(({ run, recipe, points, verdict }) => [
    `${run} (${recipe})`, ...sampled(points).map(trendLine),
    verdict === null ? '  too short to judge' : `  boxes for each image grew ${verdict.growth.toFixed(2)} times${verdict.isSuspicious ? ', and no reward was lost: the list may be growing for its own sake' : ''}`,
  ].join('\n')).join('\n\n'));
}

/** Upper edges of the over-thinking meter's bins, in tokens. */
const lengthEdges = [8, 16, 32, 64, 128, 256, 512];

function compareLengths(context: CommandContext): void {
  const runs = context.positionals.map((run) => {
    const { name } = readManifest(run);
    const attempts = rolloutSteps(run).flatMap((step) => readRollouts(run, step)).flatMap(({ completions }) =>
      completions.map(({ tokens, correct }) => ({ tokens: tokens.length, isCorrect: correct })));
    const bins = accuracyByLength(attempts, lengthEdges);
    return { run: basename(resolve(run)), recipe: name, completions: attempts.length, bins, cap: suggestedCap(bins) };
  });
  if (runs.every(({ completions }) => completions === 0)) {
    throw new Fault({ code: 'compare.empty', what: 'There is nothing to compare.', why: 'These runs have kept no rollouts.', mend: 'Name runs of a recipe with a policy stage.' });
  }
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  context.print(runs, runs.map(({ run, recipe, bins, cap }) => [
    `${run} (${recipe})`,
    ...bins.filter(({ share }) => share > 0).map(({ upTo, share, accuracy }, at, shown) =>
      `  ${(Number.isFinite(upTo) ? `to ${upTo}` : `over ${shown[at - 1]?.upTo ?? 0}`).padStart(8)} tokens  ${percent(share).padStart(7)} of all  ${accuracy === null ? '·' : `${percent(accuracy)} right`}`),
    cap === null ? '  no cap is suggested' : `  suggested first cap: ${cap} tokens, the last length that is within ten points of the best`,
  ].join('\n')).join('\n\n'));
}

/** At most a dozen points, the last among them. */
const sampled = (points: readonly BoxTrendPoint[]): readonly BoxTrendPoint[] => {
  const stride = Math.max(1, Math.ceil(points.length / 12));
  return points.filter((_, at) => at % stride === 0 || at === points.length - 1);
};

const trendLine = ({ step, boxes_per_image: boxes, claimed_per_true: claimed, duplicates, completion_tokens: tokens, reward }: BoxTrendPoint): string =>
  `  step ${String(step).padStart(5)}  boxes ${boxes.toFixed(2)}  claimed/true ${claimed?.toFixed(2) ?? '·'}  twice ${(100 * duplicates).toFixed(0)} %  ${tokens.toFixed(0)} tokens  reward ${reward?.toFixed(3) ?? '·'}`;

async function compareCheckpoints(context: CommandContext): Promise<void> {
  const [run, ...more] = context.positionals;
  if (run === undefined || more.length > 0) throw new UsageError('--entropy takes one run folder.');
  const indexes = textOptions(context, 'cases');
  if (indexes.length === 0) throw new UsageError('--entropy needs --cases.');
  readManifest(run);
  const recipe = Recipe.safeParse((parsed(readFileSync(join(run, 'manifest.json'), 'utf8')) as { recipe?: unknown } | null)?.recipe);
  if (!recipe.success) throw new Fault({ code: 'run.unreadable', what: `The run ${run} cannot be shown.`, why: 'Its manifest holds no recipe of this version.', mend: 'Use the version that made the run.' });
  if (recipe.data.adapter) throw new Fault({ code: 'compare.adapter', what: 'Checkpoints of this run cannot be measured.', why: 'It trains an adapter, and its checkpoints hold the adapter alone.', mend: 'Compare runs that train the weights themselves.' });
  const named = choicesOption(context, 'licence', licenceClasses);
  const licences = named.length > 0 ? named : ['permissive' as const];
  // Choosing is tuning: the cases of the last word are not asked here.
  const held = filterCases((await Promise.all(indexes.map(readIndex))).flat(), { splits: ['val'], licences });
  if (held.length === 0) throw new Fault({ code: 'compare.empty', what: 'There is nothing to measure with.', why: `These indexes hold no case of the val split under the licence ${licences.join(', ')}.`, mend: 'Give other index files, or another --licence.' });
  const words = textOptions(context, 'words');
  const questions = numberOption(context, 'max', { least: 1, whole: true });
  const measured = [];
  try {
    for (const step of keptSteps(run)) {
      const folder = join(run, 'checkpoints', `step-${String(step).padStart(6, '0')}`);
      measured.push(await measureCheckpoint({ folder, step }, {
        records: held, recipe: recipe.data, ...(questions === undefined ? {} : { questions }), ...(words.length > 0 ? { words } : {}), signal: context.signal,
        onProgress: (done, total) => context.progress(`step ${step}: ${done} of ${total} questions`),
      }));
    }
  } finally {
    closeArchives();
  }
  if (measured.length === 0) throw new Fault({ code: 'compare.empty', what: 'There is nothing to compare.', why: `The run ${run} has kept no checkpoint.`, mend: 'Wait until it has written one.' });
  const choice = chooseCheckpoint(measured);
  const nats = (value: number | null): string => value?.toFixed(3) ?? '·';
  context.print({ checkpoints: measured, choice }, [
    ...measured.map(({ step, accuracy, summary }) => `step ${String(step).padStart(6)}  right ${(100 * accuracy).toFixed(1)} %  at doubts ${nats(summary.mean)} nats (${summary.count})  after them ${nats(summary.meanAfter)}  all ${nats(summary.meanAll)}`),
    choice.reason, `By accuracy alone: step ${choice.mostAccurate.step}.`,
  ].join('\n'));
}
