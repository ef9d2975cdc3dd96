/** `loupe capsule`: the evidence of one answer as a ZIP that a stranger can check; or the same capsule without pictures or identity. */

import { existsSync } from 'node:fs';
import { openAudit } from '#electron/audit/audit.ts';
import { checkCapsule, redact } from '#electron/audit/capsule.ts';
import { withheldFields, type Withheld } from '#electron/audit/record.ts';
import { verdictText } from '#electron/audit/verdict.ts';
import { zip } from '#electron/audit/zip.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { version } from '#electron/storage/folders.ts';
import { Fault } from '#models/base/fault.ts';
import { auditOptions, chosenData, passphraseOf } from './audit.ts';
import { onlyPositional, requiredText, textOption, UsageError, type Command, type CommandContext } from './command.ts';

const words = Object.keys(withheldFields) as Withheld[];

export const command: Command = {
  name: 'capsule',
  summary: 'the evidence of an answer as one file that a stranger can check; or such a file with parts withheld',
  usage: 'capsule ANSWER|FILE --out FILE [--withhold pictures,identity]',
  options: {
    out: { type: 'string', help: 'the ZIP to write' },
    withhold: { type: 'string', help: `what is left out, by commas: ${words.join(', ')}; the rest verifies as before` },
    ...auditOptions,
  },
  run,
};

async function run(context: CommandContext): Promise<void> {
  const given = onlyPositional(context, 'ANSWER or FILE');
  const out = requiredText(context, 'out');
  const withheld = withheldOf(context);
  if (existsSync(given)) {
    if (withheld.length === 0) throw new UsageError('--withhold is missing: what shall be left out of the capsule?');
    const check = checkCapsule(given);
    if (!check.isWhole) throw new Fault({ code: 'capsule.damaged', what: `${given} cannot be released.`, why: verdictText(check), mend: 'Make the capsule anew from the answer.' });
    await writeWhole(out, zip(redact(given, withheld)));
  } else {
    const audit = await openAudit({ dataFolder: chosenData(context), version: version(), passphrase: passphraseOf(context) });
    try {
      audit.journal.notices.forEach((notice) => context.progress(notice));
      await writeWhole(out, zip(audit.capsule(given)));
      if (withheld.length > 0) await writeWhole(out, zip(redact(out, withheld)));
    } finally {
      audit.close();
    }
  }
  // What was written counts only when it can be read back.
  const check = checkCapsule(out);
  if (!check.isWhole) throw new Fault({ code: 'capsule.written', what: `${out} was not written as it should be.`, why: verdictText(check), mend: 'Check the disk, then try again.' });
  context.print({ path: out, id: check.id, parts: check.parts, withheld: check.withheld, fingerprint: check.fingerprint, checkpoint: check.checkpoint }, `Written and read back: ${out}\n${verdictText(check)}`);
}

function withheldOf(context: CommandContext): readonly Withheld[] {
  const list = (textOption(context, 'withhold') ?? '').split(',').map((word) => word.trim()).filter((word) => word !== '');
  const unknown = list.find((word) => !words.some((known) => known === word));
  if (unknown !== undefined) throw new UsageError(`--withhold takes ${words.join(' and ')}, not '${unknown}'.`);
  return list as Withheld[];
}
