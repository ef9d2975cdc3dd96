/** Examples of one bucket as the inputs of its training graph. */
import type { QwenVlConfig } from '#models/networks/config.ts';
import type { Example } from './examples.ts';
import type { Bucket } from './graphs.ts';

export interface Feed {
  readonly type: 'float32' | 'int64';
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface Packed {
  readonly feeds: Readonly<Record<string, Feed>>;
  /** Tokens that are learnt, and tokens that are no padding. */
  readonly learnt: number;
  readonly tokens: number;
}

/**
 * Lays each example's branches behind its image, one after the other. A branch sees the image and itself, and its positions continue the image's,
 * so that each question is learnt exactly as if it stood alone. Padding sees what is before it and is never learnt.
 */
export function packExamples(config: QwenVlConfig, { batch, grid, tokens, targets }: Bucket, examples: readonly Example[], { answerWeight }: { answerWeight: number }): Packed {
  if (examples.length !== batch) throw new RangeError(`packExamples: ${examples.length} examples for a batch of ${batch}`);
  const { headWidth } = config;
  const count = batch * tokens;
  const [ids, source, rows, wanted] = [new BigInt64Array(count), new BigInt64Array(count), new BigInt64Array(targets), new BigInt64Array(targets)];
  const weights = new Float32Array(targets);
  const [cos, sin] = [new Float32Array(count * headWidth), new Float32Array(count * headWidth)];
  const mask = new Float32Array(batch * tokens * tokens).fill(-1e9);
  const [, gridRows, gridColumns] = grid!;
  const merge = config.vision.mergeSize;
  const [cellRows, cellColumns] = [gridRows / merge, gridColumns / merge];
  const cells = cellRows * cellColumns;
  const patchValues = examples[0]!.patches.length;
  const patches = new Float32Array(batch * patchValues);
  const table = rotaryTable(config, tokens + Math.max(cellRows, cellColumns));

  let learnt = 0;
  let real = 0;
  examples.forEach((example, b) => {
    patches.set(example.patches, b * patchValues);
    const first = b * tokens;
    const put = (i: number, id: number, time: number, row: number, column: number): void => {
      ids[first + i] = BigInt(id);
      source[first + i] = BigInt(first + i);
      table(cos, sin, (first + i) * headWidth, time, row, column);
    };
    const see = (i: number, from: number, to: number): void => void mask.fill(0, (first + i) * tokens + from, (first + i) * tokens + to);

    const next = layPrompt(example, example.prefix, config.tokens.image, [cellRows, cellColumns], (i, id, time, row, column, cell) => {
      put(i, id, time, row, column);
      if (cell !== null) source[first + i] = BigInt(count + b * cells + cell);
      see(i, 0, i + 1);
    });

    const prefix = example.prefix.length;
    let at = prefix;
    for (const { ids: branch, firstTarget, firstAnswer } of example.branches) {
      branch.forEach((id, j) => {
        put(at + j, id, next + j, next + j, next + j);
        see(at + j, 0, prefix);
        see(at + j, at, at + j + 1);
        if (j >= firstTarget) {
          rows[learnt] = BigInt(first + at + j - 1);
          wanted[learnt] = BigInt(id);
          weights[learnt++] = j >= firstAnswer ? answerWeight : 1;
        }
      });
      at += branch.length;
    }
    real += at;
    for (let i = at; i < tokens; i++) {
      put(i, 0, 0, 0, 0);
      see(i, 0, 1);
    }
  });
  const float = (dims: readonly number[], data: Float32Array): Feed => ({ type: 'float32', dims, data });
  const integer = (dims: readonly number[], data: BigInt64Array): Feed => ({ type: 'int64', dims, data });
  return {
    learnt, tokens: real,
    feeds: {
      patches: float([batch * gridRows * gridColumns, patchValues / (gridRows * gridColumns)], patches),
      ids: integer([count], ids), source: integer([count], source), rows: integer([targets], rows), targets: integer([targets], wanted), weights: float([targets], weights),
      cos: float([count, 1, headWidth], cos), sin: float([count, 1, headWidth], sin), mask: float([batch, 1, 1, tokens, tokens], mask),
    },
  };
}

/** Takes a token's id, its position in time, row and column, and which cell of the image it stands for. */
export type PutToken = (i: number, id: number, time: number, row: number, column: number, cell: number | null) => void;

/**
 * The tokens of a prompt with at most one image, each with its position: a text token's three are one number that counts up; the image's cells share their time, and the text goes on
 * behind the longer side of the image.
 *
 * @param image  the token that stands for a cell
 * @param shape  [rows, columns] of the image's cells
 * @returns      the position that comes next
 */
export function layPrompt({ id: name }: { readonly id: string }, prompt: readonly number[], image: number | null, [rows, columns]: readonly [number, number], put: PutToken): number {
  let [next, seen, begin] = [0, 0, 0];
  prompt.forEach((id, i) => {
    if (id === image) {
      if (seen === 0) begin = next;
      put(i, id, begin, begin + Math.floor(seen / columns), begin + (seen % columns), seen++);
      next = begin + Math.max(rows, columns);
    } else {
      put(i, id, next, next, next, null);
      next++;
    }
  });
  if (seen !== rows * columns) throw new RangeError(`layPrompt: ${name} has ${seen} image tokens, its grid ${rows * columns} cells`);
  return next;
}

export type WriteAngles = (cos: Float32Array, sin: Float32Array, at: number, time: number, row: number, column: number) => void;
const tables = new WeakMap<QwenVlConfig, { positions: number; write: WriteAngles }>();

/** `decoderRotary` one token at a time, from a table over positions. */
export function rotaryTable(config: QwenVlConfig, positions: number): WriteAngles {
  const before = tables.get(config);
  if (before && before.positions >= positions) return before.write;
  const half = config.headWidth / 2;
  const size = 2 * positions;
  const [cosines, sines] = [new Float32Array(size * half), new Float32Array(size * half)];
  for (let p = 0; p < size; p++) for (let j = 0; j < half; j++) {
    const angle = Math.fround(p * Math.fround(config.ropeTheta ** ((-2 * j) / config.headWidth)));
    cosines[p * half + j] = Math.cos(angle);
    sines[p * half + j] = Math.sin(angle);
  }
  const axisOf = config.mropeSection.flatMap((length, axis) => new Array<number>(length).fill(axis));
  const write: WriteAngles = (cos, sin, at, time, row, column) => {
    for (let j = 0; j < half; j++) {
      const axis = axisOf[j];
      const from = (axis === 0 ? time : axis === 1 ? row : column) * half + j;
      cos[at + j] = cos[at + half + j] = cosines[from]!;
      sin[at + j] = sin[at + half + j] = sines[from]!;
    }
  };
  tables.set(config, { positions: size, write });
  return write;
}
