/** `loupe sample`: a synthetic study as files, with what is true about it; and, with --review, its review. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { sampleNames, sampleStudy, type SampleStudy } from '#training/synthesis/samples.ts';
import { flag, numberOption, textOption, UsageError, type Command, type CommandContext } from './command.ts';

const firstSample = 'chest-film';

export const command: Command = {
  name: 'sample',
  summary: 'a synthetic study, written as files that any viewer reads',
  usage: 'sample [NAME] [--out DIR] [--seed N] [--review]',
  options: {
    out: { type: 'string', help: 'the folder that the files go to (default: samples)' },
    seed: { type: 'string', help: 'another one of the same kind (default 7)' },
    review: { type: 'boolean', help: 'asks the model about it, and writes the overlay picture and the trace beside it' },
    model: { type: 'string', help: 'with --review: a checkpoint folder; the built-in model where absent' },
    list: { type: 'boolean', help: 'the names, and the question that suits each' },
  },
  async run(context) {
    const [name = firstSample, ...rest] = context.positionals;
    if (rest.length > 0) throw new UsageError(`One NAME is expected, but there is also '${rest[0]}'.`);
    if (flag(context, 'list')) {
      context.print(sampleNames, sampleNames.join('\n'));
      return;
    }
    const study = sampleStudy(name, numberOption(context, 'seed', { least: 0, most: 2 ** 31, whole: true }));
    const folder = textOption(context, 'out') ?? 'samples';
    const files = write(folder, study);
    const path = join(folder, study.files.size > 1 ? name : [...study.files.keys()][0]!);
    if (!flag(context, 'review')) {
      context.print(
        { name, path, files, question: study.question, label: study.truth.label },
        `${path}: a synthetic study. To ask about it: loupe review ${path} --ask "${study.question}"`,
      );
      return;
    }
    const answer = join(folder, `${name}-answer`);
    context.progress(`A synthetic study (${name}) lies in ${path}.\nQuestion: ${study.question}\n`);
    await review(context, { path, question: study.question, answer });
    context.progress(
      `\nThe picture with its boxes and the trace lie in ${shown(answer)}. Your own image: npm run -s loupe -- review PATH --ask "…" --out answer`,
    );
  },
};

const shown = (path: string): string => relative(process.cwd(), path) || path;

/** Writes the study and its truth; gives the files. */
function write(folder: string, { name, files, truth }: SampleStudy): readonly string[] {
  const { kind, seed, modality, label, facts, measurements } = truth;
  const known = { kind, seed, modality, label, facts, measurements, boxes: truth.frames.map(({ boxes }) => boxes) };
  const all = new Map<string, Uint8Array | string>([...files, [`${name}.truth.json`, JSON.stringify(known, null, 2)]]);
  return [...all].map(([file, bytes]) => {
    const path = join(folder, file);
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    } catch (cause) {
      throw new Fault(
        {
          code: 'sample.write',
          what: `${path} could not be written.`,
          why: cause instanceof Error ? cause.message : String(cause),
          mend: 'Give another folder as --out, or free some space.',
        },
        { cause },
      );
    }
    return path;
  });
}

async function review(
  context: CommandContext,
  { path, question, answer }: { readonly path: string; readonly question: string; readonly answer: string },
): Promise<void> {
  const { command: reviewCommand } = await import('./review.ts');
  await reviewCommand.run({
    ...context,
    positionals: [path],
    // Whatever the model was trained on: there is nothing in a phantom to be wrong about.
    values: { ask: question, out: answer, json: context.json, model: context.values.model, override: 'A phantom that Loupe drew' },
  });
}
