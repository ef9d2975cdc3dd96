/** A slide under the pointer: wheel enlarges, drag moves. */
import { useEffect, useRef, useState, type ReactElement, type ReactNode } from 'react';
import type { SlideSummary } from '#electron/contract/library.ts';
import { tileUrl } from '#renderer/workstation/urls.ts';
import { scaleBar } from './orientation.ts';
import { createSlideViewport, type SlideViewport } from './slideViewport.ts';
import './viewports.css';

interface SlideViewProps {
  readonly slide: SlideSummary;
  readonly corner: { readonly topLeft: readonly string[]; readonly topRight: readonly string[] };
  readonly onViewport: (viewport: SlideViewport | null) => void;
  readonly children?: ReactNode;
}

export function SlideView({ slide, corner, onViewport, children }: SlideViewProps): ReactElement {
  const element = useRef<HTMLDivElement>(null);
  const viewport = useRef<SlideViewport | null>(null);
  const [, setTick] = useState(0);
  const latest = useRef(onViewport);
  latest.current = onViewport;
  useEffect(() => {
    const made = createSlideViewport(element.current as HTMLDivElement, slide, (level, column, row) => tileUrl(slide.id, level, column, row));
    viewport.current = made;
    latest.current(made);
    const end = made.onViewChange(() => setTick((tick) => tick + 1));
    return () => {
      end();
      made.dispose();
      viewport.current = null;
      latest.current(null);
    };
  }, [slide]);
  const zoom = viewport.current?.zoom() ?? 1;
  const { mpp } = slide;
  const bar = mpp ? scaleBar(mpp.x / 1000 / zoom, element.current?.clientWidth ?? 0) : null;
  return (
    <div className="viewport" data-slide={slide.id}>
      <div className="slide" ref={element} />
      {children}
      <div className="corner top-left">{corner.topLeft.map((line, at) => <div key={at} className={at > 0 ? 'dim' : undefined}>{line}</div>)}</div>
      <div className="corner bottom-left number">
        {/* A pixel of 0.25 µm is what an objective of forty times gives. */}
        {mpp && <div>{magnification(10 / (mpp.x / zoom))}×</div>}
        <div className="dim">{mpp ? `${(mpp.x / zoom).toPrecision(2)} µm/px` : `${Math.round(zoom * 100)} % (no scale in the file)`}</div>
      </div>
      {bar && <div className="scale-bar" style={{ width: bar.pixels }}><span>{bar.label}</span></div>}
    </div>
  );
}

const magnification = (value: number): string => (value >= 10 ? value.toFixed(0) : value.toPrecision(2));
