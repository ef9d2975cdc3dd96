/** The other end of the inference process: methods in, promises out. */

import type { CitedRegion, Evidence } from '#models/evidence.ts';
import type { Ask, AskOptions, ReasonerOptions } from '#models/reasoner.ts';
import type { ConfidentAnswer, ModelEye, OpenedModel, Written } from './inference.ts';
import { launchProcess, supervise, type Launch, type Supervised } from './supervisor.ts';

export interface InferenceClient {
  open(options: ReasonerOptions): Promise<OpenedModel>;
  sample(ask: Ask, samples: number, options?: Omit<AskOptions, 'onToken'> & { readonly onWritten?: (written: Written) => void }): Promise<readonly ConfidentAnswer[]>;
  score(ask: Ask, completion: string | readonly number[]): Promise<{ readonly ids: readonly number[]; readonly logProbabilities: readonly number[] }>;
  evidence(ask: Ask, given: string, regions: readonly CitedRegion[], options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void }): Promise<Evidence>;
  /** The picture at that place of the ask as the network's input has it. */
  seen(ask: Ask, at: number): Promise<ModelEye>;
  /** What its process takes, bytes; null where none runs. */
  memory(): Promise<number | null>;
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
    evidence: (ask, given, regions, { signal, onProgress } = {}) => worker.call('evidence', { ask, given, regions }, { signal, onNews: onProgress }) as Promise<Evidence>,
    seen: (ask, at) => worker.call('seen', { ask, at }) as Promise<ModelEye>,
    memory: async () => (worker.current ? worker.call('memory', null) as Promise<number> : null),
    async close() {
      if (worker.current) await worker.call('release', null).catch(() => undefined);
      worker.close();
    },
  };
}
