/** The decoder: rows of hidden numbers in, rows of hidden numbers out, each seeing only what its attention allows. */
import type { Value } from '#models/graph/graph.ts';
import { add, mul, rmsNorm, silu } from '#models/graph/ops.ts';
import type { QwenVlConfig } from './config.ts';
import type { Parameters } from './parameters.ts';

/**
 * How the tokens of one layer attend; it rotates, keeps or reads keys and values as its graph needs.
 *
 * @param q  [N, heads · K]
 * @param k  [N, kvHeads · K]
 * @param v  [N, kvHeads · K]
 * @returns  [N, heads · K]
 */
export type Attend = (q: Value, k: Value, v: Value, layer: number) => Value;

/**
 * All layers and the last norm.
 *
 * @param hidden  [N, hiddenSize]
 * @param onLayer  is handed the rows that each layer leaves
 */
export function decoder(parameters: Parameters, config: QwenVlConfig, hidden: Value, attend: Attend, onLayer?: (hidden: Value, layer: number) => void): Value {
  const { hiddenSize, heads, kvHeads, headWidth, mlpWidth, normEpsilon } = config;
  const norm = (x: Value, name: string): Value => rmsNorm(x, parameters.tensor(`${name}.weight`, [hiddenSize]), normEpsilon);
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`;
    const a = norm(hidden, `${name}.input_layernorm`);
    const project = (which: string, count: number): Value => parameters.linear(a, `${name}.self_attn.${which}_proj`, count * headWidth, true);
    const mixed = attend(project('q', heads), project('k', kvHeads), project('v', kvHeads), layer);
    hidden = add(hidden, parameters.linear(mixed, `${name}.self_attn.o_proj`, hiddenSize, false));
    const m = norm(hidden, `${name}.post_attention_layernorm`);
    const gate = silu(parameters.linear(m, `${name}.mlp.gate_proj`, mlpWidth, false));
    hidden = add(hidden, parameters.linear(mul(gate, parameters.linear(m, `${name}.mlp.up_proj`, mlpWidth, false)), `${name}.mlp.down_proj`, hiddenSize, false));
    onLayer?.(hidden, layer);
  }
  return norm(hidden, 'model.norm');
}
