/** What hangs in which cell, and how cells follow the one that is active. Pure. */
import type { SeriesSummary } from '#electron/contract/library.ts';
import { fromPatient, patientPlane, type PatientPoint } from '#models/imaging/coordinates.ts';
import { middleOfFrame, nearestFrame, normalOf } from '#models/imaging/relations.ts';
import type { PlaneName } from '#models/imaging/volume.ts';
import { alongOf, followed, linkOf, type HandLink } from '#renderer/viewports/linking.ts';

export const layouts = { '1x1': [1, 1], '1x2': [1, 2], '2x2': [2, 2], mpr: [2, 2] } as const satisfies Readonly<Record<string, readonly [number, number]>>;
export type LayoutName = keyof typeof layouts;

export type Cell =
  | { readonly kind: 'stack'; readonly seriesId: string; readonly frameAt: number }
  | { readonly kind: 'plane'; readonly seriesId: string; readonly plane: PlaneName };

export interface Hanging {
  readonly layout: LayoutName;
  readonly cells: readonly (Cell | null)[];
  readonly activeAt: number;
  /** Only the active cell is shown, as large as there is room. */
  readonly isMaximised: boolean;
  readonly isLinked: boolean;
  readonly hand: HandLink;
  /** Where the three planes of MPR meet. */
  readonly crosshair: PatientPoint | null;
}

export const noHanging: Hanging = { layout: '1x1', cells: [null], activeAt: 0, isMaximised: false, isLinked: true, hand: {}, crosshair: null };

/** The study's series, and where its active cell stands: the part of the review's state that hangs together with the cells. */
export interface Hung {
  readonly series: readonly SeriesSummary[];
  readonly seriesAt: number;
  readonly frameAt: number;
  readonly hanging: Hanging;
}

export type HangingChange =
  | { readonly type: 'layout'; readonly layout: LayoutName }
  | { readonly type: 'activate'; readonly at: number }
  /** The next (1) or the previous (−1) cell that shows something. */
  | { readonly type: 'beside'; readonly by: 1 | -1 }
  | { readonly type: 'place'; readonly at: number; readonly seriesId: string }
  | { readonly type: 'maximise'; readonly at: number }
  | { readonly type: 'link'; readonly isLinked: boolean }
  /** What is seen now in all cells belongs together. */
  | { readonly type: 'linkByHand' }
  | { readonly type: 'crosshair'; readonly place: PatientPoint }
  /** A series of an earlier study beside the current one, linked to it. */
  | { readonly type: 'beside prior'; readonly seriesId: string };

const stackOf = ({ id, frames }: SeriesSummary, frameAt = frames.length >> 1): Cell => ({ kind: 'stack', seriesId: id, frameAt });
const seriesOf = (series: readonly SeriesSummary[], cell: Cell | null | undefined): SeriesSummary | undefined => series.find(({ id }) => id === cell?.seriesId);

/** After the study was opened, or its active series or frame changed by other ways: the cells say the same, and the linked ones follow. */
export function rehung(before: Hung, next: Hung): Hanging {
  const series = next.series[next.seriesAt];
  if (!series) return noHanging;
  const { hanging } = next;
  const shown: Cell = stackOf(series, next.frameAt);
  const active = hanging.cells[hanging.activeAt] ?? null;
  if (hanging.layout === 'mpr') {
    // Another series ends the reconstruction of this one.
    if (active?.seriesId !== series.id) return { ...hanging, layout: '1x1', cells: [shown], activeAt: 0, isMaximised: false, crosshair: null };
    const cells = hanging.cells.map((cell) => (cell?.kind === 'stack' ? shown : cell));
    return { ...hanging, cells, crosshair: ontoFrame(hanging.crosshair, series, next.frameAt) };
  }
  const cells = hanging.cells.map((cell, at) => (at === hanging.activeAt ? shown : cell));
  const isScrolled = before.frameAt !== next.frameAt && before.seriesAt === next.seriesAt;
  return { ...hanging, cells: isScrolled && hanging.isLinked ? following(cells, hanging, next.series) : cells };
}

function following(cells: readonly (Cell | null)[], { activeAt, hand }: Hanging, all: readonly SeriesSummary[]): readonly (Cell | null)[] {
  const active = cells[activeAt];
  const from = seriesOf(all, active);
  if (active?.kind !== 'stack' || !from) return cells;
  return cells.map((cell, at) => {
    const to = seriesOf(all, cell);
    if (at === activeAt || cell?.kind !== 'stack' || !to || to.id === from.id) return cell;
    const frameAt = followed(from, active.frameAt, to, hand);
    return frameAt === null || frameAt === cell.frameAt ? cell : { ...cell, frameAt };
  });
}

/** The crosshair moved straight onto a frame's plane. */
function ontoFrame(place: PatientPoint | null, { frames }: SeriesSummary, at: number): PatientPoint | null {
  const frame = frames[at];
  const plane = frame && patientPlane(frame.geometry);
  if (!frame || !plane) return place;
  if (!place) return middleOfFrame(frame);
  // It is this frame's already: a place between two slices stays where it was put.
  if (nearestFrame(frames, place)?.at === at) return place;
  const { distanceMm } = fromPatient(plane, place);
  const normal = normalOf(plane);
  return [place[0] - normal[0] * distanceMm, place[1] - normal[1] * distanceMm, place[2] - normal[2] * distanceMm];
}

export function reduceHanging(state: Hung, change: HangingChange): Hung {
  const { series, hanging } = state;
  const activated = (next: Hanging): Hung => {
    const cell = next.cells[next.activeAt];
    const seriesAt = series.findIndex(({ id }) => id === cell?.seriesId);
    if (!cell || seriesAt < 0) return { ...state, hanging: next };
    return { ...state, hanging: next, seriesAt, frameAt: cell.kind === 'stack' ? cell.frameAt : seriesAt === state.seriesAt ? state.frameAt : (series[seriesAt] as SeriesSummary).frames.length >> 1 };
  };
  switch (change.type) {
    case 'layout': {
      const current = series[state.seriesAt];
      if (!current) return state;
      const shown = stackOf(current, state.frameAt);
      if (change.layout === 'mpr') {
        const planes = (['axial', 'sagittal', 'coronal'] as const).map((plane): Cell => ({ kind: 'plane', seriesId: current.id, plane }));
        const frame = current.frames[state.frameAt];
        return { ...state, hanging: { ...hanging, layout: 'mpr', cells: [...planes, shown], activeAt: 0, isMaximised: false, crosshair: frame ? middleOfFrame(frame) : null } };
      }
      const [rows, columns] = layouts[change.layout];
      const kept = [shown, ...hanging.cells.filter((cell, at): cell is Cell => cell?.kind === 'stack' && at !== hanging.activeAt && cell.seriesId !== current.id)];
      const others = series.filter(({ id }) => !kept.some(({ seriesId }) => seriesId === id)).map((one) => stackOf(one));
      const filled = [...kept, ...others].slice(0, rows * columns);
      const cells: (Cell | null)[] = [...filled, ...Array<null>(rows * columns - filled.length).fill(null)];
      const next: Hanging = { ...hanging, layout: change.layout, cells, activeAt: 0, isMaximised: false, crosshair: null };
      return activated({ ...next, cells: next.isLinked ? following(cells, next, series) : cells });
    }
    case 'activate': return hanging.cells[change.at] && change.at !== hanging.activeAt ? activated({ ...hanging, activeAt: change.at }) : state;
    case 'beside': {
      const { length } = hanging.cells;
      for (let step = 1; step < length; step++) {
        const at = (hanging.activeAt + change.by * step + length * step) % length;
        if (hanging.cells[at]) return activated({ ...hanging, activeAt: at });
      }
      return state;
    }
    case 'place': {
      const chosen = series.find(({ id }) => id === change.seriesId);
      if (!chosen || change.at < 0 || change.at >= hanging.cells.length) return state;
      if (hanging.layout === 'mpr') return reduceHanging({ ...state, seriesAt: series.indexOf(chosen), frameAt: chosen.frames.length >> 1 }, { type: 'layout', layout: 'mpr' });
      const from = series[state.seriesAt];
      const frameAt = hanging.isLinked && from ? followed(from, state.frameAt, chosen, hanging.hand) : null;
      return activated({ ...hanging, cells: hanging.cells.map((cell, at) => (at === change.at ? stackOf(chosen, frameAt ?? undefined) : cell)), activeAt: change.at });
    }
    case 'maximise': return hanging.cells[change.at] && hanging.cells.length > 1 ? activated({ ...hanging, activeAt: change.at, isMaximised: !hanging.isMaximised }) : state;
    case 'link': {
      const next = { ...hanging, isLinked: change.isLinked };
      return { ...state, hanging: change.isLinked ? { ...next, cells: following(next.cells, next, series) } : next };
    }
    case 'linkByHand': {
      const hand: Record<string, number> = { ...hanging.hand };
      for (const cell of hanging.cells) {
        const shown = seriesOf(series, cell);
        if (cell?.kind === 'stack' && shown) hand[shown.id] = alongOf(shown, cell.frameAt);
      }
      return { ...state, hanging: { ...hanging, hand, isLinked: true } };
    }
    case 'beside prior': {
      const current = series[state.seriesAt];
      const prior = series.find(({ id }) => id === change.seriesId);
      if (!current || !prior || prior.id === current.id) return state;
      const middle = prior.frames.length >> 1;
      // Two days on a scanner share no frame of reference: what is seen in both now is taken for the same place until a person says otherwise.
      const isInSpace = linkOf(current, prior, {}) === 'space';
      const hand = isInSpace ? hanging.hand : { ...hanging.hand, [current.id]: alongOf(current, state.frameAt), [prior.id]: alongOf(prior, middle) };
      const frameAt = isInSpace ? followed(current, state.frameAt, prior, hand) ?? middle : middle;
      return { ...state, hanging: { ...hanging, layout: '1x2', cells: [stackOf(current, state.frameAt), stackOf(prior, frameAt)], activeAt: 0, isMaximised: false, isLinked: true, hand, crosshair: null } };
    }
    case 'crosshair': {
      const current = series[state.seriesAt];
      const frameAt = (current && nearestFrame(current.frames, change.place)?.at) ?? state.frameAt;
      return { ...state, frameAt, hanging: { ...hanging, crosshair: change.place, cells: hanging.cells.map((cell) => (cell?.kind === 'stack' ? { ...cell, frameAt } : cell)) } };
    }
  }
}

/** Series of all cells that a window or a reset is meant for: the active one, and with linked cells all of its modality. */
export function lookedAt({ series, seriesAt, hanging }: Pick<Hung, 'series' | 'seriesAt' | 'hanging'>): readonly string[] {
  const active = series[seriesAt];
  if (!active) return [];
  if (!hanging.isLinked) return [active.id];
  const shown = hanging.cells.flatMap((cell) => seriesOf(series, cell) ?? []);
  return [...new Set([active, ...shown].filter(({ modality }) => modality === active.modality).map(({ id }) => id))];
}
