/** The bridge: the page gets two verbs for the contract's names and the files that a person dropped on it; never a path, never Electron itself. */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { isMethod } from './contract/contract.ts';
import { isEventName } from './contract/events.ts';

contextBridge.exposeInMainWorld('loupe', {
  surface: 'electron',
  invoke(method: unknown, argument: unknown): Promise<unknown> {
    if (!isMethod(method)) return Promise.reject(new Error('There is no such method.'));
    return ipcRenderer.invoke('loupe:invoke', method, argument);
  },
  subscribe(event: unknown, listener: unknown): () => void {
    if (!isEventName(event) || typeof listener !== 'function') throw new Error('There is no such event.');
    const hear = (_: unknown, payload: unknown): void => void (listener as (payload: unknown) => void)(payload);
    ipcRenderer.on(`loupe:event:${event}`, hear);
    return () => void ipcRenderer.removeListener(`loupe:event:${event}`, hear);
  },
  /** A file that a script made has no path: only what a person dropped or chose is taken. */
  importFiles(files: readonly File[]): Promise<unknown> {
    const paths = [...files].map((file) => webUtils.getPathForFile(file)).filter((path) => path !== '');
    return ipcRenderer.invoke('loupe:import', paths);
  },
});
