/** Below a conclusion: which cards it stands on, each a press away, or that it stands on none. */
import type { ReactElement } from 'react';
import type { Trace } from '#electron/contract/review.ts';
import { useText } from '#renderer/workstation/text.ts';
import { moveTo } from './judge.ts';
import { supportOf } from './support.ts';

export function Support({ trace, at }: { readonly trace: Trace; readonly at: number }): ReactElement | null {
  const t = useText();
  const support = supportOf(trace, at);
  if (support === null) return null;
  if (support.length === 0) return <p className="support" data-support="none" title={t('review.unsupportedTitle')}>{t('review.unsupported')}</p>;
  return <p className="support" data-support={support.map((step) => step + 1).join(' ')}>{t('review.standsOn')} {support.map((step) => <button key={step} className="ring number" aria-label={t('review.toStep', { number: step + 1 })} onClick={() => moveTo(trace, step)}>{step + 1}</button>)}</p>;
}
