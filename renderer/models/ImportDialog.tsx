/** Which folder is brought in, under which name, in which precision; how far it has come, and why not where it cannot. */
import type { ReactElement } from 'react';
import type { Job, Offer } from '#electron/contract/models.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { bridge } from '#renderer/workstation/bridge.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { formatBytes, formatNumber, useText } from '#renderer/workstation/text.ts';
import { bringIn, cancelJob, chooseFolder, closeImport, lookForOffers, models } from './models.ts';
import type { Bringing } from './state.ts';
import { TrainedFields, TrainedList } from './Trained.tsx';

export function ImportDialog(): ReactElement {
  const t = useText();
  const bringing = useStore(models, (state) => state.bringing);
  return <Dialog isOpen={bringing !== null} title={t('models.importTitle')} size={620} onClose={closeImport}>{bringing && <Body bringing={bringing} />}</Dialog>;
}

function Body({ bringing }: { readonly bringing: Bringing }): ReactElement {
  const t = useText();
  const incoming = useStore(models, (state) => state.data?.incoming ?? '');
  const job = useStore(models, (state) => state.data?.job ?? null);
  const { offers, offerId, name, bits, baseId, trained, fault } = bringing;
  const offer = offers?.find(({ id }) => id === offerId);
  const set = (change: Partial<Bringing>): void => models.dispatch({ type: 'order', change });
  const problem = fault ?? offer?.problem ?? null;
  return (
    <form className="bring-in" onSubmit={(event) => {
      event.preventDefault();
      void bringIn();
    }}>
      <p className="model-note">{t('models.importText')}</p>
      {bridge.surface === 'electron' && <div><button type="button" className="button" data-primary={offer ? undefined : ''} onClick={() => void chooseFolder()}><Icon name="folder" />{t('models.choose')}</button></div>}
      {offers === null ? <p role="status">{t('models.looking')}</p> : (
        <fieldset className="offers" disabled={job !== null}>
          <legend>{t('models.folder')}</legend>
          {offers.map((one) => (
            <label key={one.id} data-problem={one.problem ? '' : undefined}><input type="radio" name="offer" checked={one.id === offerId} onChange={() => set({ offerId: one.id })} /><span><strong>{one.name}</strong><small><OfferLine offer={one} /></small></span></label>
          ))}
          <p className="model-note">{t('models.noOffers')} <code>{incoming}</code> <button type="button" className="text-button" onClick={() => void lookForOffers()}>{t('models.lookAgain')}</button></p>
        </fieldset>
      )}
      {offer && offer.problem === null && (
        <>
          <label className="line">{t('models.name')}<input value={name} maxLength={80} disabled={job !== null} onChange={(event) => set({ name: event.target.value })} /></label>
          {offer.kind === 'adapter' && <label className="line">{t('models.base')}<select value={baseId ?? ''} disabled={job !== null} onChange={(event) => set({ baseId: event.target.value })}>{offer.bases.map(({ id, name: base, how }) => <option key={id} value={id}>{base} — {t(`models.how.${how}`)}</option>)}</select></label>}
          {offer.canQuantize && (
            <label className="line">{t('models.weightsLabel')}
              <select value={bits ?? ''} disabled={job !== null} onChange={(event) => set({ bits: event.target.value === '' ? null : Number(event.target.value) as 4 | 8 })}>
                <option value="">{t('models.asTheyAre', { precision: offer.precision ?? '–' })}</option><option value="8">{t('models.bits8')}</option><option value="4">{t('models.bits4')}</option>
              </select>
            </label>
          )}
          {offer.scope ? <div className="model-note">{t('models.trained')}<TrainedList trained={offer.scope.trained} /></div>
            : offer.kind === 'adapter' ? <p className="model-note">{t('models.trainedAsBase')}</p>
              : <><TrainedFields draft={trained} isDisabled={job !== null} onChange={(draft) => set({ trained: draft })} /><p className="model-note">{t('models.trainedAsk')}</p></>}
        </>
      )}
      {problem && <p role="alert" className="model-trouble"><strong>{problem.what}</strong> {problem.why} {problem.mend}</p>}
      {job ? <JobLine job={job} /> : <div className="bring-foot"><button className="button" data-primary="" disabled={!offer || offer.problem !== null || name.trim() === ''}>{t('models.start')}</button></div>}
    </form>
  );
}

function OfferLine({ offer }: { readonly offer: Offer }): ReactElement {
  const t = useText();
  if (offer.problem) return <>{offer.problem.why}</>;
  const kind = offer.kind === 'adapter' ? t('models.adapterOffer') : offer.family === null ? '' : t(`models.family.${offer.family}`);
  return <>{[kind, offer.parameters !== null && t('models.parameters', { count: formatNumber(offer.parameters / 1e6, 1) }), offer.precision, formatBytes(offer.bytes)].filter(Boolean).join(' · ')}</>;
}

export function JobLine({ job }: { readonly job: Job }): ReactElement {
  const t = useText();
  const line = t('models.jobLine', { phase: t(`models.job.${job.phase}`), name: job.name });
  const share = job.total > 0 ? Math.min(1, job.done / job.total) : 0;
  return (
    <div className="model-job" role="status"><span>{line}</span><button type="button" className="text-button" onClick={cancelJob}>{t('models.stop')}</button>
      <div className="track" role="progressbar" aria-label={line} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * share)} data-open={job.total <= 1 ? '' : undefined}><div style={{ width: `${100 * share}%` }} /></div>
    </div>
  );
}
