/** How the page is built: one folder of files with relative addresses, for app:// and for the loopback host alike. */
import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  root: `${root}renderer`,
  base: './',
  plugins: [react()],
  resolve: { alias: [{ find: /^#(models|electron|renderer|training)\//, replacement: `${root}$1/` }] },
  build: { target: 'chrome140', assetsInlineLimit: 0, chunkSizeWarningLimit: 6000, modulePreload: { polyfill: false } },
  worker: { format: 'es' },
});
