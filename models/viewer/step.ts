/** One step of a model in the viewer as text: what it thought, what it means to do in a sentence, and the call itself. Read strictly; nothing is run. */

/** A step is read up to so many characters. */
export const longestStep = 65_536;

/** The three blocks of a step. */
export interface Step {
  readonly thought: string;
  readonly sentence: string;
  /** JSON, not yet checked against the table. */
  readonly call: unknown;
}

const tags = ['think', 'action', 'tool_call'] as const;

/** The one block of that name; null where there is none, or more than one. */
function block(text: string, tag: (typeof tags)[number]): { readonly from: number; readonly to: number; readonly inner: string } | null {
  const [open, close] = [`<${tag}>`, `</${tag}>`];
  const [from, end] = [text.indexOf(open), text.indexOf(close)];
  if (from < 0 || end < from + open.length || text.indexOf(open, from + 1) >= 0 || text.indexOf(close, end + 1) >= 0) return null;
  return { from, to: end + close.length, inner: text.slice(from + open.length, end).trim() };
}

/** The JSON of the one call in the text, whatever stands around it; undefined where there is none that can be read. */
export function callIn(text: string): unknown {
  if (text.length > longestStep) return undefined;
  const found = block(text, 'tool_call');
  if (!found) return undefined;
  try {
    return JSON.parse(found.inner) as unknown;
  } catch {
    return undefined;
  }
}

/** The three blocks, each once, in their order, with nothing but blanks around them, and JSON in the last; null otherwise. */
export function readStep(text: string): Step | null {
  const call = callIn(text);
  if (call === undefined) return null;
  const found = tags.map((tag) => block(text, tag));
  const [think, action, tool] = found;
  if (!think || !action || !tool || think.inner === '' || action.inner === '') return null;
  const between = [text.slice(0, think.from), text.slice(think.to, action.from), text.slice(action.to, tool.from), text.slice(tool.to)];
  const isOrdered = think.to <= action.from && action.to <= tool.from;
  return isOrdered && between.every((gap) => gap.trim() === '') ? { thought: think.inner, sentence: action.inner, call } : null;
}

export const writeStep = ({ thought, sentence, call }: Step): string =>
  `<think>${thought}</think><action>${sentence}</action><tool_call>${JSON.stringify(call)}</tool_call>`;
