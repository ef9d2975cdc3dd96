/** Gradients of rows that are read many times: sums must not depend on how many threads add. */

import { describe, expect, it } from 'vitest';
import { Random } from '#models/base/random.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import * as op from '#models/graph/ops.ts';
import { createSession, float32, floats, int64 } from '#models/runtime/session.ts';
import { gradients } from '#training/autodiff/gradient.ts';

describe('the gradient of gathered rows', () => {
  it.each([[2560, 64, 4000], [3, 64, 4000]])('of a table of %i × %i read %i times is the sum in order, bit for bit, in every run on two threads', async (count, width, reads) => {
    const graph = new Graph('g');
    const table = graph.input('table', [count, width]);
    const rows = op.gather(table, graph.input('ids', [reads], 'int64'));
    graph.output('rows', rows);
    graph.output('gradient', gradients([{ value: rows, gradient: graph.input('c', [reads, width]) }], [table])[0]!);

    const random = new Random(1);
    // As in text: few tokens make up most of it.
    const ids = Array.from({ length: reads }, () => Math.floor(random.uniform() ** 4 * count));
    const c = Float32Array.from({ length: reads * width }, () => random.normal());
    const wanted = new Float32Array(count * width);
    ids.forEach((row, i) => {
      for (let j = 0; j < width; j++) wanted[row * width + j]! += c[i * width + j]!;
    });
    const feeds = { table: float32([count, width], new Float32Array(count * width)), ids: int64([reads], ids), c: float32([reads, width], c) };
    const session = await createSession(encodeModel(graph), { threads: 2 });
    try {
      for (let run = 0; run < 8; run++) {
        const sums = floats(await session.run(feeds, ['gradient']), 'gradient');
        expect(sums.every((sum, i) => sum === wanted[i])).toBe(true);
      }
    } finally {
      await session.release();
    }
  });
});
