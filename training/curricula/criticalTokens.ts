/**
 * How unsure a model is where its reasoning turns, and which checkpoint that speaks for (Skywork-R1V3, arXiv 2507.06167).
 *
 * The paper watches the entropy at words like "Wait": who reasons is unsure there, who imitates is not. Word list, position, average and rule are not
 * published; they are ours: a token is critical where its text, leading white space aside, begins with one of the words and it lies before the first
 * `</think>`; a checkpoint is chosen by the mean entropy among those that are about as accurate as the best.
 */

export const criticalWords = ['wait', 'alternatively', 'hmm'] as const;

/**
 * The positions at which reasoning turns.
 *
 * @param pieces  the text of each token; a word that is cut into several counts at its first
 * @param words   of what the policy writes instead, where it was taught other words
 */
export function criticalPositions(pieces: readonly string[], words: readonly string[] = criticalWords): number[] {
  const text = pieces.join('');
  const end = text.indexOf('</think>');
  const found: number[] = [];
  let at = 0;
  for (const [position, piece] of pieces.entries()) {
    const start = at + piece.length - piece.trimStart().length;
    const said = piece.trim().toLowerCase();
    const isBefore = end < 0 || start < end;
    // A word in several pieces begins where no letter stands before it: the "w" of "await" is none.
    const isOpening = start > at || !/[\p{L}\p{N}]/u.test(text.charAt(start - 1));
    const ahead = text.slice(start, start + 24).toLowerCase();
    if (said !== '' && isBefore && words.some((word) => said.startsWith(word) || (isOpening && word.startsWith(said) && ahead.startsWith(word)))) found.push(position);
    at += piece.length;
  }
  return found;
}

/** What is logged for a checkpoint over a fixed validation set. */
export interface EntropySummary {
  readonly count: number;
  /** Over the critical positions, nats; null where there are none. */
  readonly mean: number | null;
  readonly percentiles: { readonly p10: number; readonly p50: number; readonly p90: number } | null;
  /** Over the positions that follow. */
  readonly meanAfter: number | null;
  /** Over every token. */
  readonly meanAll: number | null;
  /** Share of all tokens above 6.8 nats. */
  readonly shareAbove: number;
}

/** @param completions for each completion its tokens' texts and the entropy of the distribution that each was drawn from */
export function summarizeEntropy(completions: readonly { readonly pieces: readonly string[]; readonly entropies: readonly number[] }[], words: readonly string[] = criticalWords): EntropySummary {
  const critical: number[] = [];
  const after: number[] = [];
  const all: number[] = [];
  for (const { pieces, entropies } of completions) {
    all.push(...entropies);
    for (const position of criticalPositions(pieces, words)) {
      critical.push(entropies[position]!);
      if (position + 1 < entropies.length) after.push(entropies[position + 1]!);
    }
  }
  const sorted = [...critical].sort((a, b) => a - b);
  const at = (part: number): number => {
    const place = part * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return low + (high - low) * (place - Math.floor(place));
  };
  return {
    count: critical.length, mean: meanOf(critical), meanAfter: meanOf(after), meanAll: meanOf(all),
    percentiles: sorted.length > 0 ? { p10: at(0.1), p50: at(0.5), p90: at(0.9) } : null,
    shareAbove: all.length > 0 ? all.filter((entropy) => entropy > 6.8).length / all.length : 0,
  };
}

const meanOf = (values: readonly number[]): number | null => (values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : null);

export interface CheckpointScore {
  readonly step: number;
  readonly accuracy: number;
  /** Mean entropy at critical tokens, and how many there were. */
  readonly entropy: number | null;
  readonly criticalTokens: number;
}

export interface CheckpointChoice {
  readonly chosen: CheckpointScore;
  readonly by: 'entropy' | 'accuracy';
  /** One sentence for the run's record. */
  readonly reason: string;
  /** What accuracy alone would have chosen. */
  readonly mostAccurate: CheckpointScore;
}

/** Among the checkpoints within `margin` of the best accuracy that have enough critical tokens, the one with the highest mean; the earlier of equals. */
export function chooseCheckpoint(checkpoints: readonly CheckpointScore[], { margin = 0.02, least = 64 } = {}): CheckpointChoice {
  const ordered = [...checkpoints].sort((a, b) => a.step - b.step);
  const first = ordered[0];
  if (!first) throw new RangeError('chooseCheckpoint: there is no checkpoint to choose from');
  const mostAccurate = ordered.reduce((best, other) => (other.accuracy > best.accuracy ? other : best), first);
  const close = ordered.filter(({ accuracy }) => accuracy >= mostAccurate.accuracy - margin - 1e-9);
  const measured = close.filter(({ criticalTokens, entropy }) => criticalTokens >= least && entropy !== null);
  if (measured.length === 0) {
    return {
      chosen: mostAccurate, by: 'accuracy', mostAccurate,
      reason: `No checkpoint within ${margin} of the best accuracy has ${least} critical tokens, so the most accurate one stands (step ${mostAccurate.step}).`,
    };
  }
  const chosen = measured.reduce((best, other) => (other.entropy! > best.entropy! ? other : best));
  return {
    chosen, by: 'entropy', mostAccurate,
    reason: `Step ${chosen.step} has the highest entropy at critical tokens (${chosen.entropy!.toFixed(3)} nats over ${chosen.criticalTokens}) of the ${measured.length} within ${margin} of the best accuracy.`,
  };
}

/** Why a plan for learning by rewards should not be run as it is, or null: where the connector is held still, training is known to collapse. */
export function connectorWarning(isTrained: (name: string) => boolean): string | null {
  return connectorWeights.some(isTrained) ? null
    : 'No weight of the connector (visual.merger) is trained: where it is frozen or removed, learning by rewards collapses within a short time (Skywork-R1V3, section 6).';
}

const connectorWeights = ['visual.merger.ln_q.weight', 'visual.merger.mlp.0.weight', 'visual.merger.mlp.0.bias', 'visual.merger.mlp.2.weight', 'visual.merger.mlp.2.bias'];
