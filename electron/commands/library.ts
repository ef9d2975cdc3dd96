/** `loupe library`: the studies of this person's workstation from the terminal: listed, brought in, and their index made anew. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { openAudit } from '#electron/audit/audit.ts';
import type { ImportProgress } from '#electron/contract/library.ts';
import { rebuildIndex } from '#electron/library/catalogue.ts';
import { openLibrary, type Library } from '#electron/library/library.ts';
import { version, workerFile } from '#electron/storage/folders.ts';
import { connectDecoding } from '#electron/workers/decodingClient.ts';
import { launchProcess } from '#electron/workers/supervisor.ts';
import { auditOptions, chosenData, passphraseOf } from './audit.ts';
import { textOption, UsageError, type Command, type CommandContext } from './command.ts';

export const command: Command = {
  name: 'library',
  summary: 'the studies of this workstation: list, import, rebuild the index',
  usage: 'library list | library import PATH… [--password-file FILE] | library rebuild',
  options: {
    'password-file': { type: 'string', help: 'import: opens locked ZIP archives with the first line of this file; without it a terminal is asked. The password is kept nowhere' },
    ...auditOptions,
  },
  run,
};

async function run(context: CommandContext): Promise<number | void> {
  const [what, ...paths] = context.positionals;
  if (what !== 'list' && what !== 'import' && what !== 'rebuild') throw new UsageError('library takes list, import or rebuild.');
  if ((what === 'import') !== (paths.length > 0)) throw new UsageError(what === 'import' ? 'PATH is missing.' : `library ${what} takes no path.`);
  const folder = chosenData(context);
  // The journal first: who holds it is the only one who may write below the folder.
  const audit = await openAudit({ dataFolder: folder, version: version(), passphrase: passphraseOf(context) });
  try {
    audit.journal.notices.forEach((notice) => context.progress(notice));
    if (what === 'rebuild') {
      audit.journal.append({ kind: 'edit', body: { method: 'library.rebuild' } });
      const made = await rebuildIndex(folder);
      context.print(made, [
        `${made.studies} ${made.studies === 1 ? 'study' : 'studies'} in the index: ${made.kept} as before, ${made.found} found again.`,
        ...made.lost.map(({ id, name, why }) => `${id}  ${name}: ${why}`),
      ].join('\n'));
      return made.lost.length > 0 ? 10 : 0;
    }
    const decoding = connectDecoding(workerFile('decoding'), launchProcess, (_, why) => context.progress(why));
    const latest = new Map<string, ImportProgress>();
    let library: Library | undefined;
    try {
      const password = passwords(context);
      library = openLibrary({
        folder, now: () => new Date().toISOString(),
        reader: {
          ...decoding,
          async inspect(file) {
            audit.journal.append({ kind: 'import', body: { sha256: file.sha256 } }, { isDurable: false });
            return decoding.inspect(file);
          },
        },
        publish(event, payload) {
          if (event !== 'library.progress') return;
          const progress = payload as ImportProgress;
          latest.set(progress.importId, progress);
          if (progress.locked) void password(progress.locked).then((given) => library?.unlock(progress.importId, given));
        },
      });
      await library.recover();
      if (what === 'list') {
        const studies = library.list();
        context.print(studies, studies.length === 0 ? 'No study yet.' : studies.map(({ id, patient, description, modalities, date, images, status }) => [id, patient || description, modalities.join('/'), date ?? '', `${images} images`, status].join('  ')).join('\n'));
        return 0;
      }
      const { importId, done } = library.start(paths.map((path) => ({ path: resolve(path) })));
      context.signal.addEventListener('abort', () => library?.cancel(importId), { once: true });
      await done;
      return told(context, library, latest.get(importId) as ImportProgress);
    } finally {
      library?.close();
      decoding.worker.close();
    }
  } finally {
    audit.close();
  }
}

/** What came in and what did not. The exit status says whether anything was left out. */
function told(context: CommandContext, library: Library, { studies, added, known, skipped, skippedCount, fault }: ImportProgress): number {
  const rows = library.list().filter(({ id }) => studies.includes(id));
  context.print({ studies: rows, added, known, skipped, fault }, [
    `${added} new, ${known} already there, ${skippedCount} left out`, ...rows.map(({ id, patient, description, images }) => `${id}  ${patient || description}  ${images} images`),
    ...skipped.map(({ name, why, code }) => `left out: ${name}: ${why} (${code})`), ...(fault ? [`${fault.what} ${fault.why} ${fault.mend}`] : []),
  ].join('\n'));
  return fault ? 1 : skippedCount > 0 ? 10 : 0;
}

/** The file's password once; a terminal is asked until it is right or nothing is typed. */
function passwords(context: CommandContext): (locked: NonNullable<ImportProgress['locked']>) => Promise<string | null> {
  const path = textOption(context, 'password-file');
  const given = path === undefined ? null : readFileSync(path, 'utf8').split(/\r?\n/)[0] ?? '';
  return async ({ name, files, isWrong }) => {
    if (given !== null) {
      if (isWrong) context.progress(`${name}: the password does not open ${files} of its files.`);
      return isWrong || given === '' ? null : given;
    }
    return process.stdin.isTTY ? asked(`${isWrong ? 'That did not open it. ' : ''}Password of ${name} (${files} locked files; Enter leaves them out): `) : null;
  };
}

/** Asks at the terminal without showing what is typed. */
function asked(question: string): Promise<string | null> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, next) => next() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve) => {
    lines.question('', (answer) => {
      lines.close();
      process.stderr.write('\n');
      resolve(answer === '' ? null : answer);
    });
    lines.once('close', () => resolve(null));
  });
}
