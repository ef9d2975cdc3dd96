/** What a reward is: a pure function from one row (a completion and what is known about its question) to one number, in one or two modes. */
import { Fault } from '#models/base/fault.ts';

/** `published` equals the released code, its holes included; `strict` closes them and is what training uses. Never both in one run. */
export type RewardMode = 'published' | 'strict';

export const rewardModes: readonly RewardMode[] = ['published', 'strict'];

/** What a reward reads: a line of `loupe reward`. Fields that only some rewards read are named in their `reads`. */
export interface RewardRow {
  /** What the model wrote, without the prompt and without special tokens. */
  readonly completion: string;
  /** What is right. In strict mode a `Gold`; in published mode what the release compares with, or a `Gold` that is written out in its way. */
  readonly target?: unknown;
  readonly question?: string;
  /** The image's file, in pixels. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Length of the completion, and the most it may have, in tokens. */
  readonly tokens?: number;
  readonly maxTokens?: number;
  /** The completion ended by itself; false where the limit cut it. */
  readonly finished?: boolean;
  /** The optimizer step, counted from 0, and the number of steps of the run. */
  readonly step?: number;
  readonly steps?: number;
  readonly [extra: string]: unknown;
}

export interface RewardResult {
  /** null: the reward does not apply to this row, and takes no part in its sum. */
  readonly reward: number | null;
  /** The terms that the reward was made of, by name. */
  readonly parts?: Readonly<Record<string, number>>;
}

export type RewardFunction = (row: RewardRow) => RewardResult;

export interface NamedReward {
  /** Camel case, the system's name first where a system has published it: `vlmR1Iou`. */
  readonly name: string;
  /** Where the definition comes from. */
  readonly source: string;
  /** One sentence: when it pays how much. */
  readonly summary: string;
  /** The fields of the row that are read besides `completion`, each with its form in words where that is not plain. */
  readonly reads: readonly string[];
  /** What the published mode pays for and should not, or fails to pay for, one sentence each. */
  readonly holes?: readonly string[];
  readonly modes: { readonly [M in RewardMode]?: RewardFunction };
}

/** The longest completion, question or target text that is scored, in UTF-16 units. */
export const longestText = 65_536;

/** A result without parts. */
export const pay = (reward: number | boolean): RewardResult => ({ reward: Number(reward) });

/** A result that is the sum of its parts. */
export const payParts = (parts: Readonly<Record<string, number>>): RewardResult => ({
  reward: Object.values(parts).reduce((total, part) => total + part, 0), parts,
});

/** The row lacks something that the reward needs, or holds it in another form. */
export const rowFault = (why: string, mend: string): Fault => new Fault({ code: 'reward.row', what: 'The row cannot be scored.', why, mend });

/** What the released code throws on this row: published mode throws it too, as a Fault. */
export const releaseThrows = (release: string, thrown: string): Fault => new Fault({
  code: 'reward.throws', what: `The released reward of ${release} throws on this row.`, why: thrown,
  mend: 'Use the strict mode, or leave the row out: a run of the released code would have ended here.',
});
