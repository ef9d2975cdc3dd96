/**
 * The blocks of a completion, `<think>…</think>` and `<answer>…</answer>`: as the released rewards find them, and as the strict ones do.
 * All linear in the text.
 */
import { pattern, strip } from './python.ts';

/** The tag names that are looked for; each stands for `<NAME>` and `</NAME>`. */
export type Tag = 'answer' | 'think';

/** What the pattern `<answer>(.*?)</answer>` finds first, as `re.search` does: with DOTALL across lines, else within one. null: nothing. */
export function firstBlock(
  text: string, { tag = 'answer', acrossLines = true }: { readonly tag?: Tag; readonly acrossLines?: boolean } = {},
): string | null {
  const [open, close] = [`<${tag}>`, `</${tag}>`];
  let to = -1;
  for (let at = text.indexOf(open); at >= 0; at = text.indexOf(open, at + 1)) {
    const from = at + open.length;
    if (to < from) to = text.indexOf(close, from);
    if (to < 0) return null;
    if (acrossLines) return text.slice(from, to);
    const line = text.indexOf('\n', from);
    if (line < 0 || line > to) return text.slice(from, to);
  }
  return null;
}

/** All that `re.findall` finds of `<answer>(.*?)</answer>` with DOTALL, in order. */
export function allBlocks(text: string, tag: Tag = 'answer'): string[] {
  const [open, close] = [`<${tag}>`, `</${tag}>`];
  const found: string[] = [];
  for (let at = text.indexOf(open); at >= 0;) {
    const to = text.indexOf(close, at + open.length);
    if (to < 0) break;
    found.push(text.slice(at + open.length, to));
    at = text.indexOf(open, to + close.length);
  }
  return found;
}

/** The last block, or null. */
export const lastBlock = (text: string, tag: Tag = 'answer'): string | null => allBlocks(text, tag).at(-1) ?? null;

const between = pattern('</think>\\s*<answer>', 'g');

/** `re.fullmatch` of `<think>.*?</think>\s*<answer>.*?</answer>` with DOTALL: further blocks inside are swallowed, blanks outside are not. */
export function isThinkAnswer(text: string): boolean {
  if (!text.startsWith('<think>') || !text.endsWith('</answer>')) return false;
  for (const match of text.matchAll(between)) {
    if (match.index >= '<think>'.length) return match.index + match[0].length <= text.length - '</answer>'.length;
  }
  return false;
}

/** Whether the parts stand in the text one after another, anything between them: `re.search` of the parts joined by `.*?` with DOTALL. */
export function standInOrder(text: string, parts: readonly (string | RegExp)[]): boolean {
  let from = 0;
  for (const part of parts) {
    if (typeof part === 'string') {
      const at = text.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    } else {
      const all = new RegExp(part.source, part.flags.includes('g') ? part.flags : `${part.flags}g`);
      all.lastIndex = from;
      const match = all.exec(text);
      if (!match) return false;
      from = match.index + match[0].length;
    }
  }
  return true;
}

/** What `</think>\s*<answer>` matches. */
export const thinkToAnswer = pattern('</think>\\s*<answer>');

export interface Blocks {
  /** null: there is no think block. */
  readonly think: string | null;
  /** Trimmed. */
  readonly answer: string;
}

/**
 * The blocks of a completion that keeps the form strictly, outer blanks aside: at most one think block, then exactly one answer block, nothing else,
 * no tag twice or inside another block. null otherwise.
 */
export function strictBlocks(completion: string): Blocks | null {
  const text = strip(completion);
  const count = (tag: string): number => text.split(tag).length - 1;
  const [opens, closes] = [count('<think>'), count('</think>')];
  if (count('<answer>') !== 1 || count('</answer>') !== 1 || opens > 1 || opens !== closes || !text.endsWith('</answer>')) return null;
  const [open, close] = [text.indexOf('<answer>'), text.length - '</answer>'.length];
  const before = strip(text.slice(0, open));
  if (close < open + '<answer>'.length) return null;
  const answer = strip(text.slice(open + '<answer>'.length, close));
  if (opens === 0) return before === '' ? { think: null, answer } : null;
  if (!before.startsWith('<think>') || !before.endsWith('</think>') || before.length < '<think></think>'.length) return null;
  return { think: strip(before.slice('<think>'.length, before.length - '</think>'.length)), answer };
}

/** As `strictBlocks`, and the think block is there and says something. */
export function strictThinkAnswer(completion: string): { readonly think: string; readonly answer: string } | null {
  const blocks = strictBlocks(completion);
  return blocks?.think ? { think: blocks.think, answer: blocks.answer } : null;
}

/** What `re.findall` finds of ```` ```json(.*?)``` ```` with DOTALL. `language` is what follows the opening backticks. */
export function fences(text: string, language = 'json'): string[] {
  const open = `\`\`\`${language}`;
  const found: string[] = [];
  for (let at = text.indexOf(open); at >= 0;) {
    const to = text.indexOf('```', at + open.length);
    if (to < 0) break;
    found.push(text.slice(at + open.length, to));
    at = text.indexOf(open, to + 3);
  }
  return found;
}
