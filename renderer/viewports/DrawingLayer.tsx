/** Drawings over an image, for frames and slides alike: drawn, grasped, moved; their points stay in stored pixels whatever the view does. */
import { useEffect, useRef, useState, type PointerEvent, type ReactElement } from 'react';
import type { WiredFrame } from '#electron/contract/frame.ts';
import { mapPoint, type Affine, type Point } from '#models/imaging/coordinates.ts';
import { acrossMiddle, type Scale } from '#models/imaging/measures.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { useText } from '#renderer/workstation/text.ts';
import { change, draw, drawings, isDrawingTool, newDrawing, type Drawing, type DrawnKind } from './drawings.ts';
import { measuredLines } from './measured.ts';
import type { Viewport } from './viewport.ts';

interface DrawingLayerProps {
  readonly viewport: Viewport;
  readonly studyId: string;
  readonly frameId: string;
  readonly scale: Scale;
  /** The stored values under the drawings; null on slides. */
  readonly frame: WiredFrame | null;
  /** Where text or a length is asked for after a gesture. */
  readonly onAsk: (drawing: Drawing) => void;
}

/** How many places each kind is made of; freehand is drawn by dragging, or corner by corner by clicks until one comes back to the first or stays on the last. */
const needed: Readonly<Record<DrawnKind, number>> = { length: 2, bidirectional: 2, angle: 3, cobb: 4, rectangle: 2, ellipse: 2, freehand: Infinity, probe: 1, arrow: 2, calibration: 2 };
const dragPixels = 4;

interface Draft {
  readonly kind: DrawnKind;
  readonly points: readonly Point[];
  readonly hover: Point;
}

interface Grasp {
  readonly drawing: Drawing;
  /** Which point; null: all of it. */
  readonly handle: number | null;
  readonly from: Point;
  readonly points: readonly Point[];
}

/** The gesture under way, for Escape and for tests of what is not yet kept. */
let cancelGesture: (() => void) | null = null;
export function cancelDrawing(): boolean {
  const wasDrawing = cancelGesture !== null;
  cancelGesture?.();
  return wasDrawing;
}

export function DrawingLayer({ viewport, studyId, frameId, scale, frame, onAsk }: DrawingLayerProps): ReactElement {
  const t = useText();
  const { all, selectedId, tool, areShown } = useStore(drawings, (state) => state);
  const [, setTick] = useState(0);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [grasp, setGrasp] = useState<Grasp | null>(null);
  const downAt = useRef<Point | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => viewport.onViewChange(() => setTick((tick) => tick + 1)), [viewport]);
  const isBusy = draft !== null || grasp !== null;
  useEffect(() => {
    if (!isBusy) return undefined;
    const cancel = (): void => {
      setDraft(null);
      setGrasp(null);
    };
    cancelGesture = cancel;
    return () => {
      if (cancelGesture === cancel) cancelGesture = null;
    };
  }, [isBusy]);
  useEffect(() => setDraft(null), [tool, frameId]);

  const map = viewport.toScreen();
  const pointOf = (event: PointerEvent): Point => {
    const { left, top } = (svg.current as SVGSVGElement).getBoundingClientRect();
    return viewport.toImage({ x: event.clientX - left, y: event.clientY - top });
  };
  const finish = (kind: DrawnKind, points: readonly Point[]): void => {
    setDraft(null);
    const [a, b] = points;
    if (!a) return;
    const isEmpty = kind === 'freehand' ? points.length < 3 : kind !== 'probe' && (!b || (a.x === b.x && a.y === b.y));
    if (isEmpty) return;
    const whole = kind === 'bidirectional' && b ? [a, b, ...acrossMiddle(scale, a, b)] : points;
    const drawing = newDrawing(studyId, frameId, kind, whole);
    draw([{ before: null, after: drawing }]);
    drawings.dispatch({ type: 'select', id: drawing.annotation.id });
    if (kind === 'arrow' || kind === 'calibration') onAsk(drawing);
  };

  const isNear = (corner: Point, point: Point): boolean => {
    const [a, b] = [mapPoint(map, corner), mapPoint(map, point)];
    return Math.hypot(a.x - b.x, a.y - b.y) < 2 * dragPixels;
  };
  const begin = (event: PointerEvent<SVGElement>): void => {
    if (event.button !== 0 || !isDrawingTool(tool)) return;
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
    const point = pointOf(event);
    downAt.current = { x: event.clientX, y: event.clientY };
    drawings.dispatch({ type: 'select', id: null });
    const points = draft ? [...draft.points, point] : [point];
    if (draft?.kind === 'freehand' && draft.points.length > 2 && [draft.points[0], draft.points.at(-1)].some((corner) => isNear(corner as Point, point))) finish('freehand', draft.points);
    else if (points.length >= needed[tool]) finish(tool, points);
    else setDraft({ kind: tool, points, hover: point });
  };
  const follow = (event: PointerEvent<SVGElement>): void => {
    if (!draft) return;
    const point = pointOf(event);
    if (draft.kind !== 'freehand' || downAt.current === null) return setDraft({ ...draft, hover: point });
    const last = mapPoint(map, draft.points.at(-1) as Point);
    const here = mapPoint(map, point);
    setDraft({ ...draft, hover: point, points: Math.hypot(here.x - last.x, here.y - last.y) >= 2 ? [...draft.points, point] : draft.points });
  };
  const letGo = (event: PointerEvent<SVGElement>): void => {
    const start = downAt.current;
    downAt.current = null;
    if (!draft || !start) return;
    if (Math.hypot(event.clientX - start.x, event.clientY - start.y) < dragPixels) return;
    if (draft.kind === 'freehand') return finish('freehand', draft.points);
    const points = [...draft.points, pointOf(event)];
    if (points.length >= needed[draft.kind]) finish(draft.kind, points);
    else setDraft({ ...draft, points, hover: points.at(-1) as Point });
  };

  const take = (drawing: Drawing, handle: number | null) => (event: PointerEvent<SVGElement>): void => {
    if (event.button !== 0) return;
    event.stopPropagation();
    drawings.dispatch({ type: 'select', id: drawing.annotation.id });
    if (drawing.annotation.isLocked) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setGrasp({ drawing, handle, from: pointOf(event), points: drawing.annotation.points });
  };
  const move = (event: PointerEvent<SVGElement>): void => {
    if (!grasp) return;
    event.stopPropagation();
    const point = pointOf(event);
    const [dx, dy] = [point.x - grasp.from.x, point.y - grasp.from.y];
    setGrasp({ ...grasp, points: grasp.drawing.annotation.points.map((own, at) => (grasp.handle === null || grasp.handle === at ? { x: own.x + dx, y: own.y + dy } : own)) });
  };
  const drop = (): void => {
    if (!grasp) return;
    setGrasp(null);
    const { drawing, points } = grasp;
    if (points.some(({ x, y }, at) => x !== drawing.annotation.points[at]?.x || y !== drawing.annotation.points[at]?.y)) change(drawing, { points: [...points] });
  };

  const own = all.filter(({ annotation }) => annotation.frameId === frameId && !annotation.isHidden && annotation.kind !== 'key');
  const moving = { onPointerMove: move, onPointerUp: drop, onPointerCancel: () => setGrasp(null) };
  return (
    <svg className="drawings" ref={svg} role="group" aria-label={t('app.drawings')} data-busy={isBusy || undefined}>
      {isDrawingTool(tool) && <rect className="drawing-surface" width="100%" height="100%" onPointerDown={begin} onPointerMove={follow} onPointerUp={letGo} />}
      {areShown && own.map((drawing) => {
        const { annotation } = drawing;
        const isSelected = annotation.id === selectedId;
        const points = grasp?.drawing.annotation.id === annotation.id ? grasp.points : annotation.points;
        return (
          <g
            key={annotation.id} data-drawing={annotation.id} data-kind={annotation.kind} data-selected={isSelected || undefined} data-locked={annotation.isLocked || undefined} style={{ color: annotation.colour }} tabIndex={0} role="button"
            aria-label={`${annotation.kind} ${measuredLines(annotation, scale, frame).join(', ')}`} onFocus={() => drawings.dispatch({ type: 'select', id: annotation.id })}
          >
            <g onPointerDown={take(drawing, null)} {...moving}><Shape kind={annotation.kind as DrawnKind} points={points} map={map} /></g>
            {isSelected && !annotation.isLocked && annotation.kind !== 'freehand' && points.map((point, at) => {
              const { x, y } = mapPoint(map, point);
              return <circle key={at} className="handle" cx={x} cy={y} r={5} onPointerDown={take(drawing, at)} {...moving} />;
            })}
            <Words lines={measuredLines({ ...annotation, points: [...points] }, scale, frame)} points={points} map={map} isLocked={annotation.isLocked} />
          </g>
        );
      })}
      {draft && <DraftShape draft={draft} map={map} scale={scale} frame={frame} />}
    </svg>
  );
}

function DraftShape({ draft: { kind, points, hover }, map, scale, frame }: { readonly draft: Draft; readonly map: Affine; readonly scale: Scale; readonly frame: WiredFrame | null }): ReactElement {
  const shown = [...points, hover];
  return (
    <g className="draft">
      <Shape kind={kind} points={shown} map={map} isOpen />
      <Words lines={kind === 'calibration' ? [] : measuredLines({ kind, points: [...shown], text: '', millimetres: null }, scale, frame)} points={shown} map={map} isLocked={false} />
    </g>
  );
}

/** Each line three times: a dark halo, the colour, and a broad invisible one to be grasped by. */
function Shape({ kind, points, map, isOpen = false }: { readonly kind: DrawnKind; readonly points: readonly Point[]; readonly map: Affine; readonly isOpen?: boolean }): ReactElement {
  const d = pathOf(kind, points.map((point) => mapPoint(map, point)), map, points, isOpen);
  return <>{['halo', 'stroke', 'grip'].map((name) => <path key={name} className={name} d={d} />)}</>;
}

function pathOf(kind: DrawnKind, screen: readonly Point[], map: Affine, points: readonly Point[], isOpen: boolean): string {
  const [a, b, c, d] = screen;
  if (!a) return '';
  const to = ({ x, y }: Point): string => `${x.toFixed(2)} ${y.toFixed(2)}`;
  const line = (from: Point | undefined, end: Point | undefined): string => (from && end ? `M${to(from)}L${to(end)}` : '');
  const tick = (from: Point | undefined, end: Point | undefined): string => {
    if (!from || !end) return '';
    const length = Math.hypot(end.x - from.x, end.y - from.y) || 1;
    const [nx, ny] = [(-(end.y - from.y) / length) * 5, ((end.x - from.x) / length) * 5];
    return [from, end].map(({ x, y }) => line({ x: x - nx, y: y - ny }, { x: x + nx, y: y + ny })).join('');
  };
  switch (kind) {
    case 'probe': return `M${to({ x: a.x - 8, y: a.y })}H${a.x - 2}M${a.x + 2} ${a.y}H${a.x + 8}M${to({ x: a.x, y: a.y - 8 })}V${a.y - 2}M${a.x} ${a.y + 2}V${a.y + 8}`;
    case 'length': case 'calibration': return line(a, b) + tick(a, b);
    case 'bidirectional': return line(a, b) + tick(a, b) + line(c, d);
    case 'angle': return line(a, b) + line(b, c);
    case 'cobb': return line(a, b) + line(c, d) + (b && c && d ? `M${to(middle(a, b))}L${to(middle(c, d))}` : '');
    case 'arrow': {
      // The head is where the drawing began: that is what is pointed at.
      if (!b) return '';
      const angle = Math.atan2(b.y - a.y, b.x - a.x);
      const wing = (turn: number): Point => ({ x: a.x + 12 * Math.cos(angle + turn), y: a.y + 12 * Math.sin(angle + turn) });
      return line(b, a) + line(a, wing(0.4)) + line(a, wing(-0.4));
    }
    case 'rectangle': {
      const [p, q] = points;
      if (!p || !q) return '';
      return `M${[p, { x: q.x, y: p.y }, q, { x: p.x, y: q.y }].map((corner) => to(mapPoint(map, corner))).join('L')}Z`;
    }
    case 'ellipse': {
      if (!b) return '';
      const [rx, ry] = [Math.abs(b.x - a.x) / 2, Math.abs(b.y - a.y) / 2];
      const { x, y } = middle(a, b);
      return `M${(x - rx).toFixed(2)} ${y.toFixed(2)}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0`;
    }
    case 'freehand': return `M${screen.map(to).join('L')}${isOpen ? '' : 'Z'}`;
  }
}

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/** Beside the shape's lower right, where it hides the least of what it is about. */
function Words({ lines, points, map, isLocked }: { readonly lines: readonly string[]; readonly points: readonly Point[]; readonly map: Affine; readonly isLocked: boolean }): ReactElement | null {
  if (lines.length === 0 || points.length === 0) return null;
  const screen = points.map((point) => mapPoint(map, point));
  const x = Math.max(...screen.map((point) => point.x)) + 10;
  const y = screen.reduce((sum, point) => sum + point.y, 0) / screen.length - ((lines.length - 1) * 14) / 2 + 4;
  const shown = lines.map((line, at) => (isLocked && at === 0 ? `${line} (locked)` : line));
  const width = Math.max(...shown.map(({ length }) => length)) * 6.7 + 12;
  return (
    <g className="words-plate">
      <rect x={x - 6} y={y - 13} width={width} height={shown.length * 15 + 5} rx={4} />
      <text className="words">{shown.map((line, at) => <tspan key={at} x={x} y={y + at * 15}>{line}</tspan>)}</text>
    </g>
  );
}
