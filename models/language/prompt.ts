/** A conversation as the tokens that the model was trained to read, by the chat template of its folder. What a person writes stays text, whatever it says. */
import { Template } from '@huggingface/jinja';
import { Fault } from '#models/base/fault.ts';
import type { Tokenizer } from './tokenizer.ts';

export type ContentPart = { readonly type: 'image' } | { readonly type: 'video' } | { readonly type: 'text'; readonly text: string };

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string | readonly ContentPart[];
}

export interface PromptOptions {
  /** Patches on a side that become one token: `spatial_merge_size`. */
  readonly mergeSize: number;
  /** Ends with the opening of the assistant's turn. */
  readonly addGenerationPrompt: boolean;
  /** Calls the images "Picture 1: " and so on, so that a question can name them. */
  readonly addVisionId?: boolean;
}

/**
 * The tokens of a conversation, with as many placeholders for each picture as the vision tower gives rows.
 *
 * The template never sees a person's words: it is given marks in their place that occur nowhere else, and only what it writes itself can become a
 * control token. The words are put back afterwards and encoded as plain text.
 *
 * @param grids  (t, gh, gw) in patches for each image and video, in the order of the conversation
 * @throws Fault `prompt.template` where the template cannot be used, `prompt.images` where pictures, placeholders and grids differ in number,
 *   `prompt.grid` where a grid does not divide by the merge size
 */
export function promptTokens(
  tokenizer: Tokenizer,
  template: string,
  messages: readonly ChatMessage[],
  grids: readonly (readonly [number, number, number])[],
  options: PromptOptions,
): number[] {
  const pieces = promptPieces(tokenizer, template, messages, options);
  const [imageId, videoId] = [tokenizer.idOf('<|image_pad|>'), tokenizer.idOf('<|video_pad|>')];
  const isPlaceholder = (piece: string | number): boolean => typeof piece === 'number' && (piece === imageId || piece === videoId);
  checkCounts(messages, pieces.filter(isPlaceholder).map((piece) => (piece === imageId ? 'image' : 'video')), grids.length);
  let next = 0;
  return pieces.flatMap((piece) => {
    if (typeof piece === 'string') return tokenizer.encode(piece, { marks: false });
    return isPlaceholder(piece) ? Array<number>(placeholders(grids[next++] as readonly [number, number, number], options.mergeSize)).fill(piece) : [piece];
  });
}

/**
 * The conversation as the template lays it out, one placeholder for each picture: what a person may look at.
 *
 * @throws Fault `prompt.template`
 */
export function promptText(template: string, messages: readonly ChatMessage[], { addGenerationPrompt, addVisionId = false }: Omit<PromptOptions, 'mergeSize'>): string {
  const { text, restore } = render(template, messages, { addGenerationPrompt, addVisionId });
  return restore(text).map((part) => (typeof part === 'string' ? part : part.text)).join('');
}

/** Added tokens that the template wrote, and the marks in the model's own earlier turns, as ids; the plain text between them. */
function promptPieces(tokenizer: Tokenizer, template: string, messages: readonly ChatMessage[], options: PromptOptions): (string | number)[] {
  const { text, restore } = render(template, messages, { addGenerationPrompt: options.addGenerationPrompt, addVisionId: options.addVisionId ?? false });
  const pieces: (string | number)[] = [];
  const add = (piece: string | number): void => {
    const last = pieces.at(-1);
    // Plain text is cut into words as one, whoever wrote its parts.
    if (typeof piece === 'string' && typeof last === 'string') pieces[pieces.length - 1] = last + piece;
    else pieces.push(piece);
  };
  for (const piece of tokenizer.cut(text, { special: true })) {
    if (typeof piece === 'number') add(piece);
    else {
      for (const part of restore(piece)) {
        if (typeof part === 'string') add(part);
        else if (part.role === 'assistant') tokenizer.cut(part.text, { special: false }).forEach(add);
        else add(part.text);
      }
    }
  }
  return pieces;
}

/** What someone wrote, and who. */
interface Words {
  readonly role: ChatMessage['role'];
  readonly text: string;
}

interface Rendered {
  /** With marks in place of what was written. */
  readonly text: string;
  /** Puts the words back: the template's text as strings, the others' as words. */
  readonly restore: (piece: string) => readonly (string | Words)[];
}

function render(template: string, messages: readonly ChatMessage[], { addGenerationPrompt, addVisionId }: { addGenerationPrompt: boolean; addVisionId: boolean }): Rendered {
  const [open, close] = unusedCharacters(template);
  const words: Words[] = [];
  // White space at the ends stays outside the mark, so that a template which trims does so here too.
  const hide = (role: Words['role'], text: string): string => {
    const start = text.length - text.trimStart().length;
    const end = text.trimEnd().length;
    return start >= end ? text : `${text.slice(0, start)}${open}${words.push({ role, text: text.slice(start, end) }) - 1}${close}${text.slice(end)}`;
  };
  const hidden = messages.map(({ role, content }) => ({
    role,
    content: typeof content === 'string' ? hide(role, content) : content.map((part) => (part.type === 'text' ? { type: part.type, text: hide(role, part.text) } : { type: part.type })),
  }));
  const text = rendered(template, { messages: hidden, add_generation_prompt: addGenerationPrompt, add_vision_id: addVisionId });
  const pattern = new RegExp(`${open}(\\d+)${close}`);
  // Splitting at a pattern with one group gives text and index by turns.
  return { text, restore: (piece) => piece.split(pattern).map((part, i) => (i % 2 === 0 ? part : words[Number(part)] ?? '')) };
}

/** Two characters for private use that the template does not hold. */
function unusedCharacters(template: string): [string, string] {
  const unused: string[] = [];
  for (let code = 0xe000; unused.length < 2 && code <= 0xf8ff; code++) {
    const character = String.fromCharCode(code);
    if (!template.includes(character)) unused.push(character);
  }
  if (unused.length < 2) throw templateFault('It uses every character for private use.');
  return unused as [string, string];
}

/** Templates of published models have a few thousand characters. */
const longestTemplate = 200_000;

function rendered(template: string, values: Readonly<Record<string, unknown>>): string {
  if (template.length > longestTemplate) throw templateFault('It is too long.');
  try {
    return compiled(template).render(values);
  } catch (cause) {
    throw templateFault(`${cause instanceof Error ? cause.message : 'It fails'}.`, cause);
  }
}

/** The template that was used last: a conversation asks for the same one again and again. */
let latest: { readonly source: string; readonly template: Template } | undefined;

function compiled(source: string): Template {
  if (latest?.source !== source) latest = { source, template: new Template(source) };
  return latest.template;
}

function checkCounts(messages: readonly ChatMessage[], placed: readonly string[], grids: number): void {
  const asked = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content.filter(({ type }) => type !== 'text').map(({ type }) => type)));
  if (asked.length === grids && placed.length === grids && asked.every((type, i) => type === placed[i])) return;
  throw new Fault({
    code: 'prompt.images',
    what: 'The question cannot be put to the model.',
    why: `It has ${asked.length} pictures, the chat template makes room for ${placed.length}, and ${grids} were prepared.`,
    mend: 'Use a model whose chat template knows images and videos, and give as many pictures as the conversation names.',
  });
}

/** Rows of the vision tower for one picture. */
function placeholders([t, gh, gw]: readonly [number, number, number], mergeSize: number): number {
  const rows = (t * gh * gw) / (mergeSize * mergeSize);
  if ([t, gh, gw].every((size) => Number.isInteger(size) && size > 0) && gh % mergeSize === 0 && gw % mergeSize === 0) return rows;
  throw new Fault({
    code: 'prompt.grid',
    what: 'The question cannot be put to the model.',
    why: `A picture was cut into ${t} × ${gh} × ${gw} patches, which cannot be merged ${mergeSize} by ${mergeSize}.`,
    mend: 'This is a mistake of the caller: pictures are resized to whole merged patches.',
  });
}

const templateFault = (why: string, cause?: unknown): Fault =>
  new Fault({ code: 'prompt.template', what: 'The chat template of the model cannot be used.', why, mend: 'Fetch the checkpoint again, or import another one.' }, { cause });
