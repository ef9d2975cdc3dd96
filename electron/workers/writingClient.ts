/** The other end of the process that writes reports. */
import type { FormatChoice, WriteJob, Writing } from '#electron/report/writing.ts';
import type { WrittenFile } from '#electron/report/exporting.ts';
import { supervise, type Launch, type Supervised } from './supervisor.ts';
import type { LocatedJob } from './writing.ts';

export interface WritingClient extends Writing {
  readonly worker: Supervised;
}

/** @param pathOf  where the file of a hash lies */
export function connectWriting(file: string, { launch, onState, pathOf }: { readonly launch: Launch; readonly onState: (state: 'restarted' | 'failed', why: string) => void; readonly pathOf: (sha256: string) => string }): WritingClient {
  const worker = supervise({ name: 'writing', file, launch, onState });
  const located = (job: WriteJob): LocatedJob => ({ ...job, views: job.views.map((view) => ({ ...view, path: pathOf(view.place.source) })) });
  return {
    worker,
    choices: (job) => worker.call('choices', located(job)) as Promise<readonly FormatChoice[]>,
    files: (job, formats) => worker.call('files', { job: located(job), formats }) as Promise<readonly WrittenFile[]>,
    page: (job) => worker.call('page', located(job)) as Promise<string>,
  };
}
