/** Every drawing of the study: to jump to, name, lock, colour, hide. */
import { type ReactElement } from 'react';
import { Icon } from '#renderer/design/Icon.tsx';
import { change, drawingColours, drawings, drop, type Drawing } from '#renderer/viewports/drawings.ts';
import { Still } from '#renderer/viewports/Still.tsx';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { review, stage } from './review.ts';
import { placeOf } from './state.ts';

/** Brings the image up and the drawing into its middle. */
export function jumpTo({ annotation }: Drawing): void {
  const { detail } = review.get();
  const place = detail && placeOf(detail, annotation.frameId);
  if (!place) return;
  review.dispatch({ type: 'series', at: place.seriesAt });
  review.dispatch({ type: 'frame', at: place.frameAt });
  drawings.dispatch({ type: 'select', id: annotation.id });
  const { points } = annotation;
  const middle = { x: (Math.min(...points.map(({ x }) => x)) + Math.max(...points.map(({ x }) => x))) / 2, y: (Math.min(...points.map(({ y }) => y)) + Math.max(...points.map(({ y }) => y))) / 2 };
  requestAnimationFrame(() => requestAnimationFrame(() => (stage.canvas ?? stage.slide)?.centre(middle)));
}

export function DrawingList(): ReactElement {
  const t = useText();
  const { all, selectedId } = useStore(drawings, (state) => state);
  const { detail, looks } = useStore(review, (state) => state);
  const shown = detail ? all.filter(({ annotation }) => placeOf(detail, annotation.frameId)) : [];
  return (
    <aside className="drawing-list" aria-label={t('stage.list')}>
      <h3>{t('stage.list')}</h3>
      {shown.length === 0 && <p className="hint">{t('stage.noDrawings')}</p>}
      <ul>
        {shown.map((drawing) => {
          const { annotation } = drawing;
          const place = detail && placeOf(detail, annotation.frameId);
          const series = place && detail?.series[place.seriesAt];
          const next = drawingColours[(drawingColours.indexOf(annotation.colour as typeof drawingColours[number]) + 1) % drawingColours.length] as string;
          return (
            <li key={annotation.id} data-row={annotation.id} data-selected={annotation.id === selectedId || undefined}>
              <button className="swatch" aria-label={t('stage.colour')} title={t('stage.colour')} disabled={annotation.isLocked} style={{ background: annotation.colour }} onClick={() => change(drawing, { colour: next })} />
              <button className="jump" onClick={() => jumpTo(drawing)}>
                <b>{t(`stage.tool.${annotation.kind}`)}</b> <span className="number">{series && series.frames.length > 1 ? (place?.frameAt ?? 0) + 1 : ''}</span>
              </button>
              <button className="icon-button" aria-label={t(annotation.isLocked ? 'stage.unlock' : 'stage.lock')} aria-pressed={annotation.isLocked} onClick={() => change(drawing, { isLocked: !annotation.isLocked })}><Icon name={annotation.isLocked ? 'lock' : 'unlock'} size={13} /></button>
              <button className="icon-button" aria-label={t(annotation.isHidden ? 'stage.show' : 'stage.hide')} aria-pressed={!annotation.isHidden} onClick={() => change(drawing, { isHidden: !annotation.isHidden })}><Icon name="eye" size={13} /></button>
              <button className="icon-button" aria-label={t('stage.remove')} disabled={annotation.isLocked} onClick={() => drop(annotation.id)}><Icon name="trash" size={13} /></button>
              {annotation.kind === 'key' && series && !series.slide && <button className="key-image" aria-label={t('stage.tool.key')} onClick={() => jumpTo(drawing)}><Still frameId={annotation.frameId} label={series.description} look={looks[series.id] ?? null} width={96} height={96} /></button>}
              <input
                key={annotation.text} aria-label={t('stage.rename')} placeholder={t('stage.rename')} defaultValue={annotation.text} disabled={annotation.isLocked} maxLength={400}
                onBlur={(event) => (event.target.value.trim() !== annotation.text ? change(drawing, { text: event.target.value.trim() }) : undefined)}
                onKeyDown={(event) => {
                  event.stopPropagation();
                  if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur();
                }}
              />
            </li>
          );
        })}
      </ul>
    </aside>
  );
}
