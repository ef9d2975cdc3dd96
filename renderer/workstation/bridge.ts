/** The page's way to the workstation: Electron's bridge where there is one, the loopback host otherwise. */
import type { Method, Reply } from '#electron/contract/contract.ts';
import type { EventName } from '#electron/contract/events.ts';
import { Fault } from '#models/base/fault.ts';

/** A file that a person dropped or chose, with its path below what was dropped. */
export interface GivenFile {
  readonly file: File;
  readonly name: string;
}

export interface Bridge {
  readonly surface: 'electron' | 'browser';
  invoke(method: Method, argument: unknown): Promise<Reply>;
  subscribe(event: EventName, listener: (payload: unknown) => void): () => void;
  /** Hands dropped files over. `onSent` counts them where they must be copied first. */
  importFiles(roots: readonly File[], all: () => Promise<readonly GivenFile[]>, onSent: (sent: number, total: number) => void): Promise<void>;
}

interface ElectronBridge {
  readonly surface: 'electron';
  invoke(method: string, argument: unknown): Promise<Reply>;
  subscribe(event: string, listener: (payload: unknown) => void): () => void;
  importFiles(files: readonly File[]): Promise<Reply>;
}

declare global {
  interface Window {
    readonly loupe?: ElectronBridge;
  }
}

export const bridge: Bridge = window.loupe ? electronBridge(window.loupe) : browserBridge();

function electronBridge(own: ElectronBridge): Bridge {
  return {
    surface: 'electron',
    invoke: (method, argument) => own.invoke(method, argument),
    subscribe: (event, listener) => own.subscribe(event, listener),
    importFiles: async (roots) => void await own.importFiles(roots),
  };
}

const ended: Reply = {
  ok: false,
  fault: { code: 'host.ended', what: 'The workstation does not answer.', why: 'The program behind this page has ended, or this page was opened without its address.', mend: 'Start Loupe again and open the address that it prints.' },
};

function browserBridge(): Bridge {
  let source: EventSource | undefined;
  const events = (): EventSource => (source ??= new EventSource('/events'));
  const post = (path: string, body: BodyInit): Promise<Response> => fetch(path, { method: 'POST', body, headers: { 'Content-Type': 'application/octet-stream' } });
  return {
    surface: 'browser',
    async invoke(method, argument) {
      const response = await post(`/call/${method}`, JSON.stringify(argument)).catch(() => null);
      return response?.ok === true ? await response.json() as Reply : ended;
    },
    subscribe(event, listener) {
      const hear = ({ data }: MessageEvent<string>): void => listener(JSON.parse(data));
      events().addEventListener(event, hear);
      return () => events().removeEventListener(event, hear);
    },
    async importFiles(_roots, all, onSent) {
      const files = await all();
      const batch = crypto.randomUUID();
      let sent = 0;
      onSent(0, files.length);
      const queue = [...files];
      const lane = async (): Promise<void> => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          const response = await post(`/upload?batch=${batch}&name=${encodeURIComponent(next.name)}`, next.file);
          if (!response.ok) throw new Fault({ code: 'upload.refused', what: `${next.name} could not be handed over.`, why: await response.text(), mend: 'Try again; import fewer files at once if it stays.' });
          onSent(++sent, files.length);
        }
      };
      await Promise.all([lane(), lane(), lane()]);
      await post(`/upload/done?batch=${batch}`, '');
    },
  };
}
