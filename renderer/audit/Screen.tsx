/** The audit journal: what was done here, whether the record of it holds, what is new since a moment, and whose keys signed it. */
import { useEffect, useState, type ReactElement } from 'react';
import type { AuditEntry, AuditState } from '#electron/contract/audit.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { call } from '#renderer/workstation/call.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, formatMoment, formatNumber, formatTime, useText } from '#renderer/workstation/text.ts';
import { audit, fetchMore, filterBy, lookSince, openAudit, openKey, openTarget, takeCheckpoint, verify } from './audit.ts';
import './audit.css';
import { briefly, byDay, canOpen, leastPassphrase, noFilter, spans, targetOf, toggled, type AuditScreenState, type Span } from './state.ts';

export function AuditScreen(): ReactElement {
  const t = useText();
  const state = useStore(audit, (all) => all);
  const { isLoaded, fault, entries, selectedSeq } = state;
  if (fault) return <FaultView fault={fault}><button className="button" onClick={() => void openAudit()}>{t('audit.again')}</button></FaultView>;
  if (!isLoaded || !state.state) return <Empty icon="shield" title={t('audit.loading')} />;
  return (
    <div className="audit">
      <aside className="audit-side">
        <Verdict state={state} />
        <KeyCard state={state} />
        <Since state={state} />
      </aside>
      <section className="audit-main" aria-label={t('audit.title')}>
        <Filters state={state} />
        <Entries state={state} />
      </section>
      <Detail entry={entries.find(({ seq }) => seq === selectedSeq)} />
      <KeysDialog state={state} />
      <CheckpointDialog state={state} />
      <OpenDialog state={state} />
    </div>
  );
}

/** A kind by its name; one that is not known here by its own word. */
function useKind(): (kind: string) => string {
  const t = useText();
  return (kind) => t(`audit.kinds.${kind}`, { defaultValue: kind });
}

function Verdict({ state: { state, verifying, verdict, verifyFault } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  const tone = verifyFault ? 'bad' : verdict ? (verdict.isWhole ? 'good' : 'bad') : undefined;
  const share = verifying && verifying.of > 0 ? verifying.done / verifying.of : 0;
  return (
    <section className="verdict-card" data-tone={tone} data-verdict={verdict ? (verdict.isWhole ? 'whole' : 'broken') : undefined} aria-live="polite" aria-busy={verifying !== null}>
      {verifying ? (
        <>
          <h2><Icon name="shield" size={20} />{t('audit.verifying')}</h2>
          <div className="track" role="progressbar" aria-label={t('audit.verifying')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}><i style={{ width: `${share * 100}%` }} /></div>
        </>
      ) : verdict ? (
        <>
          <h2><Icon name={verdict.isWhole ? 'check' : 'warning'} size={20} />{t(verdict.isWhole ? 'audit.whole' : 'audit.notWhole')}</h2>
          <p className="number">{[t('audit.entries', { count: verdict.entries }), t('audit.underSignature', { signed: formatNumber(verdict.signed) }), t('audit.checkpoints', { count: verdict.checkpoints })].join(' · ')}</p>
          {verdict.findings.length > 0 && <ul className="findings" tabIndex={0}>{verdict.findings.slice(0, 20).map(({ kind, where, what, why }, at) => <li key={at} data-kind={kind}><b>{what}</b> <span className="number">{where}</span><small>{why}</small></li>)}</ul>}
          {verdict.findings.length > 20 && <p>{t('audit.andMore', { count: verdict.findings.length - 20 })}</p>}
          {verdict.notes.map((note) => <p key={note} className="note">{note}</p>)}
          <small className="number">{t('audit.took', { time: formatMoment(verdict.at), seconds: formatNumber(verdict.seconds, 2) })}</small>
        </>
      ) : verifyFault ? (
        <><h2><Icon name="warning" size={20} />{verifyFault.what}</h2><p role="alert">{verifyFault.why} {verifyFault.mend}</p></>
      ) : (
        <>
          <h2><Icon name="shield" size={20} />{t('audit.entries', { count: state?.size ?? 0 })}</h2>
          <p>{state?.signedAt ? `${t('audit.underSignature', { signed: formatNumber(state.signed) })} · ${t('audit.signedAt', { time: formatMoment(state.signedAt) })}` : t('audit.neverSigned')}</p>
          <p className="note">{t('audit.notVerified')}</p>
        </>
      )}
      <button className="button" data-primary="" disabled={verifying !== null} title={t('audit.verifyHint')} onClick={() => void verify()}><Icon name="shield" size={15} />{t('audit.verify')} <KeyHint of="audit.verify" usually="V" /></button>
      {state?.notices.map((notice) => <p key={notice} className="audit-notice"><Icon name="warning" size={14} />{notice}</p>)}
    </section>
  );
}

function KeyCard({ state: { state, keys } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  const current = keys.find(({ isCurrent }) => isCurrent);
  return (
    <section>
      <h3>{t('audit.key')}</h3>
      {current ? <><code className="fingerprint">{current.fingerprint}</code><p className="note">{state && state.protection !== 'none' ? `${t(`audit.protection.${state.protection}`)}, ${t(state.isOpen ? 'audit.isOpen' : 'audit.isClosed')}` : ''}</p></> : <p className="note"><b>{t('audit.noKey')}.</b> {t('audit.noKeyText')}</p>}
      <div className="side-buttons">
        {state && !state.isOpen && <button className="button" onClick={() => audit.dispatch({ type: 'dialog', dialog: 'open' })}>{t(state.protection === 'none' ? 'audit.makeKey' : 'audit.openKey')} <kbd>O</kbd></button>}
        <button className="button" disabled={keys.length === 0} onClick={() => audit.dispatch({ type: 'dialog', dialog: 'keys' })}>{t('audit.allKeys')} <KeyHint of="audit.keys" usually="F" /></button>
        <button className="button" disabled={state?.isOpen !== true} onClick={() => void takeCheckpoint()}>{t('audit.checkpoint')} <KeyHint of="audit.checkpoint" usually="C" /></button>
      </div>
    </section>
  );
}

/** `2026-11-20T09:05`, local time, as the input of date and time takes it. */
function localMoment(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

function Since({ state: { since, changes } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  const nameOf = useKind();
  const now = new Date();
  const moments: readonly (readonly [string, Date])[] = [['hour', new Date(now.getTime() - 3_600_000)], ['today', new Date(now.getFullYear(), now.getMonth(), now.getDate())], ['week', new Date(now.getFullYear(), now.getMonth(), now.getDate() - 7)]];
  const counts = (kinds: Readonly<Record<string, number>>): readonly (readonly [string, number])[] => Object.entries(kinds).sort((a, b) => b[1] - a[1]);
  return (
    <section className="since">
      <h3><label htmlFor="audit-since">{t('audit.since')}</label></h3>
      <input id="audit-since" type="datetime-local" value={since} max={localMoment(now)} onChange={(event) => void lookSince(event.currentTarget.value)} />
      <div className="moments">{moments.map(([name, moment]) => <button key={name} className="chip" onClick={() => void lookSince(localMoment(moment))}>{t(`audit.moments.${name}`)}</button>)}</div>
      <div role="status">
        {since === '' && <p className="note">{t('audit.sinceHint')}</p>}
        {changes?.entries === 0 && <p className="note">{t('audit.nothingSince')}</p>}
        {changes && changes.entries > 0 && (
          <>
            <p className="number">{[t('audit.sinceCount', { count: changes.entries }), t('audit.people', { count: changes.people }), t('audit.builds', { count: changes.builds.length })].join(' · ')}</p>
            <ul className="counts">{counts(changes.kinds).map(([kind, count]) => <li key={kind}><span>{nameOf(kind)}</span><span className="number">{formatNumber(count)}</span></li>)}</ul>
            {changes.studies.length > 0 && <h4>{t('audit.inStudies')}</h4>}
            <ul className="counts studies">{changes.studies.slice(0, 12).map(({ id, name, kinds }) => <li key={id}><button className="text-button" onClick={() => filterBy({ ...noFilter, studyId: id })}>{name}</button><small>{counts(kinds).map(([kind, count]) => `${nameOf(kind)} ${formatNumber(count)}`).join(', ')}</small></li>)}</ul>
          </>
        )}
      </div>
    </section>
  );
}

function Filters({ state: { state, filter, matching } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  const nameOf = useKind();
  const [studies, setStudies] = useState<readonly { readonly id: string; readonly name: string }[]>([]);
  useEffect(() => {
    call('library.list', null).then((all) => setStudies(all.map(({ id, patient, description }) => ({ id, name: [patient, description].filter((part) => part !== '').join(' · ') }))), () => setStudies([]));
  }, []);
  const { kinds, studyId, span, from, to } = filter;
  return (
    <div className="audit-filters">
      <div className="chips" role="group" aria-label={t('audit.kind')}>
        <button className="chip" aria-pressed={kinds.length === 0} onClick={() => filterBy({ kinds: [] })}>{t('audit.all')}</button>
        {state?.kinds.map((kind) => <button key={kind} className="chip" data-kind={kind} aria-pressed={kinds.includes(kind)} onClick={() => filterBy({ kinds: toggled(kinds, kind) })}>{nameOf(kind)}</button>)}
      </div>
      <div className="audit-selects">
        <label>{t('audit.span')}<select id="audit-span" value={span} onChange={(event) => filterBy({ span: event.currentTarget.value as Span })}>{spans.map((one) => <option key={one} value={one}>{t(`audit.spans.${one}`)}</option>)}</select></label>
        {span === 'own' && <><label>{t('audit.from')}<input type="date" value={from} onChange={(event) => filterBy({ from: event.currentTarget.value })} /></label><label>{t('audit.to')}<input type="date" value={to} onChange={(event) => filterBy({ to: event.currentTarget.value })} /></label></>}
        <label>{t('audit.study')}<select id="audit-study" value={studyId ?? ''} onChange={(event) => filterBy({ studyId: event.currentTarget.value || null })}><option value="">{t('audit.anyStudy')}</option>{studies.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}</select></label>
        <span className="grow" />
        <span className="number" role="status">{t('audit.matching', { count: matching })}</span>
      </div>
    </div>
  );
}

function Entries({ state: { entries, next, isFetching, selectedSeq } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  if (entries.length === 0) return isFetching ? <Empty icon="shield" title={t('audit.fetching')} /> : <Empty icon="search" title={t('audit.noneTitle')} text={t('audit.noneText')}><button className="button" onClick={() => filterBy(noFilter)}>{t('audit.clear')}</button></Empty>;
  return (
    <div className="entry-table" tabIndex={0} role="grid" aria-label={t('audit.title')} aria-activedescendant={`entry-${selectedSeq}`} onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
      if (scrollTop + clientHeight > scrollHeight - 400) fetchMore();
    }}>
      <div className="entry-columns entry-head" role="row">{(['seq', 'time', 'kind', 'about', 'what'] as const).map((name) => <span key={name} role="columnheader">{t(`audit.columns.${name}`)}</span>)}</div>
      {byDay(entries).map(({ day, entries: own }) => (
        <div key={day} role="rowgroup" aria-label={formatDate(day)}>
          <div className="entry-day" role="row"><span role="gridcell">{formatDate(day)}</span></div>
          {own.map((entry) => <EntryRow key={entry.seq} entry={entry} isSelected={entry.seq === selectedSeq} />)}
        </div>
      ))}
      {next !== null && <button className="text-button more" onClick={fetchMore}>{t(isFetching ? 'audit.fetching' : 'audit.more')}</button>}
    </div>
  );
}

function EntryRow({ entry, isSelected }: { readonly entry: AuditEntry; readonly isSelected: boolean }): ReactElement {
  const nameOf = useKind();
  const { seq, at, kind, studies, body } = entry;
  return (
    <div id={`entry-${seq}`} className="entry-row entry-columns" role="row" data-kind={kind} aria-selected={isSelected} onClick={() => audit.dispatch({ type: 'select', seq })} onDoubleClick={openTarget}>
      <span role="gridcell" className="number faint">{seq}</span>
      <span role="gridcell" className="number">{formatTime(at)}</span>
      <span role="gridcell"><span className="entry-kind" data-kind={kind}>{nameOf(kind)}</span></span>
      <span role="gridcell" className="clip">{studies.map(({ name }) => name).join(', ')}</span>
      <span role="gridcell" className="clip faint">{briefly(body)}</span>
    </div>
  );
}

function Detail({ entry }: { readonly entry: AuditEntry | undefined }): ReactElement {
  const t = useText();
  const nameOf = useKind();
  if (!entry) return <aside className="audit-detail" aria-hidden="true" />;
  const { seq, at, kind, actor, software, studies, subject, body, hash, prev, isSigned } = entry;
  const target = targetOf(entry);
  return (
    <aside className="audit-detail" aria-label={t('audit.entry', { seq })}>
      <div className="detail-scroll" tabIndex={0}>
        <h2><span className="entry-kind" data-kind={kind}>{nameOf(kind)}</span><span className="number">{t('audit.entry', { seq })}</span></h2>
        <p className="covered" data-signed={isSigned || undefined}><Icon name={isSigned ? 'shield' : 'link'} size={14} />{t(isSigned ? 'audit.signed' : 'audit.unsigned')}</p>
        <dl>
          <dt>{t('audit.when')}</dt><dd className="number">{formatMoment(at)}</dd>
          <dt>{t('audit.who')}</dt><dd>{t(actor.isSelf ? 'audit.self' : 'audit.other')}<small>{t('audit.how', { method: actor.method })}</small><code>{actor.id}</code></dd>
          {studies.length > 0 && <><dt>{t('audit.about')}</dt><dd>{studies.map(({ id, name }) => <div key={id}>{name}</div>)}</dd></>}
          <dt>{t('audit.with')}</dt><dd className="number">Loupe {software.version}<code>{software.build}</code></dd>
        </dl>
        {Object.keys(subject).length > 0 && <dl className="subjects">{Object.entries(subject).map(([name, id]) => [<dt key={name}>{name}</dt>, <dd key={`${name}:`}><code>{id}</code></dd>])}</dl>}
        {body !== '{}' && <><h3>{t('audit.bodyOf')}</h3><pre tabIndex={0}>{pretty(body)}</pre></>}
        <h3>{t('audit.hash')}</h3><code className="hash">{hash}</code>
        <h3>{t('audit.prev')}</h3><code className="hash">{prev}</code>
      </div>
      {target && <div className="foot-buttons"><button className="button" data-primary="" onClick={openTarget}><Icon name={target.screen === 'report' ? 'report' : 'review'} size={15} />{t(target.screen === 'report' ? 'audit.open' : 'audit.openStudy')} <kbd>⏎</kbd></button></div>}
    </aside>
  );
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

const close = (): void => audit.dispatch({ type: 'dialog', dialog: null });

function KeysDialog({ state: { dialog, keys } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  return (
    <Dialog isOpen={dialog === 'keys'} title={t('audit.keys')} size={680} onClose={close}>
      <p className="note">{t('audit.keysText')}</p>
      <ul className="key-list">
        {keys.map(({ fingerprint, pem, seq, at, isHandedOver, isCurrent }) => (
          <li key={seq}>
            <code className="fingerprint">{fingerprint}</code>{isCurrent && <span className="tag">{t('audit.current')}</span>}
            <small className="number">{t('audit.fromEntry', { seq, time: formatMoment(at) })} · {t(isHandedOver ? 'audit.handedOver' : 'audit.firstKey')}</small>
            <pre tabIndex={0}>{pem}</pre><Copy what={pem} />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

function CheckpointDialog({ state: { dialog, checkpoint } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  return (
    <Dialog isOpen={dialog === 'checkpoint'} title={t('audit.checkpoint')} size={680} onClose={close}>
      {checkpoint && <><p className="note">{t('audit.checkpointText', { size: formatNumber(checkpoint.size) })}</p><div className="key-list"><pre tabIndex={0}>{checkpoint.note}</pre><Copy what={checkpoint.note} /></div></>}
    </Dialog>
  );
}

function OpenDialog({ state: { dialog, state } }: { readonly state: AuditScreenState }): ReactElement {
  const t = useText();
  return <Dialog isOpen={dialog === 'open'} title={t('audit.openTitle')} size={480} onClose={close}>{dialog === 'open' && state && <OpenForm protection={state.protection} />}</Dialog>;
}

function OpenForm({ protection }: { readonly protection: AuditState['protection'] }): ReactElement {
  const t = useText();
  const { isBusy, fault } = useStore(audit, (all) => all.opening);
  const [passphrase, setPassphrase] = useState('');
  const [again, setAgain] = useState('');
  const isNew = protection === 'none';
  return (
    <form className="open-key" aria-busy={isBusy} onSubmit={(event) => {
      event.preventDefault();
      if (canOpen(protection, passphrase, again)) void openKey(passphrase);
    }}>
      <p className="note">{t(isNew ? 'audit.makeText' : protection === 'system' ? 'audit.systemText' : 'audit.openText')}</p>
      {protection !== 'system' && <label>{isNew ? t('audit.newPassphrase', { count: leastPassphrase }) : t('audit.passphrase')}<input data-autofocus="" type="password" name="passphrase" autoComplete={isNew ? 'new-password' : 'current-password'} maxLength={1000} value={passphrase} onChange={(event) => setPassphrase(event.currentTarget.value)} /></label>}
      {isNew && <label>{t('audit.againPassphrase')}<input type="password" name="again" autoComplete="new-password" maxLength={1000} value={again} onChange={(event) => setAgain(event.currentTarget.value)} /></label>}
      {fault && <p role="alert" className="audit-notice"><span><b>{fault.what}</b> {fault.why} {fault.mend}</span></p>}
      <div className="open-foot"><button type="button" className="button" onClick={close}>{t('audit.cancel')}</button><button type="submit" className="button" data-primary="" disabled={isBusy || !canOpen(protection, passphrase, again)}><Icon name="unlock" size={15} />{t(isNew ? 'audit.makeKey' : 'audit.openKey')}</button></div>
    </form>
  );
}

function Copy({ what }: { readonly what: string }): ReactElement {
  const t = useText();
  const [isDone, setDone] = useState(false);
  return <button className="button" onClick={() => void navigator.clipboard.writeText(what).then(() => setDone(true), () => setDone(false))}>{t(isDone ? 'audit.copied' : 'audit.copy')}</button>;
}
