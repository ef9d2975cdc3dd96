/** What a conclusion stands on: the earlier cards that speak of the same thing. A conclusion that stands on none is called unsupported. Pure. */
import type { Trace } from '#electron/contract/review.ts';

/** Words that tie nothing together. */
const common = new Set(['there', 'these', 'those', 'therefore', 'image', 'images', 'picture', 'answer', 'question', 'shows', 'shown', 'seen', 'about', 'which', 'where', 'other', 'others', 'without', 'within', 'their', 'thus', 'hence', 'so', 'this', 'that', 'with', 'from', 'have', 'been', 'were', 'what', 'left', 'right', 'side']);

const wordsOf = (text: string): ReadonlySet<string> => new Set((text.toLowerCase().match(/\p{L}{4,}/gu) ?? []).map((word) => word.replace(/(?:es|s)$/, '')).filter((word) => word.length > 3 && !common.has(word)));

/**
 * Numbers, from 0, of the steps before a conclusion that observe, measure or compare what it speaks of: they cite a finding that it cites or names, or share a word with it that carries meaning.
 * Null for a step that concludes nothing.
 */
export function supportOf({ steps, findings }: Pick<Trace, 'steps' | 'findings'>, at: number): readonly number[] | null {
  const step = steps[at];
  if (step?.kind !== 'conclusion') return null;
  const labelsOf = (cited: readonly number[]): readonly string[] => cited.flatMap((i) => findings[i]?.label.toLowerCase() ?? []);
  const said = wordsOf(`${step.text} ${labelsOf(step.findings).join(' ')}`);
  return steps.flatMap((other, i) => {
    if (i >= at || other.kind === 'conclusion' || other.kind === 'knowledge') return [];
    const isSame = other.findings.some((finding) => step.findings.includes(finding)) || [...wordsOf(`${other.text} ${labelsOf(other.findings).join(' ')}`)].some((word) => said.has(word));
    return isSame ? [i] : [];
  });
}
