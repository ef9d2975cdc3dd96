/** The pictures of the report: chosen, put in order, captioned, each with what is drawn on it. */
import { useState, type ReactElement } from 'react';
import type { ImagePlace, KeyImage, Report } from '#models/clinical/report.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { KeyPicture } from './KeyPicture.tsx';
import { addKeyImages, change, openImages, reports } from './report.ts';
import { frameIdOf, keyImageChange, overlaysAt, placeOf, quantityText, suggestedPlaces } from './state.ts';
import { Words } from './Words.tsx';

export function KeyImages({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const { keyImages } = report;
  return (
    <>
      {report.marksHidden === true && <p className="hint" data-marks-hidden="">{t('report.marksHidden')}</p>}
      {keyImages.length === 0 && <p className="hint">{t('report.noKeyImages')}</p>}
      <ul className="key-images">{keyImages.map((image, at) => <Card key={image.id} report={report} image={image} at={at} count={keyImages.length} />)}</ul>
      <button className="button" onClick={() => void openImages()}><Icon name="plus" size={14} />{t('report.chooseImages')} <KeyHint of="report.images" usually="I" /></button>
    </>
  );
}

function Card({ report, image, at, count }: { readonly report: Report; readonly image: KeyImage; readonly at: number; readonly count: number }): ReactElement {
  const t = useText();
  const marks = overlaysAt(report, image.place);
  const draw = (id: string, isDrawn: boolean): void => void change((draft) => keyImageChange(draft, image.id, ({ overlays }) => ({ overlays: isDrawn ? [...overlays, id] : overlays.filter((one) => one !== id) })));
  const move = (to: number): void => void change({ kind: 'moveKeyImage', keyImageId: image.id, to });
  return (
    <li className="key-image" data-key-image={image.id}>
      <KeyPicture report={report} image={image} />
      <div className="key-image-side">
        <div className="key-image-tools">
          <b>{t('report.figure', { number: at + 1 })}</b><span className="grow" />
          <button className="icon-button" aria-label={t('report.moveUp')} title={t('report.moveUp')} disabled={at === 0} onClick={() => move(at - 1)}><Icon name="up" size={14} /></button>
          <button className="icon-button" aria-label={t('report.moveDown')} title={t('report.moveDown')} disabled={at === count - 1} onClick={() => move(at + 1)}><Icon name="down" size={14} /></button>
          <button className="icon-button" aria-label={t('report.removeImage')} title={t('report.removeImage')} onClick={() => void change({ kind: 'removeKeyImage', keyImageId: image.id })}><Icon name="trash" size={14} /></button>
        </div>
        <Words value={image.caption} label={t('report.caption')} placeholder={t('report.caption')} maxLength={400} changeOf={(caption) => (draft) => keyImageChange(draft, image.id, () => ({ caption }))} />
        {marks.length > 0 && (
          <fieldset className="marks"><legend>{t('report.drawn')}</legend>
            {marks.map((mark) => (
              <label key={mark.id}><input type="checkbox" checked={image.overlays.includes(mark.id)} onChange={(event) => draw(mark.id, event.currentTarget.checked)} />
                {'box' in mark ? mark.label : [mark.label || t(`report.kind.${mark.kind}`), ...mark.values.slice(0, 1).map(({ value, unit }) => quantityText(value, unit))].join(' ')}</label>
            ))}
          </fieldset>
        )}
      </div>
    </li>
  );
}

export function ImagesDialog({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const isOpen = useStore(reports, ({ dialog }) => dialog === 'images');
  return <Dialog isOpen={isOpen} title={t('report.chooseImages')} size={820} onClose={() => reports.dispatch({ type: 'dialog', dialog: null })}>{isOpen && <Picker report={report} />}</Dialog>;
}

function Picker({ report }: { readonly report: Report }): ReactElement {
  const t = useText();
  const detail = useStore(reports, (state) => state.detail);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [seriesAt, setSeriesAt] = useState(0);
  const series = detail?.series[seriesAt];
  const [chosenAt, setFrameAt] = useState<number | null>(null);
  const frameAt = chosenAt ?? (series?.frames.length ?? 0) >> 1;
  const frame = series?.frames[frameAt];
  const suggested = suggestedPlaces(report).slice(0, 24).map(frameIdOf);
  const own = chosen.filter((id) => !suggested.includes(id));
  const toggle = (id: string): void => setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  const nameOf = (id: string): string => report.sources.find(({ sha256 }) => id.startsWith(sha256))?.label ?? detail?.series.find(({ frames }) => frames.some((one) => one.id === id))?.description ?? '';
  const places = (): readonly ImagePlace[] => chosen.map(placeOf);
  return (
    <form className="picker" onSubmit={(event) => {
      event.preventDefault();
      void addKeyImages(places());
    }}>
      <h3>{t('report.spokenOf')}</h3>
      {suggested.length + own.length === 0 && <p className="hint">{t('report.allShown')}</p>}
      <div className="picker-grid">
        {[...suggested, ...own].map((id) => (
          <button key={id} type="button" className="pick" aria-pressed={chosen.includes(id)} onClick={() => toggle(id)}><img src={thumbnailUrl(id, 192)} alt="" /><small>{nameOf(id)}</small></button>
        ))}
      </div>
      {detail && (
        <fieldset className="picker-any"><legend>{t('report.anyImage')}</legend>
          {frame && <img src={thumbnailUrl(frame.id, 192)} alt={t('report.imageOf', { at: frameAt + 1, count: series.frames.length })} />}
          <div>
            <label>{t('report.series')}<select value={seriesAt} onChange={(event) => {
              setSeriesAt(Number(event.currentTarget.value));
              setFrameAt(null);
            }}>{detail.series.map(({ id, modality, description, frames }, at) => <option key={id} value={at}>{[modality, description, `(${frames.length})`].filter((part) => part !== '').join(' ')}</option>)}</select></label>
            {series && series.frames.length > 1 && <label>{t('report.imageOf', { at: frameAt + 1, count: series.frames.length })}<input type="range" min={0} max={series.frames.length - 1} value={frameAt} onChange={(event) => setFrameAt(Number(event.currentTarget.value))} /></label>}
            <button type="button" className="button" disabled={!frame || chosen.includes(frame.id)} onClick={() => frame && toggle(frame.id)}><Icon name="plus" size={14} />{t('report.take')}</button>
          </div>
        </fieldset>
      )}
      <div className="dialog-foot"><span className="grow" /><button type="button" className="button" onClick={() => reports.dispatch({ type: 'dialog', dialog: null })}>{t('report.cancel')}</button><button type="submit" className="button" data-primary="" disabled={chosen.length === 0}>{t('report.addImages', { count: chosen.length })}</button></div>
    </form>
  );
}
