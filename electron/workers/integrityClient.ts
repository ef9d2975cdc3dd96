/** The other end of the process that looks for signs of alteration. */
import type { Fingerprint } from '#electron/integrity/fingerprint.ts';
import type { Looker, Looked } from '#electron/integrity/looker.ts';
import { Fault } from '#models/base/fault.ts';
import { supervise, type Launch } from './supervisor.ts';

/** @param folder  of the network, opened when it is first needed; null where there is none */
export function connectIntegrity(file: string, folder: string | null, launch: Launch, onState: (state: 'restarted' | 'failed', why: string) => void): Looker {
  const worker = supervise({ name: 'integrity', file, launch, onState });
  return {
    async look(order, { signal, onField }) {
      if (folder === null) throw new Fault({ code: 'integrity.missing', what: 'The image cannot be checked.', why: 'This installation holds no integrity network.', mend: 'Put the folder of one at models/weights/loupe-integrity.' });
      return worker.call('look', { ...order, folder }, { signal, onNews: onField }) as Promise<Looked>;
    },
    fingerprint: (path) => worker.call('fingerprint', { path }) as Promise<Fingerprint>,
    close: () => worker.close(),
  };
}
