/** Curves over updates, drawn by uPlot: thin for each value, thick for their running mean. A click picks the nearest update. */
import { useEffect, useRef, useState, type ReactElement } from 'react';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface ChartSeries {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly x: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly height?: number;
  readonly onPick?: (x: number) => void;
}

/** uPlot formats numbers in the browser's language as it is loaded, and a browser may state one that is none, such as `en-US@posix`. */
async function loadPlot(): Promise<typeof uPlot> {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
  }
  return (await import('uplot')).default;
}

const colours = ['#5fd6c8', '#f2b84b', '#9db7ff', '#ff8fa3', '#b9e769', '#d5a6ff'] as const;
const axis = { stroke: '#98a4b1', grid: { stroke: '#1e262f', width: 1 }, ticks: { stroke: '#1e262f' }, font: '11px system-ui, sans-serif' } as const;
/** Values that a mean is taken over. */
const meanOver = 9;

export function Chart({ title, x, series, height = 170, onPick }: ChartProps): ReactElement {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const pick = useRef(onPick);
  useEffect(() => void (pick.current = onPick), [onPick]);
  const [Plot, setPlot] = useState<{ readonly make: typeof uPlot } | null>(null);
  useEffect(() => void loadPlot().then((make) => setPlot({ make })), []);
  const names = series.map(({ name }) => name).join('\n');

  useEffect(() => {
    const element = place.current;
    if (!element || !Plot) return undefined;
    const made = new Plot.make({
      width: Math.max(200, element.clientWidth), height, legend: { live: true }, cursor: { points: { size: 6 }, y: false }, scales: { x: { time: false } }, axes: [{ ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000] }, { ...axis, size: 54, values: (_, ticks) => ticks.map(shortNumber) }],
      series: [{ label: 'update' }, ...names.split('\n').flatMap((name, at) => {
        const stroke = colours[at % colours.length] as string;
        const shared = { width: 2, points: { show: false }, value: (_: uPlot, value: number | null) => (value === null ? '–' : shortNumber(value)) };
        return [{ ...shared, label: name, stroke: `${stroke}66`, width: 1 }, { ...shared, label: `${name} (mean)`, stroke }];
      })],
    }, [[]], element);
    chart.current = made;
    const click = (): void => {
      const at = made.cursor.idx;
      const step = at === null || at === undefined ? undefined : made.data[0][at];
      if (step !== undefined) pick.current?.(step);
    };
    made.over.addEventListener('click', click);
    const sizes = new ResizeObserver(() => made.setSize({ width: Math.max(200, element.clientWidth), height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      chart.current = null;
      made.destroy();
    };
  }, [Plot, names, height]);

  useEffect(() => {
    chart.current?.setData([[...x], ...series.flatMap(({ values }) => [[...values], runningMean(values)])]);
  }, [Plot, x, series, names, height]);

  const last = series.map(({ name, values }) => `${name} ${values.findLast((value) => value !== null)?.toPrecision(3) ?? '–'}`).join(', ');
  return (
    <figure className="chart" data-points={x.length}>
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title}: ${last}`} data-pickable={onPick ? '' : undefined} />
    </figure>
  );
}

/** Four digits that say something, however small the number: a distance of 2e-5 is not 0. */
const shortNumber = (value: number): string => (value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1).replace('.0e', 'e') : String(Number(value.toPrecision(4))));

/** Over the values up to each one; null where there are too few. */
function runningMean(values: readonly (number | null)[]): (number | null)[] {
  return values.map((_, at) => {
    const near = values.slice(Math.max(0, at - meanOver + 1), at + 1).filter((value) => value !== null);
    return near.length === 0 ? null : near.reduce((a, b) => a + b, 0) / near.length;
  });
}
