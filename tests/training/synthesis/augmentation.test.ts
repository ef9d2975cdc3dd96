import { expect, test } from 'vitest';
import { flipsAllowed } from '#training/synthesis/augmentation.ts';
import { sharedIndexes, sharedRecords } from '#tests/support/caseRecords.ts';

test('a film whose boxes name the patient\'s sides is never mirrored', () => {
  expect(flipsAllowed({ set: 'cxr_lung_boxes' })).toEqual({ horizontal: false, vertical: false, quarterTurns: false });
});

test('cells, skin and tissue may lie any way', () => {
  for (const set of ['micro_blood_pbc', 'micro_bccd_boxes', 'micro_lung_lc25000', 'derm_isic2017']) expect(Object.values(flipsAllowed({ set })), set).toEqual([true, true, true]);
});

test('an unknown set is left as it is', () => expect(Object.values(flipsAllowed({ set: 'new' }))).toEqual([false, false, false]));

test.skipIf(sharedIndexes().length === 0)('only the lung films of the shared sets are never mirrored (skipped where ../shared is absent)', async () => {
  const still = new Set((await sharedRecords()).filter((record) => !flipsAllowed(record).horizontal).map(({ set }) => set));
  expect([...still]).toEqual(['cxr_lung_boxes']);
});
