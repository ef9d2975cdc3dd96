/** A small picture of a place with what is marked on it; the preview shows it as it will leave. */
import type { ReactElement } from 'react';
import type { Box } from '#models/clinical/finding.ts';
import type { KeyImage, Measurement, Report, ReportBox } from '#models/clinical/report.ts';
import { thumbnailUrl } from '#renderer/workstation/urls.ts';
import { frameIdOf, overlaysAt } from './state.ts';

interface KeyPictureProps {
  readonly report: Pick<Report, 'boxes' | 'measurements' | 'sources'>;
  readonly image: Pick<KeyImage, 'place' | 'region' | 'overlays' | 'caption'>;
  /** Places that a person should look at. */
  readonly outlined?: readonly Box[];
}

export function KeyPicture({ report, image: { place, region, overlays, caption }, outlined = [] }: KeyPictureProps): ReactElement {
  const source = report.sources.find(({ sha256 }) => sha256 === place.source);
  const [width, height] = [source?.columns ?? 512, source?.rows ?? 512];
  const seen = region ?? { x: 0, y: 0, width, height };
  const line = Math.max(seen.width, seen.height) / 150;
  return (
    <svg className="key-picture" viewBox={`${seen.x} ${seen.y} ${seen.width} ${seen.height}`} role="img" aria-label={caption}>
      <image href={thumbnailUrl(frameIdOf(place), 384)} width={width} height={height} preserveAspectRatio="none" />
      {overlaysAt(report, place).filter(({ id }) => overlays.includes(id)).map((one) => ('box' in one ? <BoxMark key={one.id} of={one} line={line} /> : <DrawnMark key={one.id} of={one} line={line} />))}
      {outlined.map(({ x1, y1, x2, y2 }, at) => <rect key={at} x={x1} y={y1} width={x2 - x1} height={y2 - y1} fill="none" stroke="#ff5c6c" strokeWidth={line} />)}
    </svg>
  );
}

const BoxMark = ({ of: { box: { x1, y1, x2, y2 } }, line }: { readonly of: ReportBox; readonly line: number }): ReactElement =>
  <rect x={x1} y={y1} width={x2 - x1} height={y2 - y1} fill="none" stroke="#5fd6c8" strokeWidth={line} rx={line} />;

function DrawnMark({ of: { kind, points }, line }: { readonly of: Measurement; readonly line: number }): ReactElement | null {
  const [a, b, c, d] = points;
  if (!a) return null;
  const look = { fill: 'none', stroke: '#ffb531', strokeWidth: line } as const;
  if (!b) return <circle cx={a.x} cy={a.y} r={2 * line} {...look} />;
  if (kind === 'rectangle') return <rect x={Math.min(a.x, b.x)} y={Math.min(a.y, b.y)} width={Math.abs(b.x - a.x)} height={Math.abs(b.y - a.y)} {...look} />;
  if (kind === 'ellipse') return <ellipse cx={(a.x + b.x) / 2} cy={(a.y + b.y) / 2} rx={Math.abs(b.x - a.x) / 2} ry={Math.abs(b.y - a.y) / 2} {...look} />;
  const path = (ends: readonly { readonly x: number; readonly y: number }[]): string => ends.map(({ x, y }) => `${x},${y}`).join(' ');
  if (kind === 'freehand') return <polygon points={path(points)} {...look} />;
  if ((kind === 'cobb' || kind === 'bidirectional') && c && d) return <><polyline points={path([a, b])} {...look} /><polyline points={path([c, d])} {...look} /></>;
  return <polyline points={path(points)} {...look} />;
}
