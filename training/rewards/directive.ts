/**
 * The reward for writing a directive: how much of what is to be sought the model put into the agreed form.
 *
 *   malformed → 0;  slots = 0.4 [target] + 0.2 [anatomy] + 0.2 [side] + 0.2 (slices shared / slices of either);  R = 0.1 + 0.9 slots
 *   with outcomes:  0.5 R + 0.5 IoU of the best box that a frozen localizer finds by this directive
 *
 * After CognitiveDrone-R1 (arXiv 2503.01378), which has no reward: the terms are the project's. How it is worded earns nothing.
 */
import { plainWord, readDirective, type DirectiveWords } from '#models/clinical/directive.ts';
import { goldOf } from './gold.ts';
import { isDict } from './python.ts';
import { pay, payParts, rowFault, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';

/** Slices that both ranges hold over those that either holds; both ends count. */
export function sliceOverlap(a: Pick<DirectiveWords, 'slice_from' | 'slice_to'>, b: Pick<DirectiveWords, 'slice_from' | 'slice_to'>): number {
  const shared = Math.max(0, Math.min(a.slice_to, b.slice_to) - Math.max(a.slice_from, b.slice_from) + 1);
  return shared / (a.slice_to - a.slice_from + 1 + b.slice_to - b.slice_from + 1 - shared);
}

/** 0 … 1. */
export function directiveSlots(said: DirectiveWords, right: DirectiveWords): number {
  const isEqual = (key: 'target' | 'anatomy' | 'side'): number => Number(plainWord(said[key]) === plainWord(right[key]));
  return 0.4 * isEqual('target') + 0.2 * isEqual('anatomy') + 0.2 * isEqual('side') + 0.2 * sliceOverlap(said, right);
}

/** The IoU of the best box under `TARGET/SIDE`, where such were measured; undefined where none were. */
function outcomeOf({ outcomes }: RewardRow, { target, side }: DirectiveWords): number | undefined {
  if (outcomes === undefined) return undefined;
  const found = isDict(outcomes) && Object.hasOwn(outcomes, `${target}/${side}`) ? outcomes[`${target}/${side}`] : 0;
  if (typeof found !== 'number' || !(found >= 0 && found <= 1)) throw rowFault('Its outcomes are no table of overlaps.', 'Give "outcomes" as {"TARGET/SIDE": IoU}.');
  return found;
}

function score(row: RewardRow): RewardResult {
  const right = goldOf(row.target, 'directive');
  const said = readDirective(row.completion);
  if (!said) return pay(0);
  const words = 0.1 + 0.9 * directiveSlots(said, right);
  const outcome = outcomeOf(row, said);
  return outcome === undefined ? payParts({ words }) : payParts({ words: 0.5 * words, outcome: 0.5 * outcome });
}

export const directiveRewards = [
  {
    name: 'directive', source: 'CognitiveDrone-R1 (arXiv 2503.01378): its rewriting of instructions; the paper has no reward, the terms are the project\'s',
    reads: ['target: {kind: "directive", target, anatomy, side, slice_from, slice_to}', 'outcomes (optional): {"TARGET/SIDE": IoU} of a frozen localizer'],
    summary: '0 unless the whole completion is one think block and one directive in JSON; then 0.1 for the form, 0.36 for the target, 0.18 each for anatomy and side, 0.18 times the overlap of the slices.',
    modes: { strict: score },
  },
] as const satisfies readonly NamedReward[];
