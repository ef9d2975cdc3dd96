/** Weights as 4- or 8-bit integers in blocks that share a scale, in the layout of the runtime's MatMulNBits, and the file that holds them. */

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { Fault } from '#models/base/fault.ts';

export interface QuantizationOptions {
  readonly bits: 4 | 8;
  /** Weights that share a scale: 16, 32, 64 or 128 neighbours along a row. */
  readonly blockSize: number;
  /** Symmetric: zero is the middle code. Otherwise each block has its own zero point, which costs a little and follows lopsided blocks. */
  readonly isSymmetric: boolean;
}

/** A matrix [N, K] with B = ⌈K / blockSize⌉ blocks in each row. */
export interface QuantizedMatrix {
  /** [N, B, blockSize · bits / 8]; of two codes in one byte the first has the lower half. */
  readonly packed: Uint8Array;
  /** [N · B] */
  readonly scales: Float32Array;
  /** [N, ⌈B · bits / 8⌉], packed as the codes; null when symmetric. */
  readonly zeroPoints: Uint8Array | null;
}

/** Rounds each weight to the nearest of its block's 2^bits levels. */
export function quantizeMatrix(weights: Float32Array, rows: number, columns: number, { bits, blockSize, isSymmetric }: QuantizationOptions): QuantizedMatrix {
  const blocks = Math.ceil(columns / blockSize);
  const bytes = (blockSize * bits) / 8;
  const packed = new Uint8Array(rows * blocks * bytes);
  const scales = new Float32Array(rows * blocks);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const zeroPoints = isSymmetric ? null : new Uint8Array(rows * zeroBytes);
  const top = 2 ** bits - 1;
  const middle = 2 ** (bits - 1);
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const from = row * columns + block * blockSize;
      const count = Math.min(blockSize, columns - block * blockSize);
      let low = 0;
      let high = 0;
      for (let i = from; i < from + count; i++) {
        low = Math.min(low, weights[i] as number);
        high = Math.max(high, weights[i] as number);
      }
      // Symmetric codes reach one step further below zero than above: the larger side gets the longer half.
      const extreme = -low >= high ? low : high;
      const scale = Math.fround(isSymmetric ? -extreme / middle : (high - low) / top);
      const zero = isSymmetric ? middle : scale === 0 ? 0 : Math.min(top, Math.max(0, Math.round(-low / scale)));
      scales[row * blocks + block] = scale;
      if (zeroPoints) setCode(zeroPoints, row * zeroBytes, block, zero, bits);
      const target = (row * blocks + block) * bytes;
      for (let i = 0; i < blockSize; i++) {
        const weight = i < count ? weights[from + i] as number : 0;
        setCode(packed, target, i, scale === 0 ? zero : Math.min(top, Math.max(0, Math.round(weight / scale) + zero)), bits);
      }
    }
  }
  return { packed, scales, zeroPoints };
}

function setCode(codes: Uint8Array, from: number, index: number, code: number, bits: 4 | 8): void {
  if (bits === 8) codes[from + index] = code;
  else codes[from + (index >> 1)] = (codes[from + (index >> 1)] as number) | (code << (4 * (index & 1)));
}

const codeAt = (codes: Uint8Array, from: number, index: number, bits: 4 | 8): number =>
  bits === 8 ? codes[from + index] as number : ((codes[from + (index >> 1)] as number) >> (4 * (index & 1))) & 15;

/** The weights that the codes stand for, [N, K]. */
export function dequantizeMatrix({ packed, scales, zeroPoints }: QuantizedMatrix, rows: number, columns: number, { bits, blockSize }: Pick<QuantizationOptions, 'bits' | 'blockSize'>): Float32Array {
  const blocks = Math.ceil(columns / blockSize);
  const bytes = (blockSize * bits) / 8;
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const row = Math.floor(at / columns);
    const column = at % columns;
    const block = Math.floor(column / blockSize);
    const zero = zeroPoints ? codeAt(zeroPoints, row * zeroBytes, block, bits) : 2 ** (bits - 1);
    return (codeAt(packed, (row * blocks + block) * bytes, column % blockSize, bits) - zero) * (scales[row * blocks + block] as number);
  });
}

export interface RawTensor {
  readonly name: string;
  readonly dtype: 'U8' | 'F32' | 'F16' | 'BF16';
  readonly shape: readonly number[];
  /** Called when its turn comes, so that not all need be in memory at once. */
  readonly bytes: () => Uint8Array;
}

const sizes = { U8: 1, F32: 4, F16: 2, BF16: 2 } as const;

/**
 * A safetensors file of ready bytes: written beside its place and then put there, so that it is whole or absent.
 *
 * @throws Fault `weights.write`
 */
export function writeRawTensors(path: string, tensors: readonly RawTensor[]): void {
  const partial = `${path}.${process.pid}.part`;
  let at = 0;
  const header = Object.fromEntries(tensors.map(({ name, dtype, shape }) => {
    const length = shape.reduce((a, b) => a * b, 1) * sizes[dtype];
    const entry = { dtype, shape, data_offsets: [at, at + length] };
    at += length;
    return [name, entry];
  }));
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(Math.ceil((8 + json.length) / 64) * 64).fill(32);
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - 8), true);
  start.set(json, 8);
  let file: number | undefined;
  try {
    file = openSync(partial, 'w');
    writeAll(file, start);
    for (const { bytes } of tensors) writeAll(file, bytes());
    fsyncSync(file);
    closeSync(file);
    file = undefined;
    renameSync(partial, path);
  } catch (cause) {
    if (file !== undefined) closeSync(file);
    rmSync(partial, { force: true });
    if (cause instanceof Fault) throw cause;
    throw new Fault({
      code: 'weights.write', what: `${basename(path)} cannot be written.`, why: cause instanceof Error ? cause.message : String(cause), mend: 'Free space on the disk, then try again. Nothing half-written was left.',
    }, { cause });
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at);
}

/** How a quantised network differs from its original, over several prompts. */
export interface ParityReport {
  readonly prompts: number;
  readonly maxDifference: number;
  readonly meanDifference: number;
  /** Share of the prompts after which both would write the same token. */
  readonly topAgreement: number;
  /** Mean Kullback-Leibler divergence from the original to the quantised, in nats, and the largest. */
  readonly meanDivergence: number;
  readonly maxDivergence: number;
}

/** Compares scores over the vocabulary after the same prompts, pair by pair. */
export function parityReport(pairs: readonly (readonly [original: Float32Array, quantized: Float32Array])[]): ParityReport {
  let maxDifference = 0;
  let total = 0;
  let count = 0;
  let agreed = 0;
  const divergences: number[] = [];
  for (const [original, quantized] of pairs) {
    const [p, q] = [logSoftmax(original), logSoftmax(quantized)];
    let divergence = 0;
    for (let i = 0; i < original.length; i++) {
      const difference = Math.abs((original[i] as number) - (quantized[i] as number));
      maxDifference = Math.max(maxDifference, difference);
      total += difference;
      divergence += Math.exp(p[i] as number) * ((p[i] as number) - (q[i] as number));
    }
    count += original.length;
    divergences.push(Math.max(0, divergence));
    if (largest(original) === largest(quantized)) agreed++;
  }
  return {
    prompts: pairs.length, maxDifference, meanDifference: total / Math.max(1, count), topAgreement: agreed / Math.max(1, pairs.length),
    meanDivergence: divergences.reduce((a, b) => a + b, 0) / Math.max(1, pairs.length), maxDivergence: Math.max(0, ...divergences),
  };
}

function logSoftmax(logits: Float32Array): Float64Array {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
  return Float64Array.from(logits, (x) => x - top - total);
}

const largest = (logits: Float32Array): number => logits.reduce((best, x, i) => (x > (logits[best] as number) ? i : best), 0);
