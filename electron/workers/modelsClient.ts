/** The other end of the model processes. */
import type { Begun, Workshop } from '#electron/models/workshop.ts';
import { supervise, type Launch } from './supervisor.ts';

export function connectModels(file: string, launch: Launch, onState: (state: 'restarted' | 'failed', why: string) => void): Workshop {
  const looking = supervise({ name: 'models', file, launch, onState });
  const look = <Result>(method: string, argument: unknown): Promise<Result> => looking.call(method, argument) as Promise<Result>;
  const begin = <Result>(method: string, argument: unknown, { onNews }: { readonly onNews?: (news: never) => void } = {}): Begun<Result> => {
    const worker = supervise({ name: 'models', file, launch });
    const result = (worker.call(method, argument, { onNews }) as Promise<Result>).finally(() => worker.close());
    return { result, kill: () => worker.close() };
  };
  return {
    describe: (folders) => look('describe', { folders }),
    detail: (argument) => look('detail', argument),
    offers: (argument) => look('offers', argument),
    runAdapters: (folder) => look('runAdapters', { folder }),
    verify: (folder) => begin<readonly { readonly code: string; readonly message: string }[]>('verify', { folder }).result,
    bringIn: (order, asked) => begin('bringIn', order, asked),
    trial: (argument) => begin('trial', argument),
    compare: (order, asked) => begin('compare', order, asked),
    close: () => looking.close(),
  };
}
