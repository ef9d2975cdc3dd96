/** `loupe dataset export`: a stage of a recipe as a job for an engine elsewhere, from the cases to one folder with everything in it. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { smartResize, type PatchOptions } from '#models/imaging/patches.ts';
import { decodePicture, encodePng } from '#models/imaging/picture.ts';
import type { Picture } from '#models/imaging/image.ts';
import { resize } from '#models/imaging/resize.ts';
import { promptTokens } from '#models/language/prompt.ts';
import { createTokenizer, type Tokenizer } from '#models/language/tokenizer.ts';
import { parseConfig } from '#models/networks/config.ts';
import { openCheckpoint, type Checkpoint } from '#models/weights/checkpoint.ts';
import { writeJob, type JobPrompt } from '#training/cluster/job.ts';
import { drawPrompts, scorable, type DrawnPrompt } from '#training/cluster/prompts.ts';
import type { Use } from '#training/cluster/scoring.ts';
import { loadBytes } from '#training/data/cases.ts';
import { snapshotOf } from '#training/data/snapshot.ts';
import { contentHash, lineageOf } from '#training/lineage.ts';
import { patchOptions } from '#training/learner.ts';
import { switchesOf } from '#training/objectives/presets.ts';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { ClusterJob, Engine, EnginePlan } from '#training/records/clusterJob.ts';
import type { PolicyStage, Recipe, Stage } from '#training/records/recipe.ts';
import type { RolloutLine } from '#training/records/rollout.ts';
import { readScope, widened } from '#training/scope.ts';
import { startFolder } from '#training/startFolder.ts';
import { phantomRecords } from '#training/synthesis/phantoms.ts';
import { completionOf } from '#training/synthesis/reasoning.ts';
import { builtInModel, projectRoot } from '#electron/storage/folders.ts';

export interface ExportOptions {
  readonly engine: Engine;
  readonly recipe: Recipe;
  /** Which stage, from 0; the first that learns by policy where absent. */
  readonly stage: number | undefined;
  /** The folder to begin from; the recipe's own, else the built-in one, where absent. */
  readonly model: string | undefined;
  readonly train: readonly CaseRecord[];
  readonly held: readonly CaseRecord[];
  /** Most questions; the recipe's steps decide where absent. */
  readonly prompts: number | undefined;
  readonly withWeights: boolean;
  readonly out: string;
  readonly progress: (text: string) => void;
  /** A case's picture where it does not lie in an archive. */
  readonly pictureOf?: (record: CaseRecord) => Picture;
  /** These questions in this order about the training cases instead of drawn ones. */
  readonly asked?: readonly AskedOfCase[];
}

/** A question that a run has put to a case. */
export type AskedOfCase = Pick<RolloutLine, 'case' | 'question' | 'question_type' | 'gold' | 'answer'>;

/** A default bound, so that a long recipe does not write a picture for every step that it will ever do. */
const mostPrompts = 20_000;
const heldPrompts = 64;

/** @throws Fault `cluster.stage`, `cluster.empty`, and those of `training/cluster` */
export async function exportJob(options: ExportOptions): Promise<ClusterJob> {
  const { recipe, engine, progress } = options;
  const { at, stage, policy } = policyStage(recipe, options.stage);
  const folder = options.model ?? ('folder' in recipe.start ? startFolder(recipe.start.folder) : builtInModel());
  const checkpoint = openCheckpoint(folder);
  const config = parseConfig(checkpoint.config);
  const patches = patchOptions(checkpoint.preprocessor, config, stage.pixels);
  const uses: Use[] = policy.rewards.map(({ name, mode, weight, options: fields }) => ({ name, mode, weight, options: fields }));

  const pictureOf = async (record: CaseRecord): Promise<Picture> => {
    const size = smartResize(record.height, record.width, patches);
    return resize(options.pictureOf?.(record) ?? await decodePicture(loadBytes(record, { verify: true }), record.file), size);
  };
  const askedAgain = async (asked: readonly AskedOfCase[]): Promise<DrawnPrompt[]> => {
    const byId = new Map(options.train.map((record) => [record.id, record]));
    return Promise.all(asked.map(async ({ case: id, question, question_type: questionType, gold, answer }) => {
      const record = byId.get(id)!;
      const turn = { questionType, task: null, question, completion: completionOf([], answer), answer, gold, style: 'direct', weight: 1 } as const;
      return { record, turn, picture: await pictureOf(record) };
    }));
  };
  const draw = async (records: readonly CaseRecord[], count: number): Promise<DrawnPrompt[]> => scorable(
    await drawPrompts(records, {
      count, seed: recipe.seed, questionTypes: policy.questionTypes, direct: stage.direct, questionWeights: stage.questionWeights,
      setWeights: stage.setWeights ?? recipe.setWeights,
    }, pictureOf),
    uses, policy.maxNewTokens,
  );
  const perStep = stage.batch * stage.accumulate;
  const wanted = options.prompts ?? Math.min(mostPrompts, perStep * Math.ceil(stage.steps / (policy.iterations * policy.miniBatches)));
  progress(`Drawing up to ${wanted} questions about ${options.train.length} cases …`);
  const train = options.asked ? await askedAgain(options.asked) : await draw(options.train, wanted);
  if (train.length === 0) throw new Fault({
    code: 'cluster.empty', what: 'There is nothing to hand over.',
    why: 'None of the cases carries a question whose answer these rewards can check.',
    mend: 'Name cases with labels or boxes, or other question types in the recipe.',
  });
  const held = await draw(options.held, heldPrompts);

  const tokenizer = createTokenizer(checkpoint.tokenizer, checkpoint.tokenizerConfig);
  const plan: EnginePlan = {
    recipe, stage, policy, switches: switchesOf(policy.objective.preset, policy.objective.switches as Partial<ObjectiveSwitches>),
    prompts: train.length,
    suppressed: imageTokens(tokenizer), promptTokens: longestPrompt([...train, ...held], { checkpoint, tokenizer, ...patches }),
  };
  progress('Bundling the rewards …');
  return writeJob(options.out, {
    engine, plan, train: await encoded(train), held: await encoded(held), uses,
    recipeHash: contentHash(recipe), stage: at, snapshot: snapshotOf(options.train).hash, cases: new Set(train.map(({ record }) => record.id)).size, scope: widened(readScope(folder), [...new Set(train.map(({ record }) => record))]),
    start: { checkpoint, name: lineageOf(folder).name, lineage: lineageOf(folder), withWeights: options.withWeights },
    rewardProgram: bundledRewards(), templates: join(projectRoot(), 'training', 'cluster', 'python'),
  });
}

/** A job for TRL about drawn pictures alone, with the questions that a run of the recipe put to as many phantoms: what the bench compares with. */
export function exportDrawn(
  { recipe, pictures, asked, out }: Pick<ExportOptions, 'recipe' | 'out'> & { readonly pictures: number; readonly asked: readonly AskedOfCase[] },
): Promise<ClusterJob> {
  const drawn = new Map([...phantomRecords(pictures, recipe.seed)].map(({ record, picture }) => [record, picture]));
  return exportJob({
    engine: 'trl', recipe, stage: undefined, model: undefined, train: [...drawn.keys()], held: [], prompts: asked.length, asked, withWeights: true, out,
    progress: () => undefined,
    pictureOf: (record) => drawn.get(record)!,
  });
}

function policyStage(recipe: Recipe, chosen: number | undefined): { at: number; stage: Stage; policy: PolicyStage } {
  const at = chosen ?? recipe.stages.findIndex(({ learns }) => learns === 'policy');
  const stage = recipe.stages[at];
  if (stage?.policy) return { at, stage, policy: stage.policy };
  throw new Fault({
    code: 'cluster.stage', what: `The recipe ${recipe.name} cannot be handed over.`,
    why: chosen === undefined ? 'None of its stages learns by policy.' : `Its stage ${chosen + 1} does not exist or does not learn by policy.`,
    mend: 'Choose a recipe with such a stage, or train it here with `loupe train`.',
  });
}

/** Everything that stands for an image or a part of one: sampled, it would ask for pixels that are not there. */
const imageTokens = (tokenizer: Tokenizer): number[] =>
  ['<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>'].flatMap((token) => tokenizer.idOf(token) ?? []);

/** Tokens of the longest prompt. */
function longestPrompt(
  prompts: readonly DrawnPrompt[],
  { checkpoint, tokenizer, patchSize, mergeSize }: Pick<PatchOptions, 'patchSize' | 'mergeSize'> & { checkpoint: Checkpoint; tokenizer: Tokenizer },
): number {
  if (checkpoint.chatTemplate === null) throw new Fault({
    code: 'cluster.template', what: 'The model cannot be handed over.',
    why: 'Its folder has no chat template.',
    mend: 'Take a folder with chat_template.jinja, or with the template in tokenizer_config.json.',
  });
  const template = checkpoint.chatTemplate;
  return Math.max(...prompts.map(({ turn, picture }) => promptTokens(
    tokenizer, template, [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: turn.question }] }],
    [[1, picture.height / patchSize, picture.width / patchSize]], { mergeSize, addGenerationPrompt: true },
  ).length));
}

async function encoded(prompts: readonly DrawnPrompt[]): Promise<JobPrompt[]> {
  const known = new Map<Picture, Uint8Array>();
  return prompts.map(({ turn, picture }) => {
    const png = known.get(picture) ?? encodePng(picture);
    known.set(picture, png);
    return { turn, width: picture.width, height: picture.height, png };
  });
}

/** `rewards.mjs`: the table of rewards and its service as one file that needs nothing but Node. */
export function bundledRewards(): string {
  const script = join(projectRoot(), 'electron', 'commands', 'dataset', 'bundleRewards.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: projectRoot(), encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status === 0 && stdout.length > 0) return stdout;
  throw new Fault({
    code: 'cluster.bundle', what: 'The rewards cannot be bundled.',
    why: stderr.trim().split('\n').slice(-3).join(' ') || 'The bundler ended without a result.',
    mend: 'Run npm ci in the folder of Loupe.',
  });
}
