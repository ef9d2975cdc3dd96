/** What a model was trained on: shown, and said by a person where its folder does not. */
import { useState, type ReactElement } from 'react';
import type { ModelInfo } from '#electron/contract/models.ts';
import type { Scope } from '#models/clinical/scope.ts';
import { modalities } from '#models/clinical/study.ts';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { models, saveScope } from './models.ts';
import { listed, trainedDraft, trainedOf, type TrainedDraft } from './state.ts';

export function Trained({ model }: { readonly model: ModelInfo }): ReactElement {
  const t = useText();
  const scope = useStore(models, (state) => state.details.get(model.id)?.scope);
  const [isEdited, setEdited] = useState(false);
  if (scope !== undefined && isEdited) return <Editor modelId={model.id} scope={scope} onClose={() => setEdited(false)} />;
  return (
    <>
      {scope == null ? <p className="model-note"><Icon name="warning" size={13} /> {t('models.trainedUnknown')}</p> : (
        <>
          <TrainedList trained={scope.trained} />
          <dl>
            <div><dt>{t('models.mostImages')}</dt><dd>{scope.mostImages ?? t('models.unsaid')}</dd></div>
            <div><dt>{t('models.locates')}</dt><dd>{scope.locates.length === 0 ? t('models.unsaid') : scope.locates.join(', ')}</dd></div>
            {scope.statedBy !== undefined && <div><dt>{t('models.stated')}</dt><dd>{scope.statedBy}</dd></div>}
          </dl>
        </>
      )}
      {model.origin === 'built in' ? <p className="model-note">{t('models.trainedFixed')}</p> : <button type="button" className="button" onClick={() => setEdited(true)}>{t(scope == null ? 'models.trainedSay' : 'models.trainedChange')}</button>}
    </>
  );
}

export function TrainedList({ trained }: { readonly trained: Scope['trained'] }): ReactElement {
  const t = useText();
  return <dl className="trained">{trained.map(({ modality, bodyParts }) => <div key={modality}><dt>{t(`models.kinds.${modality}`)}</dt><dd>{bodyParts.length === 0 ? t('models.anyPart') : bodyParts.join(', ')}</dd></div>)}</dl>;
}

/** Kinds of images to tick, each with its parts of the body. */
export function TrainedFields({ draft, onChange, isDisabled = false }: { readonly draft: TrainedDraft; readonly onChange: (draft: TrainedDraft) => void; readonly isDisabled?: boolean }): ReactElement {
  const t = useText();
  return (
    <fieldset className="trained-fields" disabled={isDisabled}>
      <legend>{t('models.trained')}</legend>
      {modalities.map((modality) => {
        const { [modality]: parts, ...others } = draft;
        return (
          <div key={modality}>
            <label><input type="checkbox" checked={parts !== undefined} onChange={(event) => onChange(event.target.checked ? { ...draft, [modality]: '' } : others)} />{t(`models.kinds.${modality}`)}</label>
            {parts !== undefined && <input value={parts} maxLength={1000} placeholder={t('models.partsHint')} aria-label={t('models.partsOf', { kind: t(`models.kinds.${modality}`) })} onChange={(event) => onChange({ ...draft, [modality]: event.target.value })} />}
          </div>
        );
      })}
    </fieldset>
  );
}

function Editor({ modelId, scope, onClose }: { readonly modelId: string; readonly scope: Scope | null; readonly onClose: () => void }): ReactElement {
  const t = useText();
  const [draft, setDraft] = useState(() => trainedDraft(scope?.trained ?? []));
  const [locates, setLocates] = useState(scope?.locates.join(', ') ?? '');
  const [most, setMost] = useState(scope?.mostImages === undefined ? '' : String(scope.mostImages));
  const trained = trainedOf(draft);
  return (
    <form className="bring-in" onSubmit={(event) => {
      event.preventDefault();
      void saveScope(modelId, { trained, locates: listed(locates), ...(most === '' ? {} : { mostImages: Number(most) }) }).then((isKept) => isKept && onClose());
    }}>
      <TrainedFields draft={draft} onChange={setDraft} />
      <label className="line">{t('models.mostImages')}<input type="number" min={1} max={64} value={most} placeholder={t('models.unsaid')} onChange={(event) => setMost(event.target.value)} /></label>
      <label className="line">{t('models.locates')}<input value={locates} maxLength={4000} placeholder={t('models.locatesHint')} onChange={(event) => setLocates(event.target.value)} /></label>
      <p className="model-note">{t('models.trainedNote')}</p>
      <div className="bring-foot"><button type="button" className="button" onClick={onClose}>{t('models.trainedLeave')}</button><button className="button" data-primary="" disabled={trained.length === 0}>{t('models.trainedSave')}</button></div>
    </form>
  );
}
