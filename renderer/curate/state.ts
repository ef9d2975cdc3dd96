/** What the dataset screen knows, and how it changes. */
import type { CheckResult, CuratedCase, Dataset, Item, LabelDefinition, Version, Waiting, queueOrders } from '#electron/contract/curate.ts';

export type QueueOrder = (typeof queueOrders)[number];
/** By what the balance is drawn, and by what a bar filters. */
export const facets = ['label', 'kind', 'split', 'modality', 'sex', 'age', 'scanner', 'verdict'] as const;
export type Facet = (typeof facets)[number];

export interface CurateState {
  readonly isLoaded: boolean;
  readonly fault: { readonly what: string; readonly why: string; readonly mend: string } | null;
  readonly index: string;
  readonly cases: readonly CuratedCase[];
  readonly labels: readonly LabelDefinition[];
  readonly snapshots: Dataset['snapshots'];
  readonly selectedId: string | null;
  readonly filter: { readonly facet: Facet; readonly value: string } | null;
  readonly isHeldOnly: boolean;
  readonly history: readonly Version[];
  readonly check: CheckResult | null;
  readonly busy: 'check' | 'split' | 'snapshot' | null;
  readonly queue: { readonly order: QueueOrder; readonly waiting: readonly Waiting[] };
  /** The definition that is being written. */
  readonly draft: LabelDefinition | null;
}

export type CurateChange =
  | { readonly type: 'loaded'; readonly dataset: Dataset }
  | { readonly type: 'failed'; readonly fault: CurateState['fault'] }
  | { readonly type: 'items'; readonly items: readonly Item[] }
  | { readonly type: 'select'; readonly id: string | null }
  | { readonly type: 'move'; readonly by: number }
  | { readonly type: 'filter'; readonly filter: CurateState['filter'] }
  | { readonly type: 'heldOnly'; readonly isHeldOnly: boolean }
  | { readonly type: 'history'; readonly id: string; readonly versions: readonly Version[] }
  | { readonly type: 'busy'; readonly busy: CurateState['busy'] }
  | { readonly type: 'checked'; readonly check: CheckResult }
  | { readonly type: 'snapshot'; readonly snapshot: Dataset['snapshots'][number] }
  | { readonly type: 'queue'; readonly order: QueueOrder; readonly waiting: readonly Waiting[] }
  | { readonly type: 'draft'; readonly draft: LabelDefinition | null };

export const initialCurate: CurateState = {
  isLoaded: false, fault: null, index: '', cases: [], labels: [], snapshots: [], selectedId: null, filter: null, isHeldOnly: false, history: [], check: null, busy: null, queue: { order: 'uncertain', waiting: [] }, draft: null,
};

export function reduceCurate(state: CurateState, change: CurateChange): CurateState {
  switch (change.type) {
    case 'loaded': {
      const { index, cases, labels, snapshots } = change.dataset;
      const isThere = cases.some(({ id }) => id === state.selectedId);
      return { ...state, isLoaded: true, fault: null, index, cases, labels, snapshots, selectedId: isThere ? state.selectedId : cases.at(-1)?.id ?? null };
    }
    case 'failed': return { ...state, isLoaded: true, fault: change.fault };
    case 'items': {
      const cases = new Map(state.cases.map((one) => [one.id, one]));
      const labels = new Map(state.labels.map((one) => [one.id, one]));
      for (const item of change.items) {
        if (item.kind === 'judgement') continue;
        if (item.value === null) (item.kind === 'case' ? cases : labels).delete(item.id);
        else if (item.kind === 'case') cases.set(item.id, item.value);
        else labels.set(item.id, item.value);
      }
      const next = { ...state, cases: [...cases.values()], labels: [...labels.values()], check: null };
      if (state.selectedId !== null && !cases.has(state.selectedId)) {
        const at = shownCases(state).findIndex(({ id }) => id === state.selectedId);
        const left = shownCases(next);
        return { ...next, selectedId: left[Math.min(at, left.length - 1)]?.id ?? null, history: [] };
      }
      return next;
    }
    case 'select': return change.id === state.selectedId ? state : { ...state, selectedId: change.id, history: [] };
    case 'move': {
      const shown = shownCases(state);
      const at = shown.findIndex(({ id }) => id === state.selectedId);
      const id = shown[Math.min(shown.length - 1, Math.max(0, at + change.by))]?.id ?? null;
      return id === state.selectedId ? state : { ...state, selectedId: id, history: [] };
    }
    case 'filter': return { ...state, filter: change.filter };
    case 'heldOnly': return { ...state, isHeldOnly: change.isHeldOnly };
    case 'history': return change.id === state.selectedId ? { ...state, history: change.versions } : state;
    case 'busy': return { ...state, busy: change.busy };
    case 'checked': return { ...state, check: change.check, busy: null };
    case 'snapshot': return { ...state, busy: null, snapshots: [change.snapshot, ...state.snapshots.filter(({ hash }) => hash !== change.snapshot.hash)] };
    case 'queue': return { ...state, queue: { order: change.order, waiting: change.waiting } };
    case 'draft': return { ...state, draft: change.draft };
  }
}

export const isHeld = ({ concerns }: Pick<CuratedCase, 'concerns'>): boolean => concerns.some(({ isReleased }) => !isReleased);

/** A case's word in a facet; `—` where nothing is known. */
export function facetOf(one: CuratedCase, facet: Facet): string {
  switch (facet) {
    case 'label': return labelText(one);
    case 'kind': return one.label.kind;
    case 'split': return one.split;
    case 'modality': return one.modality ?? '—';
    case 'verdict': return one.verdict;
    case 'scanner': return [one.facts.maker, one.facts.scanner].filter((part) => part !== undefined).join(' ') || '—';
    default: return one.facts[facet] ?? '—';
  }
}

/** What the label says, in a few words. */
export function labelText({ label }: Pick<CuratedCase, 'label'>): string {
  switch (label.kind) {
    case 'choice': return label.options[label.right] ?? '';
    case 'choices': return label.right.map((at) => label.options[at]).join(', ') || 'none';
    case 'yesNo': return label.value ? 'yes' : 'no';
    case 'word': return label.accept[0] ?? '';
    case 'number': return `${label.value}${label.unit === '' ? '' : ` ${label.unit}`} ± ${label.tolerance}`;
    case 'ordinal': return label.value;
    case 'boxes': return counted(label.boxes.map((box) => box.label));
    case 'points': return counted(label.points.map((point) => point.label));
  }
}

function counted(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${count} × ${name}` : name)).join(', ') || 'none';
}

export const shownCases = ({ cases, filter, isHeldOnly }: Pick<CurateState, 'cases' | 'filter' | 'isHeldOnly'>): readonly CuratedCase[] =>
  cases.filter((one) => (!isHeldOnly || isHeld(one)) && (filter === null || facetOf(one, filter.facet) === filter.value));

/** How often each word of a facet occurs, the commonest first. */
export function balance(cases: readonly CuratedCase[], facet: Facet): readonly { readonly value: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const one of cases) counts.set(facetOf(one, facet), (counts.get(facetOf(one, facet)) ?? 0) + 1);
  return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}

/** Another kind of label for the same case, as much of it as carries over. */
export function relabelled(label: CuratedCase['label'], kind: CuratedCase['label']['kind']): CuratedCase['label'] {
  if (label.kind === kind) return label;
  const word = labelText({ label });
  const options = label.kind === 'choice' || label.kind === 'choices' ? label.options : label.kind === 'ordinal' ? label.scale : label.kind === 'yesNo' ? ['yes', 'no'] : [word || 'yes', 'other'];
  const at = Math.max(0, options.indexOf(word));
  switch (kind) {
    case 'choice': return { kind, options: [...options], right: at };
    case 'choices': return { kind, options: [...options], right: [at] };
    case 'ordinal': return { kind, scale: [...options], value: options[at] as string };
    case 'yesNo': return { kind, value: !/^(no|none|absent|normal)\b/i.test(word) };
    case 'word': return { kind, accept: [word || 'yes'], reject: [] };
    case 'number': return { kind, value: Math.abs(Number.parseFloat(word)) || 0, tolerance: 0, unit: '' };
    case 'boxes': return { kind, boxes: label.kind === 'points' ? label.points.map(({ label: name, x, y }) => ({ label: name, box: { x1: x - label.tolerance, y1: y - label.tolerance, x2: x + label.tolerance, y2: y + label.tolerance } })) : [] };
    case 'points': return {
      kind, points: label.kind === 'boxes' ? label.boxes.map(({ label: name, box }) => ({ label: name, x: (box.x1 + box.x2) / 2, y: (box.y1 + box.y2) / 2 })) : [],
      tolerance: label.kind === 'boxes' ? Math.max(1, Math.round(Math.min(...label.boxes.map(({ box }) => Math.min(box.x2 - box.x1, box.y2 - box.y1)), 40) / 2)) : 10,
    };
  }
}
