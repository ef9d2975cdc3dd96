/** A slide under the pointer: wheel enlarges about the pointer, drag moves, arrow keys move, digits jump to an objective's magnification. */
import { useEffect, useMemo, useRef, useState, type PointerEvent, type ReactElement, type ReactNode } from 'react';
import type { SlideSummary } from '#electron/contract/library.ts';
import { ChannelPanel } from './ChannelPanel.tsx';
import { firstChannels, type ChannelSetting } from './channels.ts';
import { isDrawingTool, type Tool } from './drawings.ts';
import { scaleBar } from './orientation.ts';
import { magnificationOf } from './magnification.ts';
import { createSlideViewport, type SlideViewport } from './slideViewport.ts';
import './viewports.css';

interface SlideViewProps {
  readonly slide: SlideSummary;
  readonly tool: Tool;
  readonly corner: { readonly topLeft: readonly string[]; readonly topRight: readonly string[] };
  /** How its channels are seen; null: as the file has them at first. */
  readonly channels: readonly ChannelSetting[] | null;
  readonly areChannelsListed: boolean;
  readonly onChannels: (channels: readonly ChannelSetting[] | null) => void;
  readonly onViewport: (viewport: SlideViewport | null) => void;
  readonly children?: ReactNode;
}

export function SlideView({ slide, tool, corner, channels, areChannelsListed, onChannels, onViewport, children }: SlideViewProps): ReactElement {
  const element = useRef<HTMLDivElement>(null);
  const outer = useRef<HTMLDivElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const viewport = useRef<SlideViewport | null>(null);
  const [, setTick] = useState(0);
  const [isMoving, setMoving] = useState(false);
  const latest = useRef(onViewport);
  latest.current = onViewport;
  const settings = useMemo(() => (slide.channels ? channels ?? firstChannels(slide.channels) : null), [slide, channels]);
  const seen = useRef(settings);
  seen.current = settings;
  useEffect(() => {
    const made = createSlideViewport(element.current as HTMLDivElement, slide, seen.current);
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
  useEffect(() => {
    if (settings) viewport.current?.setChannels(settings);
  }, [settings]);
  // Space held: the hand, whatever tool is chosen; and the wheel enlarges over drawings as it does over the slide.
  useEffect(() => {
    const own = outer.current as HTMLDivElement;
    const isTyping = (target: EventTarget | null): boolean => target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT|BUTTON)$/.test(target.tagName) || target.isContentEditable);
    const down = (event: KeyboardEvent): void => {
      if (event.key === ' ' && !isTyping(event.target)) setMoving(true);
    };
    const up = (event: KeyboardEvent): void => {
      if (event.key === ' ') setMoving(false);
    };
    const wheel = (event: WheelEvent): void => {
      if (!(event.target instanceof Element) || !event.target.closest('svg')) return;
      event.preventDefault();
      const { left, top } = own.getBoundingClientRect();
      viewport.current?.zoomAt({ x: event.clientX - left, y: event.clientY - top }, event.deltaY > 0 ? 1 / 1.2 : 1.2);
    };
    window.addEventListener('keydown', down);
    window.addEventListener('keyup', up);
    own.addEventListener('wheel', wheel, { passive: false });
    return () => {
      window.removeEventListener('keydown', down);
      window.removeEventListener('keyup', up);
      own.removeEventListener('wheel', wheel);
    };
  }, []);
  const { mpp } = slide;
  const hover = ({ clientX, clientY }: PointerEvent): void => {
    const { left, top } = (outer.current as HTMLDivElement).getBoundingClientRect();
    const point = viewport.current?.toImage({ x: clientX - left, y: clientY - top });
    if (!place.current || !point) return;
    const isOn = point.x >= 0 && point.y >= 0 && point.x < slide.width && point.y < slide.height;
    place.current.textContent = !isOn ? '' : mpp ? `${((point.x * mpp.x) / 1000).toFixed(3)}, ${((point.y * mpp.y) / 1000).toFixed(3)} mm` : `${Math.floor(point.x)}, ${Math.floor(point.y)} px`;
  };
  const zoom = viewport.current?.zoom() ?? 1;
  const bar = mpp ? scaleBar(mpp.x / 1000 / zoom, element.current?.clientWidth ?? 0) : null;
  return (
    <div className="viewport" ref={outer} data-slide={slide.id} data-zoom={zoom.toPrecision(8)} data-complete={viewport.current?.isComplete() || undefined} data-tool={tool} data-moving={(isMoving && isDrawingTool(tool)) || undefined} onPointerMove={hover}>
      <div className="slide" ref={element} />
      {children}
      <div className="corner top-left person">{corner.topLeft.map((line, at) => <div key={at} className={at > 0 ? 'dim' : undefined}>{line}</div>)}</div>
      <div className="corner top-right">{corner.topRight.map((line, at) => <div key={at} className="dim">{line}</div>)}</div>
      <div className="corner bottom-left number">
        <div className="dim" ref={place} />
        {mpp && <div data-magnification>{magnification(magnificationOf(mpp.x, zoom))}×</div>}
        <div className="dim" title={slide.mppSource}>{mpp ? `${(mpp.x / zoom).toPrecision(3)} µm/px` : `${Math.round(zoom * 100)} % (no scale in the file)`}</div>
      </div>
      {slide.channels && settings && areChannelsListed && <ChannelPanel channels={slide.channels} settings={settings} onChange={onChannels} />}
      {bar && <div className="scale-bar" data-bar={bar.pixels} style={{ width: bar.pixels }}><span>{bar.label}</span></div>}
    </div>
  );
}

const magnification = (value: number): string => (value >= 9.95 ? value.toFixed(0) : value.toPrecision(2));
