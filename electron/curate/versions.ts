/** A journal of things that have versions: each gesture appends what it changed, nothing is ever overwritten, and the latest word counts. */
import { z } from 'zod';
import { How, Item, type Version } from '#electron/contract/curate.ts';
import { openJournal } from '#electron/storage/journal.ts';

const Entry = z.object({ at: z.string(), by: z.string(), how: How, what: z.string(), items: z.array(Item) });
type Entry = z.infer<typeof Entry>;

export interface Versions {
  /** On the disk when it returns. @throws Fault `storage.write` */
  put(entry: Omit<Entry, 'at' | 'by'>): void;
  get<K extends Item['kind']>(kind: K, id: string): ValueOf<K> | undefined;
  all<K extends Item['kind']>(kind: K): readonly ValueOf<K>[];
  /** The oldest first. */
  history(kind: Item['kind'], id: string): readonly Version[];
  /** Lines of the journal that could not be read. */
  readonly unreadable: readonly number[];
  close(): void;
}

type ValueOf<K extends Item['kind']> = NonNullable<Extract<Item, { kind: K }>['value']>;

export function openVersions(path: string, { now, by }: { readonly now: () => string; readonly by: string }): Versions {
  const journal = openJournal(path, (value) => Entry.parse(value));
  const things = new Map<string, Version[]>();
  const keyOf = (kind: string, id: string): string => `${kind}/${id}`;
  const apply = ({ at, by: who, how, what, items }: Entry): void => {
    for (const item of items) {
      const key = keyOf(item.kind, item.id);
      const versions = things.get(key);
      const version: Version = { at, by: who, how, what, item };
      if (versions) versions.push(version);
      else things.set(key, [version]);
    }
  };
  journal.entries.forEach(apply);
  return {
    unreadable: journal.unreadable,
    put(entry) {
      const whole: Entry = { at: now(), by, ...entry };
      journal.append(whole);
      apply(whole);
    },
    get: <K extends Item['kind']>(kind: K, id: string) => (things.get(keyOf(kind, id))?.at(-1)?.item.value ?? undefined) as ValueOf<K> | undefined,
    all: <K extends Item['kind']>(kind: K) => [...things.values()].flatMap((versions) => {
      const item = versions.at(-1)?.item;
      return item?.kind === kind && item.value !== null ? [item.value as ValueOf<K>] : [];
    }),
    history: (kind, id) => things.get(keyOf(kind, id)) ?? [],
    close: () => journal.close(),
  };
}
