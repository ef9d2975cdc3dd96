/** Likeness: similar cases by a sentence or a picture, classes told apart by words alone, and the odd one of three images. */
import type { ReactElement } from 'react';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, useText } from '#renderer/workstation/text.ts';
import { Odd } from './Odd.tsx';
import { Search } from './Search.tsx';
import { seenShare, tabs } from './state.ts';
import { seeLibrary, showTab, similar, stopSeeing } from './similar.ts';
import './similar.css';
import { Words } from './Words.tsx';

export function SimilarScreen(): ReactElement {
  const t = useText();
  const { tab, library } = useStore(similar, (state) => state);
  return (
    <div className="similar">
      <nav className="similar-tabs" aria-label={t('similar.title')}>
        {tabs.map((name) => <button key={name} className="tab" aria-current={name === tab ? 'page' : undefined} onClick={() => showTab(name)}>{t(`similar.tabs.${name}`)}</button>)}
        <span className="grow" />
        <Seen />
      </nav>
      {library?.refusal ? <FaultView fault={library.refusal} /> : tab === 'search' ? <Search /> : tab === 'words' ? <Words /> : <Odd />}
    </div>
  );
}

/** How far the library was seen. */
function Seen(): ReactElement | null {
  const t = useText();
  const library = useStore(similar, (state) => state.library);
  if (!library || library.refusal) return null;
  const { studies: { seen, total }, pictures, isIndexing, left, leftCount } = library;
  const share = Math.round(100 * seenShare(library));
  return (
    <div className="similar-seen" aria-live="off">
      {isIndexing && <div className="track" role="progressbar" aria-label={t('similar.seeing')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={share}><i style={{ width: `${share}%` }} /></div>}
      <span className="number" data-seen={seen === total ? 'all' : 'some'}>{t('similar.seen', { seen: formatNumber(seen), total: formatNumber(total) })} · {t('similar.pictures', { count: pictures })}</span>
      {leftCount > 0 && <span className="similar-left" title={left.map(({ why }) => why).join('\n')}><Icon name="warning" size={13} />{t('similar.left', { count: leftCount })}</span>}
      {isIndexing ? <button className="text-button" onClick={stopSeeing}>{t('similar.stop')}</button> : seen < total && <button className="text-button" onClick={() => void seeLibrary()}>{t('similar.goOn')}</button>}
    </div>
  );
}
