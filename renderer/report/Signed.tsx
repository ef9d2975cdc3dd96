/** A signed report: who stands for it, whether the signature holds, what left, and what was done; it is never edited, only superseded. */
import type { ReactElement } from 'react';
import { meaningSentences, type Report } from '#models/clinical/report.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatMoment, useText } from '#renderer/workstation/text.ts';
import { reports, supersede } from './report.ts';

export function Signed({ report }: { readonly report: Report }): ReactElement | null {
  const t = useText();
  const check = useStore(reports, (state) => state.check);
  const { signature, status, title, study } = report;
  if (!signature) return null;
  const { by, meaning, at, method, fingerprint, content, journal } = signature;
  return (
    <div className="report-parts">
      <h2 className="signed-title">{title}</h2>
      <section className="signature" data-holds={check === null ? undefined : String(check.holds)}>
        <p className="signature-state" role="status"><Icon name={check?.holds === false ? 'warning' : 'shield'} size={18} /><b>{check === null ? t('report.checking') : t(check.holds ? 'report.holds' : 'report.holdsNot')}</b></p>
        {check && !check.holds && <p role="alert">{check.why}</p>}
        <p className="signature-who">{by.name}{by.role !== '' && <small>{by.role}</small>}</p>
        <p>{meaningSentences[meaning]}</p>
        <dl>
          <dt>{t('report.when')}</dt><dd className="number">{formatMoment(at)}</dd>
          <dt>{t('report.proof')}</dt><dd>{t(`report.method.${method}`)}</dd>
          <dt>{t('report.key')}</dt><dd><code>{fingerprint}</code></dd>
          <dt>{t('report.content')}</dt><dd><code>{content}</code></dd>
          <dt>{t('report.inJournal')}</dt><dd className="number">{t('report.entry', { seq: journal.seq })}</dd>
        </dl>
        <div className="signature-foot">
          <button className="button" onClick={() => goTo({ screen: 'audit', studyId: study.id })}><Icon name="shield" size={15} />{t('report.toAudit')}</button>
          {status === 'signed' && <button className="button" onClick={() => void supersede()}><Icon name="sign" size={15} />{t('report.supersede')}</button>}
        </div>
        {status === 'superseded' && <p className="hint">{t('report.supersededText')}</p>}
      </section>
    </div>
  );
}

/** Below a draft as below what was signed: what left the workstation, and what was done. */
export function Beside(): ReactElement | null {
  const t = useText();
  const exports = useStore(reports, (state) => state.exports);
  const events = useStore(reports, (state) => state.events);
  return (
    <div className="report-beside">
      {exports.length > 0 && (
        <section className="report-part"><h3>{t('report.left')}</h3>
          <ul className="left">{exports.map(({ folder, files, at, seq }) => (
            <li key={seq}><span className="number">{formatMoment(at)}</span><span>{files.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`).join(', ')}</span><code className="path">{folder}</code></li>
          ))}</ul>
        </section>
      )}
      {events.length > 0 && (
        <details className="report-part"><summary>{t('report.history')} <span className="number">({events.length})</span></summary>
          <ol className="events">{events.slice(-60).map(({ at, by, what, version, revision }, row) => <li key={row}><span>{what}</span><small className="number">{t('report.revision', { version, revision })} · {by} · {formatMoment(at)}</small></li>).reverse()}</ol>
        </details>
      )}
    </div>
  );
}
