/** The model manager: what is here, brought in, made smaller, tried, compared, chosen and removed. Heavy work runs in processes that may be ended at any time. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Publish } from '#electron/contract/events.ts';
import type { Comparison, Job, ModelDetail, ModelInfo, Models, Offer, SelfTest } from '#electron/contract/models.ts';
import type { AskedView } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import type { Scope } from '#models/clinical/scope.ts';
import type { Affine } from '#models/imaging/coordinates.ts';
import type { Picture } from '#models/imaging/image.ts';
import type { Bringing } from './bringIn.ts';
import { differenceOf } from './compare.ts';
import { bytesOf, slugOf, type FolderFacts } from './describe.ts';
import { noteName, type ModelNote, type Place, type Shelf } from './shelf.ts';
import type { Begun, Workshop } from './workshop.ts';
import { writeScope } from '#training/scope.ts';

/** The picture that a view becomes, and the way back to its source. */
export interface ShownPicture {
  readonly picture: Picture;
  readonly toSource: Affine;
  readonly source: { readonly width: number; readonly height: number };
  readonly window: string | null;
}

export interface ModelsOptions {
  /** Of this person. */
  readonly folder: string;
  readonly shelf: Shelf;
  readonly workshop: Workshop;
  readonly publish: Publish;
  readonly now: () => string;
  readonly by: string;
  readonly picture: (view: AskedView) => Promise<ShownPicture>;
  /** What a reader should know of a picture. */
  readonly concerns: (picture: Picture) => Comparison['concerns'];
  /** Folders of this installation that are offered beside what the person put into theirs. */
  readonly supplied?: readonly string[];
  /** Free bytes of the disk of a folder. */
  readonly free?: (folder: string) => number;
}

export interface ModelManager {
  list(): Promise<Models>;
  detail(modelId: string): Promise<ModelDetail>;
  choose(modelId: string): Promise<void>;
  /** What lies in the folder for that. */
  offers(): Promise<Offer[]>;
  offer(path: string): Promise<Offer>;
  /** @throws Fault `models.busy`, `models.disk`, `models.cancelled`, and what `bringIn` throws */
  bringIn(order: { readonly offerId: string; readonly name: string; readonly bits: 4 | 8 | null; readonly baseId: string | null; readonly trained?: Bringing['trained'] }): Promise<{ modelId: string }>;
  /** What it was trained on, as the person says. @throws Fault `models.builtin` of one that came with Loupe */
  scope(modelId: string, scope: Pick<Scope, 'trained' | 'locates' | 'mostImages'>): void;
  quantize(modelId: string, bits: 4 | 8): Promise<{ modelId: string }>;
  cancel(): void;
  test(modelId: string): Promise<SelfTest>;
  verify(modelId: string): Promise<{ code: string; message: string }[]>;
  remove(modelId: string): { undoId: string };
  restore(undoId: string): void;
  compare(order: { readonly first: string; readonly second: string; readonly view: AskedView; readonly question: string; readonly maxNewTokens: number }): Promise<Comparison>;
  cancelCompare(): void;
  close(): void;
}

/** Left free on the disk beside what is brought in. */
const spareBytes = 200_000_000;
const freeBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

export function openModels({ folder, shelf, workshop, publish, now, by, picture, concerns, supplied = [], free = freeBytes }: ModelsOptions): ModelManager {
  const incoming = join(folder, 'incoming');
  const runsFolder = join(folder, 'runs');
  mkdirSync(incoming, { recursive: true });
  const offered = new Map<string, { readonly path: string; readonly offer: Offer }>();
  const undo = new Map<string, string>();
  let job: Job | null = null;
  let working: Begun<unknown> | null = null;
  let comparing: Begun<unknown> | null = null;

  const changed = (): void => publish('models.changed', { inUse: shelf.current().id });
  const setJob = (next: Job | null): void => {
    job = next;
    publish('models.job', { job });
  };
  const candidates = (): readonly Place[] => shelf.all().filter(({ isTrainable }) => isTrainable);

  const look = async (paths: readonly string[]): Promise<Offer[]> => {
    const found = await workshop.offers({ folders: paths, candidates: candidates().map(({ id, name, folder: place }) => ({ id, name, folder: place })) });
    return found.map((one, i) => {
      const path = paths[i] as string;
      const offer: Offer = { ...one, id: createHash('sha256').update(path).digest('hex').slice(0, 16) };
      offered.set(offer.id, { path, offer });
      return offer;
    });
  };

  /** One thing at a time; the finished folder takes its place in one step, and whatever else happens leaves nothing. */
  const make = async (order: Omit<Bringing, 'work' | 'by' | 'at'>, needed: number): Promise<{ modelId: string }> => {
    if (working) throw new Fault({ code: 'models.busy', what: `${order.name} cannot be brought in now.`, why: `${job?.name ?? 'Another model'} is being worked on.`, mend: 'Wait for it, or stop it.' });
    const left = free(folder);
    if (left < needed + spareBytes) throw new Fault({ code: 'models.disk', what: `${order.name} is not brought in.`, why: `It needs ${megabytes(needed)}, and ${megabytes(left)} are free on the disk of ${folder}.`, mend: 'Free some space, or remove a model that is not used.' });
    const modelId = `${slugOf(order.name).toLowerCase()}-${randomBytes(3).toString('hex')}`;
    const work = join(shelf.workFolder, modelId);
    mkdirSync(work, { recursive: true });
    setJob({ id: modelId, name: order.name, phase: order.origin === 'quantised' ? 'quantising' : 'copying', done: 0, total: 0 });
    const begun = workshop.bringIn({ ...order, work, by, at: now() }, { onNews: ({ phase, done, total }) => setJob({ id: modelId, name: order.name, phase, done, total }) });
    working = begun;
    try {
      const made = await begun.result;
      renameSync(made.folder, shelf.folderFor(modelId));
      return { modelId };
    } catch (thrown) {
      throw working === begun ? thrown : new Fault({ code: 'models.cancelled', what: `${order.name} was not brought in.`, why: 'It was stopped.', mend: 'Nothing of it is left; begin again when you like.' }, { cause: thrown });
    } finally {
      if (working === begun) working = null;
      rmSync(work, { recursive: true, force: true });
      setJob(null);
      changed();
    }
  };

  const factsOf = async (places: readonly Place[]): Promise<readonly FolderFacts[]> => workshop.describe(places.map((place) => place.folder));

  return {
    async list() {
      const places = shelf.all();
      const [facts, runs] = await Promise.all([factsOf(places), workshop.runAdapters(runsFolder)]);
      const byLineage = new Map(places.map(({ id }, i) => [facts[i]?.lineage ?? '', id]));
      const models = places.map(({ id, name, origin, isInUse, note }, i): ModelInfo => {
        const own = facts[i] as FolderFacts;
        const parent = own.chain.at(-2)?.hash;
        return {
          id, name, origin, isInUse, ...own, baseId: note?.baseId ?? (parent === undefined ? null : byLineage.get(parent) ?? null), addedAt: note?.addedAt ?? shelf.history().find((entry) => entry.id === id)?.since ?? null,
          addedBy: note?.addedBy ?? '', from: note?.from ?? null, adapter: note?.adapter ?? null, parity: note?.parity ?? null, selfTest: note?.selfTest ?? null,
        };
      });
      return { models, runs: [...runs], job, incoming };
    },
    detail: (modelId) => workshop.detail({ id: modelId, folder: shelf.place(modelId).folder }),
    async choose(modelId) {
      const place = shelf.place(modelId);
      const [facts] = await factsOf([place]);
      if (facts?.problem) throw new Fault(facts.problem);
      shelf.choose(modelId, facts?.lineage ?? null);
      changed();
    },
    offers: () => look([...readdirSync(incoming, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => join(incoming, name)).sort(), ...supplied]),
    offer: async (path) => (await look([path]))[0] as Offer,
    bringIn({ offerId, name, bits, baseId, trained }) {
      const known = offered.get(offerId);
      if (!known || !existsSync(known.path)) throw new Fault({ code: 'models.offer', what: 'The model cannot be brought in.', why: 'Its folder is no longer there.', mend: 'Choose it again.' });
      const { offer, path } = known;
      if (offer.problem) throw new Fault(offer.problem);
      const baseOffer = offer.bases.find(({ id }) => id === baseId);
      if (offer.kind === 'adapter' && !baseOffer) throw new Fault({ code: 'models.nobase', what: `${name} cannot be brought in.`, why: 'The model that the adapter belongs to was not chosen.', mend: 'Choose its base.' });
      const base = baseOffer ? { id: baseOffer.id, folder: shelf.place(baseOffer.id).folder } : null;
      return make({ from: path, name, bits, base, origin: 'imported', ...(trained ? { trained } : {}) }, offer.bytes * (bits === null ? 1 : 2));
    },
    scope(modelId, scope) {
      const { folder: place, origin, name } = shelf.place(modelId);
      if (origin === 'built in') throw new Fault({ code: 'models.builtin', what: `What ${name} was trained on cannot be changed.`, why: 'It came with Loupe, and its card says it.', mend: 'Import a copy of it, and say it of that one.' });
      writeScope(place, { format: 'loupe.scope/1', ...scope, statedBy: by });
      changed();
    },
    quantize(modelId, bits) {
      const { folder: from, name, isTrainable } = shelf.place(modelId);
      if (!isTrainable) throw new Fault({ code: 'quantize.twice', what: `${name} cannot be made smaller.`, why: 'Its weights are rounded already.', mend: 'Start from the original.' });
      return make({ from, name: `${name} · ${bits} bit`, bits, base: { id: modelId, folder: from }, origin: 'quantised' }, bytesOf(from));
    },
    cancel() {
      const ended = working;
      working = null;
      ended?.kill();
    },
    async test(modelId) {
      const { folder: place, note } = shelf.place(modelId);
      const selfTest = await workshop.trial({ folder: place, at: now() }).result;
      if (note) keepNote(place, { ...note, selfTest });
      changed();
      return selfTest;
    },
    verify: async (modelId) => [...await workshop.verify(shelf.place(modelId).folder)],
    remove(modelId) {
      shelf.remove(modelId);
      const undoId = randomUUID();
      undo.set(undoId, modelId);
      changed();
      return { undoId };
    },
    restore(undoId) {
      shelf.restore(undo.get(undoId) ?? '');
      undo.delete(undoId);
      changed();
    },
    async compare({ first, second, view, question, maxNewTokens }) {
      if (comparing) throw new Fault({ code: 'models.comparing', what: 'The models cannot be compared now.', why: 'Two models are being asked already.', mend: 'Wait for them, or stop them.' });
      const places = [shelf.place(first), shelf.place(second)] as const;
      const [shown, facts] = await Promise.all([picture(view), factsOf(places)]);
      const begun = workshop.compare({ folders: [places[0].folder, places[1].folder], picture: shown.picture, toSource: shown.toSource, question, maxNewTokens }, { onNews: (news) => publish('models.comparing', news) });
      comparing = begun;
      try {
        const written = await begun.result;
        const side = (at: 0 | 1): Comparison['sides'][0] => ({ ...written[at], modelId: places[at].id, name: places[at].name, lineage: facts[at]?.lineage ?? null });
        return {
          question, view, source: shown.source, window: shown.window, isSameTensor: written[0].tensorSha256 === written[1].tensorSha256, sides: [side(0), side(1)], difference: differenceOf(written), concerns: concerns(shown.picture),
        };
      } catch (thrown) {
        throw comparing === begun ? thrown : new Fault({ code: 'models.stopped', what: 'The comparison was stopped.', why: 'It was asked to.', mend: 'Compare again when you like.' }, { cause: thrown });
      } finally {
        if (comparing === begun) comparing = null;
      }
    },
    cancelCompare() {
      const ended = comparing;
      comparing = null;
      ended?.kill();
    },
    close() {
      this.cancel();
      this.cancelCompare();
      workshop.close();
    },
  };
}

function keepNote(place: string, note: ModelNote): void {
  writeFileSync(join(place, `${noteName}.part`), `${JSON.stringify(note, null, 1)}\n`, { flush: true });
  renameSync(join(place, `${noteName}.part`), join(place, noteName));
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
