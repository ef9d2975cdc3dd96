/** A draft, part by part, in the order in which it is read. */
import { useState, type ReactElement, type ReactNode } from 'react';
import { codes } from '#models/clinical/codes.ts';
import type { Report, ReportFinding, ReportSubject } from '#models/clinical/report.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, useText } from '#renderer/workstation/text.ts';
import { KeyImages } from './KeyImages.tsx';
import { Reasoning } from './Reasoning.tsx';
import { bringUpToDate, change, reports, showInReview, type Making } from './report.ts';
import { findingChange, openSteps, quantityText } from './state.ts';
import { Words } from './Words.tsx';

export function Editor({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const { title, impression, limitations, findings, questions } = report;
  return (
    <div className="report-parts" key={report.id}>
      <Words value={title} label={t('report.title')} placeholder={t('report.title')} isLine isNeeded maxLength={400} changeOf={(text) => ({ kind: 'title', text: text.trim() })} />
      <ToDecide report={report} />
      <Part name={t('report.impression')}><Words id="report-impression" value={impression} label={t('report.impression')} placeholder={t('report.impressionHint')} changeOf={(text) => ({ kind: 'impression', text })} /></Part>
      <Part name={t('report.findings')} count={findings.length}><Findings findings={findings} /></Part>
      {questions.length > 0 && <Part name={t('report.reasoning')}><Reasoning report={report} /></Part>}
      <Part name={t('report.keyImages')} count={report.keyImages.length}><KeyImages report={report} /></Part>
      <Part name={t('report.measurements')} count={report.measurements.length}><Measurements report={report} /></Part>
      <Part name={t('report.comparison')}><ComparisonPart report={report} /></Part>
      <Part name={t('report.limitations')}><Words value={limitations.join('\n')} label={t('report.limitations')} placeholder={t('report.limitationsHint')} changeOf={(text) => ({ kind: 'limitations', texts: text.split('\n').map((one) => one.trim()).filter((one) => one !== '') })} /></Part>
      <SubjectPart report={report} />
    </div>
  );
}

function Part({ name, count, children }: { readonly name: string; readonly count?: number; readonly children: ReactNode }): ReactElement {
  return <section className="report-part"><h3>{name}{count !== undefined && count > 0 && <small className="number">{count}</small>}</h3>{children}</section>;
}

/** What stands between the draft and a signature. */
function ToDecide({ report }: { readonly report: Report }): ReactElement | null {
  const t = useText();
  const open = openSteps(report);
  if (report.questions.length === 0) return null;
  if (open.length === 0) return <p className="to-decide" data-done=""><Icon name="check" size={15} />{t('report.allDecided')}</p>;
  return (
    <section className="to-decide" aria-label={t('report.toDecide', { count: open.length })}>
      <h3><Icon name="warning" size={15} />{t('report.toDecide', { count: open.length })} <KeyHint of="report.nextOpen" usually="N" /></h3>
      <ul>{open.slice(0, 8).map((step) => (
        <li key={step.key}>
          <button className="text-button" onClick={() => {
            const row = document.querySelector<HTMLElement>(`[data-decide="${CSS.escape(step.key)}"]`);
            row?.scrollIntoView({ block: 'center' });
            row?.focus();
          }}><b>{step.kind === null ? t('report.answer') : t(`report.stepKind.${step.kind}`)}</b> {step.text}</button>
          {step.at !== null && <button className="icon-button" aria-label={t('report.show')} title={t('report.show')} onClick={() => showInReview(report.study.id, step)}><Icon name="eye" size={15} /></button>}
        </li>
      ))}</ul>
      {open.length > 8 && <p className="hint">{t('report.andMore', { count: open.length - 8 })}</p>}
    </section>
  );
}

function Findings({ findings }: { readonly findings: readonly ReportFinding[] }): ReactElement {
  const t = useText();
  const [label, setLabel] = useState('');
  return (
    <>
      <ul className="report-findings">
        {findings.map((finding) => {
          const { id, author, code } = finding;
          const changed = (next: Partial<ReportFinding>): Making => (draft) => findingChange(draft, id, next);
          return (
            <li key={id} data-finding={id}>
              <div className="finding-head">
                <Words value={finding.label} label={t('report.findingName')} isLine isNeeded maxLength={400} changeOf={(name) => changed({ label: name.trim() })} />
                <span className="tag" title={author.name}>{t(`report.by.${author.kind}`)}</span>
                <button className="icon-button" aria-label={t('report.removeFinding')} title={t('report.removeFinding')} onClick={() => void change({ kind: 'removeFinding', findingId: id })}><Icon name="trash" size={14} /></button>
              </div>
              <Words value={finding.text} label={t('report.findingText', { name: finding.label })} placeholder={t('report.describe')} changeOf={(text) => changed({ text })} />
              <label className="coded">{t('report.code')}<select value={code?.value ?? ''} onChange={(event) => {
                const next = codes.find(({ value }) => value === event.currentTarget.value);
                void change(changed({ code: next ? { ...next } : null }));
              }}><option value="">{t('report.noCode')}</option>{codes.map(({ value, meaning }) => <option key={value} value={value}>{meaning}</option>)}</select></label>
            </li>
          );
        })}
      </ul>
      <form className="add-line" onSubmit={(event) => {
        event.preventDefault();
        if (label.trim() !== '') void change({ kind: 'addFinding', label: label.trim(), text: '', boxes: [] }).then((isDone) => (isDone ? setLabel('') : undefined));
      }}>
        <input type="text" className="words" value={label} maxLength={400} placeholder={t('report.addFinding')} aria-label={t('report.addFinding')} onChange={(event) => setLabel(event.currentTarget.value)} />
        <button className="icon-button" aria-label={t('report.add')} disabled={label.trim() === ''}><Icon name="plus" size={15} /></button>
      </form>
    </>
  );
}

function Measurements({ report: { measurements, sources } }: { readonly report: Report }): ReactElement {
  const t = useText();
  if (measurements.length === 0) return <p className="hint">{t('report.noMeasurements')}</p>;
  return (
    <table className="report-table">
      <thead><tr><th>{t('report.what')}</th><th>{t('report.value')}</th><th>{t('report.on')}</th><th><span className="visually-hidden">{t('report.removeMeasurement')}</span></th></tr></thead>
      <tbody>{measurements.map(({ id, label, kind, values, place, spacing, author }) => (
        <tr key={id} data-measurement={id}>
          <td>{label || t(`report.kind.${kind}`)}<small>{author.name}</small></td>
          <td className="number">{values.map(({ quantity, value, unit }) => <div key={quantity}>{values.length > 1 && <small>{t(`report.quantity.${quantity}`)} </small>}{quantityText(value, unit)}</div>)}{spacing.caution !== '' && <small data-tone="warning">{spacing.caution}</small>}</td>
          <td>{sources.find(({ sha256 }) => sha256 === place.source)?.label ?? '—'}</td>
          <td><button className="icon-button" aria-label={t('report.removeMeasurement')} title={t('report.removeMeasurement')} onClick={() => void change({ kind: 'removeMeasurement', measurementId: id })}><Icon name="trash" size={14} /></button></td>
        </tr>
      ))}</tbody>
    </table>
  );
}

function ComparisonPart({ report: { comparison, study } }: { readonly report: Report }): ReactElement {
  const t = useText();
  const studies = useStore(reports, (state) => state.studies);
  const own = studies.find(({ id }) => id === study.id);
  const earlier = studies.filter((one) => own && one.id !== own.id && one.patientId !== '' && one.patientId === own.patientId);
  if (earlier.length === 0 && !comparison) return <p className="hint">{t('report.noEarlier')}</p>;
  return (
    <>
      <label className="coded">{t('report.compareWith')}<select value={comparison?.studyId ?? ''} onChange={(event) => void bringUpToDate(event.currentTarget.value || null)}>
        <option value="">{t('report.noComparison')}</option>
        {earlier.map(({ id, description, date }) => <option key={id} value={id}>{[description, formatDate(date)].filter((part) => part !== '').join(' · ')}</option>)}
        {comparison && !earlier.some(({ id }) => id === comparison.studyId) && <option value={comparison.studyId}>{comparison.description}</option>}
      </select></label>
      {comparison && comparison.changes.length > 0 && (
        <table className="report-table"><thead><tr><th>{t('report.what')}</th><th>{t('report.before')}</th><th>{t('report.now')}</th></tr></thead>
          <tbody>{comparison.changes.map(({ label, quantity, before, now, unit }, at) => <tr key={at}><td>{label || t(`report.quantity.${quantity}`)}</td><td className="number">{quantityText(before, unit)}</td><td className="number">{quantityText(now, unit)}</td></tr>)}</tbody></table>
      )}
      {comparison && <Words value={comparison.text} label={t('report.comparison')} placeholder={t('report.comparisonHint')} changeOf={(text) => ({ kind: 'comparison', text })} />}
    </>
  );
}

const nobody: ReportSubject = { patientName: '', patientId: '', birthDate: null, sex: null, accession: '', studyUid: null, studyDate: null };

function SubjectPart({ report: { subject } }: { readonly report: Report }): ReactElement {
  const t = useText();
  const own = subject ?? nobody;
  const field = (name: 'patientName' | 'patientId' | 'birthDate' | 'sex' | 'accession', label: string): ReactElement => (
    <label className="line">{label}<Words value={own[name] ?? ''} label={label} isLine maxLength={name === 'sex' ? 16 : name === 'birthDate' ? 40 : 400} changeOf={(text) => (draft) => ({ kind: 'subject', subject: { ...draft.subject ?? nobody, [name]: text.trim() === '' && (name === 'birthDate' || name === 'sex') ? null : text.trim() } })} /></label>
  );
  return (
    <details className="report-part"><summary>{t('report.subject')}</summary>
      <div className="subject">{field('patientName', t('report.patient'))}{field('patientId', t('report.patientId'))}{field('birthDate', t('report.born'))}{field('sex', t('report.sex'))}{field('accession', t('report.accession'))}</div>
    </details>
  );
}
