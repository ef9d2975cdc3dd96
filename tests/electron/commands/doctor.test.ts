import { expect, test } from 'vitest';
import { command } from '#electron/commands/doctor.ts';

test('loupe doctor tells the devices, that telemetry is off, and what is wrong with a model folder', async () => {
  let value: unknown;
  let text = '';
  await command.run({
    positionals: [], values: { model: '/nowhere/at/all' }, json: true, signal: new AbortController().signal, progress: () => undefined,
    print(printed, shown) {
      value = printed;
      text = shown ?? '';
    },
  });
  expect(value).toMatchObject({ telemetry: { enabled: false }, model: { works: false } });
  const { devices, memory, disk } = value as { devices: readonly { device: string; works: boolean; why?: string }[]; memory: { free_bytes: number }; disk: { free_bytes: number } };
  expect(devices.find(({ device }) => device === 'cpu')).toMatchObject({ works: true });
  for (const { works, why } of devices) expect(works || why !== undefined).toBe(true);
  expect(memory.free_bytes).toBeGreaterThan(0);
  expect(disk.free_bytes).toBeGreaterThan(0);
  expect(text).toContain('Device cpu');
  expect(text).toContain('Telemetry');
});
