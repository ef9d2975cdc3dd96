/** A plane of the patient cut out of a volume, with the crosshair where it meets the others. */
import { useEffect, useMemo, type ReactElement, type ReactNode } from 'react';
import type { WiredFrame } from '#electron/contract/frame.ts';
import { fromPatient, type PatientPoint } from '#models/imaging/coordinates.ts';
import { scaleOf } from '#models/imaging/measures.ts';
import { cutThrough, placeOn, stepAcross, type PlaneName } from '#models/imaging/volume.ts';
import type { CanvasViewport } from './canvasViewport.ts';
import type { Tool } from './drawings.ts';
import { FrameFurniture } from './FrameView.tsx';
import { useCanvasViewport } from './useCanvasViewport.ts';
import './viewports.css';
import type { OpenedVolume } from './volumes.ts';
import type { Look } from './windowing.ts';

interface PlaneViewProps {
  readonly volume: OpenedVolume;
  readonly plane: PlaneName;
  readonly label: string;
  readonly place: PatientPoint;
  readonly look: Look | null;
  readonly tool: Tool;
  readonly corner: { readonly topLeft: readonly string[] };
  readonly onPlace: (place: PatientPoint) => void;
  readonly onLook: (look: Look) => void;
  readonly onFrame: (frame: WiredFrame) => void;
  readonly onViewport: (viewport: CanvasViewport | null) => void;
  readonly children?: ReactNode;
}

export function PlaneView({ volume, plane, label, place, look, tool, corner, onPlace, onLook, onFrame, onViewport, children }: PlaneViewProps): ReactElement {
  const cut = useMemo(() => cutThrough(volume.grid, plane, place), [volume, plane, place]);
  const { canvas, element, viewport, shown, show, seen, pointer, probeRef } = useCanvasViewport({
    look, tool, onLook, onFrame, onViewport,
    onLeaf(by) {
      const step = stepAcross(volume.grid, plane);
      onPlace([place[0] + step[0] * by, place[1] + step[1] * by, place[2] + step[2] * by]);
    },
    onPoint: (point) => onPlace(placeOn(cut, point)),
  });
  // A move within the plane shows the same picture.
  const depth = useMemo(() => cut.plane.origin.map((part) => part.toFixed(4)).join(), [cut]);
  useEffect(() => {
    if (!viewport) return undefined;
    let isWanted = true;
    void volume.cut(plane, cut).then((wired) => {
      if (isWanted && wired) show(wired);
    });
    return () => {
      isWanted = false;
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `depth` stands for `cut`
  }, [volume, plane, depth, viewport, show]);

  const header = shown?.header ?? null;
  const cross = viewport && header ? fromPatient(cut.plane, place) : null;
  const map = viewport?.toScreen();
  const at = cross && map ? { x: map.xx * cross.x + map.xy * cross.y + map.x0, y: map.yx * cross.x + map.yy * cross.y + map.y0 } : null;
  return (
    <div className="viewport" ref={element} data-plane={plane} data-ready={header !== null || undefined} data-place={place.map((part) => part.toFixed(3)).join()} data-tool={tool} {...pointer} onContextMenu={(event) => event.preventDefault()}>
      <canvas className="image" ref={canvas} tabIndex={0} aria-label={label} />
      {at && (
        <svg className="crosshair" aria-hidden="true">
          {(crossings[plane]).map(({ name, isUpright }) => {
            const gap = 16;
            // A turned picture has upright lines lying.
            const isUprightSeen = isUpright !== (map !== undefined && Math.abs(map.xx) < Math.abs(map.yx));
            const d = isUprightSeen ? `M${at.x} 0V${at.y - gap}M${at.x} ${at.y + gap}V9999` : `M0 ${at.y}H${at.x - gap}M${at.x + gap} ${at.y}H9999`;
            return <path key={name} className={`line ${name}`} d={d} />;
          })}
        </svg>
      )}
      {children}
      <div className="corner top-left person">{corner.topLeft.map((line, i) => <div key={i} className={i > 0 ? 'dim' : undefined}>{line}</div>)}</div>
      <div className="corner top-right"><div className={`plane-name ${plane}`}>{label}</div></div>
      {header && viewport && (
        <FrameFurniture
          header={header} viewport={viewport} look={seen} scale={scaleOf(header.geometry, header.modality)} probeRef={probeRef}
          bottomLeft={<div>{place.map((part, axis) => `${'LPH'[axis]} ${part.toFixed(1)}`).join('  ')} mm</div>}
        />
      )}
    </div>
  );
}

/** Which planes are seen edge-on in which, upright or lying. */
const crossings: Readonly<Record<PlaneName, readonly { readonly name: PlaneName; readonly isUpright: boolean }[]>> = {
  axial: [{ name: 'sagittal', isUpright: true }, { name: 'coronal', isUpright: false }],
  coronal: [{ name: 'sagittal', isUpright: true }, { name: 'axial', isUpright: false }],
  sagittal: [{ name: 'coronal', isUpright: true }, { name: 'axial', isUpright: false }],
};
