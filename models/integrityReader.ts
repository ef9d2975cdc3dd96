/** A model that answers in the grammar, asked about the most suspicious field of an image with its maps; what it says is held against the maps sentence by sentence. */
import { alterationQuestion, parseAlteration, type AlterationClaim } from '#models/clinical/alteration.ts';
import { mapBox, type Affine } from '#models/imaging/coordinates.ts';
import { cellSide } from '#models/imaging/forensics/features.ts';
import { crop, type Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { auditExplanation, cuesIn, type AuditedSentence } from './alterationAudit.ts';
import type { IntegrityChecker, IntegrityResult } from './integrity.ts';
import { evidencePicture } from './integrityPicture.ts';
import type { Reasoner } from './reasoner.ts';

/** Pixels of a field, and of the picture that the model is shown of it, a side. */
const fieldSide = 224;
export const readerSide = 168;

export interface AlterationReading {
  /** As it was written. */
  readonly text: string;
  /** Null where it does not keep the grammar; its box in pixels of the image. */
  readonly claim: AlterationClaim | null;
  readonly sentences: readonly AuditedSentence[];
}

/** @throws those of the checker and the model */
export async function readAlteration(reasoner: Pick<Reasoner, 'ask'>, checker: Pick<IntegrityChecker, 'check'>, picture: Picture, { cells }: Pick<IntegrityResult, 'cells'>, signal?: AbortSignal): Promise<AlterationReading> {
  const options = signal ? { signal } : {};
  const start = (at: number, size: number): number => Math.max(0, Math.min(at * cellSide - fieldSide / 2, size - fieldSide));
  const most = cells.data.reduce((best, likely, at) => (likely > cells.data[best]! ? at : best), 0);
  const [x, y] = [Math.round(start(most % cells.columns, picture.width)), Math.round(start(Math.floor(most / cells.columns), picture.height))];
  const field = crop(picture, { x1: x, y1: y, x2: x + fieldSide, y2: y + fieldSide });
  const own = await checker.check(field, options);
  const { text } = await reasoner.ask({ frames: [resize(evidencePicture(field, own), { width: readerSide, height: readerSide })], question: alterationQuestion }, { maxNewTokens: 96, ...options });
  const between = (open: string, close: string): string | null => {
    const from = text.indexOf(open);
    const to = from < 0 ? -1 : text.indexOf(close, from);
    return to < 0 ? null : text.slice(from + open.length, to).trim();
  };
  const said = parseAlteration(between('<answer>', '</answer>') ?? '');
  const toField: Affine = { xx: field.width / readerSide, xy: 0, x0: 0, yx: 0, yy: field.height / readerSide, y0: 0 };
  const box = said?.box ? mapBox(toField, said.box) : null;
  const cues = box && own.maps ? cuesIn(box, own.maps) : [];
  return {
    text, sentences: auditExplanation(between('<think>', '</think>') ?? '', box, field, cues),
    claim: said?.isWellFormed === true ? { class: said.class, type: said.type, box: box && { x1: box.x1 + x, y1: box.y1 + y, x2: box.x2 + x, y2: box.y2 + y } } : null,
  };
}
