/** Batches of completions scored by the table of rewards for an engine elsewhere: one protocol, whether it comes over HTTP or through a pipe. */
import { Fault, type FaultFields } from '#models/base/fault.ts';
import { rewardModes, type RewardMode, type RewardRow } from '#training/rewards/reward.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';

/** A reward that takes part, as a recipe's stage names it. */
export interface Use {
  readonly name: string;
  readonly mode: RewardMode;
  readonly weight: number;
  /** Fields that are added to every row. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Scored {
  /** Σ weight · score over the rewards that apply; null where none does. */
  readonly reward: number | null;
  /** One for each use, in their order; null: it did not apply, or the row could not be scored by it. */
  readonly scores: readonly (number | null)[];
  /** The terms that the scores were made of, as `NAME.TERM`. */
  readonly parts: Readonly<Record<string, number>>;
  /** Why rewards could not score this row; absent where all could. */
  readonly faults?: readonly (FaultFields & { readonly reward: string })[];
}

/** What one request may ask for. */
export const most = { bytes: 64_000_000, rows: 8192, uses: 32 } as const;

/**
 * Scores the rows of one request: `{"uses": [{"name", "mode"?, "weight"?, "options"?}], "rows": [{"completion", …}]}`. A row that a reward cannot
 * read
 * takes its fault along and spoils no other row. Gives way to other requests between rows.
 *
 * @throws Fault `reward.request` for a request of another form, `reward.name`, `reward.mode`
 */
export async function scoreRequest(request: unknown): Promise<readonly Scored[]> {
  if (!isObject(request)) throw badRequest('It is no JSON object.');
  const { uses: given, rows } = request;
  if (!Array.isArray(given) || given.length === 0 || given.length > most.uses) throw badRequest(`"uses" is no list of 1 to ${most.uses} rewards.`);
  if (!Array.isArray(rows) || rows.length > most.rows) throw badRequest(`"rows" is no list of at most ${most.rows} rows.`);
  const uses = given.map(useOf);
  const results: Scored[] = [];
  for (const [at, row] of rows.entries()) {
    if (at % 32 === 31) await new Promise((resolve) => setImmediate(resolve));
    results.push(scoredRow(uses, row, at));
  }
  return results;
}

/** Scores one row by all the rewards that are used. */
export function scoredRow(uses: readonly Use[], row: unknown, at = 0): Scored {
  if (!isObject(row) || typeof row.completion !== 'string') throw badRequest(`Row ${at} has no completion, or one that is no text.`);
  const parts: Record<string, number> = {};
  const faults: (FaultFields & { reward: string })[] = [];
  const scores = uses.map(({ name, mode, options }) => {
    try {
      const result = scoreRow(findReward(name), mode, { ...row, ...options } as RewardRow);
      for (const [term, value] of Object.entries(result.parts ?? {})) parts[`${name}.${term}`] = value;
      return result.reward;
    } catch (thrown) {
      const { code, what, why, mend } = thrown instanceof Fault ? thrown : unforeseen(thrown);
      faults.push({ reward: name, code, what, why, mend });
      return null;
    }
  });
  const applied = scores.flatMap((score, index) => (score === null ? [] : [score * uses[index]!.weight]));
  return { reward: applied.length === 0 ? null : applied.reduce((a, b) => a + b, 0), scores, parts, ...(faults.length > 0 ? { faults } : {}) };
}

function useOf(value: unknown): Use {
  if (!isObject(value) || typeof value.name !== 'string') throw badRequest('A reward of "uses" has no name.');
  const { name, mode = 'strict', weight = 1, options = {} } = value;
  if (!rewardModes.some((known) => known === mode)) throw badRequest(`The mode of ${name} is none of ${rewardModes.join(', ')}.`);
  if (typeof weight !== 'number' || !Number.isFinite(weight)) throw badRequest(`The weight of ${name} is no number.`);
  if (!isObject(options)) throw badRequest(`The options of ${name} are no object.`);
  if (!findReward(name).modes[mode as RewardMode]) throw new Fault({
    code: 'reward.mode', what: `The reward ${name} has no ${String(mode)} mode.`,
    why: 'It is defined in another one only.',
    mend: `Use ${Object.keys(findReward(name).modes).join(' or ')}.`,
  });
  return { name, mode: mode as RewardMode, weight, options };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

const unforeseen = (thrown: unknown): FaultFields => ({
  code: 'internal', what: 'A reward failed.',
  why: thrown instanceof Error ? thrown.message : String(thrown),
  mend: 'This is a defect of the reward: report it with the row.',
});

export const badRequest = (why: string): Fault => new Fault({
  code: 'reward.request', what: 'The rewards cannot be computed.', why, mend: 'Send {"uses": [{"name": NAME}], "rows": [{"completion": TEXT, …}]}.',
});
