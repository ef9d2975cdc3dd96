/** The model as it stands, asked by prompt: completions are sampled many at a time, and what was seen of an image may be kept. */
import type { Tokenizer } from '#models/language/tokenizer.ts';
import { generateGroups, type Completion as Written, type GenerateOptions } from '#models/runtime/generate.ts';
import { banMask, type BanMask } from '#models/runtime/sampler.ts';
import type { Completion, Policy, Prompt, SampleOptions } from '#training/records/policy.ts';
import type { EncodedPrompt, LiveModel } from './model.ts';

export interface SamplerOptions {
  readonly model: LiveModel;
  readonly tokenizer: Tokenizer;
  /** Ends a completion. */
  readonly endOfTurn: number;
  readonly encode: (prompt: Prompt) => Promise<EncodedPrompt>;
  /** How many images' rows are kept until `forget`. */
  readonly maxKept?: number;
  readonly signal?: AbortSignal;
}

/** What is sampled for one of several prompts; its seed is its own. */
export interface SampleRequest {
  readonly prompt: Prompt;
  readonly count: number;
  readonly seed: number;
  readonly forced?: string;
}

export interface PolicySampler extends Policy {
  /** Completions of several prompts, written side by side. */
  sampleAll(requests: readonly SampleRequest[], options: Omit<SampleOptions, 'count' | 'seed' | 'forced'>): Promise<readonly (readonly Completion[])[]>;
  encode(prompt: Prompt): Promise<EncodedPrompt>;
  /** The tower's rows for the prompt's image. */
  see(prompt: Prompt): Promise<Float32Array>;
  textOf(tokens: readonly number[]): string;
  /** Drops what was seen: the tower's weights have changed. */
  forget(): void;
}

/** Vision tokens stand for pixels and rows beyond the tokenizer for nothing: neither is ever written. */
export function unwritable(tokenizer: Tokenizer, vocabulary: number): BanMask {
  const marks = ['<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>'];
  return banMask(vocabulary, marks.flatMap((token) => tokenizer.idOf(token) ?? []), tokenizer.size);
}

export function createPolicySampler({ model, tokenizer, endOfTurn, encode, maxKept = 64, signal }: SamplerOptions): PolicySampler {
  const banned = unwritable(tokenizer, model.config.vocabularySize);
  const stops = new Set([endOfTurn, ...[tokenizer.idOf('<|endoftext|>')].filter((id) => id !== undefined)]);
  const seen = new Map<string, Promise<Float32Array>>();
  const encodings = new Map<string, Promise<EncodedPrompt>>();

  /** Bounded: the oldest goes first. */
  const kept = <T>(map: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> => {
    const known = map.get(key);
    if (known) return known;
    const made = make();
    made.catch(() => map.delete(key));
    map.set(key, made);
    while (map.size > maxKept) map.delete(map.keys().next().value!);
    return made;
  };
  const encoded = (prompt: Prompt): Promise<EncodedPrompt> => kept(encodings, `${viewOf(prompt)}|${prompt.turn.question}`, () => encode(prompt));
  const see = (prompt: Prompt): Promise<Float32Array> => kept(seen, viewOf(prompt), async () => model.see(await encoded(prompt)));
  const textOf = (tokens: readonly number[]): string => tokenizer.decode(tokens.length > 0 && stops.has(tokens.at(-1)!) ? tokens.slice(0, -1) : tokens, { special: true });

  const completionOf = ({ tokens, logProbabilities, entropies, end }: Written): Completion =>
    ({ text: textOf(tokens), tokens, logprobs: logProbabilities, finished: end === 'stop', ...(entropies?.length === tokens.length ? { entropies } : {}) });

  const sampleAll: PolicySampler['sampleAll'] = async (requests, { temperature, topP, maxNewTokens, entropies = false }) => {
    const options: GenerateOptions = {
      sampling: { temperature, topP, topK: 0, seed: 0 }, maxNewTokens, stops, banned, temperedLogProbabilities: true, entropies, ...(signal ? { signal } : {}),
    };
    const groups = [];
    const given: (readonly number[])[] = [];
    for (const { prompt, count, seed, forced } of requests) {
      const { ids, grid } = await encoded(prompt);
      const start = forced ? tokenizer.encode(forced) : [];
      given.push(start);
      groups.push({ prompt: await model.read({ ids: [...ids, ...start], grid }, await see(prompt)), samples: count, seed });
    }
    const written = await generateGroups(model.network, groups, options);
    signal?.throwIfAborted();
    return Promise.all(written.map(async (completions, at) => {
      const start = given[at]!;
      if (start.length === 0) return completions.map(completionOf);
      // The given part was not drawn, but its probability is known all the same, at the temperature of the rest. The greedy choice is that of temperature 1.
      const before = [...await scoreTokens(requests[at]!.prompt, start, temperature || 1)];
      return completions.map((completion) => completionOf({ ...completion, tokens: [...start, ...completion.tokens], logProbabilities: [...before, ...completion.logProbabilities] }));
    }));
  };
  const scoreTokens = async (prompt: Prompt, tokens: readonly number[], temperature?: number): Promise<Float32Array> => model.score(await encoded(prompt), await see(prompt), tokens, temperature);

  return {
    sampleAll, see, textOf, encode: encoded,
    async sample(prompt, { count, seed, forced, ...options }) {
      return (await sampleAll([{ prompt, count, seed, ...(forced === undefined ? {} : { forced }) }], options))[0]!;
    },
    score: async (prompt, tokens) => [...await scoreTokens(prompt, tokens)],
    forget() {
      seen.clear();
    },
  };
}

/** The picture of a prompt: the same for all questions about one view of an image. */
export const viewOf = ({ record, size, blank, view, hidden }: Prompt): string =>
  [record.id, size.width, size.height, view ?? '', blank ? 'blank' : '', ...(hidden ?? []).map(({ x1, y1, x2, y2 }) => [x1, y1, x2, y2].join())].join('|');
