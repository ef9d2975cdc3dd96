/** Where left, front and head lie on the screen, and how long a millimetre is there: from the geometry alone, never guessed. */
import type { FrameGeometry } from '#models/clinical/study.ts';
import type { Affine } from '#models/imaging/coordinates.ts';

type Vector = readonly [number, number, number];

/** The letters of a direction in the patient (+x left, +y back, +z head): the largest part first, up to three. Empty for no direction. */
export function lettersOf([x, y, z]: Vector): string {
  const parts: readonly (readonly [string, number])[] = [[x < 0 ? 'R' : 'L', Math.abs(x)], [y < 0 ? 'A' : 'P', Math.abs(y)], [z < 0 ? 'F' : 'H', Math.abs(z)]];
  const length = Math.hypot(x, y, z);
  if (!(length > 0)) return '';
  // A part below about six degrees is the tilt of a head holder, not a direction to be named.
  return parts.filter(([, size]) => size / length > 0.1).sort((a, b) => b[1] - a[1]).map(([letter]) => letter).join('');
}

const directionOf: Readonly<Record<string, Vector>> = { L: [1, 0, 0], R: [-1, 0, 0], P: [0, 1, 0], A: [0, -1, 0], H: [0, 0, 1], F: [0, 0, -1] };

/** A direction from its letters, the largest part first, as a projection states it. */
function vectorOf(letters: string): Vector {
  return [...letters].reduce<Vector>((sum, letter, at) => {
    const [x, y, z] = directionOf[letter] ?? [0, 0, 0];
    return [sum[0] + x / (at + 1), sum[1] + y / (at + 1), sum[2] + z / (at + 1)];
  }, [0, 0, 0]);
}

/** Letters at the four edges of the screen; null where the file does not say how the image lies in the patient. */
export function edgeLetters(
  { orientation }: Pick<FrameGeometry, 'orientation'>, { xx, xy, yx, yy }: Affine, stated: readonly [string, string] | null = null,
): { readonly left: string; readonly right: string; readonly top: string; readonly bottom: string } | null {
  if (!orientation && !stated) return null;
  const row: Vector = orientation ? [orientation[0], orientation[1], orientation[2]] : vectorOf(stated?.[0] ?? '');
  const column: Vector = orientation ? [orientation[3], orientation[4], orientation[5]] : vectorOf(stated?.[1] ?? '');
  // Image direction of one step to the right of the screen: the inverse of the map, up to its size.
  const determinant = xx * yy - xy * yx;
  const along = (x: number, y: number): Vector => {
    const right = (yy * x - xy * y) / determinant;
    const down = (-yx * x + xx * y) / determinant;
    return [row[0] * right + column[0] * down, row[1] * right + column[1] * down, row[2] * right + column[2] * down];
  };
  return { right: lettersOf(along(1, 0)), left: lettersOf(along(-1, 0)), bottom: lettersOf(along(0, 1)), top: lettersOf(along(0, -1)) };
}

/** A round length that takes at most a quarter of the screen: 1, 2 or 5 by a power of ten. */
export function scaleBar(mmPerScreenPixel: number, screenWidth: number): { readonly pixels: number; readonly label: string } | null {
  const most = (mmPerScreenPixel * screenWidth) / 4;
  if (!(most > 0) || !Number.isFinite(most)) return null;
  const power = 10 ** Math.floor(Math.log10(most));
  const mm = ([5, 2, 1].find((step) => step * power <= most) ?? 1) * power;
  const label = mm >= 10 ? `${round(mm / 10)} cm` : mm >= 1 ? `${round(mm)} mm` : `${round(mm * 1000)} µm`;
  return { pixels: mm / mmPerScreenPixel, label };
}

const round = (value: number): number => Number(value.toPrecision(3));
