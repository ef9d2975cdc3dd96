/** The other end of the inference process: methods in, promises out. */

import type { Ask, AskOptions, ReasonerOptions } from '#models/reasoner.ts';
import type { ConfidentAnswer, OpenedModel, Written } from './inference.ts';
import { launchProcess, supervise, type Launch, type Supervised } from './supervisor.ts';

export interface InferenceClient {
  open(options: ReasonerOptions): Promise<OpenedModel>;
  sample(ask: Ask, samples: number, options?: Omit<AskOptions, 'onToken'> & { readonly onWritten?: (written: Written) => void }): Promise<readonly ConfidentAnswer[]>;
  score(ask: Ask, completion: string | readonly number[]): Promise<{ readonly ids: readonly number[]; readonly logProbabilities: readonly number[] }>;
  /** Releases the model and ends the process. */
  close(): Promise<void>;
  readonly worker: Supervised;
}

export interface InferenceOptions {
  readonly launch?: Launch;
  readonly onState?: (state: 'restarted' | 'failed', why: string) => void;
}

/** Connects to the worker's bundled file. A crash fails what is waiting; the next process opens the model that was open. */
export function startInference(file: string, { launch = launchProcess, onState }: InferenceOptions = {}): InferenceClient {
  let model: ReasonerOptions | undefined;
  const worker = supervise({
    name: 'inference', file, launch, ...(onState ? { onState } : {}),
    prepare: async (call) => {
      if (model) await call('open', model);
    },
  });
  return {
    worker,
    async open(options) {
      model = undefined;
      const result = await worker.call('open', options) as OpenedModel;
      model = options;
      return result;
    },
    sample: (ask, samples, { signal, onWritten, ...options } = {}) => worker.call('sample', { ask, samples, options }, { signal, onNews: onWritten }) as Promise<readonly ConfidentAnswer[]>,
    score: (ask, completion) => worker.call('score', { ask, completion }) as ReturnType<InferenceClient['score']>,
    async close() {
      if (worker.current) await worker.call('release', null).catch(() => undefined);
      worker.close();
    },
  };
}
