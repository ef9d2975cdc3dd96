/** One window, hardened: it runs our page and nothing else, and has no way out of this machine. */
import { BrowserWindow, type Session, session, shell } from 'electron';

export const origin = 'app://loupe';
const allowed = new Set(['app:', 'frame:', 'tile:', 'data:', 'blob:', 'devtools:']);

export interface HardenedWindow {
  readonly window: BrowserWindow;
  /** Requests that were cancelled since the start. */
  cancelledRequests(): number;
}

export function openWindow(preload: string, { isVisible = true }: { readonly isVisible?: boolean } = {}): HardenedWindow {
  let cancelled = 0;
  const ours = session.fromPartition('loupe', { cache: false });
  harden(ours, () => cancelled++);
  const window = new BrowserWindow({
    width: 1600, height: 1000, minWidth: 960, minHeight: 600, show: false, backgroundColor: '#0b0d10', autoHideMenuBar: true, title: 'Loupe',
    webPreferences: {
      session: ours, preload, sandbox: true, contextIsolation: true, nodeIntegration: false, nodeIntegrationInWorker: false, nodeIntegrationInSubFrames: false, webviewTag: false,
      webSecurity: true, allowRunningInsecureContent: false, experimentalFeatures: false, spellcheck: false, navigateOnDragDrop: false, safeDialogs: true,
    },
  });
  const { webContents } = window;
  webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  webContents.on('will-navigate', (event) => event.preventDefault());
  webContents.on('will-redirect', (event) => event.preventDefault());
  webContents.on('will-attach-webview', (event) => event.preventDefault());
  webContents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame || !event.url.startsWith(`${origin}/`)) event.preventDefault();
  });
  if (isVisible) window.once('ready-to-show', () => window.show());
  return { window, cancelledRequests: () => cancelled };
}

/** No permission, no download, no device, no address beyond our own schemes. */
function harden(ours: Session, onCancel: () => void): void {
  ours.setPermissionRequestHandler((_contents, permission, answer) => answer(permission === 'clipboard-sanitized-write' || permission === 'fullscreen'));
  ours.setPermissionCheckHandler((_contents, permission) => permission === 'clipboard-sanitized-write' || permission === 'fullscreen');
  ours.setDevicePermissionHandler(() => false);
  ours.on('will-download', (event) => event.preventDefault());
  ours.webRequest.onBeforeRequest((details, answer) => {
    const isOurs = allowed.has(schemeOf(details.url));
    if (!isOurs) onCancel();
    answer({ cancel: !isOurs });
  });
}

function schemeOf(url: string): string {
  try {
    return new URL(url).protocol;
  } catch {
    return '';
  }
}

/** Links to the outside are never opened by the page; `shell` is named here so that no other file needs it. */
export const revealFolder = (path: string): void => shell.showItemInFolder(path);
