/** What stands around a frame on its canvas, of a stack or cut out of a volume: letters, scale, window, the value under the pointer. */
import type { ReactElement, ReactNode } from 'react';
import type { FrameHeader } from '#electron/contract/frame.ts';
import type { Scale } from '#models/imaging/measures.ts';
import type { CanvasViewport } from './canvasViewport.ts';
import { edgeLetters, scaleBar } from './orientation.ts';
import type { Look } from './windowing.ts';

interface FrameFurnitureProps {
  readonly header: FrameHeader;
  readonly viewport: CanvasViewport;
  readonly look: Look | null;
  readonly scale: Scale;
  readonly bottomLeft: ReactNode;
  /** Where the value under the pointer is written. */
  readonly probeRef: (element: HTMLElement | null) => void;
}

export function FrameFurniture({ header, viewport, look, scale, bottomLeft, probeRef }: FrameFurnitureProps): ReactElement {
  const map = viewport.toScreen();
  const letters = edgeLetters(header.geometry, map, header.patientOrientation);
  // Along the screen's horizontal, whichever way the image is turned.
  const unitsPerPixel = Math.hypot(map.yy * scale.column, map.yx * scale.row) / Math.abs(map.xx * map.yy - map.xy * map.yx);
  const bar = scale.unit === 'mm' ? scaleBar(unitsPerPixel, viewport.width()) : null;
  return (
    <>
      <div className="corner bottom-left number"><div className="dim" ref={probeRef} />{bottomLeft}</div>
      <div className="corner bottom-right number">
        {look && <div data-window={`${round(look.width)}/${round(look.center)}`}>{look.name ?? 'W/L'} · W {round(look.width)} L {round(look.center)}{header.unit === '' ? '' : ` ${header.unit}`}{look.isInverted ? ' · inverted' : ''}</div>}
        <div className="dim">{header.columns} × {header.rows}{scale.unit === 'px' ? ' px, no scale' : ''} · {Math.round(viewport.zoom() * 100)} %{header.isLossy ? ' · lossy' : ''}</div>
      </div>
      {letters && (['left', 'right', 'top', 'bottom'] as const).map((edge) => <span key={edge} className={`letter ${edge}`}>{letters[edge]}</span>)}
      {bar && <div className="scale-bar" style={{ width: bar.pixels }} title={scale.source}><span>{bar.label}{scale.caution === '' ? '' : ` (${scale.caution})`}</span></div>}
    </>
  );
}

const round = (value: number): number => (Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 10) / 10);
