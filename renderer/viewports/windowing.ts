/** From stored values to brightness on the page, by the same arithmetic that the model's picture is made with. */
import type { FrameHeader, Preset, WiredFrame } from '#electron/contract/frame.ts';
import { applyVoi, type Voi } from '#models/imaging/dicom/voi.ts';

/** How a person looks at grey values. */
export interface Look {
  readonly center: number;
  readonly width: number;
  readonly shape: Preset['shape'];
  readonly isInverted: boolean;
  /** The preset it came from; null once it was changed by hand. */
  readonly name: string | null;
}

/** How a frame is shown before anybody touched it; null for colour. */
export function firstLook({ presets, isInverted }: FrameHeader): Look | null {
  const [preset] = presets;
  return preset ? { ...lookOf(preset), isInverted } : null;
}

export const lookOf = ({ center, width, shape, name }: Preset): Omit<Look, 'isInverted'> => ({ center, width, shape, name });

function voiOf({ center, width, shape }: Look): Voi {
  if (shape === 'RANGE') return { kind: 'range', name: '', low: center - width / 2, high: center + width / 2 };
  return { kind: 'window', name: '', window: { center, width, shape } };
}

/** A window changed by hand keeps to what its shape can use. */
export const dragged = (look: Look, { center, width }: { readonly center: number; readonly width: number }): Look =>
  ({ ...look, name: null, center, width: Math.max(look.shape === 'LINEAR' ? 1 : 1e-6, width) });

/**
 * Paints a frame into RGBA pixels. Up to sixteen bits go through a table of all values, so that a drag of the window costs one look-up a pixel.
 *
 * @param pixels  [rows, columns], little-endian RGBA in one number
 */
export function paint({ header, values }: WiredFrame, look: Look | null, pixels: Uint32Array): void {
  const count = header.rows * header.columns;
  if (header.samples === 3 || look === null) {
    for (let i = 0, at = 0; i < count; i++, at += 3) pixels[i] = 0xff000000 | ((values[at + 2] as number) << 16) | ((values[at + 1] as number) << 8) | (values[at] as number);
    return;
  }
  const level = levelOf(header, look);
  const { least, greatest } = header;
  const isWhole = header.type !== 'float32' && header.type !== 'float64';
  if (isWhole && greatest - least <= 131_072) {
    const table = new Uint32Array(greatest - least + 1);
    for (let i = 0; i < table.length; i++) table[i] = grey(level(least + i));
    for (let i = 0; i < count; i++) pixels[i] = table[(values[i] as number) - least] as number;
    return;
  }
  for (let i = 0; i < count; i++) pixels[i] = grey(level(values[i] as number));
}

const grey = (level: number): number => (0xff000000 | (level << 16) | (level << 8) | level) >>> 0;

/** Brightness 0 … 255 of a stored value. Padding is black. */
export function levelOf({ slope, intercept, padding }: Pick<FrameHeader, 'slope' | 'intercept' | 'padding'>, look: Look): (stored: number) => number {
  const voi = voiOf(look);
  return (stored) => {
    if (padding && stored >= padding.low && stored <= padding.high) return 0;
    const brightness = applyVoi(voi, stored * slope + intercept);
    const turned = look.isInverted ? 1 - brightness : brightness;
    return Number.isNaN(turned) ? 0 : Math.round(turned * 255);
  };
}
