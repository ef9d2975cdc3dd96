/** Low-rank adapters (Hu et al. 2021): beside a frozen linear layer runs a narrow trained one. */
import type { Value } from '#models/graph/graph.ts';
import { add, gemm, mul } from '#models/graph/ops.ts';
import type { Parameters } from './parameters.ts';

export interface LoraSpec {
  readonly rank: number;
  /** The adapter's part is scaled by alpha / rank. */
  readonly alpha: number;
  /** Whether a linear layer, by its module name (`model.layers.0.self_attn.q_proj`), has an adapter. */
  readonly adapts: (module: string) => boolean;
}

/**
 * y = x·Wᵀ + b + alpha/rank · (x·Aᵀ)·Bᵀ with `MODULE.lora_A.weight` [R, in] and `MODULE.lora_B.weight` [out, R], which are asked of `base.tensor`.
 * With B at zero, as it begins, nothing changes.
 */
export function loraParameters(base: Parameters, { rank, alpha, adapts }: LoraSpec): Parameters {
  return {
    tensor: base.tensor,
    linear(x, name, outputs, bias): Value {
      const frozen = base.linear(x, name, outputs, bias);
      if (!adapts(name)) return frozen;
      const down = base.tensor(`${name}.lora_A.weight`, [rank, x.shape[1]!]);
      const up = base.tensor(`${name}.lora_B.weight`, [outputs, rank]);
      return add(frozen, mul(gemm(gemm(x, down, null, { transB: true }), up, null, { transB: true }), alpha / rank));
    },
  };
}
