/** What pointer and wheel do on a canvas of frames: the left button follows the chosen tool, the middle moves, the right enlarges, the wheel leafs. */
import { useEffect, useRef, type PointerEvent, type RefObject } from 'react';
import type { Point } from '#models/imaging/coordinates.ts';
import type { CanvasViewport } from './canvasViewport.ts';
import { isDrawingTool, type Tool } from './drawings.ts';
import { dragged, type Look } from './windowing.ts';

export interface PointerDeeds {
  readonly viewport: CanvasViewport | null;
  readonly look: Look | null;
  readonly tool: Tool;
  readonly onLook: (look: Look) => void;
  readonly onLeaf: (by: number) => void;
  /** The crosshair tool: image pixels under the pointer. */
  readonly onPoint?: (point: Point) => void;
  /** Wherever the pointer is, null once it left. */
  readonly onHover?: (point: Point | null) => void;
}

export interface PointerHandlers {
  readonly onPointerDown: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerMove: (event: PointerEvent<HTMLElement>) => void;
  readonly onPointerUp: () => void;
  readonly onPointerCancel: () => void;
  readonly onPointerLeave: () => void;
}

/** @param element  the viewport's whole element: scrolling it needs no click before */
export function usePointer(element: RefObject<HTMLElement | null>, deeds: PointerDeeds): PointerHandlers {
  const latest = useRef(deeds);
  latest.current = deeds;
  const drag = useRef<{ readonly button: number; readonly x: number; readonly y: number } | null>(null);
  const rest = useRef(0);
  useEffect(() => {
    const own = element.current as HTMLElement;
    // React's own wheel listener cannot keep the page from scrolling.
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { viewport, onLeaf } = latest.current;
      const { left, top } = own.getBoundingClientRect();
      if (event.ctrlKey) return viewport?.zoomAt({ x: event.clientX - left, y: event.clientY - top }, 1.0015 ** -event.deltaY);
      const delta = event.deltaY || event.deltaX;
      if (delta === 0) return;
      // A notch of a wheel is an image; a touchpad's many small steps add up to one.
      rest.current = Math.sign(rest.current) === Math.sign(delta) ? rest.current + delta : delta;
      const notch = event.deltaMode === 0 ? 40 : 1;
      if (Math.abs(rest.current) < notch) return;
      rest.current = 0;
      onLeaf(Math.sign(delta) * (event.shiftKey ? 10 : 1));
    };
    own.addEventListener('wheel', wheel, { passive: false });
    return () => own.removeEventListener('wheel', wheel);
  }, [element]);

  const pointOf = (event: PointerEvent<HTMLElement>): Point | null => {
    const { left, top } = (element.current as HTMLElement).getBoundingClientRect();
    return latest.current.viewport?.toImage({ x: event.clientX - left, y: event.clientY - top }) ?? null;
  };
  const end = (): void => {
    drag.current = null;
  };
  return {
    onPointerDown(event) {
      const { tool, onPoint } = latest.current;
      const isSurface = event.target instanceof Element && event.target.matches('canvas, .drawing-surface');
      if (!isSurface || (event.button === 0 && isDrawingTool(tool))) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      drag.current = { button: event.button, x: event.clientX, y: event.clientY };
      const point = event.button === 0 && tool === 'crosshair' ? pointOf(event) : null;
      if (point) onPoint?.(point);
    },
    onPointerMove(event) {
      const { viewport, look, tool, onLook, onPoint, onHover } = latest.current;
      const point = onHover || (tool === 'crosshair' && drag.current) ? pointOf(event) : null;
      onHover?.(point);
      const from = drag.current;
      if (!from || !viewport) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      drag.current = { ...from, x: event.clientX, y: event.clientY };
      const does = from.button === 1 ? 'pan' : from.button === 2 ? 'zoom' : tool;
      if (does === 'zoom') viewport.zoomBy(1.006 ** -dy);
      else if (does === 'crosshair') {
        if (point) onPoint?.(point);
      } else if (does === 'pan' || !look) viewport.pan({ x: dx, y: dy });
      else {
        // A wide window wants larger steps: a drag over the whole view doubles or empties it. Shift is coarse, Alt is fine.
        const step = (look.width / 300) * (event.shiftKey ? 5 : event.altKey ? 0.2 : 1);
        onLook(dragged(look, { center: look.center - dy * step, width: look.width + dx * step * 1.5 }));
      }
    },
    onPointerUp: end,
    onPointerCancel: end,
    onPointerLeave: () => latest.current.onHover?.(null),
  };
}
