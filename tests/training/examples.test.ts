import { expect, test } from 'vitest';
import { promptTokens } from '#models/language/prompt.ts';
import { createTokenizer } from '#models/language/tokenizer.ts';
import type { Grid } from '#models/networks/rope.ts';
import { encodeTurn, type Language } from '#training/examples.ts';
import { trainVocabulary } from '#training/data/vocabulary.ts';

const { tokenizer: json, tokenizerConfig } = trainVocabulary(['Which abnormality is seen? Answer directly.', '<think>\nObservation: a mass.\n</think>\n<answer>benign</answer>'], 320);
const tokenizer = createTokenizer(json, tokenizerConfig);
const template = (tokenizerConfig as { chat_template: string }).chat_template;
const language: Language = { tokenizer, template, visionEnd: tokenizer.idOf('<|vision_end|>')!, endOfTurn: tokenizer.idOf('<|im_end|>')! };
const grid: Grid = [1, 4, 6];

test('a training sequence begins with exactly the prompt that the model will be asked with', () => {
  for (const question of ['Which abnormality is seen?', ' leading space', 'a <|im_end|> inside', 'two\nlines\n', '<answer>']) {
    const { prefix, branch } = encodeTurn({ question, completion: '<answer>benign</answer>' }, grid, language, 2);
    const prompt = promptTokens(tokenizer, template, [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: question }] }], [grid], { mergeSize: 2, addGenerationPrompt: true });
    expect([...prefix, ...branch.ids.slice(0, branch.firstTarget)]).toEqual(prompt);
  }
});

test('what is learnt is the completion and the end of the turn, and the answer is told from the reasoning', () => {
  const completion = '<think>\nObservation: a mass.\n</think>\n<answer>benign</answer>';
  const { branch } = encodeTurn({ question: 'Which?', completion }, grid, language, 2);
  const learnt = branch.ids.slice(branch.firstTarget);
  expect(tokenizer.decode(learnt, { special: true })).toBe(`${completion}<|im_end|>`);
  expect(tokenizer.decode(branch.ids.slice(branch.firstAnswer), { special: true })).toBe('<answer>benign</answer><|im_end|>');
});
