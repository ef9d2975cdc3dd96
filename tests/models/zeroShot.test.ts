import { describe, expect, test } from 'vitest';
import { ensembleFlaw, parsePromptEnsemble, promptsOf } from '#models/clinical/promptEnsemble.ts';
import { classify, classVectors, ensembleVector } from '#models/zeroShot.ts';

const vector = (...numbers: number[]): Float32Array => Float32Array.from(numbers);
const rounded = (values: Float32Array): number[] => [...values].map((x) => Number(x.toFixed(6)));

describe('the vector of a class', () => {
  test('is the mean of its sentences, each of unit length, brought to unit length', () => {
    expect(rounded(ensembleVector([vector(3, 0), vector(0, 2)]))).toEqual([0.707107, 0.707107]);
    expect(rounded(ensembleVector([vector(0, -1)])).map((x) => x + 0)).toEqual([0, -1]);
  });

  test('is made of every wording in every sentence', async () => {
    const said: string[] = [];
    const similar = { sentence: (text: string) => {
      said.push(text);
      return Promise.resolve(vector(said.length, 1, 0.5));
    } };
    const ensemble = { classes: [{ name: 'tumour', synonyms: ['tumour', 'mass', 'neoplasm'] }, { name: 'stroma', synonyms: ['stroma'] }], templates: ['CLASSNAME.', 'A section of CLASSNAME.'] };
    const [tumour] = await classVectors(similar, ensemble);
    expect(said.slice(0, 6)).toEqual(['tumour.', 'A section of tumour.', 'mass.', 'A section of mass.', 'neoplasm.', 'A section of neoplasm.']);
    expect(said).toHaveLength(8);
    expect(Math.abs(Math.hypot(...tumour!.vector) - 1)).toBeLessThan(1e-6);
  });
});

describe('an image', () => {
  const classes = [{ name: 'tumour', vector: ensembleVector([vector(3, 0), vector(0, 2)]) }, { name: 'stroma', vector: vector(0, -1) }];
  test('belongs to the nearest class, and its probabilities add up to one', () => {
    const { name, probabilities } = classify(vector(0.9, 0.1), classes, 10);
    expect(name).toBe('tumour');
    expect(probabilities[0]! + probabilities[1]!).toBeCloseTo(1, 9);
    expect(probabilities[0]!).toBeGreaterThan(0.99);
  });
  test('belongs to the first of classes that are equally near', () => {
    expect(classify(vector(1, 0), [{ name: 'a', vector: vector(0, 1) }, { name: 'b', vector: vector(0, 1) }], 100)).toEqual({ name: 'a', probabilities: [0.5, 0.5] });
  });
});

describe('words', () => {
  const whole = { classes: [{ name: 'a', synonyms: ['a'] }, { name: 'b', synonyms: ['b'] }], templates: ['CLASSNAME'] };
  test.each([
    ['no class at all', { classes: [], templates: ['CLASSNAME'] }, 'no class'],
    ['one class', { ...whole, classes: whole.classes.slice(0, 1) }, 'one class'],
    ['no sentence', { ...whole, templates: [] }, 'no sentence'],
    ['a class without a wording', { ...whole, classes: [whole.classes[0]!, { name: 'b', synonyms: [] }] }, 'no wording'],
    ['a sentence without its place', { ...whole, templates: ['a picture'] }, 'CLASSNAME'],
    ['a class twice', { ...whole, classes: [whole.classes[0]!, whole.classes[0]!] }, 'twice'],
  ])('of %s are refused and say why', async (_, ensemble, why) => {
    expect(ensembleFlaw(ensemble)).toContain(why);
    await expect(classVectors({ sentence: () => Promise.resolve(vector(1)) }, ensemble)).rejects.toMatchObject({ code: 'zeroshot.prompts' });
  });
  test('are read as they are kept here and as they were released', () => {
    expect(parsePromptEnsemble(whole)).toEqual(whole);
    const released = parsePromptEnsemble({ 0: { classnames: { tumour: ['tumour', 'carcinoma'], stroma: ['stroma'] }, templates: ['an image of CLASSNAME.'] } });
    expect(released.classes.map(({ name }) => name)).toEqual(['tumour', 'stroma']);
    expect(promptsOf(released, released.classes[0]!)).toEqual(['an image of tumour.', 'an image of carcinoma.']);
    for (const hostile of [null, 'x', { classes: 'x' }, { classes: [{ name: '', synonyms: ['x'] }], templates: [] }, { 0: { classnames: {}, templates: [] } }]) expect(() => parsePromptEnsemble(hostile)).toThrow(expect.objectContaining({ code: 'zeroshot.prompts' }));
  });
});
