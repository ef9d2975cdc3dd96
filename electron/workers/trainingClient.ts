/** The other end of the training processes. */
import type { Begun, Trainer } from '#electron/finetune/trainer.ts';
import { supervise, type Launch } from './supervisor.ts';

/** Looking goes to one process that stays; estimates, runs and evaluations get one each, which ends with them. */
export function connectTraining(file: string, launch: Launch, onState: (state: 'restarted' | 'failed', why: string) => void): Trainer {
  const looking = supervise({ name: 'training', file, launch, onState });
  const look = <Result>(method: string, argument: unknown): Promise<Result> => looking.call(method, argument) as Promise<Result>;
  const begin = <Result>(method: string, argument: unknown, { signal, onNews }: { readonly signal?: AbortSignal; readonly onNews?: (news: never) => void }): Begun<Result> => {
    const worker = supervise({ name: 'training', file, launch });
    const result = (worker.call(method, argument, { signal, onNews }) as Promise<Result>).finally(() => worker.close());
    return { result, kill: () => worker.current?.end() };
  };
  return {
    choices: (argument) => look('choices', argument),
    rollouts: (argument) => look('rollouts', argument),
    picture: (argument) => look('picture', argument),
    publishModel: (argument) => look('publishModel', argument),
    estimate: (argument, asked) => begin('estimate', argument, asked),
    train: (argument, asked) => begin('train', argument, asked),
    evaluate: (argument, asked) => begin('evaluate', argument, asked),
    close: () => looking.close(),
  };
}
