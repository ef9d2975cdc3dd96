/** A prompt with all that was tried on it, for the eye: rewards and their parts side by side, and each token coloured by how sure the model was. */
import { mean } from '#models/base/math.ts';
import type { RolloutCompletion, RolloutLine } from '#training/records/rollout.ts';
import { answerOf } from '#training/rewards/extract.ts';

export interface ViewOptions {
  /** Terminal columns. Default 100. */
  readonly columns?: number;
  /** ANSI colours; otherwise marks in the text. */
  readonly colour?: boolean;
  /** Whose tokens are shown: those of the best and the worst (default), of all, or of none. */
  readonly tokens?: 'extremes' | 'all' | 'none';
  /** What is coloured: the probability of the token that was chosen (default), or how unsure the model was before it chose. */
  readonly by?: 'probability' | 'entropy';
}

/** What a group says in numbers. */
export interface GroupSummary {
  /** Null where no reward applied to any. */
  readonly mean: number | null;
  /** Standard deviation, dividing by G. */
  readonly spread: number | null;
  /** All rewards are equal: every advantage is 0 and nothing is learnt. */
  readonly isSilent: boolean;
  readonly right: number;
  readonly cut: number;
}

export function summaryOf({ completions }: Pick<RolloutLine, 'completions'>): GroupSummary {
  const rewards = completions.flatMap(({ reward }) => (reward === null ? [] : [reward]));
  const centre = rewards.length > 0 ? mean(rewards) : null;
  const spread = centre === null ? null : Math.sqrt(mean(rewards.map((reward) => (reward - centre) ** 2)));
  return {
    mean: centre, spread, isSilent: spread === null || spread < 1e-12,
    right: completions.filter(({ correct }) => correct).length, cut: completions.filter(({ finished }) => !finished).length,
  };
}

/** The view as text. The same line and options give the same text. */
export function viewText(line: RolloutLine, { columns = 100, colour = false, tokens = 'extremes', by = 'probability' }: ViewOptions = {}): string {
  const style = colour ? ansi : plain;
  // Best first; of equal ones the earlier.
  const order = line.completions.map((completion, at) => ({ completion, number: at + 1 }))
    .sort((a, b) => (b.completion.reward ?? -Infinity) - (a.completion.reward ?? -Infinity) || a.number - b.number);
  const shown = tokens === 'all' ? order : tokens === 'none' ? [] : order.length > 1 ? [order[0]!, order.at(-1)!] : order;
  return [
    ...heading(line, columns, style),
    '',
    ...table(order, line, columns, style),
    '',
    ...shown.flatMap(({ completion, number }) => [...tokenLines(completion, number, by, columns, style), '']),
    ...(shown.length > 0 ? [legend(by, style)] : []),
  ].join('\n').trimEnd();
}

/** How a stretch of text is set off. */
interface Style {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  /** A token at a level from 0 (sure) to 4. */
  readonly token: (text: string, level: number) => string;
  /** Columns that a token takes at that level. */
  readonly width: (text: string, level: number) => number;
}

const escape = '\u001b[';
const paint = (code: string) => (text: string): string => (text === '' ? '' : `${escape}${code}m${text}${escape}0m`);
/** From the terminal's own colour over green, yellow and orange to white on red: lightness alone tells the last from the first. */
const levels = ['', '38;5;114', '38;5;221', '38;5;208', '48;5;124;38;5;231'] as const;

const ansi: Style = {
  strong: paint('1'), faint: paint('2'), good: paint('38;5;114'), bad: paint('38;5;203'),
  token: (text, level) => (level === 0 ? text : paint(levels[level]!)(text)), width: (text) => widthOf(text),
};
const same = (text: string): string => text;
const plainMarks = ['', '', '?', '??', '???'] as const;
/** Marks stand behind the token, before a space that it may end in. */
const plain: Style = {
  strong: same, faint: same, good: same, bad: same,
  token: (text, level) => text.replace(/\s*$/, (space) => `${plainMarks[level]!}${space}`), width: (text, level) => widthOf(text) + plainMarks[level]!.length,
};

/** Most terminals: wide forms of East Asian scripts take two columns. */
const widthOf = (text: string): number => [...text].reduce((total, letter) => total + (/[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(letter) ? 2 : 1), 0);

/** A model may write anything, also what a terminal would obey: control and direction characters become visible signs. */
const harmless = (text: string): string =>
  text.replace(/[\u0000-\u0009\u000b-\u001f]/g, (sign) => String.fromCharCode(0x2400 + sign.charCodeAt(0))).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g, '\ufffd');
const oneLine = (text: string): string => harmless(text.replaceAll('\n', ' ⏎ '));

const cut = (text: string, most: number): string => (widthOf(text) <= most ? text : `${[...text].slice(0, Math.max(1, most - 1)).join('')}…`);

function heading(line: RolloutLine, columns: number, style: Style): readonly string[] {
  const { step, stage, case: id, set, question_type, question, answer, size, prompt_tokens } = line;
  return [
    style.strong(cut(oneLine(`step ${step} · stage ${stage + 1} · ${id} (${set}) · ${question_type.replaceAll('_', ' ')}`), columns)),
    ...wrapped(`“${oneLine(question)}”`, columns),
    ...wrapped(`right: ${oneLine(answer)}`, columns),
    style.faint(`image as seen ${size.width} × ${size.height} · prompt of ${prompt_tokens} tokens`),
  ];
}

function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one) => cut(one, columns));
}

const signed = (x: number): string => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(2)}`;
const number = (x: number | null): string => (x === null ? '·' : `${x < 0 ? '−' : ''}${Math.abs(x).toFixed(2)}`);

type Numbered = { readonly completion: RolloutCompletion; readonly number: number };

/** One row for each completion: its reward, what it is made of, what came of it. Parts stand below the table, where any reward has them. */
function table(order: readonly Numbered[], line: RolloutLine, columns: number, style: Style): readonly string[] {
  const names = [...new Set(line.completions.flatMap(({ rewards }) => Object.keys(rewards)))];
  const widths = names.map((name) => Math.max(6, widthOf(name)));
  const head = [' #', 'reward', ...names.map((name, i) => name.padStart(widths[i]!)), 'advantage', 'tokens', 'boxes', ' ', 'answer'].join('  ');
  const rows = order.map(({ completion, number: at }) => {
    const { reward, rewards, advantage, tokens, boxes, correct, finished, text } = completion;
    const set = [
      String(at).padStart(2), number(reward).padStart(6), ...names.map((name, i) => number(rewards[name] ?? null).padStart(widths[i]!)),
      signed(advantage).padStart(9), String(tokens.length).padStart(6), String(boxes.length).padStart(5),
    ].join('  ');
    const said = `${finished ? '' : '[cut] '}${oneLine(answerOf(text)) || '—'}`;
    const mark = correct ? '✓' : '✗';
    return `${set}  ${correct ? style.good(mark) : style.bad(mark)}  ${cut(said, Math.max(12, columns - widthOf(set) - 5))}`;
  });
  const { mean: centre, spread, isSilent, right, cut: stopped } = summaryOf(line);
  const group = `group of ${order.length}: mean ${number(centre)} · spread ${number(spread)} · ${right} right${stopped > 0 ? ` · ${stopped} cut at the limit` : ''}`;
  const parts = partLines(order, columns);
  return [style.faint(head), ...rows, group, ...(isSilent ? [style.bad('All rewards are equal: this group teaches nothing.')] : []), ...parts];
}

/** Parts that differ within the group say why one completion earned more; equal ones are said once. */
function partLines(order: readonly Numbered[], columns: number): readonly string[] {
  const names = [...new Set(order.flatMap(({ completion }) => Object.keys(completion.parts)))].sort();
  return names.flatMap((name) => {
    const values = order.map(({ completion }) => completion.parts[name] ?? null);
    const said = values.every((value) => value === values[0]) ? `all ${number(values[0]!)}` : order.map(({ number: at }, i) => `#${at} ${number(values[i]!)}`).join('  ');
    return wrapped(`${name}: ${said}`, columns);
  });
}

/** Bounds between the levels: of ln p downwards, of entropy in nats upwards. */
const bounds = { probability: [0.9, 0.5, 0.1, 0.01].map(Math.log), entropy: [0.1, 0.5, 1, 2] } as const;

function levelOf({ logprobs, entropies }: RolloutCompletion, at: number, by: NonNullable<ViewOptions['by']>): number {
  if (by === 'entropy') {
    const entropy = entropies?.[at] ?? 0;
    return bounds.entropy.filter((bound) => entropy > bound).length;
  }
  const logprob = logprobs[at] ?? 0;
  return bounds.probability.filter((bound) => logprob < bound).length;
}

/** A completion token by token, wrapped, each token in the colour of its level; boxes below it. */
function tokenLines(completion: RolloutCompletion, at: number, by: NonNullable<ViewOptions['by']>, columns: number, style: Style): readonly string[] {
  const { reward, advantage, logprobs, pieces, boxes, text } = completion;
  const push = advantage > 0 ? '▲ pushed up' : advantage < 0 ? '▼ pushed down' : '= not learnt';
  const sure = logprobs.length > 0 ? ` · mean ln p ${number(mean(logprobs))}` : '';
  const lines = [style.strong(`#${at} · reward ${number(reward)} · advantage ${signed(advantage)} ${push}${sure}${by === 'entropy' && !completion.entropies ? ' · entropy was not written down' : ''}`)];
  const indent = '  ';
  let [line, width] = [indent, indent.length];
  const flush = (): void => {
    lines.push(line.trimEnd());
    [line, width] = [indent, indent.length];
  };
  const put = (piece: string, level: number): void => {
    if (piece === '') return;
    const taken = style.width(piece, level);
    if (width + taken > columns && width > indent.length) flush();
    // A line begins with the word and not with the space before it.
    const shown = width === indent.length ? piece.trimStart() : piece;
    line += style.token(shown, level);
    width += style.width(shown, level);
  };
  const shownPieces = pieces.length > 0 ? pieces : [text];
  shownPieces.forEach((piece, i) => {
    const level = pieces.length > 0 ? levelOf(completion, i, by) : 0;
    harmless(piece).split('\n').forEach((part, j) => {
      if (j > 0) flush();
      put(part, level);
    });
  });
  if (width > indent.length) flush();
  return [...lines, ...boxes.map(({ label, box }) => style.faint(cut(`  box [${box.map((x) => Math.round(x)).join(', ')}] ${oneLine(label)}`, columns)))];
}

function legend(by: NonNullable<ViewOptions['by']>, style: Style): string {
  const texts = by === 'entropy'
    ? ['sure', 'over 0.1 nat', 'over 0.5', 'over 1', 'over 2'] : ['p over 0.9', 'over 0.5', 'over 0.1', 'over 0.01', 'below'];
  if (style === plain) return by === 'entropy' ? 'tokens: ? over 0.5 nat, ?? over 1, ??? over 2' : 'tokens: ? p below 0.5, ?? below 0.1, ??? below 0.01';
  return `${style.faint('tokens: ')}${texts.map((text, level) => style.token(text, level)).join(style.faint(' · '))}`;
}
