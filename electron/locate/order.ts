/** Which image of a series is searched next while a reader scrolls and directives change. Pure. */

export interface Searching {
  readonly count: number;
  /** By image, from 0: the version of the directive by which it was searched last. */
  readonly searched: ReadonlyMap<number, number>;
  /** Of the directive that holds now; 0 without one. */
  readonly version: number;
  /** Where the reader is. */
  readonly near: number;
  /** The images that are sought in, both ends, from 0. */
  readonly from: number;
  readonly to: number;
}

/** The nearest image of the range that was not searched by this version; null where there is none. Of two that are equally near the later one, as readers scroll on. */
export function nextImage({ count, searched, version, near, from, to }: Searching): number | null {
  const [low, high] = [Math.max(0, from), Math.min(count - 1, to)];
  for (let away = 0; away <= count + Math.abs(near); away++) {
    for (const at of away === 0 ? [near] : [near + away, near - away]) if (at >= low && at <= high && searched.get(at) !== version) return at;
  }
  return null;
}

/** How many images of the range remain for this version. */
export function remaining(searching: Searching): number {
  let left = 0;
  for (let at = Math.max(0, searching.from); at <= Math.min(searching.count - 1, searching.to); at++) if (searching.searched.get(at) !== searching.version) left++;
  return left;
}

/** Images on which the best score stays below this mean that the search is unsure; after so many in a row the slow model is asked again. */
export const unsureBelow = 0.1;
export const unsureAfter = 16;

/** As `1–4, 9`, counted from 1; empty for none. */
export function runsOf(images: readonly number[]): string {
  const sorted = [...new Set(images)].sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const at of sorted) {
    const last = runs.at(-1);
    if (last && last[1] === at - 1) last[1] = at;
    else runs.push([at, at]);
  }
  return runs.map(([from, to]) => (from === to ? `${from + 1}` : `${from + 1}–${to + 1}`)).join(', ');
}
