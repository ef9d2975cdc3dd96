/** A stack of frames under the pointer. */
import { useEffect, useRef, useState, type ReactElement, type ReactNode } from 'react';
import type { WiredFrame } from '#electron/contract/frame.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import { Fault } from '#models/base/fault.ts';
import { scaleOf } from '#models/imaging/measures.ts';
import type { Point } from '#models/imaging/coordinates.ts';
import type { CanvasViewport } from './canvasViewport.ts';
import type { Tool } from './drawings.ts';
import { FrameFurniture } from './FrameView.tsx';
import { fetchAhead, fetchFrame } from './frames.ts';
import { useCanvasViewport } from './useCanvasViewport.ts';
import './viewports.css';
import type { Look } from './windowing.ts';

interface StackViewProps {
  readonly series: SeriesSummary;
  readonly index: number;
  /** Null: as the frame says. */
  readonly look: Look | null;
  readonly tool: Tool;
  /** Millimetres for one pixel where a person calibrated the image. */
  readonly calibration: number | null;
  readonly corner: { readonly topLeft: readonly string[]; readonly topRight: readonly string[] };
  readonly onIndex: (index: number) => void;
  readonly onLook: (look: Look) => void;
  readonly onFrame: (frame: WiredFrame) => void;
  readonly onViewport: (viewport: CanvasViewport | null) => void;
  readonly onPoint?: (point: Point) => void;
  readonly children?: ReactNode;
}

const aheadBy = 24;

export function StackView({ series, index, look, tool, calibration, corner, onIndex, onLook, onFrame, onViewport, onPoint, children }: StackViewProps): ReactElement {
  const { canvas, element, viewport, shown, show, seen, pointer, probeRef } = useCanvasViewport({ look, tool, onLook, onFrame, onViewport, onLeaf: (by) => onIndex(index + by), ...(onPoint ? { onPoint } : {}) });
  const [fault, setFault] = useState<Fault | null>(null);
  const frame = series.frames[index];
  // Leafing faster than slices come shows those that come, in their order; one that comes after a later one is not shown any more.
  const order = useRef({ asked: 0, shown: 0 });
  useEffect(() => {
    const counts = { asked: 0, shown: 0 };
    order.current = counts;
    return () => {
      // What comes after the viewport is gone is for nobody.
      counts.shown = Infinity;
    };
  }, [viewport]);
  useEffect(() => {
    if (!frame || !viewport) return undefined;
    const counts = order.current;
    const own = ++counts.asked;
    fetchFrame(frame.id).then((wired) => {
      if (own < counts.shown) return;
      counts.shown = own;
      setFault(null);
      show(wired);
      if (own === counts.asked) fetchAhead(neighbours(series, index));
    }, (thrown: unknown) => {
      if (own === counts.asked) setFault(thrown instanceof Fault ? thrown : new Fault({ code: 'frame.damaged', what: 'The image cannot be shown.', why: String(thrown), mend: 'Import the study again.' }));
    });
    return undefined;
  }, [frame, index, series, viewport, show]);
  const header = shown?.header ?? null;
  const count = series.frames.length;
  return (
    <div className="viewport" ref={element} data-frame={frame?.id} data-shown={header?.id} data-ready={header !== null || undefined} data-tool={tool} {...pointer} onContextMenu={(event) => event.preventDefault()}>
      <canvas className="image" ref={canvas} tabIndex={0} aria-label={`${series.description}, ${index + 1} / ${count}`} />
      {children}
      <div className="corner top-left person">{corner.topLeft.map((line, at) => <div key={at} className={at > 0 ? 'dim' : undefined}>{line}</div>)}</div>
      <div className="corner top-right">{corner.topRight.map((line, at) => <div key={at} className="dim">{line}</div>)}</div>
      {header && viewport && (
        <FrameFurniture
          header={header} viewport={viewport} look={seen} scale={scaleOf(header.geometry, header.modality, calibration)} probeRef={probeRef}
          bottomLeft={<>
            {count > 1 && <div data-slice={index}>{index + 1} / {count}</div>}
            {frame?.alongMm != null && <div className="dim">{frame.alongMm.toFixed(1)} mm</div>}
          </>}
        />
      )}
      {count > 1 && <div className="scroller" aria-hidden="true"><div style={{ height: `${100 / count}%`, top: `${(100 * index) / count}%` }} /></div>}
      {fault && <div className="viewport-fault" role="alert"><strong>{fault.what}</strong><span>{fault.why}</span><span>{fault.mend}</span></div>}
    </div>
  );
}

/** Frames around the one that is seen, the nearest first, forward before backward. */
function neighbours({ frames }: SeriesSummary, index: number): readonly string[] {
  const ids: string[] = [];
  for (let step = 1; step <= aheadBy; step++) for (const at of [index + step, index - step]) {
    const id = frames[at]?.id;
    if (id !== undefined) ids.push(id);
  }
  return ids;
}
