/** Signs that an image was altered: what may be claimed of one, the form in which a model claims it, and how strong the signs are. Never a proof, either way. */
import { z } from 'zod';
import { Box } from './finding.ts';

export const alterationClasses = ['REAL', 'TAMPERED', 'FULL_SYNTHETIC'] as const;
export type AlterationClass = (typeof alterationClasses)[number];

export const alterationTypes = ['INJECTED', 'REMOVED', 'COPY_MOVE', 'SPLICED'] as const;
export type AlterationType = (typeof alterationTypes)[number];

/** What is claimed, or true, of one image. Only a tampered one has a box, in pixels of the image, and may have a type. */
export const AlterationClaim = z.object({ class: z.enum(alterationClasses), type: z.enum(alterationTypes).nullable(), box: Box.nullable() });
export type AlterationClaim = z.infer<typeof AlterationClaim>;

export const cueNames = ['noise', 'smoothness', 'grid', 'copy', 'continuity'] as const;
export type CueName = (typeof cueNames)[number];

/** What is said of a cue that stands out in the claimed region, everywhere in the same words. */
export const cueSentences: Readonly<Record<CueName, string>> = {
  noise: 'There is more fine noise than in tissue of equal brightness.', smoothness: 'Fine detail is smoother than in tissue of equal brightness.', grid: 'The compression grid of the rest breaks off there.',
  copy: 'The same content stands elsewhere in the image: it may be copied.', continuity: 'It stands in one slice alone.',
};

export const classWords: Readonly<Record<AlterationClass, string>> = { REAL: 'untouched', TAMPERED: 'altered in part', FULL_SYNTHETIC: 'synthetic as a whole' };
export const typeWords: Readonly<Record<AlterationType, string>> = { INJECTED: 'something put in', REMOVED: 'something taken out', COPY_MOVE: 'a part copied within the image', SPLICED: 'content of another image' };

/** Where a box lies in an image, in words of thirds. */
export function alterationPlace({ x1, y1, x2, y2 }: Box, { width, height }: { readonly width: number; readonly height: number }): string {
  const third = (middle: number, names: readonly [string, string, string]): string => names[middle < 1 / 3 ? 0 : middle > 2 / 3 ? 2 : 1];
  const [down, across] = [third((y1 + y2) / 2 / height, ['upper', '', 'lower']), third((x1 + x2) / 2 / width, ['left', '', 'right'])];
  const words = `${down} ${across}`.trim();
  return words === '' ? 'in the centre' : down === '' ? `on the ${across}` : across === '' ? `in the ${down} part` : `in the ${words}`;
}

/** How strong the signs are; `unexamined` where nothing could be looked for. */
export const alterationLevels = ['unexamined', 'none', 'suspected', 'strong'] as const;
export type AlterationLevel = (typeof alterationLevels)[number];

export interface AnsweredAlteration extends AlterationClaim {
  /** Whether a tampered image has a proper box, and any other neither box nor type. */
  readonly isWellFormed: boolean;
}

/** Put in one wording alone, to images that show their own maps. */
export const alterationQuestion = 'Was this image altered? Answer REAL, TAMPERED with type and box, or FULL_SYNTHETIC.';

const blank = '[ \\t\\n]*';
const corner = `\\(${blank}(\\d{1,6})${blank},${blank}(\\d{1,6})${blank}\\)`;
const grammar = new RegExp(`^(REAL|TAMPERED|FULL_SYNTHETIC)(?:${blank},${blank}(INJECTED|REMOVED|COPY_MOVE|SPLICED))?(?:${blank},${blank}${corner}${blank},${blank}${corner})?${blank}\\.?$`);
const longest = 400;

/**
 * An answer in the grammar `CLASS[, TYPE][, (x1,y1),(x2,y2)][.]`, letter case and all; null for any other text.
 * A box whose corners are not in order is none.
 */
export function parseAlteration(answer: string): AnsweredAlteration | null {
  const text = answer.trim();
  const match = text.length > longest ? null : grammar.exec(text);
  if (!match) return null;
  const [name, type = null, ...corners] = match.slice(1) as [AlterationClass, AlterationType | undefined, ...(string | undefined)[]];
  const [x1, y1, x2, y2] = corners.map(Number) as [number, number, number, number];
  const isBoxed = corners[0] !== undefined;
  const isProper = isBoxed && x2 > x1 && y2 > y1;
  return { class: name, type, box: isProper ? { x1, y1, x2, y2 } : null, isWellFormed: name === 'TAMPERED' ? isProper : !isBoxed && type === null };
}

/** The claim in that grammar; the box in whole pixels. */
export function alterationText({ class: name, type, box }: AlterationClaim): string {
  if (name !== 'TAMPERED') return name;
  const place = box ? `,(${Math.round(box.x1)},${Math.round(box.y1)}),(${Math.round(box.x2)},${Math.round(box.y2)})` : '';
  return `${name}${type ? `, ${type}` : ''}${place}`;
}

/** A share that was measured, with its interval (Wilson, 95 %). */
export const Measured = z.object({ count: z.number().int().nonnegative(), of: z.number().int().nonnegative(), low: z.number(), high: z.number() });
export type Measured = z.infer<typeof Measured>;

/** What was measured of a network, on images that it had not seen. */
export const Calibration = z.object({
  /** Least score for each level. */
  thresholds: z.object({ suspected: z.number(), strong: z.number() }),
  /** Untouched images, other than those by which the thresholds were set, that reach each level all the same. */
  falseAlarms: z.object({ suspected: Measured, strong: Measured }),
  byModality: z.record(z.string(), z.object({ suspected: Measured, strong: Measured })),
  /** Most fields of an image among these. */
  mostFields: z.number().int().positive(),
});
export type Calibration = z.infer<typeof Calibration>;
