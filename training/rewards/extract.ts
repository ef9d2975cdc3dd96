/** How an answer is found in a completion, as numbered rules: figures are comparable only under the same rules. */
import type { LabelledBox } from './gold.ts';

/** The rules in words, in the order of trial. A change of behaviour changes a line here, and so the hash that results carry. */
export const extractionRules = {
  version: 1,
  answer: [
    'The text between the last <answer> and the </answer> after it, outer white space removed.',
    'Where the last <answer> is never closed: the text after it.',
    'Where there is no <answer>: the text after the last line that begins with "Answer:", letter case aside.',
    'Otherwise the last line that is not empty, outside <think>.',
    'At most the first 4000 characters of what was found.',
  ],
  boxAnswer: ['As above, but where there is no <answer>: all that follows the last </think>, or the whole completion without one.'],
  text: [
    'Unicode compatibility form, lower case, underscores and hyphens to spaces, punctuation dropped, spaces joined, British spelling.',
  ],
  boxes: [
    'Every run of four numbers in one pair of square brackets is a box; its label is the next "label" string before the next box.',
    'At most 64 boxes; a box whose right or lower edge is not beyond its left or upper edge is dropped.',
  ],
} as const;

const longest = 4000;

/** The answer part of a completion; '' where there is none. */
export function answerOf(completion: string): string {
  const open = completion.lastIndexOf('<answer>');
  if (open >= 0) {
    const close = completion.indexOf('</answer>', open);
    return completion.slice(open + 8, close < 0 ? undefined : close).trim().slice(0, longest);
  }
  const thought = completion.lastIndexOf('</think>');
  const rest = thought >= 0 ? completion.slice(thought + 8) : completion.includes('<think>') ? '' : completion;
  const lines = rest.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const marked = lines.findLast((line) => line.slice(0, 7).toLowerCase() === 'answer:');
  return (marked?.slice(7).trim() ?? lines.at(-1) ?? '').slice(0, longest);
}

/** The part of a completion in which the boxes of a box answer are looked for. */
export function boxAnswerOf(completion: string): string {
  if (completion.includes('<answer>')) return answerOf(completion);
  return completion.slice(completion.lastIndexOf('</think>') + 1).slice(0, longest);
}

const british: Readonly<Record<string, string>> = {
  tumor: 'tumour', tumors: 'tumours', hemorrhage: 'haemorrhage', hemorrhages: 'haemorrhages', hemorrhagic: 'haemorrhagic', edema: 'oedema',
  neovascularization: 'neovascularisation', gray: 'grey', center: 'centre', color: 'colour', leukocyte: 'leucocyte', leukocytes: 'leucocytes',
  nevus: 'naevus', nevi: 'naevi', pediatric: 'paediatric', hematoma: 'haematoma', ischemia: 'ischaemia', anemia: 'anaemia',
};

/** Text made comparable, as `extractionRules.text` says. */
export function normalise(text: string): string {
  const plain = text.slice(0, longest).normalize('NFKC').toLowerCase().replace(/[_\-‐‑–—/]/g, ' ').replace(/[^\p{L}\p{N}. %]/gu, ' ');
  const words = plain.split(' ').map((word) => (/\d\.\d/.test(word) ? word : word.replaceAll('.', ''))).filter((word) => word !== '');
  return words.map((word) => british[word] ?? word).join(' ');
}

/** The boxes written in a text, as `extractionRules.boxes` says. One pass, no recursion; damaged JSON still yields the boxes that are whole. */
export function boxesIn(text: string): LabelledBox[] {
  const found: { box: LabelledBox['box']; from: number; to: number }[] = [];
  for (let at = text.indexOf('['); at >= 0 && found.length < 64; at = text.indexOf('[', at + 1)) {
    const close = text.indexOf(']', at);
    if (close < 0) break;
    if (close - at > 80) continue;
    const parts = text.slice(at + 1, close).split(',');
    const numbers = parts.map((part) => (/^\s*-?\d{1,6}(?:\.\d{1,6})?\s*$/.test(part) ? Number(part) : NaN));
    if (numbers.length !== 4 || numbers.some((value) => !Number.isFinite(value))) continue;
    const [x1, y1, x2, y2] = numbers as [number, number, number, number];
    found.push({ box: { x1, y1, x2, y2 }, from: at, to: close });
  }
  return found.map(({ box, to }, index) => ({ box, label: labelIn(text.slice(to, found[index + 1]?.from ?? to + 400)) }))
    .filter(({ box }) => box.x2 > box.x1 && box.y2 > box.y1);
}

function labelIn(text: string): string {
  const key = text.indexOf('"label"');
  if (key < 0) return '';
  const open = text.indexOf('"', text.indexOf(':', key + 7));
  const close = open < 0 ? -1 : text.indexOf('"', open + 1);
  return close < 0 ? '' : text.slice(open + 1, close).slice(0, 100);
}
