import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { createTokenizer, streamText } from '#models/language/tokenizer.ts';
import { trainVocabulary } from '#training/data/vocabulary.ts';

const { tokenizer: json, tokenizerConfig: config, size } = trainVocabulary(Array.from({ length: 3 }, () => 'The right lung is wide. Größe 右肺 😀 Ends in a mark.'), 340);
const tokenizer = createTokenizer(json, config);
const file = json as { readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: unknown[] }; readonly added_tokens: readonly { id: number; content: string }[] };
const addedIds = new Set(file.added_tokens.map(({ id }) => id));
const names = file.added_tokens.map(({ content }) => content);

/** Text in which the names of added tokens, whole and in pieces, are frequent. */
const hostile = fc.array(fc.oneof(fc.constantFrom(...names, '<', '|', '>', '<|', '|>', 'im_end', 'think', ' ', '\n'), fc.string({ unit: 'grapheme' })), { maxLength: 12 }).map((parts) => parts.join(''));

describe('encoding', () => {
  test('never makes a control token out of text, whatever it says', () => {
    fc.assert(fc.property(hostile, (text) => tokenizer.encode(text).every((id) => !tokenizer.isControl(id))));
  });

  test('makes no added token at all out of what a person writes', () => {
    fc.assert(fc.property(hostile, (text) => tokenizer.encode(text, { marks: false }).every((id) => !addedIds.has(id))));
  });

  test('gives the marks of a completion one token each', () => {
    const ids = tokenizer.encode('<think>\n</think><answer>A<|im_end|></answer>');
    expect(ids.filter((id) => addedIds.has(id))).toEqual(['<think>', '</think>', '<answer>', '</answer>'].map((name) => tokenizer.idOf(name)));
  });

  test('loses nothing but the spelling of composed characters', () => {
    fc.assert(fc.property(hostile, (text) => {
      expect(tokenizer.decode(tokenizer.encode(text), { special: true })).toBe(text.normalize('NFC'));
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text.normalize('NFC'));
    }));
  });

  test('makes added tokens where it is told that the text is a template', () => {
    const ids = tokenizer.encode('<|im_start|>user\n<think>', { special: true });
    expect(ids[0]).toBe(tokenizer.idOf('<|im_start|>'));
    expect(ids.at(-1)).toBe(tokenizer.idOf('<think>'));
    expect(ids).toHaveLength(2 + tokenizer.encode('user\n').length);
  });

  test('knows ids by name and nothing by the names of object properties', () => {
    expect(tokenizer.idOf('<|image_pad|>')).toBe(size - 4 - 2);
    expect(tokenizer.idOf('A')).toBe(file.model.vocab.A);
    expect(tokenizer.idOf('constructor')).toBeUndefined();
    expect(tokenizer.size).toBe(size);
    for (const text of ['constructor', '__proto__', 'toString']) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});

describe('decoding', () => {
  const ids = tokenizer.encode('<|im_start|>a<think>b<|im_end|>', { special: true });
  test('hides control tokens and shows the marks of the format', () => expect(tokenizer.decode(ids)).toBe('a<think>b'));
  test('shows all where it is asked to', () => expect(tokenizer.decode(ids, { special: true })).toBe('<|im_start|>a<think>b<|im_end|>'));
  test('of unknown ids gives nothing', () => expect(tokenizer.decode([99999, -1, 1.5])).toBe(''));
  test('of half a character shows that one is missing', () => expect(tokenizer.decode(tokenizer.encode('\u{1F6D1}').slice(0, 2))).toMatch(/^\ufffd+$/));
});

describe('a stream', () => {
  const pieces = (ids: readonly number[], special = false): string[] => {
    const stream = streamText(tokenizer, { special });
    return [...ids.map((id) => stream.push(id)), stream.end()];
  };

  test('gives the same text as decoding at once, for any ids', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: size })), fc.boolean(), (ids, special) =>
      pieces(ids, special).join('') === tokenizer.decode(ids, { special })));
  });

  test('never gives half a character of a text', () => {
    const character = fc.integer({ min: 0, max: 0x10ffff - 0x800 }).map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));
    fc.assert(fc.property(fc.array(character), (characters) => {
      const whole = characters.join('').normalize('NFC');
      const parts = pieces(tokenizer.encode(whole));
      return parts.join('') === whole && (whole.includes('\ufffd') || !parts.some((part) => part.includes('\ufffd')));
    }), { numRuns: 50 });
  });

  test('holds a character back until it is whole', () => {
    const ids = tokenizer.encode('\u{1F6D1}');
    expect(ids.length).toBeGreaterThan(1);
    const parts = pieces(ids);
    expect(parts.slice(0, ids.length - 1).join('')).toBe('');
    expect(parts[ids.length - 1]).toBe('\u{1F6D1}');
  });
});

describe('a tokenizer file', () => {
  const codeOf = (value: unknown): string => {
    try {
      createTokenizer(value, {});
    } catch (fault) {
      if (fault instanceof Fault) return fault.code;
      throw fault;
    }
    return 'made';
  };
  const changed = (change: (copy: Record<string, any>) => void): unknown => { // eslint-disable-line @typescript-eslint/no-explicit-any
    const copy = structuredClone(json) as Record<string, unknown>;
    change(copy);
    return copy;
  };

  test('that is missing has its own fault', () => expect(codeOf(null)).toBe('tokenizer.missing'));
  test('of another kind is refused', () => {
    expect(codeOf(changed((copy) => { copy.model.type = 'Unigram'; }))).toBe('tokenizer.kind');
    expect(codeOf(changed((copy) => { copy.decoder = { type: 'Metaspace' }; }))).toBe('tokenizer.kind');
  });
  test.each<[string, (copy: Record<string, any>) => void]>([ // eslint-disable-line @typescript-eslint/no-explicit-any
    ['no model', (copy) => { copy.model = 1; }],
    ['no vocabulary', (copy) => { copy.model.vocab = []; }],
    ['a huge id', (copy) => { copy.model.vocab.a = 4e9; }],
    ['an id twice', (copy) => { copy.model.vocab.a = 1; }],
    ['merges that are none', (copy) => { copy.model.merges = [1]; }],
    ['an unnamed added token', (copy) => { copy.added_tokens[0].content = ''; }],
    ['an unreadable pattern', (copy) => { copy.pre_tokenizer.pretokenizers[0].pattern.Regex = '('; }],
  ])('with %s is refused', (_, change) => expect(codeOf(changed(change))).toBe('tokenizer.damaged'));

  test('whose vocabulary would build a control token out of text cannot be tricked', () => {
    const trick = changed((copy) => {
      copy.model.ignore_merges = true;
      copy.model.vocab['<|'] = copy.added_tokens[0].id;
    });
    expect(() => createTokenizer(trick, {}).encode('<|')).toThrow(Fault);
  });

  test('with merges in the older spelling gives the same ids', () => {
    const older = createTokenizer(changed((copy) => { copy.model.merges = (copy.model.merges as string[][]).map((pair) => pair.join(' ')); }), {});
    expect(older.encode('The right lung')).toEqual(tokenizer.encode('The right lung'));
  });
});
