/** What a run writes into its folder, and how it finds its place there again: manifest, measures, rollouts, the weights that a stage began with. */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { openSafetensors, readTensor, writeSafetensors } from '#models/weights/safetensors.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Group } from './records/policy.ts';
import { Recipe } from './records/recipe.ts';
import type { RolloutLine } from './records/rollout.ts';
import type { StepRecord } from './records/run.ts';
import { boxesIn } from './rewards/extract.ts';
import type { PolicySampler } from './rollouts/policy.ts';
import { lastState, saveParts, type TrainerState } from './state.ts';

interface RunOf {
  readonly recipe: Recipe;
  readonly records: readonly CaseRecord[];
  readonly parts: CheckpointParts;
  /** Names of what is trained. */
  readonly trained: readonly string[];
}

/** SHA-256 over the names and values of what is trained, as the run begins: two runs of one seed begin alike. */
function startHash(initial: ReadonlyMap<string, Float32Array>, trained: readonly string[]): string {
  const hash = createHash('sha256');
  for (const name of [...trained].sort()) {
    const values = initial.get(name);
    if (values) hash.update(`${name}\0`).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}

/** A new folder gets its manifest; an old one is gone on with only if it is the same run. The state that was kept last, or null where there is none. */
export function openRun(run: string, { recipe, records, parts, trained }: RunOf, resume: boolean, initial: ReadonlyMap<string, Float32Array>): TrainerState | null {
  const path = join(run, 'manifest.json');
  const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
  const manifest = {
    recipe,
    data: { cases: records.length, sha256: sha256(records.map(({ id, sha256: hash, label, boxes, facts }) => [id, hash, label, boxes, facts])) },
    tokenizer: { sha256: sha256(parts.tokenizer) },
    node: process.version,
  };
  if (!existsSync(path)) {
    writing(run, () => {
      mkdirSync(run, { recursive: true });
      saveParts(run, parts);
      writeFileSync(path, JSON.stringify({ ...manifest, start: { tensors: trained.length, sha256: startHash(initial, trained) } }, null, 2));
    });
    return null;
  }
  const mend = 'Give another --out folder for a new run, or --resume with the recipe and data that the folder was begun with.';
  if (!resume) throw new Fault({ code: 'train.exists', what: `The folder ${run} already holds a run.`, why: 'Starting anew would overwrite it.', mend });
  const before = JSON.parse(readFileSync(path, 'utf8')) as typeof manifest;
  for (const part of ['recipe', 'data', 'tokenizer'] as const) {
    // A recipe of an older version means the same with the defaults of the fields that came later.
    const same = part === 'recipe' ? canonical(before.recipe) === canonical(recipe) : JSON.stringify(before[part]) === JSON.stringify(manifest[part]);
    if (!same) throw new Fault({ code: 'train.changed', what: `The run in ${run} cannot be resumed.`, why: `Its ${part} differs from what was given now.`, mend });
  }
  const state = lastState(run, initial);
  truncateMetrics(run, state?.step ?? 0);
  removeRollouts(run, state?.step ?? 0);
  return state;
}

const canonical = (recipe: Recipe): string => {
  const parsed = Recipe.safeParse(recipe);
  return JSON.stringify(parsed.success ? parsed.data : recipe);
};

/** A disk that is full or a folder that is gone is a fault that says how to go on. */
function writing<T>(run: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault({
      code: 'train.write', what: `The run folder ${run} cannot be written.`, why: cause instanceof Error ? cause.message : String(cause),
      mend: 'Free space on the disk, then continue with --resume: the last whole checkpoint is kept.',
    }, { cause });
  }
}

const metricsPath = (run: string): string => join(run, 'metrics.jsonl');

/** Adds the line of an update. */
export const writeMetrics = (run: string, record: StepRecord): void => writing(run, () => appendFileSync(metricsPath(run), `${JSON.stringify(record)}\n`));

/** Lines of updates that the kept state has not seen are written again; half a line of a killed run goes too. */
function truncateMetrics(run: string, step: number): void {
  if (!existsSync(metricsPath(run))) return;
  const stepOf = (line: string): number => {
    try {
      return (JSON.parse(line) as StepRecord).step;
    } catch {
      return Infinity;
    }
  };
  const lines = readFileSync(metricsPath(run), 'utf8').split('\n').filter((line) => line && stepOf(line) <= step);
  writing(run, () => writeFileSync(metricsPath(run), lines.map((line) => `${line}\n`).join('')));
}

const rolloutsFolder = (run: string): string => join(run, 'rollouts');

/** The file of a step's rollouts. */
export const rolloutsPath = (run: string, step: number): string => join(rolloutsFolder(run), `step-${String(step).padStart(6, '0')}.jsonl`);

/** Writes what was tried before an update, one line for each prompt. */
export async function writeRollouts(run: string, { step, stage, groups }: { readonly step: number; readonly stage: number; readonly groups: readonly Group[] }, sampler: PolicySampler): Promise<void> {
  const lines: RolloutLine[] = [];
  for (const { prompt, rollouts } of groups) {
    const { record, turn, size } = prompt;
    lines.push({
      step, stage, prompt: prompt.id, case: record.id, set: record.set, question_type: turn.questionType, question: turn.question, gold: mutable(turn.gold), answer: turn.answer,
      size, prompt_tokens: (await sampler.encode(prompt)).ids.length,
      completions: rollouts.filter(({ imitation }) => imitation === undefined).map(({ completion, reward, rewards, parts, isCorrect, advantage }) => ({
        text: completion.text, tokens: [...completion.tokens], logprobs: completion.logprobs.map((x) => Number(x.toFixed(6))), pieces: completion.tokens.map((token) => sampler.textOf([token])),
        ...(completion.entropies ? { entropies: completion.entropies.map((x) => Number(x.toFixed(4))) } : {}), finished: completion.finished, reward, rewards: { ...rewards }, parts: { ...parts }, correct: isCorrect, advantage,
        boxes: boxesIn(completion.text).map(({ label, box: { x1, y1, x2, y2 } }) => ({ label, box: [x1, y1, x2, y2] as [number, number, number, number] })),
      })),
    });
  }
  writing(run, () => {
    mkdirSync(rolloutsFolder(run), { recursive: true });
    const path = rolloutsPath(run, step);
    writeFileSync(`${path}.part`, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    renameSync(`${path}.part`, path);
  });
}

/** A gold as its schema types it. */
const mutable = (gold: Group['prompt']['turn']['gold']): RolloutLine['gold'] => structuredClone(gold) as RolloutLine['gold'];

function removeRollouts(run: string, step: number): void {
  if (!existsSync(rolloutsFolder(run))) return;
  for (const name of readdirSync(rolloutsFolder(run))) {
    const at = /^step-(\d+)\.jsonl(?:\.part)?$/.exec(name);
    if (at && (Number(at[1]) > step || name.endsWith('.part'))) rmSync(join(rolloutsFolder(run), name));
  }
}

const stageFolder = (run: string, stage: number): string => join(run, 'stages', String(stage + 1));

/** What a stage began with, by hash, for a reader who compares two runs. */
export const writeStageHashes = (run: string, stage: number, hashes: Readonly<Record<string, string>>): void => writing(run, () => {
  mkdirSync(join(run, 'stages'), { recursive: true });
  writeFileSync(`${stageFolder(run, stage)}.json`, `${JSON.stringify(hashes, null, 1)}\n`);
});

/** What a stage tried before its first update, and what of it is learnt from. */
export const writeCuration = (run: string, stage: number, curation: unknown): void => writing(run, () => {
  mkdirSync(stageFolder(run, stage), { recursive: true });
  writeFileSync(join(stageFolder(run, stage), 'curation.json'), `${JSON.stringify(curation, null, 1)}\n`);
});

/** The trained weights that a stage began with, or null where they were not kept. */
export function readStageStart(run: string, stage: number): ReadonlyMap<string, Float32Array> | null {
  const path = join(stageFolder(run, stage), 'start.safetensors');
  if (!existsSync(path)) return null;
  return new Map([...openSafetensors(path).tensors].map(([name, entry]) => [name, readTensor(entry)]));
}

export function writeStageStart(run: string, stage: number, tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }[]): void {
  writing(run, () => {
    mkdirSync(stageFolder(run, stage), { recursive: true });
    writeSafetensors(join(stageFolder(run, stage), 'start.safetensors'), tensors.map((tensor) => ({ ...tensor, dtype: 'F32' as const })));
  });
}
