/** What the models screen knows, and how it changes. */
import type { Comparison, Job, ModelDetail, ModelInfo, Models, Offer, RunAdapter } from '#electron/contract/models.ts';
import type { AskedView } from '#electron/contract/review.ts';
import type { SeriesSummary, StudySummary } from '#electron/contract/library.ts';
import type { FaultFields } from '#models/base/fault.ts';
import type { Trained } from '#models/clinical/scope.ts';
import { modalities, type Modality } from '#models/clinical/study.ts';

export const tabs = ['about', 'card', 'compare'] as const;
export type Tab = (typeof tabs)[number];

/** The dialog in which a folder is brought in. */
export interface Bringing {
  /** Null while the workstation looks. */
  readonly offers: readonly Offer[] | null;
  readonly offerId: string | null;
  readonly name: string;
  readonly bits: 4 | 8 | null;
  readonly baseId: string | null;
  /** Where its folder does not say what it was trained on. */
  readonly trained: TrainedDraft;
  readonly fault: FaultFields | null;
}

/** What a person says that a model was trained on, as it is typed: for each kind of image the parts of the body, apart by commas. */
export type TrainedDraft = { readonly [M in Modality]?: string };

export const trainedDraft = (trained: Trained): TrainedDraft => Object.fromEntries(trained.map(({ modality, bodyParts }) => [modality, bodyParts.join(', ')]));
export const trainedOf = (draft: TrainedDraft): Trained => modalities.flatMap((modality) => (draft[modality] === undefined ? [] : [{ modality, bodyParts: listed(draft[modality]).slice(0, 100) }]));
/** Words that are apart by commas, each once. */
export const listed = (typed: string): string[] => [...new Set(typed.split(',').map((word) => word.trim().toLowerCase().slice(0, 60)).filter((word) => word !== ''))];

/** Two models, one picture, one question. */
export interface Comparing {
  readonly first: string | null;
  readonly second: string | null;
  readonly studies: readonly StudySummary[];
  readonly studyId: string | null;
  readonly series: readonly SeriesSummary[];
  readonly seriesAt: number;
  readonly frameAt: number;
  readonly question: string;
  /** How the review page shows the series, and what it would send of it; null: as its file says. */
  readonly given: AskedView | null;
  /** While both are asked: who writes, and what. */
  readonly running: { readonly at: 0 | 1; readonly phase: 'opening' | 'writing'; readonly texts: readonly [string, string] } | null;
  readonly result: Comparison | null;
  readonly fault: FaultFields | null;
}

export interface ModelsState {
  readonly data: Models | null;
  readonly fault: FaultFields | null;
  readonly selectedId: string | null;
  readonly tab: Tab;
  readonly details: ReadonlyMap<string, ModelDetail>;
  /** The model that is being tried, or whose bytes are being read again. */
  readonly busy: { readonly modelId: string; readonly what: 'testing' | 'verifying' } | null;
  readonly verified: { readonly modelId: string; readonly problems: readonly { readonly code: string; readonly message: string }[] } | null;
  readonly bringing: Bringing | null;
  readonly comparing: Comparing;
}

export const noBringing: Bringing = { offers: null, offerId: null, name: '', bits: null, baseId: null, trained: {}, fault: null };
const noComparing: Comparing = { first: null, second: null, studies: [], studyId: null, series: [], seriesAt: 0, frameAt: 0, question: '', given: null, running: null, result: null, fault: null };

export const initialModels: ModelsState = {
  data: null, fault: null, selectedId: null, tab: 'about', details: new Map(), busy: null, verified: null, bringing: null, comparing: noComparing,
};

export type ModelsAction =
  | { readonly type: 'loaded'; readonly data: Models }
  | { readonly type: 'failed'; readonly fault: FaultFields }
  | { readonly type: 'job'; readonly job: Job | null }
  | { readonly type: 'select'; readonly id: string }
  | { readonly type: 'tab'; readonly tab: Tab }
  | { readonly type: 'detail'; readonly detail: ModelDetail }
  | { readonly type: 'busy'; readonly busy: ModelsState['busy'] }
  | { readonly type: 'verified'; readonly verified: ModelsState['verified'] }
  | { readonly type: 'bringing'; readonly bringing: Bringing | null }
  | { readonly type: 'offers'; readonly offers: readonly Offer[] }
  | { readonly type: 'order'; readonly change: Partial<Bringing> }
  | { readonly type: 'compare'; readonly change: Partial<Comparing> }
  | { readonly type: 'writing'; readonly at: 0 | 1; readonly phase: 'opening' | 'writing'; readonly text: string };

export function reduceModels(state: ModelsState, action: ModelsAction): ModelsState {
  switch (action.type) {
    case 'loaded': {
      const ids = rowsOf(action.data).map(({ id }) => id);
      const inUse = action.data.models.find(({ isInUse }) => isInUse)?.id ?? null;
      const selectedId = state.selectedId !== null && ids.includes(state.selectedId) ? state.selectedId : inUse;
      return { ...state, data: action.data, fault: null, selectedId, comparing: withPair(state.comparing, action.data, selectedId) };
    }
    case 'failed': return { ...state, fault: action.fault };
    case 'job': return state.data ? { ...state, data: { ...state.data, job: action.job } } : state;
    case 'select': return { ...state, selectedId: action.id, ...(state.tab === 'compare' ? { tab: 'about' } : {}) };
    case 'tab': return { ...state, tab: action.tab, ...(action.tab === 'compare' && state.data && !state.comparing.running ? { comparing: withPair(state.comparing, state.data, state.selectedId) } : {}) };
    case 'detail': return { ...state, details: new Map(state.details).set(action.detail.id, action.detail) };
    case 'busy': return { ...state, busy: action.busy, ...(action.busy ? { verified: null } : {}) };
    case 'verified': return { ...state, verified: action.verified };
    case 'bringing': return { ...state, bringing: action.bringing };
    case 'offers': {
      if (!state.bringing) return state;
      const chosen = action.offers.find(({ id }) => id === state.bringing?.offerId) ?? action.offers.find(({ problem }) => problem === null) ?? action.offers[0];
      return { ...state, bringing: orderFor({ ...state.bringing, offers: action.offers }, chosen) };
    }
    case 'order': {
      if (!state.bringing) return state;
      const next = { ...state.bringing, ...action.change };
      return { ...state, bringing: action.change.offerId === undefined ? next : orderFor(next, next.offers?.find(({ id }) => id === action.change.offerId)) };
    }
    case 'compare': return { ...state, comparing: { ...state.comparing, ...action.change } };
    case 'writing': {
      const { running } = state.comparing;
      if (!running) return state;
      const texts = running.texts.map((text, at) => (at === action.at ? action.text : text)) as unknown as readonly [string, string];
      return { ...state, comparing: { ...state.comparing, running: { at: action.at, phase: action.phase, texts } } };
    }
  }
}

/** What is proposed for a folder. */
function orderFor(bringing: Bringing, offer: Offer | undefined): Bringing {
  return { ...bringing, offerId: offer?.id ?? null, name: offer?.name ?? '', bits: null, baseId: offer?.bases[0]?.id ?? null, trained: {}, fault: null };
}

/** The one in use against the selected one, or against any other that can answer. */
function withPair(comparing: Comparing, { models }: Models, selectedId: string | null): Comparing {
  const able = models.filter(({ problem }) => problem === null);
  const known = (id: string | null): string | null => (able.some((one) => one.id === id) ? id : null);
  const first = known(comparing.first) ?? able.find(({ isInUse }) => isInUse)?.id ?? null;
  const second = (selectedId !== first ? known(selectedId) : null) ?? (known(comparing.second) === first ? null : known(comparing.second)) ?? able.find(({ id }) => id !== first)?.id ?? null;
  return { ...comparing, first, second };
}

/** A line of the list: a model or what a run left, under what it was made of. */
export type Row = { readonly id: string; readonly depth: number } & ({ readonly model: ModelInfo; readonly run: null } | { readonly model: null; readonly run: RunAdapter });

export const runRowId = ({ runId }: RunAdapter): string => `run:${runId}`;

/** Each model followed by what belongs to it. */
export function rowsOf({ models, runs }: Pick<Models, 'models' | 'runs'>): readonly Row[] {
  const ids = new Set(models.map(({ id }) => id));
  const below = (model: ModelInfo, depth: number, above: ReadonlySet<string>): Row[] => [
    { id: model.id, depth, model, run: null },
    ...models.filter(({ id, baseId }) => baseId === model.id && !above.has(id)).flatMap((child) => below(child, depth + 1, new Set([...above, model.id]))),
    ...runs.filter(({ baseLineage }) => baseLineage !== null && baseLineage === model.lineage).map((run): Row => ({ id: runRowId(run), depth: depth + 1, model: null, run })),
  ];
  const lineages = new Set(models.map(({ lineage }) => lineage));
  return [
    ...models.filter(({ baseId }) => baseId === null || !ids.has(baseId)).flatMap((model) => below(model, 0, new Set())),
    ...runs.filter(({ baseLineage }) => baseLineage === null || !lineages.has(baseLineage)).map((run): Row => ({ id: runRowId(run), depth: 0, model: null, run })),
  ];
}

export const selectedRow = (state: ModelsState): Row | undefined => (state.data ? rowsOf(state.data).find(({ id }) => id === state.selectedId) : undefined);

/** An answer for people: of a list of boxes the things that it names; null where there is none, empty where it finds nothing. */
export function spokenAnswer({ answer, findings }: Pick<Comparison['sides'][0], 'answer' | 'findings'>): string | null {
  if (answer === null || !/^\s*\[[\s\S]*\]\s*$/.test(answer)) return answer;
  return [...new Set(findings.map(({ label }) => label))].join(', ');
}

/** A part of a model's card. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** A card in blocks: headings, paragraphs, lists, tables and code; whatever else Markdown has stays text. Nothing in it is fetched or run. */
export function blocksOf(card: string): readonly Block[] {
  const lines = card.replace(/<!--[\s\S]{0,20000}?-->/g, '').split('\n');
  const blocks: Block[] = [];
  let at = 0;
  const takeWhile = (test: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && test(lines[at] as string)) at++;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] as string;
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (line.trim() === '') at++;
    else if (heading) {
      blocks.push({ kind: 'heading', level: Math.min(3, (heading[1] as string).length) as 1 | 2 | 3, text: heading[2] as string });
      at++;
    } else if (line.startsWith('```')) {
      at++;
      blocks.push({ kind: 'code', text: takeWhile((one) => !one.startsWith('```')).join('\n') });
      at++;
    } else if (isRow(line) && /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(lines[at + 1] ?? '')) {
      const [head, , ...rows] = takeWhile(isRow).map(cellsOf);
      blocks.push({ kind: 'table', head: head ?? [], rows });
    } else if (isItem(line)) {
      const items: string[] = [];
      while (at < lines.length && (isItem(lines[at] as string) || (items.length > 0 && /^\s+\S/.test(lines[at] as string)))) {
        const one = lines[at++] as string;
        if (isItem(one)) items.push(one.replace(/^\s*(?:[-*+]|\d{1,3}[.)])\s+/, ''));
        else items.push(`${items.pop() ?? ''} ${one.trim()}`);
      }
      blocks.push({ kind: 'list', items });
    } else blocks.push({ kind: 'text', text: takeWhile((one) => one.trim() !== '' && !/^#{1,6}\s|^```/.test(one) && !isItem(one)).join(' ') });
  }
  return blocks;
}

const isRow = (line: string): boolean => /^\s*\|.*\|\s*$/.test(line);
const isItem = (line: string): boolean => /^\s*(?:[-*+]|\d{1,3}[.)])\s+\S/.test(line);
const cellsOf = (line: string): readonly string[] => line.trim().replace(/^\||\|$/g, '').split('|').map((cell) => cell.trim());

export interface Span {
  readonly text: string;
  readonly mark: 'plain' | 'strong' | 'code';
}

/** Bold, code and links of a line; of a link only its words: this window opens no addresses. */
export function spansOf(line: string): readonly Span[] {
  const words = line.replace(/!?\[([^\]]{0,400})\]\([^)]{0,2000}\)/g, '$1').replace(/<\/?[a-z][^>]{0,300}>/gi, '');
  return words.split(/(\*\*[^*]{1,1000}\*\*|`[^`]{1,1000}`)/).filter((part) => part !== '').map((part): Span => {
    if (part.startsWith('**') && part.endsWith('**') && part.length > 4) return { text: part.slice(2, -2), mark: 'strong' };
    if (part.startsWith('`') && part.endsWith('`') && part.length > 2) return { text: part.slice(1, -1), mark: 'code' };
    return { text: part, mark: 'plain' };
  });
}

/** Where a view lies among the series; null where it is of none of them, as one of a prior is. */
export function placeOf(series: readonly SeriesSummary[], view: AskedView): { readonly seriesAt: number; readonly frameAt: number } | null {
  const frameAtIn = ({ frames, slide }: SeriesSummary): number => (view.kind === 'slide' ? (slide?.id === view.slideId ? 0 : -1) : frames.findIndex(({ id }) => id === view.frameId));
  const seriesAt = series.findIndex((one) => frameAtIn(one) >= 0);
  return seriesAt < 0 ? null : { seriesAt, frameAt: frameAtIn(series[seriesAt] as SeriesSummary) };
}

/** The picture that is chosen, as both are asked about it: the window of the review page for each image of its series, its region for its own image, and otherwise as the file says. */
export function viewOf({ series, seriesAt, frameAt, given }: Pick<Comparing, 'series' | 'seriesAt' | 'frameAt' | 'given'>): AskedView | null {
  const shown = series[seriesAt];
  const frame = shown?.frames[frameAt];
  const place = given && placeOf(series, given);
  if (given && place?.seriesAt === seriesAt && (given.kind === 'slide' || place.frameAt === frameAt)) return given;
  if (shown?.slide) return { kind: 'slide', slideId: shown.slide.id, region: null };
  return frame ? { kind: 'frame', frameId: frame.id, window: given?.kind === 'frame' && place?.seriesAt === seriesAt ? given.window : null } : null;
}
