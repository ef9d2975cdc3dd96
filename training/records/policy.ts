/** What is asked of a model that learns by trying, and what it says: the words that rollouts, rewards and curricula share. */
import type { Box } from '#models/clinical/finding.ts';
import type { CaseRecord } from './caseRecord.ts';
import type { Turn } from './turn.ts';

/** A question about one image with a gold answer that a program can check. */
export interface Prompt {
  /** The case, the kind of question and the wording: the same for the same question. */
  readonly id: string;
  readonly record: CaseRecord;
  readonly turn: Turn;
  /** Of the picture as the model sees it, in pixels: the frame of its boxes. */
  readonly size: { readonly width: number; readonly height: number };
  /** The model is shown an even grey picture of that size instead of the case's: what it then says rests on the question's words alone. */
  readonly blank?: true;
  /** Names a view of the image that is not the plain one: augmented, or with regions hidden. */
  readonly view?: string;
  /** Regions that are shown as even grey, in pixels of `size`. */
  readonly hidden?: readonly Box[];
}

export interface Completion {
  /** Without the token that ended it. */
  readonly text: string;
  /** The end token included, where there is one. */
  readonly tokens: readonly number[];
  /** ln p of each token over the whole vocabulary at the sampling temperature, as the sampler computed it. */
  readonly logprobs: readonly number[];
  /** Ended with the end of turn; false: cut at the limit. */
  readonly finished: boolean;
  /** Entropy of the distribution that each token was drawn from, at temperature 1, in nats; where the sampler knows it. */
  readonly entropies?: readonly number[];
}

export interface SampleOptions {
  /** G: completions of the prompt. */
  readonly count: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  /** Text that the completion is continued from; it is part of the completion's text and tokens. */
  readonly forced?: string;
  /** Whether each token's entropy is wanted too; a forced text has none. */
  readonly entropies?: boolean;
}

/** The model as it stands. */
export interface Policy {
  sample(prompt: Prompt, options: SampleOptions): Promise<readonly Completion[]>;
  /** ln p of each completion token at temperature 1, given the prompt and the tokens before it. */
  score(prompt: Prompt, tokens: readonly number[]): Promise<readonly number[]>;
}

/** One completion with what it earned. */
export interface Rollout {
  readonly completion: Completion;
  /** By reward name; null where the reward did not apply. */
  readonly rewards: Readonly<Record<string, number | null>>;
  /** What the rewards say of themselves, `REWARD.part`. */
  readonly parts: Readonly<Record<string, number>>;
  /** The weighted sum; null where no reward applied. */
  readonly reward: number | null;
  /** Whether its answer agrees with the gold: what dynamic sampling and accuracy look at. */
  readonly isCorrect: boolean;
  readonly advantage: number;
  /** Tokens at the start that are not learnt, because they were given and not chosen. Default 0. */
  readonly given?: number;
  /** Learnt by imitation with this weight instead of by its advantage. */
  readonly imitation?: number;
}

/** All completions of one prompt. */
export interface Group {
  readonly prompt: Prompt;
  readonly rollouts: readonly Rollout[];
}
