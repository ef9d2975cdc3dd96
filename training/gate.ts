/** The promotion gate: a candidate replaces the model in use only if it is better on locked cases, looks at the image as much, and fails no group of patients. */
import { createHash } from 'node:crypto';
import { Fault } from '#models/base/fault.ts';
import type { EvaluationLine, Run } from './evaluate.ts';
import { mcnemarExact, pairedBootstrap, type Cluster } from '#models/base/statistics.ts';

export interface GateRules {
  /** Of the paired test, and of the evidence that a subgroup became worse. */
  readonly alpha: number;
  /** By how much image reliance and box overlap may fall, 0 … 1. */
  readonly margin: number;
  /** By how much a subgroup's accuracy may fall. */
  readonly subgroupMargin: number;
  /**
   * False: a subgroup counts as worse where it fell by more than the margin and chance alone explains that with less than `alpha` (one-sided exact test, not
   * corrected for the number of subgroups: the doubt is the patient's). True: any fall beyond the margin counts, however few the questions.
   */
  readonly strict: boolean;
  readonly seed: number;
  readonly resamples: number;
}

export const gateRules: GateRules = { alpha: 0.05, margin: 0.02, subgroupMargin: 0.05, strict: false, seed: 0, resamples: 2000 };

/** A quantity of both models over the same questions. */
export interface Comparison {
  readonly name: string;
  readonly n: number;
  readonly baseline: number;
  readonly candidate: number;
  readonly difference: number;
  /** Of the difference: paired bootstrap over images, 95 %. */
  readonly ci: readonly [number, number];
  readonly passed: boolean;
  /** What was asked of it, in words. */
  readonly rule: string;
}

export interface Subgroup {
  readonly modality: string;
  readonly question_type: string;
  readonly n: number;
  readonly baseline: number;
  readonly candidate: number;
  readonly difference: number;
  readonly gained: number;
  readonly lost: number;
  /** One-sided, for a fall. */
  readonly p: number;
  readonly passed: boolean;
}

export interface Verdict {
  readonly decision: 'promoted' | 'refused';
  /** Why it was refused; empty where it was promoted. */
  readonly reasons: readonly string[];
  /** SHA-256 over the questions and their golds: two verdicts are comparable where these agree. */
  readonly questions_sha256: string;
  readonly cases: number;
  readonly mcnemar: { readonly gained: number; readonly lost: number; readonly p: number };
  readonly comparisons: readonly Comparison[];
  readonly subgroups: readonly Subgroup[];
  readonly rules: GateRules;
}

/** What the lines do not say of their case. */
export interface CaseGroup {
  readonly modality: string;
  /** Patient, lesion or block: what is drawn as a whole. */
  readonly group: string;
}

interface Pair {
  readonly line: EvaluationLine;
  readonly candidate: EvaluationLine;
  readonly group: CaseGroup;
}

/**
 * Judges a candidate against the model in use, by the lines that `evaluate` wrote for both.
 *
 * @throws Fault `gate.unpaired` where the two were not asked the same questions, `gate.counterfactual` where blank and swapped pictures are missing,
 *   `gate.case` for a line about an unknown case
 */
export function judge(
  lines: { readonly baseline: readonly EvaluationLine[]; readonly candidate: readonly EvaluationLine[] }, groupOf: (id: string) => CaseGroup | undefined, rules: Partial<GateRules> = {},
): Verdict {
  const applied = { ...gateRules, ...rules };
  const pairs = pairsOf(lines.baseline, lines.candidate, groupOf);
  const of = (run: Run): readonly Pair[] => pairs.filter(({ line }) => line.run === run);
  const real = of('real');
  for (const run of ['blank', 'swapped'] as const) {
    if (of(run).length === 0) throw new Fault({
      code: 'gate.counterfactual', what: 'The candidate cannot be judged.', why: `There is no answer over ${run} pictures, so nobody knows whether it looks at the image.`,
      mend: 'Evaluate both models with --counterfactual.',
    });
  }
  const mcnemar = discordance(real);
  const accuracy = compare('accuracy', real, right, applied, ({ difference, ci }) => difference > 0 && ci[0] > 0 && mcnemar.p < applied.alpha, `better: interval above 0 and McNemar p < ${applied.alpha}`);
  const noWorse = ({ difference }: Pick<Comparison, 'difference'>): boolean => difference >= -applied.margin - 1e-12;
  const rule = `not below -${applied.margin}`;
  const boxed = real.filter(({ line, candidate }) => line.iou !== null && candidate.iou !== null);
  const comparisons: Comparison[] = [
    accuracy,
    compare('image reliance (blank)', of('blank'), relianceOver(real), applied, noWorse, rule),
    compare('image reliance (swapped)', of('swapped'), relianceOver(real), applied, noWorse, rule),
    ...(boxed.length > 0 ? [compare('box overlap', boxed, (line) => line.iou ?? 0, applied, noWorse, rule)] : []),
  ];
  const subgroups = subgroupsOf(real, applied);
  const reasons = [...comparisons.filter(({ passed }) => !passed).map(reasonOf), ...subgroups.filter(({ passed }) => !passed).map(subgroupReason)];
  return {
    decision: reasons.length === 0 ? 'promoted' : 'refused', reasons, questions_sha256: questionsHash(pairs), cases: new Set(real.map(({ line }) => line.id)).size,
    mcnemar, comparisons, subgroups, rules: applied,
  };
}

const right = (line: EvaluationLine): number => (line.correct ? 1 : 0);

const keyOf = ({ id, question_type, question }: EvaluationLine): string => JSON.stringify([id, question_type, question]);

function pairsOf(baseline: readonly EvaluationLine[], candidate: readonly EvaluationLine[], groupOf: (id: string) => CaseGroup | undefined): readonly Pair[] {
  const unpaired = (why: string): Fault => new Fault({
    code: 'gate.unpaired', what: 'The two models cannot be compared.', why, mend: 'Evaluate both on the same cases, with the same options and the same version of this program.',
  });
  const withRun = (line: EvaluationLine): string => `${line.run} ${keyOf(line)}`;
  const others = new Map(candidate.map((line) => [withRun(line), line]));
  if (others.size !== candidate.length) throw unpaired('A question stands twice in the candidate\'s answers.');
  if (baseline.length === 0) throw unpaired('There are no answers.');
  const seen = new Set<string>();
  const pairs = baseline.map((line): Pair => {
    const key = withRun(line);
    const other = others.get(key);
    if (!other) throw unpaired(`Only the model in use was asked ${JSON.stringify(line.question.slice(0, 120))} about ${line.id} (${line.run}).`);
    if (seen.has(key)) throw unpaired('A question stands twice in the answers of the model in use.');
    if (other.gold !== line.gold) throw unpaired(`The right answer about ${line.id} is ${JSON.stringify(line.gold.slice(0, 60))} for one and ${JSON.stringify(other.gold.slice(0, 60))} for the other.`);
    seen.add(key);
    const group = groupOf(line.id);
    if (!group) throw new Fault({ code: 'gate.case', what: 'The answers cannot be judged.', why: `The case ${line.id} is not in the given index.`, mend: 'Give the index files that the answers belong to.' });
    return { line, candidate: other, group };
  });
  const extra = candidate.find((line) => !seen.has(withRun(line)));
  if (extra) throw unpaired(`Only the candidate was asked ${JSON.stringify(extra.question.slice(0, 120))} about ${extra.id} (${extra.run}).`);
  return pairs;
}

function discordance(pairs: readonly Pair[]): Verdict['mcnemar'] {
  const gained = pairs.filter(({ line, candidate }) => !line.correct && candidate.correct).length;
  const lost = pairs.filter(({ line, candidate }) => line.correct && !candidate.correct).length;
  return { gained, lost, p: mcnemarExact({ gained, lost }) };
}

/** What looking brings: right with the picture, less right without it. The question over a true picture is found by its key. */
function relianceOver(real: readonly Pair[]): (line: EvaluationLine, which: 'line' | 'candidate') => number {
  const seen = new Map(real.map((pair) => [keyOf(pair.line), pair]));
  return (line, which) => {
    const asked = seen.get(keyOf(line));
    return (asked ? right(asked[which]) : 0) - right(line);
  };
}

function compare(
  name: string, pairs: readonly Pair[], valueOf: (line: EvaluationLine, which: 'line' | 'candidate') => number, { seed, resamples }: GateRules,
  isPassed: (found: Pick<Comparison, 'difference' | 'ci'>) => boolean, rule: string,
): Comparison {
  const values = pairs.map(({ line, candidate, group }) => ({ group: group.group, before: valueOf(line, 'line'), after: valueOf(candidate, 'candidate') }));
  const clusters = new Map<string, number[]>();
  for (const { group, before, after } of values) {
    const known = clusters.get(group);
    if (known) known.push(after - before);
    else clusters.set(group, [after - before]);
  }
  const { mean: difference, ci } = pairedBootstrap([...clusters.values()].map((differences): Cluster => ({ stratum: '', differences })), { seed, resamples });
  const mean = (which: 'before' | 'after'): number => values.reduce((total, value) => total + value[which], 0) / values.length;
  return { name, n: pairs.length, baseline: mean('before'), candidate: mean('after'), difference, ci, passed: isPassed({ difference, ci }), rule };
}

function subgroupsOf(pairs: readonly Pair[], { alpha, subgroupMargin, strict }: GateRules): readonly Subgroup[] {
  const groups = new Map<string, Pair[]>();
  for (const pair of pairs) {
    const key = JSON.stringify([pair.group.modality, pair.line.question_type]);
    const known = groups.get(key);
    if (known) known.push(pair);
    else groups.set(key, [pair]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, members]): Subgroup => {
    const { gained, lost } = discordance(members);
    const n = members.length;
    const baseline = members.filter(({ line }) => line.correct).length / n;
    const difference = (gained - lost) / n;
    // Half of the two-sided value where the fall is what was observed.
    const p = lost > gained ? mcnemarExact({ gained, lost }) / 2 : 1;
    const isWorse = difference < -subgroupMargin - 1e-12 && (strict || p < alpha);
    return { modality: members[0]!.group.modality, question_type: members[0]!.line.question_type, n, baseline, candidate: baseline + difference, difference, gained, lost, p, passed: !isWorse };
  });
}

const points = (share: number): string => `${share > 0 ? '+' : ''}${(100 * share).toFixed(1)} points`;

const reasonOf = ({ name, difference, ci, rule }: Comparison): string =>
  `${name}: ${points(difference)}, interval ${(100 * ci[0]).toFixed(1)} to ${(100 * ci[1]).toFixed(1)}; asked was ${rule}`;

const subgroupReason = ({ modality, question_type, difference, n, gained, lost }: Subgroup): string =>
  `${modality}, ${question_type.replaceAll('_', ' ')}: ${points(difference)} on ${n} questions (${gained} gained, ${lost} lost)`;

const questionsHash = (pairs: readonly Pair[]): string =>
  createHash('sha256').update(pairs.map(({ line }) => `${line.run} ${keyOf(line)} ${JSON.stringify(line.gold)}`).sort().join('\n')).digest('hex');

/** The verdict as a table for people. */
export function verdictText({ decision, reasons, mcnemar, comparisons, subgroups, cases }: Verdict): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`.padStart(7);
  const signed = (share: number): string => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)}`.padStart(6);
  const mark = (passed: boolean): string => (passed ? 'ok' : 'NO');
  const names = [...comparisons.map(({ name }) => name), ...subgroups.map(subgroupName)];
  const width = Math.max(...names.map(({ length }) => length));
  return [
    `${decision === 'promoted' ? 'PROMOTED' : 'REFUSED'} on ${cases} locked cases; ${mcnemar.gained} answers gained, ${mcnemar.lost} lost, p = ${mcnemar.p.toPrecision(2)}`,
    '',
    `    ${''.padEnd(width)}   in use   candidate   change   95 % interval        n`,
    ...comparisons.map(({ name, baseline, candidate, difference, ci, n, passed }) =>
      `${mark(passed)}  ${name.padEnd(width)}  ${percent(baseline)}     ${percent(candidate)}   ${signed(difference)}  ${signed(ci[0])} to ${signed(ci[1])}  ${String(n).padStart(7)}`),
    '',
    `    ${'modality, question'.padEnd(width)}   in use   candidate   change   gained  lost         n`,
    ...subgroups.map((subgroup) =>
      `${mark(subgroup.passed)}  ${subgroupName(subgroup).padEnd(width)}  ${percent(subgroup.baseline)}     ${percent(subgroup.candidate)}   ${signed(subgroup.difference)}   ${String(subgroup.gained).padStart(6)}${String(subgroup.lost).padStart(6)}   ${String(subgroup.n).padStart(7)}`),
    ...(reasons.length > 0 ? ['', 'Refused because', ...reasons.map((reason) => `  ${reason}`)] : []),
  ].join('\n');
}

const subgroupName = ({ modality, question_type }: Subgroup): string => `${modality}, ${question_type.replaceAll('_', ' ')}`;
