/** The two rewards of VLM-R1 (arXiv 2504.07615) that look at how long a completion is and how often it says the same. */
import { goldOf } from './gold.ts';
import { limitOf, tokensOf } from './lengths.ts';
import { get, isDict, isList, loads, pattern, split, strip } from './python.ts';
import { pay, releaseThrows, type NamedReward, type RewardRow } from './reward.ts';
import { fences } from './tags.ts';
import { verify } from './verify.ts';

/** The length at which the released curve turns round, in tokens. */
const releasedMost = 1024;

/** From `short` at length 0 to `long` at the greatest, along half a cosine. */
const alongCosine = (share: number, short: number, long: number): number => short - ((short - long) * (1 - Math.cos(Math.PI * share))) / 2;

/** Right answers earn 1 down to 0.5 with their length, wrong ones −0.5 up to 0; beyond the greatest length nothing changes. */
function strictLength(row: RewardRow): number {
  const share = Math.min(1, tokensOf(row) / (row.maxTokens === undefined ? releasedMost : limitOf(row)));
  const isRight = verify(row.completion, goldOf(row.target)).score >= 0.7;
  return isRight ? alongCosine(share, 1, 0.5) : alongCosine(share, -0.5, 0);
}

const listStart = pattern('\\[\\s*\\{');
const listEnd = pattern('\\}\\s*\\]', 'g');

/** `\[\s*{.*?"bbox_2d".*?"label".*?}\s*\]` with DOTALL, as `re.search` finds it. */
function bareList(text: string): string | null {
  const start = listStart.exec(text);
  if (!start) return null;
  const box = text.indexOf('"bbox_2d"', start.index + start[0].length);
  const label = box < 0 ? -1 : text.indexOf('"label"', box + '"bbox_2d"'.length);
  if (label < 0) return null;
  listEnd.lastIndex = label + '"label"'.length;
  const end = listEnd.exec(text);
  return end ? text.slice(start.index, end.index + end[0].length) : null;
}

/** Entries that are whole within a damaged list. The release mends the text with a library of its own, which may save a broken entry more. */
const wholeEntries = (text: string): unknown[] =>
  Array.from(text.matchAll(/\{[^{}]*\}/g), ([entry]) => loads(entry)).filter((entry) => entry !== undefined);

/** The share of repeated n-grams, negative. */
function repeated(items: readonly string[], size: number): number {
  const total = items.length - size + 1;
  const grams = Array.from({ length: total }, (_, at) => JSON.stringify(items.slice(at, at + size)));
  return -(1 - new Set(grams).size / total);
}

/** Boxes with their labels where the text holds a list of them, else runs of six words. */
function repetition(text: string): number {
  const fenced = fences(text)[0] ?? fences(text, '')[0];
  const json = strip(fenced ?? '') || (fences(text)[0] === undefined ? bareList(text) : null);
  if (json) {
    const list = loads(json) ?? wholeEntries(json);
    if (isList(list) && list.length > 0) {
      if (list.some((item) => item === null || typeof item === 'number' || typeof item === 'boolean')) throw releaseThrows(
        'VLM-R1', 'TypeError: an entry of the list is a bare value, which cannot be searched for its keys.',
      );
      const items = list.filter(isDict).filter((item) => Object.hasOwn(item, 'bbox_2d') && Object.hasOwn(item, 'label'))
        .map((item) => JSON.stringify([get(item, 'bbox_2d'), get(item, 'label')]));
      return items.length === 0 ? 0 : repeated(items, 1);
    }
  }
  const words = split(text.toLowerCase());
  return words.length < 6 ? 0 : repeated(words, 6);
}

/** The same, and a list of bare values is read as words instead of ending the run. */
function strictRepetition(text: string): number {
  try {
    return repetition(text);
  } catch {
    const words = split(text.toLowerCase());
    return words.length < 6 ? 0 : repeated(words, 6);
  }
}

const source = 'VLM-R1, open_r1/grpo_jsonl.py';

export const vlmR1LengthRewards = [
  {
    name: 'vlmR1Length', source, reads: ['tokens', 'target: a Gold (strict)', `maxTokens: ${releasedMost} where absent (strict)`],
    summary: '0.75 + 0.25 cos(π tokens / 1024) whatever the answer; '
      + 'strict: 1 down to 0.5 with the length of a right answer, −0.5 up to 0 with that of a wrong one.',
    holes: ['Wrong answers earn as much as right ones.', 'Beyond 1024 tokens the reward rises again.'],
    modes: { published: (row) => pay(alongCosine(tokensOf(row) / releasedMost, 1, 0.5)), strict: (row) => pay(strictLength(row)) },
  },
  {
    name: 'vlmR1Repetition', source, reads: [],
    summary: '−(share of repeats): of boxes with their labels where there is a list of them, else of runs of six words; −1 at worst.',
    holes: ['With a list of boxes the words around it may repeat without end.'],
    modes: { published: ({ completion }) => pay(repetition(completion)), strict: ({ completion }) => pay(strictRepetition(completion)) },
  },
] as const satisfies readonly NamedReward[];
