/** `loupe doctor`: what this machine can do, and whether anything stands in the way. */

import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { arch, cpus, freemem, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { product } from '#models/base/math.ts';
import { parseConfig } from '#models/networks/config.ts';
import { listDevices, runtimeVersion, selfTest } from '#models/runtime/device.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { builtInModel, projectRoot } from '#electron/storage/folders.ts';
import { textOption, type Command } from './command.ts';

interface DeviceReport {
  readonly device: string;
  readonly supported: boolean;
  readonly bundled: boolean;
  readonly works: boolean;
  readonly why?: string;
  readonly operators: Readonly<Record<string, { readonly error: number | null; readonly passed: boolean }>>;
}

export const command: Command = {
  name: 'doctor',
  summary: 'devices, versions, telemetry state, free memory and disk',
  usage: 'doctor [--model DIR]',
  options: { model: { type: 'string', help: 'checks this checkpoint folder; the built-in model where absent' } },
  async run(context) {
    const devices = await deviceReports();
    const { bavail, bsize } = await statfs(projectRoot());
    const folder = textOption(context, 'model') ?? builtInModel();
    const report = {
      loupe: (JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string }).version,
      node: process.version,
      runtime: await runtimeVersion(),
      platform: `${platform()} ${arch()} ${release()}`,
      processor: { name: cpus()[0]?.model ?? 'unknown', threads: cpus().length },
      memory: { total_bytes: totalmem(), free_bytes: freemem() },
      disk: { free_bytes: bavail * bsize },
      telemetry: telemetryState(),
      devices,
      model: modelReport(folder),
    };
    context.print(report, sheet(report));
  },
};

async function deviceReports(): Promise<readonly DeviceReport[]> {
  const reports: DeviceReport[] = [];
  for (const { device, supported, bundled } of await listDevices()) {
    const { works, why, checks } = await selfTest(device);
    const operators = Object.fromEntries(checks.map(({ operator, error, passed }) => [operator, { error, passed }]));
    reports.push({ device, supported, bundled, works, operators, ...(why === undefined ? {} : { why }) });
  }
  return reports;
}

/** The runtime reads this variable when it is loaded; every entry of Loupe sets it before that. */
const telemetryState = (): { readonly enabled: boolean; readonly variable: string } => {
  const value = process.env.ORT_DISABLE_TELEMETRY;
  return { enabled: value !== '1', variable: `ORT_DISABLE_TELEMETRY=${value ?? ''}` };
};

interface ModelReport {
  readonly folder: string;
  readonly works: boolean;
  readonly why?: string;
  readonly mend?: string;
  readonly family?: string;
  readonly parameters?: number;
  readonly vocabulary?: number;
  readonly dtypes?: readonly string[];
}

function modelReport(folder: string): ModelReport {
  try {
    const checkpoint = openCheckpoint(folder);
    const { family, vocabularySize } = parseConfig(checkpoint.config);
    const entries = [...checkpoint.tensors.values()];
    return {
      folder: checkpoint.folder, works: true, family, vocabulary: vocabularySize,
      parameters: entries.reduce((total, { shape }) => total + product(shape), 0), dtypes: [...new Set(entries.map(({ dtype }) => dtype))],
    };
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    return { folder, works: false, why: thrown.why, mend: thrown.mend };
  }
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

function sheet(report: {
  loupe: string; node: string; runtime: string; platform: string; processor: { name: string; threads: number };
  memory: { total_bytes: number; free_bytes: number }; disk: { free_bytes: number }; telemetry: { enabled: boolean; variable: string };
  devices: readonly DeviceReport[]; model: ModelReport;
}): string {
  const rows: [string, string][] = [
    ['Loupe', `${report.loupe}, Node ${report.node}, ${report.runtime}`],
    ['Machine', `${report.processor.name}, ${report.processor.threads} threads; ${report.platform}`],
    ['Memory', `${gigabytes(report.memory.free_bytes)} free of ${gigabytes(report.memory.total_bytes)}`],
    ['Disk', `${gigabytes(report.disk.free_bytes)} free`],
    ['Telemetry', report.telemetry.enabled ? 'ON: the runtime may send usage data' : `off (${report.telemetry.variable})`],
    ['Model', report.model.works ? `${report.model.family}, ${((report.model.parameters ?? 0) / 1e6).toFixed(1)} M parameters, ${report.model.folder}` : `${report.model.folder}: ${report.model.why} ${report.model.mend}`],
    ...report.devices.map(({ device, works, why, operators }): [string, string] => [
      `Device ${device}`,
      works
        ? `works${device === 'cpu' ? '' : `; agrees with the CPU on ${Object.entries(operators).filter(([, { passed }]) => passed).map(([name]) => name).join(', ')}`}`
        : `not usable: ${why ?? 'it computes something other than the CPU'}`,
    ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
