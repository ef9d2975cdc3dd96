/** Timing: medians of runs that alternate, and what this machine can do at best. */

import { cpus } from 'node:os';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import { matMul } from '#models/graph/ops.ts';
import { createSession, float32 } from '#models/runtime/session.ts';

/** Milliseconds of several runs. */
export interface Sample {
  readonly median_ms: number;
  readonly min_ms: number;
  readonly max_ms: number;
  readonly runs: number;
}

export function sampleOf(times: readonly number[]): Sample {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median_ms: rounded(median), min_ms: rounded(sorted[0]!), max_ms: rounded(sorted.at(-1)!), runs: sorted.length };
}

export const rounded = (x: number): number => Number(x.toPrecision(4));

export async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

/** One of the things that are compared; gives its milliseconds. */
export type Contender = () => Promise<number>;

/** Runs all contenders in turn, so that each sees the same load of the machine; the first round warms up and does not count. */
export async function alternate(contenders: readonly Contender[], rounds: number): Promise<readonly Sample[]> {
  const times: number[][] = contenders.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [at, contender] of contenders.entries()) {
      const ms = await contender();
      if (round >= 0) times[at]!.push(ms);
    }
  }
  return times.map(sampleOf);
}

export interface Machine {
  readonly processor: string;
  readonly node: string;
  /** 2048 × 2048 × 2048, float32, through ONNX Runtime on the CPU. */
  readonly peak_gemm_gflops: number;
  /** Bytes read plus bytes written while a large array is copied by one thread. */
  readonly copy_gb_per_s: number;
}

export async function measureMachine(): Promise<Machine> {
  const processors = cpus();
  const copy = await copyGigabytesPerSecond();
  return {
    processor: `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`,
    node: process.version,
    peak_gemm_gflops: rounded(await peakGemm()),
    copy_gb_per_s: rounded(copy),
  };
}

/** GFLOP/s at best: the fastest of several runs is what the machine can do. */
export async function peakGemm(size = 2048, runs = 12): Promise<number> {
  const graph = new Graph('gemm');
  graph.output('c', matMul(graph.input('a', [size, size]), graph.input('b', [size, size])));
  const session = await createSession(encodeModel(graph));
  const values = new Float32Array(size * size).map((_, i) => ((i * 2654435761) % 1000) / 1000 - 0.5);
  const feeds = { a: float32([size, size], values), b: float32([size, size], values) };
  let best = Infinity;
  for (let run = 0; run < runs; run++) best = Math.min(best, await timed(() => session.run(feeds)));
  await session.release();
  return (2 * size ** 3) / best / 1e6;
}

async function copyGigabytesPerSecond(): Promise<number> {
  const from = new Float32Array(16 << 20).fill(1);
  const to = new Float32Array(from.length).fill(0);
  let best = Infinity;
  for (let run = 0; run < 20; run++) best = Math.min(best, await timed(async () => to.set(from)));
  return (2 * from.byteLength) / best / 1e6;
}

/** The most memory that this process has held, in MB. */
export const peakRssMb = (): number => Math.round(process.resourceUsage().maxRSS / 1024);
