/** Starts a worker when it is first needed, starts it again when it dies, and says so. */
import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { Fault } from '#models/base/fault.ts';
import type { WorkerReply, WorkerRequest } from './port.ts';

/** A started worker, whatever it is made of. */
export interface Carrier {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, with the reason. */
  onEnd(listener: (why: string) => void): void;
  end(): void;
}

export type Launch = (file: string) => Carrier;

/** The runtime reads its telemetry switch from the environment of its process. */
const workerEnvironment = (): NodeJS.ProcessEnv => ({ ...process.env, ORT_DISABLE_TELEMETRY: '1' });

/** A process of its own: what kills it kills nothing else. */
export const launchProcess: Launch = (file) => {
  const child = fork(file, [], { serialization: 'advanced', env: workerEnvironment(), stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
  return {
    post: (message) => void child.send(message as object),
    onMessage: (listener) => child.on('message', listener),
    onEnd(listener) {
      child.once('error', (error) => listener(error.message));
      child.once('exit', (code, signal) => listener(signal ? `It was ended by ${signal}.` : `It ended with status ${code ?? 0}.`));
    },
    end: () => void child.kill(),
  };
};

/** A thread: quick to start, and falls with its process. */
export const launchThread: Launch = (file) => {
  const worker = new Worker(file, { env: workerEnvironment() });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.on('message', listener),
    onEnd(listener) {
      worker.once('error', (error) => listener(error.message));
      worker.once('exit', (code) => listener(`It ended with status ${code}.`));
    },
    end: () => void worker.terminate(),
  };
};

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onNews?: ((news: never) => void) | undefined;
}

export interface Supervised {
  call(method: string, argument: unknown, options?: CallOptions): Promise<unknown>;
  /** Ends it, and does not start it again. */
  close(): void;
  /** The process that runs now; undefined before the first call and after a death. Tests end it on purpose. */
  readonly current: Carrier | undefined;
}

export interface SuperviseOptions {
  readonly name: string;
  readonly file: string;
  readonly launch: Launch;
  readonly onState?: (state: 'restarted' | 'failed', why: string) => void;
  /** Asked of every new process before anything else, such as opening the model that was open. */
  readonly prepare?: (call: (method: string, argument: unknown) => Promise<unknown>) => Promise<void>;
}

/** So many deaths within this time mean that starting again does not help. */
const mostDeaths = 4;
const deathsWithinMs = 30_000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: Error) => void;
  readonly onNews: CallOptions['onNews'];
}

export function supervise({ name, file, launch, onState, prepare }: SuperviseOptions): Supervised {
  let carrier: Carrier | undefined;
  let ready: Promise<void> = Promise.resolve();
  let isClosed = false;
  let next = 0;
  const deaths: number[] = [];
  const waiting = new Map<number, Waiting>();

  const died = (dead: Carrier, why: string): void => {
    if (carrier !== dead) return;
    carrier = undefined;
    const reason = new Fault({ code: `${name}.ended`, what: `The ${name} process ended while it worked.`, why, mend: 'It starts again by itself: try once more. If it ends each time, this input is at fault.' });
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
    if (isClosed) return;
    const now = performance.now();
    deaths.push(now);
    const isHopeless = deaths.filter((at) => now - at < deathsWithinMs).length >= mostDeaths;
    onState?.(isHopeless ? 'failed' : 'restarted', why);
    if (!isHopeless) start();
  };

  const start = (): Carrier => {
    const fresh = launch(file);
    carrier = fresh;
    fresh.onMessage((message) => {
      const reply = message as WorkerReply;
      const caller = waiting.get(reply.id);
      if (!caller) return;
      if (reply.kind === 'news') {
        (caller.onNews as ((news: unknown) => void) | undefined)?.(reply.news);
        return;
      }
      waiting.delete(reply.id);
      if (reply.kind === 'result') caller.resolve(reply.result);
      else caller.reject(reply.kind === 'fault' ? new Fault(reply.fault) : new Error(reply.message));
    });
    fresh.onEnd((why) => died(fresh, why));
    ready = prepare ? prepare((method, argument) => send(fresh, method, argument, {})) : Promise.resolve();
    ready.catch(() => undefined);
    return fresh;
  };

  const send = (to: Carrier, method: string, argument: unknown, { signal, onNews }: CallOptions): Promise<unknown> => {
    const id = next++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject, onNews });
      to.post({ id, method, argument } satisfies WorkerRequest);
      const stop = (): void => to.post({ id, stop: true } satisfies WorkerRequest);
      if (signal?.aborted === true) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
  };

  return {
    get current() {
      return carrier;
    },
    async call(method, argument, options = {}) {
      if (isClosed) throw new Fault({ code: `${name}.closed`, what: 'This cannot be done now.', why: `The ${name} process was closed.`, mend: 'Start Loupe again.' });
      const to = carrier ?? start();
      await ready;
      if (carrier !== to) return this.call(method, argument, options);
      return send(to, method, argument, options);
    },
    close() {
      isClosed = true;
      const last = carrier;
      if (last) {
        last.end();
        died(last, 'It was closed.');
      }
    },
  };
}
