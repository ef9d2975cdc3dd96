/** Where the planes of other cells cut this frame. */
import { useEffect, useState, type ReactElement } from 'react';
import { mapPoint, type Point } from '#models/imaging/coordinates.ts';
import type { Viewport } from './viewport.ts';

export interface ReferenceLine {
  readonly id: string;
  readonly ends: readonly [Point, Point];
  readonly label: string;
  readonly isActive: boolean;
  /** A class of `viewports.css`, for planes with a colour of their own. */
  readonly tone: string;
}

export function Lines({ viewport, lines }: { readonly viewport: Viewport; readonly lines: readonly ReferenceLine[] }): ReactElement {
  const [, setTick] = useState(0);
  useEffect(() => viewport.onViewChange(() => setTick((tick) => tick + 1)), [viewport]);
  const map = viewport.toScreen();
  return (
    <svg className="reference-lines" aria-hidden="true">
      {lines.map(({ id, ends, label, isActive, tone }) => {
        const [a, b] = ends.map((end) => mapPoint(map, end)) as [Point, Point];
        return (
          <g key={id} data-line={id} className={`line ${tone}`} data-active={isActive || undefined}>
            <line x1={a.x} y1={a.y} x2={b.x} y2={b.y} />
            <text x={Math.max(a.x, b.x) - 4} y={(a.x > b.x ? a.y : b.y) - 5} textAnchor="end">{label}</text>
          </g>
        );
      })}
    </svg>
  );
}
