/** A Vulkan driver that computes on the processor, so that WebGPU can be tried where there is no graphics card. */

import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { selfTest } from '#models/runtime/device.ts';

/** Where browsers leave SwiftShader, Google's software driver. */
const places = [
  '/usr/lib/chromium/vk_swiftshader_icd.json', '/usr/lib/chromium-browser/vk_swiftshader_icd.json', '/opt/google/chrome/vk_swiftshader_icd.json',
  'node_modules/electron/dist/vk_swiftshader_icd.json',
];

/** Why WebGPU cannot be tried here; null when it works. A driver named by VK_ICD_FILENAMES or LOUPE_SWIFTSHADER comes first. */
export async function whyNoWebGpu(): Promise<string | null> {
  const named = process.env.LOUPE_SWIFTSHADER;
  const driver = process.env.VK_ICD_FILENAMES ?? (named === undefined ? places.find((place) => existsSync(place)) : named);
  if (driver !== undefined) {
    process.env.VK_ICD_FILENAMES = driver;
    const loader = join(dirname(driver), 'libvulkan.so.1');
    if (existsSync(loader)) preload(loader);
  }
  const result = await selfTest('webgpu');
  return result.works ? null : `WebGPU does not work here (${result.why ?? 'no reason given'}); set LOUPE_SWIFTSHADER to a vk_swiftshader_icd.json to try it without a graphics card`;
}

/** RTLD_NODELETE on Linux. */
const staysLoaded = 0x1000;

/** Loads a library into this process, where later loads by its bare name find it. It is no Node add-on, which the loader says once it is loaded. */
function preload(library: string): void {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | staysLoaded);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('self-register'))) throw error;
  }
}
