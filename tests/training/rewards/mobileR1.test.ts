import { describe, expect, test } from 'vitest';
import { taskReward } from '#training/rewards/mobileR1.ts';
import { multisetF1 } from '#training/rewards/viewer.ts';
import { judge } from '#training/objectives/advantages.ts';
import { switchesOf } from '#training/objectives/presets.ts';
import { rewardOf, scored } from './score.ts';

const size = { width: 100, height: 100 };
const target = { action: 'point', box: { x1: 10, y1: 10, x2: 20, y2: 20 } };
const call = (x: number): string => `<tool_call>{"action":"point","point":[${x},15],"input_text":"no input text"}</tool_call>`;
const full = (x: number): string => `<think>There.</think><action>Point at it.</action>${call(x)}`;
const step = (completion: string, wanted: unknown = target) => rewardOf('mobileR1Step', 'strict', completion, { target: wanted, size });

describe('a step', () => {
  test('earns one for the action and one for the three blocks', () => {
    expect(step(full(15))).toBe(2);
    expect(step(full(25))).toBe(1);
    expect(step(`<think>There.</think>${call(15)}`)).toBe(1);
    expect(step('I would point at the middle of it.')).toBe(0);
  });

  test('compares texts letter for letter, where token F1 would forgive', () => {
    const said = '<think>So.</think><action>Answer.</action><tool_call>{"action":"answer","point":[-100,-100],"input_text":"Lung window"}</tool_call>';
    expect(scored('mobileR1Step', 'strict', said, { target: { action: 'answer', text: 'lung window' }, size }).parts).toEqual({ action: 0, format: 1 });
    expect(multisetF1('Lung window', 'lung window')).toBe(1);
    expect(step(said, { action: 'answer', text: 'Lung window' })).toBe(2);
  });

  test('with two calls, or with JSON that is broken, has no action', () => {
    expect(step(`${full(15)}${call(15)}`)).toBe(0);
    expect(step(full(15).replace('}', ''))).toBe(0);
  });
});

describe('a whole task', () => {
  const outcome = { formats: [true, true, false, true], seen: 2, required: 3, isLocated: true, isAnswered: true };

  test('earns 0.87 with a right answer and 0.47 with a wrong one', () => {
    expect(taskReward(outcome)).toEqual({ reward: expect.closeTo(0.87, 12), parts: { format: 0.75, views: expect.closeTo(2 / 3, 12), located: 1, answer: 1, success: expect.closeTo(0.9, 12) } });
    expect(rewardOf('mobileR1Task', 'strict', '', { outcome: { ...outcome, isAnswered: false } })).toBeCloseTo(0.47, 12);
  });

  test('is compared with the others of its group', () => {
    const [group] = judge([[0.87, 0.47, 0.47, 0.15].map((reward) => [reward])], [1], switchesOf('grpo/easyR1', {}));
    [1.2888, -0.0678, -0.0678, -1.1531].forEach((advantage, i) => expect(group!.advantages[i]).toBeCloseTo(advantage, 4));
  });

  test('with an outcome of another form is refused', () => {
    for (const bad of [undefined, {}, { ...outcome, seen: 4 }, { ...outcome, formats: [1] }]) {
      expect(() => rewardOf('mobileR1Task', 'strict', '', { outcome: bad })).toThrow(expect.objectContaining({ code: 'reward.row' }));
    }
  });
});
