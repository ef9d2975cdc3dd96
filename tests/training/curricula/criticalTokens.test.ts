import { describe, expect, test } from 'vitest';
import { chooseCheckpoint, connectorWarning, criticalPositions, summarizeEntropy } from '#training/curricula/criticalTokens.ts';

describe('critical tokens', () => {
  test('begin with a word of doubt and lie before the end of thinking', () => {
    expect(criticalPositions(['Look', 'Wait', ',', 'Alternatively', '</think>', 'Wait'])).toEqual([1, 3]);
  });
  test('are no parts of other words', () => expect(criticalPositions(['await', ' waiter?', 'x'])).toEqual([1]));
  test('count at the first piece of a word in several', () => expect(criticalPositions(['\n', 'W', 'ait', ',', ' al', 'tern', 'atively'])).toEqual([1, 4]));
  test('are sought in the whole completion where thinking never ends', () => expect(criticalPositions([' Hmm', ' no', '\nWait'])).toEqual([0, 2]));
  test('may be other words, for a model that was taught others', () => expect(criticalPositions(['Conclusion', ':'], ['conclusion'])).toEqual([0]));
});

test('the summary holds the critical positions, those that follow, and all', () => {
  const summary = summarizeEntropy([{ pieces: ['Wait', ' so', ' x'], entropies: [2, 1, 0] }, { pieces: ['Hmm', ' y'], entropies: [4, 7] }]);
  expect(summary).toEqual({ count: 2, mean: 3, percentiles: { p10: 2.2, p50: 3, p90: 3.8 }, meanAfter: 4, meanAll: 2.8, shareAbove: 0.2 });
  expect(summarizeEntropy([{ pieces: ['x'], entropies: [1] }])).toMatchObject({ count: 0, mean: null, percentiles: null });
});

describe('the choice of a checkpoint', () => {
  const scores = ([[0.6, 1.1], [0.64, 1.5], [0.65, 0.4], [0.645, 1.9, 31], [0.648, 1.8]] as const).map(([accuracy, entropy, criticalTokens = 100], at) => ({ step: (at + 1) * 100, accuracy, entropy, criticalTokens }));

  test('is the most unsure among the about equally accurate', () => {
    expect(chooseCheckpoint(scores)).toMatchObject({ by: 'entropy', chosen: { accuracy: 0.648 }, mostAccurate: { accuracy: 0.65 } });
  });
  test('is the earlier of equals', () => {
    expect(chooseCheckpoint([{ ...scores[1]!, step: 9 }, { ...scores[1]!, step: 4 }]).chosen.step).toBe(4);
  });
  test('falls back to accuracy where there are too few critical tokens, and says so', () => {
    const choice = chooseCheckpoint(scores.map((score) => ({ ...score, criticalTokens: 10 })));
    expect(choice).toMatchObject({ by: 'accuracy', chosen: { accuracy: 0.65 } });
    expect(choice.reason).toContain('64 critical tokens');
  });
  test('needs a checkpoint', () => expect(() => chooseCheckpoint([])).toThrow('no checkpoint'));
});

test('a plan that holds the connector still is warned of, one that trains any of it is not', () => {
  expect(connectorWarning((name) => name.startsWith('model.'))).toContain('connector');
  expect(connectorWarning((name) => /^visual\.merger\./.test(name))).toBeNull();
});
