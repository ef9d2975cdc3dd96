import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '#models/base/random.ts';
import { taskReward } from '#training/rewards/mobileR1.ts';
import { isWithin, meets } from '#training/rewards/viewer.ts';
import { shownRegion } from '#models/viewer/state.ts';
import { demonstration, type Grammar } from '#models/viewer/words.ts';
import { createPicture } from '#models/imaging/image.ts';
import { lesionAt, observe, pictureCase, viewerCases, type ViewerCase } from '#training/viewer/cases.ts';
import { actionOf, begun, demonstrationOf, hasGoodTail, isSuccess, mostSteps, outcomeOf, stepped, type Episode } from '#training/viewer/episode.ts';
import { chanceStep, play, reportOf } from '#training/viewer/report.ts';
import { demonstrated, families, taskOf, tasksOf, type ViewerTask } from '#training/viewer/tasks.ts';

const size = { width: 168, height: 168 };
let cases: readonly ViewerCase[];
let tasks: readonly ViewerTask[];
beforeAll(() => {
  cases = [...viewerCases(2, 47)];
  const source = tasksOf(cases, Random.named(3, 'tasks'));
  tasks = Array.from({ length: 36 }, () => source.next().value as ViewerTask);
});

const finish = demonstration({ name: 'finish' }, 'mobileR1');
const played = (task: ViewerTask, grammar: Grammar = 'mobileR1'): Episode => {
  let episode = begun(task, size);
  while (episode.moment) episode = stepped(episode, demonstration(demonstrated(task, episode.moment.viewer, episode.moment.right[0]!), grammar), grammar);
  return episode;
};

describe('the environment', () => {
  test('draws the same studies from the same seed, each with one lesion over several slices', () => {
    const [again] = [...viewerCases(1, 47)];
    expect(again?.id).toBe(cases[0]?.id);
    for (const { lesions } of cases) expect(lesions.filter((lesion) => lesion !== null).length).toBeGreaterThan(1);
  });

  test('shows what the state says: another slice, window and region are other pictures, and marks are drawn', () => {
    const [one] = cases as [ViewerCase];
    const task = taskOf('zoom', one, Random.named(1, 'a'))!;
    const plain = observe(one, task.start, size).picture;
    const mean = (data: Uint8Array): number => data.reduce((sum, x) => sum + x, 0) / data.length;
    expect(mean(observe(one, { ...task.start, window: { center: 5000, width: 10, name: null } }, size).picture.data)).toBe(0);
    expect(observe(one, { ...task.start, zoom: 3 }, size).view.region).toMatchObject({ x1: 64, x2: 128 });
    const marked = observe(one, { ...task.start, marks: [{ kind: 'measure', series: '1', slice: task.start.slice, points: [{ x: 10, y: 10 }, { x: 60, y: 10 }] }] }, size).picture;
    expect(marked.data.filter((x, i) => x !== plain.data[i]).length).toBeGreaterThan(60);
  });

  test('puts tasks of every family, and the demonstration of each succeeds with every step right', () => {
    expect(new Set(tasks.map(({ family }) => family))).toEqual(new Set(families));
    for (const task of tasks) {
      const episode = played(task);
      expect([task.id, isSuccess(outcomeOf(episode)), episode.steps.every(({ isRight, hasForm, isDone }) => isRight && hasForm && isDone), hasGoodTail(episode)]).toEqual([task.id, true, true, true]);
    }
  });

  test('a demonstration of the whole task ends near the lesion, with its width measured', () => {
    const task = tasks.find(({ family }) => family === 'whole')!;
    const { now } = played(task).steps.at(-1)!.moment.viewer;
    expect(isWithin(lesionAt(task.case, now)!, shownRegion(task.case.study, now))).toBe(true);
    expect(now.marks).toHaveLength(1);
  });

  test('slips are mended: the task succeeds all the same, which is a recovery', () => {
    const random = Random.named(9, 'slips');
    const episodes = tasks.map((task) => {
      let episode = begun(task, size);
      for (const { text } of demonstrationOf(task, size, 'mobileR1', 0.3, random)) if (episode.moment) episode = stepped(episode, text, 'mobileR1');
      return episode;
    });
    const report = reportOf(episodes);
    expect(report.recovery.of).toBeGreaterThan(3);
    expect(report.taskSuccess.share).toBeGreaterThan(0.9);
    expect(report.recovery.share).toBeGreaterThan(0.8);
  });

  test('what cannot be read, or is not in the table, counts as a step and changes nothing', () => {
    const task = tasks.find(({ family }) => family === 'find')!;
    let episode = begun(task, size);
    for (const text of ['There it is.', finish.replace('finish', 'delete_study'), finish.replace('"finish"', '"scroll_slice"').replace('no input text', '=99')]) episode = stepped(episode, text, 'mobileR1');
    expect(episode.steps.map(({ isDone, isRight }) => [isDone, isRight])).toEqual([[false, false], [false, false], [false, false]]);
    expect(episode.steps.map(({ hasForm }) => hasForm)).toEqual([false, true, true]);
    expect(episode.moment?.viewer.now).toEqual(task.start);
  });

  test('a task that never ends is over after twelve steps, unanswered', () => {
    let episode = begun(tasks[0]!, size);
    while (episode.moment) episode = stepped(episode, 'hm', 'mobileR1');
    expect(episode.steps).toHaveLength(mostSteps);
    expect(outcomeOf(episode)).toMatchObject({ isAnswered: false });
  });

  test('to finish at once is a wrong answer, and earns far less than doing the task', () => {
    for (const task of tasks) {
      const outcome = outcomeOf(stepped(begun(task, size), finish, 'mobileR1'));
      expect([isSuccess(outcome), outcome.isAnswered]).toEqual([false, false]);
      expect(taskReward(outcome).reward).toBeLessThan(0.61);
      expect(taskReward(outcomeOf(played(task))).reward).toBeCloseTo(1, 12);
    }
  });

  test('both grammars say the same action', () => {
    const { action: target } = tasks[0]!.start.slice > 0 ? { action: { name: 'zoom' as const, focus: { x: 50, y: 60 }, factor: 3 } } : { action: { name: 'finish' as const } };
    expect(actionOf(demonstration(target, 'guiR1'), 'guiR1', size)).toEqual(actionOf(demonstration(target, 'mobileR1'), 'mobileR1', size));
    expect(isSuccess(outcomeOf(played(tasks[3]!, 'guiR1')))).toBe(true);
  });

  test('a real picture with a box is a study of one slice: zoom and measure alone', () => {
    const one = pictureCase('p', 'US', createPicture({ width: 200, height: 120 }, [90, 90, 90]), { x1: 40, y1: 30, x2: 90, y2: 60 })!;
    const source = tasksOf([one], Random.named(1, 'real'), ['zoom', 'measure']);
    for (let i = 0; i < 6; i++) expect(isSuccess(outcomeOf(played(source.next().value as ViewerTask)))).toBe(true);
    expect(families.map((family) => taskOf(family, one, Random.named(1, family))?.family ?? null)).toEqual([null, null, null, 'zoom', 'measure', null]);
    expect(pictureCase('p', 'US', createPicture({ width: 200, height: 120 }), { x1: 1, y1: 1, x2: 4, y2: 4 })).toBeNull();
  });

  test('right actions are met by their own demonstration', () => {
    for (const task of tasks) for (const { moment, text } of demonstrationOf(task, size, 'mobileR1', 0, Random.named(1, task.id))) {
      expect(meets(actionOf(text, 'mobileR1', size)!, moment.right[0]!, size)).toBe(true);
    }
  });
});

describe('the report', () => {
  test('of chance is poor, and counts what it says', async () => {
    const random = Random.named(4, 'chance');
    const report = reportOf(await play(tasks, (asks) => Promise.resolve(asks.map(() => chanceStep(random, size))), { size, grammar: 'mobileR1' }));
    expect(report.taskSuccess.share).toBeLessThan(0.3);
    expect(report.formatErrors).toBe(0);
    expect(report.tasks).toBe(36);
    expect(report.recovery.of).toBeLessThanOrEqual(36);
    expect(report.taskSuccess.interval[0]).toBeLessThanOrEqual(report.taskSuccess.share);
  });
});
