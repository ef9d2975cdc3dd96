/** The switchboard of the desktop window. */

import './telemetry.ts';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, dialog, ipcMain, Menu, safeStorage, utilityProcess, type IpcMainInvokeEvent, type WebContents } from 'electron';
import type { EventName, Publish } from './contract/events.ts';
import { serve } from './contract/serve.ts';
import { handleSchemes, registerSchemes } from './protocols.ts';
import { startServices, type Services } from './services.ts';
import { dataFolder } from './storage/folders.ts';
import { openWindow, origin, type HardenedWindow } from './window.ts';
import type { Launch } from './workers/supervisor.ts';

const here = dirname(fileURLToPath(import.meta.url));
const word = (name: string): string | undefined => process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
const pageFolder = process.env.LOUPE_PAGE ?? join(here, 'page');
const folder = word('data') ?? dataFolder();

registerSchemes();
app.enableSandbox();
app.setName('Loupe');
// What Chromium keeps for itself lies beside the library, and nothing of it is a cache of pixels.
app.setPath('userData', join(folder, 'shell'));
app.commandLine.appendSwitch('disable-features', 'Autofill,MediaRouter,OptimizationHints,Translate,SpareRendererForSitePerProcess');
for (const name of ['disable-background-networking', 'disable-component-update', 'disable-domain-reliability', 'no-pings', 'disable-sync']) app.commandLine.appendSwitch(name);
Menu.setApplicationMenu(null);

/** A utility process: Chromium's own kind of child, which the fuse that forbids running as Node does not touch. */
const launchUtility: Launch = (file) => {
  const child = utilityProcess.fork(file, [], { env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' }, stdio: 'inherit', serviceName: `Loupe ${basename(file, '.mjs')}` });
  return {
    post: (message) => child.postMessage(message),
    onMessage: (listener) => child.on('message', listener),
    onEnd: (listener) => child.once('exit', (code) => listener(`It ended with status ${code}.`)),
    end: () => void child.kill(),
  };
};

let opened: HardenedWindow | undefined;
let services: Services | undefined;

/** Only our own page, and only its top frame. */
function isOurs({ senderFrame, sender }: IpcMainInvokeEvent): boolean {
  const contents: WebContents | undefined = opened?.window.webContents;
  return contents !== undefined && sender === contents && senderFrame !== null && senderFrame === contents.mainFrame && senderFrame.url.startsWith(`${origin}/`);
}

const refused = { ok: false, fault: { code: 'contract.sender', what: 'This cannot be asked.', why: 'Only the page of this window may ask.', mend: 'This is a defect: report it.' } } as const;

const publish: Publish = (event: EventName, payload: unknown) => {
  const window = opened?.window;
  if (window && !window.isDestroyed()) window.webContents.send(`loupe:event:${event}`, payload);
};

async function choosePaths(what: 'files' | 'folder'): Promise<readonly string[] | null> {
  if (!opened) return null;
  const { canceled, filePaths } = await dialog.showOpenDialog(opened.window, { properties: what === 'files' ? ['openFile', 'multiSelections'] : ['openDirectory', 'multiSelections', 'createDirectory'] });
  return canceled ? null : filePaths;
}

async function start(): Promise<void> {
  const model = word('model');
  opened = openWindow(join(here, 'preload.cjs'));
  const built = services = startServices({
    folder, publish, samples: !process.argv.includes('--no-samples'), ...(model === undefined ? {} : { model }),
    shell: { surface: 'electron', runtime: `Electron ${process.versions.electron}`, launch: launchUtility, choosePaths, systemStore: safeStorage, cancelledRequests: () => opened?.cancelledRequests() ?? 0 },
  });
  const { window } = opened;
  handleSchemes(window.webContents.session, built, pageFolder);
  ipcMain.handle('loupe:invoke', (event, method: unknown, argument: unknown) => (isOurs(event) ? serve(built.handlers, method, argument, (error) => console.error(error)) : refused));
  ipcMain.handle('loupe:import', (event, paths: unknown) => {
    if (!isOurs(event) || !Array.isArray(paths)) return refused;
    const given = paths.filter((path): path is string => typeof path === 'string' && existsSync(path));
    return { ok: true, value: built.library.start(given.map((path) => ({ path, name: basename(path) }))).importId };
  });
  // A page that died is opened again: its state lies in the services.
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason !== 'clean-exit' && !window.isDestroyed()) window.webContents.reload();
  });
  await window.loadURL(`${origin}/`);
  if (process.argv.includes('--self-test')) await selfTest(window.webContents);
}

/** Proves that page, bridge and pixels work, writes a picture of the window where one is wanted, and ends with a status. */
async function selfTest(contents: WebContents): Promise<void> {
  const { runSelfTest } = await import('./selfTest.ts');
  const isFine = await runSelfTest(contents, word('picture'));
  await services?.close();
  app.exit(isFine ? 0 : 1);
}

if (!app.requestSingleInstanceLock()) app.quit();
else {
  app.on('second-instance', () => {
    if (opened?.window.isMinimized() === true) opened.window.restore();
    opened?.window.focus();
  });
  app.on('web-contents-created', (_event, contents) => contents.on('will-attach-webview', (event) => event.preventDefault()));
  app.on('window-all-closed', () => {
    const closing = services?.close() ?? Promise.resolve();
    void closing.finally(() => app.quit());
  });
  app.whenReady().then(start).catch((error: unknown) => {
    console.error(error);
    app.exit(1);
  });
}
