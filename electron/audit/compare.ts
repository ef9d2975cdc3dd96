/** A recorded answer beside the same question asked again: equal token by token, or where they part and how close the choice was. */

export interface ReplayedTokens {
  readonly tokens: readonly number[];
  /** ln p of each token that was chosen. */
  readonly logProbabilities: readonly number[];
}

export interface Difference {
  /** Tokens before it are equal. */
  readonly at: number;
  /** Null where one of them had ended. */
  readonly recorded: number | null;
  readonly replayed: number | null;
  /** How much likelier the replayed token is here than the recorded one, as a difference of probabilities and in nats; null where one had ended. */
  readonly gap: { readonly probability: number; readonly nats: number } | null;
}

export interface Comparison {
  readonly isEqual: boolean;
  readonly tokens: number;
  readonly difference: Difference | null;
  /** The largest difference of ln p over the tokens that are equal. */
  readonly largestDrift: number;
}

/**
 * @param scored  ln p of the recorded tokens on this machine, after the same prompt
 */
export function compareTokens(recorded: ReplayedTokens, replayed: ReplayedTokens, scored: readonly number[]): Comparison {
  const length = Math.max(recorded.tokens.length, replayed.tokens.length);
  let at = 0;
  while (at < length && recorded.tokens[at] === replayed.tokens[at]) at++;
  const drift = recorded.logProbabilities.slice(0, at).map((value, i) => Math.abs(value - (replayed.logProbabilities[i] ?? value)));
  const largestDrift = drift.reduce((most, value) => Math.max(most, value), 0);
  if (at === length) return { isEqual: true, tokens: length, difference: null, largestDrift };
  const before = scored[at];
  const now = replayed.logProbabilities[at];
  const bothGoOn = recorded.tokens[at] !== undefined && replayed.tokens[at] !== undefined;
  return {
    isEqual: false, tokens: length, largestDrift,
    difference: {
      at, recorded: recorded.tokens[at] ?? null, replayed: replayed.tokens[at] ?? null,
      gap: bothGoOn && before !== undefined && now !== undefined ? { probability: Math.exp(now) - Math.exp(before), nats: now - before } : null,
    },
  };
}
