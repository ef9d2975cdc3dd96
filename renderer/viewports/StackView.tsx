/** A stack of frames under the pointer: wheel leafs, left drag windows, middle drag moves, right drag enlarges. */
import { useEffect, useRef, useState, type PointerEvent, type ReactElement, type ReactNode } from 'react';
import type { FrameHeader } from '#electron/contract/frame.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import { Fault } from '#models/base/fault.ts';
import { createCanvasViewport, type CanvasViewport } from './canvasViewport.ts';
import { fetchAhead, fetchFrame } from './frames.ts';
import { edgeLetters, scaleBar } from './orientation.ts';
import './viewports.css';
import { dragged, firstLook, type Look } from './windowing.ts';

interface StackViewProps {
  readonly series: SeriesSummary;
  readonly index: number;
  /** Null: as the frame says. */
  readonly look: Look | null;
  readonly corner: { readonly topLeft: readonly string[]; readonly topRight: readonly string[] };
  readonly onIndex: (index: number) => void;
  readonly onLook: (look: Look) => void;
  readonly onHeader: (header: FrameHeader) => void;
  readonly onViewport: (viewport: CanvasViewport | null) => void;
  readonly children?: ReactNode;
}

const aheadBy = 24;

export function StackView({ series, index, look, corner, onIndex, onLook, onHeader, onViewport, children }: StackViewProps): ReactElement {
  const canvas = useRef<HTMLCanvasElement>(null);
  const viewport = useRef<CanvasViewport | null>(null);
  const [header, setHeader] = useState<FrameHeader | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [, setTick] = useState(0);
  const latest = useRef({ index, look, onIndex, onLook, onHeader, onViewport, header });
  latest.current = { index, look, onIndex, onLook, onHeader, onViewport, header };

  useEffect(() => {
    const made = createCanvasViewport(canvas.current as HTMLCanvasElement);
    viewport.current = made;
    latest.current.onViewport(made);
    const end = made.onViewChange(() => setTick((tick) => tick + 1));
    const element = canvas.current as HTMLCanvasElement;
    // React's own wheel listener cannot keep the page from scrolling.
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      if (event.ctrlKey) made.zoomAt({ x: event.clientX - left, y: event.clientY - top }, 1.0015 ** -event.deltaY);
      else if (event.deltaY !== 0 || event.deltaX !== 0) latest.current.onIndex(latest.current.index + Math.sign(event.deltaY || event.deltaX) * (event.shiftKey ? 10 : 1));
    };
    element.addEventListener('wheel', wheel, { passive: false });
    return () => {
      element.removeEventListener('wheel', wheel);
      end();
      made.dispose();
      viewport.current = null;
      latest.current.onViewport(null);
    };
  }, []);

  const frame = series.frames[index];
  useEffect(() => {
    if (!frame) return undefined;
    let isWanted = true;
    fetchFrame(frame.id).then((wired) => {
      if (!isWanted) return;
      setFault(null);
      setHeader(wired.header);
      latest.current.onHeader(wired.header);
      viewport.current?.show(wired, latest.current.look ?? firstLook(wired.header));
      fetchAhead(neighbours(series, index));
    }, (thrown: unknown) => {
      if (isWanted) setFault(thrown instanceof Fault ? thrown : new Fault({ code: 'frame.damaged', what: 'The image cannot be shown.', why: String(thrown), mend: 'Import the study again.' }));
    });
    return () => {
      isWanted = false;
    };
  }, [frame, index, series]);

  useEffect(() => {
    if (header) viewport.current?.setLook(look ?? firstLook(header));
  }, [look, header]);

  const drag = useRef<{ readonly button: number; x: number; y: number } | null>(null);
  const down = (event: PointerEvent<HTMLCanvasElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = { button: event.button, x: event.clientX, y: event.clientY };
  };
  const move = (event: PointerEvent<HTMLCanvasElement>): void => {
    const from = drag.current;
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    drag.current = { ...from, x: event.clientX, y: event.clientY };
    const shown = latest.current.look ?? (header && firstLook(header));
    if (from.button === 1 || (from.button === 0 && !shown)) viewport.current?.pan({ x: dx, y: dy });
    else if (from.button === 2) viewport.current?.zoomBy(1.006 ** -dy);
    else if (shown) {
      // A wide window wants larger steps: a drag over the whole view doubles or empties it. Shift is coarse, Alt is fine.
      const step = (shown.width / 300) * (event.shiftKey ? 5 : event.altKey ? 0.2 : 1);
      latest.current.onLook(dragged(shown, { center: shown.center - dy * step, width: shown.width + dx * step * 1.5 }));
    }
  };
  const up = (): void => {
    drag.current = null;
  };

  const shown = header && (look ?? firstLook(header));
  const map = viewport.current?.toScreen();
  const letters = header && map ? edgeLetters(header.geometry, map) : null;
  const spacing = header?.geometry.spacingMm;
  const bar = spacing && map && viewport.current ? scaleBar(spacing[1] / Math.hypot(map.xx, map.yx), canvas.current?.clientWidth ?? 0) : null;
  const count = series.frames.length;
  return (
    <div className="viewport" data-frame={frame?.id} data-ready={header !== null || undefined}>
      <canvas className="image" ref={canvas} tabIndex={0} aria-label={`${series.description}, ${index + 1} / ${count}`} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={up} onContextMenu={(event) => event.preventDefault()} />
      {children}
      <div className="corner top-left">{corner.topLeft.map((line, at) => <div key={at} className={at > 0 ? 'dim' : undefined}>{line}</div>)}</div>
      <div className="corner top-right">{corner.topRight.map((line, at) => <div key={at} className="dim">{line}</div>)}</div>
      <div className="corner bottom-left number">
        {count > 1 && <div>{index + 1} / {count}</div>}
        {frame?.alongMm != null && <div className="dim">{frame.alongMm.toFixed(1)} mm</div>}
      </div>
      <div className="corner bottom-right number">
        {shown && header && <div>{shown.name ?? 'W/L'} · W {round(shown.width)} L {round(shown.center)}{header.unit === '' ? '' : ` ${header.unit}`}{shown.isInverted ? ' · inverted' : ''}</div>}
        <div className="dim">{header ? `${header.columns} × ${header.rows}${spacing ? '' : ' px'}` : ''}{viewport.current ? ` · ${Math.round(viewport.current.zoom() * 100)} %` : ''}</div>
      </div>
      {letters && (['left', 'right', 'top', 'bottom'] as const).map((edge) => <span key={edge} className={`letter ${edge}`}>{letters[edge]}</span>)}
      {bar && <div className="scale-bar" style={{ width: bar.pixels }}><span>{bar.label}{header?.geometry.spacingSource === 'ImagerPixelSpacing' ? ' (detector plane)' : ''}</span></div>}
      {count > 1 && <div className="scroller" aria-hidden="true"><div style={{ height: `${100 / count}%`, top: `${(100 * index) / count}%` }} /></div>}
      {fault && <div className="viewport-fault" role="alert"><strong>{fault.what}</strong><span>{fault.why}</span><span>{fault.mend}</span></div>}
    </div>
  );
}

const round = (value: number): number => (Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 10) / 10);

/** Frames around the one that is seen, the nearest first, forward before backward. */
function neighbours({ frames }: SeriesSummary, index: number): readonly string[] {
  const ids: string[] = [];
  for (let step = 1; step <= aheadBy; step++) for (const at of [index + step, index - step]) {
    const id = frames[at]?.id;
    if (id !== undefined) ids.push(id);
  }
  return ids;
}
