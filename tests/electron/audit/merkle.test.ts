/** The tree's roots are those of the published example, and proofs hold for what they are of and for nothing else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consistencyProof, createFrontier, inclusionProof, isConsistent, isIncluded, leafHash, merkleRoot } from '#electron/audit/merkle.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('roots', () => {
  // The inputs and roots that Certificate Transparency implementations are tested with.
  const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((text) => leafHash(hex(text)));
  test.each([
    [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
    [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
    [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
    [4, 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
    [5, '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
    [6, '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
    [7, 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
    [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
  ])('of %i leaves', (size, root) => expect(merkleRoot(inputs.slice(0, size)).toString('hex')).toBe(root));
});

const leaves = Array.from({ length: 70 }, (_, i) => leafHash(Buffer.from([i])));
const sizes = fc.integer({ min: 1, max: leaves.length });

describe('proofs', () => {
  test('show each leaf to be in the tree, at its place and nowhere else', () => {
    fc.assert(fc.property(sizes, fc.nat(), fc.nat(), (size, a, b) => {
      const index = a % size;
      const other = b % size;
      const root = merkleRoot(leaves, 0, size);
      const proof = inclusionProof(leaves, index, size);
      expect(isIncluded({ leaf: leaves[index]!, index, size, proof, root })).toBe(true);
      if (other !== index) expect(isIncluded({ leaf: leaves[other]!, index, size, proof, root })).toBe(false);
      if (other !== index) expect(isIncluded({ leaf: leaves[index]!, index: other, size, proof, root })).toBe(false);
      expect(isIncluded({ leaf: leaves[index]!, index, size, proof: [...proof, root], root })).toBe(false);
      if (proof.length > 0) expect(isIncluded({ leaf: leaves[index]!, index, size, proof: proof.slice(1), root })).toBe(false);
    }));
  });
  test('show an earlier tree to be the beginning of a later one, and no other tree', () => {
    fc.assert(fc.property(sizes, sizes, (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const [oldRoot, newRoot] = [merkleRoot(leaves, 0, from), merkleRoot(leaves, 0, to)];
      const proof = consistencyProof(leaves, from, to);
      expect(isConsistent({ from, to, proof, oldRoot, newRoot })).toBe(true);
      expect(isConsistent({ from, to, proof, oldRoot: leafHash(oldRoot), newRoot })).toBe(false);
      expect(isConsistent({ from, to, proof, oldRoot, newRoot: leafHash(newRoot) })).toBe(false);
      if (from < to) expect(isConsistent({ from, to, proof: proof.slice(1), oldRoot, newRoot })).toBe(false);
    }));
  });
  test('a tree that grows leaf by leaf has the same roots', () => {
    const frontier = createFrontier();
    leaves.forEach((leaf, i) => {
      frontier.add(leaf);
      expect(frontier.root()).toEqual(merkleRoot(leaves, 0, i + 1));
    });
  });
});
