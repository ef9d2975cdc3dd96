import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReasoningTrace } from '#models/clinical/trace.ts';
import { parseCompletion, stepsSoFar } from '#models/language/parse.ts';

const resized = { width: 224, height: 112 };
const source = { width: 448, height: 448 };
const parse = (text: string): ReasoningTrace => parseCompletion(text, 'absolute-resized', resized, source);
const relative = (text: string): ReasoningTrace => parseCompletion(text, 'relative-1000', resized, source);
const flags = (trace: ReasoningTrace): string[] => trace.flags.map(({ code }) => code);
const box = (x1: number, y1: number, x2: number, y2: number) => ({ x1, y1, x2, y2 });
const answered = (answer: string): string => `<think>\nConclusion: So it is.\n</think>\n<answer>${answer}</answer>`;

const complete = `<think>
Observation: The heart and both lungs are in view. [{"bbox_2d":[12,30,100,80],"label":"right lung"},{"bbox_2d":[120,28,210,82],"label":"left lung"}]
Measurement: The right lung is 88 pixels wide. [{"bbox_2d":[12,30,100,80],"label":"right lung"}]
Conclusion: There is a dense consolidation, so bacterial pneumonia is most likely.
</think>
<answer>bacterial pneumonia</answer>`;

describe('a completion in our format', () => {
  test('becomes steps that cite findings, in source pixels', () => {
    expect(parse(complete)).toEqual({
      raw: complete,
      parsed: true,
      steps: [
        { kind: 'observation', text: 'The heart and both lungs are in view.', findings: [0, 1] },
        { kind: 'measurement', text: 'The right lung is 88 pixels wide.', findings: [0] },
        { kind: 'conclusion', text: 'There is a dense consolidation, so bacterial pneumonia is most likely.', findings: [] },
      ],
      findings: [
        { label: 'right lung', frame: 0, boxes: [box(24, 120, 200, 320)] },
        { label: 'left lung', frame: 0, boxes: [box(240, 112, 420, 328)] },
      ],
      answer: 'bacterial pneumonia',
      flags: [],
    });
  });

  test('may be a direct answer', () => expect(parse('<answer>B</answer>')).toMatchObject({ parsed: true, answer: 'B', steps: [], flags: [] }));

  test('may answer with boxes, and with none', () => {
    const text = '[{"bbox_2d":[10,10,20,20],"label":"white blood cell"},{"bbox_2d":[30,10,40,20],"label":"white blood cell"}]';
    const trace = parse(`<answer>${text}</answer>`);
    expect(trace.answer).toBe(text);
    expect(trace.findings.map(({ boxes }) => boxes[0])).toEqual([box(20, 40, 40, 80), box(60, 40, 80, 80)]);
    expect(parse('<answer>[]</answer>')).toMatchObject({ parsed: true, answer: '[]', findings: [] });
  });

  test('keeps its raw text and ends before the control tokens', () => {
    const trace = parse(`${complete}<|im_end|><|endoftext|>\n`);
    expect(trace).toMatchObject({ parsed: true, flags: [], answer: 'bacterial pneumonia' });
    expect(trace.raw).toContain('<|im_end|>');
  });

  test('flags text outside the tags', () => expect(flags(parse(`Well. ${complete.replace('</think>', '</think> so')} Bye.`))).toEqual(['text.before', 'text.between', 'text.after']));
});

describe('what does not parse is shown raw:', () => {
  test.each([
    ['reasoning that is cut off', '<think>\nObservation: The'],
    ['an answer that is cut off', '<think>\nObservation: a\n</think>\n<answer>bact'],
    ['reasoning without an answer', '<think>\nObservation: a\n</think>\n'],
    ['an empty answer', answered('  ')],
    ['two answers', '<answer>a</answer><answer>b</answer>'],
    ['two reasonings', '<think>a</think><think>b</think><answer>b</answer>'],
    ['tags in the wrong order', '<answer>a</answer><think>b</think>'],
    ['an answer inside the reasoning', '<think><answer>a</answer></think>'],
    ['prose alone', 'The lungs are clear.'],
    ['nothing', ''],
    ['a stray end', 'a</answer>'],
  ])('%s', (_, text) => {
    expect(parse(text)).toMatchObject({ raw: text, parsed: false, steps: [], findings: [], answer: null });
    expect(flags(parse(text))).toEqual(['format.broken']);
  });
});

describe('a box', () => {
  const boxed = (numbers: string, read = parse): ReasoningTrace => read(`<answer>[{"bbox_2d":[${numbers}],"label":"a"}]</answer>`);

  test('means what the convention says', () => {
    expect(boxed('0,0,112,56').findings[0]!.boxes).toEqual([box(0, 0, 224, 224)]);
    expect(boxed('0,0,500,250', relative).findings[0]!.boxes).toEqual([box(0, 0, 224, 112)]);
  });

  test('may fill the image exactly, also where the scale is no whole number', () => {
    const odd = { width: 333, height: 777 };
    const trace = parseCompletion('<answer>[{"bbox_2d":[0,0,224,112]}]</answer>', 'absolute-resized', resized, odd);
    expect(trace.findings[0]!.boxes).toEqual([box(0, 0, 333, 777)]);
    expect(flags(trace)).toEqual([]);
  });

  test('that reaches beyond the image is cut to it, with a flag', () => {
    const trace = boxed('-5,10,300.5,20');
    expect(trace.findings[0]!.boxes).toEqual([box(0, 40, 448, 80)]);
    expect(flags(trace)).toEqual(['box.clamped']);
  });

  test.each([
    ['inverted', '20,10,10,20', 'box.inverted'], ['without width', '10,10,10,20', 'box.inverted'], ['upside down', '10,20,20,10', 'box.inverted'],
    ['outside', '224,0,300,20', 'box.outside'], ['far outside', '-20,-20,-10,-10', 'box.outside'],
    ['of three numbers', '1,2,3', 'box.malformed'], ['of texts', '"1","2","3","4"', 'box.malformed'], ['infinite', '0,0,1e999,5', 'box.malformed'], ['nested', '[1,2],[3,4]', 'box.malformed'],
  ])('that is %s is dropped, with a flag', (_, numbers, code) => {
    expect(boxed(numbers).findings).toEqual([]);
    expect(flags(boxed(numbers))).toEqual([code]);
  });

  test('of any numbers lies inside the image', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: -500, max: 1500, noNaN: true }), { minLength: 4, maxLength: 4 }), fc.boolean(), (numbers, isRelative) => {
      const trace = boxed(numbers.join(','), isRelative ? relative : parse);
      for (const { x1, y1, x2, y2 } of trace.findings.flatMap(({ boxes }) => boxes)) {
        expect(x1 >= 0 && y1 >= 0 && x2 <= source.width && y2 <= source.height && x1 < x2 && y1 < y2).toBe(true);
      }
      expect(trace.findings.length === 1 || trace.flags.length === 1).toBe(true);
    }));
  });
});

describe('what other checkpoints write', () => {
  test('a fenced list is read, also alone', () => {
    const trace = parse('```json\n[\n\t{"bbox_2d": [10, 10, 20, 20], "label": "nodule"}\n]\n```');
    expect(trace.findings).toEqual([{ label: 'nodule', frame: 0, boxes: [box(20, 40, 40, 80)] }]);
    expect(flags(trace)).toEqual(['answer.untagged']);
    expect(parse('It is here: {"bbox_2d": [10, 10, 20, 20]}').findings).toHaveLength(1);
  });

  test('a referenced box of Qwen2-VL is read, several to a label', () => {
    const trace = relative('<|object_ref_start|>the lesion<|object_ref_end|><|box_start|>(100,200),(300,400)<|box_end|><|box_start|>(500,500),(600,600)<|box_end|><|im_end|>');
    expect(trace.findings).toEqual([
      { label: 'the lesion', frame: 0, boxes: [box(44.8, 89.6, 134.4, 179.2)] }, { label: 'the lesion', frame: 0, boxes: [box(224, 224, 268.8, 268.8)] },
    ]);
  });

  test('the same is read after a decoder left the control tokens out', () => {
    expect(relative('the lesion(100,200),(300,400)').findings).toEqual([{ label: '', frame: 0, boxes: [box(44.8, 89.6, 134.4, 179.2)] }]);
  });

  test('a label in a step stays in its sentence, coordinates do too', () => {
    const trace = relative('<think>There is <|object_ref_start|>a lesion<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|> at (1,2),(3,4).</think><answer>yes</answer>');
    expect(trace.steps[0]!.text).toBe('There is a lesion at (1,2),(3,4).');
    expect(trace.steps[0]!.findings).toEqual([0, 1]);
  });

  test('four numbers are a box in an answer, but not in a sentence', () => {
    expect(parse('<think>It is [1, 2, 3, 4].</think><answer>[10, 10, 20, 20]</answer>').findings).toHaveLength(1);
    expect(parse('<think>It is [1, 2, 3, 4].</think><answer>yes</answer>').findings).toHaveLength(0);
  });

  test('a point is the cell that it names', () => {
    const trace = parse('<answer>[{"point_2d": [10, 20], "label": "tip"}]</answer>');
    expect(trace.findings).toEqual([{ label: 'tip', frame: 0, boxes: [box(20, 80, 22, 84)] }]);
    expect(flags(trace)).toEqual(['box.point']);
  });

  test('reasoning without kinds is observations, a line each', () => {
    const trace = parse('<think>First I look.\n\nThen I see a mass.\n```json\n[{"bbox_2d":[1,1,9,9],"label":"mass"}]\n```\n</think><answer>B</answer>');
    expect(trace.steps).toEqual([{ kind: 'observation', text: 'First I look.', findings: [] }, { kind: 'observation', text: 'Then I see a mass.', findings: [0] }]);
    expect(flags(trace)).toEqual(['step.unmarked']);
  });

  test('kinds may stand in lists and in bold', () => {
    const trace = parse('<think>\n- **Measurement:** 3 mm\n2. conclusion: benign\n</think><answer>B</answer>');
    expect(trace.steps.map(({ kind, text }) => [kind, text])).toEqual([['measurement', '3 mm'], ['conclusion', 'benign']]);
  });

  test('an answer may be boxed, braces inside included', () => {
    expect(parse('I think so. \\boxed{\\frac{1}{2}} is it')).toMatchObject({ answer: '\\frac{1}{2}', steps: [{ text: 'I think so.' }] });
    expect(parse('<think>a</think><answer>It is \\boxed{\\text{B}}.</answer>').answer).toBe('B');
    expect(parse('\\boxed{unclosed').parsed).toBe(false);
  });

  test('an answer may follow the reasoning without a tag, and the reasoning may begin unopened', () => {
    const trace = parse('Looking.\n</think>\n\nIt is benign.');
    expect(trace).toMatchObject({ parsed: true, answer: 'It is benign.', steps: [{ text: 'Looking.' }] });
    expect(flags(trace)).toEqual(['think.unopened', 'answer.untagged', 'step.unmarked']);
  });
});

describe('hostile text', () => {
  const size = 50_000;
  const fill = (unit: string, length = size): string => unit.repeat(Math.ceil(length / unit.length));
  const read = (unit: string, length: number): number => {
    const start = performance.now();
    for (const text of [fill(unit, length), answered(fill(unit, length)), `<think>${fill(unit, length)}</think><answer>a</answer>`]) ReasoningTrace.parse(parse(text));
    stepsSoFar(`<think>${fill(unit, length)}`);
    return performance.now() - start;
  };
  test.each([
    '[', '{', '[[', '["', '[ [] ', '["[" ', '[{"bbox_2d":[', '```json\n[', '`', '(', '(1,', '(1,2),(', '<|object_ref_start|>', '<|box_start|>(1,2),(3,4)', '<think>', '</answer>', '\\boxed{', ' ', '\n',
    'Observation:', 'Observation: a\n', '- ', '**', '{"bbox_2d":[1,1,2,2]}', '[{"bbox_2d":[1,1,5,5]}]\n', '(1,2),(3,4) ', '\\"', '"]["',
  ])('a long run of %j is read in linear time', (unit) => {
    // Four times the text is four times the work, not sixteen times; a machine that was busy just then gets another chance.
    let least = Infinity;
    for (let tries = 0; tries < 8 && least > 9; tries++) least = Math.min(least, read(unit, size) / Math.max(1, read(unit, size / 4)));
    expect(least).toBeLessThanOrEqual(9);
  });

  test('of any kind gives a trace, and its raw text back', () => {
    const parts = fc.constantFrom('<think>', '</think>', '<answer>', '</answer>', '[{"bbox_2d":[1,2,30,40],"label":"a"}]', '```json\n', '```', '\\boxed{', '}', 'Observation: ', '\n', '(1,2),(3,4)', '<|box_start|>', '<|box_end|>', 'x', '"', '\\');
    fc.assert(fc.property(fc.array(fc.oneof(parts, fc.string()), { maxLength: 20 }).map((all) => all.join('')), (text) => {
      const trace = ReasoningTrace.parse(parse(text));
      expect(trace.raw).toBe(text);
      expect(trace.parsed).toBe(trace.answer !== null);
      expect(trace.steps.every((step) => step.findings.every((index) => index < trace.findings.length))).toBe(true);
    }), { numRuns: 500 });
  });
});

describe('while a completion grows', () => {
  test('finished steps are given, once and for all', () => {
    const final = parse(complete).steps.map(({ kind, text }) => ({ kind, text }));
    let before = 0;
    for (let length = 0; length <= complete.length; length++) {
      const steps = stepsSoFar(complete.slice(0, length));
      expect(steps).toEqual(final.slice(0, steps.length));
      expect(steps.length).toBeGreaterThanOrEqual(before);
      before = steps.length;
    }
    expect(before).toBe(3);
  });

  test('a list that is still being written is not shown as a sentence', () => {
    const text = '<think>\nA mass.\n```json\n[\n{"bbox_2d":[1,1,9,9]}\n]\n```\nDone.\n</think>';
    const final = stepsSoFar(text);
    expect(final.map((step) => step.text)).toEqual(['A mass.', 'Done.']);
    for (let length = 0; length <= text.length; length++) {
      const steps = stepsSoFar(text.slice(0, length));
      expect(steps).toEqual(final.slice(0, steps.length));
    }
  });
});

describe('boxes where several images were shown', () => {
  const pair = (text: string): ReasoningTrace => parseCompletion(text, 'absolute-resized', resized, source, [{ resized: { width: 100, height: 100 }, source: { width: 200, height: 50 } }]);
  const boxed = '[{"bbox_2d":[10,20,30,40],"label":"nodule"}]';

  test('belong to the image that their sentence names, in its pixels', () => {
    const { findings, flags: odd } = pair(`<think>\nObservation: Image 2 shows a nodule. ${boxed}\nComparison: It is not in image 1.\n</think>\n<answer>${boxed}</answer>`);
    expect(findings).toEqual([{ label: 'nodule', frame: 1, boxes: [box(20, 10, 60, 20)] }]);
    expect(odd).toEqual([]);
  });

  test('belong to the image that their label names', () => {
    expect(pair('<answer>[{"bbox_2d":[10,20,30,40],"label":"nodule (picture 1)"}]</answer>').findings).toMatchObject([{ frame: 0, boxes: [box(20, 80, 60, 160)] }]);
    expect(pair(`<answer>Image 1: ${boxed} Image 2: ${boxed}</answer>`).findings.map(({ frame }) => frame)).toEqual([0, 1]);
  });

  test('are left out where nothing says which image they lie on, or two things do', () => {
    for (const sentence of ['There is a nodule.', 'Larger in image 1 than in image 2.', 'Image 3 shows it.']) {
      const trace = pair(`<think>\nObservation: ${sentence} ${boxed}\n</think>\n<answer>yes</answer>`);
      expect(trace.findings).toEqual([]);
      expect(flags(trace)).toEqual(['box.unplaced']);
    }
  });
});
