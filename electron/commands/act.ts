/** `loupe act`: the actions of the viewer, logs of steps done again, and how well a model drives. */
import { readFile } from 'node:fs/promises';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import { smartResize } from '#models/imaging/patches.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { openReasoner } from '#models/reasoner.ts';
import { actionNames, actionTable } from '#models/viewer/actions.ts';
import { readLog, replay } from '#models/viewer/log.ts';
import { tableInWords } from '#models/viewer/words.ts';
import { closeArchives, filterCases, loadBytes, readIndex } from '#training/data/cases.ts';
import { pictureCase, viewerCases, type ViewerCase } from '#training/viewer/cases.ts';
import { chanceStep, play, reportOf, reportText, type StepWriter } from '#training/viewer/report.ts';
import { families, tasksOf, type Family, type ViewerTask } from '#training/viewer/tasks.ts';
import { flag, numberOption, textOption, textOptions, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'act',
  summary: 'steps in the viewer: the actions, a log done again, how well a model drives',
  usage: 'act --list | act --replay LOG | act --evaluate --model DIR [--tasks N] [--families NAME…] [--data INDEX…] [--gui]',
  options: {
    list: { type: 'boolean', help: 'the actions of the viewer and their arguments' },
    replay: { type: 'string', help: 'a log that the window saved: does its steps again and compares what comes of each' },
    evaluate: { type: 'boolean', help: 'plays tasks on drawn studies to their end and counts' },
    model: { type: 'string', help: 'a checkpoint folder; chance: any action, as a baseline' },
    tasks: { type: 'string', help: 'how many tasks are played (default 120)' },
    cases: { type: 'string', help: 'on how many studies: drawn ones, or pictures with --data (default 24)' },
    data: { type: 'string', multiple: true, help: 'index files whose held-out pictures with one box take the place of drawn studies: zoom and measure alone' },
    families: { type: 'string', multiple: true, help: `only these tasks: ${families.join(', ')}` },
    gui: { type: 'boolean', help: 'steps are thought and a list of one action (GUI-R1) instead of three blocks (Mobile-R1)' },
    records: { type: 'boolean', help: 'with --json: every step of every task' },
    seed: { type: 'string', help: 'of the drawn studies and the tasks (default 1000; recipes learn from other seeds)' },
    device: { type: 'string', help: 'auto, cpu, webgpu, cuda, dml, coreml' },
  },
  async run(context) {
    const log = textOption(context, 'replay');
    if (flag(context, 'list')) context.print(actionNames.map((name) => ({ name, ...actionTable[name] })), tableInWords());
    else if (log !== undefined) await replayed(context, log);
    else if (flag(context, 'evaluate')) await evaluated(context);
    else throw new UsageError('One of --list, --replay LOG and --evaluate is expected.');
  },
};

async function replayed(context: CommandContext, path: string): Promise<void> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new Fault({ code: 'act.log', what: `${path} cannot be read.`, why: (cause as Error).message, mend: 'Name a file that was saved by the list of steps.' }, { cause });
  }
  const log = readLog(text);
  const { states, differences } = replay(log);
  const lines = log.steps.map(({ call, fault, sentence }, at) => {
    const { series, slice, window, zoom, marks } = states[at + 1]!;
    const what = call ? `${call.action} ${JSON.stringify(call.point)} ${call.input_text}` : 'nothing that can be read';
    const why = differences.filter(({ step }) => step === at + 1).map((one) => `  DIFFERS: ${one.why}`).join('');
    return `${String(at + 1).padStart(3)}  ${fault ? `refused (${fault.code}): ` : ''}${what}${sentence === '' ? '' : `  "${sentence.slice(0, 80)}"`}\n     series ${series}, slice ${slice}, window ${window?.name ?? (window ? `${window.center}/${window.width}` : 'of the file')}, zoom ${zoom.toFixed(2)}, ${marks.length} marks${why}`;
  });
  const end = differences.length === 0 ? 'Every step leads to what the log says.' : `${differences.length} of ${log.steps.length} steps lead to something else.`;
  context.print({ id: log.id, steps: log.steps.length, end: log.end, differences, states }, [`${log.instruction} (${log.driver.kind}: ${log.driver.name}, ${log.end})`, ...lines, end].join('\n'));
  if (differences.length > 0) throw new Fault({ code: 'act.replay', what: 'The log does not hold.', why: end, mend: 'Look at the steps that differ: the file was changed, or the program that wrote it does them otherwise.' });
}

async function evaluated(context: CommandContext): Promise<void> {
  const folder = textOption(context, 'model');
  if (folder === undefined) throw new UsageError('--model is missing.');
  const asked = textOptions(context, 'families');
  const unknown = asked.find((name) => !families.some((known) => known === name));
  if (unknown !== undefined) throw new UsageError(`--families takes ${families.join(', ')}, not '${unknown}'.`);
  const seed = numberOption(context, 'seed', { least: 0, whole: true }) ?? 1000;
  const count = numberOption(context, 'tasks', { least: 1, most: 10_000, whole: true }) ?? 120;
  const random = Random.named(seed, 'tasks of the evaluation');
  const most = numberOption(context, 'cases', { least: 1, most: 2000, whole: true }) ?? 24;
  const indexes = textOptions(context, 'data');
  const cases = indexes.length > 0 ? await pictureCases(indexes, most, random) : [...viewerCases(most, seed)];
  const source = tasksOf(cases, random, indexes.length > 0 ? ['zoom', 'measure'] : asked.length > 0 ? asked as Family[] : families);
  const tasks = Array.from({ length: count }, () => source.next().value as ViewerTask);
  const { write, size, release } = await writerOf(context, folder, random);
  try {
    const grammar = flag(context, 'gui') ? 'guiR1' : 'mobileR1';
    const episodes = await play(tasks, write, { size, grammar, onTurn: (turn, live) => context.progress(`turn ${turn}: ${live} tasks are not at their end`) });
    const report = reportOf(episodes);
    const records = flag(context, 'records') ? { episodes: episodes.map(({ task, steps }) => ({ task: task.id, instruction: task.instruction, steps: steps.map(({ text, isRight, isDone, hasForm }) => ({ text, isRight, isDone, hasForm })) })) } : {};
    context.print({ ...report, ...records }, reportText(report));
  } finally {
    await release();
  }
}

/** Pictures of the split val with exactly one box, by chance. */
async function pictureCases(indexes: readonly string[], most: number, random: Random): Promise<readonly ViewerCase[]> {
  const records = filterCases((await Promise.all(indexes.map(readIndex))).flat(), { splits: ['val'], licences: ['permissive'] }).filter(({ boxes }) => boxes?.length === 1);
  const cases: ViewerCase[] = [];
  for (const record of random.shuffled(records)) {
    const made = pictureCase(record.id, record.modality.toUpperCase(), await decodePicture(loadBytes(record), record.file), record.boxes![0]!.box);
    if (made) cases.push(made);
    if (cases.length >= most) break;
  }
  closeArchives();
  if (cases.length > 0) return cases;
  throw new Fault({ code: 'act.cases', what: 'There is nothing to play on.', why: `None of the ${records.length} held-out pictures has exactly one box of some size.`, mend: 'Name another index.' });
}

async function writerOf(context: CommandContext, folder: string, random: Random): Promise<{ readonly write: StepWriter; readonly size: { readonly width: number; readonly height: number }; readonly release: () => Promise<void> }> {
  if (folder === 'chance') {
    const size = { width: 168, height: 168 };
    return { size, write: (asks) => Promise.resolve(asks.map(() => chanceStep(random, size))), release: () => Promise.resolve() };
  }
  const device = textOption(context, 'device');
  const reasoner = await openReasoner({ folder, ...(device === undefined ? {} : { device: device as 'auto' }) });
  return {
    size: smartResize(1000, 1000, reasoner.patchOptions), release: () => reasoner.release(),
    async write(asks) {
      const answers = await reasoner.answerMany(asks.map(({ picture, question }) => ({ frames: [picture], question })), { maxNewTokens: 192, rows: 16, signal: context.signal });
      context.signal.throwIfAborted();
      return answers.map(({ text }) => text);
    },
  };
}
