import { expect, test } from 'vitest';
import { parseAlteration } from '#models/clinical/alteration.ts';
import { findReward, scoreRow } from '#training/rewards/table.ts';

const tampered = { kind: 'alteration', class: 'TAMPERED', type: null, box: { x1: 100, y1: 100, x2: 200, y2: 200 } };
const untouched = { kind: 'alteration', class: 'REAL', type: null, box: null };
const said = (answer: string): string => `<think>The noise breaks off there.</think><answer>${answer}</answer>`;
const earned = (completion: string, target: unknown): number => scoreRow(findReward('soFakeR1Alteration'), 'strict', { completion, target }).reward!;

test.each([
  ['TAMPERED,(100,100),(200,200)', 1], ['TAMPERED,(150,100),(250,200)', 0.8], ['TAMPERED', 0.5], ['TAMPERED,(200,200),(100,100)', 0.5], ['REAL', 0.2],
  ['tampered,(100,100),(200,200)', 0], ['TAMPERED,(90,90),(210,210)', 0.9083333333], ['TAMPERED, SPLICED, ( 100 , 100 ) , ( 200, 200 ).', 1], ['TAMPERED,(1e2,100),(200,200)', 0], ['FULL_SYNTHETIC', 0.2],
])('a tampered image answered by %j earns %d', (answer, expected) => expect(earned(said(answer), tampered)).toBeCloseTo(expected, 6));

test('tags that are missing cost the form alone, or everything', () => {
  expect(earned('TAMPERED,(100,100),(200,200)', tampered)).toBe(0);
  expect(earned('<answer>TAMPERED,(100,100),(200,200)</answer>', tampered)).toBeCloseTo(0.8, 9);
  expect(earned('<think> </think><answer>TAMPERED,(100,100),(200,200)</answer>', tampered)).toBeCloseTo(0.8, 9);
});

test('of several answers the first is read, and the form is lost', () => {
  expect(earned(`${said('TAMPERED,(100,100),(200,200)')}<answer>REAL</answer>`, tampered)).toBeCloseTo(0.8, 9);
  expect(earned(`${said('REAL')}<answer>TAMPERED,(100,100),(200,200)</answer>`, tampered)).toBe(0);
});

test.each([['REAL', 1], ['REAL,(1,1),(5,5)', 0.5], ['REAL, INJECTED', 0.5], ['FULL_SYNTHETIC', 0.2]])('an untouched image answered by %j earns %d', (answer, expected) => {
  expect(earned(said(answer), untouched)).toBeCloseTo(expected, 9);
});

test('whoever always says tampered over the whole image stays below a half on a balanced set', () => {
  const truths = [untouched, { ...untouched, class: 'FULL_SYNTHETIC' }, { ...tampered, box: { x1: 20, y1: 20, x2: 120, y2: 120 } }];
  const mean = truths.reduce((sum, truth) => sum + earned(said('TAMPERED,(0,0),(224,224)'), truth), 0) / truths.length;
  expect(mean).toBeLessThan(0.5);
});

test('the grammar takes nothing beside one claim, and ends in time on a long text', () => {
  for (const text of ['TAMPERED (1,1),(2,2)', 'REAL REAL', 'REAL..', 'TAMPERED,(1,1)', 'TAMPERED,(-1,1),(2,2)', '', `TAMPERED${', '.repeat(100_000)}`]) expect(parseAlteration(text)).toBeNull();
  expect(parseAlteration(' TAMPERED,\tCOPY_MOVE,(0,4),(213,205). ')).toEqual({ class: 'TAMPERED', type: 'COPY_MOVE', box: { x1: 0, y1: 4, x2: 213, y2: 205 }, isWellFormed: true });
});

test('a target of another kind cannot be scored', () => {
  expect(() => earned(said('REAL'), { kind: 'yesNo', value: true })).toThrow(/cannot be scored/);
});
