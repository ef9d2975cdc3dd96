/** `loupe replay`: the recorded question asked again, of the recorded pixels and weights, compared token by token. */

import { checkCapsule } from '#electron/audit/capsule.ts';
import { compareTokens } from '#electron/audit/compare.ts';
import { hashOf, modelFiles, type AnswerRecord } from '#electron/audit/record.ts';
import { verdictText } from '#electron/audit/verdict.ts';
import { openZip } from '#electron/audit/zip.ts';
import { builtInModel } from '#electron/storage/folders.ts';
import { Fault } from '#models/base/fault.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { openReasoner, type BoxConvention } from '#models/reasoner.ts';
import { runtimeVersion } from '#models/runtime/device.ts';
import { devices } from '#models/runtime/session.ts';
import { onlyPositional, textOption, UsageError, type Command, type CommandContext } from './command.ts';

/** The exit status where the tokens differ, whatever the reason. */
const differs = 30;

export const command: Command = {
  name: 'replay',
  summary: 'asks a capsule\'s question again, on its pixels and weights, and compares token by token',
  usage: 'replay FILE [--model DIR] [--device NAME]',
  options: {
    model: { type: 'string', help: 'the folder with the recorded weights; the built-in model where absent' },
    device: { type: 'string', help: `${devices.join(', ')}; the recorded one where absent` },
  },
  run,
};

async function run(context: CommandContext): Promise<number> {
  const path = onlyPositional(context, 'FILE');
  const check = checkCapsule(path);
  if (!check.isWhole) {
    context.print({ verdict: { status: check.status, findings: check.findings } }, verdictText(check));
    return check.status;
  }
  const record = recordOf(check.record, check.withheld);
  const folder = textOption(context, 'model') ?? builtInModel();
  await sameWeights(record, folder);
  const pictures = await picturesOf(path, record);
  const wish = textOption(context, 'device') ?? record.machine.device;
  const device = devices.find((name) => name === wish);
  if (!device) throw new UsageError(`--device takes ${devices.join(', ')}, not '${wish}'.`);
  context.progress(`Whole: ${check.parts.length} parts, journal ${check.log}. Asking ${record.model.name} again on ${device} …`);
  const reasoner = await openReasoner({ folder, device, convention: record.model.boxes as BoxConvention });
  try {
    const ask = { frames: pictures, question: record.question, ...(record.prompt.system === null ? {} : { system: record.prompt.system }) };
    const { maxNewTokens, ...sampling } = record.sampling;
    const inputs = reasoner.prepare(ask);
    const tensors = inputs.patches.map(hashOf);
    const prompt = hashOf(Int32Array.from(inputs.ids)) === record.prompt.sha256;
    const tensor = record.frames.every((frame, i) => frame.tensor === tensors[i]);
    const answer = await reasoner.ask(ask, { sampling, maxNewTokens: record.output.end === 'aborted' ? Math.max(1, record.output.tokens.length) : maxNewTokens, signal: context.signal });
    const { output } = record;
    const scored = output.tokens.length > 0 ? (await reasoner.score(ask, output.tokens)).logProbabilities : [];
    const comparison = compareTokens(output, { tokens: answer.tokens, logProbabilities: answer.logProbabilities }, scored);
    const sameAnswer = answer.trace.answer === record.reading.answer;
    const level = comparison.isEqual ? 'L1' : sameAnswer ? 'L2' : 'L0';
    const runtime = await runtimeVersion();
    const shown = comparison.difference && { ...comparison.difference, recordedText: textOf(reasoner.tokenizer, comparison.difference.recorded), replayedText: textOf(reasoner.tokenizer, comparison.difference.replayed) };
    context.print(
      { level, isEqual: comparison.isEqual, tokens: comparison.tokens, difference: shown, largestDrift: comparison.largestDrift, sameAnswer, sameInput: { prompt, tensor }, device: { recorded: record.machine.device, replayed: device }, runtime: { recorded: record.machine.runtime, replayed: runtime } },
      [
        comparison.isEqual ? `Equal: all ${comparison.tokens} tokens are the recorded ones (level L1).`
          : `Different from token ${comparison.difference?.at} on: recorded ${JSON.stringify(shown?.recordedText ?? 'the end')}, now ${JSON.stringify(shown?.replayedText ?? 'the end')}${gapText(comparison.difference?.gap ?? null)}.`,
        ...(comparison.isEqual ? [] : [sameAnswer ? `The answer is the same (level L2): ${record.reading.answer}` : `The answer was ${record.reading.answer ?? 'none'} and is ${answer.trace.answer ?? 'none'} now (level L0: only the capsule's integrity holds).`]),
        `Input: prompt ${prompt ? 'equal' : 'DIFFERENT'}, tensor ${tensor ? 'equal, bit for bit' : 'DIFFERENT'}. Largest difference of ln p over equal tokens: ${comparison.largestDrift.toExponential(1)}.`,
        `Recorded on ${record.machine.device}, ${record.machine.runtime}, ${record.machine.platform}; replayed on ${device}, ${runtime}, ${process.platform} ${process.arch}.`,
        'Research use only, not a medical device.',
      ].join('\n'),
    );
    return comparison.isEqual ? 0 : differs;
  } finally {
    await reasoner.release();
  }
}

const textOf = (tokenizer: { decode(ids: readonly number[], options: { special: true }): string }, token: number | null): string | null => (token === null ? null : tokenizer.decode([token], { special: true }));

const gapText = (gap: { readonly probability: number; readonly nats: number } | null): string =>
  (gap === null ? '' : `, which is likelier by ${(100 * gap.probability).toFixed(2)} points of probability (${gap.nats.toFixed(4)} nats) here`);

/** The opened record, where everything that a replay needs is open. */
function recordOf(value: unknown, withheld: readonly string[]): AnswerRecord {
  const record = value as AnswerRecord;
  const needs: readonly (readonly [string, boolean])[] = [
    ['the question', typeof record.question === 'string'], ['the pictures', !withheld.some((path) => path.startsWith('pictures/')) && Array.isArray(record.frames) && record.frames.every(({ tensor }) => typeof tensor === 'string')],
    ['the model', Array.isArray(record.model?.files)], ['the sampling', typeof record.sampling?.maxNewTokens === 'number'], ['the tokens', Array.isArray(record.output?.tokens)],
  ];
  const missing = needs.filter(([, isThere]) => !isThere).map(([name]) => name);
  if (missing.length === 0) return record;
  throw new Fault({ code: 'replay.withheld', what: 'The capsule cannot be replayed.', why: `It was released without ${missing.join(', ')}.`, mend: 'Ask whoever made it for the whole capsule.' });
}

async function sameWeights({ model }: AnswerRecord, folder: string): Promise<void> {
  const here = await modelFiles(folder);
  const other = model.files.find(({ name, sha256 }) => here.find((file) => file.name === name)?.sha256 !== sha256) ?? here.find(({ name }) => !model.files.some((file) => file.name === name));
  if (!other) return;
  throw new Fault({
    code: 'replay.weights', what: 'The capsule cannot be replayed with this model.', why: `${other.name} in ${folder} is not the file that answered.`, mend: `Give the folder of ${model.name} as it was then with --model.`,
  });
}

async function picturesOf(path: string, record: AnswerRecord): Promise<readonly Picture[]> {
  const archive = openZip(path);
  try {
    const pictures: Picture[] = [];
    for (const [i, { picture }] of record.frames.entries()) {
      const decoded = await decodePicture(archive.read(`pictures/${i}.png`), `pictures/${i}.png`);
      if (hashOf(decoded.data) !== picture.sha256) throw new Fault({ code: 'replay.picture', what: 'The capsule cannot be replayed.', why: `The pixels of pictures/${i}.png are not those that the record names.`, mend: 'Make the capsule anew.' });
      pictures.push(decoded);
    }
    return pictures;
  } finally {
    archive.close();
  }
}
