/** Runs of fine-tuning: each in a process of its own, paused and resumed exactly, judged at a gate, and taken into use or back. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Publish } from '#electron/contract/events.ts';
import { RunEvaluation, Run as RunSchema, type Alarm, type Choices, type DataChoice, type Estimate, type InUse, type MetricsRow, type Plan, type Run, type ShownGroup } from '#electron/contract/finetune.ts';
import { openJournal } from '#electron/storage/journal.ts';
import { Fault } from '#models/base/fault.ts';
import { alarmHistory, alarmsOf, type MetricsLine } from '#training/health.ts';
import { readMetrics, rolloutSteps } from '#training/readRun.ts';
import type { StepRecord } from '#training/records/run.ts';
import { startFolder } from '#training/startFolder.ts';
import { trainerFolder } from './publish.ts';
import { plannedRecipe, recipeNamed } from './recipe.ts';
import { checkpointBytes, folderBytes, freeBytes } from './size.ts';
import type { DataSource, ModelPlace, Order, Trainer } from './trainer.ts';

/** Which models are here and which one answers, as the model manager keeps it. */
export interface AnsweringModels {
  current(): ModelPlace;
  all(): readonly (ModelPlace & { readonly isTrainable: boolean })[];
  /** The newest first. */
  history(): readonly InUse[];
  folderFor(id: string): string;
  promote(model: { readonly id: string; readonly name: string; readonly runId: string; readonly lineage: string | null }): void;
  /** @throws Fault `finetune.norollback` */
  rollBack(): void;
}

export interface FinetuneOptions {
  /** Of this person. */
  readonly folder: string;
  readonly trainer: Trainer;
  readonly publish: Publish;
  readonly now: () => string;
  readonly models: AnsweringModels;
  /** What curation offers to learn from. */
  readonly curated: () => { readonly index: string; readonly cases: number; readonly snapshots: readonly { readonly hash: string; readonly path: string; readonly cases: number; readonly takenAt: string }[] };
  /** Free bytes of the disk of a folder. */
  readonly free?: (folder: string) => number;
  /** Bytes of memory that this machine could give now. */
  readonly freeMemory?: () => number;
}

export interface Finetune {
  choices(): Promise<Choices>;
  /** @throws Fault `index.*` */
  addData(path: string): Promise<DataChoice>;
  estimate(plan: Plan): Promise<Estimate>;
  cancelEstimate(): void;
  start(plan: Plan): Promise<Run>;
  pause(runId: string): void;
  resume(runId: string): void;
  stop(runId: string): void;
  remove(runId: string): void;
  runs(): { runs: Run[]; history: InUse[] };
  metrics(runId: string): { lines: MetricsRow[]; alarms: Alarm[]; rolloutSteps: number[] };
  rollouts(runId: string, step: number): Promise<readonly ShownGroup[]>;
  picture(runId: string, step: number, at: number): Promise<Uint8Array>;
  evaluation(runId: string): RunEvaluation | null;
  evaluate(runId: string, most: number): Promise<RunEvaluation>;
  cancelEvaluate(runId: string): void;
  promote(runId: string): Promise<InUse[]>;
  rollback(): InUse[];
  close(): Promise<void>;
}

interface Sitting {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
  readonly kill: () => void;
  /** It was paused because the machine was short of memory. */
  isShort?: boolean;
}

/** Left free on the disk beside what a run needs. */
const spareBytes = 200_000_000;
/** Below it a run pauses by itself: whoever looks at images needs the rest. */
const leastMemory = 300_000_000;
/** So long a closing window waits for a run to come to rest. */
const restMs = 8000;

export function openFinetune({ folder, trainer, publish, now, models, curated, free = freeBytes, freeMemory = freemem }: FinetuneOptions): Finetune {
  const runsFolder = join(folder, 'runs');
  const ownRecipes = join(folder, 'recipes');
  mkdirSync(runsFolder, { recursive: true });
  const added = openJournal(join(folder, 'indexes.jsonl'), (value) => value as { readonly path: string });
  const indexes = [...new Set(added.entries.map(({ path }) => path))];
  const runs = new Map<string, Run>();
  const lines = new Map<string, MetricsLine[]>();
  const sittings = new Map<string, Sitting>();
  const evaluating = new Map<string, AbortController>();
  let estimating: AbortController | null = null;
  let isClosing = false;

  const folderOf = (runId: string): string => join(runsFolder, runId);
  const keep = (run: Run): void => {
    const path = join(folderOf(run.id), 'run.json');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.part`, JSON.stringify(run), { flush: true });
    renameSync(`${path}.part`, path);
  };
  const set = (runId: string, change: Partial<Run>, { isKept = true } = {}): Run => {
    const run = { ...runOf(runId), ...change };
    runs.set(runId, run);
    if (isKept) keep(run);
    publish('finetune.run', { runId, run });
    return run;
  };
  const runOf = (runId: string): Run => {
    const run = runs.get(runId);
    if (!run) throw new Fault({ code: 'finetune.unknown', what: 'There is no such run.', why: 'It was removed, or never begun.', mend: 'Choose another run.' });
    return run;
  };

  for (const name of readdirSync(runsFolder)) {
    const run = readRun(join(runsFolder, name, 'run.json'));
    if (!run) continue;
    const isInterrupted = run.state === 'preparing' || run.state === 'running' || run.state === 'pausing' || run.state === 'stopping';
    const found: Run = { ...run, busy: null, secondsLeft: null, ...(isInterrupted ? { state: 'crashed', why: interrupted } : {}) };
    runs.set(run.id, found);
    if (isInterrupted) keep(found);
  }

  const sources = (): readonly DataSource[] => {
    const { index, cases, snapshots } = curated();
    return [
      ...snapshots.map(({ hash, path, cases: count, takenAt }): DataSource => ({ id: `snapshot:${hash}`, kind: 'snapshot', name: `${takenAt.slice(0, 10)} · ${count} · ${hash.slice(0, 8)}`, path: index, snapshot: path })),
      ...(cases > 0 && existsSync(index) ? [{ id: 'curated', kind: 'curated', name: '', path: index } as const] : []),
      ...indexes.map((path): DataSource => ({ id: `index:${path}`, kind: 'index', name: `${basename(dirname(path))}/${basename(path)}`, path })),
      { id: 'drawn', kind: 'drawn', name: '', path: join(folder, 'datasets', 'drawn') },
    ];
  };
  const orderOf = (plan: Plan): Order => {
    const source = sources().find(({ id }) => id === plan.data);
    if (!source) throw new Fault({ code: 'finetune.data', what: 'The run cannot begin.', why: 'The cases that were chosen are no longer there.', mend: 'Choose others.' });
    const place = plan.model === null ? null : models.all().find(({ id, isTrainable }) => isTrainable && id === plan.model);
    if (place === undefined) throw new Fault({ code: 'finetune.model', what: 'The run cannot begin.', why: 'The model that was chosen is no longer there.', mend: 'Choose another one.' });
    const recipe = recipeNamed(plan.recipe, ownRecipes);
    return { plan, source, model: 'folder' in recipe.start ? startFolder(place?.folder ?? recipe.start.folder) : null, ownRecipes };
  };

  const sit = (run: Run, resume: boolean): void => {
    const { id } = run;
    const order = orderOf(run.plan);
    const controller = new AbortController();
    const began = performance.now();
    const secondsBefore = resume ? run.seconds : 0;
    const secondsNow = (): number => secondsBefore + (performance.now() - began) / 1000;
    const { result, kill } = trainer.train({ ...order, folder: folderOf(id), resume, secondsBefore }, {
      signal: controller.signal,
      onNews(news) {
        if (news.kind === 'looking') publish('finetune.progress', { runId: id, what: 'cases', done: news.done, total: news.total });
        else if (news.kind === 'begun') set(id, { steps: news.steps, ...(runOf(id).state === 'preparing' ? { state: 'running' } : {}) });
        else stepped(id, news.record, { seconds: secondsNow(), secondsLeft: news.secondsLeft });
      },
    });
    const ended = result.then(
      ({ step, end }) => {
        const { state } = runOf(id);
        const next = end === 'done' ? 'done' : state === 'stopping' ? 'stopped' : 'paused';
        set(id, { step, state: next, why: next === 'paused' && sittings.get(id)?.isShort === true ? short : null });
      },
      (thrown: unknown) => {
        const { state } = runOf(id);
        // Whoever was stopped before the first update has nothing to tell but that.
        if (controller.signal.aborted && !(thrown instanceof Fault && thrown.code === 'training.ended')) set(id, { state: state === 'stopping' ? 'stopped' : 'paused', why: null });
        else set(id, { state: thrown instanceof Fault && thrown.code !== 'training.ended' ? 'failed' : 'crashed', why: whyOf(thrown) });
      },
    ).then(() => {
      sittings.delete(id);
      if (runs.has(id)) set(id, { seconds: secondsNow(), secondsLeft: null, bytes: folderBytes(folderOf(id)) });
    });
    sittings.set(id, { controller, ended, kill });
  };

  const stepped = (id: string, record: StepRecord, times: Pick<Run, 'seconds' | 'secondsLeft'>): void => {
    const known = linesOf(id);
    // A resumed run writes again what a crash had cost.
    while (known.length > 0 && (known.at(-1)!['step'] as number) >= record.step) known.pop();
    const before = new Set(alarmsOf(known).map(({ code }) => code));
    known.push(record);
    const alarms = alarmsOf(known).filter(({ code }) => !before.has(code));
    publish('finetune.step', { runId: id, line: rowOf(record), alarms: [...alarms], hasRollouts: record['reward'] !== undefined });
    set(id, { step: record.step, ...times }, { isKept: record.step % 25 === 0 });
    const sitting = sittings.get(id);
    if (!sitting || runOf(id).state !== 'running' || freeMemory() >= leastMemory) return;
    sitting.isShort = true;
    ending(id, 'pausing');
  };

  /** Read once from the file, then kept as they come. */
  const linesOf = (id: string): MetricsLine[] => {
    const known = lines.get(id) ?? (existsSync(join(trainerFolder(folderOf(id)), 'metrics.jsonl')) ? [...readMetrics(trainerFolder(folderOf(id)))] : []);
    lines.set(id, known);
    return known;
  };

  const requireIdle = (): void => {
    const busy = [...sittings.keys()].map(runOf)[0];
    if (busy) throw new Fault({ code: 'finetune.busy', what: 'The run cannot begin now.', why: `${busy.plan.name} is being trained, and two runs would share the same cores.`, mend: 'Pause it first; it goes on later exactly from there.' });
  };

  const requireSpace = (order: Order): void => {
    const needed = checkpointBytes(plannedRecipe(recipeNamed(order.plan.recipe, ownRecipes), order.plan, order.model), order.model) + spareBytes;
    const left = free(runsFolder);
    if (left >= needed) return;
    const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
    throw new Fault({ code: 'finetune.disk', what: 'The run was not begun.', why: `It may need ${megabytes(needed)}, and ${megabytes(left)} are free on the disk of ${runsFolder}.`, mend: 'Remove old runs, or free some space.' });
  };

  const ending = (runId: string, state: 'pausing' | 'stopping'): void => {
    const sitting = sittings.get(runId);
    if (sitting) {
      set(runId, { state });
      sitting.controller.abort();
    } else if (state === 'stopping' && ['paused', 'crashed', 'failed'].includes(runOf(runId).state)) set(runId, { state: 'stopped' });
  };

  const evaluationFile = (runId: string): string => join(folderOf(runId), 'evaluation.json');

  return {
    choices: () => trainer.choices({ sources: sources(), models: models.all().filter(({ isTrainable }) => isTrainable), ownRecipes }),
    async addData(path) {
      const source: DataSource = { id: `index:${path}`, kind: 'index', name: `${basename(dirname(path))}/${basename(path)}`, path };
      const { data: [choice] } = await trainer.choices({ sources: [source], models: [], ownRecipes });
      if (!choice || choice.problem !== null) throw new Fault({ code: 'finetune.index', what: `${basename(path)} cannot be trained on.`, why: choice?.problem ?? 'It cannot be read.', mend: 'Choose an index.jsonl as `loupe dataset` writes it.' });
      if (!indexes.includes(path)) {
        added.append({ path });
        indexes.push(path);
      }
      return choice;
    },
    async estimate(plan) {
      estimating?.abort();
      const controller = new AbortController();
      estimating = controller;
      const { result } = trainer.estimate({ ...orderOf(plan), runsFolder }, { signal: controller.signal, onNews: (progress) => publish('finetune.progress', { runId: null, ...progress }) });
      try {
        return await result;
      } catch (thrown) {
        throw controller.signal.aborted ? cancelled('The estimate') : thrown;
      } finally {
        if (estimating === controller) estimating = null;
      }
    },
    cancelEstimate: () => estimating?.abort(),
    async start(plan) {
      requireIdle();
      const order = orderOf(plan);
      requireSpace(order);
      const at = now();
      const id = `${at.replace(/[-:]|\..*$/g, '').replace('T', '-')}-${randomBytes(3).toString('hex')}`;
      const run: Run = {
        id, plan: { ...plan, name: plan.name === '' ? `${plan.recipe} ${at.slice(0, 16).replace('T', ' ')}` : plan.name, model: order.model === null ? null : plan.model }, state: 'preparing', step: 0,
        steps: plan.steps ?? 0, startedAt: at, seconds: 0, secondsLeft: null, why: null, bytes: 0, verdict: null, busy: null,
      };
      runs.set(id, run);
      set(id, {});
      sit(run, false);
      return run;
    },
    pause: (runId) => ending(runId, 'pausing'),
    resume(runId) {
      const run = runOf(runId);
      if (!['paused', 'crashed', 'failed'].includes(run.state)) return;
      requireIdle();
      sit(set(runId, { state: 'preparing', why: null }), true);
    },
    stop: (runId) => ending(runId, 'stopping'),
    remove(runId) {
      if (sittings.has(runId) || evaluating.has(runId)) throw new Fault({ code: 'finetune.running', what: 'The run cannot be removed.', why: 'It is being worked on.', mend: 'Stop it first.' });
      runOf(runId);
      // A model that was promoted has its own copy.
      rmSync(folderOf(runId), { recursive: true, force: true });
      runs.delete(runId);
      lines.delete(runId);
      publish('finetune.run', { runId, run: null });
    },
    runs: () => ({ runs: [...runs.values()].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1)), history: [...models.history()] }),
    metrics(runId) {
      runOf(runId);
      const all = linesOf(runId);
      return { lines: all.map(rowOf), alarms: [...alarmHistory(all)], rolloutSteps: [...rolloutSteps(trainerFolder(folderOf(runId)))] };
    },
    rollouts(runId, step) {
      runOf(runId);
      return trainer.rollouts({ folder: folderOf(runId), step });
    },
    picture(runId, step, at) {
      runOf(runId);
      return trainer.picture({ folder: folderOf(runId), step, at });
    },
    evaluation(runId) {
      runOf(runId);
      return readEvaluation(evaluationFile(runId));
    },
    async evaluate(runId, most) {
      const run = runOf(runId);
      if (sittings.has(runId)) throw new Fault({ code: 'finetune.running', what: 'The model cannot be judged now.', why: 'Its run goes on.', mend: 'Pause the run, or wait for its end.' });
      if (evaluating.has(runId)) throw new Fault({ code: 'finetune.evaluating', what: 'The model is being judged already.', why: 'It was asked for before.', mend: 'Wait for it, or stop it.' });
      const controller = new AbortController();
      evaluating.set(runId, controller);
      set(runId, { busy: 'evaluating' }, { isKept: false });
      try {
        const { result } = trainer.evaluate({ folder: folderOf(runId), baseline: models.current(), most }, { signal: controller.signal, onNews: (progress) => publish('finetune.progress', { runId, ...progress }) });
        const found = await result;
        writeFileSync(`${evaluationFile(runId)}.part`, JSON.stringify({ ...found, step: run.step, model: models.current().id }), { flush: true });
        renameSync(`${evaluationFile(runId)}.part`, evaluationFile(runId));
        set(runId, { verdict: found.gate.decision, busy: null });
        return found;
      } catch (thrown) {
        set(runId, { busy: null });
        throw controller.signal.aborted ? cancelled('The evaluation') : thrown;
      } finally {
        evaluating.delete(runId);
      }
    },
    cancelEvaluate: (runId) => evaluating.get(runId)?.abort(),
    async promote(runId) {
      const run = runOf(runId);
      const found = readEvaluation(evaluationFile(runId));
      const judged = readJudged(evaluationFile(runId));
      const refused = (why: string, mend: string): Fault => new Fault({ code: 'promote.refused', what: `${run.plan.name} is not promoted.`, why, mend });
      if (!found || !judged) throw refused('It was not judged yet.', 'Judge it first, on the cases that are kept for that.');
      if (found.gate.decision === 'refused') throw refused(found.gate.reasons.join('; '), 'Train on, or with other cases.');
      if (judged.step !== run.step || judged.model !== models.current().id) throw refused('It was judged before it went on, or against a model that is no longer in use.', 'Judge it once more.');
      if (sittings.has(runId)) throw refused('Its run goes on.', 'Wait for its end.');
      set(runId, { busy: 'promoting' }, { isKept: false });
      try {
        const id = `${runId}-${run.step}`;
        const lineage = await trainer.publishModel({ folder: folderOf(runId), out: models.folderFor(id) });
        models.promote({ id, name: run.plan.name, runId, lineage });
        return [...models.history()];
      } finally {
        set(runId, { busy: null });
      }
    },
    rollback() {
      models.rollBack();
      return [...models.history()];
    },
    async close() {
      if (isClosing) return;
      isClosing = true;
      estimating?.abort();
      evaluating.forEach((controller) => controller.abort());
      // A run comes to rest and is gone on with another day; one that does not in time goes on from its last checkpoint.
      for (const [id, { controller, ended, kill }] of [...sittings]) {
        set(id, { state: 'pausing' });
        controller.abort();
        await Promise.race([ended, new Promise((settle) => setTimeout(settle, restMs).unref())]);
        if (sittings.has(id)) {
          kill();
          await ended;
        }
      }
      trainer.close();
      added.close();
    },
  };
}

const short = { code: 'finetune.memory', what: 'The run was paused by itself.', why: 'This machine has next to no memory left.', mend: 'Close what is not needed, then resume it: it goes on exactly from there.' } as const;
const interrupted = { code: 'training.interrupted', what: 'The run was interrupted.', why: 'Loupe ended while it was being trained.', mend: 'Resume it: it goes on from its last checkpoint.' } as const;

const cancelled = (what: string): Fault => new Fault({ code: 'finetune.cancelled', what: `${what} was stopped.`, why: 'It was asked to.', mend: 'Begin again when you like.' });

function whyOf(thrown: unknown): NonNullable<Run['why']> {
  if (thrown instanceof Fault && thrown.code === 'training.ended') return { code: thrown.code, what: 'The training process ended while it worked.', why: thrown.why, mend: 'Resume the run: it goes on from its last checkpoint. If it ends each time, it may need more memory than there is.' };
  if (thrown instanceof Fault) return thrown.toJSON();
  return { code: 'internal', what: 'The run broke off.', why: thrown instanceof Error ? thrown.message : String(thrown), mend: 'This is a defect: report it, please. The run can be resumed from its last checkpoint.' };
}

function readRun(path: string): Run | null {
  try {
    return RunSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

function readEvaluation(path: string): RunEvaluation | null {
  try {
    return RunEvaluation.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Of which update, and against which model. */
function readJudged(path: string): { readonly step: number; readonly model: string } | null {
  try {
    const { step, model } = JSON.parse(readFileSync(path, 'utf8')) as { step: number; model: string };
    return { step, model };
  } catch {
    return null;
  }
}

/** Numbers stay, and what was none is null. */
const rowOf = (line: MetricsLine): MetricsRow => Object.fromEntries(Object.entries(line).map(([name, value]) => [name, typeof value === 'number' && Number.isFinite(value) ? value : null]));

