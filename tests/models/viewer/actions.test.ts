import { describe, expect, test } from 'vitest';
import { actionNames, actionTable, callOf, noPoint, noText, readAction, type ActionCall, type ViewerAction } from '#models/viewer/actions.ts';
import { callIn, readStep, writeStep } from '#models/viewer/step.ts';
import { tableInWords } from '#models/viewer/words.ts';

const size = { width: 200, height: 100 };
const read = (action: string, point: unknown = noPoint, text: unknown = noText): ViewerAction => readAction({ action, point, input_text: text }, size);
const refused = (code: string): unknown => expect.objectContaining({ code });

describe('an action of the table', () => {
  test.each<[string, unknown, unknown, ViewerAction]>([
    ['scroll_slice', noPoint, '+5', { name: 'scroll_slice', by: 5 }],
    ['scroll_slice', noPoint, '-3', { name: 'scroll_slice', by: -3 }],
    ['scroll_slice', noPoint, '=42', { name: 'scroll_slice', to: 42 }],
    ['set_window', noPoint, 'Lung', { name: 'set_window', preset: 'Lung' }],
    ['set_window', noPoint, '-600/1500', { name: 'set_window', center: -600, width: 1500 }],
    ['zoom', [50, 20], '2.0', { name: 'zoom', focus: { x: 50, y: 20 }, factor: 2 }],
    ['pan', noPoint, '40,-25', { name: 'pan', by: { x: 40, y: -25 } }],
    ['set_level', [50, 20], '20x', { name: 'set_level', focus: { x: 50, y: 20 }, magnification: 20 }],
    ['point', [0, 100], noText, { name: 'point', at: { x: 0, y: 100 } }],
    ['box', [10, 10], '20,30', { name: 'box', from: { x: 10, y: 10 }, to: { x: 20, y: 30 } }],
    ['measure', [20, 30], '10,10', { name: 'measure', from: { x: 20, y: 30 }, to: { x: 10, y: 10 } }],
    ['select_series', noPoint, '2', { name: 'select_series', key: '2' }],
    ['undo', noPoint, noText, { name: 'undo' }],
    ['finish', noPoint, noText, { name: 'finish' }],
    ['answer', noPoint, ' B ', { name: 'answer', text: 'B' }],
  ])('%s %j %j is read, and written the same way', (action, point, text, expected) => {
    expect(read(action, point, text)).toEqual(expected);
    expect(readAction(callOf(expected), size)).toEqual(expected);
  });

  test('is described to whoever is to use it', () => {
    const words = tableInWords();
    expect(actionNames.filter((name) => !words.includes(`- ${name}: ${actionTable[name].summary}`))).toEqual([]);
  });
});

describe('anything else is refused with its reason', () => {
  test.each([['delete_study'], ['constructor'], ['SCROLL_SLICE'], ['']])('%j is not in the table', (name) => {
    expect(() => read(name)).toThrow(refused('act.name'));
  });

  test.each([[null], ['zoom'], [[]], [{}], [{ action: 'finish', point: noPoint }], [{ action: 'finish', point: noPoint, input_text: noText, path: '/' }], [{ action: 'finish', point: [1.5, 2], input_text: noText }],
    [{ action: 'finish', point: [1, 2, 3], input_text: noText }], [{ action: 7, point: noPoint, input_text: noText }], [{ action: 'answer', point: noPoint, input_text: 'x'.repeat(501) }]])('%j has not the three fields', (value) => {
    expect(() => readAction(value, size)).toThrow(refused('act.form'));
  });

  test.each([['zoom', noPoint, '2.0'], ['zoom', [201, 5], '2.0'], ['point', [-1, 5], noText], ['scroll_slice', [5, 5], '+1'], ['finish', [0, 0], noText]])('%s at %j', (action, point, text) => {
    expect(() => read(action, point, text)).toThrow(refused('act.point'));
  });

  test.each([
    ['scroll_slice', noPoint, 'five'], ['scroll_slice', noPoint, '+0'], ['scroll_slice', noPoint, '=0'], ['scroll_slice', noPoint, noText], ['set_window', noPoint, '40/'], ['set_window', noPoint, '40/0'], ['set_window', noPoint, ' '],
    ['zoom', [5, 5], '-2'], ['zoom', [5, 5], '1e3'], ['zoom', [5, 5], '65'], ['pan', noPoint, '40'], ['pan', noPoint, '201,0'], ['set_level', [5, 5], '20'], ['box', [10, 10], '5,20'], ['box', [10, 10], '20,101'],
    ['measure', [5, 5], '5,5'], ['measure', [5, 5], noText], ['undo', noPoint, 'all'], ['point', [5, 5], 'here'],
  ])('%s %j %j', (action, point, text) => expect(() => read(action, point, text)).toThrow(refused('act.text')));
});

describe('a step', () => {
  const call: ActionCall = { action: 'finish', point: noPoint, input_text: noText };
  const text = writeStep({ thought: 'All is shown.', sentence: 'It is done.', call });

  test('is written and read', () => {
    expect(readStep(text)).toEqual({ thought: 'All is shown.', sentence: 'It is done.', call });
    expect(readStep(` ${text}\n`)).not.toBeNull();
  });

  test('needs three blocks in their order, each once, and JSON', () => {
    const bad = [text.replace('<action>It is done.</action>', ''), `${text}${text}`, `So: ${text}`, text.replace('"finish"', 'finish'), text.replace('All is shown.', ''), ''];
    expect(bad.map(readStep)).toEqual(bad.map(() => null));
  });

  test('gives its call whatever stands around it', () => {
    expect(callIn(`I think ${text.slice(text.indexOf('<tool_call>'))} is right`)).toEqual(call);
    expect([callIn('finish'), callIn(`${text}${text}`), callIn(`${'x'.repeat(70_000)}${text}`)]).toEqual([undefined, undefined, undefined]);
  });
});
