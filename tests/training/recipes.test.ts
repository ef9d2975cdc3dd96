import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '#models/imaging/png.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { findCurriculum, findPipeline } from '#training/curricula/table.ts';
import { presets } from '#training/objectives/presets.ts';
import { casesOf, partsOf, recipes } from '#training/prepare.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { Recipe, type Stage } from '#training/records/recipe.ts';
import { StepRecord } from '#training/records/run.ts';
import { findReward } from '#training/rewards/table.ts';
import { phantomRecords } from '#training/synthesis/phantoms.ts';
import { train } from '#training/trainer.ts';
import { tinyRecipe } from '#tests/support/tinyTraining.ts';

const published = Object.values(recipes).filter(({ source, name }) => source.includes('arXiv') && !name.startsWith('grpo'));
const stagesOf = (recipe: Recipe): readonly Stage[] => recipe.stages;

/** Drawn pictures of films, smears, sections and heads under the names of real sets, so that every recipe finds its questions. */
async function drawnCases(): Promise<readonly CaseRecord[]> {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-recipes-'));
  const sets: Readonly<Record<string, string>> = { phantom_blood_smear: 'micro_bccd_boxes', phantom_slide: 'micro_lung_lc25000' };
  const drawn = [...phantomRecords(12, 5, ['chest_film', 'blood_smear', 'slide', 'breast_ultrasound'])];
  const files: Record<string, Uint8Array> = {};
  const rows = drawn.map(({ record, picture }) => {
    const bytes = encodePng(picture);
    files[`${record.id}.png`] = bytes;
    return {
      id: record.id, archive: 'images.zip', file: `${record.id}.png`, modality: record.modality, set: sets[record.set] ?? record.set, split: 'train', width: picture.width, height: picture.height,
      task: record.task, label: record.label, labels_space: record.labelsSpace, question_types: record.questionTypes, facts: record.facts, group: record.group, licence_class: 'permissive',
      ...(record.boxes ? { boxes: record.boxes.map(({ class: name, box: { x1, y1, x2, y2 } }) => ({ class: name, box: [x1, y1, x2, y2] })) } : {}),
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  });
  writeFileSync(join(folder, 'images.zip'), zipSync(files, { level: 0 }));
  writeFileSync(join(folder, 'index.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return casesOf([join(folder, 'index.jsonl')], {});
}

/** The same stages in miniature: a network of a few thousand weights, one update each, a handful of questions. */
function miniature(recipe: Recipe): Recipe {
  const small = (options: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
    ...options, ...('questions' in options ? { questions: 4 } : {}), ...('samples' in options ? { samples: 2 } : {}), ...('least' in options ? { least: 2 } : {}), ...('guard' in options || 'part' in options || 'select' in options || 'tier' in options || 'keep' in options || 'synergy' in options ? { maxNewTokens: 6 } : {}),
  });
  return Recipe.parse({
    ...recipe, start: tinyRecipe.start, checkpointEvery: 1000,
    stages: recipe.stages.map((stage) => ({
      ...stage, steps: 1, pixels: 56 * 56, batch: 2, accumulate: 1, tokens: 420, targets: 360,
      ...(stage.data ? { data: { ...stage.data, options: small(stage.data.options) } } : {}),
      ...(stage.locate ? { locate: { ...stage.locate, views: 1, localizer: { ...stage.locate.localizer, features: [1, 2], width: 16, mlpWidth: 16, queries: 6 } } } : {}),
      ...(stage.policy ? {
        policy: {
          ...stage.policy, rollouts: 2, maxNewTokens: 6,
          curricula: stage.policy.curricula.map(({ name, options }) => ({ name, options: name === 'lengthStaging' ? { budget: 24, firstCap: 6, stages: 2, steps: 1 } : name === 'rethinking' ? { ...options, reserve: 6, least: 0 } : options })),
        },
      } : {}),
    })),
  });
}

describe('every recipe of a published method', () => {
  test('is there', () => {
    expect(published.map(({ name }) => name).sort()).toEqual([
      'dinoR1', 'dinoR1Supervised', 'directive', 'directiveSupervised', 'guiR1', 'medR1', 'medR1NoThink', 'mobileR1', 'openVlThinker', 'pathoClip', 'pathoR1', 'pathoR1Dapo', 'perceptualBaseline', 'perceptualInitialization', 'skyworkR1V3', 'soFakeR1', 'soFakeR1Evidence', 'visionR1', 'visionR1Localization', 'vlRethinker', 'vlaaThinking', 'vlaaThinkingRl', 'vlaaThinkingSft',
      'vlmR1Ovd', 'vlmR1OvdAp', 'vlmR1Rec', 'weThink',
    ]);
  });

  test.each(published.map((recipe) => [recipe.name, recipe] as const))('%s names only rewards, objectives, curricula and pipelines that exist, with options that they know', (_, recipe) => {
    for (const { policy, data, steps } of stagesOf(recipe)) {
      if (data) expect(findPipeline(data.pipeline)).toBeTypeOf('function');
      if (!policy) continue;
      expect(presets.has(policy.objective.preset)).toBe(true);
      for (const { name, mode } of policy.rewards) expect(findReward(name).modes[mode]).toBeTypeOf('function');
      for (const { name, options } of policy.curricula) expect(findCurriculum(name)(options, { seed: 1, steps })).toBeTypeOf('object');
    }
  });

  test('survives being written to a file and read again, as a user would copy it', () => {
    for (const recipe of published) expect(Recipe.parse(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  });
});

describe('the recipes hold what their methods say', () => {
  const stage = (name: string, at = 0): Stage => recipes[name]!.stages[at]!;

  test('Vision-R1 has one budget of tokens for a prompt', () => {
    expect(stage('visionR1', 1).policy!.curricula[0]).toMatchObject({ name: 'lengthStaging', options: { budget: 512, firstCap: 32, stages: 3 } });
  });
  test('OpenVLThinker starts each round from the base, and trains the tower on hard questions alone', () => {
    const { stages, keep, checkpointEvery } = recipes['openVlThinker']!;
    const round = stages.slice(0, 3).reduce((total, { steps }) => total + steps, 0);
    expect([keep?.every, round % checkpointEvery], 'what a round made is kept').toEqual([round, 0]);
    expect(stages.map(({ from }) => from ?? '')).toEqual(['start', '', '', 'start', '', '', 'start', '', '']);
    const trains = (at: number, weight: string): boolean => new RegExp(stages[at]!.trained ?? '.').test(weight);
    expect([1, 2].map((at) => trains(at, 'visual.blocks.0.norm1.weight'))).toEqual([false, true]);
    expect([1, 2].map((at) => trains(at, 'visual.merger.mlp.0.weight'))).toEqual([true, true]);
  });
  test('Skywork-R1V3 ends with the connector alone, and trains it under rewards', () => {
    expect(stage('skyworkR1V3', 2).trained).toBe('^visual\\.merger\\.');
    expect(stage('skyworkR1V3', 1).trained).toBeUndefined();
    const { checkpointEvery, keep } = recipes['skyworkR1V3']!;
    expect(keep?.every, 'every checkpoint stays, to choose from').toBe(checkpointEvery);
  });
  test('VL-Rethinker does not divide by the deviation, clips further above, and pulls towards nothing', () => {
    for (const at of [0, 1]) expect(stage('vlRethinker', at).policy!.objective.switches).toEqual({ scale: 'none', clipHigh: 0.35, beta: 0 });
  });
  test('the two runs of DINO-R1 differ in GRQO alone, which mutes a third', () => {
    const { grqo, ...supervised } = stage('dinoR1').locate!;
    expect(supervised).toEqual(stage('dinoR1Supervised').locate);
    expect(grqo).toEqual({ alpha: 0.01, beta: 0.04, muted: 1 / 3, normGrad: 'full', clip: 6 });
  });
  test('the two detection runs of VLM-R1 differ in the factor for length alone', () => {
    const [od, ap] = ['vlmR1Ovd', 'vlmR1OvdAp'].map((name) => structuredClone(stage(name))) as [Stage, Stage];
    expect(ap.policy!.rewards[0]!.options).toEqual({ lengthFactor: false });
    ap.policy!.rewards[0]!.options = {};
    expect(ap).toEqual(od);
  });
  test('the three runs of VLAA-Thinking share their stages', () => {
    expect(recipes['vlaaThinking']!.stages).toEqual([...recipes['vlaaThinkingSft']!.stages, ...recipes['vlaaThinkingRl']!.stages]);
  });
});

describe('in miniature', () => {
  let records: readonly CaseRecord[];
  let parts: CheckpointParts;
  beforeAll(async () => {
    records = await drawnCases();
    parts = partsOf(Recipe.parse(tinyRecipe), records);
  });

  // One recipe for every pipeline and curriculum; what is left out differs from these in rewards and options alone.
  test.each(['visionR1', 'medR1', 'vlmR1Rec', 'vlaaThinking', 'pathoR1Dapo', 'openVlThinker', 'weThink', 'skyworkR1V3', 'vlRethinker', 'visionR1Localization', 'dinoR1'])('%s goes through all its stages', async (name) => {
    const whole = miniature(recipes[name]!);
    // A second round differs from the first in nothing but its beginning.
    const recipe = { ...whole, stages: whole.stages.slice(0, 4) };
    const run = join(mkdtempSync(join(tmpdir(), 'loupe-recipe-')), 'run');
    expect(await train({ recipe, records, run, parts })).toBe(recipe.stages.length);
    const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n').map((line) => StepRecord.parse(JSON.parse(line)));
    expect(lines.map(({ stage }) => stage)).toEqual(recipe.stages.map((_, at) => at));
  });
});
