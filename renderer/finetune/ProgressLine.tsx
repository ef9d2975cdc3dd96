/** How far something has come that a person waits for; null: the estimate. */
import type { ReactElement } from 'react';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, useText } from '#renderer/workstation/text.ts';
import { finetune } from './finetune.ts';

export function ProgressLine({ runId }: { readonly runId: string | null }): ReactElement {
  const t = useText();
  const progress = useStore(finetune, (state) => state.progress.get(runId ?? ''));
  const numbers = { done: formatNumber(progress?.done ?? 0), total: formatNumber(progress?.total ?? 0) };
  const text = !progress ? t('finetune.starting') : progress.what === 'cases' ? t('finetune.cases', numbers) : progress.what === 'stages' ? t('finetune.stages', { ...numbers, done: formatNumber(Math.min(progress.done + 1, progress.total)) })
    : t('finetune.judging', { ...numbers, what: t(progress.what === 'baseline' ? 'finetune.baseline' : 'finetune.candidate') });
  const share = progress && progress.total > 0 ? progress.done / progress.total : 0;
  return (
    <div className="import" role="status"><span>{text}</span>
      <div className="track" role="progressbar" aria-label={text} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * share)}><div style={{ width: `${100 * share}%` }} /></div>
    </div>
  );
}
