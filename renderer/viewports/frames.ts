/** Frames that were fetched, the recent ones kept; neighbours are fetched ahead in the direction of leafing. */
import { decodeFrameBytes, type WiredFrame } from '#electron/contract/frame.ts';
import { Fault, type FaultFields } from '#models/base/fault.ts';
import { valuesUrl } from '#renderer/workstation/urls.ts';

const kept = new Map<string, { readonly frame: Promise<WiredFrame>; bytes: number }>();
const mostBytes = 600_000_000;

/** @throws Fault as the workstation gave it */
export function fetchFrame(id: string): Promise<WiredFrame> {
  const known = kept.get(id);
  if (known) {
    kept.delete(id);
    kept.set(id, known);
    return known.frame;
  }
  const entry = { bytes: 0, frame: load(id) };
  kept.set(id, entry);
  entry.frame.then(({ values }) => {
    entry.bytes = values.byteLength;
    makeRoom();
  }, () => kept.delete(id));
  return entry.frame;
}

/** Whether it can be shown at once. */
export const isFetched = (id: string): boolean => (kept.get(id)?.bytes ?? 0) > 0;

async function load(id: string): Promise<WiredFrame> {
  const response = await fetch(valuesUrl(id)).catch(() => null);
  if (response?.ok === true) return decodeFrameBytes(await response.arrayBuffer());
  if (response?.status === 422) throw new Fault(await response.json() as FaultFields);
  throw new Fault({ code: 'frame.unreachable', what: 'The image cannot be shown.', why: response ? `The workstation answered ${response.status}.` : 'The workstation does not answer.', mend: 'Open the study again.' });
}

function makeRoom(): void {
  let total = [...kept.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  for (const [id, { bytes }] of kept) {
    if (total <= mostBytes) return;
    kept.delete(id);
    total -= bytes;
  }
}

let ahead: readonly string[] = [];
let isFetching = false;

/** Fetches these one after the other; a newer wish replaces what is left of the older one. */
export function fetchAhead(ids: readonly string[]): void {
  ahead = ids;
  if (isFetching) return;
  isFetching = true;
  void (async () => {
    for (let [next] = ahead; next !== undefined; [next] = ahead) {
      ahead = ahead.slice(1);
      await fetchFrame(next).catch(() => undefined);
    }
    isFetching = false;
  })();
}
