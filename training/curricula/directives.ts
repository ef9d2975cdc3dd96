/** Sentences with the directives that they ask for, at the images that they could be said at. Made without a model. */
import { Random } from '#models/base/random.ts';
import type { DataPipeline } from '#training/records/curriculum.ts';
import { directiveFamilies, directiveTask, directiveTurn } from '#training/synthesis/directives.ts';
import { choiceOption, flagOption, knownOptions, numberOption, wordsOption } from './options.ts';
import { Tally, type Lesson } from './writing.ts';

/** Options: `questions` (1,024), `families` (all), `heldOut` (false: the wordings that are learnt), `sets`. */
export const directives: DataPipeline = ({ records, options, seed }) => {
  const owner = 'the pipeline directives';
  knownOptions(owner, options, ['questions', 'families', 'heldOut', 'sets']);
  const most = numberOption(owner, options, 'questions', 1024, { least: 1, most: 1_000_000, whole: true });
  const families = wordsOption(owner, options, 'families', directiveFamilies).map((name) => choiceOption(owner, { families: name }, 'families', directiveFamilies, 'plain'));
  const [isHeldOut, sets] = [flagOption(owner, options, 'heldOut', false), wordsOption(owner, options, 'sets', [])];
  const random = Random.named(seed, owner);
  const order = random.shuffled(records.filter((record) => (sets.length === 0 || sets.includes(record.set)) && directiveTask(record, random, { isHeldOut, families }) !== null));
  const tally = new Tally();
  const turns: Lesson[] = [];
  for (let at = 0; at < most && order.length > 0; at++) {
    const record = order[at % order.length]!;
    const task = directiveTask(record, random, { isHeldOut, families })!;
    turns.push({ record, turn: directiveTurn(task, 1 + random.below(task.slices)) });
    tally.add(`kept_${task.family}`);
  }
  return Promise.resolve({ turns, report: tally.report });
};
