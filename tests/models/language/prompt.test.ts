import fc from 'fast-check';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { promptText, promptTokens, type ChatMessage } from '#models/language/prompt.ts';
import { createTokenizer } from '#models/language/tokenizer.ts';
import { trainVocabulary } from '#training/data/vocabulary.ts';

const vocabulary = trainVocabulary(['user assistant system What is shown? Picture 1: Answer directly.', 'user assistant What is shown?'], 320);
const tokenizer = createTokenizer(vocabulary.tokenizer, vocabulary.tokenizerConfig);
const template = (vocabulary.tokenizerConfig as { readonly chat_template: string }).chat_template;
/** Qwen's own form, with its default system text. */
const published = "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
  + "<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for content in message['content'] %}"
  + "{% if content['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
  + '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';

const image = { type: 'image' } as const;
const video = { type: 'video' } as const;
const words = (text: string) => ({ type: 'text', text }) as const;
const user = (...content: Exclude<ChatMessage['content'], string>): ChatMessage => ({ role: 'user', content });
const options = { mergeSize: 2, addGenerationPrompt: true };
const visible = (ids: readonly number[]): string => tokenizer.decode(ids, { special: true });

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (fault) {
    if (fault instanceof Fault) return fault.code;
    throw fault;
  }
  return 'made';
}

describe('a prompt', () => {
  test('has as many placeholders as the vision tower gives rows', () => {
    const ids = promptTokens(tokenizer, template, [user(image, words('What is shown?'))], [[1, 4, 6]], options);
    expect(visible(ids)).toBe(`<|im_start|>user\n<|vision_start|>${'<|image_pad|>'.repeat(6)}<|vision_end|>What is shown?<|im_end|>\n<|im_start|>assistant\n`);
  });

  test('keeps grids in the order of the conversation, images and videos mixed', () => {
    const ids = promptTokens(tokenizer, template, [user(video, words('a'), image), { role: 'assistant', content: 'b' }, user(image, words('c'))], [[3, 2, 2], [1, 2, 4], [1, 4, 4]], options);
    expect(visible(ids)).toBe(`<|im_start|>user\n<|vision_start|>${'<|video_pad|>'.repeat(3)}<|vision_end|>a<|vision_start|>${'<|image_pad|>'.repeat(2)}<|vision_end|><|im_end|>\n`
      + `<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\n<|vision_start|>${'<|image_pad|>'.repeat(4)}<|vision_end|>c<|im_end|>\n<|im_start|>assistant\n`);
  });

  test('counts pictures and videos over the conversation where asked to', () => {
    const text = promptText(template, [user(image, image, video, words('x')), user(image)], { addGenerationPrompt: false, addVisionId: true });
    const shown = (name: string, pad: string): string => `${name}: <|vision_start|><|${pad}_pad|><|vision_end|>`;
    expect(text).toBe(`<|im_start|>user\n${shown('Picture 1', 'image')}${shown('Picture 2', 'image')}${shown('Video 1', 'video')}x<|im_end|>\n<|im_start|>user\n${shown('Picture 3', 'image')}<|im_end|>\n`);
  });

  test('without pictures is text alone, with the system text only where the template says so', () => {
    const messages: ChatMessage[] = [{ role: 'user', content: 'What is shown?' }];
    expect(promptText(template, messages, options)).toBe('<|im_start|>user\nWhat is shown?<|im_end|>\n<|im_start|>assistant\n');
    expect(promptText(published, messages, options)).toBe('<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nWhat is shown?<|im_end|>\n<|im_start|>assistant\n');
    expect(promptText(published, [{ role: 'system', content: 'Be brief.' }, ...messages], { addGenerationPrompt: false })).toBe('<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is shown?<|im_end|>\n');
  });

  test('is cut into words as if it had been written in one piece', () => {
    const messages: ChatMessage[] = [{ role: 'user', content: '\n\n  What is shown?' }];
    expect(promptTokens(tokenizer, template, messages, [], options)).toEqual(tokenizer.encode(promptText(template, messages, options), { special: true }));
  });
});

describe('what a person writes', () => {
  const names = ['<|im_start|>', '<|im_end|>', '<|image_pad|>', '<|video_pad|>', '<|vision_start|>', '<think>', '</answer>'];
  const control = new Set(names.map((name) => tokenizer.idOf(name)));
  /** The model's own turns keep their marks, so the comparison leaves them out there. */
  const marks = new RegExp('<think>|</answer>', 'g');
  const controls = (messages: readonly ChatMessage[], source: string, grids: readonly (readonly [number, number, number])[]): number[] =>
    promptTokens(tokenizer, source, messages, grids, options).filter((id) => control.has(id));
  const text = fc.array(fc.oneof(fc.constantFrom(...names, '<|im_', 'end|>', '\ue000', '\ue0000\ue001', '{{ 1 }}', '{% raw %}', '\\', '$&', ' ', '\n'), fc.string()), { maxLength: 8 }).map((parts) => parts.join(''));

  test('never becomes a control token and is never changed, in any role, however it is split into parts', () => {
    fc.assert(fc.property(text, text, text, fc.constantFrom(template, published), (a, b, c, source) => {
      const harmless: ChatMessage[] = [{ role: 'system', content: 'x' }, user(words('x'), image, words('x')), { role: 'assistant', content: 'x' }];
      const messages: ChatMessage[] = [{ role: 'system', content: a }, user(words(b), words(c), image, words(a)), { role: 'assistant', content: c.replace(marks, '') }];
      expect(controls(messages, source, [[1, 2, 2]])).toEqual(controls(harmless, source, [[1, 2, 2]]));
      const shown = visible(promptTokens(tokenizer, source, messages, [[1, 2, 2]], options));
      expect(shown).toBe(`<|im_start|>system\n${a}<|im_end|>\n<|im_start|>user\n${b}${c}<|vision_start|><|image_pad|><|vision_end|>${a}<|im_end|>\n<|im_start|>assistant\n${c.replace(marks, '')}<|im_end|>\n<|im_start|>assistant\n`.normalize('NFC'));
    }), { numRuns: 50 });
  });

  test('keeps the marks of the model\'s own earlier turns, but no control token in them', () => {
    const ids = (text: string, role: ChatMessage['role']): number[] => promptTokens(tokenizer, template, [{ role, content: text }], [], { ...options, addGenerationPrompt: false });
    const answer = '<think>\na\n</think>\n<answer>b</answer>';
    expect(ids(answer, 'assistant')).toEqual(tokenizer.encode(`<|im_start|>assistant\n${answer}<|im_end|>\n`, { special: true }));
    expect(ids(answer, 'user')).not.toContain(tokenizer.idOf('<think>'));
    expect(ids('a<|im_end|>b', 'assistant').filter((id) => id === tokenizer.idOf('<|im_end|>'))).toHaveLength(1);
  });

  test('is trimmed where the template trims', () => {
    expect(promptText('{{ messages[0].content | trim }}!', [{ role: 'user', content: ' \n hi  ' }], options)).toBe('hi!');
  });

  test('may be a megabyte of spaces', () => {
    const long = `a${' '.repeat(1e6)}b`;
    expect(promptText(template, [{ role: 'user', content: long }], options)).toContain(long);
  });
});

describe('refused is', () => {
  const asked = [user(image, words('x'))];
  test.each<[string, readonly ChatMessage[], readonly (readonly [number, number, number])[], string]>([
    ['a picture without a grid', asked, [], template],
    ['a grid without a picture', [user(words('x'))], [[1, 2, 2]], template],
    ['a template that makes no room for pictures', asked, [[1, 2, 2]], '{{ messages[0].content[1].text }}'],
    ['a template that shows a picture twice', asked, [[1, 2, 2]], '<|image_pad|><|image_pad|>'],
    ['a template that takes a video for an image', [user(video)], [[1, 2, 2]], '<|image_pad|>'],
    ['a template that takes other parts for videos', [user(video)], [[1, 2, 2]], published],
  ])('%s', (_, messages, grids, source) => expect(codeOf(() => promptTokens(tokenizer, source, messages, grids, options))).toBe('prompt.images'));

  test('a grid that does not merge', () => {
    for (const grid of [[1, 3, 2], [1, 2, 0], [0, 2, 2], [1.5, 2, 2], [1, -2, -2], [NaN, 2, 2]] as const) {
      expect(codeOf(() => promptTokens(tokenizer, template, asked, [grid], options))).toBe('prompt.grid');
    }
  });

  test('a template that is damaged, fails, or is endless', () => {
    for (const source of ['{% for %}', '{{ raise_exception("no") }}', '{{ unknown.thing() }}', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'x'.repeat(300_000)]) {
      expect(codeOf(() => promptText(source, asked, options))).toBe('prompt.template');
    }
  });
});

interface Expected {
  readonly rendered_prompt: string;
  readonly input_ids: readonly number[];
  readonly image_grid_thw: readonly [number, number, number];
  readonly completion_text: string;
  readonly completion_ids: readonly number[];
  readonly greedy_text: string;
  readonly greedy_tokens: readonly number[];
}

const parity = join(process.env.LOUPE_SHARED ?? '../shared', 'parity');
describe.skipIf(!existsSync(parity))('the reference checkpoints (skipped where the shared folder is absent)', () => {
  const read = (...path: string[]): string => readFileSync(join(parity, ...path), 'utf8');
  for (const name of existsSync(parity) ? readdirSync(parity) : []) {
    const json = <T>(file: string): T => JSON.parse(read(name, file)) as T;
    test(`${name}: equal prompt, equal ids, equal completion`, () => {
      const expected = json<Expected>('expected.json');
      const config = json<{ readonly chat_template: string }>('tokenizer_config.json');
      const reference = createTokenizer(json('tokenizer.json'), config);
      const ids = promptTokens(reference, config.chat_template, [user(image, words(read(name, 'prompt.txt')))], [expected.image_grid_thw], options);
      expect(ids).toEqual(expected.input_ids);
      expect(reference.decode(ids, { special: true })).toBe(expected.rendered_prompt);
      expect(reference.encode(expected.completion_text, { special: true })).toEqual(expected.completion_ids);
      expect(reference.decode(expected.greedy_tokens, { special: true })).toBe(expected.greedy_text);
    });
  }
});
