/** What is known of a search for more like this: the examples, what came, by which directive, and what was never looked at. Pure. */
import type { Directive, DirectiveNews, Example, FoundThing, LocatorState, Sweep, SweepNews } from '#electron/contract/locating.ts';

export interface MarkedExample extends Example {
  readonly id: string;
  readonly isUnlike: boolean;
}

/** A search that runs or has ended. */
export interface Searching {
  readonly sweepId: string;
  readonly studyId: string;
  readonly seriesId: string;
  /** Whether a sentence is followed, and not examples. */
  readonly isDirected: boolean;
  readonly done: number;
  readonly total: number;
  /** By image, from 0: the version of the directive by which it was searched; 0 for examples. */
  readonly searched: ReadonlyMap<number, number>;
  readonly found: readonly FoundThing[];
  readonly end: Sweep['end'] | null;
  readonly blank: number;
  readonly seconds: number;
}

export interface LocateState {
  readonly isOpen: boolean;
  readonly available: LocatorState | null;
  readonly seriesId: string | null;
  readonly examples: readonly MarkedExample[];
  /** What scores less is not shown. */
  readonly least: number;
  readonly searching: Searching | null;
  /** Taken over as drawings, or put aside. */
  readonly judged: ReadonlyMap<string, 'accepted' | 'rejected'>;
  readonly litId: string | null;
  readonly sentence: string;
  readonly directive: Directive | null;
  readonly isThinking: boolean;
  /** Why the last sentence came to nothing. */
  readonly why: string | null;
}

export type LocateAction =
  | { readonly type: 'open'; readonly isOpen: boolean }
  | { readonly type: 'available'; readonly available: LocatorState }
  | { readonly type: 'series'; readonly seriesId: string | null }
  | { readonly type: 'examples'; readonly examples: readonly MarkedExample[] }
  | { readonly type: 'least'; readonly least: number }
  | { readonly type: 'begun'; readonly sweepId: string; readonly studyId: string; readonly seriesId: string; readonly isDirected: boolean }
  | { readonly type: 'news'; readonly news: SweepNews }
  | { readonly type: 'ended'; readonly sweep: Sweep }
  | { readonly type: 'failed'; readonly sweepId: string }
  | { readonly type: 'judged'; readonly ids: readonly string[]; readonly verdict: 'accepted' | 'rejected' | null }
  | { readonly type: 'lit'; readonly id: string | null }
  | { readonly type: 'sentence'; readonly sentence: string }
  | { readonly type: 'directive'; readonly news: DirectiveNews };

/** As in `models/locator.ts`. */
export const usualLeast = 0.12;

export const noLocating: LocateState = {
  isOpen: false, available: null, seriesId: null, examples: [], least: usualLeast, searching: null, judged: new Map(), litId: null, sentence: '', directive: null, isThinking: false, why: null,
};

export function reduceLocating(state: LocateState, action: LocateAction): LocateState {
  switch (action.type) {
    case 'open': return state.isOpen === action.isOpen ? state : { ...state, isOpen: action.isOpen };
    case 'available': return { ...state, available: action.available };
    case 'series': return action.seriesId === state.seriesId ? state : { ...state, seriesId: action.seriesId, examples: [], directive: null, isThinking: false, why: null, litId: null };
    case 'examples': return { ...state, examples: action.examples };
    case 'least': return { ...state, least: action.least };
    case 'begun': return {
      ...state, litId: null, judged: new Map(),
      searching: { sweepId: action.sweepId, studyId: action.studyId, seriesId: action.seriesId, isDirected: action.isDirected, done: 0, total: 0, searched: new Map(), found: [], end: null, blank: 0, seconds: 0 },
    };
    case 'news': {
      const { searching } = state;
      const { sweepId, done, total, image, found } = action.news;
      if (searching?.sweepId !== sweepId || searching.end !== null) return state;
      const frames = new Set(found.map(({ frameId }) => frameId));
      // An image that is searched anew loses what an older directive found there; fields of a slide add up.
      const isAgain = image !== null && searching.searched.has(image.at);
      const kept = isAgain ? searching.found.filter(({ frameId }) => !frames.has(frameId)) : searching.found;
      return { ...state, searching: { ...searching, done, total, searched: image ? new Map([...searching.searched, [image.at, image.version]]) : searching.searched, found: [...kept, ...found] } };
    }
    case 'ended': {
      const { searching } = state;
      const { sweep } = action;
      if (searching?.sweepId !== sweep.sweepId) return state;
      const searched = new Map(sweep.searched.map(({ at, version }) => [at, version]));
      return { ...state, searching: { ...searching, searched, found: sweep.found, end: sweep.end, blank: sweep.blank, seconds: sweep.seconds, total: searching.total || sweep.total } };
    }
    case 'failed': return state.searching?.sweepId === action.sweepId ? { ...state, searching: { ...state.searching, end: 'stopped' } } : state;
    case 'judged': {
      const judged = new Map(state.judged);
      for (const id of action.ids) {
        if (action.verdict) judged.set(id, action.verdict);
        else judged.delete(id);
      }
      return { ...state, judged };
    }
    case 'lit': return state.litId === action.id ? state : { ...state, litId: action.id };
    case 'sentence': return { ...state, sentence: action.sentence };
    case 'directive': {
      const { seriesId, isThinking, directive, why } = action.news;
      return seriesId === state.seriesId ? { ...state, isThinking, directive: directive ?? state.directive, why } : state;
    }
  }
}

/** A thing as it is shown: `isOld` where a newer directive holds than the one that found it. */
export interface ShownThing extends FoundThing {
  readonly isOld: boolean;
}

/** What is shown of a search, best first: above the threshold and not put aside; what is accepted stands among the drawings. */
export function shownThings({ searching, least, judged, directive }: Pick<LocateState, 'searching' | 'least' | 'judged' | 'directive'>): readonly ShownThing[] {
  if (!searching) return [];
  const version = searching.isDirected ? directive?.version ?? 0 : 0;
  return searching.found.filter(({ id, score }) => score >= least && !judged.has(id)).map((thing) => ({ ...thing, isOld: searching.isDirected && thing.version < version })).sort((a, b) => Number(a.isOld) - Number(b.isOld) || b.score - a.score);
}

/** How each image of a series stands: searched by what holds now, by an older directive, or never. */
export function coverageOf({ searching, directive }: Pick<LocateState, 'searching' | 'directive'>, count: number): readonly ('now' | 'old' | 'never')[] {
  const version = searching?.isDirected === true ? directive?.version ?? 0 : 0;
  return Array.from({ length: count }, (_, at) => {
    const searched = searching?.searched.get(at);
    return searched === undefined ? 'never' : searched < version ? 'old' : 'now';
  });
}

/** As `1–4, 9`, counted from 1. */
export function runsText(coverage: readonly string[], wanted: string): string {
  const runs: string[] = [];
  for (let at = 0; at < coverage.length; at++) {
    if (coverage[at] !== wanted) continue;
    let to = at;
    while (coverage[to + 1] === wanted) to++;
    runs.push(to === at ? `${at + 1}` : `${at + 1}–${to + 1}`);
    at = to;
  }
  return runs.join(', ');
}
