/** Prints `rewards.mjs`: the table of rewards and its service as one file that needs nothing but Node. Runs in the project's folder. */
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: ['training/cluster/rewardProgram.ts'], bundle: true, platform: 'node', format: 'esm', target: 'node20', write: false, logLevel: 'error', legalComments: 'none',
  banner: { js: '// Rewards of Loupe, bundled from its sources. Research use only.' },
});
process.stdout.write(outputFiles[0].text);
