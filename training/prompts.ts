/** Questions to try: drawn from labelled images, each with an answer that a program can check, and put into numbers for the network. */
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import { smartResize } from '#models/imaging/patches.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { resize } from '#models/imaging/resize.ts';
import { loadBytes } from './data/cases.ts';
import { augmented, encodeTurn, patchesOf, type ExampleMaker } from './examples.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Prompt } from './records/policy.ts';
import type { Recipe, Stage } from './records/recipe.ts';
import type { Turn } from './records/turn.ts';
import { verify } from './rewards/verify.ts';
import type { EncodedPrompt } from './rollouts/model.ts';
import { askedForms, weighted } from './synthesis/asking.ts';
import { synthesize } from './synthesis/questions.ts';

/** A question that was chosen before, with its image. */
export interface ChosenTurn {
  readonly record: CaseRecord;
  readonly turn: Turn;
}

export interface PromptSource {
  /** Draws a question; `view` names the view of its image, and is the same for the same draw. */
  draw(random: Random, view: string, weigh?: (record: CaseRecord, turn: Turn) => number): Promise<Prompt>;
  /** All questions that the stage might put to a record; with `described` also those that only a judge can score. */
  promptsOf(record: CaseRecord, random: Random, described?: boolean): Promise<readonly Prompt[]>;
  encode(prompt: Prompt): Promise<EncodedPrompt>;
}

export interface PromptSourceOptions {
  readonly records: readonly CaseRecord[];
  /** Drawn instead of synthesized questions. */
  readonly chosen?: readonly ChosenTurn[];
  readonly maker: ExampleMaker;
  readonly stage: Stage;
  readonly recipe: Pick<Recipe, 'seed' | 'setWeights'>;
}

/** After so many draws without a question that can be checked, there is none. */
const mostDraws = 200;
/** Pictures of the last draws, which are soon asked for again. */
const keptPictures = 64;

export function createPromptSource({ records, chosen, maker, stage, recipe }: PromptSourceOptions): PromptSource {
  const policy = stage.policy;
  const setWeights = stage.setWeights ?? recipe.setWeights;
  const types = policy?.questionTypes === undefined ? null : new Set(policy.questionTypes);
  const weightsOf = (all: readonly CaseRecord[]): number[] => all.map(({ set }) => setWeights[set] ?? 1);
  const recordWeights = weightsOf(records);
  const chosenWeights = weightsOf((chosen ?? []).map(({ record }) => record));
  const isAugmented = policy?.views === 'augmented';
  const sizeOf = (record: CaseRecord): Prompt['size'] => smartResize(record.height, record.width, maker.options);

  /** The picture at the network's size, as it is stored. Drawn images have no file: their picture is with their maker. */
  const plain = async (record: CaseRecord): Promise<Picture> => {
    const known = recent.get(record.id);
    if (known) return known;
    const stored = maker.pictures.has(record) ? await maker.pictures.of(record) : await decodePicture(loadBytes(record), record.file);
    const picture = resize(stored, sizeOf(record));
    recent.set(record.id, picture);
    if (recent.size > keptPictures) recent.delete(recent.keys().next().value!);
    return picture;
  };
  const recent = new Map<string, Picture>();
  const viewFor = async (record: CaseRecord, view: string | undefined) => {
    if (view !== undefined) return augmented(record, maker, Random.named(recipe.seed, `view:${view}`));
    const picture = await plain(record);
    const [sx, sy] = [picture.width / record.width, picture.height / record.height];
    const boxes = record.boxes?.map(({ class: name, box }) => ({ class: name, box: { x1: box.x1 * sx, y1: box.y1 * sy, x2: box.x2 * sx, y2: box.y2 * sy } })) ?? null;
    return { picture, boxes, flippedX: false, flippedY: false, quarterTurns: 0 };
  };
  const promptOf = (record: CaseRecord, turn: Turn, view: string | undefined): Prompt => ({
    id: `${record.id}/${turn.questionType}/${hashOf(turn.question)}`, record, turn, size: sizeOf(record), ...(view === undefined ? {} : { view }),
  });
  const turnsOf = async (record: CaseRecord, view: string | undefined, random: Random, described = false): Promise<readonly Turn[]> => {
    const turns = synthesize({ record, ...await viewFor(record, view) }, random)
      .filter((turn) => (types === null || types.has(turn.questionType)) && (isCheckable(turn) || (described && turn.gold.kind === 'text')));
    return askedForms(turns, stage.direct, random);
  };

  return {
    async draw(random, name, weigh) {
      const view = isAugmented ? name : undefined;
      for (let attempt = 0; attempt < mostDraws; attempt++) {
        if (chosen) {
          if (chosen.length === 0) break;
          const { record, turn } = chosen[weighted(chosenWeights, random)]!;
          if (weigh === undefined || random.chance(Math.min(1, weigh(record, turn)))) return promptOf(record, turn, undefined);
          continue;
        }
        if (records.length === 0) break;
        const record = records[weighted(recordWeights, random)]!;
        const turns = await turnsOf(record, view, random);
        const weights = turns.map((turn) => turn.weight * (stage.questionWeights?.[turn.questionType] ?? 1) * (weigh?.(record, turn) ?? 1));
        if (weights.every((weight) => weight <= 0)) continue;
        return promptOf(record, turns[weighted(weights, random)]!, view);
      }
      throw new Fault({
        code: 'train.unverifiable', what: 'There is no question to learn from.',
        why: chosen ? `None of ${chosen.length} chosen questions may be put.` : `Of ${mostDraws} cases drawn from ${records.length}, none has a question of the wanted types with an answer that a program can check.`,
        mend: 'Widen questionTypes or setWeights in the recipe, or name index files whose cases have labels, boxes or facts.',
      });
    },
    promptsOf: async (record, random, described) => (await turnsOf(record, undefined, random, described)).map((turn) => promptOf(record, turn, undefined)),
    async encode({ record, turn, size, view, blank, hidden }) {
      const picture = blank ? greyed({ ...size, data: new Uint8Array(size.width * size.height * 3) }, [{ x1: 0, y1: 0, x2: size.width, y2: size.height }])
        : greyed((await viewFor(record, view)).picture, hidden ?? []);
      const { patches, gridThw } = patchesOf(picture, maker);
      const { prefix, branch } = encodeTurn({ question: turn.question, completion: '' }, gridThw, maker.language, maker.options.mergeSize);
      return { ids: [...prefix, ...branch.ids.slice(0, branch.firstTarget)], grid: gridThw, patches };
    },
  };
}

/** Whether the answer that is held to be right earns full marks; free text is left out, since there is no one right wording. */
const isCheckable = ({ gold, completion }: Turn): boolean => gold.kind !== 'text' && verify(completion, gold).score > 0.99;

/** The picture with regions painted in even grey. */
function greyed(picture: Picture, regions: readonly Box[]): Picture {
  if (regions.length === 0) return picture;
  const { width, height } = picture;
  const data = picture.data.slice();
  for (const { x1, y1, x2, y2 } of regions) {
    const [left, right] = [Math.max(0, Math.floor(x1)), Math.min(width, Math.ceil(x2))];
    for (let y = Math.max(0, Math.floor(y1)); y < Math.min(height, Math.ceil(y2)); y++) data.fill(128, (y * width + left) * 3, (y * width + right) * 3);
  }
  return { width, height, data };
}

/** Eight hexadecimal digits (FNV-1a) that tell the wordings of one record's questions apart. */
function hashOf(text: string): string {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return (h >>> 0).toString(16).padStart(8, '0');
}
