/** The page's end of a volume: asks for cuts, of which only the newest of each plane matters. */
import type { FrameHeader, WiredFrame } from '#electron/contract/frame.ts';
import type { SeriesSummary } from '#electron/contract/library.ts';
import { geometryOf, type Cut, type Slab, type VolumeGrid } from '#models/imaging/volume.ts';
import { valuesUrl } from '#renderer/workstation/urls.ts';
import type { VolumeReply, VolumeRequest } from './volumeWorker.ts';

export interface OpenedVolume {
  readonly grid: VolumeGrid;
  /** Null where a newer cut of the same name was asked for meanwhile. */
  cut(name: string, cut: Cut, slab?: Slab | null): Promise<WiredFrame | null>;
}

export type VolumeState = { readonly kind: 'loading'; readonly share: number } | { readonly kind: 'open'; readonly volume: OpenedVolume } | { readonly kind: 'refused'; readonly why: string };

/** Opens a series as a volume; the result ends it and gives its memory back. */
export function openVolume(series: SeriesSummary, onState: (state: VolumeState) => void): () => void {
  const worker = new Worker(new URL('./volumeWorker.ts', import.meta.url), { type: 'module' });
  const send = (request: VolumeRequest): void => worker.postMessage(request);
  const waiting = new Map<number, (values: WiredFrame['values']) => void>();
  interface Wish {
    readonly cut: Cut;
    readonly slab: Slab | null;
    readonly settle: (frame: WiredFrame | null) => void;
  }
  /** By plane: while one is cut, the newest wish for another. */
  const slots = new Map<string, { wanted: Wish | null }>();
  let count = 0;
  const opened = (grid: VolumeGrid, header: FrameHeader): OpenedVolume => {
    const run = (name: string, { cut, slab, settle }: Wish): void => {
      const slot = { wanted: null as Wish | null };
      slots.set(name, slot);
      const id = ++count;
      waiting.set(id, (values) => {
        settle({ header: { ...header, rows: cut.size.height, columns: cut.size.width, geometry: geometryOf(cut), aspect: 1 }, values });
        slots.delete(name);
        if (slot.wanted) run(name, slot.wanted);
      });
      send({ type: 'cut', id, cut, slab });
    };
    return {
      grid,
      cut: (name, cut, slab = null) => new Promise((settle) => {
        const slot = slots.get(name);
        if (!slot) return run(name, { cut, slab, settle });
        slot.wanted?.settle(null);
        slot.wanted = { cut, slab, settle };
      }),
    };
  };
  worker.onmessage = ({ data }: MessageEvent<VolumeReply>) => {
    if (data.type === 'progress') onState({ kind: 'loading', share: data.share });
    else if (data.type === 'refused') onState({ kind: 'refused', why: data.why });
    else if (data.type === 'opened') onState({ kind: 'open', volume: opened(data.grid, data.header) });
    else {
      waiting.get(data.id)?.(data.values);
      waiting.delete(data.id);
    }
  };
  worker.onerror = ({ message }) => onState({ kind: 'refused', why: message === '' ? 'The volume could not be put together.' : message });
  onState({ kind: 'loading', share: 0 });
  // A worker's own address is another one than the page's: it is given whole addresses.
  send({ type: 'open', urls: series.frames.map(({ id }) => new URL(valuesUrl(id), document.baseURI).href) });
  return () => worker.terminate();
}
