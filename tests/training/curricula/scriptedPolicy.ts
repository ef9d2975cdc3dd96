/** A model for the tests of pipelines and curricula: it says what a function says. */
import { Random } from '#models/base/random.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Completion, Policy, Prompt, SampleOptions } from '#training/records/policy.ts';
import type { PipelineInput } from '#training/curricula/writing.ts';
import { evaluationTurns } from '#training/synthesis/questions.ts';
import { madeUpRecords } from '#tests/support/caseRecords.ts';

export const completion = (text: string, finished = true): Completion => {
  const tokens = text.split(/(?<=\s)/).map((_, at) => at);
  return { text, tokens, logprobs: tokens.map(() => -0.5), finished };
};

export interface Script {
  readonly policy: Policy;
  /** What was asked, in order. */
  readonly asked: { readonly prompt: Prompt; readonly options: SampleOptions }[];
}

/** `says` gives the text of completion `at` of a prompt. */
export function scripted(says: (prompt: Prompt, at: number, options: SampleOptions) => string): Script {
  const asked: Script['asked'] = [];
  return {
    asked,
    policy: {
      sample(prompt, options) {
        asked.push({ prompt, options });
        return Promise.resolve(Array.from({ length: options.count }, (_, at) => completion(`${options.forced ?? ''}${says(prompt, at, options)}`)));
      },
      score: (_, tokens) => Promise.resolve(tokens.map(() => -0.5)),
    },
  };
}

export const size = { width: 112, height: 112 };

/** The fixed question of a type about a record. */
export const promptOf = (record: CaseRecord, questionType = 'finding_class'): Prompt => {
  const [turn] = evaluationTurns(record, questionType, size);
  if (!turn) throw new Error(`${record.id} has no question of type ${questionType}`);
  return { id: `${record.id}/${questionType}`, record, turn, size };
};

export const input = (policy: Policy, options: PipelineInput['options'] = {}, records: readonly CaseRecord[] = madeUpRecords.slice(0, 2)): PipelineInput => ({
  policy, options, records, seed: 3,
  promptsOf: (record) => Promise.resolve(record.questionTypes.includes('finding_class') ? [promptOf(record)] : []),
});

export const random = (seed = 1): Random => new Random(seed);
