/** Learns a byte-level vocabulary from texts: byte-pair encoding with Qwen's way of cutting words, written as the tokenizer files that every reader of such folders knows. */

export interface Vocabulary {
  /** The content of tokenizer.json. */
  readonly tokenizer: unknown;
  /** The content of tokenizer_config.json, the chat template included. */
  readonly tokenizerConfig: unknown;
  /** How many ids there are: the bytes, the merges and the added tokens. */
  readonly size: number;
}

/** Qwen's control tokens, in Qwen's order; hidden from decoded text unless asked for. */
const controlTokens = [
  '<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|object_ref_start|>', '<|object_ref_end|>', '<|box_start|>', '<|box_end|>', '<|quad_start|>', '<|quad_end|>',
  '<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>',
] as const;

/** One id each, yet visible in decoded text: the marks of the completion format. */
const visibleTokens = ['<think>', '</think>', '<answer>', '</answer>'] as const;

const addedTokens = [...controlTokens, ...visibleTokens];

/** As the tokenizer files spell it: contractions, words with at most one mark before them, single digits, runs of marks, line ends, spaces. */
const wordPattern = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** The same for this runtime, which has no inline flags. */
const words = /'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+/gu;

/** Two tokens that stand together fewer times than this are not worth an id. */
const fewest = 2;

/**
 * The vocabulary of at most `size` ids that shortens the texts most, pair by pair: 256 bytes, merges, then the added tokens.
 * The same texts always give the same vocabulary; it comes out smaller where the texts run out of pairs.
 *
 * @param size  at least 274, the bytes and the added tokens alone
 */
export function trainVocabulary(texts: Iterable<string>, size: number): Vocabulary {
  const smallest = 256 + addedTokens.length;
  if (size < smallest) throw new RangeError(`trainVocabulary: ${size} ids are too few, the bytes and the added tokens alone need ${smallest}`);
  const learner = new PairLearner(countWords(texts));
  const names = byteNames.slice();
  const merges: [string, string][] = [];
  const ids = new Map(names.map((name, id) => [name, id]));
  while (names.length + addedTokens.length < size) {
    const pair = learner.best();
    if (!pair) break;
    const [left, right] = pair;
    const name = (names[left] as string) + (names[right] as string);
    // Two ways to the same text would share an id in the files, so the later way leads to the id of the first.
    let id = ids.get(name);
    if (id === undefined) {
      id = names.length;
      names.push(name);
      ids.set(name, id);
    }
    merges.push([names[left] as string, names[right] as string]);
    learner.merge(left, right, id);
  }
  return { tokenizer: tokenizerFile(names, merges), tokenizerConfig: configFile(names.length), size: names.length + addedTokens.length };
}

/** How often each distinct word occurs; the added tokens never become part of one. */
function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  const marks = new RegExp(addedTokens.map((token) => token.replaceAll('|', String.raw`\|`)).join('|'), 'u');
  for (const text of texts) {
    for (const part of text.normalize('NFC').split(marks)) {
      for (const word of part.match(words) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

/** The printable character that stands for each byte in a byte-level vocabulary: itself where it is visible, else one from U+0100 on. */
const nameOfByte: readonly string[] = (() => {
  const isVisible = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : next++));
})();

/** The byte names in the order of their characters: the first 256 ids. */
const byteNames: readonly string[] = nameOfByte.toSorted();

const idOfByte: readonly number[] = nameOfByte.map((name) => byteNames.indexOf(name));

/** Keeps the count of each pair of neighbouring tokens while pairs are merged. A merge touches only the words that hold its pair. */
class PairLearner {
  private readonly wordTokens: number[][] = [];
  private readonly wordCounts: number[] = [];
  private readonly counts = new Map<number, number>();
  /** The words that hold, or once held, a pair. */
  private readonly holders = new Map<number, Set<number>>();
  private readonly queue = new PairQueue();

  constructor(words: ReadonlyMap<string, number>) {
    const encoder = new TextEncoder();
    for (const [word, count] of words) {
      this.wordTokens.push(Array.from(encoder.encode(word), (byte) => idOfByte[byte] as number));
      this.wordCounts.push(count);
      this.addPairs(this.wordTokens.length - 1, count);
    }
    for (const [pair, count] of this.counts) this.queue.push(pair, count);
  }

  /** The most frequent pair, the one with the smaller ids where two are alike; undefined where none is frequent. */
  best(): [number, number] | undefined {
    for (;;) {
      const top = this.queue.pop();
      if (!top || top.count < fewest) return undefined;
      const current = this.counts.get(top.pair) ?? 0;
      if (current === top.count) return [Math.floor(top.pair / radix), top.pair % radix];
      // Counts only fall behind the queue's back, so an outdated pair goes back with its present count.
      if (current > 0) this.queue.push(top.pair, current);
    }
  }

  merge(left: number, right: number, merged: number): void {
    const pair = left * radix + right;
    const touched = new Set<number>();
    for (const at of this.holders.get(pair) ?? []) {
      const count = this.wordCounts[at] as number;
      this.addPairs(at, -count);
      this.wordTokens[at] = replacePair(this.wordTokens[at] as number[], left, right, merged);
      for (const changed of this.addPairs(at, count)) touched.add(changed);
    }
    this.holders.delete(pair);
    this.counts.delete(pair);
    for (const changed of touched) {
      const first = Math.floor(changed / radix);
      if (first === merged || changed % radix === merged) this.queue.push(changed, this.counts.get(changed) ?? 0);
    }
  }

  /** Adds the pairs of a word, or takes them away where `count` is negative. Returns them. */
  private addPairs(at: number, count: number): number[] {
    const tokens = this.wordTokens[at] as number[];
    const pairs: number[] = [];
    for (let i = 0; i + 1 < tokens.length; i++) {
      const pair = (tokens[i] as number) * radix + (tokens[i + 1] as number);
      pairs.push(pair);
      this.counts.set(pair, (this.counts.get(pair) ?? 0) + count);
      if (count < 0) continue;
      let holders = this.holders.get(pair);
      if (!holders) this.holders.set(pair, holders = new Set());
      holders.add(at);
    }
    return pairs;
  }
}

/** Two ids make one key: left · radix + right. */
const radix = 2 ** 24;

function replacePair(tokens: readonly number[], left: number, right: number, merged: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === left && tokens[i + 1] === right) {
      result.push(merged);
      i++;
    } else result.push(tokens[i] as number);
  }
  return result;
}

/** A binary heap of pairs: the largest count first, then the smallest pair. */
class PairQueue {
  private readonly heap: { readonly pair: number; readonly count: number }[] = [];

  push(pair: number, count: number): void {
    const { heap } = this;
    let at = heap.length;
    heap.push({ pair, count });
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.isBefore(at, parent)) break;
      this.swap(at, parent);
      at = parent;
    }
  }

  pop(): { readonly pair: number; readonly count: number } | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return top;
    heap[0] = last;
    for (let at = 0; ;) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && this.isBefore(child, first)) first = child;
      if (first === at) return top;
      this.swap(at, first);
      at = first;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [x, y] = [this.heap[a], this.heap[b]] as [{ pair: number; count: number }, { pair: number; count: number }];
    return x.count > y.count || (x.count === y.count && x.pair < y.pair);
  }

  private swap(a: number, b: number): void {
    const { heap } = this;
    [heap[a], heap[b]] = [heap[b] as { pair: number; count: number }, heap[a] as { pair: number; count: number }];
  }
}

const tokenFields = { single_word: false, lstrip: false, rstrip: false, normalized: false };

const isControl = (token: string): boolean => (controlTokens as readonly string[]).includes(token);

function tokenizerFile(names: readonly string[], merges: readonly (readonly [string, string])[]): unknown {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens.map((content, i) => ({ id: names.length + i, content, ...tokenFields, special: isControl(content) })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: wordPattern }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false, byte_fallback: false, ignore_merges: false,
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges,
    },
  };
}

/** Qwen's form of a conversation, without its default system text: short prompts matter more to a small model. */
const chatTemplate = [
  '{%- set images = namespace(count=0) -%}{%- set videos = namespace(count=0) -%}',
  '{%- for message in messages -%}',
  '{{- "<|im_start|>" + message.role + "\\n" -}}',
  '{%- if message.content is string -%}{{- message.content -}}{%- else -%}',
  '{%- for part in message.content -%}',
  '{%- if part.type == "image" -%}{%- set images.count = images.count + 1 -%}',
  '{%- if add_vision_id -%}{{- "Picture " ~ images.count ~ ": " -}}{%- endif -%}{{- "<|vision_start|><|image_pad|><|vision_end|>" -}}',
  '{%- elif part.type == "video" -%}{%- set videos.count = videos.count + 1 -%}',
  '{%- if add_vision_id -%}{{- "Video " ~ videos.count ~ ": " -}}{%- endif -%}{{- "<|vision_start|><|video_pad|><|vision_end|>" -}}',
  '{%- elif part.type == "text" -%}{{- part.text -}}{%- endif -%}',
  '{%- endfor -%}{%- endif -%}',
  '{{- "<|im_end|>\\n" -}}',
  '{%- endfor -%}',
  '{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\\n" -}}{%- endif -%}',
].join('');

function configFile(firstAdded: number): unknown {
  return {
    add_bos_token: false,
    add_prefix_space: false,
    added_tokens_decoder: Object.fromEntries(addedTokens.map((content, i) => [firstAdded + i, { content, ...tokenFields, special: isControl(content) }])),
    additional_special_tokens: controlTokens.slice(1),
    bos_token: null,
    chat_template: chatTemplate,
    clean_up_tokenization_spaces: false,
    eos_token: '<|im_end|>',
    errors: 'replace',
    model_max_length: 32768,
    pad_token: '<|endoftext|>',
    split_special_tokens: false,
    tokenizer_class: 'Qwen2Tokenizer',
    unk_token: null,
  };
}
