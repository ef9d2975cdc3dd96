/** The right answer to one question, in a form that a program can check. */
import type { Box } from '#models/clinical/finding.ts';

export interface LabelledBox {
  readonly label: string;
  readonly box: Box;
}

export type Gold =
  /** One of lettered options: `options[0]` is A. `right` is the index of the right one. */
  | { readonly kind: 'choice'; readonly options: readonly string[]; readonly right: number }
  | { readonly kind: 'yesNo'; readonly value: boolean }
  /** Any of `accept` is right; naming any of `reject` is wrong. Both hold every spelling that counts. */
  | { readonly kind: 'word'; readonly accept: readonly string[]; readonly reject: readonly string[] }
  | { readonly kind: 'number'; readonly value: number; readonly tolerance: number }
  /** One word of an ordered scale; a neighbour earns part. */
  | { readonly kind: 'ordinal'; readonly value: string; readonly scale: readonly string[] }
  /** Boxes in the pixels that the question is about. With `matchLabels` a box counts only under the right label. */
  | { readonly kind: 'boxes'; readonly boxes: readonly LabelledBox[]; readonly matchLabels: boolean }
  | { readonly kind: 'text'; readonly text: string };

export const letterOf = (index: number): string => String.fromCharCode(65 + index);
