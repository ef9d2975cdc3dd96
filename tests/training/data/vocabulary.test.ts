import * as library from '@huggingface/tokenizers';
import { describe, expect, test } from 'vitest';
import { trainVocabulary } from '#training/data/vocabulary.ts';

interface File {
  readonly added_tokens: readonly { readonly id: number; readonly content: string; readonly special: boolean }[];
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly (readonly [string, string])[] };
}

const sentences = [
  'The right lung is 88 pixels wide and 150 pixels high.',
  'The left lung is 92 pixels wide and 148 pixels high.',
  '<think>\nObservation: The lungs are clear.\n</think>\n<answer>normal</answer>',
  'Größe 12 mm, Lunge frei. 右肺に結節あり。',
];
const { tokenizer, tokenizerConfig, size } = trainVocabulary(Array.from({ length: 10 }, () => sentences).flat(), 360);
const file = tokenizer as File;
/** The library itself, so that the files stand on their own. */
interface Loaded {
  encode(text: string): { readonly ids: number[]; readonly tokens: string[] };
  decode(ids: readonly number[], options: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces?: boolean }): string;
}
const { Tokenizer } = library as unknown as { readonly Tokenizer: new (json: unknown, config: unknown) => Loaded };
const loaded = new Tokenizer(tokenizer, tokenizerConfig);
const pieces = (text: string): string[] => loaded.encode(text).tokens;

describe('a learnt vocabulary', () => {
  test('has the asked size, every id once', () => {
    expect(size).toBe(360);
    const ids = [...Object.values(file.model.vocab), ...file.added_tokens.map(({ id }) => id)].sort((a, b) => a - b);
    expect(ids).toEqual(Array.from({ length: 360 }, (_, i) => i));
  });

  test('comes out smaller where the texts run out of pairs', () => {
    expect(trainVocabulary(['ab ab'], 5000).size).toBe(256 + 18 + 1);
    expect(trainVocabulary([], 5000).size).toBe(256 + 18);
    expect(() => trainVocabulary([], 273)).toThrow(RangeError);
  });

  test('merges the most frequent pair first, the smaller ids where two are alike', () => {
    const { merges } = (trainVocabulary(['abab', 'abab', 'cd', 'cd', 'cd', 'cd'], 256 + 18 + 3).tokenizer as File).model;
    expect(merges).toEqual([['a', 'b'], ['c', 'd'], ['ab', 'ab']]);
  });

  test('counts a run of one letter as it can be merged', () => {
    const { merges } = (trainVocabulary(['aaaa aaaa'], 256 + 18 + 4).tokenizer as File).model;
    expect(merges.slice(0, 2)).toEqual([['a', 'a'], ['aa', 'aa']]);
  });

  test('joins frequent words into one token and keeps every digit alone', () => {
    expect(pieces(' pixels')).toEqual(['Ġpixels']);
    expect(pieces(' 150')).toEqual(['Ġ', '1', '5', '0']);
  });

  test('gives the marks of the completion format one visible token each, and no part of them a merge', () => {
    const text = '<think>\n</think>\n<answer>normal</answer>';
    expect(pieces(text).filter((piece) => piece.startsWith('<'))).toEqual(['<think>', '</think>', '<answer>', '</answer>']);
    expect(loaded.decode(loaded.encode(`${text}<|im_end|>`).ids, { skip_special_tokens: true })).toBe(text);
    expect(Object.keys(file.model.vocab).filter((name) => name.includes('hink'))).toEqual([]);
  });

  test('writes any text and reads it back', () => {
    for (const text of ['', 'Ünïcødé 😀 日本語', 'tabs\tand\r\nlines\n\n', '\u0000\u007f\u00ad', "it's WE'LL"]) {
      if (text) expect(loaded.decode(loaded.encode(text).ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false })).toBe(text);
    }
  });

  test('is the same whenever it is learnt from the same texts', () => {
    expect(JSON.stringify(trainVocabulary(sentences, 330))).toBe(JSON.stringify(trainVocabulary(sentences, 330)));
  });
});
