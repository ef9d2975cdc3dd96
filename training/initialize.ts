/** First weights of a network that is trained from scratch. */
import { Random } from '#models/base/random.ts';
import type { QwenVlConfig } from '#models/networks/config.ts';
import { scaleName } from '#models/networks/contrastive.ts';
import { priorScore } from '#models/networks/localizer.ts';
import type { ParameterSpec } from './graphs.ts';

/**
 * A localizer begins with the boxes of its patches and the prior of its scores; likeness of images and sentences with a temperature of 0.07 (Radford et al. 2021).
 * Matrices are normal with variance 1 / fan-in; those that write into the residual stream are smaller by √(2 · blocks). Norms are 1, biases 0, and so is an adapter's B.
 *
 * With `localAttention` the towers' heads begin as looks at fixed neighbours: biases of q and k alone decide the first attention, and rotary
 * positions make such attention a function of the distance. That gives a tower without convolutions their locality to start from
 * (compare "structured initialization", Zheng et al. 2024). 0 turns it off; otherwise it is the logit by which a head prefers its neighbour to the next one.
 */
export function initialWeights(config: QwenVlConfig, specs: readonly ParameterSpec[], seed: number, { localAttention = 3 } = {}): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const { name, shape } of specs) {
    const random = Random.named(seed, name);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(size);
    if (/^localizer\..*score\.bias$/.test(name)) values.fill(priorScore);
    else if (name === scaleName) values.fill(Math.log(1 / 0.07));
    else if (/^localizer\..*(proposal|box)\.outer\.weight$/.test(name)) values.fill(0);
    else if (/norm\d?\.weight$|ln_q\.weight$/.test(name)) values.fill(1);
    else if (name.endsWith('.lora_B.weight')) values.fill(0);
    else if (shape.length > 1) {
      const fanIn = size / shape[0]!;
      const isEmbedding = name.endsWith('embed_tokens.weight');
      const blocks = name.startsWith('visual.') ? config.vision.depth : config.layers;
      const writesResidual = /attn\.proj\.|down_proj\.|fc2\.|o_proj\./.test(name);
      const deviation = isEmbedding ? 1 / Math.sqrt(config.hiddenSize) : 1 / Math.sqrt(fanIn) / (writesResidual ? Math.sqrt(2 * blocks) : 1);
      for (let i = 0; i < size; i++) values[i] = deviation * random.normal();
    } else if (localAttention > 0) {
      const block = /^visual\.blocks\.(\d+)\.attn\.qkv\.bias$/.exec(name);
      if (block) lookAtNeighbours(values, config, Number(block[1]), localAttention);
    }
    weights.set(name, values);
  }
  return weights;
}

/** The nearest places first: rows and columns of the eight neighbours, then the place itself. */
const neighbours: readonly (readonly [number, number])[] = [[-1, 0], [1, 0], [0, -1], [0, 1], [-1, -1], [1, 1], [-1, 1], [1, -1], [0, 0]];

/**
 * Head h of a block looks at one neighbour: k's bias is (a, 0) in each turning pair and q's is the same turned by θ·offset,
 * so that the score is Σ a² cos θ(offset − distance). `a` makes the nearest other place lower by `preference`.
 */
function lookAtNeighbours(bias: Float32Array, { vision: { width, heads } }: QwenVlConfig, block: number, preference: number): void {
  const headWidth = width / heads;
  const half = headWidth / 2;
  const quarter = headWidth / 4;
  const frequencies = Array.from({ length: quarter }, (_, i) => 10000 ** ((-2 * i) / half));
  const drop = frequencies.reduce((total, frequency) => total + 1 - Math.cos(frequency), 0) / Math.sqrt(headWidth);
  const amplitude = Math.sqrt(preference / drop);
  for (let head = 0; head < heads; head++) {
    const offset = neighbours[(block * heads + head) % neighbours.length]!;
    for (let j = 0; j < half; j++) {
      const angle = frequencies[j % quarter]! * offset[j < quarter ? 0 : 1];
      bias[head * headWidth + j] = amplitude * Math.cos(angle);
      bias[head * headWidth + half + j] = amplitude * Math.sin(angle);
      bias[width + head * headWidth + j] = amplitude;
    }
  }
}
