/** `loupe verify`: whether a capsule, a journal or a signed report is as it was written; each kind of tampering has its own word and exit status. */

import { kinds, verdictText } from '#electron/audit/verdict.ts';
import { verifyFile } from '#electron/audit/verify.ts';
import { onlyPositional, textOption, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'verify',
  summary: 'whether an evidence capsule, an audit journal or a signed report is as it was written',
  usage: 'verify FILE [--key FINGERPRINT] [--model DIR] [--known FILE]',
  options: {
    key: { type: 'string', help: 'the fingerprint that the key must have' },
    model: { type: 'string', help: 'a model folder whose files must be those that answered' },
    known: { type: 'string', help: 'a capsule or a signed checkpoint that the journal must contain' },
  },
  run,
};

async function run(context: CommandContext): Promise<number> {
  const path = onlyPositional(context, 'FILE');
  const [fingerprint, model, known] = ['key', 'model', 'known'].map((name) => textOption(context, name));
  const verdict = await verifyFile(path, { ...(fingerprint === undefined ? {} : { fingerprint }), ...(model === undefined ? {} : { model }), ...(known === undefined ? {} : { known }) });
  const { format, isWhole, status, findings, notes, log, entries, signed, fingerprint: key, root } = verdict;
  const shown = findings.map((finding) => ({ ...finding, what: kinds[finding.kind].what }));
  context.print({ format, isWhole, status, findings: shown, notes, log, entries, signed, fingerprint: key, root }, verdictText(verdict));
  return status;
}
