/** Regions of a structured report or a segmentation as drawings on the images that they lie on: what left in DICOM can be looked at again where it was. */
import type { AnnotationChange } from '#electron/contract/annotations.ts';
import { Fault } from '#models/base/fault.ts';
import type { Annotation } from '#models/clinical/annotation.ts';
import type { ReadRegion, ReadRegions } from './formats/dicomRead.ts';

type Points = Annotation['points'];

/** As drawings need them: a mask as the outlines around its pixels. */
export interface DrawnRegion extends Pick<ReadRegion, 'source' | 'label' | 'tracking' | 'trackingUid' | 'isByAlgorithm'> {
  readonly kind: 'rectangle' | 'ellipse' | 'freehand' | 'length' | 'probe';
  readonly points: Points;
}

export interface DrawnRegions extends Pick<ReadRegions, 'kind' | 'studyInstanceUid'> {
  readonly regions: readonly DrawnRegion[];
}

/** Longer outlines are cut where a drawing's are. */
const mostPoints = 20_000;

export const drawnRegions = ({ kind, studyInstanceUid, regions }: ReadRegions): DrawnRegions => ({ kind, studyInstanceUid, regions: regions.flatMap(drawn) });

function drawn({ source, label, tracking, trackingUid, isByAlgorithm, shape, box: { x1, y1, x2, y2 }, points, mask }: ReadRegion): readonly DrawnRegion[] {
  const made = (kind: DrawnRegion['kind'], at: Points): DrawnRegion => ({ source, label, tracking, trackingUid, isByAlgorithm, kind, points: at.slice(0, mostPoints) });
  const corners: Points = [{ x: x1, y: y1 }, { x: x2, y: y2 }];
  if (mask) return outlines(mask).map((outline) => (isRectangle(outline) ? made('rectangle', cornersOf(outline)) : made('freehand', outline)));
  if (shape === 'point') return points.map((point) => made('probe', [point]));
  if (shape === 'circle' || shape === 'ellipse') return [made('ellipse', corners)];
  const [first, last] = [points[0], points.at(-1)];
  const isClosed = points.length > 3 && first && last && first.x === last.x && first.y === last.y;
  const ring = isClosed ? points.slice(0, -1) : points;
  if (isClosed && isRectangle(ring)) return [made('rectangle', corners)];
  return [made(isClosed || ring.length > 2 ? 'freehand' : 'length', [...ring])];
}

const isRectangle = (ring: ReadRegion['points']): boolean => ring.length === 4 && ring.every(({ x, y }, i) => {
  const next = ring[(i + 1) % 4] as typeof ring[number];
  return (x === next.x) !== (y === next.y);
});

function cornersOf(ring: Points): Points {
  const [xs, ys] = [ring.map(({ x }) => x), ring.map(({ y }) => y)];
  return [{ x: Math.min(...xs), y: Math.min(...ys) }, { x: Math.max(...xs), y: Math.max(...ys) }];
}

/** Around each connected part of a mask, along the edges of its pixels: the same pixels lie inside. Holes are filled. */
export function outlines({ width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array }): readonly Points[] {
  const isIn = (x: number, y: number): boolean => x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] === 1;
  const seen = new Uint8Array(width * height);
  const found: Points[] = [];
  for (let start = 0; start < data.length; start++) {
    if (data[start] !== 1 || seen[start] === 1) continue;
    fill(start);
    found.push(around(start % width, Math.floor(start / width)));
  }
  return found;

  /** Marks all pixels that hang together by their sides. */
  function fill(start: number): void {
    const open = [start];
    seen[start] = 1;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const [x, y] = [at % width, Math.floor(at / width)];
      for (const [nx, ny] of [[x + 1, y], [x - 1, y], [x, y + 1], [x, y - 1]] as const) {
        if (!isIn(nx, ny) || seen[ny * width + nx] === 1) continue;
        seen[ny * width + nx] = 1;
        open.push(ny * width + nx);
      }
    }
  }

  /** With the inside to the right of the way, from the upper left corner of the topmost pixel. Parts that touch at a corner alone are apart. */
  function around(x0: number, y0: number): Points {
    const points: Points = [];
    let [x, y, dx, dy] = [x0, y0, 1, 0];
    do {
      const [right, left] = [isIn(...ahead(x, y, dx, dy, 1)), isIn(...ahead(x, y, dx, dy, -1))];
      const [nx, ny] = !right ? [-dy, dx] : left ? [dy, -dx] : [dx, dy];
      if (points.length === 0 || nx !== dx || ny !== dy) points.push({ x, y });
      [dx, dy] = [nx, ny];
      [x, y] = [x + dx, y + dy];
    } while ((x !== x0 || y !== y0) && points.length < mostPoints);
    return points;
  }

  /** The pixel ahead of a corner, to the right (1) or to the left (−1) of the way. */
  function ahead(x: number, y: number, dx: number, dy: number, side: 1 | -1): [number, number] {
    const [sx, sy] = [dx - dy * side, dy + dx * side];
    return [sx > 0 ? x : x - 1, sy > 0 ? y : y - 1];
  }
}

/** The drawings, locked, on the frames whose files are there; and how many regions lie on others. @param fileOf  the hash of the file with this SOP instance UID */
export function asDrawings({ regions }: DrawnRegions, { fileOf, at }: { readonly fileOf: (sopInstanceUid: string) => string | undefined; readonly at: string }): { readonly changes: readonly AnnotationChange[]; readonly lost: number } {
  const changes = regions.flatMap(({ source, kind, points, label, tracking, trackingUid, isByAlgorithm }, i): AnnotationChange[] => {
    const sha256 = fileOf(source.sopInstanceUid);
    if (sha256 === undefined) return [];
    // The same region read again is the same drawing.
    const id = `in-${(trackingUid ?? tracking).replace(/[^\w]/g, '').slice(-48)}-${i}`.slice(0, 64).padEnd(8, '0');
    return [{ kind: 'put', annotation: { id, frameId: `${sha256}-${source.frame}`, kind, points, text: label.slice(0, 400), colour: isByAlgorithm === false ? '#ffe45c' : '#5fd6c8', isLocked: true, isHidden: false, millimetres: null, changedAt: at } }];
  });
  return { changes, lost: regions.length - changes.length };
}

interface Inspected {
  readonly path: string;
  readonly name: string;
  readonly sha256: string;
}

export interface TakesRegionsOptions {
  /** What the file holds. @throws Fault `dicom.noRegions` */
  readonly regions: (path: string) => Promise<DrawnRegions>;
  /** The files of the study with this UID by SOP instance UID; null: it is not here. */
  readonly filesOf: (studyInstanceUid: string, sopInstanceUids: readonly string[]) => Promise<{ readonly studyId: string; readonly files: ReadonlyMap<string, string> } | null>;
  readonly draw: (studyId: string, changes: readonly AnnotationChange[]) => void;
  readonly now: () => string;
}

/** Why a reader leaves a file out that carries no image: regions may be all that it holds. */
const withoutImage: readonly string[] = ['library.segmentation', 'library.noImage', 'dicom.noImage'];

/** The same reader, for which a structured report or a segmentation is no file to be left out: its regions are drawn on the study that they are of, where it is here. */
export function takesRegions<Reader extends { inspect(file: Inspected): Promise<unknown> }>(reader: Reader, { regions, filesOf, draw, now }: TakesRegionsOptions): Reader & { drawRegions(file: Inspected): Promise<{ readonly missing: number } | null> } {
  const drawnOn = async (read: DrawnRegions): Promise<{ readonly missing: number } | null> => {
    const found = await filesOf(read.studyInstanceUid, [...new Set(read.regions.map(({ source }) => source.sopInstanceUid))]);
    if (!found || found.files.size === 0) return null;
    const { changes, lost } = asDrawings(read, { fileOf: (uid) => found.files.get(uid), at: now() });
    draw(found.studyId, changes);
    return { missing: lost };
  };
  return {
    ...reader,
    async drawRegions({ path }) {
      const read = await regions(path).catch(() => null);
      return read && drawnOn(read);
    },
    async inspect(file: Inspected) {
      try {
        return await reader.inspect(file);
      } catch (thrown) {
        if (!(thrown instanceof Fault) || !withoutImage.includes(thrown.code)) throw thrown;
        const read = await regions(file.path).catch(() => null);
        if (!read || read.regions.length === 0) throw thrown;
        const drawn = await drawnOn(read);
        if (!drawn) throw new Fault({ code: 'library.regions', what: `${file.name} was left out.`, why: 'It marks regions of images that are not in the library.', mend: 'It is kept: import its study, and its regions are drawn there.' });
        return { kind: 'regions', ...drawn };
      }
    },
  };
}
