/** A view as a training case keeps it: the picture as it was shown, and what about it could name a person. */
import type { Affine } from '#models/imaging/coordinates.ts';
import { lettering } from '#models/imaging/lettering.ts';
import { encodePng } from '#models/imaging/picture.ts';
import type { Box } from '#models/clinical/finding.ts';
import { identifiersOf, oftenBurned, type Identifiers } from './identifiers.ts';
import type { Pixels, ShownOptions } from './pixels.ts';

export interface Captured extends Identifiers {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Pixels of the picture to pixels of the source. */
  readonly toSource: Affine;
  readonly source: { readonly width: number; readonly height: number };
  readonly isOftenBurned: boolean;
  /** Rows of writing, in pixels of the picture. */
  readonly lettering: readonly Box[];
}

export interface CapturedView extends ShownOptions {
  readonly path: string;
  readonly index: number;
}

export async function captured(pixels: Pick<Pixels, 'shown'>, { path, index, ...options }: CapturedView): Promise<Captured> {
  const [{ picture, toSource, source }, identifiers] = await Promise.all([pixels.shown(path, index, options), identifiersOf(path)]);
  return {
    ...identifiers, png: encodePng(picture, { level: 6 }), width: picture.width, height: picture.height, toSource, source, isOftenBurned: oftenBurned.includes(identifiers.facts.code ?? ''), lettering: lettering(picture),
  };
}
