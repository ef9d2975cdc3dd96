/** A worker's way to whoever started it, the same for an Electron utility process, a child process and a thread. */
import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { Fault, type FaultFields } from '#models/base/fault.ts';

export interface Port {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
}

interface ElectronParentPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

/** Null where nobody started this file as a worker. */
export function ownPort(): Port | null {
  const electron = (process as NodeJS.Process & { parentPort?: ElectronParentPort }).parentPort;
  if (electron) return { post: (message) => electron.postMessage(message), onMessage: (listener) => electron.on('message', ({ data }) => listener(data)) };
  if (parentPort) {
    const port = parentPort;
    return { post: (message) => port.postMessage(message), onMessage: (listener) => port.on('message', listener) };
  }
  if (!process.send) return null;
  // Without whoever started it a worker has nothing to do.
  process.on('disconnect', () => process.exit(0));
  return { post: (message) => process.send?.(message), onMessage: (listener) => process.on('message', listener) };
}

export type WorkerRequest = { readonly id: number; readonly method: string; readonly argument: unknown } | { readonly id: number; readonly stop: true };
export type WorkerReply =
  | { readonly id: number; readonly kind: 'result'; readonly result: unknown }
  /** Something on the way to the result. */
  | { readonly id: number; readonly kind: 'news'; readonly news: unknown }
  | { readonly id: number; readonly kind: 'fault'; readonly fault: FaultFields }
  | { readonly id: number; readonly kind: 'error'; readonly message: string };

export interface Task {
  readonly signal: AbortSignal;
  readonly tell: (news: unknown) => void;
}

/** Answers requests until the other side ends. Requests run side by side: a method that must not, queues by itself. */
export function answerRequests(methods: Readonly<Record<string, (argument: never, task: Task) => Promise<unknown>>>, port: Port | null = ownPort()): void {
  if (!port) return;
  const running = new Map<number, AbortController>();
  port.onMessage((message) => {
    const request = message as WorkerRequest;
    if ('stop' in request) {
      running.get(request.id)?.abort();
      return;
    }
    const { id, method, argument } = request;
    const controller = new AbortController();
    running.set(id, controller);
    const reply = (answer: WorkerReply): void => port.post(answer);
    const perform = methods[method] as ((argument: unknown, task: Task) => Promise<unknown>) | undefined;
    Promise.resolve()
      .then(() => {
        if (!perform) throw new Error(`There is no method ${method}.`);
        return perform(argument, { signal: controller.signal, tell: (news) => reply({ id, kind: 'news', news }) });
      })
      .then((result) => reply({ id, kind: 'result', result }))
      .catch((thrown: unknown) => reply(thrown instanceof Fault ? { id, kind: 'fault', fault: thrown.toJSON() } : { id, kind: 'error', message: thrown instanceof Error ? thrown.message : String(thrown) }))
      .finally(() => running.delete(id));
  });
}

let queue: Promise<unknown> = Promise.resolve();

/** For methods of one process that run one at a time, in order: side by side they would share the same cores and all be late. */
export function inTurn<Argument, Result>(perform: (argument: Argument, task: Task) => Promise<Result>): (argument: Argument, task: Task) => Promise<Result> {
  return (argument, task) => {
    const result = queue.then(() => perform(argument, task));
    queue = result.catch(() => undefined);
    return result;
  };
}

/** Whoever looks at images on this machine, or asks, goes first. */
export function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch { /* a system that does not allow it works at the usual priority */ }
}
