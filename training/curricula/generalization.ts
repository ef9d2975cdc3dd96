/** What is learnt from one kind and asked of all: the train-by-test tables of Med-R1 (arXiv 2503.13939), with intervals, and the difference of two tables. */
import { wilson } from '#models/base/math.ts';
import { familyOf } from './specialists.ts';

/** One answered question, as evaluation writes it down. */
export interface AnsweredLine {
  readonly id: string;
  readonly task: string;
  readonly modality: string;
  readonly question_type: string;
  readonly correct: boolean;
}

export interface Cell {
  /** 0 … 1; null where nothing was asked. */
  readonly accuracy: number | null;
  readonly n: number;
  /** Wilson's 95 % interval. */
  readonly ci: readonly [number, number];
}

/** Rows are what was trained on, columns what was asked. */
export interface GeneralizationTable {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cells: readonly (readonly Cell[])[];
  /** Unweighted, over the cells that were asked; null where there are none. */
  readonly rowMeans: readonly (number | null)[];
  readonly columnMeans: readonly (number | null)[];
  readonly mean: number | null;
}

/** By what the columns are told apart. */
export const axes = { modality: (line: AnsweredLine) => line.modality, family: (line: AnsweredLine) => familyOf(line.question_type), task: (line: AnsweredLine) => line.task } as const;
export type Axis = keyof typeof axes;

/** Cells of fewer questions say little and are shown as such. */
export const fewest = 30;

/**
 * The table of several models.
 *
 * @param trained  what each model was trained on, with its answers
 */
export function generalizationTable(trained: readonly { readonly name: string; readonly lines: readonly AnsweredLine[] }[], axis: Axis): GeneralizationTable {
  const columnOf = axes[axis];
  const columns = [...new Set(trained.flatMap(({ lines }) => lines.flatMap((line) => columnOf(line) ?? [])))].sort();
  const cells = trained.map(({ lines }) => columns.map((column) => cellOf(lines.filter((line) => columnOf(line) === column).map(({ correct }) => correct))));
  const means = (rows: readonly (readonly Cell[])[]): (number | null)[] => rows.map((row) => meanOf(row.map(({ accuracy }) => accuracy)));
  return {
    rows: trained.map(({ name }) => name), columns, cells, rowMeans: means(cells),
    columnMeans: means(columns.map((_, at) => cells.map((row) => row[at]!))), mean: meanOf(cells.flat().map(({ accuracy }) => accuracy)),
  };
}

/** Cell by cell in percentage points, `one` minus `other` (no-think minus think, say); null where either was not asked. The tables share rows and columns. */
export function tableDifference(one: GeneralizationTable, other: GeneralizationTable): { readonly cells: readonly (readonly (number | null)[])[]; readonly mean: number | null; readonly diagonal: readonly (number | null)[] } {
  if (one.rows.join('\n') !== other.rows.join('\n') || one.columns.join('\n') !== other.columns.join('\n')) {
    throw new RangeError('tableDifference: the tables differ in their rows or columns');
  }
  const cells = one.cells.map((row, r) => row.map(({ accuracy }, c) => {
    const against = other.cells[r]![c]!.accuracy;
    return accuracy === null || against === null ? null : 100 * (accuracy - against);
  }));
  return { cells, mean: meanOf(cells.flat()), diagonal: one.rows.map((row, r) => cells[r]![one.columns.indexOf(row)] ?? null) };
}

/** The table as text for a terminal: percent, in brackets where fewer than thirty were asked, a dot where none was. */
export function tableText({ rows, columns, cells, rowMeans, columnMeans, mean }: GeneralizationTable): string {
  const percent = (value: number | null): string => (value === null ? '·' : (100 * value).toFixed(1));
  const shown = ({ accuracy, n }: Cell): string => (accuracy !== null && n < fewest ? `(${percent(accuracy)})` : percent(accuracy));
  const lines = [
    ['trained on', ...columns, 'mean'],
    ...rows.map((row, r) => [row, ...cells[r]!.map(shown), percent(rowMeans[r]!)]),
    ['mean', ...columnMeans.map(percent), percent(mean)],
  ];
  const widths = lines[0]!.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  return lines.map((line) => line.map((word, at) => (at === 0 ? word.padEnd(widths[at]!) : word.padStart(widths[at]!))).join('  ')).join('\n');
}

function cellOf(results: readonly boolean[]): Cell {
  const n = results.length;
  if (n === 0) return { accuracy: null, n, ci: wilson(0, n) };
  const hits = results.filter(Boolean).length;
  return { accuracy: hits / n, n, ci: wilson(hits, n) };
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : null;
}
