/** The report of a study: what the model wrote and a person decided, in the words that the person stands for; beside it what will leave. */
import { useState, type ReactElement } from 'react';
import type { ReportSummary } from '#electron/contract/report.ts';
import type { Report } from '#models/clinical/report.ts';
import { Empty } from '#renderer/design/Empty.tsx';
import { FaultView } from '#renderer/design/FaultView.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { goTo } from '#renderer/workstation/navigation.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatDate, useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { Editor } from './Editor.tsx';
import { ExportDialog } from './ExportDialog.tsx';
import { ImagesDialog } from './KeyImages.tsx';
import { PreviewPane } from './PreviewPane.tsx';
import './report.css';
import { bringUpToDate, compose, discard, openExport, openReports, openSign, reports, select } from './report.ts';
import { Beside, Signed } from './Signed.tsx';
import { SignDialog } from './SignDialog.tsx';
import { decisions, listed } from './state.ts';

export function ReportScreen(): ReactElement {
  const t = useText();
  const { isLoaded, fault, report, reportFault, selectedId, pane } = useStore(reports, (state) => state);
  if (fault) return <FaultView fault={fault}><button className="button" onClick={() => void openReports()}>{t('app.again')}</button></FaultView>;
  if (!isLoaded) return <Empty icon="report" title={t('report.loading')} />;
  return (
    <div className="report" data-pane={pane} data-signed={report !== null && report.status !== 'draft' ? '' : undefined}>
      <Rail />
      {reportFault ? <div className="report-none"><FaultView fault={reportFault}><button className="button" onClick={() => selectedId !== null && void select(selectedId)}>{t('app.again')}</button></FaultView></div>
        : selectedId === null ? <NoReport />
        : !report ? <div className="report-none"><Empty icon="report" title={t('report.opening')} /></div>
        : <Open report={report} />}
    </div>
  );
}

function Open({ report }: { readonly report: Report }): ReactElement {
  return (
    <>
      <section className="report-editor" aria-label={report.title}>
        <Tools report={report} />
        <div className="report-scroll" key={`${report.id} ${report.version}`}>
          {report.status === 'draft' ? <Editor report={report} /> : <Signed report={report} />}
          <Beside />
        </div>
      </section>
      <PreviewPane />
      {report.status === 'draft' && <SignDialog report={report} />}
      {report.status === 'draft' && <ImagesDialog report={report} />}
      <ExportDialog report={report} />
    </>
  );
}

function Tools({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const isWriting = useStore(reports, (state) => state.isWriting);
  const isTyping = useStore(reports, (state) => state.isTyping);
  const pane = useStore(reports, (state) => state.pane);
  const newAnswers = useStore(reports, (state) => state.newAnswers);
  const [isAsked, setAsked] = useState(false);
  const isDraft = report.status === 'draft';
  const { done, count } = decisions(report);
  return (
    <header className="report-tools">
      <span className="report-badge" data-status={report.status}>{t(`report.status.${report.status}`)}</span>
      <span className="number report-version">{t('report.versionName', { version: report.version })}</span>
      {isDraft && <span className="report-saved" role="status">{t(isWriting ? 'report.saving' : isTyping ? 'report.typing' : 'report.saved')}</span>}
      {isDraft && count > 0 && <span className="decided number" title={t('report.decidedTitle')}><span className="track"><i style={{ width: `${(100 * done) / count}%` }} /></span>{t('report.decided', { done, count })}</span>}
      <span className="grow" />
      <button className="button pane-switch" onClick={() => reports.dispatch({ type: 'pane', pane: pane === 'edit' ? 'preview' : 'edit' })}>{t(pane === 'edit' ? 'report.preview' : 'report.editor')}</button>
      {isDraft && (isAsked
        ? <><button className="button" data-bad="" autoFocus onBlur={() => setAsked(false)} onClick={() => void discard()}>{t('report.discardSure')}</button></>
        : <button className="icon-button" aria-label={t('report.discard')} title={t('report.discard')} onClick={() => setAsked(true)}><Icon name="trash" /></button>)}
      {isDraft && (newAnswers.length > 0
        ? <button className="button" title={`${t('report.update')} (U)`} onClick={() => void bringUpToDate()}><Icon name="reset" size={15} />{t('report.newAnswers', { count: newAnswers.length })}</button>
        : <button className="icon-button" aria-label={t('report.update')} title={`${t('report.update')} (U)`} onClick={() => void bringUpToDate()}><Icon name="reset" /></button>)}
      <button className="button" title={`${t('report.export')} (Ctrl+E)`} onClick={() => void openExport()}><Icon name="export" size={15} />{t('report.export')}</button>
      {isDraft && <button className="button" data-primary="" title={`${t('report.sign')} (Ctrl+⏎)`} onClick={() => void openSign()}><Icon name="sign" size={15} />{t('report.sign')}</button>}
    </header>
  );
}

/** The reports of the open study first, then everybody else's. */
function Rail(): ReactElement {
  const t = useText();
  const state = useStore(reports, (all) => all);
  const { own, others } = listed(state);
  const study = state.studies.find(({ id }) => id === state.studyId);
  const nameOf = ({ studyId }: ReportSummary): string => {
    const found = state.studies.find(({ id }) => id === studyId);
    return found ? found.patient || found.description : t('report.gone');
  };
  const row = (one: ReportSummary, name: string): ReactElement => {
    const isShown = one.id === state.selectedId;
    return (
      <li key={one.id}>
        <button className="report-row" data-report={one.id} aria-current={isShown && state.version === null} onClick={() => void select(one.id)}>
          <span>{name}</span>
          <small><span className="report-badge" data-status={one.status}>{t(`report.status.${one.status}`)}</span>{one.status === 'draft' && one.undecided > 0 ? t('report.open', { count: one.undecided }) : one.signed ? one.signed.name : formatDate(one.updatedAt)}</small>
        </button>
        {isShown && one.signedVersions.length > 0 && (one.signedVersions.length > 1 || one.status === 'draft') && (
          <div className="versions" role="group" aria-label={t('report.versions')}>
            {one.signedVersions.filter((version) => version !== one.version).map((version) => <button key={version} className="chip" aria-pressed={state.version === version} onClick={() => void select(one.id, version)}>{t('report.versionName', { version })}</button>)}
            <button className="chip" aria-pressed={state.version === null} onClick={() => void select(one.id)}>{t('report.versionName', { version: one.version })}</button>
          </div>
        )}
      </li>
    );
  };
  return (
    <nav className="report-rail" aria-label={t('report.list')}>
      {study && (
        <div className="rail-study">
          {study.cover !== null && <img src={thumbnailUrl(study.cover, 192)} alt="" />}
          <div><b>{study.patient || study.description}</b><small>{[study.patient === '' ? '' : study.description, formatDate(study.date)].filter((part) => part !== '').join(' · ')}</small></div>
        </div>
      )}
      {study && <button className="button" onClick={() => void compose(study.id)}><Icon name="plus" size={14} />{t('report.new')} <KeyHint of="report.new" usually="D" /></button>}
      {study && own.length > 0 && <section><h3>{t('report.ofStudy')}</h3><ul>{own.map((one) => row(one, one.title))}</ul></section>}
      {others.length > 0 && <section><h3>{t(study ? 'report.ofOthers' : 'report.all')}</h3><ul>{others.map((one) => row(one, nameOf(one)))}</ul></section>}
    </nav>
  );
}

function NoReport(): ReactElement {
  const t = useText();
  const { studyId, summaries } = useStore(reports, (state) => state);
  if (studyId === null) return <div className="report-none"><Empty icon="report" title={t(summaries.length > 0 ? 'report.chooseTitle' : 'report.emptyTitle')} text={t('report.emptyText')}><button className="button" onClick={() => goTo({ screen: 'library' })}>{t('report.toLibrary')}</button></Empty></div>;
  return <div className="report-none"><Empty icon="report" title={t('report.noneTitle')} text={t('report.noneText')}><button className="button" data-primary="" onClick={() => void compose(studyId)}><Icon name="plus" size={14} />{t('report.new')} <KeyHint of="report.new" usually="D" /></button></Empty></div>;
}
