import { describe, expect, test } from 'vitest';
import { captionOf, captions, drafted, pathologySets, questionSets } from '#training/curricula/questionSets.ts';
import { boxesIn } from '#training/rewards/extract.ts';
import { madeUp, madeUpRecords } from '#tests/support/caseRecords.ts';
import { input, promptOf, scripted } from './scriptedPolicy.ts';

const policy = scripted(() => { throw new Error('no model is needed'); }).policy;

describe('captions', () => {
  test('say what label, facts and boxes say', () => {
    expect(captionOf(madeUp())).toBe('An MRI slice showing a glioma.');
    expect(captionOf(madeUp({ label: 'no_tumour' }))).toContain('showing no tumour');
  });

  test('are of the sets that were asked for, one for each picture, the same for the same seed', async () => {
    const all = await captions(input(policy, {}, madeUpRecords));
    expect(all.turns.length).toBe(madeUpRecords.length);
    expect(all).toEqual(await captions(input(policy, {}, madeUpRecords)));
    expect((await captions(input(policy, { sets: pathologySets }, madeUpRecords))).turns.every(({ record }) => pathologySets.some((set) => set === record.set))).toBe(true);
    for (const { turn } of all.turns) {
      expect(turn.question).not.toMatch(/[{}]/);
      expect(turn.completion).toBe(`<answer>${turn.answer}</answer>`);
    }
  });
});

test('a draft has five words a step and keeps its boxes', () => {
  const line = 'Observation: A large bright mass lies in the upper left. [{"bbox_2d":[1,2,30,40],"label":"mass"}]';
  expect(drafted(`${line}\nConclusion: It is a glioma.`)).toBe('Observation: A large bright mass lies [{"bbox_2d":[1,2,30,40],"label":"mass"}]\nConclusion: It is a glioma.');
  expect(boxesIn(drafted(line))).toEqual(boxesIn(line));
});

describe('a set of questions', () => {
  test('holds only the form that was asked for', async () => {
    expect((await questionSets(input(policy, { form: 'choice', questions: 4 }, [madeUp()]))).turns).toEqual([]);
    expect((await questionSets(input(policy, { form: 'blank', questions: 4 }, [madeUp()]))).report).toEqual({ kept_blank: 4 });
  });
  test('holds only answers of so many boxes', async () => {
    const lungs = madeUpRecords.filter(({ id }) => id === 'lungs');
    const asked = { ...input(policy, { boxes: 2, questions: 2 }, lungs), promptsOf: () => Promise.resolve([promptOf(lungs[0]!, 'localization_lungs'), promptOf(lungs[0]!, 'view')]) };
    expect((await questionSets(asked)).turns.map(({ turn }) => turn.questionType)).toEqual(['localization_lungs', 'localization_lungs']);
    expect((await questionSets({ ...asked, options: { boxes: 1, questions: 2 } })).turns).toEqual([]);
  });

  test('holds only the modalities that were asked for', async () => {
    const { turns } = await questionSets(input(policy, { modalities: ['xray'], questions: 3 }, madeUpRecords));
    expect(turns.map(({ record }) => record.modality)).toEqual(['xray', 'xray', 'xray']);
  });
  test('is learnt from in drafts where that is asked for', async () => {
    const [one] = (await questionSets(input(policy, { draft: true, draftWords: 2, questions: 1 }, [madeUp()]))).turns;
    expect(one!.turn.answer).toBe(promptOf(madeUp()).turn.answer);
    for (const line of one!.turn.completion.split('\n').slice(1, -2)) expect(line.replace(/^\w+: /, '').split(' ').length).toBeLessThanOrEqual(2);
  });
});
