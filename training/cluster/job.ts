/**
 * Writes the folder that an engine elsewhere needs for a run: data, checkpoint, configuration, rewards, programs, and one manifest of their hashes.
 */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import type { Scope } from '#models/clinical/scope.ts';
import type { Checkpoint } from '#models/weights/checkpoint.ts';
import { fileHash } from '#models/weights/fileHash.ts';
import type { ClusterJob, Engine, EnginePlan, JobFile } from '#training/records/clusterJob.ts';
import type { Lineage } from '#training/records/lineage.ts';
import type { Turn } from '#training/records/turn.ts';
import { encodeParquet, type Columns } from './parquet.ts';
import type { Use } from './scoring.ts';
import { trlSettings } from './trl.ts';
import { verlSettings } from './verl.ts';
import { toYaml } from './yaml.ts';

/** A question with its picture as it travels: pixels alone, in the size that the model sees; no header, no name of a file or a patient. */
export interface JobPrompt {
  readonly turn: Turn;
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

export interface JobParts {
  readonly engine: Engine;
  readonly plan: EnginePlan;
  readonly train: readonly JobPrompt[];
  readonly held: readonly JobPrompt[];
  readonly uses: readonly Use[];
  readonly recipeHash: string;
  readonly stage: number;
  readonly snapshot: string;
  readonly cases: number;
  /** What the model will have been trained on. */
  readonly scope: Scope;
  readonly start: { readonly checkpoint: Checkpoint; readonly name: string; readonly lineage: Lineage; readonly withWeights: boolean };
  /** The program `rewards.mjs`, bundled from `training/cluster/rewardProgram.ts`. */
  readonly rewardProgram: string;
  /** Where `training/cluster/python` lies. */
  readonly templates: string;
}

/**
 * Writes a job into a folder that must not be there yet, whole or not at all.
 *
 * @throws Fault `cluster.folder` where it is there, `cluster.write` where the disk refuses, and those of the engine's settings
 */
export function writeJob(path: string, parts: JobParts): ClusterJob {
  const folder = resolve(path);
  if (existsSync(folder)) throw new Fault({
    code: 'cluster.folder', what: `The job cannot be written to ${basename(folder)}.`,
    why: 'There is such a folder or file already.',
    mend: 'Name a new one.',
  });
  const { settings, departures } = parts.engine === 'trl' ? trlSettings(parts.plan) : verlSettings(parts.plan);
  const unfinished = `${folder}.${process.pid}.part`;
  try {
    const out = new Folder(unfinished);
    const start = copyCheckpoint(join(unfinished, 'checkpoint'), parts);
    writeData(out, parts);
    const { recipe, stage } = parts.plan;
    // Where the recipe began from here is no business of another machine.
    out.text('recipe.json', `${JSON.stringify({ ...recipe, start: 'folder' in recipe.start ? { folder: 'checkpoint' } : recipe.start }, null, 1)}\n`);
    out.text('scope.json', `${JSON.stringify(parts.scope, null, 1)}\n`);
    out.text('parent/lineage.json', `${JSON.stringify(parts.start.lineage, null, 1)}\n`);
    out.text('rewards.json', `${JSON.stringify(parts.uses, null, 1)}\n`);
    out.text('rewards.mjs', parts.rewardProgram);
    const comments = [`${recipe.name}, stage ${parts.stage + 1}: ${recipe.source}`, ...departures.map((departure) => `Departure: ${departure}`)];
    out.text(parts.engine === 'trl' ? 'grpo.yaml' : 'verl.yaml', toYaml(settings, comments));
    if (parts.engine === 'trl') {
      out.text('weights.json', `${JSON.stringify({ trained: stage.trained ?? recipe.trained, adapter: recipe.adapter ?? null })}\n`);
    }
    for (const name of ['loupe_rewards.py', 'loupe_return.py', parts.engine === 'trl' ? 'train_trl.py' : 'train_verl.sh']) {
      out.text(name, readFileSync(join(parts.templates, name), 'utf8'));
    }
    if (parts.engine === 'verl') chmodSync(join(unfinished, 'train_verl.sh'), 0o755);
    out.text('README.md', readme(parts, departures));
    const job: ClusterJob = {
      version: 1, engine: parts.engine,
      recipe: { name: recipe.name, sha256: parts.recipeHash, stage: parts.stage, seed: recipe.seed },
      data: { snapshot: parts.snapshot, cases: parts.cases, prompts: parts.train.length, held: parts.held.length },
      start: { name: parts.start.name, lineage: parts.start.lineage.hash, weights: parts.start.withWeights, files: start },
      trains: recipe.adapter ? 'adapter' : 'checkpoint',
      rewards: parts.uses.map(({ name, mode, weight }) => ({ name, mode, weight })),
      departures: [...departures], files: [...out.written].sort((a, b) => (a.path < b.path ? -1 : 1)),
    };
    writeFileSync(join(unfinished, 'job.json'), `${JSON.stringify(job, null, 1)}\n`, { flush: true });
    renameSync(unfinished, folder);
    return job;
  } catch (cause) {
    discard(unfinished);
    if (cause instanceof Fault) throw cause;
    throw new Fault({
      code: 'cluster.write', what: `The job ${basename(folder)} cannot be written.`,
      why: (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'The disk is full.' : cause instanceof Error ? cause.message : String(cause),
      mend: 'Free space, or choose another place.',
    }, { cause });
  }
}

/** Takes away what was begun; where the disk refuses that too, the first refusal is what is told. */
function discard(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    return;
  }
}

/** A folder that keeps the hashes of what is written into it. */
class Folder {
  readonly written: JobFile[] = [];

  constructor(private readonly path: string) {
    mkdirSync(path, { recursive: true });
  }

  text(name: string, text: string): void {
    this.bytes(name, new TextEncoder().encode(text));
  }

  bytes(name: string, bytes: Uint8Array): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), bytes);
    this.written.push({ path: name, bytes: bytes.length, sha256: sha256(bytes) });
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Small files that transformers reads beside the weights; everything that is made new here is left out. */
const isCopied = (name: string): boolean => [
  'config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.json', 'merges.txt', 'special_tokens_map.json',
  'added_tokens.json', 'model.safetensors.index.json',
].includes(name);

/**
 * The checkpoint as transformers wants it: the chat template as a file of its own, and bounds of the image's area between which every picture of the
 * job keeps
 * its size.
 */
function copyCheckpoint(target: string, { start: { checkpoint, withWeights }, train, held }: JobParts): JobFile[] {
  mkdirSync(target, { recursive: true });
  const files: JobFile[] = [];
  const note = (name: string): void => {
    files.push({ path: name, bytes: statSync(join(target, name)).size, sha256: fileHash(join(target, name)) });
  };
  for (const name of readdirSync(checkpoint.folder).sort()) {
    const isWeights = name.endsWith('.safetensors');
    if (!isWeights && !isCopied(name)) continue;
    const source = join(checkpoint.folder, name);
    if (isWeights && !withWeights) {
      files.push({ path: name, bytes: statSync(source).size, sha256: fileHash(source) });
      continue;
    }
    copyFileSync(source, join(target, name));
    note(name);
  }
  if (checkpoint.chatTemplate !== null) {
    writeFileSync(join(target, 'chat_template.jinja'), checkpoint.chatTemplate);
    note('chat_template.jinja');
  }
  const areas = [...train, ...held].map(({ width, height }) => width * height);
  const { size: _, ...preprocessor } = checkpoint.preprocessor as Record<string, unknown>;
  const bounds = { min_pixels: areas.reduce((a, b) => Math.min(a, b)), max_pixels: areas.reduce((a, b) => Math.max(a, b)) };
  writeFileSync(join(target, 'preprocessor_config.json'), `${JSON.stringify({ ...preprocessor, ...bounds }, null, 2)}\n`);
  note('preprocessor_config.json');
  return files;
}

function writeData(out: Folder, { engine, train, held }: JobParts): void {
  for (const [name, prompts] of [['train', train], ['val', held]] as const) {
    if (engine === 'trl') out.text(`data/${name}.jsonl`, prompts.map((prompt, at) => `${JSON.stringify(trlRow(out, prompt, at))}\n`).join(''));
    else out.bytes(`data/${name}.parquet`, encodeParquet(verlColumns, prompts.map((prompt, at) => verlRow(prompt, at, name))));
  }
}

/** A line of TRL's data; the picture is a file that is named by its hash, so that questions about one image share it. */
function trlRow(out: Folder, { turn, width, height, png }: JobPrompt, index: number): Record<string, unknown> {
  const image = `images/${sha256(png).slice(0, 32)}.png`;
  if (!out.written.some(({ path }) => path === image)) out.bytes(image, png);
  return { index, image, question: turn.question, target: JSON.stringify(turn.gold), question_type: turn.questionType, width, height };
}

/** verl's layout: a conversation whose text marks the image's place, the image's bytes in the row so that every node has them, and a rule's gold. */
const verlColumns = {
  data_source: 'text', ability: 'text',
  prompt: { list: { record: { role: 'text', content: 'text' } } },
  images: { list: { record: { bytes: 'bytes' } } },
  reward_model: { record: { style: 'text', ground_truth: 'text' } },
  extra_info: {
    record: { index: 'int64', split: 'text', question: 'text', question_type: 'text', width: 'int64', height: 'int64', image_sha256: 'text' },
  },
} as const satisfies Columns;

const verlRow = ({ turn, width, height, png }: JobPrompt, index: number, split: string): Record<string, unknown> => ({
  data_source: 'loupe', ability: turn.questionType,
  prompt: [{ role: 'user', content: `<image>${turn.question}` }], images: [{ bytes: png }],
  reward_model: { style: 'rule', ground_truth: JSON.stringify(turn.gold) },
  extra_info: { index, split, question: turn.question, question_type: turn.questionType, width, height, image_sha256: sha256(png) },
});

function readme({ engine, plan, train, held, cases, start, uses }: JobParts, departures: readonly string[]): string {
  const praised = uses.map(({ name, weight }) => (weight === 1 ? name : `${weight} · ${name}`)).join(' + ');
  const command = engine === 'trl' ? 'python train_trl.py' : './train_verl.sh trainer.n_gpus_per_node=8';
  return [
    `# ${plan.recipe.name} on ${engine === 'trl' ? 'TRL' : 'verl'}`, '',
    `${train.length} questions about ${cases} cases (${held.length} more are held back), from ${start.name}, rewards ${praised}.`, '',
    'The pictures are pixels without any header, in the size that the model sees; names of files, cases and patients did not come along.',
    'They are still images of patients: treat the folder as such.', '',
    '## Run', '',
    ...(start.withWeights ? [] : ['Put the weights of the checkpoint into `checkpoint/` first; they are checked by their hashes.', '']),
    '```', ...(engine === 'trl' ? ['pip install trl peft datasets pyyaml torchvision'] : ['pip install verl vllm qwen-vl-utils']), command, '```', '',
    engine === 'trl' ? 'Several processes: `accelerate launch train_trl.py`. `--steps N` stops earlier, `--resume` goes on from `run/`.'
      : 'Several machines: start Ray on them, copy the folder to the same path on each, and say `trainer.nnodes=N`.',
    'Node 20 or newer has to be on every machine: the rewards are `rewards.mjs`, one program without packages, asked through `loupe_rewards.py`.', '',
    'The result lies in `result/`, sealed by its hashes. Bring the folder back and run `loupe import FOLDER --out MODEL`.', '',
    ...(departures.length > 0 ? ['## Departures from the recipe', '', ...departures.map((departure) => `- ${departure}`), ''] : []),
  ].join('\n');
}
