/** What the service asks of the processes that look at models and work on them: the workstation hands it in, so that no service knows a worker. */
import type { ModelDetail, Offer, RunAdapter, SelfTest } from '#electron/contract/models.ts';
import type { Bringing, Phase } from './bringIn.ts';
import type { ComparisonNews, ComparisonOrder, Written } from './compare.ts';
import type { Candidate, FolderFacts } from './describe.ts';

/** Work in a process of its own, which ends with it. */
export interface Begun<T> {
  readonly result: Promise<T>;
  /** At once; the result is refused. */
  kill(): void;
}

export interface Workshop {
  describe(folders: readonly string[]): Promise<readonly FolderFacts[]>;
  detail(argument: { readonly id: string; readonly folder: string }): Promise<ModelDetail>;
  offers(argument: { readonly folders: readonly string[]; readonly candidates: readonly Candidate[] }): Promise<readonly Omit<Offer, 'id'>[]>;
  runAdapters(runsFolder: string): Promise<readonly RunAdapter[]>;
  verify(folder: string): Promise<readonly { readonly code: string; readonly message: string }[]>;
  bringIn(order: Bringing, asked: { readonly onNews: (news: { readonly phase: Phase; readonly done: number; readonly total: number }) => void }): Begun<{ readonly folder: string; readonly lineage: string }>;
  trial(argument: { readonly folder: string; readonly at: string }): Begun<SelfTest>;
  compare(order: ComparisonOrder, asked: { readonly onNews: (news: ComparisonNews) => void }): Begun<readonly [Written, Written]>;
  close(): void;
}
