/** `loupe score`: how probable a model holds each token of a given completion. */

import { requiredText, type Command } from './command.ts';
import { arrangementOf, imageOptions, modelOptions, openWithImages } from './generate.ts';

export const command: Command = {
  name: 'score',
  summary: 'log-probabilities of a given completion',
  usage: 'score --model DIR [--image FILE]… [--clip] --prompt TEXT --completion TEXT',
  options: {
    ...modelOptions,
    ...imageOptions,
    prompt: { type: 'string', help: 'the question' },
    completion: { type: 'string', help: 'the text to score, as it would follow the prompt' },
  },
  async run(context) {
    const question = requiredText(context, 'prompt');
    const completion = requiredText(context, 'completion');
    const { reasoner, frames } = await openWithImages(context);
    try {
      const { ids, logProbabilities } = await reasoner.score({ frames, question, ...arrangementOf(context) }, completion);
      const total = logProbabilities.reduce((a, b) => a + b, 0);
      const pieces = ids.map((id, i) => `${(logProbabilities[i] as number).toFixed(4).padStart(10)}  ${JSON.stringify(reasoner.tokenizer.decode([id], { special: true }))}`);
      context.print({ completion_ids: ids, logprobs: logProbabilities, total }, [...pieces, `${total.toFixed(4).padStart(10)}  in all`].join('\n'));
    } finally {
      await reasoner.release();
    }
  },
};
