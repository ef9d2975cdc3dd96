/** Does the answer stand on the boxes that it cites? Hide them and see; hide as much elsewhere and see again. */

import { Random } from '#models/base/random.ts';
import { area, type Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Answer, Ask, AskOptions, Reasoner } from '#models/reasoner.ts';

/** What the model made of one version of the picture. */
export interface ProbeView {
  /** ln p of the given answer, put directly after the question, without the reasoning that would give it away. */
  readonly answerLogProbability: number;
  /** What the model answers when it is asked anew; null where that has no answer. */
  readonly answer: string | null;
}

export interface Probe {
  readonly original: ProbeView;
  /** With the cited boxes hidden. */
  readonly hidden: ProbeView;
  /** With boxes of the same sizes hidden elsewhere. */
  readonly control: ProbeView;
  readonly hiddenBoxes: readonly Box[];
  readonly controlBoxes: readonly Box[];
  /** Share of the picture that was hidden, 0 … 1; and share of the control boxes that lies on cited ones, because there was no other place. */
  readonly hiddenShare: number;
  readonly controlOverlap: number;
  /** How much more the answer loses by hiding what it cites than by hiding something else, in nats. Above 0: the boxes matter. */
  readonly effect: number;
}

/**
 * Runs the probe on one picture. Null where the answer cites no box of it.
 *
 * @param answer  what the model said to `ask`
 * @param frame   which of the asked pictures the boxes are on
 */
export async function probe(reasoner: Reasoner, ask: Ask, answer: Pick<Answer, 'trace'>, options: Pick<AskOptions, 'signal' | 'maxNewTokens' | 'sampling'> & { readonly frame?: number; readonly seed?: number } = {}): Promise<Probe | null> {
  const { frame = 0, seed = 0, ...asking } = options;
  const picture = ask.frames[frame];
  const given = answer.trace.answer;
  const boxes = distinct(answer.trace.findings.filter((finding) => finding.frame === frame).flatMap((finding) => finding.boxes));
  if (!picture || given === null || boxes.length === 0) return null;
  const elsewhere = controlBoxes(picture, boxes, seed);
  const version = (changed: Picture): Ask => ({ ...ask, frames: ask.frames.map((other, i) => (i === frame ? changed : other)) });
  const view = async (version: Ask, known?: string | null): Promise<ProbeView> => {
    const { ids, logProbabilities } = await reasoner.score({ ...version, question: direct(ask.question) }, `<answer>${given}</answer>`);
    // The opening tag says nothing of the picture.
    const opening = reasoner.tokenizer.encode('<answer>');
    const from = opening.every((id, i) => id === ids[i]) ? opening.length : 0;
    const answer = known !== undefined ? known : (await reasoner.ask(version, asking)).trace.answer;
    return { answerLogProbability: logProbabilities.slice(from).reduce((a, b) => a + b, 0), answer };
  };
  const original = await view(ask, given);
  const hidden = await view(version(occlude(picture, boxes)));
  const control = await view(version(occlude(picture, elsewhere)));
  const covered = coverage(picture, boxes);
  return {
    original, hidden, control, hiddenBoxes: boxes, controlBoxes: elsewhere,
    hiddenShare: covered.share, controlOverlap: overlapShare(elsewhere, boxes),
    effect: control.answerLogProbability - hidden.answerLogProbability,
  };
}

/** The question so put that the answer comes without reasoning. */
export const direct = (question: string): string => (/answer directly\.?\s*$/i.test(question) ? question : `${question} Answer directly.`);

const distinct = (boxes: readonly Box[]): readonly Box[] => {
  const seen = new Set<string>();
  return boxes.filter((box) => {
    const key = [box.x1, box.y1, box.x2, box.y2].map(Math.round).join();
    return !seen.has(key) && Boolean(seen.add(key));
  });
};

/** The picture with each box painted in the mean colour of the pixels around it: what was there is gone, and no bright patch draws the eye. */
export function occlude(picture: Picture, boxes: readonly Box[]): Picture {
  const data = picture.data.slice();
  const { width, height } = picture;
  for (const { x1, y1, x2, y2 } of boxes.map((box) => pixels(box, picture))) {
    if (x2 <= x1 || y2 <= y1) continue;
    const colour = surroundings(picture, { x1, y1, x2, y2 });
    for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) data.set(colour, (y * width + x) * 3);
  }
  return { width, height, data };
}

/** Whole pixels inside the picture that the box touches. */
const pixels = ({ x1, y1, x2, y2 }: Box, { width, height }: Picture): Box =>
  ({ x1: Math.max(0, Math.floor(x1)), y1: Math.max(0, Math.floor(y1)), x2: Math.min(width, Math.ceil(x2)), y2: Math.min(height, Math.ceil(y2)) });

/** Mean colour of a frame around the box, as wide as an eighth of it; of the whole picture where the box leaves nothing around. */
function surroundings(picture: Picture, box: Box): readonly [number, number, number] {
  const rim = Math.max(2, Math.round(Math.max(box.x2 - box.x1, box.y2 - box.y1) / 8));
  const outer = pixels({ x1: box.x1 - rim, y1: box.y1 - rim, x2: box.x2 + rim, y2: box.y2 + rim }, picture);
  const isInside = (x: number, y: number): boolean => x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2;
  const around = meanColour(picture, outer, (x, y) => !isInside(x, y));
  return around ?? meanColour(picture, { x1: 0, y1: 0, x2: picture.width, y2: picture.height }, () => true) ?? [0, 0, 0];
}

function meanColour({ data, width }: Picture, { x1, y1, x2, y2 }: Box, counts: (x: number, y: number) => boolean): readonly [number, number, number] | null {
  const total: [number, number, number] = [0, 0, 0];
  let n = 0;
  for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) {
    if (!counts(x, y)) continue;
    const at = (y * width + x) * 3;
    for (let c = 0; c < 3; c++) total[c as 0] += data[at + c] as number;
    n++;
  }
  return n === 0 ? null : [Math.round(total[0] / n), Math.round(total[1] / n), Math.round(total[2] / n)];
}

/** For each box one of its size elsewhere: of 64 drawn places the one that lies least on the cited boxes and on those already placed. */
export function controlBoxes(picture: Picture, boxes: readonly Box[], seed: number): readonly Box[] {
  const random = Random.named(seed, 'control boxes');
  const placed: Box[] = [];
  for (const box of boxes) {
    const [width, height] = [box.x2 - box.x1, box.y2 - box.y1];
    let best: Box | undefined;
    let least = Infinity;
    for (let i = 0; i < 64 && least > 0; i++) {
      const x = Math.round(random.between(0, Math.max(0, picture.width - width)));
      const y = Math.round(random.between(0, Math.max(0, picture.height - height)));
      const candidate = { x1: x, y1: y, x2: x + width, y2: y + height };
      const cost = [...boxes, ...placed].reduce((total, other) => total + shared(candidate, other), 0);
      if (cost < least) [best, least] = [candidate, cost];
    }
    if (best) placed.push(best);
  }
  return placed;
}

const shared = (a: Box, b: Box): number => area({ x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1), x2: Math.min(a.x2, b.x2), y2: Math.min(a.y2, b.y2) });

/** How much of `boxes` lies on `others`, 0 … 1. */
function overlapShare(boxes: readonly Box[], others: readonly Box[]): number {
  const whole = boxes.reduce((total, box) => total + area(box), 0);
  return whole === 0 ? 0 : Math.min(1, boxes.reduce((total, box) => total + others.reduce((sum, other) => sum + shared(box, other), 0), 0) / whole);
}

/** The share of the picture that the boxes cover together. */
function coverage(picture: Picture, boxes: readonly Box[]): { readonly share: number } {
  const covered = new Uint8Array(picture.width * picture.height);
  for (const { x1, y1, x2, y2 } of boxes.map((box) => pixels(box, picture))) for (let y = y1; y < y2; y++) covered.fill(1, y * picture.width + x1, y * picture.width + Math.max(x1, x2));
  return { share: covered.reduce((a, b) => a + b, 0) / covered.length };
}
