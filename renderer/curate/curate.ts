/** The dataset screen's store, what fills it, and what a person can do there. */
import type { CuratedCase, Item, LabelDefinition } from '#electron/contract/curate.ts';
import { Fault } from '#models/base/fault.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { did } from '#renderer/workstation/history.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { initialCurate, reduceCurate, type QueueOrder } from './state.ts';

export const curate = createStore(reduceCurate, initialCurate);

/** Once, when the page starts. */
export function startCurate(): void {
  subscribe('curate.changed', ({ items }) => {
    if (!curate.get().isLoaded) return;
    curate.dispatch({ type: 'items', items });
    void loadHistory();
  });
  let was: string | null = null;
  navigation.subscribe(() => {
    const { screen } = navigation.get();
    if (screen === 'curate' && was !== 'curate') void openCurate();
    was = screen;
  });
}

export async function openCurate(): Promise<void> {
  try {
    curate.dispatch({ type: 'loaded', dataset: await call('curate.dataset', null) });
    await Promise.all([loadHistory(), loadQueue(curate.get().queue.order)]);
  } catch (thrown) {
    curate.dispatch({ type: 'failed', fault: thrown instanceof Fault ? thrown : new Fault({ code: 'internal', what: 'The dataset cannot be opened.', why: String(thrown), mend: 'Open it again.' }) });
  }
}

export async function loadHistory(): Promise<void> {
  const { selectedId } = curate.get();
  if (selectedId === null) return;
  await call('curate.history', { kind: 'case', id: selectedId }).then((versions) => curate.dispatch({ type: 'history', id: selectedId, versions }), tellFault);
}

export async function loadQueue(order: QueueOrder): Promise<void> {
  await call('curate.queue', { order, seed: 0 }).then((waiting) => curate.dispatch({ type: 'queue', order, waiting }), tellFault);
}

export function select(id: string | null): void {
  curate.dispatch({ type: 'select', id });
  void loadHistory();
}

/** One gesture, undone and redone as a whole; the journal keeps both ways. */
async function change(what: string, before: readonly Item[], after: readonly Item[]): Promise<boolean> {
  try {
    await call('curate.change', { what, how: 'done', items: [...after] });
    const again = (items: readonly Item[], how: 'undone' | 'redone') => (): void => void call('curate.change', { what, how, items: [...items] }).catch(tellFault);
    did({ undo: again(before, 'undone'), redo: again(after, 'redone') });
    return true;
  } catch (thrown) {
    tellFault(thrown);
    return false;
  }
}

const caseItem = (id: string, value: CuratedCase | null): Item => ({ kind: 'case', id, value });

export const editCase = (one: CuratedCase, next: Partial<CuratedCase>, what: string): Promise<boolean> => change(what, [caseItem(one.id, one)], [caseItem(one.id, { ...one, ...next })]);

export async function removeCase(one: CuratedCase): Promise<void> {
  if (await change('Removed', [caseItem(one.id, one)], [caseItem(one.id, null)])) tell({ tone: 'plain', text: text('curate.removed'), undo: () => void call('curate.change', { what: 'Removed', how: 'undone', items: [caseItem(one.id, one)] }).catch(tellFault) });
}

export function release(one: CuratedCase, code: string, isReleased: boolean): void {
  void editCase(one, { concerns: one.concerns.map((concern) => (concern.code === code ? { ...concern, isReleased } : concern)) }, isReleased ? `Released: ${code}` : `Withheld again: ${code}`);
}

export async function restore(one: CuratedCase, item: Item): Promise<void> {
  await call('curate.change', { what: 'Restored', how: 'restored', items: [item] }).then(() => did({
    undo: () => void call('curate.change', { what: 'Restored', how: 'undone', items: [caseItem(one.id, one)] }).catch(tellFault),
    redo: () => void call('curate.change', { what: 'Restored', how: 'redone', items: [item] }).catch(tellFault),
  }), tellFault);
}

export async function keepLabel(value: LabelDefinition): Promise<void> {
  const before = curate.get().labels.find(({ id }) => id === value.id) ?? null;
  if (await change(`Label ${value.name}`, [{ kind: 'label', id: value.id, value: before }], [{ kind: 'label', id: value.id, value }])) curate.dispatch({ type: 'draft', draft: null });
}

export const removeLabel = (value: LabelDefinition): Promise<boolean> => change(`Label ${value.name} removed`, [{ kind: 'label', id: value.id, value }], [{ kind: 'label', id: value.id, value: null }]);

async function busy(what: 'check' | 'split' | 'snapshot', deed: () => Promise<void>): Promise<void> {
  if (curate.get().busy !== null) return;
  curate.dispatch({ type: 'busy', busy: what });
  try {
    await deed();
  } catch (thrown) {
    tellFault(thrown);
  } finally {
    curate.dispatch({ type: 'busy', busy: null });
  }
}

export const check = (): Promise<void> => busy('check', async () => curate.dispatch({ type: 'checked', check: await call('curate.check', null) }));
export const split = (shares: readonly [number, number, number]): Promise<void> => busy('split', async () => {
  const before = curate.get().cases;
  const counts = await call('curate.split', { shares: [...shares], seed: 0 });
  const after = (await call('curate.dataset', null)).cases;
  const moved = after.filter((one) => before.find(({ id }) => id === one.id)?.split !== one.split);
  const items = (of: readonly CuratedCase[]): Item[] => moved.flatMap(({ id }) => of.filter((one) => one.id === id).map((one) => caseItem(id, one)));
  const again = (of: readonly CuratedCase[], how: 'undone' | 'redone') => (): void => void call('curate.change', { what: 'Split', how, items: items(of) }).catch(tellFault);
  if (moved.length > 0) did({ undo: again(before, 'undone'), redo: again(after, 'redone') });
  tell({ tone: 'good', text: text('curate.splitDone', counts) });
});
export const takeSnapshot = (): Promise<void> => busy('snapshot', async () => {
  const snapshot = await call('curate.snapshot', null);
  curate.dispatch({ type: 'snapshot', snapshot });
  tell({ tone: 'good', text: text('curate.snapshotDone', { hash: snapshot.hash.slice(0, 12), count: snapshot.cases }) });
});

const isHere = (): boolean => navigation.get().screen === 'curate';
const selected = (): CuratedCase | undefined => curate.get().cases.find(({ id }) => id === curate.get().selectedId);
const hasCase = (): boolean => isHere() && selected() !== undefined;
const onSelected = (deed: (one: CuratedCase) => void) => (): void => {
  const one = selected();
  if (one) deed(one);
};
const move = (by: number) => (): void => {
  curate.dispatch({ type: 'move', by });
  void loadHistory();
};

export const curateActions: readonly Action[] = [
  { name: 'app.curate', shortcuts: ['Mod+3'], isForTyping: true, run: () => goTo({ screen: 'curate' }) },
  { name: 'curate.next', shortcuts: ['J', 'ArrowDown'], screen: 'curate', isKeyOnly: true, when: isHere, run: move(1) },
  { name: 'curate.previous', shortcuts: ['K', 'ArrowUp'], screen: 'curate', isKeyOnly: true, when: isHere, run: move(-1) },
  { name: 'curate.open', shortcuts: ['Enter'], screen: 'curate', when: hasCase, run: onSelected(({ studyId }) => goTo({ screen: 'review', studyId })) },
  { name: 'curate.edit', shortcuts: ['E'], screen: 'curate', when: hasCase, run: () => document.getElementById('case-question')?.focus() },
  { name: 'curate.remove', shortcuts: ['X', 'Delete'], screen: 'curate', when: hasCase, run: onSelected((one) => void removeCase(one)) },
  { name: 'curate.check', shortcuts: ['C'], screen: 'curate', when: isHere, run: () => void check() },
  { name: 'curate.snapshot', shortcuts: ['Mod+S'], screen: 'curate', when: isHere, run: () => void takeSnapshot() },
];

export const curateActionStrings: Readonly<Record<string, string>> = {
  'app.curate': 'Dataset', 'curate.next': 'Next case', 'curate.previous': 'Previous case', 'curate.open': 'Open the case’s study', 'curate.edit': 'Edit the case', 'curate.remove': 'Remove the case', 'curate.check': 'Check the dataset', 'curate.snapshot': 'Take a snapshot',
};
