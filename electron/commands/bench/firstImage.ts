/** What a person waits for: a cold start of `loupe review` until the first token of the answer, and opening a large checkpoint. */

import { spawn } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { encodeModel } from '#models/graph/encode.ts';
import { Graph } from '#models/graph/graph.ts';
import { matMul } from '#models/graph/ops.ts';
import { createSession } from '#models/runtime/session.ts';
import { externalData } from '#models/weights/checkpoint.ts';
import { openSafetensors } from '#models/weights/safetensors.ts';
import { projectRoot } from '#electron/storage/folders.ts';
import { sampleOf, timed, type Sample } from './measure.ts';

/** Starts the command as a person would, in a new process, and takes the time until the first token is there. */
export async function benchFirstToken({
  path,
  model,
  rounds,
}: {
  path: string;
  model: string | undefined;
  rounds: number;
}): Promise<Record<string, unknown>> {
  const times: number[] = [];
  for (let run = -1; run < rounds; run++) {
    const ms = await firstToken(path, model);
    if (run >= 0) times.push(ms);
  }
  return { what: 'cold start of `loupe review` until the first answer token', ours: sampleOf(times) };
}

/** From the start of the process to the first token, by the command's own clock, plus what the launcher's process took before that clock began. */
function firstToken(path: string, model: string | undefined): Promise<number> {
  const words = [
    join(projectRoot(), 'electron', 'loupe.mjs'),
    'review',
    path,
    '--ask',
    'Is there an abnormality, and where?',
    '--max-new-tokens',
    '2',
    // Whatever the series shows: what counts is the time.
    '--override',
    'A measurement of speed',
    '--json',
    ...(model === undefined ? [] : ['--model', model]),
  ];
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors, wall] = ['', '', 0];
    child.stdout.on('data', (chunk: Buffer) => {
      wall ||= Date.now() - started;
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('error', reject);
    child.on('exit', () => {
      try {
        const { timing } = JSON.parse(output) as { timing: { since_process_start_ms: number; answered_ms: number; first_token_ms: number } };
        // `since_process_start_ms` is taken when the answer is there; what came after it does not belong to the wait.
        resolve(Math.min(wall, timing.since_process_start_ms - timing.answered_ms + timing.first_token_ms));
      } catch {
        reject(
          new Fault({
            code: 'bench.review',
            what: 'The first token was not measured.',
            why: `loupe review said: ${(output || errors).trim().slice(-400)}`,
            mend: 'Give a study with --study and a checkpoint with --model.',
          }),
        );
      }
    });
  });
}

/** A checkpoint of 500 MB (30 matrices of float32), opened until its session can run: the weights are mapped, not read. */
export async function benchCheckpoint(rounds: number): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-bench-'));
  try {
    const [layers, side] = [30, 2048];
    const file = join(folder, 'model.safetensors');
    writeSparse(file, layers, side);
    const open = async (): Promise<void> => {
      const { tensors } = openSafetensors(file);
      const graph = new Graph('large');
      let x = graph.input('x', [1, side]);
      for (const [name, entry] of tensors) x = matMul(x, graph.external(name, entry.shape, 'float32', externalData(entry, folder)));
      graph.output('y', x);
      const session = await createSession(encodeModel(graph), { weightsFolder: folder, prepacking: false });
      await session.release();
    };
    await open();
    const times: number[] = [];
    for (let run = 0; run < rounds; run++) times.push(await timed(open));
    return { what: `opening a checkpoint of ${Math.round((layers * side * side * 4) / 1e6)} MB, mapped`, ours: sampleOf(times) satisfies Sample };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Zeros take no space on most disks, and a mapped file is not read anyway. */
function writeSparse(path: string, layers: number, side: number): void {
  const bytes = side * side * 4;
  const header = JSON.stringify(
    Object.fromEntries(
      Array.from({ length: layers }, (_, i) => [`layer.${i}`, { dtype: 'F32', shape: [side, side], data_offsets: [i * bytes, (i + 1) * bytes] }]),
    ),
  );
  const text = new TextEncoder().encode(header.padEnd(Math.ceil(header.length / 8) * 8));
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  const file = openSync(path, 'w');
  try {
    writeSync(file, length);
    writeSync(file, text);
    ftruncateSync(file, 8 + text.length + layers * bytes);
  } finally {
    closeSync(file);
  }
}
