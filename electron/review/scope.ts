/** What a model was made for, as its folder says, and whether an image or a question lies outside of it. Nothing is judged by the look of a picture. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Flag, Override } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import { Scope } from '#models/clinical/scope.ts';
import type { Modality } from '#models/clinical/study.ts';
import type { Placement } from '#models/imaging/sides.ts';

const mostBytes = 200_000;

/** Null where the folder says nothing of it, or not in this form. */
export function readScope(folder: string): Scope | null {
  const path = join(folder, 'scope.json');
  if (!existsSync(path)) return null;
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(mostBytes);
    const read = Scope.safeParse(JSON.parse(bytes.toString('utf8', 0, readSync(file, bytes, 0, mostBytes, 0))));
    return read.success ? read.data : null;
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

/** DICOM's codes in our words; mammography is no film of anything else, and codes that are not here are known to no model. */
const ofCode: Readonly<Record<string, Modality | 'mammography' | 'PET' | 'nuclear medicine' | 'angiography' | 'endoscopy'>> = {
  CT: 'ct', MR: 'mri', CR: 'xray', DX: 'xray', DR: 'xray', RG: 'xray', PX: 'xray', IO: 'xray', US: 'ultrasound', OP: 'fundus', OPT: 'oct', DMS: 'dermoscopy', SM: 'microscopy', GM: 'microscopy',
  MG: 'mammography', PT: 'PET', NM: 'nuclear medicine', XA: 'angiography', ES: 'endoscopy',
};
const spoken: Readonly<Record<string, string>> = { xray: 'X-ray films', ct: 'CT', mri: 'MR', ultrasound: 'ultrasound', dermoscopy: 'dermoscopy', fundus: 'fundus photographs', oct: 'OCT', microscopy: 'microscopy' };
/** The same of one image, where that is another word. */
const single: Readonly<Record<string, string>> = { xray: 'an X-ray film', fundus: 'a fundus photograph' };

/** Words for a part of the body, of files and of questions, by the part; and the stretch of the body that it belongs to. */
const parts: readonly { readonly name: string; readonly reach: 'head' | 'trunk' | 'arm' | 'leg'; readonly words: RegExp }[] = [
  { name: 'chest', reach: 'trunk', words: /\b(?:chest|thora\w*|lungs?|pulmonary|heart|cardiac|ribs?|pleura\w*|mediastin\w*|pneumo\w*)\b/i },
  { name: 'abdomen', reach: 'trunk', words: /\b(?:abdom\w*|liver|hepat\w*|kidneys?|renal|spleen|pancrea\w*|bowel|stomach)\b/i },
  { name: 'pelvis', reach: 'trunk', words: /\b(?:pelvi\w*|bladder|prostate|uter\w*)\b/i },
  { name: 'breast', reach: 'trunk', words: /\b(?:breasts?|mamm\w*)\b/i },
  { name: 'spine', reach: 'trunk', words: /\b(?:[clt]?spine|vertebra\w*|spinal)\b/i },
  { name: 'brain', reach: 'head', words: /\b(?:brain|head|skull|cerebr\w*|intracranial)\b/i },
  { name: 'eye', reach: 'head', words: /\b(?:eyes?|retina\w*|fundus|macula\w*|orbit\w*)\b/i },
  { name: 'knee', reach: 'leg', words: /\b(?:knees?|patella\w*)\b/i },
  { name: 'foot', reach: 'leg', words: /\b(?:foot|feet|ankles?|toes?)\b/i },
  { name: 'leg', reach: 'leg', words: /\b(?:legs?|femur|tibia|fibula|thigh)\b/i },
  { name: 'hand', reach: 'arm', words: /\b(?:hands?|wrists?|fingers?)\b/i },
  { name: 'arm', reach: 'arm', words: /\b(?:arms?|elbows?|humerus|forearm)\b/i },
];

const partOf = (text: string): (typeof parts)[number] | undefined => parts.find(({ words }) => words.test(text));

/**
 * `scope.modality`, `scope.bodyPart`, `scope.images`: the model was not trained on such images, or so many at a time. `scope.unstated`: a plain picture does not say what it shows.
 * `scope.question`: the question speaks of another stretch of the body than the file. `scope.unknown`: the model's folder does not say what it was trained on.
 *
 * @param placements  null: the file says nothing of what it shows; undefined: it says that by its kind, as a slide does
 */
export function scopeFlags(scope: Scope | null, question: string, placements: readonly (Placement | null | undefined)[]): readonly Flag[] {
  const flags = new Map<string, Flag>();
  const add = (code: string, detail: string): void => void flags.set(`${code}${detail}`, { code, detail });
  if (!scope) add('scope.unknown', 'The model\'s folder does not say what it was trained on, so nothing can be said of whether it knows such images.');
  const most = scope?.mostImages;
  if (most !== undefined && placements.length > most) add('scope.images', `${placements.length} images were sent together. The model was trained on ${most === 1 ? 'one' : most} at a time.`);
  for (const placement of placements) {
    if (placement === null && scope) add('scope.unstated', `The file does not say what it shows. The model was trained on ${trainedOn(scope)}.`);
    if (!placement) continue;
    const modality = ofCode[placement.modality];
    const trained = scope?.trained.filter((one) => one.modality === modality);
    const part = placement.bodyPart === null ? undefined : partOf(placement.bodyPart.replace(/[^A-Za-z]+/g, ' '));
    if (trained && modality !== undefined) {
      if (trained.length === 0) add('scope.modality', `This is ${single[modality] ?? spoken[modality] ?? modality}. The model was trained on ${trainedOn(scope as Scope)}.`);
      // Training sets need not say which part of the body they show.
      else if (placement.bodyPart !== null && trained.every(({ bodyParts }) => bodyParts.length > 0) && !trained.some(({ bodyParts }) => bodyParts.some((name) => name.toLowerCase() === (part?.name ?? placement.bodyPart?.toLowerCase())))) {
        add('scope.bodyPart', `The file says ${placement.bodyPart.toLowerCase()}. Of ${spoken[modality] ?? modality} the model was trained on ${listed([...new Set(trained.flatMap(({ bodyParts }) => bodyParts))])}.`);
      }
    }
    const asked = parts.filter(({ words }) => words.test(question));
    if (part && asked.length > 0 && asked.every(({ reach }) => reach !== part.reach)) add('scope.question', `The question speaks of the ${listed(asked.map(({ name }) => name))}; the file says ${placement.bodyPart?.toLowerCase() ?? ''}.`);
  }
  return [...flags.values()];
}

const trainedOn = ({ trained }: Scope): string => listed([...new Set(trained.map((one) => spoken[one.modality] ?? one.modality))]);

/** Reasons not to put a question to a model at all, unless a person says why. */
const blocking: ReadonlySet<string> = new Set(['scope.modality', 'scope.bodyPart', 'scope.unstated', 'image.blank']);
export const blockingFlags = (flags: readonly Flag[]): readonly Flag[] => flags.filter(({ code }) => blocking.has(code));

const mendInWindow = 'Ask about another image, or say why it should be asked all the same.';

/** `review.scope`; where the images only do not say what they show, `review.unstated`. */
export function outOfScope(flags: readonly Flag[], mends: Readonly<Record<'review.scope' | 'review.unstated', string>> = { 'review.scope': mendInWindow, 'review.unstated': mendInWindow }): Fault {
  const code = flags.every((flag) => flag.code === 'scope.unstated') ? 'review.unstated' : 'review.scope';
  return new Fault({
    code, what: 'The question was not put to the model.', why: [...new Set(flags.map(({ detail }) => `${detail.charAt(0).toUpperCase()}${detail.slice(1)}`))].join(' '), mend: mends[code],
  });
}

export const overrideFlag = ({ reason }: Override): Flag => ({ code: 'scope.override', detail: `Asked all the same. The reason given: ${reason}` });

const listed = (names: readonly string[]): string => (names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) as string}`);
