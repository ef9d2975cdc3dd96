import { describe, expect, test } from 'vitest';
import { abilitiesOf, agreedAnswer, formOf, questionSynthesis } from '#training/curricula/questionSynthesis.ts';
import { weights } from '#training/synthesis/questions.ts';
import { verify } from '#training/rewards/verify.ts';
import { madeUp } from '#tests/support/caseRecords.ts';
import { input, promptOf, scripted } from './scriptedPolicy.ts';

describe('agreement of answers', () => {
  test('keeps what both say', () => expect(agreedAnswer('Glioma', 'glioma.')).toBe('Glioma'));
  test('asks a third only where they differ', () => {
    expect(agreedAnswer('a', 'b', () => 'a')).toBe('a');
    expect(agreedAnswer('a', 'b', () => 'b')).toBe('b');
    expect(agreedAnswer('a', 'a', () => { throw new Error('not needed'); })).toBe('a');
  });
  test('drops three different answers, and two without a third', () => {
    expect(agreedAnswer('a', 'b', () => 'c')).toBeNull();
    expect(agreedAnswer('a', 'b')).toBeNull();
  });
});

test('every kind of question says which abilities it needs', () => {
  for (const type of Object.keys(weights)) expect(abilitiesOf(type).length, type).toBeGreaterThan(0);
});

test('the form of a question decides who judges its answer', () => {
  expect([formOf({ kind: 'choice', options: ['a'], right: 0 }), formOf({ kind: 'word', accept: ['a'], reject: [] }), formOf({ kind: 'text', text: 'a' })]).toEqual(['choice', 'blank', 'description']);
});

describe('synthesized questions', () => {
  const kept = async (says: Parameters<typeof scripted>[0], options: object = {}) => questionSynthesis(input(scripted(says).policy, { questions: 1, ...options }, [madeUp()]));
  const say = (answer: string): string => `<think>\nA mass is seen.\n</think>\n<answer>${answer}</answer>`;

  test('are kept where the model agrees with the case and needs the picture to', async () => {
    const { turns, report } = await kept(({ blank }) => say(blank ? 'meningioma' : 'glioma'));
    expect(turns.map(({ turn }) => turn)).toEqual([promptOf(madeUp()).turn]);
    expect(report).toEqual({ kept_blank: 1, made_blank: 1 });
  });
  test('are dropped where the words alone give the answer away', async () => {
    expect((await kept(() => say('glioma'))).report).toMatchObject({ dropped_answerable_without_the_picture: 1 });
    expect((await kept(() => say('glioma'), { blind: false })).turns.length).toBe(1);
  });
  test('go to the reader queue where the model says otherwise', async () => expect((await kept(() => say('meningioma'))).report).toMatchObject({ dropped_for_the_reader_queue: 1 }));
  test('are dropped as ambiguous where the model wavers', async () => {
    expect((await kept(({ blank }, at) => say(!blank && at === 0 ? 'glioma' : 'meningioma'))).report).toMatchObject({ dropped_ambiguous: 1 });
  });
  test('are kept after all where one more attempt speaks for the case, never against it', async () => {
    const third = (says: string) => kept(({ blank }, at, { count }) => say(blank ? 'meningioma' : count === 1 ? says : ['glioma', 'meningioma'][at]!), { adjudicate: true });
    expect((await third('glioma')).report).toEqual({ kept_blank: 1, made_blank: 1 });
    expect((await third('meningioma')).report).toMatchObject({ dropped_ambiguous: 1 });
  });
  test('ask for descriptions as often as is wished, which need no agreement', async () => {
    const descriptive = { ...promptOf(madeUp()), turn: { ...promptOf(madeUp()).turn, questionType: 'describe', gold: { kind: 'text', text: 'An MRI slice.' } as const } };
    const says = scripted(() => say('An image.')).policy;
    const synthesized = (descriptions: number) => questionSynthesis({
      ...input(says, { questions: 60, descriptions, agree: false, blind: false }, [madeUp()]),
      promptsOf: (_record, _random, described) => Promise.resolve([promptOf(madeUp()), ...(described ? [descriptive] : [])]),
    });
    expect((await synthesized(0)).report).toEqual({ kept_blank: 60, made_blank: 60 });
    const { turns, report } = await synthesized(0.25);
    expect(report['kept_description']).toBeGreaterThan(5);
    expect(report['kept_description']).toBeLessThan(30);
    expect(turns.filter(({ turn }) => turn.gold.kind === 'text').length).toBe(report['kept_description']);
  });
  test('need several abilities at once', async () => expect((await kept(() => say('glioma'), { synergy: 3 })).report).toMatchObject({ dropped_too_few_abilities: 1 }));
  test('can be lessons, whose reasoning begins with what is seen', async () => {
    const { turns } = await kept(({ id, blank }) => (id.endsWith('/caption') ? '<answer>An MRI slice.</answer>' : say(blank ? 'x' : 'glioma')), { as: 'lessons' });
    expect(turns[0]!.turn.completion).toBe('<think>\nObservation: An MRI slice.\nA mass is seen.\n</think>\n<answer>glioma</answer>');
    expect(verify(turns[0]!.turn.completion, turns[0]!.turn.gold).isCorrect).toBe(true);
  });
});
