/** What leaves, in which forms, with or without who it is about; and what became of each. */
import type { ReactElement } from 'react';
import type { ReportFormatName } from '#electron/contract/report.ts';
import type { Report } from '#models/clinical/report.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, useText } from '#renderer/workstation/text.ts';
import { Lettering } from './Lettering.tsx';
import { chooseSubject, exportChosen, reports } from './report.ts';
import { canExport, openTexts, type Exporting } from './state.ts';
import { Suspects } from './Suspects.tsx';

const close = (): void => reports.dispatch({ type: 'dialog', dialog: null });

export function ExportDialog({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const isOpen = useStore(reports, ({ dialog }) => dialog === 'export');
  return <Dialog isOpen={isOpen} title={t('report.exportTitle')} size={700} onClose={close}>{isOpen && <Form report={report} />}</Dialog>;
}

function Form({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const exporting = useStore(reports, (state) => state.exporting);
  const { choices, chosen, withoutSubject, isSeen, isBusy, result, fault } = exporting;
  const set = (change: Partial<Pick<Exporting, 'chosen' | 'isSeen'>>): void => reports.dispatch({ type: 'exporting', change: { ...change, result: null, fault: null } });
  return (
    <form className="export-form" aria-busy={isBusy} onSubmit={(event) => {
      event.preventDefault();
      void exportChosen();
    }}>
      {report.status === 'draft' && <p className="sign-warning"><Icon name="warning" size={15} />{t('report.draftLeaves')}</p>}
      {!choices && !fault && <p role="status">{t('report.asking')}</p>}
      {choices && (
        <fieldset disabled={isBusy}><legend>{t('report.formats')}</legend>
          <ul className="formats">{choices.map(({ format, why }) => <Format key={format} format={format} why={why} isChosen={chosen.includes(format)} onChoose={(isChosen) => set({ chosen: isChosen ? [...chosen, format] : chosen.filter((one) => one !== format) })} />)}</ul>
        </fieldset>
      )}
      {choices && (
        <fieldset disabled={isBusy}><legend>{t('report.identity')}</legend>
          {[false, true].map((isWithout) => (
            <label key={String(isWithout)} className="choice"><input type="radio" name="identity" checked={withoutSubject === isWithout} onChange={() => void chooseSubject(isWithout)} />
              <span>{t(isWithout ? 'report.withoutSubject' : 'report.withSubject')}<small>{t(isWithout ? 'report.withoutSubjectText' : 'report.withSubjectText')}</small></span></label>
          ))}
          {withoutSubject && <Suspects />}
          {withoutSubject && <Lettering report={report} isSeen={isSeen} onSeen={(next) => set({ isSeen: next })} />}
        </fieldset>
      )}
      {result && (
        <div className="export-result" role="status">
          <p><Icon name="check" size={15} />{t('report.exported', { count: result.files.length })}</p>
          <ul>{result.files.map(({ format, name, bytes, sha256 }) => <li key={name} data-exported={format}><b>{name}</b><span className="number">{formatBytes(bytes)}</span><code title={sha256}>{sha256.slice(0, 16)}</code></li>)}</ul>
          <code className="path">{result.folder}</code>
        </div>
      )}
      {fault && <p role="alert" className="report-trouble"><strong>{fault.what}</strong> {fault.why} {fault.mend} {t('report.nothingWritten')}</p>}
      <div className="dialog-foot">
        <small role="status">{t(isBusy ? 'report.exportingNow' : withoutSubject && openTexts(exporting) !== 0 ? 'report.decideTexts' : withoutSubject && !isSeen ? 'report.lookFirst' : 'report.readBack')}</small><span className="grow" />
        <button type="button" className="button" onClick={close}>{t(result ? 'report.close' : 'report.cancel')}</button>
        <button type="submit" className="button" data-primary="" disabled={!canExport(exporting)}><Icon name="export" size={15} />{t('report.export')}</button>
      </div>
    </form>
  );
}

function Format({ format, why, isChosen, onChoose }: { readonly format: ReportFormatName; readonly why: string | null; readonly isChosen: boolean; readonly onChoose: (isChosen: boolean) => void }): ReactElement {
  const t = useText();
  const result = useStore(reports, (state) => state.exporting.result);
  const isDone = result?.files.some((file) => file.format === format) === true;
  return (
    <li data-format={format} data-unsuitable={why === null ? undefined : ''}>
      <label className="choice"><input type="checkbox" checked={isChosen} disabled={why !== null} onChange={(event) => onChoose(event.currentTarget.checked)} />
        <span>{t(`report.format.${format}.name`)}<small>{why ?? t(`report.format.${format}.text`)}</small></span></label>
      {isDone && <span className="done"><Icon name="check" size={14} />{t('report.wasReadBack')}</span>}
    </li>
  );
}
