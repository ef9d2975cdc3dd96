/** What the screen of likeness shows, as a value: the library as it was seen, what was looked for, words and what they told apart, and the question of three images. */
import type { FaultFields } from '#models/base/fault.ts';
import type { PromptEnsemble } from '#models/clinical/promptEnsemble.ts';
import type { NearDuplicate, OddQuestion, OddReport, SimilarHit, SimilarState, Sought, Telling } from '#electron/contract/similar.ts';

export const tabs = ['search', 'words', 'odd'] as const;
export type Tab = (typeof tabs)[number];

/** An ensemble as it is typed: wordings of a class on one line, commas between them. */
export interface EnsembleText {
  readonly classes: readonly { readonly name: string; readonly synonyms: string }[];
  readonly templates: string;
}

export interface SimilarScreenState {
  readonly tab: Tab;
  readonly library: SimilarState | null;
  readonly sentence: string;
  /** What is shown was found for this; null before the first search. */
  readonly sought: Sought | null;
  readonly hits: readonly SimilarHit[] | null;
  readonly selected: number;
  readonly duplicates: readonly NearDuplicate[] | null;
  readonly searchFault: FaultFields | null;
  readonly ensemble: EnsembleText;
  readonly over: 'library' | 'curated';
  readonly telling: Telling | null;
  readonly wordsFault: FaultFields | null;
  readonly question: OddQuestion | null;
  readonly report: OddReport | null;
  /** What was chosen last, shown until the next images are there. */
  readonly chosen: number | 'none' | null;
  readonly oddFault: FaultFields | null;
  readonly busy: 'search' | 'duplicates' | 'words' | 'odd' | 'export' | null;
}

export const initialSimilar: SimilarScreenState = {
  tab: 'search', library: null, sentence: '', sought: null, hits: null, selected: 0, duplicates: null, searchFault: null,
  ensemble: { classes: [{ name: 'pneumonia', synonyms: 'bacterial pneumonia, viral pneumonia' }, { name: 'normal', synonyms: 'normal findings, no abnormality' }], templates: 'CLASSNAME.\nChest film showing CLASSNAME.' },
  over: 'library', telling: null, wordsFault: null, question: null, report: null, chosen: null, oddFault: null, busy: null,
};

export type SimilarAction =
  | { readonly type: 'tab'; readonly tab: Tab }
  | { readonly type: 'library'; readonly library: SimilarState }
  | { readonly type: 'sentence'; readonly sentence: string }
  | { readonly type: 'busy'; readonly busy: SimilarScreenState['busy'] }
  | { readonly type: 'found'; readonly sought: Sought; readonly hits: readonly SimilarHit[] }
  | { readonly type: 'move'; readonly by: number }
  | { readonly type: 'select'; readonly at: number }
  | { readonly type: 'duplicates'; readonly duplicates: readonly NearDuplicate[] }
  | { readonly type: 'searchFailed'; readonly fault: FaultFields }
  | { readonly type: 'ensemble'; readonly ensemble: EnsembleText }
  | { readonly type: 'over'; readonly over: SimilarScreenState['over'] }
  | { readonly type: 'told'; readonly telling: Telling }
  | { readonly type: 'wordsFailed'; readonly fault: FaultFields }
  | { readonly type: 'chosen'; readonly chosen: SimilarScreenState['chosen'] }
  | { readonly type: 'question'; readonly question: OddQuestion }
  | { readonly type: 'report'; readonly report: OddReport }
  | { readonly type: 'oddFailed'; readonly fault: FaultFields };

export function reduceSimilar(state: SimilarScreenState, action: SimilarAction): SimilarScreenState {
  switch (action.type) {
    case 'tab': return { ...state, tab: action.tab };
    case 'library': return { ...state, library: action.library };
    case 'sentence': return { ...state, sentence: action.sentence };
    case 'busy': return { ...state, busy: action.busy };
    case 'found': return { ...state, busy: null, sought: action.sought, hits: action.hits, selected: 0, duplicates: null, searchFault: null };
    case 'move': return { ...state, selected: Math.max(0, Math.min((state.hits?.length ?? 1) - 1, state.selected + action.by)) };
    case 'select': return { ...state, selected: action.at };
    case 'duplicates': return { ...state, busy: null, duplicates: action.duplicates, hits: null, sought: null, searchFault: null };
    case 'searchFailed': return { ...state, busy: null, searchFault: action.fault };
    case 'ensemble': return { ...state, ensemble: action.ensemble, wordsFault: null };
    case 'over': return { ...state, over: action.over, telling: null };
    case 'told': return { ...state, busy: null, telling: action.telling, wordsFault: null };
    // What an earlier ensemble told is not shown beside words that cannot be used.
    case 'wordsFailed': return { ...state, busy: null, telling: null, wordsFault: action.fault };
    case 'chosen': return { ...state, chosen: action.chosen };
    case 'question': return { ...state, busy: null, question: action.question, chosen: null, oddFault: null };
    case 'report': return { ...state, report: action.report };
    case 'oddFailed': return { ...state, busy: null, question: null, chosen: null, oddFault: action.fault };
  }
}

const parts = (text: string, between: RegExp): string[] => text.split(between).map((part) => part.trim()).filter((part) => part !== '');

/** What was typed as an ensemble; a class without other wordings has its own name. Empty lines count for nothing. */
export const ensembleOf = ({ classes, templates }: EnsembleText): PromptEnsemble => ({
  classes: classes.filter(({ name, synonyms }) => name.trim() !== '' || synonyms.trim() !== '').map(({ name, synonyms }) => {
    const wordings = parts(synonyms, /,/);
    return { name: name.trim() || wordings[0]!, synonyms: wordings.length > 0 ? wordings : [name.trim()] };
  }),
  templates: parts(templates, /\n/),
});

/** The classes of the labelled pictures as an ensemble to begin with. */
export const classesOfTelling = ({ pictures }: Pick<Telling, 'pictures'>): EnsembleText['classes'] => [...new Set(pictures.flatMap(({ label }) => label ?? []))].sort().map((name) => ({ name, synonyms: '' }));

/** The picture of the library by which a key's thumbnail is fetched: a slide's first frame is the slide. */
export const frameOfKey = (key: string): string => (key.includes('-') ? key : `${key}-0`);

/** How far the library has been seen, 0 … 1. */
export const seenShare = ({ studies: { seen, total } }: Pick<SimilarState, 'studies'>): number => (total === 0 ? 1 : seen / total);

/** How many pictures each class was told of, most first. */
export function countsOf({ classes, pictures }: Telling): readonly { readonly name: string; readonly count: number }[] {
  return classes.map((name) => ({ name, count: pictures.filter((picture) => picture.name === name).length })).sort((a, b) => b.count - a.count);
}

/** The pictures about which the classes disagree least come first, those that could not be used last. */
export const bySureness = (pictures: Telling['pictures']): Telling['pictures'] => [...pictures].sort((a, b) => Math.max(-1, ...b.probabilities) - Math.max(-1, ...a.probabilities));
