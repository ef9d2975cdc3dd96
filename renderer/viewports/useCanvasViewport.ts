/** A canvas with a viewport on it for as long as its component is there: what stacks and planes share. */
import { useCallback, useEffect, useRef, useState, type RefObject } from 'react';
import type { WiredFrame } from '#electron/contract/frame.ts';
import { createCanvasViewport, type CanvasViewport } from './canvasViewport.ts';
import type { Tool } from './drawings.ts';
import { probeText } from './measured.ts';
import { usePointer, type PointerDeeds, type PointerHandlers } from './pointer.ts';
import { firstLook, type Look } from './windowing.ts';

interface CanvasDeeds extends Pick<PointerDeeds, 'onLook' | 'onLeaf' | 'onPoint'> {
  /** Null: as the frame says. */
  readonly look: Look | null;
  readonly tool: Tool;
  readonly onFrame: (frame: WiredFrame) => void;
  readonly onViewport: (viewport: CanvasViewport | null) => void;
}

interface CanvasParts {
  readonly canvas: RefObject<HTMLCanvasElement | null>;
  readonly element: RefObject<HTMLDivElement | null>;
  /** Where the value under the pointer is written. */
  readonly probeRef: (element: HTMLElement | null) => void;
  readonly viewport: CanvasViewport | null;
  /** What is on the canvas now; null before the first. */
  readonly shown: WiredFrame | null;
  /** The same function for as long as the viewport is the same. */
  readonly show: (frame: WiredFrame) => void;
  /** The window that is on; null for colour. */
  readonly seen: Look | null;
  readonly pointer: PointerHandlers;
}

export function useCanvasViewport(deeds: CanvasDeeds): CanvasParts {
  const canvas = useRef<HTMLCanvasElement>(null);
  const element = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLElement | null>(null);
  const [viewport, setViewport] = useState<CanvasViewport | null>(null);
  const [shown, setShown] = useState<WiredFrame | null>(null);
  const [, setTick] = useState(0);
  const latest = useRef(deeds);
  latest.current = deeds;
  useEffect(() => {
    const made = createCanvasViewport(canvas.current as HTMLCanvasElement);
    setViewport(made);
    latest.current.onViewport(made);
    const end = made.onViewChange(() => setTick((tick) => tick + 1));
    return () => {
      end();
      made.dispose();
      setViewport(null);
      latest.current.onViewport(null);
    };
  }, []);
  const show = useCallback((frame: WiredFrame): void => {
    setShown(frame);
    viewport?.show(frame, latest.current.look ?? firstLook(frame.header));
    latest.current.onFrame(frame);
  }, [viewport]);
  const { look, tool, onLook, onLeaf, onPoint } = deeds;
  const header = shown?.header ?? null;
  const seen = header && (look ?? firstLook(header));
  useEffect(() => {
    if (header) viewport?.setLook(look ?? firstLook(header));
  }, [look, header, viewport]);
  const pointer = usePointer(element, {
    viewport, look: seen, tool, onLook, onLeaf, ...(onPoint ? { onPoint } : {}),
    onHover: (point) => {
      if (probe.current) probe.current.textContent = point && shown ? probeText(shown, point) : '';
    },
  });
  return {
    canvas, element, viewport, shown, show, seen, pointer,
    probeRef: (made) => {
      probe.current = made;
    },
  };
}
