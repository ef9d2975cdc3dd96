/** Every command as data: the palette, the cheat sheet, the tabs and the key listener read this table. */
import { auditActions, auditActionStrings } from './audit/audit.ts';
import { curateActions, curateActionStrings } from './curate/curate.ts';
import { finetuneActions, finetuneActionStrings } from './finetune/finetune.ts';
import { openIntegrity } from './integrity/integrity.ts';
import { libraryActions, libraryActionStrings } from './library/library.ts';
import { locateActions, locateActionStrings } from './locate/locate.ts';
import { reportActions, reportActionStrings } from './report/report.ts';
import { modelActions, modelActionStrings, openCompare } from './models/models.ts';
import { noAsking, planOf } from './review/asked.ts';
import { actActions, actActionStrings } from './review/act.ts';
import { evidenceActions, evidenceActionStrings } from './review/evidence.ts';
import { judgeActions, judgeActionStrings } from './review/judge.ts';
import { plan, review, reviewActions, reviewActionStrings } from './review/review.ts';
import { stageActions, stageActionStrings } from './review/stageActions.ts';
import { searchView, similarActions, similarActionStrings } from './similar/similar.ts';
import { createPeeking, isPressed, type Action } from './workstation/action.ts';
import { shortcutsOf } from './workstation/keymap.ts';
import { goTo, navigation } from './workstation/navigation.ts';
import { createStore } from './workstation/store.ts';

/** What lies over the screen. */
export type Layer = 'none' | 'palette' | 'shortcuts' | 'settings';
export const layer = createStore<Layer, Layer>((_, next) => next, 'none');

export const actions: readonly Action[] = [
  { name: 'app.palette', shortcuts: ['Mod+K'], isForTyping: true, isKeyOnly: true, run: () => layer.dispatch('palette') },
  { name: 'app.shortcuts', shortcuts: ['?', 'F1'], run: () => layer.dispatch('shortcuts') },
  { name: 'app.settings', shortcuts: ['Mod+,'], isForTyping: true, run: () => layer.dispatch('settings') },
  { name: 'app.library', shortcuts: ['Mod+1'], isForTyping: true, run: () => goTo({ screen: 'library' }) },
  { name: 'app.review', shortcuts: ['Mod+2'], isForTyping: true, when: () => navigation.get().studyId !== null, run: () => goTo({ screen: 'review' }) },
  { name: 'app.finetune', shortcuts: ['Mod+4'], isForTyping: true, run: () => goTo({ screen: 'finetune' }) },
  { name: 'models.compareHere', shortcuts: [], screen: 'review', when: () => navigation.get().studyId !== null, run: compareHere },
  { name: 'integrity.look', shortcuts: ['Shift+W'], screen: 'review', when: () => navigation.get().studyId !== null, run: lookForAlterations },
  ...actActions,
  ...libraryActions,
  ...judgeActions,
  ...evidenceActions,
  ...curateActions,
  ...finetuneActions,
  ...reportActions,
  ...auditActions,
  ...modelActions,
  ...similarActions,
  { name: 'similar.here', shortcuts: [], screen: 'review', when: () => navigation.get().studyId !== null, run: similarHere },
  ...locateActions,
  ...stageActions,
  ...reviewActions,
];

export const actionStrings: Readonly<Record<string, string>> = {
  ...locateActionStrings,
  ...similarActionStrings, 'similar.here': 'Find similar cases',
  ...modelActionStrings, 'models.compareHere': 'Compare two models on what is shown', 'integrity.look': 'Look for signs of alteration', 'app.settings': 'Keys and settings',
  'app.palette': 'Find a command or a study', 'app.shortcuts': 'Keyboard shortcuts', 'app.library': 'Library', 'app.review': 'Review', ...libraryActionStrings, ...actActionStrings, ...reviewActionStrings, ...stageActionStrings, ...judgeActionStrings, ...evidenceActionStrings, ...curateActionStrings, 'app.finetune': 'Fine-tuning', ...finetuneActionStrings, ...reportActionStrings, ...auditActionStrings,
};

/** What is on the screen is looked at, whatever a question would be about. */
export function lookForAlterations(): void {
  const state = review.get();
  const [shown] = planOf({ ...state, asked: noAsking }, null)?.views ?? [];
  if (shown && state.studyId !== null) void openIntegrity({ studyId: shown.view.studyId ?? state.studyId, view: shown.view });
}

/** Both models are given the first picture that the review would send, window and region and all. */
function compareHere(): void {
  const [first] = plan()?.views ?? [];
  void openCompare(navigation.get().studyId, first ? { view: first.view, question: review.get().question } : null);
}

/** Cases like the first picture that the review would send. */
function similarHere(): void {
  const [first] = plan()?.views ?? [];
  const { studyId } = navigation.get();
  if (first && studyId !== null) searchView(first.view, studyId);
}

/** What can be done now. */
export function isAvailable({ screen, when }: Action): boolean {
  return (screen === undefined || screen === navigation.get().screen) && (when === undefined || when());
}

/** Does what the pressed keys say; whoever types or has a dialog open is left alone. */
export function listenToKeys(): void {
  const peeking = createPeeking();
  window.addEventListener('keyup', ({ key, timeStamp }) => peeking.release(key, timeStamp));
  window.addEventListener('blur', ({ timeStamp }) => peeking.release(null, timeStamp));
  window.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const target = event.target instanceof HTMLElement ? event.target : null;
    const isTyping = target !== null && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
    // Enter and Space belong to what has the focus.
    const isOnControl = target !== null && (event.key === 'Enter' || event.key === ' ') && /^(BUTTON|A|SUMMARY)$/.test(target.tagName);
    const found = actions.find((action) => shortcutsOf(action).some((shortcut) => isPressed(shortcut, event)) && isAvailable(action));
    if (!found || isOnControl || (isTyping && found.isForTyping !== true) || (layer.get() !== 'none' && found.isForTyping !== true)) return;
    event.preventDefault();
    if (found.isPeek === true && !peeking.press(found, event.key, event.timeStamp)) return;
    found.run();
  });
}
