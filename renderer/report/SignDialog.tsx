/** Signing: who, in what meaning, and the proof of it; refused, with what is left to do, while a sentence is undecided. */
import { useState, type ReactElement } from 'react';
import { meaningSentences, meanings, type Report, type SignatureMeaning } from '#models/clinical/report.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { reports, showInReview, sign } from './report.ts';
import { leastPassphrase, openSteps, signatureLacks } from './state.ts';

const close = (): void => reports.dispatch({ type: 'dialog', dialog: null });

export function SignDialog({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const isOpen = useStore(reports, ({ dialog }) => dialog === 'sign');
  const isUndecided = openSteps(report).length > 0;
  return <Dialog isOpen={isOpen} title={t(isUndecided ? 'report.cannotSignYet' : 'report.signTitle')} size={620} onClose={close}>{isOpen && (isUndecided ? <Refusal report={report} /> : <Form report={report} />)}</Dialog>;
}

function Refusal({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const open = openSteps(report);
  return (
    <div className="sign-form">
      <p role="alert">{t('report.undecidedText', { count: open.length })}</p>
      <ol className="undecided">
        {open.map((step, at) => (
          <li key={step.key}>
            <button data-autofocus={at === 0 ? '' : undefined} onClick={() => {
              close();
              // The dialog gives the focus back first.
              setTimeout(() => document.querySelector<HTMLElement>(`[data-decide="${CSS.escape(step.key)}"]`)?.focus(), 150);
            }}><b>{step.kind === null ? t('report.answer') : t(`report.stepKind.${step.kind}`)}</b> {step.text}<small>{step.question}</small></button>
            {step.at !== null && <button className="icon-button" aria-label={t('report.show')} title={t('report.show')} onClick={() => {
              close();
              showInReview(report.study.id, step);
            }}><Icon name="eye" size={16} /></button>}
          </li>
        ))}
      </ol>
      <div className="dialog-foot"><span className="grow" /><button className="button" onClick={close}>{t('report.cancel')}</button><button className="button" data-primary="" disabled><Icon name="sign" size={15} />{t('report.sign')}</button></div>
    </div>
  );
}

function Form({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const { way, isBusy, fault } = useStore(reports, (state) => state.signing);
  const signer = useStore(reports, (state) => state.signer);
  const [name, setName] = useState(signer.name);
  const [role, setRole] = useState(signer.role);
  const [meaning, setMeaning] = useState<SignatureMeaning>('author');
  const [passphrase, setPassphrase] = useState('');
  const [again, setAgain] = useState('');
  const lacks = signatureLacks(report, way, { name, passphrase, again });
  return (
    <form className="sign-form" aria-busy={isBusy} onSubmit={(event) => {
      event.preventDefault();
      if (lacks === null) void sign({ name, role, meaning, passphrase });
    }}>
      <p className="hint">{t('report.signText')}</p>
      {lacks === 'impression' && (
        <p className="sign-warning"><Icon name="warning" size={15} />{t('report.noImpression')}<button type="button" className="text-button" onClick={() => {
          close();
          setTimeout(() => document.getElementById('report-impression')?.focus(), 150);
        }}>{t('report.writeImpression')}</button></p>
      )}
      <div className="pair">
        <label>{t('report.name')}<input data-autofocus="" type="text" name="name" autoComplete="name" required maxLength={200} value={name} placeholder={way?.account ?? ''} onChange={(event) => setName(event.currentTarget.value)} /></label>
        <label>{t('report.role')}<input type="text" name="role" autoComplete="organization-title" maxLength={200} value={role} placeholder={t('report.roleHint')} onChange={(event) => setRole(event.currentTarget.value)} /></label>
      </div>
      <fieldset><legend>{t('report.meaning')}</legend>
        {meanings.map((one) => <label key={one} className="choice"><input type="radio" name="meaning" value={one} checked={one === meaning} onChange={() => setMeaning(one)} /><span>{meaningSentences[one]}</span></label>)}
      </fieldset>
      {way?.protection === 'passphrase' && <label>{t('report.passphrase')}<input type="password" name="passphrase" autoComplete="current-password" maxLength={1000} value={passphrase} onChange={(event) => setPassphrase(event.currentTarget.value)} /></label>}
      {way?.protection === 'none' && (
        <>
          <p className="hint">{t('report.newKey')}</p>
          <div className="pair">
            <label>{t('report.newPassphrase', { count: leastPassphrase })}<input type="password" name="passphrase" autoComplete="new-password" maxLength={1000} value={passphrase} onChange={(event) => setPassphrase(event.currentTarget.value)} /></label>
            <label>{t('report.againPassphrase')}<input type="password" name="again" autoComplete="new-password" maxLength={1000} value={again} onChange={(event) => setAgain(event.currentTarget.value)} /></label>
          </div>
        </>
      )}
      {way?.fingerprint != null && <p className="hint">{t('report.withKey')} <code>{way.fingerprint}</code></p>}
      {fault && <p role="alert" className="report-trouble"><strong>{fault.what}</strong> {fault.why} {fault.mend}</p>}
      <div className="dialog-foot">
        <small role="status">{isBusy ? t('report.signingNow') : lacks === null ? t('report.forGood') : t(`report.lacks.${lacks}`, { count: leastPassphrase })}</small><span className="grow" />
        <button type="button" className="button" onClick={close}>{t('report.cancel')}</button>
        <button type="submit" className="button" data-primary="" disabled={lacks !== null || isBusy}><Icon name="sign" size={15} />{t('report.sign')}</button>
      </div>
    </form>
  );
}
