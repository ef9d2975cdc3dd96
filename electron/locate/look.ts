/** One look: things of some prompts on one image, or field by field on a slide or a large picture, in pixels of the source. */
import type { AskedView, Region } from '#electron/contract/review.ts';
import type { Box } from '#models/clinical/finding.ts';
import { invert, mapBox, type Affine } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import { leftDirection, sideOfBox, type Placement } from '#models/imaging/sides.ts';
import { fieldAround, meanPrompt, sweep, type Field, type FindOptions, type Prompt } from '#models/locator.ts';
import type { DirectiveSide } from '#models/clinical/directive.ts';
import { isBlank, type Finder } from './finder.ts';

export interface SeenView {
  readonly picture: Picture;
  readonly toSource: Affine;
  readonly source: { readonly width: number; readonly height: number };
  readonly placement?: Placement | null;
}

export type ReadView = (view: AskedView) => Promise<SeenView>;

/** What is sought: prompts with the names of their kinds, what is not meant, and on which side. */
export interface Sought {
  readonly prompts: readonly { readonly prompt: Prompt; readonly label: string | null }[];
  readonly unlike: readonly Prompt[];
  readonly side: DirectiveSide;
  /** Boxes that were drawn: they are not found again. By frame. */
  readonly examples: ReadonlyMap<string, readonly Box[]>;
}

export interface Found {
  readonly box: Box;
  readonly score: number;
  readonly label: string | null;
}

/** Low: the reader chooses the threshold on the page. */
export const leastScore = 0.05;

const optionsOf = ({ unlike }: Sought): FindOptions => ({ unlike, least: leastScore });

/** The prompt of boxes on one image that is seen as a whole. */
export async function promptOf(finder: Finder, { picture, toSource }: SeenView, boxes: readonly Box[]): Promise<Prompt> {
  const toPicture = invert(toSource);
  return finder.prompt(picture, boxes.map((box) => mapBox(toPicture, box)));
}

/** The prompt of boxes that are each seen within a field of that side. */
export async function promptInFields(finder: Finder, read: (region: Region) => Promise<SeenView>, boxes: readonly Box[], side: number, size: { readonly width: number; readonly height: number }): Promise<Prompt> {
  const prompts: Prompt[] = [];
  for (const box of boxes) prompts.push(await promptOf(finder, await read(fieldAround(box, side, size)), [box]));
  return meanPrompt(prompts);
}

/** Things on a whole image. `isSided` is false where a side was asked for and the file does not say how the image lies: then nothing was left out. */
export async function lookAt(finder: Finder, seen: SeenView, sought: Sought): Promise<{ readonly found: readonly Found[]; readonly isBlank: boolean; readonly isSided: boolean }> {
  if (isBlank(seen.picture)) return { found: [], isBlank: true, isSided: true };
  const lists = await finder.find(seen.picture, sought.prompts.map(({ prompt }) => prompt), optionsOf(sought));
  const all = lists.flatMap((list, at) => list.map(({ box, score }): Found => ({ box: mapBox(seen.toSource, box), score, label: sought.prompts[at]!.label })));
  const left = seen.placement ? leftDirection(seen.placement) : null;
  const isSided = sought.side === 'any' || left !== null;
  const found = sought.side === 'any' || !left ? all : all.filter(({ box }) => (sideOfBox(left, box, seen.source) ?? 'midline') === sought.side);
  return { found: found.toSorted((a, b) => b.score - a.score), isBlank: false, isSided };
}

export interface SweepFields {
  readonly signal: AbortSignal;
  readonly onField: (done: number, total: number, found: readonly Found[]) => void;
}

/** Things on an area, field by field; fields of one colour are passed over. */
export async function lookOver(finder: Finder, read: (region: Region) => Promise<SeenView>, area: Region, side: number, sought: Sought, { signal, onField }: SweepFields): Promise<{ readonly found: readonly Found[]; readonly blank: number }> {
  let blank = 0;
  const inArea = (field: Field): Region => ({ ...field, x: area.x + field.x, y: area.y + field.y });
  const placed = ({ box: { x1, y1, x2, y2 }, score, prompt }: { readonly box: Box; readonly score: number; readonly prompt: number }): Found =>
    ({ score, label: sought.prompts[prompt]!.label, box: { x1: area.x + x1, y1: area.y + y1, x2: area.x + x2, y2: area.y + y2 } });
  const found = await sweep({
    see: (picture: Picture) => Promise.resolve(picture),
    find(picture, prompts, options) {
      if (!isBlank(picture)) return finder.find(picture, prompts, options ?? {});
      blank++;
      return Promise.resolve(prompts.map(() => []));
    },
  }, sought.prompts.map(({ prompt }) => prompt), area, side, async (field) => (await read(inArea(field))).picture, { ...optionsOf(sought), signal, onField: (done, total, some) => onField(done, total, some.map(placed)) });
  return { found: found.map(placed), blank };
}
