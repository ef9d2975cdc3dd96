import { expect, test } from 'vitest';
import { adamwStep } from '#training/optimizers/adamw.ts';

const options = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 };

/** Two updates of w = 1 with gradients 2 and −1, rate 0.1, worked through the equations by hand in double precision. */
function byHand(decay: number): number {
  let [w, m, v] = [1, 0, 0];
  [2, -1].forEach((g, i) => {
    m = 0.9 * m + 0.1 * g;
    v = 0.99 * v + 0.01 * g * g;
    const t = i + 1;
    w -= 0.1 * (m / (1 - 0.9 ** t) / (Math.sqrt(v / (1 - 0.99 ** t)) + 1e-8) + decay * w);
  });
  return w;
}

function updated(decays: boolean, gradientScale = 1): number {
  const weights = Float32Array.of(1);
  const moments = { first: new Float32Array(1), second: new Float32Array(1) };
  [2, -1].forEach((g, i) => { adamwStep(weights, Float32Array.of(g / gradientScale), moments, options, { count: i + 1, learningRate: 0.1, gradientScale, decays }); });
  return weights[0]!;
}

test('two updates equal the equations worked by hand', () => expect(updated(true)).toBeCloseTo(byHand(0.1), 6));
test('norms and biases do not decay', () => expect(updated(false)).toBeCloseTo(byHand(0), 6));
test('the clip factor scales the gradient before the moments see it', () => expect(updated(true, 4)).toBeCloseTo(byHand(0.1), 6));
