/** The other end of the localizer's process. */
import type { Finder } from '#electron/locate/finder.ts';
import type { OpenedLocator } from './locating.ts';
import { supervise, type Launch } from './supervisor.ts';

/** Opens the folder when it is first needed, and again in a process that took the place of one that died. */
export function connectLocating(file: string, folder: string, launch: Launch, onState: (state: 'restarted' | 'failed', why: string) => void): Finder {
  let known: Promise<OpenedLocator> | undefined;
  const worker = supervise({ name: 'locating', file, launch, onState, prepare: async (call) => void await call('open', { folder }) });
  return {
    open() {
      known ??= worker.call('open', { folder }) as Promise<OpenedLocator>;
      known.catch(() => (known = undefined));
      return known;
    },
    prompt: (picture, boxes) => worker.call('prompt', { picture, boxes }) as ReturnType<Finder['prompt']>,
    find: (picture, prompts, options) => worker.call('find', { picture, prompts, options }) as ReturnType<Finder['find']>,
    close: () => worker.close(),
  };
}
