/** Completions that think first and then say something, in whatever form. */

export interface ThoughtAndRest {
  readonly think: string;
  readonly rest: string;
}

const blank = /^\s*$/;

/**
 * One think block at the beginning, blanks aside, that says something, and something after it; each tag once. Skywork-R1V3's thinking template,
 * whose exact predicate the paper leaves open, is taken to be this. null otherwise.
 */
export function thinkThenText(completion: string): ThoughtAndRest | null {
  const [open, close] = [completion.indexOf('<think>'), completion.indexOf('</think>')];
  if (open < 0 || close < open || open !== completion.lastIndexOf('<think>') || close !== completion.lastIndexOf('</think>')) return null;
  const [before, think, rest] = [completion.slice(0, open), completion.slice(open + 7, close), completion.slice(close + 8)];
  return blank.test(before) && !blank.test(think) && !blank.test(rest) ? { think, rest } : null;
}
