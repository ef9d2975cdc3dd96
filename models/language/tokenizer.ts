/** Text to token ids and back, by the tokenizer.json of a model folder: byte-level BPE, with control tokens that text can never forge. */
import * as library from '@huggingface/tokenizers';
import { concatenated } from '#models/base/bytes.ts';
import { Fault } from '#models/base/fault.ts';

export interface EncodeOptions {
  /** The text is a template: the names of control tokens in it are control tokens. */
  readonly special?: boolean;
  /** The text is a completion: added tokens that are no control tokens, as `<think>`, are recognised. Off for what a person writes. */
  readonly marks?: boolean;
}

export interface Tokenizer {
  /** The ids of a text. Unless `special`, the names of control tokens in it are plain text, so that nothing written can steer the model. `marks` is on by default. */
  encode(text: string, options?: EncodeOptions): number[];
  /** The text of the ids. Control tokens are left out unless `special`; added tokens that are no control tokens are always shown. Unknown ids give nothing. */
  decode(ids: readonly number[], options?: { readonly special?: boolean }): string;
  /** The id of one token by its name, added or not. */
  idOf(token: string): number | undefined;
  /** One more than the largest id. Rows of the model beyond it were never trained. */
  readonly size: number;
  /** The bytes that a token stands for, control tokens by their names; empty for an unknown id. */
  bytesOf(id: number): Uint8Array;
  /** Whether the id is hidden from decoded text unless asked for. */
  isControl(id: number): boolean;
  /** A text cut at the names of added tokens, control tokens only if `special`: an id for each name, the text between as it is. */
  cut(text: string, options: { readonly special: boolean }): (string | number)[];
}

/**
 * The tokenizer of a folder.
 *
 * @throws Fault `tokenizer.missing` for null, `tokenizer.kind` for another kind than byte-level BPE, `tokenizer.damaged`
 */
export function createTokenizer(tokenizerJson: unknown, tokenizerConfig: unknown): Tokenizer {
  const file = checkedFile(tokenizerJson);
  const model = build(file.json, isRecord(tokenizerConfig) ? tokenizerConfig : {});
  const added = new Map(file.added_tokens.map((token) => [token.content, token]));
  const addedById = new Map(file.added_tokens.map((token) => [token.id, token]));
  const { nameOfId } = file;
  const size = file.added_tokens.reduce((most, { id }) => Math.max(most, id + 1), nameOfId.length);
  const cutAll = cutter(added);
  const cutMarks = cutter(new Map([...added].filter(([, token]) => !token.special)));

  const encodePlain = (text: string): number[] => {
    if (text === '') return [];
    const ids = model.encode(text, { add_special_tokens: false }).ids;
    // No merge leads to an added token in any published file; one that does would let text forge it.
    if (ids.some((id) => addedById.has(id))) throw damaged('Its vocabulary builds an added token out of plain text.');
    return ids;
  };

  const bytesOf = (id: number): Uint8Array => {
    const token = addedById.get(id);
    if (token) return encoder.encode(token.content);
    const name = nameOfId[id];
    return name === undefined ? new Uint8Array(0) : bytesOfName(name);
  };

  const isControl = (id: number): boolean => addedById.get(id)?.special === true;

  return {
    encode(text, { special = false, marks = true } = {}) {
      const pieces = special ? cutAll(text) : marks ? cutMarks(text) : [text];
      return pieces.flatMap((piece) => (typeof piece === 'number' ? piece : encodePlain(piece)));
    },
    decode(ids, { special = false } = {}) {
      const shown = special ? ids : ids.filter((id) => !isControl(id));
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(concatenated(shown.map(bytesOf)));
    },
    idOf: (token) => added.get(token)?.id ?? (Object.hasOwn(file.vocab, token) ? file.vocab[token] : undefined),
    size,
    bytesOf,
    isControl,
    cut: (text, { special }) => (special ? cutAll : cutMarks)(text),
  };
}

/** Text that grows token by token. What `push` returns never ends in the middle of a character; `end` gives what is left. */
export interface TextStream {
  push(id: number): string;
  end(): string;
}

/** Decodes ids as they come. The pieces together equal `decode` of all ids. */
export function streamText(tokenizer: Tokenizer, { special = false }: { readonly special?: boolean } = {}): TextStream {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push: (id) => (!special && tokenizer.isControl(id) ? '' : decoder.decode(tokenizer.bytesOf(id), { stream: true })),
    end: () => decoder.decode(),
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

interface TokenizerFile {
  readonly json: object;
  readonly added_tokens: readonly AddedToken[];
  readonly vocab: Readonly<Record<string, number>>;
  /** The vocabulary the other way round; ids that it leaves out are empty. */
  readonly nameOfId: readonly (string | undefined)[];
}

/** More ids than this no vocabulary has; a larger one would only fill the memory. */
const largestId = 2_000_000;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

const isId = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= largestId;

function checkedFile(json: unknown): TokenizerFile {
  if (json === null || json === undefined) {
    throw new Fault({ code: 'tokenizer.missing', what: 'The model cannot read text.', why: 'Its folder has no tokenizer.json.', mend: 'Put the complete checkpoint into the folder.' });
  }
  if (!isRecord(json) || !isRecord(json.model)) throw damaged('It describes no model.');
  const { type = 'BPE', vocab, merges } = json.model;
  if (type !== 'BPE' || !usesByteLevel(json.decoder)) {
    throw new Fault({
      code: 'tokenizer.kind',
      what: 'The tokenizer of the model cannot be used.',
      why: 'It is not byte-level byte-pair encoding, which every Qwen model uses.',
      mend: 'Import a Qwen2-VL or Qwen2.5-VL checkpoint.',
    });
  }
  if (!isRecord(vocab)) throw damaged('Its vocabulary is not a table of names and ids.');
  const nameOfId: (string | undefined)[] = [];
  for (const name of Object.keys(vocab)) {
    const id = vocab[name];
    if (!isId(id)) throw damaged('Its vocabulary is not a table of names and ids.');
    while (nameOfId.length <= id) nameOfId.push(undefined);
    if (nameOfId[id] !== undefined) throw damaged('Two names of its vocabulary share an id.');
    nameOfId[id] = name;
  }
  const isPair = (merge: unknown): boolean => typeof merge === 'string' || (Array.isArray(merge) && merge.length === 2 && merge.every((side) => typeof side === 'string'));
  if (!Array.isArray(merges) || !merges.every(isPair)) throw damaged('Its merges are not a list of pairs.');
  const tokens = json.added_tokens ?? [];
  if (!Array.isArray(tokens)) throw damaged('Its added tokens are not a list.');
  const added_tokens = tokens.map((token: unknown): AddedToken => {
    if (!isRecord(token) || !isId(token.id) || typeof token.content !== 'string' || token.content === '') throw damaged('One of its added tokens has no id or no name.');
    return { id: token.id, content: token.content, special: token.special === true };
  });
  return { json, added_tokens, vocab: vocab as TokenizerFile['vocab'], nameOfId };
}

function usesByteLevel(decoder: unknown): boolean {
  if (!isRecord(decoder)) return false;
  return decoder.type === 'ByteLevel' || (decoder.type === 'Sequence' && Array.isArray(decoder.decoders) && decoder.decoders.some(usesByteLevel));
}

/** What is used of the library; its own declarations do not resolve under strict module rules. */
interface LibraryTokenizer {
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: number[] };
}

const { Tokenizer: LibraryTokenizer } = library as unknown as { readonly Tokenizer: new (json: object, config: object) => LibraryTokenizer };

/** The library sees no added tokens at all: they are cut out here, so that it can only make plain ones. */
function build(json: object, config: Readonly<Record<string, unknown>>): LibraryTokenizer {
  const plainConfig = { clean_up_tokenization_spaces: false, tokenizer_class: config.tokenizer_class };
  try {
    return new LibraryTokenizer({ ...json, added_tokens: [], post_processor: null }, plainConfig);
  } catch (cause) {
    throw damaged(`${cause instanceof Error ? cause.message : 'It cannot be read'}.`, cause);
  }
}

/** Cuts a text at the names of added tokens, the leftmost first, the longest where several begin at one place. */
function cutter(added: ReadonlyMap<string, AddedToken>): (text: string) => (string | number)[] {
  if (added.size === 0) return (text) => (text === '' ? [] : [text]);
  const names = [...added.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`(${names.join('|')})`);
  return (text) => text.split(pattern).filter((piece) => piece !== '').map((piece) => added.get(piece)?.id ?? piece);
}

/** The byte of each character in the names of a byte-level vocabulary. */
const byteOfCharacter: ReadonlyMap<string, number> = (() => {
  const isVisible = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return new Map(Array.from({ length: 256 }, (_, byte): [string, number] => [String.fromCharCode(isVisible(byte) ? byte : next++), byte]));
})();

const encoder = new TextEncoder();

function bytesOfName(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of name) {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) return encoder.encode(name);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}


const damaged = (why: string, cause?: unknown): Fault =>
  new Fault({ code: 'tokenizer.damaged', what: 'The tokenizer of the model cannot be used.', why, mend: 'Its tokenizer.json is damaged: fetch it again.' }, { cause });
