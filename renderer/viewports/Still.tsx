/** A frame as a small picture, drawn from its stored values. */
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type { WiredFrame } from '#electron/contract/frame.ts';
import { fetchFrame } from './frames.ts';
import { firstLook, type Look } from './windowing.ts';

interface StillProps {
  readonly frameId: string;
  readonly label: string;
  /** Null: as the frame says. */
  readonly look: Look | null;
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly onFrame?: (frame: WiredFrame) => void;
}

export function Still({ frameId, label, look, width, height, onFrame }: StillProps): ReactElement {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, setFrame] = useState<WiredFrame | null>(null);
  const told = useRef(onFrame);
  told.current = onFrame;
  useEffect(() => {
    let isWanted = true;
    fetchFrame(frameId).then((wired) => {
      if (!isWanted) return;
      setFrame(wired);
      told.current?.(wired);
    }, () => undefined);
    return () => {
      isWanted = false;
    };
  }, [frameId]);
  useEffect(() => {
    const own = canvas.current;
    if (!own || !frame) return undefined;
    let isWanted = true;
    // The library is loaded with the first still, not with the page.
    void import('./still.ts').then(({ drawStill }) => {
      if (!isWanted) return;
      const density = window.devicePixelRatio || 1;
      own.width = Math.round(width * density);
      own.height = Math.round(height * density);
      drawStill(own, frame, look ?? firstLook(frame.header));
      own.dataset['still'] = frame.header.id;
    });
    return () => {
      isWanted = false;
    };
  }, [frame, look, width, height]);
  return <canvas className="still" ref={canvas} role="img" aria-label={label} style={{ width, height }} />;
}
