/** What is learnt from one kind and asked of all: the train-by-test tables of Med-R1 (arXiv 2503.13939), with intervals, and the difference of two tables. */
import { wilson } from '#models/base/math.ts';
import { mcnemarExact, pairedBootstrap, type Discordant } from '#models/base/statistics.ts';
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

/** Two models on the same questions. */
export interface PairedCell extends Discordant {
  readonly n: number;
  /** Percentage points; null where nothing was asked. */
  readonly points: number | null;
  /** Of the points: paired bootstrap over images, 95 %. */
  readonly ci: readonly [number, number] | null;
  /** McNemar's exact test. */
  readonly p: number;
}

export interface PairedTable {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cells: readonly (readonly PairedCell[])[];
  /** Of each row over everything that was asked. */
  readonly whole: readonly PairedCell[];
}

/**
 * What each model gained and lost against another, question by question; what only the other was asked is left aside. Wordings may differ: questions of one kind
 * about one image are paired in their order.
 *
 * @throws RangeError where the other was not asked all that the model was
 */
export function pairedTable(models: readonly { readonly name: string; readonly lines: readonly AnsweredLine[]; readonly against: readonly AnsweredLine[] }[], axis: Axis): PairedTable {
  const columnOf = axes[axis];
  const pairs = models.map(({ name, lines, against }) => {
    const known = new Map(keyed(against));
    return keyed(lines).map(([key, line]) => {
      const other = known.get(key);
      if (!other) throw new RangeError(`pairedTable: ${name} was asked what it is to be compared with was not: ${line.question_type} about ${line.id}`);
      return { id: line.id, column: columnOf(line), now: line.correct, before: other.correct };
    });
  });
  const columns = [...new Set(pairs.flat().flatMap(({ column }) => column ?? []))].sort();
  return {
    rows: models.map(({ name }) => name), columns, whole: pairs.map(pairedCell),
    cells: pairs.map((row) => columns.map((wanted) => pairedCell(row.filter(({ column }) => column === wanted)))),
  };
}

function keyed(lines: readonly AnsweredLine[]): [string, AnsweredLine][] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const question = JSON.stringify([line.id, line.question_type]);
    const at = seen.get(question) ?? 0;
    seen.set(question, at + 1);
    return [`${question}${at}`, line];
  });
}

function pairedCell(pairs: readonly { readonly id: string; readonly now: boolean; readonly before: boolean }[]): PairedCell {
  const gained = pairs.filter(({ now, before }) => now && !before).length;
  const lost = pairs.filter(({ now, before }) => before && !now).length;
  const p = mcnemarExact({ gained, lost });
  if (pairs.length === 0) return { n: 0, gained, lost, points: null, ci: null, p };
  const byImage = new Map<string, number[]>();
  for (const { id, now, before } of pairs) byImage.set(id, [...(byImage.get(id) ?? []), Number(now) - Number(before)]);
  const { mean, ci } = pairedBootstrap([...byImage.values()].map((differences) => ({ stratum: '', differences })));
  return { n: pairs.length, gained, lost, points: 100 * mean, ci: [100 * ci[0], 100 * ci[1]], p };
}

const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(1)}`;
const shownPoints = ({ points, ci }: PairedCell): string => (points === null || ci === null ? '·' : `${signed(points)}${ci[0] > 0 || ci[1] < 0 ? '*' : ''}`);

/** Points with their interval, starred where it leaves out nought. */
export const pairedWords = (cell: PairedCell): string => `${shownPoints(cell)}${cell.ci ? ` (${signed(cell.ci[0])} to ${signed(cell.ci[1])})` : ''}`;

/** The paired table as text: points, starred where the interval leaves out nought, and each row as a whole. */
export function pairedText({ rows, columns, cells, whole }: PairedTable): string {
  return aligned([
    ['points', ...columns, 'all (95 %)', 'gained', 'lost', 'n'],
    ...rows.map((row, r) => {
      const { gained, lost, n } = whole[r]!;
      return [row, ...cells[r]!.map(shownPoints), pairedWords(whole[r]!), String(gained), String(lost), String(n)];
    }),
  ]);
}

/** The table as text for a terminal: percent, in brackets where fewer than thirty were asked, a dot where none was. */
export function tableText({ rows, columns, cells, rowMeans, columnMeans, mean }: GeneralizationTable): string {
  const percent = (value: number | null): string => (value === null ? '·' : (100 * value).toFixed(1));
  const shown = ({ accuracy, n }: Cell): string => (accuracy !== null && n < fewest ? `(${percent(accuracy)})` : percent(accuracy));
  return aligned([
    ['trained on', ...columns, 'mean'],
    ...rows.map((row, r) => [row, ...cells[r]!.map(shown), percent(rowMeans[r]!)]),
    ['mean', ...columnMeans.map(percent), percent(mean)],
  ]);
}

function aligned(lines: readonly (readonly string[])[]): string {
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
