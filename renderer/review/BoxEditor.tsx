/** Handles on the box that is lit, and the drag that draws a new one: what a person changes is kept beside the model's own box, whose ghost stays. */
import { useEffect, useRef, useState, type PointerEvent, type ReactElement } from 'react';
import type { Trace } from '#electron/contract/review.ts';
import type { Box } from '#models/clinical/finding.ts';
import { mapBox, type Point } from '#models/imaging/coordinates.ts';
import type { Viewport } from '#renderer/viewports/viewport.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { addBox, judging, moveBox } from './judge.ts';
import type { JudgedMark } from './judging.ts';

interface BoxEditorProps {
  readonly viewport: Viewport;
  readonly trace: Trace;
  readonly frameId: string;
  /** Of this frame. */
  readonly marks: readonly JudgedMark[];
  /** The one with handles. */
  readonly chosenId: string | null;
}

type Side = 'x1' | 'x2' | 'y1' | 'y2';
const handles: readonly (readonly Side[])[] = [['x1', 'y1'], ['y1'], ['x2', 'y1'], ['x2'], ['x2', 'y2'], ['y2'], ['x1', 'y2'], ['x1']];
const leastSide = 2;

export function BoxEditor({ viewport, trace, frameId, marks, chosenId }: BoxEditorProps): ReactElement | null {
  const isDrawing = useStore(judging, (state) => state.isDrawing);
  const [, setTick] = useState(0);
  const [draft, setDraft] = useState<Box | null>(null);
  const grasp = useRef<{ readonly sides: readonly Side[]; readonly from: Point; readonly box: Box } | null>(null);
  const ground = useRef<SVGSVGElement>(null);
  useEffect(() => viewport.onViewChange(() => setTick((tick) => tick + 1)), [viewport]);
  const chosen = marks.find(({ id }) => id === chosenId);
  const moved = marks.filter(({ original }) => original !== null);
  if (!isDrawing && !chosen && moved.length === 0) return null;
  const map = viewport.toScreen();
  const pointOf = (event: PointerEvent): Point => {
    const { left, top } = (ground.current as SVGSVGElement).getBoundingClientRect();
    return viewport.toImage({ x: event.clientX - left, y: event.clientY - top });
  };
  const begin = (sides: readonly Side[], box: Box) => (event: PointerEvent<SVGElement>): void => {
    if (event.button !== 0) return;
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
    grasp.current = { sides, from: pointOf(event), box };
    setDraft(box);
  };
  const move = (event: PointerEvent): void => {
    const held = grasp.current;
    if (!held) return;
    event.stopPropagation();
    const to = pointOf(event);
    setDraft(dragged(held.box, held.sides, to.x - held.from.x, to.y - held.from.y));
  };
  const end = (event: PointerEvent): void => {
    const held = grasp.current;
    grasp.current = null;
    setDraft(null);
    if (!held || !draft) return;
    event.stopPropagation();
    const box = ordered(draft);
    if (box.x2 - box.x1 < leastSide || box.y2 - box.y1 < leastSide) return;
    if (isDrawing) addBox(trace, frameId, box);
    else if (chosen) moveBox(trace, chosen.id, box);
  };
  const shown = draft ?? chosen?.box ?? null;
  const screen = shown && mapBox(map, shown);
  return (
    <svg ref={ground} className="overlay box-editor" data-drawing={isDrawing || undefined} aria-hidden="true"
      onPointerDown={isDrawing ? (event) => {
        const at = pointOf(event);
        begin(['x2', 'y2'], { x1: at.x, y1: at.y, x2: at.x, y2: at.y })(event);
      } : undefined} onPointerMove={move} onPointerUp={end}>
      {moved.map(({ id, original }) => {
        const { x1, y1, x2, y2 } = mapBox(map, original as Box);
        return <rect key={id} className="ghost" x={Math.min(x1, x2)} y={Math.min(y1, y2)} width={Math.abs(x2 - x1)} height={Math.abs(y2 - y1)} rx={3} />;
      })}
      {screen && (draft || chosen) && (
        <g style={{ color: chosen?.colour ?? '#fff' }}>
          <rect className="edited" x={Math.min(screen.x1, screen.x2)} y={Math.min(screen.y1, screen.y2)} width={Math.abs(screen.x2 - screen.x1)} height={Math.abs(screen.y2 - screen.y1)} />
          {chosen && !isDrawing && handles.map((sides) => {
            const corner = mapBox(map, shown);
            const x = sides.includes('x1') ? corner.x1 : sides.includes('x2') ? corner.x2 : (corner.x1 + corner.x2) / 2;
            const y = sides.includes('y1') ? corner.y1 : sides.includes('y2') ? corner.y2 : (corner.y1 + corner.y2) / 2;
            return <rect key={sides.join()} className="handle" data-handle={sides.join('')} x={x - 5} y={y - 5} width={10} height={10} rx={2} onPointerDown={begin(sides, chosen.box)} />;
          })}
          {chosen && !isDrawing && <circle className="handle" data-handle="all" cx={(screen.x1 + screen.x2) / 2} cy={(screen.y1 + screen.y2) / 2} r={6} onPointerDown={begin(['x1', 'y1', 'x2', 'y2'], chosen.box)} />}
        </g>
      )}
    </svg>
  );
}

/** A box with some of its sides moved; all four: the whole of it. */
export function dragged(box: Box, sides: readonly Side[], dx: number, dy: number): Box {
  const by = (side: Side): number => (sides.includes(side) ? (side.startsWith('x') ? dx : dy) : 0);
  return { x1: box.x1 + by('x1'), y1: box.y1 + by('y1'), x2: box.x2 + by('x2'), y2: box.y2 + by('y2') };
}

/** Turned the right way round where a side was dragged across its opposite. */
export const ordered = ({ x1, y1, x2, y2 }: Box): Box => ({
  x1: round(Math.min(x1, x2)), y1: round(Math.min(y1, y2)), x2: round(Math.max(x1, x2)), y2: round(Math.max(y1, y2)),
});
const round = (x: number): number => Math.round(x * 100) / 100;
