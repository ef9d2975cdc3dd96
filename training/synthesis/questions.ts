/** Questions and answers about one image, made from its label, facts, boxes and measured pixels. Nothing is said that these do not support. */
import type { Random } from '#models/base/random.ts';
import { Random as RandomStream } from '#models/base/random.ts';
import { alterationPlace, alterationQuestion, alterationText, classWords, cueSentences, typeWords } from '#models/clinical/alteration.ts';
import { area, type Box } from '#models/clinical/finding.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { CaseRecord } from '#training/records/caseRecord.ts';
import { alterationOf, alterationType } from '#training/records/alteration.ts';
import { answerOfGold, curatedOf, curatedType, goldOfCurated, questionOf } from '#training/records/curated.ts';
import type { Turn } from '#training/records/turn.ts';
import {
  brightnessOf, brightnessOfGrid, hullOf, inReadingOrder, placeOf, places, shareOf, sideOf, wholeBox, type Brightness, type Size
} from './measure.ts';
import { boxList, capital, compare, completionOf, conclude, know, listed, measureStep, observe, type NamedBox, type Step } from './reasoning.ts';
import { labelQuestion, modalityNames, nounsFor, pluralOf, termOf, topicOf, wordingsOf } from './vocabulary.ts';
import { directly, fill, letterings, listings, wordings, type WordingName } from './wording.ts';

/** One image as the model sees it: augmented, resized, with its boxes in pixels of that picture. */
export interface CaseView {
  readonly record: CaseRecord;
  readonly picture: Picture;
  /** null: not annotated. */
  readonly boxes: readonly { readonly class: string; readonly box: Box }[] | null;
  readonly flippedX: boolean;
  readonly flippedY: boolean;
  /** Clockwise. */
  readonly quarterTurns: number;
}

/** How often each kind of question is drawn, relative to the others of its image. */
export const weights = {
  finding_class: 6, finding_yes_no: 1, abnormality_yes_no: 1.5, abnormality_where: 1, malignancy_yes_no: 1, presence_tumour: 3, presence_fluid: 3,
  laterality: 2, view: 1,
  localization_lungs: 4, localization_lesion: 4, localization_organ: 3, localization_cells: 4, localization_fluid: 3,
  count_white_blood_cells: 1, count_platelets: 1, count_fluid_regions: 1, region_class: 1,
  position: 0.7, side: 0.5, size: 0.5, share: 0.3, larger: 0.4,
  modality: 0.3, body_part: 0.2, specimen: 0.2, describe: 0.4,
  curated: 6, alteration: 6,
  brightness_side: 0.25, brightness_vertical: 0.25, brightness_quarter: 0.25, brightness_level: 0.15, symmetry: 0.15,
} as const satisfies Record<string, number>;

export type QuestionType = keyof typeof weights;

/** Every question that can be put to this view, each in one random wording, form and style; independent conversations, not one. */
export function synthesize(view: CaseView, random: Random): Turn[] {
  return turnsOf(sceneOf(view), random);
}

/**
 * Prompts and completions as training will show them, for a tokenizer to learn from. Needs no images: sizes and brightness are drawn at random.
 * `rounds` is how often each record is visited.
 */
export function* corpus(records: readonly CaseRecord[], seed: number, rounds = 1): Generator<string> {
  for (let round = 0; round < rounds; round++) {
    for (const record of records) {
      const random = RandomStream.named(seed, `${record.id}/${round}`);
      for (const { question, completion } of turnsOf(imagined(record, random), random)) {
        yield question;
        yield completion;
      }
    }
  }
}

/**
 * The fixed wordings by which a model is measured, for one of the index's question types; [] where the record does not carry the answer.
 * Box answers are in pixels of a picture of `size`, to which the stored image is resized without cropping.
 */
export function evaluationTurns(record: CaseRecord, questionType: string, size: Size, { direct = false } = {}): Turn[] {
  const random = RandomStream.named(0, `${record.id}/${questionType}`);
  const scene: Scene = {
    ...sceneFrame(record, size), brightness: brightnessOfGrid(new Float64Array(256)), eye: eyeOf(record, false), noun: nounsFor(record)[0]!,
  };
  const mode: Mode = { random, isFixed: true };
  const drafts = questionType === 'localization_cells'
    ? [cellsDraft(scene, mode, ['white_blood_cell']), cellsDraft(scene, mode, ['platelet'])]
    : questionType in makers && record.questionTypes.includes(questionType) ? [makers[questionType as QuestionType](scene, mode)] : [];
  return drafts.filter((draft) => draft !== null).map((draft) => turnOf(record, questionType as QuestionType, draft, direct));
}

/** What a question may speak of. */
interface Scene {
  readonly record: CaseRecord;
  readonly size: Size;
  readonly boxes: readonly SceneBox[] | null;
  readonly brightness: Brightness;
  readonly eye: 'left' | 'right' | null;
  readonly noun: string;
}

interface SceneBox extends NamedBox {
  readonly class: string;
}

/** How to word it: at random, or the one fixed way of evaluation. */
interface Mode {
  readonly random: Random;
  readonly isFixed: boolean;
}

/** A question with its steps and answer, before the style is chosen. */
interface Draft {
  readonly question: string;
  readonly steps: readonly Step[];
  readonly answer: string;
  readonly gold: Turn['gold'];
}

const directShare = 0.3;

function turnsOf(scene: Scene, random: Random): Turn[] {
  const turns: Turn[] = [];
  // A judged case asks what was judged and nothing else.
  const types = curatedOf(scene.record) ? [curatedType] as const : isOfAlterations(scene.record) ? [alterationType] as const : (Object.keys(makers) as QuestionType[]).filter((type) => type !== alterationType);
  for (const type of types) {
    const draft = makers[type]({ ...scene, noun: random.pick(nounsFor(scene.record)) }, { random, isFixed: false });
    if (draft) turns.push(turnOf(scene.record, type, draft, random.chance(directShare)));
  }
  return turns;
}

function turnOf(record: CaseRecord, type: QuestionType, { question, steps, answer, gold }: Draft, isDirect: boolean): Turn {
  return {
    questionType: type, task: labelQuestion(record) === type ? record.task : null,
    question: isDirect ? `${question}${question.includes('\n') ? '\n' : ' '}${directly}` : question,
    completion: completionOf(isDirect ? [] : steps, answer), answer, gold, style: isDirect ? 'direct' : 'reasoned', weight: weights[type],
  };
}

function sceneOf({ record, picture, boxes, flippedX, flippedY, quarterTurns }: CaseView): Scene {
  const isTurned = flippedY || quarterTurns % 4 !== 0;
  return {
    record, size: picture, boxes: boxes && sceneBoxes(boxes, picture), brightness: brightnessOf(picture),
    eye: isTurned ? null : eyeOf(record, flippedX), noun: '',
  };
}

/** The record's boxes on a picture of another size. */
function sceneFrame(record: CaseRecord, size: Size): Pick<Scene, 'record' | 'size' | 'boxes'> {
  const [sx, sy] = [size.width / record.width, size.height / record.height];
  const boxes = record.boxes?.map(
    ({ class: name, box }) => ({ class: name, box: { x1: box.x1 * sx, y1: box.y1 * sy, x2: box.x2 * sx, y2: box.y2 * sy } }),
  );
  return { record, size, boxes: boxes ? sceneBoxes(boxes, size) : null };
}

function imagined(record: CaseRecord, random: Random): Scene {
  const scale = random.between(112, 240) / Math.max(record.width, record.height);
  const size = { width: Math.max(28, Math.round(record.width * scale)), height: Math.max(28, Math.round(record.height * scale)) };
  const grid = Float64Array.from({ length: 256 }, () => random.uniform() * 0.3 + random.uniform() * 0.2);
  for (let cell = 0; cell < 256; cell++) grid[cell]! += cell % 16 < 8 === random.chance(0.7) ? 0.2 : 0;
  return { ...sceneFrame(record, size), brightness: brightnessOfGrid(grid), eye: eyeOf(record, random.chance(0.5)), noun: '' };
}

const sceneBoxes = (boxes: readonly { readonly class: string; readonly box: Box }[], size: Size): SceneBox[] =>
  inReadingOrder(boxes.map(({ class: name, box }) => ({ class: name, label: termOf(name).name, box: wholeBox(box, size) })), size);

function eyeOf({ facts }: CaseRecord, isMirrored: boolean): Scene['eye'] {
  const eye = facts['eye'];
  if (eye !== 'left' && eye !== 'right') return null;
  return isMirrored ? (eye === 'left' ? 'right' : 'left') : eye;
}

/** Its pictures are made, so that nothing else about them can be asked. */
const isOfAlterations = ({ questionTypes }: Pick<CaseRecord, 'questionTypes'>): boolean => questionTypes.includes(alterationType);

// What can be asked. Each maker gives a draft, or null where this scene does not answer the question.

type Maker = (scene: Scene, mode: Mode) => Draft | null;

const makers: { readonly [T in QuestionType]: Maker } = {
  finding_class(scene, mode) {
    const { record } = scene;
    if (!record.questionTypes.includes('finding_class')) return null;
    const names = record.labelsSpace.map((label) => termOf(label).name);
    return wordDraft(scene, mode, {
      type: 'finding_class', slots: { topic: topicOf(record.task) }, names, right: record.labelsSpace.indexOf(record.label),
      wordings: record.labelsSpace.map(wordingsOf), steps: labelSteps(scene, mode),
    });
  },

  finding_yes_no(scene, mode) {
    const { record } = scene;
    if (!record.questionTypes.includes('finding_class')) return null;
    const askable = record.labelsSpace.filter((label) => !termOf(label).name.startsWith('no '));
    const others = askable.filter((label) => label !== record.label);
    const isTrue = others.length === 0 || (askable.includes(record.label) && mode.random.chance(0.5));
    const asked = isTrue ? record.label : mode.random.pick(others);
    return yesNoDraft(
      scene, mode, 'finding_yes_no', asked === record.label, labelSteps(scene, mode), { name: thingOf(asked), topic: topicOf(record.task) },
    );
  },

  abnormality_yes_no(scene, mode) {
    const abnormal = scene.record.facts['abnormal'];
    if (typeof abnormal !== 'boolean') return null;
    return yesNoDraft(scene, mode, 'abnormality_yes_no', abnormal, labelSteps(scene, mode));
  },

  abnormality_where(scene, mode) {
    const lesions = lesionsOf(scene);
    const isAbnormal = lesions.length > 0 || scene.record.facts['abnormal'] === true;
    if (!isAbnormal && scene.record.facts['abnormal'] !== false) return null;
    // Where similar images do have boxes, an answer without a place would teach that none is needed.
    if (isAbnormal && lesions.length === 0 && boxedElsewhere.includes(scene.record.task)) return null;
    const shown = lesions.length > 0 ? regionsInWords(lesions, scene) : thingOf(scene.record.label);
    return {
      question: ask('abnormality_where', scene, mode), steps: lesions.length > 0 ? lesionSteps(lesions, scene, mode) : labelSteps(scene, mode),
      answer: isAbnormal ? `yes, ${shown}` : 'no', gold: isAbnormal ? { kind: 'yesNo', value: true, named: namedIn(lesions, scene) } : { kind: 'yesNo', value: false },
    };
  },

  malignancy_yes_no(scene, mode) {
    const malignant = scene.record.facts['malignant'];
    return typeof malignant === 'boolean' ? yesNoDraft(scene, mode, 'malignancy_yes_no', malignant, labelSteps(scene, mode)) : null;
  },

  presence_tumour: (scene, mode) => presenceDraft(scene, mode, 'presence_tumour', 'tumour_present', 'kidney_tumour'),
  presence_fluid: (scene, mode) => presenceDraft(scene, mode, 'presence_fluid', 'fluid', 'retinal_fluid'),

  laterality(scene, mode) {
    if (!scene.eye) return null;
    const sides = ['left', 'right'];
    return wordDraft(scene, mode, {
      type: 'laterality', slots: {}, names: sides, right: sides.indexOf(scene.eye),
      wordings: sides.map((side) => [side, `${side} eye`, `the ${side} eye`]),
      steps: [observe(`this is a ${scene.eye} eye`)],
    });
  },

  view(scene, mode) {
    const views = ['PA', 'AP', 'AP_supine'];
    const right = views.indexOf(String(scene.record.facts['view']));
    if (right < 0 || !scene.record.questionTypes.includes('view')) return null;
    const names = views.map((view) => view.replace('_', ' '));
    return wordDraft(scene, mode, {
      type: 'view', slots: {}, names, right, wordings: names.map((name) => [name]), steps: [observe(`the film looks like a ${names[right]!} view`)],
    });
  },

  localization_lungs(scene, mode) {
    if (!scene.boxes || !scene.record.questionTypes.includes('localization_lungs')) return null;
    const [right, left] = ['right_lung', 'left_lung'] as const;
    const asked: readonly string[] = mode.isFixed ? [right, left] : mode.random.pick([[right, left], [left, right], [right], [left]]);
    const found = [...scene.boxes].filter((box) => asked.includes(box.class)).sort((a, b) => a.box.x1 - b.box.x1);
    const names = listed(asked.map((name) => termOf(name).shown));
    const thing = asked.length < 2 ? names : mode.isFixed ? 'both lungs' : mode.random.pick(['both lungs', 'the lungs', names]);
    const convention = found.length > 0 && found.every(isConventional(scene)) ? [know('the patient\'s right side is on the left of the image')] : [];
    const steps = [...(mode.random.chance(0.4) ? convention : []), ...found.slice(0, 2).map((box) => observe(liesIn(box, scene)))];
    return boxesDraft(scene, mode, { thing, isPlural: asked.length > 1, found, steps });
  },

  localization_lesion(scene, mode) {
    if (!scene.boxes || lesionClasses(scene.record).length === 0 || scene.record.questionTypes.includes('localization_fluid')) return null;
    const found = lesionsOf(scene);
    if (found.length === 0 && scene.record.facts['abnormal'] !== false) return null;
    if (new Set(found.map((box) => box.class)).size === 1 && ['hard_exudates'].includes(found[0]!.class)) return scatteredDraft(scene, mode, found);
    if (found.length > maxListed) return largestDraft(scene, mode, found, 'bleeding region');
    const isNamed = found.length > 0 && !mode.isFixed && mode.random.chance(0.4) && new Set(found.map((box) => box.class)).size === 1;
    const thing = isNamed ? `the ${found[0]!.label}` : genericLesion(scene.record);
    const absent = observe(`no ${genericLesion(scene.record).replace('the ', '')} is seen`);
    const steps = found.length > 0 ? lesionSteps(found, scene, mode, mode.random.chance(0.3)) : [absent];
    return boxesDraft(scene, mode, { thing, isPlural: false, found, steps });
  },

  localization_organ(scene, mode) {
    const found = scene.boxes?.filter((box) => box.class === 'kidney') ?? [];
    if (found.length === 0 || !scene.record.questionTypes.includes('localization_organ')) return null;
    const steps = found.slice(0, 2).map((box) => observe(liesIn(box, scene)));
    return boxesDraft(scene, mode, { thing: 'the kidneys', isPlural: true, found: found.slice(0, maxListed), steps });
  },

  localization_cells(scene, mode) {
    return cellsDraft(scene, mode, mode.random.pick([['white_blood_cell'], ['white_blood_cell'], ['platelet'], ['white_blood_cell', 'platelet']]));
  },

  localization_fluid(scene, mode) {
    const found = scene.boxes?.filter((box) => box.class === 'retinal_fluid') ?? [];
    if (!scene.boxes || !scene.record.questionTypes.includes('presence_fluid')) return null;
    if (mode.isFixed ? found.length > maxListed : found.length > 2 && mode.random.chance(0.6)) return scatteredDraft(scene, mode, found);
    if (found.length > maxListed) return scatteredDraft(scene, mode, found);
    const steps = [observe(found.length > 0 ? regionsInWords(found, scene) : 'no retinal fluid is seen')];
    return boxesDraft(scene, mode, { thing: 'the retinal fluid', isPlural: false, found, steps });
  },

  count_white_blood_cells: (scene, mode) => countDraft(scene, mode, 'count_white_blood_cells', 'white_blood_cell'),
  count_platelets: (scene, mode) => countDraft(scene, mode, 'count_platelets', 'platelet'),
  count_fluid_regions: (scene, mode) => countDraft(scene, mode, 'count_fluid_regions', 'retinal_fluid'),

  region_class(scene, mode) {
    const classes = [...new Set(scene.boxes?.map((box) => box.class) ?? [])];
    const space = regionSpaces.find((names) => classes.some((name) => names.includes(name)));
    const askable = classes.filter((name) => space?.includes(name));
    if (!space || askable.length === 0) return null;
    const wanted = mode.random.pick(askable);
    const chosen = mode.random.pick(scene.boxes!.filter((box) => box.class === wanted));
    const { x1, y1, x2, y2 } = chosen.box;
    return wordDraft(scene, mode, {
      type: 'region_class', slots: { box: `[${x1}, ${y1}, ${x2}, ${y2}]` }, names: space.map((name) => termOf(name).name),
      right: space.indexOf(wanted),
      wordings: space.map(wordingsOf), steps: [observe(`the box holds ${termOf(wanted).shown}`, [chosen])],
    });
  },

  position(scene, mode) {
    const chosen = pickSingle(scene, mode);
    if (!chosen) return null;
    const place = placeOf(chosen.box, scene.size);
    return wordDraft(scene, mode, {
      type: 'position', slots: { thing: theOf(chosen) }, names: places, right: places.indexOf(place as (typeof places)[number]),
      wordings: places.map((name) => [name]),
      steps: [observe(liesIn(chosen, scene), [chosen])],
    });
  },

  side(scene, mode) {
    const chosen = pickSingle(scene, mode);
    const side = chosen && sideOf(chosen.box, scene.size);
    if (!side) return null;
    const convention = isLung(chosen) && isConventional(scene)(chosen) ? [know('the patient\'s right side is on the left of the image')] : [];
    return wordDraft(scene, mode, {
      type: 'side', slots: { thing: theOf(chosen) }, names: ['left', 'right'], right: side === 'left' ? 0 : 1,
      wordings: ['left', 'right'].map((name) => [name, `${name} half`, `${name} side`]),
      steps: [...convention, observe(`${theOf(chosen)} is in the ${side} half of the image`, [chosen])],
    });
  },

  size(scene, mode) {
    const chosen = pickSingle(scene, mode);
    if (!chosen) return null;
    const isWidth = mode.random.chance(0.5);
    const value = isWidth ? chosen.box.x2 - chosen.box.x1 : chosen.box.y2 - chosen.box.y1;
    const slots = { thing: theOf(chosen), dimension: isWidth ? 'wide' : 'high', extent: isWidth ? 'width' : 'height' };
    return numberDraft(
      scene, mode, 'size', value, Math.max(4, 0.12 * value), [measureStep(`${theOf(chosen)} is ${value} pixels ${slots.dimension}`, [chosen])], slots,
    );
  },

  share(scene, mode) {
    const chosen = pickSingle(scene, mode);
    if (!chosen) return null;
    const value = Math.round(shareOf(chosen.box, scene.size));
    return numberDraft(
      scene, mode, 'share', value, Math.max(3, 0.15 * value), [measureStep(`${theOf(chosen)} covers ${value} percent of the image`, [chosen])],
      { thing: theOf(chosen) },
    );
  },

  larger(scene, mode) {
    const pair = mode.random.shuffled(scene.boxes?.filter(isLung) ?? []);
    const [one, other] = pair;
    if (!one || !other || pair.length !== 2) return null;
    const ratio = area(one.box) / area(other.box);
    if (ratio < 1.12 && ratio > 1 / 1.12) return null;
    const [larger, smaller] = ratio > 1 ? [one, other] : [other, one];
    const wordings = [one, other].map((box) => wordingsOf(box.class));
    return wordDraft(scene, mode, {
      type: 'larger', slots: { thing: theOf(one), other: theOf(other) }, names: [one.label, other.label], right: larger === one ? 0 : 1, wordings,
      steps: [compare(`${theOf(larger)} has a larger box than ${theOf(smaller)}`, [larger, smaller])],
    });
  },

  modality(scene, mode) {
    const kinds = Object.keys(modalityNames);
    const right = kinds.indexOf(scene.record.modality);
    const names = kinds.map((kind) => modalityNames[kind]!.name);
    return wordDraft(scene, mode, {
      type: 'modality', slots: {}, names, right, wordings: kinds.map((kind) => [modalityNames[kind]!.name, ...modalityNames[kind]!.synonyms]),
      steps: [observe(`the image was made by ${names[right]!}`)],
    });
  },

  body_part(scene, mode) {
    const parts = ['chest', 'head', 'brain', 'abdomen', 'breast', 'skin', 'retina'];
    const right = parts.indexOf(String(scene.record.facts['body_part']));
    if (right < 0) return null;
    // A head and a brain are the same picture under two names, so that only one of them stands among the options.
    const names = parts.filter((part) => part !== (parts[right] === 'head' ? 'brain' : 'head'));
    const synonyms: Readonly<Record<string, readonly string[]>> = {
      head: ['brain', 'skull'], brain: ['head'], chest: ['thorax', 'lungs'], retina: ['eye', 'eye fundus'],
    };
    return wordDraft(scene, mode, {
      type: 'body_part', slots: {}, names, right: names.indexOf(parts[right]!),
      wordings: names.map((part) => [part, `the ${part}`, ...(synonyms[part] ?? [])]), steps: [observe(`the image shows the ${parts[right]!}`)],
    });
  },

  specimen(scene, mode) {
    const specimens = ['peripheral blood smear', 'lung tissue section'];
    const right = specimens.indexOf(String(scene.record.facts['specimen']));
    if (right < 0) return null;
    return wordDraft({ ...scene, noun: 'image' }, mode, {
      type: 'specimen', slots: {}, names: specimens, right,
      wordings: [['peripheral blood smear', 'blood smear', 'blood'], ['lung tissue section', 'lung tissue', 'tissue section', 'lung']],
      steps: [observe(`the image shows a ${specimens[right]!}`)],
    });
  },

  describe(scene, mode) {
    const lesions = lesionsOf(scene);
    const isLabelled = scene.record.questionTypes.includes('finding_class');
    if (!isLabelled && lesions.length === 0) return null;
    const opening = `${capital(articled(nounsFor(scene.record)[0]!))}.`;
    const body = lesions.length > 0 ? `${capital(regionsInWords(lesions, scene))}.` : `${capital(claimOf(scene, mode, scene.record.label))}.`;
    const answer = [opening, body, ...brightnessClaims(scene).slice(0, 1).map((claim) => `${capital(claim)}.`)].join(' ');
    return {
      question: ask('describe', scene, mode), steps: lesions.length > 0 ? lesionSteps(lesions, scene, mode) : labelSteps(scene, mode), answer,
      gold: { kind: 'text', text: answer }
    };
  },

  curated(scene) {
    const curated = curatedOf(scene.record);
    if (!curated || (scene.boxes === null && (curated.gold.kind === 'boxes' || curated.gold.kind === 'points'))) return null;
    const gold = goldOfCurated(curated, scene.boxes ?? []);
    return { question: questionOf(curated), steps: curated.steps.map(({ kind, text }) => ({ kind, text })), answer: answerOfGold(gold), gold };
  },

  alteration(scene) {
    const found = alterationOf(scene.record);
    const box = scene.boxes?.[0]?.box ?? null;
    if (!found || (found.class === 'TAMPERED') !== (box !== null)) return null;
    const { class: name, type, fact: { cues } } = found;
    const steps = box
      ? [observe(`something stands out ${alterationPlace(box, scene.size)}`), ...cues.map((cue) => observe(cueSentences[cue])), ...(type ? [conclude(`it looks most like ${typeWords[type]}`)] : [])]
      : [observe(name === 'REAL' ? 'nothing stands out' : 'no part stands out, the whole looks drawn'), conclude(`the image looks ${classWords[name]}`)];
    const claim = { class: name, type, box } as const;
    return { question: alterationQuestion, steps, answer: alterationText(claim), gold: { kind: 'alteration', ...claim } };
  },

  brightness_side: ({ brightness: { left, right }, ...scene }, mode) => halfDraft(scene, mode, 'brightness_side', ['left', left], ['right', right]),
  brightness_vertical: ({ brightness: { upper, lower }, ...scene }, mode) =>
    halfDraft(scene, mode, 'brightness_vertical', ['upper', upper], ['lower', lower]),

  brightness_quarter(scene, mode) {
    const { upperLeft, upperRight, lowerLeft, lowerRight } = scene.brightness.quarters;
    const names = ['upper left', 'upper right', 'lower left', 'lower right'];
    const values = [upperLeft, upperRight, lowerLeft, lowerRight];
    const [best, second] = [...values].sort((a, b) => b - a) as [number, number];
    if (best - second < clearDifference) return null;
    const right = values.indexOf(best);
    return wordDraft(scene, mode, {
      type: 'brightness_quarter', slots: {}, names, right, wordings: names.map((name) => [name, `${name} quarter`]),
      steps: [measureStep(`the ${names[right]!} quarter is brightest, at ${percent(best)} percent`)],
    });
  },

  brightness_level(scene, mode) {
    const { whole } = scene.brightness;
    const scale = ['dark', 'medium', 'bright'];
    const value = whole < 0.27 ? 'dark' : whole > 0.33 && whole < 0.52 ? 'medium' : whole > 0.58 ? 'bright' : null;
    if (!value) return null;
    return {
      question: ask('brightness_level', scene, mode), steps: [measureStep(`the mean brightness is ${percent(whole)} percent, which is ${value}`)],
      answer: value, gold: { kind: 'ordinal', value, scale }
    };
  },

  symmetry(scene, mode) {
    const { asymmetry } = scene.brightness;
    if (asymmetry > 0.05 && asymmetry < 0.08) return null;
    const isAlike = asymmetry <= 0.05;
    return yesNoDraft(
      scene, mode, 'symmetry', isAlike,
      [compare(isAlike ? 'the left and right halves mirror each other closely' : 'the left and right halves differ in brightness')],
    );
  },
};

// Drafts by form of answer.

interface WordQuestion {
  readonly type: WordingName;
  readonly slots: Readonly<Record<string, string>>;
  /** What may be answered, as it is displayed; `right` is the index of the answer. */
  readonly names: readonly string[];
  readonly right: number;
  /** For each name, all that counts as it. */
  readonly wordings: readonly (readonly string[])[];
  readonly steps: readonly Step[];
}

/** An answer in a word: by letter, by a word from a list, or by a word alone. */
function wordDraft(scene: Pick<Scene, 'noun'>, mode: Mode, { type, slots, names, right, wordings: accepted, steps }: WordQuestion): Draft {
  const { random, isFixed } = mode;
  const stem = ask(type, scene, mode, slots);
  const answer = names[right]!;
  const accept = accepted[right]!;
  const reject = accepted.flatMap((list, index) => (index === right ? [] : list)).filter((wording) => !accept.includes(wording));
  const gold: Turn['gold'] = { kind: 'word', accept, reject };
  const form = isFixed ? 'listed' : random.pick(['open', 'listed', 'listed', 'lettered'] as const);
  if (form === 'open') return { question: stem, steps, answer, gold };
  if (form === 'listed') {
    const shown = isFixed || random.chance(0.5) ? names : random.shuffled(names);
    const listing = fill(isFixed ? listings[0] : random.pick(listings), { list: shown.join(', ') });
    return { question: `${stem} ${listing}`, steps, answer, gold };
  }
  const others = names.filter((_, index) => index !== right);
  const kept = others.length > 4 && random.chance(0.7) ? random.shuffled(others).slice(0, 1 + random.below(4)) : others;
  const options = random.shuffled([answer, ...kept]);
  const at = options.indexOf(answer);
  const letter = String.fromCharCode(65 + at);
  const ending = random.pick(letterings);
  return {
    question: [stem, ...options.map((option, index) => `${String.fromCharCode(65 + index)}. ${option}`), ...(ending ? [ending] : [])].join('\n'),
    steps: [...steps, conclude(`that is option ${letter}`)], answer: letter, gold: { kind: 'choice', options, right: at },
  };
}

function yesNoDraft(
  scene: Pick<Scene, 'noun'>, mode: Mode, type: WordingName, value: boolean, steps: readonly Step[], slots: Readonly<Record<string, string>> = {},
): Draft {
  return { question: ask(type, scene, mode, slots), steps, answer: value ? 'yes' : 'no', gold: { kind: 'yesNo', value } };
}

function numberDraft(
  scene: Scene, mode: Mode, type: WordingName, value: number, tolerance: number, steps: readonly Step[], slots: Readonly<Record<string, string>>,
): Draft {
  return { question: ask(type, scene, mode, slots), steps, answer: String(value), gold: { kind: 'number', value, tolerance } };
}

/** Boxes are listed up to this many; of more, the largest are asked for. */
const maxListed = 8;

function boxesDraft(
  scene: Scene, mode: Mode,
  { thing, isPlural, found, steps }: { thing: string; isPlural: boolean; found: readonly SceneBox[]; steps: readonly Step[] },
): Draft {
  return {
    question: ask('localization', scene, mode, { thing, be: isPlural ? 'are' : 'is' }), steps, answer: boxList(found),
    gold: { kind: 'boxes', boxes: found.map(({ label, box }) => ({ label, box })), matchLabels: new Set(found.map((box) => box.class)).size > 1 },
  };
}

/** Many small things: the few largest, or one box around them all. Evaluation asks for the one box. */
function scatteredDraft(scene: Scene, mode: Mode, found: readonly SceneBox[]): Draft {
  const name = found[0]!.class;
  const things = name === 'retinal_fluid' ? 'fluid regions' : pluralOf(name);
  if (!mode.isFixed && mode.random.chance(0.5)) return largestDraft(scene, mode, found, things.replace(/s$/, ''));
  const hull: SceneBox = { class: name, label: found[0]!.label, box: hullOf(found.map((box) => box.box)) };
  return {
    question: ask('localization_hull', scene, mode, { things }), answer: boxList([hull]),
    gold: { kind: 'boxes', boxes: [{ label: hull.label, box: hull.box }], matchLabels: false },
    steps: [observe(`the ${things} spread around the ${placeOf(hull.box, scene.size)} of the image`)],
  };
}

function largestDraft(scene: Scene, mode: Mode, found: readonly SceneBox[], thing: string): Draft {
  const count = Math.min(found.length, mode.isFixed ? 4 : 2 + mode.random.below(3));
  const kept = largestOf(found, count, scene);
  const largest = largestIn(kept);
  return {
    question: ask('localization_largest', scene, mode, { count: String(count), things: `${thing}s` }), answer: boxList(kept),
    gold: { kind: 'boxes', boxes: kept.map(({ label, box }) => ({ label, box })), matchLabels: false },
    steps: [observe(`the largest lies in the ${placeOf(largest.box, scene.size)} of the image`)],
  };
}

function cellsDraft(scene: Scene, mode: Mode, classes: readonly string[]): Draft | null {
  if (!scene.boxes || !scene.record.questionTypes.includes('localization_cells')) return null;
  const found = scene.boxes.filter((box) => classes.includes(box.class));
  if (found.length > maxListed) return null;
  const steps = [observe(listed(classes.map((name) => countInWords(found.filter((box) => box.class === name).length, name))) + ' in view')];
  return boxesDraft(scene, mode, { thing: `the ${listed(classes.map(pluralOf))}`, isPlural: true, found, steps });
}

function countDraft(scene: Scene, mode: Mode, type: QuestionType, name: string): Draft | null {
  const { questionTypes } = scene.record;
  if (!scene.boxes || !(questionTypes.includes(type) || (name === 'retinal_fluid' && questionTypes.includes('presence_fluid')))) return null;
  const found = scene.boxes.filter((box) => box.class === name);
  const things = name === 'retinal_fluid' ? 'fluid regions' : pluralOf(name);
  const regions = found.length === 1 ? '1 fluid region' : `${found.length || 'no'} fluid regions`;
  const said = name === 'retinal_fluid' ? regions : countInWords(found.length, name);
  const step = observe(`${said} in view`, found.length <= 3 ? found : []);
  return numberDraft(scene, mode, 'count', found.length, 0, [step], { things });
}

function presenceDraft(scene: Scene, mode: Mode, type: 'presence_tumour' | 'presence_fluid', present: string, name: string): Draft | null {
  if (!scene.record.questionTypes.includes(type)) return null;
  const value = scene.record.label === present;
  const found = scene.boxes?.filter((box) => box.class === name) ?? [];
  const plain = observe(value ? `${termOf(name).shown} is seen` : `no ${termOf(name).name} is seen`);
  const steps = value && found.length > 0 ? lesionSteps(found, scene, mode) : [plain];
  return yesNoDraft(scene, mode, type, value, steps);
}

/** Two halves differ clearly, in mean brightness, from here on. */
const clearDifference = 0.03;
const percent = (part: number): number => Math.round(100 * part);

type Half = readonly [name: string, brightness: number];

function halfDraft(scene: Pick<Scene, 'noun'>, mode: Mode, type: WordingName, one: Half, other: Half): Draft | null {
  if (Math.abs(one[1] - other[1]) < clearDifference) return null;
  const brighter = one[1] > other[1] ? one : other;
  const darker = brighter === one ? other : one;
  const names = [one[0], other[0]];
  return wordDraft(scene, mode, {
    type, slots: {}, names, right: brighter === one ? 0 : 1,
    wordings: names.map((name) => [name, `${name} half`, `the ${name} half`, `${name} side`]),
    steps: [measureStep(
      `the ${brighter[0]} half has ${percent(brighter[1])} percent brightness, the ${darker[0]} half ${percent(darker[1])} percent`,
    )],
  });
}

// Sentences.

function ask(type: WordingName, { noun }: Pick<Scene, 'noun'>, { random, isFixed }: Mode, slots: Readonly<Record<string, string>> = {}): string {
  const list: readonly string[] = wordings[type];
  return fill(isFixed ? list[0]! : random.pick(list), { image: noun, ...slots });
}

/** What the label says about the picture, early and in one sentence; with the boxes where the label has any, and now and then a measurement. */
function labelSteps(scene: Scene, mode: Mode): Step[] {
  const { record } = scene;
  const cited = scene.boxes?.filter((box) => box.class === record.label || box.class === `${record.label}_lesion`) ?? [];
  if (cited.length > 0) return lesionSteps(cited, scene, mode);
  const claims = brightnessClaims(scene);
  const extra = claims.length > 0 && mode.random.chance(0.35) ? [measureStep(mode.random.pick(claims))] : [];
  return [observe(claimOf(scene, mode, record.label)), ...extra];
}

function claimOf({ noun }: Scene, { random }: Mode, label: string): string {
  const { kind, name, shown } = termOf(label);
  if (name.startsWith('no ')) return random.pick([`${name} is seen`, `this ${noun || 'image'} shows ${name}`]);
  return kind === 'adjective'
    ? random.pick([`the appearance is ${name}`, `this ${noun || 'image'} looks ${name}`])
    : random.pick([`the appearance fits ${shown}`, `this ${noun || 'image'} looks like ${shown}`]);
}

/** Of more regions than this, a step cites the largest. */
const maxCited = 4;

/** The regions in words, citing them; the measurement is of a single one. */
function lesionSteps(found: readonly SceneBox[], scene: Scene, { random }: Mode, isCited = true): Step[] {
  const [only] = found;
  const first = observe(regionsInWords(found, scene), isCited ? largestOf(found, maxCited, scene) : []);
  if (found.length !== 1 || !only || !random.chance(0.4)) return [first];
  const { x1, y1, x2, y2 } = only.box;
  return [first, measureStep(`it is ${x2 - x1} pixels wide and ${y2 - y1} pixels high`)];
}

/** In reading order. */
const largestOf = (found: readonly SceneBox[], count: number, { size }: Scene): SceneBox[] =>
  inReadingOrder([...found].sort((a, b) => area(b.box) - area(a.box)).slice(0, count), size);

/** "a meningioma in the upper left of the image", "3 regions of glioma, the largest in the centre of the image". */
function regionsInWords(found: readonly SceneBox[], { size }: Scene): string {
  const largest = largestIn(found);
  const place = `the ${placeOf(largest.box, size)} of the image`;
  if (found.length === 1) return `${termOf(largest.class).shown} in ${place}`;
  const kinds = [...new Set(found.map((box) => box.label))];
  return `${found.length > maxListed ? 'many' : found.length} regions of ${listed(kinds)}, the largest in ${place}`;
}

function brightnessClaims({ brightness: { left, right, upper, lower } }: Scene): string[] {
  const claims: string[] = [];
  for (const [one, other, difference] of [['left', 'right', left - right], ['upper', 'lower', upper - lower]] as const) {
    const [brighter, darker] = difference > 0 ? [one, other] : [other, one];
    if (Math.abs(difference) >= clearDifference) claims.push(`the ${brighter} half is brighter than the ${darker} half`);
  }
  return claims;
}

/** What names an abnormality rightly: the label or the class of a lesion, none of the other findings it could be; and, of lesions, the place of the largest. */
function namedIn(lesions: readonly SceneBox[], { record, size }: Scene): NonNullable<Extract<Turn['gold'], { readonly kind: 'yesNo' }>['named']> {
  const classes = new Set(lesions.map((box) => box.class));
  const space = regionSpaces.find((names) => names.some((name) => classes.has(name))) ?? [];
  const right = [...classes, ...(record.facts['abnormal'] === false ? [] : [record.label])];
  const accept = [...right.flatMap(wordingsOf), ...(lesions.length > 0 ? [genericLesion(record).replace('the ', '')] : [])];
  const others = [...record.labelsSpace, ...space].filter((name) => !right.includes(name));
  const finding = { accept, reject: others.flatMap(wordingsOf).filter((wording) => !accept.includes(wording)) };
  if (lesions.length === 0) return [finding];
  const place = placeOf(largestIn(lesions).box, size);
  return [finding, { accept: [place], reject: places.filter((name) => name !== place) }];
}

const largestIn = (found: readonly SceneBox[]): SceneBox => found.reduce((best, box) => (area(box.box) > area(best.box) ? box : best));

const liesIn = (box: SceneBox, { size }: Scene): string => `${theOf(box)} lies in the ${placeOf(box.box, size)} of the image`;
const theOf = ({ label }: SceneBox): string => `the ${label}`;
export const articled = (noun: string): string => `${/^(?:[aeiou]|MRI|MR |OCT|X-)/i.test(noun) && !/^u(?:s|ni)/i.test(noun) ? 'an' : 'a'} ${noun}`;

function countInWords(count: number, name: string): string {
  if (count === 0) return `no ${termOf(name).name}`;
  return count === 1 ? `1 ${termOf(name).name}` : `${count} ${pluralOf(name)}`;
}

/** A label as a thing that can be seen: "a glioma", "a malignant finding". */
function thingOf(label: string): string {
  const { kind, name, shown } = termOf(label);
  if (kind === 'noun') return shown;
  return name === 'normal' ? 'a normal appearance' : `a ${name} finding`;
}

// Which boxes are which.

const organs = ['right_lung', 'left_lung', 'kidney', 'red_blood_cell', 'white_blood_cell', 'platelet'];
const regionSpaces: readonly (readonly string[])[] = [
  ['red_blood_cell', 'white_blood_cell', 'platelet'], ['right_lung', 'left_lung'], ['kidney', 'kidney_tumour'],
  ['epidural_haemorrhage', 'intraparenchymal_haemorrhage', 'intraventricular_haemorrhage', 'subarachnoid_haemorrhage', 'subdural_haemorrhage'],
  ['glioma', 'meningioma', 'pituitary_tumour'], ['benign_lesion', 'malignant_lesion'],
];

const lesionsOf = ({ boxes }: Scene): SceneBox[] => boxes?.filter((box) => !organs.includes(box.class)) ?? [];

/** Tasks of which some images, or images just like them, have lesion boxes. */
const boxedElsewhere = ['mri_brain_tumour_4', 'us_breast_3', 'ct_head_2'];

/** Whether lesions are what this record's boxes are about. */
const lesionClasses = ({ boxes, questionTypes }: CaseRecord): readonly string[] => {
  if (!boxes) return [];
  if (questionTypes.includes('localization_lesion')) return ['lesion'];
  return boxes.length === 0 && !questionTypes.some((type) => type.startsWith('localization_')) ? ['lesion'] : [];
};

function genericLesion({ set, facts }: CaseRecord): string {
  if (set.startsWith('ct_haemorrhage')) return 'the bleeding';
  return facts['body_part'] === 'brain' || set.startsWith('ct_kidney') ? 'the tumour' : 'the lesion';
}

const isLung = ({ class: name }: SceneBox): boolean => name === 'right_lung' || name === 'left_lung';

/** The patient's right is on the left of the image. */
const isConventional = ({ size }: Scene) => (box: SceneBox): boolean => sideOf(box.box, size) === (box.class === 'right_lung' ? 'left' : 'right');

/** A box whose class stands alone in the picture, so that "the …" is clear. */
function pickSingle({ boxes }: Scene, { random }: Mode): SceneBox | null {
  const singles = boxes?.filter((box) => box.class !== 'red_blood_cell' && boxes.filter((other) => other.class === box.class).length === 1) ?? [];
  return singles.length > 0 ? random.pick(singles) : null;
}
