/** Which model answers: a journal of what was promoted and rolled back, and by whom; every model that was ever promoted stays on the disk. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InUse } from '#electron/contract/finetune.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import type { ModelPlace } from './trainer.ts';

export interface Models {
  /** The model that answers now. */
  current(): ModelPlace;
  /** Every one that may be trained from: the built-in one first. */
  all(): readonly ModelPlace[];
  /** The newest first; the last is the one that was there before anything was promoted. */
  history(): readonly InUse[];
  folderFor(id: string): string;
  promote(model: { readonly id: string; readonly name: string; readonly runId: string; readonly lineage: string | null; readonly by: string; readonly since: string }): void;
  /** @throws Fault `finetune.norollback` where no model was promoted */
  rollBack(by: string, since: string): void;
  close(): void;
}

const builtInId = 'built-in';

export function openModels(folder: string, builtIn: { readonly folder: string; readonly name: string }): Models {
  const journal = openJournal(join(folder, 'models.jsonl'), (value) => InUse.parse(value));
  const entries = [...journal.entries];
  const folderFor = (id: string): string => (id === builtInId ? builtIn.folder : join(folder, 'models', id));
  const first: InUse = { id: builtInId, name: builtIn.name, since: null, by: '', how: 'built in', runId: null, lineage: null };
  const add = (entry: InUse): void => {
    journal.append(entry);
    entries.push(entry);
  };
  // Only a model whose weights are still there answers.
  const isThere = ({ id }: InUse): boolean => existsSync(join(folderFor(id), 'config.json'));
  const now = (): InUse => standing(entries, first).findLast(isThere) ?? first;
  return {
    current: () => ({ id: now().id, name: now().name, folder: folderFor(now().id), isInUse: true }),
    all: () => [...new Map([first, ...entries].map((entry) => [entry.id, entry])).values()].filter(isThere).map(({ id, name }) => ({ id, name, folder: folderFor(id), isInUse: id === now().id })),
    history: () => [...entries].reverse().concat(first),
    folderFor,
    promote: (model) => add({ ...model, how: 'promoted' }),
    rollBack(by, since) {
      const before = standing(entries, first).slice(0, -1).findLast(isThere);
      if (!before) throw new Fault({ code: 'finetune.norollback', what: 'There is no model to go back to.', why: 'The built-in model is in use.', mend: 'Nothing needs to be done.' });
      add({ ...before, by, since, how: 'rolled back' });
    },
    close: () => journal.close(),
  };
}

/** The models one upon the other, as promoting adds and rolling back takes away: the last one answers. */
export function standing(entries: readonly InUse[], first: InUse): readonly InUse[] {
  const stack = [first];
  for (const entry of entries) {
    if (entry.how === 'promoted') stack.push(entry);
    else if (stack.length > 1) stack.pop();
  }
  return stack;
}
