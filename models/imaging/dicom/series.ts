/** Puts the frames of several files into stacks in the patient's order, and says what is odd about them. */
import type { DicomFile } from './dicomFile.ts';
import { firstNumber, firstText } from './elements.ts';
import { frameGeometry } from './geometry.ts';
import type { FrameGeometry } from '#models/clinical/study.ts';

/** A file and the name it is spoken of by. */
export interface NamedFile {
  readonly name: string;
  readonly file: DicomFile;
}

export interface StackFrame extends NamedFile {
  /** The frame within its file, from 0. */
  readonly index: number;
  readonly geometry: FrameGeometry;
  /** Millimetres along the stack's normal; null where the files do not say. */
  readonly alongMm: number | null;
  readonly instanceNumber: number | null;
}

/** What was found while a series was put together. */
export interface SeriesStatement {
  readonly code: 'series.gap' | 'series.duplicate' | 'series.orientation' | 'series.phases' | 'series.sizes' | 'series.noGeometry' | 'series.noImage' | 'series.spacing' | 'series.damaged';
  readonly text: string;
}

/** Frames of one series that can be leafed through: one size, one orientation, one phase. */
export interface Stack {
  readonly seriesUid: string;
  readonly description: string;
  readonly modality: string;
  readonly frames: readonly StackFrame[];
  /** 1 … n among the phases of its place; 1 where there is one. */
  readonly phase: number;
  /** Millimetres between neighbours, as most of them lie; null for one frame or without geometry. */
  readonly sliceSpacingMm: number | null;
  readonly statements: readonly SeriesStatement[];
}

export interface Assembly {
  readonly stacks: readonly Stack[];
  /** What concerns no stack: files without an image, for one. */
  readonly statements: readonly SeriesStatement[];
}

/** Groups files by series, orientation, size and phase, and sorts each stack along its normal. The largest stack comes first. */
export function assembleSeries(files: readonly NamedFile[]): Assembly {
  const statements: SeriesStatement[] = [];
  const { unique, repeated } = withoutCopies(files);
  if (repeated.length > 0) statements.push({ code: 'series.duplicate', text: `${list(repeated)} ${repeated.length === 1 ? 'repeats an image that is' : 'repeat images that are'} already there and ${repeated.length === 1 ? 'was' : 'were'} left out.` });
  const imageless = unique.filter(({ file }) => !file.image).map(({ name }) => name);
  if (imageless.length > 0) statements.push({ code: 'series.noImage', text: `${list(imageless)} ${imageless.length === 1 ? 'carries' : 'carry'} no image that can be shown.` });
  const bySeries = groupBy(unique.filter(({ file }) => file.image), ({ file }) => firstText(file.dataSet, 'x0020000e') ?? 'unnamed');
  const stacks = [...bySeries].flatMap(([seriesUid, members]) => stacksOf(seriesUid, members));
  return { stacks: stacks.sort((a, b) => b.frames.length - a.frames.length), statements };
}

/** The same SOP instance twice is one image. */
function withoutCopies(files: readonly NamedFile[]): { readonly unique: NamedFile[]; readonly repeated: string[] } {
  const seen = new Set<string>();
  const repeated: string[] = [];
  const unique = files.filter(({ name, file }) => {
    const uid = firstText(file.dataSet, 'x00080018');
    if (uid === undefined) return true;
    if (seen.has(uid)) {
      repeated.push(name);
      return false;
    }
    seen.add(uid);
    return true;
  });
  return { unique, repeated };
}

function stacksOf(seriesUid: string, members: readonly NamedFile[]): Stack[] {
  const shared: SeriesStatement[] = [];
  const frames = members.flatMap(framesOf);
  const damaged = members.filter(({ file }) => file.image && file.wholeFrames < file.image.frames);
  for (const { name, file } of damaged) {
    shared.push({ code: 'series.damaged', text: `${name} is cut short: ${file.wholeFrames} of its ${file.image?.frames ?? 0} frames can be shown.` });
  }
  const bySize = [...groupBy(frames, ({ file }) => `${file.image?.columns ?? 0} × ${file.image?.rows ?? 0}`)];
  if (bySize.length > 1) shared.push({ code: 'series.sizes', text: `The series holds images of different sizes (${bySize.map(([size, group]) => `${group.length} of ${size}`).join(', ')}); each size is a stack of its own.` });
  return bySize.flatMap(([, sized]) => {
    const directions = byOrientation(sized);
    const mixed: SeriesStatement[] = directions.length > 1
      ? [{ code: 'series.orientation', text: `The series holds ${directions.length} orientations (${directions.map((group) => `${group.length} ${nameOfPlane(group[0]?.geometry.orientation ?? null)}`).join(', ')}); each is a stack of its own.` }]
      : [];
    return directions.flatMap((group) => phasesOf(group).map((phase, i, phases) => {
      const several: SeriesStatement[] = phases.length > 1
        ? [{ code: 'series.phases', text: `The series shows the same places ${phases.length} times (phases, echoes or time points); this is number ${i + 1}.` }]
        : [];
      return makeStack({ seriesUid, frames: phase, phase: i + 1, statements: [...shared, ...mixed, ...several] });
    }));
  });
}

function framesOf({ name, file }: NamedFile): StackFrame[] {
  return Array.from({ length: file.wholeFrames }, (_, index): StackFrame => {
    const geometry = frameGeometry(file, index);
    return { name, file, index, geometry, alongMm: along(geometry), instanceNumber: firstNumber(file.dataSet, 'x00200013', 'IS') ?? null };
  });
}

type Vector = readonly [number, number, number];

/** The direction in which slices are stacked: row × column. */
function normalOf([a, b, c, d, e, f]: readonly [number, number, number, number, number, number]): Vector {
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const along = ({ orientation, positionMm }: FrameGeometry): number | null => (orientation && positionMm ? dot(normalOf(orientation), positionMm) : null);

/** Two orientations count as one when their axes agree within about half a degree. */
const sameDirection = 0.99996;

/** Radial scans have dozens; beyond this the rest shares a stack, so that a hostile series costs no more. */
const maximumOrientations = 128;

function byOrientation(frames: readonly StackFrame[]): StackFrame[][] {
  const groups: StackFrame[][] = [];
  for (const frame of frames) {
    const group = groups.find(([first]) => agree(first?.geometry.orientation ?? null, frame.geometry.orientation));
    if (group) group.push(frame);
    else if (groups.length >= maximumOrientations) groups[groups.length - 1]?.push(frame);
    else groups.push([frame]);
  }
  return groups;
}

function agree(a: FrameGeometry['orientation'], b: FrameGeometry['orientation']): boolean {
  if (!a || !b) return a === b;
  return dot([a[0], a[1], a[2]], [b[0], b[1], b[2]]) > sameDirection && dot([a[3], a[4], a[5]], [b[3], b[4], b[5]]) > sameDirection;
}

/** 'axial', 'sagittal', 'coronal', by the axis nearest to the normal. */
function nameOfPlane(orientation: FrameGeometry['orientation']): string {
  if (!orientation) return 'without orientation';
  const [x, y, z] = normalOf(orientation).map(Math.abs) as [number, number, number];
  return z >= x && z >= y ? 'axial' : x >= y ? 'sagittal' : 'coronal';
}

/** Positions closer than this are one place. */
const samePlaceMm = 0.01;

/** Splits frames that share places into rounds through all places: by acquisition and time where the files say it, else by instance number. */
function phasesOf(frames: readonly StackFrame[]): StackFrame[][] {
  if (frames.some(({ alongMm }) => alongMm === null)) return [[...frames].sort(byNumber)];
  const sorted = [...frames].sort(byPlace);
  const places: StackFrame[][] = [];
  for (const frame of sorted) {
    const place = places[places.length - 1];
    if (place && (frame.alongMm as number) - (place[0]?.alongMm as number) < samePlaceMm) place.push(frame);
    else places.push([frame]);
  }
  const rounds = Math.max(...places.map((place) => place.length));
  // Each place as often as every other makes phases; a few repeated places are duplicates and stay in their stack.
  if (rounds === 1 || !places.every((place) => place.length === rounds)) return [sorted];
  for (const place of places) place.sort(byTime);
  return Array.from({ length: rounds }, (_, round) => places.flatMap((place) => place.slice(round, round + 1)));
}

const byPlace = (a: StackFrame, b: StackFrame): number => (a.alongMm ?? 0) - (b.alongMm ?? 0) || byNumber(a, b);

const byNumber = (a: StackFrame, b: StackFrame): number =>
  (a.instanceNumber ?? 0) - (b.instanceNumber ?? 0) || a.index - b.index || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Attributes that tell phases apart, the strongest first: temporal position, acquisition, trigger time, echo, content time. */
function byTime(a: StackFrame, b: StackFrame): number {
  for (const [tag, vr] of [['x00200100', 'IS'], ['x00200012', 'IS'], ['x00181060', 'DS'], ['x00180081', 'DS'], ['x00080033', 'DS']] as const) {
    const difference = (firstNumber(a.file.dataSet, tag, vr) ?? 0) - (firstNumber(b.file.dataSet, tag, vr) ?? 0);
    if (difference !== 0) return difference;
  }
  return byNumber(a, b);
}

function makeStack({ seriesUid, frames, phase, statements }: Pick<Stack, 'seriesUid' | 'frames' | 'phase' | 'statements'>): Stack {
  const [first] = frames;
  const own: SeriesStatement[] = [...statements];
  const positions = frames.map(({ alongMm }) => alongMm);
  const known = positions.every((position): position is number => position !== null);
  if (!known && new Set(frames.map(({ name }) => name)).size > 1) own.push({ code: 'series.noGeometry', text: 'Not every image states its place in the patient, so the order is that of the instance numbers.' });
  const spacing = known ? describeSpacing(frames, positions, own) : null;
  return {
    seriesUid, frames, phase, sliceSpacingMm: spacing, statements: own,
    description: (first && firstText(first.file.dataSet, 'x0008103e')) ?? '',
    modality: (first && firstText(first.file.dataSet, 'x00080060')) ?? '',
  };
}

/** The usual distance between neighbours; places that repeat and distances that differ are told. */
function describeSpacing(frames: readonly StackFrame[], positions: readonly number[], statements: SeriesStatement[]): number | null {
  if (positions.length < 2) return null;
  const steps = positions.slice(1).map((position, i) => position - positions[i]!);
  const repeated = steps.flatMap((step, i) => (step < samePlaceMm ? [frames[i + 1]!] : []));
  if (repeated.length > 0) {
    statements.push({ code: 'series.duplicate', text: `${repeated.length} ${repeated.length === 1 ? 'image lies' : 'images lie'} where another one does: ${list(repeated.map(nameOf))}.` });
  }
  const real = steps.filter((step) => step >= samePlaceMm).sort((a, b) => a - b);
  if (real.length === 0) return null;
  const usual = real[Math.floor((real.length - 1) / 2)]!;
  steps.forEach((step, i) => {
    const missing = Math.round(step / usual) - 1;
    if (step > usual * 1.5) {
      statements.push({ code: 'series.gap', text: `Between ${nameOf(frames[i]!)} and ${nameOf(frames[i + 1]!)} lie ${round(step)} mm instead of ${round(usual)} mm: ${missing} ${missing === 1 ? 'image is' : 'images are'} missing.` });
    }
  });
  const uneven = real.filter((step) => step <= usual * 1.5 && Math.abs(step - usual) > Math.max(0.02, usual * 0.02));
  if (uneven.length > 0) {
    statements.push({ code: 'series.spacing', text: `Distances between neighbours vary from ${round(real[0]!)} to ${round(Math.max(...real.filter((step) => step <= usual * 1.5)))} mm.` });
  }
  return usual;
}

const nameOf = ({ name, index, file }: StackFrame): string => ((file.image?.frames ?? 1) > 1 ? `${name} frame ${index + 1}` : name);

const round = (x: number): number => Math.round(x * 100) / 100;

const list = (names: readonly string[]): string =>
  names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;

function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const name = key(value);
    const group = groups.get(name);
    if (group) group.push(value);
    else groups.set(name, [value]);
  }
  return groups;
}
