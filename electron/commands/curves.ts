/** `loupe curves`: a run's measures as one picture. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { drawChart } from '#electron/review/chart.ts';
import { curvesOf } from '#training/curves.ts';
import { readManifest, readMetrics } from '#training/readRun.ts';
import { onlyPositional, requiredText, type Command } from './command.ts';

export const command: Command = {
  name: 'curves',
  summary: 'reward, KL, entropy, length and validation of a run as one picture',
  usage: 'curves RUN --out FILE.png',
  options: { out: { type: 'string', help: 'the PNG file to write' } },
  async run(context) {
    const run = onlyPositional(context, 'RUN');
    const out = requiredText(context, 'out');
    const { name, seed, steps } = readManifest(run);
    const { panels, stages, steps: done } = curvesOf(readMetrics(run));
    if (panels.length === 0) throw new Fault({ code: 'curves.empty', what: `The run ${run} cannot be drawn.`, why: 'It has written no measures yet.', mend: 'Wait until its first updates are done.' });
    const picture = await drawChart({
      title: `${basename(resolve(run))} · ${name}`, subtitle: `${done}${steps === null || steps === done ? '' : ` of ${steps}`} updates · seed ${seed}`, xLabel: 'update', panels, marks: stages,
      note: `Thin: each update; thick: running mean. Numbers: first and last value of the thick line.${stages.length > 0 ? ' Dashed: a stage begins.' : ''}`,
    });
    writeWhole(out, picture);
    context.print({ out, panels: panels.map(({ title, series }) => ({ title, series: series.map(({ name: shown }) => shown) })), stages, steps: done }, out);
  },
};

function writeWhole(path: string, bytes: Uint8Array): void {
  const part = `${path}.part`;
  try {
    writeFileSync(part, bytes);
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    throw new Fault({ code: 'curves.write', what: `${path} cannot be written.`, why: (cause as Error).message, mend: 'Choose a place that can be written to.' }, { cause });
  }
}
