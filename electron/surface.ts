/** Where the workstation opens: a desktop window, a browser, or an address for the person to open. */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What this machine has. */
export interface Machine {
  /** Path of an Electron binary; null where none is installed. */
  readonly electron: string | null;
  readonly hasDisplay: boolean;
  /** A command that opens an address in the person's browser; null where there is none. */
  readonly opener: string | null;
  /** Electron's sandbox refuses to run as the superuser. */
  readonly isSuperuser: boolean;
}

export type Surface = 'electron' | 'browser' | 'address';

export interface Choice {
  readonly surface: Surface;
  /** What was chosen and why, for the person. */
  readonly sentence: string;
}

/** @param wish  what the person asked for; null: whatever is best here */
export function chooseSurface({ electron, hasDisplay, opener, isSuperuser }: Machine, wish: Surface | null): Choice {
  const against = electron === null ? 'no Electron is installed (npx install-electron fetches it)' : !hasDisplay ? 'there is no display' : isSuperuser ? 'Electron does not run as the superuser' : null;
  if (wish !== 'browser' && wish !== 'address' && against === null) return { surface: 'electron', sentence: 'Loupe opens in its own window.' };
  const because = wish === 'browser' || wish === 'address' ? '' : ` because ${against}`;
  if (wish !== 'address' && hasDisplay && opener !== null) return { surface: 'browser', sentence: `Loupe opens in your browser${because}. Only this machine can reach it.` };
  const noBrowser = wish === 'address' ? '' : hasDisplay ? ', and no browser was found to open it in' : electron === null ? ', and there is no display' : '';
  return { surface: 'address', sentence: `Loupe runs at the address below${because}${noBrowser}. Open it in a browser on this machine; it opens once, and only this machine can reach it.` };
}

/** Looks at this machine without importing Electron: the import alone would try to download it. */
export function thisMachine(root: string, environment: NodeJS.ProcessEnv = process.env): Machine {
  const isUnix = process.platform === 'linux';
  const openers: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: 'open', win32: 'explorer' };
  return {
    electron: electronBinary(root, environment),
    hasDisplay: !isUnix || Boolean(environment.DISPLAY) || Boolean(environment.WAYLAND_DISPLAY),
    opener: isUnix ? onPath('xdg-open', environment) : openers[process.platform] ?? null,
    isSuperuser: isUnix && process.getuid?.() === 0,
  };
}

/** The binary that the electron package unpacked, or the one of an unpacked build that the environment names. */
export function electronBinary(root: string, environment: NodeJS.ProcessEnv = process.env): string | null {
  const name = process.platform === 'darwin' ? 'Electron.app/Contents/MacOS/Electron' : process.platform === 'win32' ? 'electron.exe' : 'electron';
  const own = join(root, 'node_modules', 'electron');
  const folder = environment.ELECTRON_OVERRIDE_DIST_PATH ?? join(own, 'dist');
  const said = environment.ELECTRON_OVERRIDE_DIST_PATH === undefined && existsSync(join(own, 'path.txt')) ? readFileSync(join(own, 'path.txt'), 'utf8').trim() : name;
  const path = join(folder, said);
  return existsSync(path) ? path : null;
}

function onPath(command: string, environment: NodeJS.ProcessEnv): string | null {
  return (environment.PATH ?? '').split(delimiter).map((folder) => join(folder, command)).find((path) => existsSync(path)) ?? null;
}
