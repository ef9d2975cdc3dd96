/** The chosen study before it is opened: the wheel leafs through its first series, a drag changes the window. */
import { useEffect, useRef, useState, type PointerEvent, type ReactElement } from 'react';
import type { WiredFrame } from '#electron/contract/frame.ts';
import type { SeriesSummary, StudySummary } from '#electron/contract/library.ts';
import { Still } from '#renderer/viewports/Still.tsx';
import { dragged, firstLook, type Look } from '#renderer/viewports/windowing.ts';
import { call } from '#renderer/workstation/call.ts';
import { useText } from '#renderer/workstation/text.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';

const [width, height] = [330, 250];

export function Preview({ study }: { readonly study: StudySummary }): ReactElement {
  const t = useText();
  const { id, cover, patient, description, kind } = study;
  const [series, setSeries] = useState<SeriesSummary | null>(null);
  const [at, setAt] = useState(0);
  const [look, setLook] = useState<Look | null>(null);
  const frame = useRef<WiredFrame | null>(null);
  const element = useRef<HTMLDivElement>(null);
  const drag = useRef<{ readonly x: number; readonly y: number } | null>(null);
  const isOpening = useRef(false);
  const count = series?.frames.length ?? 0;
  useEffect(() => {
    const own = element.current as HTMLDivElement;
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      setAt((now) => Math.min(count - 1, Math.max(0, now + Math.sign(event.deltaY))));
    };
    if (count < 2) return undefined;
    own.addEventListener('wheel', wheel, { passive: false });
    return () => own.removeEventListener('wheel', wheel);
  }, [count]);
  /** Stored values are fetched when somebody comes near; until then the kept thumbnail is shown. */
  const come = (): void => {
    if (isOpening.current || kind === 'slide') return;
    isOpening.current = true;
    call('library.study', { studyId: id }).then(({ series: all }) => {
      const first = all.find((one) => one.slide === null && one.frames.length > 0) ?? null;
      setSeries(first);
      setAt((first?.frames.length ?? 0) >> 1);
    }, () => {
      isOpening.current = false;
    });
  };
  const move = ({ clientX, clientY }: PointerEvent): void => {
    const from = drag.current;
    const now = look ?? (frame.current && firstLook(frame.current.header));
    if (!from || !now) return;
    drag.current = { x: clientX, y: clientY };
    const step = now.width / 200;
    setLook(dragged(now, { center: now.center - (clientY - from.y) * step, width: now.width + (clientX - from.x) * step * 1.5 }));
  };
  const shown = series?.frames[at];
  return (
    <div
      className="picture" ref={element} data-preview={shown?.id} title={kind === 'slide' ? undefined : t('library.preview')} onPointerEnter={come} onPointerMove={move} onDoubleClick={() => setLook(null)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { x: event.clientX, y: event.clientY };
      }}
      onPointerUp={() => {
        drag.current = null;
      }}
    >
      {shown ? <Still frameId={shown.id} label={patient || description} look={look} width={width} height={height} onFrame={(wired) => {
        frame.current = wired;
      }} /> : cover !== null && <img src={thumbnailUrl(cover, 384)} alt="" draggable={false} />}
      {count > 1 && <span className="place number">{at + 1} / {count}</span>}
      {look && <span className="window number">W {Math.round(look.width)} L {Math.round(look.center)}</span>}
    </div>
  );
}
