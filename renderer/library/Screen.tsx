/** The library: every study of this workstation, found by typing, opened by a key. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState, type ReactElement } from 'react';
import { studyStatuses, type ImportProgress, type StudySummary } from '#electron/contract/library.ts';
import { namesakesOf, withNamesakes } from '#electron/contract/namesakes.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { call } from '#renderer/workstation/call.ts';
import { tellFault } from '#renderer/workstation/notices.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatDate, formatNumber, useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { chooseFiles, library, openStudy, reload, removeStudy, searchFieldId, unlock } from './library.ts';
import './library.css';
import { Preview } from './Preview.tsx';
import { modalityCounts, noFilter, shownStudies, type SortKey } from './state.ts';

export function LibraryScreen(): ReactElement {
  const t = useText();
  const state = useStore(library, (all) => all);
  const found = shownStudies(state);
  const { query } = state.filter;
  // The letter stands in its field before the list follows.
  const { shown, shownQuery } = useDeferredValue(useMemo(() => ({ shown: found, shownQuery: query }), [found, query]));
  const selected = state.selectedId === null ? undefined : state.rows.get(state.selectedId)?.study;
  const reasons = state.reasonsOf === null ? undefined : state.imports.get(state.reasonsOf);
  if (state.fault) return <FaultView fault={state.fault}><button className="button" onClick={() => void reload()}>{t('app.again')}</button></FaultView>;
  return (
    <div className="library">
      <section className="library-main" aria-label={t('library.title')}>
        <Tools />
        <Chips shownCount={shown.length} shownQuery={shownQuery} />
        {shown.length > 0 ? <Table studies={shown} selectedId={state.selectedId} /> : <Nothing />}
        <Imports />
      </section>
      <Detail study={selected} />
      <Dialog isOpen={reasons !== undefined} title={t('library.skippedTitle')} onClose={() => library.dispatch({ type: 'reasons', importId: null })}>
        <ul className="reasons">{reasons?.skipped.map(({ name, why, code }, at) => <li key={at}>{name}<span>{why}</span><code>{code}</code></li>)}</ul>
      </Dialog>
    </div>
  );
}

function Tools(): ReactElement {
  const t = useText();
  const query = useStore(library, ({ filter }) => filter.query);
  return (
    <div className="library-tools">
      <label className="field">
        <Icon name="search" />
        <span className="visually-hidden">{t('library.filter')}</span>
        <input
          id={searchFieldId} type="text" autoComplete="off" spellCheck={false} placeholder={t('library.filter')} value={query}
          onChange={(event) => library.dispatch({ type: 'filter', filter: { query: event.target.value } })}
          onKeyDown={(event) => {
            // The list moves under the cursor while the person types.
            if (event.key === 'ArrowDown' || event.key === 'ArrowUp') library.dispatch({ type: 'move', by: event.key === 'ArrowDown' ? 1 : -1 });
            else if (event.key === 'Enter' && library.get().selectedId !== null) openStudy(library.get().selectedId as string);
            else if (event.key === 'Escape' && event.currentTarget.value === '') event.currentTarget.blur();
            else if (event.key === 'Escape') library.dispatch({ type: 'filter', filter: { query: '' } });
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
        <kbd>/</kbd>
      </label>
      <span className="grow" />
      <button className="button" onClick={() => void chooseFiles('folder')}><Icon name="folder" />{t('library.importFolder')}</button>
      <button className="button" data-primary="" onClick={() => void chooseFiles('files')}><Icon name="import" />{t('library.importFiles')}</button>
    </div>
  );
}

/** @param shownQuery  what the list that stands there was filtered by: whoever measures waits for it */
function Chips({ shownCount, shownQuery }: { readonly shownCount: number; readonly shownQuery: string }): ReactElement {
  const t = useText();
  const rows = useStore(library, (state) => state.rows);
  const filter = useStore(library, (state) => state.filter);
  const counts = useMemo(() => modalityCounts({ rows }).slice(0, 12), [rows]);
  const set = (change: Partial<typeof filter>) => (): void => library.dispatch({ type: 'filter', filter: change });
  return (
    <div className="chips">
      {counts.map(([modality, count]) => (
        <button key={modality} className="chip" aria-pressed={filter.modality === modality} onClick={set({ modality: filter.modality === modality ? null : modality })}>
          {modality}<small className="number">{formatNumber(count)}</small>
        </button>
      ))}
      {rows.size > 0 && <span className="divider" />}
      {rows.size > 0 && studyStatuses.map((status) => (
        <button key={status} className="chip" aria-pressed={filter.status === status} onClick={set({ status: filter.status === status ? null : status })}>{t(`library.status.${status}`)}</button>
      ))}
      <span className="count number" role="status" data-query={shownQuery}>
        {shownCount === rows.size ? t('library.countAll', { total: formatNumber(rows.size) }) : t('library.count', { shown: formatNumber(shownCount), total: formatNumber(rows.size) })}
      </span>
    </div>
  );
}

const columns: readonly SortKey[] = ['study', 'modality', 'date', 'images', 'status', 'added'];
const rowHeight = 56;
const headHeight = 28;

const Table = memo(function Table({ studies, selectedId }: { readonly studies: readonly StudySummary[]; readonly selectedId: string | null }): ReactElement {
  const t = useText();
  const sort = useStore(library, (state) => state.sort);
  const body = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: studies.length, getScrollElement: () => body.current, estimateSize: () => rowHeight, overscan: 8, scrollMargin: headHeight, scrollPaddingStart: headHeight });
  const rows = useStore(library, (state) => state.rows);
  const shared = useMemo(() => withNamesakes([...rows.values()].map(({ study }) => study)), [rows]);
  const selectedAt = studies.findIndex(({ id }) => id === selectedId);
  useEffect(() => {
    if (selectedAt >= 0) virtual.scrollToIndex(selectedAt, { align: 'auto' });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the scroller is the same for as long as the table is
  }, [selectedAt]);
  return (
    <div className="table" ref={body} tabIndex={0} role="grid" aria-rowcount={studies.length + 1} aria-label={t('library.title')} aria-activedescendant={virtual.getVirtualItems().some(({ index }) => index === selectedAt) ? `study-${selectedId ?? ''}` : undefined}>
      <div className="columns table-head" role="row">
        <span role="presentation" />
        {columns.map((key) => (
          <span key={key} role="columnheader" aria-sort={sort.key === key ? (sort.isDescending ? 'descending' : 'ascending') : 'none'}>
            <button onClick={() => library.dispatch({ type: 'sort', key })}>{t(`library.columns.${key}`)}{sort.key === key ? (sort.isDescending ? ' ↓' : ' ↑') : ''}</button>
          </span>
        ))}
      </div>
      <div className="table-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const study = studies[index] as StudySummary;
          return <StudyRow key={study.id} study={study} top={start - headHeight} index={index} isSelected={study.id === selectedId} hasNamesake={shared.has(study.id)} />;
        })}
      </div>
    </div>
  );
});

const StudyRow = memo(function StudyRow({ study, top, index, isSelected, hasNamesake }: { readonly study: StudySummary; readonly top: number; readonly index: number; readonly isSelected: boolean; readonly hasNamesake: boolean }): ReactElement {
  const t = useText();
  const { id, patient, patientId, description, modalities, date, images, status, addedAt, cover, isSample } = study;
  return (
    <div
      className="row columns" role="row" id={`study-${id}`} data-study={id} aria-selected={isSelected} aria-rowindex={index + 2} style={{ transform: `translateY(${top}px)` }}
      onClick={() => library.dispatch({ type: 'select', id })} onDoubleClick={() => openStudy(id)}
    >
      <span role="gridcell">{cover === null ? <span className="thumbnail" /> : <img className="thumbnail" src={thumbnailUrl(cover, 96)} alt="" loading="lazy" draggable={false} />}</span>
      <span className="who" role="gridcell">
        <div className="name">{patient || description || t('library.noName')}{isSample && <span className="tag" data-tone="sample">{t('library.sample')}</span>}{hasNamesake && <span className="tag" data-tone="warning" title={t('library.sharedNumberText')}>{t('library.sharedNumber')}</span>}</div>
        <div className="what">{[patient === '' ? '' : description, patientId].filter((part) => part !== '').join(' · ')}</div>
      </span>
      <span role="gridcell">{modalities.slice(0, 2).map((modality) => <span key={modality} className="tag" style={{ marginInlineEnd: 4 }}>{modality}</span>)}</span>
      <span role="gridcell" className="number muted">{formatDate(date)}</span>
      <span role="gridcell" className="number muted">{formatNumber(images)}</span>
      <span role="gridcell"><span className="status" data-status={status}>{t(`library.status.${status}`)}</span></span>
      <span role="gridcell" className="number muted">{formatDate(addedAt)}</span>
    </div>
  );
});

function Nothing(): ReactElement {
  const t = useText();
  const { isLoaded, rows, filter } = useStore(library, (state) => state);
  if (!isLoaded) return <Empty icon="library" title={t('library.loading')} />;
  if (rows.size === 0) return <Empty icon="import" title={t('library.emptyTitle')} text={t('library.emptyText')}><p>{t('library.emptySamples')}</p></Empty>;
  return (
    <Empty icon="search" title={t('library.noMatchTitle')} text={t('library.noMatchText', { query: [filter.query, filter.modality, filter.status].filter((part) => part).join(' ') })}>
      <button className="button" onClick={() => library.dispatch({ type: 'filter', filter: noFilter })}>{t('library.clear')}</button>
    </Empty>
  );
}

function Detail({ study }: { readonly study: StudySummary | undefined }): ReactElement {
  const t = useText();
  const rows = useStore(library, (state) => state.rows);
  if (!study) return <aside className="detail" aria-hidden="true" />;
  const namesakes = namesakesOf(study, [...rows.values()].map((row) => row.study));
  const { id, patient, description, birthDate, sex, patientId, accession, date, series, images, files, bytes, addedAt, question } = study;
  const facts: readonly (readonly [string, string])[] = [
    ['ID', patientId], [t('library.born'), formatDate(birthDate)], [t('library.sex'), sex ?? ''], [t('library.columns.date'), formatDate(date)], [t('library.accession'), accession],
    [t('library.columns.images'), t('library.imagesIn', { images: formatNumber(images), count: series })], [t('library.files'), `${formatNumber(files)} · ${formatBytes(bytes)}`], [t('library.added'), formatDate(addedAt)],
  ];
  return (
    <aside className="detail" aria-label={patient || description}>
      <Preview key={id} study={study} />
      <div className="body">
        <h2>{patient || description || t('library.noName')}</h2>
        <p className="what">{patient === '' ? '' : description}</p>
        {namesakes.map((other) => <p key={other.id} className="warning" role="note"><Icon name="warning" size={15} /><span>{t('library.sharedNumberWith', { name: other.patient || t('library.noName'), patientId: other.patientId || '–' })} <button className="text-button" onClick={() => library.dispatch({ type: 'select', id: other.id })}>{t('library.sharedNumberShow')}</button></span></p>)}
        <dl>{facts.filter(([, value]) => value !== '').map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}:`} className="number">{value}</dd>])}</dl>
        {question !== null && <div className="question"><small>{t('library.suggested')}</small>{question}</div>}
      </div>
      <div className="foot-buttons">
        <button className="button" data-primary="" style={{ flex: 1, justifyContent: 'center' }} onClick={() => openStudy(id)}>{t('library.open')} <KeyHint of="library.open" usually="Enter" /></button>
        <button className="icon-button" style={{ height: 32, width: 32 }} aria-label={t('library.remove')} title={t('library.remove')} onClick={() => void removeStudy(id)}><Icon name="trash" /></button>
      </div>
    </aside>
  );
}

function Imports(): ReactElement {
  const t = useText();
  const imports = useStore(library, (state) => state.imports);
  const sending = useStore(library, (state) => state.sending);
  return (
    <div className="imports" aria-live="polite">
      {sending && <div className="import"><span>{t('library.sending', { sent: formatNumber(sending.sent), total: formatNumber(sending.total) })}</span><Track name={t('library.import')} share={sending.total === 0 ? 0 : sending.sent / sending.total} /></div>}
      {[...imports.values()].map((progress) => <ImportRow key={progress.importId} progress={progress} />)}
    </div>
  );
}

function ImportRow({ progress }: { readonly progress: ImportProgress }): ReactElement {
  const t = useText();
  const { importId, source, found, done, current, isDone, skippedCount, added, known, locked } = progress;
  if (locked) return <Locked importId={importId} locked={locked} />;
  return (
    <div className="import">
      <span>{isDone ? t('library.imported', { source, added: formatNumber(added), known: formatNumber(known), skipped: formatNumber(skippedCount) }) : t('library.importing', { source })}</span>
      {!isDone && <span className="number" style={{ color: 'var(--muted)' }}>{t('library.progress', { done: formatNumber(done), found: formatNumber(found) })}</span>}
      {isDone ? <span className="grow" /> : <Track name={t('library.importing', { source })} share={found === 0 ? 0 : done / found} />}
      {!isDone && <span className="current" title={current}>{current}</span>}
      {skippedCount > 0 && <button className="text-button" onClick={() => library.dispatch({ type: 'reasons', importId })}>{t('library.skipped', { count: skippedCount })}</button>}
      {isDone
        ? <button className="icon-button" aria-label={t('library.close')} onClick={() => library.dispatch({ type: 'dismiss', importId })}><Icon name="close" size={14} /></button>
        : <button className="text-button" onClick={() => void call('library.cancelImport', { importId }).catch(tellFault)}>{t('library.cancel')}</button>}
    </div>
  );
}

/** A locked archive: everything else is in, and its files wait for the password. */
function Locked({ importId, locked: { name, files, isWrong } }: { readonly importId: string; readonly locked: NonNullable<ImportProgress['locked']> }): ReactElement {
  const t = useText();
  const [password, setPassword] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // Whoever is typing elsewhere is not interrupted.
    if (document.activeElement === document.body || document.activeElement?.closest('.import')) field.current?.focus();
  }, []);
  return (
    <form className="import" data-locked="" onSubmit={(event) => {
      event.preventDefault();
      if (password !== '') void unlock(importId, password);
    }}>
      <Icon name="lock" size={15} />
      <span role={isWrong ? 'alert' : undefined} data-tone={isWrong ? 'warning' : undefined}>{t(isWrong ? 'library.wrongPassword' : 'library.locked', { name, count: files })}</span>
      <input
        ref={field} type="password" autoComplete="off" spellCheck={false} maxLength={1024} aria-label={t('library.password', { name })} placeholder={t('library.passwordHint')} value={password}
        onChange={(event) => setPassword(event.target.value)} onKeyDown={(event) => event.stopPropagation()}
      />
      <button className="button" data-primary="" disabled={password === ''}>{t('library.unlock')}</button>
      <span className="grow" />
      <button type="button" className="text-button" onClick={() => void unlock(importId, null)}>{t('library.leaveLocked')}</button>
    </form>
  );
}

const Track = ({ name, share }: { readonly name: string; readonly share: number }): ReactElement => (
  <div className="track" role="progressbar" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}><div style={{ width: `${share * 100}%` }} /></div>
);
