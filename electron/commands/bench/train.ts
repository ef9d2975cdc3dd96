/** One training step of a 6.8 M parameter decoder, 8 sequences of 256 tokens: forward, backward, clipping, AdamW. */

import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { parseConfig, type QwenVlConfig } from '#models/networks/config.ts';
import { decoderRotary } from '#models/networks/rope.ts';
import { createSession, float32, int64, type Feeds } from '#models/runtime/session.ts';
import { supervisedGraph } from '#training/graphs.ts';
import { initialWeights } from '#training/initialize.ts';
import { adamwStep } from '#training/optimizers/adamw.ts';
import { clipFactor, globalNorm } from '#training/optimizers/clip.ts';
import { alternate, peakRssMb, rounded, timed, type Contender, type Machine } from './measure.ts';
import type { Peer } from './peer.ts';

const [batch, tokens] = [8, 256];

/** The decoder alone matters here; the tower is never built. */
const config: QwenVlConfig = parseConfig({
  model_type: 'qwen2_5_vl',
  hidden_size: 256,
  intermediate_size: 768,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 4096,
  tie_word_embeddings: false,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  rope_scaling: { type: 'mrope', mrope_section: [8, 12, 12] },
  vision_config: { depth: 1, hidden_size: 64, out_hidden_size: 256, num_heads: 4, intermediate_size: 64, fullatt_block_indexes: [0] },
});

/** Floating-point operations of a step: six for each weight of a product and token, twelve for each pair of positions and width of attention. */
function gigaflops(): { readonly products: number; readonly attention: number } {
  const { hiddenSize: d, heads, kvHeads, headWidth, mlpWidth, layers, vocabularySize } = config;
  const perLayer = d * headWidth * (2 * heads + 2 * kvHeads) + 3 * d * mlpWidth;
  const weights = layers * perLayer + vocabularySize * d;
  return { products: (6 * weights * batch * tokens) / 1e9, attention: (12 * layers * heads * headWidth * tokens * tokens * batch) / 1e9 };
}

/** Our step, ready to be timed. */
async function ourStep(threads: number): Promise<{ step: Contender; release: () => Promise<void>; lastLoss: () => number; parameters: number }> {
  const { graph, parameters, trained } = supervisedGraph(config, { batch, grid: null, tokens, targets: batch * tokens });
  const session = await createSession(encodeModel(graph), { threads });
  const weights = initialWeights(config, parameters, 7, { localAttention: 0 });
  const moments = new Map(
    trained.map(({ name }) => [name, { first: new Float32Array(weights.get(name)!.length), second: new Float32Array(weights.get(name)!.length) }]),
  );
  const feeds = {
    ...batchFeeds(),
    ...Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)])),
  };
  let [count, loss] = [0, NaN];
  const step = (): Promise<number> =>
    timed(async () => {
      const outputs = await session.run(feeds);
      const gradients = new Map(trained.map(({ name }) => [name, outputs[`gradient.${name}`]!.data as Float32Array]));
      const gradientScale = clipFactor(globalNorm(gradients.values()), 1);
      count++;
      for (const { name, shape } of trained) {
        adamwStep(
          weights.get(name)!,
          gradients.get(name)!,
          moments.get(name)!,
          { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
          { count, learningRate: 3e-4, gradientScale, decays: shape.length > 1 },
        );
      }
      loss = (outputs.loss!.data as Float32Array)[0]!;
    });
  const parameterCount = [...weights.values()].reduce((total, { length }) => total + length, 0);
  return { step, release: () => session.release(), lastLoss: () => loss, parameters: parameterCount };
}

function batchFeeds(): Feeds {
  const random = Random.named(7, 'bench');
  const count = batch * tokens;
  const ids = Int32Array.from({ length: count }, () => random.below(config.vocabularySize));
  const position = Int32Array.from({ length: count }, (_, i) => i % tokens);
  const { cos, sin } = decoderRotary({ time: position, row: position, column: position }, config);
  const mask = new Float32Array(batch * tokens * tokens).map((_, i) => (i % tokens > Math.floor(i / tokens) % tokens ? -1e9 : 0));
  return {
    ids: int64([count], ids),
    cos: float32([count, 1, config.headWidth], cos),
    sin: float32([count, 1, config.headWidth], sin),
    mask: float32([batch, 1, 1, tokens, tokens], mask),
    rows: int64(
      [count],
      Array.from({ length: count }, (_, i) => i),
    ),
    targets: int64(
      [count],
      Array.from({ length: count }, (_, i) => ids[i + 1] ?? 0),
    ),
    weights: float32([count], new Float32Array(count).fill(1)),
  };
}

export async function benchTrain({
  machine,
  peer,
  rounds,
  threads,
}: {
  machine: Machine;
  peer: Peer | null;
  rounds: number;
  threads: number;
}): Promise<Record<string, unknown>> {
  const ours = await ourStep(threads);
  const contenders: Contender[] = [ours.step];
  let peerParameters: unknown = null;
  let peerRss = 0;
  if (peer) {
    peerParameters = (await peer.ask({ do: 'prepare', batch, tokens, threads })).parameters;
    contenders.push(async () => {
      const { ms, peak_rss_mb: rss } = await peer.ask({ do: 'step' });
      peerRss = rss;
      return ms as number;
    });
  }
  const [own, theirs] = await alternate(contenders, rounds);
  const { products, attention } = gigaflops();
  const speed = ((products + attention) / own!.median_ms) * 1000;
  await ours.release();
  return {
    what: `train step, ${rounded(ours.parameters / 1e6)} M parameters, ${batch} × ${tokens} tokens`,
    ours: {
      ...own,
      gflops: rounded(speed),
      share_of_peak_gemm: rounded(speed / machine.peak_gemm_gflops),
      peak_rss_mb: peakRssMb(),
      parameters: ours.parameters,
      loss: rounded(ours.lastLoss()),
    },
    ...(theirs
      ? {
          peer: {
            ...theirs,
            name: 'PyTorch 2.13, scaled-dot-product attention, fused AdamW',
            peak_rss_mb: Math.round(peerRss),
            parameters: peerParameters,
          },
          ratio: rounded(theirs.median_ms / own!.median_ms),
        }
      : {}),
  };
}
