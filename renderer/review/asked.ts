/** Which pictures a question is about, and what they are called: exactly these are sent, and exactly these are named. Pure. */
import type { SeriesSummary } from '#electron/contract/library.ts';
import { mostViews, type AskedView, type Region, type Selection } from '#electron/contract/review.ts';
import { clampBox, type Size } from '#models/imaging/coordinates.ts';
import type { Box } from '#models/clinical/finding.ts';
import { shownChannels } from '#renderer/viewports/channels.ts';
import type { ReviewState } from './state.ts';

/** What a question is about: the image on the screen, a marked place, named slices, or what hangs in all cells. */
export const scopes = ['view', 'region', 'slices', 'cells'] as const;
export type Scope = (typeof scopes)[number];

/** Of a question that is about to be asked. */
export interface Asking {
  readonly scope: Scope;
  readonly region: { readonly frameId: string; readonly box: Box } | null;
  /** The next drag marks the region. */
  readonly isMarking: boolean;
  /** Numbers of slices as they were typed, `3-7, 12`; null: evenly spread. */
  readonly slices: string | null;
  /** What was measured goes with the question. */
  readonly areFactsSent: boolean;
  /** By which the answer is drawn; null: the likeliest token each time. */
  readonly seed: number | null;
}

export const noAsking: Asking = { scope: 'view', region: null, isMarking: false, slices: null, areFactsSent: false, seed: null };

/** One picture as the person is told of it. */
export interface NamedView {
  readonly view: AskedView;
  readonly seriesAt: number;
  /** From 1. */
  readonly number: number;
  readonly of: number;
  readonly isPrior: boolean;
}

export interface Plan {
  readonly views: readonly NamedView[];
  readonly selection: Selection;
}

type Shown = Pick<ReviewState, 'studyId' | 'detail' | 'seriesAt' | 'frameAt' | 'hanging' | 'looks' | 'channels' | 'priors' | 'asked'>;

const spreadCount = 5;

/** Middles of equal parts of 1 … count, as many as `most`. */
export function spread(count: number, most = spreadCount): readonly number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, i) => Math.floor(((i + 0.5) * count) / taken) + 1);
}

/** `3-7, 12` as numbers from 1 to `count`, in order; null where it is not understood or names none of them. */
export function parseSlices(text: string, count: number): readonly number[] | null {
  const numbers = new Set<number>();
  for (const part of text.slice(0, 1000).replace(/\s*[-–]\s*/g, '-').split(/[,;\s]+/).filter((one) => one !== '')) {
    const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part);
    if (!match) return null;
    const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (from < 1 || to > count || from > to) return null;
    for (let number = from; number <= to; number++) numbers.add(number);
  }
  return numbers.size === 0 ? null : [...numbers].sort((a, b) => a - b);
}

/** `3–7, 12`. */
export function sliceText(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? String(from) : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`)).join(', ');
}

/** The slices of a series that are chosen, and whether they were spread because there were more than one question takes. */
export function chosenSlices(slices: string | null, count: number): { readonly numbers: readonly number[]; readonly isSpread: boolean } | null {
  if (slices === null) return { numbers: spread(count), isSpread: count > spreadCount };
  const numbers = parseSlices(slices, count);
  if (!numbers) return null;
  return numbers.length <= mostViews ? { numbers, isSpread: false } : { numbers: spread(numbers.length, mostViews).map((at) => numbers[at - 1] as number), isSpread: true };
}

/** A marked box with what surrounds it, in whole pixels: a finding is judged by its surroundings, and a strip of a few pixels shows nothing. */
export function surroundings({ x1, y1, x2, y2 }: Box, size: Size): Region {
  const least = Math.min(48, size.width, size.height);
  const pad = 0.15 * Math.max(x2 - x1, y2 - y1);
  const grown = (low: number, high: number, limit: number): readonly [number, number] => {
    const [from, to] = [low - pad, high + pad];
    const short = Math.max(0, least - (to - from)) / 2;
    return moved(Math.floor(from - short), Math.ceil(to + short), limit);
  };
  const [left, right] = grown(x1, x2, size.width);
  const [top, bottom] = grown(y1, y2, size.height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** What hangs over one edge is taken from within, so that it keeps its size where it can. */
function moved(from: number, to: number, limit: number): readonly [number, number] {
  const over = from < 0 ? -from : Math.min(0, limit - to);
  return [Math.max(0, from + over), Math.min(limit, to + over)];
}

const asRegion = ({ x1, y1, x2, y2 }: Box): Region => ({ x: x1, y: y1, width: x2 - x1, height: y2 - y1 });

/** What would be sent now; null where there is nothing to send. @param visible  the part of a slide that is on the screen, null: all of it */
export function planOf(state: Shown, visible: Region | null): Plan | null {
  const { detail, seriesAt, frameAt, hanging, asked } = state;
  const series = detail?.series[seriesAt];
  if (!detail || !series) return null;
  const named = (one: SeriesSummary, at: number, region?: { readonly region: Region; readonly marked: Region }): NamedView | null => {
    const frame = one.frames[at];
    if (!frame) return null;
    const prior = state.priors[one.id];
    const elsewhere = prior ? { studyId: prior.id } : {};
    const isActive = one.id === series.id;
    const view: AskedView = one.slide
      ? { kind: 'slide', slideId: one.slide.id, ...(region ?? { region: isActive && asked.scope !== 'cells' ? visible : null }), ...shownChannels(one.slide, state.channels[one.id]), ...elsewhere }
      : { kind: 'frame', frameId: frame.id, window: state.looks[one.id] ?? null, ...region, ...elsewhere };
    return { view, seriesAt: detail.series.indexOf(one), number: at + 1, of: one.frames.length, isPrior: prior !== undefined };
  };
  const planned = (rule: Selection['rule'], views: readonly (NamedView | null)[], of: number): Plan | null => {
    const there = views.filter((view) => view !== null);
    return there.length === 0 ? null : { views: there, selection: { rule, of } };
  };
  switch (asked.scope) {
    case 'view': return planned('view', [named(series, frameAt)], series.frames.length);
    case 'region': {
      const { region } = asked;
      const own = region && detail.series.find(({ frames }) => frames.some(({ id }) => id === region.frameId));
      if (!region || !own) return null;
      const at = own.frames.findIndex(({ id }) => id === region.frameId);
      const size = own.slide ?? sizeOf(own, at);
      const box = clampBox(region.box, size);
      if (!(box.x2 > box.x1 && box.y2 > box.y1)) return null;
      return planned('region', [named(own, at, { region: surroundings(box, size), marked: asRegion(box) })], own.frames.length);
    }
    case 'slices': {
      const chosen = chosenSlices(asked.slices, series.frames.length);
      return chosen && planned(chosen.isSpread ? 'spread' : 'slices', chosen.numbers.map((number) => named(series, number - 1)), series.frames.length);
    }
    case 'cells': {
      const seen = new Set<string>();
      const views = hanging.cells.flatMap((cell, at) => {
        const one = cell?.kind === 'stack' ? detail.series.find(({ id }) => id === cell.seriesId) : undefined;
        const view = one && cell?.kind === 'stack' ? named(one, at === hanging.activeAt ? frameAt : cell.frameAt) : null;
        const key = JSON.stringify(view?.view);
        return view === null || seen.has(key) || !seen.add(key) ? [] : [view];
      });
      // The asked study first, what it is compared with after it.
      return planned('cells', [...views.filter(({ isPrior }) => !isPrior), ...views.filter(({ isPrior }) => isPrior)], views.length);
    }
  }
}

function sizeOf({ frames }: SeriesSummary, at: number): Size {
  const frame = frames[at];
  return { width: frame?.columns ?? 1, height: frame?.rows ?? 1 };
}

/** How many images hang that could be asked about together. */
export const hungCount = ({ hanging: { cells } }: Pick<ReviewState, 'hanging'>): number => new Set(cells.flatMap((cell) => (cell?.kind === 'stack' ? [`${cell.seriesId}#${cell.frameAt}`] : []))).size;

/** The slices with one more or one fewer, as text. */
export function toggledSlice(slices: string | null, number: number, count: number): string {
  const numbers = new Set(chosenSlices(slices, count)?.numbers);
  if (!numbers.delete(number)) numbers.add(number);
  return sliceText([...numbers].sort((a, b) => a - b)).replaceAll('–', '-');
}
