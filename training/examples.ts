/** From a labelled image to what one training sequence holds: patches, and questions as token ids. */
import type { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { smartResize, toVisionInput, type PatchOptions } from '#models/imaging/patches.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import { resize } from '#models/imaging/resize.ts';
import { promptTokens } from '#models/language/prompt.ts';
import type { Tokenizer } from '#models/language/tokenizer.ts';
import type { Grid } from '#models/networks/rope.ts';
import { cellTargets, type CellTargets } from './cells.ts';
import { augment, type Augmented, type AugmentOptions } from './data/augment.ts';
import { loadBytes } from './data/cases.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import type { Stage } from './records/recipe.ts';
import type { Turn } from './records/turn.ts';
import { flipsAllowed } from './synthesis/augmentation.ts';
import { asDirect, weighted } from './synthesis/asking.ts';
import { synthesize } from './synthesis/questions.ts';

/** A question and its completion as they continue the image: `ids[0 … firstTarget − 1]` ask, the rest is learnt. */
export interface Branch {
  readonly ids: readonly number[];
  readonly firstTarget: number;
  /** Where the answer begins; reasoning stands before it. */
  readonly firstAnswer: number;
}

/** One image and independent questions about it. */
export interface Example {
  readonly id: string;
  /** [P, 3·S·S], one frame. */
  readonly patches: Float32Array;
  readonly grid: Grid;
  /** Tokens up to and with the end of the image. */
  readonly prefix: readonly number[];
  readonly branches: readonly Branch[];
  readonly cells: CellTargets;
}

export interface Language {
  readonly tokenizer: Tokenizer;
  readonly template: string;
  readonly visionEnd: number;
  readonly endOfTurn: number;
}

/** The pictures of a run, decoded once and kept a little larger than the network sees them, so that zooming in finds detail. */
export class Pictures {
  private readonly kept = new Map<string, Picture>();
  static readonly margin = 1.25;

  /** @param square  brings every picture to one square, whatever its aspect, so that all share a batch */
  constructor(private readonly options: PatchOptions, private readonly square = false) {}

  sizeFor(record: Pick<CaseRecord, 'width' | 'height'>): { width: number; height: number } {
    return this.square ? smartResize(1000, 1000, this.options) : smartResize(record.height, record.width, this.options);
  }

  async of(record: CaseRecord): Promise<Picture> {
    return this.kept.get(record.id) ?? this.keep(record, await decodePicture(loadBytes(record), record.file));
  }

  has(record: CaseRecord): boolean {
    return this.kept.has(record.id);
  }

  /** Takes a record's picture from its maker, who did not store it in an archive. */
  keep(record: CaseRecord, picture: Picture): Picture {
    const size = this.sizeFor(record);
    const factor = Math.min(Pictures.margin, picture.width / size.width, picture.height / size.height);
    const kept = resize(picture, { width: Math.max(size.width, Math.round(size.width * factor)), height: Math.max(size.height, Math.round(size.height * factor)) });
    this.kept.set(record.id, kept);
    return kept;
  }
}

export interface ExampleMaker {
  readonly pictures: Pictures;
  readonly options: PatchOptions;
  readonly language: Language;
  readonly augment: AugmentOptions;
}

/** One view of a record as the tower reads it. */
export interface LabelledView {
  readonly record: CaseRecord;
  readonly patches: Float32Array;
}

/** What of a stage decides which questions are put, and how. */
type Asking = Pick<Stage, 'tokens' | 'targets' | 'turns' | 'direct' | 'questionWeights'>;

/** Draws one view of a record with questions that fit the stage. */
export async function drawExample(record: CaseRecord, stage: Asking, maker: ExampleMaker, random: Random): Promise<Example> {
  const view = await augmented(record, maker, random);
  const turns = synthesize({ record, ...view }, random);
  const input = patchesOf(view.picture, maker);
  const cells = cellTargets(view.boxes, view.picture, input.gridThw, maker.options.mergeSize);
  return { id: record.id, patches: input.patches, grid: input.gridThw, cells, ...chooseBranches(turns, input.gridThw, stage, maker, random) };
}

/** Chosen questions about the image as it is stored: what was written of one view is true of that view. */
export async function drawLesson(record: CaseRecord, turns: readonly Turn[], stage: Asking, maker: ExampleMaker, random: Random): Promise<Example> {
  const view = await augmented(record, { ...maker, augment: { ...maker.augment, plain: 1 } }, random);
  const input = patchesOf(view.picture, maker);
  const cells = cellTargets(view.boxes, view.picture, input.gridThw, maker.options.mergeSize);
  return { id: record.id, patches: input.patches, grid: input.gridThw, cells, ...chooseBranches(turns, input.gridThw, stage, maker, random) };
}

/** Draws one view of a record for its label alone. */
export async function drawView(record: CaseRecord, maker: ExampleMaker, random: Random): Promise<LabelledView> {
  return { record, patches: patchesOf((await augmented(record, maker, random)).picture, maker).patches };
}

/** One view of a record, moved and coloured by the recipe's rules. */
export async function augmented(record: CaseRecord, maker: Omit<ExampleMaker, 'language'>, random: Random): Promise<Augmented> {
  const source = await maker.pictures.of(record);
  const size = maker.pictures.sizeFor(record);
  const [sx, sy] = [source.width / record.width, source.height / record.height];
  const boxes = record.boxes?.map(({ class: name, box }) => ({ class: name, box: { x1: box.x1 * sx, y1: box.y1 * sy, x2: box.x2 * sx, y2: box.y2 * sy } })) ?? null;
  const flips = flipsAllowed(record);
  const view = augment(source, boxes, size, flips, maker.augment, random);
  // A count or a list is only true of a view in which nothing was cut away.
  return view.complete ? view : augment(source, boxes, size, flips, { ...maker.augment, plain: 1 }, random);
}

/** The picture is already of the network's size, and one frame of it is enough: the tower sums its kernel over equal frames. */
export const patchesOf = (picture: Picture, { options }: Pick<ExampleMaker, 'options'>) =>
  toVisionInput([picture], { ...options, temporalPatchSize: 1, minPixels: 1, maxPixels: Number.MAX_SAFE_INTEGER });

/** Draws questions by weight until the sequence is full; what does not fit is passed over. */
function chooseBranches(turns: readonly Turn[], grid: Grid, stage: Asking, { language, options }: ExampleMaker, random: Random): Pick<Example, 'prefix' | 'branches'> {
  const left = turns.map((turn) => (random.chance(stage.direct) ? asDirect(turn) : turn));
  const branches: Branch[] = [];
  let prefix: readonly number[] = [];
  let [tokens, targets] = [stage.tokens, stage.targets];
  while (left.length > 0 && branches.length < stage.turns) {
    const turn = left.splice(weighted(left.map(({ weight, questionType }) => weight * (stage.questionWeights?.[questionType] ?? 1)), random), 1)[0]!;
    const encoded = encodeTurn(turn, grid, language, options.mergeSize);
    if (prefix.length === 0) {
      prefix = encoded.prefix;
      tokens -= prefix.length;
    }
    const { branch } = encoded;
    const learnt = branch.ids.length - branch.firstTarget;
    if (branch.ids.length > tokens || learnt > targets) continue;
    tokens -= branch.ids.length;
    targets -= learnt;
    branches.push(branch);
  }
  return { prefix, branches };
}

/** What the chat template puts around a question about one image, cut where the image ends. */
interface Frame {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}
const frames = new WeakMap<Language, Map<string, Frame>>();

/** The template is rendered once for each grid: between its control tokens the question is encoded by itself. */
function frameOf(grid: Grid, language: Language, mergeSize: number): Frame {
  const known = frames.get(language) ?? new Map<string, Frame>();
  frames.set(language, known);
  const key = grid.join();
  let frame = known.get(key);
  if (!frame) {
    const prompt = promptOf('', grid, language, mergeSize);
    const cut = prompt.indexOf(language.visionEnd) + 1;
    known.set(key, (frame = { prefix: prompt.slice(0, cut), suffix: prompt.slice(cut) }));
  }
  return frame;
}

const promptOf = (question: string, grid: Grid, { tokenizer, template }: Language, mergeSize: number): number[] =>
  promptTokens(tokenizer, template, [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: question }] }], [grid], { mergeSize, addGenerationPrompt: true });

/** The chat of one question about one image, cut where the image ends. */
export function encodeTurn({ question, completion }: Pick<Turn, 'question' | 'completion'>, grid: Grid, language: Language, mergeSize: number): { prefix: readonly number[]; branch: Branch } {
  const { prefix, suffix } = frameOf(grid, language, mergeSize);
  const { tokenizer, endOfTurn } = language;
  const asked = [...tokenizer.encode(question, { marks: false }), ...suffix];
  const answerAt = completion.lastIndexOf('<answer>');
  const reasoning = answerAt > 0 ? tokenizer.encode(completion.slice(0, answerAt)) : [];
  const answer = tokenizer.encode(completion.slice(Math.max(0, answerAt)));
  return { prefix, branch: { ids: [...asked, ...reasoning, ...answer, endOfTurn], firstTarget: asked.length, firstAnswer: asked.length + reasoning.length } };
}
