/**
 * The reasoner in a thread of its own: the runtime holds its thread while it computes, and a window must not wait for it.
 * Requests come as messages and are answered in order; only `stop` overtakes.
 */

import { parentPort } from 'node:worker_threads';
import { Fault, type FaultFields } from '#models/base/fault.ts';
import { confidenceOf, openReasoner, type Answer, type Ask, type AskOptions, type Confidence, type Reasoner, type ReasonerOptions } from '#models/reasoner.ts';

/** An answer with how sure the model was of it: the tokenizer that this needs lives in the worker. */
export type ConfidentAnswer = Answer & { readonly confidence: Confidence | null };

/** What a client may ask of the worker, and what comes back. */
export interface Methods {
  open: { readonly argument: ReasonerOptions; readonly result: { readonly folder: string; readonly family: string; readonly device: string; readonly convention: string; readonly vocabulary: number } };
  /** Sends a `text` message for each piece that is written. */
  sample: { readonly argument: { readonly ask: Ask; readonly samples: number; readonly options: Omit<AskOptions, 'onToken' | 'signal'> }; readonly result: readonly ConfidentAnswer[] };
  score: { readonly argument: { readonly ask: Ask; readonly completion: string | readonly number[] }; readonly result: { readonly ids: readonly number[]; readonly logProbabilities: readonly number[] } };
  release: { readonly argument: null; readonly result: null };
}
export type Method = keyof Methods;

export type Request = { [M in Method]: { readonly id: number; readonly method: M; readonly argument: Methods[M]['argument'] } }[Method] | { readonly id: number; readonly method: 'stop' };

export type Reply =
  | { readonly id: number; readonly kind: 'result'; readonly result: unknown }
  | { readonly id: number; readonly kind: 'text'; readonly text: string; readonly row: number }
  /** An expected failure, as its four fields; anything else is a bug, and is told as one. */
  | { readonly id: number; readonly kind: 'fault'; readonly fault: FaultFields }
  | { readonly id: number; readonly kind: 'error'; readonly message: string };

let reasoner: Reasoner | undefined;
const running = new Map<number, AbortController>();
let queue: Promise<void> = Promise.resolve();

function opened(): Reasoner {
  if (!reasoner) throw new Fault({ code: 'reasoner.closed', what: 'The question cannot be asked.', why: 'No model is open.', mend: 'Choose a model first.' });
  return reasoner;
}

/** Does what a request says. `tell` sends a piece of text as soon as it is written. */
async function perform(request: Exclude<Request, { method: 'stop' }>, signal: AbortSignal, tell: (text: string, row: number) => void): Promise<unknown> {
  switch (request.method) {
    case 'open': {
      await reasoner?.release();
      reasoner = undefined;
      reasoner = await openReasoner(request.argument);
      const { checkpoint, engine, convention } = reasoner;
      return { folder: checkpoint.folder, family: engine.config.family, device: engine.device, convention, vocabulary: engine.config.vocabularySize } satisfies Methods['open']['result'];
    }
    case 'sample': {
      const { tokenizer, sample } = opened();
      const { ask, samples, options } = request.argument;
      const answers = await sample(ask, samples, { ...options, signal, onToken: tell });
      return answers.map((answer): ConfidentAnswer => ({ ...answer, confidence: confidenceOf(answer, tokenizer) }));
    }
    case 'score':
      return opened().score(request.argument.ask, request.argument.completion);
    case 'release':
      await reasoner?.release();
      reasoner = undefined;
      return null;
  }
}

async function answer(request: Exclude<Request, { method: 'stop' }>, send: (reply: Reply) => void): Promise<void> {
  const { id } = request;
  const controller = running.get(id) as AbortController;
  try {
    const result = await perform(request, controller.signal, (text, row) => send({ id, kind: 'text', text, row }));
    send({ id, kind: 'result', result });
  } catch (thrown) {
    send(thrown instanceof Fault ? { id, kind: 'fault', fault: thrown.toJSON() } : { id, kind: 'error', message: thrown instanceof Error ? thrown.message : String(thrown) });
  } finally {
    running.delete(id);
  }
}

const port = parentPort;
port?.on('message', (request: Request) => {
  if (request.method === 'stop') {
    running.get(request.id)?.abort();
    return;
  }
  running.set(request.id, new AbortController());
  // One at a time: two runs side by side would share the same cores and both be late.
  queue = queue.then(() => answer(request, (reply) => port.postMessage(reply)));
});
