/** From a report to files in a folder: all of them or none, and done only when what lies there says what the report says. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFault } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import type { Report } from '#models/clinical/report.ts';
import type { FormatName, ReportFile, ReportFormat, ReportPictures } from './formats/format.ts';

export interface WrittenFile extends ReportFile {
  readonly format: FormatName;
  readonly sha256: string;
}

/** The files of each format, read back from their bytes. @throws Fault `report.unsuitable`, `report.readBack`, and those of the writers */
export async function written(report: Report, pictures: ReportPictures, formats: readonly ReportFormat[]): Promise<readonly WrittenFile[]> {
  for (const format of formats) {
    const why = format.unsuitable(report, pictures);
    if (why !== null) throw new Fault({ code: 'report.unsuitable', what: `The report cannot be written as ${format.name}.`, why, mend: 'Leave this format out, or choose another one.' });
  }
  const all: WrittenFile[] = [];
  for (const format of formats) {
    const files = await format.write(report, pictures);
    const flaws = files.length === 0 ? ['No file was written.'] : files.some(({ bytes }) => bytes.length === 0) ? ['A file is empty.'] : await format.readBack(files, report, pictures);
    if (flaws.length > 0) {
      throw new Fault({
        code: 'report.readBack', what: `The report was not exported as ${format.name}.`, why: `Read back, it does not say what the report says: ${flaws.slice(0, 5).join(' ')}`,
        mend: 'Nothing was left behind. This is a defect: export in another format, and report it.',
      });
    }
    all.push(...files.map((file) => ({ ...file, format: format.name, sha256: sha256Of(file.bytes) })));
  }
  return all;
}

/** Puts all files into the folder, or leaves it as it was; what was exported there before under the same name gives way. @throws Fault `storage.write`, `report.readBack` */
export async function place(files: readonly WrittenFile[], folder: string): Promise<void> {
  const mark = randomBytes(6).toString('hex');
  const plans = files.map(({ name, bytes, sha256 }) => ({ to: join(folder, name), from: join(folder, `${name}.${mark}.part`), former: join(folder, `${name}.${mark}.former`), bytes, sha256 }));
  const moved: (readonly [string, string])[] = [];
  const move = async (from: string, to: string): Promise<void> => {
    await rename(from, to);
    moved.push([from, to]);
  };
  let at = folder;
  try {
    await mkdir(folder, { recursive: true });
    for (const { from, to, bytes } of plans) {
      at = to;
      await writeForced(from, bytes);
    }
    for (const { from, to, sha256 } of plans) {
      at = to;
      if (sha256Of(await readFile(from)) !== sha256) throw new Fault({ code: 'report.readBack', what: 'The report was not exported.', why: `${to} does not hold what was written to it.`, mend: 'Check the disk, then export it again.' });
    }
    for (const { from, to, former } of plans) {
      at = to;
      if (existsSync(to)) await move(to, former);
      await move(from, to);
    }
  } catch (cause) {
    for (const [from, to] of moved.reverse()) await rename(to, from).catch(() => undefined);
    for (const { from } of plans) await rm(from, { force: true }).catch(() => undefined);
    throw cause instanceof Fault ? cause : writeFault(at, cause);
  }
  for (const { former } of plans) await rm(former, { force: true }).catch(() => undefined);
}

async function writeForced(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
