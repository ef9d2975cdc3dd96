/**
 * A model's completion as a ReasoningTrace. The format of our own checkpoints is
 *
 *   <think>
 *   Observation: … [{"bbox_2d":[x1,y1,x2,y2],"label":"…"}]
 *   Conclusion: …
 *   </think>
 *   <answer>…</answer>
 *
 * and what other Qwen checkpoints write is read too: reasoning without kinds, an answer after `</think>` or in `\boxed{}`, boxes in every spelling of
 * `boxes.ts`. What fits none of it stays raw: nothing is guessed, closed or completed.
 */
import type { Box, Finding } from '#models/clinical/finding.ts';
import { area } from '#models/clinical/finding.ts';
import { stepKinds } from '#models/clinical/trace.ts';
import type { ReasoningStep, ReasoningTrace, StepKind } from '#models/clinical/trace.ts';
import { cutBoxes, type Piece, type WrittenBox } from './boxes.ts';

/** What the numbers of a box mean: pixels of the resized image (Qwen2.5-VL), or thousandths of its width and height (Qwen2-VL). */
export type BoxConvention = 'absolute-resized' | 'relative-1000';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** One of the images that were shown: as the model saw it, in pixels, and as it is stored. */
export interface SeenImage {
  readonly resized: Size;
  readonly source: Size;
}

/**
 * The trace of a completion.
 *
 * @param resized  the image as the model saw it, in pixels
 * @param source   the image as it is stored: boxes come out in its pixels
 * @param others   where several images were shown, those after the first. A box then belongs to the one that its label or its sentence names (`Image 2`);
 *   one that names none, or several, is left out with the flag `box.unplaced`: a box on the wrong image is worse than none.
 */
export function parseCompletion(text: string, convention: BoxConvention, resized: Size, source: Size, others: readonly SeenImage[] = []): ReasoningTrace {
  const outline = outlineOf(withoutEnd(text));
  if (!outline.isWhole) return { raw: text, parsed: false, steps: [], findings: [], answer: null, flags: [outline.flag] };
  const images = [{ resized, source }, ...others].map((image): Placed => ({ grid: convention === 'relative-1000' ? { width: 1000, height: 1000 } : image.resized, source: image.source }));
  const findings = new Findings(images, [...outline.flags]);
  const { lines, isUnmarked } = linesOf(outline.reasoning);
  const steps = lines.map(({ kind, text: sentence, boxes }): ReasoningStep => ({ kind, text: sentence, findings: findings.add(boxes, sentence) }));
  if (isUnmarked) findings.flags.push({ code: 'step.unmarked', detail: 'Steps without a kind are shown as observations.' });
  cutBoxes(outline.answerSource, { bareNumbers: true }).forEach((piece, i, all) => (piece.kind === 'boxes' ? findings.add(piece.boxes, all[i - 1]?.text ?? '') : []));
  return { raw: text, parsed: true, steps, findings: findings.all, answer: outline.answer, flags: findings.flags };
}

/** The image that a text names by its number from 1, counted from 0; null where it names none of them, or several. */
export function imageNamed(text: string, count: number): number | null {
  const named = new Set([...text.matchAll(/\b(?:image|picture)\s{0,2}#?(\d{1,3})\b/gi)].map(([, digits]) => Number(digits) - 1));
  const [only] = named;
  return named.size === 1 && only !== undefined && only >= 0 && only < count ? only : null;
}

/** The steps that are finished in a completion that still grows. A step that was given once stays as it is. */
export function stepsSoFar(text: string): readonly { readonly kind: StepKind; readonly text: string }[] {
  const open = text.indexOf('<think>');
  if (open < 0) return [];
  const start = open + '<think>'.length;
  const close = text.indexOf('</think>', start);
  const reasoning = text.slice(start, close < 0 ? Math.max(start, text.lastIndexOf('\n') + 1) : close);
  const steps = linesOf(reasoning).lines.map(({ kind, text: sentence }) => ({ kind, text: sentence }));
  if (close >= 0) return steps;
  // A line that begins like a list may yet become one of boxes, so from there on nothing is finished.
  const unsure = steps.findIndex(({ text: sentence }) => sentence === '' || /^[[{`]/.test(sentence));
  return unsure < 0 ? steps : steps.slice(0, unsure);
}

type Flag = ReasoningTrace['flags'][number];

type Outline =
  | { readonly isWhole: false; readonly flag: Flag }
  | {
    readonly isWhole: true;
    readonly reasoning: string;
    readonly answer: string;
    /** Where boxes of the answer are looked for. */
    readonly answerSource: string;
    readonly flags: readonly Flag[];
  };

const broken = (detail: string): Outline => ({ isWhole: false, flag: { code: 'format.broken', detail } });

/** A decoder that shows control tokens shows the one at the end too. */
const withoutEnd = (text: string): string => {
  let end = text.trimEnd();
  for (const token of ['<|endoftext|>', '<|im_end|>', '<|endoftext|>']) if (end.endsWith(token)) end = end.slice(0, -token.length).trimEnd();
  return end;
};

function outlineOf(text: string): Outline {
  const [thinkOpen, thinkClose, answerOpen, answerClose] = ['<think>', '</think>', '<answer>', '</answer>'].map((tag) => placeOf(text, tag)) as [Place, Place, Place, Place];
  for (const { tag, isRepeated } of [thinkOpen, thinkClose, answerOpen, answerClose]) if (isRepeated) return broken(`${tag} is there more than once.`);
  if (thinkOpen.isThere && !thinkClose.isThere) return broken('<think> is not closed.');
  if (answerOpen.isThere !== answerClose.isThere) return broken(answerOpen.isThere ? '<answer> is not closed.' : '</answer> closes nothing.');
  const order = [thinkOpen, thinkClose, answerOpen, answerClose].filter(({ isThere }) => isThere);
  if (order.some(({ at }, i) => at < (order[i - 1]?.at ?? 0))) return broken('The tags stand in the wrong order.');

  const flags: Flag[] = [];
  const flagText = (code: string, stray: string): void => {
    if (stray.trim() !== '') flags.push({ code, detail: excerpt(stray.trim()) });
  };
  if (thinkOpen.isThere) flagText('text.before', text.slice(0, thinkOpen.at));
  else if (thinkClose.isThere) flags.push({ code: 'think.unopened', detail: 'The reasoning begins with the completion.' });
  const reasoning = thinkClose.isThere ? text.slice(thinkOpen.isThere ? thinkOpen.end : 0, thinkClose.at) : '';

  if (answerOpen.isThere) {
    flagText(thinkClose.isThere ? 'text.between' : 'text.before', text.slice(thinkClose.isThere ? thinkClose.end : 0, answerOpen.at));
    flagText('text.after', text.slice(answerClose.end));
    const answer = text.slice(answerOpen.end, answerClose.at).trim();
    return answer === '' ? broken('The answer is empty.') : { isWhole: true, reasoning, answer: boxedIn(answer)?.inner ?? answer, answerSource: answer, flags };
  }
  return untagged(thinkClose.isThere ? text.slice(thinkClose.end).trim() : text.trim(), { reasoning, hasReasoning: thinkClose.isThere, flags });
}

/** A completion without <answer>: what follows the reasoning, what is boxed, or a direct answer that is made of boxes. */
function untagged(rest: string, { reasoning, hasReasoning, flags }: { reasoning: string; hasReasoning: boolean; flags: readonly Flag[] }): Outline {
  if (rest === '') return broken('There is no answer.');
  const boxed = boxedIn(rest);
  const more = [...flags, { code: 'answer.untagged', detail: 'The answer does not stand in <answer>.' }];
  if (boxed) return { isWhole: true, reasoning: hasReasoning ? reasoning : rest.slice(0, boxed.at), answer: boxed.inner, answerSource: boxed.inner, flags: more };
  if (hasReasoning || cutBoxes(rest).some(({ kind }) => kind === 'boxes')) return { isWhole: true, reasoning, answer: rest, answerSource: rest, flags: more };
  return broken('There is neither an <answer> nor a box.');
}

interface Place {
  readonly tag: string;
  readonly isThere: boolean;
  readonly isRepeated: boolean;
  readonly at: number;
  readonly end: number;
}

function placeOf(text: string, tag: string): Place {
  const at = text.indexOf(tag);
  return { tag, isThere: at >= 0, isRepeated: at >= 0 && text.includes(tag, at + tag.length), at, end: at + tag.length };
}

/** What the last `\boxed{…}` holds, braces inside included. */
function boxedIn(text: string): { readonly at: number; readonly inner: string } | null {
  const mark = '\\boxed{';
  const at = text.lastIndexOf(mark);
  if (at < 0) return null;
  let depth = 1;
  for (let i = at + mark.length; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) {
      const inner = text.slice(at + mark.length, i).trim();
      return inner === '' ? null : { at, inner: withoutTextCommand(inner) };
    }
  }
  return null;
}

/** `\boxed{\text{B}}` means B. */
const withoutTextCommand = (inner: string): string => /^\\text\{([^{}]*)\}$/.exec(inner)?.[1]?.trim() ?? inner;

const excerpt = (text: string): string => (text.length > 200 ? `${text.slice(0, 197)}…` : text);

interface Line {
  readonly kind: StepKind;
  readonly text: string;
  readonly boxes: readonly WrittenBox[];
}

/** A step for each line that says something; boxes on a line of their own belong to the step above. */
function linesOf(reasoning: string): { readonly lines: readonly Line[]; readonly isUnmarked: boolean } {
  const drafts: { text: string; boxes: WrittenBox[] }[] = [{ text: '', boxes: [] }];
  for (const piece of cutBoxes(reasoning)) addPiece(drafts, piece);
  let isUnmarked = false;
  const lines: { kind: StepKind; text: string; boxes: WrittenBox[] }[] = [];
  let early: WrittenBox[] = [];
  for (const { text, boxes } of drafts) {
    const sentence = text.trim().replace(/ {2,}/g, ' ');
    if (sentence === '') {
      const holder = lines.at(-1)?.boxes ?? early;
      for (const box of boxes) holder.push(box);
      continue;
    }
    const { kind, rest } = kindOf(sentence);
    isUnmarked ||= kind === null;
    lines.push({ kind: kind ?? 'observation', text: rest, boxes: early.concat(boxes) });
    early = [];
  }
  if (early.length > 0) lines.push({ kind: 'observation', text: '', boxes: early });
  return { lines, isUnmarked };
}

function addPiece(drafts: { text: string; boxes: WrittenBox[] }[], piece: Piece): void {
  const [first = '', ...more] = piece.kind === 'text' ? piece.text.split('\n') : [piece.text];
  const last = drafts.at(-1) as { text: string; boxes: WrittenBox[] };
  last.text += first;
  if (piece.kind === 'boxes') for (const box of piece.boxes) last.boxes.push(box);
  for (const text of more) drafts.push({ text, boxes: [] });
}

/** `Observation: …`, also as an item of a list or in bold. */
const kindPattern = new RegExp(String.raw`^(?:[-*•]\s{1,4}|\d{1,3}[.)]\s{1,4})?\*{0,2}(${stepKinds.join('|')})\*{0,2}\s?:\*{0,2}\s*`, 'i');

function kindOf(sentence: string): { readonly kind: StepKind | null; readonly rest: string } {
  const found = kindPattern.exec(sentence);
  return found ? { kind: (found[1] as string).toLowerCase() as StepKind, rest: sentence.slice(found[0].length) } : { kind: null, rest: sentence };
}

/** A completion of a few thousand tokens cannot mean more boxes than this. */
const mostBoxes = 2000;

/** An image in the numbers of boxes' texts, and as it is stored. */
interface Placed {
  readonly grid: Size;
  readonly source: Size;
}

/** The findings of a trace: one for each thing that is boxed, cited by as many steps as name it. */
class Findings {
  readonly all: Finding[] = [];
  private readonly indices = new Map<string, number>();
  /** Where a box was placed by its sentence, so that the answer may repeat it. */
  private readonly placed = new Map<string, number>();

  constructor(private readonly images: readonly Placed[], readonly flags: Flag[]) {}

  /** The indices of the findings that these boxes make or repeat. @param sentence  what stands around them */
  add(boxes: readonly WrittenBox[], sentence: string): number[] {
    const cited = new Set<number>();
    for (const written of boxes) {
      const frame = this.frameOf(written, sentence);
      const box = frame === null ? this.flag('box.unplaced', written) : this.toSource(written, this.images[frame] as Placed);
      if (!box || frame === null) continue;
      const key = JSON.stringify([frame, written.label, box.x1, box.y1, box.x2, box.y2]);
      let index = this.indices.get(key);
      if (index === undefined) {
        if (this.all.length >= mostBoxes) {
          this.flag('box.many', written);
          break;
        }
        index = this.all.push({ label: written.label, frame, boxes: [box] }) - 1;
        this.indices.set(key, index);
      }
      cited.add(index);
    }
    return [...cited];
  }

  private frameOf(written: WrittenBox, sentence: string): number | null {
    const { length } = this.images;
    if (length === 1) return 0;
    const key = JSON.stringify([written.label, ...written.numbers]);
    const frame = imageNamed(written.label, length) ?? imageNamed(sentence, length) ?? this.placed.get(key) ?? null;
    if (frame !== null) this.placed.set(key, frame);
    return frame;
  }

  /** In source pixels, cut to the image; null, with a flag, for what is no box or lies outside. */
  private toSource(written: WrittenBox, image: Placed): Box | null {
    const [x1, y1, x2, y2] = written.numbers;
    if (x1 === undefined || y1 === undefined || !written.numbers.every(Number.isFinite)) return this.flag('box.malformed', written);
    if (x2 === undefined || y2 === undefined) {
      // A point names one cell of its grid, which is the smallest box that shows it.
      this.flag('box.point', written);
      return this.cut({ x1, y1, x2: x1 + 1, y2: y1 + 1 }, written, image);
    }
    if (x2 <= x1 || y2 <= y1) return this.flag('box.inverted', written);
    return this.cut({ x1, y1, x2, y2 }, written, image);
  }

  private cut(box: Box, written: WrittenBox, { grid, source }: Placed): Box | null {
    const kept = { x1: Math.max(0, box.x1), y1: Math.max(0, box.y1), x2: Math.min(grid.width, box.x2), y2: Math.min(grid.height, box.y2) };
    if (kept.x2 <= kept.x1 || kept.y2 <= kept.y1 || area(kept) === 0) return this.flag('box.outside', written);
    if (kept.x1 !== box.x1 || kept.y1 !== box.y1 || kept.x2 !== box.x2 || kept.y2 !== box.y2) this.flag('box.clamped', written);
    const across = (x: number): number => (x * source.width) / grid.width;
    const down = (y: number): number => (y * source.height) / grid.height;
    return { x1: across(kept.x1), y1: down(kept.y1), x2: across(kept.x2), y2: down(kept.y2) };
  }

  private flag(code: string, { label, numbers }: WrittenBox): null {
    if (this.flags.length < mostBoxes) this.flags.push({ code, detail: excerpt(`${label} [${numbers.join(', ')}]`.trim()) });
    return null;
  }
}
