/** What the library screen knows, and how it changes. */
import type { ImportProgress, StudyStatus, StudySummary } from '#electron/contract/library.ts';

export type SortKey = 'study' | 'modality' | 'date' | 'images' | 'status' | 'added';

export interface Filter {
  readonly query: string;
  readonly modality: string | null;
  readonly status: StudyStatus | null;
}

/** A study with the words that it is found by, lower case, made once. */
interface Row {
  readonly study: StudySummary;
  readonly words: string;
}

export interface LibraryState {
  readonly isLoaded: boolean;
  readonly fault: { readonly what: string; readonly why: string; readonly mend: string } | null;
  readonly rows: ReadonlyMap<string, Row>;
  readonly filter: Filter;
  readonly sort: { readonly key: SortKey; readonly isDescending: boolean };
  readonly selectedId: string | null;
  /** Imports that run, and those that ended with something to say, by id. */
  readonly imports: ReadonlyMap<string, ImportProgress>;
  /** Files on their way to the workstation; null where none are. */
  readonly sending: { readonly sent: number; readonly total: number } | null;
  /** The import whose reasons are shown. */
  readonly reasonsOf: string | null;
}

export type LibraryAction =
  | { readonly type: 'loaded'; readonly studies: readonly StudySummary[] }
  | { readonly type: 'failed'; readonly fault: LibraryState['fault'] }
  | { readonly type: 'changed'; readonly studies: readonly StudySummary[]; readonly removed: readonly string[] }
  | { readonly type: 'filter'; readonly filter: Partial<Filter> }
  | { readonly type: 'sort'; readonly key: SortKey }
  /** As a person left it. */
  | { readonly type: 'resume'; readonly filter: Filter; readonly sort: LibraryState['sort']; readonly selectedId: string | null }
  | { readonly type: 'select'; readonly id: string | null }
  | { readonly type: 'move'; readonly by: number }
  | { readonly type: 'progress'; readonly progress: ImportProgress }
  | { readonly type: 'sending'; readonly sending: LibraryState['sending'] }
  | { readonly type: 'reasons'; readonly importId: string | null }
  | { readonly type: 'dismiss'; readonly importId: string };

export const noFilter: Filter = { query: '', modality: null, status: null };

export const initialLibrary: LibraryState = {
  isLoaded: false, fault: null, rows: new Map(), filter: noFilter, sort: { key: 'added', isDescending: true }, selectedId: null, imports: new Map(), sending: null, reasonsOf: null,
};

export function reduceLibrary(state: LibraryState, action: LibraryAction): LibraryState {
  switch (action.type) {
    case 'loaded': return { ...state, isLoaded: true, fault: null, rows: new Map([...action.studies].map((study) => [study.id, rowOf(study)])) };
    case 'failed': return { ...state, isLoaded: true, fault: action.fault };
    case 'changed': {
      const rows = new Map(state.rows);
      for (const study of action.studies) rows.set(study.id, rowOf(study));
      for (const id of action.removed) rows.delete(id);
      const next = { ...state, rows };
      if (state.selectedId === null || rows.has(state.selectedId)) return next;
      // The cursor stays where it was, on what took the place.
      const at = shownStudies(state).findIndex(({ id }) => id === state.selectedId);
      const left = shownStudies(next);
      return { ...next, selectedId: left[Math.min(at, left.length - 1)]?.id ?? null };
    }
    case 'filter': return { ...state, filter: { ...state.filter, ...action.filter } };
    case 'sort': return { ...state, sort: { key: action.key, isDescending: state.sort.key === action.key ? !state.sort.isDescending : action.key === 'date' || action.key === 'added' || action.key === 'images' } };
    case 'resume': return { ...state, filter: action.filter.query === '' && action.filter.modality === null && action.filter.status === null ? noFilter : action.filter, sort: action.sort, selectedId: action.selectedId };
    case 'select': return action.id === state.selectedId ? state : { ...state, selectedId: action.id };
    case 'move': {
      const shown = shownStudies(state);
      const at = shown.findIndex(({ id }) => id === state.selectedId);
      const next = at < 0 ? (action.by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, at + action.by));
      return { ...state, selectedId: shown[next]?.id ?? null };
    }
    case 'progress': return { ...state, imports: new Map([...state.imports, [action.progress.importId, action.progress]]), sending: null };
    case 'sending': return { ...state, sending: action.sending };
    case 'reasons': return { ...state, reasonsOf: action.importId };
    case 'dismiss': return { ...state, imports: new Map([...state.imports].filter(([id]) => id !== action.importId)), reasonsOf: state.reasonsOf === action.importId ? null : state.reasonsOf };
  }
}

const rowOf = (study: StudySummary): Row => ({
  study, words: [study.patient, study.patientId, study.description, study.accession, study.date ?? '', study.modalities.join(' '), study.isSample ? 'sample' : ''].join(' ').toLowerCase(),
});

/** The studies that pass the filter, sorted. The same state gives the same list, so that nothing is drawn anew for nothing. */
export function shownStudies(state: Pick<LibraryState, 'rows' | 'filter' | 'sort'>): readonly StudySummary[] {
  if (remembered && remembered.rows === state.rows && remembered.filter === state.filter && remembered.sort === state.sort) return remembered.shown;
  const { query, modality, status } = state.filter;
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const shown: StudySummary[] = [];
  for (const { study, words: text } of ordered(state)) {
    if (modality !== null && !study.modalities.includes(modality)) continue;
    if (status !== null && study.status !== status) continue;
    if (words.every((word) => text.includes(word))) shown.push(study);
  }
  remembered = { rows: state.rows, filter: state.filter, sort: state.sort, shown };
  return shown;
}

let remembered: (Pick<LibraryState, 'rows' | 'filter' | 'sort'> & { readonly shown: readonly StudySummary[] }) | undefined;

/** All rows in order: sorting ten thousand takes longer than a letter may, and a letter changes nothing of it. */
function ordered({ rows, sort }: Pick<LibraryState, 'rows' | 'sort'>): readonly Row[] {
  if (order && order.rows === rows && order.sort === sort) return order.all;
  const compare = orders[sort.key];
  const sign = sort.isDescending ? -1 : 1;
  const all = [...rows.values()].sort(({ study: a }, { study: b }) => sign * compare(a, b) || (a.id < b.id ? -1 : 1));
  order = { rows, sort, all };
  return all;
}

let order: (Pick<LibraryState, 'rows' | 'sort'> & { readonly all: readonly Row[] }) | undefined;

const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);
const rank: Readonly<Record<StudyStatus, number>> = { new: 0, asked: 1, judged: 2, reported: 3 };
const orders: Readonly<Record<SortKey, (a: StudySummary, b: StudySummary) => number>> = {
  study: (a, b) => byText((a.patient || a.description).toLowerCase(), (b.patient || b.description).toLowerCase()),
  modality: (a, b) => byText(a.modalities.join(), b.modalities.join()),
  date: (a, b) => byText(a.date ?? '', b.date ?? ''),
  images: (a, b) => a.images - b.images,
  status: (a, b) => rank[a.status] - rank[b.status],
  added: (a, b) => byText(a.addedAt, b.addedAt),
};

/** The modalities in the library with their number of studies, most first. */
export function modalityCounts({ rows }: Pick<LibraryState, 'rows'>): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { study } of rows.values()) for (const modality of study.modalities) counts.set(modality, (counts.get(modality) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || byText(a[0], b[0]));
}
