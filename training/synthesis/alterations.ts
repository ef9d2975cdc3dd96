/**
 * Untouched and altered images that share everything but the alteration: the seeded maker of what integrity checks learn from and are measured on.
 *
 * Untouched, tampered and synthetic images of one set go through the same steps: the same compression before (a phantom and a donor have theirs drawn where the real image
 * brings its own), the same crop, and after the alteration the same window, scale and compression.
 */
import { Random } from '#models/base/random.ts';
import type { AlterationClaim } from '#models/clinical/alteration.ts';
import { crop, type Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { boxAround, compressed, drawHistory, processed, processedMask, type History } from './alterations/history.ts';
import { generatorNames, generators, regrown, tamper, type GeneratorName } from './alterations/generators.ts';
import { drawPhantom } from './phantoms.ts';
import { framePicture, phantomKinds } from './phantoms/study.ts';

/** Pixels of a side of what is made, before its scale changes by history. */
export const alterationSide = 256;
/** Pixels of a side of what is kept: the middle, so that all images have one size whatever their history. */
export const checkedSide = 224;

export interface AlterationSample {
  readonly picture: Picture;
  readonly claim: AlterationClaim;
  /** Altered pixels, 1 each; null where the image is untouched or synthetic as a whole. */
  readonly mask: Uint8Array | null;
  readonly generator: GeneratorName | null;
  readonly history: History;
}

export interface AlterationOptions {
  readonly seed: number;
  /** Which generators may be used. */
  readonly only?: readonly GeneratorName[];
  /** Another study's picture. */
  readonly donor: Picture;
}

/**
 * One untouched, one tampered and one synthetic image with one history. A tampered one is missing where the picture has no place with structure.
 * The same picture, donor and seed give the same bytes.
 *
 * @throws RangeError for a picture with a side under 64 pixels
 */
export function alterationSet(source: Picture, { seed, only = generatorNames, donor }: AlterationOptions): readonly AlterationSample[] {
  if (Math.min(source.width, source.height, donor.width, donor.height) < 64) throw new RangeError('alterationSet: a picture is smaller than 64 pixels');
  const random = Random.named(seed, 'alteration');
  const base = squareOf(source, random);
  const other = squareOf(donor, random);
  const history = drawHistory(random);
  const names = random.shuffled(only.filter((name) => generators[name].class === 'TAMPERED'));
  const synthetic = only.filter((name) => generators[name].class === 'FULL_SYNTHETIC');
  const samples: AlterationSample[] = [finished(base, { class: 'REAL', type: null, box: null }, null, null, history)];
  for (const name of [...names, ...names, ...names]) {
    const altered = tamper(base, name, other, random);
    const sample = altered && finished(altered.picture, { class: 'TAMPERED', type: generators[name].type, box: null }, altered.mask, name, history);
    // What the middle leaves of it must be enough to be seen.
    if (!sample?.claim.box || sample.mask!.reduce((sum, covered) => sum + covered, 0) < 80) continue;
    samples.push(sample);
    break;
  }
  if (synthetic.length > 0) {
    const name = random.pick(synthetic);
    samples.push(finished(name === 'phantom' ? phantomSquare(random) : regrown(base, random), { class: 'FULL_SYNTHETIC', type: null, box: null }, null, name, history));
  }
  return samples;
}

/** A square part at a scale between the whole and the stored pixels. */
function squareOf(source: Picture, random: Random): Picture {
  const shorter = Math.min(source.width, source.height);
  const factor = shorter <= alterationSide ? alterationSide / shorter : random.between(alterationSide / shorter, 1);
  const scaled = factor === 1 ? source : resize(source, { width: Math.max(alterationSide, Math.round(source.width * factor)), height: Math.max(alterationSide, Math.round(source.height * factor)) });
  const [x, y] = [random.below(scaled.width - alterationSide + 1), random.below(scaled.height - alterationSide + 1)];
  return crop(scaled, { x1: x, y1: y, x2: x + alterationSide, y2: y + alterationSide });
}

/** A phantom as a real image comes: compressed once before anything else. */
function phantomSquare(random: Random): Picture {
  const study = drawPhantom(random.pick(phantomKinds), random.below(1 << 30), { size: 320, frames: 3 });
  const picture = compressed(framePicture(study.frames[study.frames.length >> 1]!), Math.round(random.between(75, 96)));
  return squareOf(picture, random);
}

/** After its history, the middle square. */
function finished(picture: Picture, claim: AlterationClaim, mask: Uint8Array | null, generator: GeneratorName | null, history: History): AlterationSample {
  const shown = processed(picture, history);
  const covered = mask && processedMask(mask, picture, history);
  const square = middle(shown);
  const cut = covered && middleMask(covered);
  const box = cut ? boxAround(cut, checkedSide) : null;
  return { picture: square, claim: { ...claim, box }, mask: cut, generator, history };
}

/** The kept square: a history leaves more than that of a side. */
function middle(picture: Picture): Picture {
  const [x, y] = [(picture.width - checkedSide) >> 1, (picture.height - checkedSide) >> 1];
  return crop(picture, { x1: x, y1: y, x2: x + checkedSide, y2: y + checkedSide });
}

function middleMask({ width, height, mask }: { readonly width: number; readonly height: number; readonly mask: Uint8Array }): Uint8Array {
  const [left, top] = [(width - checkedSide) >> 1, (height - checkedSide) >> 1];
  return Uint8Array.from({ length: checkedSide * checkedSide }, (_, i) => {
    const [x, y] = [i % checkedSide, Math.floor(i / checkedSide)];
    return mask[(y + top) * width + x + left]!;
  });
}
