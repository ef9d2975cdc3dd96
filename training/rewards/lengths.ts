/** The lengths and limits of a row, in tokens: what length-shaping rewards read. */
import { rowFault, type RewardRow } from './reward.ts';

export const lengthReads = ['tokens: length of the completion', 'maxTokens: the limit'] as const;
export const bufferReads = [...lengthReads, 'bufferTokens: the last tokens before the limit that cost, a fifth of the limit where absent'] as const;

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** `tokens`; Fault where the row lacks it. */
export function tokensOf({ tokens }: RewardRow): number {
  if (isCount(tokens)) return tokens;
  throw rowFault('It has no length.', 'Give "tokens": the number of tokens of the completion.');
}

/** `maxTokens`; Fault where the row lacks it or it is 0. */
export function limitOf({ maxTokens }: RewardRow): number {
  if (isCount(maxTokens) && maxTokens > 0) return maxTokens;
  throw rowFault('It has no limit of length.', 'Give "maxTokens": the most tokens that a completion may have.');
}

/** `bufferTokens`, or a fifth of the limit (DAPO's 4096 of 20480). */
export function bufferOf(row: RewardRow): number {
  const { bufferTokens } = row;
  if (bufferTokens === undefined || bufferTokens === null) return limitOf(row) / 5;
  if (isCount(bufferTokens) && bufferTokens <= limitOf(row)) return bufferTokens;
  throw rowFault('Its bufferTokens are no part of its maxTokens.', 'Give "bufferTokens": a number from 0 to maxTokens.');
}

/** A number of the row, or its default; Fault where the field holds something else. */
export function numberField(row: RewardRow, name: string, fallback: number): number {
  const value = row[name];
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw rowFault(`Its ${name} is not a number.`, `Give "${name}" as a number, or leave it out for ${fallback}.`);
}

/**
 * DAPO's soft overlong punishment (equation 13): 0 up to the buffer, falling evenly to −1 at the limit, −1 beyond. A buffer of 0 punishes only
 * beyond.
 */
export function softOverlong(row: RewardRow): number {
  const [tokens, limit, buffer] = [tokensOf(row), limitOf(row), bufferOf(row)];
  if (tokens <= limit - buffer) return 0;
  return tokens > limit ? -1 : (limit - buffer - tokens) / buffer;
}

/** verl's formula of the same: it goes on falling beyond the limit. */
export function softOverlongUnbounded(row: RewardRow): number {
  const [tokens, limit, buffer] = [tokensOf(row), limitOf(row), bufferOf(row)];
  return Math.min(-(tokens - (limit - buffer)) / buffer, 0);
}
