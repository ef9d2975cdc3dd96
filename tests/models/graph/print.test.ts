import { expect, it } from 'vitest';
import { Graph } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { printGraph } from '#models/graph/print.ts';
import { batchAttention } from '#models/networks/attention.ts';
import { parseConfig } from '#models/networks/config.ts';
import { decoder } from '#models/networks/decoder.ts';
import { denseParameters } from '#models/networks/parameters.ts';

it('a graph is listed line by line, small constants in place', async () => {
  const graph = new Graph('example');
  const x = graph.input('x', [2, 3]);
  const w = graph.external('w', [4, 3], 'float32', { location: 'model.safetensors', offset: 4096, length: 48 });
  const table = graph.constant(Float32Array.from({ length: 12 }, (_, i) => i / 8), [3, 4], 'table');
  const y = op.add(op.gemm(x, w, null, { transB: true }), op.mul(op.matMul(x, table), 0.1));
  const [left, right] = op.split(y, [1, 3], 1);
  graph.output('left', op.layerNorm(left!, graph.constant(Float32Array.of(1), [1]), graph.constant(Float32Array.of(0), [1]), 1e-6));
  graph.output('best', op.argMax(right!));
  await expect(printGraph(graph)).toMatchFileSnapshot('../../golden/graph/example.txt');
});

it('a decoder layer reads like its description', async () => {
  const config = parseConfig({
    model_type: 'qwen2_5_vl', hidden_size: 16, intermediate_size: 24, num_hidden_layers: 1, num_attention_heads: 4, num_key_value_heads: 2, vocab_size: 50,
    rms_norm_eps: 1e-6, rope_theta: 1e4, rope_scaling: { type: 'mrope', mrope_section: [1, 1, 0] },
    vision_config: { depth: 1, hidden_size: 8, num_heads: 1, intermediate_size: 8, out_hidden_size: 16, fullatt_block_indexes: [0], window_size: 56 },
  });
  const graph = new Graph('layer', { fused: true });
  const parameters = denseParameters((name, shape) => graph.input(name, shape));
  const [cos, sin] = [graph.input('cos', [6, 1, 4]), graph.input('sin', [6, 1, 4])];
  const attend = batchAttention(config, { batch: 2, tokens: 3, cos, sin, mask: graph.input('mask', [3, 3]) });
  graph.output('hidden', decoder(parameters, config, graph.input('embedded', [6, 16]), attend));
  await expect(printGraph(graph)).toMatchFileSnapshot('../../golden/graph/decoderLayer.txt');
});
