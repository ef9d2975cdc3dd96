/** Classes told apart by words alone: an editor for classes, wordings and sentences, what they told, and what was taken for what. */
import type { ReactElement } from 'react';
import { promptsOf } from '#models/clinical/promptEnsemble.ts';
import type { Telling } from '#electron/contract/similar.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatNumber, useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { bySureness, countsOf, ensembleOf, frameOfKey, type EnsembleText } from './state.ts';
import { similar, tellApart } from './similar.ts';

export function Words(): ReactElement {
  const t = useText();
  const { telling, wordsFault, busy } = useStore(similar, (state) => state);
  return (
    <div className="by-words">
      <Editor />
      <section className="told" aria-live="polite" aria-busy={busy === 'words'}>
        {busy === 'words' ? <Empty icon="search" title={t('similar.words.telling')} /> : wordsFault ? <FaultView fault={wordsFault} /> : telling ? <Told telling={telling} /> : <Empty icon="list" title={t('similar.words.startTitle')} text={t('similar.words.startText')} />}
      </section>
    </div>
  );
}

function Editor(): ReactElement {
  const t = useText();
  const { ensemble, over, busy } = useStore(similar, (state) => state);
  const change = (next: Partial<EnsembleText>): void => similar.dispatch({ type: 'ensemble', ensemble: { ...ensemble, ...next } });
  const rename = (at: number, part: Partial<EnsembleText['classes'][number]>): void => change({ classes: ensemble.classes.map((one, i) => (i === at ? { ...one, ...part } : one)) });
  const read = ensembleOf(ensemble);
  return (
    <form className="ensemble" onSubmit={(event) => {
      event.preventDefault();
      void tellApart();
    }}>
      <h3>{t('similar.words.classes')}</h3>
      {ensemble.classes.map(({ name, synonyms }, at) => (
        <div className="class-row" key={at}>
          <input aria-label={t('similar.words.name')} placeholder={t('similar.words.name')} value={name} maxLength={200} onChange={(event) => rename(at, { name: event.currentTarget.value })} />
          <button type="button" className="icon-button" aria-label={t('similar.words.remove', { name: name || at + 1 })} onClick={() => change({ classes: ensemble.classes.filter((__, i) => i !== at) })}><Icon name="close" size={14} /></button>
          <textarea aria-label={t('similar.words.wordings')} placeholder={t('similar.words.wordings')} rows={2} value={synonyms} onChange={(event) => rename(at, { synonyms: event.currentTarget.value })} />
        </div>
      ))}
      <button type="button" className="button" onClick={() => change({ classes: [...ensemble.classes, { name: '', synonyms: '' }] })}><Icon name="plus" size={14} />{t('similar.words.add')}</button>
      <label>{t('similar.words.templates')}<textarea rows={4} value={ensemble.templates} onChange={(event) => change({ templates: event.currentTarget.value })} /></label>
      <label>{t('similar.words.over')}
        <select value={over} onChange={(event) => similar.dispatch({ type: 'over', over: event.currentTarget.value as 'library' | 'curated' })}>{(['library', 'curated'] as const).map((one) => <option key={one} value={one}>{t(`similar.words.overs.${one}`)}</option>)}</select>
      </label>
      <div className="ensemble-foot"><button className="button" data-primary="" disabled={busy === 'words'}>{t('similar.words.tell')} <kbd>Ctrl</kbd><kbd>Enter</kbd></button><small className="number">{t('similar.words.prompts', { count: read.classes.reduce((total, one) => total + promptsOf(read, one).length, 0) })}</small></div>
    </form>
  );
}

function Told({ telling }: { readonly telling: Telling }): ReactElement {
  const t = useText();
  const { confusion, accuracy, classes, pictures } = telling;
  const percent = (part: number): string => formatNumber(100 * part, 0);
  return (
    <>
      {accuracy ? <p className="similar-found"><b className="number">{t('similar.words.right', { right: accuracy.right, of: accuracy.of, share: percent(accuracy.right / accuracy.of), low: percent(accuracy.ci[0]), high: percent(accuracy.ci[1]) })}</b></p> : <p className="similar-note">{t('similar.words.noTruth')}</p>}
      {confusion ? <Confusion classes={classes} confusion={confusion} /> : <ul className="class-counts">{countsOf(telling).map(({ name, count }) => <li key={name}><span>{name}</span><b className="number">{formatNumber(count)}</b></li>)}</ul>}
      <ul className="told-pictures">
        {bySureness(pictures).slice(0, 120).map(({ id, studyId, key, name, probabilities, label, why }) => (
          <li key={id} data-right={label === null || name === null ? undefined : String(label === name)} title={why ?? undefined}>
            <button disabled={studyId === null} aria-label={t('similar.words.open', { name: name ?? '' })} onClick={() => studyId !== null && goTo({ screen: 'review', studyId })}>{key !== null && <img src={thumbnailUrl(frameOfKey(key), 192)} alt="" loading="lazy" draggable={false} />}</button>
            <span>{name ?? t('similar.words.left')}</span>
            {name !== null && <small className="number">{t('similar.words.share', { share: percent(Math.max(...probabilities)) })}</small>}
          </li>
        ))}
      </ul>
      <p className="similar-note">{t('similar.words.compare')}</p>
    </>
  );
}

/** Rows: what it is; columns: what was told. A cell is as bright as its part of the row. */
function Confusion({ classes, confusion }: { readonly classes: readonly string[]; readonly confusion: readonly (readonly number[])[] }): ReactElement {
  const t = useText();
  return (
    <table className="confusion number" aria-label={t('similar.words.confusion')}>
      <thead><tr><th scope="col">{t('similar.words.is')} \ {t('similar.words.told')}</th>{classes.map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
      <tbody>
        {confusion.map((row, at) => {
          const total = row.reduce((a, b) => a + b, 0);
          return <tr key={classes[at]}><th scope="row">{classes[at]}</th>{row.map((count, column) => <td key={classes[column]} data-right={String(at === column)} style={{ '--part': total > 0 ? count / total : 0 } as React.CSSProperties}>{count}</td>)}</tr>;
        })}
      </tbody>
    </table>
  );
}
