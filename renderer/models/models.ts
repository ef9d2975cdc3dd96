/** The store of the models screen, what fills it, and what a person can do there. */
import { Fault, type FaultFields } from '#models/base/fault.ts';
import type { GivenArgument } from '#electron/contract/contract.ts';
import type { AskedView } from '#electron/contract/review.ts';
import type { Action } from '#renderer/workstation/action.ts';
import { call } from '#renderer/workstation/call.ts';
import { goTo, navigation } from '#renderer/workstation/navigation.ts';
import { tell, tellFault } from '#renderer/workstation/notices.ts';
import { createStore } from '#renderer/workstation/store.ts';
import { subscribe } from '#renderer/workstation/subscribe.ts';
import { text } from '#renderer/workstation/text.ts';
import { initialModels, noBringing, placeOf, reduceModels, rowsOf, selectedRow, trainedOf, viewOf, type Row } from './state.ts';

export const models = createStore(reduceModels, initialModels);

/** Once, when the page starts. */
export function startModels(): void {
  subscribe('models.changed', () => void reloadModels());
  subscribe('models.job', ({ job }) => models.dispatch({ type: 'job', job }));
  subscribe('models.comparing', (news) => models.dispatch({ type: 'writing', ...news }));
  subscribe('library.changed', () => {
    if (models.get().tab === 'compare') void loadStudies().catch(tellFault);
  });
  subscribe('finetune.inUse', () => void reloadModels());
  subscribe('finetune.run', ({ run }) => {
    if (run === null || run.state === 'done') void reloadModels();
  });
  void reloadModels();
}

const faultOf = (thrown: unknown): FaultFields => (thrown instanceof Fault ? thrown.toJSON() : { code: 'internal', what: text('models.loading'), why: thrown instanceof Error ? thrown.message : String(thrown), mend: '' });

export async function reloadModels(): Promise<void> {
  try {
    models.dispatch({ type: 'loaded', data: await call('models.list', null) });
    const { selectedId } = models.get();
    if (selectedId !== null) await loadDetail(selectedId);
  } catch (thrown) {
    models.dispatch({ type: 'failed', fault: faultOf(thrown) });
  }
}

async function loadDetail(modelId: string): Promise<void> {
  if (models.get().data?.models.some(({ id }) => id === modelId) === true) models.dispatch({ type: 'detail', detail: await call('models.detail', { modelId }) });
}

export function selectModel(id: string): void {
  models.dispatch({ type: 'select', id });
  loadDetail(id).catch(tellFault);
}

export async function chooseModel(modelId: string): Promise<void> {
  const before = models.get().data?.models.find(({ isInUse }) => isInUse)?.id;
  try {
    await call('models.choose', { modelId });
    tell({ tone: 'good', text: text('models.used', { name: nameOf(modelId) }), ...(before === undefined ? {} : { undo: () => void chooseModel(before) }) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

export async function removeModel(modelId: string): Promise<void> {
  const name = nameOf(modelId);
  try {
    const { undoId } = await call('models.remove', { modelId });
    tell({ tone: 'plain', text: text('models.removed', { name }), undo: () => void call('models.restore', { undoId }).then(() => tell({ tone: 'good', text: text('models.restored', { name }) }), tellFault) });
  } catch (thrown) {
    tellFault(thrown);
  }
}

const nameOf = (modelId: string): string => models.get().data?.models.find(({ id }) => id === modelId)?.name ?? '';

export async function testModel(modelId: string): Promise<void> {
  models.dispatch({ type: 'busy', busy: { modelId, what: 'testing' } });
  try {
    const selfTest = await call('models.test', { modelId });
    const { data } = models.get();
    // A model that came with the installation keeps no note of it: it is shown until the window closes.
    if (data) models.dispatch({ type: 'loaded', data: { ...data, models: data.models.map((one) => (one.id === modelId ? { ...one, selfTest } : one)) } });
  } catch (thrown) {
    tellFault(thrown);
  } finally {
    models.dispatch({ type: 'busy', busy: null });
  }
}

/** What it was trained on, as the person says. Gives whether it is kept. */
export async function saveScope(modelId: string, scope: GivenArgument<'models.scope'>['scope']): Promise<boolean> {
  try {
    await call('models.scope', { modelId, scope });
    await loadDetail(modelId);
    return true;
  } catch (thrown) {
    tellFault(thrown);
    return false;
  }
}

export async function verifyModel(modelId: string): Promise<void> {
  models.dispatch({ type: 'busy', busy: { modelId, what: 'verifying' } });
  try {
    const problems = await call('models.verify', { modelId });
    models.dispatch({ type: 'busy', busy: null });
    models.dispatch({ type: 'verified', verified: { modelId, problems } });
  } catch (thrown) {
    models.dispatch({ type: 'busy', busy: null });
    tellFault(thrown);
  }
}

/** Brought in or made smaller: it stands in the list when this settles. */
async function arrives(coming: Promise<{ readonly modelId: string }>): Promise<FaultFields | null> {
  try {
    const { modelId } = await coming;
    await reloadModels();
    selectModel(modelId);
    tell({ tone: 'good', text: text('models.ready', { name: nameOf(modelId) }) });
    return null;
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'models.cancelled') {
      tell({ tone: 'plain', text: text('models.stopped') });
      return null;
    }
    return faultOf(thrown);
  }
}

export async function quantizeModel(modelId: string, bits: 4 | 8): Promise<void> {
  const fault = await arrives(call('models.quantize', { modelId, bits }));
  if (fault) tell({ tone: 'bad', text: fault.what, fault });
}

export const cancelJob = (): void => void call('models.cancel', null).catch(tellFault);

export function openImport(): void {
  goTo({ screen: 'models' });
  models.dispatch({ type: 'bringing', bringing: noBringing });
  void lookForOffers();
}

export const closeImport = (): void => models.dispatch({ type: 'bringing', bringing: null });

export async function lookForOffers(): Promise<void> {
  try {
    models.dispatch({ type: 'offers', offers: await call('models.offers', null) });
  } catch (thrown) {
    models.dispatch({ type: 'order', change: { offers: [], fault: faultOf(thrown) } });
  }
}

/** The shell's own dialog. */
export async function chooseFolder(): Promise<void> {
  try {
    const offer = await call('models.offer', null);
    const { bringing } = models.get();
    if (!offer || !bringing) return;
    models.dispatch({ type: 'offers', offers: [offer, ...(bringing.offers ?? []).filter(({ id }) => id !== offer.id)] });
    models.dispatch({ type: 'order', change: { offerId: offer.id } });
  } catch (thrown) {
    models.dispatch({ type: 'order', change: { fault: faultOf(thrown) } });
  }
}

export async function bringIn(): Promise<void> {
  const { bringing } = models.get();
  if (!bringing || bringing.offerId === null) return;
  const { offerId, name, bits, baseId } = bringing;
  const trained = trainedOf(bringing.trained);
  models.dispatch({ type: 'order', change: { fault: null } });
  const fault = await arrives(call('models.import', { offerId, name, bits, baseId, ...(trained.length > 0 ? { trained } : {}) }));
  if (!fault) closeImport();
  else if (models.get().bringing) models.dispatch({ type: 'order', change: { fault } });
  else tell({ tone: 'bad', text: fault.what, fault });
}

/** @param asked  what the review page would send, so that both models are given the same */
export async function openCompare(studyId: string | null = null, asked: { readonly view: AskedView; readonly question: string } | null = null): Promise<void> {
  goTo({ screen: 'models' });
  models.dispatch({ type: 'tab', tab: 'compare' });
  try {
    await loadStudies();
    if (studyId !== null && (asked || studyId !== models.get().comparing.studyId)) await chooseStudy(studyId);
    const place = asked && placeOf(models.get().comparing.series, asked.view);
    if (asked && place) models.dispatch({ type: 'compare', change: { ...place, given: asked.view, ...(asked.question.trim() === '' ? {} : { question: asked.question }) } });
  } catch (thrown) {
    models.dispatch({ type: 'compare', change: { fault: faultOf(thrown) } });
  }
}

/** What may be asked about; the study of the review first, where there is one. */
async function loadStudies(): Promise<void> {
  const studies = await call('library.list', null);
  const { studyId } = models.get().comparing;
  models.dispatch({ type: 'compare', change: { studies } });
  if (studyId === null || !studies.some(({ id }) => id === studyId)) {
    const wanted = studies.find(({ id }) => id === navigation.get().studyId) ?? studies[0];
    if (wanted) await chooseStudy(wanted.id);
  }
}

export async function chooseStudy(studyId: string): Promise<void> {
  try {
    const { study, series } = await call('library.study', { studyId });
    const usable = series.filter(({ frames, slide }) => frames.length > 0 || slide !== null);
    models.dispatch({ type: 'compare', change: { studyId, series: usable, seriesAt: 0, frameAt: Math.floor(((usable[0]?.frames.length ?? 1) - 1) / 2), question: study.question ?? models.get().comparing.question, given: null, result: null, fault: null } });
  } catch (thrown) {
    models.dispatch({ type: 'compare', change: { fault: faultOf(thrown) } });
  }
}

export async function compareNow(): Promise<void> {
  const { first, second, studyId, question, running } = models.get().comparing;
  const view = viewOf(models.get().comparing);
  if (running || first === null || second === null || studyId === null || !view || question.trim() === '') return;
  models.dispatch({ type: 'compare', change: { running: { at: 0, phase: 'opening', texts: ['', ''] }, result: null, fault: null } });
  try {
    models.dispatch({ type: 'compare', change: { result: await call('models.compare', { first, second, studyId, view, question }), running: null } });
  } catch (thrown) {
    models.dispatch({ type: 'compare', change: { running: null, fault: thrown instanceof Fault && thrown.code === 'models.stopped' ? null : faultOf(thrown) } });
  }
}

export const stopComparing = (): void => void call('models.cancelCompare', null).catch(tellFault);

const isHere = (): boolean => navigation.get().screen === 'models' && models.get().bringing === null;
const selected = (): Row | undefined => selectedRow(models.get());
const onModel = (test: (row: Row) => boolean = () => true) => (): boolean => {
  const row = selected();
  return isHere() && row?.model != null && test(row);
};
const withModel = (act: (modelId: string) => void) => (): void => {
  const id = selected()?.model?.id;
  if (id !== undefined) act(id);
};
const move = (by: number) => (): void => {
  const { data, selectedId } = models.get();
  const rows = data ? rowsOf(data) : [];
  const next = rows[Math.max(0, Math.min(rows.length - 1, rows.findIndex(({ id }) => id === selectedId) + by))];
  if (next) selectModel(next.id);
};
const showTab = (tab: 'about' | 'card') => (): void => models.dispatch({ type: 'tab', tab });

export const modelActions: readonly Action[] = [
  { name: 'app.models', shortcuts: ['Mod+7'], isForTyping: true, run: () => goTo({ screen: 'models' }) },
  { name: 'models.import', shortcuts: ['N'], screen: 'models', when: isHere, run: openImport },
  { name: 'models.next', shortcuts: ['ArrowDown', 'J'], screen: 'models', isKeyOnly: true, when: isHere, run: move(1) },
  { name: 'models.previous', shortcuts: ['ArrowUp', 'K'], screen: 'models', isKeyOnly: true, when: isHere, run: move(-1) },
  { name: 'models.use', shortcuts: ['U'], screen: 'models', when: onModel(({ model }) => model?.isInUse === false && model.problem === null), run: withModel((id) => void chooseModel(id)) },
  { name: 'models.test', shortcuts: ['T'], screen: 'models', when: onModel(() => models.get().busy === null), run: withModel((id) => void testModel(id)) },
  { name: 'models.verify', shortcuts: ['V'], screen: 'models', when: onModel(() => models.get().busy === null), run: withModel((id) => void verifyModel(id)) },
  { name: 'models.remove', shortcuts: ['Delete'], screen: 'models', when: onModel(({ model }) => model?.origin !== 'built in' && model?.isInUse === false), run: withModel((id) => void removeModel(id)) },
  { name: 'models.about', shortcuts: ['1'], screen: 'models', when: isHere, run: showTab('about') },
  { name: 'models.card', shortcuts: ['2'], screen: 'models', when: isHere, run: showTab('card') },
  { name: 'models.compare', shortcuts: ['3'], screen: 'models', when: isHere, run: () => void openCompare() },
];

export const modelActionStrings: Readonly<Record<string, string>> = {
  'app.models': 'Models', 'models.import': 'Import a model', 'models.next': 'Next model', 'models.previous': 'Previous model', 'models.use': 'Let this model answer', 'models.test': 'Try the model on this machine', 'models.verify': 'Check the bytes of the model',
  'models.remove': 'Remove the model', 'models.about': 'What the model is', 'models.card': 'Card of the model', 'models.compare': 'Compare two models',
};
