/** How VLM-R1 reads texts: the solution as its loader wraps it, cleaned texts, and the option letter of an answer. */
import { pattern, rstrip, strip } from './python.ts';
import type { RewardRow } from './reward.ts';
import { firstBlock, lastBlock } from './tags.ts';
import { textTarget } from './targets.ts';

/** The solution as the release's loader wraps it. */
export const wrapped = (row: RewardRow): string => `<answer> ${textTarget(row)} </answer>`;

/** The gold answer within a solution: its block where that stands on one line, else all of it, tags included. */
export const truthOf = (solution: string): string => strip(firstBlock(solution, { acrossLines: false }) ?? solution);

/** `clean_text`: the last answer, line ends to spaces or nothing, blanks and final full stops off, lower case. */
export function cleanText(text: string): string {
  const answer = lastBlock(text) ?? text;
  const joined = ['\n', '\r'].reduce((rest, end) => (
    rest.replace(pattern(`(?<=\\s)${end}`, 'g'), '').replace(pattern(`(?<!\\s)${end}`, 'g'), ' ')
  ), answer);
  return rstrip(strip(joined), '.').toLowerCase();
}

const keywords = [
  '答案', '选择', '正确', '是', '对', '认为', '应该', '觉得', 'ANSWER', 'CORRECT', 'CHOOSE', 'SELECT', 'RIGHT', 'THINK', 'BELIEVE', 'SHOULD',
];
const loneLetter = pattern('(?<![A-Z])([A-Z])(?=[.,?!:;]|$)', 'g');
const spaces = pattern('\\s+', 'g');

/**
 * `extract_choice`: a capital that a stop or the end follows; of several the one with the best signs around its letter's first place in the text,
 * which count again for each time that it is found.
 */
export function extractChoice(text: string): string | null {
  const plain = text.toUpperCase().replace(spaces, ' ');
  const found = Array.from(plain.matchAll(loneLetter), ([letter]) => letter);
  const letters = [...new Set(found)];
  if (letters.length < 2) return letters[0] ?? null;
  const points = Array.from(plain);
  const scores = letters.map((letter) => {
    const at = points.indexOf(letter);
    const around = points.slice(Math.max(0, at - 20), at + 20).join('');
    const named = keywords.filter((keyword) => around.includes(keyword)).length;
    const follows = at < points.length - 1 && '。.!！,，'.includes(points[at + 1] as string);
    return found.filter((other) => other === letter).length * (named + (at > points.length * 0.7 ? 2 : 0) + (follows ? 1 : 0));
  });
  return letters[scores.indexOf(Math.max(...scores))] as string;
}
