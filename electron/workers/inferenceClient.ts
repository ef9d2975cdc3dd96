/** The other end of the inference worker: methods in, promises out. */

import { Worker } from 'node:worker_threads';
import { Fault } from '#models/base/fault.ts';
import type { Ask, AskOptions, ReasonerOptions } from '#models/reasoner.ts';
import type { ConfidentAnswer, Method, Methods, Reply, Request } from './inference.ts';

export interface InferenceClient {
  open(options: ReasonerOptions): Promise<Methods['open']['result']>;
  sample(ask: Ask, samples: number, options?: AskOptions): Promise<readonly ConfidentAnswer[]>;
  score(ask: Ask, completion: string | readonly number[]): Promise<Methods['score']['result']>;
  /** Releases the model and ends the thread. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: Error) => void;
  readonly onText: ((text: string, row: number) => void) | undefined;
}

/** Starts the worker from its bundled file. A crash of the thread fails what is waiting, and nothing else. */
export function startInference(file: string): InferenceClient {
  // The runtime reads its telemetry switch from the process's environment, which a thread shares only when told to.
  const worker = new Worker(file, { env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } });
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const waiting = new Map<number, Waiting>();
  let next = 0;
  let ended: Error | undefined;

  const end = (reason: Error): void => {
    ended ??= reason;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  worker.on('message', (reply: Reply) => {
    const caller = waiting.get(reply.id);
    if (!caller) return;
    if (reply.kind === 'text') {
      caller.onText?.(reply.text, reply.row);
      return;
    }
    waiting.delete(reply.id);
    if (reply.kind === 'result') caller.resolve(reply.result);
    else caller.reject(reply.kind === 'fault' ? new Fault(reply.fault) : new Error(reply.message));
  });
  worker.on('error', (error) => end(new Fault({
    code: 'reasoner.crashed', what: 'The reasoner has ended.', why: error.message, mend: 'Ask again: it starts anew. If it ends again, try another device (`loupe doctor`).',
  }, { cause: error })));
  worker.on('exit', () => end(new Fault({ code: 'reasoner.closed', what: 'The question cannot be answered.', why: 'The reasoner was closed.', mend: 'Open a model and ask again.' })));

  function call<M extends Method>(method: M, argument: Methods[M]['argument'], { onText, signal }: { onText?: Waiting['onText']; signal?: AbortSignal | undefined } = {}): Promise<Methods[M]['result']> {
    if (ended) return Promise.reject(ended);
    const id = next++;
    const send = (request: Request): void => worker.postMessage(request);
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, onText });
      send({ id, method, argument } as Request);
      const stop = (): void => send({ id, method: 'stop' });
      if (signal?.aborted === true) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  }

  return {
    open: (options) => call('open', options),
    sample: (ask, samples, { onToken, signal, ...options } = {}) => call('sample', { ask, samples, options }, { onText: onToken, signal }),
    score: (ask, completion) => call('score', { ask, completion }),
    async close() {
      if (!ended) await call('release', null);
      await worker.terminate();
    },
  };
}
