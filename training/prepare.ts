/** What a run needs before its first update: the recipe by name, its cases, and the small files of the checkpoint to be. */
import { readFileSync } from 'node:fs';
import { Fault } from '#models/base/fault.ts';
import { createTokenizer } from '#models/language/tokenizer.ts';
import type { CheckpointParts } from '#models/weights/checkpoint.ts';
import { filterCases, readIndex, type CaseFilter } from './data/cases.ts';
import { trainVocabulary } from './data/vocabulary.ts';
import { dinoR1, dinoR1Supervised } from './recipes/dinoR1.ts';
import { directive, directiveSupervised } from './recipes/directive.ts';
import { grpo, grpoLora } from './recipes/grpo.ts';
import { guiR1 } from './recipes/guiR1.ts';
import { loupeBase } from './recipes/loupeBase.ts';
import { medR1, medR1NoThink } from './recipes/medR1.ts';
import { mobileR1 } from './recipes/mobileR1.ts';
import { openVlThinker } from './recipes/openVlThinker.ts';
import { pathoClip } from './recipes/pathoClip.ts';
import { pathoR1, pathoR1Dapo } from './recipes/pathoR1.ts';
import { perceptualBaseline, perceptualInitialization } from './recipes/perceptualInitialization.ts';
import { skyworkR1V3 } from './recipes/skyworkR1V3.ts';
import { soFakeR1, soFakeR1Evidence } from './recipes/soFakeR1.ts';
import { visionR1 } from './recipes/visionR1.ts';
import { visionR1Localization } from './recipes/visionR1Localization.ts';
import { vlRethinker } from './recipes/vlRethinker.ts';
import { vlaaThinking, vlaaThinkingRl, vlaaThinkingSft } from './recipes/vlaaThinking.ts';
import { vlmR1Ovd, vlmR1OvdAp, vlmR1Rec } from './recipes/vlmR1.ts';
import { weThink } from './recipes/weThink.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import { Recipe } from './records/recipe.ts';
import { openStart } from './startFolder.ts';
import { corpus } from './synthesis/questions.ts';

/** Every recipe by its name. */
export const recipes: Readonly<Record<string, Recipe>> = {
  loupeBase, grpo, grpoLora,
  visionR1, visionR1Localization, medR1, medR1NoThink, vlmR1Rec, vlmR1Ovd, vlmR1OvdAp, vlaaThinking, vlaaThinkingSft, vlaaThinkingRl, pathoR1, pathoR1Dapo, openVlThinker,
  weThink, skyworkR1V3, vlRethinker, dinoR1, dinoR1Supervised, directive, directiveSupervised, perceptualInitialization, perceptualBaseline, pathoClip, soFakeR1, soFakeR1Evidence, guiR1, mobileR1,
};

/** A recipe of the table, or one from a JSON file. */
export function findRecipe(nameOrFile: string): Recipe {
  const named = recipes[nameOrFile];
  if (named) return named;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(nameOrFile, 'utf8'));
  } catch {
    throw new Fault({ code: 'recipe.unknown', what: `There is no recipe ${nameOrFile}.`, why: 'It is neither the name of a built-in recipe nor a JSON file that can be read.', mend: `Use one of: ${Object.keys(recipes).join(', ')}; or write a recipe to a file.` });
  }
  const parsed = Recipe.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Fault({ code: 'recipe.invalid', what: `The recipe in ${nameOrFile} cannot be used.`, why: parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '), mend: 'Correct the fields that are named; the built-in recipes show the form.' });
}

/** Whether a run needs no cases: every stage draws the studies that it learns from. */
export const drawsItsOwn = ({ stages }: Recipe): boolean => stages.every(({ learns }) => learns === 'act');

/** The cases of several index files; weights that are given away may only learn from the permissive ones. */
export async function casesOf(indexes: readonly string[], filter: CaseFilter): Promise<readonly CaseRecord[]> {
  const records = (await Promise.all(indexes.map(readIndex))).flatMap((all) => filterCases(all, filter));
  if (records.length > 0) return records;
  throw new Fault({ code: 'train.empty', what: 'There is nothing to learn from.', why: `No case of the index files passes the filter ${JSON.stringify(filter)}.`, mend: 'Name index files with cases of that split and licence, or widen the filter.' });
}

/** The pixel statistics that all Qwen-VL checkpoints share. */
const pixelStatistics = { image_mean: [0.48145466, 0.4578275, 0.40821073], image_std: [0.26862954, 0.26130258, 0.27577711] };

/** The small files of the run's checkpoints: those of the folder it starts from, or new ones with a vocabulary learnt from the cases. */
export function partsOf(recipe: Recipe, records: readonly CaseRecord[]): CheckpointParts {
  if ('folder' in recipe.start) return openStart(recipe.start.folder);
  const { scratch, vocabulary } = recipe.start;
  const { tokenizer, tokenizerConfig } = trainVocabulary(corpus(records, recipe.seed), vocabulary);
  const known = createTokenizer(tokenizer, tokenizerConfig);
  const id = (token: string): number => known.idOf(token)!;
  const pixels = recipe.stages.at(-1)!.pixels;
  return {
    config: {
      ...scratch, vocab_size: known.size,
      bos_token_id: id('<|endoftext|>'), eos_token_id: id('<|im_end|>'), pad_token_id: id('<|endoftext|>'),
      vision_start_token_id: id('<|vision_start|>'), vision_end_token_id: id('<|vision_end|>'), vision_token_id: id('<|vision_pad|>'),
      image_token_id: id('<|image_pad|>'), video_token_id: id('<|video_pad|>'), torch_dtype: 'float32',
    },
    generationConfig: { bos_token_id: id('<|endoftext|>'), eos_token_id: [id('<|im_end|>'), id('<|endoftext|>')], pad_token_id: id('<|endoftext|>'), do_sample: false },
    preprocessor: {
      min_pixels: pixels, max_pixels: pixels, patch_size: 14, temporal_patch_size: 2, merge_size: 2, ...pixelStatistics,
      do_resize: true, do_rescale: true, do_normalize: true, rescale_factor: 1 / 255, resample: 3, image_processor_type: 'Qwen2VLImageProcessor',
    },
    tokenizer, tokenizerConfig,
  };
}
