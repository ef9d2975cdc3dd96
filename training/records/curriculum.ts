/** How a curriculum takes part in a policy stage: it may plan each step, weigh what is asked, and change what was tried before it is learnt from. */
import type { Random } from '#models/base/random.ts';
import type { Group, Policy, Prompt, Rollout } from './policy.ts';
import type { CaseRecord } from './caseRecord.ts';
import type { Turn } from './turn.ts';
import type { RewardUse } from './recipe.ts';

/** What one step is going to do. */
export interface StepPlan {
  /** G */
  readonly rollouts: number;
  readonly temperature: number;
  readonly topP: number;
  readonly maxNewTokens: number;
  readonly rewards: readonly RewardUse[];
}

/** Where the stage stands. */
export interface StagePlace {
  /** Updates of the stage done before, and in all. */
  readonly step: number;
  readonly steps: number;
}

/** What a curriculum may use between sampling and learning. */
export interface CurriculumTools {
  readonly policy: Policy;
  readonly plan: StepPlan;
  readonly place: StagePlace;
  readonly random: Random;
  /** Judges completions of one prompt under the plan's rewards; advantages are still 0. `fields` are added to the rows that the rewards read. */
  judge(prompt: Prompt, completions: Rollout['completion'][], fields?: Readonly<Record<string, unknown>>): Promise<readonly Rollout[]>;
}

/** Every part is optional. Whatever it remembers from step to step goes through `save` and `restore`, so that a resumed run goes on exactly. */
export interface Curriculum {
  plan?(plan: StepPlan, place: StagePlace): StepPlan;
  /** Whether anything may be asked about a record, at whatever step; others are not drawn. Absent: yes. */
  admits?(record: CaseRecord): boolean;
  /** How much likelier than 1 a question is to be drawn; 0: never. */
  weigh?(record: CaseRecord, turn: Turn, place: StagePlace): number;
  /** After rewards, before advantages: may continue completions, or add further ones. */
  extend?(groups: readonly Group[], tools: CurriculumTools): Promise<readonly Group[]>;
  /** After advantages: may put in groups of earlier steps, or leave some out. */
  select?(groups: readonly Group[], tools: CurriculumTools): readonly Group[];
  /** JSON. */
  save?(): unknown;
  restore?(state: unknown): void;
}

/** Makes a curriculum for a stage; `options` are checked by it. */
export type CurriculumMaker = (options: Readonly<Record<string, unknown>>, context: { readonly seed: number; readonly steps: number }) => Curriculum;

/** What a pipeline gives to its stage. */
export interface PipelineResult {
  /** For a supervised stage: questions with the completions to be learnt. For a policy stage: the questions to be put. */
  readonly turns: readonly { readonly record: CaseRecord; readonly turn: Turn }[];
  /** Counts for the run's log: how many were written, kept, dropped and why. */
  readonly report: Readonly<Record<string, number>>;
}

/** Makes a stage's data with the model as it stands at the beginning of the stage. */
export type DataPipeline = (input: {
  readonly records: readonly CaseRecord[];
  readonly policy: Policy;
  readonly options: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** The questions that the stage would put to a record by itself, at the size of its images; with `described` also those to be answered in free words. */
  readonly promptsOf: (record: CaseRecord, random: Random, described?: boolean) => Promise<readonly Prompt[]>;
  readonly onProgress?: (done: number, total: number) => void;
}) => Promise<PipelineResult>;
