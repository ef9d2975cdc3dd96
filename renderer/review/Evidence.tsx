/** What an answer stands on: how far it moves when each place that it cites is hidden; and what the model was given, as a picture. */
import { useState, type ReactElement } from 'react';
import type { EvidenceCheck, Trace } from '#electron/contract/review.ts';
import { Dialog } from '#renderer/design/Dialog.tsx';
import { Icon } from '#renderer/design/Icon.tsx';
import { KeyHint } from '#renderer/workstation/KeyHint.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { seenUrl } from '#renderer/workstation/urls.ts';
import './evidence.css';
import { standing } from './checks.ts';
import { checkEvidence, checks, isCheckable, stopChecking } from './evidence.ts';
import { review } from './review.ts';
import type { TraceMark } from './state.ts';

export function Evidence({ trace, marks }: { readonly trace: Trace; readonly marks: readonly TraceMark[] }): ReactElement {
  const t = useText();
  const check = useStore(checks, (state) => state.done[trace.id]);
  const running = useStore(checks, (state) => state.running);
  const isRunning = running?.traceId === trace.id;
  return (
    <section className="evidence" aria-label={t('evidence.title')}>
      <div className="evidence-head">
        {isRunning
          ? <button className="button" onClick={stopChecking}><Icon name="stop" size={14} />{t('evidence.stop')}</button>
          : <button className="button" disabled={!isCheckable(trace) || running !== null} title={t('evidence.hint')} onClick={() => void checkEvidence(trace)}><Icon name="shield" size={14} />{t(check ? 'evidence.again' : 'evidence.check')} <KeyHint of="review.check" usually="Shift+E" /></button>}
        <button className="button" title={t('evidence.eyeHint')} onClick={() => checks.dispatch({ type: 'eye', isOpen: true })}><Icon name="eye" size={14} />{t('evidence.eye')} <KeyHint of="review.eye" usually="Y" /></button>
      </div>
      {isRunning && <div role="status" className="evidence-progress"><span>{t('evidence.running', { done: running.done, of: running.of })}</span><div className="track"><div style={{ width: `${running.of === 0 ? 0 : (100 * running.done) / running.of}%` }} /></div></div>}
      {check && !isRunning && <Found check={check} marks={marks} />}
      <ModelEye trace={trace} />
    </section>
  );
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function Found({ check, marks }: { readonly check: EvidenceCheck; readonly marks: readonly TraceMark[] }): ReactElement {
  const t = useText();
  const { regions, leftOut, blank, shuffled, usedImage } = check;
  return (
    <div data-check={check.traceId}>
      <p className="evidence-badge" data-used={usedImage}>
        <Icon name={usedImage ? 'check' : 'warning'} size={14} />{t(usedImage ? 'evidence.used' : 'evidence.unused')}
      </p>
      <p className="evidence-say">{t('evidence.say')}</p>
      <ul>
        {regions.map(({ id, label, hidden, control }) => {
          const verdict = standing({ hidden, control });
          return (
            <li key={id} data-region={id} tabIndex={0} data-standing={verdict} onPointerEnter={() => review.dispatch({ type: 'lit', lit: { kind: 'mark', id } })} onPointerLeave={() => review.dispatch({ type: 'lit', lit: null })} onFocus={() => review.dispatch({ type: 'lit', lit: { kind: 'mark', id } })} onBlur={() => review.dispatch({ type: 'lit', lit: null })}>
              <div><i style={{ background: marks.find((mark) => mark.id === id)?.colour ?? 'var(--faint)' }} /><b>{label}</b><span>{t(`evidence.${verdict}`)}</span></div>
              <Bar name={t('evidence.hidden')} share={hidden} />
              <Bar name={t('evidence.control')} share={control} isControl />
            </li>
          );
        })}
        <li data-standing="whole">
          <div><b>{t('evidence.whole')}</b></div>
          <Bar name={t('evidence.blank')} share={blank} isControl />
          <Bar name={t('evidence.shuffled')} share={shuffled} isControl />
        </li>
      </ul>
      {regions.length === 0 && <p className="evidence-say">{t('evidence.noRegions')}</p>}
      {leftOut > 0 && <p className="evidence-say">{t('evidence.leftOut', { count: leftOut })}</p>}
    </div>
  );
}

const Bar = ({ name, share, isControl = false }: { readonly name: string; readonly share: number; readonly isControl?: boolean }): ReactElement => (
  <div className="evidence-bar" data-control={isControl || undefined}><span>{name}</span><div className="track"><div style={{ width: `${share * 100}%` }} /></div><span className="number">{percent(share)}</span></div>
);

function ModelEye({ trace }: { readonly trace: Trace }): ReactElement {
  const t = useText();
  const isOpen = useStore(checks, (state) => state.isEyeOpen);
  const [isGridShown, setGridShown] = useState(false);
  const [failed, setFailed] = useState<ReadonlySet<string>>(new Set());
  return (
    <Dialog isOpen={isOpen} title={t('evidence.eye')} size={900} onClose={() => checks.dispatch({ type: 'eye', isOpen: false })}>
      {isOpen && <div className="model-eye">
        <p>{t('evidence.eyeText')}</p>
        <label><input type="checkbox" checked={isGridShown} onChange={(event) => setGridShown(event.target.checked)} /> {t('evidence.grid')}</label>
        <div className="eye-pictures" data-several={trace.views.length > 1 || undefined}>{trace.views.map(({ name, slot, resized, window, pixelsSha256 }, at) => {
          const key = `${trace.id}-${at}`;
          return (
            <figure key={key}>
              {failed.has(key) ? <p role="alert" className="note" data-tone="warning">{t('evidence.eyeFailed')}</p> : (
                <div className="eye-picture" style={{ aspectRatio: `${resized.width} / ${resized.height}`, maxWidth: `min(100%, calc(58vh * ${resized.width / resized.height}))` }}>
                  <img src={seenUrl(trace.id, at)} alt={t('evidence.eyeAlt', { name })} crossOrigin="anonymous" onLoad={(event) => event.currentTarget.setAttribute('data-loaded', '')} onError={() => setFailed((before) => new Set([...before, key]))} />
                  {isGridShown && <svg viewBox={`0 0 ${resized.width} ${resized.height}`} preserveAspectRatio="none" aria-hidden="true"><Grid {...resized} side={blockSide} /></svg>}
                </div>
              )}
              <figcaption><b>{slot === undefined ? '' : `${at + 1} · ${t(`review.slot.${slot}`)}, `}{name}</b> · {window ?? t('review.colour')} · <span className="number">{resized.width} × {resized.height}</span> · <code title={pixelsSha256}>SHA-256 {pixelsSha256.slice(0, 16)}…</code></figcaption>
            </figure>
          );
        })}</div>
      </div>}
    </Dialog>
  );
}

/** Pixels of a merged block of patches, 2 × 14: one token of the prompt for each. */
const blockSide = 28;

function Grid({ width, height, side }: { readonly width: number; readonly height: number; readonly side: number }): ReactElement {
  const lines = [
    ...Array.from({ length: Math.max(0, Math.ceil(width / side) - 1) }, (_, i) => `M${(i + 1) * side} 0V${height}`),
    ...Array.from({ length: Math.max(0, Math.ceil(height / side) - 1) }, (_, i) => `M0 ${(i + 1) * side}H${width}`),
  ];
  return <path d={lines.join('')} fill="none" stroke="var(--accent)" strokeWidth={1} strokeOpacity={0.7} vectorEffect="non-scaling-stroke" />;
}
