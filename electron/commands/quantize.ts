/** `loupe quantize`: a checkpoint with its linear layers in 4 or 8 bits, and how its answers differ from the original's. */

import { resolve } from 'node:path';
import { compareCheckpoints, quantizeCheckpoint } from '#electron/models/quantize.ts';
import type { QuantizationOptions } from '#models/runtime/quantize.ts';
import { openCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';
import { flag, numberOption, onlyPositional, requiredText, UsageError, type Command } from './command.ts';

export const command: Command = {
  name: 'quantize',
  summary: 'a smaller, faster copy of a model folder, with a report on what that costs',
  usage: 'quantize DIR --out DIR [--bits 4|8] [--block 32] [--asymmetric]',
  options: {
    out: { type: 'string', help: 'the new model folder' },
    bits: { type: 'string', help: 'bits for each weight of a linear layer: 4 (default) or 8' },
    block: { type: 'string', help: 'weights that share a scale: 16, 32 (default), 64 or 128' },
    asymmetric: { type: 'boolean', help: 'gives each block its own zero point' },
  },
  async run(context) {
    const folder = onlyPositional(context, 'DIR');
    const out = resolve(requiredText(context, 'out'));
    const bits = numberOption(context, 'bits') ?? 4;
    const blockSize = numberOption(context, 'block') ?? 32;
    if (bits !== 4 && bits !== 8) throw new UsageError('--bits takes 4 or 8.');
    if (![16, 32, 64, 128].includes(blockSize)) throw new UsageError('--block takes 16, 32, 64 or 128.');
    const options: QuantizationOptions = { bits, blockSize, isSymmetric: !flag(context, 'asymmetric') };
    const original = openCheckpoint(folder);
    quantizeCheckpoint(original, out, options, (name, done) => context.progress(`quantised ${done}: ${name}`));
    const report = await compareCheckpoints(original, openCheckpoint(out));
    const bytes = (checkpoint: Checkpoint): number => [...checkpoint.tensors.values()].reduce((total, { byteLength }) => total + byteLength, 0);
    const result = { folder: out, ...options, bytes: { original: bytes(original), quantized: bytes(openCheckpoint(out)) }, parity: report };
    context.print(result, [
      `${out}: ${(result.bytes.quantized / 1e6).toFixed(1)} MB instead of ${(result.bytes.original / 1e6).toFixed(1)} MB`,
      `Over ${report.prompts} prompts: the same next token after ${Math.round(100 * report.topAgreement)} %, scores differ by ${report.meanDifference.toFixed(4)} on average and ${report.maxDifference.toFixed(4)} at most,`,
      `divergence ${report.meanDivergence.toFixed(5)} nats on average and ${report.maxDivergence.toFixed(5)} at most.`,
    ].join('\n'));
  },
};
