/** Pixels to the network's input: the resized, normalised, block-ordered patches of Qwen2-VL and Qwen2.5-VL. */
import { Fault } from '#models/base/fault.ts';
import { roundHalfEven } from '#models/base/math.ts';
import { resize } from './resize.ts';
import type { Picture } from './image.ts';

/** A checkpoint's `preprocessor_config.json`, in our words. The two bounds count pixels of the resized frame. */
export interface PatchOptions {
  readonly patchSize: number;
  readonly temporalPatchSize: number;
  readonly mergeSize: number;
  readonly minPixels: number;
  readonly maxPixels: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** What the vision tower reads. T = temporalPatchSize, S = patchSize. */
export interface VisionInput {
  /** [P, 3 · T · S · S]; row order: time, block row, block column, row in the block, column in the block; column order: channel, frame, y, x. */
  readonly patches: Float32Array;
  /** Patches along time, height and width; their product is P. */
  readonly gridThw: readonly [number, number, number];
  /** The size to which each frame was brought: Qwen2.5-VL's boxes are in its pixels. */
  readonly resized: { readonly width: number; readonly height: number };
}

/**
 * The size to which a frame is brought: both sides multiples of patchSize · mergeSize, the area within the bounds, the aspect nearly kept.
 * Throws `patches.aspect` for a frame more than 200 times as long as it is wide, or the reverse.
 */
export function smartResize(
  height: number,
  width: number,
  { patchSize, mergeSize, minPixels, maxPixels }: Pick<PatchOptions, 'patchSize' | 'mergeSize' | 'minPixels' | 'maxPixels'>,
): { width: number; height: number } {
  if (!(Math.min(height, width) >= 1) || Math.max(height, width) / Math.min(height, width) > 200) {
    throw new Fault({
      code: 'patches.aspect',
      what: `The model cannot look at an image of ${width} × ${height} pixels.`,
      why: 'One side may be at most 200 times the other.',
      mend: 'Ask about a region of the image that is less elongated.',
    });
  }
  const factor = patchSize * mergeSize;
  const near = { height: roundHalfEven(height / factor) * factor, width: roundHalfEven(width / factor) * factor };
  const pixels = near.height * near.width;
  if (pixels > maxPixels) {
    const shrink = Math.sqrt((height * width) / maxPixels);
    const fit = (side: number): number => Math.max(factor, Math.floor(side / shrink / factor) * factor);
    return { height: fit(height), width: fit(width) };
  }
  if (pixels < minPixels) {
    const grow = Math.sqrt(minPixels / (height * width));
    const fit = (side: number): number => Math.ceil((side * grow) / factor) * factor;
    return { height: fit(height), width: fit(width) };
  }
  return near;
}

/**
 * One frame is a still image, repeated to fill the temporal patch; several are a clip or a stack of slices, whose last frame is repeated
 * where the count asks for it. All frames have one size; throws `patches.frames` otherwise, and `patches.aspect` as `smartResize` does.
 */
export function toVisionInput(frames: readonly Picture[], options: PatchOptions): VisionInput {
  const [firstFrame] = frames;
  const stranger = frames.find((frame) => frame.width !== firstFrame?.width || frame.height !== firstFrame.height);
  if (!firstFrame || stranger) {
    throw new Fault({
      code: 'patches.frames',
      what: 'The frames cannot be shown to the model as one stack.',
      why: firstFrame && stranger
        ? `They differ in size: ${firstFrame.width} × ${firstFrame.height} and ${stranger.width} × ${stranger.height}.`
        : 'There is no frame.',
      mend: 'Choose frames of one series, or ask about them as separate images.',
    });
  }
  const { patchSize, temporalPatchSize, mergeSize } = options;
  const resized = smartResize(firstFrame.height, firstFrame.width, options);
  const rows = resized.height / patchSize;
  const columns = resized.width / patchSize;
  const times = Math.ceil(frames.length / temporalPatchSize);
  const rowLength = 3 * temporalPatchSize * patchSize * patchSize;
  const patches = new Float32Array(times * rows * columns * rowLength);
  const levels = normalisedLevels(options);
  for (let frame = 0; frame < times * temporalPatchSize; frame++) {
    const time = Math.floor(frame / temporalPatchSize);
    const slot = frame % temporalPatchSize;
    const source = frames[Math.min(frame, frames.length - 1)]!;
    const from = time * rows * columns * rowLength;
    const step = patches.subarray(from, from + rows * columns * rowLength);
    if (frame >= frames.length && slot > 0) repeatSlot(step, slot, { patchSize, temporalPatchSize });
    else cut(resize(source, resized), patches, { from, slot, rowLength, rows, columns, patchSize, temporalPatchSize, mergeSize, levels });
  }
  return { patches, gridThw: [times, rows, columns], resized };
}

/** (value / 255 − mean) / std for each channel and 8-bit value, [3 · 256], rounded to float32 once. */
function normalisedLevels({ mean, std }: PatchOptions): Float32Array {
  return Float32Array.from({ length: 768 }, (_, i) => ((i & 255) / 255 - mean[i >> 8]!) / std[i >> 8]!);
}

interface Cut {
  readonly from: number;
  readonly slot: number;
  readonly rowLength: number;
  readonly rows: number;
  readonly columns: number;
  readonly patchSize: number;
  readonly temporalPatchSize: number;
  readonly mergeSize: number;
  readonly levels: Float32Array;
}

/** Writes one resized frame into its slot of one time step. */
function cut({ data, width }: Picture, patches: Float32Array, at: Cut): void {
  const { slot, rowLength, rows, columns, patchSize, temporalPatchSize, mergeSize, levels } = at;
  const area = patchSize * patchSize;
  const plane = temporalPatchSize * area;
  let patch = at.from;
  for (let blockRow = 0; blockRow < rows; blockRow += mergeSize) {
    for (let blockColumn = 0; blockColumn < columns; blockColumn += mergeSize) {
      for (let row = blockRow; row < blockRow + mergeSize; row++) {
        for (let column = blockColumn; column < blockColumn + mergeSize; column++, patch += rowLength) {
          let out = patch + slot * area;
          for (let y = 0; y < patchSize; y++) {
            let pixel = ((row * patchSize + y) * width + column * patchSize) * 3;
            for (let x = 0; x < patchSize; x++, out++, pixel += 3) {
              patches[out] = levels[data[pixel]!]!;
              patches[out + plane] = levels[256 + data[pixel + 1]!]!;
              patches[out + 2 * plane] = levels[512 + data[pixel + 2]!]!;
            }
          }
        }
      }
    }
  }
}

/** Fills a slot of one time step with what the slot before it holds. */
function repeatSlot(step: Float32Array, slot: number, { patchSize, temporalPatchSize }: { patchSize: number; temporalPatchSize: number }): void {
  const area = patchSize * patchSize;
  for (let plane = 0; plane < step.length; plane += temporalPatchSize * area) {
    step.copyWithin(plane + slot * area, plane + (slot - 1) * area, plane + slot * area);
  }
}
