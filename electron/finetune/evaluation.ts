/** A run's model and the model in use, asked the same questions about the same cases: a table, and the gate's verdict on it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationRow, GateRow, RunEvaluation } from '#electron/contract/finetune.ts';
import { Fault } from '#models/base/fault.ts';
import type { Picture } from '#models/imaging/image.ts';
import { smartResize } from '#models/imaging/patches.ts';
import { openReasoner } from '#models/reasoner.ts';
import { closeArchives } from '#training/data/cases.ts';
import { evaluate, type EvaluationLine, type Run } from '#training/evaluate.ts';
import { judge, type Verdict } from '#training/gate.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { keptCases } from './data.ts';
import { wholeModel } from './publish.ts';
import type { ModelPlace, Progress } from './trainer.ts';

/** The longest answer, in tokens. */
const maxNewTokens = 320;

export async function evaluateRun({ folder, baseline, most }: { readonly folder: string; readonly baseline: ModelPlace; readonly most: number }, { signal, tell }: { readonly signal: AbortSignal; readonly tell: (progress: Progress) => void }): Promise<RunEvaluation> {
  const records = keptCases(folder).filter(({ split }) => split === 'val');
  if (records.length === 0) throw new Fault({ code: 'finetune.unjudged', what: 'The model cannot be judged.', why: 'No case of its data is kept for judging.', mend: 'Split the data set so that some patients are in val, take a snapshot, and train on that.' });
  // Without the picture of another case nobody could tell whether the model looks at its own.
  const isSwappable = records.some(({ task, group, label }) => records.some((other) => other.task === task && other.group !== group && other.label !== label));
  if (!isSwappable) throw new Fault({ code: 'finetune.unjudged', what: 'The model cannot be judged.', why: `Among the ${records.length} cases that are kept for judging no two of one task have different answers: no picture can be put in another's place.`, mend: 'Keep more cases for judging: split the data set so that more patients are in val.' });
  try {
    const candidate = wholeModel(folder);
    const of = (model: string, what: string): Promise<readonly EvaluationLine[]> => linesOf(model, records, most, signal, (done, total) => tell({ what, done, total }));
    const lines = { baseline: await of(baseline.folder, 'baseline'), candidate: await of(candidate, 'candidate') };
    const groups = new Map(records.map(({ id, modality, group }) => [id, { modality, group }]));
    return evaluationOf(lines, (id) => groups.get(id), baseline.name, new Date().toISOString());
  } finally {
    closeArchives();
  }
}

async function linesOf(model: string, records: readonly CaseRecord[], most: number, signal: AbortSignal, onProgress: (done: number, total: number) => void): Promise<readonly EvaluationLine[]> {
  if (!existsSync(join(model, 'config.json'))) throw new Fault({ code: 'finetune.final', what: 'The model cannot be judged.', why: 'The run has written no weights yet.', mend: 'Let it run to its end, or stop it.' });
  const reasoner = await openReasoner({ folder: model });
  // One array for each picture, by which the reasoner knows that it has seen it.
  const frames = new WeakMap<Picture, readonly Picture[]>();
  const lines: EvaluationLine[] = [];
  try {
    await evaluate(records, {
      seenSize: ({ width, height }) => smartResize(height, width, reasoner.patchOptions), convention: reasoner.convention,
      async answer(requests) {
        const asks = requests.map(({ picture, question }) => {
          const known = frames.get(picture) ?? [picture];
          frames.set(picture, known);
          return { frames: known, question };
        });
        const answers = await reasoner.answerMany(asks, { maxNewTokens, rows: 16, signal });
        signal.throwIfAborted();
        return answers.map(({ text }) => text);
      },
    }, { counterfactual: true, max: most, batch: 48, signal, onLine: (line) => lines.push(line), onProgress });
  } finally {
    await reasoner.release();
  }
  return lines;
}

/** The lines of both as a table and a verdict. */
export function evaluationOf(lines: { readonly baseline: readonly EvaluationLine[]; readonly candidate: readonly EvaluationLine[] }, groupOf: (id: string) => { readonly modality: string; readonly group: string } | undefined, baselineName: string, at: string): RunEvaluation {
  return { at, baselineName, cases: new Set(lines.candidate.map(({ id }) => id)).size, rows: [...tableOf(lines, (id) => groupOf(id)?.modality ?? '')], gate: gateOf(judge(lines, groupOf)) };
}

/** Right answers by modality and kind of question, sorted by both. */
export function tableOf(lines: { readonly baseline: readonly EvaluationLine[]; readonly candidate: readonly EvaluationLine[] }, modalityOf: (id: string) => string): readonly EvaluationRow[] {
  const empty = (): EvaluationRow['candidate'] => ({ real: { right: 0, n: 0 }, blank: { right: 0, n: 0 }, swapped: { right: 0, n: 0 } });
  const rows = new Map<string, EvaluationRow>();
  for (const which of ['baseline', 'candidate'] as const) {
    for (const { id, question_type, run, correct } of lines[which]) {
      const modality = modalityOf(id);
      const key = JSON.stringify([modality, question_type]);
      const row = rows.get(key) ?? { modality, questionType: question_type, candidate: empty(), baseline: empty() };
      rows.set(key, row);
      const cell: { right: number; n: number } = row[which][run satisfies Run];
      cell.n++;
      if (correct) cell.right++;
    }
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function gateOf({ decision, reasons, mcnemar, comparisons, subgroups, questions_sha256, rules }: Verdict): RunEvaluation['gate'] {
  return {
    decision, reasons: [...reasons], ...mcnemar, questionsSha256: questions_sha256,
    comparisons: comparisons.map(({ ci, ...row }): GateRow => ({ ...row, ci: [...ci], gained: null, lost: null })),
    subgroups: subgroups.map(({ modality, question_type, n, baseline, candidate, difference, gained, lost, passed }): GateRow => ({
      name: `${modality}, ${question_type.replaceAll('_', ' ')}`, n, baseline, candidate, difference, ci: null, gained, lost, passed,
      rule: `not below -${rules.subgroupMargin}${rules.strict ? '' : ', or explained by chance'}`,
    })),
  };
}
