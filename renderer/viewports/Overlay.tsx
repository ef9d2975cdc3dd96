/** Boxes over an image, for frames and slides alike: each can be hovered and clicked, and keeps its number. */
import { useEffect, useState, type ReactElement } from 'react';
import type { Box } from '#models/clinical/finding.ts';
import { mapBox } from '#models/imaging/coordinates.ts';
import { useText } from '#renderer/workstation/text.ts';
import type { Viewport } from './viewport.ts';

export interface Mark {
  readonly id: string;
  readonly box: Box;
  readonly label: string;
  readonly colour: string;
  /** The step that cites it, from 1; null where only the answer does. */
  readonly number: number | null;
}

interface OverlayProps {
  readonly viewport: Viewport;
  readonly marks: readonly Mark[];
  readonly litId: string | null;
  readonly onHover: (id: string | null) => void;
  readonly onChoose: (id: string) => void;
}

export function Overlay({ viewport, marks, litId, onHover, onChoose }: OverlayProps): ReactElement {
  const t = useText();
  const [, setTick] = useState(0);
  useEffect(() => viewport.onViewChange(() => setTick((tick) => tick + 1)), [viewport]);
  const map = viewport.toScreen();
  return (
    <svg className="overlay" role="group" aria-label={t('app.marks')}>
      {marks.map(({ id, box, label, colour, number }) => {
        const { x1, y1, x2, y2 } = mapBox(map, box);
        const [x, y, width, height] = [Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1)];
        const isLit = litId === id;
        const name = number === null ? label : `${number} · ${label}`;
        const tagWidth = Math.min(220, 14 + name.length * 6.6);
        const above = y > 24;
        return (
          <g
            key={id} className="mark" data-mark={id} data-lit={isLit || undefined} data-dim={litId !== null && !isLit ? true : undefined} style={{ color: colour }} tabIndex={0} role="button" aria-label={name}
            onPointerEnter={() => onHover(id)} onPointerLeave={() => onHover(null)} onFocus={() => onHover(id)} onBlur={() => onHover(null)} onClick={() => onChoose(id)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter') return;
              event.stopPropagation();
              onChoose(id);
            }}
          >
            <rect className="halo" x={x} y={y} width={width} height={height} rx={3} />
            <rect className="line" x={x} y={y} width={width} height={height} rx={3} />
            <g transform={`translate(${x}, ${above ? y - 21 : y + 4})`}>
              <rect className="label" width={tagWidth} height={18} rx={4} />
              <text x={7} y={12.8}>{name.length > 32 ? `${name.slice(0, 31)}…` : name}</text>
            </g>
          </g>
        );
      })}
    </svg>
  );
}
