/**
 * The reward of So-Fake-R1 (arXiv 2505.18660) for telling altered images: form, class and place.
 *
 *   R = 0.2 f + 0.5 c + 0.3 l
 *
 * f: the whole completion is one think block that says something and one answer block, and the answer is well formed; c: the class is right; l: the IoU of the boxes where
 * both are tampered, and for other truths 1 where class and form of the answer are right. The release's formulas are not public; terms and weights are ours.
 * What is said in the thought earns nothing, since no program can tell whether it is true; `models/alterationAudit.ts` checks it beside the evidence.
 */
import { alterationClasses, alterationTypes, parseAlteration } from '#models/clinical/alteration.ts';
import { iou } from '#models/clinical/finding.ts';
import { goldOf } from './gold.ts';
import { payParts, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { firstBlock, strictThinkAnswer } from './tags.ts';

/** Form, class and place of a completion, each 0 … 1. */
export function alterationTerms({ completion, target }: Pick<RewardRow, 'completion' | 'target'>): { readonly form: number; readonly class: number; readonly place: number } {
  const truth = goldOf(target, 'alteration');
  const answer = firstBlock(completion);
  const claim = answer === null ? null : parseAlteration(answer);
  const isRight = claim?.class === truth.class;
  const place = truth.class === 'TAMPERED'
    ? isRight && claim.box && truth.box ? iou(claim.box, truth.box) : 0
    : Number(isRight && claim.isWellFormed);
  return { form: Number(claim?.isWellFormed === true && strictThinkAnswer(completion) !== null), class: Number(isRight), place };
}

function score(row: RewardRow): RewardResult {
  const { form, class: right, place } = alterationTerms(row);
  return payParts({ form: 0.2 * form, class: 0.5 * right, place: 0.3 * place });
}

export const soFakeR1Rewards = [
  {
    name: 'soFakeR1Alteration', source: 'So-Fake-R1 (arXiv 2505.18660): its three terms; formulas and weights are the project\'s, the release\'s are not public',
    reads: [`target: {kind: "alteration", class: ${alterationClasses.join('|')}, type: ${alterationTypes.join('|')} or null, box: {x1, y1, x2, y2} or null}`],
    summary: '0.2 for one think block and a well-formed answer, 0.5 for the right class, 0.3 times the IoU of the box, or 0.3 for an untouched or synthetic image that is told as such.',
    modes: { strict: score },
  },
] as const satisfies readonly NamedReward[];
