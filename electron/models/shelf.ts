/**
 * Which models are here and which one answers: the one place that decides it.
 * A journal says what was promoted, chosen and rolled back, and by whom; what was brought in lies in a folder of its own with a note of where it came from.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { InUse } from '#electron/contract/finetune.ts';
import { ModelId, ModelInfo, Parity, SelfTest } from '#electron/contract/models.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';

/** What lies beside the weights of a model that was brought in. */
export const ModelNote = z.object({
  name: z.string(),
  origin: z.enum(['imported', 'quantised']),
  from: z.string().nullable(),
  addedAt: z.string(),
  addedBy: z.string(),
  baseId: ModelId.nullable(),
  adapter: ModelInfo.shape.adapter,
  parity: Parity.nullable(),
  selfTest: SelfTest.nullable(),
});
export type ModelNote = z.infer<typeof ModelNote>;

/** A model that is here. */
export interface Place {
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  readonly origin: ModelInfo['origin'];
  readonly isInUse: boolean;
  /** Whether a run may begin from it: rounded weights are not trained. */
  readonly isTrainable: boolean;
  readonly note: ModelNote | null;
}

export interface Shelf {
  /** The model that answers now. */
  current(): Place;
  /** The built-in ones first, then by name. */
  all(): readonly Place[];
  /** @throws Fault `models.unknown` */
  place(id: string): Place;
  /** The newest first; the last is the one that was there before anything was promoted or chosen. */
  history(): readonly InUse[];
  folderFor(id: string): string;
  promote(model: { readonly id: string; readonly name: string; readonly runId: string; readonly lineage: string | null }): void;
  /** Takes another one into use; `rollBack` takes it back. */
  choose(id: string, lineage: string | null): void;
  /** @throws Fault `finetune.norollback` where nothing was promoted or chosen */
  rollBack(): void;
  /** Out of sight, but not off the disk before the window closes. @throws Fault `models.inuse`, `models.builtin` */
  remove(id: string): void;
  restore(id: string): void;
  /** A folder for work that is not finished; what a crash leaves in it is gone at the next start. */
  readonly workFolder: string;
  close(): void;
}

export interface ShelfOptions {
  /** Of this person. */
  readonly folder: string;
  /** The model that answers where nothing was chosen; others that lie beside it come with the installation too. */
  readonly builtIn: { readonly folder: string; readonly name: string };
  readonly by: string;
  readonly now: () => string;
  /** Another model answers from now on. */
  readonly onInUse: (history: readonly InUse[]) => void;
}

export const builtInId = 'built-in';
export const noteName = 'origin.json';

export function openShelf({ folder, builtIn, by, now, onInUse }: ShelfOptions): Shelf {
  const stored = join(folder, 'models');
  const workFolder = join(stored, '.work');
  const removed = join(stored, '.removed');
  for (const leftover of [workFolder, removed]) rmSync(leftover, { recursive: true, force: true });
  mkdirSync(stored, { recursive: true });
  const journal = openJournal(join(folder, 'models.jsonl'), (value) => InUse.parse(value));
  const entries = [...journal.entries];
  const first: InUse = { id: builtInId, name: builtIn.name, since: null, by: '', how: 'built in', runId: null, lineage: null };
  const folderFor = (id: string): string => {
    if (id === builtInId) return builtIn.folder;
    return id.startsWith(`${builtInId}:`) ? join(dirname(builtIn.folder), id.slice(builtInId.length + 1)) : join(stored, id);
  };
  // Only a model whose weights are still there answers.
  const isThere = ({ id }: Pick<InUse, 'id'>): boolean => existsSync(join(folderFor(id), 'config.json'));
  const inUse = (): InUse => standing(entries, first).findLast(isThere) ?? first;
  const add = (entry: InUse): void => {
    journal.append(entry);
    entries.push(entry);
    onInUse(history());
  };
  const history = (): readonly InUse[] => [...entries].reverse().concat(first);
  const foldersIn = (path: string): readonly string[] => (existsSync(path) ? readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory() && /^\w[\w.-]*$/.test(entry.name) && !entry.name.endsWith('.part')).map(({ name }) => name).sort() : []);

  const placeOf = (id: string, name: string, origin: Place['origin'], note: ModelNote | null): Place =>
    ({ id, name, folder: folderFor(id), origin, isInUse: inUse().id === id, isTrainable: !isRounded(folderFor(id)), note });
  const all = (): readonly Place[] => [
    placeOf(builtInId, builtIn.name, 'built in', null),
    ...foldersIn(dirname(builtIn.folder)).filter((name) => name !== basename(builtIn.folder) && isThere({ id: `${builtInId}:${name}` }) && isAnswering(folderFor(`${builtInId}:${name}`))).map((name) => placeOf(`${builtInId}:${name}`, name, 'built in', null)),
    ...foldersIn(stored).filter((id) => isThere({ id })).map((id) => {
      const note = readNote(join(stored, id));
      return placeOf(id, note?.name ?? entries.find((entry) => entry.id === id)?.name ?? id, note?.origin ?? 'trained here', note);
    }).sort((a, b) => a.name.localeCompare(b.name)),
  ];
  const place = (id: string): Place => {
    const found = all().find((one) => one.id === id);
    if (!found) throw new Fault({ code: 'models.unknown', what: 'There is no such model.', why: 'It was removed, or its folder is gone.', mend: 'Choose another one.' });
    return found;
  };

  return {
    all, place, history, folderFor, workFolder,
    current: () => place(inUse().id),
    promote: (model) => add({ ...model, by, since: now(), how: 'promoted' }),
    choose(id, lineage) {
      const { name, isInUse } = place(id);
      if (!isInUse) add({ id, name, by, since: now(), how: 'chosen', runId: null, lineage });
    },
    rollBack() {
      const before = standing(entries, first).slice(0, -1).findLast(isThere);
      if (!before) throw new Fault({ code: 'finetune.norollback', what: 'There is no model to go back to.', why: 'The built-in model is in use.', mend: 'Nothing needs to be done.' });
      add({ ...before, by, since: now(), how: 'rolled back' });
    },
    remove(id) {
      const { origin, isInUse, name } = place(id);
      if (origin === 'built in') throw new Fault({ code: 'models.builtin', what: `${name} cannot be removed.`, why: 'It came with Loupe.', mend: 'Choose another model to answer; this one takes no part then.' });
      if (isInUse) throw new Fault({ code: 'models.inuse', what: `${name} cannot be removed.`, why: 'It answers the questions.', mend: 'Choose another model to answer first.' });
      mkdirSync(removed, { recursive: true });
      renameSync(folderFor(id), join(removed, id));
    },
    restore(id) {
      if (!existsSync(join(removed, id))) throw new Fault({ code: 'models.gone', what: 'The model cannot be brought back.', why: 'It was removed for good.', mend: 'Import it again.' });
      renameSync(join(removed, id), folderFor(id));
    },
    close() {
      for (const leftover of [workFolder, removed]) rmSync(leftover, { recursive: true, force: true });
      journal.close();
    },
  };
}

/** The models one upon the other, as promoting and choosing add and rolling back takes away: the last one answers. */
export function standing(entries: readonly InUse[], first: InUse): readonly InUse[] {
  const stack = [first];
  for (const entry of entries) {
    if (entry.how !== 'rolled back') stack.push(entry);
    else if (stack.length > 1) stack.pop();
  }
  return stack;
}

/** A localizer, an encoder of images and sentences, or a check for alterations lies there too, and writes no answer. */
function isAnswering(folder: string): boolean {
  try {
    const { model_type: kind } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { model_type?: unknown };
    return typeof kind !== 'string' || !kind.startsWith('loupe_');
  } catch {
    return true;
  }
}

/** Its weights have 4 or 8 bits: nothing can be learnt by them, and they are not rounded again. */
function isRounded(folder: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { readonly quantization_config?: unknown }).quantization_config != null;
  } catch {
    return false;
  }
}

function readNote(folder: string): ModelNote | null {
  try {
    return ModelNote.parse(JSON.parse(readFileSync(join(folder, noteName), 'utf8')));
  } catch {
    return null;
  }
}
