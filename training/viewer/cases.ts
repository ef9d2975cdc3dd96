/** Studies to practise the viewer on: drawn series with one lesion whose place is known on every slice, and the picture of any view of them. */
import { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import { fromGrey, type Picture } from '#models/imaging/image.ts';
import { mapPoint, toModel, type ModelView, type Point, type Size } from '#models/imaging/coordinates.ts';
import { applyWindow, windowPresets } from '#models/imaging/dicom/voi.ts';
import { resize } from '#models/imaging/resize.ts';
import { observed, seriesOf, type ViewerState, type ViewerStudy, type ViewerWindow } from '#models/viewer/state.ts';
import { drawPhantom } from '#training/synthesis/phantoms.ts';
import type { PhantomKind, StoredPixels } from '#training/synthesis/phantoms/study.ts';

export interface ViewerCase {
  readonly id: string;
  readonly modality: string;
  readonly study: ViewerStudy;
  /** Of each slice: values as stored. */
  readonly slices: readonly StoredPixels[];
  /** Of each slice, counted from 0: where its lesion is; null where it shows none. */
  readonly lesions: readonly (Box | null)[];
}

/** The series that are drawn, in turn. */
const kinds = ['mr_head', 'ct_chest', 'ct_liver'] as const satisfies readonly PhantomKind[];
const labels: Readonly<Record<(typeof kinds)[number], readonly string[]>> = { mr_head: ['glioma', 'meningioma', 'pituitary_tumour'], ct_chest: ['malignant'], ct_liver: ['liver_lesion'] };
const modalities: Readonly<Record<(typeof kinds)[number], string>> = { mr_head: 'MR', ct_chest: 'CT', ct_liver: 'CT' };
const [side, sliceCount] = [192, 8];
/** A lesion is worth looking for when it is so many pixels across on some slice, and worth measuring where it is half of that. */
const leastAcross = 12;

/** `count` cases; the same seed draws the same ones. Studies with a second lesion, or one that is too small to be seen, are passed over. */
export function* viewerCases(count: number, seed: number): Generator<ViewerCase> {
  const random = Random.named(seed, 'viewer cases');
  for (let drawn = 0; drawn < count;) {
    const kind = kinds[drawn % kinds.length]!;
    const made = viewerCase(kind, random.below(2 ** 31), random.pick(labels[kind]));
    if (!made) continue;
    drawn++;
    yield made;
  }
}

/** One drawn case; null where it is not one to practise on. */
export function viewerCase(kind: (typeof kinds)[number], seed: number, label: string): ViewerCase | null {
  const drawn = drawPhantom(kind, seed, { size: side, frames: sliceCount, label });
  // A part that is cut twice on a slice, or a second lesion, would leave open which one is meant.
  const found = drawn.frames.map(({ boxes }) => boxes.toSorted((a, b) => across(b.box) - across(a.box)).map(({ box }) => box));
  const lesions = found.map(([largest]) => (largest && across(largest) >= leastAcross / 2 ? largest : null));
  const isSingle = found.every(([first, second]) => !first || !second || across(second) < leastAcross / 3);
  const run = lesions.map((lesion) => (lesion ? '1' : '0')).join('');
  const isLarge = lesions.some((lesion) => lesion !== null && across(lesion) >= leastAcross);
  if (!isSingle || !isLarge || !/^0*11+0*$/.test(run)) return null;
  const slices = drawn.frames.flatMap(({ stored }) => stored ?? []);
  const [{ width, height, window }] = slices as [StoredPixels];
  const modality = modalities[kind];
  return {
    id: `viewer_${kind}-${seed}`, modality, slices, lesions,
    study: { series: [{ key: '1', modality, slices: slices.length, width, height, mpp: null, presets: [{ name: 'File', ...window }, ...(windowPresets[modality] ?? [])] }] },
  };
}

/** A real picture with one box as a study of one slice, made square by black at its right or below; null where the box is too small to be worth it. */
export function pictureCase(id: string, modality: string, { width, height, data }: Picture, box: Box): ViewerCase | null {
  const side = Math.max(width, height);
  if (across(box) < (side * leastAcross) / 192 / 2) return null;
  const samples = new Uint8Array(side * side);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const at = 3 * (y * width + x);
    samples[y * side + x] = Math.round((data[at]! + data[at + 1]! + data[at + 2]!) / 3);
  }
  // From 0 to 255 as they are.
  const window = { center: 128, width: 256 };
  return {
    id, modality, slices: [{ width: side, height: side, samples, bitsStored: 8, slope: 1, intercept: 0, window }], lesions: [box],
    study: { series: [{ key: '1', modality, slices: 1, width: side, height: side, mpp: null, presets: [{ name: 'File', ...window }] }] },
  };
}

const across = ({ x1, y1, x2, y2 }: Box): number => Math.max(x2 - x1, y2 - y1);

/** The lesion on the slice that is shown. */
export const lesionAt = ({ lesions }: ViewerCase, { slice }: Pick<ViewerState, 'slice'>): Box | null => lesions[slice - 1] ?? null;

export interface Observation {
  readonly picture: Picture;
  /** How the picture lies on the image. */
  readonly view: ModelView;
}

/** What is on the screen, at the size that a network sees: windowed, cut out, resized, with its marks. */
export function observe({ study, slices }: ViewerCase, state: ViewerState, size: Size): Observation {
  const view = observed(study, state, size);
  const stored = slices[state.slice - 1];
  if (!stored) throw new RangeError(`observe: slice ${state.slice} of ${slices.length}`);
  const [file] = seriesOf(study, state.series).presets;
  const picture = resize(windowed(stored, state.window ?? file ?? { ...stored.window, name: null }), size, view.region);
  for (const { series, slice, points: [from, to] } of state.marks) {
    if (series !== state.series || slice !== state.slice || !from) continue;
    drawLine(picture, mapPoint(toModel(view), from), mapPoint(toModel(view), to ?? from));
  }
  return { picture, view };
}

function windowed({ width, height, samples, slope, intercept }: StoredPixels, window: Pick<ViewerWindow, 'center' | 'width'>): Picture {
  const levels = new Uint8Array(65_536);
  const isKnown = new Uint8Array(65_536);
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    const sample = samples[i]!;
    if (!isKnown[sample]) {
      levels[sample] = Math.round(255 * applyWindow({ ...window, shape: 'LINEAR' }, sample * slope + intercept));
      isKnown[sample] = 1;
    }
    grey[i] = levels[sample]!;
  }
  return fromGrey({ width, height }, grey);
}

const ink = [255, 228, 92] as const;

/** A line one pixel wide, as marks are shown. */
function drawLine({ width, height, data }: Picture, from: Point, to: Point): void {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y))));
  for (let i = 0; i <= steps; i++) {
    const [x, y] = [Math.floor(from.x + ((to.x - from.x) * i) / steps), Math.floor(from.y + ((to.y - from.y) * i) / steps)];
    if (x >= 0 && y >= 0 && x < width && y < height) data.set(ink, (y * width + x) * 3);
  }
}
