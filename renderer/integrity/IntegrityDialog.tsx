/** The window of signs of alteration: the image with a map over it, what speaks for an alteration and what does not, and how often such signs are raised by mistake. */
import { useMemo, type ReactElement } from 'react';
import { evidenceNames, type EvidenceName, type IntegrityCheck } from '#electron/contract/integrity.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { formatMoment, formatNumber, useText } from '#renderer/workstation/text.ts';
import { pictureUrl, thumbnailUrl } from '#renderer/workstation/urls.ts';
import './integrity.css';
import { checkNow, integrity, stopCheck } from './integrity.ts';
import { currentCheck, valuesOf } from './state.ts';

export function IntegrityDialog(): ReactElement {
  const t = useText();
  const isOpen = useStore(integrity, (state) => state.isOpen);
  return <Dialog isOpen={isOpen} title={t('integrity.title')} size={960} onClose={() => integrity.dispatch({ type: 'close' })}>{isOpen && <Body />}</Dialog>;
}

function Body(): ReactElement {
  const t = useText();
  const state = useStore(integrity, (all) => all);
  const { running, fault, checks } = state;
  const check = currentCheck(state);
  return (
    <div className="integrity">
      {fault && <p role="alert" className="integrity-fault"><strong>{fault.what}</strong> {fault.why} {fault.mend}</p>}
      {running && (
        <div role="status" className="integrity-progress">
          <span>{running.total === 0 ? t('integrity.starting') : t('integrity.running', { done: running.done, total: running.total })}</span>
          <div className="track"><div style={{ width: `${running.total === 0 ? 0 : (100 * running.done) / running.total}%` }} /></div>
          <button className="button" onClick={stopCheck}><Icon name="stop" size={14} />{t('integrity.stop')}</button>
        </div>
      )}
      {check && <Found check={check} map={state.map} />}
      {!check && !running && !fault && <p className="integrity-note">{t('integrity.notYet')}</p>}
      <footer>
        {checks.length > 0 && <small>{t('integrity.earlier', { count: checks.length, moment: formatMoment(checks[0]!.at) })}</small>}
        <span className="grow" />
        <button className="button" data-primary={check ? undefined : ''} disabled={running !== null} onClick={() => void checkNow()}><Icon name="shield" size={14} />{t(check ? 'integrity.again' : 'integrity.look')}</button>
      </footer>
    </div>
  );
}

function Found({ check, map }: { readonly check: IntegrityCheck; readonly map: EvidenceName | null }): ReactElement {
  const t = useText();
  const { level, why, sentences, cues, ledger, falseAlarms, evidence } = check;
  const isRaised = level === 'suspected' || level === 'strong';
  const names = evidenceNames.filter((name) => evidence.some((grid) => grid.name === name));
  return (
    <div className="integrity-found">
      <div>
        <Shown check={check} map={map} />
        <div className="integrity-maps" role="group" aria-label={t('integrity.map')}>
          {names.map((name) => <button key={name} className="button" aria-pressed={map === name} title={t(`integrity.mapHints.${name}`)} onClick={() => integrity.dispatch({ type: 'map', map: name })}>{t(`integrity.maps.${name}`)}</button>)}
          <button className="button" aria-pressed={map === null} onClick={() => integrity.dispatch({ type: 'map', map: null })}>{t('integrity.noMap')}</button>
        </div>
      </div>
      <div className="integrity-said">
        <p className="integrity-level" data-level={level}><Icon name={isRaised ? 'warning' : 'shield'} />{t(`integrity.level.${level}`)}</p>
        {why !== null && <p>{why}</p>}
        {isRaised && sentences.length > 0 && (
          <section aria-label={t('integrity.what')}>
            <h3>{t('integrity.what')}</h3>
            <ul>{sentences.map(({ text, doubt }) => <li key={text}>{doubt === null ? text : <><del>{text}</del> <small>{t('integrity.unborne', { why: doubt })}</small></>}</li>)}</ul>
          </section>
        )}
        {cues.length > 0 && (
          <section>
            <h3>{t('integrity.cues')}</h3>
            <ul className="integrity-cues">{cues.map(({ name, z, isBorneOut }) => <li key={name} data-borne={isBorneOut || undefined}><span>{t(`integrity.cue.${name}`)}</span><span className="number">{formatNumber(z, 1)}</span></li>)}</ul>
          </section>
        )}
        <section>
          <h3>{t('integrity.file')}</h3>
          {ledger.length === 0 ? <p>{t('integrity.fileClear')}</p> : <ul>{ledger.map(({ text }) => <li key={text} data-warning="">{text}</li>)}</ul>}
        </section>
        <p className="integrity-note">{falseAlarms
          ? t('integrity.measured', { of: falseAlarms.suspected.of, suspected: falseAlarms.suspected.count, low: formatNumber(100 * falseAlarms.suspected.low), high: formatNumber(100 * falseAlarms.suspected.high), strong: falseAlarms.strong.count })
          : t('integrity.unmeasured')}</p>
        <p className="integrity-note">{t('integrity.noProof')}</p>
      </div>
    </div>
  );
}

/** The image in its source's pixels, the map and the claimed region over it. */
function Shown({ check, map }: { readonly check: IntegrityCheck; readonly map: EvidenceName | null }): ReactElement {
  const t = useText();
  const { view, area, claim, columns, rows, width, height } = check;
  const heat = useMemo(() => (map === null ? null : heatOf(valuesOf(check, map), columns, rows, map === 'learnt' ? 64 : 96)), [check, map, columns, rows]);
  const [w, h] = [area.x2 - area.x1, area.y2 - area.y1];
  // Cells reach beyond the right and lower edge where a side is no multiple of theirs.
  const [cellsWide, cellsHigh] = [(columns * 8 * w) / width, (rows * 8 * h) / height];
  return (
    <figure className="integrity-picture">
      <svg viewBox={`${area.x1} ${area.y1} ${w} ${h}`} role="img" aria-label={t('integrity.picture')}>
        {view.kind === 'frame' ? <image href={pictureUrl(view.frameId)} x={area.x1} y={area.y1} width={w} height={h} preserveAspectRatio="none" /> : <image href={thumbnailUrl(`${view.slideId}-0`, 384)} x={area.x1} y={area.y1} width={w} height={h} preserveAspectRatio="none" opacity={view.region ? 0 : 1} />}
        {heat !== null && <image data-map={map} href={heat} x={area.x1} y={area.y1} width={cellsWide} height={cellsHigh} preserveAspectRatio="none" />}
        {claim.box && <rect data-claim="" x={claim.box.x1} y={claim.box.y1} width={claim.box.x2 - claim.box.x1} height={claim.box.y2 - claim.box.y1} vectorEffect="non-scaling-stroke" />}
      </svg>
    </figure>
  );
}

/** A map as a picture: clear below `least`, where nothing stands out, orange where most does. */
function heatOf(values: Uint8Array | null, columns: number, rows: number, least: number): string | null {
  if (!values || columns === 0 || rows === 0) return null;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [columns, rows];
  const g = canvas.getContext('2d');
  if (!g) return null;
  const image = g.createImageData(columns, rows);
  values.forEach((value, cell) => image.data.set([255, 181 - Math.round(value * 0.35), 49, value < least ? 0 : Math.round(value * 0.72)], cell * 4));
  g.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
