/** Telling classes apart by words alone: the mean of a class' sentences is its vector, and the nearest one to an image is its class. */
import { promptsOf, requireUsable, type PromptEnsemble } from './clinical/promptEnsemble.ts';
import { likeness, type Similar } from './similar.ts';

/** A class and its vector of unit length. */
export interface ClassVector {
  readonly name: string;
  readonly vector: Float32Array;
}

/** Each vector brought to unit length, their mean, and that brought to unit length. */
export function ensembleVector(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]!.length);
  for (const vector of vectors) unit(vector).forEach((x, i) => (sum[i]! += x));
  return unit(sum);
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((x) => x / length) : vector.slice();
}

/** @throws Fault `zeroshot.prompts` */
export async function classVectors(similar: Pick<Similar, 'sentence'>, ensemble: PromptEnsemble): Promise<readonly ClassVector[]> {
  requireUsable(ensemble);
  const vectors: ClassVector[] = [];
  for (const one of ensemble.classes) {
    const sentences: Float32Array[] = [];
    for (const prompt of promptsOf(ensemble, one)) sentences.push(await similar.sentence(prompt));
    vectors.push({ name: one.name, vector: ensembleVector(sentences) });
  }
  return vectors;
}

export interface Told {
  /** The likeliest class, and of equal ones the first. */
  readonly name: string;
  /** By class in the order given: softmax(scale · cosine). They compare the classes with each other and say nothing of what is not among them. */
  readonly probabilities: readonly number[];
}

export function classify(image: Float32Array, classes: readonly ClassVector[], scale: number): Told {
  const scores = classes.map(({ vector }) => scale * likeness(unit(image), vector));
  const most = Math.max(...scores);
  const exponents = scores.map((score) => Math.exp(score - most));
  const total = exponents.reduce((a, b) => a + b, 0);
  return { name: classes[scores.indexOf(most)]!.name, probabilities: exponents.map((x) => x / total) };
}
