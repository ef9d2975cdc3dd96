import { describe, expect, test } from 'vitest';
import { chooseDevice, createMover, listDevices, selfTest, selfTestedOperators } from '#models/runtime/device.ts';
import { float32 } from '#models/runtime/session.ts';

test('the CPU is always among the devices and bundled', async () => {
  expect((await listDevices()).find(({ device }) => device === 'cpu')).toEqual({ device: 'cpu', supported: true, bundled: true });
});

test('the CPU passes its self-test with every fused operator', async () => {
  const { works, fused } = await selfTest('cpu');
  expect(works).toBe(true);
  expect([...fused]).toEqual([...selfTestedOperators]);
});

test('a device that the platform lacks is refused with a fault', async () => {
  const absent = (await listDevices()).find(({ supported }) => !supported);
  if (absent) await expect(chooseDevice(absent.device)).rejects.toMatchObject({ code: 'runtime.device' });
});

describe('WebGPU', () => {
  test('agrees with the CPU on every operator it is used for, and moves values there and back', async (context) => {
    const result = await selfTest('webgpu');
    if (!result.works) return context.skip(`no WebGPU device here: ${result.why}`);
    for (const check of result.checks) expect(check.error === null || check.passed, check.operator).toBe(true);
    const mover = createMover('webgpu');
    const values = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
    const there = await mover.upload(float32([3, 4], values));
    expect((await mover.download(there)).data).toEqual(values);
    there.dispose();
    await mover.release();
  });
});
