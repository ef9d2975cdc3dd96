/** From a modality's values to brightness: windows, look-up tables and presets (PS3.3, C.11). */

/** The curve of a window. */
export type WindowShape = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';

export interface Window {
  readonly center: number;
  readonly width: number;
  readonly shape: WindowShape;
}

/** A look-up table: `values[x − first]`, the ends repeated beyond it. Entries have `bits` bits. */
export interface LookUpTable {
  readonly first: number;
  readonly bits: number;
  readonly values: Uint16Array;
  readonly explanation: string;
}

/** What maps values to brightness, and the name under which it is offered. */
export type Voi =
  | { readonly kind: 'window'; readonly name: string; readonly window: Window }
  | { readonly kind: 'table'; readonly name: string; readonly table: LookUpTable }
  /** Linear between two values. */
  | { readonly kind: 'range'; readonly name: string; readonly low: number; readonly high: number };

/** A width that its shape can use: LINEAR steps at 1, the others need more than 0. */
export const isUsable = ({ center, width, shape }: Window): boolean =>
  Number.isFinite(center) && Number.isFinite(width) && (shape === 'LINEAR' ? width >= 1 : width > 0);

/** In words, `Lung: centre -600, width 1500 HU`; US means that the values have no unit. */
export function voiText(voi: Voi, unit: string): string {
  const unitText = unit === '' || unit === 'US' ? '' : ` ${unit}`;
  const rounded = (x: number): number => Math.round(x * 100) / 100;
  if (voi.kind === 'window') return `${voi.name}: centre ${rounded(voi.window.center)}, width ${rounded(voi.window.width)}${unitText}`;
  return voi.kind === 'range' ? `${voi.name}: ${rounded(voi.low)} to ${rounded(voi.high)}${unitText}` : voi.name;
}

/** Brightness 0 … 1 of a value. */
export function applyVoi(voi: Voi, x: number): number {
  if (voi.kind === 'window') return applyWindow(voi.window, x);
  if (voi.kind === 'table') return applyTable(voi.table, x) / (2 ** voi.table.bits - 1);
  if (voi.high <= voi.low) return x > voi.low ? 1 : 0;
  return Math.min(1, Math.max(0, (x - voi.low) / (voi.high - voi.low)));
}

/** Brightness 0 … 1 of a value in a window. */
export function applyWindow({ center, width, shape }: Window, x: number): number {
  if (shape === 'SIGMOID') return 1 / (1 + Math.exp((-4 * (x - center)) / width));
  if (shape === 'LINEAR_EXACT') return x <= center - width / 2 ? 0 : x > center + width / 2 ? 1 : (x - center) / width + 0.5;
  // Width 1 is legal (C.11.2.1.2.1) and a step: the two comparisons leave nothing for the ramp, which would divide by 0.
  if (x <= center - 0.5 - (width - 1) / 2) return 0;
  if (x > center - 0.5 + (width - 1) / 2) return 1;
  return (x - (center - 0.5)) / (width - 1) + 0.5;
}

/** The table's entry for a value. */
export function applyTable({ first, values }: LookUpTable, x: number): number {
  const index = Math.min(values.length - 1, Math.max(0, Math.round(x) - first));
  return values[index] ?? 0;
}

/** Windows that readers use, by DICOM modality, the usual first. CT values are Hounsfield units. */
export const windowPresets: Readonly<Record<string, readonly { readonly name: string; readonly center: number; readonly width: number }[]>> = {
  CT: [
    { name: 'Soft tissue', center: 40, width: 400 },
    { name: 'Lung', center: -600, width: 1500 },
    { name: 'Mediastinum', center: 50, width: 350 },
    { name: 'Bone', center: 500, width: 2000 },
    { name: 'Brain', center: 40, width: 80 },
    { name: 'Subdural', center: 75, width: 215 },
    { name: 'Stroke', center: 35, width: 40 },
    { name: 'Liver', center: 80, width: 150 },
    { name: 'Angiography', center: 300, width: 600 },
  ],
};
