import { expect, test } from 'vitest';
import { changedChannel, firstChannels, nextAlone, placeOfValue, shownChannels, valueOfPlace } from '#renderer/viewports/channels.ts';

const channels = ['DAPI', 'CD3', 'PanCK'].map((name) => ({ name, colour: '#3060ff', low: 100, high: 900, most: 65_535 }));
const first = firstChannels(channels);
const shown = (settings: typeof first): boolean[] => settings.map(({ isShown }) => isShown);

test('channels are seen alone one after another, then all together again', () => {
  let settings = first;
  const seen = [1, 2, 3, 4, 5].map(() => shown(settings = nextAlone(settings)));
  expect(seen).toEqual([[true, false, false], [false, true, false], [false, false, true], [true, true, true], [true, false, false]]);
  expect(shown(nextAlone(changedChannel(first, 1, { isShown: false })))).toEqual([true, false, false]);
  expect(shown(nextAlone(firstChannels(channels.slice(0, 1))))).toEqual([true]);
});

test('black stays below the whole colour, whichever of both is moved', () => {
  expect(changedChannel(first, 1, { low: 2000 })[1]).toMatchObject({ high: 900 });
  expect(changedChannel(first, 1, { low: 2000 })[1]!.low).toBeLessThan(900);
  expect(changedChannel(first, 1, { high: 5 })[1]).toMatchObject({ low: 100 });
  expect(changedChannel(first, 1, { high: 5 })[1]!.high).toBeGreaterThan(100);
  expect(changedChannel(first, 1, { low: 200, high: 300 })).toEqual([first[0], { ...first[1]!, low: 200, high: 300 }, first[2]]);
});

test('a view names the channels that are seen, and none where nobody changed them', () => {
  expect(shownChannels({ channels }, undefined)).toEqual({});
  expect(shownChannels({}, first)).toEqual({});
  expect(shownChannels({ channels }, changedChannel(first, 0, { isShown: false }))).toEqual({ channels: [{ at: 1, colour: '#3060ff', low: 100, high: 900 }, { at: 2, colour: '#3060ff', low: 100, high: 900 }] });
});

test('a slider has a place for every value and gives it back to within its step', () => {
  for (const most of [255, 65_535, 1.5]) {
    for (const share of [0, 0.001, 0.02, 0.3, 1]) {
      const value = most * share;
      const back = valueOfPlace(placeOfValue(value, most), most);
      expect(Math.abs(back - value)).toBeLessThanOrEqual(Math.max(0.5 * Number(most > 100), 1e-3 * value));
    }
  }
  expect(placeOfValue(1e9, 255)).toBe(1);
  expect(placeOfValue(-5, 255)).toBe(0);
});
