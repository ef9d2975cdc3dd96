/** The other end of the process that holds encoder and vectors. */
import type { Finder, OpenedFinder } from '#electron/similar/finder.ts';
import { supervise, type Launch } from './supervisor.ts';

/** Opens encoder and vectors when they are first needed, and again in a process that took the place of one that died. */
export function connectSimilar(file: string, { folder, vectors }: { readonly folder: string; readonly vectors: string }, launch: Launch, onState: (state: 'restarted' | 'failed', why: string) => void): Finder {
  let known: Promise<OpenedFinder> | undefined;
  const worker = supervise({ name: 'similar', file, launch, onState, prepare: async (call) => void await call('open', { folder, vectors }) });
  const call = <Result>(method: string, argument: unknown): Promise<Result> => worker.call(method, argument) as Promise<Result>;
  return {
    open() {
      known ??= call<OpenedFinder>('open', { folder, vectors });
      known.catch(() => (known = undefined));
      return known;
    },
    see: (place, picture) => call('see', { place, picture }),
    finish: (study) => call('finish', study),
    forget: (studyIds) => call('forget', { studyIds }),
    nearest: (sought, most, except) => call('nearest', { sought, most, except }),
    nearDuplicates: () => call('nearDuplicates', null),
    closeness: (triples) => call('closeness', { triples }),
    tell: (ensemble, pictures) => call('tell', { ensemble, pictures }),
    close: () => worker.close(),
  };
}
