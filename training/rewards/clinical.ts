/**
 * Rewards that look at more than the answer: the side of the body, whether the cited place carries the answer, and whether not knowing is admitted.
 */
import { optionLetter } from './answers.ts';
import { answerOf, boxesIn, normalise } from './extract.ts';
import { goldOf, letterOf, type Gold } from './gold.ts';
import { isDict } from './python.ts';
import { pay, rowFault, type NamedReward, type RewardResult, type RewardRow } from './reward.ts';
import { lastBlock } from './tags.ts';
import { goldText } from './targets.ts';
import { verify } from './verify.ts';

type Side = 'left' | 'right';

const sideWords: Readonly<Record<string, readonly Side[]>> = Object.assign(Object.create(null) as object, {
  left: ['left'], right: ['right'], bilateral: ['left', 'right'], bilaterally: ['left', 'right'], both: ['left', 'right'], os: ['left'],
  od: ['right'], ou: ['left', 'right'],
} as const);

/** The sides that a text names, in the order left, right. */
function sidesIn(text: string): Side[] {
  const named = new Set(normalise(text).split(' ').flatMap((word) => sideWords[word] ?? []));
  return (['left', 'right'] as const).filter((side) => named.has(side));
}

/** The option's words stand in for its letter. */
const wordsOf = (answer: string, gold: Gold | undefined): string => {
  const letter = gold?.kind === 'choice' ? optionLetter(answer, gold.options.length) : null;
  const option = gold?.kind === 'choice' ? gold.options.find((_, index) => letterOf(index) === letter) : undefined;
  return option ?? answer;
};

const goldWords = (gold: Gold): string => (gold.kind === 'choice' ? gold.options[gold.right] ?? '' : gold.kind === 'boxes' ? '' : goldText(gold));

/** The side of the body on which a box lies; null in the middle tenth of the image, or where the row does not say how the image is turned. */
function sideOfBox(centre: number, row: RewardRow): Side | null {
  const width = isDict(row.size) && typeof row.size.width === 'number' ? row.size.width : undefined;
  const { orientation } = row;
  if (orientation !== undefined && orientation !== 'radiological' && orientation !== 'image') throw rowFault(
    'Its orientation is not known.', 'Give "orientation": "radiological" (the image’s left is the patient’s right) or "image".',
  );
  if (width === undefined || orientation === undefined || Math.abs(centre / width - 0.5) < 0.05) return null;
  return (centre < width / 2) === (orientation === 'image') ? 'left' : 'right';
}

const isSubset = (some: readonly Side[], all: readonly Side[]): boolean => some.every((side) => all.includes(side));

/**
 * 1 where the answer names the right side, and neither the thought's only side nor a cited box contradicts it. Not applicable where no side
 * is asked for.
 */
function laterality(row: RewardRow): RewardResult {
  const gold = row.target === undefined ? undefined : goldOf(row.target);
  const right = typeof row.side === 'string' ? sidesIn(row.side) : gold ? sidesIn(goldWords(gold)) : [];
  if (right.length === 0) return { reward: null };
  const said = sidesIn(wordsOf(answerOf(row.completion), gold));
  const thought = sidesIn(lastBlock(row.completion, 'think') ?? '');
  const boxed = boxesIn(row.completion).map(({ box }) => sideOfBox((box.x1 + box.x2) / 2, row)).filter((side) => side !== null);
  const parts = {
    answer: Number(said.length === right.length && isSubset(said, right)),
    thought: Number(thought.length !== 1 || isSubset(thought, said)),
    boxes: Number(isSubset(boxed, said)),
  };
  return { reward: parts.answer * parts.thought * parts.boxes, parts };
}

/** What was said under an occlusion; undefined where it was not tried. */
function saidUnder(row: RewardRow, name: 'hidden' | 'control'): string | undefined {
  const value = row[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw rowFault(`Its ${name} is not a text.`,
    `Give "${name}": what the model says with that region hidden, as a completion.`);
  return normalise(answerOf(value));
}

/**
 * 1 where hiding the cited boxes changes the answer and hiding as large a region elsewhere does not. 0 without cited boxes, and where no such region
 * exists: a box over the whole image is no evidence. Not applicable where boxes are cited but nothing was hidden.
 */
function evidence(row: RewardRow): RewardResult {
  const cited = boxesIn(row.completion).length;
  if (cited === 0) return { reward: 0, parts: { cited: 0, changed: 0, held: 0 } };
  const [hidden, control] = [saidUnder(row, 'hidden'), saidUnder(row, 'control')];
  if (hidden === undefined) return { reward: null };
  const said = normalise(answerOf(row.completion));
  const parts = { cited: 1, changed: Number(hidden !== said), held: Number(control === said) };
  return { reward: parts.changed * parts.held, parts };
}

const abstentions = [
  'not sure', 'i am not sure', 'unsure', 'uncertain', 'unknown', 'i do not know', 'i don t know', 'indeterminate', 'undetermined', 'inconclusive',
  'non diagnostic', 'abstain', 'cannot tell', 'cannot say', 'cannot be determined', 'cannot be assessed', 'cannot determine', 'cannot be answered',
  'not possible to tell', 'insufficient information',
];

/** Whether an answer declines to answer, and does nothing else. */
export const abstains = (answer: string): boolean => {
  const plain = normalise(answer).replace(/^(?:it|this|the answer|that) (?=cannot|is )/, '').replace(/^is /, '').replaceAll(' . ', ' ').trim();
  return abstentions.includes(plain) || abstentions.some((wording) => plain.startsWith(`${wording} from `));
};

/** Right 1, declined `credit`, wrong 0; where the question has no answer, declining is right and answering wrong. */
function abstention(row: RewardRow): RewardResult {
  const credit = row.credit ?? 0.5;
  if (typeof credit !== 'number' || !(credit >= 0 && credit <= 1)) throw rowFault('Its credit is not a number from 0 to 1.', 'Leave it out for 0.5.');
  const declined = abstains(answerOf(row.completion));
  if (row.unanswerable === true) return { reward: Number(declined), parts: { declined: Number(declined) } };
  return { reward: declined ? credit : verify(row.completion, goldOf(row.target)).score, parts: { declined: Number(declined) } };
}

export const clinicalRewards = [
  {
    name: 'laterality', source: 'Loupe',
    reads: ['target: a Gold that names a side', 'side: the right side, where the gold does not say it',
      'orientation: radiological or image, with size: then cited boxes count'],
    summary: '1 where the answer names the right side and neither the thought nor a cited box contradicts it; '
      + 'not applicable where no side is asked for.',
    modes: { strict: laterality },
  },
  {
    name: 'evidence', source: 'Loupe: the occlusion probe',
    reads: ['hidden: the completion with the cited boxes hidden', 'control: the completion with as large a region elsewhere hidden'],
    summary: '1 where hiding the cited boxes changes the answer and hiding as much elsewhere does not.',
    modes: { strict: evidence },
  },
  {
    name: 'abstention', source: 'Loupe',
    reads: ['target: a Gold', 'credit: what declining earns, default 0.5', 'unanswerable: true where declining is the right answer'],
    summary: 'The answer’s score, or the credit where the answer admits not to know: answering pays where it is likelier right than the credit.',
    modes: { strict: abstention },
  },
  {
    name: 'cited', source: 'Loupe', reads: [],
    summary: '1 where the completion cites at least one box.',
    modes: { strict: ({ completion }) => pay(boxesIn(completion).length > 0) },
  },
] as const satisfies readonly NamedReward[];
