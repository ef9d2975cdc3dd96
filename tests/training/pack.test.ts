import { expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { parseConfig } from '#models/networks/config.ts';
import { decoderRotary, mropePositions, type Grid } from '#models/networks/rope.ts';
import { createSession, float32, type Tensor } from '#models/runtime/session.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';
import type { Branch, Example } from '#training/examples.ts';
import { supervisedGraph, type Bucket } from '#training/graphs.ts';
import { initialWeights } from '#training/initialize.ts';
import { packExamples } from '#training/pack.ts';

const config = parseConfig({ ...(tinyRecipe.start as { scratch: object }).scratch, vocab_size: 60, vision_start_token_id: 50, image_token_id: 51, vision_end_token_id: 52, video_token_id: 53 });
const grid: Grid = [1, 4, 4];
const random = new Random(5);
const patches = Float32Array.from({ length: 16 * 588 }, () => random.normal());
const prefix = [1, 50, 51, 51, 51, 51, 52];
const branches: Branch[] = [{ ids: [3, 4, 5, 6, 7], firstTarget: 2, firstAnswer: 4 }, { ids: [8, 9, 10, 11], firstTarget: 3, firstAnswer: 3 }];
const example = (...which: Branch[]): Example => ({ id: 'e', patches, grid, prefix, branches: which, cells: [] });

async function lossOf(examples: readonly Example[], bucket: Bucket): Promise<{ loss: number; weight: number }> {
  const { graph, parameters } = supervisedGraph(config, bucket);
  const session = await createSession(encodeModel(graph));
  const weights = initialWeights(config, parameters, 1);
  const { feeds } = packExamples(config, bucket, examples, { answerWeight: 2 });
  const result = await session.run({ ...(feeds as Record<string, Tensor>), ...Object.fromEntries(parameters.map(({ name, shape }) => [`parameter.${name}`, float32(shape, weights.get(name)!)])) });
  await session.release();
  return { loss: (result['loss']!.data as Float32Array)[0]!, weight: (feeds['weights']!.data as Float32Array).reduce((a, b) => a + b, 0) };
}

test('two questions behind one image are learnt as if each stood alone', async () => {
  const bucket: Bucket = { batch: 1, grid, tokens: 20, targets: 8 };
  const both = await lossOf([example(...branches)], bucket);
  const [first, second] = [await lossOf([example(branches[0]!)], bucket), await lossOf([example(branches[1]!)], bucket)];
  expect(both.weight).toBe(first.weight + second.weight);
  expect(both.loss * both.weight).toBeCloseTo(first.loss * first.weight + second.loss * second.weight, 4);
});

test('answers weigh as the recipe says, reasoning weighs one', () => {
  const { feeds, learnt } = packExamples(config, { batch: 1, grid, tokens: 20, targets: 8 }, [example(...branches)], { answerWeight: 2 });
  expect(learnt).toBe(4);
  expect([...feeds['weights']!.data].slice(0, 5).map(Number)).toEqual([1, 1, 2, 2, 0]);
});

test('positions are those of the network\'s own rule', () => {
  const ids = [...prefix, ...branches[0]!.ids];
  const { feeds } = packExamples(config, { batch: 1, grid, tokens: 20, targets: 8 }, [example(branches[0]!)], { answerWeight: 1 });
  const expected = decoderRotary(mropePositions(ids, [grid], config), config);
  expect([...(feeds['cos']!.data as Float32Array).subarray(0, expected.cos.length)]).toEqual([...expected.cos]);
  expect([...(feeds['sin']!.data as Float32Array).subarray(0, expected.sin.length)]).toEqual([...expected.sin]);
});
