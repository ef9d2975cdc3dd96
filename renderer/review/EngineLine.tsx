/** A quiet corner: which model answers, on what, how fast it writes and what it takes. */
import { useEffect, type ReactElement } from 'react';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatNumber, useText } from '#renderer/workstation/text.ts';
import { engine, watchEngine } from './engine.ts';
import { review } from './review.ts';
import { currentTrace } from './state.ts';

export function EngineLine(): ReactElement {
  const t = useText();
  useEffect(watchEngine, []);
  const now = useStore(engine, (all) => all);
  const live = useStore(review, (state) => state.asking?.part?.tokensPerSecond ?? null);
  const last = useStore(review, (state) => currentTrace(state)?.timing.tokensPerSecond ?? null);
  const rate = live ?? last;
  const open = now?.open;
  return (
    <p className="engine-line number" data-live={live !== null || undefined}>
      <span className="engine-name">{open ? open.name : t('review.engine.closed')}</span>
      {open && <span>{open.device}</span>}
      {open && rate !== null && <span title={t('review.engine.rate')}>{t('review.engine.perSecond', { rate: formatNumber(rate, rate < 10 ? 1 : 0) })}</span>}
      {now?.memoryBytes != null && <span title={t('review.engine.memory')}>{formatBytes(now.memoryBytes)}</span>}
    </p>
  );
}
