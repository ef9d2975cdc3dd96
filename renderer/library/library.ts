/** The library's store, what fills it, and what a person can do there. */
import { studyStatuses } from '#electron/contract/library.ts';
import { Fault } from '#models/base/fault.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { bridge, type GivenFile } from '#renderer/workstation/bridge.ts';
import { call } from '#renderer/workstation/call.ts';
import { did } from '#renderer/workstation/history.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { formatNumber, text } from '#renderer/workstation/text.ts';
import { initialLibrary, noFilter, reduceLibrary, shownStudies } from './state.ts';

export const library = createStore(reduceLibrary, initialLibrary);

/** Once, when the page starts. */
export function startLibrary(): void {
  subscribe('library.changed', ({ studies, removed }) => library.dispatch({ type: 'changed', studies, removed }));
  subscribe('library.progress', (progress) => {
    const wasLocked = library.get().imports.get(progress.importId)?.locked;
    library.dispatch({ type: 'progress', progress });
    if (progress.locked && !wasLocked && !progress.locked.isWrong && !isHere()) tell({ tone: 'warning', text: text('library.locked', { name: progress.locked.name, count: progress.locked.files }) });
    if (!progress.isDone) return;
    const { importId, source, added, known, skippedCount, isCancelled, fault, studies } = progress;
    if (fault) tell({ tone: 'bad', text: fault.what, fault });
    // The sample studies arrive by themselves and need no word.
    const isOurs = studies.every((id) => library.get().rows.get(id)?.study.isSample === true) && added > 0;
    if (!fault && !isOurs) {
      tell({
        tone: skippedCount > 0 ? 'warning' : 'good',
        text: isCancelled ? text('library.cancelled', { added: formatNumber(added) })
          : text('library.imported', { source, added: formatNumber(added), known: formatNumber(known), skipped: formatNumber(skippedCount) }),
      });
    }
    const [first] = studies;
    if (!isOurs && first !== undefined) library.dispatch({ type: 'select', id: first });
    if (skippedCount === 0) library.dispatch({ type: 'dismiss', importId });
  });
  void reload();
  // One that waits for a password would wait for ever.
  call('library.imports', null).then((all) => all.forEach((progress) => library.dispatch({ type: 'progress', progress })), () => undefined);
}

export async function reload(): Promise<void> {
  try {
    library.dispatch({ type: 'loaded', studies: await call('library.list', null) });
  } catch (thrown) {
    library.dispatch({ type: 'failed', fault: thrown instanceof Fault ? thrown : new Fault({ code: 'internal', what: 'The library cannot be opened.', why: String(thrown), mend: 'Reload the window.' }) });
  }
}

export function openStudy(id: string): void {
  library.dispatch({ type: 'select', id });
  goTo({ screen: 'review', studyId: id });
}

export async function removeStudy(id: string): Promise<void> {
  const row = library.get().rows.get(id);
  if (!row) return;
  try {
    const { undoId } = await call('library.remove', { studyIds: [id] });
    tell({ tone: 'plain', text: text('library.removed', { name: row.study.patient || row.study.description }), undo: () => void call('library.restore', { undoId }).catch(tellFault) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

/** The password goes to the import that waits for it and is kept nowhere. Null: its files are left out. */
export async function unlock(importId: string, password: string | null): Promise<void> {
  await call('library.unlock', { importId, password }).catch(tellFault);
}

/** Asks for files or a folder: the shell's dialog, or the browser's. */
export async function chooseFiles(what: 'files' | 'folder'): Promise<void> {
  if (bridge.surface === 'electron') {
    await call('library.choose', { what }).catch(tellFault);
    return;
  }
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  if (what === 'folder') input.webkitdirectory = true;
  input.addEventListener('change', () => {
    const files = [...input.files ?? []];
    void importFiles(files, async () => files.map((file) => ({ file, name: file.webkitRelativePath || file.name })));
  });
  input.click();
}

/** What was dropped: files and folders, the latter walked in a browser and named in the desktop window. */
export function importDropped(transfer: DataTransfer): void {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const roots = [...transfer.files];
  const all = async (): Promise<readonly GivenFile[]> =>
    (entries.length > 0 ? (await Promise.all(entries.map((entry) => filesBelow(entry, '')))).flat() : roots.map((file) => ({ file, name: file.name })));
  if (roots.length > 0) void importFiles(roots, all);
}

async function importFiles(roots: readonly File[], all: () => Promise<readonly GivenFile[]>): Promise<void> {
  if (roots.length === 0) return;
  try {
    await bridge.importFiles(roots, all, (sent, total) => library.dispatch({ type: 'sending', sending: { sent, total } }));
  } catch (thrown) {
    tellFault(thrown);
  } finally {
    library.dispatch({ type: 'sending', sending: null });
  }
}

async function filesBelow(entry: FileSystemEntry, folder: string): Promise<readonly GivenFile[]> {
  const name = `${folder}${entry.name}`;
  if (entry.isFile) return [{ name, file: await new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)) }];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: GivenFile[] = [];
  for (;;) {
    // A reader gives a hundred entries at a time, and none when it is through.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const child of some) found.push(...await filesBelow(child, `${name}/`));
  }
}

const isHere = (): boolean => navigation.get().screen === 'library';
const selected = (): string | null => library.get().selectedId;
const hasSelection = (): boolean => isHere() && selected() !== null && shownStudies(library.get()).some(({ id }) => id === selected());
const move = (by: number) => (): void => library.dispatch({ type: 'move', by });

/** A step further or back among what a person may say; a signed report stays signed. Can be undone. */
function stepStatus(by: 1 | -1): void {
  const study = library.get().rows.get(selected() ?? '')?.study;
  const said = studyStatuses.filter((status) => status !== 'reported');
  const at = said.findIndex((status) => status === study?.status);
  const next = said[at + by];
  const now = said[at];
  if (!study || now === undefined || next === undefined) return;
  // Shown at once, so that the next press starts from it.
  const set = (status: typeof next) => (): void => {
    const shown = library.get().rows.get(study.id)?.study;
    if (shown) library.dispatch({ type: 'changed', studies: [{ ...shown, status }], removed: [] });
    void call('library.status', { studyId: study.id, status }).catch((thrown: unknown) => {
      tellFault(thrown);
      void reload();
    });
  };
  set(next)();
  did({ undo: set(now), redo: set(next) });
}

export const searchFieldId = 'library-filter';

export const libraryActions: readonly Action[] = [
  { name: 'library.open', shortcuts: ['Enter'], screen: 'library', when: hasSelection, run: () => openStudy(selected() as string) },
  { name: 'library.next', shortcuts: ['ArrowDown', 'J'], screen: 'library', isKeyOnly: true, run: move(1) },
  { name: 'library.previous', shortcuts: ['ArrowUp', 'K'], screen: 'library', isKeyOnly: true, run: move(-1) },
  { name: 'library.pageDown', shortcuts: ['PageDown'], screen: 'library', isKeyOnly: true, run: move(12) },
  { name: 'library.pageUp', shortcuts: ['PageUp'], screen: 'library', isKeyOnly: true, run: move(-12) },
  { name: 'library.first', shortcuts: ['Home'], screen: 'library', isKeyOnly: true, run: move(-1e9) },
  { name: 'library.last', shortcuts: ['End'], screen: 'library', isKeyOnly: true, run: move(1e9) },
  { name: 'library.search', shortcuts: ['/', 'Mod+F'], screen: 'library', run: () => document.getElementById(searchFieldId)?.focus() },
  { name: 'library.clear', shortcuts: ['Escape'], screen: 'library', when: () => isHere() && library.get().filter !== noFilter, run: () => library.dispatch({ type: 'filter', filter: noFilter }) },
  { name: 'library.importFiles', shortcuts: ['Mod+O'], run: () => void chooseFiles('files') },
  { name: 'library.importFolder', shortcuts: ['Mod+Shift+O'], run: () => void chooseFiles('folder') },
  { name: 'library.further', shortcuts: ['.'], screen: 'library', when: hasSelection, run: () => stepStatus(1) },
  { name: 'library.back', shortcuts: [','], screen: 'library', when: hasSelection, run: () => stepStatus(-1) },
  { name: 'library.remove', shortcuts: ['Delete'], screen: 'library', when: hasSelection, run: () => void removeStudy(selected() as string) },
];

export const libraryActionStrings = {
  'library.open': 'Open the study', 'library.next': 'Next study', 'library.previous': 'Previous study', 'library.pageDown': 'A page down', 'library.pageUp': 'A page up',
  'library.first': 'First study', 'library.last': 'Last study', 'library.search': 'Filter the library', 'library.clear': 'Clear the filters', 'library.importFiles': 'Import files',
  'library.importFolder': 'Import a folder', 'library.remove': 'Remove the study from the library', 'library.further': 'Status: a step further', 'library.back': 'Status: a step back',
} as const;
