/** What the service asks of the processes that train and look: the workstation hands it in, so that no service knows a worker. */
import type { Choices, DataChoice, Estimate, ModelChoice, Plan, RunEvaluation, ShownGroup } from '#electron/contract/finetune.ts';
import type { StepRecord } from '#training/records/run.ts';

/** Where cases lie. */
export interface DataSource {
  readonly id: string;
  readonly kind: DataChoice['kind'];
  readonly name: string;
  /** Of an index; for drawn cases the folder that they are drawn into. */
  readonly path: string;
  /** Of a snapshot: the file that names its rows by hash. */
  readonly snapshot?: string;
}

export interface ModelPlace {
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  readonly isInUse: boolean;
}

/** What a plan comes to on this machine. */
export interface Order {
  readonly plan: Plan;
  readonly source: DataSource;
  /** The folder of the model that it begins from; null: the recipe begins from nothing. */
  readonly model: string | null;
  /** Where recipes of this person lie. */
  readonly ownRecipes: string;
}

export type TrainNews =
  | { readonly kind: 'looking'; readonly done: number; readonly total: number }
  | { readonly kind: 'begun'; readonly steps: number }
  | { readonly kind: 'step'; readonly record: StepRecord; readonly secondsLeft: number };

export interface TrainResult {
  readonly step: number;
  /** Null: an abort came first, and it can go on. */
  readonly end: 'done' | null;
}

export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

/** Work in a process of its own, which ends with it. */
export interface Begun<T> {
  readonly result: Promise<T>;
  /** At once, whatever is lost. */
  kill(): void;
}

interface Asked<News> {
  readonly signal?: AbortSignal;
  readonly onNews?: (news: News) => void;
}

export interface Trainer {
  choices(argument: { readonly sources: readonly DataSource[]; readonly models: readonly ModelPlace[]; readonly ownRecipes: string }): Promise<Choices>;
  rollouts(argument: { readonly folder: string; readonly step: number }): Promise<readonly ShownGroup[]>;
  /** A PNG of what the model saw. */
  picture(argument: { readonly folder: string; readonly step: number; readonly at: number }): Promise<Uint8Array>;
  /** Makes a whole checkpoint of a run's weights, merged where they are an adapter. */
  publishModel(argument: { readonly folder: string; readonly out: string }): Promise<ModelChoice['lineage']>;
  estimate(order: Order & { readonly runsFolder: string }, asked: Asked<Progress>): Begun<Estimate>;
  train(order: Order & { readonly folder: string; readonly resume: boolean; readonly secondsBefore: number }, asked: Asked<TrainNews>): Begun<TrainResult>;
  evaluate(argument: { readonly folder: string; readonly baseline: ModelPlace; readonly most: number }, asked: Asked<Progress>): Begun<RunEvaluation>;
  close(): void;
}
