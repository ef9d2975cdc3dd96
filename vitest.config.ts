/** How tests run: always in the same order, in processes of their own, with the runtime's telemetry off. */

import { defineConfig } from 'vitest/config';
import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

process.env.ORT_DISABLE_TELEMETRY = '1';

/** Files by name, so that two runs print the same list. */
class ByName extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1)));
  }
}

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: ByName, shuffle: false },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is polled for is waited for as long as a page is: one second, the default, says little on a loaded machine.
    expect: { poll: { timeout: 60_000 } },
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
