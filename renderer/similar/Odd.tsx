/** The odd one of three images, answered by keys; beside it what the answers are worth so far. */
import type { ReactElement } from 'react';
import type { OddReport } from '#electron/contract/similar.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { frameOfKey } from './state.ts';
import { answerOdd, exportOdd, nextOdd, similar, withdrawOdd } from './similar.ts';

export function Odd(): ReactElement {
  const t = useText();
  const { question, report, chosen, oddFault, busy } = useStore(similar, (state) => state);
  return (
    <div className="odd">
      <section className="odd-question" aria-label={t('similar.odd.question')}>
        {oddFault ? <FaultView fault={oddFault}><button className="button" onClick={() => void nextOdd()}>{t('similar.odd.next')}</button></FaultView>
          : !question ? <Empty icon="eye" title={t('similar.odd.loading')} />
            : (
              <>
                <header><h2>{t('similar.odd.question')}</h2><p>{t('similar.odd.hint')}</p></header>
                <div className="three" data-question={question.questionId} aria-busy={busy === 'odd'}>
                  {question.images.map((key, at) => (
                    <button key={key} className="one" aria-label={t('similar.odd.choose', { at: at + 1 })} data-chosen={chosen === at ? '' : undefined} onClick={() => void answerOdd(at)}>
                      <img src={thumbnailUrl(frameOfKey(key), 384)} alt="" draggable={false} /><kbd>{at + 1}</kbd>
                    </button>
                  ))}
                </div>
                <div className="odd-foot"><button className="button" onClick={() => void answerOdd(null)}>{t('similar.odd.cannot')} <kbd>0</kbd></button>{report !== null && report.answers > 0 && <button className="button" onClick={() => void withdrawOdd()}><Icon name="undo" size={14} />{t('similar.odd.withdraw')} <kbd>U</kbd></button>}</div>
              </>
            )}
      </section>
      {report && <Report report={report} isWriting={busy === 'export'} />}
    </div>
  );
}

function Report({ report: { answers, repeats, consistency, isUsed, repeatsMissing, medianSeconds, triples, judgements, contradictions, circles }, isWriting }: { readonly report: OddReport; readonly isWriting: boolean }): ReactElement {
  const t = useText();
  const rows = ([['undecided', triples.undecided], ['contradicted', triples.contradicted], ['disagreed', triples.disagreed], ['ofUnused', triples.ofUnusedRaters]] as const).filter(([, count]) => count > 0);
  return (
    <aside className="odd-report" aria-label={t('similar.odd.progress')}>
      <h3>{t('similar.odd.progress')}</h3>
      <p className="number" data-answers={answers}><b>{t('similar.odd.answers', { count: answers })}</b>{medianSeconds !== null && <> · {t('similar.odd.seconds', { seconds: formatNumber(medianSeconds, 1) })}</>}</p>
      <h3>{t('similar.odd.repeats')}</h3>
      {consistency !== null && <p className="number" data-tone={consistency >= 0.7 ? 'good' : 'warning'}>{t('similar.odd.consistency', { share: formatNumber(100 * consistency, 0), count: repeats })}</p>}
      <p className="gate" data-used={String(isUsed)}>{isUsed ? t('similar.odd.used') : repeatsMissing > 0 ? t('similar.odd.noRepeats', { count: repeatsMissing }) : t('similar.odd.notUsed')}</p>
      <p className="number"><b>{t('similar.odd.usable', { count: judgements })}</b></p>
      {rows.length > 0 && <ul>{rows.map(([name, count]) => <li key={name}><span>{t(`similar.odd.${name}`)}</span><span className="number">{formatNumber(count)}</span></li>)}</ul>}
      {circles > 0 && <p data-tone="warning">{t('similar.odd.circles', { count: circles })}</p>}
      {contradictions.length > 0 && (
        <details><summary>{t('similar.odd.contradictions')} <span className="number">{contradictions.length}</span></summary>
          {contradictions.slice(0, 10).map(({ images, odd, kind }, at) => (
            <figure key={at}><div>{images.map((key) => <img key={key} src={thumbnailUrl(frameOfKey(key), 96)} alt="" data-odd={odd.includes(key) ? '' : undefined} />)}</div><figcaption>{t(`similar.odd.repeatKind.${kind}`)}</figcaption></figure>
          ))}
        </details>
      )}
      <button className="button" disabled={judgements === 0 || isWriting} onClick={() => void exportOdd()}><Icon name="export" size={14} />{t('similar.odd.export')} <kbd>E</kbd></button>
    </aside>
  );
}
