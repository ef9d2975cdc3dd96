/**
 * GUI-R1 (arXiv 2504.10458): one checkable action for each picture, 0.8 for the right one and 0.2 for its form. Published: the release over its own actions
 * (click, scroll, type …). Strict: the actions of the viewer.
 */
import { Fault } from '#models/base/fault.ts';
import { readAction } from '#models/viewer/actions.ts';
import { readLiteral, type Literal } from './pythonLiteral.ts';
import { isDict, split, strip } from './python.ts';
import type { NamedReward, RewardResult, RewardRow } from './reward.ts';
import { firstBlock, isThinkAnswer, strictThinkAnswer } from './tags.ts';
import { fileSize } from './targets.ts';
import { meets, viewerTarget } from './viewer.ts';

const overall = (accuracy: boolean, format: boolean): RewardResult => ({
  reward: 0.8 * Number(accuracy) + 0.2 * Number(format), parts: { accuracy: Number(accuracy), format: Number(format) },
});

/** Python's `dict[key]` for a text key: of equal keys the last counts. */
const entry = (dict: Extract<Literal, { kind: 'dict' }>, key: string): Literal | undefined =>
  dict.entries.findLast(([name]) => name.kind === 'text' && name.value === key)?.[1];

/** `value[index]` and whether that is an `int`, which a bool is too. */
function isWholeAt(value: Literal, index: 0 | 1): boolean {
  const found = value.kind === 'list' || value.kind === 'tuple' ? value.items[index]
    : value.kind === 'dict' ? value.entries.findLast(([name]) => (name.kind === 'whole' || name.kind === 'decimal' || name.kind === 'truth') && Number(name.value) === index)?.[1] : undefined;
  return found?.kind === 'whole' || found?.kind === 'truth';
}

const textNeeded = new Set(['type', 'select', 'open_app']);
const directions = new Set(['left', 'right', 'up', 'down']);

/** The form that the release asks for: a think block, an answer block, and in the first answer block a list of records. */
export function isGuiFormat(completion: string): boolean {
  if (!isThinkAnswer(completion)) return false;
  const list = readLiteral(strip(firstBlock(completion) ?? ''));
  return list?.kind === 'list' && list.items.every((item) => {
    if (item.kind !== 'dict') return false;
    const [action, point, text] = [entry(item, 'action'), entry(item, 'point'), entry(item, 'input_text')];
    if (action?.kind !== 'text' || !point || !isWholeAt(point, 0) || !isWholeAt(point, 1) || text?.kind !== 'text') return false;
    if (textNeeded.has(action.value)) return text.value !== 'no input text';
    return action.value !== 'scroll' || directions.has(text.value);
  });
}

/**
 * The last `[digits, digits]` between braces of the first line that has one; [0, 0] without. Digits and word characters are those of ASCII here, those of
 * every script in the release.
 */
export function guiPoint(answer: string): readonly [number, number] {
  for (let from = 0; from <= answer.length;) {
    const end = answer.indexOf('\n', from);
    const to = end < 0 ? answer.length : end;
    const brace = answer.indexOf('{', from);
    if (brace >= 0 && brace < to) {
      const found = lastPair(answer, brace + 1, to);
      if (found) return found;
    }
    from = to + 1;
  }
  return [0, 0];
}

function lastPair(answer: string, from: number, to: number): readonly [number, number] | null {
  for (let at = answer.lastIndexOf('[', to - 1); at >= from; at = at === 0 ? -1 : answer.lastIndexOf('[', at - 1)) {
    const pair = /\[(\d+),\s*(\d+)\]/y;
    pair.lastIndex = at;
    const match = pair.exec(answer);
    if (!match || !isClosed(answer, pair.lastIndex)) continue;
    return [Number(match[1]), Number(match[2])];
  }
  return null;
}

/** Whether a closing brace follows on the line, or on the next one that is not blank. */
function isClosed(answer: string, from: number): boolean {
  let start = from;
  while (start < answer.length && /\s/.test(answer.charAt(start))) start++;
  const lineOf = (at: number): string => {
    const end = answer.indexOf('\n', at);
    return answer.slice(at, end < 0 ? answer.length : end);
  };
  return lineOf(from).includes('}') || lineOf(start).includes('}');
}

/** The release's token F1: sets of words, brackets dropped; one word within another counts as equal. */
export function setF1(said: string, right: string): number {
  const words = (text: string): Set<string> => new Set(split(text.replace(/[[\]]/g, '').toLowerCase()));
  const [a, b] = [words(said), words(right)];
  const [[first = ''], [other = '']] = [[...a], [...b]];
  if (a.size === 1 && b.size === 1 && (first.includes(other) || other.includes(first))) return 1;
  const shared = [...a].filter((word) => b.has(word)).length;
  if (shared === 0) return 0;
  const [precision, recall] = [shared / a.size, shared / b.size];
  return (2 * precision * recall) / (precision + recall);
}

function isPublishedRight(completion: string, target: unknown): boolean {
  const record = typeof target === 'string' ? parsed(target) : target;
  if (!isDict(record)) return false;
  const { action: wanted, gt_bbox: box, input_text: right } = record;
  if (typeof wanted !== 'string' || !Array.isArray(box) || typeof right !== 'string') return false;
  const answer = strip(firstBlock(completion) ?? '');
  const action = (/'action':\s*'(\w+)'/.exec(answer)?.[1] ?? 'no action').toLowerCase();
  if (action !== wanted.toLowerCase()) return false;
  const numbers = box.filter((one): one is number => typeof one === 'number');
  if (action === 'click') {
    const [x, y] = guiPoint(answer);
    const [a = NaN, b = NaN, c = NaN, d = NaN] = numbers;
    if (box.length === 2) return (x - a) ** 2 + (y - b) ** 2 < 140 ** 2;
    return box.length === 4 && x > a && x < c && y > b && y < d;
  }
  if (action !== 'type' && action !== 'select' && action !== 'scroll') return true;
  return setF1(/'input_text':\s*'(.*?)'/.exec(answer)?.[1] ?? 'no input text', right) >= 0.5;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

const published = ({ completion, target }: RewardRow): RewardResult => overall(isPublishedRight(completion, target), isGuiFormat(completion));

/** The one action of the strict form; null where there is none that the viewer would do. */
function strictAction(row: RewardRow): ReturnType<typeof readAction> | null {
  const list = parsed(strictThinkAnswer(row.completion)?.answer ?? '');
  if (!Array.isArray(list) || list.length !== 1) return null;
  try {
    return readAction(list[0], fileSize(row));
  } catch (fault) {
    if (fault instanceof Fault && fault.code.startsWith('act.')) return null;
    throw fault;
  }
}

function strict(row: RewardRow): RewardResult {
  const target = viewerTarget(row.target);
  const size = fileSize(row);
  const action = strictAction(row);
  return overall(action !== null && meets(action, target, size), action !== null);
}

export const guiR1Rewards = [
  {
    name: 'guiR1', source: 'GUI-R1, verl/utils/reward_score/r1gui.py',
    reads: [
      'target: published {action, gt_bbox: [x, y] or [x1, y1, x2, y2] in pixels, input_text}, or its JSON; strict {action, …} of the viewer, places in pixels of size',
      'size: strict only, of the picture that was looked at',
    ],
    summary: '0.8 for the right action with the right place or text, 0.2 for the form. Strict: one action of the viewer in JSON, judged by what comes of it.',
    holes: [
      'An empty list earns the 0.2 of the form.', 'Any name of an action passes the form.', 'Further actions and further answer blocks may follow.',
      'A place that cannot be read is (0, 0), and hits what lies near the corner.', 'A name with a slash, and double quotes, never count as right.',
      'Edges of the target are outside; a target of one point is hit within 140 pixels, whatever the size of the picture.',
      'One word within another is the same text, and repeated words count once.', 'All actions but click, type, select and scroll are right by their name alone.',
    ],
    modes: { published, strict },
  },
] as const satisfies readonly NamedReward[];
