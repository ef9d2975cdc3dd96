/**
 * Makes the application that people install: `npm run package` an unpacked one for this machine, without the network where an Electron is at hand;
 * `npm run package -- --installers` AppImage and deb, dmg, or nsis, which fetch their tools.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildPage, bundle, root } from './bundle.mjs';

const require = createRequire(import.meta.url);
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const platform = { linux: 'linux', darwin: 'darwin', win32: 'win32' }[process.platform];
const others = ['linux', 'darwin', 'win32'].filter((name) => name !== platform);
const otherArchitectures = ['x64', 'arm64'].filter((name) => name !== process.arch);

/** An unpacked Electron on this machine, so that nothing is fetched; undefined where there is none. */
function localElectron() {
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(root, 'node_modules', 'electron', 'dist');
  return ['electron', 'electron.exe', 'Electron.app'].some((name) => existsSync(join(folder, name))) ? folder : undefined;
}

/** What is packed, and how: also read by the tests. */
export function configuration(electronDist) {
  return {
    appId: 'org.loupe.workstation',
    productName: 'Loupe',
    electronVersion: devDependencies.electron,
    ...(electronDist === undefined ? {} : { electronDist }),
    directories: { output: 'dist/packages' },
    npmRebuild: false,
    asar: true,
    // Native code and the weights are opened by programs that know nothing of archives.
    asarUnpack: ['**/*.node', '**/onnxruntime-node/bin/**', 'models/weights/loupe-*/**'],
    files: [
      'package.json', 'LICENSE', 'dist/app/**', 'models/weights/loupe-*/**', '!**/*.map', '!node_modules/{esbuild,@esbuild}/**', '!**/node_modules/**/*.{md,ts,mts,cts}',
      ...others.map((name) => `!**/onnxruntime-node/bin/napi-v6/${name}/**`), ...otherArchitectures.map((name) => `!**/onnxruntime-node/bin/napi-v6/${platform}/${name}/**`),
    ],
    electronFuses: {
      runAsNode: false, enableCookieEncryption: true, enableNodeOptionsEnvironmentVariable: false, enableNodeCliInspectArguments: false, enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true, grantFileProtocolExtraPrivileges: false,
    },
    afterPack: ({ appOutDir }) => rmSync(join(appOutDir, 'resources', 'default_app.asar'), { force: true }),
    linux: { target: ['AppImage', 'deb'], category: 'Science', maintainer: 'Loupe', executableName: 'loupe' },
    mac: { target: ['dmg'], category: 'public.app-category.medical' },
    win: { target: ['nsis'] },
    publish: null,
  };
}

/** The program and its page, where the packed application looks for them. */
export async function prepare() {
  const folder = join(root, 'dist', 'app');
  rmSync(folder, { recursive: true, force: true });
  await bundle(folder);
  await buildPage(join(folder, 'page'));
  return folder;
}

if (process.argv[1]?.endsWith('package.mjs')) {
  const wantsInstallers = process.argv.includes('--installers');
  const electronDist = localElectron();
  console.error(electronDist === undefined ? `Electron ${devDependencies.electron} is not on this machine: electron-builder fetches it.` : `Packing with the Electron in ${electronDist}.`);
  await prepare();
  if (process.argv.includes('--prepare')) process.exit(0);
  const { build, Platform } = require('electron-builder');
  const written = await build({ projectDir: root, targets: Platform.current().createTarget(wantsInstallers ? undefined : 'dir'), config: configuration(electronDist) });
  for (const path of written) console.log(path);
  if (!wantsInstallers) console.log(join(root, 'dist', 'packages'));
}
