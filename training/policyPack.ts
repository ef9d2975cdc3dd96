/** Prompts with their completions as the inputs of a policy graph. */
import type { QwenVlConfig } from '#models/networks/config.ts';
import type { Grid } from '#models/networks/rope.ts';
import { policyInputs, type PolicyInput, type PolicyLossOptions } from './objectives/policyLoss.ts';
import type { PolicySequence, SequenceWeights, StepWeights } from './objectives/policy.ts';
import { layPrompt, rotaryTable, type Feed } from './pack.ts';
import { visionRows, type Branches, type PolicyBucket } from './policyGraph.ts';

/** One image with one question, and what was answered. */
export interface AskedPrompt {
  readonly id: string;
  /** Up to where the completion begins, image placeholders included. */
  readonly prompt: readonly number[];
  /** [P, C·S·S] of the image, or what a frozen tower made of it, [cells, D]: as the graph asks. */
  readonly image: Float32Array;
  /** Token ids, at least one each. */
  readonly completions: readonly (readonly number[])[];
}

/** Tokens that a prompt with its completions takes of a sequence: a completion's last token predicts nothing. */
export const packedTokens = ({ prompt, completions }: Pick<AskedPrompt, 'prompt' | 'completions'>): number =>
  completions.reduce((sum, tokens) => sum + tokens.length - 1, prompt.length);

const float = (dims: readonly number[], data: Float32Array): Feed => ({ type: 'float32', dims, data });
const integer = (dims: readonly number[], data: BigInt64Array): Feed => ({ type: 'int64', dims, data });

/**
 * The inputs that scoring and learning share. A completion sees the prompt and itself, its positions continue the prompt's: it is scored as if it stood alone.
 * Targets stand in the order of the prompts and their completions, and padding behind them.
 *
 * @param vision  what `image` holds
 */
export function packPrompts(config: QwenVlConfig, bucket: PolicyBucket, prompts: readonly AskedPrompt[], vision: 'tower' | 'rows' = 'tower'): Readonly<Record<string, Feed>> {
  const { batch, grid, tokens, targets, sequences, branches } = bucket;
  const wanted = prompts.flatMap(({ completions }) => completions.map(({ length }) => length));
  const all = wanted.reduce((a, b) => a + b, 0);
  if (prompts.length > batch || wanted.length > sequences || all > targets) {
    throw new RangeError(`packPrompts: ${prompts.length} prompts, ${wanted.length} completions and ${all} targets for a bucket of ${batch}, ${sequences} and ${targets}`);
  }
  const { headWidth } = config;
  const count = batch * tokens;
  const [ids, source, rows, next] = [new BigInt64Array(count), new BigInt64Array(count), new BigInt64Array(targets), new BigInt64Array(targets)];
  const [cos, sin] = [new Float32Array(count * headWidth), new Float32Array(count * headWidth)];
  const mask = new Float32Array(batch * (branches ? branches.prefix : tokens * tokens)).fill(-1e9);
  const [height, width] = grid ? cellsOf(config, grid) : [0, 0];
  const cells = grid ? visionRows(config, grid) : 0;
  const table = rotaryTable(config, tokens + Math.max(height, width));
  const values = prompts[0]?.image.length ?? 0;
  const images = new Float32Array(batch * values);

  let target = 0;
  for (let b = 0; b < batch; b++) {
    const first = b * tokens;
    const put = (i: number, id: number, time: number, row: number, column: number): void => {
      ids[first + i] = BigInt(id);
      source[first + i] = BigInt(first + i);
      table(cos, sin, (first + i) * headWidth, time, row, column);
    };
    const see = (i: number, from: number, to: number): void => {
      if (!branches) mask.fill(0, (first + i) * tokens + from, (first + i) * tokens + to);
    };
    const pad = (from: number, to: number): number => {
      for (let i = from; i < to; i++) {
        put(i, 0, 0, 0, 0);
        see(i, 0, 1);
      }
      return to;
    };
    const asked = prompts[b];
    let at = 0;
    if (asked) {
      if (branches) checkBranches(asked, branches);
      else if (packedTokens(asked) > tokens) throw new RangeError(`packPrompts: ${asked.id} takes ${packedTokens(asked)} tokens of ${tokens}`);
      if (asked.image.length !== values) throw new RangeError(`packPrompts: the image of ${asked.id} has ${asked.image.length} numbers, the first one ${values}`);
      images.set(asked.image, b * values);
      const position = layPrompt(asked, asked.prompt, grid ? config.tokens.image : null, [height, width], (i, id, time, row, column, cell) => {
        put(i, id, time, row, column);
        if (cell !== null) source[first + i] = BigInt(count + b * cells + cell);
        see(i, 0, i + 1);
      });
      const prefix = asked.prompt.length;
      if (branches) mask.fill(0, b * branches.prefix, b * branches.prefix + prefix);
      at = prefix;
      for (const [which, completion] of asked.completions.entries()) {
        if (branches) at = pad(at, branches.prefix + which * branches.length);
        completion.forEach((id, j) => {
          rows[target] = BigInt(first + (j === 0 ? prefix : at + j) - 1);
          next[target++] = BigInt(id);
          if (j === completion.length - 1) return;
          put(at + j, id, position + j, position + j, position + j);
          see(at + j, 0, prefix);
          see(at + j, at, at + j + 1);
        });
        at += completion.length - 1;
      }
    }
    pad(at, tokens);
  }
  const perImage = grid === null ? 0 : vision === 'rows' ? cells : grid[1] * grid[2];
  return {
    ...(grid ? { [vision === 'rows' ? 'vision' : 'patches']: float([batch * perImage, values / perImage], images), source: integer([count], source) } : {}),
    ids: integer([count], ids), rows: integer([targets], rows), targets: integer([targets], next),
    cos: float([count, 1, headWidth], cos), sin: float([count, 1, headWidth], sin),
    ...(branches ? { prefixMask: float([batch, 1, 1, branches.prefix], mask) } : { mask: float([batch, 1, 1, tokens, tokens], mask) }),
  };
}

function checkBranches({ id, prompt, completions }: AskedPrompt, { prefix, count, length }: Branches): void {
  const longest = Math.max(0, ...completions.map((tokens) => tokens.length - 1));
  if (prompt.length > prefix || completions.length > count || longest > length) {
    throw new RangeError(`packPrompts: ${id} takes ${prompt.length} tokens and ${completions.length} branches of up to ${longest}, of ${prefix}, ${count} and ${length}`);
  }
}

const cellsOf = (config: QwenVlConfig, [, rows, columns]: Grid): readonly [number, number] => [rows / config.vision.mergeSize, columns / config.vision.mergeSize];

/**
 * The inputs of the loss for one micro-batch, in the order of `packPrompts`.
 *
 * @param sequences  for each completion of each prompt, one after the other
 * @param weights    of the whole step (`stepWeights`)
 * @param at         which of the step's micro-batches this is
 */
export function packObjective(bucket: PolicyBucket, sequences: readonly PolicySequence[], weights: StepWeights, at: number, options: Pick<PolicyLossOptions, 'switches' | 'imitates'>): Readonly<Record<string, Feed>> {
  const { targets } = bucket;
  const own = weights.microBatches[at]!;
  if (own.length !== sequences.length) throw new RangeError(`packObjective: ${sequences.length} sequences and weights for ${own.length}`);
  const column = (values: (sequence: PolicySequence, weights: SequenceWeights, s: number) => readonly number[]): number[] => sequences.flatMap((sequence, s) => values(sequence, own[s]!, s));
  const asked = (name: 'reference' | 'sampler') => (sequence: PolicySequence): readonly number[] => {
    const values = sequence[name];
    if (!values) throw new RangeError(`packObjective: this objective needs the log-probabilities of the ${name}.`);
    return values;
  };
  const feedOf = (name: PolicyInput): Feed => {
    const padded = (numbers: readonly number[]): Feed => {
      const data = new Float32Array(targets);
      data.set(numbers);
      return float([targets], data);
    };
    switch (name) {
      case 'advantages': return padded(column(({ mask, advantage }) => mask.map(() => advantage)));
      case 'policyWeights': return padded(column((_, { policy }) => policy));
      case 'klWeights': return padded(column((_, { kl }) => kl));
      case 'entropyWeights': return padded(column((_, { entropy }) => entropy));
      case 'imitation': return padded(column((_, { imitation }) => imitation));
      case 'shares': return padded(column((_, { shares }) => shares));
      case 'old': return padded(column(({ logprobs, old = logprobs }) => old));
      case 'reference': return padded(column(asked('reference')));
      case 'sampler': return padded(column(asked('sampler')));
      case 'sequences': {
        const data = new BigInt64Array(targets);
        column(({ mask }, _, s) => mask.map(() => s)).forEach((s, i) => (data[i] = BigInt(s)));
        return integer([targets], data);
      }
      case 'entropyThreshold': return float([], Float32Array.of(Math.max(weights.entropyThreshold, -3e38)));
    }
  };
  return Object.fromEntries(policyInputs(options).map((name) => [name, feedOf(name)]));
}
