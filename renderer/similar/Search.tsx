/** Similar cases: a sentence or a picture in, the nearest studies out; and pictures that are nearly the same. */
import type { ReactElement } from 'react';
import type { NearDuplicate, SimilarHit } from '#electron/contract/similar.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, formatNumber, useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { frameOfKey } from './state.ts';
import { findDuplicates, moreLike, openHit, searchSentence, similar } from './similar.ts';

export function Search(): ReactElement {
  const t = useText();
  const { sentence, sought, hits, selected, duplicates, searchFault, busy } = useStore(similar, (state) => state);
  return (
    <div className="similar-search">
      <form className="similar-say" role="search" onSubmit={(event) => {
        event.preventDefault();
        searchSentence();
      }}>
        <label className="visually-hidden" htmlFor="similar-sentence">{t('similar.say')}</label>
        <input id="similar-sentence" value={sentence} maxLength={400} placeholder={t('similar.sayHint')} onChange={(event) => similar.dispatch({ type: 'sentence', sentence: event.currentTarget.value })} onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }} />
        <button className="button" data-primary="" disabled={sentence.trim() === '' || busy === 'search'}><Icon name="search" size={15} />{t('similar.find')}</button>
        <button type="button" className="button" title={t('similar.duplicatesHint')} disabled={busy !== null} onClick={() => void findDuplicates()}>{t('similar.duplicates')} <kbd>D</kbd></button>
      </form>
      {busy === 'search' || busy === 'duplicates' ? <Empty icon="search" title={t('similar.searching')} />
        : searchFault ? <FaultView fault={searchFault} />
          : duplicates ? <Duplicates pairs={duplicates} />
            : !hits || !sought ? <Empty icon="search" title={t('similar.startTitle')} text={t('similar.startText')} />
              : hits.length === 0 ? <Empty icon="search" title={t('similar.emptyTitle')} text={t('similar.emptyText')} />
                : (
                  <>
                    <p className="similar-found"><b className="number">{t('similar.found', { count: hits.length })}</b><span>{t(`similar.directions.${sought.by}`)}</span></p>
                    <ul className="hits" aria-label={t('similar.title')}>{hits.map((hit, at) => <Hit key={hit.key} hit={hit} at={at} isSelected={at === selected} />)}</ul>
                  </>
                )}
      <p className="similar-note">{t('similar.note')}</p>
    </div>
  );
}

function Hit({ hit: { studyId, key, likeness, description, modalities, date, isSample }, at, isSelected }: { readonly hit: SimilarHit; readonly at: number; readonly isSelected: boolean }): ReactElement {
  const t = useText();
  return (
    <li id={`hit-${at}`} className="hit" data-study={studyId} aria-current={isSelected ? 'true' : undefined} onClick={() => similar.dispatch({ type: 'select', at })} onDoubleClick={() => openHit(at)}>
      <img src={thumbnailUrl(frameOfKey(key), 384)} alt="" loading="lazy" draggable={false} />
      <strong>{description || modalities.join(', ')}</strong>
      <small>{[modalities.join(', '), formatDate(date), isSample ? t('similar.sample') : ''].filter(Boolean).join(' · ')}</small>
      <span className="likeness" title={t('similar.likeness', { value: formatNumber(likeness, 3) })}><i style={{ width: `${Math.max(0, likeness) * 100}%` }} /><span className="number">{formatNumber(likeness, 2)}</span></span>
      <span className="hit-buttons"><button className="text-button" onClick={() => openHit(at)}>{t('similar.open')}</button><button className="text-button" onClick={() => moreLike(at)}>{t('similar.more')}</button></span>
    </li>
  );
}

function Duplicates({ pairs }: { readonly pairs: readonly NearDuplicate[] }): ReactElement {
  const t = useText();
  if (pairs.length === 0) return <Empty icon="check" title={t('similar.noDuplicates')} text={t('similar.noDuplicatesText')} />;
  return (
    <>
      <p className="similar-found"><b className="number">{t('similar.pair', { count: pairs.length })}</b></p>
      <ul className="pairs">
        {pairs.slice(0, 200).map(({ first, second, distance }) => (
          <li key={`${first.key} ${second.key}`}>
            <button aria-label={t('similar.openFirst')} onClick={() => goTo({ screen: 'review', studyId: first.studyId })}><img src={thumbnailUrl(frameOfKey(first.key), 192)} alt="" loading="lazy" /></button>
            <button aria-label={t('similar.openSecond')} onClick={() => goTo({ screen: 'review', studyId: second.studyId })}><img src={thumbnailUrl(frameOfKey(second.key), 192)} alt="" loading="lazy" /></button>
            <span className="number">{t('similar.pairText', { distance })}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
