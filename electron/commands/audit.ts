/** `loupe audit`: the journal of this data folder, its key, a checkpoint to keep elsewhere, the answers that are on record. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { auditFolder, openAudit } from '#electron/audit/audit.ts';
import { auditEvents } from '#electron/audit/auditEvents.ts';
import { checkJournal, eventKinds, type HashedEntry } from '#electron/audit/chain.ts';
import { readHead } from '#electron/audit/head.ts';
import { journalFile } from '#electron/audit/journal.ts';
import { publicKeyIn, readPassphrase } from '#electron/audit/keys.ts';
import { fingerprintOf, pemOf } from '#electron/audit/note.ts';
import { verdictText } from '#electron/audit/verdict.ts';
import { dataFolder, version } from '#electron/storage/folders.ts';
import { Fault } from '#models/base/fault.ts';
import { numberOption, textOption, UsageError, type Command, type CommandContext, type CommandOptions } from './command.ts';

/** The options of every command that writes the journal. */
export const auditOptions = {
  data: { type: 'string', help: 'the data folder; LOUPE_DATA or the usual place where absent' },
  'passphrase-file': { type: 'string', help: 'a file whose first line opens the signing key; LOUPE_PASSPHRASE_FILE where absent' },
} as const satisfies CommandOptions;

export const command: Command = {
  name: 'audit',
  summary: 'the audit journal: what was done, its key, a checkpoint to keep elsewhere',
  usage: 'audit [show|events|answers|key|checkpoint|rotate] [--type KIND] [--last N] [--data DIR]',
  options: { type: { type: 'string', help: `only one kind: ${eventKinds.join(', ')}` }, last: { type: 'string', help: 'only so many entries from the end' }, 'next-passphrase-file': { type: 'string', help: 'rotate: what seals the next key; the same passphrase where absent' }, ...auditOptions },
  run,
};

async function run(context: CommandContext): Promise<number> {
  const [act = 'show', ...rest] = context.positionals;
  if (rest.length > 0) throw new UsageError(`One word is expected, but there is also '${rest[0]}'.`);
  const folder = auditFolder(chosenData(context));
  switch (act) {
    case 'show': return show(context, folder);
    case 'events': {
      const { entries, status } = chosenEntries(context, folder);
      context.print(auditEvents(entries, new Date().toISOString()));
      return status;
    }
    case 'answers': {
      const below = join(folder, 'answers');
      const ids = existsSync(below) ? readdirSync(below).sort() : [];
      context.print(ids, ids.length === 0 ? 'There are no answers on record.' : ids.join('\n'));
      return 0;
    }
    case 'key': {
      const audit = await openAudit({ dataFolder: chosenData(context), version: version(), passphrase: passphraseOf(context) });
      audit.close();
      const key = publicKeyIn(folder);
      if (!key) throw new Fault({ code: 'audit.key', what: 'There is no key yet.', why: 'A terminal does not reach the system\'s key store, and no passphrase was given.', mend: 'Give one with --passphrase-file: at least ten signs in the first line.' });
      context.print({ fingerprint: fingerprintOf(key), pem: pemOf(key), protection: audit.protection }, `${fingerprintOf(key)}\n${pemOf(key)}`);
      return 0;
    }
    case 'checkpoint': {
      const audit = await openAudit({ dataFolder: chosenData(context), version: version(), passphrase: passphraseOf(context) });
      try {
        const { note, size } = audit.journal.prove([0]);
        context.print({ note, size }, note);
      } finally {
        audit.close();
      }
      return 0;
    }
    case 'rotate': {
      const audit = await openAudit({ dataFolder: chosenData(context), version: version(), passphrase: passphraseOf(context) });
      try {
        const before = publicKeyIn(folder);
        const next = await audit.rotate(passphraseOf(context), readPassphrase(textOption(context, 'next-passphrase-file')));
        context.print({ fingerprint: next, before: before && fingerprintOf(before) }, `The journal is signed with another key from now on, which the one before it handed over.\nbefore ${before ? fingerprintOf(before) : 'none'}\nnow    ${next}`);
      } finally {
        audit.close();
      }
      return 0;
    }
    default: throw new UsageError(`audit does not know '${act}'.`);
  }
}

/** The entries that the options name, and the check's status. */
function chosenEntries(context: CommandContext, folder: string): { readonly entries: readonly HashedEntry[]; readonly status: number } {
  const path = journalFile(folder);
  if (!existsSync(path)) throw new Fault({ code: 'audit.none', what: 'There is no audit journal.', why: `${path} does not exist.`, mend: 'Nothing was done with this data folder yet, or --data names another one.' });
  const type = textOption(context, 'type');
  if (type !== undefined && !eventKinds.some((kind) => kind === type)) throw new UsageError(`--type takes ${eventKinds.join(', ')}, not '${type}'.`);
  const check = checkJournal(readFileSync(path), { head: readHead(path) });
  if (!check.isWhole) context.progress(verdictText(check));
  const last = numberOption(context, 'last', { least: 1, whole: true }) ?? Infinity;
  const entries = check.chain.filter(({ entry: { kind } }) => type === undefined || kind === type);
  return { entries: entries.slice(Math.max(0, entries.length - last)), status: check.status };
}

function show(context: CommandContext, folder: string): number {
  const { entries, status } = chosenEntries(context, folder);
  const shown = entries.map(({ entry }) => entry);
  context.print(shown, shown.map(({ seq, at, kind, subject, body }) => `${String(seq).padStart(6)}  ${at}  ${kind.padEnd(8)}  ${[...Object.entries(subject).map(([name, id]) => `${name} ${id.slice(0, 12)}`), briefly(body)].join('  ')}`.trimEnd()).join('\n'));
  return status;
}

const briefly = (body: object): string => {
  const text = Object.keys(body).length === 0 ? '' : JSON.stringify(body);
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
};

export const chosenData = (context: CommandContext): string => {
  const given = textOption(context, 'data');
  return given === undefined ? dataFolder() : resolve(given);
};

export const passphraseOf = (context: CommandContext): string | null => readPassphrase(textOption(context, 'passphrase-file') ?? process.env.LOUPE_PASSPHRASE_FILE);
