/** Where a person was is where they are after a reload or a crash: kept as they go on, a gesture at a time. */
import type { ReviewDraft, Session, SessionChange } from '#electron/contract/session.ts';
import { library } from './library/library.ts';
import { draftOf } from './review/resume.ts';
import { drafts, moves, review, stage } from './review/review.ts';
import { screenNames } from './workstation/action.ts';
import { call } from './workstation/call.ts';
import { navigation } from './workstation/navigation.ts';

/** A gesture is many changes: this long after the last of them, or after the first where they do not end, it is on its way to the disk. */
const restMs = 120;
const longestMs = 600;

const left = new Map<string, ReviewDraft>();

function now(): SessionChange {
  const { screen, studyId } = navigation.get();
  const { filter, sort, selectedId } = library.get();
  const state = review.get();
  const draft = studyId !== null && state.studyId === studyId ? draftOf(state, { slideRegion: stage.slide?.visibleRegion() ?? stage.slideRegion, views: new Map([...stage.views, ...[...stage.cells].map(([at, canvas]) => [at, canvas.view()] as const)]) }) : null;
  if (draft && studyId !== null) left.set(studyId, draft);
  return { place: { screen, studyId, library: { ...filter, query: filter.query.slice(0, 400), sort, selectedId } }, draft };
}

/** Before anything is drawn; a page without its program, or one whose session cannot be read, begins in the library. */
export async function startSession(): Promise<void> {
  const { place, drafts: kept } = await call('app.session', null).catch((): Session => ({ place: null, drafts: [] }));
  for (const { studyId, draft } of kept) left.set(studyId, draft);
  drafts.get = (studyId) => left.get(studyId) ?? null;
  if (place) {
    const { query, modality, status, sort, selectedId } = place.library;
    library.dispatch({ type: 'resume', filter: { query, modality, status }, sort, selectedId });
    const screen = screenNames.find((name) => name === place.screen) ?? 'library';
    navigation.dispatch({ screen: screen === 'review' && place.studyId === null ? 'library' : screen, studyId: place.studyId });
    if (place.studyId !== null) leaveWhatIsGone();
  }
  keep();
}

/** A study that was removed meanwhile is not where anybody goes on. */
function leaveWhatIsGone(): void {
  const end = review.subscribe(() => {
    const { detail, fault } = review.get();
    if (!detail && !fault) return;
    end();
    if (fault) navigation.dispatch({ screen: navigation.get().screen === 'review' ? 'library' : navigation.get().screen, studyId: null });
  });
}

function keep(): void {
  let said = JSON.stringify(now());
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let since = 0;
  let isSending = false;
  const send = (): void => {
    waiting = undefined;
    // One at a time, so that the last word is the last on the disk.
    if (isSending) return touch();
    const change = now();
    const text = JSON.stringify(change);
    if (text === said) return;
    isSending = true;
    said = text;
    call('app.keepSession', change).catch(() => (said = '')).finally(() => (isSending = false));
  };
  const touch = (): void => {
    const at = performance.now();
    if (waiting === undefined) since = at;
    clearTimeout(waiting);
    waiting = setTimeout(send, Math.max(0, Math.min(restMs, since + longestMs - at)));
  };
  // Another study or screen is a gesture of its own, and what follows it at once must not hold it up.
  navigation.subscribe(() => {
    clearTimeout(waiting);
    send();
  });
  for (const store of [library, review, moves]) store.subscribe(touch);
  window.addEventListener('pagehide', send);
}
