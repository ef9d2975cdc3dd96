/** The validators of others, where they are installed: dciodvfy (dicom3tools) and dsrdump (dcmtk). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const isInstalled = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
export const hasDciodvfy = isInstalled('dciodvfy');
export const hasDsrdump = isInstalled('dsrdump');

/** The lines in which dciodvfy calls a file wrong; warnings are left out. */
export const errorsOf = (bytes: Uint8Array): readonly string[] => onFile(bytes, (path) => {
  const { stdout, stderr } = spawnSync('dciodvfy', [path], { encoding: 'utf8' });
  return `${stdout}\n${stderr}`.split('\n').filter((line) => line.startsWith('Error'));
});

/** A structured report as dsrdump prints it, and its exit status. */
export const dsrdump = (bytes: Uint8Array): { readonly status: number | null; readonly text: string } => onFile(bytes, (path) => {
  const { status, stdout, stderr } = spawnSync('dsrdump', ['+Pc', path], { encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
});

function onFile<T>(bytes: Uint8Array, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-dicom-'));
  try {
    const path = join(folder, 'file.dcm');
    writeFileSync(path, bytes);
    return use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
