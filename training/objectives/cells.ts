/**
 * What each cell of an image shows and where that lies, as a loss beside the main one: rows of vision that can tell their box in numbers
 * are rows from which an answer can read a box.
 *
 *   loss = Σ over heads of share · cross-entropy, heads: class of the box · its left, top, right, lower edge in bins · the cell's own row and column
 *
 * Compare the dense heads of FCOS (Tian et al. 2019) and the coordinate bins of Pix2Seq (Chen et al. 2022). The heads are thrown away after training.
 */
import type { Value } from '#models/graph/graph.ts';
import { add, mul } from '#models/graph/ops.ts';
import { sharedLoss } from './sft.ts';

/** A linear layer over a cell's row, and how much its cross-entropy counts. */
export interface CellHead {
  readonly name: string;
  readonly bins: number;
  readonly share: number;
}

export const edgeBins = 32;
export const placeBins = 16;

/** The heads for a number of classes; edges are parts of the image's side, places count cells. */
export const cellHeads = (classes: number): readonly CellHead[] => [
  { name: 'class', bins: classes, share: 1 },
  ...['left', 'top', 'right', 'bottom'].map((name) => ({ name, bins: edgeBins, share: 0.5 })),
  ...['row', 'column'].map((name) => ({ name, bins: placeBins, share: 0.5 })),
];

export interface CellsLoss {
  /** [] */
  readonly loss: Value;
  /** Scores of each head, [N, bins], with the gradient of the loss. */
  readonly seeds: readonly { readonly value: Value; readonly gradient: Value }[];
}

/**
 * @param scores   one value for each head, [N, bins]
 * @param targets  one for each head, [N] int64
 * @param shares   one for each head, [N]  of a cell in its head's loss; 0 where the target is not known
 * @param factor   of the whole
 */
export function cellsLoss(heads: readonly CellHead[], scores: readonly Value[], targets: readonly Value[], shares: readonly Value[], factor: number): CellsLoss {
  const losses = heads.map(({ share }, i) => {
    const { loss, gradient } = sharedLoss(scores[i]!, targets[i]!, shares[i]!);
    return { loss: mul(loss, share * factor), gradient: mul(gradient, share * factor) };
  });
  return { loss: losses.map(({ loss }) => loss).reduce((a, b) => add(a, b)), seeds: losses.map(({ gradient }, i) => ({ value: scores[i]!, gradient })) };
}
