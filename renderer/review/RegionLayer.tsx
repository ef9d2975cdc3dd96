/** The place that a question is about: the drag that marks it, its outline, and around it what is sent with it. */
import { useEffect, useRef, useState, type PointerEvent, type ReactElement } from 'react';
import type { Region } from '#electron/contract/review.ts';
import type { Box } from '#models/clinical/finding.ts';
import { mapBox, type Point } from '#models/imaging/coordinates.ts';
import type { Viewport } from '#renderer/viewports/viewport.ts';
import { useStore } from '#renderer/workstation/store.ts';
import { ordered } from './BoxEditor.tsx';
import { markRegion, plan, review } from './review.ts';
import { currentTrace } from './state.ts';

/** In source pixels: a click is no place. */
const leastSide = 3;

export function RegionLayer({ viewport, frameId }: { readonly viewport: Viewport; readonly frameId: string }): ReactElement | null {
  const asked = useStore(review, (state) => state.asked);
  const [, setTick] = useState(0);
  const [draft, setDraft] = useState<{ readonly from: Point; readonly to: Point } | null>(null);
  const ground = useRef<SVGSVGElement>(null);
  useEffect(() => viewport.onViewChange(() => setTick((tick) => tick + 1)), [viewport]);
  const trace = useStore(review, currentTrace);
  const areMarksShown = useStore(review, (state) => state.areMarksShown);
  const region = asked.scope === 'region' && asked.region?.frameId === frameId ? asked.region.box : null;
  // Of the answer that is shown: which part of this image it is about.
  const answered = areMarksShown ? trace?.views.flatMap(({ view }) => (view.region && (view.kind === 'frame' ? view.frameId : `${view.slideId}-0`) === frameId ? [boxOf(view.region)] : [])) ?? [] : [];
  if (!asked.isMarking && !region && answered.length === 0) return null;
  const pointOf = (event: PointerEvent): Point => {
    const { left, top } = (ground.current as SVGSVGElement).getBoundingClientRect();
    return viewport.toImage({ x: event.clientX - left, y: event.clientY - top });
  };
  const drawn: Box | null = draft ? ordered({ x1: draft.from.x, y1: draft.from.y, x2: draft.to.x, y2: draft.to.y }) : region;
  const sent = !draft && region ? plan()?.views[0]?.view.region ?? null : null;
  const rectangle = (box: Box, className: string): ReactElement => {
    const { x1, y1, x2, y2 } = mapBox(viewport.toScreen(), box);
    return <rect className={className} x={x1} y={y1} width={x2 - x1} height={y2 - y1} rx={2} />;
  };
  return (
    <svg
      ref={ground} className="overlay region-layer" data-marking={asked.isMarking || undefined} aria-hidden="true"
      onPointerDown={asked.isMarking ? (event) => {
        if (event.button !== 0) return;
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
        const at = pointOf(event);
        setDraft({ from: at, to: at });
      } : undefined}
      onPointerMove={(event) => {
        if (!draft) return;
        event.stopPropagation();
        setDraft({ from: draft.from, to: pointOf(event) });
      }}
      onPointerUp={(event) => {
        if (!draft || !drawn) return;
        event.stopPropagation();
        setDraft(null);
        if (drawn.x2 - drawn.x1 >= leastSide && drawn.y2 - drawn.y1 >= leastSide) markRegion(frameId, drawn);
      }}
    >
      {answered.map((box) => <g key={JSON.stringify(box)}>{rectangle(box, 'answered')}</g>)}
      {sent && rectangle(boxOf(sent), 'sent')}
      {drawn && rectangle(drawn, 'marked')}
    </svg>
  );
}

const boxOf = ({ x, y, width, height }: Region): Box => ({ x1: x, y1: y, x2: x + width, y2: y + height });
