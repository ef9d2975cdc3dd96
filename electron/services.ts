/** Builds the services and lists a handler for each method: all the powers of the window on one screen. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { readPassphrase, type SystemStore } from './audit/keys.ts';
import { openActs } from './act/act.ts';
import { startAudit, type Audited } from './audited.ts';
import { openAuditing } from './auditing.ts';
import type { Handlers } from './contract/contract.ts';
import type { Label } from './contract/curate.ts';
import type { Payload, Publish } from './contract/events.ts';
import type { AskedView } from './contract/review.ts';
import { openCuration } from './curate/curate.ts';
import { openFinetune, type Finetune } from './finetune/finetune.ts';
import { openIntegrityChecks } from './integrity/integrity.ts';
import { openAnnotations } from './library/annotations.ts';
import { openLibrary, type Library } from './library/library.ts';
import { studyId } from './library/inspect.ts';
import { keptRecord } from './report/gather.ts';
import { takesRegions } from './report/regionsIn.ts';
import { openReports } from './report/report.ts';
import { openReviews } from './review/ask.ts';
import { concernsOf } from './review/concerns.ts';
import { engineOf } from './review/engine.ts';
import { openEvidence, type EvidenceChecks } from './review/evidence.ts';
import { openLocating } from './locate/locate.ts';
import { openRewriter, type Writer } from './locate/rewriter.ts';
import { openModels } from './models/models.ts';
import { openSimilarCases } from './similar/similar.ts';
import { openShelf } from './models/shelf.ts';
import { Session, withChange } from './contract/session.ts';
import { Settings } from './contract/settings.ts';
import { openSettings } from './storage/settings.ts';
import { builtInAdapters, builtInDirective, builtInLocalizer, builtInIntegrity, builtInModel, version, workerFile } from './storage/folders.ts';
import { connectDecoding, type DecodingClient } from './workers/decodingClient.ts';
import { connectIntegrity } from './workers/integrityClient.ts';
import type { OpenedModel } from './workers/inference.ts';
import { startInference, type InferenceClient } from './workers/inferenceClient.ts';
import { connectLocating } from './workers/locatingClient.ts';
import type { Launch } from './workers/supervisor.ts';
import { connectModels } from './workers/modelsClient.ts';
import { connectSimilar } from './workers/similarClient.ts';
import { connectWriting } from './workers/writingClient.ts';
import { connectTraining } from './workers/trainingClient.ts';

/** What differs between the desktop window and a browser. */
export interface Shell {
  readonly surface: 'electron' | 'browser';
  readonly runtime: string;
  readonly launch: Launch;
  /** Null where nothing was chosen, or where there is no dialog. */
  readonly choosePaths: (what: 'files' | 'folder') => Promise<readonly string[] | null>;
  readonly cancelledRequests: () => number;
  /** Where the system keeps secrets; absent: a passphrase seals the signing key. */
  readonly systemStore?: SystemStore;
}

export interface ServiceOptions {
  /** Where everything of this person lies. */
  readonly folder: string;
  readonly model?: string;
  readonly samples?: boolean;
  readonly shell: Shell;
  readonly publish: Publish;
}

export interface Services {
  readonly handlers: Handlers;
  readonly library: Library;
  readonly decoding: DecodingClient;
  readonly inference: InferenceClient;
  readonly audited: Audited;
  readonly evidence: EvidenceChecks;
  readonly finetune: Finetune;
  /** Where small pictures are kept between starts. */
  readonly cacheFolder: string;
  /** Settles when the sample studies are in. */
  readonly samplesGiven: Promise<void>;
  close(): Promise<void>;
}

export function startServices({ folder, model = builtInModel(), samples = true, shell, publish }: ServiceOptions): Services {
  const now = (): string => new Date().toISOString();
  const told = (name: 'decoding' | 'inference' | 'training' | 'models' | 'integrity' | 'similar' | 'locating' | 'writing') => (state: 'restarted' | 'failed', why: string): void => publish('app.worker', { name, state, why });
  const decoding = connectDecoding(workerFile('decoding'), shell.launch, told('decoding'));
  const inference = startInference(workerFile('inference'), { launch: shell.launch, onState: told('inference') });
  const shelf = openShelf({
    folder, now, by: userName(), builtIn: { folder: model, name: basename(model) },
    onInUse(history) {
      publish('finetune.inUse', { history: [...history] });
      // The next question opens it; so does this, that nobody waits then.
      opening = undefined;
      openedNow = null;
      opened().catch(() => undefined);
    },
  });
  let opening: Promise<OpenedModel> | undefined;
  let openedNow: OpenedModel | null = null;
  const opened = (): Promise<OpenedModel> => {
    opening ??= inference.open({ folder: shelf.current().folder });
    opening.then((model) => (openedNow = model), () => (opening = undefined));
    return opening;
  };
  const audited = startAudit({
    folder, version: version(), system: shell.systemStore ?? null, passphrase: () => readPassphrase(process.env.LOUPE_PASSPHRASE_FILE), tell: (notice) => console.error(notice),
  });
  // The ledger of pixels hears of what came in.
  const tellOfStudies: Publish = (event, payload) => {
    publish(event, payload);
    if (event === 'library.changed') integrity.came((payload as Payload<'library.changed'>).studies);
  };
  const annotations = openAnnotations({ folder, now });
  const library = openLibrary({
    folder, publish: tellOfStudies, now,
    reader: takesRegions(audited.reader(decoding), {
      regions: decoding.regions, draw: annotations.change, now,
      async filesOf(studyInstanceUid, uids) {
        const number = studyId(`dicom:${studyInstanceUid}`);
        // Two patients may bear one number: the study that has the images is meant.
        for (const { id } of library.list().filter((study) => study.id === number || study.sameNumberAs === number)) {
          const { files } = await library.study(id);
          const found = await decoding.instances(files.map(({ sha256 }) => ({ sha256, path: library.pathOf(sha256) })), uids);
          if (found.size > 0) return { studyId: id, files: found };
        }
        return null;
      },
    }),
  });
  const fileOf = (view: AskedView): Parameters<DecodingClient['shown']>[0] => {
    const [sha256, index] = view.kind === 'frame' ? parts(view.frameId) : [view.slideId, 0];
    return { path: library.pathOf(sha256), index, region: view.region ?? null, ...(view.kind === 'frame' ? { window: view.window } : { channels: view.channels ?? null }) };
  };
  const shown = (view: AskedView): ReturnType<DecodingClient['shown']> => decoding.shown(fileOf(view));
  const reviews = openReviews({
    folder, publish, now, study: library.study, setStatus: library.setStatus, answered: (answer) => audited.answered(answer, library.pathOf),
    model: { opened, memory: inference.memory, sample: (ask, count, options) => inference.sample(ask, count, options) },
    picture: shown,
  });
  const integrity = openIntegrityChecks({
    folder, publish, now, study: library.study, picture: shown, pathOf: library.pathOf, looker: connectIntegrity(workerFile('integrity'), builtInIntegrity(), shell.launch, told('integrity')),
  });
  const evidence = openEvidence({
    folder, publish, now, picture: shown, trace: (traceId) => reviews.all().find(({ id }) => id === traceId),
    model: { opened, evidence: inference.evidence, seen: inference.seen },
  });
  const curation = openCuration({
    folder, blobs: library.blobs, publish, now, by: userName(), traces: reviews.all, study: library.study, setStatus: library.setStatus,
    picture: (view) => decoding.captured(fileOf(view)), reliance: ({ id, studyId }) => evidence.checks(studyId).find(({ traceId }) => traceId === id)?.reliance ?? null,
  });
  const writing = connectWriting(workerFile('writing'), { launch: shell.launch, onState: told('writing'), pathOf: library.pathOf });
  const reports = openReports({
    folder, now, by: userName(), audit: () => audited.audit, setStatus: library.setStatus, tell: (notice) => console.error(notice), changed: (changed, removed) => publish('report.changed', { reports: [...changed], removed: [...removed] }),
    sources: {
      study: library.study, studies: library.list, traces: reviews.traces, checks: evidence.checks, annotations: annotations.list,
      judged(traceId) {
        const last = curation.history('judgement', traceId).at(-1);
        return last?.item.kind === 'judgement' && last.item.value ? { judgement: last.item.value, at: last.at, by: last.by } : undefined;
      },
      sections: async (studyId) => [...integrity.sections(studyId), ...await locating.sections(studyId), ...acts.sections(studyId)],
      record: async (traceId) => keptRecord(await audited.audit, traceId),
      values(frameId) {
        const [sha256, index] = parts(frameId);
        return decoding.values({ path: library.pathOf(sha256), sha256, index });
      },
      image: ({ source, frame }) => decoding.header({ path: library.pathOf(source), sha256: source, index: frame }),
      shown: ({ place: { source, frame }, window, region, channels = null }) => decoding.shown({ path: library.pathOf(source), index: frame, window, region, channels }),
    },
    writing,
  });
  const auditing = openAuditing({
    audit: () => audited.audit, studies: library.list, reports: () => reports.list(null), now, check: decoding.checkJournal, onProgress: (progress) => publish('audit.verifying', progress),
  });
  const finetune = openFinetune({
    folder, publish, now, models: shelf, trainer: connectTraining(workerFile('training'), shell.launch, told('training')),
    curated() {
      const { index, cases, snapshots } = curation.dataset();
      return { index, cases: cases.length, snapshots };
    },
  });

  const settings = openSettings(folder, (value) => Settings.parse(value));
  const session = openSettings(folder, (value) => Session.parse(value), 'session.json');
  const models = openModels({
    folder, shelf, publish, now, by: userName(), workshop: connectModels(workerFile('models'), shell.launch, told('models')), picture: shown, supplied: builtInAdapters(),
    concerns: (picture) => [...concernsOf([], [picture])],
  });

  // Directives are written by a process of their own: a sentence waits for no answer, and no answer for a sentence.
  const directiveInference = startInference(workerFile('inference'), { launch: shell.launch, onState: told('locating') });
  const directiveWriter = (client: InferenceClient, open: Writer['open']): Writer => ({
    open, sample: async (ask, options) => (await client.sample(ask, 1, { ...options, onWritten: () => undefined }))[0]?.text ?? '',
  });
  const locating = openLocating({
    folder, publish, now, study: library.study, picture: shown, finder: connectLocating(workerFile('locating'), builtInLocalizer(), shell.launch, told('locating')),
    rewriter: openRewriter({
      adapter: builtInDirective(), base: builtInModel(), cache: join(folder, 'cache'), own: directiveWriter(directiveInference, (of) => directiveInference.open({ folder: of })),
      chosen: { folder: () => shelf.current().folder, writer: directiveWriter(inference, opened) },
    }),
  });

  const similarEncoder = join(dirname(builtInModel()), 'loupe-similar');
  const similar = openSimilarCases({
    folder, encoder: similarEncoder, publish, now, by: userName(), studies: library.list, study: library.study, picture: shown,
    finder: connectSimilar(workerFile('similar'), { folder: similarEncoder, vectors: join(folder, 'cache', 'similar') }, shell.launch, told('similar')),
    curated: () => curation.dataset().cases.flatMap(({ id, studyId, label, image: { sha256 } }) => {
      const word = labelWord(label);
      return word === null ? [] : [{ id, studyId, label: word, path: library.blobs.pathOf(sha256) }];
    }),
  });

  const acts = openActs({ folder, now, model: { opened, sample: (ask, count, options) => inference.sample(ask, count, options) }, picture: shown });

  const handlers: Handlers = {
    'app.about': async () => ({ version: version(), surface: shell.surface, runtime: shell.runtime, dataFolder: folder, cancelledRequests: shell.cancelledRequests() }),
    'app.settings': async () => settings.get(),
    'app.changeSettings': (next) => settings.set(next),
    'app.session': async () => session.get(),
    'app.keepSession': async (change) => (await session.set(withChange(session.get(), change)), null),
    'library.list': async () => [...library.list()],
    'library.study': async ({ studyId }) => library.study(studyId),
    async 'library.choose'({ what }) {
      const paths = await shell.choosePaths(what);
      if (!paths || paths.length === 0) return null;
      return { importId: library.start(paths.map((path) => ({ path, name: basename(path) }))).importId };
    },
    'library.imports': async () => [...library.imports()],
    'library.cancelImport': async ({ importId }) => done(library.cancel(importId)),
    'library.unlock': async ({ importId, password }) => done(library.unlock(importId, password)),
    'library.remove': async ({ studyIds }) => ({ undoId: library.remove(studyIds) }),
    'library.restore': async ({ undoId }) => done(library.restore(undoId)),
    'library.status': async ({ studyId, status }) => done(library.setStatus(studyId, status)),
    'annotations.list': async ({ studyId }) => [...annotations.list(studyId)],
    'annotations.change': async ({ studyId, changes }) => done(annotations.change(studyId, changes)),
    'review.ask': async (question) => reviews.ask(question),
    'review.locate': async (step) => [...await reviews.locate(step)],
    'review.engine': () => engineOf({ folder: shelf.current().folder, open: openedNow, memory: () => inference.memory() }),
    'review.stop': async ({ askId }) => done(reviews.stop(askId)),
    'review.traces': async ({ studyId }) => [...reviews.traces(studyId)],
    'review.check': ({ traceId }) => evidence.check(traceId),
    'review.cancelCheck': async ({ traceId }) => done(evidence.cancel(traceId)),
    'review.checks': async ({ studyId }) => [...evidence.checks(studyId)],
    'act.begin': async (header) => done(acts.begin(header)),
    'act.step': async ({ id, step }) => done(acts.step(id, step)),
    'act.end': async ({ id, end }) => done(acts.end(id, end)),
    'act.logs': async ({ studyId }) => [...acts.logs(studyId)],
    'act.next': (wanted) => acts.next(wanted),
    'act.stop': async ({ id }) => done(acts.stop(id)),
    'finetune.choices': () => finetune.choices(),
    async 'finetune.addData'() {
      const [path] = await shell.choosePaths('files') ?? [];
      return path === undefined ? null : finetune.addData(path);
    },
    'finetune.estimate': (plan) => finetune.estimate(plan),
    'finetune.cancelEstimate': async () => done(finetune.cancelEstimate()),
    'finetune.start': (plan) => finetune.start(plan),
    'finetune.pause': async ({ runId }) => done(finetune.pause(runId)),
    'finetune.resume': async ({ runId }) => done(finetune.resume(runId)),
    'finetune.stop': async ({ runId }) => done(finetune.stop(runId)),
    'finetune.remove': async ({ runId }) => done(finetune.remove(runId)),
    'finetune.runs': async () => finetune.runs(),
    'finetune.metrics': async ({ runId }) => finetune.metrics(runId),
    'finetune.rollouts': async ({ runId, step }) => [...await finetune.rollouts(runId, step)],
    'finetune.evaluation': async ({ runId }) => finetune.evaluation(runId),
    'finetune.evaluate': ({ runId, most }) => finetune.evaluate(runId, most),
    'finetune.cancelEvaluate': async ({ runId }) => done(finetune.cancelEvaluate(runId)),
    'finetune.promote': ({ runId }) => finetune.promote(runId),
    'finetune.rollback': async () => finetune.rollback(),
    'similar.state': () => similar.state(),
    'similar.index': () => similar.index(),
    'similar.stop': async () => done(similar.stop()),
    'similar.search': ({ sought, most }) => similar.search(sought, most),
    'similar.duplicates': () => similar.duplicates(),
    'similar.tell': ({ ensemble, over }) => similar.tell(ensemble, over),
    'similar.ask': () => similar.ask(),
    'similar.answer': async (answer) => similar.answer(answer),
    'similar.withdraw': async () => similar.withdraw(),
    'similar.report': async () => similar.report(),
    'similar.export': () => similar.export(),
    'models.list': () => models.list(),
    'models.detail': ({ modelId }) => models.detail(modelId),
    'models.choose': async ({ modelId }) => done(await models.choose(modelId)),
    'models.offers': () => models.offers(),
    async 'models.offer'() {
      const [path] = await shell.choosePaths('folder') ?? [];
      return path === undefined ? null : models.offer(path);
    },
    'models.import': (order) => models.bringIn(order),
    'models.scope': async ({ modelId, scope }) => done(models.scope(modelId, scope)),
    'models.quantize': ({ modelId, bits }) => models.quantize(modelId, bits),
    'models.cancel': async () => done(models.cancel()),
    'models.test': ({ modelId }) => models.test(modelId),
    'models.verify': ({ modelId }) => models.verify(modelId),
    'models.remove': async ({ modelId }) => models.remove(modelId),
    'models.restore': async ({ undoId }) => done(models.restore(undoId)),
    'models.compare': (order) => models.compare(order),
    'models.cancelCompare': async () => done(models.cancelCompare()),
    'locate.state': () => locating.state(),
    'locate.find': (order) => locating.find(order),
    'locate.follow': async ({ sweepId, at }) => done(locating.follow(sweepId, at)),
    'locate.cancel': async ({ sweepId }) => done(locating.cancel(sweepId)),
    'locate.direct': (sentence) => locating.direct(sentence),
    'locate.undirect': async ({ studyId, seriesId }) => done(locating.undirect(studyId, seriesId)),
    'locate.log': async ({ studyId }) => locating.log(studyId),
    'integrity.check': (order) => integrity.check(order),
    'integrity.cancel': async ({ checkId }) => done(integrity.cancel(checkId)),
    'integrity.checks': async ({ studyId }) => [...integrity.checks(studyId)],
    'curate.judgements': async ({ studyId }) => curation.judgements(studyId),
    'curate.change': async (change) => done(await curation.change(change)),
    'curate.capture': ({ traceId, step }) => curation.capture(traceId, step),
    'curate.captureFound': (found) => curation.captureFound(found),
    'curate.dataset': async () => curation.dataset(),
    'curate.history': async ({ kind, id }) => [...curation.history(kind, id)],
    'curate.queue': async ({ order, seed }) => [...curation.queue(order, seed)],
    'curate.check': () => curation.check(),
    'curate.split': ({ shares, seed }) => curation.split(shares, seed),
    'curate.snapshot': () => curation.snapshot(),
    'report.list': async ({ studyId }) => [...reports.list(studyId)],
    'report.compose': (wanted) => reports.compose(wanted),
    'report.get': async ({ reportId, version: number }) => reports.get(reportId, number),
    'report.history': async ({ reportId }) => [...reports.history(reportId)],
    'report.change': async ({ reportId, revision, changes }) => reports.change(reportId, revision, changes),
    'report.signing': () => reports.signing(),
    'report.sign': (request) => reports.sign(request),
    'report.supersede': async ({ reportId }) => reports.supersede(reportId),
    'report.discard': async ({ reportId }) => done(reports.discard(reportId)),
    'report.formats': async ({ reportId, version: number }) => [...await reports.formats(reportId, number)],
    async 'report.export'(request) {
      // A browser has no dialog for folders: there it goes below the data folder, and the answer says where.
      const target = shell.surface === 'browser' ? join(folder, 'exports') : (await shell.choosePaths('folder'))?.[0];
      return target === undefined ? null : reports.export(request, target);
    },
    'report.suspects': ({ reportId, version: number }) => reports.suspects(reportId, number),
    'report.exports': async ({ reportId }) => [...reports.exports(reportId)],
    'report.preview': async ({ reportId, version: number }) => ({ html: await reports.preview(reportId, number) }),
    'report.check': ({ reportId, version: number }) => reports.check(reportId, number),
    'audit.state': () => auditing.state(),
    'audit.entries': (filter) => auditing.entries(filter),
    'audit.verify': () => auditing.verify(),
    'audit.since': ({ since }) => auditing.since(since),
    'audit.keys': () => auditing.keys(),
    async 'audit.open'({ passphrase }) {
      await (await audited.audit).open(passphrase);
      return auditing.state();
    },
    'audit.checkpoint': () => auditing.checkpoint(),
  };

  let isClosing = false;
  return {
    handlers: audited.handlers(handlers), audited, library, decoding, inference, evidence, finetune, cacheFolder: join(folder, 'cache'),
    samplesGiven: library.recover().catch((error: unknown) => console.error('The library could not be recovered:', error)).then(() => (samples ? giveSamples(library, () => isClosing) : undefined)),
    async close() {
      isClosing = true;
      await finetune.close();
      integrity.close();
      models.close();
      similar.close();
      locating.close();
      directiveInference.worker.close();
      shelf.close();
      reports.close();
      await curation.close();
      evidence.close();
      acts.close();
      reviews.close();
      annotations.close();
      library.close();
      await audited.close();
      decoding.worker.close();
      writing.worker.close();
      await Promise.race([inference.close(), new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
      inference.worker.close();
    },
  };
}

const done = (_: void): null => null;

/** What a person says a case is, where that is one word. */
function labelWord(label: Label): string | null {
  if (label.kind === 'choice') return label.options[label.right] ?? null;
  if (label.kind === 'word') return label.accept[0] ?? null;
  if (label.kind === 'yesNo') return label.value ? 'yes' : 'no';
  return label.kind === 'ordinal' ? label.value : null;
}

/** Who sits here, as the system knows them. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

/** A frame's file and its number in it. */
export function parts(frameId: string): readonly [string, number] {
  return [frameId.slice(0, 64), Number(frameId.slice(65))];
}

async function giveSamples(library: Library, isClosing: () => boolean): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'loupe-samples-'));
  try {
    await library.giveSamples(folder);
  } catch (error) {
    if (!isClosing()) console.error('The sample studies could not be brought in:', error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
