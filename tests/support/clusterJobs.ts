/** A small job for an engine elsewhere, and the result that such an engine would leave in it. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePng } from '#models/imaging/png.ts';
import { openCheckpoint } from '#models/weights/checkpoint.ts';
import { writeSafetensors } from '#models/weights/safetensors.ts';
import type { JobParts, JobPrompt } from '#training/cluster/job.ts';
import { contentHash, lineageOf } from '#training/lineage.ts';
import { switchesOf } from '#training/objectives/presets.ts';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';
import type { EnginePlan } from '#training/records/clusterJob.ts';
import { Recipe } from '#training/records/recipe.ts';
import { tinyRecipe } from './tinyTraining.ts';

export const temporary = (name: string): string => mkdtempSync(join(tmpdir(), `loupe-${name}-`));

/** Two tensors and the small files of a checkpoint; enough to travel, too little to answer. */
export function writeStart(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const files = {
    'config.json': { model_type: 'qwen2_5_vl', hidden_size: 4, tie_word_embeddings: true }, 'generation_config.json': { do_sample: false }, 'tokenizer.json': { version: '1.0' },
    'tokenizer_config.json': { chat_template: 'TEMPLATE' }, 'preprocessor_config.json': { min_pixels: 3136, max_pixels: 12544, size: { shortest_edge: 1 }, patch_size: 14 },
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(content));
  writeFileSync(join(folder, 'README.md'), 'a card that stays at home');
  writeSafetensors(join(folder, 'model.safetensors'), [
    { name: 'model.layers.0.self_attn.q_proj.weight', dtype: 'F32', shape: [4, 4], data: Float32Array.from({ length: 16 }, (_, i) => i / 16) },
    { name: 'visual.merger.mlp.0.weight', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
  ]);
  return folder;
}

export const policyRecipe = (preset: string, { switches = {}, stage = {}, policy = {}, ...more }: { switches?: Partial<ObjectiveSwitches>; stage?: object; policy?: object } & Partial<Recipe> = {}): Recipe => Recipe.parse({
  ...tinyRecipe, name: 'elsewhere', source: 'a test', start: { folder: '/somewhere/here' }, augment: { ...tinyRecipe.augment, plain: 1 }, dropBranches: 0,
  optimizer: { ...tinyRecipe.optimizer, average: 0 },
  stages: [{
    learns: 'policy', steps: 6, pixels: 3136, batch: 2, accumulate: 3,
    policy: { objective: { preset, switches }, rewards: [{ name: 'accuracy', weight: 0.9 }], rollouts: 4, maxNewTokens: 32, reference: 'start', ...policy }, ...stage,
  }],
  ...more,
});

export function planOf(recipe: Recipe): EnginePlan {
  const stage = recipe.stages[0]!;
  const policy = stage.policy!;
  return { recipe, stage, policy, switches: switchesOf(policy.objective.preset, policy.objective.switches as Partial<ObjectiveSwitches>), suppressed: [7, 9], promptTokens: 40, prompts: 3 };
}

const prompt = (at: number): JobPrompt => ({
  turn: {
    questionType: 'abnormality_yes_no', task: null, question: `Is there an abnormality (${at})?`, completion: '<answer>yes</answer>', answer: 'yes', gold: { kind: 'yesNo', value: at % 2 === 0 }, style: 'direct',
    weight: 1,
  },
  width: 56, height: 28 * (1 + (at % 2)), png: encodePng({ width: 2, height: 1, data: Uint8Array.of(at >> 1, 0, 0, 9, 9, 9) }),
});

export function partsFor(engine: JobParts['engine'], folder: string, recipe: Recipe = policyRecipe('grpo/vlmR1'), withWeights = true): JobParts {
  return {
    engine, plan: planOf(recipe), train: [0, 1, 2].map(prompt), held: [4].map(prompt), uses: [{ name: 'accuracy', mode: 'strict', weight: 0.9, options: {} }],
    recipeHash: contentHash(recipe), stage: 0, snapshot: '5'.repeat(64), cases: 2, scope: { format: 'loupe.scope/1', trained: [{ modality: 'ct', bodyParts: ['chest'] }], locates: [] },
    start: { checkpoint: openCheckpoint(folder), name: 'start', lineage: lineageOf(folder), withWeights }, rewardProgram: '// the rewards\n', templates: 'training/cluster/python',
  };
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** What `loupe_return.py` writes, over whatever lies in result/model. */
export function seal(job: string, { kind = 'checkpoint', steps = 6, jobHash = sha256(join(job, 'job.json')) }: { kind?: 'checkpoint' | 'adapter'; steps?: number; jobHash?: string } = {}): void {
  const model = join(job, 'result', 'model');
  const files = readdirSync(model).sort().map((path) => ({ path, bytes: statSync(join(model, path)).size, sha256: sha256(join(model, path)) }));
  writeFileSync(join(job, 'result', 'returned.json'), JSON.stringify({ version: 1, job: jobHash, kind, steps, versions: { trl: '1.13.0' }, files }));
}

/** Weights under the names of transformers 5, as TRL saves them. */
export function writeResult(job: string, { change = 0.5, shape = [4, 4], extra = false, drop = false }: { change?: number; shape?: readonly number[]; extra?: boolean; drop?: boolean } = {}): void {
  const model = join(job, 'result', 'model');
  mkdirSync(model, { recursive: true });
  writeFileSync(join(model, 'config.json'), JSON.stringify({ model_type: 'qwen2_5_vl', text_config: { tie_word_embeddings: true }, _name_or_path: '/another/machine' }));
  writeSafetensors(join(model, 'model.safetensors'), [
    { name: 'model.language_model.layers.0.self_attn.q_proj.weight', dtype: 'F32', shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 16 + change) },
    ...(drop ? [] : [{ name: 'model.visual.merger.mlp.0.weight', dtype: 'F32' as const, shape: [2], data: Float32Array.of(1, 2) }]),
    ...(extra ? [{ name: 'model.visual.other', dtype: 'F32' as const, shape: [1], data: Float32Array.of(0) }] : []),
  ]);
}
