/**
 * Sentences as readers say them, each with the directive that it asks for: by name, by reasoning, by what a thing looks like, and by marks and tags.
 * A quarter of all wordings is held out, so that a model can be measured by words that it never learnt.
 */
import type { Random } from '#models/base/random.ts';
import { area } from '#models/clinical/finding.ts';
import { directiveQuestion, directiveTargets, directiveText, targetName, type DirectiveSide, type DirectiveWords } from '#models/clinical/directive.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import type { Turn } from '#training/records/turn.ts';

/** The families of the bench, and the plain names that they are beside. */
export const directiveFamilies = ['plain', 'reasoning', 'appearance', 'symbols'] as const;
export type DirectiveFamily = (typeof directiveFamilies)[number];

export interface DirectiveTask {
  readonly family: DirectiveFamily;
  readonly sentence: string;
  readonly words: DirectiveWords;
  /** Of the series. */
  readonly slices: number;
}

interface Said {
  /** What it does or where it belongs. */
  readonly reasoning: readonly string[];
  /** What it looks like. */
  readonly appearance: readonly string[];
  /** Short forms, stains and tags. */
  readonly symbols: readonly string[];
  /** There is a left and a right of it. */
  readonly isSided: boolean;
}

const said: Readonly<Record<string, Said>> = {
  lung: {
    reasoning: ['the organ that breathes', 'the organ of gas exchange', 'what the pleura surrounds', 'what the bronchi lead into'], isSided: true,
    appearance: ['the dark air-filled field', 'the large dark area beside the heart', 'the dark field crossed by ribs', 'the dark airy region between the ribs'], symbols: ['LNG', 'the field tagged PULM', 'CXR tag LNG', 'PULM'],
  },
  nodule: {
    reasoning: ['what a screening CT is read for', 'what is followed up after a smoker\'s scan', 'what Fleischner gives rules for', 'what might be an early lung cancer'], isSided: true,
    appearance: ['a small round spot in the lung', 'a spiculated spot in the airy field', 'a ground glass spot', 'a round opacity below three centimetres'], symbols: ['SPN', 'the tag NOD', 'Lung-RADS 4', 'NOD'],
  },
  breast_lesion: {
    reasoning: ['what a core biopsy of the breast would aim at', 'what a patient feels as a lump in her breast', 'what mammography screening looks for', 'what a breast surgeon would cut out'], isSided: true,
    appearance: ['a dark irregular mass with a shadow', 'the spiculated dark mass', 'an oval dark area with smooth edges in the breast', 'a dark taller-than-wide mass'], symbols: ['BI-RADS 4', 'the tag MASS', 'BI-RADS 5', 'FA'],
  },
  red_blood_cell: {
    reasoning: ['the cells that carry oxygen', 'the cells that hold haemoglobin', 'what malaria lives in', 'the cells that are low in anaemia'], isSided: false,
    appearance: ['the pale discs without a nucleus', 'the round pink cells with a pale centre', 'the many pink discs', 'the small round cells without a nucleus'], symbols: ['RBC', 'the tag ERY', 'RBCs', 'Ery'],
  },
  white_blood_cell: {
    reasoning: ['the cells that fight infection', 'the cells that rise in sepsis', 'what neutrophils and lymphocytes are', 'the cells of the immune system'], isSided: false,
    appearance: ['the large cell with a purple nucleus', 'the cell with a lobed nucleus', 'the big purple cell', 'the cell with the dark violet nucleus'], symbols: ['WBC', 'the tag LEU', 'WBCs', 'Leuko'],
  },
  platelet: {
    reasoning: ['what stops bleeding', 'what aspirin holds back', 'the pieces of megakaryocytes', 'what clumps into a clot first'], isSided: false,
    appearance: ['the tiny purple specks', 'the smallest violet dots', 'the little granules between the cells', 'the specks smaller than a red disc'], symbols: ['PLT', 'the tag THR', 'PLTs', 'Thr'],
  },
  haemorrhage: {
    reasoning: ['what forbids thrombolysis', 'what a burst aneurysm leaves', 'what anticoagulants may cause in the head', 'what a fall on the head may leave inside'], isSided: true,
    appearance: ['fresh bright blood in the skull', 'the bright patch in the brain', 'a hyperdense crescent', 'the white area in the grey brain'], symbols: ['ICH', 'the tag BLEED', 'SAH', 'SDH'],
  },
  brain_tumour: {
    reasoning: ['what a neurosurgeon would take out of the brain', 'what may cause a first seizure', 'what a glioma or a meningioma is', 'what grows and presses on the brain'], isSided: true,
    appearance: ['the enhancing mass in the brain', 'a ring of enhancement', 'the bright mass after contrast', 'a bright rounded mass at the meninges'], symbols: ['GBM', 'the tag TU', 'HGG', 'MNG'],
  },
  skin_lesion: {
    reasoning: ['what a dermatoscope is laid on', 'what may be a melanoma', 'what the ABCD rule is about', 'what sun and age may have left on the skin'], isSided: false,
    appearance: ['the pigmented patch', 'the brown spot with ragged edges', 'the dark mole', 'the asymmetric brown patch'], symbols: ['MM', 'the tag NEV', 'NMSC', 'NV'],
  },
  exudate: {
    reasoning: ['what leaks out of the vessels in diabetes', 'what diabetic retinopathy leaves', 'the lipid that leaked in the retina', 'what a diabetic macula is checked for'], isSided: false,
    appearance: ['the bright yellow flecks', 'the yellow spots near the macula', 'the waxy yellow deposits', 'the small yellow-white flecks'], symbols: ['HE', 'the tag EX', 'DR tag HE', 'EX'],
  },
};

/** By number: every fourth wording is for measuring alone. */
const choose = (wordings: readonly string[], isHeldOut: boolean, random: Random): string => random.pick(wordings.filter((_, at) => (at % 4 === 3) === isHeldOut));

const openings = ['Find {x}{w}.', 'Where is {x}{w}?', 'Show me {x}{w}', 'Search for {x}{w}.', 'Mark {x}{w}', 'Is there {x}{w}?', '{x}{w}', 'Please look for {x}{w}.'] as const;
const denials = ['No {x}{w}?', 'Are you sure there is no {x}{w}?', 'There is no {x}{w}.', 'I see no {x}{w}, check it.'] as const;

const sideWords: Readonly<Record<'left' | 'right', Readonly<Record<'plain' | 'reasoning' | 'symbols', readonly string[]>>>> = {
  left: {
    plain: [' on the left', ' on the left side', ' left-sided', ' to the left'],
    reasoning: [' on the side of the spleen', ' on the side of the heart\'s apex', ' on the side of the stomach', ' on the side where the aorta arches'], symbols: [' on the side marked L', ' sin.', ' at the L marker', ' (L)'],
  },
  right: {
    plain: [' on the right', ' on the right side', ' right-sided', ' to the right'],
    reasoning: [' on the side of the liver', ' on the side of the gallbladder', ' on the side of the appendix', ' on the side of the caval vein'], symbols: [' on the side marked R', ' dx.', ' at the R marker', ' (R)'],
  },
};

/** A range in words, and what it comes to; only what lies within the series. */
function rangeOf(family: DirectiveFamily, slices: number, random: Random, isHeldOut: boolean): { readonly said: string; readonly from: number; readonly to: number } {
  if (slices < 4 || random.chance(0.4)) return { said: '', from: 1, to: slices };
  const a = 1 + random.below(slices - 2);
  const b = a + 1 + random.below(slices - a);
  const k = 2 + random.below(Math.min(8, slices - 2));
  const early = 1 + random.below(Math.max(1, slices - k - 1));
  const forms = family === 'reasoning'
    ? [
        { said: ` in the first ${k} slices`, from: 1, to: k }, { said: ` in the last ${k} slices`, from: slices - k + 1, to: slices }, { said: ` from slice ${a} on`, from: a, to: slices },
        { said: ` in the ${k} slices after slice ${early}`, from: early + 1, to: early + k },
      ]
    : family === 'symbols'
      ? [{ said: `, sl. ${a}-${b}`, from: a, to: b }, { said: `, im. ${a}-${b}`, from: a, to: b }, { said: ` (${a}-${b}/${slices})`, from: a, to: b }, { said: ` [${a}:${b}]`, from: a, to: b }]
      : [{ said: ` in slices ${a} to ${b}`, from: a, to: b }, { said: ` between slices ${a} and ${b}`, from: a, to: b }, { said: ` in slice ${a}`, from: a, to: a }, { said: ` on slices ${a} through ${b}`, from: a, to: b }];
  return random.pick(forms.filter((_, at) => (at % 4 === 3) === isHeldOut));
}

/** What a record shows that a directive may seek. */
const shown: readonly (readonly [RegExp, string])[] = [
  [/_lung$/, 'lung'], [/^(?:benign|malignant)_lesion$/, 'breast_lesion'], [/^(?:red_blood_cell|white_blood_cell|platelet|skin_lesion)$/, ''], [/_haemorrhage$/, 'haemorrhage'], [/^(?:glioma|meningioma|pituitary_tumour)$/, 'brain_tumour'],
  [/^hard_exudates$/, 'exudate'],
];

/** The target that a class of the index falls under; null for one that cannot be sought. */
export function directiveTargetOf(name: string): string | null {
  const found = shown.find(([pattern]) => pattern.test(name));
  return found ? found[1] || name : null;
}

/** Sets whose images show an anatomy, boxed or not; nodules are asked of films and CT alike. */
const anatomyOf = ({ set }: Pick<CaseRecord, 'set'>): string | null =>
  (/^(?:cxr_|ct_lung)/.test(set) ? 'chest' : /^us_breast/.test(set) ? 'breast' : /^micro_(?:bccd|blood)/.test(set) ? 'blood' : /^(?:ct_h|mri_)/.test(set) ? 'head' : /^derm_/.test(set) ? 'skin' : /^fundus_/.test(set) ? 'retina' : null);

export interface DirectiveOptions {
  readonly isHeldOut?: boolean;
  readonly families?: readonly DirectiveFamily[];
  /** Slices of the series; drawn where absent. */
  readonly slices?: number;
  /** What is sought; drawn among what the record's anatomy has where absent. */
  readonly target?: string;
}

/** A sentence that could be said at this image, with its directive; null where nothing of it can be sought. */
export function directiveTask(record: Pick<CaseRecord, 'set' | 'boxes'>, random: Random, { isHeldOut = false, families = directiveFamilies, slices: given, target: wanted }: DirectiveOptions = {}): DirectiveTask | null {
  const anatomy = anatomyOf(record);
  const targets = Object.keys(directiveTargets).filter((name) => directiveTargets[name]!.anatomy === anatomy);
  if (anatomy === null || targets.length === 0) return null;
  const target = wanted ?? random.pick(targets);
  const about = said[target]!;
  const family = random.pick(families);
  const slices = given ?? (random.chance(0.3) ? 1 : 4 + random.below(57));

  // Which of two lungs is the larger can be seen, and is said by nobody.
  const lungs = family === 'reasoning' && target === 'lung' ? (record.boxes ?? []).filter(({ class: name }) => /_lung$/.test(name)) : [];
  const [left, right] = (['left_lung', 'right_lung'] as const).map((name) => lungs.find((box) => box.class === name));
  const range = rangeOf(family, slices, random, isHeldOut);
  if (left && right && random.chance(0.3)) {
    const isLarger = random.chance(0.5);
    const side: DirectiveSide = (area(left.box) > area(right.box)) === isLarger ? 'left' : 'right';
    const sentence = `${choose(isLarger ? ['Find the larger of the two lungs', 'Which lung is larger? Mark it', 'The bigger lung, please', 'Show the lung that takes more room'] : ['Find the smaller of the two lungs', 'Which lung is smaller? Mark it', 'The lesser lung, please', 'Show the lung that takes less room'], isHeldOut, random)}${range.said}.`;
    return { family, sentence, slices, words: { target, anatomy, side, slice_from: range.from, slice_to: range.to } };
  }
  const name = family === 'plain' ? random.pick(directiveTargets[target]!.names) : choose(about[family], isHeldOut, random);
  const side: DirectiveSide = about.isSided && random.chance(0.6) ? (random.chance(0.5) ? 'left' : 'right') : 'any';
  const where = side === 'any' ? '' : choose(sideWords[side][family === 'appearance' ? 'plain' : family], isHeldOut, random);
  const opening = random.chance(0.12) ? random.pick(denials) : random.pick(openings);
  const text = opening.replace('{x}', name).replace('{w}', `${where}${range.said}`);
  return { family, sentence: text.charAt(0).toUpperCase() + text.slice(1), slices, words: { target, anatomy, side, slice_from: range.from, slice_to: range.to } };
}

/** The task as a question with the completion that is to be learnt. */
export function directiveTurn({ sentence, words, slices }: DirectiveTask, at: number): Turn {
  const { target, side, slice_from: from, slice_to: to } = words;
  const answer = directiveText(words);
  const thought = `${targetName(target)}, ${side === 'any' ? 'either side' : side}, slices ${from} to ${to}.`;
  return {
    questionType: 'directive', task: null, question: directiveQuestion(sentence, slices, at), completion: `<think>${thought.charAt(0).toUpperCase()}${thought.slice(1)}</think><directive>${answer}</directive>`, answer,
    gold: { kind: 'directive', ...words }, style: 'reasoned', weight: 1,
  };
}
