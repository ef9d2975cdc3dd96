import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

interface Configuration {
  readonly electronVersion: string;
  readonly electronDist?: string;
  readonly npmRebuild: boolean;
  readonly asarUnpack: readonly string[];
  readonly files: readonly string[];
  readonly electronFuses: Readonly<Record<string, boolean>>;
  readonly publish: unknown;
}

let configuration: (electronDist?: string) => Configuration;
beforeAll(async () => void ({ configuration } = await import(resolve('electron/package.mjs')) as { configuration: typeof configuration }));

describe('the packaged application', () => {
  test('is made with the Electron that is pinned, or with the one on this machine and no network', () => {
    const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { devDependencies: Record<string, string> };
    expect(configuration().electronVersion).toBe(devDependencies.electron);
    expect(configuration('/opt/electron').electronDist).toBe('/opt/electron');
    expect('electronDist' in configuration()).toBe(false);
  });

  test('carries the runtime of this platform alone', () => {
    const left = configuration().files.filter((pattern) => pattern.includes('onnxruntime-node'));
    expect(left.every((pattern) => pattern.startsWith('!'))).toBe(true);
    for (const name of ['linux', 'darwin', 'win32'].filter((one) => one !== process.platform)) expect(left.some((pattern) => pattern.includes(`/${name}/`))).toBe(true);
    expect(left.some((pattern) => pattern.includes(`/${process.platform}/${process.arch}/`))).toBe(false);
  });

  test('leaves native code and weights outside of its archive', () =>
    expect(configuration().asarUnpack).toEqual(expect.arrayContaining(['**/*.node', '**/onnxruntime-node/bin/**', 'models/weights/loupe-*/**'])));

  test('cannot be made to run as Node, be inspected, or load other code', () =>
    expect(configuration().electronFuses).toMatchObject({
      runAsNode: false, enableNodeOptionsEnvironmentVariable: false, enableNodeCliInspectArguments: false, onlyLoadAppFromAsar: true, grantFileProtocolExtraPrivileges: false,
      enableEmbeddedAsarIntegrityValidation: true, enableCookieEncryption: true,
    }));

  test('is described in the words that the packager knows, installers included', async () => {
    const inside = createRequire(createRequire(resolve('package.json')).resolve('electron-builder'));
    const { validateConfiguration } = inside('app-builder-lib/out/util/config/config') as { validateConfiguration(config: unknown, log: unknown): Promise<void> };
    const { DebugLogger } = inside('builder-util') as { DebugLogger: new (isEnabled: boolean) => unknown };
    const validate = (config: unknown): Promise<void> => validateConfiguration(config, new DebugLogger(false));
    await validate(configuration());
    await validate(configuration('/opt/electron'));
    await expect(validate({ ...configuration(), linux: { packages: ['AppImage'] } })).rejects.toThrow('linux');
  });

  test('publishes nothing by itself', () => expect(configuration().publish).toBeNull());
});
