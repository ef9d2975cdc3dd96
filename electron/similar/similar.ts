/** Similar cases over the library, classes told apart by words, and the odd one of three: the library is seen in the background, one picture after another. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Publish } from '#electron/contract/events.ts';
import type { StudyDetail, StudySummary } from '#electron/contract/library.ts';
import type { AskedView } from '#electron/contract/review.ts';
import type { NearDuplicate, OddQuestion, OddReport, SimilarHit, SimilarState, Sought, Telling } from '#electron/contract/similar.ts';
import { writeWhole } from '#electron/storage/atomic.ts';
import { Fault } from '#models/base/fault.ts';
import { Random } from '#models/base/random.ts';
import type { PromptEnsemble } from '#models/clinical/promptEnsemble.ts';
import type { Picture } from '#models/imaging/image.ts';
import { encodePng } from '#models/imaging/png.ts';
import { resize } from '#models/imaging/resize.ts';
import { perceptualInitialization } from '#training/recipes/perceptualInitialization.ts';
import type { Finder, OpenedFinder, Place, ToldPicture } from './finder.ts';
import { nextQuestion, openOddAnswers, reportOf, type OddQuestionDraft } from './odd.ts';

/** A curated case with the label that a person gave it. */
export interface LabelledPicture {
  readonly id: string;
  readonly studyId: string;
  readonly label: string;
  readonly path: string;
}

export interface SimilarOptions {
  /** Of this person. */
  readonly folder: string;
  /** The encoder's. */
  readonly encoder: string;
  readonly finder: Finder;
  readonly publish: Publish;
  readonly now: () => string;
  readonly by: string;
  readonly studies: () => readonly StudySummary[];
  readonly study: (studyId: string) => Promise<StudyDetail>;
  readonly picture: (view: AskedView) => Promise<{ readonly picture: Picture }>;
  readonly curated: () => readonly LabelledPicture[];
}

export interface SimilarCases {
  state(): Promise<SimilarState>;
  index(): Promise<SimilarState>;
  stop(): void;
  search(sought: Sought, most: number): Promise<SimilarHit[]>;
  duplicates(): Promise<NearDuplicate[]>;
  tell(ensemble: PromptEnsemble, over: 'library' | 'curated'): Promise<Telling>;
  ask(): Promise<OddQuestion>;
  answer(answer: { readonly questionId: string; readonly odd: number | null; readonly seconds: number; readonly screenScale: number }): OddReport;
  withdraw(): OddReport;
  report(): OddReport;
  export(): Promise<{ folder: string; judgements: number; images: number }>;
  close(): void;
}

/** Slices of a series that are seen: evenly spread, the middle one among them. */
const slicesOfSeries = 3;
const mostLeft = 50;
/** Milliseconds between two news of how far it is. */
const newsEvery = 250;
/** Pixels of a judged picture's longer side, as it is kept for learning. */
const keptSide = 224;

export const viewOfKey = (key: string): AskedView => (key.includes('-') ? { kind: 'frame', frameId: key, window: null } : { kind: 'slide', slideId: key, region: null });

/** The pictures that stand for a study. */
export function placesOf({ study, series }: StudyDetail): readonly Place[] {
  return series.flatMap(({ id, slide, frames }) => {
    const keys = slide ? [slide.id] : frames.length <= slicesOfSeries ? frames.map((frame) => frame.id) : Array.from({ length: slicesOfSeries }, (_, i) => frames[Math.floor(((i + 0.5) * frames.length) / slicesOfSeries)]!.id);
    return keys.map((key) => ({ key, studyId: study.id, seriesId: id }));
  });
}

export function openSimilarCases({ folder, encoder, finder, publish, now, by, studies, study, picture, curated }: SimilarOptions): SimilarCases {
  const own = join(folder, 'similar');
  mkdirSync(own, { recursive: true });
  const answers = openOddAnswers(own);
  const pending = new Map<string, OddQuestionDraft>();
  const places = new Map<string, Place>();
  const seen = new Map<string, readonly { readonly key: string; readonly why: string }[]>();
  let opened: OpenedFinder | null = null;
  let refusal: SimilarState['refusal'] = null;
  let indexing: Promise<void> | null = null;
  let isStopped = false;

  const open = async (): Promise<OpenedFinder> => {
    if (opened) return opened;
    if (!existsSync(encoder)) throw new Fault({ code: 'similar.missing', what: 'Nothing can be compared.', why: 'This installation has no encoder of images and sentences.', mend: 'Train one: loupe train pathoClip, and put its folder `final` to models/weights/loupe-similar.' });
    try {
      const made = await finder.open();
      for (const place of made.places) places.set(place.key, place);
      for (const { studyId, left } of made.studies) seen.set(studyId, left);
      refusal = null;
      return (opened = made);
    } catch (thrown) {
      refusal = thrown instanceof Fault ? thrown.toJSON() : { code: 'similar.closed', what: 'Nothing can be compared.', why: thrown instanceof Error ? thrown.message : String(thrown), mend: 'Start Loupe again.' };
      throw thrown;
    }
  };
  const stateNow = (): SimilarState => {
    const all = studies();
    const here = new Set(all.map(({ id }) => id));
    const left = [...seen].flatMap(([studyId, some]) => (here.has(studyId) ? some.map(({ key, why }) => ({ studyId, key, why })) : []));
    return {
      encoder: opened ? { name: basename(encoder), sha256: opened.sha256 } : null, refusal, studies: { seen: all.filter(({ id }) => seen.has(id)).length, total: all.length },
      pictures: [...places.values()].filter(({ studyId }) => here.has(studyId)).length, isIndexing: indexing !== null, left: left.slice(0, mostLeft), leftCount: left.length,
    };
  };
  /** What can be compared now: of studies that are in the library. */
  const present = (): readonly Place[] => {
    const here = new Set(studies().map(({ id }) => id));
    return [...places.values()].filter(({ studyId }) => here.has(studyId));
  };

  const see = async (): Promise<void> => {
    let told = 0;
    const tell = (isLast = false): void => {
      if (!isLast && Date.now() - told < newsEvery) return;
      told = Date.now();
      publish('similar.progress', stateNow());
    };
    for (const { id } of studies()) {
      if (isStopped) break;
      if (seen.has(id)) continue;
      const left: { key: string; code: string; why: string }[] = [];
      const refuse = (key: string, thrown: unknown): void => {
        if (!(thrown instanceof Fault)) throw thrown;
        left.push({ key, code: thrown.code, why: thrown.why });
      };
      let wanted: readonly Place[] = [];
      try {
        wanted = placesOf(await study(id));
      } catch (thrown) {
        refuse('', thrown);
      }
      for (const place of wanted) {
        if (isStopped) break;
        try {
          if (!places.has(place.key)) await finder.see(place, (await picture(viewOfKey(place.key))).picture);
          places.set(place.key, place);
        } catch (thrown) {
          refuse(place.key, thrown);
        }
        tell();
      }
      if (isStopped) break;
      await finder.finish({ studyId: id, left });
      seen.set(id, left);
    }
    tell(true);
  };

  const hitsOf = (hits: readonly { readonly key: string; readonly studyId: string; readonly seriesId: string; readonly likeness: number }[], most: number): SimilarHit[] => {
    const byId = new Map(studies().map((one) => [one.id, one]));
    const best = new Map<string, SimilarHit>();
    for (const { key, studyId, seriesId, likeness } of hits) {
      const summary = byId.get(studyId);
      if (!summary || best.has(studyId)) continue;
      const { description, modalities, date, isSample } = summary;
      best.set(studyId, { studyId, seriesId, key, likeness, description, modalities, date, isSample });
    }
    return [...best.values()].slice(0, most);
  };

  const report = (): OddReport => reportOf(answers.all(), answers.gated(), by);

  return {
    async state() {
      await open().catch((thrown: unknown) => {
        if (!(thrown instanceof Fault)) throw thrown;
        refusal = thrown.toJSON();
      });
      return stateNow();
    },
    async index() {
      isStopped = false;
      await open();
      indexing ??= see().finally(() => (indexing = null));
      await indexing;
      return stateNow();
    },
    stop: () => void (isStopped = true),
    async search(sought, most) {
      await open();
      const except = sought.by === 'sentence' ? [] : [sought.studyId];
      const gone = [...new Set([...places.values()].map(({ studyId }) => studyId))].filter((id) => !studies().some((one) => one.id === id));
      const by = sought.by === 'sentence' ? { sentence: sought.text } : { picture: (await picture(sought.by === 'view' ? sought.view : viewOfKey(sought.key))).picture };
      // A study may hold several pictures that are nearer than any of the next.
      return hitsOf(await finder.nearest(by, most * slicesOfSeries, [...except, ...gone]), most);
    },
    async duplicates() {
      await open();
      const here = new Map(present().map((place) => [place.key, place.studyId]));
      return (await finder.nearDuplicates()).flatMap(({ first, second, distance }): NearDuplicate[] => {
        const [one, other] = [here.get(first), here.get(second)];
        return one !== undefined && other !== undefined ? [{ first: { studyId: one, key: first }, second: { studyId: other, key: second }, distance }] : [];
      });
    },
    async tell(ensemble, over) {
      await open();
      const labelled = over === 'curated' ? curated() : [];
      const chosen = over === 'library' ? present() : [];
      if (labelled.length + chosen.length === 0) throw new Fault({ code: 'zeroshot.cases', what: 'There is nothing to tell apart.', why: over === 'library' ? 'No picture of the library was seen yet.' : 'No case was curated yet.', mend: over === 'library' ? 'Wait until the library was seen.' : 'Judge answers into cases, or choose the library.' });
      const told = await finder.tell(ensemble, over === 'library' ? chosen.map(({ key }) => ({ id: key })) : labelled.map(({ id, path }) => ({ id, path })));
      return tellingOf(ensemble.classes.map(({ name }) => name), told, new Map(labelled.map((one) => [one.id, one])), places);
    },
    async ask() {
      await open();
      const draft = await nextQuestion(present(), answers.all().filter(({ rater }) => rater === by), finder.closeness, Random.named(answers.all().length, randomUUID()));
      const questionId = randomUUID();
      pending.clear();
      pending.set(questionId, draft);
      return { questionId, images: [...draft.images] };
    },
    answer({ questionId, odd, seconds, screenScale }) {
      const draft = pending.get(questionId);
      if (!draft) throw new Fault({ code: 'similar.question', what: 'The answer was not taken.', why: 'Its question is not open any more.', mend: 'Answer the one that is shown.' });
      const modality = studies().find(({ id }) => id === places.get(draft.images[0])?.studyId)?.modalities[0];
      answers.put({ id: questionId, at: now(), rater: by, seconds, images: [...draft.images], odd, screenScale, ...(draft.repeats === null ? {} : { repeats: draft.repeats }), ...(modality === undefined ? {} : { modality }) });
      pending.delete(questionId);
      return report();
    },
    withdraw() {
      answers.withdraw(by);
      return report();
    },
    report,
    async export() {
      const { judgements, raters } = answers.gated();
      if (judgements.length === 0) {
        const [first] = raters;
        throw new Fault({
          code: 'judgements.gate', what: 'There is nothing to learn from yet.', mend: 'Answer more questions; some of them put an earlier one again, and at least seven of ten such answers must agree.',
          why: !first ? 'No question was answered.' : first.consistency === null ? 'No question was put a second time yet.' : first.isUsed ? 'No three images were answered without contradiction.' : `Of ${first.repeats} repeated questions ${Math.round(100 * first.consistency)} % were answered as the first time.`,
        });
      }
      const target = join(own, 'judgements');
      rmSync(target, { recursive: true, force: true });
      const images = [...new Set(judgements.flatMap(({ ref, left, right }) => [ref, left, right]))];
      for (const key of images) {
        const { picture: shown } = await picture(viewOfKey(key));
        const factor = Math.min(1, keptSide / Math.max(shown.width, shown.height));
        await writeWhole(join(target, 'images', `${key}.png`), encodePng(factor < 1 ? resize(shown, { width: Math.max(1, Math.round(shown.width * factor)), height: Math.max(1, Math.round(shown.height * factor)) }) : shown));
      }
      const stages = perceptualInitialization.stages.map((stage) => (stage.learns === 'judge' ? { ...stage, similar: { ...stage.similar!, judgements: { ...stage.similar!.judgements!, from: 'folder', folder: target } } } : stage));
      await writeWhole(join(target, 'recipe.json'), `${JSON.stringify({ ...perceptualInitialization, name: 'ownJudgements', stages }, null, 1)}\n`);
      await writeWhole(join(target, 'judgements.jsonl'), judgements.map((judgement) => `${JSON.stringify(judgement)}\n`).join(''));
      return { folder: target, judgements: judgements.length, images: images.length };
    },
    close() {
      isStopped = true;
      finder.close();
      answers.close();
    },
  };
}

/** Counts what was told of labelled pictures; the interval is Wilson's (1927), which stays within 0 and 1. */
function tellingOf(classes: readonly string[], told: readonly ToldPicture[], labelled: ReadonlyMap<string, LabelledPicture>, places: ReadonlyMap<string, Place>): Telling {
  const confusion = classes.map(() => classes.map(() => 0));
  let [right, of] = [0, 0];
  for (const { id, name } of told) {
    const label = labelled.get(id)?.label;
    const row = label === undefined ? -1 : classes.indexOf(label);
    if (row < 0 || name === null) continue;
    confusion[row]![classes.indexOf(name)]!++;
    of++;
    if (name === label) right++;
  }
  return {
    classes: [...classes], confusion: of > 0 ? confusion : null, accuracy: of > 0 ? { right, of, ci: wilson(right, of) } : null,
    pictures: told.map(({ id, name, probabilities, why }) => {
      const [place, known] = [places.get(id), labelled.get(id)];
      return { id, studyId: place?.studyId ?? known?.studyId ?? null, key: place?.key ?? null, name, probabilities: [...probabilities], label: known?.label ?? null, why: why ?? null };
    }),
  };
}

export function wilson(right: number, of: number): [number, number] {
  const z = 1.959964;
  const [p, n] = [right / of, of];
  const centre = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
