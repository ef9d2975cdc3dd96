/** A series as one block of voxels beside the page: fetched, put together and cut here, so that the page stays smooth. */
import { decodeFrameBytes, type FrameHeader, type FrameValues, type WiredFrame } from '#electron/contract/frame.ts';
import { extentOf } from '#models/imaging/measures.ts';
import { gridOf, reslice, type Cut, type Slab, type Volume } from '#models/imaging/volume.ts';

export type VolumeRequest =
  | { readonly type: 'open'; readonly urls: readonly string[] }
  | { readonly type: 'cut'; readonly id: number; readonly cut: Cut; readonly slab: Slab | null };

export type VolumeReply =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'opened'; readonly grid: Volume['grid']; readonly header: FrameHeader }
  | { readonly type: 'refused'; readonly why: string }
  | { readonly type: 'cut'; readonly id: number; readonly values: FrameValues };

const scope = self as unknown as { onmessage: ((event: MessageEvent<VolumeRequest>) => void) | null; postMessage(reply: VolumeReply, transfer?: Transferable[]): void };

/** What a page can hold in one piece with certainty; beyond it the person is told instead of the page being killed. */
const mostBytes = 1_600_000_000;
const lanes = 4;

let volume: { readonly volume: Volume; readonly values: FrameValues } | null = null;

scope.onmessage = ({ data }) => {
  if (data.type === 'open') {
    open(data.urls).catch((thrown: unknown) => scope.postMessage({ type: 'refused', why: thrown instanceof Error ? thrown.message : String(thrown) }));
    return;
  }
  if (!volume) return;
  const { cut, id, slab } = data;
  const Values = volume.values.constructor as new (length: number) => FrameValues;
  const values = reslice(volume.volume, cut, new Values(cut.size.width * cut.size.height), slab);
  scope.postMessage({ type: 'cut', id, values }, [values.buffer as ArrayBuffer]);
};

async function fetched(url: string): Promise<WiredFrame> {
  const response = await fetch(url);
  if (response.ok) return decodeFrameBytes(await response.arrayBuffer());
  const said = response.status === 422 ? (await response.json() as { why?: string }).why : undefined;
  throw new Error(said ?? `A slice could not be fetched (${response.status}).`);
}

async function open(urls: readonly string[]): Promise<void> {
  const [firstUrl] = urls;
  if (firstUrl === undefined) throw new Error('The series is empty.');
  const first = await fetched(firstUrl);
  if (first.header.samples !== 1) throw new Error('Colour images make no volume of values.');
  const { rows, columns } = first.header;
  const each = rows * columns;
  if (each * urls.length * first.values.BYTES_PER_ELEMENT > mostBytes) throw new Error(`The series takes ${(each * urls.length * first.values.BYTES_PER_ELEMENT / 1e9).toFixed(1)} GB in one piece, more than a window can hold.`);
  const Values = first.values.constructor as new (length: number) => FrameValues;
  let values = new Values(each * urls.length);
  let header: FrameHeader = first.header;
  const placed: Pick<FrameHeader, 'rows' | 'columns' | 'geometry'>[] = [];
  const seen: { readonly slope: number; readonly intercept: number }[] = [];
  const put = (at: number, frame: WiredFrame): void => {
    const { header: own } = frame;
    if (own.rows !== rows || own.columns !== columns) throw new Error('The slices differ in size.');
    placed[at] = own;
    seen[at] = own;
    const isSameScale = own.slope === header.slope && own.intercept === header.intercept && own.type === header.type;
    if (!isSameScale && header.type !== 'float32') {
      // Slices with scales of their own, as in PET: from here on the block holds modality values.
      const whole = new Float32Array(values.length);
      seen.forEach((scale, slice) => {
        if (slice !== at) for (let i = slice * each; i < (slice + 1) * each; i++) whole[i] = (values[i] as number) * scale.slope + scale.intercept;
      });
      values = whole;
      header = { ...header, type: 'float32', slope: 1, intercept: 0, padding: null };
    }
    if (header.type === 'float32' && !isSameScale) for (let i = 0; i < each; i++) values[at * each + i] = (frame.values[i] as number) * own.slope + own.intercept;
    else values.set(frame.values, at * each);
  };
  put(0, first);
  let next = 1;
  let done = 1;
  const lane = async (): Promise<void> => {
    while (next < urls.length) {
      const at = next++;
      put(at, await fetched(urls[at] as string));
      done++;
      if (done % 8 === 0) scope.postMessage({ type: 'progress', share: done / urls.length });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const grid = gridOf(placed);
  if ('why' in grid) throw new Error(grid.why);
  const { least, greatest } = extentOf(values);
  const outside = header.padding ? header.padding.low : least;
  volume = { volume: { grid, values, outside }, values };
  scope.postMessage({ type: 'opened', grid, header: { ...header, least: Math.min(least, outside), greatest: Math.max(greatest, outside) } });
}
