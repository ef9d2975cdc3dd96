/** `loupe bench`: speed as medians of alternating runs, beside other programs and beside what this machine can do at best. */

import { resolve } from 'node:path';
import { availableParallelism } from 'node:os';
import type { Picture } from '#models/imaging/image.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import { framePicture } from '#training/synthesis/phantoms/study.ts';
import { builtInDirective, builtInLocalizer, builtInModel, dataFolder, projectRoot } from '#electron/storage/folders.ts';
import { benchAudit } from './bench/audit.ts';
import { benchDecode } from './bench/decode.ts';
import { benchCheckpoint, benchFirstToken } from './bench/firstImage.ts';
import { benchGenerate } from './bench/generate.ts';
import { benchGrpo } from './bench/grpo.ts';
import { benchDirective, benchLocate } from './bench/locate.ts';
import { measureMachine } from './bench/measure.ts';
import { PeerError, preparePython, startPeer, type Peer } from './bench/peer.ts';
import { benchReport } from './bench/report.ts';
import { benchTrain } from './bench/train.ts';
import { flag, numberOption, textOption, UsageError, type Command, type CommandContext } from './command.ts';

/** Without a subject: all but the page, which needs a browser and minutes of its own, and what needs a localizer. */
const usualSubjects = ['decode', 'generate', 'train', 'grpo', 'first-image', 'audit', 'report'] as const;
const subjects = [...usualSubjects, 'locate', 'directive', 'app'] as const;
type Subject = (typeof subjects)[number];

export const command: Command = {
  name: 'bench',
  summary: 'speed, against other programs and what this machine can do',
  usage: `bench [${subjects.join('|')}]… [--rounds N] [--model DIR] [--no-peers]`,
  options: {
    rounds: { type: 'string', help: 'timed rounds of each comparison (default 7)' },
    threads: { type: 'string', help: 'threads of ours and of theirs (default: one for each processor; a small model of ours writes on one)' },
    model: { type: 'string', help: 'the checkpoint of generate, grpo and first-image (default: the built-in one)' },
    study: { type: 'string', help: 'the study of first-image' },
    data: { type: 'string', help: 'the DICOM files of decode' },
    adapter: { type: 'string', help: 'the adapter of directive (default: the built-in one; `none`: the base alone)' },
    minutes: { type: 'string', help: 'minutes of scripted use in app (default 1)' },
    'no-peers': { type: 'boolean', help: 'our own figures alone; needs no Python' },
  },
  async run(context) {
    const chosen = context.positionals.length > 0 ? context.positionals.map(subjectOf) : usualSubjects;
    const python = flag(context, 'no-peers') || chosen.every((subject) => ['app', 'locate', 'directive'].includes(subject)) ? null : pythonOrNull(context, chosen.includes('grpo'));
    context.progress('Measuring what this machine can do …');
    const machine = await measureMachine();
    const threads = numberOption(context, 'threads', { least: 1, most: 256, whole: true });
    const settings = {
      machine,
      rounds: numberOption(context, 'rounds', { least: 1, most: 1000, whole: true }) ?? 7,
      threads: threads ?? availableParallelism(), isFixed: threads !== undefined,
    };
    const results: Record<string, unknown>[] = [];
    for (const subject of chosen) {
      context.signal.throwIfAborted();
      context.progress(`${subject} …`);
      results.push(...(await measure(subject, context, { ...settings, python })));
    }
    context.print(
      { machine, results },
      [
        `${machine.processor}, peak ${machine.peak_gemm_gflops} GFLOP/s, copy ${machine.copy_gb_per_s} GB/s, Node ${machine.node}`,
        ...results.flatMap(lines),
      ].join('\n'),
    );
  },
};

function subjectOf(word: string): Subject {
  const subject = subjects.find((known) => known === word);
  if (!subject) throw new UsageError(`bench measures ${subjects.join(', ')}, not '${word}'.`);
  return subject;
}

function pythonOrNull(context: CommandContext, withTrainer: boolean): string | null {
  try {
    return preparePython((text) => context.progress(text), { withTrainer });
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    context.progress(`Without other programs to compare with: ${error.message}`);
    return null;
  }
}

interface Settings {
  readonly machine: Awaited<ReturnType<typeof measureMachine>>;
  readonly rounds: number;
  readonly threads: number;
  readonly isFixed: boolean;
  readonly python: string | null;
}

async function measure(subject: Subject, context: CommandContext, { python, ...settings }: Settings): Promise<readonly Record<string, unknown>[]> {
  const sharedFolder = process.env.LOUPE_SHARED ?? resolve(projectRoot(), '../shared');
  const model = textOption(context, 'model');
  const peerFor = async <T>(name: string, use: (peer: Peer | null) => Promise<T>): Promise<T> => {
    const peer = python === null ? null : startPeer(name, python);
    try {
      return await use(peer);
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      context.progress(`${subject} goes without the other program: ${error.message}`);
      return await use(null);
    } finally {
      peer?.end();
    }
  };
  switch (subject) {
    case 'decode':
      return [
        await peerFor('decode', (peer) =>
          benchDecode({ ...settings, peer, folder: textOption(context, 'data') ?? resolve(sharedFolder, 'data/dicom') }),
        ),
      ];
    case 'train':
      return [await peerFor('train', (peer) => benchTrain({ ...settings, peer }))];
    case 'grpo':
      return [await peerFor('grpo', (peer) => benchGrpo({ ...settings, peer, model: model ?? builtInModel() }))];
    case 'generate':
      return [
        await peerFor('generate', (peer) =>
          benchGenerate({ ...settings, peer, model: model ?? builtInModel(), picture: samplePicture(), samples: 8, newTokens: 128 }),
        ),
      ];
    case 'first-image':
      return [
        await benchFirstToken({
          path: textOption(context, 'study') ?? resolve(sharedFolder, 'data/dicom/series_ct_liver'),
          model,
          rounds: settings.rounds,
        }),
        await benchCheckpoint(settings.rounds),
      ];
    case 'audit':
      return benchAudit();
    case 'report':
      return benchReport();
    case 'locate':
      return benchLocate({ localizer: builtInLocalizer(), slow: model ?? builtInModel(), rounds: settings.rounds, threads: settings.threads });
    case 'directive': {
      const chosen = textOption(context, 'adapter');
      return benchDirective({
        localizer: builtInLocalizer(), base: model ?? builtInModel(), adapter: chosen === 'none' ? null : chosen ?? builtInDirective(), cache: resolve(dataFolder(), 'cache'), sharedFolder, perFamily: 40, threads: settings.threads,
        signal: context.signal, progress: (text) => context.progress(text),
      });
    }
    case 'app': {
      const { benchApp } = await import('./bench/app.ts');
      const minutes = numberOption(context, 'minutes', { least: 0, most: 1440 }) ?? 1;
      return benchApp({ minutes, rounds: settings.rounds, slices: 200, slideSide: 20_000, progress: (text) => context.progress(text), signal: context.signal });
    }
  }
}

/** The same drawn film on every machine. */
const samplePicture = (): Picture => framePicture(drawPhantom('chest_film', 1, { size: 224 }).frames[0]!);

/** A result as lines for a person. */
function lines(result: Record<string, unknown>): string[] {
  const { what, ours, bar, peer, ratio, syntaxes, text } = result as {
    what: string;
    ours?: Record<string, unknown>;
    bar?: string;
    peer?: Record<string, unknown>;
    ratio?: number;
    /** In place of fields. */
    text?: string;
    syntaxes?: readonly Readonly<Record<'syntax' | 'ours_ms' | 'peer_ms' | 'ratio' | 'megapixels_per_s', string | number | undefined>>[];
  };
  const fields = (record: Record<string, unknown>): string =>
    Object.entries(record)
      .map(([name, value]) => `${name.replaceAll('_', ' ')} ${String(value)}`)
      .join(', ');
  return [
    '',
    what,
    ...(text === undefined ? [] : text.split('\n').map((line) => `  ${line}`)),
    ...(ours && text === undefined ? [`  ours   ${fields(ours)}`] : []),
    ...(bar === undefined ? [] : [`  bar    ${bar}`]),
    ...(peer ? [`  peer   ${fields(peer)}`] : []),
    ...(ratio === undefined ? [] : [`  ratio  ${ratio} times as fast`]),
    ...(syntaxes ?? []).map(({ syntax, ours_ms: own, peer_ms: theirs, ratio: times, megapixels_per_s: rate }) => {
      const compared = theirs === undefined ? '' : `peer ${theirs} ms, ${times} times as fast`;
      return `  ${String(syntax).slice(0, 60).padEnd(60)} ${String(own).padStart(8)} ms  ${String(rate).padStart(7)} Mpixel/s  ${compared}`.trimEnd();
    }),
  ];
}
