/** Writes reports in a process of its own: drawing, setting type and reading back take seconds, and the pixels come from foreign files. */
import { openPixels } from '#electron/library/pixels.ts';
import type { WriterName } from '#electron/report/formats.ts';
import { openWriting, type View, type WriteJob } from '#electron/report/writing.ts';
import { answerRequests } from './port.ts';

/** A view with where its file lies. */
export interface LocatedView extends View {
  readonly path: string;
}
export interface LocatedJob extends WriteJob {
  readonly views: readonly LocatedView[];
}

const pixels = openPixels();
const writing = openWriting((view) => {
  const { path, place, window, region, channels = null } = view as LocatedView;
  return pixels.shown(path, place.frame, { window, region, channels });
});

const methods = {
  choices: (job: LocatedJob) => writing.choices(job),
  files: ({ job, formats }: { job: LocatedJob; formats: readonly WriterName[] }) => writing.files(job, formats),
  page: (job: LocatedJob) => writing.page(job),
};

export type WritingMethods = typeof methods;

answerRequests(methods);
