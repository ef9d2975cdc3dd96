/** `loupe combine`: adapters and checkpoints of one base as one adapter, a weighted sum of what each changes. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { checkFits, openAdapter, saveAdapter } from '#models/weights/peft.ts';
import { combine, type Part } from '#training/combine.ts';
import { lineageOf, lineageText, recordLineage } from '#training/lineage.ts';
import { flag, numberOption, requiredText, textOptions, UsageError, type Command } from './command.ts';

export const command: Command = {
  name: 'combine',
  summary: 'adapters of one base, or checkpoints made from it, as one adapter',
  usage: 'combine PART… --base MODEL --out ADAPTER [--weight W]… [--rank R] [--half]',
  options: {
    base: { type: 'string', help: 'the checkpoint that all were trained from' },
    weight: { type: 'string', multiple: true, help: 'how much a part counts, in the order of the parts (default: all alike, one together)' },
    rank: { type: 'string', help: 'the closest adapter of this rank; needed for a checkpoint, else the sum is exact' },
    half: { type: 'boolean', help: 'stored in half precision' },
    out: { type: 'string', help: 'the new folder' },
  },
  async run(context) {
    const { positionals } = context;
    if (positionals.length === 0) throw new UsageError('Name at least one adapter or checkpoint.');
    const out = requiredText(context, 'out');
    if (existsSync(out)) throw new Fault({ code: 'combine.folder', what: `${out} cannot be written.`, why: 'There is such a folder or file already.', mend: 'Name a new one.' });
    const given = textOptions(context, 'weight').map(Number);
    if (given.length > 0 && (given.length !== positionals.length || !given.every(Number.isFinite))) throw new UsageError('--weight is a number, once for each part.');
    const rank = numberOption(context, 'rank', { least: 1, most: 1024, whole: true });
    const base = openCheckpoint(requiredText(context, 'base'));
    const parts = positionals.map((folder, at): Part => {
      const source = existsSync(join(folder, 'adapter_config.json')) ? openAdapter(folder) : openCheckpoint(folder);
      if ('pairs' in source) checkFits(base, source);
      return { weight: given[at] ?? 1 / positionals.length, source };
    });
    const { adapter, lost } = combine(parts, base, rank);
    const parent = lineageOf(base.folder);
    saveAdapter(out, { ...adapter, baseModel: parent.name }, flag(context, 'half') ? 'F16' : 'F32');
    const lineage = recordLineage(out, null, parent, parts.map(({ weight }, at) => ({ weight, lineage: lineageOf(positionals[at]!) })));
    const left = lost > 0 ? `\n${(100 * lost).toFixed(1)} % of the change's squared length is left out by rank ${adapter.rank}.` : '';
    context.print({ adapter: out, rank: adapter.rank, lost, lineage: lineage.hash }, `${lineageText(lineage)}${left}\n${out}`);
  },
};
