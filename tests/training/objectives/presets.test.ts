import { describe, expect, it } from 'vitest';
import { Fault } from '#models/base/fault.ts';
import { presets, switchesOf } from '#training/objectives/presets.ts';
import type { ObjectiveSwitches } from '#training/objectives/switches.ts';

describe('presets', () => {
  it('hold every switch, so that a manifest can say all of them, and survive JSON unchanged', () => {
    const keys = Object.keys(switchesOf('grpo')).sort();
    for (const { name, switches } of presets.values()) {
      expect(Object.keys(switches).sort(), name).toEqual(keys);
      expect(JSON.parse(JSON.stringify(switches))).toEqual(switches);
      expect(switchesOf(name)).toEqual(switches);
    }
  });

  it('of ours add up exactly over micro-batches, are guarded, and stop sampling at some time', () => {
    for (const { name, switches } of presets.values()) {
      if (name.includes('/')) continue;
      expect(switches.counts, name).toBe('step');
      expect(switches.klGuarded && switches.maskTruncated, name).toBe(true);
      expect(switches.dynamicSampling?.attempts ?? 1, name).toBeGreaterThan(0);
    }
  });

  it('an unknown name is a fault that lists the known ones', () => {
    expect(() => switchesOf('gpro')).toThrow(Fault);
    expect(() => switchesOf('gpro')).toThrow('dapo/verl');
  });

  it.each<readonly [string, Partial<ObjectiveSwitches>]>([
    ['a lower clip above 1', { clipLow: 1.5 }], ['a dual clip of 1', { dualClip: 1 }], ['a delta within the clip', { delta: 1.1 }], ['no tokens at all', { topEntropy: 0 }],
    ['a negative pull', { beta: -1 }], ['KL in the reward with a ratio', { klPlacement: 'reward', klBiasCorrection: true }],
    ['a ratio of sequences without a ratio', { surrogate: 'policyGradient', ratio: 'sequence' }], ['a length of 0', { lengthConstant: 0 }], ['a clip that is no number', { clipHigh: Number.NaN }],
  ])('%s is refused', (_, changes) => expect(() => switchesOf('grpo', changes)).toThrow('cannot be minimised as meant'));
});
