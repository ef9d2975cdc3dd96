/** Left and right: what an answer says, held against where its boxes lie in the patient and against what the file says of its side. */
import type { Flag } from '#electron/contract/review.ts';
import type { Finding } from '#models/clinical/finding.ts';
import type { ReasoningTrace } from '#models/clinical/trace.ts';
import type { Size } from '#models/imaging/coordinates.ts';
import { leftDirection, sideOfBox, type Placement, type Side } from '#models/imaging/sides.ts';

/** An image of the question: its size in source pixels, and how it lies in the patient. */
export interface PlacedImage {
  readonly source: Size;
  readonly placement: Placement | null;
}

/** Of the image and not of the patient: `the upper left of the image`, `the left half`, `lower right.` */
const ofTheImage = [
  /\b(?:left|right)(?:[ -](?:half|side|part|edge|border|corner|quarter|third)){0,1} of (?:the |this |each )?(?:image|picture|film|frame|slice|scan|view|slide|box)\b/g,
  /\b(?:left|right)[ -](?:half|edge|corner|quarter)\b/g,
  /\b(?:upper|middle|lower|top|bottom)[ -](?:left|right)\b(?!\s{1,3}(?!and\b|or\b|of\b|corner|part|quarter|is\b|with\b)\p{L})/gu,
];
/** Parts of one organ that are named by sides and lie on either, and words that only look like sides. */
const unsided = /\b(?:left|right)[ -](?:lobe of the liver|hepatic|liver|lobe of the thyroid|ventric\w*|atri\w*|main bronchus|coronary|aortic|angles?|over|behind|away|now)\b/g;

/** The one side of the patient that a text speaks of; null where it speaks of none, or of both. */
export function sideSaid(text: string): Side | null {
  const plain = [...ofTheImage, unsided].reduce((words, pattern) => words.replace(pattern, ' '), text.toLowerCase().slice(0, 4000));
  const isLeft = /\bleft(?:-sided)?\b/.test(plain);
  const isRight = /\bright(?:-sided)?\b/.test(plain);
  return isLeft === isRight || /\b(?:both|bilateral\w*)\b/.test(plain) ? null : isLeft ? 'left' : 'right';
}

/**
 * `laterality.conflict`: a box lies on the other side of the patient than what is said of it. `laterality.file`: the file names the other side for the whole image.
 * Images whose file does not say how they lie are left alone.
 *
 * @param findings  boxes in source pixels, by image
 */
export function lateralityFlags({ question, steps, findings, answer }: Pick<ReasoningTrace, 'steps' | 'answer'> & { readonly question: string; readonly findings: readonly Finding[] }, images: readonly PlacedImage[]): readonly Flag[] {
  const lies = findings.map(({ frame, boxes }) => {
    const image = images[frame];
    const left = image?.placement ? leftDirection(image.placement) : null;
    return { boxes: boxes.map((box) => (left && image ? sideOfBox(left, box, image.source) : null)), source: left?.source ?? '' };
  });
  const conflicts = new Map<string, Flag>();
  const hold = (at: number, said: Side | null, words: string, step: number | undefined): void => {
    const { boxes = [], source = '' } = lies[at] ?? {};
    if (said === null || boxes.length === 0 || !boxes.every((side) => side !== null && side !== said)) return;
    const detail = `“${words}”: the box lies on the patient's ${said === 'left' ? 'right' : 'left'} (${source}).`;
    if (!conflicts.has(detail)) conflicts.set(detail, { code: 'laterality.conflict', detail, ...(step === undefined ? {} : { step }) });
  };
  findings.forEach(({ label }, at) => {
    const step = steps.findIndex(({ findings: cited }) => cited.includes(at));
    const ofLabel = sideSaid(label);
    if (ofLabel !== null) hold(at, ofLabel, label, step < 0 ? undefined : step);
    // A sentence with several boxes does not say which of them its side belongs to.
    else for (const [i, { kind, text, findings: cited }] of steps.entries()) if (kind !== 'knowledge' && cited.length === 1 && cited[0] === at) hold(at, sideSaid(text), excerpt(text), i);
  });
  const isList = answer === null || /^\s*\[/.test(answer);
  const asksOfImage = /\b(?:side|half|part|where|quarter)\b[^?]{0,80}\b(?:image|picture|film)\b/i.test(question);
  const ofAnswer = isList || asksOfImage ? null : sideSaid(answer);
  if (conflicts.size === 0 && ofAnswer !== null && lies.length > 0 && lies.every(({ boxes }) => boxes.length > 0 && boxes.every((side) => side !== null && side !== ofAnswer))) hold(0, ofAnswer, excerpt(answer as string), undefined);

  // One image, or several that agree: which of them a sentence is about need not be known.
  const stated = new Set(images.map(({ placement }) => placement?.laterality ?? null));
  const [ofFile] = stated;
  const other = stated.size === 1 && (ofFile === 'left' || ofFile === 'right')
    ? [...steps.flatMap(({ kind, text }, step) => (kind === 'knowledge' ? [] : [{ text, step }])), ...(isList || asksOfImage ? [] : [{ text: answer, step: undefined }])].find(({ text }) => {
      const said = sideSaid(text);
      return said !== null && said !== ofFile;
    }) : undefined;
  const { step } = other ?? {};
  return [
    ...conflicts.values(),
    ...(other ? [{ code: 'laterality.file', detail: `“${excerpt(other.text)}”: the file says that this is the ${ofFile as string} side.`, ...(step === undefined ? {} : { step }) }] : []),
  ];
}

const excerpt = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}…` : text);
