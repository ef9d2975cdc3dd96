/** Work that a person may stop by its name: under each name one at a time. */
import { Fault, type FaultFields } from '#models/base/fault.ts';

export interface Stoppable {
  /** @throws Fault `twice` where it runs already under this name; `stopped` where stopping it made it fail */
  run<Result>(name: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result>;
  stop(name: string): void;
  stopAll(): void;
}

export function stoppable({ twice, stopped }: { readonly twice: FaultFields; readonly stopped: FaultFields }): Stoppable {
  const running = new Map<string, AbortController>();
  return {
    async run(name, work) {
      if (running.has(name)) throw new Fault(twice);
      const controller = new AbortController();
      running.set(name, controller);
      try {
        return await work(controller.signal);
      } catch (thrown) {
        throw controller.signal.aborted ? new Fault(stopped, { cause: thrown }) : thrown;
      } finally {
        running.delete(name);
      }
    },
    stop: (name) => running.get(name)?.abort(),
    stopAll: () => running.forEach((controller) => controller.abort()),
  };
}
