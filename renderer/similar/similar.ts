/** The store of the screen of likeness, what fills it, and what a person can do there. */
import { Fault, type FaultFields } from '#models/base/fault.ts';
import { ensembleFlaw } from '#models/clinical/promptEnsemble.ts';
import type { AskedView } from '#electron/contract/review.ts';
import type { Sought } from '#electron/contract/similar.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { ensembleOf, initialSimilar, reduceSimilar, type Tab } from './state.ts';

export const similar = createStore(reduceSimilar, initialSimilar);

/** When the shown question came, milliseconds. */
let shownAt = 0;

/** Once, when the page starts. */
export function startSimilar(): void {
  subscribe('similar.progress', (library) => similar.dispatch({ type: 'library', library }));
  subscribe('library.changed', () => {
    if (navigation.get().screen === 'similar') void seeLibrary();
  });
  let was: string | null = null;
  navigation.subscribe(() => {
    const { screen } = navigation.get();
    if (screen === was) return;
    was = screen;
    if (screen === 'similar') void seeLibrary();
  });
}

const faultOf = (thrown: unknown): FaultFields => (thrown instanceof Fault ? thrown.toJSON() : { code: 'internal', what: text('similar.failed'), why: thrown instanceof Error ? thrown.message : String(thrown), mend: text('similar.again') });

/** What was not seen yet is seen in the background; meanwhile what was seen can be searched. */
export async function seeLibrary(): Promise<void> {
  try {
    const library = await call('similar.state', null);
    similar.dispatch({ type: 'library', library });
    if (library.refusal || library.isIndexing || library.studies.seen === library.studies.total) return;
    similar.dispatch({ type: 'library', library: { ...library, isIndexing: true } });
    similar.dispatch({ type: 'library', library: await call('similar.index', null) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

export const stopSeeing = (): void => void call('similar.stop', null).catch(tellFault);

async function search(sought: Sought): Promise<void> {
  similar.dispatch({ type: 'busy', busy: 'search' });
  try {
    similar.dispatch({ type: 'found', sought, hits: await call('similar.search', { sought }) });
  } catch (thrown) {
    similar.dispatch({ type: 'searchFailed', fault: faultOf(thrown) });
  }
}

export function searchSentence(): void {
  const said = similar.get().sentence.trim();
  if (said !== '') void search({ by: 'sentence', text: said });
}

/** From the review: cases like what is shown there. */
export function searchView(view: AskedView, studyId: string): void {
  similar.dispatch({ type: 'tab', tab: 'search' });
  goTo({ screen: 'similar' });
  void search({ by: 'view', view, studyId });
}

export function moreLike(at: number): void {
  const hit = similar.get().hits?.[at];
  if (hit) void search({ by: 'picture', key: hit.key, studyId: hit.studyId });
}

export function openHit(at: number): void {
  const hit = similar.get().hits?.[at];
  if (hit) goTo({ screen: 'review', studyId: hit.studyId });
}

export async function findDuplicates(): Promise<void> {
  similar.dispatch({ type: 'busy', busy: 'duplicates' });
  try {
    similar.dispatch({ type: 'duplicates', duplicates: await call('similar.duplicates', null) });
  } catch (thrown) {
    similar.dispatch({ type: 'searchFailed', fault: faultOf(thrown) });
  }
}

export async function tellApart(): Promise<void> {
  const { ensemble: typed, over } = similar.get();
  const ensemble = ensembleOf(typed);
  const flaw = ensembleFlaw(ensemble);
  if (flaw !== null) {
    similar.dispatch({ type: 'wordsFailed', fault: { code: 'zeroshot.prompts', what: text('similar.words.cannot'), why: flaw, mend: text('similar.words.mend') } });
    return;
  }
  similar.dispatch({ type: 'busy', busy: 'words' });
  try {
    similar.dispatch({ type: 'told', telling: await call('similar.tell', { ensemble, over }) });
  } catch (thrown) {
    similar.dispatch({ type: 'wordsFailed', fault: faultOf(thrown) });
  }
}

export async function nextOdd(): Promise<void> {
  similar.dispatch({ type: 'busy', busy: 'odd' });
  try {
    similar.dispatch({ type: 'report', report: await call('similar.report', null) });
    similar.dispatch({ type: 'question', question: await call('similar.ask', null) });
    shownAt = performance.now();
  } catch (thrown) {
    similar.dispatch({ type: 'oddFailed', fault: faultOf(thrown) });
  }
}

/** @param odd  null: it cannot be told */
export async function answerOdd(odd: number | null): Promise<void> {
  const { question, chosen } = similar.get();
  if (!question || chosen !== null) return;
  similar.dispatch({ type: 'chosen', chosen: odd ?? 'none' });
  try {
    const report = await call('similar.answer', { questionId: question.questionId, odd, seconds: (performance.now() - shownAt) / 1000, screenScale: Math.min(16, Math.max(0.1, window.devicePixelRatio)) });
    similar.dispatch({ type: 'report', report });
    await nextOdd();
  } catch (thrown) {
    similar.dispatch({ type: 'oddFailed', fault: faultOf(thrown) });
  }
}

export async function withdrawOdd(): Promise<void> {
  try {
    similar.dispatch({ type: 'report', report: await call('similar.withdraw', null) });
    tell({ tone: 'plain', text: text('similar.odd.withdrawn') });
  } catch (thrown) {
    tellFault(thrown);
  }
}

export async function exportOdd(): Promise<void> {
  similar.dispatch({ type: 'busy', busy: 'export' });
  try {
    const { folder, judgements, images } = await call('similar.export', null);
    tell({ tone: 'good', text: text('similar.odd.exported', { judgements, images, folder }) });
  } catch (thrown) {
    tellFault(thrown);
  } finally {
    similar.dispatch({ type: 'busy', busy: null });
  }
}

export function showTab(tab: Tab): void {
  similar.dispatch({ type: 'tab', tab });
  if (tab === 'odd' && similar.get().question === null) void nextOdd();
}

const isHere = (tab: Tab) => (): boolean => navigation.get().screen === 'similar' && similar.get().tab === tab;
const hasHits = (): boolean => isHere('search')() && (similar.get().hits?.length ?? 0) > 0;
const move = (by: number) => (): void => {
  similar.dispatch({ type: 'move', by });
  document.getElementById(`hit-${similar.get().selected}`)?.scrollIntoView({ block: 'nearest' });
};

export const similarActions: readonly Action[] = [
  { name: 'app.similar', shortcuts: ['Mod+8'], isForTyping: true, run: () => goTo({ screen: 'similar' }) },
  { name: 'similar.search', shortcuts: ['S'], screen: 'similar', run: () => showTab('search') },
  { name: 'similar.words', shortcuts: ['W'], screen: 'similar', run: () => showTab('words') },
  { name: 'similar.odd', shortcuts: ['O'], screen: 'similar', run: () => showTab('odd') },
  { name: 'similar.say', shortcuts: ['/'], screen: 'similar', when: isHere('search'), run: () => document.getElementById('similar-sentence')?.focus() },
  { name: 'similar.next', shortcuts: ['J', 'ArrowRight'], screen: 'similar', isKeyOnly: true, when: hasHits, run: move(1) },
  { name: 'similar.previous', shortcuts: ['K', 'ArrowLeft'], screen: 'similar', isKeyOnly: true, when: hasHits, run: move(-1) },
  { name: 'similar.open', shortcuts: ['Enter'], screen: 'similar', when: hasHits, run: () => openHit(similar.get().selected) },
  { name: 'similar.more', shortcuts: ['M'], screen: 'similar', when: hasHits, run: () => moreLike(similar.get().selected) },
  { name: 'similar.duplicates', shortcuts: ['D'], screen: 'similar', when: isHere('search'), run: () => void findDuplicates() },
  { name: 'similar.tell', shortcuts: ['Mod+Enter'], screen: 'similar', isForTyping: true, when: isHere('words'), run: () => void tellApart() },
  ...[0, 1, 2].map((odd): Action => ({ name: `similar.odd${odd + 1}`, shortcuts: [String(odd + 1)], screen: 'similar', isKeyOnly: true, when: isHere('odd'), run: () => void answerOdd(odd) })),
  { name: 'similar.undecided', shortcuts: ['0', 'Space'], screen: 'similar', isKeyOnly: true, when: isHere('odd'), run: () => void answerOdd(null) },
  { name: 'similar.withdraw', shortcuts: ['U', 'Backspace'], screen: 'similar', when: () => isHere('odd')() && (similar.get().report?.answers ?? 0) > 0, run: () => void withdrawOdd() },
  { name: 'similar.export', shortcuts: ['E'], screen: 'similar', when: isHere('odd'), run: () => void exportOdd() },
];

export const similarActionStrings: Readonly<Record<string, string>> = {
  'app.similar': 'Similar cases', 'similar.search': 'Similar: search', 'similar.words': 'Similar: classes by words', 'similar.odd': 'Similar: odd one out', 'similar.say': 'Similar: say what to look for',
  'similar.next': 'Similar: next case', 'similar.previous': 'Similar: case before', 'similar.open': 'Similar: open the study', 'similar.more': 'Similar: more like this one', 'similar.duplicates': 'Similar: near-duplicates in the library',
  'similar.tell': 'Similar: tell the classes apart', 'similar.odd1': 'The first is the odd one', 'similar.odd2': 'The second is the odd one', 'similar.odd3': 'The third is the odd one', 'similar.undecided': 'It cannot be told',
  'similar.withdraw': 'Odd one out: take the last answer back', 'similar.export': 'Odd one out: write what can be learnt from',
};
