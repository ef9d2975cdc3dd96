/** Where judgements of likeness come from: a folder that readers filled, measures of the run's own images, or drawn shapes whose distances are known. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { Picture } from '#models/imaging/image.ts';
import { decodePicture } from '#models/imaging/picture.ts';
import type { CaseRecord } from './records/caseRecord.ts';
import { Judgement } from './records/judgement.ts';
import type { JudgementOptions } from './records/recipe.ts';
import { closerByLooks, looksOf, type Looks } from './synthesis/likeness.ts';
import { drawnShape, drawShape, shapeDistance } from './synthesis/shapes.ts';

/** Three pictures by name, and which of the last two was judged closer to the first. */
export interface JudgedTriple {
  readonly names: readonly [reference: string, left: string, right: string];
  readonly isRight: boolean;
}

export interface JudgementSource {
  /** One judgement; the same random numbers give the same one. */
  draw(random: Random): Promise<JudgedTriple>;
  picture(name: string): Promise<Picture>;
  /** What could not be used, in words, for the run's notes. */
  readonly left: { readonly equalVotes: number; readonly fewVotes: number; readonly missing: number };
}

export interface SourceOptions {
  readonly records: readonly CaseRecord[];
  readonly seed: number;
  /** The picture of a record, at any size. */
  readonly pictureOf: (record: CaseRecord) => Promise<Picture>;
}

export function openJudgements(options: JudgementOptions, { records, seed, pictureOf }: SourceOptions): JudgementSource {
  if (options.from === 'folder') return fromFolder(options.folder!, options.leastVotes);
  if (options.from === 'shapes') return fromShapes(seed);
  return fromLooks(records, pictureOf);
}

const nothingLeft = { equalVotes: 0, fewVotes: 0, missing: 0 };
/** Draws in a row that no measure could decide. */
const mostMissed = 1000;

function fromLooks(records: readonly CaseRecord[], pictureOf: SourceOptions['pictureOf']): JudgementSource {
  if (records.length < 3) throw tooFew(`${records.length} images make no set of three.`);
  const byId = new Map(records.map((record) => [record.id, record]));
  const names = [...new Set(records.map(({ set }) => set))];
  const sets = names.map((name) => records.filter(({ set }) => set === name));
  const kept = new Map<string, Looks>();
  const looks = async (record: CaseRecord): Promise<Looks> => {
    let known = kept.get(record.id);
    if (!known) kept.set(record.id, (known = looksOf(await pictureOf(record))));
    return known;
  };
  return {
    left: nothingLeft,
    async draw(random) {
      for (let missed = 0; missed < mostMissed; missed++) {
        // Half of them within one set, where likeness is a finer matter.
        const pool = random.chance(0.5) ? records : sets.length > 1 ? weightedSet(sets, records.length, random) : records;
        if (pool.length < 3) continue;
        const three = [random.pick(pool), random.pick(pool), random.pick(pool)] as const;
        if (new Set(three).size < 3) continue;
        const [reference, left, right] = await Promise.all(three.map(looks)) as [Looks, Looks, Looks];
        const votes = closerByLooks(reference, left, right);
        if (Math.max(votes.left, votes.right) < 2 || Math.min(votes.left, votes.right) > 0) continue;
        return { names: [three[0].id, three[1].id, three[2].id], isRight: votes.right > votes.left };
      }
      throw tooFew(`In ${mostMissed} draws no three images could be told apart by colours, edges and layout.`);
    },
    picture: (name) => pictureOf(byId.get(name)!),
  };
}

function weightedSet(sets: readonly (readonly CaseRecord[])[], total: number, random: Random): readonly CaseRecord[] {
  let at = random.below(total);
  for (const set of sets) {
    if (at < set.length) return set;
    at -= set.length;
  }
  return sets[0]!;
}

const shapeSide = 64;

function fromShapes(seed: number): JudgementSource {
  const shape = (name: string) => drawnShape(Random.named(seed, name));
  return {
    left: nothingLeft,
    draw(random) {
      const names = [0, 1, 2].map(() => `shape-${random.below(4000)}`) as [string, string, string];
      const [reference, left, right] = names.map(shape) as [ReturnType<typeof shape>, ReturnType<typeof shape>, ReturnType<typeof shape>];
      return Promise.resolve({ names, isRight: shapeDistance(reference, right) < shapeDistance(reference, left) });
    },
    picture: (name) => Promise.resolve(drawShape(shape(name), shapeSide, Random.named(seed, `${name}/place`))),
  };
}

/** The files of a folder of judgements. */
export const judgementsFile = 'judgements.jsonl';
const picturesFolder = 'images';
export const judgedPicture = (folder: string, name: string): string => join(folder, picturesFolder, `${name}.png`);
/** Names as files: what the page wrote, and nothing that leaves the folder. */
const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/;

function fromFolder(folder: string, leastVotes: number): JudgementSource {
  const left = { equalVotes: 0, fewVotes: 0, missing: 0 };
  const bytes = new Map<string, Uint8Array | null>();
  const bytesOf = (name: string): Uint8Array | null => {
    let known = bytes.get(name);
    if (known === undefined) {
      try {
        known = fileName.test(name) ? readFileSync(judgedPicture(folder, name)) : null;
      } catch {
        known = null;
      }
      bytes.set(name, known);
    }
    return known;
  };
  const usable = readJudgements(folder).filter(({ ref, left: a, right: b, left_vote, right_vote, votes, split }) => {
    if (split !== 'train') return false;
    if (votes < leastVotes) left.fewVotes++;
    else if (left_vote === right_vote) left.equalVotes++;
    else if ([ref, a, b].some((name) => bytesOf(name) === null)) left.missing++;
    else return true;
    return false;
  });
  if (usable.length === 0) throw tooFew(`Of the judgements in ${folder} none can be learnt from: ${left.fewVotes} with too few votes, ${left.equalVotes} with equal votes, ${left.missing} whose pictures are missing.`);
  return {
    left,
    draw(random) {
      const { ref, left: a, right: b, left_vote, right_vote } = random.pick(usable);
      return Promise.resolve({ names: [ref, a, b], isRight: right_vote > left_vote });
    },
    picture: (name) => decodePicture(bytesOf(name)!, `${name}.png`),
  };
}

/** @throws Fault `judgements.read` */
export function readJudgements(folder: string): readonly Judgement[] {
  const path = join(folder, judgementsFile);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Fault({ code: 'judgements.read', what: 'The judgements cannot be read.', why: cause instanceof Error ? cause.message : String(cause), mend: `Name a folder with ${judgementsFile} and its pictures, as the page of odd ones out writes it.` }, { cause });
  }
  return text.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return [];
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      json = null;
    }
    const parsed = Judgement.safeParse(json);
    if (!parsed.success) throw new Fault({ code: 'judgements.read', what: `Line ${at + 1} of ${judgementsFile} cannot be used.`, why: parsed.error.issues.slice(0, 2).map(({ path: field, message }) => `${field.join('.') || 'row'}: ${message}`).join('; '), mend: 'Write the folder again from the page, or remove the line.' });
    return [parsed.data];
  });
}

const tooFew = (why: string): Fault => new Fault({ code: 'judgements.few', what: 'There is nothing to learn likeness from.', why, mend: 'Answer more questions on the page of odd ones out, or choose another source in the recipe.' });
